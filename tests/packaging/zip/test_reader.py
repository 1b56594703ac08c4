"""The reader against archives that are right but for a single field, made without the writer."""

import hashlib
import hmac
import io
import struct
import zlib
from dataclasses import dataclass, replace

import pytest
from Cryptodome.Cipher import AES
from Cryptodome.Util import Counter
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.secret import Secret
from mintmark.packaging.zip import reader

PASSWORD = b"K7QM-9X2C"
FULL = 0xFFFFFFFF


@dataclass(frozen=True)
class Forged:
    """An entry with every field of its two headers; None is what belongs there."""

    name: bytes = b"data/0001.csv"
    plain: bytes = b"serial,code,url\r\n" * 40
    method: int = 8
    salt: bytes = b"0123456789abcdef"
    version: int = 2  # AE-2
    strength: int = 3  # AES-256
    vendor: bytes = b"AE"
    outer: int = 99
    flags: int = 1
    time: int = 0
    date: int = 0x21
    crc: int = 0
    size: int | None = None
    packed: int | None = None
    made: int = 20
    system: int = 0
    needed: int = 20
    comment: int = 0
    disk: int = 0
    internal: int = 0
    external: int = 0o600 << 16
    data: bytes | None = None  # salt, verifier, ciphertext and tag
    extra: bytes = b""  # in the directory, behind the field of AE-2
    zip64: bytes | None = None  # in the directory, of an entry whose sizes are 0xFFFFFFFF
    content: bytes | None = None  # what is encrypted, in place of the deflated plain bytes

    @property
    def aes(self):
        return struct.pack(
            "<HHH2sBH", 0x9901, 7, self.version, self.vendor, self.strength, self.method
        )

    @property
    def stream(self):
        if self.content is not None:
            return self.content
        if self.method != 8:
            return self.plain
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(self.plain) + packer.flush()

    def encrypted(self):
        if self.data is not None:
            return self.data
        material = hashlib.pbkdf2_hmac("sha1", PASSWORD, self.salt, 1_000, 66)
        counter = Counter.new(nbits=128, little_endian=True)
        secret = AES.new(material[:32], AES.MODE_CTR, counter=counter).encrypt(self.stream)
        tag = hmac.digest(material[32:64], secret, "sha1")[:10]
        return self.salt + material[64:] + secret + tag

    def sizes(self):
        size = len(self.plain) if self.size is None else self.size
        packed = len(self.encrypted()) if self.packed is None else self.packed
        return packed, size

    def shown(self):
        return self.sizes() if self.zip64 is None else (FULL, FULL)

    def local(self):
        packed, size = self.sizes()
        extra = struct.pack("<HHQQ", 1, 16, size, packed) + self.aes
        packed, size = self.shown()
        head = (20, self.flags, self.outer, self.time, self.date, self.crc, packed, size)
        lengths = len(self.name), len(extra)
        return struct.pack("<4sHHHHHLLLHH", b"PK\3\4", *head, *lengths) + self.name + extra

    def central(self, at):
        extra = (self.zip64 or b"") + self.aes + self.extra
        return (
            struct.pack(
                "<4sBBHHHHHLLLHHHHHLL",
                *(b"PK\1\2", self.made, self.system, self.needed, self.flags, self.outer),
                *(self.time, self.date, self.crc, *self.shown(), len(self.name), len(extra)),
                *(self.comment, self.disk, self.internal, self.external, at),
            )
            + self.name
            + extra
        )


def archive(*entries, between=b"", **end):
    """The bytes of an archive; `end` replaces fields of its end record."""
    out, directory = b"", b""
    for entry in entries:
        directory += entry.central(len(out))
        out += entry.local() + entry.encrypted() + between
    fields = {"disk": 0, "first_disk": 0, "here": len(entries), "count": len(entries)}
    fields |= {"length": len(directory), "at": len(out), "comment": 0} | end
    return out + directory + struct.pack("<4sHHHHLLH", b"PK\5\6", *fields.values())


