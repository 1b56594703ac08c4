"""`orders watch DIR`: a hot folder, for a system that can write files and nothing else.

    DIR/                 files of orders arrive here
    DIR/done/            applied, with <name>.result.jsonl beside each
    DIR/failed/          malformed, with <name>.reason.json beside each

Each file takes these steps:

1. Wait until it is complete.
2. Read it. A malformed file goes to failed/ instead, by steps 4 and 5.
3. Apply it: book its orders, then send them.
4. Write its result.
5. Move it, then remove its marker.

After a crash between any two steps the file is still in DIR, and is taken again from step 1:
the ids of its orders follow from its name and content, so nothing is ordered twice. A crash
after step 4 leaves a result, which is written again; a crash within step 5, a marker, which is
older than any later file of that name and does not count for it.

A file that cannot be taken, on a machine that works, stays in DIR and is logged once. It holds
up neither other files nor the delivery.
"""

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from ...codegen.errors import (
    EnvironmentFailure,
    IntegrityError,
    MintmarkError,
    NotFound,
    Refused,
    UsageError,
)
from ...codegen.files import fsync_folder, hidden, write_atomically
from ...codegen.result import Result
from ...codegen.station.publish import Failpoint, no_failpoint
from ...codegen.station.station import Station
from ..backoff import wait
from ..delivery.deliver import Courier, next_due
from ..delivery.service import Connect, Log
from ..orders.sheets import Row
from .apply import AppliedFile, apply, read_file, write_results

KINDS = (".csv", ".jsonl", ".ndjson")
MARKER = ".done"
LOCK = ".mintmark.lock"
POLL = 1.0  # seconds between two looks
# Bytes of a name in done/ and failed/: 255 with a result beside it, while that is hidden.
NAME_BYTES = 255 - len(hidden(Path("_.result.jsonl")).name) + 1
FULL = (errno.ENOSPC, errno.EDQUOT)

FileVersion = tuple[int, int]  # size, time of the last change


@dataclass(frozen=True)
class Watched(Result):
    """A hot folder that is watched no more."""

    files: int
    failed: int
    orders: int

    def lines(self) -> Iterator[str]:
        """The counts."""
        yield f"stopped: {self.files} files, {self.orders} orders; {self.failed} files malformed"


