"""Sorting a batch of any size into its run, in bounded memory, and finding what collides.

1. Entries are collected into pieces of a million, sorted by prefix, and spilled to the disk: one
   piece in a thread of its own, while the next is collected.
2. The prefix space is cut into equal parts. Prefixes are uniform, so the parts are nearly
   equal in entries too. Parts are independent: threads may share them.
3. Each part is merged from all pieces. Entries that were replaced since are left out, and
   their new ones put in.
4. Each part is compared with itself and with every earlier batch, and written.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from ..progress import Count
from .runs import (
    PREFIX,
    PREFIX_BITS,
    SERIAL,
    Prefixes,
    PrefixSource,
    Serials,
    prefixes_of,
    shared,
)
from .spill import Spill

PIECE = 1_048_576  # entries spilled at a time
PART = 524_288  # entries merged at a time, by each thread


class RunPart(NamedTuple):
    """A part of the run, and the serials in it that collide."""

    prefixes: Prefixes
    serials: Serials
    collided: list[int]


# `map`, or a function like it that keeps the order and takes numbers as it goes.
SortMap = Callable[[Callable[[int], RunPart], Iterable[int]], Iterable[RunPart]]


class _SpilledPiece(NamedTuple):
    """Sorted entries in the spill: the offsets of their columns, and the cuts between parts."""

    prefixes: int
    serials: int
    cuts: list[int]

    def size(self, number: int) -> int:
        """The number of entries of this piece in the part `number`."""
        return self.cuts[number + 1] - self.cuts[number]

    def part(self, spill: Spill, number: int) -> tuple[Prefixes, Serials]:
        """The entries of this piece in the part `number` of the prefix space."""
        start, stop = self.cuts[number : number + 2]
        return (
            spill.read(self.prefixes + start * PREFIX.itemsize, stop - start, PREFIX),
            spill.read(self.serials + start * SERIAL.itemsize, stop - start, SERIAL),
        )


@dataclass(frozen=True, slots=True)
class _Merge:
    """What the parts of a run are made of.

    `prefixes`, `serials`, `parts`: of the entries that were replaced. `parts[n]` is the number
    of the part that the nth of them goes into.
    """

    spill: Spill
    pieces: Sequence[_SpilledPiece]
    earlier: Sequence[Path | PrefixSource]
    prefixes: Prefixes
    serials: Serials
    parts: npt.NDArray[np.intp]

    def part(self, number: int) -> RunPart:
        """The part `number`, sorted by prefix, then serial; any thread may call this."""
        prefixes, serials = self._read(number)
        if not len(self.serials):
            # The pieces are sorted, and their serials ascend from piece to piece: a stable merge.
            order = np.argsort(prefixes, kind="stable")
        else:
            stays, here = ~np.isin(serials, self.serials), self.parts == number
            prefixes = np.concatenate([prefixes[stays], self.prefixes[here]])
            serials = np.concatenate([serials[stays], self.serials[here]])
            order = np.lexsort((serials, prefixes))
        prefixes, serials = prefixes[order], serials[order]
        repeated = np.flatnonzero(prefixes[1:] == prefixes[:-1]) + 1
        collided = [*serials[repeated].tolist(), *shared(prefixes, serials, self.earlier)]
        return RunPart(prefixes, serials, collided)

    def _read(self, number: int) -> tuple[Prefixes, Serials]:
        """The entries of all pieces in the part `number`, piece after piece."""
        # Filled in place: every thread has such a part, and would hold it twice.
        stops = np.cumsum([piece.size(number) for piece in self.pieces]).tolist()
        prefixes, serials = np.empty(stops[-1], PREFIX), np.empty(stops[-1], SERIAL)
        for piece, start, stop in zip(self.pieces, [0, *stops], stops, strict=False):
            prefixes[start:stop], serials[start:stop] = piece.part(self.spill, number)
        return prefixes, serials


class Sorter:
    """Takes fingerprints in serial order, and makes their run. Call `close` at the end.

    `folder` gets the spill file: 12 bytes an entry.
    """

    def __init__(
        self, folder: Path, prefix_bits: int = PREFIX_BITS, *, piece: int = PIECE, part: int = PART
    ) -> None:
        self._bits, self._piece, self._part = prefix_bits, piece, part
        self._spill = Spill(folder)
        self._spilled: list[tuple[int, int, int]] = []  # offsets of the columns, entries
        self._background = ThreadPoolExecutor(1)
        self._spilling: Future[None] | None = None
        self._waiting: list[Prefixes] = []
        self._count = 0
        self._sorted = 0
        self._replaced: dict[int, int] = {}  # serial → prefix

    def close(self) -> None:
        """Close the spill file, which then is gone."""
        self._background.shutdown()
        self._spill.close()

    def add(self, fingerprints: bytes) -> None:
        """Add the fingerprints of the next serials, 16 bytes each, concatenated.

        Raises `OSError`, also for what an earlier call spilled.
        """
        prefixes = prefixes_of(fingerprints, self._bits)
        self._waiting.append(prefixes)
        self._count += len(prefixes)
        if self._count - self._sorted >= self._piece:
            self._spill_waiting()

    def replace(self, fingerprints: Mapping[int, bytes]) -> None:
        """Replace the fingerprints of some serials: serial → 16 bytes."""
        for serial, fingerprint in fingerprints.items():
            self._replaced[serial] = int(prefixes_of(fingerprint, self._bits)[0])

    def merge(
        self,
        target: BinaryIO,
        earlier: Sequence[Path | PrefixSource],
        progress: Count,
        spread: SortMap = map,
    ) -> list[int]:
        """Write the run into `target`; return the serials that collide, ascending.

        A serial collides if a lower serial of this batch, or a batch of `earlier`, has its
        prefix. `progress(n)` is called after every n entries more. `spread` may use threads.
        """
        self._spill_waiting()
        self._spilled_all()
        target.truncate(0)
        parts = -(-self._count // self._part)
        merge = self._merge(parts, earlier)
        collided: set[int] = set()
        written = 0
        for part in spread(merge.part, range(parts)):
            collided.update(part.collided)
            target.seek(written * PREFIX.itemsize)
            target.write(part.prefixes.data)
            target.seek(self._count * PREFIX.itemsize + written * SERIAL.itemsize)
            target.write(part.serials.data)
            written += len(part.prefixes)
            progress(len(part.prefixes))
        return sorted(collided)

    def _merge(self, parts: int, earlier: Sequence[Path | PrefixSource]) -> _Merge:
        edges = np.array([part * 2**64 // parts for part in range(parts)], PREFIX)
        pieces = []
        for prefixes, serials, count in self._spilled:
            column = self._spill.read(prefixes, count, PREFIX)
            cuts = [*np.searchsorted(column, edges).tolist(), count]
            pieces.append(_SpilledPiece(prefixes, serials, cuts))
        replaced = np.array(list(self._replaced.values()), PREFIX)
        return _Merge(
            self._spill,
            pieces,
            earlier,
            replaced,
            np.array(list(self._replaced), SERIAL),
            np.searchsorted(edges, replaced, "right") - 1,
        )

    def _spill_waiting(self) -> None:
        if not self._waiting:
            return
        self._spilled_all()  # a piece at a time: memory
        prefixes = np.concatenate(self._waiting)
        self._waiting.clear()
        self._spilling = self._background.submit(self._spill_piece, prefixes, self._sorted + 1)
        self._sorted += len(prefixes)

    def _spilled_all(self) -> None:
        if self._spilling is not None:
            self._spilling.result()
        self._spilling = None

    def _spill_piece(self, prefixes: Prefixes, first: int) -> None:
        """Sort a piece, whose first serial is `first`, and spill it."""
        order = _order(prefixes)
        offset = self._spill.put(prefixes[order])
        serials = order.astype(SERIAL)
        serials += SERIAL.type(first)
        self._spilled.append((offset, self._spill.put(serials), len(prefixes)))


def _order(prefixes: Prefixes) -> npt.NDArray[np.intp]:
    """The order that sorts `prefixes`, equal ones as they came, in half the time of argsort."""
    # The upper bits decide; the lower bits carry the index of each prefix.
    mask = np.uint64((1 << len(prefixes).bit_length()) - 1)
    words = prefixes & ~mask
    words |= np.arange(len(prefixes), dtype=PREFIX)
    words.sort()
    words &= mask
    order = words.view(np.intp)
    ascending = prefixes[order]
    if np.any(ascending[1:] < ascending[:-1]):
        # Two prefixes that differ in their lower bits alone: about once in sixty pieces.
        return np.argsort(prefixes, kind="stable")
    return order
