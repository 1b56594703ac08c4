"""`orders apply`: a file of orders, each booked by itself, then all sent.

A bad order does not stop the others. An order without an id gets an id that follows from
the file, so that applying a file twice orders nothing twice.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...codegen.errors import NotFound, Refused, UsageError
from ...codegen.files import write_atomically
from ...codegen.progress import Progress
from ...codegen.ranges import serials
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result, to_json
from ...codegen.station.station import Station
from ..client.protocol import Client
from ..delivery.deliver import Courier
from ..orders import sheets
from ..orders.orders import ACKNOWLEDGED, CANCELLED, QUEUED, REFUSED, book, notes
from ..orders.sheets import Row

SHOWN = 20


@dataclass(frozen=True)
class Outcome:
    """The result of an order of a file.

    `status`: acknowledged; queued; refused, here (nothing is booked: `booked` is false)
    or by the backend; cancelled. `repeated`: it was booked before, by the same file. `notes`:
    sentences on how it was understood.
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
    notes: tuple[str, ...] = ()

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

    @property
    def exit_code(self) -> int:
        """3 if an order was refused, else 75 while an order is queued."""
        if self.refused:
            return 3
        return 75 if self.queued else 0

    def lines(self) -> Iterator[str]:
        """Counts, then what is not acknowledged."""
        yield (
            f"{self.orders:,} orders: {self.acknowledged:,} acknowledged, {self.queued:,} queued,"
            f" {self.refused:,} refused"
        )
        if self.repeated:
            yield f"  {self.repeated:,} of them were booked before, by this same file"
        others = [outcome for outcome in self.results if outcome.status != ACKNOWLEDGED]
        for outcome in others[:SHOWN]:
            yield f"  {outcome.line()}"
        if len(others) > SHOWN:
            yield f"  and {len(others) - SHOWN:,} more: see --results F, or --json"


def read_file(path: Path) -> tuple[Row, ...]:
    """The rows of the file at `path`. Raises `NotFound`, or `UsageError` as `sheets.read`."""
    try:
        with path.open("rb") as file:
            data = file.read(sheets.FILE_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(f"no file {path}", "name the file that lists the orders") from None
    return sheets.read(data)


def apply(  # noqa: PLR0913 - the command's options
    station: Station,
    client: Client | None,
    rows: Sequence[Row],
    *,
    name: str = "",
    failures_only: bool = False,
    progress: Progress = lambda *_: None,
) -> AppliedFile:
    """Book every row, send what was booked, and return the outcome of each.

    Raises `IntegrityError` and `EnvironmentFailure`, after which the same file can be
    applied again.
    """
    named = sheets.order_ids(station.config.home_id, rows, name)
    outcomes = []
    for done, (row, order) in enumerate(zip(rows, named, strict=True), 1):
        outcomes.append(_book(station, row, order))
        progress("orders", done, len(rows))
    detail = _send(station, client, outcomes)
    settled = [_settled(station, outcome, detail) for outcome in outcomes]
    return _summary(settled, failures_only=failures_only)


def write_results(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a JSON object per order, to a file that is there whole or not at all."""
    lines = (json.dumps(to_json(outcome)) + "\n" for outcome in outcomes)
    write_atomically(path, "".join(lines).encode("ascii"))


def _book(station: Station, row: Row, order: str) -> Outcome:
    action, batch = (_field(row, name) for name in ("action", "batch"))
    try:
        request = replace(row.request(station.config.time_zone), order=order)
        _, booked = book(station, request)
    except (UsageError, Refused, NotFound) as error:
        hint = "; ".join(error.hints) or None
        return Outcome(
            row.number, order, action, batch, REFUSED, booked=False, detail=error.message, hint=hint
        )
    return Outcome(
        row.number,
        order,
        request.action.value,
        request.batch,
        QUEUED,
        booked=True,
        repeated=booked.repeated,
        applied=booked.applied,
        skipped=booked.skipped,
        notes=notes(station, request, booked.applied),
    )


def _field(row: Row, name: str) -> str | None:
    """A field of a row that may be malformed, short enough to be shown."""
    value: Any = row.fields.get(name)
    return value[:64] if isinstance(value, str) and value.isprintable() else None


def _send(station: Station, client: Client | None, outcomes: Sequence[Outcome]) -> str | None:
    if client is None:
        return "no backend is configured"
    courier, detail = Courier(station, client, sturdy=True), None
    for batch in dict.fromkeys(outcome.batch for outcome in outcomes if outcome.booked):
        detail = courier.deliver(batch=batch).detail or detail
    return detail


def _settled(station: Station, outcome: Outcome, detail: str | None) -> Outcome:
    """The outcome with what the ledger has of the order now."""
    if not outcome.booked:
        return outcome
    with station.ledger.read() as view:
        row = view.order(outcome.order)
    return replace(
        outcome, status=row.status, detail=row.detail or (detail if row.status == QUEUED else None)
    )


def _summary(outcomes: Sequence[Outcome], *, failures_only: bool) -> AppliedFile:
    counts = {
        status: sum(outcome.status == status for outcome in outcomes)
        for status in (ACKNOWLEDGED, QUEUED, REFUSED, CANCELLED)
    }
    failures = (REFUSED, CANCELLED)
    shown = [outcome for outcome in outcomes if not failures_only or outcome.status in failures]
    return AppliedFile(
        orders=len(outcomes),
        acknowledged=counts[ACKNOWLEDGED],
        queued=counts[QUEUED],
        refused=counts[REFUSED] + counts[CANCELLED],
        repeated=sum(outcome.repeated for outcome in outcomes),
        results=tuple(shown),
    )
