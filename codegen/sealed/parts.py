"""What a batch consists of in the vault, and what is asked of the place where it lies."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .ahead import Span

if TYPE_CHECKING:
    from .runs import OpenRun, Prefixes, PrefixSource


class Parts(NamedTuple):
    """The five files of a batch, in the order they are published."""

    sealed: Path
    fingerprints: Path
    run: Path
    wraps: Path
    record: Path


SUFFIXES = Parts(*map(Path, (".sealed", ".fingerprints", ".run", ".wraps.json", ".mint.json")))


class Uploaded(NamedTuple):
    """A part of a batch as a new object of the store; `sha256` is hex."""

    part: str
    key: str
    size: int
    sha256: str


class Storage(Protocol):
    """Where the parts of batches lie, each by the name of its file.

    What is not there raises `FileNotFoundError`. Where the parts are objects of a store, every call
    may raise `VaultAway`, `EnvironmentFailure`, and `IntegrityError` for an object that is gone, or
    that is not what the ledger says.
    """

    def size(self, name: str) -> int:
        """Bytes of the part."""

    def version(self, name: str) -> object:
        """What changes when the part is written anew; None if it is not there."""

    def knows(self, batch: str) -> bool:
        """Whether anything of the batch is there."""

    def read(self, name: str, first: int, size: int) -> bytes:
        """`size` bytes from offset `first`, fewer at the end."""

    def read_many(self, name: str, firsts: Iterable[int], size: int) -> list[bytes]:
        """`size` bytes from each offset; ascending offsets are fastest."""

    def read_each(self, name: str, spans: Iterable[Span]) -> Iterator[bytes]:
        """The bytes of each span, in order, a few of them in memory."""

    def digest(self, name: str, progress: Callable[[int], None]) -> str:
        """SHA-256 of the part, hex, all of it read; `progress(n)` after every n bytes more."""

    def put(self, name: str, data: bytes) -> Uploaded | None:
        """Make or replace a small part. In a store: the object, which the ledger must name yet."""

    def names(self) -> list[str]:
        """The names of all files that are kept here, hidden ones left out."""

    def run(self, name: str) -> "AbstractContextManager[OpenRun]":
        """A run to be read in whole, at hand as long as the block lasts."""

    def source(self, name: str) -> "PrefixSource":
        """The run as something that knows prefixes."""

    def look_up(self, name: str, prefixes: "Prefixes") -> list[tuple[int, int]]:
        """(serial, position in `prefixes`) of each entry of the run with one of them, sorted."""
