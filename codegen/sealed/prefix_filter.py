"""Prefix filters: the prefixes of many batches, cut to about 3½ bytes per code, sorted together.

A filter answers for all its batches at once, so that a mint reads only a few files whatever the
number of batches. Its answers are "no" and "perhaps": a prefix it may have is looked up in the
runs, and only they decide. It is a cache: to lose it costs time, and nothing else. File names and
the file's first line call it sieve, a name that is published.

    "mintmark sieve" 0x0A ‖ u32(bytes of the header) ‖ header, JSON
    u32 × (2^bucket_bits + 1)   the index of each bucket's first entry, then the number of entries
    u16 × count                 the 16 bits after a prefix's first `bucket_bits`
    u8 × count                  the next 8 bits
    32 bytes                    SHA-256 of all before

Numbers are little-endian, except the header's size, which is big-endian; entries ascend.
docs/formats/sealed-batch.md has the rest.
"""

import hashlib
import json
import mmap
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from ..errors import IntegrityError
from ..files import open_own
from .header import is_batch_id
from .runs import WINDOW, Prefixes, PrefixSource, RunFile, stretches

SUFFIX = ".sieve"
MAX_CODES = 1 << 31  # entries
MAGIC = b"mintmark sieve\n"
HEADER_BYTES = 33_554_432
DIGEST_BYTES = 32
CHUNK = 1_048_576
BLOCK = 65_536  # prefixes looked up at a time: what fits a core's own cache
HEAD, TAIL, OFFSET = np.dtype("<u2"), np.dtype("u1"), np.dtype("<u4")
HEAD_BITS, TAIL_BITS = 16, 8

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PrefixFilter:
    """The header of a filter.

    `batches`: id → codes. `deepest`: entries in the fullest bucket. `start`: the offset of the
    first column, in bytes. `source`: where the runs are, if not beside the file.
    """

    path: Path
    batches: Mapping[str, int]
    bucket_bits: int
    deepest: int
    start: int
    source: Callable[[str], PrefixSource] | None = None

    @property
    def count(self) -> int:
        """Entries in the filter: the codes of all its batches."""
        return sum(self.batches.values())

    @property
    def runs(self) -> list[PrefixSource]:
        """The runs that the filter was made from."""
        source = self.source or (lambda batch: RunFile(self.path.with_name(f"{batch}.run")))
        return [source(batch) for batch in self.batches]

    @property
    def size(self) -> int:
        """The size that the file must have, in bytes."""
        return ColumnOffsets(self).end + DIGEST_BYTES

    def among(self, ascending: Prefixes) -> Flags:
        """For each of `ascending`: whether a batch of this filter has the prefix. Exact.

        If the file vanished meanwhile, because its batches went into a larger filter, only
        the runs are read.
        """
        try:
            found = self.maybe(ascending)
        except FileNotFoundError:
            found = np.ones(len(ascending), np.bool_)
        doubtful = np.flatnonzero(found)
        if len(doubtful):
            rest = ascending[doubtful]
            found[doubtful] = np.logical_or.reduce([run.among(rest) for run in self.runs])
        return found

    def maybe(self, ascending: Prefixes) -> Flags:
        """For each of `ascending`: whether it may be in the filter.

        True for all that are, and for about two in a million others.
        """
        found = np.zeros(len(ascending), np.bool_)
        for stretch in stretches(ascending, self.count, WINDOW):
            # Mapped anew for each: a page, once read, counts as our memory while it is mapped.
            with _Columns(self) as columns:
                for start in range(stretch.start, stretch.stop, BLOCK):
                    block = slice(start, min(start + BLOCK, stretch.stop))
                    try:
                        found[block] = columns.maybe(ascending[block])
                    except IndexError:
                        raise _damaged(self.path) from None
        return found

    def verify(self) -> None:
        """Raises `IntegrityError` unless the file is bit for bit as it was written."""
        with open_own(self.path) as file:
            if digest_of(file, self.size - DIGEST_BYTES) != file.read():
                raise _damaged(self.path)


