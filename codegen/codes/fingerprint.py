"""Fingerprints (码指纹): the first 16 bytes of HMAC-SHA-256(fingerprint key, canonical code).

RFC 2104 and FIPS 180-4. One-way even for a holder of the key, who can only try codes.
"""

from struct import iter_unpack

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from ..secret import Secret

SCHEME = "hmac-sha256-128"
SIZE = 16  # bytes
# No code holds a space, so this is never anybody's code.
_KEY_ID_LABEL = b"mintmark fingerprint key id"


def fingerprints(codes: bytes, length: int, key: Secret | bytes) -> bytes:
    """The fingerprints of concatenated canonical codes, 16 bytes each, in order.

    `length`: bytes a code. Raises `ValueError` if `codes` is no multiple of it.
    """
    if length < 1 or len(codes) % length:
        raise ValueError("not a whole number of codes")
    # Two and a half times as fast as hmac.digest: the keyed blocks are compressed once, not
    # once a code. hashlib's objects, copied alike, take a third longer than these.
    new = _keyed(key).copy
    found = bytearray()
    for (code,) in iter_unpack(f"{length}s", codes):
        one = new()
        one.update(code)
        found += one.finalize()[:SIZE]
    return bytes(found)


def fingerprint(canonical: bytes, key: Secret | bytes) -> bytes:
    """The 16-byte fingerprint of one canonical code."""
    return _hmac(canonical, key)[:SIZE]


def key_id(key: Secret | bytes) -> str:
    """Sixteen hex digits that name a fingerprint key and reveal nothing of it."""
    return _hmac(_KEY_ID_LABEL, key)[:8].hex()


def _hmac(message: bytes, key: Secret | bytes) -> bytes:
    keyed = _keyed(key)
    keyed.update(message)
    return keyed.finalize()


def _keyed(key: Secret | bytes) -> HMAC:
    return HMAC(key.reveal() if isinstance(key, Secret) else key, SHA256())
