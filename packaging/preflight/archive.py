"""A package's archive, opened with its password: the content of its entries, by name.

Every content is authenticated before it is handed out (`zip/reader.py`).
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ...codegen.errors import IntegrityError
from ...codegen.secret import Secret
from ...codegen.workers.pool import WorkerKind, Workers
from ..package.manifest import README_NAME, SIGNED_NAMES
from ..zip import reader
from ..zip.diagnosis import changed, explained
from ..zip.keys import SALT, KnownKeys, stretch
from ..zip.reader import broken

_PROBES = 16  # entries that a password is tried on, a millisecond each
_SURE = 2  # of those: by chance, a wrong password fits two of 16 once in 36 million times
_SMALL = 32 << 20  # bytes of an entry that is read to learn whether the password is right


class Archive:
    """The archive at `path`, open as `file`.

    Raises `IntegrityError` unless it has exactly the form that the writer makes; the error says
    what the file is instead, as far as that can be seen (`zip/diagnosis.py`). Keys in `known`, if
    they are the password's, are not stretched anew for `contents`.
    """

    def __init__(
        self, path: Path, file: BinaryIO, password: Secret, known: KnownKeys | None = None
    ) -> None:
        self.path = path
        self._known = known if known is not None and known.are_of(password) else None
        try:
            found = reader.entries(file)
        except IntegrityError as refusal:
            raise explained(file, path.name, refusal) from None
        self.entries = {entry.name: entry for entry in found}
        self._file, self._password = file, password

    def require_password(self) -> None:
        """Raises `IntegrityError` if the password opens nothing at all.

        It is right if a tag agrees, which a wrong password reaches once in 2^80 times. The verifier
        of two bytes says less: a wrong password fits one entry in 65,536. So a password that fits
        a single entry of several, and does not open it, is a wrong one; one that fits two or more
        is right, and what it does not open is damaged.
        """
        for name in (*SIGNED_NAMES, README_NAME):
            if name not in self.entries:
                raise changed(f"{name} is missing, which every package has")
        fitting = 0
        for name in self._probes():
            entry, keys = self.entries[name], self._unlock(self._file, name)
            if entry.packed <= _SMALL and reader.opens(self._file, entry, keys):
                return
            fitting += keys.fits
        if fitting < _SURE:
            raise IntegrityError(
                "wrong password: it opens nothing in this archive",
                "type it as given: capital letters and hyphens",
                "is it the password of another package?",
            )

    def _probes(self) -> list[str]:
        """Names of entries to try a password on: the three of every package, then some others."""
        always = [SIGNED_NAMES[1], README_NAME, SIGNED_NAMES[0]]
        others = (name for name in self.entries if name not in always)
        return always + list(itertools.islice(others, _PROBES - len(always)))

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
        for name, keys in zip(names, self._keys(file, names), strict=True):
            yield name, self._content(file, name, keys)

    def _keys(self, file: BinaryIO, names: Sequence[str]) -> Iterator[reader.Keys]:
        heads = (reader.head(file, self.entries[name]) for name in names)
        if self._known is None:
            with Workers(WorkerKind.THREADS if len(names) > 1 else WorkerKind.INLINE) as workers:
                yield from workers.map(self._stretched, heads)
            return
        for name, head in zip(names, heads, strict=True):
            found = self._known.find(self.entries[name].number, head[:SALT])
            yield self._stretched(head) if found is None else reader.keys_of(head, found)

    def _stretched(self, head: bytes) -> reader.Keys:
        return reader.keys_of(head, stretch(head[:SALT], self._password))

    def _unlock(self, file: BinaryIO, name: str) -> reader.Keys:
        return reader.unlock(file, self.entries[name], self._password)

    def _content(self, file: BinaryIO, name: str, keys: reader.Keys) -> Iterator[bytes]:
        if not keys.fits:
            raise broken(f"{name} is damaged, or encrypted with another password")
        return reader.content(file, self.entries[name], keys)
