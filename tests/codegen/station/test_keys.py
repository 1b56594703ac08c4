"""Key files: what is read is what was written, or nothing is."""

import contextlib
import errno
import json
import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError, MintmarkError, NotFound, Refused, UsageError
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import kdf, keys
from mintmark.codegen.station.key_document import KEY_FILE_BYTES

PASSPHRASE = Secret(b"nine words are better than one")
CUSTODIAN = keys.new_custodian_key(os.urandom)
STATION = keys.new_signing_key("station", "station", os.urandom)
FINGERPRINT = Secret(os.urandom(32))


def write_custodian(path):
    keys.write_custodian_key(path, CUSTODIAN, PASSPHRASE, os.urandom, keys.FOR_TESTS_ONLY)


def custodian_facts(key):
    return (key.public, key.signing.private_bytes_raw(), key.sealing.private_bytes_raw())


def signing_facts(key):
    return (key.key_id, key.kind, key.name, key.private.private_bytes_raw())


# kind → (write, read, what must come back)
KINDS = {
    "custodian": (
        write_custodian,
        lambda path: custodian_facts(keys.read_custodian_key(path, lambda: PASSPHRASE)),
        custodian_facts(CUSTODIAN),
    ),
    "public": (
        lambda path: keys.write_custodian_public(path, CUSTODIAN.public),
        keys.read_custodian_public,
        CUSTODIAN.public,
    ),
    "signing": (
        lambda path: keys.write_signing_key(path, STATION),
        lambda path: signing_facts(keys.read_signing_key(path)),
        signing_facts(STATION),
    ),
    "fingerprint": (
        lambda path: keys.write_fingerprint_key(path, FINGERPRINT),
        keys.read_fingerprint_key,
        FINGERPRINT,
    ),
}
SECRETS = {
    "custodian": custodian_facts(CUSTODIAN)[1:],
    "signing": (STATION.private.private_bytes_raw(),),
    "fingerprint": (FINGERPRINT.reveal(),),
    "passphrase": (PASSPHRASE.reveal(),),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
def written(kind, folder):
    """(path, its bytes, read, what must come back); the file may be spoiled."""
    write, read, expected = KINDS[kind]
    path = folder / f"{kind}.key"
    path.unlink(missing_ok=True)
    write(path)
    return path, path.read_bytes(), read, expected


FORMS = [
    form
    for secrets in SECRETS.values()
    for secret in secrets
    for form in (secret.hex(), repr(secret), secret.decode("latin-1"))
]


def shows_no_secret(text):
    assert not any(form in text for form in FORMS)


def fails_closed(read, path, expected):
    """Either the very key comes back, or `IntegrityError` does and shows no secret."""
    found, failure = None, None
    try:
        found = read(path)
    except IntegrityError as error:
        failure = error
    if failure is None:
        assert found == expected
        return False
    shows_no_secret("".join([failure.message, *failure.hints, repr(failure.details)]))
    assert failure.__cause__ is None
    assert failure.__suppress_context__ or failure.__context__ is None
    return True


def test_a_key_comes_back_as_it_was_written(written):
    path, _, read, expected = written
    assert read(path) == expected


def test_a_key_file_is_its_owners_alone(written):
    if os.name != "nt":
        assert stat.S_IMODE(written[0].stat().st_mode) == 0o600


def test_every_flipped_byte_is_noticed_or_means_nothing(written):
    path, data, read, expected = written
    noticed = 0
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        noticed += fails_closed(read, path, expected)
    # Nothing but white space may change unnoticed: a tab for a space, say.
    assert noticed >= sum(not chr(byte).isspace() for byte in data)


@given(data=st.data())
def test_any_flipped_byte_is_noticed_or_means_nothing(data):
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    path, whole, read, expected = _kept(kind)
    at = data.draw(st.integers(0, len(whole) - 1))
    flip = data.draw(st.integers(1, 255))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
    try:
        fails_closed(read, path, expected)
    finally:
        path.write_bytes(whole)


_files = {}


@pytest.fixture(autouse=True, scope="module")
def _keep(folder):
    for kind, (write, read, expected) in KINDS.items():
        path = folder / f"kept-{kind}.key"
        write(path)
        _files[kind] = path, path.read_bytes(), read, expected
    yield
    _files.clear()


def _kept(kind):
    return _files[kind]


def test_a_cut_file_is_damaged(written):
    path, data, read, expected = written
    for size in range(0, len(data) - 1, 5):  # the last byte is a line's end
        path.write_bytes(data[:size])
        assert fails_closed(read, path, expected)


def test_a_file_with_more_in_it_is_damaged(written):
    path, data, read, expected = written
    for tail in (b"x", data, b" " * KEY_FILE_BYTES):
        path.write_bytes(data + tail)
        assert fails_closed(read, path, expected)


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"7", b'"x"', b"{}", b"\xff\xfe{}", b"[" * 10_000, b'{"format": []}'],
)
def test_what_is_no_key_file_is_damaged(written, data):
    path, _, read, _ = written
    path.write_bytes(data)
    with pytest.raises(IntegrityError):
        read(path)


