"""Bounds of a signature that is otherwise good: its nonce, its headers, its time."""

from datetime import timedelta

import httpx2
import pytest
from backend_kit import Clock
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request

from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.senders import ED25519, Sender
from mintmark.activation.backend.signatures import HEADER_BYTES, verify
from mintmark.activation.client.signing import Key, Parameters, sign

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = Clock()()
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def senders(key_id):
    return Sender(key_id, "line", ED25519, PRIVATE.public_key())


def signed(*, nonce="n" * 32, created=NOW, key_id="key-1"):
    """A request to read a batch, signed; as the server gets it."""
    request = httpx2.Request("GET", "http://127.0.0.1/v1/batches/HM00-BATCH001?after=0")
    sign(request, b"", Parameters(Key(key_id, PRIVATE), created, nonce))
    return Request(
        {
            "type": "http",
            "scheme": "http",
            "method": "GET",
            "path": "/v1/batches/HM00-BATCH001",
            "raw_path": b"/v1/batches/HM00-BATCH001",
            "query_string": b"after=0",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
        }
    )


def refused(request, now=NOW):
    with pytest.raises(Problem) as caught:
        verify(request, b"", senders, now)
    return caught.value.name == "unauthorised"


@pytest.mark.parametrize("length", [16, 128])
def test_a_nonce_has_16_to_128_characters(length):
    assert verify(signed(nonce="n" * length), b"", senders, NOW).sender.key_id == "key-1"


@pytest.mark.parametrize("length", [1, 15, 129, 1_000])
def test_a_shorter_or_longer_nonce_is_refused(length):
    assert refused(signed(nonce="n" * length))


def test_headers_longer_than_the_bound_are_not_parsed():
    key = "k" * HEADER_BYTES
    assert refused(signed(key_id=key))
    assert verify(signed(key_id=key[:3_000]), b"", senders, NOW).sender.key_id == key[:3_000]


def test_a_signature_is_good_from_a_minute_before_it_was_made_until_it_expires():
    request = signed()
    for now in (NOW - MINUTE, NOW, NOW + 5 * MINUTE):
        assert verify(request, b"", senders, now).sender.key_id == "key-1"
    for now in (NOW - MINUTE - SECOND, NOW + 5 * MINUTE + SECOND):
        assert refused(request, now)


def test_its_nonce_is_kept_for_as_long_as_it_is_good():
    """By any clock that `verify` may go by: one that was a minute ahead, and then is set back."""
    assert verify(signed(), b"", senders, NOW - MINUTE).until >= NOW + 5 * MINUTE
    assert verify(signed(), b"", senders, NOW).until >= NOW + 5 * MINUTE + MINUTE
