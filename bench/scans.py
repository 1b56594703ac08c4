"""Scans per second, and the duration of a scan at 500 scans per second.

    python bench/scans.py [CODES] [SECONDS] [sqlite|postgresql WORKERS] [--beside CHECKOUT]

The reference backend is served as usual, with CODES active, which are put into its tables
directly. A generator in a separate process (`phones.py`) scans codes at random, each for the
first time or again, over kept connections, as fast as answers come. Then it scans at 500 per
second. Generator, server and database share the cores.

With --beside the backend of another checkout (its environment made there) is served as well, in
turns, each from a copy of the same database, to the same phones: ratios are of medians.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg
from phones import CONNECTIONS, RATE
from sqlalchemy import URL
from whole import await_answer, free_port

from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.database import postgresql_url, sqlite_url
from mintmark.activation.backend.store import Store
from mintmark.activation.client import wire
from mintmark.codegen.codes import fingerprint
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.codegen.station.keys import write_fingerprint_key

KEY = Secret(bytes(range(32)))
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ROUNDS, TARGET = 3, 3.0
HERE = Path(__file__).resolve().parents[1]


def code(serial: int) -> str:
    """The code of `serial`. The bench's codes are numbers, so it needs no list of codes."""
    return f"{serial:016d}"


def batch_id(number: int) -> str:
    """The id of a bench's batch."""
    return f"BNCH-{number:08}"


def fill(url: URL, codes: int, number: int = 1) -> None:
    """Fill the database with a batch of `codes`, all active; it is batch `number`, from 1.

    Its codes are the numbers that follow those of the batches before, which are as large.
    """
    now, batch, before = datetime.now(UTC), batch_id(number), (number - 1) * codes
    store = Store(url)
    key_id = fingerprint.key_id(KEY)
    info = wire.Batch(
        batch, "BNCH-000000000000", SYMBOLS, 16, "crockford32", codes, fingerprint.SCHEME, key_id
    )
    store.register(info, now)
    for first in range(1, codes + 1, wire.CHUNK_CODES):
        last = min(codes, first + wire.CHUNK_CODES - 1)
        text = "".join(map(code, range(before + first, before + last + 1))).encode("ascii")
        store.upload(batch, first, fingerprint.fingerprints(text, 16, KEY), now)
    store.order(Request(f"bench-{number}", batch, Action.ACTIVATE, (Range(1, codes),)), now)
    store.close()


def filled_by(checkout: Path, url: URL, codes: int) -> None:
    """Fill as another checkout does: an older one knows no newer tables, this one its tables."""
    words = (
        "import sys, scans; from sqlalchemy import make_url;"
        "scans.fill(make_url(sys.argv[1]), int(sys.argv[2]))"
    )
    python = checkout / ".venv" / "bin" / "python"
    named = url.render_as_string(hide_password=False)
    subprocess.run([python, "-c", words, named, str(codes)], cwd=checkout / "bench", check=True)


@contextlib.contextmanager
def serving(
    folder: Path, storage: list[str], workers: int, checkout: Path | None = None
) -> Iterator[int]:
    """Serve the backend, of a checkout, with the options `storage`; yields its port."""
    port, key = free_port(), folder / "fingerprint.key"
    if not key.exists():
        write_fingerprint_key(key, KEY)
    # Without a virtual environment of its own this checkout runs as the bench does.
    own = None if checkout in (None, HERE) else checkout
    python = str(own / ".venv" / "bin" / "python") if own else sys.executable
    command = [python, "-m", "mintmark", "backend", "serve", "--port", str(port)]
    trust = ["--no-trust-home", "--fingerprint-key", str(key), "--unsigned"]
    with subprocess.Popen(
        [*command, *trust, *storage, "--workers", str(workers)],
        stderr=subprocess.DEVNULL,
        cwd=own,
    ) as process:
        try:
            await_answer(f"http://127.0.0.1:{port}/0000000000000000")
            yield port
        finally:
            process.terminate()


