"""The addresses that a home's codes stand in, and the codes that a scanned text may hold.

Pure. An address is taken in any case, as http or https or without either, with its own port
or none, with a trailing slash, a query or a fragment; with up to 48 characters before it; and
without some or all of its signs, as a listener for letters and digits hands it over. A text
may hold several codes as far as this module can tell: the vault knows which of them is one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from ..codes.template import BARE, split
from .cleaning import GS
from .element_string import item_of

BEFORE_CHARS = 48
# ASCII letters alone: str.lower would turn other letters into these, and change lengths.
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_SCHEME = re.compile(r"(https?)://", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9\-._~]+", re.ASCII)
# RFC 3986, section 2.3: an unreserved character and its escape are the same.
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})", re.ASCII)
_BEFORE = re.compile(rf"[!-~]{{0,{BEFORE_CHARS}}}", re.ASCII)
BETWEEN = re.compile(r"[;,|\s]")
_LINK = re.compile(r"/01/([0-9]{14})(?:/[^{]*)?/21/([^/{?#]*)\{code\}([^/?#]*)", re.ASCII)
_DEFAULT_PORT = re.compile(r"(?:(?<=^https://)|(?<=^http://))([^/?#:@]+):(443|80)(?=[/?#]|$)")


class Doubt(Enum):
    """Why a text that holds an address of ours is not taken."""

    SEVERAL = "several"
    BEFORE = "before"


@dataclass(frozen=True)
class Addresses:
    """What is known of a home's codes: their addresses and lengths. Made by `of`."""

    lengths: frozenset[int] = frozenset()
    # Each without scheme and in lower case: text before the code → texts after it.
    _plain: dict[str, set[str]] = field(default_factory=dict)
    _sizes: tuple[int, ...] = ()
    # Address up to the ? → (the text before the code in its parameter).
    _queries: dict[str, set[str]] = field(default_factory=dict)
    # Letters and digits of scheme and prefix → whole texts before and after the code.
    _signless: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    _signless_sizes: tuple[int, ...] = ()
    # GTIN → what stands before and after the code in the serial number.
    _links: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, templates: Iterable[str], lengths: Iterable[int] = ()) -> "Addresses":
        """The addresses of payload `templates`, whose codes have these `lengths`."""
        plain: defaultdict[str, set[str]] = defaultdict(set)
        queries: defaultdict[str, set[str]] = defaultdict(set)
        signless: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        links: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for template in {*templates} - {BARE}:
            if link := _LINK.search(template):
                links[link[1]].add((_lower(link[2]), _lower(link[3])))
            before, after = map(_lower, split(_unescaped(template)))
            tail = _schemeless(before)
            plain[tail].add(after)
            where, mark, parameters = tail.rpartition("?")
            if mark and after[:1] in ("", "&"):
                queries[where + mark].add(parameters.rpartition("&")[2])
            for scheme in ("https://", "http://") if tail != before else ("",):
                signless[_alnum(scheme + tail)].add((scheme + tail, after))
        signless.pop("", None)
        return cls(
            frozenset(lengths),
            dict(plain),
            _sizes_of(plain),
            dict(queries),
            dict(signless),
            _sizes_of(signless),
            dict(links),
        )

    def codes(self, text: str, *, is_gs1: bool = False) -> tuple[str, ...] | Doubt:
        """The codes that `text` may hold, each once; none if it can hold no code of ours."""
        if not text.isascii():
            return ()
        item = list(self._in_item(text, is_gs1=is_gs1))
        text = _unescaped(text.replace(" ", "").replace(GS, ""))
        found = _SCHEME.search(_lower(text), self._within(text))
        if found and (doubt := self._doubt(text, found)):
            return doubt
        codes = [text] if _CODE.fullmatch(text) else []
        codes += self._in_rest(_schemeless(text[found.start() :])) if found else self._in_rest(text)
        codes += item
        if not found or not codes:
            codes += self._without_signs(text)
        return tuple(dict.fromkeys(codes))

    def is_address(self, text: str) -> bool:
        """Whether `text` begins with an address of ours; it may lack signs."""
        text = _lower(_unescaped(text.replace(" ", "")))
        rest, letters = _schemeless(text), _alnum(text)
        known = any(rest[:size] in self._plain for size in self._sizes if size)
        return known or any(letters[:size] in self._signless for size in self._signless_sizes)

    def _within(self, text: str) -> int:
        """Where an address without http ends that `text` begins with: it may hold another."""
        low = _lower(text)
        return max((size for size in self._sizes if low[:size] in self._plain), default=0)

    def _doubt(self, text: str, found: re.Match[str]) -> Doubt | None:
        later = _SCHEME.finditer(_lower(text), found.end())
        if any(self.is_address(text[other.start() :]) for other in later):
            return Doubt.SEVERAL
        before = text[: found.start()]
        if BETWEEN.search(before):
            return Doubt.SEVERAL
        # What is as long as a code may be one: two codes, and neither may be left out.
        runs = (len(run) for run in re.findall(r"[0-9A-Za-z]+", before))
        fits = _BEFORE.fullmatch(before) and not self.lengths.intersection(runs)
        return None if fits else Doubt.BEFORE

    def _in_rest(self, rest: str) -> Iterator[str]:
        """The codes of an address without its scheme."""
        low = _lower(rest)
        for size in self._sizes:
            for after in self._plain.get(low[:size], ()) if size <= len(low) else ():
                yield from _codes_before(rest[size:], after)
        for where, parameters in self._queries.items():
            if low.startswith(where):
                for part in re.split(r"[&#]", rest[len(where) :]):
                    for before in parameters:
                        if _lower(part).startswith(before):
                            yield from _codes_before(part[len(before) :], "")

    def _in_item(self, text: str, *, is_gs1: bool) -> Iterator[str]:
        item = item_of(text, is_gs1=is_gs1) if self._links else None
        for before, after in self._links.get(item.gtin, ()) if item else ():
            low, size = _lower(item.serial), len(item.serial) - len(after)  # type: ignore[union-attr]
            if low.startswith(before) and low.endswith(after) and size > len(before):
                yield item.serial[len(before) : size]  # type: ignore[union-attr]

    def _without_signs(self, text: str) -> Iterator[str]:
        """The codes behind addresses of which some or all signs are missing."""
        letters = _alnum(_lower(text))
        # A listener makes Q1 of the identifier ]Q1.
        for skip in (0, 2):
            for size in self._signless_sizes:
                for before, after in self._signless.get(letters[skip : skip + size], ()):
                    for form in _forms(_rest_without(text[skip:], before) or ""):
                        # From the end, in which signs may be missing too.
                        code = (_rest_without(form[::-1], after[::-1]) or "")[::-1]
                        if _CODE.fullmatch(code):
                            yield code


