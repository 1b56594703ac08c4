"""The program as a separate process: started, interrupted, and met by trouble from inside."""

import os
import signal
import subprocess
import sys
import time

from patience import PATIENCE

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
