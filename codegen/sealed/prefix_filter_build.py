"""Making a sieve (sieve.py): the runs of many batches put together, in bounded memory.

The prefix space is cut into equal parts, and each is put together from all runs, sorted
and packed on its own: threads may share them. Runs too small for that are first sorted
together, and put aside.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import IntegrityError
from ..files import create, sync
from .prefix_filter import (
    DIGEST_BYTES,
    HEAD,
    MAGIC,
    OFFSET,
    TAIL,
    ColumnOffsets,
    PrefixFilter,
    digest_of,
    split,
)
from .runs import ENTRY_BYTES, PREFIX, Prefixes, Run
from .spill import Spill

PART = 1_048_576  # entries put together at a time
SMALL = 65_536  # entries: runs below are put together first

Progress = Callable[[int], None]


class Sorted(NamedTuple):
    """One part of a sieve: entries of each bucket, then the entries."""

    buckets: npt.NDArray[np.intp]
    heads: npt.NDArray[np.uint16]
    tails: npt.NDArray[np.uint8]


# `map`, or one that keeps the order and takes numbers as it goes.
Spread = Callable[[Callable[[int], Sorted], Iterable[int]], Iterable[Sorted]]


def write(path: Path, batches: Mapping[str, int], progress: Progress, spread: Spread = map) -> None:
    """Make the sieve over `batches` (id → codes) in the new file `path`, durably.

    Their runs lie in the same folder. `progress(n)` after every n entries more; `spread` may
    use threads. Raises `FileExistsError`, `IntegrityError` for a run that is not as long
    as its batch, `OSError` as the disk does; the file may then be left behind.
    """
    count = sum(batches.values())
    # Eight to sixteen entries a bucket: an offset costs half a byte an entry at most.
    bucket_bits = max(1, count.bit_length() - 4)
    sieve = PrefixFilter(
        path, batches, bucket_bits, count, len(_header(batches, bucket_bits, count))
    )
    part_bits = min(bucket_bits, max(0, (count // PART).bit_length()))
    spill = Spill(path.parent)
    try:
        pieces = list(_pieces(path.parent, batches, spill))
        cutting = _Cutting(pieces, bucket_bits, part_bits)
        with create(path) as file:
            deepest = _fill(file, sieve, spread(cutting.part, range(1 << part_bits)), progress)
            file.seek(0)
            # As many digits as before: the columns have their places already.
            file.write(_header(batches, bucket_bits, deepest, width=len(str(count))))
    finally:
        spill.close()
    with path.open("r+b") as file:
        digest = digest_of(file, sieve.size - DIGEST_BYTES)
        file.seek(0, os.SEEK_END)
        file.write(digest)
        sync(file)


def _header(batches: Mapping[str, int], bucket_bits: int, deepest: int, width: int = 0) -> bytes:
    known = {"format": 1, "bucket_bits": bucket_bits, "batches": dict(batches)}
    # Spaces, which JSON allows, keep the size, as `deepest` is known when all is written;
    # and align the columns.
    text = f'{json.dumps(known, separators=(",", ":"))[:-1]},"deepest":{deepest:{width}}'
    header = f"{text}{' ' * (-(len(MAGIC) + 4 + len(text) + 1) % 8)}}}".encode("ascii")
    return MAGIC + len(header).to_bytes(4, "big") + header


def _fill(file: BinaryIO, sieve: PrefixFilter, parts: Iterable[Sorted], progress: Progress) -> int:
    """Write the columns; returns the entries of the fullest bucket."""
    places = ColumnOffsets(sieve)
    buckets = written = deepest = 0
    for part in parts:
        starts = written + np.cumsum(part.buckets) - part.buckets
        for place, column in (
            (places.offsets + buckets * OFFSET.itemsize, starts.astype(OFFSET)),
            (places.heads + written * HEAD.itemsize, part.heads),
            (places.tails + written * TAIL.itemsize, part.tails),
        ):
            file.seek(place)
            file.write(column.data)
        buckets += len(part.buckets)
        written += len(part.heads)
        deepest = max(deepest, int(part.buckets.max()))
        progress(len(part.heads))
    file.seek(places.heads - OFFSET.itemsize)
    file.write(written.to_bytes(OFFSET.itemsize, "little"))
    return deepest


class _Piece(NamedTuple):
    """Sorted prefixes: those of a run, or of many small ones in the spill."""

    read: Callable[[int, int], Prefixes]
    cuts: Callable[[Prefixes], list[int]]


class _Cutting:
    """Cuts the prefix space into 2^`part_bits` parts, and puts each together."""

    def __init__(self, pieces: Sequence[_Piece], bucket_bits: int, part_bits: int) -> None:
        self._pieces, self._bits, self._part_bits = pieces, bucket_bits, part_bits
        edges = np.array([part << (64 - part_bits) for part in range(1 << part_bits)], PREFIX)
        self._cuts = [piece.cuts(edges) for piece in pieces]

    def part(self, number: int) -> Sorted:
        """One part; any thread may call this."""
        prefixes = np.concatenate(
            [
                piece.read(cuts[number], cuts[number + 1] - cuts[number])
                for piece, cuts in zip(self._pieces, self._cuts, strict=True)
            ]
        )
        prefixes.sort()
        buckets, heads, tails = split(prefixes, self._bits)
        here = 1 << (self._bits - self._part_bits)
        counts = np.bincount(buckets - number * here, minlength=here)
        return Sorted(counts, heads, tails)


def _pieces(folder: Path, batches: Mapping[str, int], spill: Spill) -> Iterator[_Piece]:
    waiting: list[Prefixes] = []
    gathered = 0
    for batch, count in batches.items():
        path = folder / f"{batch}.run"
        if path.stat().st_size != count * ENTRY_BYTES:
            raise IntegrityError(f"the run {path.name} is damaged", "bring it back from a copy")
        if count >= SMALL:
            yield _of_run(path)
            continue
        waiting.append(np.fromfile(path, PREFIX, count))
        gathered += count
        if gathered >= PART:
            yield _of_spill(spill, waiting)
            waiting, gathered = [], 0
    if waiting:
        yield _of_spill(spill, waiting)


def _of_run(path: Path) -> _Piece:
    def cuts(edges: Prefixes) -> list[int]:
        with Run(path) as run:
            return run.cuts(edges)

    # Read, not mapped: mapped pages count against this process.
    return _Piece(
        lambda first, count: np.fromfile(path, PREFIX, count, offset=first * PREFIX.itemsize), cuts
    )


def _of_spill(spill: Spill, waiting: Sequence[Prefixes]) -> _Piece:
    prefixes = np.sort(np.concatenate(waiting))
    at, count = spill.put(prefixes), len(prefixes)

    def cuts(edges: Prefixes) -> list[int]:
        return [*np.searchsorted(spill.read(at, count, PREFIX), edges).tolist(), count]

    return _Piece(lambda first, many: spill.read(at + first * PREFIX.itemsize, many, PREFIX), cuts)
