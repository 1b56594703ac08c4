"""The ledger and the backend, read side by side and compared."""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...codegen.errors import Refused
from ...codegen.ledger.view import View
from ...codegen.progress import Progress
from ...codegen.ranges.lifecycle import ApiState
from ...codegen.ranges.serials import Range
from ...codegen.station.station import Station
from ..client import wire
from ..client.protocol import Away, Client, Declined, batch_ranges
from ..delivery.api_objects import batch_of
from . import comparison as core
from .comparison import Difference, Step

MAX_DIFFERENCES = 1_000  # listed; the rest is counted
MAX_STEPS = 1_000  # orders proposed at a time; the next comparison proposes more
MAX_PAIRS = 100_000  # kept to propose orders for
READS = 3  # at most, while orders of the batch are booked or settled


@dataclass(frozen=True)
class Comparison:
    """Both sides of a batch at the same moment. `steps` are the orders that correct the backend."""

    registered: bool
    queued: int
    different: int
    unverified: int
    differences: tuple[Difference, ...]
    steps: tuple[Step, ...]

    @property
    def equal(self) -> bool:
        """Whether no code differs."""
        return not self.different


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

    def checked() -> Iterator[wire.RangeState]:
        for their in theirs:
            tally.add_fingerprints(their, digest)
            progress("compare", their.last, row.quantity)
            yield their

    try:
        for pair in core.pairs(view.select(batch, (whole,)), checked()):
            tally.add_standing(pair)
    except ValueError as error:
        raise Away(f"its answer does not hold together: {error}") from None
    return tally.comparison(view.queued(batch))


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
    return batch_ranges(client, batch, digests=True), True


def _digest(station: Station, batch: str, serials: Range) -> str:
    found = hashlib.sha256()
    for _, data in station.vault.fingerprints(batch, serials, station.station_keys):
        found.update(data)
    return found.hexdigest()


@dataclass
class _Tally:
    """The differences as they come."""

    registered: bool
    different: int = 0
    unverified: int = 0
    differences: list[Difference] = field(default_factory=list)
    pairs: list[core.Pair] = field(default_factory=list)

    def add_fingerprints(self, their: wire.RangeState, digest: core.Digest) -> None:
        """Note what is wrong with the fingerprints of a range."""
        self.unverified += core.unverified(their)
        found = core.fingerprint_differences(their, digest) if self.registered else []
        self.different += sum(len(difference.serials) for difference in found)
        self._list(found)

    def add_standing(self, pair: core.Pair) -> None:
        """Note serials whose state or attributes differ."""
        found = list(core.standing_differences(pair))
        if not found:
            return
        # They count once, even if both differ.
        self.different += len(pair.serials)
        self._list(found)
        if len(self.pairs) < MAX_PAIRS:
            self.pairs.append(pair)

    def _list(self, found: list[Difference]) -> None:
        if len(self.differences) < MAX_DIFFERENCES:
            self.differences += found

    def comparison(self, queued: int) -> Comparison:
        """All of it."""
        return Comparison(
            self.registered,
            queued,
            self.different,
            self.unverified,
            tuple(self.differences),
            tuple(core.steps(self.pairs, wire.ORDER_RANGES)[:MAX_STEPS]),
        )
