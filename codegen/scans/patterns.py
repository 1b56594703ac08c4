"""The patterns that a person declares for a reader: prefixes, no-read words, heartbeats.

Pure. A pattern is text, with placeholders: `{digits}` is a run of digits, `{digits:2}` two of
them; `{text}` is what stands before the pattern's next text, `{text:8}` eight characters.
Letters match in either case. Nothing is tried twice, so a match takes linear time, whatever
is declared and whatever comes: a regular expression gives no such promise.
"""

import re
from dataclasses import dataclass

from ..errors import UsageError

PATTERN_CHARS = 64
RUN_CHARS = 64  # characters that an open placeholder takes at most
_PART = re.compile(r"\{(digits|text)(?::([1-9][0-9]?))?\}|([^{}])", re.ASCII)
_DIGITS = frozenset("0123456789")


@dataclass(frozen=True)
class _Part:
    """A literal `text`, or a placeholder of `kind` with `count` characters; 0: a run."""

    kind: str
    text: str = ""
    count: int = 0


@dataclass(frozen=True)
class Pattern:
    """What a text may begin with, or be. `source` is how it was declared."""

    source: str
    _parts: tuple[_Part, ...]

    @classmethod
    def of(cls, source: str, *, prefix: bool = False) -> "Pattern":
        """The pattern written as `source`.

        A `prefix` ends in text or in a counted placeholder: an open one would take characters
        of the code. Raises `UsageError` for an empty or too long pattern, unknown
        placeholders, and placeholders that could end in several places.
        """
        if not 1 <= len(source) <= PATTERN_CHARS or not source.isprintable():
            raise UsageError(f"a pattern has 1 to {PATTERN_CHARS} printable characters")
        parts = _parsed(source)
        for part, after in zip(parts, (*parts[1:], None), strict=True):
            if part.kind != "literal" and not part.count:
                _check_open(part, after, prefix=prefix)
        return cls(source, parts)

    def end(self, text: str) -> int | None:
        """Where in `text` the pattern ends that begins at its first character; or None."""
        at = 0
        for index, part in enumerate(self._parts):
            after = self._parts[index + 1].text if index + 1 < len(self._parts) else ""
            end = _step(part, after, text, at)
            if end is None:
                return None
            at = end
        return at

    def fits(self, text: str) -> bool:
        """Whether the pattern is the whole of `text`."""
        return self.end(text) == len(text)


def _parsed(source: str) -> tuple[_Part, ...]:
    parts: list[_Part] = []
    at = 0
    while at < len(source):
        found = _PART.match(source, at)
        if found is None:
            raise UsageError(
                "a pattern holds braces that are no placeholder",
                "known: {digits}, {digits:2}, {text}, {text:8}",
            )
        kind, count, character = found.groups()
        if kind:
            parts.append(_Part(kind, count=int(count or 0)))
        elif parts and parts[-1].kind == "literal":
            parts[-1] = _Part("literal", parts[-1].text + character.casefold())
        else:
            parts.append(_Part("literal", character.casefold()))
        at = found.end()
    return tuple(parts)


def _check_open(part: _Part, after: _Part | None, *, prefix: bool) -> None:
    hint = "count it, as in {digits:2}, or write text after it"
    if after is None:
        if prefix:
            raise UsageError(f"a prefix must not end in {{{part.kind}}}", hint)
        return
    if after.kind != "literal":
        raise UsageError(f"{{{part.kind}}} must be followed by text", hint)
    if part.kind == "digits" and after.text[0] in _DIGITS:
        raise UsageError("{digits} must not be followed by a digit", hint)


def _step(part: _Part, after: str, text: str, at: int) -> int | None:
    """Where `part` ends if it begins at `at`; `after` is the literal that follows."""
    if part.kind == "literal":
        end = at + len(part.text)
        return end if text[at:end].casefold() == part.text else None
    if part.kind == "digits":
        most = at + (part.count or RUN_CHARS)
        end = at
        while end < min(most, len(text)) and text[end] in _DIGITS:
            end += 1
        return end if end > at and (not part.count or end == most) else None
    if part.count:
        return at + part.count if at + part.count <= len(text) else None
    if not after:
        return len(text)
    found = text[at : at + RUN_CHARS + len(after)].casefold().find(after)
    return at + found if found > 0 else None
