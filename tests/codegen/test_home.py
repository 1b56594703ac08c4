"""`init`: a home and, outside of it, a custodian key; both or neither."""

import errno
import json
import os
from dataclasses import replace

import pytest
from station_kit import now

from mintmark.codegen import files
from mintmark.codegen import home as module
from mintmark.codegen.commands import key_new
from mintmark.codegen.custodian import custodian
from mintmark.codegen.errors import IntegrityError, NotFound, Refused, UsageError
from mintmark.codegen.home import init
from mintmark.codegen.invocation import Invocation, secret_file
from mintmark.codegen.station import keys, new_home
from mintmark.codegen.station.station import Station

WORDS = "nine words are better than one"


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(keys, "INTERACTIVE", keys.FOR_TESTS_ONLY)


@pytest.fixture
def call(tmp_path):
    return Invocation(tmp_path / "home", operator="Ms Wang", now=now, ask=lambda _: WORDS)


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text(WORDS + "\n", "utf-8")
    return path


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_home_and_a_key_that_opens_with_the_passphrase(call, tmp_path):
    made = init(call, tmp_path / "safe" / "c.key", None, None)
    assert made.home == tmp_path / "home"
    assert made.custodian_key == tmp_path / "safe" / "c.key"
    station = Station(made.home, operator=None, now=now)
    custodian = call.custodian(station, None, None)  # found by the place that init noted
    assert station.custodians() == [custodian.public]
    assert (made.home_id, made.station_key_id) == (station.config.home_id, station.key.key_id)
    station.ledger.close()
    text = "\n".join(made.lines())
    assert str(made.custodian_key) in text
    assert "bring the key,\n  then take it away again" in text
    # What it shows can be typed on, in every shell: the address has double quotes.
    assert 'next: mintmark mint --quantity 10000 --url "HTTPS://Q.EXAMPLE.CN/{code}"' in text
    (record,) = made.records()
    assert list(record) == [
        "home", "home_id", "custodian_key", "station_key_id", "fingerprint_key_id",
        "ledger", "vault", "store",
    ]  # fmt: skip
    assert WORDS not in text + json.dumps(record)


def test_the_key_lands_in_the_current_folder_unless_named(call, tmp_path, monkeypatch, words):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    made = init(call, None, None, words)
    assert made.custodian_key == tmp_path / "here" / "custodian.key"
    assert made.custodian_key.exists()


@pytest.mark.parametrize("place", ["home/c.key", "home/keys/c.key", "x/../home/c.key", "home"])
def test_never_in_the_home(call, tmp_path, place, words):
    with pytest.raises(UsageError, match="must not lie in the home"):
        init(call, tmp_path / place, None, words)
    assert names(tmp_path) == ["words.txt"]


def test_nor_by_a_link(call, tmp_path, words):
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home", target_is_directory=True)
    with pytest.raises(UsageError, match="must not lie in the home"):
        init(call, tmp_path / "link" / "c.key", None, words)
    assert names(tmp_path / "home") == []


def test_what_is_there_stays(call, tmp_path, words):
    first = init(call, tmp_path / "c.key", None, words)
    before = (tmp_path / "c.key").read_bytes(), (first.home / "mintmark.toml").read_bytes()
    with pytest.raises(Refused, match="home exists already"):
        init(call, tmp_path / "d.key", None, words)
    with pytest.raises(Refused, match=r"c\.key exists already"):
        init(Invocation(tmp_path / "second", ask=call.ask), tmp_path / "c.key", None, words)
    assert names(tmp_path) == ["c.key", "home", "words.txt"]
    assert before == (
        (tmp_path / "c.key").read_bytes(),
        (first.home / "mintmark.toml").read_bytes(),
    )


