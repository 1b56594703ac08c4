"""What may lie in what: by the roles of codes, and by their states."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, column

from ..errors import Refused
from ..ranges import aggregation, roles, serials
from ..ranges.aggregation import CodeRanges
from ..ranges.lifecycle import State
from ..ranges.serials import Range, Ranges
from ..ranges.tiling import BLOCKED_SHOWN
from . import _links, _pairs, _tables
from ._columns import HeldText, Number
from ._prepared import Asked, Prepared
from .changes import Associated

CARTON, PALLET = "carton", "pallet"
_t = _tables.tiles.c


def check(
    connection: Connection, change: Associated, parents: CodeRanges, rows: Mapping[str, Any]
) -> None:
    """Raises `Refused` for a parent or a child that cannot be one as it stands.

    `rows`: the row of every batch that `change` names.
    """
    found = _Found()
    holders = _look(connection, _PARENTS, parents, rows[parents.batch], found)
    _check_holders(parents, holders)
    pallets = {
        part.batch: _look(connection, _CHILDREN, part, rows[part.batch], found).get(PALLET, ())
        for part in change.children
    }
    if any(pallets.values()) and CARTON in holders:
        _check_pallets(change, parents, holders[CARTON], pallets)
    _refuse_blocked(found)


def asked(change: Associated, parents: CodeRanges, rows: Mapping[str, Any]) -> Iterator[Asked]:
    """What `check` asks."""
    yield _PARENTS, _values(parents, rows[parents.batch])
    yield from ((_CHILDREN, _values(part, rows[part.batch])) for part in change.children)


def _values(part: CodeRanges, row: Any) -> dict[str, object]:  # noqa: ANN401 - a row
    return {
        "b": part.batch, "spans": _pairs.to_text(part.serials), "role": row.role,
        "exported": int(row.sscc_prefix is None),
    }  # fmt: skip


@dataclass
class _Found:
    """Codes that are void, or were never exported: the first ranges, and how many ranges."""

    blocked: list[tuple[str, Range, str]] = field(default_factory=list)
    total: int = 0


# In an inner query: a condition may name its columns.
_ROLE = {
    _links.SQLITE: "json_extract(t.attributes, '$.role')",
    _links.POSTGRESQL: "CAST(t.attributes AS JSON) ->> 'role'",
}


def _query(condition: str) -> Prepared:
    def spelt(words: _links.JsonWords) -> str:
        columns = f"""
    t.first, t.last, t.state,
    CAST(coalesce({_ROLE[words]}, :role) AS TEXT) AS role,
    CASE WHEN t.state = '{State.VOID}' OR (t.state = '{State.SEALED}' AND :exported = 1)
    THEN 1 ELSE 0 END AS blocked
"""
        found = _links.meeting(words, "tiles", columns)
        return f"SELECT * FROM ({found}) AS found {condition} ORDER BY first"  # noqa: S608 - names of ours

    typed = (_t.first, _t.last, _t.state, column("role", HeldText()), column("blocked", Number()))
    return _links.statement(spelt, *typed)


_PARENTS, _CHILDREN = _query(""), _query(f"WHERE blocked = 1 OR role = '{PALLET}'")


def _look(
    connection: Connection,
    query: Prepared,
    part: CodeRanges,
    row: Any,  # noqa: ANN401 - a row
    found: _Found,
) -> dict[str, Ranges]:
    """Role → serials of `part`; adds to `found` what is in the way.

    Labels with an SSCC are printed without an export, so that they may be sealed.
    """
    values = _values(part, row)
    roles: dict[str, list[Range]] = {}
    last = 0
    for tile in query.each(connection, **values):
        if tile.first <= last:
            continue
        last = tile.last
        held = _pairs.of_row(tile.first, tile.last, "tiles")
        roles.setdefault(str(tile.role), []).append(held)
        if tile.blocked:
            found.total += 1
            if found.total <= BLOCKED_SHOWN:
                pieces = serials.intersect((held,), part.serials)
                found.blocked += [(part.batch, piece, tile.state) for piece in pieces]
    return {
        role: serials.intersect(serials.join(held), part.serials) for role, held in roles.items()
    }


def _check_holders(parents: CodeRanges, holders: Mapping[str, Ranges]) -> None:
    for role, held in holders.items():
        if role not in roles.PARENTS:
            raise Refused(
                f"{parents.batch}:{serials.describe(held)} has the role {role[:20]}, and only a"
                " carton or a pallet holds other codes",
                "name the carton as the parent, or mint some: mintmark mint --role carton",
            )


def _check_pallets(
    change: Associated, parents: CodeRanges, cartons: Ranges, pallets: Mapping[str, Ranges]
) -> None:
    for link in aggregation.deal(parents, change.children, change.each):
        inside = serials.intersect((link.serials,), pallets[link.batch])
        if inside and serials.position(cartons, link.parent.serial) is not None:
            raise Refused(
                f"{link.batch}:{inside[0]} is a pallet, and {link.parent} a carton: a pallet does"
                " not go into a carton",
                "name the pallet as the parent, and the carton as its child",
            )


def _refuse_blocked(found: _Found) -> None:
    if not found.total:
        return
    shown = ", ".join(f"{batch}:{held} {state}" for batch, held, state in found.blocked[:5])
    more = f" and {found.total - 5:,} more ranges" if found.total > 5 else ""
    batch, _, state = found.blocked[0]
    why = (
        "what is void is not packed"
        if state == State.VOID
        else "a label that was never exported cannot have been scanned"
    )
    raise Refused(
        f"in the way: {shown}{more}: {why}",
        f"see where every code stands: mintmark batch show {batch}",
        blocked=[
            {"batch": name, "serials": [held.pair()], "state": state}
            for name, held, state in found.blocked[:BLOCKED_SHOWN]
        ],
        blocked_total=found.total,
    )
