"""The archive's malleability: whatever is done to it, `verify` says so."""

import hashlib
import io
import json
import struct
import zipfile
from dataclasses import replace

import pytest
import pyzipper
from hypothesis import given, settings
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.packaging.formats.dummy import dummy_codes
from mintmark.packaging.formats.sample import sample as symbol_sample
from mintmark.packaging.formats.text import TextFormat
from mintmark.packaging.package.manifest import dump
from mintmark.packaging.package.signature import sign
from mintmark.packaging.preflight import unique
from mintmark.packaging.preflight.verify import verify
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.zip import reader
from mintmark.packaging.zip.writer import ArchiveWriter


def refused(made, path, match, trusted=None, stations=None):
    """That `verify` refuses `path`, in these words and without quoting a secret."""
    with pytest.raises(IntegrityError, match=match) as error:
        verify(path, made.password, made.trusted if trusted is None else trusted, stations)
    text = " ".join((error.value.message, *error.value.hints))
    assert made.password.reveal().decode() not in text
    assert not any(code in text for code in made.codes.values())
    assert error.value.__cause__ is None


def written(tmp_path, data):
    path = tmp_path / "altered.zip"
    path.write_bytes(data)
    return path


def test_a_good_package(made):
    found = verify(made.path, made.password, made.trusted)
    assert (found.package, found.batch) == ("K7QM-9X2C4DEF", "K7QM-3T9A2BCD")
    assert (found.rows, found.files, found.serials) == (25, 3, (Range(1, 25),))
    assert (found.key_id, found.public_key) == ("custodian", made.signer.public_key.hex())
    assert (found.trusted, found.test, found.unique) == (True, False, True)
    assert found.manifest_sha256 == made.packed.manifest_sha256


def test_without_known_keys_it_is_whole_but_not_trusted(made):
    assert verify(made.path, made.password, None).trusted is False


# --- bytes ---


