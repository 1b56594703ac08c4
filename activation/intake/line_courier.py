"""Delivery beside a stream: each order is sent once it is booked, and the stream never waits long.

After a failure nothing is sent until a pause has passed. Where nothing comes in meanwhile, what
is queued is sent.
"""

import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime

from ...codegen.errors import MintmarkError
from ...codegen.ledger.changes import Associated, Ordered
from ...codegen.station.station import Station
from ..away.desk import AwayDesk
from ..backoff import wait
from ..client.protocol import Client
from ..delivery.deliver import Courier, DeliveryReport
from ..orders.due import book_due

BUDGET = 2.0  # seconds for what was queued before an order


class LineCourier:
    """Sends the orders of a stream. `reason`: why what is queued was not sent, if it was not."""

    def __init__(self, station: Station, client: Client | None, clock: Callable[[], float]) -> None:
        self._station, self._clock = station, clock
        self._eager = Courier(station, client, sturdy=True) if client else None
        self._patient = Courier(station, client, patient=True, sturdy=True) if client else None
        self._pause_until = clock()
        self._failures = 0
        self.reason: str | None = None if client else "no backend is configured"

    def claim(self) -> tuple[str, datetime] | None:
        """For `Ledger.commit`: the order booked is claimed; None if it is not to be sent now."""
        return self._eager.claim() if self._eager and self._clock() >= self._pause_until else None

    def send(self, orders: Sequence[Ordered | Associated]) -> None:
        """Send orders that were booked with `claim`, and before each what is queued before it."""
        deadline, fresh = self._clock() + BUDGET, not self._failures

        def late() -> bool:
            return self._clock() > deadline

        for place, order in enumerate(orders, 1):
            report = self._deliver(self._eager, late, order)
            if report and report.away and not report.retry_after and fresh:
                # The backend may have closed a connection that stood idle.
                report = self._deliver(self._eager, late, order)
            if report is None or report.away:
                self._let_go(orders[place:])
                return
            fresh = False

    def idle(self, stop: Callable[[], bool], *, due: bool = True) -> None:
        """Book the scheduled orders whose time has come, and send what is due, until `stop`.

        None of them is booked, unless `due`: other orders wait before them.
        """
        try:
            if due:
                book_due(self._station, stop)
        except (MintmarkError, OSError) as error:
            self.reason = error.message if isinstance(error, MintmarkError) else plain(error)
            return
        if self._clock() >= self._pause_until:
            self._deliver(self._patient, stop)

    def _let_go(self, orders: Sequence[Ordered | Associated]) -> None:
        if self._eager is not None:
            with contextlib.suppress(MintmarkError, OSError):  # what they are held by runs out
                self._eager.let_go(order.order for order in orders)

    def _deliver(
        self,
        courier: Courier | None,
        stop: Callable[[], bool],
        order: Ordered | Associated | None = None,
    ) -> DeliveryReport | None:
        """What was sent; None if nothing could be, or this machine failed."""
        if courier is None:
            return None
        batch, until = (order.batch, order.order) if order else (None, None)
        try:
            report = courier.deliver(batch=batch, until=until, stop=stop)
        except (MintmarkError, OSError) as error:
            # The order is booked, and stays queued: the answer says so.
            self.reason = error.message if isinstance(error, MintmarkError) else plain(error)
            return None
        self.reason = report.detail
        self._failures = self._failures + 1 if report.away else 0
        if report.away:
            pause = max(wait(self._failures - 1, 0.5).total_seconds(), report.retry_after)
            self._pause_until = self._clock() + pause
        return report


def idle(desk: AwayDesk, courier: LineCourier, stop: Callable[[], bool]) -> None:
    """Book what waits at this station, then as `LineCourier.idle`, until `stop`.

    Nothing is tried while the ledger is known to be out of reach: a message may come any moment.
    """
    left: str | None = "a damaged queue, which the next order tells of"
    with contextlib.suppress(MintmarkError, OSError):
        left = desk.drain(stop).left
    if not desk.is_resting and not stop():
        courier.idle(stop, due=left is None)


def plain(error: OSError) -> str:
    """What an error of the operating system says."""
    return (error.strerror or type(error).__name__).lower()
