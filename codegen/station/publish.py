"""Publishing files: all of them and a ledger row, or neither, wherever a crash falls.

The order, of which this module does 1, 3, 4 and 6:

1. `begin` records the intent.
2. The caller writes hidden siblings of the files, and fsyncs them.
3. `note` adds to the intent what the ledger will book: from here on the siblings are complete.
4. `publish` renames the siblings, in order.
5. The caller commits to the ledger.
6. `drop` removes the intent.

A killed process leaves its intent behind. The next process takes it over with `abandoned`,
and rolls forward if there is a note, back if there is none. An intent holds a lock while its
process lives, so that repair passes over living processes.

No I/O here touches the ledger: callers report with `committed` whether it has the row.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from .. import notes
from ..away import CommitUnknown, OutOfReach
from ..errors import IntegrityError, Refused
from ..files import fsync_folder, hidden
from . import intent_document

Failpoint = Callable[[str], None]


def no_failpoint(point: str) -> None:
    """Nothing happens at `point`: a failpoint for production. Tests stop the process there."""


class Publication:
    """An intent to publish `files`, in that order. Use it in a `with` block.

    Leaving the block by an exception withdraws everything, unless `committed()` is true: the ledger
    has the row already (an interrupt may come right after a commit). Without `committed` the end of
    `publish` is what counts. If the ledger holds a row that must still be ended, `settled()` is
    false, and the intent stays for `abandoned`; with its files, if a shared ledger cannot say.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - made by `Intents` alone
        self,
        path: Path,
        lock: FileLock,
        intent: dict[str, Any],
        failpoint: Failpoint,
        committed: Callable[[], bool] | None = None,
        settled: Callable[[], bool] = lambda: True,
    ) -> None:
        self._path = path
        self._lock = lock
        self._intent = intent
        self._failpoint = failpoint
        self._renamed: list[Path] = []
        self._published = False
        self._committed = committed or (lambda: self._published)
        self._settled = settled

    @property
    def kind(self) -> str:
        """What is being published: mint, export or sieve (a prefix filter)."""
        return str(self._intent["kind"])

    @property
    def subject(self) -> str:
        """The id of the batch or package, or the name of the prefix filter."""
        return str(self._intent["subject"])

    @property
    def files(self) -> tuple[Path, ...]:
        """The final names, in the order they appear."""
        return tuple(self._path.parent.parent / name for name in self._intent["files"])

    @property
    def noted(self) -> dict[str, Any] | None:
        """What the ledger was to book, once the siblings were complete; None before."""
        note: dict[str, Any] | None = self._intent["note"]
        return note

    def note(self, change: Mapping[str, Any]) -> None:
        """Step 3: record that the siblings are complete, and what the ledger will book."""
        self._fsync_folders()
        self._intent["note"] = dict(change)
        self._write()
        self._failpoint("noted")

    def unnote(self) -> None:
        """Take step 3 back: the siblings are to be changed again."""
        self._intent["note"] = None
        self._write()

    def publish(self) -> None:
        """Step 4: rename the siblings in order.

        Raises `Refused` if a final name is taken, `IntegrityError` if a file is gone.
        """
        for final in self.files:
            sibling = hidden(final)
            if not sibling.exists():
                if not final.exists():
                    raise IntegrityError(f"{sibling.name} is gone", "what is left was kept")
                # An earlier try, ended by a crash, got this far.
                self._renamed.append(final)
                continue
            if final.exists():
                raise Refused(
                    f"{final} exists already and is not overwritten", "name another folder"
                )
            sibling.rename(final)
            self._renamed.append(final)
            self._failpoint(f"renamed {final.suffix}")
        self._fsync_folders()
        self._failpoint("published")
        self._published = True

    def drop(self) -> None:
        """Step 6: remove the intent, as the ledger has the row or nobody wants it."""
        try:
            self._path.unlink(missing_ok=True)
            fsync_folder(self._path.parent)
        finally:
            _release(self._lock, self._path)

    def leave(self) -> None:
        """Keep the intent as it is, for a person to decide."""
        self._lock.release()

    def withdraw(self) -> None:
        """Remove the siblings and what this process renamed, then the intent."""
        self._remove()
        self.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            done = kind is None or self._committed()
            settled = done or self._settled()
        except OutOfReach:
            done = settled = False
            error = CommitUnknown("")
        if isinstance(error, CommitUnknown):
            self.leave()  # whoever takes the intent over asks the ledger
        elif done:
            _unlink(map(hidden, self.files))
            self.drop()
        elif settled:
            self.withdraw()
        else:
            self._remove()
            # In this order: a note without its files says that somebody took them away, and
            # then their serials are never packaged again.
            with contextlib.suppress(OSError):
                self.unnote()
            self.leave()

    def _remove(self) -> None:
        _unlink(map(hidden, self.files))
        _unlink(self._renamed)

    def _fsync_folders(self) -> None:
        for folder in {final.parent for final in self.files}:
            fsync_folder(folder)

    def _write(self) -> None:
        notes.write(self._path, self._intent)


