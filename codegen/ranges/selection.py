"""Serials as a person or a script lists them in a text of many lines. Pure: see `serials_file`."""

import re

from ..errors import UsageError
from . import cut_short, notation

_NEXT = re.compile(r"next:\d+", re.ASCII)
# What an order may carry in a request to the backend.
RANGES_PER_ORDER = 1_000
HINT = "write one serial or range per line"


def join_lines(text: str, source: str) -> str:
    """The serials and ranges of `text` in one line, as `notation.parse` takes them.

    Each line is a list for itself; `#` begins a comment. `source` names the text in errors.
    Raises `UsageError`, which quotes nothing of the text, for a line that holds anything else
    or has two meanings, for a text that was cut short, and for one that lists no serials.
    """
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    if cut_short.is_unfinished(text):
        cut_short.check_list(lines[-1], source)
    listed = [part for number, line in enumerate(lines, 1) if (part := _line(line, number, source))]
    if not listed:
        raise UsageError(f"{source} lists no serials", HINT)
    return ";".join(listed)


def _line(line: str, number: int, source: str) -> str:
    """The list in a line, without what ends it; empty if there is none."""
    part = notation.fold(line).strip(notation.ENDS)
    if not part or part.lower() in notation.ALL or _NEXT.fullmatch(part):
        return part
    # Not quoted: a file named by mistake may hold a password, or codes.
    if notation.grouping(part):
        raise UsageError(
            f"{source} holds a number in line {number} whose digits may be grouped",
            "write 1;990 or 1990, whichever is meant by 1,990",
        )
    try:
        return ";".join(notation.parts(part))
    except UsageError:
        raise UsageError(
            f"{source} holds something else than serials in line {number}", HINT
        ) from None
