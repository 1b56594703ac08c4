"""What the `[policy]` of a home demands of an order before it is booked."""

from collections.abc import Callable

from .errors import Refused
from .ledger.changes import Ordered
from .ledger.view import View
from .ranges import serials
from .ranges.lifecycle import Action
from .station.config import Config


def guard(config: Config, change: Ordered) -> Callable[[View], None] | None:
    """The guard of the commit; None if the home demands nothing.

    It raises `Refused` if codes to be activated have no receipt.
    """
    if not config.receipt_before_activation or change.action is not Action.ACTIVATE:
        return None

    def check(view: View) -> None:
        if view.is_booked(change.order):
            return  # booked already: the same order again changes nothing
        missing = view.unreceipted(change.batch, serials.ordered(change.serials))
        if missing:
            raise Refused(
                f"serials {serials.describe(missing)} have no receipt, and this home activates"
                " none without one",
                "book what the printer reports: mintmark package receipt PACKAGE --printed SERIALS",
                "if it was reported wrongly, add: --correct --reason R",
                without_receipt=serials.to_pairs(missing[:100]),
                without_receipt_count=serials.count(missing),
            )

    return check