@settings(max_examples=60)
@given(st.data())
def test_every_byte_of_the_contents_counts(made, tmp_path_factory, data):
    raw = bytearray(made.path.read_bytes())
    entries = reader.entries(io.BytesIO(raw))
    entry = data.draw(st.sampled_from(entries))
    place = entry.start + data.draw(st.integers(0, entry.packed - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("flip") / "a.zip"
    path.write_bytes(raw)
    refused(made, path, f"{entry.name} is damaged")


def test_bytes_before_after_and_between(made, tmp_path, split_archive):
    data = made.path.read_bytes()
    parts, directory, end = split_archive(data)
    refused(made, written(tmp_path, b"MZ" + data), "begins like a program")
    refused(made, written(tmp_path, b"abc" + data), "not as it was made: 3 bytes were put in front")
    refused(made, written(tmp_path, data + b"\0"), "1 zeros were added behind its end")
    refused(made, written(tmp_path, data + end), "outside its entries")
    # A gap behind the first entry, and one before the directory, with all offsets put right.
    first = len(b"".join(parts[0]))
    for place in (first, len(data) - len(directory) - 22):
        moved = bytearray(data[:place] + b"gap" + data[place:])
        at = len(data) + 3 - 22 - len(directory)
        moved[-6:-2] = struct.pack("<L", at)
        for entry in parts:
            name, extra = struct.unpack("<HH", moved[at + 28 : at + 32])
            (offset,) = struct.unpack("<L", moved[at + 42 : at + 46])
            if offset >= place:
                moved[at + 42 : at + 46] = struct.pack("<L", offset + 3)
            at += 46 + name + extra
            assert entry
        refused(made, written(tmp_path, moved), "does not begin where|outside its entries")
    comment = data[:-2] + b"\3\0abc"
    refused(made, written(tmp_path, comment), "another program: it has a comment")


# --- entries ---


def test_swapped_names(made, tmp_path):
    data = made.path.read_bytes()
    first, second = b"data/0001.csv", b"data/0002.csv"
    swapped = data.replace(first, b"?" * 13).replace(second, first).replace(b"?" * 13, second)
    with pyzipper.AESZipFile(io.BytesIO(swapped)) as archive:
        archive.setpassword(made.password.reveal())
        assert archive.testzip() is None  # a common reader sees nothing
    refused(made, written(tmp_path, swapped), "not in the manifest's order")


def test_swapped_contents(made, tmp_path):
    entries = made.entries()
    first, second = "data/0001.csv", "data/0002.csv"
    entries[first], entries[second] = entries[second], entries[first]
    refused(made, made.rebuild(tmp_path / "a.zip", entries), "0001.csv is not as long|was due|due")


def test_contents_of_equal_length_swapped(maker, tmp_path):
    made = maker(serials=(Range(10, 29),), unit_size=10)
    entries = made.entries()
    first, second = "data/0001.csv", "data/0002.csv"
    assert len(entries[first]) == len(entries[second])
    entries[first], entries[second] = entries[second], entries[first]
    path = made.rebuild(tmp_path / "a.zip", entries)
    refused(made, path, "0001.csv: the row where serial 10 is due")


def test_a_plain_entry_added(made, tmp_path):
    path = written(tmp_path, made.path.read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("data/0004.csv", "serial,code,url\r\n")
    refused(made, path, "changed by another program: it added or changed data/0004.csv")


@pytest.mark.parametrize(
    ("bits", "version", "match"),
    [
        (128, 2, "packed again by another program: its entries are encrypted with AES-128"),
        (192, 2, "packed again by another program: its entries are encrypted with AES-192"),
        (256, 1, r"packed again by another program: .* in its older form \(AE-1\)"),
    ],
)
def test_weaker_encryption(made, tmp_path, bits, version, match):
    path = tmp_path / "a.zip"
    with pyzipper.AESZipFile(path, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(made.password.reveal())
        archive.setencryption(pyzipper.WZ_AES, nbits=bits, force_wz_aes_version=version)
        for name, data in made.entries().items():
            archive.writestr(name, data)
    refused(made, path, match)


def test_an_entry_twice_whatever_its_case(made, tmp_path):
    pairs = list(made.entries().items())
    with pytest.warns(UserWarning, match="Duplicate"):
        path = made.rebuild(tmp_path / "a.zip", [*pairs, pairs[0]])
    refused(made, path, "data/0001.csv is there twice")
    upper = (pairs[0][0].upper(), pairs[0][1])
    refused(made, made.rebuild(tmp_path / "b.zip", [*pairs, upper]), "is there twice")


@pytest.mark.parametrize("name", ["../evil.csv", "/etc/passwd", "data\\x.csv", "C:x", "a//b", ".x"])
def test_names_that_would_leave_the_folder(made, tmp_path, name):
    path = made.rebuild(tmp_path / "a.zip", made.entries() | {name: b"x"})
    refused(made, path, "name is not a plain one")


def test_an_unlisted_entry(made, tmp_path):
    path = made.rebuild(tmp_path / "a.zip", made.entries() | {"data/0004.csv": b"x"})
    refused(made, path, "data/0004.csv is in it, but not in the manifest")


@pytest.mark.parametrize("name", ["data/0002.csv", "qr/sample-1.png"])
def test_a_missing_entry(made, tmp_path, name):
    entries = made.entries()
    del entries[name]
    refused(made, made.rebuild(tmp_path / "a.zip", entries), f"{name} is missing")


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "README.txt"])
def test_no_package_at_all(made, tmp_path, name):
    entries = made.entries()
    del entries[name]
    refused(made, made.rebuild(tmp_path / "a.zip", entries), f"program: {name} is missing")


def test_entries_in_another_order(made, tmp_path):
    pairs = list(made.entries().items())
    path = made.rebuild(tmp_path / "a.zip", [pairs[3], *pairs[:3], *pairs[4:]])
    refused(made, path, "not in the manifest's order")


# --- contents under the right password ---


@pytest.mark.parametrize("name", ["README.txt", "qr/sample-1.png", "data/0003.csv"])
def test_changed_content_of_the_same_length(made, tmp_path, name):
    entries = made.entries()
    # In a data file: the last line's line end, so that it is the hash that notices first
    # or the row; in the others, any byte.
    entries[name] = entries[name][:-1] + bytes([entries[name][-1] ^ 1])
    path = made.rebuild(tmp_path / "a.zip", entries)
    refused(
        made, path, f"{name} is not the file that was signed|{name}: the row where serial 25 is due"
    )


def test_another_code_of_the_same_length(made, tmp_path):
    entries = made.entries()
    code = made.codes[12]
    other = code[:-1] + ("0" if code[-1] != "0" else "1")
    data = entries["data/0002.csv"]
    entries["data/0002.csv"] = data.replace(code.encode(), other.encode())
    path = made.rebuild(tmp_path / "a.zip", entries)
    refused(made, path, "data/0002.csv is not the file that was signed")


def test_changed_length(made, tmp_path):
    entries = made.entries()
    entries["data/0001.csv"] += b"26,X,X\r\n"
    path = made.rebuild(tmp_path / "a.zip", entries)
    refused(made, path, "data/0001.csv is not as long as the manifest says")


# --- manifest and signature ---


def test_an_altered_manifest(made, tmp_path):
    manifest = replace(made.packed.manifest, contact_name="李四")
    entries = made.entries() | {"manifest.json": dump(manifest)}
    refused(made, made.rebuild(tmp_path / "a.zip", entries), "signature is wrong")


def test_signed_by_a_stranger(made, tmp_path, keys):
    manifest = replace(made.packed.manifest, contact_name="李四")
    stranger = keys(9, "stranger")
    path = made.forge(tmp_path / "a.zip", made.entries(), manifest, stranger)
    refused(made, path, "a key that is not trusted here: stranger")
    # Whole, says a reader that trusts nobody; and whose it is.
    found = verify(path, made.password, None)
    assert (found.trusted, found.public_key) == (False, stranger.public_key.hex())


def test_a_stranger_under_the_custodians_id(made, tmp_path, keys):
    impostor = keys(9, made.signer.key_id)
    path = made.forge(tmp_path / "a.zip", made.entries(), made.packed.manifest, impostor)
    refused(made, path, "not trusted here")


def test_a_public_key_that_is_none(made, tmp_path):
    entries = made.entries()
    signed = json.loads(entries["manifest.sig"])
    # Not on the curve.
    signed["public_key"] = "02" + "00" * 31
    entries["manifest.sig"] = json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()
    refused(made, made.rebuild(tmp_path / "a.zip", entries), "signature is wrong")


@pytest.mark.parametrize(
    "sig",
    [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 2_000, b'{"format":1e999}', b" "],
)
def test_a_signature_that_is_none(made, tmp_path, sig):
    path = made.rebuild(tmp_path / "a.zip", made.entries() | {"manifest.sig": sig})
    refused(made, path, "signature is not well formed")


def test_a_signature_in_another_form(made, tmp_path):
    entries = made.entries()
    entries["manifest.sig"] = entries["manifest.sig"].replace(b":", b": ", 1)
    refused(made, made.rebuild(tmp_path / "a.zip", entries), "not in canonical form")


def test_manifest_and_signature_too_large_to_read(made, tmp_path):
    entries = made.entries() | {"manifest.sig": b" " * 2_049}
    refused(made, made.rebuild(tmp_path / "a.zip", entries), "manifest.sig is too large")
    entries = made.entries() | {"manifest.json": b" " * ((32 << 20) + 1)}
    refused(made, made.rebuild(tmp_path / "b.zip", entries), "manifest.json is too large")


# --- signed, and wrong all the same ---


def double_header(data):
    return data.split(b"\r\n")[0] + b"\r\n" + data


def swap_rows(data):
    lines = data.split(b"\r\n")
    return b"\r\n".join([lines[0], lines[2], lines[1], *lines[3:]])


def of(number):
    return {
        "no header": lambda data: data.split(b"\r\n", 1)[1],
        "header twice": double_header,
        "rows swapped": swap_rows,
        "row lost": lambda data: data.rsplit(b"\r\n", 2)[0] + b"\r\n",
        "row added": lambda data: data + data.rsplit(b"\r\n", 2)[1] + b"\r\n",
        "row cut": lambda data: data[:-5],
        "other address": lambda data: data.replace(b"q.example", b"q.exbmple", 1),
        "LF": lambda data: data.replace(b"\r\n", b"\n"),
        "endless row": lambda data: data + b"x" * 10_000,
        "nothing": lambda data: b"s",
        "lower case": lambda data: data[:16] + data[16:].lower(),
    }[number]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("no header", "does not begin with the profile's columns"),
        ("header twice", "more rows|serial 1 is due"),
        ("rows swapped", "serial 1 is due"),
        ("row lost", "fewer rows"),
        ("row added", "more rows"),
        ("row cut", "fewer rows"),
        ("other address", "serial 1 is due"),
        ("LF", "profile's columns"),
        ("endless row", "more rows"),
        ("nothing", "fewer rows"),
        ("lower case", "symbols no code has"),
    ],
)
def test_rows_that_are_signed_but_not_as_the_manifest_says(made, tmp_path, change, match):
    refused(made, made.with_data(tmp_path / "a.zip", "data/0001.csv", of(change)), match)


