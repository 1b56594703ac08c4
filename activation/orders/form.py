"""An order as a machine writes it: named fields, from a row of a file or a line of JSON.

Unknown fields are refused: a mistyped guard must not be a guard left out. Raises
`UsageError` throughout, quoting no value of a code.
"""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ranges.attributes import VALIDITY, Value, check, from_options
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.ranges.where import Where, conditions
from . import typed_times
from .during import During, windowed
from .fields import (
    check_kept,
    check_known,
    needed,
    number,
    serials_text,
    switch,
    text,
    texts,
    truth,
    two_ends,
    whole,
    word,
)
from .orders import OrderRequest
from .selection import ByCode, Selection, by_carton, needs_batch, selection
from .spans import reader

TEXTS = (
    "action",
    "batch",
    "unit",
    "package",
    "order",
    "reason",
    "line",
    "from",
    "carton",
    "children",
    "code",
)
SWITCHES = ("strict", "allow_past", "include_lost", "both")
TIMES = (*VALIDITY, "during", "daily", "window", "at")
FIELDS = frozenset({*TEXTS, *SWITCHES, *TIMES, "serials", "count", "set", "where"})
# For orders that are not kept: a file of orders holds no code.
MESSAGE_FIELDS = FIELDS | {"from_code", "to_code", "tolerance", "dry_run"}
SET = "set."
_BATCH = "name it; a unit, package, code or carton, and where, need none"
# Columns that orders of packing have beside those of range orders.
PACKING_FIELDS = frozenset({"parent", "parents", "each", "partial"})


def from_row(row: Mapping[str, str], zone: tzinfo) -> OrderRequest:
    """The order of a CSV row (column → cell). Empty cells count as absent.

    Attributes stand in columns `set.<key>`; only JSON can delete an attribute.
    """
    cells = {key: cell.strip() for key, cell in row.items() if cell.strip()}
    options = [f"{key[len(SET) :]}={cell}" for key, cell in cells.items() if key.startswith(SET)]
    fields: dict[str, Any] = {k: cell for k, cell in cells.items() if not k.startswith(SET)}
    if "count" in fields:
        fields["count"] = number("count", fields["count"])
    for name in SWITCHES:
        if name in fields:
            fields[name] = switch(name, fields[name])
    check_known(fields, FIELDS)
    _check_kept(fields)
    return _request(fields, from_options(options), zone, of_cells=True)


def from_object(
    fields: Mapping[str, Any], zone: tzinfo, known: frozenset[str] = FIELDS
) -> OrderRequest:
    """The order of a JSON object. `serials`: text or pairs; `set`: an object, null deletes."""
    check_known(fields, known)
    given = {key: value for key, value in fields.items() if value is not None}
    if known is FIELDS:
        _check_kept(given)
    patch = given.pop("set", {})
    if not isinstance(patch, dict):
        raise UsageError("set must be an object of attributes", 'for example {"lot": "L42"}')
    for key in VALIDITY:
        if key in patch and patch[key] is not None:
            raise UsageError(f"{key} is not set with set", f"it is a field of its own: {key}")
    return _request(given, check(patch), zone)


def _request(
    fields: Mapping[str, Any],
    attributes: Mapping[str, Value],
    zone: tzinfo,
    *,
    of_cells: bool = False,
) -> OrderRequest:
    words = {name: text(fields, name) for name in TEXTS}
    begins, ends, during, daily, window, due = (_time(fields, name) for name in TIMES)
    validity, notes = typed_times.validity(begins, ends, zone, of_cells=of_cells)
    for name in validity.keys() & attributes.keys():
        raise UsageError(f"{name} is both set and removed", "leave it out of set, or the field")
    written = During(during, daily, window)
    patch, told = windowed({**attributes, **validity}, written, zone, of_cells=of_cells)
    at, of_time = typed_times.due(due, zone, "at")
    selected, batch = _selected(fields, words, zone)
    return OrderRequest(
        action=word("action", words["action"], Action),
        batch=batch,
        attributes=patch,
        count=whole(fields, "count"),
        tolerance=whole(fields, "tolerance"),
        from_state=word("from", words["from"], State) if words["from"] else None,
        strict=truth(fields, "strict"),
        allow_past=truth(fields, "allow_past"),
        include_lost=truth(fields, "include_lost"),
        both=truth(fields, "both"),
        reason=words["reason"],
        line=words["line"],
        order=words["order"],
        dry_run=truth(fields, "dry_run"),
        selection=selected,
        at=at,
        notes=notes + told + of_time,
    )


def _selected(
    fields: Mapping[str, Any], words: Mapping[str, str | None], zone: tzinfo
) -> tuple[Selection, str]:
    """What the fields name, and in which batch; empty if what is named knows its own."""
    boxed, where = by_carton(words["carton"], words["children"]), _where(fields, zone)
    if not (boxed or where or any(words[name] for name in ("unit", "package", "code"))):
        needed("batch", words["batch"], _BATCH)
    selected = selection(
        serials=serials_text(fields.get("serials")),
        unit=words["unit"],
        package=words["package"],
        codes=two_ends(fields),
        code=ByCode(words["code"]) if words["code"] else None,
        carton=boxed,
        where=where,
    )
    if needs_batch(selected):
        needed("batch", words["batch"], _BATCH)
    return selected, ids.fold(words["batch"] or "")


def _check_kept(fields: Mapping[str, Any]) -> None:
    for name in ("carton", "code"):
        check_kept(fields, name)


def _where(fields: Mapping[str, Any], zone: tzinfo) -> Where | None:
    """The conditions of a text, or of a list of texts. Nobody looks at what they meet first."""
    given = texts(fields, "where")
    if given is None:
        return None
    if fields.get("count") is None and fields.get("dry_run") is not True:
        raise UsageError(
            "where is taken only with count", "say how many codes you mean; see: mintmark find"
        )
    return conditions(given, reader(zone))


def _time(fields: Mapping[str, Any], name: str) -> str | None:
    """A time as it is written; `typed_times` knows more spaces and digits than `text` lets by."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise UsageError(
            f"{name} must be text",
            'write it as text: "2026-12-31"; a number may be of days or of seconds',
        )
    return value if value and value.strip() else None
