"""Receipts (回执): which codes of a package the printer printed and spoiled, over all receipts.

Pure. The rules of an account:

1. Every entry names serials of its unit, or of the package if it names no unit.
2. A serial is reported once, as printed or as spoiled.
3. Spoiled labels whose serials are unknown are a number, kept per unit or for the package.
4. A unit, and the package, cannot have more labels reported than it has codes.
5. The final receipt decides about every serial that was never reported:
   a. In a unit with printed serials, and in a unit without any report, it was not printed and
      is to be voided as `unused`. Labels counted as spoiled are among these.
   b. In a unit for which only a number was reported it was printed, but for that number.
      Nobody knows which labels were spoiled, so none is voided. A number for the whole
      package, if no serial was reported as printed, does the same to every unit.
6. A code that is on several labels (`copies`) is printed if one of them was, and spoiled, by
   its serial, only if all were. A number of spoiled labels counts labels, which are of printed
   codes: none is voided for them, and they are among no sum of codes.
7. A serial that was reported as spoiled, or left over at the end, and whose code was brought
   back since, is reopened: it is open again, also after the final receipt.

What was reported wrongly is replaced: see `corrections.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .. import ids
from ..errors import NotFound, Refused, UsageError
from . import serials
from .contradictions import SHOWN, Reporting, refuse, twice
from .lifecycle import Reason
from .serials import Range, Ranges

# A code that is voided for these reasons leaves no gap in what the customer ordered.
NOT_REPLACED = (Reason.UNUSED, Reason.OVERPRINT, Reason.EXPIRED, Reason.RECALLED)


@dataclass(frozen=True)
class ReceiptEntry:
    """The part of a receipt for a unit, or for the whole package if `unit` is None.

    `spoiled_count`: spoiled labels whose serials nobody knows, besides `spoiled`.
    """

    unit: str | None
    printed: Ranges
    spoiled: Ranges
    spoiled_count: int


@dataclass(frozen=True)
class UnitAccount:
    """A unit, and how many of its labels were reported as spoiled by number alone."""

    unit: str
    serials: Range
    spoiled_count: int = 0


@dataclass(frozen=True)
class Totals:
    """Codes of a package. `printed` to `open` add up to `packaged`.

    `printed_by_count`: printed by rule 5b. `unused`: not printed, by rule 5a. `open`: not
    reported yet; after the final receipt, reopened. Each code is on `copies` labels; if that is
    more than one, `spoiled_count` counts labels, and is not a part of the sum (rule 6). Of all
    `labels`, `spoiled_labels` are spoiled, by serial or by number.
    """

    packaged: int
    printed: int
    printed_by_count: int
    spoiled: int
    spoiled_count: int
    unused: int
    open: int
    final: bool
    copies: int = 1
    labels: int = 0
    spoiled_labels: int = 0

    @classmethod
    def of(cls, packaged: int, parts: Sequence[int], copies: int, *, final: bool) -> "Totals":
        """From `printed`, `printed_by_count`, `spoiled`, `spoiled_count` and `unused`."""
        printed, by_count, spoiled, number, unused = parts
        still_open = packaged - printed - by_count - spoiled - unused
        still_open -= number if copies == 1 else 0
        return cls(
            *(packaged, printed, by_count, spoiled, number, unused, still_open),
            final=final,
            copies=copies,
            labels=packaged * copies,
            spoiled_labels=spoiled * copies + number,
        )


@dataclass(frozen=True)
class Closing:
    """Rule 5 applied: `unused` serials are to be voided.

    `counted`: the units to which rule 5b applies.
    """

    unused: Ranges
    counted: frozenset[str]
    totals: Totals


@dataclass(frozen=True)
class Account:
    """All that was reported of a package so far. The units ascend and hold its serials.

    `reopened`: rule 7. `final`: the final receipt is booked. `copies`: rule 6.
    """

    package: str
    units: tuple[UnitAccount, ...]
    printed: Ranges = ()
    spoiled: Ranges = ()
    spoiled_count: int = 0
    reopened: Ranges = ()
    final: bool = False
    copies: int = 1

    @property
    def serials(self) -> Ranges:
        """All serials of the package."""
        return serials.ordered(unit.serials for unit in self.units)

    @property
    def uncertain(self) -> int:
        """All labels reported as spoiled by number alone."""
        return self.spoiled_count + sum(unit.spoiled_count for unit in self.units)

    def _codes(self, number: int) -> int:
        """How many codes have no good label because of a `number` of spoiled labels: rule 6."""
        return number if self.copies == 1 else 0

    @property
    def silent(self) -> tuple[UnitAccount, ...]:
        """The units of which nothing was reported, neither serials nor a number."""
        told = self._count_by_unit((*self.printed, *self.spoiled))
        return tuple(unit for unit, named in told if not named and not unit.spoiled_count)

    def add(self, entries: Sequence[ReceiptEntry]) -> "Account":
        """The account after another receipt, made of `entries`.

        Raises `NotFound` for a unit of another package, `UsageError` for a negative
        number, `Refused` for what contradicts the package or an earlier receipt; its
        details hold the differences.
        """
        check_units(self, entries)
        printed = [piece for entry in entries for piece in entry.printed]
        spoiled = [piece for entry in entries for piece in entry.spoiled]
        known = serials.union((*self.printed, *self.spoiled))
        new = serials.union((*printed, *spoiled))
        contradictions = {
            "outside": outside(self, entries),  # rule 1
            "both": twice((*printed, *spoiled)),  # rule 2, in this receipt
            "told": serials.intersect(new, known),  # rule 2, against the earlier ones
        }
        refuse(self.package, contradictions)
        after = replace(
            self,
            units=_counted(self.units, entries),
            printed=serials.union((*self.printed, *printed)),
            spoiled=serials.union((*self.spoiled, *spoiled)),
            spoiled_count=self.spoiled_count
            + sum(entry.spoiled_count for entry in entries if entry.unit is None),
            reopened=serials.subtract(self.reopened, new),
        )
        after.check_room()  # rule 4
        return after

    def check_room(self) -> None:
        """Raises `Refused` if more labels were reported than there are codes: rule 4."""
        # Of copies, the labels spoiled by number are those of printed codes.
        named = self.spoiled if self.copies > 1 else (*self.printed, *self.spoiled)
        over = [
            _excess(reported, len(unit.serials) * self.copies, unit.unit)
            for unit, codes in self._count_by_unit(named)
            if (reported := codes * self.copies + unit.spoiled_count)
            > len(unit.serials) * self.copies
        ]
        packaged = serials.count(self.serials) * self.copies
        reported = serials.count(named) * self.copies + self.uncertain
        if reported > packaged:
            over.append(_excess(reported, packaged, None))
        if not over:
            return
        first = over[0]
        what = f"unit {first['unit']}" if first["unit"] else f"package {self.package}"
        held = "codes" if self.copies == 1 else "labels"
        raise Refused(
            f"{what} holds {first['packaged']:,} {held}, and the receipts report"
            f" {first['told']:,}: {first['difference']:,} too many",
            f"compare with the earlier receipts: mintmark package show {self.package}",
            over=over[:SHOWN],
        )

    def closing(self) -> Closing:
        """Rule 5 applied to what was reported so far, as by a final receipt now, or by then."""
        whole = self.spoiled_count > 0 and not self.printed  # rule 5b, for the package
        counted = frozenset(
            unit.unit
            for unit, printed in self._count_by_unit(self.printed)
            if whole or (unit.spoiled_count and not printed)
        )
        others = [unit for unit in self.units if unit.unit not in counted]
        # Rule 5a, for all other units.
        left = serials.ordered(unit.serials for unit in others)
        left = serials.subtract(serials.subtract(left, self.printed), self.spoiled)
        if self.final:
            left = serials.subtract(left, self.reopened)  # rule 7
        among = 0 if whole else self.spoiled_count
        among += sum(unit.spoiled_count for unit in others)
        unused = max(0, serials.count(left) - self._codes(among))
        return Closing(left, counted, self._totals(unused, final=True))

    def totals(self) -> Totals:
        """The sums, by rule 5 if the final receipt is booked."""
        return self.closing().totals if self.final else self._totals(0, final=False)

    def _totals(self, unused: int, *, final: bool) -> Totals:
        packaged = serials.count(self.serials)
        printed, spoiled = serials.count(self.printed), serials.count(self.spoiled)
        rest = packaged - printed - spoiled - self._codes(self.uncertain) - unused
        # Labels spoiled by number may be among the reopened: then fewer are open.
        reopened = min(serials.count(self.reopened), rest) if self.final else 0
        still_open = reopened if final else rest
        parts = (printed, rest - still_open, spoiled, self.uncertain, unused)
        return Totals.of(packaged, parts, self.copies, final=final)

    def _count_by_unit(self, ranges: Iterable[Range]) -> Iterator[tuple[UnitAccount, int]]:
        codes = dict.fromkeys((unit.unit for unit in self.units), 0)
        for unit, piece in cut(sorted(ranges), self.units):
            codes[unit] += len(piece)
        return ((unit, codes[unit.unit]) for unit in self.units)


def cut(ranges: Sequence[Range], units: Sequence[UnitAccount]) -> Iterator[tuple[str, Range]]:
    """(unit, range) of ascending `ranges`, which lie in the units, cut at the units' edges."""
    index = 0
    for piece in ranges:
        first = piece.first
        while first <= piece.last:
            while units[index].serials.last < first:
                index += 1
            last = min(piece.last, units[index].serials.last)
            yield units[index].unit, Range(first, last)
            first = last + 1


