"""Short random ids for homes, batches, packages and orders: Crockford base32."""

import re
import unicodedata
from collections.abc import Callable

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SHOWN = 7  # letters and digits: a code of fewer would be too easy to guess
_ID = re.compile(r"[0-9A-Za-z]{4}-(?:[0-9A-Za-z]{8}|[0-9A-Za-z]{12}|[0-9A-Za-z]{20})", re.ASCII)
# No code is in lower case when it is typed as printed.
_NAME = re.compile(
    r"[a-z]+(?:[-_ ][a-z]+)*(?:[-_ ]?\d{1,3})?|(?:[a-z]+/)?\d{1,6}\.[a-z]{2,4}", re.ASCII
)
_PARTS = re.compile(r"([/\\\\=,:])")
_ENDING = re.compile(r"(?:\.[A-Za-z]{1,5})*$", re.ASCII)
_CHANGES = re.compile(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])", re.ASCII)  # within a group
_ALIKE = re.compile(r"(?!20\d\d[01]\d[0-3]\d)\d{12,}|[A-Z]{12,}", re.ASCII)  # no time of day
_KEY_ID = re.compile(r"(?=.*[a-f])[0-9a-f]{16}", re.ASCII)
LIKE_A_CODE = 10  # symbols: what people call files has fewer of such a mixture
_FOLD = str.maketrans({"O": "0", "I": "1", "L": "1"})


def random_symbols(count: int, entropy: Callable[[int], bytes]) -> str:
    """`count` symbols of 5 bits each, from a byte per symbol: unbiased, as 32 divides 256."""
    return "".join(SYMBOLS[byte % 32] for byte in entropy(count))


def new_home_id(entropy: Callable[[int], bytes]) -> str:
    """Sixteen symbols, `XXXX-XXXXXXXXXXXX`; every id made in the home begins with the first four.

    Ids are no secrets. 80 random bits keep two homes apart without a register.
    """
    return f"{random_symbols(4, entropy)}-{random_symbols(12, entropy)}"


def new_id(home_id: str, entropy: Callable[[int], bytes], symbols: int = 8) -> str:
    """An id made in the home `home_id`: its first four symbols, a hyphen, `symbols` random ones.

    Eight are 40 bits: enough for batches and packages. Orders come by the million, and
    take twelve.
    """
    return f"{home_id[:4]}-{random_symbols(symbols, entropy)}"


def fold(text: str) -> str:
    """The canonical form of an id that a person typed: upper case, O is 0, I and L are 1."""
    return text.strip().upper().translate(_FOLD)


def shown(text: str, *, name: bool = False) -> str:
    """How an error repeats a text that was typed where an id belongs.

    What may be a code, or the address of one, is counted and not repeated: errors end up in logs
    and beside the files of others. `name`: a text that nobody has folded; names in lower case
    are no codes.
    """
    if harmless(text, name=name):
        return repr(text)
    return f"({len(text)} characters, which may be a code)"


def masked(typed: str) -> str:
    """`typed`, a path, say, as an error may repeat it: see `suspect`."""
    return f"({len(typed)} characters, which may be a code)" if suspect(typed) else typed


def suspect(typed: str) -> str | None:
    """The last part of a path, an address or an assignment, if it looks like a code.

    For what may be called anything. Unlike `shown` it takes for a code only what people hardly
    call a file: letters of one case with digits among them, or many of either.
    """
    parts = _PARTS.split(typed)
    last = parts[-1] or (parts[-3] if len(parts) > 2 else "")
    return last if _looks_like(last) else None


def _looks_like(name: str) -> bool:
    plain = unicodedata.normalize("NFKC", name)
    stem = _ENDING.sub("", plain)
    symbols = "".join(filter(str.isalnum, stem))
    if not symbols.isascii() or symbols not in (symbols.upper(), symbols.lower()):
        return False
    if _ID.fullmatch(stem) or _KEY_ID.fullmatch(stem):
        return False
    changes = len(_CHANGES.findall(stem))
    return len(symbols) >= LIKE_A_CODE and bool(changes >= 3 or _ALIKE.fullmatch(symbols))


def harmless(text: str, *, name: bool = False) -> bool:
    """Whether `text` is too short for a code, or of a form that no code has: see `shown`."""
    known = _ID.fullmatch(text) or (name and _NAME.fullmatch(text))
    plain = unicodedata.normalize("NFKC", text)
    symbols = sum(character.isascii() and character.isalnum() for character in plain)
    return len(text) <= 4 * SHOWN and (bool(known) or symbols <= SHOWN)
