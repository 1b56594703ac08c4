"""Units (卷, 箱): the status of each reel, roll or box, and what receipts report of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...codegen import ids
from ...codegen.dossier import verified_serials
from ...codegen.errors import UsageError
from ...codegen.invocation import Invocation
from ...codegen.ledger.changes import Incident, IncidentFacts, UnitMoved
from ...codegen.ledger.records import UnitRow
from ...codegen.ranges.serials import Range, Ranges, count, intersect
from ...codegen.result import Result
from ...codegen.station.station import Station

STATUSES = ("received", "mounted", "used", "lost")
LOST = "lost"
NOTE_CHARACTERS = 200


@dataclass(frozen=True)
class UnitShown(Result):
    """A unit, which is one data file of a package: its status, and what receipts report.

    `pair`: the second batch of a package of two; its codes of these serials are in the unit too.
    `verified`: how many of its codes were read back from printed labels, which were right.
    """

    unit: str
    package: str
    batch: str
    pair: str | None
    file: str
    serials: Ranges
    rows: int
    status: str
    note: str | None
    printed: int
    spoiled: int
    spoiled_count: int
    copies: int = 1
    verified: int = 0

    @classmethod
    def of(
        cls, row: UnitRow, reported: Mapping[tuple[str, str], int], right: Ranges
    ) -> "UnitShown":
        """From the ledger's row, and (unit, kind) → codes that the package's receipts report.

        `right`: serials of the package whose printed labels were verified.
        """
        # Of copies, the number of spoiled ones counts labels of codes that are printed.
        uncertain = row.spoiled_count if row.copies == 1 else 0
        by_count = row.rows - uncertain if row.counted else 0
        spoiled = reported.get((row.unit, "spoiled"), 0)
        by_count -= spoiled + reported.get((row.unit, "reopened"), 0)
        return cls(
            unit=row.unit,
            package=row.package,
            batch=row.batch,
            pair=row.pair,
            file=row.name,
            serials=(Range(row.first, row.last),),
            rows=row.rows,
            status=row.status,
            note=row.note,
            printed=reported.get((row.unit, "printed"), 0) or max(0, by_count),
            spoiled=spoiled,
            spoiled_count=row.spoiled_count,
            copies=row.copies,
            verified=count(intersect(right, (Range(row.first, row.last),))),
        )

    def line(self) -> str:
        """One line of a package's list."""
        receipts = ""
        if self.printed or self.spoiled or self.spoiled_count:
            receipts = f"  {self.printed:,} printed, {self.spoiled + self.spoiled_count:,} spoiled"
        if receipts and self.copies > 1:
            labels = f"{self.spoiled * self.copies + self.spoiled_count:,} labels spoiled"
            receipts = f"  {self.printed:,} codes printed, {labels}"
        if self.verified:
            receipts += f"  {self.verified:,} verified"
        times = f" x {self.copies:,}" if self.copies > 1 else ""
        codes = f"{self.serials[0]}  {self.rows:,} codes{times}"
        return f"{self.unit}  {self.status:<8}  {self.file}  {codes}{receipts}"

    def lines(self) -> Iterator[str]:
        """The unit; if it is lost, what to do about its codes."""
        yield f"{self.line()}  package {self.package}"
        if self.note:
            yield f"  {self.note}"
        if self.status == LOST:
            yield "  its codes are as they were; to end them:"
            for batch in filter(None, (self.batch, self.pair)):
                yield f"  mintmark void {batch} --unit {self.unit} --reason lost"


def unit(
    invocation: Invocation, name: str, status: str | None, package: str | None, note: str | None
) -> UnitShown:
    """Show a unit. With `status`, first record it; `lost` is also an incident.

    Raises `NotFound`, `UsageError` for an unknown status, `Refused` if the status cannot
    follow the present status.
    """
    station = invocation.station()
    if status is not None and status not in STATUSES:
        raise UsageError(
            f"unknown status {ids.shown(status, name=True)}", f"known: {', '.join(STATUSES)}"
        )
    if note is not None and (status is None or not 1 <= len(note) <= NOTE_CHARACTERS):
        raise UsageError(
            f"a note is 1 to {NOTE_CHARACTERS} characters and belongs to a --status",
            "give the status with it: --status mounted --note 'line 3'",
        )
    with station.ledger.read() as view:
        row = view.unit(name, package)
    if status is not None:
        changes: list[UnitMoved | Incident] = [UnitMoved(row.package, row.unit, status, note)]
        if status == LOST:
            serials = Range(row.first, row.last)
            detail = f"unit {row.unit} of package {row.package}, serials {serials}"
            facts = IncidentFacts(
                batch=row.batch, package=row.package, unit=row.unit, serials=(serials,)
            )
            changes.append(Incident("unit-lost", detail, facts))
        station.ledger.commit(station.author, *changes)
    return _shown(station, row)


def _shown(station: Station, row: UnitRow) -> UnitShown:
    with station.ledger.read() as view:
        found = view.unit(row.unit, row.package)
        return UnitShown.of(found, view.reported(row.package), verified_serials(view, row.package))
