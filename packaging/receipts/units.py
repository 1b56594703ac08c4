"""Units (卷, 箱): where each one is, and the label that says which it is."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...codegen.errors import Refused, UsageError
from ...codegen.invocation import Invocation
from ...codegen.ledger.changes import Incident, IncidentFacts, UnitMoved
from ...codegen.ledger.records import UnitRow
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.result import Result
from ...codegen.station.station import Station

STATUSES = ("received", "mounted", "used", "lost")
LOST = "lost"
NOTE_CHARACTERS = 200
# Above it the CSV is enough: label software makes the pictures.
MAX_LABELS = 10_000
_SCALE = 8  # pixels a module: 1 cm at 300 dpi holds a version 1 symbol and its quiet zone


@dataclass(frozen=True)
class UnitShown(Result):
    """A unit: one data file of a package, where it is, what was told of it."""

    unit: str
    package: str
    batch: str
    file: str
    serials: Ranges
    rows: int
    status: str
    note: str | None
    printed: int
    spoiled: int
    spoiled_count: int

    @classmethod
    def of(cls, row: UnitRow, told: Mapping[tuple[str, str], int]) -> "UnitShown":
        """From the ledger's row, and what its package's receipts told."""
        by_count = row.rows - row.spoiled_count if row.counted else 0
        spoiled = told.get((row.unit, "spoiled"), 0)
        return cls(
            unit=row.unit,
            package=row.package,
            batch=row.batch,
            file=row.name,
            serials=(Range(row.first, row.last),),
            rows=row.rows,
            status=row.status,
            note=row.note,
            printed=told.get((row.unit, "printed"), 0) or max(0, by_count - spoiled),
            spoiled=spoiled,
            spoiled_count=row.spoiled_count,
        )

    def line(self) -> str:
        """One line of a package's list."""
        told = ""
        if self.printed or self.spoiled or self.spoiled_count:
            told = f"  {self.printed:,} printed, {self.spoiled + self.spoiled_count:,} spoiled"
        where = self.serials[0]
        return f"{self.unit}  {self.status:<8}  {self.file}  {where}  {self.rows:,} codes{told}"

    def lines(self) -> Iterator[str]:
        """The unit; what to do about one that is lost."""
        yield f"{self.line()}  package {self.package}"
        if self.note:
            yield f"  {self.note}"
        if self.status == LOST:
            yield "  its codes are as they were; to end them:"
            yield f"  mintmark void {self.batch} --unit {self.unit} --reason lost"


def unit(
    invocation: Invocation, name: str, status: str | None, package: str | None, note: str | None
) -> UnitShown:
    """One unit; with `status`, first note that it was seen there. A lost one is an incident.

    Raises `NotFound`, `UsageError` for an unknown status, `Refused` where it can't follow
    the present one.
    """
    station = invocation.station()
    if status is not None and status not in STATUSES:
        raise UsageError(f"unknown status {status[:40]!r}", f"known: {', '.join(STATUSES)}")
    if note is not None and (status is None or not 1 <= len(note) <= NOTE_CHARACTERS):
        raise UsageError(
            f"a note is 1 to {NOTE_CHARACTERS} characters and belongs to a --status",
            "say where it was seen: --status mounted --note 'line 3'",
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
        return UnitShown.of(view.unit(row.unit, row.package), view.told(row.package))


# --- labels --------------------------------------------------------------------------


@dataclass(frozen=True)
class LabelsResult(Result):
    """Labels for units: one QR symbol each, and a list for label software."""

    package: str
    folder: Path
    labels: int
    listing: Path

    def lines(self) -> Iterator[str]:
        """What was written."""
        yield f"{self.labels:,} unit labels of package {self.package} in {self.folder}"
        yield f"  list for label software: {self.listing}"


def labels(station: Station, package: str, out: Path, only: str | None) -> LabelsResult:
    """`<unit>.png`, a QR symbol of the unit's id, for each unit, and a list of them.

    A label says which reel it is and holds no code. Raises `NotFound`, `Refused` where a
    file is there already; then nothing is left.
    """
    with station.ledger.read() as view:
        units = view.units(package)
        if only is not None:
            units = (view.unit(only, package),)
    if len(units) > MAX_LABELS:
        raise Refused(
            f"package {package} has {len(units):,} units; at most {MAX_LABELS:,} labels at once",
            "name one of them: --unit U",
        )
    folder = out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        for row in units:
            _new(folder / f"{row.unit}.png", _symbol(row.unit), written)
        listed = folder / f"{only or package}-labels.csv"
        _new(listed, _list(units), written)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return LabelsResult(package, folder, len(units), listed)


def _new(path: Path, data: bytes, written: list[Path]) -> None:
    try:
        with path.open("xb") as file:
            written.append(path)
            file.write(data)
    except FileExistsError:
        raise Refused(
            f"{path} exists already and is not overwritten", "name another folder"
        ) from None


def _symbol(text: str) -> bytes:
    import segno

    buffer = io.BytesIO()
    segno.make_qr(text, error="q", boost_error=False).save(
        buffer, kind="png", scale=_SCALE, border=4
    )
    return buffer.getvalue()


def _list(units: tuple[UnitRow, ...]) -> bytes:
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer)
    table.writerow(("unit", "package", "batch", "file", "first", "last", "codes", "label"))
    for row in units:
        where = (row.first, row.last, row.rows)
        table.writerow((row.unit, row.package, row.batch, row.name, *where, f"{row.unit}.png"))
    return buffer.getvalue().encode("utf-8-sig")
