"""Labels for units (卷, 箱): each identifies its reel, roll or box and holds no code.

A label is a picture for any printer. What its letters cannot say, such as a product's Chinese
name, stands in the list for label software and under the picture on a page for the browser.
"""

import csv
import html
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...codegen.errors import Refused
from ...codegen.files import create
from ...codegen.ledger.records import UnitRow
from ...codegen.ledger.view import View
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..formats import raster
from ..formats.picture import png_of
from ..formats.role_names import ROLES_ZH
from ..formats.strokes import ADVANCE, EM, HEIGHT, drawable, width

# Above it the CSV is enough: label software makes the pictures.
MAX_LABELS = 10_000
_DPI = 300
_SIZE = (945, 354)  # dots: 80 x 30 mm
_MODULE = 10  # dots
_QUIET = 4  # modules
_LARGE, _SMALL, _LEAST = 11.0, 8.0, 5.0  # points
_LEADING = 1.7


class LabelAbout(NamedTuple):
    """The batch of the labels: product, role, and the batches (id, role) on the same items."""

    product: str
    role: str
    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, view: View, batch: str) -> "LabelAbout":
        """What the books say of it."""
        row, others = view.batch(batch), view.partners(batch)
        return cls(row.product or "", row.role, tuple((o.batch, o.role) for o in others))


@dataclass(frozen=True)
class LabelsResult(Result):
    """Labels for units: a picture per unit, a list for label software, a page to print."""

    package: str
    folder: Path
    labels: int
    listing: Path
    page: Path

    def lines(self) -> Iterator[str]:
        """What was written."""
        end = "" if self.labels == 1 else "s"
        yield f"{self.labels:,} unit label{end} of package {self.package} in {self.folder}"
        yield f"  list for label software: {self.listing}"
        yield f"  all of them, to print from a browser: {self.page}"


def labels(station: Station, package: str, out: Path, only: str | None) -> LabelsResult:
    """`<unit>.png`, `<package>-labels.csv` and `<package>-labels.html` in the folder `out`.

    A picture shows a QR symbol of the unit's id, and beside it unit, serials, file, package,
    batch and, if its letters are Latin, the product. With `only` a unit, its id names the files.
    Raises `NotFound`, `Refused` if a file exists already; then no label is left.
    """
    with station.ledger.read() as view:
        units = view.units(package)
        if only is not None:
            units = (view.unit(only, package),)
        about = LabelAbout.of(view, units[0].batch)
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
            _new(folder / f"{row.unit}.png", _label(row, about), written)
        listed, page = (folder / f"{only or package}-labels.{end}" for end in ("csv", "html"))
        _new(listed, _list(units, about), written)
        _new(page, _page(units, about), written)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return LabelsResult(package, folder, len(units), listed, page)


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


def _label(row: UnitRow, about: LabelAbout) -> bytes:
    """A label as PNG of one bit."""
    across, down = _SIZE
    drawn = np.zeros((down, across), np.bool_)
    symbol = _symbol(row.unit)
    top = (down - len(symbol)) // 2
    drawn[top : top + len(symbol), : len(symbol)] = symbol
    room = across - len(symbol) - _MODULE
    y = down - 1.5 * _MODULE
    lines = list(_words(row, about))
    points = [_LARGE, *(_SMALL for _ in lines[1:])]
    points = [min(p, _fitting(words, room)) for p, words in zip(points, lines, strict=True)]
    leading = min(_LEADING, (y - _MODULE) / (HEIGHT * _dots(sum(points))))
    for words, size in zip(lines, points, strict=True):
        fits = int((room / _dots(size) - width(1)) / ADVANCE) + 1
        y -= HEIGHT * _dots(size)
        raster.text(drawn, words[:fits], (len(symbol), y), _dots(size))
        y -= HEIGHT * _dots(size) * (leading - 1)
    return png_of(drawn, _DPI)


def _fitting(words: str, room: int) -> float:
    """The points at which a line fills `room` dots; at least `_LEAST`, and then it is cut."""
    return max(_LEAST, room / width(len(words)) / _dots(1))