def entries(data):
    return reader.entries(io.BytesIO(data))


def plain(data, password=PASSWORD):
    """The plain bytes of the only entry."""
    file = io.BytesIO(data)
    (entry,) = reader.entries(file)
    return b"".join(reader.content(file, entry, reader.unlock(file, entry, Secret(password))))


def refused(data, match):
    with pytest.raises(IntegrityError, match=match):
        entries(data)


@pytest.mark.parametrize("method", [0, 8])
@given(content=st.binary(max_size=3_000))
def test_an_archive_made_by_the_specification_is_read(method, content):
    made = Forged(plain=content, method=method)
    data = archive(made)
    assert plain(data) == content
    (entry,) = entries(data)
    assert (entry.name, entry.method, entry.size) == ("data/0001.csv", method, len(content))
    assert (entry.salt, entry.packed) == (made.salt, len(made.encrypted()))


# Each stands in both headers alike, so that no contradiction gives it away.
ALTERED = [
    ({"version": 1}, "does not say that .* is AES-256"),
    ({"strength": 1}, "does not say that .* is AES-256"),
    ({"strength": 2}, "does not say that .* is AES-256"),
    ({"vendor": b"EA"}, "does not say that .* is AES-256"),
    ({"method": 9}, "does not say that .* is AES-256"),
    ({"outer": 8}, "does not say that .* is encrypted"),
    ({"outer": 0}, "does not say that .* is encrypted"),
    ({"flags": 0}, "was altered"),
    ({"flags": 9}, "was altered"),
    ({"flags": 0x801}, "was altered"),
    ({"time": 1}, "was altered"),
    ({"date": 0x22}, "was altered"),
    ({"crc": 1}, "was altered"),
    ({"made": 63}, "was altered"),
    ({"needed": 21}, "was altered"),
    ({"system": 3}, "was altered"),
    ({"disk": 1}, "was altered"),
    ({"internal": 1}, "was altered"),
    ({"external": 0o777 << 16}, "was altered"),
    ({"comment": 1}, "was altered"),
    ({"data": b"0" * 27}, "was altered"),
    ({"data": b""}, "was altered"),
    ({"name": b"x" * 101}, "cannot be read"),
    ({"name": b"data/0001.csv/"}, "not a plain one"),
    ({"name": b"data/0001.csv\n"}, "not a plain one"),
    ({"name": "码".encode()}, "not a plain one"),
    ({"name": b""}, "not a plain one"),
    ({"extra": b"\x99\x99\x35\x00" + b"x" * 53}, "cannot be read"),
    ({"extra": b"\x99\x99\x00\x00"}, "does not say that .* is AES-256"),
]


@pytest.mark.parametrize(("change", "match"), ALTERED, ids=str)
def test_a_record_that_says_anything_else_is_refused(change, match):
    refused(archive(replace(Forged(), **change)), match)


@pytest.mark.parametrize("field", ["made", "needed"])
def test_just_the_versions_that_the_writer_says_are_read(field):
    read = set()
    for version in range(256):
        try:
            entries(archive(replace(Forged(), **{field: version})))
        except (IntegrityError, struct.error):
            continue
        read.add(version)
    assert read == {20, 45, 51}


@pytest.mark.parametrize("external", [1, 2, 0o600, 0o600 << 15, (0o600 << 16) + 1, 0o601 << 16])
def test_other_attributes_than_none_or_the_owners_are_refused(external):
    refused(archive(replace(Forged(), external=external)), "was altered")


def test_no_attributes_are_read():
    (entry,) = entries(archive(replace(Forged(), external=0)))
    assert entry.name == "data/0001.csv"


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1},
        {"method": 0},
        {"outer": 8},
        {"flags": 0},
        {"time": 1},
        {"crc": 1},
        {"size": 1},
        {"packed": 30},
        {"name": b"data/0002.csv"},
    ],
    ids=str,
)
def test_a_local_header_that_contradicts_its_record_is_refused(change):
    made, other = Forged(), replace(Forged(), **change)
    out = other.local() + made.encrypted()
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, len(made.central(0)), len(out), 0)
    refused(out + made.central(0) + end, "the headers of data/0001.csv contradict each other")


