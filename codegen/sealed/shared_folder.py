"""A folder that every station sees, as a store: a share of a file server, or a disk of one machine.

An object appears whole or not at all, and nothing that is there is ever replaced:

| step | a crash leaves |
| --- | --- |
| 1. the bytes go to a hidden name beside the key, synced | a hidden file, which `list` gives too |
| 2. the file gets the key as a second name, unless that is taken | the object, under both names |
| 3. the hidden name is removed | the object |
| 4. the folders are synced | the object, for good |

obstore has a store for folders, too; it does not sync.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ..away import VaultAway
from ..errors import EnvironmentFailure, MintmarkError
from ..files import create, fsync_folder, open_own, sync
from .store import Listed, checked

# What a file system answers that has no second names for files.
_NO_LINKS = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}
)
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_PIECE = 1_048_576


class SharedFolder:
    """The store in the folder at `root`, which must be there: see `store.ObjectStore`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._root)

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        with self._told():
            return self._path(key).stat().st_size

    def read(self, key: str, first: int, size: int) -> bytes:
        """As `ObjectStore.read`."""
        return self.read_many(key, (first,), size)[0]

    def read_many(self, key: str, firsts: Iterable[int], size: int) -> list[bytes]:
        """As `ObjectStore.read_many`."""
        with self._told(), open_own(self._path(key), buffering=0) as file:
            found = []
            for first in firsts:
                file.seek(first)
                found.append(file.read(size))
            return found

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""

        def write(file: BinaryIO) -> None:
            file.write(data)

        if not self._put(key, write) and self.read(key, 0, len(data) + 1) != data:
            raise FileExistsError(errno.EEXIST, "holds other bytes", key)

    def put_file(self, key: str, path: Path) -> None:
        """As `ObjectStore.put_file`. Raises `FileExistsError` if the key is taken."""
        with open_own(path) as source:
            self.put_blocks(key, iter(partial(source.read, _PIECE), b""))

    def put_blocks(self, key: str, blocks: Iterable[bytes]) -> None:
        """As `ObjectStore.put_blocks`. Raises `FileExistsError` if the key is taken."""
        if not self._put(key, lambda file: file.writelines(blocks)):
            raise FileExistsError(errno.EEXIST, "is there already", key)

    def list(self, prefix: str) -> Iterator[Listed]:
        """As `ObjectStore.list`. What a crash left of a `put` has a name that begins with a dot."""
        top = self._path(prefix) if prefix else self._root
        with self._told():
            found = list(_walk(top)) if self._root.is_dir() else []
            if not found:
                self._there()
        for path, status in found:
            changed = datetime.fromtimestamp(status.st_mtime, UTC)
            yield Listed(path.relative_to(self._root).as_posix(), status.st_size, changed)

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        path = self._path(key)
        with self._told():
            path.unlink(missing_ok=True)

    def clock(self) -> datetime:
        """As `ObjectStore.clock`: what a new file is stamped with."""
        self._there()
        path = self._root / f".clock-{secrets.token_hex(8)}.part"
        with self._told():
            try:
                create(path).close()
                return datetime.fromtimestamp(path.stat().st_mtime, UTC)
            finally:
                path.unlink(missing_ok=True)

    def _put(self, key: str, write: Callable[[BinaryIO], None]) -> bool:
        """Whether the object was made; False if the key is taken."""
        path = self._path(key)
        self._there()
        beside = path.with_name(f".{path.name}-{secrets.token_hex(8)}.part")
        with self._told():
            missing = [folder for folder in path.parents if not folder.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with create(beside, owner_only=False) as file:  # 1
                    write(file)
                    sync(file)
                made = _named(beside, path)  # 2
            finally:
                beside.unlink(missing_ok=True)  # 3
            for folder in {path.parent, *(each.parent for each in missing)}:
                fsync_folder(folder)  # 4
        return made

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _there(self) -> None:
        """Raises `VaultAway` without the folder: what is written would lie below a mount."""
        if not self._root.is_dir():
            raise self._away()

    def _away(self) -> VaultAway:
        return VaultAway(
            f"the shared folder {self._root} does not answer",
            "is the share mounted, and its server running? then repeat the command",
        )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the system in our words; what is missing stays `FileNotFoundError`."""
        try:
            yield
        except MintmarkError:
            raise
        except FileExistsError:
            raise
        except FileNotFoundError:
            self._there()
            raise
        except OSError as error:
            if error.errno in _REFUSED:
                raise EnvironmentFailure(
                    f"the shared folder {self._root} refuses: {error.strerror}",
                    "give the user that runs mintmark the right to read and write there",
                ) from None
            if error.errno in _FULL:
                raise EnvironmentFailure(
                    f"the shared folder {self._root} takes no more: {error.strerror}",
                    "free some space there, then repeat the command; nothing was booked",
                ) from None
            raise self._away() from None


def _named(beside: Path, path: Path) -> bool:
    """Give the file at `beside` the name `path`; False if that is taken."""
    try:
        if os.name == "nt":
            beside.rename(path)  # which fails there if the name is taken
        else:
            os.link(beside, path)
    except FileExistsError:
        # A file server may say so of its own first try: the caller compares.
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # The key is random: nobody else makes it in between.
        if path.exists():
            return False
        beside.rename(path)
    return True


def _walk(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():  # noqa: PTH208 - names only
        path = folder / name
        with contextlib.suppress(FileNotFoundError):  # by another station, meanwhile
            status = path.stat()
            if path.is_dir():
                yield from _walk(path)
            else:
                yield path, status
