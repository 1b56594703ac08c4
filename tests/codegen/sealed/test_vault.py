import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sealing import Mint, Seeded

from mintmark.codegen.codes import fingerprint
from mintmark.codegen.errors import IntegrityError, NotFound, UsageError
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.sealed.vault import Folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two batches of ten codes, four a frame. Not to be changed: see `mint`."""
    mint = Mint(tmp_path_factory.mktemp("vault"))
    return mint, [mint.mint(10, frame_size=4).batch for _ in range(2)]


@pytest.fixture
def mint(made, tmp_path):
    shutil.copytree(made[0].folder, tmp_path / "vault")
    return Mint(tmp_path / "vault")


@pytest.fixture
def batch(made):
    return made[1][0]


@pytest.fixture
def other(made):
    return made[1][1]


def test_batches_are_those_with_a_mint_record(mint, batch, other):
    assert mint.vault.batches() == [batch, other]
    for name in ("README.txt", "nonsense.mint.json", f".{batch}.mint.json", "TEST-00000009.sealed"):
        (mint.folder / name).write_bytes(b"")
    mint.vault.parts(other).record.unlink()
    assert mint.vault.batches() == [batch]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "", "TEST-0000000", "test-00000001", "TEST-I0000000"]
)
def test_what_is_no_id_is_not_found(mint, name):
    for method in (mint.vault.parts, mint.vault.run, mint.unseal, mint.verify):
        with pytest.raises(NotFound):
            method(name)


def test_an_unknown_batch_is_not_found(mint):
    for method in (mint.vault.run, mint.unseal, mint.verify):
        with pytest.raises(NotFound):
            method("TEST-99999999")
    with pytest.raises(NotFound):
        mint.vault.fingerprints("TEST-99999999", Range(1, 1), mint.station_keys)


@pytest.mark.parametrize("part", range(5))
def test_a_missing_file_of_a_known_batch_is_an_integrity_error(mint, batch, part):
    mint.verify(batch)
    path = mint.vault.parts(batch)[part]
    path.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        mint.verify(batch)


@pytest.mark.parametrize("part", range(5))
def test_every_flipped_byte_of_every_file_is_found(mint, batch, part):
    path = mint.vault.parts(batch)[part]
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        path.write_bytes(changed)
        with pytest.raises(IntegrityError):
            mint.verify(batch)
    path.write_bytes(data)
    mint.verify(batch)


@pytest.mark.parametrize("part", range(5))
def test_files_exchanged_between_batches_are_found(mint, batch, other, part):
    shutil.copyfile(mint.vault.parts(other)[part], mint.vault.parts(batch)[part])
    with pytest.raises(IntegrityError):
        mint.verify(batch)


def test_a_record_of_another_batch_vouches_for_nothing(mint, batch, other):
    mine, theirs = (mint.vault.parts(name).record for name in (batch, other))
    shutil.copyfile(theirs, mine)
    with pytest.raises(IntegrityError, match="another batch"):
        mint.vault.record(batch, mint.station_keys)


def test_a_whole_batch_under_another_name_is_found(mint, batch, other):
    for mine, theirs in zip(mint.vault.parts(batch), mint.vault.parts(other), strict=True):
        shutil.copyfile(theirs, mine)
    with pytest.raises(IntegrityError, match="holds batch"):
        mint.unseal(batch)


def test_an_older_mint_of_the_same_id_does_not_mix(mint, batch):
    """The same header fields, but another data key: an aborted mint's files are foreign."""
    again = Mint(mint.folder.with_name("again"), entropy=Seeded("again"))
    again.folder.mkdir()
    again.mint(10, batch=batch, frame_size=4)
    shutil.copyfile(again.vault.parts(batch).wraps, mint.vault.parts(batch).wraps)
    reader = mint.unseal(batch)
    with pytest.raises(IntegrityError, match="frame 0"):
        next(reader.codes(Range(1, 1)))


def test_a_foreign_custodian_learns_who_can_open_it(mint, batch):
    with pytest.raises(IntegrityError) as caught:
        mint.vault.unseal(
            batch, mint.station_keys, mint.station_keys, "99" * 8, X25519PrivateKey.generate()
        )
    assert caught.value.details["recipients"] == [mint.custodian]


def test_fingerprints_come_in_order_a_frame_at_a_time(mint, batch):
    whole = mint.vault.parts(batch).fingerprints.read_bytes()
    for first in range(1, 11):
        for last in range(first, 11):
            found = list(mint.vault.fingerprints(batch, Range(first, last), mint.station_keys))
            assert b"".join(block for _, block in found) == whole[(first - 1) * 16 : last * 16]
            starts = [start for start, _ in found]
            assert starts == [first, *(s for s in (5, 9) if first < s <= last)]
    with pytest.raises(UsageError):
        mint.vault.fingerprints(batch, Range(10, 11), mint.station_keys)


