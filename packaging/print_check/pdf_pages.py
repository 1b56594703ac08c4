"""The pages of PDFs, drawn by pdftoppm into memory, so that nothing is written to disk.

A page is drawn at `COARSE_DPI`. Where that shows no symbol, or symbols that cannot be read, it is
drawn again at `FINE_DPI`, which shows modules of 4 dots at 1,200 dpi as 4 pixels: part by part,
and so in bounded memory.
"""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import pikepdf

from ...codegen.errors import EnvironmentFailure, UsageError
from .find_symbols import Grey, Page, Part
from .limits import check_page

COARSE_DPI = 300
FINE_DPI = 1_200
_TIMES = FINE_DPI // COARSE_DPI
_SECONDS = 120.0  # per page or part
_PART = 6_000  # pixels of a part's side
_OVERLAP = 1_200  # pixels: an inch. Symbols that need FINE_DPI are smaller


def drawn(path: Path) -> Iterator[Page]:
    """The pages of a PDF. Raises as `page_images.pages` does."""
    program = shutil.which("pdftoppm")
    if program is None:
        raise EnvironmentFailure(
            "no program here can draw a PDF",
            "install poppler-utils (it brings pdftoppm); macOS: brew install poppler",
            "or save the pages as PNG at 300 dpi, and name those",
        )
    for number, (width, height) in enumerate(_sizes(path), start=1):
        check_page(path, number, width, height)
        draw = partial(_draw, program, path, number)
        grey = draw(COARSE_DPI)
        yield Page(grey, partial(_parts, draw, grey.shape))


def _sizes(path: Path) -> list[tuple[int, int]]:
    """Width and height of a PDF's pages, in pixels."""
    try:
        with pikepdf.open(path) as found:
            return [_pixels(page) for page in found.pages]
    except pikepdf.PasswordError:
        raise UsageError(
            f"{path} needs a password", "save it without one, or as PNG at 300 dpi"
        ) from None
    except (pikepdf.PdfError, ValueError, TypeError, ArithmeticError, AttributeError):
        raise UsageError(f"{path} is no PDF that can be read", "is it damaged?") from None


def _pixels(page: pikepdf.Page) -> tuple[int, int]:
    left, below, right, above = (float(side) for side in page.mediabox)
    unit = float(page.obj.get("/UserUnit", 1)) * COARSE_DPI / 72
    return int(abs(right - left) * unit), int(abs(above - below) * unit)


def _parts(draw: "partial[Grey]", shape: tuple[int, ...]) -> Iterator[Part]:
    """The page in overlapping parts at `FINE_DPI`; `shape` is its size at `COARSE_DPI`."""
    height, width = (side * _TIMES for side in shape)
    for top in _starts(height):
        for left in _starts(width):
            size = min(_PART, width - left), min(_PART, height - top)
            grey = draw(FINE_DPI, (left, top, *size))
            yield Part(grey, left / _TIMES, top / _TIMES, 1 / _TIMES)


def _starts(length: int) -> range:
    return range(0, max(1, length - _OVERLAP), _PART - _OVERLAP)


def _draw(
    program: str,
    path: Path,
    number: int,
    dpi: int,
    part: tuple[int, int, int, int] | None = None,
) -> Grey:
    """A page, or a part of it: left, top, width and height in pixels."""
    command = [program, "-q", "-r", str(dpi), "-gray", "-f", str(number), "-l", str(number)]
    if part is not None:
        command += [word for pair in zip("xyWH", part, strict=True) for word in _option(*pair)]
    try:
        process = subprocess.Popen(  # noqa: S603 - a known program, and no shell
            [*command, str(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        raise EnvironmentFailure("pdftoppm does not start", "install poppler-utils") from None
    watchdog = threading.Timer(_SECONDS, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None  # noqa: S101 - a pipe
        return _pgm(path, number, process.stdout)
    finally:
        watchdog.cancel()
        process.kill()
        if process.stdout is not None:
            process.stdout.close()
        process.wait()


def _option(name: str, value: int) -> tuple[str, str]:
    return f"-{name}", str(value)


def _pgm(path: Path, number: int, stream: IO[bytes]) -> Grey:
    """A binary PGM (Netpbm P5, 8 bits)."""
    kind, size, most = (stream.readline(40) for _ in range(3))
    width, height = map(int, size.split()) if kind == b"P5\n" and most == b"255\n" else (0, 0)
    check_page(path, number, width, height)
    data = stream.read(width * height)
    if not data or len(data) != width * height:
        raise UsageError(f"{path}: page {number} cannot be drawn", "is the file damaged?")
    return np.frombuffer(data, np.uint8).reshape(height, width)
