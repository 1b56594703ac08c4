"""A ledger that cannot be written answers all the same, and says why it books nothing."""

import contextlib
import shutil
import sqlite3
from datetime import timedelta

import pytest
from ledger_kit import LINE, START, clock, dump, with_history
from places_kit import no_more_room, read_only_folder

from mintmark.codegen.errors import EnvironmentFailure
from mintmark.codegen.ledger import _copy, changes
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify

INCIDENT = changes.Incident("x", "y")


def with_waiting_log(path, target):
    """At `target` a ledger as a killed process leaves it: its last commits wait in the log."""
    with with_history(path) as ledger:
        ledger.commit(LINE, INCIDENT, changes.Incident("x", "z" * 9_000))
        ledger.commit(LINE, INCIDENT)
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{target}{suffix}")
        with ledger.read() as view:
            return view.head()


def content(data):
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        return list(connection.iterdump())


def test_a_ledger_in_a_folder_that_cannot_be_written_answers(tmp_path):
    with read_only_folder() as (folder, locked):
        path = folder / "ledger.db"
        with with_history(path) as ledger, ledger.read() as view:
            head = view.head()
        before = dump(path)
        with locked(), Ledger.open(path, clock()) as ledger:
            with ledger.read() as view, ledger.read() as other:
                assert view.head() == other.head() == head
                assert view.batches() == other.batches()
            assert verify(ledger).ok
            for write in (
                lambda: ledger.commit(LINE, INCIDENT),
                lambda: ledger.claim("O2", "me", START + timedelta(hours=1), START),
            ):
                with pytest.raises(EnvironmentFailure, match="cannot be written") as caught:
                    write()
                assert "write permission" in caught.value.hints[0]
            assert [file.name for file in folder.iterdir()] == ["ledger.db"]
        assert dump(path) == before


def test_what_waits_in_the_log_is_read_too(tmp_path):
    with read_only_folder() as (folder, locked):
        path = folder / "ledger.db"
        head = with_waiting_log(tmp_path / "ledger.db", path)
        with locked(), Ledger.open(path, clock()) as ledger:
            assert verify(ledger).ok
            with ledger.read() as view:
                assert view.head() == head


def test_a_ledger_on_a_full_disk_answers(tmp_path):
    path = tmp_path / "ledger.db"
    with with_history(path) as ledger, ledger.read() as view:
        head = view.head()
    with no_more_room(), Ledger.open(path, clock()) as ledger:
        with ledger.read() as view:
            assert view.head() == head
        with pytest.raises(EnvironmentFailure, match="is full") as caught:
            ledger.commit(LINE, INCIDENT)
        assert "make room" in caught.value.hints[0]
    with Ledger.open(path, clock()) as ledger:
        ledger.commit(LINE, INCIDENT)


def test_an_unreadable_ledger_says_so():
    with read_only_folder() as (folder, locked):
        path = folder / "ledger.db"
        with_history(path).close()
        path.chmod(0o000)
        with locked(), pytest.raises(EnvironmentFailure, match="cannot be read") as caught:
            Ledger.open(path, clock())
        assert "permission" in caught.value.hints[0]


@pytest.mark.parametrize("cut", [0, 31, 32, 4_000, 20_000, 60_000, None])
def test_file_and_log_are_put_together_as_sqlite_does(tmp_path, cut):
    path = tmp_path / "copy.db"
    with_waiting_log(tmp_path / "ledger.db", path)
    log = path.with_name("copy.db-wal")
    log.write_bytes(log.read_bytes()[:cut])
    merged = _copy.merged(path.read_bytes(), log.read_bytes())
    assert content(merged) == dump(path)


@pytest.mark.parametrize("offset", [0, 9, 17, 27, 40, 60, 5_000, 30_000, 50_000, -100])
def test_a_damaged_log_counts_as_far_as_sqlite_lets_it(tmp_path, offset):
    path = tmp_path / "copy.db"
    with_waiting_log(tmp_path / "ledger.db", path)
    log = path.with_name("copy.db-wal")
    data = bytearray(log.read_bytes())
    data[offset] ^= 4
    log.write_bytes(data)
    merged = _copy.merged(path.read_bytes(), bytes(data))
    assert content(merged) == dump(path)


def test_a_ledger_that_never_stands_still_is_not_copied(tmp_path, monkeypatch):
    path = tmp_path / "ledger.db"
    with_history(path).close()
    assert _copy.bytes_of(path)
    logs = iter(range(99))
    monkeypatch.setattr(_copy, "_read", lambda _: b"%d" % next(logs))
    assert _copy.bytes_of(path) is None


def test_what_changes_between_two_readings_is_read_again(tmp_path, monkeypatch):
    """A log that is folded into the file and begun anew while both are read."""
    path = tmp_path / "copy.db"
    with_waiting_log(tmp_path / "ledger.db", path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        real = _copy._read
        calls = []

        def read(log):
            found = real(log)
            if not calls:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("DELETE FROM deliveries").connection.commit()
            calls.append(log)
            return found

        monkeypatch.setattr(_copy, "_read", read)
        data = _copy.bytes_of(path)
        assert content(data) == dump(path)
    assert len(calls) == 3


def test_a_copy_whose_journal_is_not_settled_is_not_read(tmp_path):
    """One made by VACUUM INTO has no log: a process that was killed left it half-written."""
    with_history(tmp_path / "ledger.db").close()
    path = tmp_path / "copy.db"
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(path),))
    assert _copy.bytes_of(path)
    path.with_name("copy.db-journal").write_bytes(b"x")
    assert _copy.bytes_of(path) is None


def test_a_log_that_cannot_be_read_is_not_left_out(tmp_path):
    path = tmp_path / "copy.db"
    with_history(path).close()
    path.with_name("copy.db-wal").mkdir()
    assert _copy.bytes_of(path) is None
