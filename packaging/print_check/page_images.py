"""The pages of picture files and PDFs as grey pictures, one at a time.

Pillow opens picture files (`pictures.py`), pdftoppm draws PDFs (`pdf_pages.py`).
"""

from collections.abc import Iterator
from pathlib import Path

from ...codegen.errors import NotFound
from . import pdf_pages, pictures
from .find_symbols import Page

_HEAD = 1_024  # bytes: %PDF- stands in them (ISO 32000-1, annex H, note 13)

_PICTURES = (b"\xff\xd8", b"\x89PNG", b"II", b"MM", b"BM", b"RIFF")


def pages(path: Path) -> Iterator[Page]:
    """The pages of a picture file or PDF, each drawn when it is taken.

    Raises `NotFound`; `UsageError` if the file is no picture or too large;
    `EnvironmentFailure` if a PDF needs a program that is not installed.
    """
    if not path.is_file():
        raise NotFound(f"no file {path}", "name pictures of the proof (PNG, JPEG, TIFF), or a PDF")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    # A picture may hold a PDF in its metadata; then it begins as pictures do.
    if b"%PDF-" in head and not head.startswith(_PICTURES):
        yield from pdf_pages.drawn(path)
    else:
        yield from map(Page, pictures.frames(path))
