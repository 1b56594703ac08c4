"""The reader of archives at its limits; what `make mutate` found untested."""

import io
import struct
import tracemalloc
import zlib
from dataclasses import replace

import pytest

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.secret import Secret
from mintmark.packaging.zip import reader
from mintmark.packaging.zip.writer import ArchiveWriter

PASSWORD = Secret(b"ABCD-EFGH")


def archive(*entries, deflate=True):
    """An archive of (name, bytes) pairs."""
    file = io.BytesIO()
    with ArchiveWriter(file, PASSWORD) as writer:
        for name, data in entries:
            writer.add(name, data, deflate=deflate)
    return file.getvalue()


def contents(data):
    file = io.BytesIO(data)
    return {
        entry.name: b"".join(reader.content(file, entry, reader.unlock(file, entry, PASSWORD)))
        for entry in reader.entries(file)
    }


class Counting(io.BytesIO):
    """A file that knows how many bytes were read of it."""

    count = 0

    def read(self, *size):
        data = super().read(*size)
        self.count += len(data)
        return data


def test_an_error_says_what_to_compare():
    error = reader.broken("it is upside down")
    assert error.message == "the archive is not as it was made: it is upside down"
    assert error.hints == (
        "compare its SHA-256 with the handoff letter, and copy it again from the source",
    )


def test_keys_show_nothing_of_themselves():
    assert repr(reader.Keys(b"cipher", b"tag", fits=True)) == "Keys('***')"


@pytest.mark.parametrize("deflate", [True, False])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 47, 48, 49, 1000])
@pytest.mark.parametrize("held", [0, 48, 1 << 20])
def test_an_entry_is_the_same_held_or_read_twice(monkeypatch, deflate, size, held):
    monkeypatch.setattr(reader, "_MAX_HELD", held)
    monkeypatch.setattr(reader, "_CHUNK", 48)
    plain = bytes(number * 7 % 251 for number in range(size))
    data = archive(("a", plain), deflate=deflate)
    assert contents(data) == {"a": plain}
    (entry,) = reader.entries(io.BytesIO(data))
    for place in {0, 15, entry.packed // 2 + 4, entry.packed - 10, entry.packed - 1}:
        altered = bytearray(data)
        altered[entry.start + place] ^= 1
        with pytest.raises(IntegrityError, match="damaged"):
            contents(bytes(altered))


@pytest.mark.parametrize(("less", "times"), [(0, 1), (1, 2)])
def test_an_entry_that_can_be_held_is_read_once(monkeypatch, less, times):
    plain = bytes(1000)
    file = Counting(archive(("a", plain), deflate=False))
    (entry,) = reader.entries(file)
    keys = reader.unlock(file, entry, PASSWORD)
    monkeypatch.setattr(reader, "_MAX_HELD", len(plain) - less)
    file.count = 0
    assert b"".join(reader.content(file, entry, keys)) == plain
    assert file.count == times * len(plain) + 10


def test_pieces_are_a_mebibyte_and_sixteen_are_held():
    plain = bytes((16 << 20) + 1)
    for size, times in (((16 << 20), 1), ((16 << 20) + 1, 2)):
        file = Counting(archive(("a", plain[:size]), deflate=False))
        (entry,) = reader.entries(file)
        keys = reader.unlock(file, entry, PASSWORD)
        file.count = 0
        assert {len(piece) for piece in reader.content(file, entry, keys)} <= {1 << 20, 1}
        assert file.count == times * size + 10


@pytest.mark.parametrize(("length", "good"), [(1, True), (100, True), (101, False)])
def test_a_name_has_at_most_100_bytes(length, good):
    data = archive(("n" * length, b"x"))
    if good:
        assert contents(data) == {"n" * length: b"x"}
    else:
        with pytest.raises(IntegrityError, match="directory cannot be read"):
            reader.entries(io.BytesIO(data))


def test_there_are_at_most_300_100_entries(monkeypatch):
    data = archive(("a", b""), ("b", b""))
    assert reader.MAX_ENTRIES == 300_100
    monkeypatch.setattr(reader, "MAX_ENTRIES", 2)
    assert len(reader.entries(io.BytesIO(data))) == 2
    monkeypatch.setattr(reader, "MAX_ENTRIES", 1)
    with pytest.raises(IntegrityError, match="directory is too large"):
        reader.entries(io.BytesIO(data))


def test_nothing_is_read_of_a_directory_too_long_for_its_entries():
    """The limit per entry: its record, a name and 64 bytes of extra fields."""
    for length, words in ((46 + 100 + 64, "not a plain one"), (46 + 100 + 65, "is too large")):
        directory = b"PK\1\2" + bytes(length - 4)
        end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, length, 0, 0)
        with pytest.raises(IntegrityError, match=words):
            reader.entries(io.BytesIO(directory + end))


