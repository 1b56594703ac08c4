"""A scan on its way, and a scanned code with its counters, which move in memory. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...codegen.ranges.attributes import Value
from ...codegen.ranges.lifecycle import ApiState
from ..client.wire import PairedCode, Party, ScanAnswer

Key = tuple[int, int]  # number of the batch, serial


@dataclass(frozen=True)
class ScannedBy:
    """Who scans, and where he says that he is. `signed`: by a platform, which is told more."""

    party: Party = Party.CONSUMER
    region: str | None = None
    signed: bool = False


PHONE = ScannedBy()


@dataclass(frozen=True)
class ScanRequest:
    """A scan: the fingerprints its text may have, the phone's own id for it, and who it is."""

    candidates: Sequence[bytes]
    scan_id: str | None = None
    by: ScannedBy = PHONE

    @property
    def kept_as(self) -> str | None:
        """Under what its answer is kept: the same id of another party is another scan."""
        party = self.by.party
        if self.scan_id is None or party is Party.CONSUMER:
            return self.scan_id
        return f"{party.value}:{self.scan_id}"  # no id holds a colon


@dataclass
class ScannedCode:
    """A code that was found, with its counters, which move as scans are decided.

    `worth`: the attributes that hold now. `counts`: by party, how many scans, and the first.
    """

    fingerprint: bytes
    key: Key
    name: str
    role: str
    state: ApiState
    worth: Mapping[str, Value]
    counts: dict[Party, tuple[int, int]] = field(default_factory=dict)
    last_scan: int | None = None
    early: bool = False
    pairs: tuple[PairedCode, ...] = ()
    changed: bool = False
    answered: dict[str, ScanAnswer] = field(default_factory=dict)
    kept: dict[str, ScanAnswer] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)

    def scans(self, party: Party) -> int:
        """How many scans of this party were counted."""
        return self.counts.get(party, (0, 0))[0]

    def count(self, party: Party, at: int) -> None:
        """One more."""
        scans, first = self.counts.get(party, (0, at))
        self.counts[party], self.changed = (scans + 1, first), True
        if party is Party.CONSUMER and scans:
            self.last_scan = at
