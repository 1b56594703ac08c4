"""The pages of picture files and PDFs as grey pictures, one at a time.

Pillow opens picture files. pdftoppm draws PDFs into memory, so nothing is written to disk. The
size of a page is checked before memory is taken for its pixels.
"""

import shutil
import subprocess
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pikepdf
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from ...codegen.errors import EnvironmentFailure, NotFound, UsageError
from .find_symbols import Grey

MAX_PIXELS = 170_000_000  # A4 at 1,200 dpi
MAX_PAGES = 1_000  # of a file
PDF_DPI = 300
_KINDS = ("PNG", "JPEG", "TIFF", "BMP")
_PDF_SECONDS = 120.0  # per page


def pages(path: Path) -> Iterator[Grey]:
    """The pages of a picture file or PDF, each drawn when it is taken.

    Raises `NotFound`; `UsageError` if the file is no picture or too large;
    `EnvironmentFailure` if a PDF needs a program that is not installed.
    """
    if not path.is_file():
        raise NotFound(f"no file {path}", "name pictures of the proof (PNG, JPEG, TIFF), or a PDF")
    with path.open("rb") as file:
        pdf = file.read(5) == b"%PDF-"
    yield from _drawn(path) if pdf else _frames(path)


def _frames(path: Path) -> Iterator[Grey]:
    """The frames of a picture file, upright, grey."""
    try:
        with _opened(path) as image:
            for number, frame in enumerate(ImageSequence.Iterator(image), start=1):
                _bounded(path, number, frame.width, frame.height)
                yield _grey(frame)
    except Image.DecompressionBombError:
        _bounded(path, 1, MAX_PIXELS, MAX_PIXELS)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise UsageError(
            f"{path} is no picture that can be read",
            "take PNG, JPEG, TIFF or BMP, or a PDF; photographs in HEIC: save them as JPEG",
        ) from None


def _opened(path: Path) -> Image.Image:
    with warnings.catch_warnings():
        # Pillow warns above half the size that it refuses, and MAX_PIXELS lies between the two.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(path, formats=_KINDS)


def _grey(frame: Image.Image) -> Grey:
    upright = ImageOps.exif_transpose(frame)
    if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
        # Transparent pixels show the paper.
        alpha = upright.convert("RGBA")
        upright = Image.new("RGBA", alpha.size, "white")
        upright.alpha_composite(alpha)
    return np.asarray(upright.convert("L"))


def _bounded(path: Path, number: int, width: int, height: int) -> None:
    if number > MAX_PAGES:
        raise UsageError(f"{path} has more than {MAX_PAGES:,} pages", "name a part of it")
    if width * height > MAX_PIXELS:
        raise UsageError(
            f"{path}: page {number} has more than {MAX_PIXELS // 10**6:,} million pixels",
            "scan at a lower resolution, or in parts",
        )


def _drawn(path: Path) -> Iterator[Grey]:
    program = shutil.which("pdftoppm")
    if program is None:
        raise EnvironmentFailure(
            "no program here can draw a PDF",
            "install poppler-utils (it brings pdftoppm); macOS: brew install poppler",
            "or save the pages as PNG at 300 dpi, and name those",
        )
    for number, (width, height) in enumerate(_sizes(path), start=1):
        _bounded(path, number, width, height)
        yield _page(program, path, number)


def _sizes(path: Path) -> list[tuple[int, int]]:
    """Width and height of a PDF's pages, in pixels."""
    try:
        with pikepdf.open(path) as found:
            return [_pixels(page) for page in found.pages]
    except (pikepdf.PdfError, ValueError, TypeError, ArithmeticError, AttributeError):
        raise UsageError(
            f"{path} is no PDF that can be read", "is it damaged, or needs it a password?"
        ) from None


def _pixels(page: pikepdf.Page) -> tuple[int, int]:
    left, below, right, above = (float(side) for side in page.mediabox)
    unit = float(page.obj.get("/UserUnit", 1)) * PDF_DPI / 72
    return int(abs(right - left) * unit), int(abs(above - below) * unit)


def _page(program: str, path: Path, number: int) -> Grey:
    command = [program, "-q", "-r", str(PDF_DPI), "-gray", "-f", str(number), "-l", str(number)]
    try:
        process = subprocess.Popen(  # noqa: S603 - a known program, and no shell
            [*command, str(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        raise EnvironmentFailure("pdftoppm does not start", "install poppler-utils") from None
    watchdog = threading.Timer(_PDF_SECONDS, process.kill)
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


def _pgm(path: Path, number: int, stream: IO[bytes]) -> Grey:
    """A binary PGM (Netpbm P5, 8 bits)."""
    kind, size, most = (stream.readline(40) for _ in range(3))
    width, height = map(int, size.split()) if kind == b"P5\n" and most == b"255\n" else (0, 0)
    _bounded(path, number, width, height)
    data = stream.read(width * height)
    if not data or len(data) != width * height:
        raise UsageError(f"{path}: page {number} cannot be drawn", "is the file damaged?")
    return np.frombuffer(data, np.uint8).reshape(height, width)
