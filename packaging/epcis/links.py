"""Who lay in what, while the ledger's events are read from the first to the last.

A child that leaves "whatever it is in" leaves a parent that the event does not name. The links of
four million cartons are more than memory should hold: they lie in a database of SQLite's own that
has no name, spills to the disk, and is gone with the process. It holds serials, and no codes.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Self

from ...codegen.ranges.aggregation import CodeRanges, CodeRef, Link
from ...codegen.ranges.serials import Range


class Links:
    """What lies in what, by its children. Use it in a `with` block."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("")
        self._base.execute(
            "CREATE TABLE links (batch TEXT, first INTEGER, last INTEGER, holder TEXT,"
            " serial INTEGER, PRIMARY KEY (batch, first)) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._base.close()

    def join(self, links: Iterable[Link]) -> None:
        """Note links of children that lay in nothing."""
        rows = (
            (link.batch, *link.serials.pair(), link.parent.batch, link.parent.serial)
            for link in links
        )
        self._base.executemany("INSERT INTO links VALUES (?, ?, ?, ?, ?)", rows)

    def leave(self, part: CodeRanges) -> Iterator[Link]:
        """What the children lay in, ascending by their serials; from then on they do not."""
        for piece in part.serials:
            found = self._base.execute(
                "SELECT first, last, holder, serial FROM links"
                " WHERE batch = ?1 AND last >= ?2 AND first <= ?3 AND first >= coalesce("
                " (SELECT max(first) FROM links WHERE batch = ?1 AND first <= ?2), ?2)"
                " ORDER BY first",
                (part.batch, piece.first, piece.last),
            ).fetchall()
            for first, last, holder, serial in found:
                parent = CodeRef(holder, serial)
                self._base.execute(
                    "DELETE FROM links WHERE batch = ? AND first = ?", (part.batch, first)
                )
                left = [(first, piece.first - 1), (piece.last + 1, last)]
                self.join(Link(part.batch, Range(a, b), parent) for a, b in left if a <= b)
                gone = Range(max(first, piece.first), min(last, piece.last))
                yield Link(part.batch, gone, parent)
