"""Runs commands of mintmark, each in a process of its own, without starting Python each time.

Run as a script, it imports the program once, takes a job per line, forks for it, and answers when
that process has ended.

A job: words, folder, env; stdin (text); streams (of 0, 1, 2 the ones that are "closed", "null" or
"full"); die (the number or the name of the point at which it kills itself); still (the name of the
point at which it stands still, until somebody lets it go on); clock (the time of day, RFC 3339, or
`+120`: seconds that its clock is ahead); prefix_bits (of fingerprints that a mint compares: few, so
that codes meet); whole (its end is that of the interpreter); until (a file after which it is asked
to end).

A point is a failpoint of the product; or where a file in the job's folder is made, opened for
writing, synced, renamed or removed, a transaction committed, a connection made.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

POSIX = hasattr(os, "fork")
DIED = -9  # of SIGKILL
STILL = "still "  # and the process that is
REDRAWN = "redrawn "  # and how many codes, since others booked their like meanwhile
STREAMS = {"0": "stdin", "1": "stdout", "2": "stderr"}
WARM = (
    *("codegen.mint", "codegen.doctor", "codegen.custody", "codegen.recover", "codegen.home"),
    *("packaging.export", "packaging.receipts.receipt", "packaging.receipts.labels"),
    *("activation.delivery.service", "activation.intake.hot_folder", "activation.intake.apply"),
    *("activation.intake.line", "activation.intake.order_and_deliver", "activation.client.client"),
    *("activation.reconcile.reconcile", "activation.monitor.daily", "activation.monitor.sending"),
    *("activation.monitor.trace", "codegen.sealed.vault", "codegen.sealed.make"),
    *("codegen.ledger._trips", "codegen.ledger._wire", "codegen.ledger._patient"),
    *("codegen.sealed.s3_store", "codegen.sealed.probe", "codegen.sealed.stored_run"),
    *("codegen.stations.join", "codegen.stations.admit", "activation.away.drain"),
)
DIALECTS = ("sqlalchemy.dialects.postgresql.psycopg",)
_OLD = []  # the streams before: whoever drops them closes their descriptors


# --- the side of the tests ---------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """A process that ended: by itself, or where it was to die."""

    code: int
    out: str
    err: str
    points: tuple[str, ...]

    @property
    def json(self):
        """What it answered."""
        return json.loads(self.out)

    @property
    def text(self):
        """All it said."""
        return self.out + self.err


class Runner:
    """A warm process; `with` ends it. It does one job at a time: `twin` makes another, warm too."""

    def __init__(self, environment):
        self._told = {**os.environ, **environment}
        self._folder = tempfile.TemporaryDirectory(prefix="mintmark-runner-")

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=self._told,
        )
        return self

    def __exit__(self, *_):
        self._process.communicate()
        self._folder.cleanup()

    def twin(self):
        """Another runner, forked from this one; it ends before this one does."""
        return Twin(self)

    def start(self, words, folder, **job):
        """Give the job; `end` waits for it."""
        at = Path(self._folder.name)
        job |= {"words": list(words), "folder": str(folder), "at": str(at)}
        for name in ("1", "2", "points"):
            (at / name).write_bytes(b"")
        self.tell(job)

    def tell(self, job):
        """Give a job as it is."""
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()

    def end(self):
        """The job's end, which is waited for."""
        code = json.loads(self._process.stdout.readline())
        told = [
            (Path(self._folder.name) / name).read_text("utf-8", "replace") for name in ("1", "2")
        ]
        return Done(code, *told, tuple(self.points()))

    def points(self):
        """The points that the job in progress has passed."""
        return (Path(self._folder.name) / "points").read_text("utf-8").split("\n")[:-1]

    def runs(self):
        """Whether the job in progress has not ended yet; what it ends with is not taken."""
        return not select.select([self._process.stdout], [], [], 0.2)[0]

    def run(self, words, folder, **job):
        """Run a command in `folder` and wait for its end."""
        self.start(words, folder, **job)
        return self.end()


class Twin(Runner):
    """A runner that was forked from another."""

    def __init__(self, other):
        super().__init__({})
        self._other = other

    def __enter__(self):
        at = Path(self._folder.name)
        for name in ("told", "said"):
            os.mkfifo(at / name)
        self._other.tell({"twin": str(at)})
        self._process = SimpleNamespace(
            stdin=(at / "told").open("w", encoding="utf-8"),
            stdout=(at / "said").open(encoding="utf-8"),
        )
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.stdout.read()
        self._process.stdout.close()
        self._folder.cleanup()


# --- the side of the runner --------------------------------------------------------------


def main():
    """Do jobs until stdin ends."""
    for name in WARM:
        importlib.import_module(f"mintmark.{name}")
    for name in DIALECTS:
        importlib.import_module(name)
    _parse_once()
    gc.freeze()
    while line := sys.stdin.readline():
        job = json.loads(line)
        if "twin" in job:
            if os.fork() == 0:
                _be_a_twin(Path(job["twin"]))
            continue
        pid = os.fork()
        if pid == 0:
            _become(job)
        print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])), flush=True)
    os._exit(0)  # some of what was imported complains at the end


