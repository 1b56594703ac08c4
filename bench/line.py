"""What an order costs a line in addition to the backend's own time: mean, median, p99.

    python bench/line.py [ORDERS]

`line run` and the reference backend are two processes. Each order (an `assign`, then
the activation of a range of 100 codes) is timed from the message written to the answer read.
The backend's own time is that of the same calls, signed alike, made directly over a single
connection; the difference is ours: booking and settling in the ledger, each with its fsync.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from whole import Mintmark, free_port

from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.connect import signer
from mintmark.activation.client.wire import Order
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.station.station import Station

RANGE = 100


def fsync_ms(folder: Path) -> float:
    """Milliseconds that the disk takes for a durable write of 4 KiB."""
    times = []
    with (folder / "probe").open("wb") as file:
        for _ in range(50):
            start = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def direct(url: str, home: Path, batch: str, orders: int) -> list[float]:
    """Milliseconds of each `assign` sent straight to the backend, signed by the line of `home`."""
    times = []
    station = Station(home, operator=None, now=utc_now)
    with closing(station), HttpClient(url, sign=signer(station)) as client:
        for number in range(orders):
            order = Order(f"direct-{number}", batch, "assign", [[1, RANGE]])
            start = time.perf_counter()
            client.order(order)
            times.append((time.perf_counter() - start) * 1000)
    return times


@contextlib.contextmanager
def line(mintmark: Mintmark, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`line run` as a process; its streams are open in the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mintmark", "line", "run"],
        cwd=folder,
        env=mintmark.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        yield process


def timed(process: "subprocess.Popen[str]", order: dict[str, object]) -> float:
    """Milliseconds from the order written to the answer read."""
    assert process.stdin is not None
    assert process.stdout is not None
    start = time.perf_counter()
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    taken = (time.perf_counter() - start) * 1000
    if answer.get("delivery") != "acknowledged":
        sys.exit(f"not acknowledged: {answer}")
    return taken


def print_row(name: str, times: list[float]) -> None:
    """Print a row of the table."""
    ordered = sorted(times)
    worst = ordered[int(len(ordered) * 0.99)]
    print(f"{name:34}{statistics.mean(times):8.1f}{statistics.median(times):8.1f}{worst:8.1f}")


def assign(batch: str, lot: str) -> dict[str, object]:
    """An order that sets the lot of the first range."""
    return {"action": "assign", "batch": batch, "serials": f"1-{RANGE}", "set": {"lot": lot}}


def activate(batch: str, number: int) -> dict[str, object]:
    """An order that activates range `number`, counted from 0."""
    serials = f"{number * RANGE + 1}-{(number + 1) * RANGE}"
    return {"action": "activate", "batch": batch, "serials": serials}


def main() -> None:
    """Print the table, in milliseconds."""
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        mintmark = Mintmark(folder, url)
        mintmark("init")
        mintmark("contact", "add", "bench", "--name", "Bench")
        quantity = RANGE * (orders + 2)
        batch = str(mintmark("mint", "--quantity", str(quantity))["batch"])
        mintmark("export", batch, "--to", "bench", "--out", "out", "--password-file", "password")
        with mintmark.backend(port), line(mintmark, folder) as process:
            timed(process, assign(batch, "warm"))
            own = direct(url, folder / "home", batch, orders)
            assigned = [timed(process, assign(batch, f"L{n}")) for n in range(orders)]
            activated = [timed(process, activate(batch, n)) for n in range(1, orders + 1)]
            assert process.stdin is not None
            process.stdin.close()
        print(f"{orders} orders; an fsync on this disk: {fsync_ms(folder):.1f} ms")
    print(f"{'milliseconds per order':34}{'mean':>8}{'median':>8}{'p99':>8}")
    print_row("the backend alone, an assign", own)
    print_row("line run, an assign", assigned)
    print_row(f"line run, activate {RANGE} codes", activated)
    ours = statistics.median(assigned) - statistics.median(own)
    print(f"ours, in addition to the backend's own time: {ours:.1f} ms (to stay under 5)")


if __name__ == "__main__":
    main()