@pytest.mark.parametrize("name", ["README.txt", "a/b/c-d_e.f", "a.b.c"])
def test_plain_names(name):
    assert list(contents(archive((name, b"x")))) == [name]


def test_an_entry_shorter_than_salt_verifier_and_tag_is_refused():
    """28 bytes: an entry of nothing. One less has no place for them."""
    data = archive(("a", b""), deflate=False)
    (entry,) = reader.entries(io.BytesIO(data))
    assert entry.packed == 28
    assert contents(data) == {"a": b""}
    old, new = struct.pack("<LL", 28, 0), struct.pack("<LL", 27, 0)
    zip64 = struct.pack("<QQ", 0, 28), struct.pack("<QQ", 0, 27)
    short = data.replace(old, new).replace(*zip64)
    with pytest.raises(IntegrityError, match="the directory's record of a was altered"):
        reader.entries(io.BytesIO(short))


def test_inflating_takes_a_mebibyte_at_a_time():
    plain = bytes(8 << 20)
    data = archive(("a", plain))
    file = io.BytesIO(data)
    (entry,) = reader.entries(file)
    keys = reader.unlock(file, entry, PASSWORD)
    tracemalloc.start()
    try:
        assert max(len(piece) for piece in reader.content(file, entry, keys)) <= 1 << 20
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()


def test_an_entry_that_promises_more_than_it_holds_ends_in_an_error():
    data = archive(("a", b"hello"))
    file = io.BytesIO(data)
    (entry,) = reader.entries(file)
    keys = reader.unlock(file, entry, PASSWORD)
    for size in (4, 6):
        given = []
        with pytest.raises(IntegrityError, match="a is not as long"):
            given.extend(reader.content(file, replace(entry, size=size), keys))
        assert b"".join(given) == (b"hello" if size == 6 else b"")


def test_a_stream_that_ends_where_a_piece_does_holds_nothing_behind(monkeypatch):
    """zlib sees the end only with the last byte of a piece; the next piece is then too much."""
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = raw.compress(bytes(range(256))) + raw.flush()
    monkeypatch.setattr(reader, "_CHUNK", 16)
    padding = -len(stream) % 16
    data = archive(("a", stream + bytes(padding + 16)), deflate=False)
    file = io.BytesIO(data)
    (entry,) = reader.entries(file)
    keys = reader.unlock(file, entry, PASSWORD)
    with pytest.raises(IntegrityError, match="holds data behind its end"):
        list(reader.content(file, replace(entry, method=8, size=256), keys))


# --- what only archives of gigabytes have, by the fields alone ---

FULL = 0xFFFFFFFF
SMALL = 2**31 - 1  # the most that the writer keeps out of the ZIP64 fields


def ends64(count, length, at, *, start=0, here=None):
    """The ZIP64 end record and its locator."""
    here = count if here is None else here
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, here, count, length, at)
    return record + struct.pack("<4sLQL", b"PK\6\7", 0, start, 1)


