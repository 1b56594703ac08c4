"""PostgreSQL of the tests' own: real servers on sockets in temporary folders.

The server refuses to run as root: then it runs as `postgres`, or as `nobody`.
"""

import atexit
import getpass
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import psycopg
import pytest
from patience import PATIENCE
from psycopg.conninfo import conninfo_to_dict

_COUNTER = itertools.count()
# Chinese as ICU sorts it, and hyphens passed over: `li-print` comes after `liam-print`, where bytes
# and SQLite have it before. A server with such a database is nothing rare.
SHIFTED = "zh-u-ka-shifted"
_WAYS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _bin(name):
    found = shutil.which(name, path=os.pathsep.join(map(str, _WAYS)) or None)
    return found or shutil.which(name) or shutil.which(name, path="/usr/sbin")


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
    `tcp`: it listens on 127.0.0.1 too, at a free port, for whoever stands between as a proxy.
    """

    def __init__(self, *, durable=False, tcp=False):
        self._prepare()
        data = self.folder / "data"
        data.mkdir()
        self._given(data)
        common = ("--encoding=UTF8", "--locale=C", "--auth=trust", "--no-sync")
        self._do("initdb", "-D", data, *common)
        # What a session may choose stands in the file, so that it can choose.
        quick = "" if durable else "synchronous_commit = off\n"
        with (data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(quick)
        self._start(durable=durable, tcp=tcp)

    def _prepare(self):
        # Short: a socket's path has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="mm-pg-", dir=_short()))
        patient = {**os.environ, "PGCTLTIMEOUT": str(int(PATIENCE))}
        self._as = {"user": _user(), "cwd": self.folder, "capture_output": True, "env": patient}
        self._given(self.folder)
        self.role = self._as["user"] or getpass.getuser()

    def _given(self, path):
        if self._as["user"]:
            shutil.chown(path, self._as["user"])

    def _do(self, name, *words):
        subprocess.run([_bin(name), *words], check=True, **self._as)

    def _start(self, *, durable, tcp):
        self.port = _free_port() if tcp else 5432
        quick = "" if durable else " -c fsync=off -c full_page_writes=off"
        listen = "127.0.0.1" if tcp else ""
        options = f"-k {self.folder} -c listen_addresses={listen} -c port={self.port}{quick}"
        data = self.folder / "data"
        command = [_bin("pg_ctl"), "-D", data, "-w", "-o", options, "-l", self.folder / "log"]
        # Its output must not be held: the server would keep the pipe open.
        quiet = self._as | {"capture_output": False, "stdout": subprocess.DEVNULL}
        subprocess.run([*command, "start"], check=True, **quiet)

    def run(self, name, *words):
        """Run one of PostgreSQL's programs, or of the system's, as the one who runs the server."""
        # Its output must not be held: a server that it starts would keep the pipe open.
        quiet = {"capture_output": False, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        subprocess.run([_bin(name) or name, *words], check=True, **self._as | quiet)

    def restart(self, *settings):
        """Start the server anew, with more lines in its settings, and all that it needs there."""
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "fast", "-w", "stop")
        own = (f"unix_socket_directories = '{self.folder}'", "listen_addresses = ''", "fsync = off")
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\n".join([*own, *settings, ""]))
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "start")

    def crash(self):
        """End the server at once, its folder left; again for one that has ended does nothing."""
        stop = [_bin("pg_ctl"), "-D", self.folder / "data", "-m", "immediate", "-w", "stop"]
        subprocess.run(stop, check=False, **self._as)

    def stop(self):
        self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, like=None, sorted_as=None):
        """The URL of a new database: empty, or like that of the URL `like`, which nobody uses.

        `sorted_as`: an ICU locale for its texts, as `SHIFTED`; otherwise bytes decide.
        """
        name = f"t{next(_COUNTER)}"
        mould = f" TEMPLATE {conninfo_to_dict(like)['dbname']}" if like else ""
        if sorted_as:
            mould = f" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE '{sorted_as}'"
        self.execute(f"CREATE DATABASE {name}{mould}")
        return self.url(name)

    def url(self, name, role=None):
        """The URL of the database `name`, for a role of the server."""
        port = "" if self.port == 5432 else f"&port={self.port}"
        return f"postgresql://{role or self.role}@/{name}?host={self.folder}{port}"

    def execute(self, statement, database="postgres"):
        """Run a statement as the one to whom the server belongs; its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def new_role(self, *, inherits=None):
        """The name of a new role that may log in, and may do what the role `inherits` may."""
        name = f"r{next(_COUNTER)}"
        member = f" IN ROLE {inherits}" if inherits else ""
        self.execute(f"CREATE ROLE {name} LOGIN{member}")
        return name


