"""What a symbol costs: the batch encoder against segno, zint and zxing-cpp.

    python bench/qr.py [ROUNDS]

All contenders make symbols of the same payloads at level M, the mask chosen automatically (and
for segno and mintmark also fixed), into memory: no picture is drawn or written. Contenders
take turns, so that a machine whose speed drifts affects all of them alike; medians are compared.
zint (its start-up included) is left out if it is not installed.
"""

import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import segno
import zxingcpp

from mintmark.packaging.symbols.encoder import Encoder

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIXES = ["HTTPS://Q.EXAMPLE.CN/", "https://q.example.cn/01/06901234567892/21/"]
LENGTH = 16
LEVEL = "M"
MASK = 3
BLOCK = 65_536
ROUNDS = 7

# Name → (symbols per turn, the turn)
Contenders = dict[str, tuple[int, Callable[[], object]]]


def contenders(prefix: str, codes: list[str], scratch: Path) -> Contenders:
    """All contenders, each with as many of the same payloads as take a tenth of a second."""
    block = "".join(codes).encode("ascii")
    payloads = [prefix + code for code in codes]
    automatic = Encoder(prefix, LENGTH, ALPHABET, level=LEVEL)
    fixed = Encoder(prefix, LENGTH, ALPHABET, level=LEVEL, mask=MASK)

    def by_segno(count: int, mask: int | None) -> None:
        for payload in payloads[:count]:
            segno.make_qr(payload, error=LEVEL, boost_error=False, mask=mask)

    def by_zxing(count: int) -> None:
        for payload in payloads[:count]:
            zxingcpp.create_barcode(payload, zxingcpp.QRCode, ec_level=LEVEL)

    found: Contenders = {
        "mintmark": (len(codes), lambda: automatic.encode(block)),
        "mintmark, fixed mask": (len(codes), lambda: fixed.encode(block)),
        "segno": (40, lambda: by_segno(40, None)),
        "segno, fixed mask": (160, lambda: by_segno(160, MASK)),
        "zxing-cpp": (800, lambda: by_zxing(800)),
    }
    if zint := shutil.which("zint"):
        batch = scratch / "payloads.txt"
        batch.write_text("".join(f"{payload}\n" for payload in payloads[:8_000]), "ascii")
        command = [zint, "--batch", "--input", str(batch), "--barcode=QRCODE", "--secure=2"]
        found["zint --batch"] = (
            8_000,
            lambda: subprocess.run([*command, "--dump"], check=True, stdout=subprocess.DEVNULL),
        )
    check(prefix, codes, automatic)
    return found


def check(prefix: str, codes: list[str], encoder: Encoder) -> None:
    """End the bench if a symbol is wrong: speed without correctness counts nothing."""
    made = encoder.encode("".join(codes[:100]).encode("ascii")).modules()
    for code, modules in zip(codes, made, strict=False):
        theirs = segno.make_qr(prefix + code, error=LEVEL, boost_error=False).matrix
        if not np.array_equal(modules, np.array([list(row) for row in theirs], dtype=bool)):
            sys.exit("a symbol differs from segno's")


def race(running: Contenders, rounds: int) -> dict[str, float]:
    """Name → the median of symbols per second."""
    rates: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(rounds):
        for name, (count, turn) in running.items():
            start = time.perf_counter()
            turn()
            rates[name].append(count / (time.perf_counter() - start))
    return {name: statistics.median(measured) for name, measured in rates.items()}


def main() -> None:
    """Print symbols per second, and mintmark's multiple of each peer."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    codes = ["".join(random.choices(ALPHABET, k=LENGTH)) for _ in range(BLOCK)]
    for prefix in PREFIXES:
        start = time.perf_counter()
        encoder = Encoder(prefix, LENGTH, ALPHABET, level=LEVEL)
        learned = time.perf_counter() - start
        with tempfile.TemporaryDirectory() as scratch:
            rates = race(contenders(prefix, codes, Path(scratch)), rounds)
        print(f"version {encoder.version}-{LEVEL}, {encoder.mode}; learned in {learned:.2f} s")
        print(f"{'':22}{'symbols/s':>12}{'automatic is':>16}{'fixed mask is':>16}")
        for name, rate in rates.items():
            ratios = (rates[ours] / rate for ours in ("mintmark", "mintmark, fixed mask"))
            print(f"{name:22}{rate:>12,.0f}" + "".join(f"{ratio:>15,.1f}x" for ratio in ratios))


if __name__ == "__main__":
    main()
