"""A shared home beside a home of one machine: the ledger on PostgreSQL beside one on SQLite.

    python bench/stations.py [--quick] [--rounds N] [--events N]

Both ledgers lie on the same disk and wait for it. An order is what a line books for a click: a
commit with a guard, signed, its delivery claimed. Eight writers are there from the beginning, each
with an opened ledger and a batch of its own; in each round one of them orders on SQLite, then one
on PostgreSQL, then all eight on PostgreSQL, for the same time each: what the machine does beside
weighs on all alike. CPU time is that of the writers, and of the server beside them.

`audit verify` reads N events, each order with its settlement, on either; on PostgreSQL a writer
orders meanwhile.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from statistics import median
from typing import Any

from measure import tree

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

WRITERS, CODES = 8, 1_000_000
WINDOW = 1.0  # seconds
PAUSE = 0.05  # seconds after an order beside `audit verify`
UNTIL = datetime.now(UTC) + timedelta(days=1)
TICKS = os.sysconf("SC_CLK_TCK")
AT_ONCE = 500  # changes in a commit that fills a ledger


# --- a writer: a process of its own ------------------------------------------------------


def write(place: str, number: int, pause: float) -> None:
    """Order for as many seconds as each line of standard input says; tell how long each took."""
    import ledger_kit as kit

    batch, run = f"B{number}", token_hex(4)
    with opened(place) as ledger:
        with ledger.read() as view:
            at = (
                next(
                    tile.serials.first
                    for tile in view.tiles(batch)
                    if tile.value.state == "packaged"
                )
                - 1
            )
        for line in sys.stdin:
            taken, end = [], time.perf_counter() + float(line)
            before = spent()
            while (start := time.perf_counter()) < end:
                at += 1
                order = kit.ordered(f"O{number}-{run}-{at}", batch, "activate", (at, at))
                guard = lambda view: view.batch(batch)  # noqa: E731
                ledger.commit(kit.LINE, order, guard=guard, claim=("bench", UNTIL))
                taken.append(time.perf_counter() - start)
                time.sleep(pause)
            print(json.dumps({"taken": taken, "cpu": spent() - before}), flush=True)


def spent() -> float:
    """CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def opened(place: str) -> Any:
    """The ledger at a path or an address."""
    from mintmark.codegen.ledger import place as places
    from mintmark.codegen.ledger.ledger import Ledger

    where = places.database(place) if place.startswith("postgres") else Path(place)
    return Ledger.open(where, lambda: datetime.now(UTC), wait=60)


# --- the bench -----------------------------------------------------------------------------


