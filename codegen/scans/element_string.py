"""GTIN and serial number, or SSCC, in GS1 data: element strings, Digital Links of any host. Pure.

GS1 General Specifications, sections 3.2 and 7.8: application identifiers of predefined length
need no separator; the others end at FNC1, which is transmitted as GS. GS1 Digital Link
Standard: URI Syntax, section 4: the primary key's path is /01/GTIN, its serial number's /21/;
that of an SSCC is /00/.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .. import sscc
from ..codes.identifiers import is_known
from .cleaning import GS

# The first two digits → how many characters identifier and value have together
# (General Specifications, figure 7.8.5-2).
_PREDEFINED = {
    "00": 20,
    **dict.fromkeys(("01", "02", "03", "41"), 16),
    "04": 18,
    "20": 4,
    **dict.fromkeys(("11", "12", "13", "14", "15", "16", "17", "18", "19"), 8),
    **dict.fromkeys(("31", "32", "33", "34", "35", "36"), 10),
}
_BRACKETED = re.compile(r"\(([0-9]{2,4})\)([^(]*)", re.ASCII)
_LINK = re.compile(r"/01/([0-9]{8,14})(?:/(?:22|10)/[^/?#]+)*/21/([^/?#]+)", re.ASCII)
_SSCC_LINK = re.compile(
    r"(?:https?:/)?(?:/[^/?#]+)+/00/([0-9]{18})/?(?:[?#](?!.*://).*)?", re.ASCII | re.IGNORECASE
)
# A listener for letters and digits makes C1 of the identifier ]C1, and an address of letters.
_SSCC_ALONE = re.compile(
    r"([0-9]{18})|(?:(?:c1|d2|q3|e[012]|j1)?00|https?[0-9a-z]+?00)([0-9]{18})"
    # What else logistic labels hold: a GTIN, dates, a count.
    r"(?:0[12][0-9]{14})?(?:1[1-7][0-9]{6})*(?:37[0-9]{1,8})?",
    re.ASCII | re.IGNORECASE,
)
_ELEMENTS = 20


class Item(NamedTuple):
    """A GTIN of 14 digits, and the serial number that stands with it."""

    gtin: str
    serial: str


def sscc_in(text: str, *, is_gs1: bool) -> str | None:
    """The 18 digits that `text` gives as an SSCC, whose check digit may be wrong; None without any.

    `is_gs1`: as for `item_of`. Without it, 18 digits alone or behind AI 00, text in brackets and
    a Digital Link are taken for one; each but brackets may lack its signs.
    """
    plain = text.replace(" ", "")
    if not plain.isascii():
        return None
    if plain.startswith("("):
        return _only(_bracketed(plain))
    if found := _SSCC_LINK.fullmatch(plain if "://" in plain else f"/{plain}"):
        return _only([("00", found[1])])
    if is_gs1:
        elements = list(_elements(plain))
        # Several messages that came as one are no element string.
        whole = all(_is_identifier(ai + value[:2]) for ai, value in elements)
        return _only(elements) if whole else None
    found = _SSCC_ALONE.fullmatch(plain)
    return _only([("00", found[1] or found[2])]) if found else None


def _is_identifier(begin: str) -> bool:
    return any(is_known(begin[:size]) for size in (2, 3, 4))


def _only(elements: Iterable[tuple[str, str]]) -> str | None:
    values = [value for ai, value in elements if ai == "00"]
    return values[0] if len(values) == 1 and sscc.looks_like(values[0]) else None


def item_of(text: str, *, is_gs1: bool) -> Item | None:
    """The item that `text` names; None if it is no GS1 data, or names no single item.

    `is_gs1`: the reader's identifier says so. Without it, only text in brackets, a Digital
    Link, and text that begins with AI 01 are taken for GS1 data.
    """
    if found := _LINK.search(text):
        return Item(found[1].zfill(14), found[2])
    if text.startswith("("):
        return _single(_bracketed(text))
    if is_gs1 or re.match(r"01[0-9]{14}", text):
        return _single(list(_elements(text)))
    return None


def _bracketed(text: str) -> list[tuple[str, str]]:
    """Identifier and value of each element of a text in brackets; none of any other text."""
    pairs = _BRACKETED.findall(text)
    whole = "".join(f"({ai}){value}" for ai, value in pairs) == text
    return [(ai, value.strip(f" {GS}")) for ai, value in pairs] if whole else []


def _elements(text: str) -> Iterator[tuple[str, str]]:
    """Identifier and value of each element; identifiers of other elements than 01, 21 are cut."""
    rest = text
    for _ in range(_ELEMENTS):
        rest = rest.lstrip(GS)
        if not rest:
            return
        size = _PREDEFINED.get(rest[:2])
        value, rest = (
            (rest[:size], rest[size:]) if size else (rest.partition(GS)[0], rest.partition(GS)[2])
        )
        yield value[:2], value[2:]


def _single(elements: list[tuple[str, str]]) -> Item | None:
    gtins = {value for ai, value in elements if ai == "01"}
    serials = {value for ai, value in elements if ai == "21"}
    if len(gtins) != 1 or len(serials) != 1:
        return None
    (gtin,), (serial,) = gtins, serials
    valid = len(gtin) == 14 and gtin.isascii() and gtin.isdigit() and bool(serial)
    return Item(gtin, serial) if valid else None
