"""Archives that the writer made, read by the reader: whole, altered and by chance."""

import io
import zlib
from dataclasses import replace

import pytest
import pyzipper
from hypothesis import given, settings
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.packaging.zip import reader
from mintmark.packaging.zip.writer import ArchiveWriter


def test_no_bit_of_a_header_can_be_changed(made, split_archive):
    """Everything outside the encrypted contents, by the archive's form alone."""
    data = made.path.read_bytes()
    parts, directory, end = split_archive(data)
    positions, at = [], 0
    for header, content in parts:
        positions += range(at, at + len(header))
        at += len(header) + len(content)
    positions += range(at, at + len(directory) + len(end))
    assert at + len(directory) + len(end) == len(data)
    names = [entry.name for entry in reader.entries(io.BytesIO(data))]
    for position in positions:
        for bit in range(8):
            altered = bytearray(data)
            altered[position] ^= 1 << bit
            with pytest.raises(IntegrityError):
                reader.entries(io.BytesIO(altered))
    assert names == list(made.entries())


@given(st.data())
def test_no_cut_archive_passes(made, data):
    raw = made.path.read_bytes()
    length = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(IntegrityError, match="not as it was made"):
        reader.entries(io.BytesIO(raw[:length]))


@settings(max_examples=100)
@given(st.binary(max_size=400))
def test_no_arbitrary_bytes_pass(data):
    for content in (data, data + b"PK\5\6" + bytes(18), b"PK\3\4" + data):
        try:
            assert reader.entries(io.BytesIO(content)) == ()
        except IntegrityError:
            continue
        # An empty archive has the right form; verify then misses the manifest.
        assert content == b"PK\5\6" + bytes(18)


def raw_entry(made, payload, size, method=8):
    """A file of a single entry whose deflate stream is `payload`, and the entry."""
    file = io.BytesIO()
    with ArchiveWriter(file, made.password) as archive:
        archive.add("a", payload, deflate=False)
    data = file.getvalue()
    (entry,) = reader.entries(io.BytesIO(data))
    return io.BytesIO(data), replace(entry, method=method, size=size)


def packed(data, level=9):
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush()


def read(made, file, entry):
    return b"".join(reader.content(file, entry, reader.unlock(file, entry, made.password)))


@given(st.binary(max_size=300), st.integers(0, 20_000), st.integers(1, 3))
def test_another_writers_deflate_is_read(made, data, zeros, times):
    plain = (data + bytes(zeros)) * times
    file, entry = raw_entry(made, packed(plain), len(plain))
    assert read(made, file, entry) == plain


@given(
    st.binary(min_size=1, max_size=40),
    st.integers(1, 30),
    st.integers(0, 600),
    st.integers(1, 40),
)
def test_no_match_is_lost_where_pieces_end(made, data, times, zeros, blocks):
    """zlib may have taken all input and hold output back."""
    plain = data * times + bytes(zeros)
    file, entry = raw_entry(made, packed(plain), len(plain))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_CHUNK", 16 * blocks)
        assert read(made, file, entry) == plain


@pytest.mark.parametrize(
    ("stream", "size"),
    [
        (packed(b"hello") + b"tail", 5),
        (packed(b"hello")[:-1], 5),
        (packed(b"hello"), 4),
        (packed(b"hello"), 6),
        (b"\xff\xff\xff", 5),
        (b"", 5),
        (b"", 0),
    ],
)
def test_malformed_deflate_is_refused(made, stream, size):
    file, entry = raw_entry(made, stream, size)
    with pytest.raises(IntegrityError):
        read(made, file, entry)


def test_more_entries_than_a_short_count_holds(made, tmp_path, monkeypatch):
    monkeypatch.setattr(pyzipper.zipfile, "ZIP_FILECOUNT_LIMIT", 50)
    path = made.rebuild(tmp_path / "a.zip", [(f"n/{number}", b"") for number in range(51)])
    data = path.read_bytes()
    assert data[-42:-38] == b"PK\6\7"
    with pytest.raises(IntegrityError):
        reader.entries(io.BytesIO(data))  # 51 entries need no ZIP64
    monkeypatch.setattr(reader, "_COUNT_LIMIT", 50)
    assert len(reader.entries(io.BytesIO(data))) == 51
