"""How a condition is written: `key=value`, and where the value ends. Pure.

The rules:

1. A condition is a key, a relation and values: `lot=L42`, `lot!=L42`, `lot in L42, L43`,
   `minted_at<2026-12-01`. Several in a text stand with `;` between them, and all must hold.
2. Relations may be full-width, or `≠`, `≤` and `≥`; blanks stand anywhere around them.
3. A value is taken as it is, without the blanks around it. One that begins with a quotation mark
   (`"`, `'`, `“`, `‘`, `「`) goes to its partner, which stands twice within it: so a value may hold
   whatever it likes.
4. Without quotation marks a value holds no comma, no semicolon and no relation: `lot=L42,L43` may
   be one value or two. It is refused, and so is an empty place in a list.
5. `key=` is that there is none, `key!=` that there is some; `key=""` is an empty text.

Raises `UsageError`, which quotes no value: a code may have been typed there.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from .. import ids
from ..errors import UsageError

TEXT_CHARS = 20_000
VALUES = 1_000
CONDITIONS = 100


class Relation(StrEnum):
    """What a condition says of a key and its values."""

    IS = "="
    IS_NOT = "!="
    IN = "in"
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="


@dataclass(frozen=True)
class WrittenCondition:
    """A condition as it is written. No value: `key=` or `key!=`."""

    key: str
    relation: Relation
    values: tuple[str, ...]


_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "＂": "＂", "＇": "＇"}
_MARKS = "=<>!≠≤≥＝＜＞！"
_KEY = re.compile(rf"([^\s{_MARKS};；,，、\"“”‘’「」＂＇]+)\s*")
_RELATION = re.compile(r"[!！]\s*[=＝]|[<＜>＞][=＝]|[=＝<＜>＞≠≤≥]|[iI][nN](?=[\s\"'“‘「]|$)")
_PLAIN = re.compile(r"[^,，、;；]*")
_DOUBTFUL = re.compile(rf"[{_MARKS.replace('!', '').replace('！', '')}\"“”「」＂＇]")
_BRACKETS = ("()", "[]", "{}", "（）", "【】")
_FOLD = str.maketrans({"＝": "=", "＜": "<", "＞": ">", "！": "!"})
_OTHERS = {"≠": "!=", "≤": "<=", "≥": ">="}
_FORMS = "write key=value, key!=value, key<value, key>=value or key in a,b"
_QUOTE = (
    "put a value that holds such a mark in quotation marks: 'lot=\"A,B\"'; two values: 'lot in A,B'"
)


def read(text: str) -> tuple[WrittenCondition, ...]:
    """The conditions of a text, one or more."""
    if len(text) > TEXT_CHARS:
        raise UsageError(f"a condition is longer than {TEXT_CHARS:,} characters", "shorten it")
    scan = _Scan(text.strip())
    found = []
    while True:
        found.append(scan.condition())
        if not scan.separated():
            break
    if len(found) > CONDITIONS:
        raise UsageError(f"more than {CONDITIONS} conditions", "leave some out")
    return tuple(found)


def spelt(value: str) -> str:
    """A value as `read` takes it: in quotation marks if it needs them."""
    plain = _PLAIN.fullmatch(value) and not _DOUBTFUL.search(value) and value == value.strip()
    if plain and value and value[0] not in _QUOTES and not _is_bracketed(value):
        return value
    return '"' + value.replace('"', '""') + '"'


class _Scan:
    """A text, read from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def condition(self) -> WrittenCondition:
        self._blanks()
        key = self._take(_KEY)
        if key is None:
            raise UsageError("a condition names no key", _FORMS)
        relation = self._relation(key[1])
        self._blanks()
        values: list[str] = []
        if self._ends():
            if relation not in (Relation.IS, Relation.IS_NOT):
                raise UsageError(f"{_shown(key[1])} is compared with nothing", _FORMS)
            return WrittenCondition(key[1], relation, ())
        while True:
            values.append(self._value(key[1], relation))
            self._blanks()
            if self._ends():
                break
            self._next(key[1], relation)
        if len(values) > VALUES:
            raise UsageError(f"{_shown(key[1])}: more than {VALUES:,} values", "split the list")
        return WrittenCondition(key[1], relation, tuple(values))

    def separated(self) -> bool:
        """Whether another condition follows; a semicolon at the end is passed over."""
        if self._at < len(self._text):
            self._at += 1
            self._blanks()
        return self._at < len(self._text)

    def _relation(self, key: str) -> Relation:
        match = self._take(_RELATION)
        if match is None:
            raise UsageError(f"after {_shown(key)} no relation stands: =, !=, <, >= or in", _FORMS)
        sign = "".join(match[0].split()).translate(_FOLD).lower()
        return Relation(_OTHERS.get(sign, sign))

    def _value(self, key: str, relation: Relation) -> str:
        start = self._text[self._at]
        if start in _QUOTES:
            return self._quoted(key, start, _QUOTES[start])
        match = self._take(_PLAIN)
        value = match[0].strip() if match else ""
        if not value:
            raise UsageError(f"{_shown(key)}: the list has an empty place", _QUOTE)
        if _DOUBTFUL.search(value):
            raise UsageError(f"{_shown(key)}: a relation or a quotation mark in its value", _QUOTE)
        if relation is Relation.IN and value[0] in "([{（【":
            raise UsageError(f"{_shown(key)}: a list in brackets", "without them: key in a,b")
        return value

    def _quoted(self, key: str, start: str, end: str) -> str:
        pattern = re.compile(f"{start}((?:[^{end}]|{end}{end})*){end}(?!{end})")
        match = self._take(pattern)
        if match is None:
            raise UsageError(f"{_shown(key)}: a quotation mark is not closed", _QUOTE)
        return match[1].replace(end * 2, end)

    def _next(self, key: str, relation: Relation) -> None:
        """Pass over the comma between two values."""
        if self._text[self._at] not in ",，、":
            raise UsageError(f"{_shown(key)}: more than its value in quotation marks", _QUOTE)
        if relation is not Relation.IN:
            raise UsageError(f"{_shown(key)}: a comma, so one value or several", _QUOTE)
        self._at += 1
        self._blanks()
        if self._ends():
            raise UsageError(f"{_shown(key)}: the list has an empty place", _QUOTE)

    def _ends(self) -> bool:
        return self._at >= len(self._text) or self._text[self._at] in ";；"

    def _blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match


def _is_bracketed(value: str) -> bool:
    return value[0] in "".join(pair[0] for pair in _BRACKETS)


def _shown(key: str) -> str:
    return ids.shown(key, name=True)
