"""What a label on a sheet costs: `pdf-sheet` against segno and reportlab.

    python bench/pdf.py [LABELS [ROUNDS]]

Both draw the same A4 sheets of 48 symbols with the serial under each, at level M, the mask
chosen automatically, into memory. Writing and reading back (every symbol decoded by zxing-cpp,
every page drawn again and compared) are timed separately. Then LABELS are written without a
pause, a document for every 10,000, and the memory is measured. Only this bench uses reportlab;
if it is not installed, its line is left out.
"""

import io
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import segno

from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.formats.format import PackageLayout, PackageUnit
from mintmark.packaging.formats.registry import format_for
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.geometry import Paint

try:
    from reportlab.lib.units import mm
    from reportlab.pdfgen.canvas import Canvas
except ImportError:
    Canvas = None

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TEMPLATE = "HTTPS://Q.EXAMPLE.CN/{code}"
UNIT = 10_000
PEERS = 240  # labels per turn of segno and reportlab
ROUNDS = 3


def codes(count: int) -> list[str]:
    return ["".join(random.choices(ALPHABET, k=16)) for _ in range(count)]


def slice_of(codes: bytes, first: int) -> Callable[[Range], bytes]:
    """What gives the codes of a range, of those from serial `first` on."""
    return lambda serials: codes[(serials.first - first) * 16 : (serials.last + 1 - first) * 16]


class Ours:
    """`pdf-sheet` with the symbols as paths or masks."""

    def __init__(self, paint: Paint) -> None:
        base = builtin("pdf-sheet")
        profile = replace(base, sheet=replace(base.sheet, paint=paint))
        self.format = format_for(
            PackageLayout("K7QM-9X2C4DEF", "K7QM-3T9A2BCD", 16, ALPHABET, TEMPLATE, profile)
        )

    def write(self, first: int, texts: list[str]) -> bytes:
        """The document of `texts`, serial `first` on."""
        unit = self.unit(first, len(texts))
        codes = "".join(texts).encode("ascii")
        made = [
            self.format.make(unit, part, b"".join(map(slice_of(codes, first), part.ranges)))
            for part in self.format.parts(unit)
        ]
        (chunk,) = self.format.join(unit, made)
        return chunk.data

    def read(self, first: int, count: int, data: bytes) -> None:
        """Read a document back, as `package verify` does."""
        for _ in self.format.read(self.unit(first, count), iter([("0001.pdf", iter([data]))])):
            pass

    def unit(self, first: int, count: int) -> PackageUnit:
        return PackageUnit(0, "K7QM-11112222", Range(first, first + count - 1))


def by_reportlab(texts: list[str]) -> bytes:
    """The same sheets as most programs draw them: a path per symbol."""
    out = io.BytesIO()
    canvas = Canvas(out)
    for at, text in enumerate(texts):
        row, column = divmod(at % 48, 6)
        x, y = (16 + column * 30) * mm, (250 - row * 34) * mm
        symbol = segno.make_qr(TEMPLATE.format(code=text), error="M", boost_error=False)
        path = canvas.beginPath()
        for up, line in enumerate(reversed(symbol.matrix)):
            for right, dark in enumerate(line):
                if dark:
                    path.rect(x + right * 0.5 * mm, y + up * 0.5 * mm, 0.5 * mm, 0.5 * mm)
        canvas.drawPath(path, stroke=0, fill=1)
        canvas.drawString(x, y - 3 * mm, f"{at + 1:06d}")
        if at % 48 == 47:
            canvas.showPage()
    canvas.save()
    return out.getvalue()


def race(rounds: int) -> None:
    """Print the medians of labels per second; contenders take turns."""
    texts = codes(UNIT)
    ours = {f"mintmark, {paint}": Ours(paint) for paint in Paint}
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, maker in ours.items():
            start = time.perf_counter()
            data = maker.write(1, texts)
            written = time.perf_counter()
            maker.read(1, UNIT, data)
            rates.setdefault(name, []).append(UNIT / (written - start))
            rates.setdefault(f"{name}, read back", []).append(
                UNIT / (time.perf_counter() - written)
            )
        if Canvas is not None:
            start = time.perf_counter()
            by_reportlab(texts[:PEERS])
            rates.setdefault("segno + reportlab", []).append(PEERS / (time.perf_counter() - start))
    medians = {name: statistics.median(measured) for name, measured in rates.items()}
    peer = medians.get("segno + reportlab")
    for name, rate in medians.items():
        ratio = "" if peer is None else f"{rate / peer:>12,.0f}x the peer"
        print(f"{name:28}{rate:>12,.0f} labels/s{ratio}")


def many_documents(labels: int) -> None:
    """Write documents one after another, as an export does, and print time and memory."""
    maker, size = Ours(Paint.MASK), 0
    block = codes(UNIT)
    start = time.perf_counter()
    for first in range(1, labels + 1, UNIT):
        size += len(maker.write(first, block[: min(UNIT, labels + 1 - first)]))
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(
        f"{labels:,} labels as masks: {seconds:.1f} s, {labels / seconds:,.0f} labels/s, "
        f"{size / labels:.0f} bytes per label, {memory:.0f} MB at most"
    )


def main() -> None:
    labels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    race(int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS)
    many_documents(labels)


if __name__ == "__main__":
    main()