def test_blocks_of_codes_and_of_fingerprints_have_the_same_edges(mint, batch):
    serials = Range(3, 9)
    codes = mint.unseal(batch).codes(serials)
    prints = mint.vault.fingerprints(batch, serials, mint.station_keys)
    for (first, block), (start, found) in zip(codes, prints, strict=True):
        assert first == start
        assert fingerprint.fingerprints(block, 16, mint.fingerprint_key) == found


def test_planted_fingerprints_never_reach_a_backend(mint, batch):
    path = mint.vault.parts(batch).fingerprints
    data = bytearray(path.read_bytes())
    data[16 * 5 : 16 * 6] = bytes(16)
    path.write_bytes(data)
    blocks = mint.vault.fingerprints(batch, Range(1, 10), mint.station_keys)
    assert next(blocks)[0] == 1
    with pytest.raises(IntegrityError, match="frame 1"):
        next(blocks)
    path.write_bytes(data[:-1])
    with pytest.raises(IntegrityError, match="frame 2"):
        list(mint.vault.fingerprints(batch, Range(9, 9), mint.station_keys))


def test_codes_are_found_by_their_whole_fingerprint(mint, batch, other):
    whole = mint.vault.parts(batch).fingerprints.read_bytes()
    near = whole[:8] + bytes(8)  # the right prefix, another fingerprint
    asked = whole[16 * 6 : 16 * 7] + bytes(16) + near + whole[:16] + whole[:16]
    assert mint.vault.find(batch, asked, mint.station_keys) == [(0, 7), (3, 1), (4, 1)]
    assert mint.vault.find(other, asked, mint.station_keys) == []


@pytest.mark.parametrize("serial", [0, 1, 10, 11, 2**32 - 1])
def test_a_run_that_names_another_serial_is_damage_and_not_a_code_unknown(mint, batch, serial):
    parts = mint.vault.parts(batch)
    data = bytearray(parts.run.read_bytes())
    prefix = int.from_bytes(data[:8], "little").to_bytes(8, "big")
    whole = parts.fingerprints.read_bytes()
    (asked,) = (whole[at : at + 16] for at in range(0, 160, 16) if whole[at : at + 8] == prefix)
    right = int.from_bytes(data[80:84], "little")
    data[80:84] = serial.to_bytes(4, "little")
    parts.run.write_bytes(data)
    if serial == right:
        assert mint.vault.find(batch, asked, mint.station_keys) == [(0, right)]
        return
    with pytest.raises(IntegrityError, match="do not agree"):
        mint.vault.find(batch, asked, mint.station_keys)


@pytest.mark.parametrize("size", [9 * 12, 11 * 12])
def test_a_run_of_another_length_is_searched_for_nothing(mint, batch, size):
    """It would still be a run, with its columns cut in the wrong place."""
    path = mint.vault.parts(batch).run
    path.write_bytes((path.read_bytes() + bytes(12))[:size])
    with pytest.raises(IntegrityError, match="cut or added to"):
        mint.vault.find(batch, bytes(16), mint.station_keys)


def test_rewrapping_changes_who_may_unseal_and_nothing_else(mint, batch):
    parts = mint.vault.parts(batch)
    before = [parts[n].read_bytes() for n in (0, 1, 2, 4)]
    wraps = mint.vault.wraps(batch, mint.station_keys, mint.station_keys)
    data_key = wraps.open(mint.custodian, mint.sealing)
    codes = list(mint.unseal(batch).codes(Range(1, 10)))

    successor = X25519PrivateKey.generate()
    who = [("77" * 8, successor.public_key())]
    mint.vault.rewrap(wraps.header, data_key, who, mint.station, mint.signing.sign)
    assert before == [parts[n].read_bytes() for n in (0, 1, 2, 4)]
    with pytest.raises(IntegrityError):
        mint.unseal(batch)
    keys = mint.station_keys
    reader = mint.vault.unseal(batch, keys, keys, "77" * 8, successor)
    assert list(reader.codes(Range(1, 10))) == codes
    mint.verify(batch)


def test_a_put_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    folder = Folder(tmp_path)
    folder.put("a", b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        folder.put("a", b"new")
    assert folder.names() == ["a"]
    assert folder.read("a", 0, 100) == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_operations_of_storage(tmp_path):
    folder = Folder(tmp_path)
    folder.put("b", b"0123456789")
    folder.put("a", b"")
    assert folder.names() == ["a", "b"]
    assert folder.size("b") == 10
    assert folder.read("b", 3, 4) == b"3456"
    assert folder.read("b", 8, 10) == b"89"
    with pytest.raises(FileNotFoundError):
        folder.size("c")
