"""Which fingerprints a backend must still hold: those that it was sent, and made live.

Whatever becomes of a code, its fingerprint stays live at the backend. So the activations that it
took tell how many it holds of revoked, frozen and void codes, whose state says nothing of that.
What is told here is the least: where the books cannot be sure, it is left out, and nobody is
accused.

- An activation counts if the backend acknowledged it, for the very codes of the books.
- A backend that was set up anew, or brought back from an older copy, has lost some. `reconcile
  --apply` then brings codes to their state, also those that it never held; they count no more.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from ...codegen.ledger.changes import Incident
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action
from ...codegen.ranges.serials import Range, Ranges
from ..delivery.conversation import OTHER_CODES
from ..orders.orders import ACKNOWLEDGED

KIND = "reconcile"  # of incident
PAGE = 1_000  # orders read at a time
MOST = 200_000  # ranges in memory; beyond it the shortest are left out
# Corrections that codes take which an earlier one has made live, or that make none live.
_HARMLESS = frozenset({Action.ACTIVATE, Action.REVOKE})


@dataclass(frozen=True)
class Sent:
    """Ascending, disjoint serials, found by where they begin."""

    ranges: Ranges

    def within(self, serials: Range) -> Ranges:
        """Those that lie in `serials`."""
        start = bisect_left(self.ranges, serials.first, key=lambda piece: piece.last)
        stop = bisect_right(self.ranges, serials.last, key=lambda piece: piece.first)
        return tuple(
            Range(max(piece.first, serials.first), min(piece.last, serials.last))
            for piece in self.ranges[start:stop]
        )


def sent(view: View, batch: str) -> Sent:
    """The serials of `batch` that the backend must hold."""
    lost = [*_lost(view, batch)]
    held: list[Range] = []
    for seq, touched in _activated(view, batch):
        while lost and lost[0][0] < seq:
            held = _without(held, lost.pop(0)[1])
        held += touched
        if len(held) > 2 * MOST:
            held = _few(held)
    for _, gone in lost:
        held = _without(held, gone)
    return Sent(tuple(_few(held)))


def _activated(view: View, batch: str) -> Iterator[tuple[int, Ranges]]:
    """(number of the event, serials) of the activations that the backend took, in order."""
    after = ""
    while rows := view.orders(batch, ACKNOWLEDGED, after, PAGE):
        for row in rows:
            sure = OTHER_CODES not in (row.detail or "")
            if row.change.action is Action.ACTIVATE and sure:
                yield row.seq, row.touched
        after = rows[-1].order


def _lost(view: View, batch: str) -> Iterator[tuple[int, Ranges | None]]:
    """(number of the event, serials that may not be held since; None: any), in order."""
    for event in view.incidents(KIND):
        facts = event.change.facts if isinstance(event.change, Incident) else None
        if facts is None:  # booked before incidents had facts
            yield event.seq, None
        elif facts.action is None and facts.serials is not None:
            continue  # of what lies in what: fingerprints have nothing to do with that
        elif facts.batch == batch and facts.action not in _HARMLESS:
            yield event.seq, facts.serials


def _without(held: list[Range], gone: Ranges | None) -> list[Range]:
    return [] if gone is None else [*serials.subtract(serials.union(held), gone)]


def _few(held: list[Range]) -> list[Range]:
    joined = serials.union(held)
    if len(joined) <= MOST:
        return [*joined]
    return sorted(sorted(joined, key=len, reverse=True)[:MOST])
