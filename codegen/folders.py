"""A new folder of files, made so that a crash leaves all of it or no folder: never a part.

The steps, and what a crash after each leaves:

1. A hidden sibling of the folder is made.              the sibling, empty
2. Each file is written into it and synced.             the sibling, with some files or all
3. An empty folder that stands in its place is removed. the sibling, complete
4. The sibling is renamed.                              the folder, unless the machine crashed
5. The folder above is synced.                          the folder

The next call names a sibling that it finds, and does not touch it: its process may live.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from .errors import Refused
from .files import fsync_folder, hidden, lies_in, write_exclusively


@contextlib.contextmanager
def folder_made(path: Path) -> Iterator[None]:
    """`path` exists inside the block. After a failure the folders made for it are removed."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def free_place(folder: Path) -> Path:
    """The real path of `folder`, where nothing stands but perhaps an empty folder.

    Raises `Refused` if something does, or if it is the current folder: a shell would stay in the
    one that was there before.
    """
    real = Path(os.path.realpath(folder))
    if real.exists() and not (real.is_dir() and not any(real.iterdir())):
        raise Refused(f"{folder} exists already and is not overwritten", "name another folder")
    if real.exists() and lies_in(Path.cwd(), real):
        raise Refused(f"{folder} is the current folder", "name a new folder in it")
    if hidden(real).exists():
        raise Refused(
            f"{hidden(real)} is being made, or is left of a command that was stopped",
            "if no such command runs, remove that folder, and run the same command again",
        )
    return real


def write_folder(
    folder: Path,
    contents: Mapping[str, bytes],
    private: Collection[str],
    failpoint: Callable[[str], None] = lambda _: None,
) -> Path:
    """Make `folder` with the files `contents`: name, with slashes → bytes. Returns its real path.

    The folder and the files named in `private` are for their owner alone. Raises `Refused` as
    `free_place` does, and `OSError`; after an exception nothing is left.
    """
    real = free_place(folder)
    real.parent.mkdir(parents=True, exist_ok=True)
    sibling = hidden(real)
    sibling.mkdir(mode=0o700)  # 1
    try:
        failpoint("made")
        for name, data in contents.items():
            path = sibling / name
            path.parent.mkdir(exist_ok=True)
            write_exclusively(path, data, owner_only=name in private)  # 2
            failpoint(f"written {name}")
        fsync_folder(sibling)
        with contextlib.suppress(FileNotFoundError):
            real.rmdir()  # 3: a rename over a folder fails on Windows
        failpoint("cleared")
        sibling.rename(real)  # 4
    except BaseException:
        shutil.rmtree(sibling, ignore_errors=True)
        raise
    failpoint("renamed")
    fsync_folder(real.parent)  # 5
    return real
