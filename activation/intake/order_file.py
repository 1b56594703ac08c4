"""A file of orders, read once: its rows, and what tells it from a file written anew."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ...codegen.errors import NotFound, Refused
from ..orders import sheets
from ..orders.sheets import FileVersion, Row


@dataclass(frozen=True)
class OrderFile:
    """The rows of a file, its version when it was read, and the digest of its bytes.

    Without a version it came from a pipe: only its content tells it from another.
    """

    rows: tuple[Row, ...]
    version: FileVersion | None = None
    sha256: str = ""


def version_of(path: Path) -> FileVersion | None:
    """Size and last change of a plain file; None for anything else, or if it is gone."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return _version(found) if stat.S_ISREG(found.st_mode) else None


def read_file(path: Path) -> OrderFile:
    """The file at `path`.

    Raises `NotFound`, `UsageError` as `sheets.read`, and `Refused` if the file is changed
    while it is read.
    """
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            data = file.read(sheets.FILE_BYTES + 1)
            after = os.fstat(file.fileno())
    except FileNotFoundError:
        raise NotFound(f"no file {path}", "name the file that lists the orders") from None
    if _version(before) != _version(after):
        raise Refused(
            f"{path} was changed while it was read", "give it again when its writer is done"
        )
    # A pipe has no size and no time of its own.
    version = _version(after) if stat.S_ISREG(after.st_mode) else None
    return OrderFile(sheets.read(data), version, hashlib.sha256(data).hexdigest())


def digest_of(path: Path) -> str | None:
    """The digest of the file's first bytes, as many as a file of orders may have; None if gone."""
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(sheets.FILE_BYTES + 1)).hexdigest()
    except OSError:
        return None


def _version(found: os.stat_result) -> FileVersion:
    return found.st_size, found.st_mtime_ns