class ColumnOffsets:
    """The offsets of a filter's columns in its file, in bytes; `buckets` is a number of items."""

    def __init__(self, prefix_filter: PrefixFilter) -> None:
        self.buckets = (1 << prefix_filter.bucket_bits) + 1
        self.offsets = prefix_filter.start
        self.heads = self.offsets + self.buckets * OFFSET.itemsize
        self.tails = self.heads + prefix_filter.count * HEAD.itemsize
        self.end = self.tails + prefix_filter.count * TAIL.itemsize


class _Columns:
    """The columns of a filter, mapped. Use it in a `with` block."""

    def __init__(self, prefix_filter: PrefixFilter) -> None:
        self._filter = prefix_filter
        columns = ColumnOffsets(prefix_filter)
        with open_own(prefix_filter.path) as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._offsets = np.frombuffer(self._map, OFFSET, columns.buckets, columns.offsets)
        self._heads = np.frombuffer(self._map, HEAD, prefix_filter.count, columns.heads)
        self._tails = np.frombuffer(self._map, TAIL, prefix_filter.count, columns.tails)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        del self._offsets, self._heads, self._tails
        self._map.close()

    def maybe(self, prefixes: Prefixes) -> Flags:
        buckets, heads, tails = split(prefixes, self._filter.bucket_bits)
        at = self._offsets[buckets].astype(np.int64)
        stop = self._offsets[buckets + 1].astype(np.int64)
        # Find the first entry of the bucket that is not below: binary searches, all in step.
        step = 1 << self._filter.deepest.bit_length() >> 1
        while step:
            tried = at + step
            below = tried <= stop
            below &= self._heads[np.minimum(tried, stop) - 1] < heads
            at += step * below
            step >>= 1
        found = np.zeros(len(prefixes), np.bool_)
        left = np.flatnonzero(at < stop)
        while len(left):
            left = left[self._heads[at[left]] == heads[left]]
            found[left] |= self._tails[at[left]] == tails[left]
            at[left] += 1
            left = left[at[left] < stop[left]]
        return found


def split(
    prefixes: Prefixes, bucket_bits: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """(buckets, heads, tails) of `prefixes`; what is left of a prefix is dropped."""
    shift = 64 - bucket_bits
    return (
        (prefixes >> np.uint64(shift)).astype(np.int64),
        (prefixes >> np.uint64(shift - HEAD_BITS)).astype(HEAD),
        (prefixes >> np.uint64(shift - HEAD_BITS - TAIL_BITS)).astype(TAIL),
    )


def read(path: Path) -> PrefixFilter:
    """The header of the filter at `path`. Raises `IntegrityError` if the file is damaged."""
    with open_own(path) as file:
        fixed = file.read(len(MAGIC) + 4)
        size = int.from_bytes(fixed[len(MAGIC) :], "big")
        header = file.read(size) if fixed.startswith(MAGIC) and size <= HEADER_BYTES else b""
        whole = file.seek(0, os.SEEK_END)
    found = _from_json(path, header, len(fixed) + size)
    if found is None or not 0 < found.count <= MAX_CODES or found.size != whole:
        raise _damaged(path)
    return found


def _from_json(path: Path, header: bytes, start: int) -> PrefixFilter | None:
    try:
        known = json.loads(header)
        batches, bits, deepest = known["batches"], known["bucket_bits"], known["deepest"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    sound = (
        isinstance(batches, dict)
        and all(is_batch_id(batch) for batch in batches)
        and all(type(count) is int and count > 0 for count in batches.values())
        and (type(bits), type(deepest)) == (int, int)
        and known.get("format") == 1
        and 1 <= bits <= 32
        and 0 <= deepest <= MAX_CODES
    )
    return PrefixFilter(path, batches, bits, deepest, start) if sound else None


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(
        f"the prefix filter {path.name} is damaged", "it is only a cache: mintmark doctor --repair"
    )


def digest_of(file: BinaryIO, size: int) -> bytes:
    """SHA-256 of the next `size` bytes of `file`, which is then positioned after them."""
    digest = hashlib.sha256()
    for start in range(0, size, CHUNK):
        digest.update(file.read(min(CHUNK, size - start)))
    return digest.digest()
