"""An order as JSON values, and back: what can be written down, and what cannot. Pure, but `@FILE`.

A code cannot: to look it up takes the books, and no file of this home may hold one. So an order
that names codes by scanning them has to be given again, or be named in another way. The same holds
for conditions to be looked at first, and for anything that is a dry run: nothing waits for an
answer that somebody wanted now.
"""

import zoneinfo
from collections.abc import Mapping
from typing import Any

from ...codegen import ids, times
from ...codegen.away import OutOfReach
from ...codegen.errors import EnvironmentFailure, NotFound
from ...codegen.ranges import notation, serials
from ...codegen.ranges.aggregation import CodeRanges, Packing
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.ranges.selection import RANGES_PER_ORDER
from ...codegen.ranges.where import conditions
from ...codegen.scanned import names_no_code
from ...codegen.serials_file import read_text
from ..association.form import check_fields
from ..association.options import PackingOptions
from ..association.packing import PackingRequest
from ..orders.orders import OrderRequest, check
from ..orders.selection import (
    ByCarton,
    ByCode,
    ByConditions,
    ByPackage,
    ByRanges,
    BySerials,
    ByUnit,
    Children,
    InOneBatch,
    Selection,
)
from ..orders.spans import reader
from .intent import WrittenOrder

# Which of the two it is makes no difference to what a person can do now.
_AWAY = "the ledger, or the store of its vault,"
RANGE, PACKING, PACKED = "range", "packing", "packed"
_PLAIN = (
    *("batch", "count", "tolerance", "strict", "reason", "line", "allow_past", "include_lost"),
    "both",
)
_OF_PACKED = ("each", "count", "holds", "reason", "line")
# Of a message, what names codes as they are scanned.
_SCANNED = ("codes", "children", "from_code", "to_code")


def write_range(request: OrderRequest, home: str, zone: zoneinfo.ZoneInfo) -> WrittenOrder:
    """A range order under its own id. `zone`: that of the home, in which its conditions are read.

    Raises `EnvironmentFailure` for what cannot be written down, `UsageError` for what means
    nothing, `NotFound` for another home's batch.
    """
    check(request)
    if request.dry_run:
        raise _no_answer("what would change cannot be told")
    _check_home(request.batch, home)
    fields: dict[str, Any] = {name: getattr(request, name) for name in _PLAIN}
    fields |= {
        "action": request.action.value,
        "attributes": dict(request.attributes),
        "from": request.from_state and request.from_state.value,
        "at": request.at and times.format_utc(request.at),
        "selection": _write_selection(request.selection, home),
        "zone": zone.key,
    }
    return WrittenOrder(request.order or "", RANGE, fields)


def read_range(written: WrittenOrder) -> OrderRequest:
    """The request that `write_range` wrote. Raises `KeyError`, `ValueError` and `TypeError`."""
    fields = written.fields
    return OrderRequest(
        action=Action(fields["action"]),
        selection=_read_selection(fields["selection"], zoneinfo.ZoneInfo(fields["zone"])),
        attributes=fields["attributes"],
        from_state=State(fields["from"]) if fields["from"] else None,
        at=times.parse_utc(fields["at"]) if fields["at"] else None,
        order=written.order,
        **{name: fields[name] for name in _PLAIN},
    )


def write_packing(order: str, fields: Mapping[str, Any], home: str) -> WrittenOrder:
    """An order of packing, as the fields of a message (`association/form.py`).

    Raises `EnvironmentFailure` for what cannot be written down, `UsageError` for malformed fields,
    `NotFound` for a batch of another home.
    """
    check_fields(fields)
    given = {name: value for name, value in fields.items() if value is not None}
    if given.pop("dry_run", False):
        raise _no_answer("what would change cannot be told")
    for name in ("parent", "carton"):
        if isinstance(given.get(name), str) and not names_no_code(given[name]):
            raise no_codes()
    if any(name in given for name in _SCANNED):
        raise no_codes()
    for name in ("batch", "parents"):
        if isinstance(given.get(name), str):
            _check_home(ids.fold(given[name].partition(":")[0]), home)
    if isinstance(given.get("serials"), str):
        given["serials"] = _serials(given["serials"])
    return WrittenOrder(order, PACKING, {**given, "order": order})


def write_packed(request: PackingRequest) -> WrittenOrder:
    """An order of packing of which the codes are known. Raises as `write_packing`."""
    if request.dry_run:
        raise _no_answer("what would change cannot be told")
    parts = [_part(part) for part in request.children]
    parents = None if request.parents is None else _part(request.parents)
    fields = {"action": request.action.value, "children": parts, "parents": parents}
    fields |= {name: getattr(request, name) for name in _OF_PACKED}
    return WrittenOrder(request.order or "", PACKED, fields)


