"""A home whose ledger has a package, for tests of receipts: no archive, no codes."""

from dataclasses import dataclass, field

import ledger_kit as kit
from station_kit import now

from mintmark.codegen.invocation import Invocation
from mintmark.codegen.ledger import changes
from mintmark.codegen.ranges import serials
from mintmark.packaging.receipts.correction import CorrectionRequest
from mintmark.packaging.receipts.correction import correct as book_correction
from mintmark.packaging.receipts.entries import Reported
from mintmark.packaging.receipts.receipt import ReceiptRequest, receipt

QUANTITY = 30
UNITS = {"U1": (1, 8), "U2": (9, 16), "U3": (20, 24)}


def book(home, package="P", units=UNITS):
    """A batch B of QUANTITY codes and a package of the units in it, without an archive."""
    station = home.station()
    ledger, author = station.ledger, station.author
    with ledger.read() as view:
        known = {row.batch for row in view.batches()}
    if "B" not in known:
        ledger.commit(author, changes.ContactAdded("li", "Ms Li", None), kit.minted("B", QUANTITY))
    held = serials.ordered(kit.ranges(*units.values()))
    ledger.commit(author, changes.ExportBegun(package, "B", held, "li", "csv"))
    made = tuple(
        changes.Unit(unit, f"data/{n:04}.csv", first, last, last - first + 1, "sha")
        for n, (unit, (first, last)) in enumerate(units.items(), 1)
    )
    key = home.custodian.public.key_id
    ledger.commit(
        author, changes.Packaged(package, "{code}", f"{package}.zip", 9, "s", "s", key, made)
    )
    return station


@dataclass(frozen=True)
class OpenCall(Invocation):
    """Commands that share one opened station, which the test closes with its home."""

    opened: list = field(default_factory=list)

    def station(self):
        return self.opened[0]


def call(station, **more):
    return OpenCall(home=station.home, now=now, opened=[station], **more)


def report(opened, package, *, file=None, final=False, reason="misprint", count=None,
           dry_run=False, **reported):  # fmt: skip
    """Book a receipt, of a file or of the fields of `Reported`."""
    request = ReceiptRequest(
        package, file or Reported(**reported), final, reason, count, dry_run=dry_run
    )
    return receipt(opened, request)


def correct(opened, package, *, file=None, reason="told wrongly", count=None, dry_run=False,
            **reported):  # fmt: skip
    """Correct receipts, by a file or by the fields of `Reported`."""
    request = CorrectionRequest(
        package, file or Reported(**reported), reason, count, dry_run=dry_run
    )
    return book_correction(opened, request)
