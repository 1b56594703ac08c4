"""Salts: none twice, neither in an archive nor in two of the same content; and none accepted."""

import hashlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.secret import Secret
from mintmark.packaging.zip import reader
from mintmark.packaging.zip.pyzipper_hooks import AE2ZipFile, EntryInfo, StretchedKeys
from mintmark.packaging.zip.writer import ArchiveWriter

PASSWORD = Secret(b"K7QM-9X2C")
CONTENTS = [b"", b"x", b"serial,code,url\r\n" * 9] * 30


def positions(data):
    """Where each entry's data begins, by its local header alone (APPNOTE 4.3.7, WinZip AE-2)."""
    found, at = [], 0
    while data[at : at + 4] == b"PK\3\4":
        (method,) = struct.unpack_from("<H", data, at + 8)
        (packed,) = struct.unpack_from("<L", data, at + 18)
        name, extra = struct.unpack_from("<HH", data, at + 26)
        start = at + 30 + name + extra
        field = data[start - 11 : start]  # the last extra field: AE-2, AES-256
        assert (method, field[:9]) == (99, b"\x01\x99\x07\x00\x02\x00AE\x03")
        found.append(start)
        at = start + packed
    return found


def salts(data):
    """For AES-256 the first 16 bytes of an entry's data are its salt."""
    return [data[start : start + 16] for start in positions(data)]


def archive():
    file = io.BytesIO()
    with ArchiveWriter(file, PASSWORD) as writer:
        for number, content in enumerate(CONTENTS):
            writer.add(f"n/{number}", content, deflate=number % 2 == 0)
    return file.getvalue()


def test_no_salt_is_used_twice():
    """A constant salt, or a salt made of the password or the content, makes key streams repeat."""
    first, second = archive(), archive()
    found = salts(first) + salts(second)
    assert len(found) == 2 * len(CONTENTS)
    assert {len(salt) for salt in found} == {16}
    assert len(set(found)) == len(found)
    # No bit is the same in all of them, so none of the 128 is lost.
    bits = [int.from_bytes(salt, "big") for salt in found]
    all_ones, any_ones = (1 << 128) - 1, 0
    for value in bits:
        all_ones &= value
        any_ones |= value
    assert (all_ones, any_ones) == (0, (1 << 128) - 1)


def test_the_reader_names_the_salts():
    data = archive()
    assert [entry.salt for entry in reader.entries(io.BytesIO(data))] == salts(data)


def forged(chosen):
    """An archive of entries with chosen salts, right in everything else."""
    given_out = iter(chosen)

    def keys():
        salt = next(given_out)
        made = hashlib.pbkdf2_hmac("sha1", PASSWORD.reveal(), salt, 1_000, 66)
        return StretchedKeys(salt, made[:32], made[32:64], made[64:])

    file = io.BytesIO()
    with AE2ZipFile(file, keys) as archive:
        for number in range(len(chosen)):
            info = EntryInfo(f"n/{number}", deflated=False)
            info.plain_size = 7
            with archive.open(info, "w", force_zip64=True) as handle:
                handle.write(b"content")
    return file


@given(
    st.lists(st.binary(min_size=16, max_size=16), min_size=2, max_size=6, unique=True), st.data()
)
def test_an_archive_that_repeats_a_salt_is_refused(chosen, data):
    assert [entry.salt for entry in reader.entries(forged(chosen))] == chosen
    first, second = sorted(
        data.draw(st.sets(st.sampled_from(range(len(chosen))), min_size=2, max_size=2))
    )
    chosen[second] = chosen[first]
    with pytest.raises(IntegrityError, match=f"n/{second} has the salt"):
        reader.entries(forged(chosen))


def test_two_entries_with_one_salt_have_one_key_stream():
    """Why they are refused: equal plain texts show, and others are known but for their XOR."""
    data = forged([bytes(16), bytes(16), bytes(15) + b"1"]).getvalue()
    first, second, third = (data[start + 18 : start + 25] for start in positions(data))
    assert first == second != third
