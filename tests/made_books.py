"""Empty books of a backend, their tables made once and then copied: tests make hundreds of them.

Those that are about making them ask for none of these.
"""

import tempfile
from functools import cache
from pathlib import Path

import postgres_kit

from mintmark.activation.backend.database import postgresql_url, sqlite_url
from mintmark.activation.backend.store import Store


def sqlite(folder):
    """The URL of the books in `folder`, which are made if it holds none."""
    url = sqlite_url(folder)
    path = Path(url.database)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(_bytes())
        path.chmod(0o600)
    return url


def postgresql():
    """The URL of books of their own in this process's cluster."""
    return postgresql_url(postgres_kit.cluster().database(like=_mould()))


@cache
def _bytes():
    with tempfile.TemporaryDirectory() as folder:
        url = sqlite_url(Path(folder))
        Store(url).close()
        return Path(url.database).read_bytes()


@cache
def _mould():
    found = postgres_kit.cluster().database()
    Store(postgresql_url(found)).close()
    return found
