"""What a code costs: mint, export and activate through the real command line.

    python bench/whole.py [QUANTITY]

The peer is what a programmer would write in an afternoon: `secrets.choice` into a SQLite table
with a unique column, a CSV file, and an UPDATE. It encrypts nothing, proves nothing, and anyone
with the database reads the codes; the ratio is the price of the difference. Our side includes
the start-up of a process, as a line pays it.
"""

import contextlib
import json
import os
import secrets
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
PATIENCE = 30.0  # seconds for the backend to answer

Steps = dict[str, float]


@contextlib.contextmanager
def timed(steps: Steps, name: str) -> Iterator[None]:
    """Add the wall-clock seconds of the block to `steps`."""
    start = time.perf_counter()
    yield
    steps[name] = time.perf_counter() - start


def naive(folder: Path, quantity: int) -> Steps:
    """The peer: mint, export and activate `quantity` codes in a database."""
    steps: Steps = {}
    database = sqlite3.connect(folder / "codes.db")
    database.execute("CREATE TABLE codes (serial INTEGER PRIMARY KEY, code UNIQUE, active INT)")
    with timed(steps, "mint"), database:
        drawn = ("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(quantity))
        database.executemany(
            "INSERT INTO codes (code, active) VALUES (?, 0)", ((c,) for c in drawn)
        )
    with timed(steps, "export"), (folder / "codes.csv").open("w", encoding="ascii") as file:
        for serial, code in database.execute("SELECT serial, code FROM codes ORDER BY serial"):
            file.write(f"{serial},{code},https://q.example.cn/{code}\n")
    with timed(steps, "activate"), database:
        database.execute("UPDATE codes SET active = 1 WHERE serial <= ?", (quantity,))
    database.close()
    return steps


class Mintmark:
    """The command line, in a separate home."""

    def __init__(self, folder: Path, backend: str) -> None:
        self._folder = folder
        (folder / "passphrase").write_text("bench only\n", encoding="ascii")
        self.environment = os.environ | {
            "MINTMARK_HOME": str(folder / "home"),
            "MINTMARK_PASSPHRASE_FILE": str(folder / "passphrase"),
            "MINTMARK_BACKEND_URL": backend,
        }

    def __call__(self, *arguments: str) -> dict[str, object]:
        """Run a command with --json; returns its result."""
        done = subprocess.run(
            [sys.executable, "-m", "mintmark", *arguments, "--json"],
            cwd=self._folder,
            env=self.environment,
            check=False,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        if done.returncode:
            sys.exit(f"mintmark {arguments[0]}: exit {done.returncode}")
        result: dict[str, object] = json.loads(done.stdout)
        return result

    @contextlib.contextmanager
    def backend(self, port: int) -> Iterator[None]:
        """The reference backend, serving in the block."""
        command = [sys.executable, "-m", "mintmark", "backend", "serve", "--port", str(port)]
        process = subprocess.Popen(
            [*command, "--data", "backend", "--unsigned"],
            cwd=self._folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await_answer(f"http://127.0.0.1:{port}/0000000000000000")
            yield
        finally:
            process.terminate()
            process.wait()


def await_answer(url: str) -> None:
    """Return as soon as `url` gives any answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit(f"the backend does not answer at {url}")
            time.sleep(0.1)
        else:
            return


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def ours(folder: Path, quantity: int) -> Steps:
    """The same three steps by mintmark."""
    steps: Steps = {}
    port = free_port()
    mintmark = Mintmark(folder, f"http://127.0.0.1:{port}")
    mintmark("init")
    mintmark("contact", "add", "bench", "--name", "Bench")
    with timed(steps, "mint"):
        minted = mintmark(
            *("mint", "--quantity", str(quantity), "--url", "https://q.example.cn/{code}")
        )
    batch = str(minted["batch"])
    with timed(steps, "export"):
        mintmark("export", batch, "--to", "bench", "--out", "out", "--password-file", "password")
    with mintmark.backend(port), timed(steps, "activate"):
        mintmark("activate", batch, "--serials", "all")
    return steps


def main() -> None:
    """Print a line per step: seconds, codes per second, and the ratio to the peer."""
    quantity = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch, name) for name in ("naive", "ours")]
        for folder in folders:
            folder.mkdir()
        peer, own = naive(folders[0], quantity), ours(folders[1], quantity)
    print(f"{quantity:,} codes, Python {sys.version.split()[0]}, {os.cpu_count()} CPUs")
    print(f"{'step':10}{'mintmark':>12}{'codes/s':>14}{'naive':>12}{'ratio':>8}")
    for step, seconds in [*own.items(), ("total", sum(own.values()))]:
        naively = peer.get(step, sum(peer.values()))
        rate = f"{quantity / seconds:,.0f}"
        print(f"{step:10}{seconds:>10.2f} s{rate:>14}{naively:>10.2f} s{seconds / naively:>8.2f}")


if __name__ == "__main__":
    main()