def _be_a_twin(at):
    """Take jobs from pipes of our own instead."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, name, flags in ((0, "told", os.O_RDONLY), (1, "said", os.O_WRONLY)):
        opened = os.open(at / name, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - to our end


def _parse_once():
    """Make the tree of commands here, not in each process: it takes longer than most of them."""
    import typer.main

    from mintmark import cli

    whole = cli.program()
    cli.program = lambda _: whole
    typer.main.get_command = functools.cache(typer.main.get_command)
    typer.main.get_command(whole)


def _become(job):
    """Be the process of `job`."""
    os.chdir(job["folder"])
    for name in [name for name in os.environ if name.startswith("MINTMARK_")]:
        del os.environ[name]
    os.environ.update(job.get("env", {}))
    sys.argv = ["mintmark", *job["words"]]
    points = os.open(Path(job["at"]) / "points", os.O_WRONLY | os.O_APPEND)
    points = _high(points)
    _redirect(job)
    _prepare(job, points)
    if until := job.get("until"):
        threading.Thread(target=_end_when, args=(Path(until),), daemon=True).start()
    from mintmark.cli import main as program

    try:
        program()
    except SystemExit as end:
        if job.get("whole"):
            raise
        # The end of the interpreter takes longer than most commands.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)


def _end_when(path):
    """Ask this process to end once a file is there."""
    while not path.exists():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)


def _high(descriptor):
    """A descriptor out of the way: that of a closed stream shall be free."""
    import fcntl

    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 100)
    os.close(descriptor)
    return high


def _redirect(job):
    """Make the three streams new, as the interpreter does when it starts."""
    at, wanted = Path(job["at"]), job.get("streams", {})
    _OLD.extend((sys.stdin, sys.stdout, sys.stderr))
    given = at / "0"
    given.write_text(job.get("stdin", ""), "utf-8")
    names = {"null": os.devnull, "full": "/dev/full"}
    for number, name in STREAMS.items():
        kind = wanted.get(number, str(at / number))
        with contextlib.suppress(OSError):
            os.close(int(number))
        if kind == "closed":
            setattr(sys, name, None)
            continue
        flags = os.O_RDONLY if number == "0" else os.O_WRONLY | os.O_APPEND
        opened = os.open(names.get(kind, kind), flags)
        if opened != int(number):
            os.dup2(opened, int(number))
            os.close(opened)
        os.set_inheritable(int(number), True)
    for number, name in STREAMS.items():
        if wanted.get(number) != "closed":
            mode = "r" if number == "0" else "w"
            more = {} if number != "2" else {"errors": "backslashreplace", "buffering": 1}
            opened = open(int(number), mode, encoding="utf-8", closefd=False, **more)  # noqa: SIM115
            setattr(sys, name, opened)
            setattr(sys, f"__{name}__", opened)


def _prepare(job, log):
    """Weak keys of custodians, the clock, and the points."""
    from mintmark.codegen import invocation
    from mintmark.codegen.station import keys

    keys.INTERACTIVE = keys.FOR_TESTS_ONLY
    if told := job.get("clock"):
        invocation.datetime = _clock(told)
    if bits := job.get("prefix_bits"):
        from mintmark.codegen import mint

        mint.mint.__defaults__ = (bits,)
        _tell_redrawn(log)
    if "die" in job or "still" in job:
        _watch(Path(job["folder"]), job.get("die"), job.get("still"), log)


def _tell_redrawn(log):
    from mintmark.codegen.sealed.make import Making

    redraw = Making.redraw

    def telling(self, serials, *more):
        os.write(log, f"{REDRAWN}{len(serials)}\n".encode())
        redraw(self, serials, *more)

    Making.redraw = telling


def _clock(told):
    class Clock(datetime):
        @classmethod
        def now(cls, zone):
            if told.startswith("+"):
                return datetime.now(zone) + timedelta(seconds=int(told))
            return datetime.fromisoformat(told)

    return Clock


def _passed(point):
    """Run in the place of the product's function: the name is one of its module."""
    passed(point)  # noqa: F821


def _watch(folder, die, still, log):
    """Announce each point; end at that of number or name `die`, stand still at `still` once."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    from mintmark.codegen.station import publish

    reached = 0

    def point(name):
        nonlocal reached, still
        os.write(log, f"{name}\n".encode())
        if die in (reached, name):
            os.kill(os.getpid(), signal.SIGKILL)
        if still == name:
            still = None
            os.write(log, f"{STILL}{os.getpid()}\n".encode())
            os.kill(os.getpid(), signal.SIGSTOP)
        reached += 1

    def hook(name, arguments):
        if name == "socket.connect":
            point("connect")
        elif (path := _changed(name, arguments)) and path.is_relative_to(folder):
            point(f"{name} *{path.suffix}" if path.suffix else f"{name} {path.name}")

    fsync = os.fsync

    def synced(descriptor):
        fsync(descriptor)
        point("synced")

    os.fsync = synced
    publish.passed = lambda name: point(f"failpoint {name}")
    publish.no_failpoint.__code__ = _passed.__code__

    @event.listens_for(Engine, "commit")
    def _committing(connection):
        if connection.get_execution_options().get("begin") == "IMMEDIATE":
            point("commit")

    sys.addaudithook(hook)


def _changed(name, arguments):
    """The file that an event of the interpreter is about to change; None if it changes none."""
    wanted = name in {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.chmod"}
    if name == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int):
        wanted = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    return Path.cwd() / os.fsdecode(arguments[0]) if wanted else None


if __name__ == "__main__":
    main()
