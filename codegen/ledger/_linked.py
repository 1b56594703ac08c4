"""What a `View` tells of codes that belong together: what lies in what, and pairs."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, bindparam, or_, select

from ..ranges.aggregation import CodeRanges, CodeRef, Link
from ..ranges.serials import Range, Ranges
from . import _balance, _links, _sql, _tables
from ._from_row import make
from ._prepared import Prepared
from .records import BatchRow

_b = _tables.batches.c
_PARTNERS = Prepared(
    lambda: (
        select(_tables.batches)
        .where(or_(_b.batch == bindparam("root"), _b.pair_of == bindparam("root")))
        .where(_b.batch != bindparam("own"))
        .order_by(_b.batch)
    )
)


class LinkedView:
    """The part of `View` about codes that belong together; serials named lie in their batch."""

    def __init__(self, connection: Connection) -> None:
        # For this package alone: other rooms use the methods.
        self.connection = connection

    # --- what lies in what ---

    def parents(self, batch: str, ranges: Ranges) -> Iterator[Link]:
        """What the serials of ascending, disjoint `ranges` lie in, cut to them, ascending.

        Read as it is consumed; serials that lie in nothing are left out.
        """
        return _links.within(self.connection, batch, ranges)

    def parents_of(self, batch: str, serials: Sequence[int]) -> dict[int, CodeRef]:
        """Serial → what it lies in, for those of `serials` that lie in something."""
        return _links.parents_of(self.connection, batch, serials)

    def way_up(self, ref: CodeRef) -> tuple[CodeRef, ...]:
        """What a code lies in, what that lies in, and so on, nearest first."""
        return _links.way_up(self.connection, ref)

    def children(self, ref: CodeRef) -> tuple[CodeRanges, ...]:
        """What lies in a code, without what lies in that in turn, ascending by batch."""
        alone = CodeRanges(ref.batch, (Range(ref.serial, ref.serial),))
        return _links.children(self.connection, alone)

    def contents(self, refs: CodeRanges) -> tuple[CodeRanges, ...]:
        """All that lies in codes, at every level, ascending by batch; not these themselves."""
        return _links.contents(self.connection, refs)

    def held(self, parents: CodeRanges) -> Iterator[Link]:
        """What lies in each of `parents`, without what lies in that; read as it is consumed."""
        return _links.held(self.connection, parents)

    def associated(self, batch: str) -> int:
        """How many codes of `batch` lie in something."""
        row = _sql.batch_row(self.connection, batch)
        return _balance.counters(self.connection, batch, row.quantity)[_balance.INSIDE]

    # --- pairs ---

    def partners(self, batch: str) -> tuple[BatchRow, ...]:
        """The other batches whose serials stand on the same items, ascending by id."""
        root = _sql.batch_row(self.connection, batch).pair_of or batch
        found = _PARTNERS.all(self.connection, root=root, own=batch)
        return tuple(make(BatchRow, row) for row in found)