@pytest.mark.parametrize(
    "change",
    [
        lambda pictures: replace(pictures, count=pictures.count - 1),
        lambda pictures: replace(pictures, bytes=pictures.bytes + 1),
        lambda pictures: replace(pictures, sha256="0" * 64),
    ],
)
def test_pictures_that_are_not_those_of_the_manifest(maker, tmp_path, change):
    """Each picture shows its code: only the manifest's sum of them is wrong."""
    made = maker(profile=builtin("svg"), serials=(Range(1, 4),))
    (file,) = made.packed.manifest.files
    files = (replace(file, pictures=change(file.pictures)),)
    manifest = replace(made.packed.manifest, files=files)
    path = made.forge(tmp_path / "a.zip", made.entries(), manifest)
    refused(made, path, "the pictures of .* are not those that were signed")


def test_a_format_that_hands_on_too_few_codes_is_found_out(made, monkeypatch):
    """The count is verify's own: a mistake in a format must not pass for a whole unit."""
    read = TextFormat.read

    def drops_the_last(self, unit, files, *how):
        *parts, _ = read(self, unit, files, *how)
        return iter(parts)

    monkeypatch.setattr(TextFormat, "read", drops_the_last)
    refused(made, made.path, "data/0001.csv has fewer rows")


def test_a_code_twice(maker, tmp_path):
    codes = {serial: f"{serial:016}" for serial in range(1, 26)}
    codes[23] = codes[4]
    made = maker(codes=codes)
    refused(made, made.path, "serials 4 and 23 carry the same code")


