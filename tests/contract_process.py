"""The program as a process of its own: started, interrupted, with what it can't be spared."""

import os
import signal
import subprocess
import sys
import time

POSIX = os.name == "posix"
WAIT = 60

# What a process meets that can't be arranged from outside; the rest is the program itself.
_AROUND = {
    "disk": "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({0}, {0}));",
    "locked": "from mintmark.codegen.ledger import database as d; d.WAIT = 0.2;",
    "same": (
        "from mintmark.codegen.station.station import Station as S;"
        "S.new_id = lambda _: 'AAAA-AAAAAAAA';"
    ),
}


def inherited():
    """This process's environment without what would lead the program elsewhere."""
    return {name: text for name, text in os.environ.items() if not name.startswith("MINTMARK_")}


def program(how=""):
    """The words that start it. `how`: what it meets, by the first word."""
    kind, _, rest = how.partition(" ")
    if kind not in _AROUND:
        return [sys.executable, "-m", "mintmark"]
    around = _AROUND[kind].format(rest)
    return [sys.executable, "-c", f"{around} from mintmark.cli import main; main()"]


def start(words, root, environment, how=""):
    """Start it in `root`, its streams piped, in a process group of its own."""
    if how.startswith("disk"):
        # Python would keep the head of a compiled module that does not fit.
        environment = {**environment, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [*program(how), *words],
        cwd=root,
        env={**inherited(), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=POSIX,
    )


def interrupt(process, root, pattern):
    """Ctrl-C, which reaches the whole group, once there is a file of `pattern`."""
    end = time.monotonic() + WAIT
    while not any(root.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"no {pattern}"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
