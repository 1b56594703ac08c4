"""Some pages of an imposed sheet, read back and drawn again. Pure; runs in worker processes."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...codegen.codes.template import split
from ...codegen.errors import IntegrityError
from ..symbols.encoder import Encoder
from ..zip.reader import broken
from .content import BLACK, inflated
from .dummy import are_dummies
from .format import PackageLayout
from .furniture import Heading
from .imposition import Bytes, Sheets
from .pages import Pages, Spots, serials, spots
from .reading import Good, Modules, decoded, modules_of, operators_of

_BLACK = f" {BLACK} ".encode("ascii")
_EARLIER_BLACK = b" 0 0 0 1 k 0 0 0 1 K "  # packages of earlier builds are still read
_BLOCK = 256  # labels read at a time: what is made of them stays in the second-level cache

Flags = NDArray[np.bool_]


class PagesRead(NamedTuple):
    """The codes of the labels of `pages.spots`, in its order, as records.

    `tests`: what the headings say; true if TEST, which they may where all codes are dummies.
    """

    codes: bytes
    tests: frozenset[bool]


class SymbolReader:
    """The encoder of a layout's symbols, and the codes that are read in them."""

    def __init__(self, layout: PackageLayout, encoder: Encoder) -> None:
        self._length, self.encoder = layout.length, encoder
        self._around = tuple(part.encode("ascii") for part in split(layout.template))

    def codes(self, drawn: Modules, closely: Flags) -> tuple[Bytes | None, Good]:
        """The codes of symbols, (n, length), by computation; some, or all, by a decoder.

        `closely`: those that the decoder reads; all, if computing fails. And which symbols could
        be read; None for the codes if a payload is not of this package. If both ways differ, it
        shows when the page is drawn again.
        """
        found = np.zeros((len(drawn), self._length), np.uint8)
        rest = np.flatnonzero(~closely)
        computed = self.encoder.decode(drawn[rest]) if len(rest) else b""
        if computed is None:
            rest, computed = rest[:0], b""
        found[rest] = np.frombuffer(computed, np.uint8).reshape(-1, self._length)
        looked_at = np.setdiff1d(np.arange(len(drawn)), rest)
        payloads = list(decoded(drawn[looked_at]))
        good = np.ones(len(drawn), np.bool_)
        good[looked_at] = [payload is not None for payload in payloads]
        parts = [self._code(payload) for payload in payloads if payload is not None]
        if any(len(part) != self._length for part in parts):
            return None, good
        read = looked_at[good[looked_at]]
        found[read] = np.frombuffer(b"".join(parts), np.uint8).reshape(-1, self._length)
        return found, good

    def _code(self, payload: bytes) -> bytes:
        """The code in a payload; empty if the payload is not of this package."""
        prefix, suffix = self._around
        if not payload.startswith(prefix) or not payload.endswith(suffix):
            return b""
        return payload[len(prefix) : len(payload) - len(suffix)]


class PageReader:
    """Reads pages of one document, `name`, that `sheets` drew for a unit.

    Raises `IntegrityError` for what `sheets` would not have drawn.
    """

    def __init__(
        self, layout: PackageLayout, symbols: Sequence[SymbolReader], sheets: Sheets, name: str
    ) -> None:
        self._layout, self._symbols, self._sheets = layout, symbols, sheets
        self._sheet, self._name = sheets.sheet, name

    def read(self, which: Pages, packed: Sequence[bytes], closely: Flags, unit: str) -> PagesRead:
        """The codes of the labels on the pages; another decoder reads the symbols `closely`.

        `packed`: the content streams, deflated.
        """
        parts, tests, page, label = [], set(), 0, 0
        for some in which.cut(max(1, _BLOCK // self._sheet.labels_per_sheet)):
            where = spots(self._sheet, some)
            streams = packed[page : (page := page + some.stop - some.start)]
            wanted = closely[label : (label := label + len(where.places))]
            pages = [self._content(stream) for stream in streams]
            table = self._codes(some, where, pages, wanted)
            tests.add(self._heading(some, where, pages, table, unit))
            parts.append(table.tobytes())
        return PagesRead(b"".join(parts), frozenset(tests))

    def _content(self, stream: bytes) -> bytes:
        try:
            return inflated(stream)
        except ValueError:
            raise broken(f"{self._name} is not a PDF as the profile says") from None

    def _codes(self, which: Pages, where: Spots, pages: Sequence[bytes], closely: Flags) -> Bytes:
        """The codes of the labels, of a pair both, (n, stride)."""
        operators = [operators_of(page, self._sheet) for page in pages]
        counts = np.diff(where.ends, prepend=0) * len(self._symbols)
        differing = np.flatnonzero([len(some) for some in operators] != counts)
        if len(differing):
            raise self._unread(which.start + int(differing[0]))
        drawn = list(chain.from_iterable(operators))
        tables = []
        for number, reader in enumerate(self._symbols):
            look = self._layout.profile.symbol
            size, mine = reader.encoder.size, drawn[number :: len(self._symbols)]
            modules, good = modules_of(mine, size, look, self._sheet.paint)
            self._require(good, which, where)
            table, good = reader.codes(modules, closely)
            self._require(good, which, where)
            if table is None:
                raise broken(f"{self._name}: a symbol does not hold a payload of this package")
            tables.append(table)
        return np.concatenate(tables, axis=1)

    def _require(self, good: Good, which: Pages, where: Spots) -> None:
        if not good.all():
            label = int(np.argmin(good))
            raise self._unread(which.start + bisect_right(where.ends, label))

    def _unread(self, page: int) -> IntegrityError:
        return broken(f"{self._name}: a symbol on page {page + 1} cannot be read")

    def _heading(
        self, which: Pages, where: Spots, pages: Sequence[bytes], table: Bytes, unit: str
    ) -> bool:
        """Whether the headings say TEST. The pages are drawn again: they hold nothing else."""
        codes = table.tobytes()
        ways = (True, False) if self._dummies(which, where, table) else (False,)
        found = []
        for test in ways:
            heading = Heading(self._layout.package, unit, test)
            due = self._sheets.pages(which, codes, heading)
            differing = [
                number
                for number, (page, wanted) in enumerate(zip(pages, due, strict=True), which.start)
                if page != wanted and page.replace(_EARLIER_BLACK, _BLACK, 1) != wanted
            ]
            if not differing:
                return test
            found.append(differing)
        # With the wrong heading, all pages differ.
        raise differs(self._name, min(found, key=len)[0])

    def _dummies(self, which: Pages, where: Spots, table: Bytes) -> bool:
        ranges, at = serials(where.codes, which.first)
        length = self._layout.length
        first = np.zeros((int(at.max()) + 1, length), np.uint8)
        first[at] = table[:, :length]
        return are_dummies(ranges, first.tobytes(), length)


def differs(name: str, page: int) -> IntegrityError:
    """The error for a page, counted from 0, that holds something else."""
    return broken(f"{name}: page {page + 1} is not as the profile says")