class Intents:
    """The intents of a home: files `<subject>.json`, each beside its lock."""

    def __init__(self, folder: Path, failpoint: Failpoint = no_failpoint) -> None:
        self._folder = folder
        self._failpoint = failpoint

    def begin(
        self,
        kind: str,
        subject: str,
        files: Sequence[Path],
        *,
        committed: Callable[[], bool] | None = None,
        settled: Callable[[], bool] = lambda: True,
    ) -> Publication:
        """Step 1: record the intent to publish `files`, whose folders exist.

        `committed`: whether the ledger has the row; `settled`: whether no row about these
        files must still be ended (see `Publication`). Raises `Refused` if a final name is
        taken, `OSError` if the intent cannot be written.
        """
        for final in files:
            if final.exists():
                raise Refused(
                    f"{final} exists already and is not overwritten", "name another folder"
                )
        intent = {
            "kind": kind,
            "subject": subject,
            "files": [self._name(final.absolute()) for final in files],
            "note": None,
            "at": str(self._folder.absolute()),
        }
        path = self._folder / f"{subject}.json"
        lock = self._lock(path)
        lock.acquire(timeout=0)
        publication = Publication(path, lock, intent, self._failpoint, committed, settled)
        try:
            publication._write()  # noqa: SLF001 - a class and its maker, in the same module
            self._failpoint("intent")
        except BaseException:
            publication.drop()
            raise
        return publication

    def abandoned(self) -> Iterator[Publication]:
        """Every intent whose process is gone, taken over: the caller ends each.

        Raises `IntegrityError` for an intent that can't be read.
        """
        for path in sorted(self._folder.glob("*.json")):
            lock = self._lock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                intent = self._read(path)
            except FileNotFoundError:
                _release(lock, path)
                continue
            except BaseException:
                lock.release()
                raise
            yield Publication(path, lock, intent, self._failpoint)

    def alive(self, subject: str) -> bool:
        """Whether a process still works on `subject`."""
        path = self._folder / f"{subject}.json"
        try:
            if path.exists():
                self._lock(path).acquire(timeout=0).lock.release()
        except Timeout:
            return True
        return False

    def read(self, subject: str) -> Publication | None:
        """The intent, only to be looked at; None without one.

        Raises `IntegrityError` for one that can't be read.
        """
        path = self._folder / f"{subject}.json"
        try:
            return Publication(path, self._lock(path), self._read(path), self._failpoint)
        except FileNotFoundError:
            return None

    def _name(self, final: Path) -> str:
        """How an intent names a file: a home that is moved takes its own files along."""
        home = self._folder.absolute().parent
        inside = final.is_relative_to(home)
        return final.relative_to(home).as_posix() if inside else str(final)

    def _read(self, path: Path) -> dict[str, Any]:
        intent = intent_document.read(path)
        if intent["at"] != str(self._folder.absolute()):
            # A copy of the home: the process that writes outside of it may live, at the original.
            inside = [name for name in intent["files"] if not Path(name).is_absolute()]
            complete = inside == intent["files"]
            intent |= {"files": inside, "note": intent["note"] if complete else None}
        return intent

    def _lock(self, path: Path) -> FileLock:
        return FileLock(path.with_suffix(".lock"), thread_local=False)


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _release(lock: FileLock, path: Path) -> None:
    """Let go of the lock of an intent that was removed."""
    lock.release()
    # Another process may have taken the lock file meanwhile; Windows then refuses.
    with contextlib.suppress(OSError):
        path.with_suffix(".lock").unlink(missing_ok=True)
