"""Making a prefix filter from the runs of many batches, in bounded memory.

1. Runs too small to be read in parts are sorted together, and put aside on the disk.
2. The prefix space is cut into equal parts. Each part is collected from all runs, sorted and
   packed on its own: threads may share the parts.
3. The columns are written part by part; then the header, once the fullest bucket is known.
4. The digest of the file is written last: without it the file is damaged.
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
from ..progress import Count
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

PART = 1_048_576  # entries packed at a time
SMALL = 65_536  # entries: runs with fewer are sorted together first


class FilterPart(NamedTuple):
    """A part of a filter: the number of entries in each bucket, and the entries."""

    buckets: npt.NDArray[np.intp]
    heads: npt.NDArray[np.uint16]
    tails: npt.NDArray[np.uint8]


# `map`, or a function like it that keeps the order and takes numbers as it goes.
FilterMap = Callable[[Callable[[int], FilterPart], Iterable[int]], Iterable[FilterPart]]


def write(path: Path, batches: Mapping[str, int], progress: Count, spread: FilterMap = map) -> None:
    """Make the filter over `batches` (id → codes) in the new file `path`, durably.

    The runs are in the same folder. `progress(n)` is called after every n entries more;
    `spread` may use threads. Raises `FileExistsError`, `IntegrityError` for a run that is not
    as long as its batch, `OSError` as the disk does; the file may then be left behind.
    """
    count = sum(batches.values())
    # Eight to sixteen entries per bucket: an offset costs at most half a byte per entry.
    bucket_bits = max(1, count.bit_length() - 4)
    made = PrefixFilter(
        path, batches, bucket_bits, count, len(_header(batches, bucket_bits, count))
    )
    part_bits = min(bucket_bits, max(0, (count // PART).bit_length()))
    spill = Spill(path.parent)
    try:
        sources = list(_sources(path.parent, batches, spill))  # step 1
        parts = _Parts(sources, bucket_bits, part_bits)
        with create(path) as file:
            # Steps 2 and 3.
            deepest = _fill(file, made, spread(parts.part, range(1 << part_bits)), progress)
            file.seek(0)
            # As long as the header that was reckoned with: the columns are written already.
            file.write(_header(batches, bucket_bits, deepest, width=len(str(count))))
    finally:
        spill.close()
    # Step 4.
    with path.open("r+b") as file:
        digest = digest_of(file, made.size - DIGEST_BYTES)
        file.seek(0, os.SEEK_END)
        file.write(digest)
        sync(file)


def _header(batches: Mapping[str, int], bucket_bits: int, deepest: int, width: int = 0) -> bytes:
    known = {"format": 1, "bucket_bits": bucket_bits, "batches": dict(batches)}
    # `deepest` is known when all else is written: spaces, which JSON allows, keep the size.
    # They also align the columns.
    text = f'{json.dumps(known, separators=(",", ":"))[:-1]},"deepest":{deepest:{width}}'
    header = f"{text}{' ' * (-(len(MAGIC) + 4 + len(text) + 1) % 8)}}}".encode("ascii")
    return MAGIC + len(header).to_bytes(4, "big") + header


def _fill(file: BinaryIO, made: PrefixFilter, parts: Iterable[FilterPart], progress: Count) -> int:
    """Write the columns; returns the number of entries in the fullest bucket."""
    offsets = ColumnOffsets(made)
    buckets = written = deepest = 0
    for part in parts:
        starts = written + np.cumsum(part.buckets) - part.buckets
        for offset, column in (
            (offsets.offsets + buckets * OFFSET.itemsize, starts.astype(OFFSET)),
            (offsets.heads + written * HEAD.itemsize, part.heads),
            (offsets.tails + written * TAIL.itemsize, part.tails),
        ):
            file.seek(offset)
            file.write(column.data)
        buckets += len(part.buckets)
        written += len(part.heads)
        deepest = max(deepest, int(part.buckets.max()))
        progress(len(part.heads))
    file.seek(offsets.heads - OFFSET.itemsize)
    file.write(written.to_bytes(OFFSET.itemsize, "little"))
    return deepest


class _SortedPrefixes(NamedTuple):
    """Sorted prefixes on the disk: those of a run, or of many small runs in the spill.

    `read(first, count)` returns some of them; `cuts(edges)` is as `Run.cuts`.
    """

    read: Callable[[int, int], Prefixes]
    cuts: Callable[[Prefixes], list[int]]


class _Parts:
    """Cuts the prefix space into 2^`part_bits` parts, and packs each of them."""

    def __init__(
        self, sources: Sequence[_SortedPrefixes], bucket_bits: int, part_bits: int
    ) -> None:
        self._sources, self._bits, self._part_bits = sources, bucket_bits, part_bits
        edges = np.array([part << (64 - part_bits) for part in range(1 << part_bits)], PREFIX)
        self._cuts = [source.cuts(edges) for source in sources]

    def part(self, number: int) -> FilterPart:
        """The part `number`; any thread may call this."""
        prefixes = np.concatenate(
            [
                source.read(cuts[number], cuts[number + 1] - cuts[number])
                for source, cuts in zip(self._sources, self._cuts, strict=True)
            ]
        )
        prefixes.sort()
        buckets, heads, tails = split(prefixes, self._bits)
        buckets_here = 1 << (self._bits - self._part_bits)
        counts = np.bincount(buckets - number * buckets_here, minlength=buckets_here)
        return FilterPart(counts, heads, tails)


def _sources(folder: Path, batches: Mapping[str, int], spill: Spill) -> Iterator[_SortedPrefixes]:
    waiting: list[Prefixes] = []
    collected = 0
    for batch, count in batches.items():
        path = folder / f"{batch}.run"
        if path.stat().st_size != count * ENTRY_BYTES:
            raise IntegrityError(f"the run {path.name} is damaged", "bring it back from a copy")
        if count >= SMALL:
            yield _of_run(path)
            continue
        waiting.append(np.fromfile(path, PREFIX, count))
        collected += count
        if collected >= PART:
            yield _of_spill(spill, waiting)
            waiting, collected = [], 0
    if waiting:
        yield _of_spill(spill, waiting)


def _of_run(path: Path) -> _SortedPrefixes:
    def cuts(edges: Prefixes) -> list[int]:
        with Run(path) as run:
            return run.cuts(edges)

    # Read, not mapped: mapped pages count as memory of this process.
    return _SortedPrefixes(
        lambda first, count: np.fromfile(path, PREFIX, count, offset=first * PREFIX.itemsize), cuts
    )


def _of_spill(spill: Spill, waiting: Sequence[Prefixes]) -> _SortedPrefixes:
    prefixes = np.sort(np.concatenate(waiting))
    start, count = spill.put(prefixes), len(prefixes)

    def cuts(edges: Prefixes) -> list[int]:
        return [*np.searchsorted(spill.read(start, count, PREFIX), edges).tolist(), count]

    return _SortedPrefixes(
        lambda first, many: spill.read(start + first * PREFIX.itemsize, many, PREFIX), cuts
    )
