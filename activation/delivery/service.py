"""`deliver --watch`: delivery as a service, for years and without a human near it.

The loop:

1. Book what waits at this station for the ledger of a shared home, then the scheduled orders
   whose time has come; log each. Read when the next order is due.
2. If it is due, connect and deliver; log each settled order, and why others stay queued.
3. Once a minute, read back what dealers scanned in.
4. Write the health file, after each event and at least every ten seconds.
5. Sleep until the next attempt, at most a second: other processes book orders at any time.

Only a signal ends it: in step 5, between two orders of step 2 or two scan-ins of step 3. What goes
wrong on this machine or at the backend is logged and stands in the health file; then the loop goes
on, with longer and longer pauses while this machine fails. A crash loses nothing but the counts.
"""

import json
import os
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ...codegen.away import OutOfReach
from ...codegen.errors import MintmarkError
from ...codegen.files import write_atomically
from ...codegen.result import to_json
from ...codegen.station.station import Station
from ..away.desk import LONGEST_REST, STREAM, AwayDesk, is_shared
from ..backoff import wait
from ..client.protocol import Client
from ..orders.due import book_due
from ..orders.orders import REFUSED
from . import scan_ins
from .deliver import Courier, next_due
from .deliver_result import DeliverResult
from .lease import BooksClock

POLL = timedelta(seconds=1)
SCAN_INS = timedelta(minutes=1)  # between two readings of them
# The same, if all of them had to be read and none was new: a backend that was set back.
SCAN_INS_ANEW = timedelta(hours=1)
HEARTBEAT = timedelta(seconds=10)  # between two writes of the health file, if nothing happens

Connect = Callable[[], AbstractContextManager[Client | None]]
Log = Callable[..., None]


class Stopped(DeliverResult):
    """A service that was stopped: 0, whatever is queued."""

    @property
    def exit_code(self) -> int:
        """0: it did what it had to."""
        return 0


@dataclass
class HealthFile:
    """What a monitor should know. Written to `path`, which is always whole."""

    path: Path | None
    started: datetime
    last_success: datetime | None = None
    queued: int = 0
    last_error: dict[str, object] | None = None
    _written: datetime | None = field(default=None, repr=False)

    def failed(self, message: str, now: datetime) -> None:
        """Note the last thing that went wrong."""
        self.last_error = {"at": now, "message": message}

    def write(self, now: datetime) -> None:
        """Replace the file."""
        if self.path is None:
            return
        document = {
            "at": now,
            "pid": os.getpid(),
            "started": self.started,
            "last_success": self.last_success,
            "queued": self.queued,
            "last_error": self.last_error,
        }
        write_atomically(self.path, json.dumps(to_json(document)).encode("ascii"))
        self._written = now

    def beat(self, now: datetime) -> None:
        """Write it now and then, so that its age shows whether the service lives."""
        # A clock that was set back must not stop this.
        if self._written is None or not timedelta(0) <= now - self._written < HEARTBEAT:
            self.write(now)


