"""What a format is: how the codes of a unit become entries of the archive, and back.

Writing is a pipeline. The parent asks `parts` which codes come next and unseals them;
`make` works on a part in a worker, with nothing shared: a thread if libraries release the GIL,
a process if not (`Format.apart_from`); `join` runs in the parent over what was made, in order,
and cuts it into chunks of entries. A format is built before anything is unsealed, and refuses
then (`UsageError`) what it could not write.

Memory: a part has about `PART` codes, and a handful of parts are in flight.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from ...codegen.ranges.serials import Range, Ranges
from ..profiles.profile import Profile
from ..zip.reader import broken
from .sampling import Chosen, every
from .spread import Spread, inline

PART = 65_536  # codes in a part


@dataclass(frozen=True)
class SecondCode:
    """The second code on each label of a pair: its batch, and what its codes look like.

    `length` and `symbols`: of its codes; `template`: its payload, `{code}` once.
    """

    batch: str
    length: int
    symbols: str
    template: str


@dataclass(frozen=True)
class PackageLayout:
    """What all units of a package share.

    `length` and `symbols`: of its codes; `template`: the payload, `{code}` once. Each code is
    on `copies` labels: sheets hold its symbol so often, a row or a picture stands for all. With
    a `second` code, what formats take and give for a serial is its code, and the second one
    behind it.
    """

    package: str
    batch: str
    length: int
    symbols: str
    template: str
    profile: Profile
    copies: int = 1
    second: SecondCode | None = None

    @property
    def lengths(self) -> tuple[int, ...]:
        """The symbols of a label's code, or of both."""
        return (self.length,) if self.second is None else (self.length, self.second.length)

    @property
    def stride(self) -> int:
        """The symbols of all codes of a label."""
        return sum(self.lengths)

    @property
    def of_second(self) -> "PackageLayout":
        """The layout of the second codes by themselves. Of a pair only."""
        assert self.second is not None  # noqa: S101 - the caller looked
        return replace(self, **vars(self.second), second=None)


@dataclass(frozen=True)
class PackageUnit:
    """A reel, roll or box: the `index`-th of the package, from 0, and its serials."""

    index: int
    id: str
    serials: Range


class UnitPart(Protocol):
    """A part of a unit: which codes `make` needs, in the order it needs them."""

    @property
    def ranges(self) -> Ranges:
        """Of the unit's serials; in all parts together each of them."""

    @property
    def count(self) -> int:
        """Of the unit's codes so many are done with it; in all parts together each once."""


class Chunk(NamedTuple):
    """Bytes of an entry; chunks of the same name that follow each other make an entry.

    `packed`: the same bytes deflated by `deflate.deflate`, or None if the entry is
    stored as it is. All chunks of an entry are alike in that.
    """

    name: str
    data: bytes | memoryview
    packed: bytes | None = None


Codes = tuple[Ranges, bytes]
"""Serials, and the concatenated codes of all of them, in that order; of a pair both of each."""

File = tuple[str, Iterator[bytes]]
"""An entry's name and its bytes, in pieces that must be taken before the next entry."""


class Format(Protocol):
    """A format, for a package. Safe to be used by several threads at once.

    The class is called with a `PackageLayout`, and raises `UsageError` for a layout that it cannot
    write.
    """

    apart_from: int | None
    """Labels of a package from which its parts are worth processes; None if threads do."""

    def __init__(self, layout: PackageLayout) -> None: ...

    def names(self, unit: PackageUnit) -> Iterator[str]:
        """The unit's entries in their order; the first is `Profile.unit_name`."""

    def parts(self, unit: PackageUnit) -> Iterator[UnitPart]:
        """The unit's parts in their order; never none."""

    def make(self, unit: PackageUnit, part: Any, codes: bytes) -> Any:  # noqa: ANN401 - the format's own
        """What `join` needs of a part. Runs in a worker; what a process gives can be pickled."""

    def join(self, unit: PackageUnit, made: Iterable[Any]) -> Iterator[Chunk]:
        """The unit's entries, of what `make` made of its parts. Runs in the parent."""

    def read(
        self,
        unit: PackageUnit,
        files: Iterator[File],
        chosen: Chosen = every,
        spread: Spread = inline,
    ) -> Iterator[Codes]:
        """The unit's codes, proved to be all that its entries hold; every serial once.

        The `chosen` symbols are read by another decoder too, and compared with their codes.
        What holds the GIL is done by `spread`.
        Raises `IntegrityError` for entries that `join` would not have made of them.
        """


class ByteTaker:
    """Takes exact numbers of bytes out of pieces of any size."""

    def __init__(self, pieces: Iterator[bytes], name: str) -> None:
        self._pieces, self._name = pieces, name
        self._rest = memoryview(b"")

    def take(self, size: int) -> bytes:
        """The next `size` bytes. Raises `IntegrityError` if there are fewer."""
        found, missing = [], size
        while missing:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    raise broken(f"{self._name} has fewer rows than the manifest says")
                if len(piece) == missing == size:
                    return piece
                self._rest = memoryview(piece)
            found.append(self._rest[:missing])
            self._rest = self._rest[missing:]
            missing -= len(found[-1])
        return b"".join(found)

    def end(self) -> None:
        """Raises `IntegrityError` if there is more."""
        if self._rest or any(self._pieces):
            raise broken(f"{self._name} has more rows than the manifest says")
