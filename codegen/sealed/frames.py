"""Frames: AES-256-GCM over the codes of up to 65,536 serials, bound to batch and position.

    frame = nonce (12) ‖ ciphertext ‖ tag (16)
    associated data = core hash (32) ‖ frame number, u32 big-endian, from 0 ‖
                      0x01 for the last frame, 0x00 for any other

The nonce is random and stored with the frame. A counter would be cheaper, but a frame is
sealed again when a code in it collides (`batch.replace`), and a counter that starts anew
repeats itself. Two frames under the same nonce show the XOR of their codes and give away the key
of the tag (NIST SP 800-38D, appendix A). Random nonces of 96 bits are the construction of
its section 8.2.2; section 8.3 allows 2^32 of them per key. A data key seals a single batch:
1,526 frames for 100 million codes, 65,536 for the largest quantity. Among n frames the chance
that two share a nonce is below n² ÷ 2^97.

The associated data stops whoever can write to the vault but does not have the data key:

- The core hash: a frame opens under the header it was sealed for, and no other. A station
  that was taken over can sign a header with another alphabet, length or quantity; the
  frames then refuse it, though the signature holds.
- The number: frames that are swapped or doubled would give serials the codes of other
  serials, and a void or an activation would reach the wrong labels.
- The last flag: a batch that is cut after a frame has no last frame (this is the end mark
  of STREAM; Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption, 2015).
  `batch.Reader` compares the file's length with the header first; the flag holds also for
  whoever reads frames by themselves.

Accepted: a frame that was replaced opens in its older sealing too. Only digests in the
mint record tell the two apart. And GCM does not commit to its key: whoever chooses two
keys can make a frame that opens under both. Only the station and the custodians can name
a data key, because the wraps are signed, and they could sign two batches as well.
"""

from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..secret import Secret

KEY_BYTES = 32
NONCE_BYTES = 12
OVERHEAD = NONCE_BYTES + 16


class FrameBroken(Exception):
    """The tag of a frame does not hold: nothing of the frame was used."""


class FramePosition(NamedTuple):
    """A frame of a batch: what the ciphertext is bound to."""

    core_hash: bytes
    number: int
    last: bool

    @property
    def associated(self) -> bytes:
        """The associated data, 37 bytes."""
        return self.core_hash + self.number.to_bytes(4, "big") + bytes([self.last])


def seal(key: Secret, position: FramePosition, codes: bytes, nonce: bytes) -> bytes:
    """The frame of `codes`, `OVERHEAD` bytes longer than they.

    `nonce`: 12 fresh random bytes. Raises `ValueError` for any other number of bytes.
    """
    # AESGCM takes 8 to 128 bytes. Fewer than 12 repeat sooner; and the frame would have
    # another size than the layout of the file says.
    if len(nonce) != NONCE_BYTES:
        raise ValueError("a nonce has 12 bytes")
    return nonce + AESGCM(key.reveal()).encrypt(nonce, codes, position.associated)


def unseal(key: Secret, position: FramePosition, frame: bytes) -> bytes:
    """The codes of `frame`.

    Raises `FrameBroken` unless `frame` was sealed at `position` under `key`.
    """
    nonce, sealed = frame[:NONCE_BYTES], frame[NONCE_BYTES:]
    try:
        return AESGCM(key.reveal()).decrypt(nonce, sealed, position.associated)
    # ValueError: less than a nonce is left, of a file that was cut while it was read.
    except (InvalidTag, ValueError):
        raise FrameBroken from None
