"""Receipts (回执): what became of a package's codes at the printer, summed over all parts.

Pure. A serial is told once, printed or spoiled. Spoilage known only as a number is kept
beside them: of a unit, or of the package. The final receipt decides what was never told:

- in a unit with printed serials, and in one of which nothing was told: not printed, to be
  voided as `unused`; labels counted as spoiled are among them;
- in a unit of which only a number spoiled was told (or in the whole package, if the number
  names no unit and nothing was told as printed): printed, but for that number. Which codes
  those are nobody knows; none is voided.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import NotFound, Refused, UsageError
from . import serials
from .lifecycle import Reason
from .serials import Range, Ranges

SHOWN = 100
# Voided for these, a code leaves no gap in what the customer ordered.
NOT_REPLACED = (Reason.UNUSED, Reason.OVERPRINT, Reason.EXPIRED, Reason.RECALLED)


@dataclass(frozen=True)
class ReceiptEntry:
    """What a receipt tells of one unit; of the package, where `unit` is None.

    `spoiled_count` are spoiled labels whose serials nobody knows, besides `spoiled`.
    """

    unit: str | None
    printed: Ranges
    spoiled: Ranges
    spoiled_count: int


@dataclass(frozen=True)
class UnitAccount:
    """A unit, and how many of its labels were told as spoiled by number alone."""

    unit: str
    serials: Range
    spoiled_count: int = 0


@dataclass(frozen=True)
class Totals:
    """Codes of a package; all but `packaged` and `final` add up to `packaged`.

    `printed_by_count` were printed, by a final receipt that told a number spoiled alone;
    `open` are told nothing of yet.
    """

    packaged: int
    printed: int
    printed_by_count: int
    spoiled: int
    spoiled_count: int
    unused: int
    open: int
    final: bool


@dataclass(frozen=True)
class Closing:
    """What a final receipt makes of codes never told: `unused` are to be void.

    The units of `counted` are taken as printed, but for a number.
    """

    unused: Ranges
    counted: frozenset[str]
    totals: Totals


@dataclass(frozen=True)
class Account:
    """What was told of a package so far. The units ascend and hold its serials."""

    package: str
    units: tuple[UnitAccount, ...]
    printed: Ranges = ()
    spoiled: Ranges = ()
    spoiled_count: int = 0

    @property
    def serials(self) -> Ranges:
        """The package's."""
        return serials.ordered(unit.serials for unit in self.units)

    @property
    def uncertain(self) -> int:
        """All labels told as spoiled by number alone."""
        return self.spoiled_count + sum(unit.spoiled_count for unit in self.units)

    def add(self, entries: Sequence[ReceiptEntry]) -> "Account":
        """The account after one more receipt.

        Raises `NotFound` for a unit of another package, `UsageError` for a negative
        number, `Refused` for what contradicts the package or an earlier receipt; its
        details hold the differences.
        """
        units = {unit.unit: unit for unit in self.units}
        for told in entries:
            if told.unit is not None and told.unit not in units:
                raise NotFound(
                    f"no unit {told.unit[:60]!r} in package {self.package}",
                    f"see its units: mintmark package show {self.package}",
                )
            if told.spoiled_count < 0:
                raise UsageError("a number of spoiled labels is 0 or more")
        printed = [piece for told in entries for piece in told.printed]
        spoiled = [piece for told in entries for piece in told.spoiled]
        known = serials.union((*self.printed, *self.spoiled))
        new = serials.union((*printed, *spoiled))
        found = {
            "outside": _outside(entries, units, self.serials),
            "both": _twice((*printed, *spoiled)),
            "told": serials.intersect(new, known),
        }
        _refuse(self.package, found)
        after = replace(
            self,
            units=_counted(self.units, entries),
            printed=serials.union((*self.printed, *printed)),
            spoiled=serials.union((*self.spoiled, *spoiled)),
            spoiled_count=self.spoiled_count
            + sum(told.spoiled_count for told in entries if told.unit is None),
        )
        after.check_room()
        return after

    def check_room(self) -> None:
        """Raises `Refused` where more was told of than there is."""
        over = [
            _excess(told + unit.spoiled_count, len(unit.serials), unit.unit)
            for unit, told in self._told_by_unit((*self.printed, *self.spoiled))
            if told + unit.spoiled_count > len(unit.serials)
        ]
        packaged = serials.count(self.serials)
        told = serials.count(self.printed) + serials.count(self.spoiled) + self.uncertain
        if told > packaged:
            over.append(_excess(told, packaged, None))
        if not over:
            return
        first = over[0]
        what = f"unit {first['unit']}" if first["unit"] else f"package {self.package}"
        raise Refused(
            f"{what} holds {first['packaged']:,} codes, and the receipts tell of"
            f" {first['told']:,}: {first['difference']:,} too many",
            f"compare with what was told before: mintmark package show {self.package}",
            over=over[:SHOWN],
        )

    def closing(self) -> Closing:
        """What a final receipt now would make of the rest."""
        whole = self.spoiled_count > 0 and not self.printed
        counted = frozenset(
            unit.unit
            for unit, printed in self._told_by_unit(self.printed)
            if whole or (unit.spoiled_count and not printed)
        )
        others = [unit for unit in self.units if unit.unit not in counted]
        left = serials.ordered(unit.serials for unit in others)
        left = serials.subtract(serials.subtract(left, self.printed), self.spoiled)
        among = 0 if whole else self.spoiled_count
        among += sum(unit.spoiled_count for unit in others)
        unused = max(0, serials.count(left) - among)
        return Closing(left, counted, self._totals(unused, final=True))

    def totals(self) -> Totals:
        """Before the final receipt."""
        return self._totals(0, final=False)

    def _totals(self, unused: int, *, final: bool) -> Totals:
        packaged = serials.count(self.serials)
        printed, spoiled = serials.count(self.printed), serials.count(self.spoiled)
        rest = packaged - printed - spoiled - self.uncertain - unused
        return Totals(
            packaged=packaged,
            printed=printed,
            printed_by_count=rest if final else 0,
            spoiled=spoiled,
            spoiled_count=self.uncertain,
            unused=unused,
            open=0 if final else rest,
            final=final,
        )

    def _told_by_unit(self, ranges: Iterable[Range]) -> Iterator[tuple[UnitAccount, int]]:
        codes = dict.fromkeys((unit.unit for unit in self.units), 0)
        for unit, piece in cut(sorted(ranges), self.units):
            codes[unit] += len(piece)
        return ((unit, codes[unit.unit]) for unit in self.units)


