"""`backend serve`: the reference backend, beside the local home."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..codegen.call import Call
from ..codegen.errors import Refused, UsageError
from ..codegen.result import Result
from ..codegen.station.keys import read_fingerprint_key
from ..codegen.station.publish import write_atomically
from .connect import ANNOUNCEMENT

if TYPE_CHECKING:
    from sqlalchemy import URL

LOOPBACK = ("127.0.0.1", "::1", "localhost")
DATABASE = "MINTMARK_BACKEND_DATABASE"


@dataclass(frozen=True)
class Where:
    """Where a backend keeps its books and listens: the command's options."""

    data: Path | None
    database: str | None
    host: str
    port: int
    workers: int


@dataclass(frozen=True)
class Served(Result):
    """The backend has stopped."""

    url: str

    def lines(self) -> Iterator[str]:
        """One line."""
        yield f"stopped serving {self.url}"


def serve(call: Call, where: Where, *, trust_home: bool, fingerprint_key: Path | None) -> Served:
    """Serve until SIGTERM or Ctrl-C; says where on stderr.

    Raises `UsageError` without a place for the books or a fingerprint key, `Refused` where
    another address than loopback would trust whoever asks.
    """
    if trust_home and where.host not in LOOPBACK:
        raise Refused(
            f"on {where.host} anyone could send orders: request signing is not built yet",
            "serve on 127.0.0.1, or behind a proxy that knows who may order",
        )
    from .backend.serve import Server, Settings

    database = _database(where)
    key_file, announcement = _key(call, trust_home=trust_home, fingerprint_key=fingerprint_key)
    read_fingerprint_key(key_file)  # what is wrong with it is told here, and once

    def ready(url: str) -> None:
        if announcement is not None:
            write_atomically(announcement, json.dumps({"url": url}).encode("ascii"))
        books = where.data if where.database is None else "PostgreSQL"
        call.say(f"serving {url} from {books}; stop it with Ctrl-C")

    key = partial(read_fingerprint_key, key_file)
    settings = Settings(database, key, trust_loopback=trust_home, now=call.now)
    server = Server(where.host, where.port, settings, workers=where.workers, ready=ready)
    try:
        server.run()
    finally:
        if announcement is not None:
            announcement.unlink(missing_ok=True)
    return Served(server.url)


def _database(where: Where) -> "URL":
    """Raises `UsageError` for neither place or both, and for a password where anyone reads it."""
    from .backend.database import postgresql_url, sqlite_url

    if where.database is not None:
        url = postgresql_url(where.database)
        if url.password:
            raise UsageError(
                "a password in an argument is read by everybody on this machine",
                f"put the URL into {DATABASE}, or the password into ~/.pgpass",
            )
    named = where.database or os.environ.get(DATABASE)
    if where.data is not None and where.database is None:
        return sqlite_url(where.data.absolute())
    if named is None or where.data is not None:
        raise UsageError(
            "the backend's books are in one place", "give --data DIR or --database URL"
        )
    return postgresql_url(named)


def _key(call: Call, *, trust_home: bool, fingerprint_key: Path | None) -> tuple[Path, Path | None]:
    """The fingerprint key's file, and where the home is told of the backend."""
    if fingerprint_key is not None:
        return fingerprint_key, None
    if not trust_home:
        raise UsageError(
            "without the home, the backend needs the fingerprint key",
            "give --fingerprint-key F, a copy of the home's keys/fingerprint.key",
        )
    home = call.station().home
    return home / "keys" / "fingerprint.key", home / ANNOUNCEMENT