def test_the_passphrase_is_not_asked_for_where_nothing_can_be_made(call, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine").write_text("mine")

    def ask(_):
        raise AssertionError("asked")

    with pytest.raises(Refused):
        init(Invocation(call.home, ask=ask), tmp_path / "c.key", None, None)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_neither(call, tmp_path, monkeypatch, words, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(module, "create", fail)
    with pytest.raises(error):
        init(call, tmp_path / "c.key", None, words)
    assert names(tmp_path) == ["words.txt"]


def test_of_two_at_once_one_makes_the_home(call, tmp_path, monkeypatch, words):
    """The other comes second between its look and its rename."""
    fill = new_home.write_founders

    def slowly(*args, **options):
        made = fill(*args, **options)
        monkeypatch.setattr(new_home, "write_founders", fill)
        init(call, tmp_path / "first.key", None, words)
        return made

    monkeypatch.setattr(new_home, "write_founders", slowly)
    with pytest.raises(Refused, match="home exists already"):
        init(call, tmp_path / "second.key", None, words)
    assert names(tmp_path) == ["first.key", "home", "words.txt"]


# --- a custodian elsewhere -------------------------------------------------------------


@pytest.fixture
def public(tmp_path):
    key = keys.new_custodian_key(os.urandom).public
    keys.write_custodian_public(tmp_path / "c.pub", key)
    return key


def test_a_custodian_elsewhere_needs_no_passphrase_here(tmp_path, public):
    made = init(Invocation(tmp_path / "home"), None, tmp_path / "c.pub", None)
    assert made.custodian_key is None
    station = Station(made.home, operator=None, now=now)
    assert station.custodians() == [public]
    with pytest.raises(NotFound, match="no custodian key"):
        Invocation(made.home).custodian(station, None, None)
    station.ledger.close()
    assert names(tmp_path) == ["c.pub", "home"]


def test_a_private_key_is_not_taken_for_a_public_one(call, tmp_path, words):
    init(call, tmp_path / "c.key", None, words)
    with pytest.raises(IntegrityError, match="private key"):
        init(Invocation(tmp_path / "second"), None, tmp_path / "c.key", None)
    assert not (tmp_path / "second").exists()


def test_made_or_given_not_both(call, tmp_path, public):
    with pytest.raises(UsageError, match="either made or given"):
        init(call, tmp_path / "c.key", tmp_path / "c.pub", None)


# --- passphrases -----------------------------------------------------------------------


def test_a_typed_passphrase_is_typed_twice(tmp_path):
    answers = iter(["one passphrase", "another passphrase"])
    with pytest.raises(UsageError, match="differ") as caught:
        init(
            Invocation(tmp_path / "home", ask=lambda _: next(answers)),
            tmp_path / "c.key",
            None,
            None,
        )
    assert "passphrase " not in caught.value.message.replace("passphrases", "")
    assert names(tmp_path) == []


@pytest.mark.parametrize("words", ["", "seven77", "日本"])
def test_a_short_one_makes_nothing(tmp_path, words):
    with pytest.raises(UsageError, match="8 bytes"):
        init(Invocation(tmp_path / "home", ask=lambda _: words), tmp_path / "c.key", None, None)
    assert names(tmp_path) == []


def test_without_a_terminal_a_file_is_asked_for(tmp_path):
    with pytest.raises(UsageError, match="no terminal") as caught:
        init(Invocation(tmp_path / "home"), tmp_path / "c.key", None, None)
    assert "--passphrase-file" in caught.value.hints[0]


def test_bytes_no_terminal_can_decode_are_the_passphrase_all_the_same(tmp_path):
    """Typed on a GBK terminal, or read from a file written there."""
    typed = "保管人".encode("gbk").decode("utf-8", "surrogateescape") + "12345"
    call = Invocation(tmp_path / "home", ask=lambda _: typed)
    assert call.passphrase(None, "?").reveal() == "保管人".encode("gbk") + b"12345"


@pytest.mark.parametrize(
    ("data", "secret"),
    [
        (b"words", b"words"),
        (b"words\n", b"words"),
        (b"words\r\nsecond line\n", b"words"),
        (b"\xef\xbb\xbfwords\n", b"words"),
        (b" inner space \n", b" inner space "),
        ("保管人\n".encode(), "保管人".encode()),
        (b"x" * 1_024, b"x" * 1_024),
    ],
)
def test_a_secret_is_its_files_first_line(tmp_path, data, secret):
    path = tmp_path / "s"
    path.write_bytes(data)
    assert secret_file(path).reveal() == secret


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n", b"\xef\xbb\xbf", b"\nwords", b"x" * 1_025])
def test_a_file_without_a_secret_is_told(tmp_path, data):
    path = tmp_path / "s"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        secret_file(path)
    assert "words" not in caught.value.message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_of_powershell_is_told(tmp_path, encoding):
    path = tmp_path / "s"
    path.write_bytes("\ufeffwords".encode(encoding))
    with pytest.raises(UsageError, match="UTF-16"):
        secret_file(path)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        secret_file(tmp_path / "gone")


@pytest.mark.skipif(os.name == "nt", reason="no folder is synced there")
@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL])
def test_a_folder_that_is_not_synced_leaves_both_or_neither(call, tmp_path, monkeypatch, code):
    """The last of all syncs is that of the folder around the home."""
    fsync, parent = os.fsync, tmp_path.stat().st_ino

    def answer(descriptor):
        if os.fstat(descriptor).st_ino == parent:
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    safe = tmp_path / "safe"
    monkeypatch.setattr(os, "fsync", answer)
    if code == errno.EINVAL:
        init(call, safe / "c.key", None, None)
        assert names(safe) == ["c.key"]
        assert names(tmp_path) == ["home", "safe"]
    else:
        with pytest.raises(OSError, match=os.strerror(code)):
            init(call, safe / "c.key", None, None)
        assert names(safe) == []
        assert names(tmp_path) == ["safe"]


@pytest.fixture
def forgetful(monkeypatch):
    """A file system that takes every mode and keeps none, as exFAT and NTFS do."""
    create = files.create

    def made(path, *args, **options):
        file = create(path, *args, **options)
        path.chmod(0o777)
        return file

    monkeypatch.setattr(files, "create", made)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.usefixtures("forgetful")
def test_a_private_file_that_is_not_private_is_told(call, tmp_path):
    told = []
    hearing = replace(call, notify=told.append)
    init(hearing, tmp_path / "c.key", None, None)
    custodian(hearing, tmp_path / "d.key", None)
    key_new(hearing, "line-3")
    hearing.close()
    home = tmp_path / "home" / "keys"
    paths = [
        home / "station.key",
        tmp_path / "c.key",
        tmp_path / "d.key",
        home / "lines/line-3.key",
    ]
    starts = [f"warning: others may read {path}: chmod 600 {path}; if" for path in paths]
    assert len(told) == len(paths)
    assert all(line.startswith(start) for line, start in zip(told, starts, strict=True))


def test_nothing_is_told_of_one_that_is(call, tmp_path):
    told = []
    hearing = replace(call, notify=told.append)
    init(hearing, tmp_path / "c.key", None, None)
    custodian(hearing, tmp_path / "d.key", None)
    key_new(hearing, "line-3")
    hearing.close()
    assert told == []
