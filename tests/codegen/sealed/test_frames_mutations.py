"""A frame byte by byte, against the cipher itself; what `make mutate` found untested."""

import os
import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mintmark.codegen.sealed.frames import (
    KEY_BYTES,
    OVERHEAD,
    FrameBroken,
    FramePosition,
    seal,
    unseal,
)
from mintmark.codegen.secret import Secret

CORE = bytes(range(32))
KEY = Secret(bytes(range(100, 132)))


@pytest.mark.parametrize(
    ("number", "last"), [(0, True), (0, False), (258, True), (2**32 - 1, False)]
)
def test_a_frame_is_nonce_ciphertext_tag_bound_to_its_position(number, last):
    nonce, codes = os.urandom(12), b"ABCDEFGH" * 3
    frame = seal(KEY, FramePosition(CORE, number, last), codes, nonce)
    associated = struct.pack(">32sIB", CORE, number, last)
    assert frame == nonce + AESGCM(KEY.reveal()).encrypt(nonce, codes, associated)
    assert (len(frame) - len(codes), KEY_BYTES) == (OVERHEAD, 32)
    assert unseal(KEY, FramePosition(CORE, number, last), frame) == codes


@pytest.mark.parametrize("size", [0, 8, 11, 13, 16])
def test_no_other_length_of_nonce_is_taken(size):
    """AES-GCM takes any, and hashes it: two of them might meet."""
    with pytest.raises(ValueError, match="12 bytes"):
        seal(KEY, FramePosition(CORE, 0, last=True), b"AB", bytes(size))


@pytest.mark.parametrize("size", range(OVERHEAD + 2))
def test_a_cut_frame_is_broken_and_names_no_cause(size):
    place = FramePosition(CORE, 1, last=False)
    frame = seal(KEY, place, b"AB", bytes(12))
    with pytest.raises(FrameBroken) as caught:
        unseal(KEY, place, frame[:size])
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
