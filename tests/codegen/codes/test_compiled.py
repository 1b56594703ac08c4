"""The compiled kernel computes what `cryptography` computes, or nothing."""

import hmac
import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.codes import compiled, fingerprint, kernel
from mintmark.codegen.codes.compiled import Bulk, Kernel, Unusable
from mintmark.codegen.errors import EnvironmentFailure


def reference(codes, length, key):
    """HMAC by the standard library: neither ours nor `cryptography`'s."""
    codes = bytes(codes)
    parts = (codes[at : at + length] for at in range(0, len(codes), length))
    return b"".join(hmac.digest(key, code, "sha256")[:16] for code in parts)


KERNELS = {length: Kernel(length, reference) for length in (1, 3, 8, 16, 55, 56, 64)}
LANES = KERNELS[16].lanes


@given(
    st.sampled_from(sorted(KERNELS)),
    st.one_of(
        st.integers(1, 4 * LANES),
        st.sampled_from([LANES * n + d for n in (1, 2, 9) for d in (-1, 0, 1)]),
    ),
    st.binary(max_size=140),
    st.integers(0, 2**64),
)
def test_it_computes_hmac_for_any_key_count_and_length(length, count, key, seed):
    codes = (seed.to_bytes(9, "big") * (count * length))[: count * length]
    assert KERNELS[length](codes, key) == reference(codes, length, key)


@pytest.mark.parametrize("length", [2, 17, 119, 120, 200])
def test_codes_of_any_length(length):
    codes, key = os.urandom(length * (LANES + 3)), os.urandom(32)
    assert Kernel(length, reference)(codes, key) == reference(codes, length, key)


@pytest.mark.parametrize(
    ("key", "message", "digest"),
    [  # RFC 4231, test cases 1, 2, 3, 4 and 6
        ("0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
        (b"Jefe".hex(), b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
        ("aa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a7"),
        (bytes(range(1, 26)).hex(), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a"),
        (
            "aa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f",
        ),
    ],
)
def test_the_vectors_of_rfc_4231(key, message, digest):
    found = Kernel(len(message), reference)(message * 3, bytes.fromhex(key))
    assert found.hex() == digest * 3


@pytest.mark.parametrize("lanes", [4, 8, 16, 32])
def test_any_number_of_lanes(lanes, monkeypatch):
    monkeypatch.setattr(compiled, "_lanes", lambda _: lanes)
    codes, key = os.urandom(13 * 75), b"k" * 32
    assert Kernel(13, reference)(codes, key) == reference(codes, 13, key)


class Features:
    """What a processor has, as llvmlite tells it."""

    def __init__(self, text):
        self.flatten = lambda: text


@pytest.mark.parametrize(("name", "features"), [("x86-64", ""), ("haswell", ""), ("", "-avx512f")])
def test_any_processor(name, features, monkeypatch):
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: name)
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda: Features(features))
    codes, key = os.urandom(13 * 75), b"k" * 32
    plain = Kernel(13, reference)
    assert plain.lanes == 8
    assert plain(codes, key) == reference(codes, 13, key)


# --- the guards -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("i32 3329325298", "i32 3329325299"),  # the last constant
        ("splat (i32 1549556828)", "splat (i32 1549556829)"),  # the outer pad
        ("splat (i32 17)", "splat (i32 16)"),  # a rotation of the schedule
        ("i64 %following, 64", "i64 %following, 48"),  # rounds
    ],
)
def test_a_broken_kernel_is_not_used(right, wrong, monkeypatch):
    text = kernel.text(16, LANES)
    assert right in text
    monkeypatch.setattr(kernel, "text", lambda *_: text.replace(right, wrong))
    with pytest.raises(Unusable, match="something else than cryptography"):
        Kernel(16, reference)
    bulk = Bulk(reference, worth=1)
    codes = os.urandom(16 * 100)
    assert bulk(codes, 16, b"key") == reference(codes, 16, b"key")


@pytest.mark.parametrize("lane", range(LANES))
def test_a_lane_that_goes_wrong_later_ends_the_command(lane, monkeypatch):
    healthy = KERNELS[16]
    count = 40 * LANES + 5

    def computed(codes, key):
        found = bytearray(Kernel._computed(healthy, codes, key))
        for at in range(lane, count, LANES):
            found[at * 16] ^= 1
        return bytes(found)

    monkeypatch.setattr(healthy, "_computed", computed)
    with pytest.raises(EnvironmentFailure, match="computed fingerprints wrongly"):
        healthy(os.urandom(16 * count), b"key")


