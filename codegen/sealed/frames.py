"""Frames: AES-256-GCM over up to 65,536 codes, each bound to its batch and its place.

frame = nonce (12) ‖ ciphertext ‖ tag (16); associated data = core hash (32) ‖ frame
number, u32 big-endian, from 0 ‖ 1 for the last frame, else 0. The nonce is random and
stored, so a frame can be sealed again; under one data key a nonce must never be reused
(NIST SP 800-38D, section 8: at most 2^32 random ones a key; a batch of 100 million codes
takes 1,526).
"""

from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..secret import Secret

KEY_BYTES = 32
NONCE_BYTES = 12
OVERHEAD = NONCE_BYTES + 16


class FrameBroken(Exception):
    """A frame's tag does not hold: nothing of it was used."""


class FramePosition(NamedTuple):
    """Which frame of which batch: what a frame is bound to."""

    core_hash: bytes
    number: int
    last: bool

    @property
    def associated(self) -> bytes:
        """The associated data, 37 bytes."""
        return self.core_hash + self.number.to_bytes(4, "big") + bytes([self.last])


def seal(key: Secret, place: FramePosition, codes: bytes, nonce: bytes) -> bytes:
    """The frame of `codes`, `OVERHEAD` bytes longer. `nonce`: 12 fresh random bytes."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError("a nonce has 12 bytes")
    return nonce + AESGCM(key.reveal()).encrypt(nonce, codes, place.associated)


def unseal(key: Secret, place: FramePosition, frame: bytes) -> bytes:
    """The codes of `frame`. Raises `FrameBroken` unless it is the one that was sealed there."""
    nonce, sealed = frame[:NONCE_BYTES], frame[NONCE_BYTES:]
    try:
        return AESGCM(key.reveal()).decrypt(nonce, sealed, place.associated)
    except (InvalidTag, ValueError):
        raise FrameBroken from None
