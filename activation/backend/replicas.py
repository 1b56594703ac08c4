"""Reading pages of the market from PostgreSQL's replicas, which are a moment behind.

Only what decides nothing: unknown, refused and repeated scans, regions, scan-ins. A replica is
asked if it holds all that the primary had written `replica_seconds` ago; else, or if it fails, or
refuses what the primary may know, the primary is.

| at the replica | what follows |
| --- | --- |
| it cannot be reached, or a page fails | the primary, also for the next `_REST` seconds |
| it is too far behind, or its lag is not known | the primary |
| a batch is not known to it yet | the primary, which may know it |
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from . import log, postgresql
from .damage import Damaged
from .problems import Problem
from .pulse import Pulse, Read

_REST: Final = 10.0  # seconds
_QUERY: Final = text(
    "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
    " ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn"
)
T = TypeVar("T")


class Replicas:
    """Copies of one database, at `urls`. Close them when done. Safe to share between threads."""

    def __init__(
        self,
        urls: Sequence[URL],
        primary: Read,
        pulse: Pulse,
        seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._replicas = [_Replica(url) for url in urls]
        self._primary = primary
        self._pulse = pulse
        self._seconds = seconds
        self._monotonic = monotonic
        self._turn = 0

    def read(self, page: Callable[[Connection], T]) -> T:
        """`page`, read at one moment of a replica or the primary. Raises what it raises there."""
        for replica in self._next():
            try:
                with replica.read() as connection:
                    replayed = int(connection.execute(_QUERY).scalar_one())
                    if self._pulse.seconds_behind(replayed) <= self._seconds:
                        return page(connection)
            except Problem:
                break
            except (SQLAlchemyError, Damaged) as error:
                replica.rests_until = self._monotonic() + _REST
                log.failure(error, "a replica did not answer, the primary does")
        with self._primary() as connection:
            return page(connection)

    def close(self) -> None:
        """Close every connection."""
        for replica in self._replicas:
            replica.close()

    def _next(self) -> "list[_Replica]":
        """Those that do not rest, each time beginning with another."""
        now, self._turn = self._monotonic(), self._turn + 1
        count = len(self._replicas)
        turned = [self._replicas[(self._turn + n) % count] for n in range(count)]
        return [replica for replica in turned if replica.rests_until <= now]


class _Replica:
    def __init__(self, url: URL) -> None:
        self._engine: Engine = postgresql.engine(url)
        self.rests_until = float("-inf")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A view of a single moment."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
