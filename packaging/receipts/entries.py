"""The entries of a receipt or a correction, from the options or the CSV file that gave it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...codegen import ids
from ...codegen.errors import NotFound, UsageError
from ...codegen.ledger.records import UnitRow
from ...codegen.ranges import notation, serials
from ...codegen.ranges.corrections import CorrectedEntry
from ...codegen.ranges.receipts import Account, ReceiptEntry
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.serials_file import read_text
from . import table


@dataclass(frozen=True)
class Reported:
    """What is reported of a unit; of the whole package, if `unit` is None. Serials are text.

    `spoiled_count`: None if no number is given, which a correction tells from 0.
    """

    printed: str | None = None
    spoiled: str | None = None
    spoiled_count: int | None = None
    unit: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no label is reported, neither as printed nor as spoiled."""
        return (self.printed, self.spoiled) == (None, None) and not self.spoiled_count


def entries_of(
    reported: Reported | Path, account: Account, units: Sequence[UnitRow]
) -> tuple[ReceiptEntry, ...]:
    """The entries of a receipt for the package of `account`. Raises as `corrections_of`."""
    return tuple(
        ReceiptEntry(entry.unit, entry.printed, entry.spoiled, entry.spoiled_count or 0)
        for entry in corrections_of(reported, account, units)
    )


def corrections_of(
    reported: Reported | Path, account: Account, units: Sequence[UnitRow]
) -> tuple[CorrectedEntry, ...]:
    """The entries for the package of `account`, whose units are `units`.

    Raises `UsageError` for serials or a file that cannot be read, `NotFound` for an unknown
    unit or file.
    """
    names = {name: unit for unit in units for name in (unit.unit, unit.name)}
    names |= {unit.name.rsplit("/", 1)[-1]: unit for unit in units}
    if isinstance(reported, Path):
        return _from_file(reported, account, names)
    if reported.is_empty and reported.spoiled_count is None:
        return ()
    unit = _unit(reported.unit or "", account, names)
    scope = account.serials if unit is None else (Range(unit.first, unit.last),)
    printed, spoiled = (
        () if text is None else _within(read_text(text), scope)
        for text in (reported.printed, reported.spoiled)
    )
    return (CorrectedEntry(unit.unit if unit else None, printed, spoiled, reported.spoiled_count),)


def may_go_on(
    reported: Reported | Path, entries: Sequence[ReceiptEntry], account: Account
) -> Ranges:
    """The serials of the unit whose printed ones the file may have gone on to list; or none.

    Many programs write no last line end. Without one `1~48` may be what is left of `1~480`.
    """
    named = reported.printed or "" if isinstance(reported, Reported) else f"@{reported}"
    if not entries or not entries[-1].printed or not named.startswith("@"):
        return ()
    data = Path(named[1:]).read_bytes()
    if not data or data.endswith((b"\n", b"\r")):
        return ()
    piece = entries[-1].printed[-1]
    (unit,) = (
        unit for unit in account.units if unit.serials.first <= piece.last <= unit.serials.last
    )
    further = piece.last + 1 if len(piece) == 1 else piece.last * 10
    return (unit.serials,) if further <= unit.serials.last else ()


def _from_file(
    path: Path, account: Account, names: dict[str, UnitRow]
) -> tuple[CorrectedEntry, ...]:
    try:
        with path.open("rb") as file:
            data = file.read(table.FILE_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(f"no file {path}", "name the file the printer sent back") from None
    entries, whole = [], account.serials
    for line in table.parse(data):
        unit = _unit(line.unit, account, names)
        scope = whole if unit is None else (Range(unit.first, unit.last),)
        try:
            printed, spoiled = (
                _within(text, scope) if text else () for text in (line.printed, line.spoiled)
            )
        except UsageError as error:
            raise UsageError(
                f"line {line.number} of the receipt: {error.message}",
                *error.hints,
                table.DATES,
            ) from None
        entries.append(
            CorrectedEntry(unit.unit if unit else None, printed, spoiled, line.spoiled_count)
        )
    return tuple(entries)


def _unit(text: str, account: Account, names: dict[str, UnitRow]) -> UnitRow | None:
    """The unit with the id or data file name `text`; None, the whole package, if it is empty."""
    if not text:
        return None
    found = names.get(text) or names.get(ids.fold(text))
    if found is None:
        raise NotFound(
            f"no unit {ids.shown(text, name=True)} in package {account.package}",
            f"see its units: mintmark package show {account.package}",
        )
    return found


def _within(text: str, scope: Ranges) -> Ranges:
    """Serials as typed; `all` and `A-` end at the last serial of `scope`.

    Serials outside `scope` are kept: adding up the receipt refuses them by name.
    """
    if notation.fold(text).lower() in notation.ALL:
        return scope
    found = notation.parse(text, serials.LAST)
    last = found[-1]
    if last.last < serials.LAST:
        return found
    tail = serials.intersect(scope, (last,)) or (Range(last.first, last.first),)
    return (*found[:-1], *tail)
