"""By what codes are counted, and the value of it on each range of the books. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ...codegen.errors import UsageError
from ...codegen.ranges import attributes, values, windows
from ...codegen.ranges.attributes import Attributes, Layer
from ...codegen.ranges.lifecycle import Standing, State
from ...codegen.ranges.serials import Range
from ...codegen.ranges.tiling import Tile

PACKAGE, PRODUCT = "package", "product"
KEYS = ("lot", "dealer", "region", "campaign", PRODUCT, PACKAGE)


@dataclass(frozen=True, slots=True)
class StockSpan:
    """Serials that count for the same group. `value` None: they are active, and have none."""

    serials: Range
    active: bool
    value: str | None = None


def check(by: str) -> str:
    """`by`, if codes can be counted by it. Raises `UsageError`."""
    own = by not in attributes.KNOWN and by.partition(".")[0] in [layer.value for layer in Layer]
    if own:
        attributes.layer(by)
    elif by not in KEYS:
        raise UsageError(
            "--by names nothing that codes are counted by",
            f"one of {', '.join(KEYS)}, or an attribute of your own: property.store",
        )
    return by


class Grouping:
    """Finds the groups of a batch's codes, by the attribute or the package `by`, at `now`.

    An attribute of the activity layer counts as it holds now (`passing`); another as it stands on
    the range, whatever a window holds. `windowed` counts the active codes on which a window holds
    now that holds the attribute.
    """

    def __init__(self, by: str, now: datetime) -> None:
        self._by, self._now = by, now
        self.passing = by != PACKAGE and attributes.layer(by) is Layer.ACTIVITY
        self._known: dict[Attributes, tuple[str | None, bool]] = {}
        self.windowed = 0

    def spans(self, tiles: Iterable[Tile[Standing]], product: str | None) -> list[StockSpan]:
        """`tiles` of a batch of that `product`, as spans: ascending, without a gap."""
        found: list[StockSpan] = []
        for tile in tiles:
            span = self._span(tile, product)
            last = found[-1] if found else None
            if last and (last.active, last.value) == (span.active, span.value):
                joined = Range(last.serials.first, span.serials.last)
                found[-1] = StockSpan(joined, span.active, span.value)
            else:
                found.append(span)
        return found

    def _span(self, tile: Tile[Standing], product: str | None) -> StockSpan:
        standing = tile.value
        if standing.state is not State.ACTIVE:
            return StockSpan(tile.serials, active=False)
        if self._by == PACKAGE:
            return StockSpan(tile.serials, active=True, value=standing.package)
        known = self._known.get(standing.attributes)
        if known is None:
            known = self._known[standing.attributes] = self._value(standing.attributes)
        value, windowed = known
        self.windowed += len(tile.serials) * windowed
        if value is None and self._by == PRODUCT:
            value = product
        return StockSpan(tile.serials, active=True, value=value)

    def _value(self, found: Attributes) -> tuple[str | None, bool]:
        """The value of the attribute, and whether a window that holds now holds it."""
        base = attributes.to_json(found)
        held = [windows.read(key, value) for key, value in base.items() if windows.is_window(key)]
        windowed = any(self._by in each.attributes and each.holds(self._now) for each in held)
        holding = values.at(found, self._now) if self.passing else base
        value = holding.get(self._by)
        return None if value is None else str(value), windowed
