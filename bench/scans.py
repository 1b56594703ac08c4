"""Scans per second, and the duration of a scan at 500 scans per second.

    python bench/scans.py [CODES] [SECONDS] [sqlite|postgresql WORKERS]

The reference backend is served as usual, with CODES active, which are put into its tables
directly. A generator in a separate process scans codes at random, each for the first time or
again, over 16 kept connections, as fast as answers come. Then it scans at 500 per second,
whatever comes back (an open loop: a slow answer does not delay the next scan). Generator, server
and database share the cores.
"""

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

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
CONNECTIONS, RATE = 16, 500


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


@contextlib.contextmanager
def serving(folder: Path, storage: list[str], workers: int) -> Iterator[int]:
    """Serve the backend with the options `storage`; yields its port."""
    port, key = free_port(), folder / "fingerprint.key"
    write_fingerprint_key(key, KEY)
    command = [sys.executable, "-m", "mintmark", "backend", "serve", "--port", str(port)]
    trust = ["--no-trust-home", "--fingerprint-key", str(key), "--unsigned"]
    with subprocess.Popen(
        [*command, *trust, *storage, "--workers", str(workers)], stderr=subprocess.DEVNULL
    ) as process:
        try:
            await_answer(f"http://127.0.0.1:{port}/0000000000000000")
            yield port
        finally:
            process.terminate()


async def scan(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, codes: int, before: int = 0
) -> float:
    """Scan a random one of the codes after `before`; returns the milliseconds until its answer."""
    # With an id, as the page sends it: that costs one more row.
    serial = before + secrets.randbelow(codes) + 1
    fields = {"code": code(serial), "scan_id": secrets.token_hex(16)}
    body = json.dumps(fields).encode()
    head = f"POST /v1/scans HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    start = time.perf_counter()
    writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit(f"not answered: {answer[:40]!r}")
    size = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(size)
    return (time.perf_counter() - start) * 1_000


async def flood(port: int, codes: int, seconds: float, before: int = 0) -> list[float]:
    """Scan as fast as answers come; returns the milliseconds of each scan."""
    until, times = time.perf_counter() + seconds, []

    async def phone() -> None:
        streams = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            times.append(await scan(*streams, codes, before))
        streams[1].close()

    await asyncio.gather(*(phone() for _ in range(CONNECTIONS)))
    return times


async def steady(port: int, codes: int, seconds: float) -> list[float]:
    """Scan at `RATE` per second; returns milliseconds, with the time waited for a connection."""
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS * 4):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    start, times, going = time.perf_counter(), list[float](), set[asyncio.Task[None]]()

    async def phone(due: float) -> None:
        streams = await idle.get()
        await scan(*streams, codes)
        times.append((time.perf_counter() - due) * 1_000)
        idle.put_nowait(streams)

    for number in range(int(seconds * RATE)):
        due = start + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(phone(due))
        going.add(task)
        task.add_done_callback(going.discard)
    await asyncio.gather(*going)
    return times


def generate(port: int, codes: int, seconds: float) -> None:
    """The generator's process: prints its figures as JSON."""
    asyncio.run(flood(port, codes, min(2.0, seconds)))
    fast = asyncio.run(flood(port, codes, seconds))
    slow = sorted(asyncio.run(steady(port, codes, seconds)))
    at = [slow[int(len(slow) * share)] for share in (0.5, 0.99)]
    print(json.dumps([len(fast) / seconds, *at]))


def bench(folder: Path, codes: int, seconds: float, kind: str, workers: int) -> None:
    """Print a row of the table."""
    url, storage = empty_database(folder, kind)
    fill(url, codes)
    with serving(folder, storage, workers) as port:
        words = [sys.executable, __file__, "--generate", str(port), str(codes), str(seconds)]
        figures = subprocess.run(words, stdout=subprocess.PIPE, check=True, encoding="ascii").stdout
    rate, median, worst = json.loads(figures)
    name = f"{kind}, {workers} worker{'s' if workers > 1 else ''}"
    print(f"{name:26}{codes:>12,}{rate:>12,.0f}{median:>10.1f}{worst:>10.1f}", flush=True)


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
    if sys.argv[1:2] == ["--generate"]:
        generate(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
        return
    codes = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    kinds = [("sqlite", 1), ("postgresql", 1), ("postgresql", 2)]
    if len(sys.argv) > 3:
        kinds = [(sys.argv[3], int(sys.argv[4]))]
    print(f"{os.cpu_count()} cores; target: 1,500 scans per second, p99 under 50 ms at {RATE}/s")
    print(f"{'reference backend':26}{'codes':>12}{'scans/s':>12}{'p50 ms':>10}{'p99 ms':>10}")
    for kind, workers in kinds:
        with tempfile.TemporaryDirectory() as scratch:
            bench(Path(scratch), codes, seconds, kind, workers)


if __name__ == "__main__":
    main()
