"""`orders watch DIR`: a hot folder, for a system that can write files and nothing else.

    DIR/                 files of orders arrive here
    DIR/done/            applied, with <name>.result.jsonl beside each
    DIR/failed/          malformed, with <name>.reason.json beside each

Each file takes these steps:

1. Wait until it is complete. One that may have been cut short waits for a minute of rest.
2. Read it. A malformed file goes to failed/ instead, by steps 5 and 6, with an alarm.
3. Note in the home that it is being taken, as it was read.
4. Apply it: book its orders, then send them.
5. Write its result.
6. Move it, then remove its marker.

After a crash between any two steps the file is still in DIR, and is taken again from step 1:
the ids of its orders follow from its name, its content, its size and the time of its last
change, so nothing is ordered twice. If it was changed in between, and some of its orders are
booked, it goes to failed/. A crash after step 5 leaves a result, which is written again; a crash
within step 6, a marker, which is older than any later file of that name and does not count
for it.

What is written to a file after step 2 is ordered by nobody. It is noticed, logged, and alarmed,
also after a restart: see `taken_files.py`.

A file that cannot be taken, on a machine that works, stays in DIR and is logged once. It holds
up neither other files nor the delivery.
"""

import contextlib
import errno
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...codegen.away import OutOfReach
from ...codegen.errors import (
    EnvironmentFailure,
    IntegrityError,
    MintmarkError,
    NotFound,
    Refused,
    UsageError,
)
from ...codegen.files import fsync_folder, write_atomically
from ...codegen.ledger.changes import Incident
from ...codegen.station.publish import Failpoint, no_failpoint
from ...codegen.station.station import Station
from ..away.desk import LONGEST_REST, STREAM, AwayDesk
from ..backoff import wait
from ..delivery.deliver import Courier, next_due
from ..delivery.lease import BooksClock
from ..delivery.service import Connect, Log
from ..orders import sheets
from ..orders.due import book_due
from .applied import AppliedFile, Outcome, write_results
from .apply import apply
from .arrivals import Arrivals
from .folder_names import MARKER, check_names, free, result_of, shown
from .only_watcher import only_watcher
from .order_file import OrderFile, read_file
from .taken_files import TakenFile, TakenFiles
from .watched import Watched

