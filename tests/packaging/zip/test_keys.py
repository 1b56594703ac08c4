"""Keys made ahead are those of their salts, none is made in vain, and those kept are found."""

import hashlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.secret import Secret
from mintmark.packaging.zip import keys as module
from mintmark.packaging.zip.keys import KeysAhead, KnownKeys, StretchedKeys, stretch

PASSWORD = Secret(b"K7QM-9X2C-4DEF")


def independent(salt):
    """WinZip's AE-2, by another implementation of PBKDF2."""
    made = hashlib.pbkdf2_hmac("sha1", PASSWORD.reveal(), salt, 1_000, 66)
    return StretchedKeys(salt, made[:32], made[32:64], made[64:])


def counted(monkeypatch):
    """Which salts were stretched, in whatever thread."""
    salts, lock = [], threading.Lock()

    def spy(salt, password):
        with lock:
            salts.append(salt)
        return StretchedKeys(salt, bytes(32), bytes(32), bytes(2))

    monkeypatch.setattr(module, "stretch", spy)
    return salts


@given(st.binary(min_size=16, max_size=16))
def test_keys_are_what_another_implementation_makes(salt):
    assert stretch(salt, PASSWORD) == independent(salt)


@pytest.mark.parametrize("entries", [None, 1, 7, 40])
def test_each_entry_gets_the_keys_of_a_salt_of_its_own(entries):
    ahead = KeysAhead(PASSWORD, entries)
    given_out = [ahead() for _ in range(40)]
    ahead.close()
    assert len({keys.salt for keys in given_out}) == 40
    assert given_out == [independent(keys.salt) for keys in given_out]
    # All of them are kept, in whatever order they are asked for.
    assert len(ahead.known) == 40
    for number, keys in reversed(list(enumerate(given_out))):
        assert ahead.known.find(number, keys.salt) == keys


@pytest.mark.parametrize("entries", [1, 5, 16, 17, 3_000])
def test_of_a_known_number_of_entries_none_is_stretched_in_vain(monkeypatch, entries):
    salts = counted(monkeypatch)
    ahead = KeysAhead(PASSWORD, entries)
    for _ in range(entries):
        ahead()
    ahead.close()
    assert len(salts) == entries


@pytest.mark.parametrize("used", [0, 1, 2, 6, 100, 10_000])
def test_of_an_unknown_number_few_are_stretched_in_vain(monkeypatch, used):
    salts = counted(monkeypatch)
    ahead = KeysAhead(PASSWORD)
    for _ in range(used):
        ahead()
    ahead.close()
    assert used <= len(salts) <= used + min(used // 2, 2_048)


MADE = st.builds(
    StretchedKeys,
    *(st.binary(min_size=size, max_size=size) for size in (16, 32, 32, 2)),
)


@given(st.lists(MADE, unique_by=lambda keys: keys.salt, max_size=8), st.data())
def test_known_keys_are_found_by_number_and_salt_alone(table, data):
    known = KnownKeys(PASSWORD)
    for keys in table:
        known.add(keys)
    for number, keys in data.draw(st.permutations(list(enumerate(table)))):
        assert known.find(number, keys.salt) == keys
    salts = [keys.salt for keys in table]
    other = data.draw(st.binary(min_size=16, max_size=16) | st.sampled_from([bytes(16), *salts]))
    for number in range(len(table) + 2):
        here = number < len(table) and salts[number] == other
        assert known.find(number, other) == (table[number] if here else None)


def test_keys_are_of_one_password_and_are_not_shown():
    known = KnownKeys(PASSWORD)
    known.add(StretchedKeys(b"s" * 16, b"c" * 32, b"t" * 32, b"vv"))
    assert known.are_of(Secret(PASSWORD.reveal()))
    assert not known.are_of(Secret(PASSWORD.reveal()[:-1]))
    assert repr(known) == "KnownKeys('***')"
