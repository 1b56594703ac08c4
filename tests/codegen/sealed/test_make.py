import gc
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sealing import Mint, Seeded, load

from mintmark.codegen.codes import fingerprint
from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.errors import EnvironmentFailure
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.sealed.runs import Run

independent = load("codegen/independent_reader.py")


@pytest.fixture
def mint(tmp_path):
    return Mint(tmp_path)


@pytest.fixture
def clashing(tmp_path):
    """So short a prefix that a few hundred codes collide."""
    return Mint(tmp_path, prefix_bits=16)


def codes_of(mint, header):
    reader = mint.unseal(header.batch)
    joined = b"".join(block for _, block in reader.codes(Range(1, header.quantity)))
    step = header.length
    return [joined[at : at + step] for at in range(0, len(joined), step)]


def check(mint, header):
    """Everything in the vault fits together; returns the codes and the record."""
    record = mint.verify(header.batch)
    codes = codes_of(mint, header)
    parts = mint.vault.parts(header.batch)
    found = fingerprint.fingerprints(b"".join(codes), header.length, mint.fingerprint_key)
    assert parts.fingerprints.read_bytes() == found
    mask = 64 - mint.prefix_bits
    heads = [
        int.from_bytes(found[a : a + 8], "big") >> mask << mask for a in range(0, len(found), 16)
    ]
    entries = independent.read_run(parts.run.read_bytes(), header.quantity)
    assert entries == sorted(zip(heads, range(1, header.quantity + 1), strict=True))
    assert len(set(codes)) == header.quantity
    return codes, record, set(heads)


def test_another_program_reads_what_was_made(mint):
    header = mint.mint(500, CodeSpec.of("clear", 14), frame_size=64)
    parts = mint.vault.parts(header.batch)
    read = [part.read_bytes() for part in parts]
    codes = independent.read_codes(read[0], read[3], mint.station_keys, mint.custodian, b"C" * 32)
    assert codes == codes_of(mint, header)
    assert all(set(code.decode()) <= set(header.symbols) and len(code) == 14 for code in codes)
    key = mint.fingerprint_key.reveal()
    assert read[1] == b"".join(independent.fingerprint(key, code) for code in codes)
    record = independent.read_record(read[4], read[0], read[1], read[2], mint.station_keys)
    assert record["quantity"] == 500


@pytest.mark.parametrize("quantity", [1, 2, 63, 64, 65, 128])
def test_any_quantity_around_the_edges_of_frames(mint, quantity):
    header = mint.mint(quantity, frame_size=64)
    codes, record, _ = check(mint, header)
    assert len(codes) == quantity
    assert record.redrawn == 0


def test_full_frames_and_the_bytes_a_code_costs(mint):
    """70,000 codes of 16 symbols: two frames, at most 48 bytes a code in the vault."""
    header = mint.mint(70_000)
    _, record, _ = check(mint, header)
    assert header.frames == len(record.fingerprint_frames) == 2
    assert sum(path.stat().st_size for path in mint.folder.iterdir()) <= 48 * 70_000


def test_no_code_and_no_data_key_is_in_any_file(mint):
    asked = []

    def entropy(count):
        asked.append(mint.entropy(count))
        return asked[-1]

    header = mint.header(300, frame_size=100)
    with mint.begin(header, entropy=entropy) as making:
        assert making.record.quantity == 300
    data_key = next(block for block in asked if len(block) == 32)
    everything = b"\n".join(path.read_bytes() for path in mint.folder.iterdir())
    for secret in (data_key, data_key.hex().encode(), mint.fingerprint_key.reveal()):
        assert secret not in everything
    codes = codes_of(mint, header)
    assert len(codes) == 300
    assert not any(code in everything for code in codes)


def test_colliding_codes_within_a_batch_are_redrawn(clashing):
    header = clashing.mint(3_000, frame_size=256)
    codes, record, _ = check(clashing, header)
    assert record.redrawn > 20
    assert record.prefix_bits == 16

    plain = Mint(clashing.folder / "plain", entropy=Seeded("mint"))
    plain.folder.mkdir()
    untouched = codes_of(plain, plain.mint(3_000, frame_size=256))
    changed = sum(a != b for a, b in zip(codes, untouched, strict=True))
    assert 20 < changed <= record.redrawn, "only colliding codes are replaced"


