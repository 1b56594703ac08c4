"""Fingerprints (码指纹): the first 16 bytes of HMAC-SHA-256(fingerprint key, canonical code).

HMAC is RFC 2104, SHA-256 is FIPS 180-4; RFC 2104, section 5 allows the cut to half of the
hash. The scan backend gets fingerprints and the key, and no code: whoever scans a code can be
answered, and nobody can list the codes.

What an attacker can do:

- With the fingerprints alone, nothing: without the key they are random bytes.
- With the key as well, try codes, all fingerprints at once. With n codes in a space of S, a
  hit costs about S ÷ n tries: `spec.judge` refuses fewer than 2^40, unless weak codes are
  accepted by name. The hash is fast on purpose, since a mint computes 100 million: the length
  of the code is what makes guessing slow.
- Find two codes with the same fingerprint: 2^64 tries for 128 bits, and the two are of no use,
  because the mint draws the codes. Chance meets are drawn again
  (`sealed.make`).

All batches of a home share a key, because a scanned code does not name its batch. So the same
code has the same fingerprint everywhere, which is what uniqueness rests on.
"""

from functools import cache
from struct import iter_unpack
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from ..secret import Secret

if TYPE_CHECKING:
    from .compiled import Bulk

SCHEME = "hmac-sha256-128"
SIZE = 16  # bytes
_FEW = 2_048  # codes: up to here, and for keys, nothing is ever compiled
# Under the same key as codes are: a code never holds a space, so this is no code.
_KEY_ID_LABEL = b"mintmark fingerprint key id"


def fingerprints(codes: bytes, length: int, key: Secret | bytes) -> bytes:
    """The fingerprints of concatenated canonical codes, 16 bytes each, in order.

    `length`: bytes per code. Raises `ValueError` unless `codes` is a multiple of it.
    """
    if length < 1 or len(codes) % length:
        raise ValueError("not a whole number of codes")
    raw = key.reveal() if isinstance(key, Secret) else key
    few = len(codes) < _FEW * length
    return _one_by_one(codes, length, raw) if few else _bulk()(codes, length, raw)


def prepare(count: int, length: int) -> bool:
    """Whether `fingerprints` are compiled for codes of `length` bytes, `count` of them to come.

    If that pays, they are compiled now.
    """
    return count >= _FEW and _bulk().prepare(count, length)


def why_slow() -> str | None:
    """Why fingerprints in bulk aren't compiled on this machine; None if they are (`compiled`)."""
    from .compiled import unusable

    return unusable(_one_by_one)


def fingerprint(canonical: bytes, key: Secret | bytes) -> bytes:
    """The 16-byte fingerprint of a canonical code."""
    return _hmac(canonical, key)[:SIZE]


def key_id(key: Secret | bytes) -> str:
    """Sixteen hex digits that name a fingerprint key and reveal nothing of it.

    A pseudorandom function of the key at a point that is no code: it helps in no guess.
    """
    return _hmac(_KEY_ID_LABEL, key)[:8].hex()


def _hmac(message: bytes, key: Secret | bytes) -> bytes:
    keyed = _keyed(key)
    keyed.update(message)
    return keyed.finalize()


def _keyed(key: Secret | bytes) -> HMAC:
    return HMAC(key.reveal() if isinstance(key, Secret) else key, SHA256())


def _one_by_one(codes: bytes, length: int, key: bytes) -> bytes:
    # Two and a half times as fast as hmac.digest: the keyed blocks are compressed once, not
    # once per code (RFC 2104, section 4). hashlib's objects, copied alike, take a third longer.
    copy = _keyed(key).copy
    found = bytearray()
    for (code,) in iter_unpack(f"{length}s", codes):
        mac = copy()
        mac.update(code)
        found += mac.finalize()[:SIZE]
    return bytes(found)


@cache
def _bulk() -> "Bulk":
    # Not at the top: whoever computes a few needs nothing of it.
    from .compiled import Bulk

    return Bulk(_one_by_one)
