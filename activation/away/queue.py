"""The queue of intents of one station, `<home>/away/`: files that no crash cuts, and no hand moves.

    queue.json                  how far it is written, and how far it is done with (the note)
    000000000017-<mark>.json    an intent (`intent.py`); the mark finds an order by its id
    refused/                    what was refused when it was booked: see `refused.py`
    .append.lock, .drain.lock   who writes, who books: one process of this machine at a time

Appending, under the first lock, and what a crash after each step leaves:

1. Write the intent.        An intent that nobody was told of: the next look takes it in.
2. Write the note.          It waits, and its caller is told so.

Taking out, in `drain.py`, under the second lock and for these steps under the first:

3. Write the note.          A file of a number that is done with: the next look removes it.
4. Remove the intent.       Nothing.

The note says the hash of the last intent and of the last that is done with. So a file that was
changed, renamed or removed is noticed, also at either end. A note that was damaged is made again
from the files, which hold each other, and `renewed` says so: at its end the queue may have lost
what nothing tells any more.
"""

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from ...codegen import notes
from ...codegen.errors import EnvironmentFailure, IntegrityError
from ...codegen.files import fsync_folder, open_own, write_atomically
from .intent import FIRST, INTENT_BYTES, hash_of

FOLDER, NOTE = "away", "queue.json"
INTENTS = 20_000  # at once: a day of a fast line
QUEUE_BYTES = 268_435_456
_NAME = re.compile(r"(\d{12})-([0-9a-f]{16})\.json", re.ASCII)
_MEMBERS = {"written", "last", "done", "done_hash", "renewed"}
_NOTE_BYTES = 4_096
_PATIENCE = 10.0  # seconds for another process to append

Failpoint = Callable[[str], None]


@dataclass(frozen=True)
class Note:
    """`written` intents in all, the last of hash `last`; `done` of them are done with.

    `done_hash` is the hash of that one; empty if nobody can tell it any more. `renewed`: the note
    itself was lost or damaged, and nobody was told yet.
    """

    written: int = 0
    last: str = FIRST
    done: int = 0
    done_hash: str = FIRST
    renewed: bool = False


class Missing(Exception):
    """An intent that was written is not there."""