def test_codes_that_collide_with_any_earlier_batch_are_redrawn(clashing):
    known, runs = set(), []
    for _ in range(4):
        header = clashing.mint(800, earlier=runs, frame_size=100)
        _, record, heads = check(clashing, header)
        assert not heads & known
        assert record.redrawn > 0
        known |= heads
        runs.append(clashing.vault.parts(header.batch).run)
    assert len(known) == 3_200


def test_without_the_earlier_runs_they_would_collide(clashing):
    """The test above can fail."""
    heads = [check(clashing, clashing.mint(800))[2] for _ in range(2)]
    assert heads[0] & heads[1]


def recheck(making, registered_since):
    """What a mint does about batches that were published while it was made."""
    met = making.collisions(registered_since)
    if met:
        making.redraw(met, registered_since)
    return len(met)


def test_codes_that_collide_with_a_batch_published_meanwhile_are_redrawn(clashing):
    headers = clashing.header(900, frame_size=64), clashing.header(900, frame_size=64)
    with clashing.begin(headers[0]) as first, clashing.begin(headers[1]) as second:
        assert recheck(first, []) == 0
        before, sealed = second.record, second.parts.sealed.read_bytes()
        met = second.collisions([first.parts.run])
        assert met
        assert recheck(second, [first.parts.run]) == len(met)
        assert second.record.redrawn >= before.redrawn + len(met)
        assert second.record.sealed_sha256 != before.sealed_sha256
        assert recheck(second, [first.parts.run]) == 0
    assert sealed != second.parts.sealed.read_bytes()
    heads = [check(clashing, header)[2] for header in headers]
    assert not heads[0] & heads[1]


def test_a_recheck_keeps_clear_of_all_that_was_known_before(clashing):
    old = clashing.mint(900)
    runs = [clashing.vault.parts(old.batch).run]
    headers = clashing.header(900), clashing.header(900)
    with clashing.begin(headers[0], runs) as first, clashing.begin(headers[1], runs) as second:
        assert recheck(second, [first.parts.run]) > 0
    heads = [check(clashing, header)[2] for header in (old, *headers)]
    assert len(set.union(*heads)) == 2_700


def test_a_redraw_collides_with_no_run_it_is_given(tmp_path):
    mint = Mint(tmp_path, prefix_bits=8)
    old = mint.mint(100)
    taken = check(mint, old)[2]
    run = mint.vault.parts(old.batch).run
    for _ in range(10):
        header = mint.header(1)
        with mint.begin(header) as making:
            if recheck(making, [run]):
                continue
            for _ in range(8):
                making.redraw([1], [run])
                assert not check(mint, header)[2] & taken
        return
    pytest.fail("ten times out of ten the first draw collided")


def test_a_recheck_that_finds_nothing_touches_nothing(mint):
    headers = mint.header(100), mint.header(100)
    with mint.begin(headers[0]) as first, mint.begin(headers[1]) as second:
        before = [(part.read_bytes(), part.stat().st_mtime_ns) for part in second.parts]
        assert recheck(second, [first.parts.run]) == 0
        assert before == [(part.read_bytes(), part.stat().st_mtime_ns) for part in second.parts]


def test_a_closed_making_can_redraw_nothing(clashing):
    making = clashing.begin(clashing.header(50))
    making.close()
    making.close()
    with pytest.raises(ValueError, match="this making is closed"):
        making.redraw([1])
    assert making._data_key is None


