"""The URIs of this home's codes: by their serials, or by the codes themselves."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial

from ...codegen.ledger.records import BatchRow
from ...codegen.ledger.view import View
from ...codegen.mint_sscc import sscc_of
from ...codegen.ranges.aggregation import CodeRanges, CodeRef
from ...codegen.ranges.serials import Range
from ..package.feed import CodeSource
from .names import NamedBatch, Naming, gtin_of

_BLOCK = 65_536  # serials of which the codes are opened together
_BLOCKS = 32  # of all batches, held at once


class CalledBySerial:
    """Names that say nothing of a code."""

    def __init__(self, view: View, naming: Naming) -> None:
        self._view, self._naming = view, naming
        self._batches: dict[str, NamedBatch] = {}

    def of(self, things: CodeRanges) -> Iterator[str]:
        """One for each serial, in their order."""
        batch = self.batch(things.batch)
        for piece in things.serials:
            for serial in range(piece.first, piece.last + 1):
                yield self._naming.name(batch, serial, self.code(things.batch, serial))

    def one(self, thing: CodeRef) -> str:
        """That of one code."""
        piece = Range(thing.serial, thing.serial)
        return next(self.of(CodeRanges(thing.batch, (piece,))))

    def code(self, batch: str, serial: int) -> str | None:  # noqa: ARG002 - of the other kind
        """What stands on the item, if names are made of that."""
        return None

    def batch(self, batch: str) -> NamedBatch:
        """What the names of a batch are made of."""
        if batch not in self._batches:
            self._batches[batch] = _named(self._view, self._view.batch(batch))
        return self._batches[batch]


class CalledByCode(CalledBySerial):
    """Names that are made of the codes: `source(batch)` opens them, block by block."""

    def __init__(self, view: View, naming: Naming, source: Callable[[str], CodeSource]) -> None:
        super().__init__(view, naming)
        self._source = source
        self._blocks: OrderedDict[tuple[str, int], tuple[int, bytes]] = OrderedDict()

    def code(self, batch: str, serial: int) -> str:
        """What stands on the item."""
        number = (serial - 1) // _BLOCK
        if (batch, number) not in self._blocks:
            self._blocks[batch, number] = self._opened(batch, number)
            if len(self._blocks) > _BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end((batch, number))
        length, codes = self._blocks[batch, number]
        at = (serial - 1) % _BLOCK * length
        return codes[at : at + length].decode("ascii")

    def _opened(self, batch: str, number: int) -> tuple[int, bytes]:
        row = self._view.batch(batch)
        last = min((number + 1) * _BLOCK, row.quantity)
        chunks = self._source(batch)(Range(number * _BLOCK + 1, last))
        return row.length, b"".join(codes for _, codes in chunks)


def _named(view: View, row: BatchRow) -> NamedBatch:
    templates = [row.url]
    for package in view.packages(row.batch):
        # A package of a pair has an address for each of its two codes.
        own = package.batch == row.batch
        templates.append(package.template if own else package.pair_template)
    gtin = next((found for found in map(gtin_of, templates) if found), None)
    return NamedBatch(row.batch, gtin, partial(sscc_of, row))
