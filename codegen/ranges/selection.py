"""Serials as a person or a script names them, `@FILE` included."""

import re
from pathlib import Path

from ..errors import NotFound, UsageError

FILE_BYTES = 16_777_216
_LINE = re.compile(r"[\d, \t-]*|all|next:\d+", re.ASCII)
# What one order may carry on the wire.
RANGES_PER_ORDER = 1_000


def read_text(text: str) -> str:
    """`text` itself, or the contents of the file named by `@FILE`, as one comma list.

    In a file, serials and ranges stand between commas or one a line; `#` begins a
    comment. Raises `NotFound`, or `UsageError` for a file too large or not text.
    """
    if not text.startswith("@"):
        return text
    path = Path(text[1:])
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(f"no file {path}", "name the file that lists the serials") from None
    if len(data) > FILE_BYTES:
        raise UsageError(f"{path} is larger than {FILE_BYTES:,} bytes", "list ranges, not serials")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text in UTF-8", "save it as UTF-8") from None
    parts = [line.split("#")[0].strip().strip(",") for line in lines]
    for number, part in enumerate(parts, 1):
        # Not quoted: a file named by mistake may hold a password, or codes.
        if not _LINE.fullmatch(part):
            raise UsageError(
                f"{path} holds something else than serials in line {number}",
                "write one serial or range a line",
            )
    listed = ",".join(part for part in parts if part)
    if not listed:
        raise UsageError(f"{path} lists no serials", "write one serial or range a line")
    return listed