POLL = 1.0  # seconds between two looks
FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSED_FILE, CHANGED_FILE = "file-refused", "file-changed"  # kinds of incident
AGAIN = "send the rows that are missing in a new file, under another name"


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
    _taken: TakenFiles = field(init=False)
    _files: int = 0
    _failed: int = 0
    _orders: int = 0
    _failures: int = 0

    def __post_init__(self) -> None:
        self._desk = AwayDesk(self.station, STREAM)
        self._clock = BooksClock(self.station)
        self._arrivals = Arrivals(
            self.folder, self.marker, lambda name, why: self.log("left", file=name, error=why)
        )

    def run(self) -> Watched:
        """Take files until a stop is requested. Raises `Refused` if another process watches it."""
        if not self.folder.is_dir():
            raise UsageError(f"{self.folder} is no folder", "make it, then watch it")
        with only_watcher(self.folder):
            for name in ("done", "failed"):
                (self.folder / name).mkdir(exist_ok=True)
                check_names(self.folder / name)
            self._taken = TakenFiles.of(self.station.home, self.folder, self._forgotten)
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
                    self._take(path)  # 2 to 6
                except OSError as error:
                    if error.errno in FULL:
                        raise
                    self._arrivals.leave(path.name, type(error).__name__)
                except MintmarkError:
                    raise
                except Exception as error:  # noqa: BLE001 - a file must not end the service
                    bug = f"unexpected {type(error).__name__}: this is a bug"
                    self._arrivals.leave(path.name, bug)
            self._look_back()
            self._deliver()
            self._failures = 0
        except (MintmarkError, OSError) as error:
            # This machine fails, not a file: a locked ledger, a full disk. The file stays.
            message = error.message if isinstance(error, MintmarkError) else type(error).__name__
            self.log("hindered", error=message)
            self._failures += 1
            pause = wait(self._failures, 0.5).total_seconds()
            return min(pause, LONGEST_REST) if isinstance(error, OutOfReach) else pause
        return POLL

    def complete(self) -> list[Path]:
        """The files that are all there, by name."""
        return self._arrivals.complete()

    def _take(self, path: Path) -> None:
        try:
            file = read_file(path)  # 2
        except UsageError as error:
            if not self._arrivals.waits(path, error):
                self._set_aside(path, error)
            return
        except (NotFound, Refused):
            return  # its sender has taken it back, or writes to it
        self.failpoint("read")
        begun = self._taken.under_way.get(path.name)
        if begun is not None and begun.version != file.version:
            if begun.sha256 == file.sha256:
                file = replace(file, version=begun.version)  # it was only touched since
            elif self._has_booked(begun):
                changed = UsageError("it was changed while it was taken, and some is booked", AGAIN)
                self._set_aside(path, changed, CHANGED_FILE)
                return
        target = free(self.folder / "done", path.name)
        self._taken.begin(path.name, target.name, file)  # 3
        self.failpoint("begun")
        outcomes: list[Outcome] = []
        applied = self._apply(path, file, outcomes)  # 4
        if isinstance(applied, UsageError):
            self._set_aside(path, applied, outcomes=outcomes)
            return
        self.failpoint("applied")
        write_results(result_of(target), applied.results)  # 5
        self.failpoint("result")
        self._move(path, target)  # 6
        self._taken.moved(path.name)
        self._files += 1
        self._orders += applied.orders
        self._log_applied(path.name, applied)

    def _has_booked(self, begun: TakenFile) -> bool:
        """Whether an order of the file as it was begun is booked, under an id made here."""
        home = self.station.config.home_id
        with self.station.ledger.read() as view:
            ids = sheets.made_ids(home, bytes.fromhex(begun.ids), begun.orders)
            return any(view.has_order(order) for order in ids)

    def _apply(
        self, path: Path, file: OrderFile, outcomes: list[Outcome]
    ) -> AppliedFile | UsageError:
        """Step 4, filling `outcomes`; an error of ours with which the file is set aside."""
        try:
            with self.connect() as client:
                try:
                    return apply(
                        self.station,
                        client,
                        file,
                        name=path.name,
                        shown=shown(path.name),
                        keep=outcomes.extend,
                        desk=self._desk,
                    )
                except (EnvironmentFailure, IntegrityError, OSError):
                    raise
                except Exception as error:  # noqa: BLE001 - a file must not end the service
                    return UsageError(f"unexpected {type(error).__name__}: this is a bug")
        except OSError as error:
            # The home or the network fails, whatever the file: that ends the turn.
            raise EnvironmentFailure(type(error).__name__) from error

    def _log_applied(self, name: str, applied: AppliedFile) -> None:
        self.log(
            "applied",
            file=name,
            orders=applied.orders,
            acknowledged=applied.acknowledged,
            queued=applied.queued,
            refused=applied.refused,
        )
        if applied.undone:
            why = f"{applied.undone} orders were booked before, and stand no more: see its result"
            self.log("repeated", file=name, error=why)

    def _look_back(self) -> None:
        """Report the files that were changed after they were taken."""
        for file in self._taken.changed():
            what = "changed after it was taken: what was added is not ordered"
            self.log("changed", file=file.name, error=f"{what}; {AGAIN}")
            if not file.told:
                self._alarm(CHANGED_FILE, f"{shown(file.name)}: {what}")
            self.failpoint("alarmed")
            self._taken.report(file)

    def _alarm(self, kind: str, detail: str) -> None:
        self.station.ledger.commit(self.station.author, Incident(kind, detail))

    def _forgotten(self) -> None:
        why = "which files were taken is damaged in the home, and begun anew"
        self.log("forgotten", error=why)

    def _set_aside(
        self,
        path: Path,
        error: MintmarkError,
        kind: str = REFUSED_FILE,
        outcomes: Sequence[Outcome] = (),
    ) -> None:
        target = free(self.folder / "failed", path.name)
        reason = {"error": error.message, "hint": "\n".join(error.hints), **error.details}
        write_atomically(
            target.with_name(f"{target.name}.reason.json"), json.dumps(reason).encode("ascii")
        )
        if outcomes:
            write_results(result_of(target), outcomes)
        self.failpoint("reason")
        self._alarm(kind, f"{shown(path.name)}: {error.message}")
        self._move(path, target)
        self._taken.forget(path.name)
        self._failed += 1
        self.log("malformed", file=path.name, error=error.message)

    def _move(self, path: Path, target: Path) -> None:
        """Step 6."""
        path.replace(target)
        fsync_folder(target.parent)
        fsync_folder(path.parent)
        self.failpoint("moved")
        # Last: a file without its marker would lie here for ever. A marker left behind is
        # older than the next file of that name, and does not count for it.
        with contextlib.suppress(OSError):  # the name is too long, or the marker is not ours
            path.with_name(path.name + MARKER).unlink(missing_ok=True)
        self._arrivals.forget(path.name)

    def _deliver(self) -> None:
        """Send what is queued, booked by anybody: this service may be all that runs here.

        First what waits at this station is booked, unless the ledger is known to be out of reach.
        """
        drained = self._desk.drain(self.stopped)
        for refused in drained.refused:
            self.log("away-refused", order=refused.order, reason=refused.error)
        if self._desk.is_resting:
            return
        if drained.left is None:
            book_due(self.station, self.stopped)
        due = next_due(self.station, self._clock)
        if due is None or due > self._clock.now():
            return
        with self.connect() as client:
            if client is not None:
                Courier(self.station, client, patient=True, sturdy=True).deliver(stop=self.stopped)