def test_named_serials_are_redrawn_and_sealed_under_fresh_nonces(mint):
    header = mint.header(10, frame_size=4)
    with mint.begin(header) as making:
        before, sealed = codes_of(mint, header), making.parts.sealed.read_bytes()
        making.redraw([2, 9])
        assert making.record.redrawn == 2
    after, _, _ = check(mint, header)
    assert [n for n in range(10) if before[n] != after[n]] == [1, 8]
    now = making.parts.sealed.read_bytes()
    frame = 28 + 4 * 16
    start = len(now) - (2 * frame + 28 + 2 * 16)
    nonces = [(data[at : at + 12]) for data in (sealed, now) for at in (start, start + frame)]
    assert nonces[0] != nonces[2]
    assert nonces[1] == nonces[3]


def test_a_random_source_that_repeats_itself_is_refused(mint):
    with pytest.raises(EnvironmentFailure, match="random source"):
        mint.begin(mint.header(2), entropy=lambda count: b"\x07" * count)
    gc.collect()  # an open file would warn, and warnings are errors


@pytest.mark.parametrize("phase", ["generate", "sort", "digest"])
def test_an_interrupt_leaves_files_that_can_be_removed(mint, phase):
    def progress(now, _done, _total):
        if now == phase:
            raise KeyboardInterrupt

    header = mint.header(300, frame_size=100)
    with pytest.raises(KeyboardInterrupt):
        mint.begin(header, progress=progress)
    gc.collect()
    left = set(mint.folder.iterdir())
    assert left <= set(mint.vault.parts(header.batch))
    for path in left:
        path.unlink()
    mint.begin(header).close()
    check(mint, header)


@pytest.mark.parametrize("part", range(5))
def test_nothing_is_ever_overwritten(mint, part):
    header = mint.header(10)
    taken = mint.vault.parts(header.batch)[part]
    taken.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        mint.begin(header)
    assert taken.read_bytes() == b"precious"


def test_between_two_calls_no_file_is_open(mint):
    """Windows renames no open file; on Linux, /proc lists the open files."""
    header = mint.header(10)
    with mint.begin(header) as making:
        if (descriptors := Path("/proc/self/fd")).is_dir():
            opened = {link.readlink() for link in descriptors.iterdir() if link.is_symlink()}
            assert not opened & set(making.parts)
        moved = [part.rename(part.with_name(f"moved{part.suffix}")) for part in making.parts[:3]]
    assert all(path.exists() for path in moved)


def test_only_the_owner_may_read_the_files(mint):
    header = mint.mint(10)
    modes = {part.stat().st_mode & 0o777 for part in mint.vault.parts(header.batch)}
    assert modes == ({0o600} if os.name == "posix" else {0o666})


def test_all_files_are_durable_when_they_are_made_and_when_codes_are_redrawn(mint, monkeypatch):
    """The last fsync of each file saw all that is in it."""
    synced = {}

    def fsync(descriptor):
        stat = os.fstat(descriptor)
        synced[stat.st_ino] = stat.st_size, stat.st_mtime_ns

    def state(part):
        stat = part.stat()
        return stat.st_ino, (stat.st_size, stat.st_mtime_ns)

    monkeypatch.setattr("os.fsync", fsync)
    with mint.begin(mint.header(10, frame_size=4)) as making:
        assert synced == dict(map(state, making.parts))
        synced.clear()
        making.redraw([2, 9])
        assert synced == dict(state(part) for part in making.parts if part != making.parts.wraps)


def test_progress_reaches_the_end_in_every_phase(mint):
    seen = {}
    mint.begin(
        mint.header(250, frame_size=100),
        progress=lambda phase, done, total: seen.setdefault(phase, []).append((done, total)),
    ).close()
    assert list(seen) == ["generate", "sort", "digest"]
    for steps in seen.values():
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]
    assert seen["generate"] == [(100, 250), (200, 250), (250, 250)]


def test_codes_may_be_generated_in_other_threads(mint):
    header = mint.header(1_000, frame_size=100)
    with ThreadPoolExecutor(2) as pool:
        mint.begin(header, code_map=pool.map, entropy=os.urandom).close()
    check(mint, header)


def test_no_map_of_the_run_is_left(mint):
    header = mint.mint(10)
    with Run(mint.vault.parts(header.batch).run) as run:
        assert len(run) == 10
    mint.vault.parts(header.batch).run.unlink()