class AwayQueue:
    """The files of the queue of the home at `home`."""

    def __init__(self, home: Path, failpoint: Failpoint = lambda _: None) -> None:
        self.folder = home / FOLDER
        self._failpoint = failpoint

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits. A look at a folder, which most homes do not have."""
        try:
            with os.scandir(self.folder) as entries:
                if any(_NAME.fullmatch(entry.name) for entry in entries):
                    return False
        except FileNotFoundError:
            return True
        note = self.note()
        # The last files may have been taken away, and the note tells.
        return note.done >= note.written and not note.renewed

    def numbers(self) -> dict[int, tuple[str, ...]]:
        """The marks of the intents that are there, by number, ascending."""
        found: dict[int, tuple[str, ...]] = {}
        for name in sorted(self._names()):
            number = int(name[:12])
            found[number] = (*found.get(number, ()), name[13:-5])
        return found

    def marked(self, mark: str) -> list[int]:
        """The numbers of the intents that have the mark, ascending."""
        return sorted(int(name[:12]) for name in self._names() if name[13:-5] == mark)

    def _names(self, number: str = "") -> list[str]:
        """The names of the intents; of those that begin so. Thousands may wait: no more is done."""
        try:
            with os.scandir(self.folder) as entries:
                names = [entry.name for entry in entries if entry.name.startswith(number)]
        except FileNotFoundError:
            return []
        return list(filter(_NAME.fullmatch, names))

    def note(self) -> Note:
        """The note, with what a crash left unsaid in it; of a damaged one what the files say."""
        return self._with_last(self._said())

    def _said(self) -> Note:
        try:
            said = notes.read(self.folder / NOTE, _NOTE_BYTES, _MEMBERS)
            return Note(
                int(said["written"]),
                str(said["last"]),
                int(said["done"]),
                str(said["done_hash"]),
                said["renewed"] is True,
            )
        except FileNotFoundError:
            found = self.numbers()
            return self._renewed(found) if found else Note()
        except (ValueError, TypeError):
            return self._renewed(self.numbers())

    def _renewed(self, found: dict[int, tuple[str, ...]]) -> Note:
        if not found:
            return Note(renewed=True)
        before, last = min(found) - 1, max(found)
        path = self._file(last)
        its_hash = "" if path is None else hash_of(self._bytes(path))
        return Note(last, its_hash, before, "", renewed=True)

    def _with_last(self, note: Note) -> Note:
        """`note`, if a crash left an intent behind the last that it tells."""
        while (found := self._file(note.written + 1)) is not None:
            note = replace(note, written=note.written + 1, last=hash_of(self._bytes(found)))
        return note

    def _file(self, number: int) -> Path | None:
        """The file of that number; None if there is none. Of several the first."""
        name = min(self._names(f"{number:012}-"), default=None)
        return None if name is None else self.folder / name

    def read(self, number: int) -> tuple[bytes, str]:
        """The bytes of an intent, and the mark in its name. Raises `Missing`."""
        path = self._file(number)
        if path is None:
            raise Missing
        return self._bytes(path), path.name.partition("-")[2].removesuffix(".json")

    def _bytes(self, path: Path) -> bytes:
        try:
            with open_own(path) as file:
                return file.read(INTENT_BYTES + 1)
        except (FileNotFoundError, IntegrityError):
            raise Missing from None

    def append(self, mark: str, make: Callable[[int, str], bytes]) -> int:
        """Write the intent that `make(number, previous)` returns; its number.

        Raises `EnvironmentFailure` if no more may wait, and `OSError`: then nothing is written.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        with self.appending():
            note = self.note()
            number = note.written + 1
            data = make(number, note.last)
            self._check_room(len(data))
            path = self.folder / f"{number:012}-{mark}.json"
            try:
                write_atomically(path, data)  # 1
                self._failpoint("intent written")
                self._write(replace(note, written=number, last=hash_of(data)))  # 2
                self._failpoint("intent noted")
            except OSError:
                # A disk is full, say: its caller is told that it does not wait, so it must not.
                if self._said().written < number:
                    path.unlink(missing_ok=True)
                raise
        return number

    def _check_room(self, size: int) -> None:
        count, taken = 0, size
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    count += 1
                    taken += entry.stat(follow_symlinks=False).st_size
        if size > INTENT_BYTES:
            raise EnvironmentFailure(
                "the order is too long to wait here until the ledger answers: nothing was ordered",
                "split it, or name a unit or a package",
            )
        if count >= INTENTS or taken > QUEUE_BYTES:
            raise EnvironmentFailure(
                f"{count:,} orders wait here for the ledger, and no more may: nothing was ordered",
                "bring the ledger's database back; what waits: mintmark orders away",
            )

    def done(self, number: int, its_hash: str) -> None:
        """The intent of that number is done with. An empty `its_hash`: nobody can tell it."""
        with self.appending():
            note = self.note()
            self._write(replace(note, done=number, done_hash=its_hash))  # 3
            self._failpoint("intent done")
            self._remove_done(number)  # 4

    def tidy(self) -> None:
        """Remove what a crash left of intents that are done with.

        A note that was renewed is told by now.
        """
        if not self.folder.is_dir():
            return
        with self.appending():
            note = self.note()
            if note.renewed:
                self._write(replace(note, renewed=False))
            self._remove_done(note.done)

    def _remove_done(self, done: int) -> None:
        for name in self._names():
            if int(name[:12]) <= done:
                (self.folder / name).unlink(missing_ok=True)
        fsync_folder(self.folder)

    def _write(self, note: Note) -> None:
        notes.write(self.folder / NOTE, asdict(note))

    @contextlib.contextmanager
    def appending(self) -> Iterator[None]:
        """The lock of whoever writes here. Raises `OSError` if another holds it for long."""
        lock = FileLock(self.folder / ".append.lock", thread_local=False)
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            raise OSError(errno.EBUSY, "another process holds the queue of orders") from None
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def draining(self) -> Iterator[bool]:
        """Whether this process may book what waits, inside the block."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        lock = FileLock(self.folder / ".drain.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()
