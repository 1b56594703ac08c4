"""A wrong password is told from a damaged archive, also where chance is against it.

An entry's verifier has two bytes, so one wrong password in 65,536 fits it. The salts below are
fixed, and the passwords that fit one of them were searched for.
"""

import hashlib

import pytest

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.secret import Secret
from mintmark.packaging.preflight.verify import verify
from mintmark.packaging.zip import reader
from mintmark.packaging.zip.pyzipper_hooks import AE2ZipFile, EntryInfo, StretchedKeys

RIGHT = b"K7QM-9X2C-4DEF-GHJK-MNPQ-R"
FITS_THE_FIRST, FITS_THE_LAST = b"W-012207", b"W-000097"


def stretched(number):
    salt = bytes([number]) * 16
    made = hashlib.pbkdf2_hmac("sha1", RIGHT, salt, 1_000, 66)
    return StretchedKeys(salt, made[:32], made[32:64], made[64:])


@pytest.fixture
def package(maker, tmp_path):
    """A package of five entries with the salts 0 to 4: (its maker's traces, its path)."""
    made = maker(unit_size=25)
    numbers = iter(range(5))
    path = tmp_path / "a.zip"
    with path.open("w+b") as file, AE2ZipFile(file, lambda: stretched(next(numbers))) as archive:
        for name, data in made.entries().items():
            info = EntryInfo(name, deflated=False)
            info.plain_size = len(data)
            with archive.open(info, "w", force_zip64=True) as handle:
                handle.write(data)
    assert next(numbers, None) is None
    return made, path


def places(path):
    """Name -> the entry."""
    with path.open("rb") as file:
        return {entry.name: entry for entry in reader.entries(file)}


def damaged(path, places):
    """The archive with these bytes changed."""
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] ^= 1
    path.write_bytes(data)


def refused(made, path, password, match):
    with pytest.raises(IntegrityError, match=match) as error:
        verify(path, Secret(password), made.trusted)
    assert error.value.__cause__ is None


def test_the_right_password_opens_it(package):
    made, path = package
    assert verify(path, Secret(RIGHT), made.trusted).rows == 25


@pytest.mark.parametrize(("number", "password"), [(0, FITS_THE_FIRST), (4, FITS_THE_LAST)])
def test_a_password_that_fits_one_verifier_by_chance_is_wrong(package, number, password):
    made, path = package
    with path.open("rb") as file:
        fits = [reader.unlock(file, entry, Secret(password)).fits for entry in reader.entries(file)]
    assert fits == [place == number for place in range(5)]
    refused(made, path, password, "^wrong password: it opens nothing in this archive$")


def test_a_verifier_that_was_changed_does_not_make_the_right_password_wrong(package):
    made, path = package
    entries = places(path)
    signed = ["manifest.sig", "manifest.json", "README.txt"]
    damaged(path, [entries[name].start + 16 for name in signed])
    refused(made, path, RIGHT, "manifest.json is damaged, or encrypted with another password")


def test_tags_that_are_wrong_do_not_make_the_right_password_wrong(package):
    """No entry opens, but the verifiers of all agree: this is no chance."""
    made, path = package
    damaged(path, [entry.start + entry.packed - 1 for entry in places(path).values()])
    refused(made, path, RIGHT, "manifest.json is damaged or was altered")


def test_two_verifiers_are_enough_and_one_is_not(package):
    made, path = package
    entries = list(places(path).values())
    damaged(path, [entry.start + entry.packed - 1 for entry in entries])
    damaged(path, [entry.start + 16 for entry in entries[:3]])
    refused(made, path, RIGHT, "manifest.json is damaged or was altered")
    damaged(path, [entries[3].start + 17])
    refused(made, path, RIGHT, "wrong password")


def test_the_tag_is_compared_before_anything_is_decrypted(package, monkeypatch):
    made, path = package
    decrypted = []
    monkeypatch.setattr(reader, "_decrypted", lambda *args: decrypted.append(args))
    refused(made, path, FITS_THE_LAST, "wrong password")
    assert decrypted == []


def test_a_password_is_tried_on_a_few_entries_of_many(maker, monkeypatch):
    """A millisecond for each: a package of pictures has hundreds of thousands."""
    made = maker(unit_size=1)
    tried = []
    unlock = reader.unlock
    monkeypatch.setattr(reader, "unlock", lambda *args: tried.append(args[1]) or unlock(*args))
    refused(made, made.path, b"0000-0000", "wrong password")
    assert len(tried) == 16
    tried.clear()
    assert verify(made.path, made.password, made.trusted).rows == 25
    assert [entry.name for entry in tried[:2]] == ["manifest.sig", "manifest.json"]