def check_units(account: Account, entries: Iterable[Reporting]) -> None:
    """Raises `NotFound` for a unit of another package, `UsageError` for a negative number."""
    units = {unit.unit for unit in account.units}
    for entry in entries:
        if entry.unit is not None and entry.unit not in units:
            raise NotFound(
                f"no unit {ids.shown(entry.unit)} in package {account.package}",
                f"see its units: mintmark package show {account.package}",
            )
        if (entry.spoiled_count or 0) < 0:
            raise UsageError("a number of spoiled labels is 0 or more")


def outside(account: Account, entries: Iterable[Reporting]) -> Ranges:
    """Serials that lie outside the unit, or the package, that their entry names."""
    units = {unit.unit: unit for unit in account.units}
    whole = account.serials
    found: list[Range] = []
    for entry in entries:
        scope = whole if entry.unit is None else (units[entry.unit].serials,)
        for ranges in (entry.printed, entry.spoiled):
            found += serials.subtract(ranges, scope)
    return serials.union(found)


def _counted(
    units: tuple[UnitAccount, ...], entries: Iterable[ReceiptEntry]
) -> tuple[UnitAccount, ...]:
    more: dict[str | None, int] = {}
    for entry in entries:
        more[entry.unit] = more.get(entry.unit, 0) + entry.spoiled_count
    return tuple(
        replace(unit, spoiled_count=unit.spoiled_count + more.get(unit.unit, 0)) for unit in units
    )


def _excess(reported: int, packaged: int, unit: str | None) -> dict[str, int | str | None]:
    difference = reported - packaged
    return {"unit": unit, "packaged": packaged, "told": reported, "difference": difference}
