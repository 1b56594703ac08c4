"""Changes of the ledger. Each is a frozen dataclass, and each *is* the audit event.

Ordering rules, held by `_apply`:

1. `HomeMade` is the first event, and there is no other `HomeMade`.
2. `ExportBegun` reserves serials. It is followed by exactly one `Packaged` or
   `ExportAbandoned` of the same package.
3. `Ordered` and `Associated` are followed by at most one `Settled` of the same order.
4. After a final `Receipted` of a package there is no other `Receipted` of that package.
   `ReceiptCorrected` may follow, as often as needed.
5. `Reopened` follows an `Ordered` that unvoids, in the same commit.
6. `Scheduled` is followed by at most one `ScheduleEnded` of the same order. One that is `booked`
   stands before the `Ordered` of that order, in the same commit; without it there is none.
7. No two of `Ordered`, `Associated` and `Scheduled` have the same order id, but for rule 6.

Fields are JSON values, ranges, or tuples of these dataclasses; none ever holds a code.
A field that is added to a class already written needs a default: older events lack it.
"""

from dataclasses import dataclass

from ..ranges.corrections import CorrectedEntry
from ..ranges.lifecycle import Action
from ..ranges.receipts import ReceiptEntry
from ..ranges.serials import Ranges
from .order_changes import Associated, Ordered, ScannedIn, Scheduled, ScheduleEnded, Settled

__all__ = [
    "PASSING",
    "Associated",
    "BatchMinted",
    "Change",
    "ContactAdded",
    "ExportAbandoned",
    "ExportBegun",
    "HomeMade",
    "Incident",
    "IncidentFacts",
    "KeyAdded",
    "KeyRevoked",
    "LabelsVerified",
    "Ordered",
    "Packaged",
    "ReceiptCorrected",
    "Receipted",
    "Reopened",
    "ScannedIn",
    "ScheduleEnded",
    "Scheduled",
    "Settled",
    "Stored",
    "StoredObject",
    "UnitMoved",
]

# What a station may do; `rights` says which of them a change takes.
RIGHTS = ("mint", "export", "order", "read", "admit")
PARTS = ("sealed", "fingerprints", "run", "wraps", "record")  # of a batch, in the vault


@dataclass(frozen=True)
class HomeMade:
    """The first event: the home that these books belong to."""

    home: str
    fingerprint_scheme: str
    fingerprint_key_id: str


@dataclass(frozen=True)
class KeyAdded:
    """A key joined the roster. `kind` is station, line, custodian or platform.

    A platform's key signs scans and scan-ins to the backend, and no event.

    `sign_public` is the Ed25519 public key (32 bytes, hex), `seal_public` a custodian's or a
    station's X25519 public key (likewise). `may`: what a station may do, of `RIGHTS`; None, which
    all keys of before have: a station may do everything, of another kind this says nothing.
    """

    key_id: str
    kind: str
    name: str
    sign_public: str
    seal_public: str | None = None
    may: tuple[str, ...] | None = None


@dataclass(frozen=True)
class KeyRevoked:
    """A key left the roster: its earlier signatures stay good, later ones are refused."""

    key_id: str
    reason: str


@dataclass(frozen=True)
class ContactAdded:
    """A print shop's named person."""

    contact: str
    name: str
    channel: str | None


@dataclass(frozen=True)
class BatchMinted:
    """A batch was published in the vault. `ref` makes a repeated call find it again.

    With an `sscc_prefix`, serial n has the SSCC of the reference `sscc_first` + n - 1 under that
    company prefix and extension digit. Two batches never have the same.
    """

    batch: str
    quantity: int
    alphabet: str
    length: int
    canonical: str
    role: str
    pair_of: str | None
    product: str | None
    url: str | None
    ref: str | None
    request_digest: str
    entropy_bits: float
    guess_probability: float
    offline_bits: float
    mint_record_sha256: str
    sscc_prefix: str | None = None
    sscc_extension: int | None = None
    sscc_first: int | None = None


@dataclass(frozen=True)
class StoredObject:
    """An object of the vault's store: `part` is sealed, fingerprints, run, wraps or record.

    An object is never changed: what replaces it has another `key`. `sha256` is hex.
    """

    part: str
    key: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Stored:
    """Which objects of the store hold a batch from now on, in a home that stations share.

    It stands beside the `BatchMinted` of the batch, in the same commit, with all five parts.
    A later one names the parts that other objects hold from then on.
    """

    batch: str
    objects: tuple[StoredObject, ...]


