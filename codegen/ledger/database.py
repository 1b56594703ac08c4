"""The database under the ledger, a SQLite file or a PostgreSQL database: its doors.

`writing` is a write transaction that holds the head lock from its first statement on, `reading` a
consistent snapshot. Every database error leaves here as a `MintmarkError`.
"""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from ..errors import EnvironmentFailure, IntegrityError, MintmarkError, Refused
from . import _copy, _moved, _postgresql, _shape, _sqlite, _tables, grants
from ._columns import BRING_BACK
from ._failures import CANNOT_SHARE, Unwritable, errors
from .place import LedgerPlace

__all__ = ["CANNOT_SHARE", "Unwritable", "errors"]

# Ordered: a ledger at a later revision than SCHEMA was made by a newer version.
SCHEMA = "0013"
_VERSION = "alembic_version"
_REVISION = re.compile(r"\d{4}", re.ASCII)
_VERSION_TABLE = f"""
CREATE TABLE {_VERSION} (
\tversion_num VARCHAR(32) NOT NULL,
\tCONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""
WAIT = 15.0  # seconds to wait for another process's transaction
in_memory, touch, check_file, use_wal = (
    _sqlite.in_memory,
    _sqlite.touch,
    _sqlite.check_file,
    _sqlite.use_wal,
)


def connect(place: LedgerPlace, wait: float = WAIT) -> Engine:
    """An engine for the ledger at `place`; no transaction waits longer than `wait` seconds."""
    if isinstance(place, Path):
        return _sqlite.connect(place, wait)
    return _postgresql.connect(place, wait)


def is_shared(engine: Engine) -> bool:
    """Whether it is a database that stations share."""
    return engine.dialect.name == "postgresql"


@contextlib.contextmanager
def writing(engine: Engine, *, schema: str | None = SCHEMA) -> Iterator[Connection]:
    """One write transaction, holding the head lock from its first statement.

    On PostgreSQL it raises `LedgerAway` for a ledger whose schema is not `schema`, and
    `CommitUnknown` if the answer to COMMIT was lost.
    """
    opened = _postgresql.writing(engine, schema) if is_shared(engine) else _sqlite.writing(engine)
    with _or_moved(engine), opened as connection:
        yield connection


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent snapshot."""
    with _or_moved(engine), errors(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def _or_moved(engine: Engine) -> Iterator[None]:
    """Where tables are not as they were, or marked as moved: `LedgerMoved`, which says whither."""
    try:
        yield
    except (IntegrityError, _moved.LedgerMoved) as error:
        try:
            with errors(engine), engine.connect() as connection, connection.begin():
                _moved.refuse_departed(connection)
        except _moved.LedgerMoved as moved:
            raise moved from None
        except MintmarkError:
            raise error from None
        raise


# --- schema --------------------------------------------------------------------------


def create_schema(connection: Connection) -> None:
    """The tables of `SCHEMA` in an empty database; a test holds them to the migrations."""
    _tables.metadata.create_all(connection)
    connection.exec_driver_sql(_VERSION_TABLE)
    connection.exec_driver_sql(f"INSERT INTO {_VERSION} VALUES ('{SCHEMA}')")  # noqa: S608 - constants


class NoLedger(IntegrityError):
    """A file or a database that no ledger is in."""


def refuse_taken(engine: Engine) -> None:
    """Raises `Refused` unless the shared database is empty: it belongs to one home."""
    with reading(engine) as connection:
        _refuse_tables(connection)


def make_shared(connection: Connection) -> None:
    """`create_schema` in a shared database, and what guards its events.

    Raises `Refused` unless the database is empty.
    """
    _refuse_tables(connection)
    create_schema(connection)
    for statement in grants.guards():
        connection.exec_driver_sql(statement)


def _refuse_tables(connection: Connection) -> None:
    if any(inspect(connection).get_table_names()):
        raise Refused(
            "the database holds tables already, and nothing was changed",
            "give every home an empty database of its own",
        )


def clock(engine: Engine) -> datetime | None:
    """What the time is for a database that is shared; None for a file."""
    if not is_shared(engine):
        return None
    with reading(engine) as connection:
        return clock_of(connection)


def clock_of(connection: Connection) -> datetime | None:
    """The same, asked in a transaction."""
    if not is_shared(connection.engine):
        return None
    # now() would be when the transaction began.
    now: datetime | None = connection.exec_driver_sql("SELECT clock_timestamp()").scalar()
    return now and now.astimezone(UTC)


def bring_up_to_date(engine: Engine) -> None:
    """Migrate an older schema of a file, in a single transaction.

    Raises `EnvironmentFailure` for a newer schema, `IntegrityError` for a file that is no
    ledger, or whose tables are not those of its revision.
    """
    with reading(engine) as connection:
        found = revision(connection)
        _moved.refuse(found)
        current = _shape.described(connection) == _shape.SHAPE
    if (found == SCHEMA) != current and (found == SCHEMA or _differ_by_a_bit(found)):
        raise IntegrityError("the ledger's tables are not as this version made them", BRING_BACK)
    if found == SCHEMA:
        return
    if found > SCHEMA:
        raise EnvironmentFailure(
            "this ledger was made by a newer version of mintmark",
            "install that version, or a later one; nothing was changed",
        )
    # Alembic costs as much start-up as everything else together.
    from .migrations.upgrade import upgrade

    with writing(engine) as connection:
        upgrade(connection)


def upgrade_shared(engine: Engine) -> tuple[str, str]:
    """Migrate a shared ledger's older schema; (revision before, revision now).

    In one transaction under the head lock: stations that write meanwhile wait, and then find a
    schema that is not theirs. Raises as `check_schema`, but not for an older schema.
    """
    with reading(engine) as connection:
        found = revision(connection)
    if found < SCHEMA:
        from .migrations.upgrade import upgrade

        with writing(engine, schema=None) as connection:
            found = revision(connection)  # whoever waited for the lock finds it done
            upgrade(connection)
    check_schema(engine)
    return found, SCHEMA


def check_schema(engine: Engine) -> None:
    """Raises `LedgerAway` for another schema than this program's in a database that is shared.

    Nothing is migrated: other stations, with an older program, may be at work in it.
    """
    with reading(engine) as connection:
        _postgresql.refuse_other(revision(connection), SCHEMA)


def revision(connection: Connection) -> str:
    """The revision of a ledger. Raises `IntegrityError`, `NoLedger` for what names none."""
    if not inspect(connection).has_table(_VERSION):
        raise NoLedger(f"the {_what(connection)} is no ledger", *_NO_LEDGER[_what(connection)])
    found = connection.exec_driver_sql(f"SELECT version_num FROM {_VERSION}").scalars().all()  # noqa: S608
    if len(found) != 1 or type(found[0]) is not str or _REVISION.fullmatch(found[0]) is None:
        raise IntegrityError("the ledger names a revision that is none", BRING_BACK)
    return found[0]


_NO_LEDGER = {
    "file": (BRING_BACK,),
    "database": ("see [ledger] url in mintmark.toml: is it the database of this home?", BRING_BACK),
}


def _what(connection: Connection) -> str:
    return "file" if connection.dialect.name == "sqlite" else "database"


def _differ_by_a_bit(found: str) -> bool:
    pairs = zip(found.encode(), SCHEMA.encode(), strict=True)
    return sum((one ^ other).bit_count() for one, other in pairs) == 1


def readable_copy(path: Path) -> Engine | None:
    """The ledger at `path` in memory, at the newest revision; None if it cannot be had."""
    import sqlite3

    if _sqlite.is_open(path):
        return None  # as in `check_file`
    data = _copy.bytes_of(path)
    if data is None or not hasattr(sqlite3.Connection, "deserialize"):
        return None
    engine, connection = _copy.to_migrate(data)
    _sqlite.prepare(engine, ())
    bring_up_to_date(engine)
    data = connection.serialize()
    engine.dispose()
    engine = _copy.to_read(data)
    _sqlite.prepare(engine, ())
    return engine
