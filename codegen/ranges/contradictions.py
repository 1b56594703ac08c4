"""What contradicts the receipts of a package, and how it is told. Pure."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from ..errors import Refused
from . import serials
from .serials import Range, Ranges

SHOWN = 100  # ranges in an error's details


class Reporting(Protocol):
    """An entry of a receipt, or of a correction of receipts."""

    @property
    def unit(self) -> str | None:
        """The unit; None for the package."""

    @property
    def printed(self) -> Ranges:
        """Serials reported as printed."""

    @property
    def spoiled(self) -> Ranges:
        """Serials reported as spoiled."""

    @property
    def spoiled_count(self) -> int | None:
        """Labels spoiled by number alone."""


def twice(ranges: Iterable[Range]) -> Ranges:
    """The serials that lie in more than one of `ranges`."""
    found: list[Range] = []
    reached = 0
    for piece in sorted(ranges):
        if piece.first <= reached:
            found.append(Range(piece.first, min(piece.last, reached)))
        reached = max(reached, piece.last)
    return serials.union(found)


_SENTENCES = {
    "outside": "serials {} are not in the unit or package that the receipt names (package {})",
    "both": "serials {} are reported twice in this receipt for package {},"
    " or both printed and spoiled",
    "told": "serials {} were reported in an earlier receipt for package {}",
    "untold": "serials {} were never reported for package {}: there is nothing to correct",
}
_HINTS = {
    "outside": "compare with its units: mintmark package show {}",
    "both": "report every serial once, as printed or as spoiled",
    "told": "if it was reported wrongly: mintmark package receipt {} --correct --reason R; if a"
    " printed label spoiled later: mintmark void",
    "untold": "report them without --correct: mintmark package receipt {}",
}


def refuse(package: str, contradictions: Mapping[str, Ranges]) -> None:
    """Raises `Refused`, with the differences as details, if there are contradictions."""
    found = {name: ranges for name, ranges in contradictions.items() if ranges}
    if not found:
        return
    first = next(iter(found))
    raise Refused(
        _SENTENCES[first].format(serials.describe(found[first]), package),
        _HINTS[first].format(package),
        **{name: serials.to_pairs(ranges[:SHOWN]) for name, ranges in found.items()},
        **{f"{name}_count": serials.count(ranges) for name, ranges in found.items()},
    )
