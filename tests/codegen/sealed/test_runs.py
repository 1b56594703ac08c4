import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealing import Seeded, load

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.sealed.runs import Run, meetings, prefixes_of
from mintmark.codegen.sealed.sorter import Sorter

independent = load("codegen/independent_reader.py")


def marks(heads):
    """Fingerprints whose first bytes are `heads`, and nothing else the same."""
    return [bytes([head]) + Seeded(f"mark {n}")(15) for n, head in enumerate(heads)]


def prefix(mark, bits):
    return int.from_bytes(mark[:8], "big") >> (64 - bits) << (64 - bits)


def sort(folder, name, fingerprints, *, bits=8, earlier=(), piece=5, part=4, replace=None, step=3):
    """(path of the run, serials that collide)."""
    sorter = Sorter(folder, bits, piece=piece, part=part)
    path = folder / name
    with path.open("w+b") as file:
        for at in range(0, len(fingerprints), step):
            sorter.add(b"".join(fingerprints[at : at + step]))
        if replace:
            sorter.merge(file, earlier, lambda _: None)
            sorter.replace(replace)
        counted = []
        collided = sorter.merge(file, earlier, counted.append)
    sorter.close()
    assert sum(counted) == len(fingerprints)
    return path, collided


def naive(fingerprints, bits, earlier=()):
    seen, collided = set(), []
    for serial, mark in enumerate(fingerprints, 1):
        if prefix(mark, bits) in seen or prefix(mark, bits) in earlier:
            collided.append(serial)
        seen.add(prefix(mark, bits))
    return collided


HEAD = st.integers(0, 7) | st.integers(0, 255)  # few enough for equal ones
HEADS = st.lists(HEAD, min_size=1, max_size=60)


@settings(max_examples=60)
@given(HEADS, st.lists(HEADS, max_size=3), st.integers(1, 9), st.integers(1, 9), st.data())
def test_sorting_agrees_with_a_naive_model(heads, history, piece, part, data):
    """Any sizes of pieces and parts, with history, with replaced entries."""
    fingerprints = marks(heads)
    serials = st.integers(1, len(heads))
    change = data.draw(st.dictionaries(serials, HEAD.map(lambda h: bytes([h] * 16))))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = [sort(folder, f"{n}.run", marks(h))[0] for n, h in enumerate(history)]
        path, collided = sort(
            folder, "new.run", fingerprints, earlier=runs, piece=piece, part=part, replace=change
        )
        for serial, mark in change.items():
            fingerprints[serial - 1] = mark
        known = {prefix(mark, 8) for h in history for mark in marks(h)}
        assert collided == naive(fingerprints, 8, known)
        expected = sorted((prefix(mark, 8), n) for n, mark in enumerate(fingerprints, 1))
        data_ = path.read_bytes()
        with Run(path) as run:
            assert len(run) == len(expected)
            prefixes, found = run.entries(0, len(expected))
            met = run.meets(runs)
        assert list(zip(prefixes.tolist(), found.tolist(), strict=True)) == expected
        assert data_ == b"".join(p.to_bytes(8, "little") for p, _ in expected) + b"".join(
            n.to_bytes(4, "little") for _, n in expected
        )
        assert met == [n for n, m in enumerate(fingerprints, 1) if prefix(m, 8) in known]
        assert meetings(path, runs, step=2) == met


@settings(max_examples=60)
@given(HEADS, st.lists(st.integers(0, 255), max_size=20))
def test_lookup_finds_every_serial_of_every_prefix(heads, asked):
    with tempfile.TemporaryDirectory() as name:
        path, _ = sort(Path(name), "a.run", marks(heads))
        with Run(path) as run:
            query = np.array([head << 56 for head in asked], np.uint64)
            positions, serials = run.lookup(query)
    expected = [
        (at, serial)
        for at, head in enumerate(asked)
        for serial, other in enumerate(heads, 1)
        if other == head
    ]
    assert list(zip(positions.tolist(), serials.tolist(), strict=True)) == expected


def test_prefixes_are_the_first_eight_bytes_masked():
    marks_ = bytes(range(16)) + b"\xff" * 16
    assert prefixes_of(marks_).tolist() == [0x0001020304050607, 2**64 - 1]
    assert prefixes_of(marks_, 16).tolist() == [0x0001 << 48, 0xFFFF << 48]
    assert prefixes_of(b"").tolist() == []


def test_a_run_of_full_prefixes_is_what_the_document_says(tmp_path):
    fingerprints = [Seeded(f"{n}")(16) for n in range(500)]
    path, collided = sort(tmp_path, "a.run", fingerprints, bits=64, piece=70, part=33)
    entries = independent.read_run(path.read_bytes(), 500)
    assert collided == []
    assert [serial for _, serial in entries] == sorted(
        range(1, 501), key=lambda serial: fingerprints[serial - 1]
    )


def test_equal_prefixes_keep_the_order_of_their_serials(tmp_path):
    """Enough of them that an unstable sort would show."""
    fingerprints = marks(list(Seeded("heads")(3_000)))
    path, _ = sort(tmp_path, "a.run", fingerprints, piece=1_000, part=10_000, step=500)
    with Run(path) as run:
        prefixes, serials = run.entries(0, 3_000)
    entries = list(zip(prefixes.tolist(), serials.tolist(), strict=True))
    assert entries == sorted(entries)


def test_prefixes_that_differ_in_their_last_bits_alone_are_sorted(tmp_path):
    # About a third of the space, at the end of the first of three parts.
    tails = [0x5F, 0x50, 0x5A, 0x53, 0x56, 0x51, 0x59, 0x54, 0x55, 0x52]
    fingerprints = [bytes([0x55] * 7 + [tail]) + bytes(8) for tail in tails]
    path, collided = sort(tmp_path, "a.run", fingerprints, bits=64, piece=10, part=4)
    entries = independent.read_run(path.read_bytes(), len(tails))
    assert [prefix_ & 255 for prefix_, _ in entries] == sorted(tails)
    assert [tails[serial - 1] for _, serial in entries] == sorted(tails)
    assert collided == []


def test_the_spill_leaves_nothing_behind(tmp_path):
    sort(tmp_path, "a.run", marks(range(100)))
    assert [path.name for path in tmp_path.iterdir()] == ["a.run"]


@pytest.mark.parametrize("size", [0, 11, 13])
def test_a_file_that_is_no_run_is_an_integrity_error(tmp_path, size):
    path = tmp_path / "a.run"
    path.write_bytes(bytes(size))
    with pytest.raises(IntegrityError):
        Run(path)
    path.unlink()  # nothing holds it open


def test_a_closed_run_is_unmapped_even_if_a_view_is_left(tmp_path):
    path, _ = sort(tmp_path, "a.run", marks(range(10)))
    run = Run(path)
    view = run._prefixes[:3]
    run.close()
    assert len(view) == 3
