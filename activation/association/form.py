"""An order of packing as a machine writes it: named fields, from a row or a line of JSON.

Which children: `serials`, `unit`, `package`, or two ends of a run, of `batch`; or `codes`, as they
were scanned or as `BATCH:SERIAL`. Which parent: `parent`, one carton; or `parents` with `each`; or
the label among the `codes`. Unknown fields are refused: a mistyped guard is no guard left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ranges.aggregation import CodeRanges, Packing
from ...codegen.station.station import Station
from ..orders import fields as field_of
from ..orders.form import PACKING_FIELDS
from ..orders.orders import check_written
from ..orders.selection import ByScannedCodes, resolve, selection
from .packing import PackingRequest
from .request import NamedParents, emptied, only, packed, taken_out, with_parents
from .resolving import CodeReader, named_parent
from .scanning import WantedCarton, listed

CODES = 100_000  # in a message
TEXTS = ("action", "batch", "unit", "package", "parent", "parents", "order", "reason", "line")
ROW_FIELDS = PACKING_FIELDS | {*TEXTS, "serials", "count"}
# A file is kept, and so it names no codes.
MESSAGE_FIELDS = ROW_FIELDS | {
    "codes", "children", "carton", "all", "from_code", "to_code", "dry_run"
}  # fmt: skip
_ALL = ("batch", "serials", "unit", "package", "parent", "parents", "each", "codes", "children")


def is_packing(action: object) -> bool:
    """Whether the action of an order is one of packing."""
    return isinstance(action, str) and action.strip().lower() in set(Packing)


def from_row(station: Station, row: Mapping[str, Any], *, is_json: bool) -> PackingRequest:
    """The order of a row of a file. Empty cells count as absent.

    Raises as `from_message` does.
    """
    cells = fields_of_row(row, is_json=is_json)
    return _of_serials(station, _request(cells), cells, CodeReader(station))


def fields_of_row(row: Mapping[str, Any], *, is_json: bool) -> dict[str, Any]:
    """The fields of a row, each of its type. Pure. Raises `UsageError`."""
    cells: dict[str, Any] = {key: cell for key, cell in row.items() if cell not in (None, "")}
    if not is_json:
        for name in cells.keys() & {"count", "each"}:
            cells[name] = field_of.number(name, cells[name])
        if "partial" in cells:
            cells["partial"] = field_of.switch("partial", cells["partial"])
    field_of.check_known(cells, ROW_FIELDS)
    field_of.check_kept(cells, "parent")
    return cells


def check_fields(fields: Mapping[str, Any]) -> None:
    """What a message says by itself, looked at without the books. Pure. Raises `UsageError`."""
    field_of.check_known(fields, MESSAGE_FIELDS)
    request = _request({key: value for key, value in fields.items() if value is not None})
    check_written(request.order, request.reason)


def from_message(station: Station, fields: Mapping[str, Any], reader: CodeReader) -> PackingRequest:
    """The order of a JSON object, whose codes `reader` reads.

    Raises `UsageError` for malformed fields, `NotFound` and `Refused` for codes and cartons that
    are not what they should be; no code is quoted.
    """
    field_of.check_known(fields, MESSAGE_FIELDS)
    given = {key: value for key, value in fields.items() if value is not None}
    request = _request(given)
    if (codes := _codes(given)) is not None:
        return _of_codes(station, request, codes, given, reader)
    if "carton" in given or "all" in given:
        return _emptied(station, request, given, reader)
    return _of_serials(station, request, given, reader)


def _request(given: Mapping[str, Any]) -> PackingRequest:
    """What of a request the fields say themselves."""
    texts = {name: field_of.text(given, name) for name in TEXTS}
    return PackingRequest(
        action=field_of.word("action", texts["action"], Packing),
        children=(),
        each=field_of.whole(given, "each"),
        count=field_of.whole(given, "count"),
        reason=texts["reason"],
        line=texts["line"],
        order=texts["order"],
        dry_run=field_of.truth(given, "dry_run"),
    )


def _of_serials(
    station: Station, request: PackingRequest, given: Mapping[str, Any], reader: CodeReader
) -> PackingRequest:
    batch = ids.fold(field_of.needed("batch", field_of.text(given, "batch")))
    selected = selection(
        serials=field_of.serials_text(given.get("serials")),
        unit=field_of.text(given, "unit"),
        package=field_of.text(given, "package"),
        codes=field_of.two_ends(given),
    )
    if isinstance(selected, ByScannedCodes):
        selected = replace(selected, reader=reader.settings)
    children = (CodeRanges(batch, resolve(station, batch, selected)),)
    named = NamedParents(
        field_of.text(given, "parent"),
        field_of.text(given, "parents"),
        field_of.truth(given, "partial"),
        reader.settings,
    )
    return with_parents(station, replace(request, children=children), named)


def _codes(given: Mapping[str, Any]) -> list[str] | None:
    """The codes in a message, if it lists any."""
    named = [name for name in ("codes", "children") if name in given]
    if not named:
        return None
    if len(named) > 1 or given.keys() & {"batch", "serials", "unit", "package", "each", "parents"}:
        raise UsageError("the children are named twice", "codes, or a batch and its serials")
    codes = given[named[0]]
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise UsageError(f"{named[0]} must be a list of texts", "each code as it was scanned")
    if not 1 <= len(codes) <= CODES:
        raise UsageError(f"{named[0]} lists {len(codes):,} codes", f"1 to {CODES:,} at once")
    return codes


def _of_codes(
    station: Station,
    request: PackingRequest,
    codes: Sequence[str],
    given: Mapping[str, Any],
    reader: CodeReader,
) -> PackingRequest:
    """`request` for codes that a gateway collected."""
    sighted = reader.of_texts(codes)
    parent = field_of.text(given, "parent")
    named = named_parent(station, parent, reader.settings) if parent else None
    if request.action is Packing.DISSOCIATE:
        return taken_out(replace(request, parents=named), [one.sighting for one in sighted])
    each = request.count or reader.settings.per_parent
    if each is None:
        raise UsageError("count is missing", "how many children there must be: a code may be lost")
    wanted = WantedCarton(
        each, parent=only(named) if named else None, partial=field_of.truth(given, "partial")
    )
    carton = listed(sighted, wanted)
    return packed(replace(request, count=None), carton, holds=None if named else each)


def _emptied(
    station: Station, request: PackingRequest, given: Mapping[str, Any], reader: CodeReader
) -> PackingRequest:
    carton = field_of.text(given, "carton")
    whole = carton and field_of.truth(given, "all") and request.action is Packing.DISSOCIATE
    if not whole or given.keys() & set(_ALL):
        raise UsageError(
            "carton and all take everything out of a carton",
            '"carton": …, "all": true, nothing else',
        )
    return emptied(station, request, carton or "", reader.settings)
