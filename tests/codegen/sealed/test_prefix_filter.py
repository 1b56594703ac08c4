"""Prefix filters: exact by the runs behind them, whatever they hold, and only a cache."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.sealed import prefix_filter, prefix_filter_build, runs

NONE = np.array([], np.uint64)


def ids(number):
    return [f"TEST-{at:08}" for at in range(number)]


def write_run(folder, batch, prefixes):
    ascending = np.sort(np.array(prefixes, np.uint64))
    serials = np.arange(1, len(ascending) + 1, dtype="<u4")
    (folder / f"{batch}.run").write_bytes(ascending.astype("<u8").tobytes() + serials.tobytes())


def made(folder, batches, spread=map):
    """The filter over lists of prefixes."""
    known = dict(zip(ids(len(batches)), batches, strict=True))
    for batch, prefixes in known.items():
        write_run(folder, batch, prefixes)
    counted = []
    path = folder / "made.sieve"
    prefix_filter_build.write(
        path, {batch: len(p) for batch, p in known.items()}, counted.append, spread
    )
    assert sum(counted) == sum(map(len, batches))
    return prefix_filter.read(path)


# Few upper bits, so that buckets are uneven and prefixes meet; and lower bits that differ.
PREFIX = st.builds(
    lambda high, low: (high << 56) | low,
    st.sampled_from([0, 1, 127, 128, 255]),
    st.one_of(st.integers(0, 3), st.integers(0, 2**56 - 1)),
)
BATCHES = st.lists(st.lists(PREFIX, min_size=1, max_size=40), min_size=1, max_size=4)


@settings(max_examples=60)
@given(BATCHES, st.lists(PREFIX, max_size=40), st.integers(1, 60), st.integers(1, 60))
def test_it_has_what_its_runs_have_and_nothing_else(batches, asked, small, part):
    """Whatever the sizes at which runs are put together and parts cut."""
    old = prefix_filter_build.SMALL, prefix_filter_build.PART, prefix_filter.BLOCK
    prefix_filter_build.SMALL, prefix_filter_build.PART, prefix_filter.BLOCK = small, part, 7
    try:
        with tempfile.TemporaryDirectory() as name:
            found = made(Path(name), batches)
            known = {prefix for batch in batches for prefix in batch}
            ascending = np.array(sorted({*asked, *known}), np.uint64)
            expected = [prefix in known for prefix in ascending.tolist()]
            assert found.among(ascending).tolist() == expected
            maybe = found.maybe(ascending).tolist()
            assert all(maybe[at] for at, here in enumerate(expected) if here)
            assert not len(found.among(NONE))
            found.verify()
    finally:
        prefix_filter_build.SMALL, prefix_filter_build.PART, prefix_filter.BLOCK = old


def random_batches(*sizes, seed=7):
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 2**64, size, dtype=np.uint64).tolist() for size in sizes]


def test_with_threads_it_is_the_same_file(tmp_path):
    batches = random_batches(150_000, 20, 70_000)
    data = []
    for name, spread in (("single", map), ("threads", ThreadPoolExecutor(2).map)):
        (tmp_path / name).mkdir()
        data.append(made(tmp_path / name, batches, spread).path.read_bytes())
    assert data[0] == data[1]


def test_it_costs_less_than_four_bytes_a_code_and_is_seldom_wrong(tmp_path):
    """With 44 for the batch itself, a home stays below 48."""
    found = made(tmp_path, random_batches(150_000, 100_000))
    assert found.path.stat().st_size / found.count < 3.6
    others = np.sort(np.array(random_batches(300_000, seed=8)[0], np.uint64))
    assert found.maybe(others).sum() <= 5
    assert not found.among(others).any()


def test_it_maps_each_window_on_its_own(tmp_path, monkeypatch):
    """The memory it maps at a time stays small beside the whole."""
    monkeypatch.setattr(prefix_filter, "WINDOW", 1_000)
    batches = random_batches(30_000)
    found = made(tmp_path, batches)
    ascending = np.sort(np.array(batches[0], np.uint64))
    assert found.among(ascending).all()
    assert len(list(runs.stretches(ascending, 30_000, 1_000))) == 30


def test_a_filter_that_vanished_is_replaced_by_its_runs(tmp_path):
    """Another process made a larger filter of it meanwhile."""
    batches = random_batches(50, 60)
    found = made(tmp_path, batches)
    found.path.unlink()
    asked = np.sort(np.array([*batches[0], *batches[1], 5], np.uint64))
    assert found.among(asked).sum() == 110


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"",
        lambda data: data[:30],
        lambda data: b"M" + data[1:],
        lambda data: data[:15] + b"\xff\xff\xff\xff" + data[19:],
        lambda data: data.replace(b'"format":1', b'"format":2'),
        lambda data: data.replace(b'"format":1', b'"format":['),
        lambda data: data.replace(b"TEST-00000001", b"TEST-0000000/"),
        lambda data: data.replace(b'"TEST-00000001":30', b'"TEST-00000001":-1'),
        lambda data: data.replace(b'"TEST-00000001":30', b'"TEST-00000001":31'),
        lambda data: data.replace(b'"bucket_bits":', b'"bucket_bytes"'),
    ],
)
def test_a_broken_filter_is_refused(tmp_path, damage):
    path = made(tmp_path, random_batches(20, 30)).path
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(IntegrityError, match="prefix filter"):
        prefix_filter.read(path)


def test_an_offset_beyond_the_filter_is_damage_wherever_it_is_met(tmp_path):
    found = made(tmp_path, random_batches(200, 30))
    data = bytearray(found.path.read_bytes())
    offsets = prefix_filter.ColumnOffsets(found)
    data[offsets.offsets : offsets.heads] = b"\xff" * (offsets.heads - offsets.offsets)
    found.path.write_bytes(data)
    with pytest.raises(IntegrityError, match="prefix filter"):
        prefix_filter.read(found.path).maybe(np.array([5], np.uint64))


@pytest.mark.parametrize("at", [-1, -33, -100])
def test_a_flipped_bit_shows_when_all_is_verified(tmp_path, at):
    found = made(tmp_path, random_batches(200, 30))
    data = bytearray(found.path.read_bytes())
    data[at] ^= 1
    found.path.write_bytes(data)
    with pytest.raises(IntegrityError, match="prefix filter"):
        prefix_filter.read(found.path).verify()


@pytest.mark.parametrize("size", [11, 12, 36])
def test_a_run_that_is_not_as_long_as_its_batch_is_not_taken_in(tmp_path, size):
    (batch,) = ids(1)
    (tmp_path / f"{batch}.run").write_bytes(bytes(size))
    with pytest.raises(IntegrityError, match="run"):
        prefix_filter_build.write(tmp_path / "a.sieve", {batch: 2}, lambda _: None)


def test_an_existing_file_is_not_overwritten(tmp_path):
    write_run(tmp_path, *ids(1), [5])
    (tmp_path / "a.sieve").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        prefix_filter_build.write(tmp_path / "a.sieve", {ids(1)[0]: 1}, lambda _: None)
    assert (tmp_path / "a.sieve").read_bytes() == b"precious"
