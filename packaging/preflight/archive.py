"""A package's archive, opened with its password: the content of its entries, by name.

Every content is authenticated before it is handed out (`zip/reader.py`).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ...codegen.errors import IntegrityError
from ...codegen.secret import Secret
from ...codegen.workers.pool import WorkerKind, Workers
from ..package.manifest import README_NAME, SIGNED_NAMES
from ..zip import reader
from ..zip.reader import broken


class Archive:
    """The archive at `path`, open as `file`.

    Raises `IntegrityError` unless it has exactly the form that the writer makes.
    """

    def __init__(self, path: Path, file: BinaryIO, password: Secret) -> None:
        self.path = path
        self.entries = {entry.name: entry for entry in reader.entries(file)}
        self._file, self._password = file, password

    def require_password(self) -> None:
        """Raises `IntegrityError` if the password opens nothing at all.

        If it opens any of the three entries that every package has, it is right, and what it
        does not open is damaged.
        """
        names = [name for name in (*SIGNED_NAMES, README_NAME) if name in self.entries]
        if len(names) != 3:
            raise broken("it holds no manifest, signature or README, so it is no package of ours")
        if not any(self._unlock(self._file, name).fits for name in names):
            raise IntegrityError(
                "wrong password: it opens nothing in this archive",
                "type it as given: capital letters and hyphens",
                "is it the password of another package?",
            )

    def read(self, name: str, limit: int) -> bytes:
        """The whole content of an entry of at most `limit` bytes."""
        if self.entries[name].size > limit:
            raise broken(f"{name} is too large")
        return b"".join(self._content(self._file, name, self._unlock(self._file, name)))

    def contents(
        self, file: BinaryIO, names: Sequence[str]
    ) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Name and content of each entry, read from `file`, an open file of the same archive.

        While a content is taken, the keys of the next entries are stretched in threads.
        """
        heads = (reader.head(file, self.entries[name]) for name in names)
        with Workers(WorkerKind.THREADS if len(names) > 1 else WorkerKind.INLINE) as workers:
            keys = workers.map(lambda head: reader.stretch(head, self._password), heads)
            for name, key in zip(names, keys, strict=True):
                yield name, self._content(file, name, key)

    def _unlock(self, file: BinaryIO, name: str) -> reader.Keys:
        return reader.unlock(file, self.entries[name], self._password)

    def _content(self, file: BinaryIO, name: str, keys: reader.Keys) -> Iterator[bytes]:
        if not keys.fits:
            raise broken(f"{name} is damaged, or encrypted with another password")
        return reader.content(file, self.entries[name], keys)