@pytest.mark.parametrize("value", [None, 7, [], {}, "", "zz" * 32, "é" * 64, "A" * 64, " " * 64])
def test_every_field_must_be_of_its_form(written, value):
    path, data, read, _ = written
    document = json.loads(data)
    for name in document:
        if (name, value) != ("name", ""):
            path.write_text(json.dumps({**document, name: value}), "utf-8")
            with pytest.raises(IntegrityError):
                read(path)


def test_a_key_of_another_kind_is_told_from_a_damaged_one(folder):
    for theirs in KINDS:
        for mine, (_, read, expected) in KINDS.items():
            if mine != theirs:
                assert fails_closed(read, _kept(theirs)[0], expected)


def test_a_missing_file_is_not_found(tmp_path, kind):
    with pytest.raises(NotFound, match=r"gone\.key") as caught:
        KINDS[kind][1](tmp_path / "gone.key")
    brought = "bring the key for this command, then take it away again"
    assert (brought in caught.value.hints[0]) is (kind == "custodian")


# --- the custodian's passphrase --------------------------------------------------------


@given(wrong=st.binary(max_size=40))
def test_no_other_passphrase_opens_it(wrong):
    path = _kept("custodian")[0]
    if wrong != PASSPHRASE.reveal():
        with pytest.raises(IntegrityError, match="wrong passphrase") as caught:
            keys.read_custodian_key(path, lambda: Secret(wrong))
        assert caught.value.exit_code == 5
        shows_no_secret(str(caught.value))


def test_the_passphrase_is_asked_for_only_once_the_file_is_well_formed(tmp_path):
    path = tmp_path / "custodian.key"
    path.write_bytes(_kept("custodian")[1].replace(b"argon2id", b"argon2xx"))

    def ask():
        raise AssertionError("asked")

    with pytest.raises(IntegrityError):
        keys.read_custodian_key(path, ask)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory", 1_048_577),
        ("memory", 2**64),
        ("memory", 63),
        ("memory", -64),
        ("memory", True),
        ("memory", 64.0),
        ("memory", "64"),
        ("iterations", 17),
        ("iterations", 0),
        ("lanes", 17),
        ("lanes", 0),
        ("lanes", 9),  # 64 KiB are too few for nine lanes: RFC 9106, section 3.1
        ("salt", ""),
        ("salt", "00" * 1_000),
        ("salt", 7),
        ("name", "argon2i"),
        ("name", []),
    ],
)
def test_what_a_file_may_cost_is_bounded_before_deriving(tmp_path, monkeypatch, name, value):
    path = tmp_path / "custodian.key"
    document = json.loads(_kept("custodian")[1])
    document["kdf"][name] = value
    path.write_text(json.dumps(document), "utf-8")
    monkeypatch.setattr(kdf, "Argon2id", None)  # would fail otherwise
    with pytest.raises(IntegrityError, match="damaged"):
        keys.read_custodian_key(path, lambda: PASSPHRASE)