def test_bytes_behind_the_last_record_are_refused():
    made = Forged()
    out, directory = made.local() + made.encrypted(), made.central(0) + b"more"
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(out), 0)
    refused(out + directory + end, "data outside its entries")


def test_a_file_that_was_cut_since_is_refused():
    data = archive(Forged())
    (entry,) = entries(data)
    with pytest.raises(IntegrityError, match="cut short"):
        reader.head(io.BytesIO(data[: entry.start + 17]), entry)


@pytest.mark.parametrize("size", range(23))
def test_files_shorter_than_any_end_record_are_refused(size):
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 0, 0, 1, 1, 0)
    refused(end[:size], "not as it was made")


def test_names_and_data_may_be_as_long_as_the_bounds():
    (entry,) = entries(archive(Forged(name=b"x" * 100, plain=b"", method=0)))
    assert (entry.name, entry.packed, entry.size) == ("x" * 100, 28, 0)


@pytest.mark.parametrize(
    ("end", "match"),
    [
        ({"disk": 1}, "does not end like an archive"),
        ({"first_disk": 1}, "does not end like an archive"),
        ({"here": 1}, "does not end like an archive"),
        ({"comment": 1}, "does not end like an archive"),
        ({"here": 1, "count": 1}, "data outside its entries"),
        ({"here": 3, "count": 3}, "directory is cut short"),
        ({"length": 1}, "data outside its entries"),
        ({"at": 0}, "data outside its entries"),
    ],
    ids=str,
)
def test_end_records_that_are_wrong_are_refused(end, match):
    first, second = Forged(), Forged(name=b"b", salt=bytes(16))
    assert len(entries(archive(first, second))) == 2
    refused(archive(first, second, **end), match)


def test_a_directory_longer_than_its_records_may_be_is_not_read(monkeypatch):
    """The length is a claim as well: what is read is bounded by the number of entries."""
    reads = []
    read = reader._read

    def recorded(file, at, length):
        reads.append(length)
        return read(file, at, length)

    monkeypatch.setattr(reader, "_read", recorded)
    size = 1 << 20
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 3, 3, size, 0, 0)
    refused(bytes(size) + end, "directory is too large")
    assert max(reads) < 1_000


def test_more_entries_than_any_package_has_are_not_read(monkeypatch):
    monkeypatch.setattr(reader, "MAX_ENTRIES", 2)
    three = [Forged(name=b"%d" % number, salt=b"%016d" % number) for number in range(3)]
    assert len(entries(archive(*three[:2]))) == 2
    refused(archive(*three), "directory is too large")


def test_entries_in_another_order_than_their_records_are_refused():
    first, second = Forged(), Forged(name=b"b", salt=bytes(16))
    out = first.local() + first.encrypted()
    directory = second.central(len(out)) + first.central(0)
    out += second.local() + second.encrypted()
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 2, 2, len(directory), len(out), 0)
    refused(out + directory + end, "does not begin where the entry before it ends")
    refused(archive(first, second, between=b"gap"), "does not begin where")
    refused(archive(first, between=b"gap"), "data outside its entries")


@pytest.mark.parametrize("name", [b"data/0001.csv", b"DATA/0001.CSV"])
def test_a_name_twice_is_refused(name):
    refused(archive(Forged(), Forged(name=name, salt=bytes(16))), "is there twice")


def test_two_entries_over_the_same_bytes_are_refused():
    """A bomb of overlapping entries (Fifield, WOOT 2019)."""
    first = Forged()
    out = first.local() + first.encrypted()
    directory = first.central(0) + replace(first, name=b"b").central(0)
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 2, 2, len(directory), len(out), 0)
    refused(out + directory + end, "does not begin where the entry before it ends")


