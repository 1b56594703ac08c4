"""What is said of files that are no package as it was made: true, whatever was done to them."""

import base64
import gzip
import io
import itertools
import random
import re
import struct
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.zip import diagnosis, reader
from mintmark.packaging.zip.kinds import was_taken_for_text

ALTERED = "the archive is not as it was made: "
NOT_WHOLE = "the archive is not whole: "
NO_PACKAGE = "this is no package: "
PACKED_AGAIN = "the archive was packed again by another program: "
CHANGED = "the archive was changed by another program: "


def said(data, name="a.zip"):
    """What is said of a file with these bytes."""
    file = io.BytesIO(data)
    with pytest.raises(IntegrityError) as refusal:
        reader.entries(file)
    error = diagnosis.explained(file, name, refusal.value)
    assert error.exit_code == 5
    assert error.hints
    text = " ".join((error.message, *error.hints))
    assert text.isascii(), "a console of any code page must show it"
    assert text.isprintable()
    return error.message


@pytest.fixture(scope="module")
def raw(made):
    return made.path.read_bytes()


@pytest.fixture(scope="module")
def structure(raw, split_archive):
    """The offsets of all bytes that are not an entry's content."""
    parts, directory, end = split_archive(raw)
    offsets, at = [], 0
    for header, content in parts:
        offsets += range(at, at + len(header))
        at += len(header) + len(content)
    return [*offsets, *range(at, at + len(directory) + len(end))]


def test_a_changed_byte_is_never_called_the_work_of_another_program(raw, structure):
    """Nor a cut file, nor one without encryption: it is altered, and nothing else is true."""
    chance = random.Random(3)
    for offset in structure:
        for value in {1 << chance.randrange(8) ^ raw[offset], 0, 255, chance.randrange(256)}:
            if value != raw[offset]:
                altered = raw[:offset] + bytes([value]) + raw[offset + 1 :]
                assert said(altered).startswith(ALTERED), (offset, value)
                assert "is not encrypted" not in said(altered)


def test_a_cut_file_is_never_called_altered(raw):
    for length in {*range(40), *range(0, len(raw), 37), *range(len(raw) - 700, len(raw))}:
        assert said(raw[:length]).startswith(NOT_WHOLE), length


@given(st.data())
def test_more_damage_is_not_called_the_work_of_another_program(raw, data):
    at = data.draw(st.integers(0, len(raw) - 1))
    length = data.draw(st.sampled_from([1, 2, 16, 100, 512, 4096]))
    new = data.draw(
        st.sampled_from([b"", bytes(length), b"\xff" * length, random.Random(at).randbytes(length)])
    )
    behind = data.draw(st.sampled_from([at, at + length]))
    altered = raw[:at] + new + raw[behind:]
    try:
        reader.entries(io.BytesIO(altered))
    except IntegrityError:
        assert said(altered).startswith((ALTERED, NOT_WHOLE))


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"PK\3\4", b"PK\5\6", b"PK\7\x08PK\3\4", b"PK\1\2"]),
)
def test_any_bytes_get_an_answer(data, signature):
    for whole in (
        signature + data,
        data + signature,
        data + b"PK\5\6" + data,
        data + b"PK\5\6" + bytes(18),
    ):
        if whole != b"PK\5\6" + bytes(18):  # an archive without entries has the right form
            said(whole)


@given(st.lists(st.integers(0, 65_535), min_size=8, max_size=8), st.integers(0, 40))
def test_any_end_record_gets_an_answer(raw, numbers, records):
    """Whatever it says of places, numbers and sizes: nothing beyond the file is believed."""
    disk, first, here, count, length, start, high, comment = numbers
    end = struct.pack(
        "<4sHHHHLLH",
        b"PK\5\6",
        disk % 2,
        first % 2,
        here,
        count,
        length,
        start | high << 16,
        comment,
    )
    said(raw[: -22 - records] + end)