@dataclass
class Service:
    """The loop of `deliver --watch`.

    `wait(seconds)` returns early when a stop is requested; `log(event, **details)` takes
    what happens.
    """

    station: Station
    connect: Connect
    wait: Callable[[float], None]
    stopped: Callable[[], bool]
    log: Log
    health: HealthFile
    _delivered: int = 0
    _refused: int = 0
    _failures: int = 0
    _reason: str | None = None
    _next_reading: datetime | None = None
    _unread: str | None = None

    def __post_init__(self) -> None:
        self._desk = AwayDesk(self.station, STREAM)
        self._clock = BooksClock(self.station)

    def run(self) -> DeliverResult:
        """Deliver until a stop is requested. Raises what hinders the first read of the queue.

        But not a ledger out of reach, which comes back.
        """
        try:
            self._look()
        except OutOfReach as away:
            self._hindered(away)
        self.health.write(self.station.now())
        self.log("started", queued=self.health.queued)
        while not self.stopped():
            self.wait(self._turn())  # 5
        self.log("stopped", queued=self.health.queued)
        detail = f"stopped; {self._delivered} delivered, {self._refused} refused since it began"
        return Stopped((), self.health.queued, (), detail)

    def _turn(self) -> float:
        """Steps 1 to 4; how many seconds to sleep then."""
        try:
            if self._book_waiting():  # 1
                self._book_due()
            due = next_due(self.station, self._clock)
            if due is not None and due <= self._clock.now():
                self._deliver()  # 2
                due = next_due(self.station, self._clock)
            self._read_scan_ins()  # 3
            self.health.beat(self.station.now())  # 4
            now = self._clock.now()
            self._failures = 0
        except (MintmarkError, OSError) as error:
            return self._hindered(error)
        # What is still due could not be sent: another process sends it, or no backend is
        # configured.
        ahead = POLL if due is None or due <= now else min(POLL, due - now)
        # Ten stations that wake at the same moment would all reach for the same orders.
        spread = 0.5 + random.random() / 2 if is_shared(self.station) else 1.0  # noqa: S311
        return ahead.total_seconds() * spread

    def _book_waiting(self) -> bool:
        """Whether nothing waits at this station any more."""
        drained = self._desk.drain(self.stopped)
        for order in drained.booked:
            self.log("away-booked", order=order)
        for refused in drained.refused:
            self.log("away-refused", order=refused.order, reason=refused.error)
        if drained.booked or drained.refused:
            self._look()
        return drained.left is None

    def _book_due(self) -> None:
        for ended in book_due(self.station, self.stopped):
            details = {} if ended.detail is None else {"detail": ended.detail}
            self.log(f"scheduled-{ended.status}", order=ended.order, **details)
            self._look()

    def _hindered(self, error: MintmarkError | OSError) -> float:
        """This machine fails, not the backend: a locked ledger, a full disk."""
        message = error.message if isinstance(error, MintmarkError) else type(error).__name__
        self.health.failed(message, self.station.now())
        self.log("hindered", error=message)
        self._failures += 1
        try:
            self.health.write(self.station.now())
        except (MintmarkError, OSError):
            self.log("hindered", error="the health file cannot be written")
        pause = wait(self._failures, 0.5).total_seconds()
        # What others share comes back any moment, and a line's orders wait for it.
        return min(pause, LONGEST_REST) if isinstance(error, OutOfReach) else pause

    def _deliver(self) -> None:
        with self.connect() as client:
            if client is None:
                self._away("no backend is configured")
                return
            courier = Courier(self.station, client, patient=True, sturdy=True)
            sent = courier.deliver(stop=self.stopped, settled=self._settled)
        self._look()
        if sent.detail:
            self._away(sent.detail)
        self.health.write(self.station.now())

    def _read_scan_ins(self) -> None:
        now, due = self.station.now(), self._next_reading
        # A clock that was set back must not stop this.
        if due is not None and timedelta(0) < due - now <= SCAN_INS_ANEW:
            return
        self._next_reading = now + SCAN_INS
        with self.connect() as client:
            if client is None:
                return
            found = scan_ins.tried(self.station, client, self.stopped)
        if found.anew and not found.booked:
            self._next_reading = now + SCAN_INS_ANEW
        if found.booked:
            self.log("scan-ins", read=found.booked)
        if found.detail and found.detail != self._unread:
            self.log("scan-ins-unread", reason=found.detail)
        self._unread = found.detail

    def _settled(self, order: str, status: str) -> None:
        now = self.station.now()
        self.log(status, order=order)
        if status == REFUSED:
            self._refused += 1
            self.health.failed(f"the backend refused order {order}", now)
        else:
            self._delivered += 1
        # A refusal, too, is an answer of the backend.
        self.health.last_success = now
        self._reason = None
        self.health.beat(now)

    def _away(self, reason: str) -> None:
        self.health.failed(reason, self.station.now())
        if reason != self._reason:
            self.log("away", reason=reason, queued=self.health.queued)
            self._reason = reason

    def _look(self) -> None:
        with self.station.ledger.read() as view:
            self.health.queued = view.queued()
