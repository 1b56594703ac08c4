"""GTIN and serial number in GS1 data: element strings, and Digital Links of any host. Pure.

GS1 General Specifications, sections 3.2 and 7.8: application identifiers of predefined length
need no separator; the others end at FNC1, which is transmitted as GS. GS1 Digital Link
Standard: URI Syntax, section 4: the primary key's path is /01/GTIN, its serial number's /21/.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

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
_ELEMENTS = 20


class Item(NamedTuple):
    """A GTIN of 14 digits, and the serial number that stands with it."""

    gtin: str
    serial: str


def item_of(text: str, *, is_gs1: bool) -> Item | None:
    """The item that `text` names; None if it is no GS1 data, or names no single item.

    `is_gs1`: the reader's identifier says so. Without it, only text in brackets, a Digital
    Link, and text that begins with AI 01 are taken for GS1 data.
    """
    if found := _LINK.search(text):
        return Item(found[1].zfill(14), found[2])
    if text.startswith("("):
        pairs = (
            _BRACKETED.findall(text)
            if "".join(f"({ai}){value}" for ai, value in _BRACKETED.findall(text)) == text
            else []
        )
        return _single([(ai, value.strip(f" {GS}")) for ai, value in pairs])
    if is_gs1 or re.match(r"01[0-9]{14}", text):
        return _single(list(_elements(text)))
    return None


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
