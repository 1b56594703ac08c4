"""Short random ids for homes, batches, packages and orders: Crockford base32."""

import re
import unicodedata
from collections.abc import Callable

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SHOWN = 7  # letters and digits: a code of fewer would be too easy to guess
_ID = re.compile(r"[0-9A-Za-z]{4}-(?:[0-9A-Za-z]{8}|[0-9A-Za-z]{12})", re.ASCII)
# No code is in lower case when it is typed as printed.
_NAME = re.compile(
    r"[a-z]+(?:[-_ ][a-z]+)*(?:[-_ ]?\d{1,3})?|(?:[a-z]+/)?\d{1,6}\.[a-z]{2,4}", re.ASCII
)
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


def harmless(text: str, *, name: bool = False) -> bool:
    """Whether `text` is too short for a code, or of a form that no code has: see `shown`."""
    known = _ID.fullmatch(text) or (name and _NAME.fullmatch(text))
    plain = unicodedata.normalize("NFKC", text)
    symbols = sum(character.isascii() and character.isalnum() for character in plain)
    return len(text) <= 4 * SHOWN and (bool(known) or symbols <= SHOWN)
