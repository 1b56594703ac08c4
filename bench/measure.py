"""Run a command and measure its seconds, CPU seconds, and the peak memory of all its processes."""

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

INTERVAL = 0.02  # seconds between two readings of the memory


@dataclass(frozen=True)
class Cost:
    """The cost of a run. `memory`: bytes resident in all processes together, at the peak."""

    seconds: float
    cpu: float
    memory: int
    output: bytes = b""

    @classmethod
    def medians(cls, costs: Sequence["Cost"]) -> "Cost":
        """The medians of several runs; of the memory, the maximum."""
        return cls(
            median(cost.seconds for cost in costs),
            median(cost.cpu for cost in costs),
            max(cost.memory for cost in costs),
        )


def run(
    command: Sequence[str], *, cwd: Path, env: dict[str, str] | None = None, stdin: bytes = b""
) -> Cost:
    """Run `command` to its end, with `stdin`. Raises `CalledProcessError` if it fails.

    CPU seconds are those of the command and of all its processes that have ended.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    watch = Watch(process.pid)
    with watch:
        output, _ = process.communicate(stdin)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds, cpu, watch.peak, output)


class Watch:
    """Reads the memory of a process and its descendants until its `with` block ends.

    `peak`: bytes; `processes`: their greatest number at a time. Pages that several of them
    share count for each, so the peak is an upper bound. Without /proc it stays 0.
    """

    def __init__(self, pid: int) -> None:
        self.peak = self.processes = 0
        self._pid, self._done = pid, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(INTERVAL):
            pids = list(tree(self._pid))
            self.peak = max(self.peak, sum(map(resident, pids)))
            self.processes = max(self.processes, len(pids))


def tree(pid: int) -> Iterator[int]:
    """`pid` and all its descendants."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [(task / "children").read_text("ascii") for task in tasks]
    except OSError:
        return
    for child in " ".join(children).split():
        yield from tree(int(child))


def resident(pid: int) -> int:
    """Resident bytes of a process; 0 if it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


# --- homes and tables --------------------------------------------------------------


def home(folder: Path) -> dict[str, str]:
    """Make a home in `folder`; returns the environment for commands in it."""
    folder.mkdir(exist_ok=True)
    (folder / "passphrase").write_text("bench only, never in use\n", encoding="ascii")
    environment = os.environ | {
        "MINTMARK_HOME": str(folder / "home"),
        "MINTMARK_CUSTODIAN_KEY": str(folder / "custodian.key"),
        "MINTMARK_PASSPHRASE_FILE": str(folder / "passphrase"),
    }
    run(line("init"), cwd=folder, env=environment)
    return environment


def line(*arguments: str) -> list[str]:
    """The words of a mintmark command."""
    return [sys.executable, "-m", "mintmark", *arguments, "--json"]


def titles(what: str) -> None:
    """Print the head of a table."""
    print(f"{what:40}{'seconds':>9}{'per second':>13}{'CPU s':>8}{'MB':>6}{'ratio':>8}  target")


def row(what: str, codes: int, cost: Cost, ratio: float | None = None, target: str = "") -> None:
    """Print a row of a table; `ratio` is mintmark's to this peer."""
    against = "" if ratio is None else f"{ratio:.2f}"
    print(
        f"{what:40}{cost.seconds:>9.2f}{codes / cost.seconds:>13,.0f}{cost.cpu:>8.2f}"
        f"{cost.memory / 1e6:>6.0f}{against:>8}  {target}"
    )
