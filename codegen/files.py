"""Writing files so that a crash leaves the old one, the new one, or none: never a half.

Every file that mintmark makes goes through here, but for those that are streamed (sealed
batches, archives): they take `create` and `sync`, and are renamed by `station.publish`.
"""

import os
from pathlib import Path
from typing import BinaryIO

from .errors import Refused

OWNER_ONLY = 0o600


def hidden(final: Path) -> Path:
    """The hidden sibling that becomes `final` by a rename in one folder."""
    return final.with_name(f".{final.name}.part")


def fsync_folder(folder: Path) -> None:
    """Make renames in `folder` durable. Windows has no such call: a stated limit."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(file: BinaryIO) -> None:
    """Have what was written to `file` reach the disk."""
    file.flush()
    os.fsync(file.fileno())


def create(path: Path, mode: str = "xb") -> BinaryIO:
    """A new file only its owner may read, for writing. Raises `FileExistsError`."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, OWNER_ONLY))  # type: ignore[return-value]


def write_atomically(path: Path, data: bytes) -> None:
    """Make or replace `path`, durably: after a crash it is the old file or the new one."""
    sibling = hidden(path)
    try:
        with sibling.open("wb") as file:
            file.write(data)
            sync(file)
        sibling.replace(path)
    except BaseException:
        sibling.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def write_exclusively(path: Path, data: bytes) -> None:
    """Make the new file `path`, readable by its owner alone, durably.

    Raises `Refused` if it exists. After a failure the file is gone again.
    """
    try:
        file = create(path)
    except FileExistsError:
        raise Refused(
            f"{path} exists already and is not overwritten", "name another file"
        ) from None
    try:
        with file:
            file.write(data)
            sync(file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)
