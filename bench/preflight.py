"""What reading symbols back costs: zxing-cpp over every symbol, compared with its code.

    python bench/preflight.py [SYMBOLS]

Symbols are read once as those of a picture profile (in memory, of exact dots), and once as pages
of pdf-sheet: the dots are taken from the content stream and decoded, and every page is drawn
again. The promise is 10,000 symbols in under 15 seconds, on a single core.
"""

import random
import sys
import time

from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.formats.format import PackageLayout, PackageUnit
from mintmark.packaging.formats.image import encoder_of
from mintmark.packaging.formats.reading import decode_all
from mintmark.packaging.formats.sheet import SheetFormat
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.profile import Profile

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "HTTPS://Q.EXAMPLE.CN/"
LENGTH, BLOCK = 16, 2_000
PROMISE = 15.0  # seconds for 10,000


def layout(profile: Profile) -> PackageLayout:
    return PackageLayout(
        "K7QM-9X2C4DEF", "K7QM-3T9A2BCD", LENGTH, SYMBOLS, f"{PREFIX}{{code}}", profile
    )


def pictures(codes: bytes) -> float:
    """Seconds to decode all symbols and compare them."""
    encoder = encoder_of(layout(builtin("png")))
    blocks = [codes[at : at + BLOCK * LENGTH] for at in range(0, len(codes), BLOCK * LENGTH)]
    drawn = [encoder.encode(block) for block in blocks]
    start = time.perf_counter()
    for block, symbols in zip(blocks, drawn, strict=True):
        due = [PREFIX.encode() + block[at : at + LENGTH] for at in range(0, len(block), LENGTH)]
        assert decode_all(symbols, range(len(due))) == due
    return time.perf_counter() - start


def sheets(codes: bytes) -> float:
    """Seconds to read a document back."""
    form = SheetFormat(layout(builtin("pdf-sheet")))
    unit = PackageUnit(0, "K7QM-11112222", Range(1, len(codes) // LENGTH))
    made = [
        form.make(
            unit,
            part,
            b"".join(codes[(r.first - 1) * LENGTH : r.last * LENGTH] for r in part.ranges),
        )
        for part in form.parts(unit)
    ]
    (chunk,) = form.join(unit, made)
    data = bytes(chunk.data)
    start = time.perf_counter()
    ((_, found),) = form.read(unit, iter([("0001.pdf", iter([data]))]))
    assert found == codes
    return time.perf_counter() - start


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    codes = "".join(random.choices(SYMBOLS, k=count * LENGTH)).encode("ascii")
    for name, measure in (("pictures", pictures), ("pdf-sheet", sheets)):
        seconds = measure(codes)
        kept = "kept" if seconds * 10_000 / count < PROMISE else "NOT KEPT"
        print(
            f"preflight, {name:10}{count:>8,} symbols in {seconds:5.1f} s, "
            f"{count / seconds:>7,.0f}/s; 10,000 under {PROMISE:.0f} s: {kept}"
        )


if __name__ == "__main__":
    main()
