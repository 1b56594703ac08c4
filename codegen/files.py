"""Writing files so that a crash leaves the old file, the new file, or none: never half a file.

Every file that mintmark makes begins here; SQLite makes its own beside `ledger.db`. Files that
are streamed (sealed batches, archives) use `create` and `sync`, and are renamed by
`station.publish`.

The steps, in this order, for a file that is replaced:

1. The data is written to a hidden sibling, in the same folder and so on the same disk.
2. The sibling is synced: a rename must not reach the disk before the data.
3. The sibling is renamed over the file (`os.replace`, atomic on POSIX and on Windows).
4. The folder is synced: until then a crash of the machine may undo the rename.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from .errors import IntegrityError, Refused

# A home has the first, and one of the others: books that stations share lie elsewhere.
HOME_FILES = ("mintmark.toml", "ledger.db", "keys/station.key")
OWNER_ONLY = 0o600
# What a file system answers that cannot sync a folder: shares of VirtualBox, some of FUSE.
_NO_SUCH_CALL = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})

_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # Windows has no pipes with names in folders


def lies_in(path: Path, folder: Path) -> bool:
    """Whether `path` is `folder`, or would lie in it, by whatever name either is called."""
    real, root = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    # One folder may have two names: letters in another case, or a second mount.
    return real.is_relative_to(root) or any(_same(parent, root) for parent in (real, *real.parents))


def home_of(path: Path) -> Path | None:
    """The home that `path` lies in, or would lie in, whosever it is; None if it lies in none."""
    real = Path(os.path.realpath(path))
    for folder in (real, *real.parents):
        settings, *others = (_is_file(folder / name) for name in HOME_FILES)
        if settings and any(others):
            return folder
    return None


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _same(path: Path, folder: Path) -> bool:
    try:
        return path.samefile(folder)
    except OSError:
        return False


def hidden(final: Path) -> Path:
    """The hidden sibling that becomes `final` by a rename in the same folder."""
    return final.with_name(f".{final.name}.part")


def fsync_folder(folder: Path) -> None:
    """Make renames in `folder` durable.

    Windows has no such call, nor have some file systems: a stated limit, and no failure.
    """
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise
    finally:
        os.close(descriptor)


def sync(file: BinaryIO) -> None:
    """Make what was written to `file` durable."""
    file.flush()
    os.fsync(file.fileno())


def open_own(path: Path, buffering: int = -1) -> BinaryIO:
    """The file `path` of a home, open for reading; `buffering` as for `open`.

    Raises `FileNotFoundError`; `IntegrityError` if what lies there is no file.
    """
    try:
        # Whoever opens a pipe waits for somebody to write to it.
        file = open(path, "rb", buffering, opener=_at_once)  # noqa: SIM115 - the caller closes it
    except IsADirectoryError:
        raise _no_file(path) from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise _no_file(path)
    return file


def _at_once(name: str, flags: int) -> int:
    return os.open(name, flags | _AT_ONCE)


def _no_file(path: Path) -> IntegrityError:
    return IntegrityError(
        f"{path} is no file", "move it away, and bring the file back from your copy of the home"
    )


def create(path: Path, mode: str = "xb", *, owner_only: bool = True) -> BinaryIO:
    """A new file, open for writing; by default only its owner may read it.

    Otherwise the umask decides: for what is made to be handed on. Raises `FileExistsError`.
    The mode is given when the file is made: a later chmod would leave a moment to open it.
    """
    rights = OWNER_ONLY if owner_only else 0o666
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, rights))  # type: ignore[return-value]


def write_atomically(path: Path, data: bytes) -> None:
    """Make or replace `path`, durably: after a crash it is the old file or the new file."""
    replace_all({path: data})


def replace_all(contents: Mapping[Path, bytes]) -> None:
    """Make or replace every file, durably. After an exception all are as they were.

    A crash between two renames leaves some new, and each of them whole. Raises `OSError`, also for
    what is there and no file: a rename would replace a device or a pipe as well.
    """
    for path in contents:
        if path.exists() and not path.is_file():
            code = errno.EISDIR if path.is_dir() else errno.ENOTSUP
            raise OSError(code, "no file, and not replaced", str(path))
    siblings = {path: hidden(path) for path in contents}
    try:
        for path, data in contents.items():
            with siblings[path].open("wb") as file:
                file.write(data)  # 1
                sync(file)  # 2
        for path, sibling in siblings.items():
            sibling.replace(path)  # 3
    except BaseException:
        for sibling in siblings.values():
            sibling.unlink(missing_ok=True)
        raise
    for folder in {path.parent for path in contents}:
        fsync_folder(folder)  # 4


def write_exclusively(path: Path, data: bytes, *, owner_only: bool = True) -> None:
    """Make the new file `path`, durably; by default only its owner may read it.

    Raises `Refused` if it exists. After a failure the file is gone again.
    """
    try:
        file = create(path, owner_only=owner_only)
    except FileExistsError:
        raise Refused(
            f"{path} exists already and is not overwritten", "name another file"
        ) from None
    try:
        with file:
            file.write(data)
            sync(file)
        fsync_folder(path.parent)
    except BaseException:
        # Of a disk that fails, the error to tell is the first.
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def file_version(path: Path) -> tuple[int, ...] | None:
    """What changes when a file is written anew: size, time, number; None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
