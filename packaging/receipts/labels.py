"""Labels for units (卷, 箱): each identifies its reel, roll or box and holds no code."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...codegen.errors import Refused
from ...codegen.files import create
from ...codegen.ledger.records import UnitRow
from ...codegen.result import Result
from ...codegen.station.station import Station

# Above it the CSV is enough: label software makes the pictures.
MAX_LABELS = 10_000
_SCALE = 8  # pixels per module: 1 cm at 300 dpi holds a version 1 symbol and its quiet zone


@dataclass(frozen=True)
class LabelsResult(Result):
    """Labels for units: a QR symbol per unit, and a list for label software."""

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

    A label identifies the reel and holds no code. Raises `NotFound`, `Refused` if a file
    exists already; then no label is left.
    """
    with station.ledger.read() as view:
        units = view.units(package)
        if only is not None:
            units = (view.unit(only, package),)
    if len(units) > MAX_LABELS:
        raise Refused(
            f"package {package} has {len(units):,} units; at most {MAX_LABELS:,} labels at once",
            "name a unit: --unit U",
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
        # Not synced: labels are made again at will.
        with create(path, owner_only=False) as file:
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
        span = (row.first, row.last, row.rows)
        table.writerow((row.unit, row.package, row.batch, row.name, *span, f"{row.unit}.png"))
    return buffer.getvalue().encode("utf-8-sig")
