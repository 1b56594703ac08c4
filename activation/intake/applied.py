"""What became of a file of orders: the outcome of each, and the file of results."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...codegen.errors import UsageError
from ...codegen.files import hidden, write_atomically
from ...codegen.ranges import serials
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result, to_json
from ..orders.orders import ACKNOWLEDGED, CANCELLED, QUEUED, REFUSED, SCHEDULED

SHOWN = 20
UNTRIED = "untried"
_DONE = (ACKNOWLEDGED, SCHEDULED)
AGAIN = "if it was meant anew, write the file anew, or give the order another id"


@dataclass(frozen=True)
class Outcome:
    """The result of an order of a file.

    `status`: acknowledged; queued; scheduled; refused, here (nothing is booked: `booked` is false)
    or by the backend; cancelled; untried, if this machine failed first. `repeated`: it was booked
    before, by the same file or under the same id. `undone`: of a repeated order, the serials that
    have changed since; `changed`: the carton that it names holds other codes today. `exit`: the
    exit code of the command of the same effect. `notes`: sentences on how it was understood.
    """

    row: int
    order: str
    action: str | None
    batch: str | None
    status: str
    booked: bool
    repeated: bool = False
    applied: Ranges = ()
    skipped: Ranges = ()
    detail: str | None = None
    hint: str | None = None
    undone: Ranges = ()
    exit: int = 0
    notes: tuple[str, ...] = ()
    changed: bool = False

    def line(self) -> str:
        """A line for people."""
        what = f"{self.action or '?'} {self.batch or '?'} {serials.describe(self.applied, 3)}"
        again = " (booked before)" if self.repeated else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"row {self.row}  {self.order}  {self.status}{again}  {what.strip()}{detail}"


@dataclass(frozen=True)
class AppliedFile(Result):
    """The result of a file of orders; `results` are all outcomes, or the failures alone."""

    orders: int
    acknowledged: int
    queued: int
    refused: int
    repeated: int
    results: tuple[Outcome, ...]
    undone: int = 0
    scheduled: int = 0

    @property
    def exit_code(self) -> int:
        """3 if an order was refused, or a repeated one stands no more; 75 while one is queued."""
        if self.refused or self.undone:
            return 3
        return 75 if self.queued else 0

    def lines(self) -> Iterator[str]:
        """Counts, then what is not acknowledged."""
        yield (
            f"{self.orders:,} orders: {self.acknowledged:,} acknowledged, {self.queued:,} queued,"
            f" {self.refused:,} refused"
        )
        if self.scheduled:
            yield f"  {self.scheduled:,} of them wait for their time: mintmark orders list"
        if self.repeated:
            yield f"  {self.repeated:,} of them were booked before, by this same file"
        if self.undone:
            yield f"  {self.undone:,} of these no longer stand: their codes have changed since"
            yield f"  {AGAIN}"
        others = [item for item in self.results if item.status not in _DONE or _is_gone(item)]
        for outcome in others[:SHOWN]:
            yield f"  {outcome.line()}"
        if len(others) > SHOWN:
            yield f"  and {len(others) - SHOWN:,} more: see --results F, or --json"


def write_results(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a JSON object per order, to a file that is there whole or not at all."""
    lines = (json.dumps(to_json(outcome)) + "\n" for outcome in outcomes)
    write_atomically(path, "".join(lines).encode("ascii"))


def check_results(path: Path) -> None:
    """Raises `UsageError` if no results can be written to `path`: before anything is booked."""
    # A file is replaced. A pipe or a device would be as well, and is not there for it.
    why = ""
    if path.exists() and not path.is_file():
        why = "it is a folder" if path.is_dir() else "it is no file"
    try:
        if not why:
            sibling = hidden(path)
            sibling.open("wb").close()
            sibling.unlink()
    except OSError as error:
        why = (error.strerror or "it cannot be made").lower()
    if why:
        raise UsageError(
            f"the results cannot be written to {path}: {why}",
            "name a file in a folder that is there",
        )


def reported(outcomes: Sequence[Outcome], *, failures_only: bool) -> tuple[Outcome, ...]:
    """All of `outcomes`, or what somebody must look at."""
    failures = (REFUSED, CANCELLED, UNTRIED)
    return tuple(
        item for item in outcomes if not failures_only or item.status in failures or _is_gone(item)
    )


def summarise(outcomes: Sequence[Outcome], *, failures_only: bool) -> AppliedFile:
    """The result of the whole file."""
    counts = {
        status: sum(outcome.status == status for outcome in outcomes)
        for status in (ACKNOWLEDGED, QUEUED, REFUSED, CANCELLED)
    }
    return AppliedFile(
        orders=len(outcomes),
        acknowledged=counts[ACKNOWLEDGED],
        queued=counts[QUEUED],
        refused=counts[REFUSED] + counts[CANCELLED],
        repeated=sum(outcome.repeated for outcome in outcomes),
        results=reported(outcomes, failures_only=failures_only),
        undone=sum(map(_is_gone, outcomes)),
        scheduled=sum(outcome.status == SCHEDULED for outcome in outcomes),
    )


def _is_gone(outcome: Outcome) -> bool:
    """Whether a repeated order says something that no longer stands."""
    return bool(outcome.undone) or outcome.changed
