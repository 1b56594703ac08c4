"""Serials as an argument of a command, or in a file that the argument names: `@FILE`."""

from pathlib import Path

from .errors import NotFound, UsageError
from .ranges.selection import join_lines
from .text_files import decode

FILE_BYTES = 16_777_216


def read_text(text: str) -> str:
    """`text` itself, or what the file named by `@FILE` lists, in one line.

    Raises `NotFound`, and `UsageError` for a file that is too large, or that `decode` or
    `join_lines` refuses.
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
    return join_lines(decode(data, str(path), words=False), str(path))
