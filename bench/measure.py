"""Run a command, and say what it cost: seconds, CPU seconds, peak memory of all processes."""

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

INTERVAL = 0.02  # seconds between two looks at the memory


@dataclass(frozen=True)
class Cost:
    """What one run cost. `memory`: bytes resident in all processes together, at the peak."""

    seconds: float
    cpu: float
    memory: int
    output: bytes = b""

    @classmethod
    def middle(cls, costs: Sequence["Cost"]) -> "Cost":
        """The medians of several runs; of the memory, the most."""
        return cls(
            median(cost.seconds for cost in costs),
            median(cost.cpu for cost in costs),
            max(cost.memory for cost in costs),
        )


def run(
    command: Sequence[str], *, cwd: Path, env: dict[str, str] | None = None, given: bytes = b""
) -> Cost:
    """Run `command` to its end, `given` on its stdin. Raises `CalledProcessError` if it fails.

    CPU seconds are those of the command and of all its processes that have ended.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    watch = Watch(process.pid)
    with watch:
        output, _ = process.communicate(given)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds, cpu, watch.peak, output)


class Watch:
    """Looks at the memory of a process and all below it, until its `with` block ends.

    `peak`: bytes; `processes`: the most there were at once. Pages that several of them
    share count for each: a bound from above. Where there is
    no /proc, the peak stays 0.
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
    """`pid` and every process below it."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [(task / "children").read_text("ascii") for task in tasks]
    except OSError:
        return
    for child in " ".join(children).split():
        yield from tree(int(child))


def resident(pid: int) -> int:
    """Resident bytes of one process; 0 if it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


# --- homes and tables --------------------------------------------------------------


def home(folder: Path) -> dict[str, str]:
    """A new home in `folder`; the environment for commands in it."""
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
    """A command line of mintmark."""
    return [sys.executable, "-m", "mintmark", *arguments, "--json"]


def titles(what: str) -> None:
    """The head of a table."""
    print(f"{what:40}{'seconds':>9}{'a second':>13}{'CPU s':>8}{'MB':>6}{'ratio':>8}  target")


def row(what: str, codes: int, cost: Cost, ratio: float | None = None, target: str = "") -> None:
    """A line of a table; `ratio` is mintmark's to this peer."""
    against = "" if ratio is None else f"{ratio:.2f}"
    print(
        f"{what:40}{cost.seconds:>9.2f}{codes / cost.seconds:>13,.0f}{cost.cpu:>8.2f}"
        f"{cost.memory / 1e6:>6.0f}{against:>8}  {target}"
    )
