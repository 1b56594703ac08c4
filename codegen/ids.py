"""Short random ids for homes, batches, packages and orders: Crockford base32."""

import re
import unicodedata
from collections.abc import Callable, Iterator

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SHOWN = 7  # letters and digits: a code of fewer would be too easy to guess
_ID = re.compile(r"[0-9A-Za-z]{4}-(?:[0-9A-Za-z]{8}|[0-9A-Za-z]{12}|[0-9A-Za-z]{20})", re.ASCII)
_WITHIN = re.compile(rf"(?<![0-9A-Za-z-]){_ID.pattern}(?![0-9A-Za-z-])", re.ASCII)
# No code is in lower case when it is typed as printed. But one that was typed so is of long words
# or groups of four or five; in a hundredth of all codes digits stand at the end alone.
_NAME = re.compile(
    r"(?!(?:[a-z]{4}[-_ ]){2}|(?:[a-z]{5}[-_ ]){2})"
    r"[a-z]{1,11}(?:[-_ ][a-z]{1,11})*(?:[-_ ]?\d{1,3})?|(?:[a-z]+/)?\d{1,6}\.[a-z]{2,4}",
    re.ASCII,
)
_PART = re.compile(r"[^/\\\\=,:@?&]+")
_WORD = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_ENDING = re.compile(r"(?:\.[A-Za-z]{1,5})*$", re.ASCII)
_CHANGES = re.compile(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])", re.ASCII)  # within a group
_ALIKE = re.compile(r"(?!20\d\d[01]\d[0-3]\d)\d{12,}|[A-Z]{12,}", re.ASCII)  # no time of day
_KEY_ID = re.compile(r"(?=.*[a-f])[0-9a-f]{16}", re.ASCII)
A_CODE = "(what may be a code)"
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
    """`typed`, a path, say, as an error may repeat it: without its `suspects`."""
    for part in suspects(typed):
        typed = typed.replace(part, A_CODE)
    return typed


def suspects(typed: str) -> list[str]:
    """The parts of a path, an address or an assignment that look like codes, longest first.

    For what may be called anything. Unlike `shown` it takes for a code only what people hardly
    call a file: letters and digits in turn, or many of either; grouped, or within a name.
    """
    plain = "".join(map(_narrow, typed))
    found = set()
    for part in _PART.finditer(plain):
        whole = _looks_like(_ENDING.sub("", part[0]))
        # An id that is known as one is no name with a code in it.
        rest = _WITHIN.sub(lambda known: " " * len(known[0]), part[0])
        spans = [(0, len(part[0]))] if whole else [word.span() for word in _words(rest)]
        found |= {typed[part.start() + start : part.start() + end] for start, end in spans}
    return sorted(found, key=len, reverse=True)


def _words(text: str) -> Iterator[re.Match[str]]:
    return (word for word in _WORD.finditer(text) if _looks_like(word[0], any_case=True))


def mixed(text: str) -> bool:
    """Whether letters and digits stand in turn, as names and numbers hardly have them."""
    return len(_CHANGES.findall(text)) >= 3


def _narrow(character: str) -> str:
    """The plain form of a wide letter or digit, if that is one character, too."""
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 else character


def _looks_like(stem: str, *, any_case: bool = False) -> bool:
    """`any_case`: letters may be of both cases at once."""
    symbols = "".join(filter(str.isalnum, stem))
    alike = symbols in (symbols.upper(), symbols.lower())
    if not symbols.isascii() or not (alike or any_case) or len(symbols) < LIKE_A_CODE:
        return False
    if _ID.fullmatch(stem) or _KEY_ID.fullmatch(stem):
        return False
    return mixed(stem) or bool(_ALIKE.fullmatch(symbols))


def is_id(text: str) -> bool:
    """Whether `text` has the form of an id made here or in another home."""
    return _ID.fullmatch(text) is not None


def harmless(text: str, *, name: bool = False) -> bool:
    """Whether `text` is too short for a code, or of a form that no code has: see `shown`."""
    known = is_id(text) or (name and _NAME.fullmatch(text))
    plain = unicodedata.normalize("NFKC", text)
    symbols = sum(character.isascii() and character.isalnum() for character in plain)
    return len(text) <= 4 * SHOWN and (bool(known) or symbols <= SHOWN)
