import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealing import Mint

from mintmark.codegen.codes.spec import ALPHABETS, CodeSpec
from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ranges.roles import ROLES
from mintmark.codegen.sealed import header as header_module
from mintmark.codegen.sealed import signed
from mintmark.codegen.sealed.header import (
    HEADER_BYTES,
    MAGIC,
    PREAMBLE_BYTES,
    CoreHeader,
    preamble,
    preamble_size,
    read_preamble,
)

HEADERS = st.builds(
    lambda alphabet, length, quantity, size, role, pair, created: CoreHeader(
        home="TEST-000000000000",
        batch="TEST-00000001",
        symbols=(spec := CodeSpec.of(alphabet, length)).symbols,
        length=length,
        canonical=spec.canonical,
        quantity=quantity,
        frame_size=size,
        fingerprint_key_id="0f" * 8,
        role=role,
        pair_of=pair,
        station_key_id="5a" * 8,
        created=created,
    ),
    st.sampled_from([*ALPHABETS, "ACDEF", "AB-._~"]),
    st.integers(1, 64),
    st.integers(1, 2**32 - 1),
    st.integers(1, 65_536),
    st.sampled_from(ROLES),
    st.sampled_from([None, "TEST-ZZZZZZZZ"]),
    st.sampled_from(["2026-11-22T08:00:00Z", "2026-11-22T08:00:00.123456+08:00"]),
)


@pytest.fixture
def mint(tmp_path):
    return Mint(tmp_path)


@given(HEADERS)
def test_headers_round_trip(header):
    data = header.to_bytes()
    assert len(data) <= HEADER_BYTES
    assert CoreHeader.from_bytes(data) == header
    assert header.core_hash == hashlib.sha256(data).digest()
    assert sum(header.count(frame) for frame in {0, header.frames - 1}) <= header.quantity
    assert (header.frames - 1) * header.frame_size + header.count(header.frames - 1) == (
        header.quantity
    )


@given(HEADERS, st.data())
def test_what_parses_serialises_back_byte_for_byte(header, data):
    changed = bytearray(header.to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        parsed = CoreHeader.from_bytes(bytes(changed))
    except IntegrityError:
        return
    assert parsed.to_bytes() == changed


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_malformed_bytes_are_an_integrity_error(data):
    with pytest.raises(IntegrityError):
        CoreHeader.from_bytes(data)
    with pytest.raises(IntegrityError):
        read_preamble(MAGIC + len(data).to_bytes(4, "big") + data + bytes(64), {})


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 4_000,
        b'{"a":' * 800,
        b"9" * 4_096,
        b'"\\ud800"',
        b"NaN",
        b"1e999",
        b"\xff\xfe",
        b"null",
    ],
)
def test_so_is_json_that_breaks_parsers(data):
    with pytest.raises(IntegrityError) as caught:
        CoreHeader.from_bytes(data)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "fields",
    [
        {"format": 2},
        {"home": "ABCD-000000000000"},  # a home's id, but not the batch's home
        {"home": "OTHR-000000000000"},  # Crockford's alphabet has no O
        {"home": "TEST"},
        {"batch": "../../../etc"},
        {"batch": "TEST-0000000I"},
        {"batch": "TEST-00000001\n"},
        {"symbols": "aB"},
        {"symbols": "AA"},
        {"symbols": "ab"},
        {"symbols": "9876543210"},
        {"length": 0},
        {"length": 65},
        {"canonical": "upper"},
        {"quantity": 0},
        {"quantity": 2**32},
        {"frame_size": 0},
        {"frame_size": 65_537},
        {"scheme": "hmac-md5"},
        {"fingerprint_key_id": "0F" * 8},
        {"station_key_id": "short"},
        {"role": "king"},
        {"pair_of": "x"},
        {"created": "yesterday"},
        {"created": "2026-11-22T08:00:00"},
    ],
)
def test_fields_outside_their_bounds_cannot_be(mint, fields):
    with pytest.raises(ValueError):
        mint.header(**{"quantity": 10, **fields})
    plain = json.loads(mint.header(10).to_bytes()) | fields
    with pytest.raises(IntegrityError):
        CoreHeader.from_bytes(signed.dump(plain))


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": True},
        {"quantity": "10"},
        {"quantity": None},
        {"home": 1},
        {"pair_of": 1},
        {"extra": 1},
        {"role": ["item"]},
    ],
)
def test_types_and_keys_are_exact(mint, change):
    plain = json.loads(mint.header(10).to_bytes()) | change
    with pytest.raises(IntegrityError):
        CoreHeader.from_bytes(signed.dump(plain))


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda data: data + b"\n",
        lambda data: data.replace(b":10", b": 10"),
        lambda data: data.replace(b":10", b":10.0"),
        lambda data: data.replace(b":10", b":1e1"),
        lambda data: data.replace(b'"format":1', b'"format":1,"format":1'),
        lambda data: data.replace(b'"item"', b'"\\u0069tem"'),
        lambda data: json.dumps(dict(reversed(json.loads(data).items()))).encode(),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.decode().encode("utf-16"),
    ],
)
def test_a_header_has_a_single_form(mint, rewrite):
    data = mint.header(10).to_bytes()
    assert rewrite(data) != data
    with pytest.raises(IntegrityError):
        CoreHeader.from_bytes(rewrite(data))


def test_a_missing_member_is_an_integrity_error(mint):
    plain = json.loads(mint.header(10).to_bytes())
    for name in plain:
        with pytest.raises(IntegrityError):
            CoreHeader.from_bytes(signed.dump({k: v for k, v in plain.items() if k != name}))


def test_preambles_round_trip_and_need_the_station(mint):
    header = mint.header(10)
    data = preamble(header, mint.signing.sign)
    assert len(data) == preamble_size(header) <= PREAMBLE_BYTES
    assert read_preamble(data + b"frames", mint.station_keys) == header
    with pytest.raises(IntegrityError, match="does not know"):
        read_preamble(data, {})
    with pytest.raises(IntegrityError, match="does not hold"):
        read_preamble(data, {mint.station: bytes(31) + b"\x01"})


def test_too_long_a_header_is_not_even_parsed(mint, monkeypatch):
    core = mint.header(10)
    data = preamble(core, mint.signing.sign)
    for limit, taken in ((len(core.to_bytes()), True), (len(core.to_bytes()) - 1, False)):
        monkeypatch.setattr(header_module, "HEADER_BYTES", limit)
        for read in (
            lambda: CoreHeader.from_bytes(core.to_bytes()),
            lambda: read_preamble(data, mint.station_keys),
        ):
            if taken:
                assert read() == core
            else:
                with pytest.raises(IntegrityError):
                    read()


def test_every_byte_of_a_preamble_matters(mint):
    data = preamble(mint.header(10), mint.signing.sign)
    for at in range(len(data)):
        for bit in (1, 0x20, 0x80):
            changed = bytearray(data)
            changed[at] ^= bit
            with pytest.raises(IntegrityError):
                read_preamble(bytes(changed), mint.station_keys)
    for size in range(len(data)):
        with pytest.raises(IntegrityError):
            read_preamble(data[:size], mint.station_keys)


def test_a_header_signature_is_good_for_nothing_else(mint):
    """The same bytes under another label do not verify."""
    core = mint.header(10).to_bytes()
    data = MAGIC + len(core).to_bytes(4, "big") + core
    for label in (b"", signed.WRAPS_LABEL, signed.RECORD_LABEL):
        with pytest.raises(IntegrityError):
            read_preamble(data + mint.signing.sign(label + core), mint.station_keys)
