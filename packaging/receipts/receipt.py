"""`package receipt`: what the printer reports as printed and spoiled is booked.

The commit that books the receipt also voids the spoiled codes and, with the final receipt,
the codes left over. The void orders are delivered later, as all orders are. How the parts of
a receipt add up is decided in `codegen/ranges/receipts.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...codegen import ids
from ...codegen.errors import NotFound, Refused, UsageError
from ...codegen.invocation import Invocation
from ...codegen.ledger.changes import Ordered, Receipted
from ...codegen.ledger.records import UnitRow
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action, Reason, State, live
from ...codegen.ranges.receipts import Account, Closing, ReceiptEntry, Totals
from ...codegen.ranges.selection import RANGES_PER_ORDER, read_text
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.result import Result
from ...codegen.station.station import Station
from . import table


@dataclass(frozen=True)
class ReceiptRequest:
    """A receipt as it was given, by options or by a file, with serials as text.

    `count` confirms how many codes are voided; `receipt` says when it is needed.
    """

    package: str
    printed: str | None = None
    spoiled: str | None = None
    spoiled_count: int = 0
    unit: str | None = None
    file: Path | None = None
    final: bool = False
    reason: str = Reason.MISPRINT
    count: int | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class ReceiptResult(Result):
    """What this receipt added and voided, and the sums of all receipts."""

    package: str
    batch: str
    printed: Ranges
    spoiled: Ranges
    spoiled_count: int
    voided: Ranges
    orders: tuple[str, ...]
    totals: Totals
    dry_run: bool

    @property
    def exit_code(self) -> int:
        """75 if codes were voided: the backend does not know yet."""
        return 75 if self.orders and not self.dry_run else 0

    def lines(self) -> Iterator[str]:
        """This receipt, then the sums."""
        would = "would book" if self.dry_run else "booked"
        uncertain = f", {self.spoiled_count:,} more spoiled" if self.spoiled_count else ""
        yield (
            f"{would} for package {self.package}: {serials.count(self.printed):,} printed,"
            f" {serials.count(self.spoiled):,} spoiled{uncertain}"
        )
        if self.voided:
            codes = serials.count(self.voided)
            yield f"  voided   {codes:,} codes: {serials.describe(self.voided)}"
        if self.orders and not self.dry_run:
            yield "  the backend does not know yet; send it with: mintmark deliver"
        for line in sums(self.totals):
            yield f"  {line}"


def sums(totals: Totals) -> Iterator[str]:
    """The sums of a package's receipts, as lines."""
    yield f"printed  {totals.printed:>13,} of {totals.packaged:,}"
    if totals.printed_by_count:
        yield f"         {totals.printed_by_count:>13,} more, by number: serials not known"
    yield f"spoiled  {totals.spoiled:>13,} void"
    if totals.spoiled_count:
        yield f"         {totals.spoiled_count:>13,} more, by number: serials not known"
    if totals.final:
        yield f"unused   {totals.unused:>13,} void; the final receipt is booked"
        if totals.printed_by_count and totals.spoiled_count:
            yield "spoiled labels known by number alone keep live codes: destroy the labels"
    else:
        yield f"open     {totals.open:>13,} not reported yet"


def receipt(invocation: Invocation, request: ReceiptRequest) -> ReceiptResult:
    """Book the whole receipt, or nothing.

    `count` must be given, and right, in two cases: if codes would be voided that are active
    (or frozen while active), and if a final receipt would void a package of which nothing
    was ever reported as printed. Raises `UsageError` for what can't be read, `NotFound` for an
    unknown package, unit or file, `Refused` for what contradicts the package or an earlier
    receipt: the difference is in the details.
    """
    _check(request)
    station = invocation.station()
    with station.ledger.read() as view:
        package = view.package(request.package)
        before = view.account(package.package)
        entries = _entries(request, before, view.units(package.package))
        after = before.add(entries)
        closing = after.closing() if request.final else None
        spoiled = serials.subtract(after.spoiled, before.spoiled)
        voids = _Voids(view, package.batch)
        voids.add(station, spoiled, request.reason)
        voids.add(station, closing.unused if closing else (), Reason.UNUSED)
    _check_count(request, voids, closing, after)
    change = Receipted(package.package, entries, request.final, request.reason)
    station.ledger.commit(station.author, *voids.orders, change, dry_run=request.dry_run)
    return ReceiptResult(
        package=package.package,
        batch=package.batch,
        printed=serials.subtract(after.printed, before.printed),
        spoiled=spoiled,
        spoiled_count=after.uncertain - before.uncertain,
        voided=serials.ordered(piece for order in voids.orders for piece in order.serials),
        orders=tuple(order.order for order in voids.orders),
        totals=closing.totals if closing else after.totals(),
        dry_run=request.dry_run,
    )


