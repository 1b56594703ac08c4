"""The vault of a home that one machine keeps: the parts are files of a folder."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import file_version, open_own, write_atomically
from .ahead import Span
from .record import file_digest

if TYPE_CHECKING:
    from .runs import OpenRun, Prefixes, PrefixSource


class Folder:
    """Storage in a local folder: see `parts.Storage`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def size(self, name: str) -> int:
        """Bytes in the file `name`. Raises `FileNotFoundError`."""
        return (self.path / name).stat().st_size

    def version(self, name: str) -> object:
        """As `Storage.version`."""
        return file_version(self.path / name)

    def knows(self, batch: str) -> bool:
        """Whether a file of `batch` is here."""
        return any(name.startswith(f"{batch}.") for name in self.names())

    def read(self, name: str, first: int, size: int) -> bytes:
        """`size` bytes of the file `name` from offset `first`, fewer at its end."""
        with open_own(self.path / name) as file:
            file.seek(first)
            return file.read(size)

    def read_many(self, name: str, firsts: Iterable[int], size: int) -> list[bytes]:
        """`size` bytes of the file `name` from each offset; ascending offsets are fastest."""
        with open_own(self.path / name, buffering=0) as file:
            found = []
            for first in firsts:
                file.seek(first)
                found.append(file.read(size))
            return found

    def read_each(self, name: str, spans: Iterable[Span]) -> Iterator[bytes]:
        """As `Storage.read_each`. The file is open only while it is read."""
        return (self.read(name, *span) for span in spans)

    def digest(self, name: str, progress: Callable[[int], None]) -> str:
        """As `Storage.digest`."""
        return file_digest(self.path / name, progress)

    def put(self, name: str, data: bytes) -> None:
        """Make or replace the file `name`: after a crash it is the old file or the new file."""
        write_atomically(self.path / name, data)

    def names(self) -> list[str]:
        """The names of all files, hidden ones left out."""
        return sorted(path.name for path in self.path.iterdir() if not path.name.startswith("."))

    @contextlib.contextmanager
    def run(self, name: str) -> "Iterator[OpenRun]":
        """As `Storage.run`."""
        yield self.path / name

    def source(self, name: str) -> "PrefixSource":
        """As `Storage.source`."""
        from .runs import RunFile

        return RunFile(self.path / name)

    def look_up(self, name: str, prefixes: "Prefixes") -> list[tuple[int, int]]:
        """As `Storage.look_up`. Raises `IntegrityError` for a file that cannot be a run."""
        from .runs import lookup

        return sorted(lookup(self.path / name, prefixes))
