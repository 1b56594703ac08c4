"""Argon2id (RFC 9106): from a passphrase to a key, and what that may cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from ..secret import Secret

SALT_BYTES = 16
KEY_BYTES = 32


@dataclass(frozen=True)
class KdfProfile:
    """Argon2id's cost: memory in KiB, passes, lanes."""

    memory: int
    iterations: int
    lanes: int


# RFC 9106, section 4, second recommended option.
INTERACTIVE = KdfProfile(memory=65_536, iterations=3, lanes=4)
FOR_TESTS_ONLY = KdfProfile(memory=64, iterations=1, lanes=1)
# Bounds for an untrusted key file, which names its cost before its tag can be checked: a file
# made to exhaust this machine's memory is refused before anything is derived.
_SMALLEST = FOR_TESTS_ONLY
_LARGEST = KdfProfile(memory=1_048_576, iterations=16, lanes=16)


def describe(profile: KdfProfile, salt: bytes) -> dict[str, object]:
    """The `kdf` object of a key file."""
    return {
        "name": "argon2id",
        "memory": profile.memory,
        "iterations": profile.iterations,
        "lanes": profile.lanes,
        "salt": salt.hex(),
    }


def is_affordable(kdf: object) -> bool:
    """Whether `kdf` is such an object, its cost within bounds; its salt is not looked at."""
    names = {"name", "memory", "iterations", "lanes", "salt"}
    if not isinstance(kdf, dict) or set(kdf) != names or kdf["name"] != "argon2id":
        return False
    for name in ("memory", "iterations", "lanes"):
        smallest, largest = getattr(_SMALLEST, name), getattr(_LARGEST, name)
        if type(kdf[name]) is not int or not smallest <= kdf[name] <= largest:
            return False
    return bool(kdf["memory"] >= 8 * kdf["lanes"])  # RFC 9106, section 3.1


def derive(kdf: object, passphrase: Secret) -> bytes:
    """The 32-byte key. `kdf` is affordable, and its salt is hex."""
    assert isinstance(kdf, Mapping)  # noqa: S101 - for the type checker; `is_affordable` looked
    argon2 = Argon2id(
        salt=bytes.fromhex(kdf["salt"]),
        length=KEY_BYTES,
        iterations=kdf["iterations"],
        lanes=kdf["lanes"],
        memory_cost=kdf["memory"],
    )
    return argon2.derive(passphrase.reveal())
