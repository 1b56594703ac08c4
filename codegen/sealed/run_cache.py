"""The runs of a shared home that this station keeps at hand: bounded, checked, shared by processes.

| a crash in | leaves |
| --- | --- |
| a download | a hidden file, which the next download of that run writes over |
| the rename | the run, whole: its digest was compared before |
| throwing away | the run, or none |

A run is downloaded by one process at a time (a lock), compared with the digest that the ledger
names, and renamed into place. Whoever reads one has it open: its name may go meanwhile, for room,
and Windows keeps what is open. What is on the disk is compared again before this process relies on
it for uniqueness; a file that is another is thrown away and fetched anew.
"""

import contextlib
import hashlib
import hmac
import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from ..errors import IntegrityError
from ..files import create, file_version, fsync_folder, hidden, open_own, sync
from .record import file_digest

LOCKS = 16  # files to lock; two runs may share one
TRIES = 5
Download = Callable[[], Iterable[bytes]]


class RunCache:
    """The runs in `folder`, at most `limit` bytes of them but for the one in use."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self._sound: dict[Path, tuple[int, ...] | None] = {}

    def has(self, name: str, size: int) -> bool:
        """Whether the run is here, as long as it must be."""
        with contextlib.suppress(OSError):
            return (self.folder / name).stat().st_size == size
        return False

    @contextlib.contextmanager
    def opened(
        self, name: str, size: int, sha256: str, download: Download, *, exact: bool
    ) -> Iterator[BinaryIO]:
        """The run, open, and fetched by `download` if it is not here.

        `exact`: it is compared with its digest, unless this process did so. Raises
        `IntegrityError` if what was fetched is not what the ledger names.
        """
        path = self.folder / name
        for _ in range(TRIES):
            # Another process may throw it away before it is opened: then it is fetched again.
            with contextlib.suppress(FileNotFoundError):
                if not self.has(name, size) or (exact and not self._is_sound(path, sha256)):
                    self._fetch(path, size, sha256, download)
                with open_own(path) as file:
                    _used(path)
                    yield file
                    return
        raise IntegrityError(
            f"{name} is thrown away faster than it is read",
            "give the cache more room: cache_bytes in [vault] of mintmark.toml",
        )

    def keep(self, path: Path, name: str) -> None:
        """Take the file at `path`, on the same disk, as the run `name`: its mint is booked."""
        final = self.folder / name
        path.replace(final)
        self._make_room(final)

    def damaged(self, digests: dict[str, str]) -> list[Path]:
        """The runs here that are not what `digests` (name → SHA-256, hex) say; others are left."""
        return [
            path
            for name, digest in digests.items()
            if (path := self.folder / name).is_file() and file_digest(path) != digest
        ]

    def _is_sound(self, path: Path, sha256: str) -> bool:
        version = file_version(path)
        if version is None or self._sound.get(path) != version:
            if not hmac.compare_digest(file_digest(path), sha256):
                return False
            self._sound[path] = version
        return True

    def _fetch(self, path: Path, size: int, sha256: str, download: Download) -> None:
        lock = f".fetch-{zlib.crc32(path.name.encode('utf-8')) % LOCKS}.lock"
        with FileLock(self.folder / lock, thread_local=False):
            if self.has(path.name, size) and self._is_sound(path, sha256):
                return  # another process was first
            part, digest = hidden(path), hashlib.sha256()
            try:
                with create(part, "wb") as file:
                    for block in download():
                        digest.update(block)
                        file.write(block)
                    sync(file)
                _hold(digest.hexdigest(), sha256, path.name)
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            self._sound[path] = file_version(path)
        fsync_folder(self.folder)
        self._make_room(path)

    def _make_room(self, used: Path) -> None:
        """Throw away runs, the one that was used longest ago first, until the rest fits."""
        found = []
        for path in (*self.folder.glob("*.run"), *self.folder.glob("*.sieve")):
            with contextlib.suppress(FileNotFoundError):
                found.append((path.stat(), path))
        total = sum(status.st_size for status, _ in found)
        for status, path in sorted(found, key=lambda item: item[0].st_atime_ns):
            if total <= self.limit:
                return
            if path != used and path.suffix == ".run":
                # Windows removes none that is open.
                with contextlib.suppress(OSError):
                    path.unlink()
                    total -= status.st_size


def _hold(found: str, sha256: str, name: str) -> None:
    if not hmac.compare_digest(found, sha256):
        raise IntegrityError(
            f"{name} in the store is not the file that was minted",
            "bring the object back from a copy or an older version of the bucket",
            file=name,
        )


def _used(path: Path) -> None:
    """Note that the run was used now: a disk that notes no reading must know as well."""
    with contextlib.suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
