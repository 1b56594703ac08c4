"""Serials as a person or a script lists them in a text of many lines. Pure: see `serials_file`."""

import re

from ..errors import UsageError

_LINE = re.compile(r"[\d, \t-]*|all|next:\d+", re.ASCII)
# What an order may carry in a request to the backend.
RANGES_PER_ORDER = 1_000


def join_lines(text: str, source: str) -> str:
    """The serials and ranges of `text` as a comma list, as `serials.parse` takes it.

    They stand between commas or one per line; `#` begins a comment. `source` names the text
    in errors. Raises `UsageError`, which quotes nothing of the text, for a line that holds
    anything else, and for a text that lists no serials.
    """
    parts = [line.split("#")[0].strip().strip(",") for line in text.splitlines()]
    for number, part in enumerate(parts, 1):
        # Not quoted: a file named by mistake may hold a password, or codes.
        if not _LINE.fullmatch(part):
            raise UsageError(
                f"{source} holds something else than serials in line {number}",
                "write one serial or range per line",
            )
    listed = ",".join(part for part in parts if part)
    if not listed:
        raise UsageError(f"{source} lists no serials", "write one serial or range per line")
    return listed
