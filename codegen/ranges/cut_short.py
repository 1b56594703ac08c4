"""Whether a text may have been cut short, so that its last line says more than was meant.

Pure. Whoever copies a file, or a program that dies while it writes, leaves a prefix of it. A
prefix that ends with a line end has lost whole lines, which a count or the next receipt shows.
A prefix that ends within a line may have turned `1-100` into `1-`, and a guard into no guard.
Many programs write no last line end, so its absence alone is no fault: a last line is refused
only if there are words that would continue it and mean less.
"""

import re
from collections.abc import Collection, Sequence

from ..errors import UsageError
from .notation import DASH, ENDS, fold

HINT = "the file was cut short, or wants a line end after its last line: send the whole file again"
# `1-`, in every spelling of it, and after the folding of full-width text.
_OPEN_RANGE = re.compile(rf"\d\s*{DASH}\s*\Z", re.IGNORECASE)
# A list that ends in a serial, and not in a range.
_LONE = re.compile(r"(?:.*[;、,])?\s*\d+")


def is_unfinished(text: str) -> bool:
    """Whether the last line of `text` has no line end."""
    return bool(text) and text[-1] not in "\r\n"


def check_list(text: str, source: str) -> None:
    """Raises `UsageError` if a list of serials ends, without a line end, in an open range."""
    if is_unfinished(text) and _OPEN_RANGE.search(fold(text)):
        raise UsageError(f"{source} ends in an open range and without a line end", HINT)


def fault_of_last_row(
    text: str, cells: Sequence[str], columns: Sequence[str], notes: Collection[str] = ()
) -> str | None:
    """Why the last row of the table `text` cannot be trusted; None if it can.

    `cells` are those of the last row, `columns` the names in the header. An empty last cell
    is trusted only in a column of `notes`, whose value changes nothing that is done.
    """
    if not is_unfinished(text):
        return None
    if len(cells) < len(columns):
        return "fewer cells than the header has, and no line end"
    last = fold(cells[-1]) if cells else ""
    if _OPEN_RANGE.search(last):
        return "ends in an open range, and without a line end"
    if last and last[-1] in ENDS:
        return "ends in a separator, and without a line end"
    if not last and columns[-1] not in notes:
        return "ends in an empty cell, and without a line end"
    return None


def fault_of_last_list(lists: Sequence[str]) -> str | None:
    """Why the last of such lists, at the end of a text without a line end, cannot be trusted.

    Where all the others end in ranges, `13` may be what is left of `136-140`: another code.
    """
    *others, last = (fold(text) for text in lists)
    if not others or not _LONE.fullmatch(last) or any(map(_LONE.fullmatch, others)):
        return None
    return "ends in a lone serial after rows of ranges, and without a line end"
