"""What the key of a station, a line or a platform may sign: one table, for each kind of change.

A station has some of `RIGHTS`; one whose key names none, as all keys of before, may do everything.
A line lies unattended on the floor: it orders ranges, whatever the station may at whose PC it
stands. A platform signs scans, and no event. Of the rights that stand for a change one is enough:

- a receipt voids what was spoiled, so whoever receipts may void;
- lines are admitted by who orders, and by who keeps the roster;
- whatever a station may do beyond reading can go wrong, and is told of.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, select

from ..errors import Refused
from ..ranges.lifecycle import Action
from . import _agreed, _tables
from .changes import (
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

MINT, EXPORT, ORDER, READ, ADMIT = "mint", "export", "order", "read", "admit"

# Reopening is what an order of its own leads to, and nothing else.
LINE_MAY = (Ordered, Associated, Settled, Incident, Reopened, Scheduled, ScheduleEnded)

_ROSTER, _LINES = (ADMIT,), (ORDER, ADMIT)
_NEEDED: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {
        HomeMade: _ROSTER,
        ContactAdded: (EXPORT, ADMIT),
        BatchMinted: (MINT,),
        ExportBegun: (EXPORT,),
        Packaged: (EXPORT,),
        ExportAbandoned: (EXPORT,),
        Receipted: (EXPORT,),
        ReceiptCorrected: (EXPORT,),
        UnitMoved: (EXPORT,),
        LabelsVerified: (EXPORT,),
        Reopened: (ORDER,),
        Associated: (ORDER,),
        Settled: (ORDER,),
        Scheduled: (ORDER,),
        ScheduleEnded: (ORDER,),
        ScannedIn: (ORDER,),
        Incident: (MINT, EXPORT, ORDER, ADMIT),
    }
)


def needed(change: Change, kind_of: Callable[[str], str | None]) -> tuple[str, ...]:
    """The rights of which a station needs one to sign `change`.

    `kind_of(key id)` is the kind of a key of the roster, None for one that is not there.
    """
    if isinstance(change, Ordered):
        return (ORDER, EXPORT) if change.action is Action.VOID else (ORDER,)
    if isinstance(change, Stored):
        return (EXPORT,) if {item.part for item in change.objects} == {"wraps"} else (MINT,)
    if isinstance(change, KeyAdded):
        return _LINES if change.kind == "line" else _ROSTER
    if isinstance(change, KeyRevoked):
        return _LINES if kind_of(change.key_id) in ("line", None) else _ROSTER
    return _NEEDED[type(change)]


def has(may: str | None, rights: tuple[str, ...]) -> bool:
    """Whether a station with `may`, as the roster has it, has one of `rights`."""
    return may is None or not {*may.split()}.isdisjoint(rights)


def check(connection: Connection, row: Any, change: Change) -> None:  # noqa: ANN401 - a row
    """Raises `Refused` unless the station whose key is `row` may sign `change`."""

    def kind_of(key_id: str) -> str | None:
        found = _agreed.row(connection, _tables.keys, "key_id", key_id)
        return None if found is None else str(found.kind)

    rights = needed(change, kind_of)
    if not has(row.may, rights):
        grantors = [name for _, name in admitting(connection)]
        raise lacking(row.name, row.may.split(), rights, grantors)


def admitting(connection: Connection) -> list[tuple[str, str]]:
    """(key id, name) of every station that may admit others, in the order they were added."""
    k = _tables.keys.c
    query = select(k.key_id, k.name, k.may).where(k.kind == "station", k.revoked_at.is_(None))
    rows = connection.execute(query.order_by(k.added_at, k.key_id))
    return [(key_id, name) for key_id, name, may in rows if has(may, (ADMIT,))]


def lacking(name: str, may: Sequence[str], rights: Sequence[str], by: Sequence[str]) -> Refused:
    """The error for a station without any of `rights`, which the stations `by` can grant."""
    return Refused(
        f"station {name} may {', '.join(may) or 'do nothing'}, and this takes the right to"
        f" {' or '.join(rights)}",
        "do it at a station that may: mintmark station list",
        f"or have the right granted at station {' or '.join(by) or '(none)'}: retire {name} there,"
        " and admit it anew with --may",
    )
