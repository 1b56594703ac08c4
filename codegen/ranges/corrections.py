"""Corrections of receipts: what was reported of some serials is replaced.

Pure. The rules, besides those of `receipts.py`:

1. Only what was reported is corrected: serials reported as printed or spoiled, reopened
   serials, and after the final receipt every serial, for that receipt decided about all.
2. A serial that the correction names is from then on what the correction says.
3. A number of spoiled labels replaces the number of that unit, or of the package.
4. What holds for receipts holds afterwards: no serial twice, none outside of its unit, no more
   labels than there are codes. After the final receipt, its rule 5 is applied anew.
5. A correction that changes nothing is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import Refused, UsageError
from . import serials
from .contradictions import refuse, twice
from .receipts import Account, check_units, outside
from .serials import Ranges


@dataclass(frozen=True)
class CorrectedEntry:
    """What holds instead, for a unit, or for the whole package if `unit` is None.

    `spoiled_count`: the number of spoiled labels whose serials nobody knows; None: as it was.
    """

    unit: str | None
    printed: Ranges
    spoiled: Ranges
    spoiled_count: int | None


def correct(account: Account, entries: Sequence[CorrectedEntry]) -> Account:
    """The account after a correction.

    Raises `NotFound` for a unit of another package, `UsageError` for a negative number or a
    number given twice, `Refused` for what contradicts the package or was never reported.
    """
    check_units(account, entries)
    printed = [piece for entry in entries for piece in entry.printed]
    spoiled = [piece for entry in entries for piece in entry.spoiled]
    named = serials.union((*printed, *spoiled))
    wrong = outside(account, entries)
    contradictions = {
        "outside": wrong,
        "both": twice((*printed, *spoiled)),
        "untold": serials.subtract(serials.subtract(named, wrong), _told(account)),  # rule 1
    }
    refuse(account.package, contradictions)
    numbers = _numbers(entries)
    after = replace(
        account,
        units=tuple(
            replace(unit, spoiled_count=numbers.get(unit.unit, unit.spoiled_count))
            for unit in account.units
        ),
        printed=serials.union((*serials.subtract(account.printed, named), *printed)),  # rule 2
        spoiled=serials.union((*serials.subtract(account.spoiled, named), *spoiled)),
        spoiled_count=numbers.get(None, account.spoiled_count),
        reopened=serials.subtract(account.reopened, named),
    )
    if after == account:  # rule 5
        raise Refused(
            f"the receipts of package {account.package} say so already: nothing to correct",
            f"see them: mintmark package show {account.package}",
        )
    after.check_room()  # rule 4
    return after


def reopenable(account: Account) -> Ranges:
    """The serials that are open again once their codes are brought back."""
    left = account.closing().unused if account.final else ()
    return serials.union((*account.spoiled, *left))


def reopen(account: Account, ranges: Ranges) -> Account:
    """The account after the codes of `ranges`, all of them `reopenable`, were brought back."""
    return replace(
        account,
        spoiled=serials.subtract(account.spoiled, ranges),
        reopened=serials.union((*account.reopened, *ranges)),
    )


def _told(account: Account) -> Ranges:
    if account.final:
        return account.serials
    return serials.union((*account.printed, *account.spoiled, *account.reopened))


def _numbers(entries: Sequence[CorrectedEntry]) -> dict[str | None, int]:
    """Unit → its number of spoiled labels, if the correction gives one: rule 3."""
    numbers: dict[str | None, int] = {}
    for entry in entries:
        if entry.spoiled_count is None:
            continue
        if entry.unit in numbers:
            raise UsageError("the correction gives a number of spoiled labels twice", "give one")
        numbers[entry.unit] = entry.spoiled_count
    return numbers
