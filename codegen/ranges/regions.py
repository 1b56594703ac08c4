"""Regions as people and phones write them, brought together: is a scan where it may be? Pure.

A region is a place in a tree: a country, in it a province or state, and in China a city and a
county below that. `CN-33`, `CN-ZJ`, `33`, `330000`, 浙江, 浙江省 and Zhejiang are one place;
`3301` and `330106` are parts of it.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from .provinces import ALSO, COUNTRIES, EN_KINDS, OLD_NUMBERS, PROVINCES

# The way down to a place: country, province, city, county. A part that is only named, and not
# to be compared with another's number, begins with a question mark.
Place = tuple[str, ...]

CHINA = "CN"
_SEPARATORS = re.compile("[,;、，；/|\n]")
_DIGITS = re.compile(r"[0-9]{2}|[0-9]{4}|[0-9]{6}", re.ASCII)
_ISO = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,6}))?", re.ASCII)
_NO_LETTER = re.compile(r"[^\w]|_")
_NAMED = "?"

_BY_NUMBER = {province.number: province for province in PROVINCES}
_BY_LETTERS = {province.letters: province.number for province in PROVINCES}
_BY_NAME = {
    **{province.zh: province.number for province in PROVINCES},
    **{province.zh + province.zh_kind: province.number for province in PROVINCES},
    **{province.en.replace(" ", "").lower(): province.number for province in PROVINCES},
    **ALSO,
}
_FULL_NAMES = tuple((province.zh + province.zh_kind, province.number) for province in PROVINCES)
_OF_CHINA = frozenset(
    {"中国", "全国", "中华人民共和国", "china", "prchina", "peoplesrepublicofchina"}
)


def covers(allowed: str, told: str) -> bool | None:
    """Whether a scan in region `told` is in order for a code whose `region` is `allowed`.

    `allowed` may list several places, with `,` `;` `/` or `、` between. True if a place contains
    the other: a phone that tells only the country accuses nobody. None: it cannot be judged, for
    the text names no place that is known here.
    """
    outside, judged = _compare(allowed, told)
    return None if not judged else outside is None


def outside(allowed: str, told: str) -> str | None:
    """Where `told` is, if that is outside of `allowed`: the largest such place, in ISO's letters.

    For goods of a province this is the other province, whatever county of it was told; for
    goods of a city it is the other city. None as `covers` is not False.
    """
    found, judged = _compare(allowed, told)
    return canonical(found) if judged and found is not None else None


def _compare(allowed: str, told: str) -> tuple[Place | None, bool]:
    """The largest part of the way to `told` that no place of `allowed` shares; whether judged."""
    there, listed = place(told), list(places_of(allowed))
    if there is None or not listed:
        return None, False
    unknown, shared = False, 0
    for text in listed:
        here = place(text)
        verdict = None if here is None else _related(here, there)
        if verdict is None or (verdict is False and _may_mean(text, there)):
            unknown = True
        elif verdict is True:
            return None, True
        if here is not None:
            shared = max(shared, _common(here, there))
    return (None, False) if unknown else (there[: shared + 1], True)


def _may_mean(text: str, there: Place) -> bool:
    """Whether a country's letters may have been written for the province `there` is in: SH, BJ."""
    return there[:2] == (CHINA, _BY_LETTERS.get(text.upper()))


def _related(one: Place, other: Place) -> bool | None:
    """Whether one contains the other; None where a part is only named."""
    common = _common(one, other)
    if common == min(len(one), len(other)):
        return True
    named = one[common].startswith(_NAMED) or other[common].startswith(_NAMED)
    return None if named else False


def _common(one: Place, other: Place) -> int:
    same = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        same += 1
    return same


def places_of(text: str) -> Iterator[str]:
    """The places that a list names, each as it was written."""
    return (part.strip() for part in _SEPARATORS.split(text) if part.strip())


@lru_cache(maxsize=4_096)
def place(text: str) -> Place | None:
    """The place that `text` names; None if it is not known here. See `provinces` for sources."""
    text = unicodedata.normalize("NFKC", text).strip()
    if _DIGITS.fullmatch(text):
        return _of_number(text)
    if found := _ISO.fullmatch(text.upper()):
        return _of_iso(*found.groups())
    return _of_name(text)


def _of_number(text: str) -> Place | None:
    """GB/T 2260: two digits each for province, city and county; `00` is the whole of it."""
    pairs = [text[at : at + 2] for at in range(0, len(text), 2)]
    while len(pairs) > 1 and pairs[-1] == "00":
        pairs.pop()
    if pairs[0] not in _BY_NUMBER or "00" in pairs:
        return None
    return (CHINA, *("".join(pairs[: depth + 1]) for depth in range(len(pairs))))


def _of_iso(country: str, part: str | None) -> Place | None:
    if country not in COUNTRIES:
        return None
    if country == CHINA:
        return _of_china(part)
    if country in _BY_LETTERS and country in {"TW", "HK", "MO"}:
        return (CHINA, _BY_LETTERS[country], *([part] if part else []))
    return (country, part) if part else (country,)


def _of_china(part: str | None) -> Place | None:
    if part is None:
        return (CHINA,)
    if part in _BY_LETTERS:
        return CHINA, _BY_LETTERS[part]
    part = OLD_NUMBERS.get(part, part)
    return _of_number(part) if _DIGITS.fullmatch(part) else None


def _of_name(text: str) -> Place | None:
    folded = _NO_LETTER.sub("", text).lower()
    if folded in _OF_CHINA:
        return (CHINA,)
    if number := _BY_NAME.get(folded) or _BY_NAME.get(_without_kind(folded)):
        return CHINA, number
    # 浙江省杭州市; a short name may begin another place's: 海南州 lies in 青海.
    for name, number in _FULL_NAMES:
        if folded.startswith(name):
            rest = folded.removeprefix(name)
            return None if _names_province(rest, number) else (CHINA, number, _NAMED + rest)
    return None


def _names_province(text: str, besides: str) -> bool:
    """Whether `text`, behind the name of province `besides`, names another: 浙江省和江苏省."""
    found = {number for name, number in _FULL_NAMES if name in text} | {_BY_NAME.get(text)}
    return bool(found - {besides, None})


def _without_kind(folded: str) -> str:
    for kind in EN_KINDS:
        if folded.endswith(kind) and folded != kind:
            return folded.removesuffix(kind)
    return folded


def canonical(where: Place) -> str:
    """The one spelling of a place: `DE-BY`, `CN-ZJ`, `330100`."""
    if where[0] != CHINA or len(where) == 1:
        return "-".join(where)
    if len(where) == 2:
        return f"{CHINA}-{_BY_NUMBER[where[1]].letters}"
    return where[-1].ljust(6, "0") if where[-1].isdigit() else "-".join(where)


def shown(text: str) -> str:
    """`text` for people: with the Chinese name of the province, where it is one or lies in one."""
    where = place(text)
    if where is None or where[0] != CHINA or len(where) == 1:
        return text
    name = _BY_NUMBER[where[1]].zh
    return text if name in text else f"{text} {name}"
