"""An S3 server of the tests' own: OpenStack Swift, in `.swift/` (Makefile), on 127.0.0.1.

It writes as S3 does and is no lock: of several who create one key at once, several may be told
that they did.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
import s3_kit
from patience import PATIENCE

INSTALLED = Path(__file__).resolve().parents[1] / ".swift"
SERVER = Path(__file__).parent / "swift" / "server.py"
USER, SECRET = "test:tester", "testing"


class Swift:
    """A running server; `bucket()` makes an empty bucket on it.

    `durable`: it waits for the disk, as servers of users do; no test cuts the power.
    """

    def __init__(self, *, durable=False):
        self.folder = Path(tempfile.mkdtemp(prefix="mm-swift-"))
        words = [INSTALLED / "bin" / "python", "-W", "ignore", SERVER, self.folder]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*words, *(["--durable"] if durable else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        port = self._process.stdout.readline()
        assert port, (self.folder / "log").read_text("utf-8")
        self.endpoint = f"http://127.0.0.1:{int(port)}"
        s3_kit.until_it_answers(f"{self.endpoint}/healthcheck", self._process)

    def bucket(self):
        """A new bucket; what it holds lies in its `folder`, with that of all others."""
        return s3_kit.new_bucket(self.endpoint, USER, SECRET, self.folder / "d1")

    def stop(self):
        """End it, and forget what it holds."""
        self._process.communicate(timeout=PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)


def missing():
    """Why there can be no server, or None."""
    if os.name == "posix" and (INSTALLED / ".installed").exists():
        return None
    return "OpenStack Swift is not installed: make .swift/.installed"


@cache
def server(*, durable=False):
    """This process's server, stopped at its end. Skips the test if there can be none."""
    if reason := missing():
        pytest.skip(reason)
    made = Swift(durable=durable)
    atexit.register(made.stop)
    return made
