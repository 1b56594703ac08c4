"""An order as a machine writes it: named fields, from a row of a file or a line of JSON.

Unknown fields are refused: a mistyped guard must not be a guard left out. Raises
`UsageError` throughout, quoting no value of a code.
"""

import re
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ranges import serials
from ...codegen.ranges.attributes import VALIDITY, Value, check, from_options
from ...codegen.ranges.lifecycle import Action, State
from ...codegen.ranges.selection import RANGES_PER_ORDER
from . import typed_times
from .orders import OrderRequest
from .selection import by_carton, selection

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
)
SWITCHES = ("strict", "allow_past", "include_lost", "both")
FIELDS = frozenset({*TEXTS, *SWITCHES, *VALIDITY, "serials", "count", "set"})
# For orders that are not kept: a file of orders holds no code.
MESSAGE_FIELDS = FIELDS | {"from_code", "to_code", "tolerance", "dry_run"}
# What names a carton and is no code: BATCH:SERIAL, or an SSCC, however it was scanned.
_NO_CODE = re.compile(r"\w{4}-\w{8} ?: ?\d{1,9}|(?:\S*/00/|\(00\) ?|00)?\d{18}", re.ASCII)
SET = "set."
_REAL = "write a whole number: a PLC's REAL holds seven digits, a DINT holds nine"


def from_row(row: Mapping[str, str], zone: tzinfo) -> OrderRequest:
    """The order of a CSV row (column → cell). Empty cells count as absent.

    Attributes stand in columns `set.<key>`; only JSON can delete an attribute.
    """
    cells = {key: cell.strip() for key, cell in row.items() if cell.strip()}
    options = [f"{key[len(SET) :]}={cell}" for key, cell in cells.items() if key.startswith(SET)]
    fields: dict[str, Any] = {k: cell for k, cell in cells.items() if not k.startswith(SET)}
    if "count" in fields:
        fields["count"] = _number("count", fields["count"])
    for name in SWITCHES:
        if name in fields:
            fields[name] = _switch(name, fields[name])
    _check_known(fields, FIELDS)
    _check_kept(fields)
    return _request(fields, from_options(options), zone, of_cells=True)


def from_object(
    fields: Mapping[str, Any], zone: tzinfo, known: frozenset[str] = FIELDS
) -> OrderRequest:
    """The order of a JSON object. `serials`: text or pairs; `set`: an object, null deletes."""
    _check_known(fields, known)
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


def _check_known(fields: Mapping[str, Any], known: frozenset[str]) -> None:
    unknown = sorted(fields.keys() - known)
    if unknown:
        raise UsageError(
            f"unknown field {ids.shown(unknown[0], name=True)}",
            f"known: {', '.join(sorted(known))}",
        )


def _check_kept(fields: Mapping[str, Any]) -> None:
    """Raises `UsageError` for a carton that a file names by its code: files of orders are kept."""
    carton = fields.get("carton")
    if isinstance(carton, str) and not _NO_CODE.fullmatch(carton.strip()):
        raise UsageError(
            "carton is neither BATCH:SERIAL nor an SSCC",
            "a file of orders is kept, and holds no code: mintmark locate tells the serial",
        )


def _request(
    fields: Mapping[str, Any],
    attributes: Mapping[str, Value],
    zone: tzinfo,
    *,
    of_cells: bool = False,
) -> OrderRequest:
    texts = {name: _text(fields, name) for name in TEXTS}
    begins, ends = (_time(fields, name) for name in VALIDITY)
    validity, notes = typed_times.validity(begins, ends, zone, of_cells=of_cells)
    for name in validity.keys() & attributes.keys():
        raise UsageError(f"{name} is both set and removed", "leave it out of set, or the field")
    boxed = by_carton(texts["carton"], texts["children"])
    return OrderRequest(
        action=_word("action", texts["action"], Action),
        batch=ids.fold(texts["batch"] or "" if boxed else _needed("batch", texts["batch"])),
        attributes={**attributes, **validity},
        count=_whole(fields, "count"),
        tolerance=_whole(fields, "tolerance"),
        from_state=_word("from", texts["from"], State) if texts["from"] else None,
        strict=_truth(fields, "strict"),
        allow_past=_truth(fields, "allow_past"),
        include_lost=_truth(fields, "include_lost"),
        both=_truth(fields, "both"),
        reason=texts["reason"],
        line=texts["line"],
        order=texts["order"],
        dry_run=_truth(fields, "dry_run"),
        selection=selection(
            serials=_serials(fields.get("serials")),
            unit=texts["unit"],
            package=texts["package"],
            codes=_codes(fields),
            carton=boxed,
        ),
        notes=notes,
    )


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable() or len(value) > 500:
        raise UsageError(f"{name} must be text, in one line of at most 500 characters")
    return value.strip() or None


def _time(fields: Mapping[str, Any], name: str) -> str | None:
    """A time as it is written; `typed_times` knows more spaces and digits than `_text` lets by."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise UsageError(
            f"{name} must be text",
            'write it as text: "2026-12-31"; a number may be of days or of seconds',
        )
    return value if value and value.strip() else None


def _needed(name: str, text: str | None) -> str:
    if text is None:
        raise UsageError(f"{name} is missing", f"every order names its {name}")
    return text


def _word(name: str, text: str | None, kind: Any) -> Any:  # noqa: ANN401 - Action or State
    try:
        return kind(_needed(name, text).lower())
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise UsageError(
            f"unknown {name} {ids.shown(text or '', name=True)}", f"known: {known}"
        ) from None


def _whole(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is float and value.is_integer():
        value = int(value)  # 2.0 is how a PLC's REAL is written
    if type(value) is float:
        raise UsageError(f"{name} must be a whole number, and this one has a fraction", _REAL)
    if type(value) is not int or not 0 <= value <= serials.LAST:
        raise UsageError(
            f"{name} must be a whole number, 0 to {serials.LAST:,}", f'for example "{name}": 100'
        )
    if name == "count" and value == 0:
        raise UsageError("count must be at least 1")
    return value


def _truth(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if type(value) is not bool:
        raise UsageError(f"{name} must be true or false")
    return value


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise UsageError(f"{name} must be a whole number")
    return int(text)


def _switch(name: str, text: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise UsageError(f"{name} must be true or false")
    return known[text.lower()]


def _serials(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        if any(isinstance(end, float) for pair in value if isinstance(pair, list) for end in pair):
            # A count is a guard; a serial that was rounded would be another serial.
            raise UsageError("serials holds a number with a decimal point", _REAL)
        ranges = serials.from_pairs(value, RANGES_PER_ORDER)
        if not ranges:
            raise UsageError("serials lists no range")
        return ";".join(map(str, ranges))
    if not isinstance(value, str):
        raise UsageError("serials must be text, or pairs [first, last]")
    if value.strip().startswith("@"):
        raise UsageError("serials cannot name a file here", "write the ranges themselves")
    return value.strip() or None


def _codes(fields: Mapping[str, Any]) -> tuple[str, str] | None:
    both = [fields[name] for name in ("from_code", "to_code") if name in fields]
    if not both:
        return None
    if len(both) == 1 or not all(isinstance(code, str) for code in both):
        raise UsageError("from_code and to_code are given together, as text")
    return both[0], both[1]
