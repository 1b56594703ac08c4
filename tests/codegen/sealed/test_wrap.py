import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sealing import Mint, load

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.sealed import signed
from mintmark.codegen.sealed import wrap as wraps_module
from mintmark.codegen.sealed.wrap import WRAPS_BYTES, read_wraps, wrap
from mintmark.codegen.secret import Secret

independent = load("codegen/independent_reader.py")
DATA_KEY = Secret(bytes(range(32)))
FIRST, SECOND = X25519PrivateKey.from_private_bytes(b"1" * 32), X25519PrivateKey.generate()
WHO = [("11" * 8, FIRST.public_key()), ("22" * 8, SECOND.public_key())]


@pytest.fixture(scope="module")
def mint(tmp_path_factory):
    return Mint(tmp_path_factory.mktemp("vault"))


@pytest.fixture(scope="module")
def header(mint):
    return mint.header(10)


@pytest.fixture(scope="module")
def data(mint, header):
    return wrap(DATA_KEY, header, WHO, mint.station, mint.signing.sign)


def test_every_recipient_opens_it(mint, header, data):
    wraps = read_wraps(data, header, mint.station_keys)
    assert wraps.open("11" * 8, FIRST) == DATA_KEY
    assert wraps.open("22" * 8, SECOND) == DATA_KEY
    assert set(wraps.sealed) == {"11" * 8, "22" * 8}
    assert DATA_KEY.reveal().hex().encode() not in data


def test_so_does_hpke_written_from_the_rfc(header, data):
    info = b"mintmark/data-key/1\n" + header.core_hash + b"11" * 8
    sealed = bytes.fromhex(json.loads(data)["wraps"]["11" * 8])
    assert independent.hpke_open(b"1" * 32, sealed, info) == DATA_KEY.reveal()


@pytest.mark.parametrize("key_id", ["11" * 8, "22" * 8, "33" * 8])
def test_a_foreign_key_opens_nothing_and_the_error_names_who_could(mint, header, data, key_id):
    wraps = read_wraps(data, header, mint.station_keys)
    with pytest.raises(IntegrityError) as caught:
        wraps.open(key_id, X25519PrivateKey.generate())
    assert caught.value.details["recipients"] == ["11" * 8, "22" * 8]
    assert "11" * 8 in caught.value.hints[0]


def test_any_flipped_byte_is_an_integrity_error(mint, header, data):
    for at in range(len(data)):
        for bit in (1, 0x20):
            changed = bytearray(data)
            changed[at] ^= bit
            with pytest.raises(IntegrityError):
                read_wraps(bytes(changed), header, mint.station_keys)
    for size in range(0, len(data), 7):
        with pytest.raises(IntegrityError):
            read_wraps(data[:size], header, mint.station_keys)


def resigned(mint, data, **changes):
    document = json.loads(data)
    document.pop("signature")
    return signed.attach({**document, **changes}, signed.WRAPS_LABEL, mint.signing.sign)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"wraps": {}},
        {"wraps": {"11" * 8: "00"}},
        {"wraps": {"11" * 8: "zz" * 80}},
        {"wraps": {"11" * 8: "AA" * 80}},
        {"wraps": {"11" * 8: 1}},
        {"wraps": {f"{n:016x}": "00" * 80 for n in range(65)}},
        {"batch": "TEST-ZZZZZZZZ"},
        {"core_sha256": "00" * 32},
        {"wrapped_by": "99" * 8},
        {"extra": 1},
    ],
)
def test_signed_nonsense_is_refused_too(mint, header, data, changes):
    assert read_wraps(resigned(mint, data), header, mint.station_keys)
    with pytest.raises(IntegrityError):
        read_wraps(resigned(mint, data, **changes), header, mint.station_keys)


@pytest.mark.parametrize("sealed", [bytes(80), b"\xff" * 80])
def test_a_wrap_of_no_curve_point_is_refused(mint, header, data, sealed):
    """Signed, so only a station gone wrong could; still no crash and no key."""
    wraps = read_wraps(
        resigned(mint, data, wraps={"11" * 8: sealed.hex()}), header, mint.station_keys
    )
    with pytest.raises(IntegrityError):
        wraps.open("11" * 8, FIRST)


