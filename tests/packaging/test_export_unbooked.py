"""An export whose books can't be written at its end: the serials are given back all the same."""

import errno
import os
import sqlite3
from contextlib import closing, suppress

import pytest
from receipt_kit import call
from station_kit import PASSPHRASE, make_home

from mintmark.codegen import files
from mintmark.codegen.errors import EnvironmentFailure
from mintmark.codegen.ledger import changes
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.recover import recover, unsettled
from mintmark.packaging.export import export
from mintmark.packaging.export_types import Fresh, Handoff, PrintOptions
from mintmark.packaging.profiles.files import builtin


@pytest.fixture
def home(tmp_path, monkeypatch):
    opened = Ledger.open
    monkeypatch.setattr(Ledger, "open", lambda *args, **more: opened(*args, **more, wait=0.05))
    home = make_home(tmp_path)
    (tmp_path / "pass.txt").write_bytes(PASSPHRASE.reveal())
    home.batch = home.mint(30, url="HTTPS://T.EXAMPLE.COM/{code}").batch
    station = home.station()
    station.ledger.commit(station.author, changes.ContactAdded("li", "Ms Li", None))
    yield home
    home.close()


@pytest.fixture
def lock(home):
    """Another process's write transaction, which lasts."""
    with closing(sqlite3.connect(home.path / "ledger.db", isolation_level=None)) as other:
        yield other


def exported(home, folder, **station):
    wanted = Fresh(home.batch, "li", PrintOptions(builtin("csv")), "1-20")
    handoff = Handoff(folder / "out", folder / "password.txt", home.key_file, folder / "pass.txt")
    return export(call(home.station(**station)), wanted, handoff)


def standing(home):
    """Serials reserved by an export, and packages in the books by status."""
    with home.station().ledger.read() as view:
        tiles = view.select(home.batch, (Range(1, 30),))
        reserved = [tile.serials for tile in tiles if tile.value.package is not None]
        return reserved, [row.status for row in view.packages()]


def test_once_it_is_booked_the_key_is_to_be_taken_away(home, tmp_path):
    *_, last = exported(home, tmp_path).lines()
    assert last == "now take the custodian's key away from this machine again"


@pytest.mark.parametrize("at", ["written", "checked", "password", "noted", "published"])
def test_books_locked_from_there_on(home, tmp_path, lock, at):
    def failpoint(point):
        if point == at:
            lock.execute("BEGIN IMMEDIATE")
            if at != "published":
                raise OSError

    with pytest.raises((EnvironmentFailure, OSError)):
        exported(home, tmp_path, failpoint=failpoint)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "password.txt").exists()
    assert standing(home) == ([Range(1, 20)], ["begun"])
    station = home.station()
    assert len(unsettled(station)) == 1
    # Still locked: what could not be settled stays to be settled.
    with pytest.raises(EnvironmentFailure):
        list(recover(station))
    lock.execute("ROLLBACK")
    home.close()
    made = exported(home, tmp_path)
    assert made.archive.exists()
    assert standing(home) == ([Range(1, 20)], ["abandoned", "packaged"])
    assert verify(home.station().ledger).ok
    assert unsettled(home.station()) == []


def test_a_second_interrupt_while_they_are_given_back(home, tmp_path, monkeypatch):
    commit = Ledger.commit

    def interrupted(ledger, author, *what, **options):
        if isinstance(what[0], changes.ExportAbandoned):
            raise KeyboardInterrupt
        return commit(ledger, author, *what, **options)

    def failpoint(point):
        if point == "written":
            raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "commit", interrupted)
    with suppress(KeyboardInterrupt):
        exported(home, tmp_path, failpoint=failpoint)
    monkeypatch.setattr(Ledger, "commit", commit)
    station = home.station()
    assert len(list(recover(station))) == 1
    assert standing(home) == ([], ["abandoned"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o777, 0o600])
def test_a_password_file_that_others_may_read_is_told(home, tmp_path, monkeypatch, mode):
    create, told, path = files.create, [], tmp_path / "password.txt"

    def made(new, *args, **options):
        file = create(new, *args, **options)
        if new == path:
            new.chmod(mode)  # as exFAT and NTFS have it, whatever was asked for
        return file

    monkeypatch.setattr(files, "create", made)
    wanted = Fresh(home.batch, "li", PrintOptions(builtin("csv")), "1-20")
    handoff = Handoff(tmp_path / "out", path, home.key_file, tmp_path / "pass.txt")
    export(call(home.station(), notify=told.append), wanted, handoff)
    lines = [line for line in told if "others may read" in line]
    assert [str(path) in line for line in lines] == ([True] if mode == 0o777 else [])
    assert path.read_text("ascii").strip() not in "".join(told)


@pytest.mark.skipif(os.name == "nt", reason="no folder is synced there")
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOTSUP])
def test_a_failing_folder_keeps_no_password(home, tmp_path, monkeypatch, code):
    fsync, folder = os.fsync, tmp_path / "passwords"
    folder.mkdir()
    number = folder.stat().st_ino

    def answer(descriptor):
        if os.fstat(descriptor).st_ino == number:
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", answer)
    wanted = Fresh(home.batch, "li", PrintOptions(builtin("csv")), "1-20")
    file = folder / "password.txt"
    handoff = Handoff(tmp_path / "out", file, home.key_file, tmp_path / "pass.txt")
    if code == errno.EIO:
        with pytest.raises(OSError, match=os.strerror(code)):
            export(call(home.station()), wanted, handoff)
    else:
        export(call(home.station()), wanted, handoff)
    assert file.exists() == (code == errno.ENOTSUP)
    assert (tmp_path / "out").exists() == (code == errno.ENOTSUP)
