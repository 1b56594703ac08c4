"""What an order costs a line beside the backend's own time: mean, median, 99th percentile.

    python bench/line.py [ORDERS]

`line run` as a process, the reference backend as another. Each order (an `assign`, then
the activation of a range of 100 codes) is timed from the line written to the answer read.
The backend's own time is that of the same calls made directly, over one connection; the
difference is ours: booking and settling in the ledger, each with its fsync.
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
from pathlib import Path

from whole import Mintmark, free_port

from mintmark.activation.client.client import HttpClient, Order

RANGE = 100


def fsync_ms(folder: Path) -> float:
    """What the disk asks for one durable write of 4 KiB."""
    times = []
    with (folder / "probe").open("wb") as file:
        for _ in range(50):
            start = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def direct(url: str, batch: str, orders: int) -> list[float]:
    """Milliseconds of each `assign` made without us."""
    times = []
    with HttpClient(url) as client:
        for number in range(orders):
            order = Order(f"direct-{number}", batch, "assign", [[1, RANGE]])
            start = time.perf_counter()
            client.order(order)
            times.append((time.perf_counter() - start) * 1000)
    return times


@contextlib.contextmanager
def line(mintmark: Mintmark, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A running `line run`."""
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


def told(name: str, times: list[float]) -> None:
    """One line of the table."""
    ordered = sorted(times)
    worst = ordered[int(len(ordered) * 0.99)]
    print(f"{name:34}{statistics.mean(times):8.1f}{statistics.median(times):8.1f}{worst:8.1f}")


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
            first = {"action": "assign", "batch": batch, "serials": f"1-{RANGE}"}
            timed(process, {**first, "set": {"lot": "warm"}})
            own = direct(url, batch, orders)
            assigned = [timed(process, {**first, "set": {"lot": f"L{n}"}}) for n in range(orders)]
            activated = [
                timed(
                    process,
                    {
                        "action": "activate",
                        "batch": batch,
                        "serials": f"{n * RANGE + 1}-{(n + 1) * RANGE}",
                    },
                )
                for n in range(1, orders + 1)
            ]
            assert process.stdin is not None
            process.stdin.close()
        print(f"{orders} orders; one fsync here: {fsync_ms(folder):.1f} ms")
    print(f"{'milliseconds an order':34}{'mean':>8}{'median':>8}{'p99':>8}")
    told("the backend alone, an assign", own)
    told("line run, an assign", assigned)
    told(f"line run, activate {RANGE} codes", activated)
    ours = statistics.median(assigned) - statistics.median(own)
    print(f"ours, beside the backend's own time: {ours:.1f} ms (to stay under 20)")


if __name__ == "__main__":
    main()
