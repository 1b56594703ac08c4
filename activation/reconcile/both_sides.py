"""The ledger and the backend, read side by side and compared."""

import functools
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...codegen.errors import Refused
from ...codegen.ledger.view import View
from ...codegen.progress import Progress
from ...codegen.ranges.lifecycle import ApiState
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.station.station import Station
from ..client import wire
from ..client.protocol import Client, Declined, StrangeAnswer, batch_ranges
from ..delivery.api_objects import batch_of
from ..orders.doubts import DoubtfulOrder, doubts
from . import comparison as core
from .comparison import Difference, Step
from .links import LinksCompared, compare_links
from .sent import Sent, sent

MAX_DIFFERENCES = 1_000  # listed; the rest is counted
MAX_STEPS = 1_000  # orders proposed at a time; the next comparison proposes more
MAX_PAIRS = 100_000  # kept to propose orders for
SIZE = wire.FINGERPRINT_BYTES
READS = 3  # at most, while orders of the batch are booked or settled


@dataclass(frozen=True)
class Comparison:
    """Both sides of a batch at the same moment.

    `steps` are the orders that correct the backend; `in_doubt`: those that it refused, and may
    have applied.
    """

    registered: bool
    queued: int
    different: int
    unverified: int
    differences: tuple[Difference, ...]
    steps: tuple[Step, ...]
    in_doubt: tuple[DoubtfulOrder, ...]
    links: LinksCompared

    @property
    def equal(self) -> bool:
        """Whether no code differs, and none lies in something else."""
        return not self.different and not self.links.different


def compare(station: Station, client: Client, batch: str, progress: Progress) -> Comparison:
    """Read both sides, and once more if an order of the batch was booked or settled meanwhile.

    Raises `NotFound`, `Refused` for another batch under this id, `Away`, `Declined`.
    """
    for _ in range(READS):
        with station.ledger.read() as view:
            before = _last_change(view, batch)
            found = _compare(station, client, view, batch, progress)
        with station.ledger.read() as view:
            if _last_change(view, batch) == before:
                break
    return found


def _last_change(view: View, batch: str) -> object:
    """What moves when an order of the batch is booked or settled."""
    return view.last_order(batch), view.queued(batch), view.counts(batch)


def _compare(
    station: Station, client: Client, view: View, batch: str, progress: Progress
) -> Comparison:
    row = view.batch(batch)
    whole = Range(1, row.quantity)
    theirs, registered = _their_ranges(station, client, batch, whole)
    tally = _Tally(registered)
    digest = functools.partial(_digest, station, batch)
    held = sent(view, batch)
    pairs = core.pairs(view.select(batch, (whole,)), theirs)
    try:
        for their, parts in itertools.groupby(pairs, lambda pair: pair.theirs):
            different = sum(tally.add_standing(pair) for pair in parts)
            # Where states differ, an order that corrects them may bring fingerprints as well.
            least = held.within(Range(their.first, their.last)) if not different else ()
            tally.add_fingerprints(their, digest, least)
            progress("compare", their.last, row.quantity)
    except ValueError as error:
        raise StrangeAnswer(f"its answer does not hold together: {error}") from None
    links = LinksCompared(compared=False, here=view.associated(batch))
    if station.config.aggregations:
        links = compare_links(client, view, batch, registered=registered)
    return tally.comparison(view.queued(batch), doubts(view, batch), links)


def _their_ranges(
    station: Station, client: Client, batch: str, whole: Range
) -> tuple[Iterator[wire.RangeState], bool]:
    """What the backend has, and whether it knows the batch: if not, all of it is inactive."""
    try:
        info = client.batch_page(batch, whole.last).info
    except Declined as declined:
        if declined.problem.name != "not-found":
            raise
        fresh = wire.RangeState(whole.first, whole.last, ApiState.INACTIVE, {}, 0, 0)
        return iter([fresh]), False
    if info != batch_of(station, batch):
        raise Refused(
            f"the backend has another batch under the id {batch}",
            "no order corrects that: ask the backend's team how it was registered",
        )
    return batch_ranges(client, batch, digests=True, info=info), True


def _digest(station: Station, batch: str, ranges: Ranges) -> str:
    found = hashlib.sha256()
    # All of the span is read, once: opening the file anew for each range would take hours.
    span = Range(ranges[0].first, ranges[-1].last)
    for first, data in station.vault.fingerprints(batch, span, station.station_keys):
        last = first + len(data) // SIZE - 1
        for piece in Sent(ranges).within(Range(first, last)):
            found.update(data[(piece.first - first) * SIZE : (piece.last + 1 - first) * SIZE])
    return found.hexdigest()


@dataclass
class _Tally:
    """The differences as they come."""

    registered: bool
    different: int = 0
    unverified: int = 0
    differences: list[Difference] = field(default_factory=list)
    pairs: list[core.Pair] = field(default_factory=list)

    def add_fingerprints(self, their: wire.RangeState, digest: core.Digest, held: Ranges) -> None:
        """Note what is wrong with the fingerprints of a range, which must be `held` there."""
        self.unverified += core.unverified(their, held)
        found = core.fingerprint_differences(their, digest, held)
        self.different += sum(len(difference.serials) for difference in found)
        self._list(found)

    def add_standing(self, pair: core.Pair) -> bool:
        """Note serials whose state or attributes differ; whether they do."""
        found = list(core.standing_differences(pair))
        if not found:
            return False
        # They count once, even if both differ.
        self.different += len(pair.serials)
        self._list(found)
        if len(self.pairs) < MAX_PAIRS:
            self.pairs.append(pair)
        return True

    def _list(self, found: list[Difference]) -> None:
        if len(self.differences) < MAX_DIFFERENCES:
            self.differences += found

    def comparison(
        self, queued: int, in_doubt: tuple[DoubtfulOrder, ...], links: LinksCompared
    ) -> Comparison:
        """All of it."""
        return Comparison(
            self.registered,
            queued,
            self.different,
            self.unverified,
            tuple(self.differences),
            tuple(core.steps(self.pairs, wire.ORDER_RANGES)[:MAX_STEPS]),
            in_doubt,
            links,
        )