def _check(request: ReceiptRequest) -> None:
    given = (request.printed, request.spoiled, request.spoiled_count or None)
    if request.file is not None and (request.unit or any(item is not None for item in given)):
        raise UsageError(
            "a receipt is given by a file or by options, not by both", "give --file CSV alone"
        )
    if request.file is None and not request.final and all(item is None for item in given):
        raise UsageError(
            "the receipt reports nothing", "give --printed, --spoiled, --spoiled-count or --file"
        )
    if request.reason not in set(Reason):
        raise UsageError(f"unknown reason {request.reason[:40]!r}", f"known: {', '.join(Reason)}")


def _check_count(
    request: ReceiptRequest, voids: "_Voids", closing: Closing | None, after: Account
) -> None:
    if request.count is not None and request.count != voids.codes:
        raise Refused(
            f"the receipt would void {voids.codes:,} codes, not {request.count:,}",
            f"see their states: mintmark package show {request.package}",
            count=voids.codes,
        )
    if request.count is not None:
        return
    if voids.live:
        raise Refused(
            f"{voids.live:,} of the codes to be voided are active, or frozen while active: they"
            " may be in shoppers' hands",
            f"to void them all the same, confirm their number: --count {voids.codes}",
            count=voids.codes,
        )
    if closing is not None and not after.printed and closing.unused and voids.codes:
        raise Refused(
            f"nothing of package {request.package} was reported as printed: the final receipt would"
            f" void {voids.codes:,} codes",
            f"give what was printed with --printed; if nothing was: --count {voids.codes}",
            count=voids.codes,
        )


class _Voids:
    """The void orders of a receipt, and the number of codes that they void.

    `live`: how many of these codes are active, or frozen while active.
    """

    def __init__(self, view: View, batch: str) -> None:
        self._view, self._batch = view, batch
        self.orders: list[Ordered] = []
        self.codes = self.live = 0

    def add(self, station: Station, ranges: Ranges, reason: str) -> None:
        """Void the serials that are not void yet, up to `RANGES_PER_ORDER` per order."""
        if not ranges:
            return
        pieces: list[Range] = []
        alive: list[bool] = []
        for tile in self._view.select(self._batch, ranges):
            if tile.value.state is not State.VOID:
                pieces.append(tile.serials)
                alive.append(live(tile.value))
        for at in range(0, len(pieces), RANGES_PER_ORDER):
            part = pieces[at : at + RANGES_PER_ORDER]
            alive_codes = sum(
                len(piece)
                for piece, is_live in zip(part, alive[at : at + RANGES_PER_ORDER], strict=True)
                if is_live
            )
            self.codes += serials.count(part)
            self.live += alive_codes
            self.orders.append(
                Ordered(
                    order=station.new_order_id(),
                    batch=self._batch,
                    action=Action.VOID,
                    serials=serials.ordered(part),
                    count=serials.count(part) if alive_codes else None,
                    reason=reason,
                )
            )


# --- reading -------------------------------------------------------------------------


def _entries(
    request: ReceiptRequest, account: Account, units: Sequence[UnitRow]
) -> tuple[ReceiptEntry, ...]:
    names = {name: unit for unit in units for name in (unit.unit, unit.name)}
    names |= {unit.name.rsplit("/", 1)[-1]: unit for unit in units}
    if request.file is not None:
        return _from_file(request.file, account, names)
    if (request.printed, request.spoiled, request.spoiled_count) == (None, None, 0):
        return ()
    unit = _unit(request.unit or "", account, names)
    scope = account.serials if unit is None else (Range(unit.first, unit.last),)
    return (
        ReceiptEntry(
            unit.unit if unit else None,
            _within(read_text(request.printed), scope) if request.printed is not None else (),
            _within(read_text(request.spoiled), scope) if request.spoiled is not None else (),
            request.spoiled_count,
        ),
    )


def _from_file(path: Path, account: Account, names: dict[str, UnitRow]) -> tuple[ReceiptEntry, ...]:
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
            ReceiptEntry(unit.unit if unit else None, printed, spoiled, line.spoiled_count)
        )
    return tuple(entries)


def _unit(text: str, account: Account, names: dict[str, UnitRow]) -> UnitRow | None:
    """The unit with the id or data file name `text`; None, the whole package, if it is empty."""
    if not text:
        return None
    found = names.get(text) or names.get(ids.fold(text))
    if found is None:
        raise NotFound(
            f"no unit {text[:60]!r} in package {account.package}",
            f"see its units: mintmark package show {account.package}",
        )
    return found


def _within(text: str, scope: Ranges) -> Ranges:
    """Serials as typed; `all` and `A-` end at the last serial of `scope`.

    Serials outside `scope` are kept: adding up the receipt refuses them by name.
    """
    if text.strip() == "all":
        return scope
    found = serials.parse(text, serials.LAST)
    last = found[-1]
    if last.last < serials.LAST:
        return found
    tail = serials.intersect(scope, (last,)) or (Range(last.first, last.first),)
    return (*found[:-1], *tail)
