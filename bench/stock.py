"""How long `report stock` takes: the whole command, beside the reference backend on SQLite.

    python bench/stock.py [CODES] [RANGES] [SCANNED]

A batch of CODES codes stands active in RANGES ranges, of ten lots in turn, in the books; the
backend knows the ranges too, and consumers have scanned SCANNED of the codes, spread over all of
it. The peer is `report daily`, which reads the same pages and only adds their numbers up. The
books are written as orders write them, and no code is minted: the report reads none. The scans are
written into the backend's database.
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median

from associate import cpu_ms
from measure import Cost, home, row, run, titles
from measure import line as words
from whole import await_answer, free_port

from mintmark.activation.backend.database import FILE
from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.wire import Order
from mintmark.activation.delivery.api_objects import batch_of
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range, to_pairs
from mintmark.codegen.station.station import Station

MAX_SECONDS = 3.0
LOTS, ROUNDS = 10, 3
URL = "HTTPS://Q.EXAMPLE.CN/{code}"


def lots(codes: int, ranges: int) -> list[tuple[Range, ...]]:
    """The ranges of each lot, in turn: neighbours never join."""
    size = codes // ranges
    return [
        tuple(Range(n * size + 1, (n + 1) * size) for n in range(lot, ranges, LOTS))
        for lot in range(LOTS)
    ]


def booked(station: Station, codes: int, ranges: int) -> str:
    """The batch, as orders leave it in the books; they count as taken by the backend."""
    batch, package = station.new_id(), station.new_id()
    reel = c.Unit("1", "data/1.csv", 1, codes, codes, "00" * 32)
    with station.ledger.read() as view:
        (custodian,) = view.roster("custodian")
    station.ledger.commit(
        station.author,
        c.ContactAdded("bench", "Bench", None),
        c.BatchMinted(
            batch, codes, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 16, "crockford32", "item", None,
            "tea", URL, None, "00" * 32, 80.0, 1e-12, 50.5, "00" * 32,
        ),
        c.ExportBegun(package, batch, (Range(1, codes),), "bench", "csv"),
        c.Packaged(package, URL, "a.zip", 1, "0" * 64, "0" * 64, custodian.key_id, (reel,)),
    )  # fmt: skip
    for lot, serials in enumerate(lots(codes, ranges)):
        order = f"lot-{lot}"
        attributes = {"lot": f"L{lot}", "dealer": f"D{lot % 3}"}
        activated = c.Ordered(order, batch, Action.ACTIVATE, serials, attributes=attributes)
        station.ledger.commit(station.author, activated)
        station.ledger.commit(station.author, c.Settled(order, "acknowledged", None))
    return batch


def told(station: Station, url: str, batch: str, codes: int, ranges: int) -> None:
    """The same ranges at the backend. They are not active there: that takes fingerprints."""
    with HttpClient(url) as client:
        client.register(batch_of(station, batch))
        for lot, serials in enumerate(lots(codes, ranges)):
            attributes = {"lot": f"L{lot}", "dealer": f"D{lot % 3}"}
            order = Order(f"lot-{lot}", batch, "assign", to_pairs(serials), attributes=attributes)
            client.order(order)


def scanned(database: Path, codes: int, scans: int) -> None:
    """The counters of scanned codes, as the backend writes them."""
    step = codes // scans
    with closing(sqlite3.connect(database)) as books, books:
        (number,) = books.execute("SELECT max(number) FROM batches").fetchone()
        books.executemany(
            "INSERT INTO scans (batch, serial, scans, first_scan, early) VALUES (?, ?, 1, ?, 0)",
            ((number, n * step + 1, 1_790_000_000 + n % 2 * 10_000_000) for n in range(scans)),
        )


def serving(folder: Path, url: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """The reference backend; end it."""
    serve = ["backend", "serve", "--port", url.rpartition(":")[2], "--data", "backend"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mintmark", *serve, "--unsigned"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    await_answer(f"{url}/0000000000000000")
    return process


def reports(folder: Path, environment: dict[str, str], codes: int, backend: int) -> bool:
    """Print what the reports cost, in turns; whether the target is met. `backend`: its process."""
    commands = {
        "report daily (the peer)": ("report", "daily"),
        "report stock --by lot": ("report", "stock", "--by", "lot"),
        "report stock, --since": ("report", "stock", "--by", "lot", "--since", "2026-11-01"),
        "report stock --by package": ("report", "stock", "--by", "package"),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    behind: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            before = cpu_ms(backend)
            costs[name].append(run(words(*command), cwd=folder, env=environment))
            behind[name].append(cpu_ms(backend) - before)
    medians = {name: Cost.medians(found) for name, found in costs.items()}
    peer = medians["report daily (the peer)"].seconds
    for name, cost in medians.items():
        row(name, codes, cost, cost.seconds / peer, f"{MAX_SECONDS} s" if "stock" in name else "")
        # They wait for each other, so alone on a machine it takes about the sum of both.
        print(f"{'  CPU seconds of the backend':40}{median(behind[name]) / 1000:>30.2f}")
    report = json.loads(costs["report stock, --since"][-1].output)
    total = report["total"]
    print(f"{total['scanned']:,} of {total['active']:,} scanned, {total['new']:,} of them new")
    return all(cost.seconds <= MAX_SECONDS for cost in medians.values())


def main() -> int:
    """Print the table; returns 1 if the target is missed."""
    given = [int(word) for word in sys.argv[1:]]
    codes, ranges, scans = [*given, *(100_000_000, 10_000, 1_000_000)[len(given) :]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = home(folder)
        url = f"http://127.0.0.1:{free_port()}"
        environment["MINTMARK_BACKEND_URL"] = url
        station = Station(folder / "home", operator="bench", now=utc_now)
        batch = booked(station, codes, ranges)
        backend = serving(folder, url, environment)
        try:
            told(station, url, batch, codes, ranges)
            scanned(folder / "backend" / FILE, codes, scans)
            titles(f"{codes:,} codes, {ranges:,} ranges")
            return 0 if reports(folder, environment, codes, backend.pid) else 1
        finally:
            station.close()
            backend.terminate()
            backend.wait()


if __name__ == "__main__":
    sys.exit(main())
