"""The program as a separate process: started, interrupted, and met by trouble from inside."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from patience import PATIENCE
from torture.runner import Runner

POSIX = os.name == "posix"

# Trouble that cannot be arranged from outside the process: code that runs before the program.
_BEFORE = {
    "disk": "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({0}, {0}));",
    "locked": "from mintmark.codegen.ledger import database as d; d.WAIT = 0.2;",
    "same": (
        "from mintmark.codegen.station.station import Station as S;"
        "S.new_id = lambda _: 'AAAA-AAAAAAAA';"
    ),
}


def inherited():
    """This process's environment, without the variables of mintmark."""
    return {name: text for name, text in os.environ.items() if not name.startswith("MINTMARK_")}


def program(trouble=""):
    """The words that start the program; the first word of `trouble` names what it meets."""
    kind, _, rest = trouble.partition(" ")
    if kind not in _BEFORE:
        return [sys.executable, "-m", "mintmark"]
    before = _BEFORE[kind].format(rest)
    return [sys.executable, "-c", f"{before} from mintmark.cli import main; main()"]


def start(words, root, environment, trouble=""):
    """Start it in `root`, its streams piped, in a process group of its own."""
    if trouble.startswith("disk"):
        # Otherwise Python would leave a compiled module that is cut at the limit.
        environment = {**environment, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [*program(trouble), *words],
        cwd=root,
        env={**inherited(), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=POSIX,
    )


def interrupt(process, root, pattern):
    """Send Ctrl-C to the whole process group as soon as a file matches `pattern`."""
    end = time.monotonic() + PATIENCE
    while not any(root.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"no {pattern}"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)


@dataclass(frozen=True)
class Processes:
    """Runs commands in processes of their own, to their ends; `byte_code` is their environment.

    They are forks of one that has imported the program, which is most of what a command costs.
    Without a runner they are started.
    """

    byte_code: dict
    runner: Runner | None

    def __call__(self, words, root, environment, stdin=""):
        """The exit code, stdout and stderr of a command in the folder `root`."""
        if self.runner is None:
            process = start(words, root, {**self.byte_code, **environment})
            out, err = process.communicate(stdin, timeout=PATIENCE)
            return process.returncode, out, err
        done = self.runner.run(words, root, env=environment, stdin=stdin)
        return done.code, done.out, done.err


@contextlib.contextmanager
def forking(byte_code):
    """`Processes` for as long as the block lasts; Windows forks none."""
    if not POSIX:
        yield Processes(byte_code, None)
        return
    with Runner(byte_code) as runner:
        yield Processes(byte_code, runner)
