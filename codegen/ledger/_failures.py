"""Database errors in our words. Nothing of a statement or its parameters is quoted."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from ..errors import EnvironmentFailure, IntegrityError, MintmarkError
from . import _postgresql_failures
from ._columns import BRING_BACK
from .place import shown

# Write-ahead logging needs a file mapped into the memory of several processes, and its locks.
CANNOT_SHARE = (
    *(sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_SHMLOCK, sqlite3.SQLITE_IOERR_LOCK),
    *(sqlite3.SQLITE_IOERR_RDLOCK, sqlite3.SQLITE_IOERR_UNLOCK),
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
)
_LITTLE = 1_000_000  # bytes: with less room SQLite cannot make the files it needs


class Unwritable(EnvironmentFailure):
    """Nothing can be written where the ledger lies; it may be read all the same."""


@contextlib.contextmanager
def errors(engine: Engine | None = None) -> Iterator[None]:
    """Database errors as ours; `engine` is that of the ledger, whose place they may concern."""
    if engine is not None and engine.dialect.name == "postgresql":
        with _errors_of_postgresql(engine):
            yield
        return
    file = None if engine is None else engine.url.database
    path = None if file is None else Path(file)
    try:
        yield
    except DBAPIError as error:
        raise translated(error.orig, path) from None
    except sqlite3.Error as error:
        raise translated(error, path) from None
    except UnicodeDecodeError:
        # Python cannot even say what SQLite says: it quotes bytes of a damaged schema.
        raise translated(sqlite3.DatabaseError(), path) from None


@contextlib.contextmanager
def _errors_of_postgresql(engine: Engine) -> Iterator[None]:
    where = shown(engine.get_execution_options()["place"])
    try:
        yield
    except DBAPIError as error:
        raise _postgresql_failures.translated(
            error.orig or error, invalidated=error.connection_invalidated, where=where
        ) from None
    except engine.dialect.loaded_dbapi.Error as error:
        raise _postgresql_failures.translated(error, where=where) from None
    except PendingRollbackError:
        raise _postgresql_failures.away(where) from None
    except IntegrityError as error:
        if BRING_BACK not in error.hints:
            raise
        hints = (
            _postgresql_failures.BACKUP if hint == BRING_BACK else hint for hint in error.hints
        )
        raise type(error)(error.message, *hints, **error.details) from None


def translated(error: BaseException | None, path: Path | None) -> Exception:
    """`error` of SQLite's as ours; `path` is the ledger's, if it is a file."""
    exact = getattr(error, "sqlite_errorcode", 0)
    for codes, kind, message, hint in _ERRORS:
        if exact in codes or exact & 0xFF in codes:
            if kind is Unwritable and path is not None:
                return unwritable(path, message, hint)
            return kind(f"{message}; nothing was changed", hint)
    # These two are of our making; whatever else SQLite says, it says of what it read.
    ours = (sqlite3.ProgrammingError, sqlite3.InterfaceError)
    if isinstance(error, sqlite3.Error) and not isinstance(error, ours):
        return IntegrityError(f"{_DAMAGED}; nothing was changed", BRING_BACK)
    return error if isinstance(error, Exception) else RuntimeError("database error")


def unwritable(path: Path, message: str, hint: str) -> Unwritable:
    """Why nothing can be written at `path`: SQLite says of all these that it cannot open."""
    for ask, known, todo in (
        (_is_full, _FULL, _MAKE_ROOM),
        (_is_read_only, "the disk under the ledger is read-only", "mount it for writing"),
    ):
        if ask(path.parent):
            message, hint = known, f"{todo}, then repeat the command"
    return Unwritable(f"{message}; nothing was changed", hint)


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < _LITTLE


def _is_read_only(folder: Path) -> bool:
    return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


_FULL, _MAKE_ROOM = "the disk under the ledger is full", "make room"
_DAMAGED = "the ledger file is damaged, or no ledger"
_ERRORS: tuple[tuple[tuple[int, ...], type[MintmarkError], str, str], ...] = (
    (
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL),
        EnvironmentFailure,
        "the ledger is locked by another mintmark process",
        "let it finish, then repeat the command",
    ),
    (
        # The last two: the file of shared memory was made, and does not grow.
        (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMOPEN),
        Unwritable,
        _FULL,
        f"{_MAKE_ROOM}, then repeat the command",
    ),
    (
        (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM),
        Unwritable,
        "the ledger's file or folder cannot be written",
        "give this user write permission to the home folder, then repeat the command",
    ),
    # Before the disk's own failures: these are what a file system cannot do at all.
    (
        CANNOT_SHARE,
        EnvironmentFailure,
        "this file system cannot hold a ledger: it shares no memory, or keeps no locks",
        "choose a local disk for the home: --home DIR; see docs/file-systems.md",
    ),
    (
        (sqlite3.SQLITE_IOERR,),
        EnvironmentFailure,
        "the disk under the ledger failed",
        "check the disk and this user's quota, then: mintmark doctor",
    ),
    (
        (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT),
        IntegrityError,
        _DAMAGED,
        BRING_BACK,
    ),
    # A table or column that is not there: someone was in the database by hand.
    (
        (sqlite3.SQLITE_ERROR,),
        IntegrityError,
        "the ledger's tables are not as this version made them",
        BRING_BACK,
    ),
)
