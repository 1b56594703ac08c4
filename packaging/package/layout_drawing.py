"""Drawings of a package's layout in letters: which label comes first, and where it is cut.

Pure. ASCII alone, so that the columns stand under each other in every editor. Serials are those
of the first file, taken from the functions that arrange the data themselves.
"""

from collections.abc import Iterator, Sequence

from ..formats.format import PART
from ..formats.rows import parts
from .readme_facts import Facts

_ACROSS = 74  # cells
_COLUMNS, _ROWS = 8, 6
_MORE = ".."


def web(facts: Facts) -> Iterator[str]:
    """The lanes of a web: the first frames and the last, a line each."""
    profile = facts.profile
    frames, _ = facts.frames
    lanes = _shown(profile.lanes, _fitting(len(str(facts.first.last))))
    heads = [_MORE if lane is None else f"lane {lane + 1}" for lane in lanes]
    rows = [
        [_MORE] * len(lanes) if number is None else _cells(_frame(facts, number), lanes)
        for number in _shown(frames, 4)
    ]
    return _grid([heads, *rows], under_first=True)


def _frame(facts: Facts, number: int) -> list[int]:
    """The serials of a frame, lane by lane."""
    for part in parts(facts.first, facts.profile, PART):
        if number < part.frames:
            return [start + number * part.stride for start in part.starts]
        number -= part.frames
    raise AssertionError("the frame is one of the file's")


def sheet(facts: Facts, number: int) -> Iterator[str]:
    """The labels of a sheet, counted from 0, as they lie."""
    layout = facts.sheet
    assert layout is not None  # noqa: S101 - of PDF profiles
    first, copies = facts.first.first, facts.copies
    spots = layout.spots(number, facts.first_labels)
    serials = {place: first + label // copies for place, label in spots}
    columns = _shown(layout.columns, _fitting(len(str(facts.first.last))))
    rows = []
    for row in _shown(layout.rows, _ROWS):
        places = range((row or 0) * layout.columns, ((row or 0) + 1) * layout.columns)
        line = [serials.get(place) for place in places]
        rows.append([_MORE] * len(columns) if row is None else _cells(line, columns))
    return _grid(rows, between=True)


def _shown(count: int, most: int) -> list[int | None]:
    """The numbers from 0 that are drawn; None stands for those left out."""
    if count <= most:
        return list(range(count))
    return [*range(most - 2), None, count - 1]


def _fitting(digits: int) -> int:
    return min(_COLUMNS, (_ACROSS - 1) // (max(digits, len("lane 64")) + 3))


def _cells(serials: Sequence[int | None], columns: Sequence[int | None]) -> list[str]:
    found = []
    for column in columns:
        serial = None if column is None or column >= len(serials) else serials[column]
        found.append(_MORE if column is None else str(serial or "-"))
    return found


def _grid(
    rows: Sequence[Sequence[str]], *, between: bool = False, under_first: bool = False
) -> Iterator[str]:
    width = max(len(text) for row in rows for text in row)
    rule = "+" + "+".join(["-" * (width + 2)] * len(rows[0])) + "+"
    yield rule
    for number, row in enumerate(rows, 1):
        yield "|" + "|".join(f" {text:>{width}} " for text in row) + "|"
        if between or number == len(rows) or (under_first and number == 1):
            yield rule
