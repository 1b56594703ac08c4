"""The custodian's key is unlocked beside the imports: once, and as if it had been in its turn."""

import os
from pathlib import Path

import pytest
from station_kit import NOW, PASSPHRASE, make_home

from mintmark.codegen.errors import IntegrityError, NotFound
from mintmark.codegen.invocation import Invocation
from mintmark.codegen.station import keys


@pytest.fixture
def home(tmp_path):
    made = make_home(tmp_path)
    yield made
    made.close()


@pytest.fixture
def words(home, tmp_path):
    """Key file and passphrase file, as a command has them."""
    (tmp_path / "passphrase").write_bytes(PASSPHRASE.reveal() + b"\n")
    return home.key_file, tmp_path / "passphrase"


@pytest.fixture
def derived(monkeypatch):
    """What was derived, in order."""
    found = []
    derive = keys.derive

    def noted(kdf, passphrase):
        found.append(passphrase.reveal())
        return derive(kdf, passphrase)

    monkeypatch.setattr(keys, "derive", noted)
    return found


def invocation(home):
    return Invocation(home.path, now=lambda: NOW)


def unlocked(home, early, words, derived):
    command = invocation(home)
    command.unlock_early(*early)
    key = command.custodian(home.station(), *words)
    assert key.public == home.custodian.public
    for each in command.unlocking:
        each.key(*each._files)  # waits
    return len(derived)


def test_what_was_begun_early_is_not_done_again(home, words, derived):
    assert unlocked(home, words, words, derived) == 1


def test_without_a_passphrase_in_a_file_nothing_is_begun(home, words, derived):
    assert unlocked(home, (words[0], None), words, derived) == 1


def test_the_key_of_other_files_is_not_taken(home, words, derived, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(words[1].read_bytes())
    assert unlocked(home, (words[0], other), words, derived) == 2


def test_the_key_that_the_home_names_is_begun(home, words, derived):
    assert home.station().config.custodian_key == words[0]
    assert unlocked(home, (None, words[1]), (None, words[1]), derived) == 1


def test_a_wrong_passphrase_is_told_in_its_turn(home, words, derived):
    words[1].write_bytes(b"another passphrase\n")
    command = invocation(home)
    command.unlock_early(*words)
    with pytest.raises(IntegrityError, match="wrong passphrase"):
        command.custodian(home.station(), *words)
    assert derived == [b"another passphrase"] * 2


@pytest.mark.parametrize("missing", [0, 1])
def test_a_file_that_is_not_there_is_told_in_its_turn(home, words, missing):
    words[missing].unlink()
    command = invocation(home)
    command.unlock_early(*words)
    with pytest.raises(NotFound):
        command.custodian(home.station(), *words)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
@pytest.mark.parametrize("which", [0, 1])
def test_a_pipe_is_read_once_and_nobody_waits_for_it(home, words, derived, which):
    """What stands in `<(...)` is gone when it was read; in front of a command that fails, never."""
    content = words[which].read_bytes()
    words[which].unlink()
    os.mkfifo(words[which])
    command = invocation(home)
    command.unlock_early(*words)
    assert not command.unlocking
    end = os.open(words[which], os.O_RDWR)
    os.write(end, content)
    assert not derived
    os.close(end)


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_cannot_be_looked_at_is_told_in_its_turn(home, words, monkeypatch, which):
    """Path.is_file raises for a folder that may not be searched."""
    looked = Path.is_file

    def refused(path):
        if path == words[which]:
            raise PermissionError(path)
        return looked(path)

    monkeypatch.setattr(Path, "is_file", refused)
    command = invocation(home)
    command.unlock_early(*words)
    assert not command.unlocking
