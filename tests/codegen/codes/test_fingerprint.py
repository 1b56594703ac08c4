import hashlib
import hmac
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealing import HANDED_OUT, Seeded, load

from mintmark.codegen.codes import fingerprint
from mintmark.codegen.codes.generate import GenerateTask, generate
from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.secret import Secret

independent = load("codegen/independent_reader.py")


@given(
    st.binary(max_size=200),
    st.integers(1, 64).flatmap(
        lambda length: st.lists(st.binary(min_size=length, max_size=length), min_size=1)
    ),
)
def test_they_are_hmac_sha256_cut_to_16_bytes(key, codes):
    expected = [hmac.digest(key, code, "sha256")[:16] for code in codes]
    found = fingerprint.fingerprints(b"".join(codes), len(codes[0]), Secret(key))
    assert found == b"".join(expected)
    assert fingerprint.fingerprint(codes[0], key) == expected[0]


def test_vectors():
    vectors = json.loads((HANDED_OUT / "fingerprints.json").read_text(encoding="ascii"))
    key = Secret(bytes.fromhex(vectors["key"]))
    assert vectors["scheme"] == fingerprint.SCHEME
    assert vectors["key_id"] == fingerprint.key_id(key)
    for vector in vectors["fingerprints"]:
        found = fingerprint.fingerprint(vector["canonical"].encode(), key)
        assert found.hex() == vector["fingerprint"]


def test_rfc_4231_case_1():
    found = fingerprint.fingerprint(b"Hi There", b"\x0b" * 20)
    assert found.hex() == "b0344c61d8db38535ca8afceaf0bf12b"


@pytest.mark.parametrize(("codes", "length"), [(b"ABC", 2), (b"A", 0), (b"A", -1)])
def test_a_broken_code_is_an_error(codes, length):
    with pytest.raises(ValueError, match="whole number"):
        fingerprint.fingerprints(codes, length, b"k")


@pytest.mark.parametrize("size", [0, 63, 64, 65, 200])
def test_keys_on_both_sides_of_a_block(size):
    key = bytes(range(size))
    found = fingerprint.fingerprint(b"Hi There", key)
    assert found == hmac.digest(key, b"Hi There", "sha256")[:16]


def test_a_key_id_is_no_part_of_the_key_nor_of_its_hash():
    key = bytes(range(32))
    name = fingerprint.key_id(key)
    assert len(bytes.fromhex(name)) == 8
    assert name not in key.hex() + hashlib.sha256(key).hexdigest()
    assert name != fingerprint.key_id(bytes(32))


def test_a_generated_part_holds_codes_and_their_fingerprints():
    spec, key = CodeSpec.of("clear", 9), b"k" * 32
    codes, found = generate(GenerateTask(spec, 50, key, Seeded("generate")))
    assert len(codes) == 50 * 9
    for at in range(50):
        expected = independent.fingerprint(key, codes[at * 9 : at * 9 + 9])
        assert found[at * 16 : at * 16 + 16] == expected


def test_a_task_crosses_to_a_worker_and_does_not_show_its_key():
    task = GenerateTask(CodeSpec.of("hex", 8), 3, b"topsecretkey", Seeded("pickle"))
    assert "topsecret" not in repr(task)
    copy = pickle.loads(pickle.dumps(task))  # noqa: S301 - our own
    assert generate(copy) == generate(task)
