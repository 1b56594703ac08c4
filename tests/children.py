"""Starting `codegen/child.py`, another process of mintmark."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

CHILD = Path(__file__).with_name("codegen") / "child.py"
DIED = 9


def start(home, **job):
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(home.path), json.dumps(job)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def finish(child):
    """What the child says at its end; None if it died."""
    out, _ = child.communicate("go on\n")
    if child.returncode == DIED:
        return None
    assert child.returncode == 0, out
    return json.loads(out.splitlines()[-1])


@contextlib.contextmanager
def waiting(home, **job):
    """A child that has reached its point; leaving the block kills a child still there."""
    child = start(home, **job)
    try:
        assert child.stdout.readline() == "ready\n"
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()
