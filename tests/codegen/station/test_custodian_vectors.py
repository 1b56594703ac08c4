"""Custodians' key files: every vector comes to what its page says, in mintmark."""

import json
import re

import pytest
from sealing import TESTS, load

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import keys

VECTORS = TESTS / "vectors" / "custodian-key"
PAGE = TESTS.parent / "docs" / "formats" / "keys.md"
ALL = {path.stem: json.loads(path.read_text("ascii")) for path in sorted(VECTORS.glob("*.json"))}
MAKER = load("vectors/make_custodian_keys.py")


def of(*, public):
    return sorted(name for name, vector in ALL.items() if vector["public"] == public)


def test_there_are_vectors_of_every_outcome():
    outcomes = {(vector["public"], vector["refused"]) for vector in ALL.values()}
    assert outcomes == {(False, None), (False, "form"), (False, "tag"), (False, "keys"),
                        (True, None), (True, "form")}  # fmt: skip


@pytest.mark.parametrize("name", of(public=False))
def test_a_private_key_is_read_or_refused_where_it_should_be(name, tmp_path):
    vector, asked = ALL[name], []
    path = tmp_path / "custodian.key"
    path.write_bytes(vector["file"].encode("ascii"))

    def passphrase():
        asked.append(name)
        return Secret(bytes.fromhex(vector["passphrase"]))

    if vector["expected"]:
        key = keys.read_custodian_key(path, passphrase)
        assert vector["expected"] == {
            "key_id": key.public.key_id,
            "ed25519": key.signing.private_bytes_raw().hex(),
            "x25519": key.sealing.private_bytes_raw().hex(),
        }
        return
    with pytest.raises(IntegrityError) as caught:
        keys.read_custodian_key(path, passphrase)
    assert bool(asked) == (vector["refused"] != "form")
    assert ("wrong passphrase" in caught.value.message) == (vector["refused"] == "tag")


@pytest.mark.parametrize("name", of(public=True))
def test_a_public_key_is_read_or_refused(name, tmp_path):
    vector = ALL[name]
    path = tmp_path / "custodian.key.pub"
    path.write_bytes(vector["file"].encode("ascii"))
    if vector["expected"]:
        read = keys.read_custodian_public(path)
        found = (read.key_id, read.sign_public.hex(), read.seal_public.hex())
        assert vector["expected"] == dict(zip(keys._public_fields(read), found, strict=True))
    else:
        with pytest.raises(IntegrityError):
            keys.read_custodian_public(path)


def test_what_mintmark_writes_is_in_the_form_of_the_page(tmp_path):
    made = keys.new_custodian_key(bytes)
    path = tmp_path / "custodian.key"
    keys.write_custodian_key(path, made, Secret(b"nine words"), bytes, keys.INTERACTIVE)
    document = json.loads(path.read_bytes())
    assert path.read_text("ascii") == f"{MAKER.plain(document)}\n"
    assert {name: document["kdf"][name] for name in MAKER.REAL} == MAKER.REAL


def test_the_page_shows_the_associated_data_of_a_vector():
    (size, shown) = re.search(
        r"`good\.json`: (\d+) bytes.*?```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    ).groups()
    document = json.loads(ALL["good"]["file"])
    del document["ciphertext"]
    assert shown == f"{MAKER.plain(document)}\n"
    assert int(size) == len(shown)
