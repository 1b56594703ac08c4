"""Looking a few prefixes up in a run that lies in a store, by ranges of it.

Prefixes are spread evenly, so where one stands is known but for some thousand entries: a part of
the column is read around that place, and a wider one if it does not enclose the prefix. The answer
is exact. What is read is not compared with the run's digest, which takes all of it.
"""

from collections.abc import Callable, Iterable, Iterator
from math import sqrt

import numpy as np

from ..errors import IntegrityError
from .ahead import Span, in_turn
from .runs import PREFIX, SERIAL, Prefixes

SPREAD = 4.0  # standard deviations that are read to each side
LEAST = 64  # entries


class DistantRun:
    """A run of `count` entries; `read(first, size)` returns bytes of it."""

    def __init__(self, read: Callable[[int, int], bytes], count: int) -> None:
        self._read, self._count = read, count
        self.cost = 0  # bytes read so far

    def estimate(self, asked: int) -> int:
        """About how many bytes are read to look up `asked` prefixes."""
        return min(asked * self._reach(0.5) * 2, self._count) * PREFIX.itemsize

    def look_up(self, prefixes: Prefixes) -> list[tuple[int, int]]:
        """(serial, position in `prefixes`) of every entry with one of `prefixes`, sorted."""
        order = np.argsort(prefixes, kind="stable")
        found: list[tuple[int, int]] = []  # (position, index)
        left, factor = [int(at) for at in order], 1
        while left:
            windows = list(self._windows(prefixes, left, factor))
            spans = ((lo * PREFIX.itemsize, (hi - lo) * PREFIX.itemsize) for lo, hi, _ in windows)
            left = []
            for (lo, hi, asked), data in zip(windows, self._spans(spans), strict=True):
                column = np.frombuffer(data, PREFIX)
                for at in asked:
                    first, stop = _equal(column, int(prefixes[at]))
                    if (first or not lo) and (stop < len(column) or hi == self._count):
                        found += ((at, lo + index) for index in range(first, stop))
                    else:
                        left.append(at)
            factor *= 8
        serials = self._serials([index for _, index in found])
        return sorted(zip(serials, (at for at, _ in found), strict=True))

    def _windows(
        self, prefixes: Prefixes, asked: list[int], factor: int
    ) -> Iterator[tuple[int, int, list[int]]]:
        """(first entry, the one after the last, the positions asked of it), neighbours as one."""
        lo = hi = 0
        members: list[int] = []
        for at in asked:
            share = int(prefixes[at]) / 2.0**64
            middle, reach = int(share * self._count), self._reach(share) * factor
            first, stop = max(0, middle - reach), min(self._count, middle + reach)
            if members and first <= hi:
                hi = max(hi, stop)
                members.append(at)
                continue
            if members:
                yield lo, hi, members
            lo, hi, members = first, stop, [at]
        if members:
            yield lo, hi, members

    def _reach(self, share: float) -> int:
        return int(SPREAD * sqrt(self._count * share * (1 - share))) + LEAST

    def _serials(self, indexes: list[int]) -> list[int]:
        start = self._count * PREFIX.itemsize
        spans = [(start + index * SERIAL.itemsize, SERIAL.itemsize) for index in indexes]
        return [int.from_bytes(data, "little") for data in self._spans(spans)]

    def _spans(self, spans: Iterable[Span]) -> Iterator[bytes]:
        return in_turn(self._whole, spans)

    def _whole(self, first: int, size: int) -> bytes:
        data = self._read(first, size)
        if len(data) != size:
            raise IntegrityError("a run in the store is shorter than the ledger says")
        self.cost += size
        return data


def _equal(column: Prefixes, prefix: int) -> tuple[int, int]:
    """The entries of `column` that are `prefix`: the first, and the one after the last."""
    wanted = np.uint64(prefix)
    return int(np.searchsorted(column, wanted, "left")), int(
        np.searchsorted(column, wanted, "right")
    )
