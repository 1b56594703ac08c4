"""What shows that another program wrote an entry's headers.

What is in a single place shows nothing, as a changed byte looks alike: the directory and the
entry's own header must agree, or a header must be longer or shorter by whole fields.
"""

from .reader import PLAIN_NAME
from .records import AES, EntryHeader, ListedEntry

# What mintmark writes (`reader.py`, rules 3 and 5).
_DATE, _NEEDED, _METHOD, _FLAGS = 0x21, 20, 99, 1
_EXTRA_LOCAL = (31,)  # bytes: both sizes as ZIP64, and AE-2
_EXTRA_CENTRAL = (11, 23, 31, 39)  # AE-2, behind up to three values as ZIP64


def trace_of(item: ListedEntry) -> str | None:
    """What another program did, as the end of a sentence that begins with its entries.

    None if nothing shows that one did.
    """
    one, other = item.central, item.local
    if other is None or one.name != other.name or one.method != other.method:
        return None
    if one.flags & 1 != other.flags & 1:
        return None
    if one.method != _METHOD:
        return _other_encryption(one) if one.flags == other.flags else None
    weaker = _other_aes(one, other)
    if weaker is not None:
        return weaker
    alike = [
        (one.time, one.date) == (other.time, other.date) != (0, _DATE),
        one.flags == other.flags != _FLAGS,
        one.needed == other.needed != _NEEDED,
        not PLAIN_NAME.fullmatch(one.name.decode("ascii", "replace")),
        _other_fields(one, _EXTRA_CENTRAL),
        _other_fields(other, _EXTRA_LOCAL),
    ]
    return "bear times or fields that mintmark does not write" if any(alike) else None


def _other_encryption(header: EntryHeader) -> str:
    if not header.flags & 1:
        return "are not encrypted"
    if header.flags & 0x40:
        return "are encrypted in PKWARE's way, not with AES-256 (AE-2)"
    return "are encrypted with ZipCrypto, not with AES-256 (AE-2)"


def _other_aes(one: EntryHeader, other: EntryHeader) -> str | None:
    """What AES encryption it is that both headers name, unless it is ours."""
    field = (one.extra or {}).get(AES, b"")
    if len(field) != 7 or field != (other.extra or {}).get(AES) or field[2:4] != b"AE":
        return None
    version, strength, method = field[0], field[4], field[5]
    if strength != 3:
        bits = {1: 128, 2: 192}.get(strength)
        return f"are encrypted with AES-{bits}, not with AES-256" if bits else None
    if version == 1:
        return "are encrypted with AES-256 in its older form (AE-1)"
    return None if method in (0, 8) else "are compressed in another way than deflated"


def _other_fields(header: EntryHeader, usual: tuple[int, ...]) -> bool:
    """Whether it has whole fields more or less than mintmark writes."""
    return header.extra is not None and AES in header.extra and header.extra_bytes not in usual
