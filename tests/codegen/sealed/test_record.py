"""The mint record: what is signed is still checked, and belongs to a single batch."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sealing import Mint

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.sealed import record, signed
from mintmark.codegen.sealed.record import RECORD_BYTES, read_record


@pytest.fixture(scope="module")
def mint(tmp_path_factory):
    return Mint(tmp_path_factory.mktemp("vault"))


@pytest.fixture(scope="module")
def header(mint):
    """Ten codes, in frames of four: three frames."""
    return mint.mint(10, frame_size=4)


@pytest.fixture(scope="module")
def data(mint, header):
    return mint.vault.parts(header.batch).record.read_bytes()


def resigned(data, sign, **changes):
    document = json.loads(data)
    document.pop("signature")
    return signed.attach({**document, **changes}, signed.RECORD_LABEL, sign)


def test_what_is_written_is_read_back(mint, header, data):
    found = read_record(data, header, mint.station_keys)
    assert found.to_bytes(mint.signing.sign) == data
    assert resigned(data, mint.signing.sign) == data
    assert (found.quantity, len(found.fingerprint_frames), found.redrawn) == (10, 3, 0)


DIGEST = "ab" * 32


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"batch": "TEST-ZZZZZZZZ"},
        {"core_sha256": "00" * 32},
        {"quantity": 11},
        {"redrawn": -1},
        {"prefix_bits": 0},
        {"prefix_bits": 65},
        {"sealed_sha256": DIGEST.upper()},
        {"fingerprints_sha256": DIGEST[2:]},
        {"run_sha256": "z" * 64},
        {"fingerprint_frames": [DIGEST] * 2},
        {"fingerprint_frames": [DIGEST] * 4},
        {"fingerprint_frames": [DIGEST, DIGEST, 1]},
        {"fingerprint_frames": [DIGEST, DIGEST, DIGEST.upper()]},
        {"extra": 1},
    ],
    ids=str,
)
def test_signed_nonsense_is_refused_too(mint, header, data, changes):
    with pytest.raises(IntegrityError):
        read_record(resigned(data, mint.signing.sign, **changes), header, mint.station_keys)


@pytest.mark.parametrize("changes", [{"prefix_bits": 1}, {"prefix_bits": 64}, {"redrawn": 9}])
def test_the_bounds_themselves_are_taken(mint, header, data, changes):
    assert read_record(resigned(data, mint.signing.sign, **changes), header, mint.station_keys)


def test_another_station_of_the_home_cannot_vouch(mint, header, data):
    """Its signature holds, and it did not mint the batch."""
    other = Ed25519PrivateKey.generate()
    keys = mint.station_keys | {"77" * 8: other.public_key().public_bytes_raw()}
    with pytest.raises(IntegrityError, match="another batch"):
        read_record(resigned(data, other.sign, station_key_id="77" * 8), header, keys)


def test_too_long_a_file_is_not_even_parsed(mint, header, data, monkeypatch):
    with pytest.raises(IntegrityError):
        read_record(b" " * (RECORD_BYTES + 1), header, mint.station_keys)
    monkeypatch.setattr(record, "RECORD_BYTES", len(data) - 1)
    with pytest.raises(IntegrityError):
        read_record(data, header, mint.station_keys)


def test_fingerprints_are_those_of_their_frame(mint, header, data):
    found = read_record(data, header, mint.station_keys)
    block = mint.vault.parts(header.batch).fingerprints.read_bytes()[:64]
    found.check_fingerprints(0, block)
    for frame, other in ((1, block), (0, block[:-16]), (0, block[16:] + block[:16])):
        with pytest.raises(IntegrityError, match=f"frame {frame}"):
            found.check_fingerprints(frame, other)
