"""What is said to the backend about an order: steps 4 to 8 of `attempt.py`.

Two kinds of order are sent: of ranges, and of what lies in what. A backend may not offer the
second (`offered.py`).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ...codegen.ledger.changes import Associated
from ...codegen.ledger.records import OrderRow
from ...codegen.ranges import serials
from ...codegen.ranges.lifecycle import Action
from ...codegen.station.station import Station
from ..client import wire
from ..client.protocol import Away, Client, Declined
from ..orders.doubts import refused_for_good
from ..orders.orders import ACKNOWLEDGED
from . import inquiry, offered
from .api_objects import aggregation_of, batches_of, order_of
from .upload import Uploads
from .witness import Witness, ask

# In what is noted of an order of which the backend changed other codes than the books.
OTHER_CODES = "the backend changed "
# How long no order asks again which head came last, if there was no answer: it may take seconds.
ASKED_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Taken:
    """The backend took an order. `doubt`: whether now or before; `remark`: what it did else.

    `scanned_before`: serials of which it says so.
    """

    doubt: str | None = None
    remark: str | None = None
    scanned_before: tuple[int, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """The backend's refusal; `doubt`: why it may have applied the order all the same.

    `forbidden`: to the key that signed, which is perhaps not the line's own.
    """

    summary: str
    doubt: str | None
    forbidden: bool = False


class Hold(Protocol):
    """Holds on to an order before a request about so many codes."""

    def __call__(self, codes: int = 0, /) -> None:
        """Raises what keeps the request from being sent."""


class Conversation:
    """Speaks with the backend over a client about one order after the other."""

    def __init__(self, station: Station, client: Client, uploads: Uploads) -> None:
        self._station, self._client, self._uploads = station, client, uploads
        self._witness: Witness | None = None  # what it said; None: not asked yet
        self._asked = station.now()

    def about(
        self, row: OrderRow, head: str, *, tried: bool, hold: Hold = lambda _=0: None
    ) -> Taken | Refusal:
        """Steps 4 to 8; `tried`: it may have been sent before. Raises `Away`, and what fails here.

        `head`: the end of the audit chain. `hold(codes)` is called before each request that changes
        something, and raises if it may not be sent any more.
        """
        packing = isinstance(row.change, Associated)
        if packing and not self._station.config.aggregations:
            return Taken(remark=inquiry.KEPT_HERE)
        client = self._client.as_line(row.change.line)
        try:
            answer = self._put(row, head, hold, tried=tried)
        except Declined as declined:
            if packing and offered.is_missing(client, row, declined.problem.status):
                return Refusal(offered.told(row.batch), None)
            past = self._past(row.batch) if tried else None
            found = inquiry.after_refusal(client, row, declined.problem.name, past)
            if found.answer is None:
                forbidden = declined.problem.name == "forbidden"
                return Refusal(declined.summary, found.doubt, forbidden)
            return _taken(row, found.answer)
        except Away as away:
            if packing and offered.is_missing(client, row, away.status):
                return Refusal(offered.told(row.batch), None)
            raise
        doubt = inquiry.after_no_effect(client, row, answer) if tried else None
        return _taken(row, answer, doubt)

    def _past(self, batch: str) -> inquiry.Past:
        with self._station.ledger.read() as view:
            taken = view.newest_order(batch, ACKNOWLEDGED) or view.newest_order(None, ACKNOWLEDGED)
            row = view.order(taken) if taken else None
            return inquiry.Past(row, refused_for_good(view, batch))

    def _put(self, row: OrderRow, head: str, hold: Hold, *, tried: bool) -> inquiry.Answer:
        """Steps 4 to 7."""
        brought = head if self._is_answered(row.change.line) else None  # 4
        try:
            return self._put_once(row, brought, hold, tried=tried)
        except Declined as declined:
            # The backend may have been set up anew since the batches were registered.
            if declined.problem.name != "not-found" or not self._uploads.forget(row.batch):
                raise
            return self._put_once(row, brought, hold, tried=False)

    def _is_answered(self, line: str | None) -> bool:
        """Whether the backend answered which head came last, if need be asked again."""
        now = self._station.now()
        waits = timedelta(0) <= now - self._asked < ASKED_AGAIN  # unless the clock was set back
        if self._witness is None or (self._witness is Witness.SILENT and not waits):
            self._witness = ask(self._station, self._client.as_line(line))
            self._asked = now
        return self._witness is not Witness.SILENT

    def _put_once(
        self, row: OrderRow, head: str | None, hold: Hold, *, tried: bool
    ) -> inquiry.Answer:
        change = row.change
        client = self._client.as_line(change.line)
        for batch in batches_of(row):  # 5
            hold()
            self._uploads.register(batch, change.line)
        if tried and (kept := inquiry.kept_answer(client, row)):
            return kept
        if isinstance(change, Associated):
            hold(row.applied_count)
            return client.aggregate(aggregation_of(change, head))  # 7
        if change.action is Action.ACTIVATE:  # 6
            # A code that was void when the order was booked is none of the backend's business.
            self._uploads.upload(row.batch, row.touched, change.line, hold)
        hold(row.applied_count)
        return client.order(order_of(change, head))  # 7


def _taken(row: OrderRow, answer: inquiry.Answer, doubt: str | None = None) -> Taken:
    early = answer.scanned_before if isinstance(answer, wire.OrderAnswer) else ()
    return Taken(doubt, _remark(row, answer), early)


def _remark(row: OrderRow, answer: inquiry.Answer) -> str | None:
    """What a person should know if the backend changed other codes than the ledger."""
    if isinstance(answer, wire.AggregationAnswer):
        if answer.children_count == row.applied_count:
            return None
        said = f"{answer.children_count:,} children, the books {row.applied_count:,}"
        return f"{OTHER_CODES}{said}: see mintmark reconcile {row.batch}"
    changed = serials.union(answer.applied)
    if answer.applied_count != row.applied_count:
        said = f"{answer.applied_count:,} codes, the books {row.applied_count:,}"
    elif serials.subtract(changed, row.touched) or not (answer.truncated or changed == row.touched):
        said = "other codes than the books"
    else:
        return None
    return f"{OTHER_CODES}{said}: see mintmark reconcile {row.batch}"
