"""A PostgreSQL cluster of the tests' own: a real server, on a socket in a temporary folder.

The server refuses to run as root: then it runs as `postgres`, or as `nobody`.
"""

import atexit
import getpass
import itertools
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import psycopg
import pytest
from patience import PATIENCE
from psycopg.conninfo import conninfo_to_dict

_COUNTER = itertools.count()
_WAYS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _bin(name):
    found = shutil.which(name, path=os.pathsep.join(map(str, _WAYS)) or None)
    return found or shutil.which(name)


def _user():
    """The user to become, or None to stay who we are."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class Cluster:
    """A running server; `database()` makes an empty database on it.

    `durable`: what is committed survives a power cut. No test cuts the power, and one that kills
    a process needs no disk that was waited for; a bench measures what users have.
    """

    def __init__(self, *, durable=False):
        # Short: a socket's path has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="mm-pg-", dir=_short()))
        patient = {**os.environ, "PGCTLTIMEOUT": str(int(PATIENCE))}
        self._as = {"user": _user(), "cwd": self.folder, "capture_output": True, "env": patient}
        data = self.folder / "data"
        data.mkdir()
        if self._as["user"]:
            for path in (self.folder, data):
                shutil.chown(path, self._as["user"])
        self.role = self._as["user"] or getpass.getuser()
        common = ("--encoding=UTF8", "--locale=C", "--auth=trust", "--no-sync")
        subprocess.run([_bin("initdb"), "-D", data, *common], check=True, **self._as)
        quick = "" if durable else " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        options = f"-k {self.folder} -c listen_addresses={quick}"
        command = [_bin("pg_ctl"), "-D", data, "-w", "-o", options, "-l", self.folder / "log"]
        # Its output must not be held: the server would keep the pipe open.
        quiet = self._as | {"capture_output": False, "stdout": subprocess.DEVNULL}
        subprocess.run([*command, "start"], check=True, **quiet)

    def stop(self):
        stop = [_bin("pg_ctl"), "-D", self.folder / "data", "-m", "immediate", "-w", "stop"]
        subprocess.run(stop, check=False, **self._as)
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, like=None):
        """The URL of a new database: empty, or like that of the URL `like`, which nobody uses."""
        name = f"t{next(_COUNTER)}"
        mould = f" TEMPLATE {conninfo_to_dict(like)['dbname']}" if like else ""
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}{mould}")
        return self._url(name)

    def _url(self, name):
        return f"postgresql://{self.role}@/{name}?host={self.folder}"


def _short():
    return "/tmp" if os.name == "posix" else None


def missing():
    """Why there can be no cluster, or None."""
    names = [name for name in ("initdb", "pg_ctl") if _bin(name) is None]
    return f"{', '.join(names)} not found: install Debian's postgresql" if names else None


def waits(address):
    """Whether somebody waits for a lock."""
    with psycopg.connect(address, autocommit=True) as connection:
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return connection.execute(query).fetchone()[0] > 0


@cache
def cluster(*, durable=False):
    """This process's cluster, stopped at its end. Skips the test if there can be none."""
    if reason := missing():
        pytest.skip(reason)
    made = Cluster(durable=durable)
    atexit.register(made.stop)
    return made