def _lower(text: str) -> str:
    return text.translate(_LOWER)


def _alnum(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _sizes_of(known: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted({len(text) for text in known}))


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        character = chr(int(found[1], 16))
        return character if _CODE.fullmatch(character) else found[0]

    return _ESCAPE.sub(plain, text) if "%" in text else text


def _portless(text: str) -> str:
    """`text` without the port that its scheme has by default (RFC 3986, section 6.2.3)."""
    found = _DEFAULT_PORT.search(_lower(text))
    if found is None or (found[2] == "443") != _lower(text).startswith("https"):
        return text
    return text[: found.end(1)] + text[found.end() :]


def _schemeless(text: str) -> str:
    """`text` from its host on, without a default port; all of it if it is no http address."""
    found = _SCHEME.match(_lower(text))
    return _portless(text)[found.end() :] if found else text


def _forms(rest: str) -> list[str]:
    """`rest` without query, fragment and trailing slash, or with some of them."""
    forms = [rest, *(rest.partition(mark)[0] for mark in "?&#" if mark in rest)]
    return list(dict.fromkeys([*forms, *(form.removesuffix("/") for form in forms)]))


def _codes_before(rest: str, after: str) -> Iterator[str]:
    """What may be the code in `rest`, which begins with it; `after` follows it."""
    forms = _forms(rest)
    if after.endswith("/"):
        forms += [f"{form}/" for form in forms]
    for form in forms:
        if _lower(form).endswith(after) and _CODE.fullmatch(form, 0, len(form) - len(after)):
            yield form[: len(form) - len(after)]


def _rest_without(text: str, before: str) -> str | None:
    """What follows `before` in `text`, in which signs of `before` may be missing."""
    at = 0
    for character in before:
        if _lower(text[at : at + 1]) == character:
            at += 1
        elif character.isalnum():
            return None
    return text[at:]
