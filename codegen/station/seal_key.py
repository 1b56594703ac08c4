"""`keys/seal.key`: what a station that joined is sent the home's fingerprint key under.

The file also says which home was joined, as the people who compared the words were told it
(`words.py`): the station believes no other, whatever database its settings name later.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from ..files import write_exclusively
from ..notes import dump, with_check
from .key_document import SEALING, damaged, from_hex, load_checked
from .keys import Entropy

NAME = "seal.key"
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class SealKey:
    """An X25519 key, and the home it is for: its id, and the hash of its second event, hex."""

    home: str
    founding: str
    private: X25519PrivateKey

    @property
    def public(self) -> bytes:
        """The 32-byte public key."""
        return self.private.public_key().public_bytes_raw()


def new_seal_key(home: str, founding: str, entropy: Entropy) -> SealKey:
    """A fresh key for the home."""
    return SealKey(home, founding, X25519PrivateKey.from_private_bytes(entropy(32)))


def write_seal_key(path: Path, key: SealKey) -> None:
    """Write `key` to a new file only its owner may read."""
    document = {
        "format": SEALING,
        "home": key.home,
        "founding": key.founding,
        "x25519": key.private.private_bytes_raw().hex(),
    }
    write_exclusively(path, dump(with_check(document)))


def read_seal_key(path: Path) -> SealKey:
    """The key at `path`. Raises `NotFound` without the file, `IntegrityError` if it is damaged."""
    document = load_checked(path, SEALING, {"home", "founding", "x25519"})
    if not _HASH.fullmatch(document["founding"]):
        raise damaged(path)
    private = X25519PrivateKey.from_private_bytes(from_hex(path, document["x25519"], 32))
    return SealKey(document["home"], document["founding"], private)