def test_every_field_of_the_custodians_file_is_bound_to_its_ciphertext(tmp_path):
    """A public key exchanged for another's would seal batches to a stranger."""
    path = tmp_path / "custodian.key"
    other = keys.new_custodian_key(os.urandom).public
    document = json.loads(_kept("custodian")[1])
    for change in (
        {"seal_public": other.seal_public.hex()},
        {"sign_public": other.sign_public.hex()},
        {"key_id": other.key_id},
        {"nonce": "00" * 12},
        {"kdf": {**document["kdf"], "iterations": 2}},
    ):
        path.write_text(json.dumps({**document, **change}), "utf-8")
        with pytest.raises(IntegrityError):
            keys.read_custodian_key(path, lambda: PASSPHRASE)


def test_the_same_key_under_the_same_passphrase_is_never_the_same_file(tmp_path):
    write_custodian(tmp_path / "a.key")
    write_custodian(tmp_path / "b.key")
    a, b = (json.loads((tmp_path / name).read_bytes()) for name in ("a.key", "b.key"))
    assert a["kdf"]["salt"] != b["kdf"]["salt"]
    assert a["nonce"] != b["nonce"]
    assert a["ciphertext"] != b["ciphertext"]


def test_the_custodians_file_shows_no_private_key(tmp_path):
    data = _kept("custodian")[1]
    shows_no_secret(data.decode())
    for secret in SECRETS["custodian"]:
        assert secret not in bytes.fromhex(json.loads(data)["ciphertext"])


@pytest.mark.parametrize("text", [b"", b"seven77"])
def test_a_new_passphrase_is_not_short(text):
    with pytest.raises(UsageError, match="8 bytes"):
        keys.check_passphrase(Secret(text))


def test_a_passphrase_of_eight_bytes_will_do():
    assert keys.check_passphrase(Secret(b"eight888")) == Secret(b"eight888")


def test_the_profile_in_use_is_the_rfcs():
    assert keys.KdfProfile(memory=64 * 1024, iterations=3, lanes=4) == keys.INTERACTIVE


# --- ids, shows, writes ----------------------------------------------------------------


def test_the_id_names_all_public_parts():
    a, b = os.urandom(32), os.urandom(32)
    assert keys.key_id(a, b) != keys.key_id(b, a)
    assert CUSTODIAN.public.key_id == keys.key_id(
        CUSTODIAN.public.sign_public, CUSTODIAN.public.seal_public
    )
    assert STATION.key_id == keys.key_id(STATION.public)


@pytest.mark.parametrize("thing", [CUSTODIAN, STATION, FINGERPRINT])
def test_a_repr_shows_no_secret(thing):
    shows_no_secret(repr(thing))
    shows_no_secret(str(thing))


def test_a_signature_is_the_keys_own():
    for key, public in ((STATION, STATION.public), (CUSTODIAN, CUSTODIAN.public.sign_public)):
        signature = key.sign(b"message")
        verifier = keys.serialization.load_der_public_key(
            bytes.fromhex("302a300506032b6570032100") + public  # RFC 8410, section 4
        )
        verifier.verify(signature, b"message")


def test_nothing_is_overwritten(tmp_path, kind):
    path = tmp_path / "mine.txt"
    path.write_bytes(b"mine")
    with pytest.raises(Refused, match="exists already"):
        KINDS[kind][0](path)
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch, kind, error):
    def fail(_):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        KINDS[kind][0](tmp_path / "a.key")
    assert list(tmp_path.iterdir()) == []


def test_no_folder_no_file(tmp_path, kind):
    with pytest.raises(FileNotFoundError):
        KINDS[kind][0](tmp_path / "gone" / "a.key")


@settings(max_examples=25)
@given(document=st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
))  # fmt: skip
def test_any_json_is_read_or_refused_without_a_crash(document):
    for kind in KINDS:
        path, whole, read, _ = _kept(kind)
        mixed = json.loads(whole)
        if isinstance(document, dict):
            mixed |= document
        for attempt in (document, mixed):
            path.write_text(json.dumps(attempt), "utf-8")
            with contextlib.suppress(MintmarkError):
                read(path)
            path.write_bytes(whole)
        assert read(path) == KINDS[kind][2]
