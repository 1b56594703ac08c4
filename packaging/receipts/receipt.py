"""`package receipt`: what the printer reports as printed and spoiled is booked.

The commit that books the receipt also voids the spoiled codes and, with the final receipt,
the codes left over. The void orders are delivered later, as all orders are. How the parts of
a receipt add up is decided in `codegen/ranges/receipts.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...codegen import ids
from ...codegen.errors import Refused, UsageError
from ...codegen.invocation import Invocation
from ...codegen.ledger.changes import Receipted
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Reason
from ...codegen.ranges.receipts import Account, Closing, Totals
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from .entries import Reported, entries_of, may_go_on
from .voids import Voids, check_copies

SHOWN = 20  # ranges in a command that is proposed
UNITS_SHOWN = 5  # in a sentence


@dataclass(frozen=True)
class ReceiptRequest:
    """A receipt as it was given, by options or by a CSV file.

    `count` confirms how many codes are voided; `receipt` says when it is needed.
    """

    package: str
    reported: Reported | Path
    final: bool = False
    reason: str = Reason.MISPRINT
    count: int | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class ReceiptResult(Result):
    """What this receipt added and voided, and the sums of all receipts.

    Of a package of two batches `voided` are the serials of which some code is voided, those of
    both in one commit; all numbers count labels, a pair once. If it was a correction: what it
    changed; `still_void` are codes that count as printed now, and are void until an order brings
    them back; `excess` of the package's codes were replaced and are good after all.
    """

    package: str
    batch: str
    pair: str | None
    printed: Ranges
    spoiled: Ranges
    spoiled_count: int
    voided: Ranges
    orders: tuple[str, ...]
    totals: Totals
    dry_run: bool
    corrected: bool = False
    still_void: Ranges = ()
    excess: int = 0

    @property
    def reads(self) -> bool:
        """Whether it was a dry run."""
        return self.dry_run

    @property
    def exit_code(self) -> int:
        """75 if codes were voided: the backend does not know yet."""
        return 75 if self.orders and not self.dry_run else 0

    def lines(self) -> Iterator[str]:
        """This receipt, then the sums."""
        yield self._headline()
        if self.voided:
            codes = serials.count(self.voided)
            each = "codes" if self.pair is None else "labels, both codes of each"
            yield f"  voided   {codes:,} {each}: {serials.describe(self.voided)}"
        if self.orders and not self.dry_run:
            yield "  the backend does not know yet; send it with: mintmark deliver"
        if self.still_void:
            codes = serials.count(self.still_void)
            yield f"  {codes:,} of the printed codes are void. If their labels are good:"
            named = ";".join(map(str, self.still_void[:SHOWN]))
            for batch in filter(None, (self.batch, self.pair)):
                yield f'  mintmark unvoid {batch} --serials "{named}"'
            if len(self.still_void) > SHOWN:
                yield f"  and {len(self.still_void) - SHOWN:,} ranges more: still_void with --json"
        if self.excess:
            yield f"  {self.excess:,} codes were replaced, and are good after all"
        for line in sums(self.totals):
            yield f"  {line}"

    def _headline(self) -> str:
        done = "corrected" if self.corrected else "booked"
        would = f"would be {done}" if self.dry_run else done
        uncertain = f", {self.spoiled_count:,} more spoiled" if self.spoiled_count else ""
        return (
            f"{would} for package {self.package}: {serials.count(self.printed):,} printed,"
            f" {serials.count(self.spoiled):,} spoiled{uncertain}"
        )


def sums(totals: Totals) -> Iterator[str]:
    """The sums of a package's receipts, as lines."""
    yield f"printed  {totals.printed:>13,} of {totals.packaged:,}"
    if totals.printed_by_count:
        yield f"         {totals.printed_by_count:>13,} more, by number: serials not known"
    yield f"spoiled  {totals.spoiled:>13,} void"
    if totals.spoiled_count and totals.copies == 1:
        yield f"         {totals.spoiled_count:>13,} more, by number: serials not known"
    if totals.final:
        yield f"unused   {totals.unused:>13,} void; the final receipt is booked"
        if totals.open:
            yield f"open     {totals.open:>13,} brought back since: report them with --correct"
        if totals.printed_by_count and totals.spoiled_count and totals.copies == 1:
            yield "spoiled labels known by number alone keep live codes: destroy the labels"
    else:
        yield f"open     {totals.open:>13,} not reported yet"
    if totals.copies > 1:
        each = f"{totals.copies:,} of each code"
        yield f"labels   {totals.labels:>13,}, {each}; {totals.spoiled_labels:,} spoiled"