def measured(port: int, codes: int, seconds: float) -> list[float]:
    """Scans per second, CPU seconds that the phones took for each, p50 and p99 in ms."""
    phones = Path(__file__).with_name("phones.py")
    words = [sys.executable, str(phones), str(port), str(codes), str(seconds)]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, encoding="ascii")
    figures: list[float] = json.loads(done.stdout)
    return figures


def bench(folder: Path, asked: argparse.Namespace, kind: str, workers: int) -> None:
    """Print a row of the table for each of the checkouts."""
    codes, beside = asked.codes, asked.beside
    url, storage = empty_database(folder, kind)
    if beside:
        filled_by(beside, url, codes)
    else:
        fill(url, codes)
    places = {HERE: storage}
    if beside:
        places[beside] = copied(folder, url, kind)
    found: dict[Path, list[list[float]]] = {checkout: [] for checkout in places}
    for turn in range(ROUNDS if beside else 1):
        for checkout in list(places)[:: -1 if turn % 2 else 1]:
            with serving(folder, places[checkout], workers, checkout) as port:
                found[checkout].append(measured(port, codes, asked.seconds))
    name = f"{kind}, {workers} worker{'s' if workers > 1 else ''}"
    for checkout, runs in found.items():
        rate, cost, middle, worst = (median(figure) for figure in zip(*runs, strict=True))
        called = name if checkout == HERE else f"{name}, beside"
        print(
            f"{called:32}{rate:>10,.0f}{middle:>9.1f}{worst:>9.1f}{cost * 1e6:>11.0f}", flush=True
        )
    if beside:
        ratio = median(run[0] for run in found[HERE]) / median(run[0] for run in found[beside])
        print(f"{name + ', ratio':32}{ratio:>10.2f}  target >= {TARGET:g}", flush=True)


def copied(folder: Path, url: URL, kind: str) -> list[str]:
    """A copy of a database that nobody uses, and the options of `backend serve` for it."""
    if kind == "sqlite":
        shutil.copytree(folder / "data", folder / "beside")
        return ["--data", str(folder / "beside")]
    named = url.set(drivername="postgresql")
    with psycopg.connect(named.set(database="postgres").render_as_string(), autocommit=True) as own:
        own.execute(f"CREATE DATABASE {named.database}_beside TEMPLATE {named.database}")
    beside = named.set(database=f"{named.database}_beside")
    return ["--database", beside.render_as_string()]


def empty_database(folder: Path, kind: str) -> tuple[URL, list[str]]:
    """A new database of this `kind`: its URL, and the options of `backend serve` for it."""
    if kind == "sqlite":
        data = folder / "data"
        data.mkdir()
        return sqlite_url(data), ["--data", str(data)]
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import postgres_kit

    named = postgres_kit.cluster(durable=True).database()
    return postgresql_url(named), ["--database", named]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("codes", type=int, nargs="?", default=10_000_000)
    parser.add_argument("seconds", type=float, nargs="?", default=10.0)
    parser.add_argument("kind", nargs="?", choices=("sqlite", "postgresql"))
    parser.add_argument("workers", type=int, nargs="?", default=1)
    parser.add_argument("--beside", type=lambda text: Path(text).resolve(), metavar="CHECKOUT")
    asked = parser.parse_intermixed_args()
    kinds = [("sqlite", 1), ("postgresql", 1), ("postgresql", 2)]
    if asked.kind:
        kinds = [(asked.kind, asked.workers)]
    print(f"{os.cpu_count()} cores, {asked.codes:,} codes, {CONNECTIONS} phones")
    print(f"targets: p99 < 15 ms at {RATE}/s; {TARGET:g} times the scans/s of what was before")
    print(f"{'reference backend':32}{'scans/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'phone us':>11}")
    for kind, workers in kinds:
        with tempfile.TemporaryDirectory() as scratch:
            bench(Path(scratch), asked, kind, workers)


if __name__ == "__main__":
    main()