@dataclass
class Done:
    """What writers did in their windows, added up."""

    orders: list[int] = field(default_factory=list)  # of each window
    taken: list[float] = field(default_factory=list)  # seconds of each order
    each: list[int] = field(default_factory=lambda: [0] * WRITERS)
    writers: float = 0.0  # CPU seconds
    server: float = 0.0

    def rate(self) -> float:
        """Orders per second."""
        return sum(self.orders) / (len(self.orders) * WINDOW)

    def late(self) -> float:
        """Seconds within which 99 of 100 orders were booked."""
        return sorted(self.taken)[len(self.taken) * 99 // 100]


class Writers:
    """Processes that order in the same ledger when they are told to."""

    def __init__(self, place: str, count: int, pid: int | None = None) -> None:
        command = [sys.executable, __file__, "--write", place]
        self._pid = pid
        self._all = [
            subprocess.Popen(
                [*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for number in range(count)
        ]

    def order(self, done: Done, count: int, seconds: float = WINDOW) -> None:
        """Have the first `count` order at the same time."""
        busy = self._all[:count]
        before = server(self._pid)
        for process in busy:
            assert process.stdin is not None
            process.stdin.write(f"{seconds}\n")
            process.stdin.flush()
        told = [json.loads(process.stdout.readline()) for process in busy if process.stdout]
        done.orders.append(sum(len(each["taken"]) for each in told))
        done.server += server(self._pid) - before
        for number, each in enumerate(told):
            done.taken += each["taken"]
            done.each[number] += len(each["taken"])
            done.writers += each["cpu"]

    def end(self) -> None:
        """End them."""
        for process in self._all:
            process.communicate()


def server(pid: int | None) -> float:
    """CPU seconds of a process and all that it has now; 0 for none."""
    total = 0
    for each in tree(pid) if pid is not None else ():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{each}/stat").read_text("ascii").rpartition(") ")[2].split()
            total += int(words[11]) + int(words[12])
    return total / TICKS


def orders(lite: str, shared: str, pid: int, rounds: int) -> None:
    """Print what one writer and eight do."""
    alone, one, eight = Done(), Done(), Done()
    with contextlib.ExitStack() as stack:
        files = Writers(lite, 1)
        stations = Writers(shared, WRITERS, pid)
        stack.callback(files.end)
        stack.callback(stations.end)
        for warm in (files, stations):
            warm.order(Done(), WRITERS)
        for _ in range(rounds):
            files.order(alone, 1)
            stations.order(one, 1)
            stations.order(eight, WRITERS)
    print(f"{'orders':32}{'per second':>11}{'CPU ms':>8}{'+ server':>9}{'p50 ms':>8}{'p99 ms':>8}")
    for name, each in (("SQLite", alone), ("PostgreSQL", one), ("PostgreSQL, 8 at once", eight)):
        print(
            f"{name:32}{each.rate():>11,.0f}{1000 * each.writers / sum(each.orders):>8.2f}"
            f"{1000 * each.server / sum(each.orders):>9.2f}"
            f"{1000 * median(each.taken):>8.2f}{1000 * each.late():>8.2f}"
        )
    told("one writer, to SQLite", ratio(one, alone), "≥ 0.8")
    told("8 at once, to one", ratio(eight, one), "≥ 1.0")
    told("p99 of 8 at once, to one's", eight.late() / one.late(), "≤ 12")
    told("who did least, to the mean", min(eight.each) * WRITERS / sum(eight.each), "≥ 0.8")


def ratio(ours: Done, theirs: Done) -> float:
    """The median of what each round says."""
    return median(a / b for a, b in zip(ours.orders, theirs.orders, strict=True))


def told(what: str, figure: float, target: str) -> None:
    """Print a ratio and its target."""
    print(f"{what:32}{figure:>11.2f}  target {target}", flush=True)


# --- audit -----------------------------------------------------------------------------------


def audits(lite: str, shared: str, rounds: int) -> None:
    """Print how long `audit verify` takes on either, a writer at work beside it."""
    taken: dict[str, list[float]] = {lite: [], shared: []}
    for _ in range(rounds):
        for place in (lite, shared):
            with ordering(place):
                command = [sys.executable, __file__, "--verify", place]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            taken[place].append(float(done.stdout))
    ours, peer = median(taken[shared]), median(taken[lite])
    print(f"audit verify: SQLite {peer:.1f} s, PostgreSQL {ours:.1f} s")
    told("audit verify, to SQLite", ours / peer, "≤ 1.3")


def verify(place: str) -> None:
    """Print how many seconds `audit verify` takes."""
    from mintmark.codegen.ledger import verify as audit

    with opened(place) as ledger:
        start = time.perf_counter()
        found = audit.verify(ledger)
        if not found.ok:
            sys.exit(f"{found.problem}")
        print(time.perf_counter() - start)


@contextlib.contextmanager
def ordering(place: str) -> Iterator[None]:
    """A writer at work, with a pause after each order, for as long as the block lasts."""
    command = [sys.executable, __file__, "--write", place, "0", "--pause", str(PAUSE)]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert writer.stdin is not None
        writer.stdin.write("86400\n")
        writer.stdin.flush()
        yield
    finally:
        writer.kill()
        writer.wait()


def filled(folder: Path, events: int) -> str:
    """A ledger file with a batch for each writer, all packaged, and `events` more events."""
    import ledger_kit as kit

    from mintmark.codegen.ledger.changes import Settled

    path = folder / "ledger.db"
    with kit.create(path) as ledger:
        for number in range(WRITERS):
            batch, package = f"B{number}", f"P{number}"
            ledger.commit(kit.STATION, kit.minted(batch, CODES))
            ledger.commit(kit.STATION, kit.begun(package, batch, (1, CODES)))
            ledger.commit(kit.STATION, kit.packaged(package, (1, CODES)))
        changes: list[Any] = []
        for at in range(events // 2):
            # From the end: writers begin at the beginning.
            serial, name = CODES - at // WRITERS, f"F{at}"
            changes.append(kit.ordered(name, f"B{at % WRITERS}", "activate", (serial, serial)))
            changes.append(Settled(name, "acknowledged", None))
            if len(changes) >= AT_ONCE:
                ledger.commit(kit.LINE, *changes)
                changes.clear()
        if changes:
            ledger.commit(kit.LINE, *changes)
    return str(path)


def moved(path: str, place: str) -> None:
    """Copy a ledger file into an empty database."""
    from sqlalchemy import select

    from mintmark.codegen.ledger import _tables, database
    from mintmark.codegen.ledger.place import database as named

    lite, shared = database.connect(Path(path)), database.connect(named(place))
    with database.reading(lite) as old, database.writing(shared, schema=None) as new:
        database.make_shared(new)
        driver: Any = new.connection.driver_connection
        for table in _tables.metadata.sorted_tables:
            with driver.cursor().copy(f'COPY "{table.name}" FROM STDIN') as copy:
                for row in old.execute(select(table)):
                    copy.write_row(row)
    lite.dispose()
    shared.dispose()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--events", type=int, help="0: no audit")
    parser.add_argument("--write", nargs=2)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--verify")
    options = parser.parse_args()
    if options.write:
        write(options.write[0], int(options.write[1]), options.pause)
    elif options.verify:
        verify(options.verify)
    else:
        compare(
            options.rounds or (2 if options.quick else 20),
            (2_000 if options.quick else 1_000_000) if options.events is None else options.events,
        )


def compare(rounds: int, events: int) -> None:
    """Both ledgers, on the same disk."""
    import postgres_kit

    cluster = postgres_kit.cluster(durable=True)
    pid = int((cluster.folder / "data" / "postmaster.pid").read_text("ascii").split()[0])
    with tempfile.TemporaryDirectory(dir=cluster.folder.parent) as name:
        for what, size in (("orders", 0), ("audit", events))[: 1 + bool(events)]:
            folder = Path(name) / what
            folder.mkdir()
            lite, shared = filled(folder, size), cluster.database()
            moved(lite, shared)
            if what == "orders":
                orders(lite, shared, pid, rounds)
            else:
                audits(lite, shared, 1 if events > AT_ONCE * AT_ONCE else 3)


if __name__ == "__main__":
    main()
