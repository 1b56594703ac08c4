"""What PostgreSQL's primary says of itself each second: its time, and how far its log is written.

Several hosts decide by one clock, the primary's: whether a code is valid yet, whether a kept answer
still counts. Between two beats it is followed by a clock that never goes back, so a host whose own
time is wrong decides as the others do. While the primary is away the clock goes on.

How far the log was written, and when, says how far behind a replica is (`replicas`).
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from . import log
from .damage import Damaged

_SECONDS: Final = 1.0  # between two beats
_MARKS: Final = 60
_QUERY: Final = text(
    "SELECT extract(epoch FROM clock_timestamp()), pg_current_wal_lsn() - '0/0'::pg_lsn"
)
Read = Callable[[], AbstractContextManager[Connection]]


class Pulse:
    """Beats from `start` to `stop`, in a thread of its own. Safe to ask from any thread."""

    def __init__(self, read: Read, monotonic: Callable[[], float]) -> None:
        self._read = read
        self._monotonic = monotonic
        self._told: tuple[datetime, float] | None = None  # the primary's time, and ours of then
        self._marks = deque[tuple[float, int]](maxlen=_MARKS)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Beat once, then go on. Raises `SQLAlchemyError` if the primary cannot be asked."""
        self.beat()
        self._thread.start()

    def stop(self) -> None:
        """End; does nothing if it was never started."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def beat(self) -> None:
        """Ask the primary. Raises `SQLAlchemyError`."""
        with self._read() as connection:
            asked = self._monotonic()
            seconds, written = connection.execute(_QUERY).one()
            answered = self._monotonic()
        time = datetime.fromtimestamp(float(seconds), UTC)
        self._told = time, (asked + answered) / 2
        self._marks.append((asked, int(written)))

    def now(self) -> datetime:
        """The primary's time, aware."""
        if self._told is None:
            self.beat()
        assert self._told is not None  # noqa: S101 - a beat told
        time, at = self._told
        return time + timedelta(seconds=self._monotonic() - at)

    def seconds_behind(self, replayed: int) -> float:
        """How long ago the primary had written no more than `replayed`; infinite if not known."""
        now = self._monotonic()
        return min(
            (now - at for at, written in list(self._marks) if written <= replayed),
            default=float("inf"),
        )

    def _run(self) -> None:
        well = True
        while not self._stopped.wait(_SECONDS):
            try:
                self.beat()
            except (SQLAlchemyError, Damaged) as error:
                if well:
                    log.failure(error, "the database does not tell its time, the last one goes on")
                well = False
            else:
                well = True