def cut(ranges: Sequence[Range], units: Sequence[UnitAccount]) -> Iterator[tuple[str, Range]]:
    """Ascending `ranges`, which lie in the units, cut at the units' edges."""
    index = 0
    for piece in ranges:
        first = piece.first
        while first <= piece.last:
            while units[index].serials.last < first:
                index += 1
            last = min(piece.last, units[index].serials.last)
            yield units[index].unit, Range(first, last)
            first = last + 1


def _twice(ranges: Iterable[Range]) -> Ranges:
    """The serials that lie in more than one of `ranges`."""
    found: list[Range] = []
    reached = 0
    for piece in sorted(ranges):
        if piece.first <= reached:
            found.append(Range(piece.first, min(piece.last, reached)))
        reached = max(reached, piece.last)
    return serials.union(found)


def _outside(
    entries: Iterable[ReceiptEntry], units: Mapping[str, UnitAccount], whole: Ranges
) -> Ranges:
    """Serials that lie outside what they were told of."""
    found: list[Range] = []
    for told in entries:
        scope = whole if told.unit is None else (units[told.unit].serials,)
        for ranges in (told.printed, told.spoiled):
            found += serials.subtract(ranges, scope)
    return serials.union(found)


def _counted(
    units: tuple[UnitAccount, ...], entries: Iterable[ReceiptEntry]
) -> tuple[UnitAccount, ...]:
    more: dict[str | None, int] = {}
    for told in entries:
        more[told.unit] = more.get(told.unit, 0) + told.spoiled_count
    return tuple(
        replace(unit, spoiled_count=unit.spoiled_count + more.get(unit.unit, 0)) for unit in units
    )


def _excess(told: int, packaged: int, unit: str | None) -> dict[str, int | str | None]:
    return {"unit": unit, "packaged": packaged, "told": told, "difference": told - packaged}


_SENTENCES = {
    "outside": "serials {} are not in what the receipt tells them of (package {})",
    "both": "serials {} are told twice in this receipt for package {}, or both printed and spoiled",
    "told": "serials {} were told in an earlier receipt for package {}",
}
_HINTS = {
    "outside": "compare with its units: mintmark package show {}",
    "both": "tell every serial once, as printed or as spoiled",
    "told": "tell every serial once; one that spoiled later: mintmark void",
}


def _refuse(package: str, found: Mapping[str, Ranges]) -> None:
    wrong = [name for name, ranges in found.items() if ranges]
    if not wrong:
        return
    first = wrong[0]
    raise Refused(
        _SENTENCES[first].format(serials.describe(found[first]), package),
        _HINTS[first].format(package),
        **{name: serials.to_pairs(found[name][:SHOWN]) for name in wrong},
        **{f"{name}_count": serials.count(found[name]) for name in wrong},
    )