@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_nothing_is_given_of_an_entry_whose_tag_is_wrong(at, bit):
    made = Forged()
    data = bytearray(made.encrypted())
    data[18 + at % (len(data) - 18)] ^= 1 << bit  # ciphertext or tag
    file = io.BytesIO(archive(replace(made, data=bytes(data))))
    (entry,) = reader.entries(file)
    keys = reader.unlock(file, entry, Secret(PASSWORD))
    assert keys.fits
    with pytest.raises(IntegrityError, match="damaged or was altered"):
        reader.content(file, entry, keys)  # before a piece is taken


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("change", [-1, 1, 100_000])
def test_another_size_than_the_content_is_refused(method, change):
    made = Forged(method=method)
    with pytest.raises(IntegrityError, match="not as long as the directory says"):
        plain(archive(replace(made, size=len(made.plain) + change)))


def test_a_wrong_password_does_not_fit():
    file = io.BytesIO(archive(Forged()))
    (entry,) = reader.entries(file)
    fits = [reader.unlock(file, entry, Secret(b"%d" % number)).fits for number in range(20)]
    assert not any(fits)  # the salt is fixed, so chance has no part in this
    assert reader.unlock(file, entry, Secret(PASSWORD)).fits
    assert PASSWORD.decode() not in repr(reader.unlock(file, entry, Secret(PASSWORD)))


def test_an_entry_too_large_to_be_held_is_read_twice(monkeypatch):
    monkeypatch.setattr(reader, "_MAX_HELD", 100)
    monkeypatch.setattr(reader, "_CHUNK", 64)
    content = bytes(range(256)) * 9
    data = archive(Forged(plain=content, method=0))
    assert plain(data) == content
    reads = []
    read = reader._read
    monkeypatch.setattr(reader, "_read", lambda *args: reads.append(args[2]) or read(*args))
    assert plain(data) == content
    assert max(reads) <= 200  # never all of it at once


def zip64_end(data, **changes):
    """`data` with the end records of a large archive; `changes` are to the ZIP64 record."""
    *_, count, length, at, _ = struct.unpack("<4sHHHHLLH", data[-22:])
    fields = {
        "rest": 44,
        "made": 45,
        "needed": 45,
        "disk": 0,
        "first_disk": 0,
        "here": count,
        "count": count,
        "length": length,
        "at": at,
    }
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", *(fields | changes).values())
    start = len(data) - 22
    return data[:-22] + record + struct.pack("<4sLQL", b"PK\6\7", 0, start, 1) + data[-22:]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rest": 43},
        {"made": 46},
        {"needed": 46},
        {"disk": 1},
        {"first_disk": 1},
        {"here": 2},
        {"count": 2},
        {"length": 1},
        {"at": 1},
    ],
    ids=str,
)
def test_zip64_end_records(changes, monkeypatch):
    made = Forged(plain=b"", method=0)
    data = zip64_end(archive(made), **changes)
    refused(data, "end records contradict")  # so small, it has no need of them
    monkeypatch.setattr(reader, "_ZIP64_LIMIT", 50)
    if changes:
        refused(data, "end records contradict")
    else:
        assert reader._directory(io.BytesIO(data), len(data))[2] == 1


@pytest.mark.parametrize("field", ["at", "length"])
def test_zip64_end_records_that_agree_on_a_wrong_directory(field, monkeypatch):
    monkeypatch.setattr(reader, "_ZIP64_LIMIT", 50)
    made = Forged(plain=b"", method=0)
    right = {"at": len(made.local()) + 28, "length": len(made.central(0))}
    wrong = {field: right[field] - 1}
    refused(zip64_end(archive(made, **wrong), **wrong), "data outside its entries")