@dataclass(frozen=True)
class ExportBegun:
    """An export is about to decrypt: its serials are reserved for the package.

    A reprint `supersedes` a package, for a `reason`: the same codes again, until then in
    that package. A replacement `replaces` voided codes of a package by others. `layout`
    is the print profile as it was used, JSON. `pair` is a partner of the batch whose codes
    with the same serials are in the package too: every event of the package holds for both.
    Each code is on `copies` labels.
    """

    package: str
    batch: str
    serials: Ranges
    contact: str
    profile: str
    supersedes: str | None = None
    replaces: str | None = None
    reason: str | None = None
    layout: str | None = None
    pair: str | None = None
    copies: int = 1


@dataclass(frozen=True)
class Unit:
    """One data file of a package: a reel, roll or box."""

    unit: str
    name: str
    first: int
    last: int
    rows: int
    sha256: str


@dataclass(frozen=True)
class Packaged:
    """The archive was published: the reserved serials are in it.

    `pair_template`: the payload template of the codes of the second batch, if there is one.
    """

    package: str
    template: str
    archive: str
    archive_bytes: int
    archive_sha256: str
    manifest_sha256: str
    custodian_key_id: str
    units: tuple[Unit, ...]
    pair_template: str | None = None


@dataclass(frozen=True)
class ExportAbandoned:
    """The export ended without a package: its serials are as they were before."""

    package: str
    reason: str


@dataclass(frozen=True)
class Receipted:
    """A part of what the printer reports; the serials it reports as spoiled are void by now.

    After a `final` receipt the package is accounted for: what it leaves over is void by now.
    `reason` is why the spoiled serials were voided.
    """

    package: str
    entries: tuple[ReceiptEntry, ...]
    final: bool
    reason: str


@dataclass(frozen=True)
class ReceiptCorrected:
    """What receipts report of these serials was wrong: the entries hold instead.

    Serials that are spoiled now, or left over now after a final receipt, are void by now.
    `reason` is why the receipts were wrong.
    """

    package: str
    entries: tuple[CorrectedEntry, ...]
    reason: str


@dataclass(frozen=True)
class Reopened:
    """Codes reported as spoiled, or left over at the end, that `order` brought back.

    No receipt reports them any more: they are open.
    """

    package: str
    serials: Ranges
    order: str


@dataclass(frozen=True)
class UnitMoved:
    """A unit was seen: `status` is received, mounted, used or lost."""

    package: str
    unit: str
    status: str
    note: str | None = None


@dataclass(frozen=True)
class LabelsVerified:
    """Printed labels of a package were read, and were right.

    `serials` and `units` are those of the labels, `codes` is how many symbols were read on
    `pictures` pictures: a serial may have been read more than once.
    """

    package: str
    units: tuple[str, ...]
    serials: Ranges
    pictures: int
    codes: int


@dataclass(frozen=True)
class IncidentFacts:
    """What an incident is about, for programs. None: not known, or nothing of the kind.

    `codes` and `scans` are counts; `serials` are of `batch`, and may be coarser than the
    codes that `codes` counts. `key_id` is the custodian key that was used. `head` is the hash
    of an event that this chain does not hold. `carton` is the code that the codes lie in, as
    `BATCH:SERIAL`; `region` is where scans came from, `since` a time in UTC.
    """

    batch: str | None = None
    package: str | None = None
    supersedes: str | None = None
    contact: str | None = None
    unit: str | None = None
    order: str | None = None
    action: Action | None = None
    serials: Ranges | None = None
    codes: int | None = None
    scans: int | None = None
    key_id: str | None = None
    head: str | None = None
    dealer: str | None = None
    carton: str | None = None
    region: str | None = None
    since: str | None = None


@dataclass(frozen=True)
class Incident:
    """Something that a responsible person should learn of; it changes no range.

    `detail` is a sentence for people; programs read the `facts`, which older events lack.
    """

    kind: str
    detail: str
    facts: IncidentFacts | None = None


Change = (
    HomeMade
    | KeyAdded
    | KeyRevoked
    | ContactAdded
    | BatchMinted
    | Stored
    | ExportBegun
    | Packaged
    | ExportAbandoned
    | Receipted
    | ReceiptCorrected
    | Reopened
    | UnitMoved
    | Ordered
    | Associated
    | Settled
    | Scheduled
    | ScheduleEnded
    | ScannedIn
    | LabelsVerified
    | Incident
)

# No work of its own: it only tells of something, or is taken back.
PASSING = (ExportAbandoned, ExportBegun, Incident)