def test_equal_hashes_of_different_codes_are_no_repeat(made, monkeypatch):
    whole = unique.hashes
    monkeypatch.setattr(unique, "hashes", lambda *args: whole(*args) % 8)
    assert verify(made.path, made.password, made.trusted).unique


def test_more_codes_than_can_be_compared(made, monkeypatch):
    monkeypatch.setattr(unique, "MAX_CODES", 24)
    assert verify(made.path, made.password, made.trusted).unique is False


@given(st.integers(1, 20), st.integers(1, 60), st.randoms())
def test_hashes_tell_codes_apart_and_know_equal_ones(length, number, random):
    codes = [random.choices(b"0123456789", k=length) for _ in range(number)]
    found = unique.hashes(b"".join(map(bytes, codes)), length)
    assert len(set(found.tolist())) == len({bytes(code) for code in codes})
    repeats = unique.Repeats(number, (length,))
    repeats.add(b"".join(map(bytes, codes)))
    assert repeats.suspects() is (len({bytes(code) for code in codes}) < number)


def test_the_sample_of_another_code(made, tmp_path):
    png = symbol_sample(made.job.layout, made.codes[2]).png
    sample = replace(
        made.packed.manifest.samples[0], bytes=len(png), sha256=hashlib.sha256(png).hexdigest()
    )
    manifest = replace(made.packed.manifest, samples=(sample,))
    path = made.forge(tmp_path / "a.zip", made.entries() | {"qr/sample-1.png": png}, manifest)
    refused(made, path, "QR sample does not show the code of serial 1")


def test_the_sample_of_a_serial_that_is_not_there(made, tmp_path):
    first = made.packed.manifest.samples[0]
    second = replace(first, serial=26, name="qr/sample-26.png")
    manifest = replace(made.packed.manifest, samples=(first, second))
    entries = made.entries()
    names = [*list(entries)[:4], second.name, *list(entries)[4:]]
    entries[second.name] = entries[first.name]
    forged = {name: entries[name] for name in names}
    path = made.forge(tmp_path / "a.zip", forged, manifest)
    refused(made, path, "a serial that is not in the package")


# --- passwords ---


@pytest.mark.parametrize("wrong", [b"", b"0000-0000-0000-0000-0000-0", b"lower"])
def test_wrong_password_is_told_from_damage(made, wrong):
    with pytest.raises(IntegrityError, match=r"^wrong password"):
        verify(made.path, Secret(wrong), made.trusted)


def test_a_wrong_password_that_fits_by_chance_is_no_way_in(made, monkeypatch):
    """One in 65,536 wrong passwords passes an entry's verifier; the tag decides."""
    unlock = reader.unlock

    def lenient(file, entry, password):
        return replace(unlock(file, entry, password), fits=True)

    monkeypatch.setattr(reader, "unlock", lenient)
    inflated = []
    monkeypatch.setattr(reader, "_decrypted", lambda *args: inflated.append(args))
    with pytest.raises(IntegrityError, match="damaged or was altered"):
        verify(made.path, Secret(b"0000-0000-0000-0000-0000-0"), made.trusted)
    assert inflated == []  # nothing is decrypted before its tag is checked


