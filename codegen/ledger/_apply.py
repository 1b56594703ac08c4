"""Applying a change to the tables: the same way when it is committed and when it is replayed.

Ordering rules: see changes.py. Nothing here reads a clock, checks a signature or decides
about idempotency: `ledger.py` does. Raises `Refused` (a state forbids it), `NotFound` (an
unknown id), `UsageError` (values that mean nothing), `IntegrityError` (books that do not
balance); the caller then rolls back.
"""

from dataclasses import replace
from functools import singledispatch
from operator import attrgetter

from sqlalchemy import Connection

from ..errors import Refused, UsageError
from ..ranges import attributes, serials
from ..ranges.aggregation import CodeRanges
from ..ranges.lifecycle import Action
from ..ranges.serials import Ranges
from . import (
    _agreed,
    _corrections,
    _exports,
    _objects,
    _orders,
    _packing,
    _receipts,
    _scan_ins,
    _schedules,
    _sql,
    _sscc,
    _tables,
    _tiles,
    _verified,
    rights,
)
from ._sql import NOTHING, Touched
from .chain import Event
from .changes import (
    RIGHTS,
    Associated,
    BatchMinted,
    Change,
    ContactAdded,
    ExportAbandoned,
    ExportBegun,
    HomeMade,
    Incident,
    KeyAdded,
    KeyRevoked,
    LabelsVerified,
    Ordered,
    Packaged,
    ReceiptCorrected,
    Receipted,
    Reopened,
    ScannedIn,
    Scheduled,
    ScheduleEnded,
    Settled,
    Stored,
    UnitMoved,
)


def normal(change: Change) -> Change:
    """`change` with its serials ascending and joined, parts by batch. Raises `UsageError`."""
    if isinstance(change, ExportBegun | Ordered | Scheduled | LabelsVerified):
        change = replace(change, serials=serials.ordered(change.serials))
    if isinstance(change, Ordered | Scheduled) and any(
        isinstance(value, dict) for value in change.attributes.values()
    ):
        # A window has a single spelling, in which the same order is known again.
        return replace(change, attributes=attributes.check_booked(change.attributes))
    if isinstance(change, Associated):
        parents = None if change.parents is None else _normal_part(change.parents)
        return replace(change, parents=parents, children=_normal_parts(change.children))
    if isinstance(change, ScannedIn):
        parts, later = map(_normal_parts, (change.parts, change.later))
        return replace(change, parts=parts, later=later)
    return change


def _normal_parts(parts: tuple[CodeRanges, ...]) -> tuple[CodeRanges, ...]:
    return tuple(sorted(map(_normal_part, parts), key=attrgetter("batch")))


def _normal_part(part: CodeRanges) -> CodeRanges:
    return replace(part, serials=serials.ordered(part.serials))


def signing_key(connection: Connection, key_id: str, change: Change) -> bytes:
    """The public key that must have signed `change`.

    Raises `Refused` if `key_id` is not on the roster, was revoked, or may not sign such a change.
    """
    row = _agreed.row(connection, _tables.keys, "key_id", key_id)
    if row is None or row.revoked_at is not None:
        why = "is not on this ledger's roster" if row is None else "was revoked"
        raise Refused(f"key {key_id[:60]} {why}", "see the roster: mintmark key list")
    if row.kind == "platform":
        raise Refused(
            f"the platform key {key_id} signs scans, and no {type(change).__name__}",
            "do this as the station",
        )
    if row.kind == "line" and not isinstance(change, rights.LINE_MAY):
        raise Refused(
            f"the line key {key_id} may order ranges, not sign a {type(change).__name__}",
            "do this as the station, not as a line",
        )
    if row.kind == "station" and row.may is not None:
        rights.check(connection, row, change)
    return bytes.fromhex(row.sign_public)


def following(change: Change, connection: Connection, touched: Ranges) -> tuple[Change, ...]:
    """What follows from `change`, which is applied and touched these serials."""
    if isinstance(change, Ordered) and change.action is Action.UNVOID:
        return _corrections.reopened_by(change, connection, touched)
    return ()


@singledispatch
def apply(change: Change, connection: Connection, event: Event) -> Touched:  # noqa: ARG001
    """Bring the tables to their state after `change`, whose event is `event`."""
    raise TypeError(type(change).__name__)


@apply.register
def _(change: HomeMade, connection: Connection, event: Event) -> Touched:
    if event.seq != 1:
        raise Refused("this ledger has its home already")
    _sql.insert(connection, _tables.homes, change, made_at=event.at)
    return NOTHING


