"""Changes that orders make, and what dealers do at the backend instead: see `changes`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..ranges.aggregation import CodeRanges, Packing
from ..ranges.attributes import Value
from ..ranges.lifecycle import Action, State
from ..ranges.serials import Ranges


@dataclass(frozen=True)
class Ordered:
    """A range order, booked when committed here; it is sent to the backend later.

    Voided serials are passed over if `skip_void`. `count` is how many codes the order
    must touch, `from_state` the state all of them must be in: guards, checked when it
    is booked. `attributes` is a patch, validity included.
    """

    order: str
    batch: str
    action: Action
    serials: Ranges
    skip_void: bool = True
    count: int | None = None
    from_state: State | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    reason: str | None = None
    line: str | None = None


@dataclass(frozen=True)
class Associated:
    """Children joined parents, or left them: an order, sent to the backend like any other.

    Who gets what: `aggregation.deal`. `parents` is None only if children leave whatever they are
    in. The order goes by the batch of its first children, `batch`; it waits for earlier orders of
    every batch that it names.
    """

    order: str
    action: Packing
    parents: CodeRanges | None
    children: tuple[CodeRanges, ...]
    each: int | None = None
    reason: str | None = None
    line: str | None = None

    @property
    def batch(self) -> str:
        """The batch of its first children."""
        return self.children[0].batch

    @property
    def batches(self) -> tuple[str, ...]:
        """Every batch that it names, once, that of its first children first."""
        return tuple(dict.fromkeys(part.batch for part in self.parts))

    @property
    def parts(self) -> tuple[CodeRanges, ...]:
        """All that it names: the children, then the parents, if there are any."""
        return self.children + (() if self.parents is None else (self.parents,))


@dataclass(frozen=True)
class Settled:
    """The backend's last word on an order. `status`: acknowledged, refused, cancelled."""

    order: str
    status: str
    detail: str | None = None


@dataclass(frozen=True)
class Scheduled:
    """A range order that will be booked at `at`, under this id; until then it changes no code.

    `at` is text as `times.format_utc` writes it. The other fields are as in `Ordered`. Two guards
    are not the ledger's to hold, so they wait here: `allow_past` lets codes go out of validity, and
    `include_lost` takes in codes of units marked lost.
    """

    order: str
    at: str
    batch: str
    action: Action
    serials: Ranges
    skip_void: bool = True
    count: int | None = None
    from_state: State | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    reason: str | None = None
    line: str | None = None
    allow_past: bool = False
    include_lost: bool = False


@dataclass(frozen=True)
class ScheduleEnded:
    """The end of a scheduled order. `status`: booked, cancelled, refused; `detail`: why."""

    order: str
    status: str
    detail: str | None = None


@dataclass(frozen=True)
class ScannedIn:
    """A dealer's scan-in, read back from the backend, where it has its `number`.

    The codes of `parts` that are not void get the attributes `dealer` and `scanned_in`, which is
    `at`: an RFC 3339 time, as the backend told it. `parts` ascend by batch; codes of other homes
    are left out, so there may be none. Of `later`, which lie in `parts`, an order that came to the
    backend after the scan-in has set the dealer: they get `scanned_in` alone.
    """

    scan_in: str
    number: int
    dealer: str
    at: str
    parts: tuple[CodeRanges, ...]
    later: tuple[CodeRanges, ...] = ()
