"""A tile as a row of the table `tiles`, and the way back."""

import json
from collections.abc import Sequence
from functools import lru_cache

from ..errors import IntegrityError
from ..ranges.attributes import Attributes, from_json, to_json
from ..ranges.lifecycle import Standing, State
from ..ranges.tiling import Tile
from . import _pairs, _tables

_t = _tables.tiles.c
COLUMNS = (_t.first, _t.last, _t.state, _t.back, _t.package, _t.attributes, _t.reason)


def from_row(row: Sequence[object]) -> Tile[Standing]:
    """The tile of a row with the columns `COLUMNS`. Raises `IntegrityError`."""
    first, last, *rest = row
    return Tile(_pairs.of_row(first, last, "tiles"), _standing(*rest))  # type: ignore[arg-type]


def to_row(batch: str, tile: Tile[Standing]) -> dict[str, object]:
    """The row of a tile, column → value."""
    value = tile.value
    return {
        "batch": batch,
        "first": tile.serials.first,
        "last": tile.serials.last,
        "state": value.state.value,
        "back": value.back.value if value.back else None,
        "package": value.package,
        "attributes": _dump(value.attributes),
        "reason": value.reason,
    }


@lru_cache(maxsize=4_096)
def _standing(
    state: str, back: str | None, package: str | None, attributes: str, reason: str | None
) -> Standing:
    try:
        return Standing(
            state=State(state),
            back=State(back) if back is not None else None,
            package=package,
            attributes=from_json(json.loads(attributes)),
            reason=reason,
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise IntegrityError(
            "the ledger holds a range in a state there is none of",
            "see which row was changed: mintmark audit verify",
        ) from None


@lru_cache(maxsize=4_096)
def _dump(attributes: Attributes) -> str:
    return json.dumps(to_json(attributes), ensure_ascii=False, sort_keys=True)
