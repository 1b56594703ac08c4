"""How serials are written: the one reader of a list that a person or a program wrote.

Pure. Options, files, tables and messages are all read here, for orders, receipts and exports,
so that a list means the same wherever it is given. The rules:

1. Full-width and other wide or narrow forms are read as the plain characters.
2. `A` is a serial. `A-B` is a range, both included; `A-` goes to the last serial. The dash is
   any of `DASH`, with or without blanks around it. `all` or `全部`, alone, is every serial.
3. Semicolons, `、`, commas, blanks and line ends separate. At the ends of a list they are
   passed over; two within it leave a place empty, and are refused.
4. What also reads as a number whose digits are grouped in thousands is refused: a comma or a
   single blank between up to three digits and exactly three (`1,990`, `1-10,200`), and `.`,
   `'` and `_` as group signs. `1-480,490-500` is taken: no number has that form. A blank after
   the comma tells a list, since no program groups digits with two characters.
"""

import re
import unicodedata

from ..errors import UsageError
from .serials import Range, Ranges, ordered

# Hyphen, minus, dashes, tildes and their like; the dash of Chinese text, which is two; words.
DASH = r"(?:——|[-~‐‑‒–—―−─∼⁓˗‑〜〰ー]|至|到|to(?![a-z]))"
_DASH = re.compile(rf"(?<=\d) *{DASH} *", re.ASCII | re.IGNORECASE)
_PART = re.compile(r"(\d{1,12})(?:(-)(\d{1,12})?)?", re.ASCII)
_SEPARATOR = re.compile(r"([ \n]*[;、,][ \n]*|[ \n]+)")
ENDS = ";、, \n"
_LINE_ENDS = re.compile(r"[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_UP_TO_THREE = re.compile(r"(?:.*\D)?(\d{1,3})", re.ASCII)
_EXACTLY_THREE = re.compile(r"(\d{3})(?:-.*)?", re.ASCII)
_SIGNED = re.compile(r"(?:.*\D)?(\d{1,3}(?:[.'’‘´`_·٬]\d{3})+)(?:\D.*)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d+(?:\.\d*)?(?:E[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# Marks of direction and width that a copy from a document or a chat brings along.
_UNSEEN = "\ufeff\u200b\u200e\u200f\u2060\u202a\u202c\u202d"
_WIDE = ("<wide>", "<narrow>", "<small>", "<noBreak>")
ALL = ("all", "全部")
HINT = "write A-B (both included), A-, A, several of these separated by semicolons, or all"
# A code of any batch is longer, hyphens left out.
_SHOWN = 7


class _Plain(dict[int, str]):
    """Character → its plain form. What only looks like a digit, as a superscript does, stays."""

    def __missing__(self, number: int) -> str:
        character = chr(number)
        if unicodedata.category(character) == "Zs":
            plain = " "
        elif unicodedata.decomposition(character).startswith(_WIDE):
            plain = unicodedata.normalize("NFKC", character)
        else:
            plain = character
        self[number] = plain
        return plain


_PLAIN = _Plain()


def fold(text: str) -> str:
    """`text` in plain characters, each kind of blank a space: rule 1. Not at the ends."""
    plain = text if text.isascii() else text.translate(_PLAIN)
    return plain.strip().strip(_UNSEEN).strip()


def parse(text: str, quantity: int) -> Ranges:
    """The serials of a list, of a batch (or what else) that ends at `quantity`.

    Returns ascending, disjoint ranges, touching ones joined. Raises `UsageError` for anything
    malformed, with two meanings, backwards, overlapping or outside `1..quantity`.
    """
    if fold(text).lower() in ALL:
        return (Range(1, quantity),)
    return ordered([_range(part, quantity) for part in parts(text)])


def parts(text: str) -> list[str]:
    """The parts of a list, each `A`, `A-` or `A-B` of ASCII digits. Raises `UsageError`."""
    text = _DASH.sub("-", _LINE_ENDS.sub("\n", fold(text)))
    if text[:1] in ("'", "’"):  # a spreadsheet's sign of text; cmd.exe keeps such quotes
        text = text.strip("'’ ")
    found = _SEPARATOR.split(text.strip(ENDS))
    grouped = _grouped(found)
    if grouped:
        raise UsageError(
            f"{grouped} may be a serial whose digits are grouped, or several serials",
            _grouped_hint(grouped),
        )
    for part in found[::2]:
        if not _PART.fullmatch(part):
            raise _malformed(part, empty=len(found) > 1)
    return found[::2]


def grouping(text: str) -> str | None:
    """What in `text` may be a number with grouped digits (rule 4), or None."""
    text = _DASH.sub("-", _LINE_ENDS.sub("\n", fold(text)))
    return _grouped(_SEPARATOR.split(text))


def _grouped(found: list[str]) -> str | None:
    """`found`: parts, and the separators between them."""
    for at in range(1, len(found), 2):
        left, between, right = found[at - 1 : at + 2]
        before, after = _UP_TO_THREE.fullmatch(left), _EXACTLY_THREE.fullmatch(right)
        if between in (",", " ") and before and after and not ("-" in left and "-" in right):
            return f"{before[1]}{between}{after[1]}"
    signed = (_SIGNED.fullmatch(part) for part in found[::2])
    return next((match[1] for match in signed if match), None)


def _grouped_hint(grouped: str) -> str:
    groups = re.split(r"\D", grouped)
    return (
        f"write {';'.join(groups)} or {''.join(groups)}; on a command line, a semicolon stands"
        " in quotation marks"
    )


def _malformed(part: str, *, empty: bool) -> UsageError:
    if not part and empty:
        return UsageError("the list of serials has an empty place", "name every serial once")
    if _DECIMAL.fullmatch(part) and not part.isdigit():
        return UsageError(
            f"not a serial, but a decimal or negative number: {_quoted(part)}",
            "write whole numbers; a spreadsheet keeps them in cells formatted as text",
        )
    return UsageError(f"not a serial or a range of serials: {_quoted(part)}", HINT)


def _quoted(part: str) -> str:
    """`part` for an error, unless it may be a code that was given by mistake."""
    letters = sum(character.isalnum() for character in part)
    short = letters <= _SHOWN and len(part) <= 4 * _SHOWN
    return repr(part) if short else f"{len(part)} characters"


def _range(part: str, quantity: int) -> Range:
    match = _PART.fullmatch(part)
    assert match is not None  # noqa: S101 - `parts` saw to it
    first = int(match[1])
    last = int(match[3]) if match[3] else quantity if match[2] else first
    # A code of digits is longer: the batch would be too easy to guess.
    longest = len(str(quantity)) + 1
    named = part if max(map(len, part.split("-"))) <= longest else "of so many digits"
    if first < 1 or last > quantity or first > quantity:
        raise UsageError(
            f"serials {named} lie outside the batch, which holds 1-{quantity}",
            f"name serials between 1 and {quantity}",
        )
    if first > last:
        raise UsageError(
            f"the range {part} runs backwards", f"write {last}-{first} if you mean that"
        )
    return Range(first, last)