def test_a_data_key_of_another_size_is_refused(mint, header, data):
    info = b"mintmark/data-key/1\n" + header.core_hash + b"11" * 8
    public = FIRST.public_key().public_bytes_raw()
    for size, ok in ((31, False), (33, False), (32, True)):
        sealed = independent.hpke_seal(public, bytes(size), info, b"e" * 32)
        document = resigned(mint, data, wraps={"11" * 8: sealed.hex()})
        if ok:
            opened = read_wraps(document, header, mint.station_keys).open("11" * 8, FIRST)
            assert opened == Secret(bytes(32))
        else:
            with pytest.raises(IntegrityError):
                read_wraps(document, header, mint.station_keys)


def test_too_long_a_file_is_not_even_parsed(mint, header, data, monkeypatch):
    monkeypatch.setattr(wraps_module, "WRAPS_BYTES", len(data))
    assert read_wraps(data, header, mint.station_keys)
    monkeypatch.setattr(wraps_module, "WRAPS_BYTES", len(data) - 1)
    with pytest.raises(IntegrityError):
        read_wraps(data, header, mint.station_keys)


def test_as_many_recipients_as_there_may_be_fit_into_the_file(mint, header):
    who = [(f"{number:016x}", FIRST.public_key()) for number in range(64)]
    data = wrap(DATA_KEY, header, who, mint.station, mint.signing.sign)
    assert len(data) < WRAPS_BYTES
    assert len(read_wraps(data, header, mint.station_keys).sealed) == 64


def test_recipients_are_1_to_64_different_custodians(mint, header):
    for who in ([], [WHO[0], WHO[0]], [(f"{n:016x}", FIRST.public_key()) for n in range(65)]):
        with pytest.raises(ValueError):
            wrap(DATA_KEY, header, who, mint.station, mint.signing.sign)


def test_a_custodian_may_wrap_anew_and_old_wraps_still_open(mint, header, data):
    """Documented: leaving a custodian out of a newer file takes nothing back."""
    custodian = Ed25519PrivateKey.generate()
    keys = mint.station_keys | {"cc" * 8: custodian.public_key().public_bytes_raw()}
    newer = wrap(DATA_KEY, header, WHO[1:], "cc" * 8, custodian.sign)
    with pytest.raises(IntegrityError, match="does not know"):
        read_wraps(newer, header, mint.station_keys)
    with pytest.raises(IntegrityError):
        read_wraps(newer, header, keys).open("11" * 8, FIRST)
    assert read_wraps(newer, header, keys).open("22" * 8, SECOND) == DATA_KEY
    assert read_wraps(data, header, keys).open("11" * 8, FIRST) == DATA_KEY


@pytest.mark.parametrize("number", [1, 64])
def test_as_many_custodians_as_may_be_wrap_and_open(mint, header, number):
    who = [(f"{n:016x}", FIRST.public_key()) for n in range(number)]
    data = wrap(DATA_KEY, header, who, mint.station, mint.signing.sign)
    assert len(data) <= WRAPS_BYTES
    wraps = read_wraps(data, header, mint.station_keys)
    assert len(wraps.sealed) == number
    assert wraps.open(f"{number - 1:016x}", FIRST) == DATA_KEY


def test_a_file_as_long_as_the_limit_is_read(mint, header, data, monkeypatch):
    assert WRAPS_BYTES == 65_536
    monkeypatch.setattr(wraps_module, "WRAPS_BYTES", len(data))
    assert read_wraps(data, header, mint.station_keys)
    monkeypatch.setattr(wraps_module, "WRAPS_BYTES", len(data) - 1)
    with pytest.raises(IntegrityError, match="is damaged"):
        read_wraps(data, header, mint.station_keys)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"extra": 1}, "is damaged"),
        ({"format": 2}, "is damaged"),
        ({"wraps": {}}, "is damaged"),
        ({"wraps": {"11" * 8: "zz" * 80}}, "is damaged"),
        ({"batch": "TEST-ZZZZZZZZ"}, "belongs to another batch"),
        ({"core_sha256": "00" * 32}, "belongs to another batch"),
        ({"wrapped_by": "99" * 8}, "is signed by a key this home does not know"),
    ],
)
def test_each_error_names_the_file(mint, header, data, changes, words):
    with pytest.raises(IntegrityError, match=f"^the wraps file of batch {header.batch} {words}"):
        read_wraps(resigned(mint, data, **changes), header, mint.station_keys)


def test_a_signature_that_does_not_hold_or_is_none_names_the_file(mint, header, data):
    document = json.loads(data)
    for signature, words in (("00" * 64, "does not hold"), ("00", "is damaged"), ("x", "damaged")):
        forged = signed.dump({**document, "signature": signature})
        with pytest.raises(IntegrityError, match=f"the wraps file of batch .*{words}"):
            read_wraps(forged, header, mint.station_keys)
