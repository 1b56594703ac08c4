"""Damage of the backend's database: what shows it, and what is looked at before serving.

SQLite notices a broken page, and a text that is none. What it holds may still be nonsense: a
state that there is not, an answer that is no JSON, tiles with a gap. Whatever of that is met
within a transaction ends it, and nothing of it is kept (`Damaged`).
"""

import sqlite3
import time
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, NoResultFound

COPY: Final = "bring the backend's folder, or its database, back from your copy"
# What our own code raises over a stored value that nobody wrote. Requests are checked before.
NONSENSE: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
# Small tables on which everything hangs: orders are applied once, batches are told apart.
_VITAL: Final = (
    *("orders", "aggregations", "batches", "standings", "tiles", "links", "heads", "rules"),
    "alembic_version",
)
# The last: a table or column is not there, or has another name.
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_SECONDS: Final = 10.0  # for the whole file: it may be gigabytes


class Damaged(Exception):
    """The database holds what was never written. Quotes nothing of it."""


def is_damage(error: BaseException) -> bool:
    """Whether an error of the database says that its file is damaged."""
    if isinstance(error, (Damaged, NoResultFound)):
        return True
    cause = getattr(error, "orig", None) if isinstance(error, DBAPIError) else error
    if not isinstance(cause, sqlite3.Error):
        return False
    # The driver itself raises errors without a code: over a text that is no UTF-8.
    code = getattr(cause, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _DAMAGE


def look_at(connection: Connection) -> None:
    """Raises `Damaged` if SQLite finds a fault: in the vital tables, then anywhere.

    The second part ends after some seconds: a large database begins to serve all the same.
    """
    if connection.dialect.name != "sqlite":
        return
    for table in _VITAL:
        _ask(connection, f"PRAGMA integrity_check({table})")
    driver: Any = connection.connection.driver_connection
    deadline = time.monotonic() + _SECONDS
    driver.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    try:
        _ask(connection, "PRAGMA integrity_check(1)")
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) != sqlite3.SQLITE_INTERRUPT:
            raise
    finally:
        driver.set_progress_handler(None, 0)


def _ask(connection: Connection, pragma: str) -> None:
    if [row[0] for row in connection.exec_driver_sql(pragma)] != ["ok"]:
        raise Damaged