class Standby(Cluster):
    """A streaming copy of `primary`, which waits with each commit until it is applied here.

    `promote()` makes it the primary, once nobody can write to the old one any more.
    """

    def __init__(self, primary, *, tcp=False):
        self._primary = primary
        self._prepare()
        data, name = self.folder / "data", "mintmark_standby"
        origin = f"host={primary.folder} port={primary.port} user={primary.role}"
        copy = ("--checkpoint=fast", "--no-sync", "--write-recovery-conf")
        self._do("pg_basebackup", "-D", data, "-d", f"{origin} application_name={name}", *copy)
        self._start(durable=False, tcp=tcp)
        primary.execute("ALTER SYSTEM SET synchronous_commit = remote_apply")
        primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        primary.execute("SELECT pg_reload_conf()")
        self._until_synchronous()

    def _until_synchronous(self):
        end = time.monotonic() + PATIENCE
        query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        while self._primary.execute(query) != [(1,)]:
            assert time.monotonic() < end, "no standby follows"
            time.sleep(0.01)

    def promote(self):
        """Fence the old primary, which ends at once, and take its place."""
        self._primary.crash()
        self._do("pg_ctl", "-D", self.folder / "data", "-w", "promote")


class Bouncer:
    """pgbouncer in transaction mode before `cluster`; `url()` is what its clients use.

    It knows the roles that there are when it is made.
    """

    def __init__(self, cluster, *, pool=4):
        self._cluster = cluster
        self.folder = Path(tempfile.mkdtemp(prefix="mm-pb-", dir=_short()))
        users = self.folder / "users.txt"
        roles = cluster.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin")
        users.write_text("".join(f'"{role}" ""\n' for (role,) in roles), "utf-8")
        settings = self.folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host={cluster.folder} port={cluster.port}\n"
            f"[pgbouncer]\npool_mode = transaction\ndefault_pool_size = {pool}\n"
            f"unix_socket_dir = {self.folder}\nlisten_port = 5432\n"
            f"auth_type = trust\nauth_file = {users}\n",
            "utf-8",
        )
        user = _user()
        for path in (self.folder, users, settings):
            if user:
                shutil.chown(path, user)
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [_bin("pgbouncer"), settings], user=user, cwd=self.folder, stdout=log, stderr=log
            )
        listens, end = self.folder / ".s.PGSQL.5432", time.monotonic() + PATIENCE
        while not listens.exists():
            assert self._process.poll() is None, (self.folder / "log").read_text("utf-8")
            assert time.monotonic() < end, "pgbouncer does not listen"
            time.sleep(0.01)

    def url(self, direct):
        """The URL by way of pgbouncer of what `direct` is the URL of."""
        known = conninfo_to_dict(direct)
        return f"postgresql://{known['user']}@/{known['dbname']}?host={self.folder}"

    def stop(self):
        self._process.terminate()
        self._process.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)


def _short():
    return "/tmp" if os.name == "posix" else None


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as made:
        return made.getsockname()[1]


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


@cache
def bouncer():
    """This process's pgbouncer, before its cluster; stopped at its end, and before the cluster."""
    before = cluster()
    if _bin("pgbouncer") is None:
        pytest.skip("pgbouncer not found: install Debian's pgbouncer")
    made = Bouncer(before)
    atexit.register(made.stop)
    return made