def receipt(invocation: Invocation, request: ReceiptRequest) -> ReceiptResult:
    """Book the whole receipt, or nothing.

    `count` must be given, and right, if codes would be voided that are active (or frozen while
    active), and if a final receipt would void a package of which nothing was ever reported as
    printed, a unit of which nothing was reported at all, or one whose printed serials the file
    may have gone on to list: it may have been cut short.

    Raises `UsageError` for what can't be read, `NotFound` for an unknown package, unit or file,
    `Refused` for what contradicts the package or an earlier receipt: the difference is in the
    details.
    """
    _check(request)
    station = invocation.station()
    with station.ledger.read() as view:
        package = view.package(request.package)
        before = view.account(package.package)
        entries = entries_of(request.reported, before, view.units(package.package))
        after = before.add(entries)
        closing = after.closing() if request.final else None
        spoiled = serials.subtract(after.spoiled, before.spoiled)
        voids = Voids(view, package.batches)
        voids.add(station, spoiled, request.reason)
        voids.add(station, closing.unused if closing else (), Reason.UNUSED)
    check_copies(voids, spoiled, after, request.count)
    _check_count(request, voids, closing, after)
    if closing and request.count is None:
        _check_whole(voids, after, may_go_on(request.reported, entries, after))
    change = Receipted(package.package, entries, request.final, request.reason)
    station.ledger.commit(station.author, *voids.orders, change, dry_run=request.dry_run)
    return ReceiptResult(
        package=package.package,
        batch=package.batch,
        pair=package.pair,
        printed=serials.subtract(after.printed, before.printed),
        spoiled=spoiled,
        spoiled_count=after.uncertain - before.uncertain,
        voided=voids.serials,
        orders=tuple(order.order for order in voids.orders),
        totals=closing.totals if closing else after.totals(),
        dry_run=request.dry_run,
    )


def _check(request: ReceiptRequest) -> None:
    if isinstance(request.reported, Reported) and request.reported.is_empty and not request.final:
        raise UsageError(
            "the receipt reports nothing", "give --printed, --spoiled, --spoiled-count or --file"
        )
    if request.reason not in set(Reason):
        raise UsageError(
            f"unknown reason {ids.shown(request.reason, name=True)}", f"known: {', '.join(Reason)}"
        )


def _check_count(
    request: ReceiptRequest, voids: Voids, closing: Closing | None, after: Account
) -> None:
    voids.check_count(request.package, request.count)
    if request.count is not None or closing is None:
        return
    if not after.printed and closing.unused and voids.codes:
        raise Refused(
            f"nothing of package {request.package} was reported as printed: the final receipt would"
            f" void {voids.codes:,} codes",
            f"give what was printed with --printed; if nothing was: --count {voids.codes}",
            count=voids.codes,
        )


def _check_whole(voids: Voids, after: Account, unfinished: Ranges) -> None:
    """Raises `Refused` if a final receipt that was cut short would void these codes as well.

    `unfinished`: the serials of a unit whose printed serials may go on.
    """
    spans = voids.serials
    silent = [unit.unit for unit in after.silent if serials.intersect((unit.serials,), spans)]
    if silent:
        named = ", ".join(silent[:UNITS_SHOWN]) + (" ..." if len(silent) > UNITS_SHOWN else "")
        what = f"nothing was reported of {len(silent):,} of {len(after.units):,} units ({named})"
    elif serials.intersect(unfinished, spans):
        what = "the receipt ends without a line end, perhaps within a number"
    else:
        return
    raise Refused(
        f"{what}: the final receipt would void {voids.codes:,} codes in all",
        f"if lines or digits are missing, give the whole of it; if not: --count {voids.codes}",
        count=voids.codes,
    )