@apply.register
def _(change: KeyAdded, connection: Connection, event: Event) -> Touched:
    keys = [change.sign_public] + ([change.seal_public] if change.seal_public else [])
    if change.kind not in _tables.KINDS or not all(_is_key(text) for text in keys):
        raise UsageError(
            f"not a key: kind is one of {', '.join(_tables.KINDS)}, keys are 64 hex digits"
        )
    _sql.require_unused(connection, _tables.keys, "key_id", change.key_id)
    if change.may is not None and not (change.kind == "station" and set(change.may) <= {*RIGHTS}):
        raise UsageError(f"what a station may do is some of {', '.join(RIGHTS)}")
    may = None if change.may is None else " ".join(change.may)
    _sql.insert(connection, _tables.keys, change, added_at=event.at, may=may)
    return NOTHING


@apply.register
def _(change: KeyRevoked, connection: Connection, event: Event) -> Touched:
    row = _sql.find(connection, _tables.keys, "key_id", change.key_id, "see: mintmark key list")
    if row.revoked_at is not None:
        raise Refused(f"key {change.key_id} was revoked already")
    if row.kind == "station" and [key for key, _ in rights.admitting(connection)] == [row.key_id]:
        raise Refused(
            "the last station key cannot be revoked: nobody could admit another",
            "add the new station key first, with the right to admit",
        )
    _sql.update(
        connection, _tables.keys, "key_id", change.key_id,
        revoked_at=event.at, revoked_because=change.reason,
    )  # fmt: skip
    return NOTHING


@apply.register
def _(change: ContactAdded, connection: Connection, event: Event) -> Touched:
    _sql.require_unused(connection, _tables.contacts, "contact", change.contact)
    _sql.insert(connection, _tables.contacts, change, added_at=event.at)
    return NOTHING


@apply.register
def _(change: BatchMinted, connection: Connection, event: Event) -> Touched:
    if change.quantity < 1:
        raise UsageError("a batch holds at least one code")
    _sql.require_unused(connection, _tables.batches, "batch", change.batch)
    if change.ref is not None:
        _sql.require_unused(connection, _tables.batches, "ref", change.ref)
    sscc_from = _sscc.reserve(connection, change)
    _sql.insert(
        connection, _tables.batches, change,
        minted_at=event.at, seq=event.seq, sscc_from=sscc_from,
    )  # fmt: skip
    _tiles.add(connection, change.batch, change.quantity)
    return NOTHING


@apply.register
def _(change: Stored, connection: Connection, event: Event) -> Touched:  # noqa: ARG001 - same form
    _objects.store(connection, change)
    return NOTHING


@apply.register
def _(change: Incident, connection: Connection, event: Event) -> Touched:  # noqa: ARG001 - same form
    return NOTHING


@apply.register
def _(change: ExportBegun, connection: Connection, event: Event) -> Touched:
    return _exports.begin(change, connection, event)


@apply.register
def _(change: Packaged, connection: Connection, event: Event) -> Touched:
    return _exports.finish(change, connection, event)


@apply.register
def _(change: ExportAbandoned, connection: Connection, event: Event) -> Touched:
    return _exports.abandon(change, connection, event)


@apply.register
def _(change: Receipted, connection: Connection, event: Event) -> Touched:
    return _receipts.receipt(change, connection, event)


@apply.register
def _(change: ReceiptCorrected, connection: Connection, event: Event) -> Touched:
    return _corrections.correct(change, connection, event)


@apply.register
def _(change: Reopened, connection: Connection, event: Event) -> Touched:  # noqa: ARG001 - same form
    return _corrections.reopen(change, connection)


@apply.register
def _(change: UnitMoved, connection: Connection, event: Event) -> Touched:
    return _receipts.move(change, connection, event)


@apply.register
def _(change: Ordered, connection: Connection, event: Event) -> Touched:
    _schedules.check_booked(change, connection, event)
    return _orders.order(change, connection, event)


@apply.register
def _(change: Associated, connection: Connection, event: Event) -> Touched:
    _schedules.refuse_taken(change.order, connection)
    return _packing.associate(change, connection, event)


@apply.register
def _(change: Settled, connection: Connection, event: Event) -> Touched:
    return _orders.settle(change, connection, event)


@apply.register
def _(change: Scheduled, connection: Connection, event: Event) -> Touched:
    return _schedules.schedule(change, connection, event)


@apply.register
def _(change: ScheduleEnded, connection: Connection, event: Event) -> Touched:
    return _schedules.end(change, connection, event)


@apply.register
def _(change: ScannedIn, connection: Connection, event: Event) -> Touched:
    return _scan_ins.scanned_in(change, connection, event)


@apply.register
def _(change: LabelsVerified, connection: Connection, event: Event) -> Touched:
    return _verified.verified(change, connection, event)


def _is_key(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