def test_an_entry_under_another_password(made, tmp_path):
    path = tmp_path / "a.zip"
    with path.open("w+b") as file, ArchiveWriter(file, made.password) as archive:
        for name, data in made.entries().items():
            if name == "data/0002.csv":
                archive._keys._password = Secret(b"another")
                archive._keys._ahead.clear()
            archive.add(name, data)
            archive._keys._password = made.password
            archive._keys._ahead.clear()
    refused(made, path, "data/0002.csv is damaged, or encrypted with another password")


# --- bombs ---


def bomb(made, path, name, size, claim):
    """An entry that inflates to `size` bytes of zeros and claims `claim`."""
    made.rebuild(path, made.entries() | {name: bytes(size)})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<L", size), struct.pack("<L", claim)))
    return path


def test_a_bomb_is_not_inflated_beyond_its_claim(made, tmp_path, monkeypatch):
    size = 64_000_007
    claim = made.packed.manifest.readme.bytes
    path = bomb(made, tmp_path / "a.zip", "README.txt", size, claim)
    inflated = []
    inflate = reader._inflated

    def counting(*args):
        for piece in inflate(*args):
            inflated.append(len(piece))
            yield piece

    monkeypatch.setattr(reader, "_inflated", counting)
    refused(made, path, "README.txt is not as long as the directory says")
    assert max(inflated) <= 1 << 20
    assert sum(inflated) < 2 << 20


def test_a_bomb_that_admits_its_size_is_not_inflated_at_all(made, tmp_path, monkeypatch):
    entries = made.entries() | {"manifest.json": bytes(40_000_000)}
    path = made.rebuild(tmp_path / "a.zip", entries)
    monkeypatch.setattr(reader, "_inflated", None)
    refused(made, path, "manifest.json is too large")


# --- ZIP64, which small archives only reach when the limits are lowered ---


def test_sizes_and_offsets_of_large_archives(made, tmp_path, monkeypatch):
    monkeypatch.setattr(pyzipper.zipfile, "ZIP64_LIMIT", 100)
    path = made.rebuild(tmp_path / "a.zip", made.entries())
    with pytest.raises(IntegrityError):
        reader.entries(io.BytesIO(path.read_bytes()))  # so small, it needs no ZIP64
    monkeypatch.setattr(reader, "_ZIP64_LIMIT", 100)
    assert verify(path, made.password, made.trusted).rows == 25
    data = path.read_bytes()
    assert data[-42:-38] == b"PK\6\7"
    for place in range(len(data) - 22 - 20 - 56, len(data)):
        altered = bytearray(data)
        altered[place] ^= 1
        with pytest.raises(IntegrityError):
            reader.entries(io.BytesIO(altered))


# --- test packages ---


def dummies(number, length=16, *, digits=False):
    data = dummy_codes(Range(1, number), length, digits=digits).decode("ascii")
    return {n + 1: data[n * length : (n + 1) * length] for n in range(number)}


@pytest.mark.parametrize("digits", [False, True])
def test_a_test_package_by_the_station(maker, keys, digits):
    station = keys(3, "station")
    made = maker(by=station, test=True, codes=dummies(25, digits=digits))
    custodians = {"custodian": keys(1, "custodian").public_key}
    stations = {"station": station.public_key}
    found = verify(made.path, made.password, custodians, stations)
    assert (found.test, found.trusted, found.key_id) == (True, True, "station")
    refused(made, made.path, "not trusted here: station", trusted=custodians)


def test_a_station_signs_no_real_package(maker, keys):
    station = keys(3, "station")
    made = maker(by=station)
    custodians = {"custodian": keys(1, "custodian").public_key}
    stations = {"station": station.public_key}
    words = "signed by the station, which may sign test packages only"
    refused(made, made.path, words, trusted=custodians, stations=stations)


def test_real_codes_in_a_test_package(maker, keys):
    made = maker(by=keys(3, "station"), test=True)
    refused(made, made.path, "holds codes that are no dummies")


@pytest.mark.parametrize("test", [False, True])
def test_neither_signature_stands_for_the_other(maker, tmp_path, test):
    made = maker(test=test, codes=dummies(25))
    entries = made.entries()
    entries["manifest.sig"] = sign(entries["manifest.json"], made.signer, test=not test)
    path = made.rebuild(tmp_path / "a.zip", entries)
    refused(made, path, "signed as a test package but says it is none, or the reverse")