@dataclass
class HotFolder:
    """The loop of `orders watch`. `marker`: a file is complete when `<name>.done` is there.

    Without markers it is complete when two looks, a second apart, find the same size and time;
    systems that write slowly had better write to `<name>.part` and rename.
    """

    station: Station
    connect: Connect
    folder: Path
    wait: Callable[[float], None]
    stopped: Callable[[], bool]
    log: Log
    marker: bool = False
    failpoint: Failpoint = no_failpoint
    _seen: dict[str, FileVersion] = field(default_factory=dict)
    _left: dict[str, str] = field(default_factory=dict)  # files that stay → the logged reason
    _files: int = 0
    _failed: int = 0
    _orders: int = 0
    _failures: int = 0

    def run(self) -> Watched:
        """Take files until a stop is requested. Raises `Refused` if another process watches it."""
        if not self.folder.is_dir():
            raise UsageError(f"{self.folder} is no folder", "make it, then watch it")
        with _only_watcher(self.folder):
            for name in ("done", "failed"):
                (self.folder / name).mkdir(exist_ok=True)
            self.log("started", folder=str(self.folder))
            while not self.stopped():
                self.wait(self._turn())
        self.log("stopped", files=self._files)
        return Watched(self._files, self._failed, self._orders)

    def _turn(self) -> float:
        """Take what is complete, deliver what is due; how many seconds to sleep then."""
        try:
            for path in self.complete():  # 1
                if self.stopped():
                    break
                try:
                    self._take(path)  # 2 to 5
                except OSError as error:
                    if error.errno in FULL:
                        raise
                    self._leave(path.name, type(error).__name__)
            self._deliver()
            self._failures = 0
        except (MintmarkError, OSError) as error:
            # This machine fails, not a file: a locked ledger, a full disk. The file stays.
            message = error.message if isinstance(error, MintmarkError) else type(error).__name__
            self.log("hindered", error=message)
            self._failures += 1
            return wait(self._failures, 0.5).total_seconds()
        return POLL

    def complete(self) -> list[Path]:
        """The files that are all there, by name; remembers what the others look like."""
        seen, found = {}, []
        paths = sorted(self.folder.iterdir())
        present = {path.name for path in paths}
        self._left = {name: why for name, why in self._left.items() if name in present}
        for path in paths:
            if path.suffix.lower() not in KINDS or path.name.startswith((".", "~")):
                continue
            version = _version(path)
            if version is None:
                if os.path.lexists(path):
                    self._leave(path.name, "no plain file")
                continue
            seen[path.name] = version
            if self._seen.get(path.name) == version and (not self.marker or _marked(path, version)):
                found.append(path)
        self._seen = seen
        return found

    def _take(self, path: Path) -> None:
        try:
            rows = read_file(path)  # 2
        except UsageError as error:
            self._set_aside(path, error)
            return
        except NotFound:
            return  # its sender has taken it back
        self.failpoint("read")
        applied = self._apply(path, rows)  # 3
        if isinstance(applied, UsageError):
            self._set_aside(path, applied)
            return
        self.failpoint("applied")
        target = _free(self.folder / "done", path.name)  # 4
        write_results(target.with_name(f"{target.name}.result.jsonl"), applied.results)
        self.failpoint("result")
        self._move(path, target)  # 5
        self._files += 1
        self._orders += applied.orders
        self.log(
            "applied",
            file=path.name,
            orders=applied.orders,
            acknowledged=applied.acknowledged,
            queued=applied.queued,
            refused=applied.refused,
        )

    def _apply(self, path: Path, rows: Sequence[Row]) -> AppliedFile | UsageError:
        """Step 3; an error of ours with which the file is set aside."""
        try:
            with self.connect() as client:
                try:
                    return apply(self.station, client, rows, name=path.name)
                except (EnvironmentFailure, IntegrityError, OSError):
                    raise
                except Exception as error:  # noqa: BLE001 - a file must not end the service
                    return UsageError(f"unexpected {type(error).__name__}: this is a bug")
        except OSError as error:
            # The home or the network fails, whatever the file: that ends the turn.
            raise EnvironmentFailure(type(error).__name__) from error

    def _leave(self, name: str, why: str) -> None:
        """Log that a file stays: once, and again if the reason changes."""
        if self._left.get(name) != why:
            self._left[name] = why
            self.log("left", file=name, error=why)

    def _set_aside(self, path: Path, error: MintmarkError) -> None:
        target = _free(self.folder / "failed", path.name)
        reason = {"error": error.message, "hint": "\n".join(error.hints), **error.details}
        write_atomically(
            target.with_name(f"{target.name}.reason.json"), json.dumps(reason).encode("ascii")
        )
        self.failpoint("reason")
        self._move(path, target)
        self._failed += 1
        self.log("malformed", file=path.name, error=error.message)

    def _move(self, path: Path, target: Path) -> None:
        """Step 5."""
        path.replace(target)
        fsync_folder(target.parent)
        fsync_folder(path.parent)
        self.failpoint("moved")
        # Last: a file without its marker would lie here for ever. A marker left behind is
        # older than the next file of that name, and does not count for it.
        with contextlib.suppress(OSError):  # the name is too long, or the marker is not ours
            path.with_name(path.name + MARKER).unlink(missing_ok=True)
        self._seen.pop(path.name, None)

    def _deliver(self) -> None:
        """Send what is queued, booked by anybody: this service may be all that runs here."""
        due = next_due(self.station)
        if due is None or due > self.station.now():
            return
        with self.connect() as client:
            if client is not None:
                Courier(self.station, client, patient=True, sturdy=True).deliver(stop=self.stopped)


def _version(path: Path) -> FileVersion | None:
    """Size and last change of a plain file; None for anything else, or if it is gone."""
    try:
        found = path.lstat()
    except OSError:
        return None
    if path.is_symlink() or not path.is_file():
        return None
    return found.st_size, found.st_mtime_ns


def _marked(path: Path, version: FileVersion) -> bool:
    found = _version(path.with_name(path.name + MARKER))
    return found is not None and found[1] >= version[1]


def _free(folder: Path, name: str) -> Path:
    """A name in `folder` that no file has: no earlier file is ever written over."""
    stem, suffix, count = Path(name).stem, Path(name).suffix, 1
    path = folder / _fitting(stem, suffix)
    while os.path.lexists(path):
        count += 1
        path = folder / _fitting(stem, f".{count}{suffix}")
    return path


def _fitting(stem: str, end: str) -> str:
    """`stem` and `end`. Too long a stem is cut, and its digest tells it from others."""
    if len(os.fsencode(stem + end)) <= NAME_BYTES:
        return stem + end
    end = f"~{hashlib.sha256(os.fsencode(stem)).hexdigest()[:12]}{end}"
    while len(os.fsencode(stem + end)) > NAME_BYTES:
        stem = stem[:-1]
    return stem + end


@contextlib.contextmanager
def _only_watcher(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Refused(f"{folder} is watched already", "stop the other process first") from None
    try:
        yield
    finally:
        lock.release()