def test_the_last_group_is_looked_at(monkeypatch):
    healthy = KERNELS[16]
    monkeypatch.setattr(
        healthy, "_computed", lambda codes, key: Kernel._computed(healthy, codes, key)[:-1] + b"?"
    )
    with pytest.raises(EnvironmentFailure, match="computed fingerprints wrongly"):
        healthy(os.urandom(16 * 4000), b"key")


# --- when it is used --------------------------------------------------------------


class Counting:
    """The reference, and the number of codes that it was asked for."""

    def __init__(self):
        self.codes = 0

    def __call__(self, codes, length, key):
        self.codes += len(codes) // length
        return reference(codes, length, key)


def test_it_is_compiled_once_there_are_enough_codes_of_a_length():
    counting = Counting()
    many = 6 * LANES  # whole groups: a random one is as long as any
    bulk = Bulk(counting, worth=3 * many)
    codes = os.urandom(8 * many)
    for _ in range(2):
        assert bulk(codes, 8, b"k") == reference(codes, 8, b"k")
    assert counting.codes == 2 * many
    assert bulk(codes, 8, b"k") == reference(codes, 8, b"k")
    beside = counting.codes - 2 * many  # what it is compared with
    assert beside == 2 * LANES + 1 + 2 * LANES
    other = os.urandom(9 * many)
    assert bulk(other, 9, b"k") == reference(other, 9, b"k")  # of another length
    assert counting.codes == 3 * many + beside


def test_threads_share_a_kernel(monkeypatch):
    made = []

    def made_once(length, given):
        made.append(length)
        return Kernel(length, given)

    monkeypatch.setattr(compiled, "Kernel", made_once)
    bulk, codes = Bulk(reference, worth=1), os.urandom(16 * 500)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(bulk(codes, 16, b"k"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [16]
    assert found == [reference(codes, 16, b"k")] * 4


def test_few_codes_and_single_ones_never_meet_it(monkeypatch):
    monkeypatch.setattr(fingerprint, "_bulk", None)
    codes = os.urandom(16 * 2047)
    assert fingerprint.fingerprints(codes, 16, b"k") == reference(codes, 16, b"k")
    assert fingerprint.fingerprint(b"code", b"k") == reference(b"code", 4, b"k")
    assert len(fingerprint.key_id(b"k")) == 16
    with pytest.raises(TypeError):
        fingerprint.fingerprints(codes + bytes(16), 16, b"k")


# --- where nothing can be compiled -------------------------------------------------


def test_without_llvmlite_all_is_as_it_was(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    with pytest.raises(Unusable, match="llvmlite isn't installed"):
        Kernel(16, reference)
    assert "llvmlite isn't installed" in fingerprint.why_slow()
    codes = os.urandom(16 * 100)
    assert Bulk(reference, 1)(codes, 16, b"k") == reference(codes, 16, b"k")


def test_what_llvm_refuses_is_a_reason(monkeypatch):
    monkeypatch.setattr(kernel, "text", lambda *_: "no such language")
    with pytest.raises(Unusable, match="llvmlite: ") as refused:
        Kernel(16, reference)
    assert "\n" not in str(refused.value)  # `doctor` says it in one line


def test_an_older_llvm_is_not_asked(monkeypatch):
    """It would write to stderr what it does not understand."""
    monkeypatch.setattr("llvmlite.binding.llvm_version_info", (15, 0, 7))
    with pytest.raises(Unusable, match=r"older than 0\.45"):
        Kernel(16, reference)


HARDENED = """
import ctypes, sys
# PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: what was written is never executed (Linux 6.3).
hardened = sys.platform == "linux" and ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0
from mintmark.codegen.codes import fingerprint
codes = bytes(range(256)) * 4096
found = fingerprint.fingerprints(codes, 16, b"key")
same = found == fingerprint._one_by_one(codes, 16, b"key")
print(hardened, fingerprint.why_slow() is not None, same)
"""


def test_a_system_that_executes_nothing_it_wrote_is_no_error():
    ran = subprocess.run(
        [sys.executable, "-c", HARDENED], capture_output=True, text=True, check=True
    )
    hardened, slow, same = ran.stdout.split()
    assert (slow, same, ran.stderr) == (hardened, "True", "")
