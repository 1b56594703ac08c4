"""What the symbols of a proof should be, by the books and by the home's profiles."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...codegen.errors import UsageError
from ...codegen.ledger.view import View
from ...codegen.ranges.serials import Range
from ..profiles import files as profile_files
from ..profiles.profile import Profile
from ..reissue import recorded
from .arrangement import Printed, may_be_a_sheet
from .look_check import Asked, asked, asked_by_any
from .recognise import Read


@dataclass(frozen=True)
class Due:
    """Unit → its layout; package → the look that it asks for.

    `own`: the profiles that may have made what is not in the books, as test packages.
    """

    units: dict[str, Printed]
    looks: dict[str | None, Asked]
    own: list[Profile]

    def copies(self, unit: str | None) -> int:
        """How many labels have a code of the unit."""
        return self.units[unit].copies if unit in self.units else 1

    def sheet_of(self, item: Read) -> tuple[str, int]:
        """The unit and sheet of a symbol of a PDF; labels that a press imposes have none."""
        unit = self.units.get(item.unit or "")
        found = unit.positions.get(item.serial) if unit is not None else None
        return (item.unit or "", found[0]) if found is not None else ("", 0)

    def may_be_sheets(self, items: Sequence[Read]) -> bool:
        """Whether every picture may show a sheet whose serials run on through other sheets."""
        seen: dict[int, set[int]] = defaultdict(set)
        for item in items:
            seen[item.picture].add(item.serial)
        return any(
            all(may_be_a_sheet(serials, profile.sheet) for serials in seen.values())
            for profile in self.own
            if profile.sheet is not None
        )


def due_of(view: View, read: Sequence[Read], home: Path | None) -> Due:
    """What the books say of the packages that were read."""
    found = Due({}, {}, _profiles(home))
    found.looks[None] = asked_by_any(profile.symbol for profile in found.own)
    for package in {item.package for item in read if item.package}:
        profile = recorded(view, view.package(package))
        found.looks[package] = asked(profile.symbol)
        for unit in view.units(package):
            serials = Range(unit.first, unit.last)
            found.units[unit.unit] = Printed(serials, profile.of_size(len(serials)), unit.copies)
    return found


def _profiles(home: Path | None) -> list[Profile]:
    return [
        item.profile
        for _, origin, item in profile_files.every(home)
        if not isinstance(item, UsageError) and origin is not profile_files.Origin.EXAMPLE
    ]
