"""A ledger that went elsewhere, or is on its way here: marks that every version obeys.

Two revisions that no version of this program has stand where a schema's revision stands:

| `alembic_version` | means |
| --- | --- |
| `9990` | a move into this ledger has not ended: its rows may be half of the truth |
| `9991` | the ledger went elsewhere; the table `moved` says where, and its head |

An older program takes both for a ledger made by a newer version, and opens neither. With `9991`
every table is called `moved_…`: a process that has the ledger open since before, of whatever
version, finds no table to read or to write. Both are set in the transaction that they are about,
and so with it or not at all.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from ..errors import EnvironmentFailure, IntegrityError
from . import _events, _tables
from ._columns import BRING_BACK

ARRIVING, MOVED = "9990", "9991"
LOCAL = "local"
_VERSION = "alembic_version"
PREFIX = "moved_"
_NOTE = "CREATE TABLE moved (target TEXT NOT NULL, seq BIGINT NOT NULL, hash TEXT NOT NULL)"


class LedgerMoved(EnvironmentFailure):
    """The ledger went elsewhere: whoever writes here would fork the books.

    No `OutOfReach`: nothing comes back by waiting.
    """


@dataclass(frozen=True)
class Departed:
    """Where a ledger went: `local`, or the address of a database; and the head it had."""

    target: str
    seq: int
    hash: str


def refuse(found: str) -> None:
    """Raises `LedgerMoved` if `found`, a revision, says that this is nobody's ledger now."""
    if found == ARRIVING:
        raise LedgerMoved(
            "a move of the ledger into this database has not ended",
            "at the home that it comes from, run the same command again: mintmark ledger move",
        )
    if found == MOVED:
        raise LedgerMoved("the ledger has moved", "see [ledger] in mintmark.toml")


def refuse_departed(connection: Connection) -> None:
    """The same, for a ledger that went elsewhere, and says whither."""
    if revision(connection) == MOVED:
        target = departed(connection).target
        raise LedgerMoved(f"the ledger has moved{_whither(target)}", *_hints(target))


def _whither(target: str) -> str:
    return ": it is a file of a single home again" if target == LOCAL else f" to {target}"


def _hints(target: str) -> tuple[str, str]:
    if target == LOCAL:
        return (
            "work at the home that it went to; this station was retired by the move",
            f"if that is this home: mintmark ledger move --to {LOCAL}, which ends the move",
        )
    return (
        f"end the move, at this home: mintmark ledger move --to {target}",
        "an older copy of this home, or of mintmark.toml, was brought back: bring the newest back",
    )


def revision(connection: Connection) -> str | None:
    """The revision that the ledger says it is at; None without a ledger."""
    if not inspect(connection).has_table(_VERSION):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSION}"))  # noqa: S608 - a constant
    return found


def departed(connection: Connection) -> Departed:
    """Where the ledger of `connection` went. Raises `IntegrityError` if it does not say."""
    rows = connection.execute(text("SELECT target, seq, hash FROM moved")).all()
    if len(rows) != 1:
        raise IntegrityError("the moved ledger does not say where it went", BRING_BACK)
    return Departed(*rows[0])


def depart(connection: Connection, target: str) -> Departed:
    """Make this ledger nobody's, within the transaction of `connection`: it went to `target`."""
    gone = Departed(target, *_events.head(connection))
    connection.execute(text(_NOTE))
    connection.execute(text("INSERT INTO moved VALUES (:target, :seq, :hash)"), vars(gone))
    for name in _tables.metadata.tables:
        connection.execute(text(f"ALTER TABLE {name} RENAME TO {PREFIX}{name}"))
    revise(connection, MOVED)
    return gone


def revise(connection: Connection, revision: str) -> None:
    """Let the ledger say that it is at `revision`."""
    statement = text(f"UPDATE {_VERSION} SET version_num = :revision")  # noqa: S608 - a constant
    connection.execute(statement, {"revision": revision})