@pytest.mark.parametrize(
    ("count", "length", "at", "short"),
    [
        (65_536, 10, 20, (10, 20, 65_535)),
        (300_000, 10, 20, (10, 20, 65_535)),
        (1, 10, SMALL + 1, (10, SMALL + 1, 1)),
        (1, SMALL + 1, 20, (SMALL + 1, 20, 1)),
        (1, 10, FULL, (10, FULL, 1)),
        (1, 10, FULL + 9, (10, FULL, 1)),
        (1, FULL + 9, 20, (FULL, 20, 1)),
    ],
)
@pytest.mark.parametrize("start", [0, 1, 99])
def test_large_archives_have_zip64_end_records(count, length, at, short, start):
    file = io.BytesIO(bytes(start) + ends64(count, length, at, start=start))
    found = reader._directory64(file, start + 76, short)
    assert found == (start, length, at, count)
    wrong = [(short[0] ^ 1, *short[1:]), (short[0], short[1] ^ 1, short[2]), (*short[:2], 0)]
    for other in wrong:
        with pytest.raises(IntegrityError, match="contradict each other"):
            reader._directory64(file, start + 76, other)
    differs = io.BytesIO(bytes(start) + ends64(count, length, at, start=start, here=count - 1))
    with pytest.raises(IntegrityError, match="contradict each other"):
        reader._directory64(differs, start + 76, short)


@pytest.mark.parametrize(
    ("count", "length", "at"), [(65_535, 10, 20), (1, SMALL, 20), (1, 10, SMALL)]
)
def test_archives_that_need_no_zip64_end_records_have_none(count, length, at):
    with pytest.raises(IntegrityError, match="contradict each other"):
        reader._directory64(io.BytesIO(ends64(count, length, at)), 76, (length, at, count))


def test_there_is_no_zip64_end_record_before_the_first_byte():
    with pytest.raises(IntegrityError, match="data outside its entries"):
        reader._directory64(io.BytesIO(bytes(75)), 75, (0, 0, 0))


VALUES = {"size": 2**33 + 1, "packed": 2**34 + 2, "header_at": 2**35 + 3}


@pytest.mark.parametrize("large", [(), *((name,) for name in VALUES), tuple(VALUES)])
def test_large_values_stand_in_the_zip64_field_in_their_order(large):
    fields = {name: FULL if name in large else 7 for name in VALUES}
    field = struct.pack("<HH", 1, 8 * len(large)) if large else b""
    field += b"".join(struct.pack("<Q", VALUES[name]) for name in large)
    expected = [VALUES[name] if name in large else 7 for name in VALUES]
    assert reader._large("a", field + b"rest", *fields.values()) == (*expected, b"rest")
    assert reader._large("a", field, *fields.values()) == (*expected, b"")
    if large:
        for broken in (field[:-1], b"\2" + field[1:], field[:2] + b"\0" + field[3:], b""):
            with pytest.raises(IntegrityError, match="the directory's record of a was altered"):
                reader._large("a", broken, *fields.values())


@pytest.mark.parametrize(
    ("size", "packed", "large"),
    [(0, 28, False), (SMALL, SMALL, False), (SMALL + 1, 28, True), (5, SMALL + 1, True)],
)
def test_the_local_header_of_an_entry(size, packed, large):
    sizes = (FULL, FULL) if large else (packed, size)
    expected = struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 20, 1, 99, 0, 33, 0, *sizes, 3, 31)
    expected += b"a.b" + struct.pack("<HHQQ", 1, 16, size, packed)
    expected += struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, 8)
    assert reader._local(reader.Entry("a.b", 8, size, packed, 0, bytes(16), 0)) == expected


def test_more_entries_than_a_signed_number_of_16_bits_holds_are_counted():
    """A package of 50,000 pictures, without ZIP64: the field is unsigned."""
    for count, length in ((0x8000, 10), (0xFFFE, 0x80_0000)):
        end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count, count, length, 0, 0)
        data = bytes(length) + end
        assert reader._directory(io.BytesIO(data), len(data)) == (0, length, count)
