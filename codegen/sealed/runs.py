"""Runs: a batch's fingerprint prefixes, sorted, never changed. Uniqueness and `locate` read them.

A run of n codes is n prefixes, u64 little-endian and ascending, then n serials, u32
little-endian, in the same order; equal prefixes have ascending serials. A prefix is the
first 8 bytes of a fingerprint, read big-endian, with all but its upper `prefix_bits` bits
cleared. Little-endian because numpy then maps the columns as they lie.
"""

import contextlib
import mmap
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import numpy as np
import numpy.typing as npt

from ..errors import IntegrityError
from ..files import open_own

Prefixes = npt.NDArray[np.uint64]
Serials = npt.NDArray[np.uint32]

PREFIX, SERIAL = np.dtype("<u8"), np.dtype("<u4")
ENTRY_BYTES = 12
PREFIX_BITS = 64
# A run by its path, or open: then it can be read though its name is gone.
OpenRun = Path | BinaryIO
STEP = 2_097_152  # entries in memory at a time
# Entries of another file that are mapped at a time; mapped pages count as our memory.
WINDOW = 4_194_304


def prefixes_of(fingerprints: bytes, prefix_bits: int = PREFIX_BITS) -> Prefixes:
    """The prefixes of concatenated 16-byte fingerprints, in their order."""
    heads = np.frombuffer(fingerprints, dtype=">u8")[::2].astype(PREFIX)
    masked: Prefixes = heads & np.uint64((1 << 64) - (1 << (64 - prefix_bits)))
    return masked


class PrefixSource(Protocol):
    """Something that knows prefixes: the run of a batch, or a prefix filter over many."""

    def among(self, ascending: Prefixes) -> npt.NDArray[np.bool_]:
        """For each of `ascending`: whether a batch of this source has the prefix."""


class RunFile:
    """The run at `path` as a source. A file that is named is open only during a call."""

    def __init__(self, path: OpenRun) -> None:
        self.path = path

    def among(self, ascending: Prefixes) -> npt.NDArray[np.bool_]:
        """For each of `ascending`: whether the run has the prefix.

        Raises `IntegrityError` for a file that cannot be a run.
        """
        found = np.zeros(len(ascending), np.bool_)
        with Run(self.path) as run:
            count = len(run)
        for part in stretches(ascending, count):
            # Mapped anew for each: a page, once read, counts as our memory while it is mapped.
            with Run(self.path) as run:
                common = run.common(ascending[part])
            if len(common):
                found[part] = np.isin(ascending[part], common)
        return found


class Run:
    """A run, mapped for reading. Use it in a `with` block.

    What its methods return are copies, and outlive it. Raises `IntegrityError` for a file
    that cannot be a run.
    """

    def __init__(self, path: OpenRun) -> None:
        self._path = path
        with open_own(path) if isinstance(path, Path) else contextlib.nullcontext(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0 or size % ENTRY_BYTES:
                name = Path(file.name).name
                raise IntegrityError(f"the run {name} is damaged", "bring it back from a copy")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        count = size // ENTRY_BYTES
        self._prefixes: Prefixes = np.frombuffer(self._map, PREFIX, count)
        self._serials: Serials = np.frombuffer(self._map, SERIAL, count, count * PREFIX.itemsize)

    def __len__(self) -> int:
        return len(self._prefixes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the file: Windows removes no file that is mapped."""
        del self._prefixes, self._serials
        # The traceback of an exception may still hold a view; the map then ends with it.
        with contextlib.suppress(BufferError):
            self._map.close()

    def lookup(self, prefixes: Prefixes) -> tuple[npt.NDArray[np.intp], Serials]:
        """The entries with a prefix of `prefixes`: (positions in `prefixes`, serials), in pairs."""
        left = np.searchsorted(self._prefixes, prefixes, "left")
        found = np.searchsorted(self._prefixes, prefixes, "right") - left
        positions = np.repeat(np.arange(len(prefixes)), found)
        # 0, 1, 2… within the hits of each prefix.
        within = np.arange(len(positions)) - np.repeat(np.cumsum(found) - found, found)
        return positions, self._serials[np.repeat(left, found) + within]

    def common(self, ascending: Prefixes) -> Prefixes:
        """The prefixes of `ascending` that this run has too."""
        if not len(ascending):
            return ascending.copy()
        start = np.searchsorted(self._prefixes, ascending[0], "left")
        stop = np.searchsorted(self._prefixes, ascending[-1], "right")
        few, many = ascending, self._prefixes[start:stop]
        if len(few) > len(many):
            few, many = many, few
        if not len(few):
            return few.copy()
        indexes = np.searchsorted(many, few)
        indexes[indexes == len(many)] = 0
        both: Prefixes = few[many[indexes] == few]
        return both

    def meets(self, others: Sequence[Path | PrefixSource]) -> list[int]:
        """The serials whose prefix is in any of `others`, ascending."""
        return meetings(self._path, others)

    def entries(self, first: int, count: int) -> tuple[Prefixes, Serials]:
        """The `count` entries from the index `first`, fewer at the end."""
        part = slice(first, first + count)
        return self._prefixes[part].copy(), self._serials[part].copy()

    def cuts(self, edges: Prefixes) -> list[int]:
        """How many entries lie below each of `edges`, and how many there are."""
        return [*np.searchsorted(self._prefixes, edges).tolist(), len(self)]


def stretches(ascending: Prefixes, count: int, window: int = WINDOW) -> Iterator[slice]:
    """`ascending` in slices, each of which spans about `window` of `count` uniform entries."""
    pieces = -(-count // window)
    edges = np.array([piece * 2**64 // pieces for piece in range(1, pieces)], PREFIX)
    cuts = [0, *np.searchsorted(ascending, edges).tolist(), len(ascending)]
    for start, stop in pairwise(cuts):
        if start < stop:
            yield slice(start, stop)


def lookup(path: OpenRun, prefixes: Prefixes) -> Iterator[tuple[int, int]]:
    """(serial, position in `prefixes`) of every entry of the run with a prefix of `prefixes`."""
    order = np.argsort(prefixes)
    ascending = prefixes[order]
    with Run(path) as run:
        count = len(run)
    for part in stretches(ascending, count):
        # Mapped anew for each: a page, once read, counts as our memory while it is mapped.
        with Run(path) as run:
            positions, serials = run.lookup(ascending[part])
        yield from zip(serials.tolist(), order[part][positions].tolist(), strict=True)


def meetings(path: OpenRun, others: Sequence[Path | PrefixSource], step: int = STEP) -> list[int]:
    """The serials of the run at `path` whose prefix is in any of `others`, ascending."""
    met: set[int] = set()
    first, more = 0, True
    while others and more:
        with Run(path) as run:
            prefixes, serials = run.entries(first, step)
            more = first + step < len(run)
        met.update(shared(prefixes, serials, others))
        first += step
    return sorted(met)


def shared(
    prefixes: Prefixes, serials: Serials, others: Sequence[Path | PrefixSource]
) -> list[int]:
    """The serials whose prefix is in any of `others`.

    `prefixes` ascend; `serials` are theirs, in the same order.
    """
    met = np.zeros(len(prefixes), np.bool_)
    for other in others:
        source = RunFile(other) if isinstance(other, Path) else other
        met |= source.among(prefixes)
    return [int(serial) for serial in serials[met]]
