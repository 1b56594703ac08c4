"""A message becomes text: decoded, full-width characters folded, control characters removed.

Pure. What is removed or folded here stands in no code and no address, so that it cannot make
one out of another. Keyboard layouts are never guessed: `layouts.py` says why.
"""

import re

from .settings import ReaderSettings

GS = "\x1d"  # FNC1 as it is transmitted: ISO/IEC 15424
# Control characters, and characters without a width.
_ERASED = dict.fromkeys(
    n
    for first, last in (
        *((0x00, 0x1C), (0x1E, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x061C, 0x061C)),
        *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2069), (0xFEFF, 0xFEFF)),
    )
    for n in range(first, last + 1)
)
# U+FF01 to U+FF5E are U+0021 to U+007E in full width; U+3000 is the full-width space.
_FOLDED = {
    **_ERASED,
    **{0xFF01 + n: 0x21 + n for n in range(0x5E)},
    **dict.fromkeys([0xA0, 0x3000, 0x202F, 0x205F, *range(0x2000, 0x200B)], 0x20),
    0x241D: 0x1D,
}
_FNC1 = re.compile(r"<(?:GS|FNC1)>|\{(?:GS|FNC1)\}|\\x1d|\\u001d", re.ASCII | re.IGNORECASE)
# ISO/IEC 15424: a letter for the symbology, a modifier; then perhaps an ECI, \nnnnnn.
_AIM = re.compile(r"\]([A-Za-z])([0-9A-Za-z])(?:\\[0-9]{6})?", re.ASCII)
_GS1 = frozenset({"d2", "q3", "c1", "e0", "e1", "e2", "j1"})


def decoded(data: bytes) -> str:
    """The text of a message: UTF-8, or GB18030 as a Chinese console writes it."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            pass
    return data.decode("utf-8", "replace")


def folded(text: str) -> str:
    """`text` without control characters, except GS, and without full-width ones."""
    return _FNC1.sub(GS, text.translate(_FOLDED)).strip(" ")


def bare(text: str, settings: ReaderSettings) -> tuple[str, bool]:
    """Folded `text` without identifier and declared prefix; and whether it is GS1 data.

    The identifier may stand before the prefix or after it.
    """
    text, is_gs1 = _without_identifier(text)
    for prefix in settings.prefixes:
        if end := prefix.end(text):
            text = text[end:].lstrip(" ")
            break
    text, also = _without_identifier(text)
    if text.startswith(GS):
        is_gs1 = True
    return text.strip(f" {GS}"), is_gs1 or also


def _without_identifier(text: str) -> tuple[str, bool]:
    found = _AIM.match(text)
    if found is None:
        return text, False
    return text[found.end() :].lstrip(" "), (found[1] + found[2]).lower() in _GS1