def read_packed(written: WrittenOrder) -> PackingRequest:
    """The request that `write_packed` wrote. Raises `KeyError`, `ValueError` and `TypeError`."""
    fields = written.fields
    return PackingRequest(
        action=Packing(fields["action"]),
        children=tuple(map(_read_part, fields["children"])),
        parents=_read_part(fields["parents"]) if fields["parents"] else None,
        order=written.order,
        **{name: fields[name] for name in _OF_PACKED},
    )


def _part(part: CodeRanges) -> list[Any]:
    return [part.batch, serials.to_pairs(part.serials)]


def _read_part(part: list[Any]) -> CodeRanges:
    batch, pairs = part
    return CodeRanges(str(batch), serials.from_pairs(pairs, RANGES_PER_ORDER))


def of_options(options: PackingOptions, action: Packing) -> dict[str, Any]:
    """The fields of a message that says what the options of a command say."""
    if options.codes is not None:
        raise no_codes()
    fields: dict[str, Any] = {
        name: getattr(options, name)
        for name in (
            *("batch", "serials", "unit", "package", "from_code", "to_code", "count", "parent"),
            *("each", "parents", "reason", "line", "carton", "dry_run"),
        )
    }
    fields |= {"partial": options.partial or None, "all": options.everything or None}
    return {"action": action.value, **fields}


def _write_selection(selected: Selection, home: str) -> dict[str, Any]:
    match selected:
        case BySerials(text):
            fields: dict[str, Any] = {"by": "serials", "text": _serials(text)}
        case ByRanges(ranges):
            fields = {"by": "ranges", "ranges": serials.to_pairs(ranges)}
        case ByUnit(unit):
            fields = {"by": "unit", "unit": unit}
        case ByPackage(package):
            fields = {"by": "package", "package": package}
        case ByCode(code) if names_no_code(code):
            fields = {"by": "code", "code": code}
        case ByCarton(carton, children) if names_no_code(carton):
            fields = {"by": "carton", "carton": carton, "children": children.value}
        case ByConditions(where, within):
            inner = None if within is None else _write_selection(within, home)
            fields = {"by": "where", "where": list(where.texts()), "within": inner}
        case _:
            raise no_codes()
    return fields


def _read_selection(fields: Mapping[str, Any], zone: zoneinfo.ZoneInfo) -> Selection:
    if fields["by"] == "where":
        within = fields["within"] and _read_single(fields["within"])
        return ByConditions(conditions(fields["where"], reader(zone)), within)
    if fields["by"] == "carton":
        return ByCarton(fields["carton"], Children(fields["children"]))
    return _read_single(fields)


def _read_single(fields: Mapping[str, Any]) -> InOneBatch:
    match fields["by"]:
        case "serials":
            return BySerials(fields["text"])
        case "ranges":
            return ByRanges(serials.from_pairs(fields["ranges"], RANGES_PER_ORDER))
        case "unit":
            return ByUnit(fields["unit"])
        case "package":
            return ByPackage(fields["package"])
        case "code":
            return ByCode(fields["code"])
    raise ValueError("a way to name codes that this version does not know")


def _serials(text: str) -> str:
    """What `text` or its file lists, as it stands now. Raises `UsageError` unless it is a list."""
    listed = read_text(text)
    # How many codes the batch has, nobody can say now: that is judged when it is booked.
    notation.parse(listed, serials.LAST)
    return listed


def _check_home(batch: str, home: str) -> None:
    """Raises `NotFound` for what can be no batch of this home."""
    if batch and not (ids.is_id(batch) and batch[:4] == home[:4]):
        raise NotFound(
            f"no batch {ids.shown(batch)} in this ledger",
            "every batch of this home begins with " + home[:4],
        )


def no_codes(away: OutOfReach | None = None) -> EnvironmentFailure:
    """The error for an order that names scanned codes while nothing can be looked up."""
    why = f"{_AWAY} does not answer" if away is None else away.message
    return EnvironmentFailure(
        f"{why}: scanned codes cannot be looked up, and none may be written down; nothing was"
        " ordered",
        "name serials, a unit, a package or BATCH:SERIAL: such an order is taken all the same",
        "or scan again when it answers",
    )


def _no_answer(what: str) -> EnvironmentFailure:
    return EnvironmentFailure(f"{_AWAY} does not answer: {what}", "try again when it answers")