def _dots(points: float) -> float:
    """The dots of a stroke's unit."""
    return points * _DPI / 72 / EM


def _words(row: UnitRow, about: LabelAbout) -> Iterator[str]:
    """The lines beside the symbol; the product if it can be drawn."""
    yield f"UNIT {row.unit}"
    yield f"SERIALS {row.first}-{row.last}"
    yield f"{'PAIRS' if row.pair else 'CODES'} {row.rows:,}" + _times(row, " X {:,} = {:,} LABELS")
    yield f"FILE {row.name}"
    yield f"PACKAGE {row.package}"
    yield f"BATCH {row.batch} ({about.role} CODES)"
    for name, role in about.pairs:
        if name == row.pair:
            yield f"AND {name} ({role}) ON EACH LABEL"
        else:
            yield f"KEEP APART FROM {name} ({role})"
    if about.product and drawable(about.product):
        yield f"PRODUCT {about.product}"


def _times(row: UnitRow, words: str) -> str:
    """`words` with copies and labels, if codes are on more than one label."""
    return words.format(row.copies, row.rows * row.copies) if row.copies > 1 else ""


def _symbol(text: str) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """The symbol with its quiet zone, (n, n) dots."""
    import segno

    symbol = segno.make_qr(text, error="q", boost_error=False)
    rows = [list(row) for row in symbol.matrix_iter(border=_QUIET)]
    dots: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = np.kron(
        np.array(rows, np.bool_), np.ones((_MODULE, _MODULE), np.bool_)
    )
    return dots


def _list(units: tuple[UnitRow, ...], about: LabelAbout) -> bytes:
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer)
    table.writerow(
        (
            *("unit", "package", "batch", "file", "first", "last", "codes", "label"),
            *("product", "role", "pairs", "copies", "labels"),
        )
    )
    said = about.product, about.role, " ".join(name for name, _ in about.pairs)
    for row in units:
        span = (row.first, row.last, row.rows, f"{row.unit}.png")
        labels = row.copies, row.rows * row.copies
        table.writerow((row.unit, row.package, row.batch, row.name, *span, *said, *labels))
    return buffer.getvalue().encode("utf-8-sig")


_STYLE = """
@page { margin: 8mm }
body { font: 9pt "Microsoft YaHei", "PingFang SC", "Noto Sans CJK SC", sans-serif; margin: 0 }
figure { display: inline-block; width: 82mm; margin: 1mm; padding: 1mm; border: 0.2mm dashed #999;
  break-inside: avoid; vertical-align: top }
img { width: 80mm; height: 30mm; display: block }
figcaption { margin: 0 2mm 1mm; overflow-wrap: anywhere }
span { display: inline-block }
"""


def _page(units: tuple[UnitRow, ...], about: LabelAbout) -> bytes:
    """All labels, the product's name under each, for the browser of any computer."""
    lines = [
        '<!DOCTYPE html><html lang="zh"><meta charset="utf-8">',
        f"<title>{html.escape(units[0].package)}</title><style>{_STYLE}</style>",
    ]
    for row in units:
        says = [
            f"卷号 {row.unit}",
            f"流水号 {row.first}-{row.last}",
            f"{row.rows:,} {'对' if row.pair else '个'}码" + _times(row, "×{:,}＝{:,} 张"),
        ]
        says = [f"产品 {about.product}", *says] if about.product else says
        says.append(ROLES_ZH.get(about.role, about.role))
        says += [
            ("每枚标签上还有 {}（{}）" if name == row.pair else "不能与 {}（{}）混放").format(
                name, ROLES_ZH.get(role, role)
            )
            for name, role in about.pairs
        ]
        caption = "　".join(f"<span>{html.escape(text)}</span>" for text in says)
        lines.append(
            f'<figure><img src="{row.unit}.png" alt="{row.unit}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return "\n".join((*lines, "</html>", "")).encode("utf-8")
