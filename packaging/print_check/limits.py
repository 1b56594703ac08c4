"""How large a page may be. It is checked before memory is taken for its pixels."""

from pathlib import Path

from ...codegen.errors import UsageError

MAX_PIXELS = 170_000_000  # A4 at 1,200 dpi
MAX_PAGES = 1_000  # of a file


def check_page(path: Path, number: int, width: int, height: int) -> None:
    """Raises `UsageError` for a page, counted from 1, that is one too many or too large."""
    if number > MAX_PAGES:
        raise UsageError(f"{path} has more than {MAX_PAGES:,} pages", "name a part of it")
    if width * height > MAX_PIXELS:
        raise UsageError(
            f"{path}: page {number} has more than {MAX_PIXELS // 10**6:,} million pixels",
            "scan at a lower resolution, or in parts",
        )
