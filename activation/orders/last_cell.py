"""What may be missing from the last cell of a file of orders that was cut short. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...codegen.ranges.attributes import VALIDITY
from ...codegen.ranges.cut_short import fault_of_last_list, fault_of_last_row, is_unfinished
from .during import ending

_NOTES = ("reason",)  # a column that changes nothing that is done
_NUMBERED = ("parent", "parents", "each")  # one digit less names another carton
# A date and time that no further character would continue: to the day, minute, second, offset.
_WHOLE_TIME = re.compile(
    r"(?:\d{4}-\d\d-\d\d|\d{4}/\d{1,2}/\d\d|\d{4}\.\d{1,2}\.\d\d|\d{4}年\d{1,2}月\d{1,2}日|\d{8})"
    r"(?:[T ]+\d{1,2}:\d\d(:\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"
)


def fault_of_last_cell(
    text: str, header: Sequence[str], cells: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> str | None:
    """Why the last row of `text` may have said more, if it does not end in a line end.

    `cells`: those of the last row; `rows`: the fields of every row, that one last.
    """
    if not is_unfinished(text) or len(cells) > len(header):
        return None
    column, last = header[-1], rows[-1]
    fault = fault_of_last_row(text, cells, header, _NOTES)
    if fault is not None:
        return fault
    if column in (*VALIDITY, "at", "during"):
        return _fault_of_time(column, [row[column] for row in rows if column in row])
    if column == "serials":
        same = (row for row in rows if row.get("action") == last.get("action"))
        return fault_of_last_list([row.get("serials", "") for row in same])
    return _fault_of_name(column, last.get(column, ""))


def _fault_of_time(column: str, cells: Sequence[str]) -> str | None:
    times = [ending(cell) for cell in cells]
    if _detail(times[-1]) < max(map(_detail, times)):
        return "ends in a time that is shorter than the others, and without a line end"
    if column == "during" and not times[-1]:
        return "ends in a window without an end, and without a line end"
    if not _detail(times[-1]) and times[-1][:1].isdigit():
        return "ends in a date or time that may go on, and without a line end"
    return None


def _fault_of_name(column: str, cell: str) -> str | None:
    """What is wrong with a cell that names codes, or how many."""
    if column in _NUMBERED and cell:
        return "ends in a number that may go on, and without a line end"
    if column in ("carton", "code") and ":" in cell:
        return f"ends in a {column}'s serial that may go on, and without a line end"
    if column == "where" and cell:
        return "ends in a condition that may go on, and without a line end"
    return None


def _detail(time: str) -> int:
    """How much of a time is written out; 0 if it may have been cut within a number."""
    match = _WHOLE_TIME.fullmatch(time)
    return (
        0 if match is None else 1 + (":" in time) + sum(part is not None for part in match.groups())
    )
