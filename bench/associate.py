"""What lies in what: a run packed in order, and cartons of scanned codes through `line run`.

    python bench/associate.py [BOTTLES] [CARTONS]

1. BOTTLES are associated with their cartons, 24 in each, packed in order, by one command. The peer
   is the command that activates the same bottles, in the same home, by the same backend.
2. CARTONS of 24 scanned codes each, a message for each, are sent to `line run`, which answers each
   once the backend has it. The backend's own time is that of the same calls made directly, over a
   single connection; the difference is ours. The peer is an ordinary order of as many codes.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from line import timed
from locate import unsealed
from measure import Cost, home, row, run, titles
from measure import line as words
from whole import await_answer, free_port

from mintmark.activation.client import wire
from mintmark.activation.client.client import HttpClient
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.serials import Range

EACH = 24
MAX_RATIO, MAX_MB, MAX_MS = 1.5, 300, 10.0
URL = "HTTPS://Q.EXAMPLE.CN/{code}"


class Hall:
    """A home with `bottles` and `cartons`, all in packages, and its backend."""

    def __init__(self, folder: Path, bottles: int) -> None:
        self.folder = folder
        self.environment = home(folder)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment["MINTMARK_BACKEND_URL"] = self.url
        self("contact", "add", "bench", "--name", "Bench")
        self.bottles = self.minted(bottles, "item")
        self.cartons = self.minted(-(-bottles // EACH), "carton")

    def __call__(self, *arguments: str) -> Cost:
        """The cost of a command."""
        return run(words(*arguments), cwd=self.folder, env=self.environment)

    def minted(self, quantity: int, role: str) -> str:
        """A batch of that many codes, in a package."""
        made = self("mint", "--quantity", str(quantity), "--role", role, "--url", URL)
        batch = str(json.loads(made.output)["batch"])
        secret = ("--out", "out", "--password-file", f"{role}.password")
        self("export", batch, "--to", "bench", *secret)
        return batch

    def serving(self) -> "subprocess.Popen[bytes]":
        """The reference backend; end it."""
        port = self.url.rpartition(":")[2]
        serve = ["backend", "serve", "--port", port, "--data", "backend", "--unsigned"]
        process = subprocess.Popen(
            [sys.executable, "-m", "mintmark", *serve],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await_answer(f"{self.url}/0000000000000000")
        return process

    def line(self) -> "subprocess.Popen[str]":
        """`line run`; its streams are open."""
        return subprocess.Popen(
            [sys.executable, "-m", "mintmark", "line", "run"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )


def in_order(hall: Hall, bottles: int) -> None:
    """Print the table of a run that is packed in order."""
    cartons = -(-bottles // EACH)
    every = ("--each", str(EACH), "--parents", f"{hall.cartons}:1-{cartons}", "--partial")
    titles(f"{bottles:,} bottles in {cartons:,} cartons")
    activated = hall("activate", hall.bottles, "--serials", f"1-{bottles}")
    row("activate them (the peer)", bottles, activated)
    packed = hall("associate", hall.bottles, "--serials", f"1-{bottles}", *every)
    target = f"ratio {MAX_RATIO}, {MAX_MB} MB"
    row("associate them", bottles, packed, packed.seconds / activated.seconds, target)
    print(json.loads(packed.output)["delivery"], flush=True)


def scanned(hall: Hall, bottles: int, cartons: int) -> None:
    """Print what a carton of scanned codes costs; the home's first `bottles` are packed."""
    items = unsealed(
        hall.folder, hall.bottles, list(range(bottles + 1, bottles + cartons * EACH + 1))
    )
    first = -(-bottles // EACH) + 1
    labels = unsealed(hall.folder, hall.cartons, list(range(first, first + cartons)))
    times, orders = [], []
    with hall.line() as process:
        for number in range(cartons):
            message = {"action": "assign", "batch": hall.bottles, "serials": "1-24"}
            orders.append(timed(process, message | {"set": {"lot": f"L{number}"}}))
        before = cpu_ms(process.pid)
        for number, label in enumerate(labels):
            codes = [*items[number * EACH : (number + 1) * EACH], label]
            message = {
                "op": "associate", "count": EACH, "order": f"carton-{number}",
                "codes": [URL.format(code=code) for code in codes],
            }  # fmt: skip
            times.append(timed(process, message))
        spent = (cpu_ms(process.pid) - before) / cartons
        assert process.stdin is not None
        process.stdin.close()
    own = direct(hall, bottles + cartons * EACH, first + cartons, cartons)
    ours = statistics.median(times) - statistics.median(own)
    print(f"{cartons} cartons of {EACH} scanned codes, milliseconds each (median)")
    print(f"{'line run, with the backend':34}{statistics.median(times):8.1f}")
    ratio = statistics.median(times) / statistics.median(orders)
    print(f"{'an assign of 24 (the peer)':34}{statistics.median(orders):8.1f}   ratio {ratio:.2f}")
    print(f"{'the backend alone':34}{statistics.median(own):8.1f}")
    rate = 1000 / ours if ours > 0 else 0
    print(f"{'ours':34}{ours:8.1f}   {rate:,.0f} cartons/s; target {MAX_MS:.0f} ms, 100/s")
    print(f"{'CPU of line run':34}{spent:8.1f}")


def cpu_ms(pid: int) -> float:
    """Milliseconds of CPU that a process has used; 0 without /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def direct(hall: Hall, bottles: int, carton: int, cartons: int) -> list[float]:
    """Milliseconds of each carton sent straight to the backend: those after `bottles`."""
    times = []
    with HttpClient(hall.url) as client:
        for number in range(cartons):
            first = bottles + number * EACH + 1
            order = wire.Aggregation(
                f"direct-{number}",
                Packing.ASSOCIATE,
                CodeRanges(hall.cartons, (Range(carton + number, carton + number),)),
                (CodeRanges(hall.bottles, (Range(first, first + EACH - 1),)),),
            )
            start = time.perf_counter()
            client.aggregate(order)
            times.append((time.perf_counter() - start) * 1000)
    return times


def main() -> None:
    """Print both tables."""
    bottles = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    cartons = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    with tempfile.TemporaryDirectory() as scratch:
        hall = Hall(Path(scratch), bottles + 2 * cartons * EACH)
        server = hall.serving()
        try:
            in_order(hall, bottles)
            scanned(hall, bottles, cartons)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