def test_the_zip64_locator_is_the_one_that_finds_its_record(monkeypatch):
    monkeypatch.setattr(reader, "_ZIP64_LIMIT", 50)
    data = zip64_end(archive(Forged(plain=b"", method=0)))
    for at in range(len(data) - 42, len(data) - 22):
        altered = bytearray(data)
        altered[at] ^= 1
        refused(bytes(altered), "end records contradict")


def test_sizes_above_32_bits_stand_in_the_zip64_field(monkeypatch):
    """As in an archive of gigabytes, with the limit lowered."""
    made = Forged()
    packed, size = made.sizes()
    right = struct.pack("<HHQQ", 1, 16, size, packed)
    large = replace(made, zip64=right)
    refused(archive(large), "contradict each other")  # so small, it has no need of them
    monkeypatch.setattr(reader, "_ZIP64_LIMIT", max(size, packed) - 1)
    assert plain(archive(large)) == made.plain
    refused(archive(made), "contradict each other")
    for wrong in (
        b"",
        right[:4],
        right[:19],
        struct.pack("<HHQQ", 2, 16, size, packed),
        struct.pack("<HHQQQ", 1, 24, size, packed, 0),
        struct.pack("<HHQ", 1, 8, size),
    ):
        refused(archive(replace(made, zip64=wrong)), "was altered|cannot be read|AES-256")


def test_one_large_size_alone_moves_both_to_the_zip64_field(monkeypatch):
    """What is packed may be larger than what is plain, and the reverse."""
    for made in (Forged(plain=b"", method=0), Forged(plain=bytes(1_000))):
        packed, size = made.sizes()
        large = replace(made, zip64=struct.pack("<HHQQ", 1, 16, size, packed))
        monkeypatch.setattr(reader, "_ZIP64_LIMIT", (packed + size) // 2)
        assert len(entries(archive(large))) == 1
        refused(archive(made), "contradict each other")


@pytest.mark.parametrize(
    ("content", "size", "match"),
    [
        (b"\xff\xff\xff", 5, "cannot be inflated"),
        (b"", 0, "is cut short"),
        (b"\x4b", 0, "is cut short"),
        (b"\x4b\x4c\x4a\x06\x00x", 3, "holds data behind its end"),
        (b"\x4b\x4c\x4a\x06\x00" + b"x" * 70, 3, "holds data behind its end"),
        (b"\x4b\x4c\x4a\x06\x00" + b"x" * (1 << 20), 3, "holds data behind its end"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_deflated_stream_that_is_none_is_refused(content, size, match):
    assert plain(archive(Forged(content=b"\x4b\x4c\x4a\x06\x00", size=3))) == b"abc"
    with pytest.raises(IntegrityError, match=match):
        plain(archive(Forged(content=content, size=size)))


@pytest.mark.parametrize("length", [0, 59, 64, 80, 123, 128])
def test_data_behind_the_end_is_found_whatever_piece_it_lies_in(length, monkeypatch):
    """Pieces are of 64 bytes, so the stream's end may fall on an edge."""
    monkeypatch.setattr(reader, "_CHUNK", 64)
    text = bytes(range(256)) * 2
    packer = zlib.compressobj(0, zlib.DEFLATED, -15)
    stream = packer.compress(text[:length]) + packer.flush()
    made = Forged(plain=text[:length], content=stream)
    assert plain(archive(made)) == text[:length]
    for behind in (b"x", bytes(64), bytes(65)):
        with pytest.raises(IntegrityError, match="holds data behind its end"):
            plain(archive(replace(made, content=stream + behind)))


def test_a_bomb_is_not_inflated_beyond_its_claim(monkeypatch):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(20_000_000)) + packer.flush()
    inflated = []
    inflate = reader._inflated

    def counted(*arguments):
        for piece in inflate(*arguments):
            inflated.append(len(piece))
            yield piece

    monkeypatch.setattr(reader, "_inflated", counted)
    with pytest.raises(IntegrityError, match="not as long as the directory says"):
        plain(archive(Forged(content=bomb, size=1_000)))
    assert sum(inflated) <= 1 << 20