def test_what_is_read_is_bounded(raw, monkeypatch):
    """A directory that claims gigabytes is not read to explain why it was refused."""
    lengths, read = [], diagnosis.read

    def recorded(file, at, length):
        lengths.append(length)
        return read(file, at, length)

    monkeypatch.setattr(diagnosis, "read", recorded)
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, 1 << 31, 0, 0)
    assert said(raw + end).startswith(ALTERED)
    assert max(lengths) <= 1 << 20


ZIP_PLAIN = io.BytesIO()
with zipfile.ZipFile(ZIP_PLAIN, "w") as plain:
    plain.writestr("holiday.jpg", b"\xff\xd8\xff")
DOCX = io.BytesIO()
with zipfile.ZipFile(DOCX, "w") as plain:
    plain.writestr("[Content_Types].xml", b"<Types/>")
TAR = io.BytesIO()
with tarfile.open(fileobj=TAR, mode="w") as tar:
    tar.addfile(tarfile.TarInfo("manifest.json"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", NOT_WHOLE + "it is empty"),
        (bytes(5_000), NOT_WHOLE + "it begins with zeros"),
        (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(60), PACKED_AGAIN + "it is a 7z archive"),
        (b"Rar!\x1a\x07\x01\0" + bytes(60), PACKED_AGAIN + "it is a RAR archive"),
        (gzip.compress(b"x" * 99, mtime=0), PACKED_AGAIN + "it is a gzip file"),
        (TAR.getvalue(), PACKED_AGAIN + "it is a tar archive"),
        (b"MZ\x90\0" + bytes(60), PACKED_AGAIN + "it is a program, perhaps a self-extracting"),
        (b"<!DOCTYPE html>\n<html><body>502 Bad Gateway", NO_PACKAGE + "it is a web page"),
        (b"\xef\xbb\xbf\r\n<HTML><HEAD>", NO_PACKAGE + "it is a web page"),
        ("<html><p>请登录</p>".encode("gb18030"), NO_PACKAGE + "it is a web page"),
        ("<html>登录".encode("utf-16"), NO_PACKAGE + "it is a web page"),
        (b"<!-- proxy --><script></script><html>", NO_PACKAGE + "it is a web page"),
        (b'{"errcode":40001,"errmsg":"expired"}', NO_PACKAGE + "it is a server's answer (JSON)"),
        (b"<?xml version='1.0'?><Error/>", NO_PACKAGE + "it is a server's answer (XML)"),
        ("附件已被网关移除。\r\n".encode("gb18030"), NO_PACKAGE + "it is a text"),
        (b"Received: from a\r\nMIME-Version: 1.0\r\n\r\n", NO_PACKAGE + "it is a whole mail"),
        (base64.b64encode(b"PK\3\4\x14\0\1\0c\0"), NO_PACKAGE + "it is an archive in base64"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X", NO_PACKAGE + "it is a Mac's companion file"),
        (b"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F", NO_PACKAGE + "it is a Windows shortcut"),
        (b"[InternetShortcut]\r\nURL=file:///x", NO_PACKAGE + "it is an Internet shortcut"),
        (b"%PDF-1.7\n%\xe2\xe3", NO_PACKAGE + "it is a PDF document"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", NO_PACKAGE + "it is a picture"),
        (random.Random(1).randbytes(999), ALTERED + "it neither begins nor ends like an archive"),
        (ZIP_PLAIN.getvalue(), NO_PACKAGE + "it is an archive of other files"),
        (DOCX.getvalue(), NO_PACKAGE + "it is an Office document"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_a_file_that_is_no_archive_of_ours_is_named(data, words):
    assert said(data).startswith(words)


def test_pieces_are_named(raw):
    assert said(raw[:900], "a.zip.001").startswith(NOT_WHOLE + "it is one piece")
    assert said(raw[900:1800], "a.zip.002").startswith(NOT_WHOLE + "it is one piece")
    assert said(raw[900:], "a.zip.003").startswith(NOT_WHOLE + "it is one piece")
    assert said(raw[900:]).startswith(NOT_WHOLE + "its beginning is missing")
    assert said(b"PK\7\x08" + raw[:900]).startswith(NOT_WHOLE + "it is one piece")


def test_a_last_piece_is_named_wherever_it_was_cut(raw, split_archive):
    """Its directory may begin in the piece before."""
    _, directory, end = split_archive(raw)
    for left in range(len(end), len(directory) + len(end), 7):
        assert said(raw[-left:], "a.zip.003").startswith(NOT_WHOLE + "it is one piece")
        assert said(raw[-left:]).startswith(NOT_WHOLE + "its beginning is missing")


@pytest.mark.parametrize("zeros", [22, 100, 4_000])
def test_a_download_that_was_not_finished_ends_in_zeros(raw, zeros):
    assert "it ends in zeros" in said(raw[:-zeros] + bytes(zeros))


@pytest.mark.parametrize(
    ("more", "words"), [(bytes(512), "512 zeros"), (b"\r\n", "2 bytes"), (b"<html>", "6 bytes")]
)
def test_bytes_behind_the_end_are_counted(raw, more, words):
    assert said(raw + more) == f"{ALTERED}{words} were added behind its end"


def test_a_transfer_as_text_is_named(maker):
    """FTP in its ASCII mode, and a program that took bytes for UTF-8."""
    raw = maker(serials=(Range(1, 3_000),), unit_size=3_000).path.read_bytes()
    words = "the archive was damaged on its way: it was transferred as text"
    assert said(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")) == words
    assert said(raw.decode("utf-8", "replace").encode("utf-8")) == words
    assert not was_taken_for_text(raw)


def test_line_ends_of_a_large_archive_that_were_taken_away():
    data = random.Random(2).randbytes(1 << 20)
    assert not was_taken_for_text(data)
    assert was_taken_for_text((data * 2).replace(b"\r\n", b"\n")[: 1 << 20])


def test_a_directory_written_in_another_order(raw, split_archive):
    """All records are whole, so this is no damage."""
    _, directory, _ = split_archive(raw)
    records, at = [], 0
    while at < len(directory):
        name, extra = struct.unpack_from("<HH", directory, at + 28)
        records.append(directory[at : at + 46 + name + extra])
        at += len(records[-1])
    for order in itertools.islice(itertools.permutations(records), 1, 6):
        anew = raw.replace(directory, b"".join(order))
        assert said(anew) == CHANGED + "its directory was written anew, in another order"
    assert said(raw.replace(records[1], records[0][:46] + records[1][46:])).startswith(ALTERED)


def rewritten(raw, parts, directory, change):
    """The archive with `change` made of the fields of all headers, and offsets put right.

    `change` takes and gives (header's struct fields, extra fields); of a header in the directory
    the fields are one more in front.
    """
    out, records, at = b"", b"", 0
    for header, content in parts:
        *fields, name_bytes, extra_bytes = struct.unpack_from("<4sHHHHHLLLHH", header)
        name, extra = header[30 : 30 + name_bytes], header[30 + name_bytes :]
        assert len(extra) == extra_bytes
        own, extra, name = change(fields[1:6], extra, name, local=True)
        begin = len(out)
        lengths = (len(name), len(extra))
        out += struct.pack("<4sHHHHHLLLHH", fields[0], *own, *fields[6:], *lengths) + name + extra
        out += content
        (*first, name_bytes, extra_bytes, comment, disk, inner, outer, _) = struct.unpack_from(
            "<4sHHHHHHLLLHHHHHLL", directory, at
        )
        name = directory[at + 46 : at + 46 + name_bytes]
        extra = directory[at + 46 + name_bytes : at + 46 + name_bytes + extra_bytes]
        at += 46 + name_bytes + extra_bytes
        own, extra, name = change(first[2:7], extra, name, local=False)
        lengths = (len(name), len(extra))
        records += struct.pack(
            "<4sHHHHHHLLLHHHHHLL",
            *(*first[:2], *own, *first[7:], *lengths, comment, disk, inner, outer, begin),
        )
        records += name + extra
    end = struct.unpack("<4sHHHHLLH", raw[-22:])
    return out + records + struct.pack("<4sHHHHLLH", *end[:5], len(records), len(out), 0)


def change_of(**changes):
    """A change of named fields, in the places that `where` says."""
    names = ("needed", "flags", "method", "time", "date")

    def change(fields, extra, name, *, local):
        if changes.get("where", local) is local:
            fields = [changes.get(key, value) for key, value in zip(names, fields, strict=True)]
            extra = changes.get("extra", lambda given: given)(extra)
            name = changes.get("name", lambda given: given)(name)
        return fields, extra, name

    return change


OTHERS = PACKED_AGAIN + "its entries "


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_of(extra=lambda given: given[-11:], where=True), "bear times or fields"),  # libzip
        (change_of(extra=lambda given: given + b"UT\1\0x", where=True), "bear times or fields"),
        (change_of(extra=lambda given: b"\x0a\0\4\0abcd" + given, where=False), "bear times or"),
        (change_of(time=1), "bear times or fields"),
        (change_of(date=0x5D7B), "bear times or fields"),
        (change_of(flags=9), "bear times or fields"),
        (change_of(flags=0x801), "bear times or fields"),
        (change_of(needed=51), "bear times or fields"),
        (change_of(name=lambda given: b"x y/" + given), "bear times or fields"),
        (change_of(method=8), "are encrypted with ZipCrypto"),
        (change_of(method=8, flags=0x41), "are encrypted in PKWARE's way"),
        (change_of(method=0, flags=0), "are not encrypted"),
        (change_of(extra=lambda given: given.replace(b"\2\0AE", b"\1\0AE")), "are .* AES-256"),
        (change_of(extra=lambda given: given.replace(b"AE\3", b"AE\1")), "are .* AES-128"),
        (change_of(extra=lambda given: given[:-2] + b"\x0c\0"), "are compressed in another way"),
    ],
)
def test_marks_that_all_entries_bear_are_another_programs(raw, split_archive, change, words):
    """Each mark alone, as programs leave several of them."""
    parts, directory, _ = split_archive(raw)
    assert rewritten(raw, parts, directory, change_of()) == raw
    assert re.match(OTHERS + words, said(rewritten(raw, parts, directory, change)))


@pytest.mark.parametrize(
    "changes",
    [
        {"time": 1},
        {"date": 0x5D7B},
        {"flags": 9},
        {"needed": 63},
        {"method": 8},
        {"method": 0, "flags": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("where", [True, False])
def test_marks_in_one_of_two_places_are_nobodys(raw, split_archive, changes, where):
    """The directory and the entries contradict each other: this is damage, or a forgery."""
    parts, directory, _ = split_archive(raw)
    altered = rewritten(raw, parts, directory, change_of(**changes, where=where))
    assert said(altered).startswith(ALTERED)


@given(
    st.lists(
        st.sampled_from([1 << 31, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]),
        min_size=6,
        max_size=6,
    ),
    st.integers(1, 7),
)
def test_places_beyond_every_file_are_not_looked_up(raw, split_archive, places, full):
    """ZIP64 has room for offsets that no operating system can seek to."""
    _, directory, _ = split_archive(raw)
    name, extra = struct.unpack_from("<HH", directory, 28)
    record = bytearray(directory[: 46 + name])
    values = [place for bit, place in enumerate(places[:3]) if full >> bit & 1]
    for bit, at in enumerate((24, 20, 42)):
        if full >> bit & 1:
            record[at : at + 4] = b"\xff" * 4
    field = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)
    record[30:32] = struct.pack("<H", extra + len(field))
    anew = bytes(record) + field + directory[46 + name :]
    body = raw[: -22 - len(directory)]
    end = struct.pack(
        "<4sHHHHLLH", *struct.unpack("<4sHHHHLLH", raw[-22:])[:5], len(anew), len(body), 0
    )
    assert said(body + anew + end)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, places[3], 1)
    end64 = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 7, 7, places[4], places[5])
    large = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 65_535, 65_535, 1 << 31, (1 << 32) - 1, 0)
    assert said(body + anew + end64 + locator + large)
