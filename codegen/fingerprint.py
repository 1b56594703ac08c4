"""Fingerprints (码指纹): the first 16 bytes of HMAC-SHA-256(fingerprint key, canonical code).

RFC 2104 and FIPS 180-4. One-way even for a holder of the key, who can only try codes.
"""

import hashlib

from .secret import Secret

SCHEME = "hmac-sha256-128"
SIZE = 16  # bytes
_BLOCK = 64  # bytes, SHA-256
# No code holds a space, so this is never anybody's code.
_KEY_ID_LABEL = b"mintmark fingerprint key id"


def fingerprints(codes: bytes, length: int, key: Secret | bytes) -> bytes:
    """The fingerprints of concatenated canonical codes, 16 bytes each, in order.

    `length`: bytes a code. Raises `ValueError` if `codes` is no multiple of it.
    """
    if length < 1 or len(codes) % length:
        raise ValueError("not a whole number of codes")
    # Half the cost of hmac.digest: the two keyed blocks are compressed once, not once a code.
    inner, outer = _keyed(key)
    new_inner, new_outer = inner.copy, outer.copy
    found = []
    for first in range(0, len(codes), length):
        one = new_inner()
        one.update(codes[first : first + length])
        two = new_outer()
        two.update(one.digest())
        found.append(two.digest()[:SIZE])
    return b"".join(found)


def fingerprint(canonical: bytes, key: Secret | bytes) -> bytes:
    """The 16-byte fingerprint of one canonical code."""
    return _hmac(canonical, key)[:SIZE]


def key_id(key: Secret | bytes) -> str:
    """Sixteen hex digits that name a fingerprint key and reveal nothing of it."""
    return _hmac(_KEY_ID_LABEL, key)[:8].hex()


def _hmac(message: bytes, key: Secret | bytes) -> bytes:
    inner, outer = _keyed(key)
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


def _keyed(key: Secret | bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    raw = key.reveal() if isinstance(key, Secret) else key
    if len(raw) > _BLOCK:
        raw = hashlib.sha256(raw).digest()
    raw = raw.ljust(_BLOCK, b"\0")
    return (
        hashlib.sha256(bytes(byte ^ 0x36 for byte in raw)),
        hashlib.sha256(bytes(byte ^ 0x5C for byte in raw)),
    )
