"""Corrections of receipts, and codes that an order brought back: facts beside the states.

A correction never voids by itself, and never brings a code back: the orders that void stand
before it in the same commit, and bringing back is an order of its own (ADR 0011).
"""

from sqlalchemy import Connection

from ..errors import Refused, UsageError
from ..ranges import corrections, serials
from ..ranges.lifecycle import State
from ..ranges.serials import Range, Ranges
from . import _exports, _receipts, _sql, _tables, _two_batches
from ._prepared import inserting
from ._sql import NOTHING, Touched
from .chain import Event
from .changes import Ordered, ReceiptCorrected, Reopened


def correct(change: ReceiptCorrected, connection: Connection, event: Event) -> Touched:
    """Replace what receipts report of some serials."""
    row = _exports.usable(connection, change.package)
    if not change.reason:
        raise UsageError("a correction needs a reason", "--reason R")
    before = _receipts.account(connection, change.package)
    after = corrections.correct(before, change.entries)
    spoiled = serials.subtract(after.spoiled, before.spoiled)
    _receipts.check_void(connection, row, spoiled, "spoiled")
    if before.final:
        left = serials.subtract(after.closing().unused, before.closing().unused)
        _receipts.check_void(connection, row, left, "left over")
    _receipts.rewrite_reported(connection, after)
    _receipts.write_sums(connection, before, after)
    part = {
        "seq": event.seq, "package": change.package, "final": 0, "corrects": 1,
        "printed": serials.count(serials.subtract(after.printed, before.printed)),
        "spoiled": serials.count(spoiled),
        "spoiled_count": sum(entry.spoiled_count or 0 for entry in change.entries),
        "reason": change.reason, "reported_at": event.at, "printed_by_count": 0,
    }  # fmt: skip
    inserting(_tables.receipts, *part).run(connection, part)
    return NOTHING


def reopen(change: Reopened, connection: Connection) -> Touched:
    """Take back what was reported of labels whose codes are not all void any more."""
    before = _receipts.account(connection, change.package)
    if serials.subtract(change.serials, corrections.reopenable(before)) or not change.serials:
        raise Refused(f"serials of package {change.package} were not reported as spoiled")
    row = _sql.find(
        connection, _tables.packages, "package", change.package, "see: mintmark package list"
    )
    # Of a pair one living code is enough: its label can no longer count as spoiled.
    batches = _two_batches.batches_of(row)
    void = _two_batches.void_everywhere(connection, batches, change.serials)
    if void:
        raise Refused(f"serials {void[0]} of package {change.package} are void still")
    after = corrections.reopen(before, change.serials)
    _receipts.rewrite_reported(connection, after)
    _receipts.write_sums(connection, before, after)
    return NOTHING


def reopened_by(change: Ordered, connection: Connection, ranges: Ranges) -> tuple[Reopened, ...]:
    """What an order that brought the codes of `ranges` back reopens, by package."""
    held: dict[str, list[Range]] = {}
    for tile in _sql.book_of(connection, change.batch, ranges).read(ranges):
        if tile.value.package is not None and tile.value.state is not State.SEALED:
            held.setdefault(tile.value.package, []).append(tile.serials)
    found = []
    for package, pieces in held.items():
        spoiled = corrections.reopenable(_receipts.account(connection, package))
        brought_back = serials.intersect(serials.join(pieces), spoiled)
        if brought_back:
            found.append(Reopened(package, brought_back, change.order))
    return tuple(found)
