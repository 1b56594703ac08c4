"""The key of a station that wants to join, as one word that a person can paste.

    MMST1-‖ Crockford base32 of: Ed25519 public key (32 bytes) ‖ X25519 public key (32) ‖ check (4)

The check is the head of SHA-256 over a label and both keys: against a slip, not against malice,
for which there are the words (`words.py`). `1` is the version: a later form has another number.
White space within it is passed over, since messages break long lines.
"""

import hashlib
import re
from dataclasses import dataclass

from .. import ids
from ..errors import UsageError
from .keys import key_id

_PREFIX = "MMST1-"
_ANY_VERSION = re.compile(r"MMST(\d{1,4})-", re.ASCII)
_LABEL = b"mintmark station key 1\0"
_KEY, _CHECK = 32, 4
_BYTES = 2 * _KEY + _CHECK
_SYMBOLS = -(-_BYTES * 8 // 5)


@dataclass(frozen=True)
class StationPublic:
    """The public half of a station's keys, 32 bytes each: it signs, and is sealed to."""

    sign_public: bytes
    seal_public: bytes

    @property
    def key_id(self) -> str:
        """The id that the roster knows it by."""
        return key_id(self.sign_public)

    @property
    def text(self) -> str:
        """The word to paste."""
        whole = self.sign_public + self.seal_public
        number = int.from_bytes(whole + _check(whole), "big") << (_SYMBOLS * 5 - _BYTES * 8)
        shifts = range((_SYMBOLS - 1) * 5, -1, -5)
        return _PREFIX + "".join(ids.SYMBOLS[number >> shift & 31] for shift in shifts)


def parse(text: str) -> StationPublic:
    """The keys in `text`. Raises `UsageError`, which does not repeat it."""
    folded = ids.fold("".join(text.split()))
    version = _ANY_VERSION.match(folded)
    if version is None:
        raise UsageError(
            "that is no station's key", "paste the station_key that the new station showed: MMST1-…"
        )
    if version[1] != "1":
        raise UsageError(
            "the station's key is of another version of mintmark",
            "install the same version at both stations",
        )
    symbols = folded.removeprefix(_PREFIX)
    number = 0
    for symbol in symbols:
        number = number << 5 | ids.SYMBOLS.find(symbol)
    spare = _SYMBOLS * 5 - _BYTES * 8
    whole = len(symbols) == _SYMBOLS and set(symbols) <= set(ids.SYMBOLS)
    raw = (number >> spare).to_bytes(_BYTES, "big") if whole else b""
    if not whole or number & ((1 << spare) - 1) or _check(raw[: 2 * _KEY]) != raw[2 * _KEY :]:
        raise UsageError(
            "the station's key has a slip in it, or is cut short",
            "paste it once more, all of it: it begins with MMST1- and has"
            f" {len(_PREFIX) + _SYMBOLS} characters",
        )
    return StationPublic(raw[:_KEY], raw[_KEY : 2 * _KEY])


def _check(keys: bytes) -> bytes:
    return hashlib.sha256(_LABEL + keys).digest()[:_CHECK]
