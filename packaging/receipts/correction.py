"""`package receipt --correct`: what was reported wrongly is replaced.

One commit, all or nothing: void orders for codes that are spoiled or left over now, then the
correction. A crash before it leaves the books as they were; after it the orders are queued, as
all orders are. Codes that turn out printed stay void until `unvoid` brings them back: a code
that can win something again is an order of its own (ADR 0011). What was reported before stays
in the audit chain, which is never rewritten.
"""

from dataclasses import dataclass
from pathlib import Path

from ...codegen.errors import Refused, UsageError
from ...codegen.invocation import Invocation
from ...codegen.ledger.changes import ReceiptCorrected
from ...codegen.ledger.view import View
from ...codegen.ranges import corrections, serials
from ...codegen.ranges.lifecycle import Reason, State
from ...codegen.ranges.receipts import Account
from ...codegen.ranges.serials import Ranges
from .entries import Reported, corrections_of
from .receipt import ReceiptResult
from .voids import Voids, check_copies

REASON_CHARACTERS = 500


@dataclass(frozen=True)
class CorrectionRequest:
    """A correction as it was given, by options or by a CSV file.

    `reason`: why the receipts were wrong; if it is a reason of void, codes are voided for it.
    `count` confirms how many codes are voided.
    """

    package: str
    reported: Reported | Path
    reason: str | None
    count: int | None = None
    dry_run: bool = False


def correct(invocation: Invocation, request: CorrectionRequest) -> ReceiptResult:
    """Book the whole correction, or nothing.

    `count` must be given, and right, if codes would be voided that are active (or frozen while
    active), or that the correction does not name. Raises `UsageError`, `NotFound`, and
    `Refused` for what contradicts the package, was never reported, or changes nothing.
    """
    reason = _reason(request)
    station = invocation.station()
    with station.ledger.read() as view:
        package = view.package(request.package)
        before = view.account_to_correct(package.package)
        entries = corrections_of(request.reported, before, view.units(package.package))
        after = corrections.correct(before, entries)
        spoiled = serials.subtract(after.spoiled, before.spoiled)
        voids = Voids(view, package.batches)
        voids.add(station, spoiled, reason if reason in set(Reason) else Reason.MISPRINT)
        named = voids.codes
        voids.add(station, _left_over(before, after), Reason.UNUSED)
        void = _void(view, package.batches, _printed_now(before, after))
        excess = view.excess(package.package)
    check_copies(voids, spoiled, after, request.count)
    voids.check_count(request.package, request.count)
    if request.count is None and voids.codes > named:
        raise _left_over_unnamed(voids.codes - named, voids.codes)
    change = ReceiptCorrected(package.package, entries, reason)
    station.ledger.commit(station.author, *voids.orders, change, dry_run=request.dry_run)
    if not request.dry_run:
        with station.ledger.read() as view:
            excess = view.excess(package.package)
    return ReceiptResult(
        package=package.package,
        batch=package.batch,
        pair=package.pair,
        printed=serials.subtract(after.printed, before.printed),
        spoiled=spoiled,
        spoiled_count=sum(entry.spoiled_count or 0 for entry in entries),
        voided=voids.serials,
        orders=tuple(order.order for order in voids.orders),
        totals=after.totals(),
        dry_run=request.dry_run,
        corrected=True,
        still_void=void,
        excess=excess,
    )


def _reason(request: CorrectionRequest) -> str:
    reason = (request.reason or "").strip()
    if not reason or len(reason) > REASON_CHARACTERS or not reason.isprintable():
        raise UsageError(
            f"a correction needs its reason, a line of at most {REASON_CHARACTERS} characters",
            "say why the receipt was wrong: --reason R",
        )
    reported = request.reported
    if isinstance(reported, Reported) and reported == Reported(unit=reported.unit):
        raise UsageError(
            "the correction reports nothing", "give --printed, --spoiled, --spoiled-count or --file"
        )
    return reason


def _left_over_unnamed(codes: int, voided: int) -> Refused:
    return Refused(
        f"after this correction, {codes:,} codes that it does not name would be left over and"
        " void: their unit would have serials, and no number alone, any more",
        f"name all that were printed there; if that is right: --count {voided}",
        count=voided,
    )


def _left_over(before: Account, after: Account) -> Ranges:
    """The serials that only the correction leaves over."""
    if not before.final:
        return ()
    return serials.subtract(after.closing().unused, before.closing().unused)


def _printed_now(before: Account, after: Account) -> Ranges:
    """The serials that count as printed by the correction, by serial or by number alone."""
    unused = before.closing().unused if before.final else ()
    still = after.closing().unused if before.final else ()
    was = serials.union((*before.spoiled, *unused, *before.reopened, *before.printed))
    gone = serials.subtract(was, serials.union((*after.spoiled, *still, *after.reopened)))
    return serials.subtract(gone, before.printed)


def _void(view: View, batches: tuple[str, ...], ranges: Ranges) -> Ranges:
    """The serials of `ranges` that are void, of a package of two in either batch."""
    return serials.union(
        tile.serials
        for batch in batches
        if ranges
        for tile in view.select(batch, ranges)
        if tile.value.state is State.VOID
    )
