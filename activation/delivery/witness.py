"""Asks the scan backend whether this home is the newest copy of itself.

The backend keeps the head of the audit chain that came with the last order of a home. A home
whose chain does not hold it is an older copy (`station/older_copy.py`). That is booked before
anything else is sent: an order brings a head of its own, and the backend keeps the last one.
No answer is no reason to stop anything: a gateway may let orders pass, and not this question. But
an order that nobody could ask before brings no head, so that the one the backend has is kept.
"""

import contextlib
from enum import Enum, auto
from typing import TYPE_CHECKING

from ...codegen.errors import MintmarkError
from ...codegen.station import older_copy
from ...codegen.station.station import Station
from ..client.connect import backend_url, connected

if TYPE_CHECKING:
    from ..client.protocol import Client

UNASKED = "warning: the scan backend could not be asked whether this home is the newest copy"


class Witness(Enum):
    """What the backend said."""

    UNCONFIGURED = auto()
    SILENT = auto()  # no usable answer
    NOT_OFFERED = auto()  # its contract is an older one
    NOTHING = auto()  # no order of this home brought a head
    NEWEST = auto()  # as far as the backend knows
    OLDER = auto()


def ask(station: Station, client: "Client | None", *, book: bool = True) -> Witness:
    """Ask, and `book` a head that is not in the chain, once."""
    if client is None:
        return Witness.UNCONFIGURED
    try:
        answer = client.head(station.config.home_id)
    except MintmarkError:  # `Declined`, `Away`, or no key to sign with
        return Witness.SILENT
    if answer is None or answer.head is None:
        return Witness.NOT_OFFERED if answer is None else Witness.NOTHING
    with station.ledger.read() as view:
        if view.holds(answer.head):
            return Witness.NEWEST
        known = older_copy.is_known(view, answer.head)
    if not known and book:
        older_copy.notice(station, answer.head, answer.order)
    return _of_known(station, answer.head) if known else Witness.OLDER


def _of_known(station: Station, head: str) -> Witness:
    """A head that was noticed before: a person may have decided about it since."""
    return Witness.OLDER if head in older_copy.signs(station).heads else Witness.NEWEST


def consult(station: Station) -> str | None:
    """For `Invocation.witness`: ask the configured backend; a warning if it did not answer."""
    with contextlib.ExitStack() as stack:
        try:
            if backend_url(station) is None:
                return None
            client = stack.enter_context(connected(station))
        except MintmarkError:
            return UNASKED  # settings that cannot be used: `doctor` and the orders name them
        return UNASKED if ask(station, client) is Witness.SILENT else None
