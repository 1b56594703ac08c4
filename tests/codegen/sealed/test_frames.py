"""Frames by themselves: the nonce that goes in, and what each part of the binding refuses."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.sealed.frames import (
    NONCE_BYTES,
    OVERHEAD,
    FrameBroken,
    FramePosition,
    seal,
    unseal,
)
from mintmark.codegen.secret import Secret

KEY = Secret(b"K" * 32)
POSITION = FramePosition(b"H" * 32, 3, last=False)
NONCE = b"N" * NONCE_BYTES
FRAME = seal(KEY, POSITION, b"CODES", NONCE)


@given(st.binary(max_size=40).filter(lambda nonce: len(nonce) != 12))
def test_a_nonce_of_another_length_is_never_used(nonce):
    """AES-GCM itself would take 8 to 128 bytes."""
    with pytest.raises(ValueError, match="a nonce has 12 bytes"):
        seal(KEY, POSITION, b"CODES", nonce)


@given(st.binary(max_size=80), st.binary(min_size=12, max_size=12))
def test_a_frame_is_nonce_ciphertext_and_tag(codes, nonce):
    frame = seal(KEY, POSITION, codes, nonce)
    associated = b"H" * 32 + b"\0\0\0\3" + b"\0"
    assert frame == nonce + AESGCM(KEY.reveal()).encrypt(nonce, codes, associated)
    assert len(frame) == len(codes) + OVERHEAD
    assert unseal(KEY, POSITION, frame) == codes


@pytest.mark.parametrize(
    "position",
    [
        POSITION._replace(core_hash=b"h" * 32),
        POSITION._replace(number=4),
        POSITION._replace(number=3 + 2**24),
        POSITION._replace(last=True),
    ],
)
def test_a_frame_opens_at_its_position_alone(position):
    with pytest.raises(FrameBroken):
        unseal(KEY, position, FRAME)


@pytest.mark.parametrize("size", range(len(FRAME)))
def test_a_frame_that_was_cut_is_broken_at_any_length(size):
    with pytest.raises(FrameBroken):
        unseal(KEY, POSITION, FRAME[:size])
