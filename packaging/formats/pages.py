"""Which labels of a unit lie on which of its pages, for many pages at once. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...codegen.ranges.serials import Range, Ranges
from ..profiles.geometry import LabelOrder, Sheet

Indices = NDArray[np.intp]


class Pages(NamedTuple):
    """The pages `start` to `stop` - 1 of a unit of so many `labels`, whose first serial is `first`.

    Each code is on `copies` labels.
    """

    first: int
    labels: int
    copies: int
    start: int
    stop: int

    def cut(self, number: int) -> Iterator["Pages"]:
        """The same pages, so many at a time."""
        for start in range(self.start, self.stop, number):
            yield self._replace(start=start, stop=min(start + number, self.stop))


class Spots(NamedTuple):
    """The labels of some pages, (n,): each one's place, its number, and the index of its code.

    Page after page, places ascending; `ends` are the numbers of labels up to each page's end.
    Codes are counted from the unit's first.
    """

    places: Indices
    labels: Indices
    codes: Indices
    ends: list[int]


def spots(sheet: Sheet, pages: Pages) -> Spots:
    """The labels of `pages`: those of `Sheet.spots`, page after page."""
    sheets, each = sheet.sheets(pages.labels), sheet.labels_per_sheet
    number = np.arange(pages.start, pages.stop)[:, np.newaxis]
    place = np.arange(each)
    row, column = np.divmod(place, sheet.columns)
    if sheet.order is LabelOrder.STACK:
        label = place * sheets + number
    elif sheet.order is LabelOrder.COLUMNS:
        label = number * each + column * sheet.rows + row
    elif sheet.order is LabelOrder.LANES:
        label = (column * sheets + number) * sheet.rows + row
    else:
        label = number * each + place
    there = label < pages.labels
    labels = label[there]
    ends = np.cumsum(there.sum(axis=1)).tolist()
    return Spots(np.nonzero(there)[1], labels, labels // pages.copies, ends)


def serials(codes: Indices, first: int) -> tuple[Ranges, Indices]:
    """The serials of some `codes`, ascending, each once; and where each code lies among them."""
    found, at = np.unique(codes, return_inverse=True)
    begins = np.flatnonzero(np.diff(found, prepend=-2) != 1)
    ends = np.append(begins[1:], len(found)) - 1
    pairs = zip(found[begins].tolist(), found[ends].tolist(), strict=True)
    return tuple(Range(first + begin, first + end) for begin, end in pairs), at
