"""`line run`: JSON orders come in, JSON answers go out. Each is a message: a line of text.

A single process and connection serve for a shift or a year. For each message:

1. Read it. A malformed message gets an error, and the next is served.
2. Book the order, claimed for this process: one, or one for each batch.
3. Send what is queued of its batch, then the order itself; begin none after two seconds.
4. Answer with what the ledger has of the order then.

The production line never waits long for a backend that is away: after a failure step 3 is left
out until a pause has passed. While no message comes in, what is queued is sent. A crash after
step 2 leaves an order that is booked and unanswered: the same order, under the same id, is
answered and booked only once.

    {"action": "activate", "batch": "K7QM-3T9A2BCD", "serials": "1-10000", "order": "reel-17"}
    {"op": "status", "order": "reel-17"}

An answer repeats the `id` of the message, if there is any. `ok` is false if nothing was
changed; `exit` is the exit code of the command of the same effect.
"""

import json
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...codegen.errors import MintmarkError, UsageError
from ...codegen.ledger.changes import Ordered
from ...codegen.result import Result
from ...codegen.scans.settings import PLAIN, ReaderSettings
from ...codegen.station.station import Station
from ..backoff import wait
from ..client.protocol import Client
from ..delivery.deliver import Courier, DeliveryReport
from ..orders import form
from ..orders.booked import show
from ..orders.group import Placed, place
from ..orders.selection import ByCarton, ByScannedCodes
from ..orders.sheets import parse_object
from .inbox import MESSAGE_BYTES, Inbox
from .order_and_deliver import outcome

BUDGET = 2.0  # seconds for what was queued before an order
IDLE = 1.0  # seconds without a message, after which the queue is read
ID_CHARS = 200
WHOLE = 2**53  # beyond it a float is not exact


@dataclass(frozen=True)
class LineEnded(Result):
    """A stream that ended. Its answers were given as they came."""

    orders: int
    errors: int

    def lines(self) -> Iterator[str]:
        """Nothing: stdout holds answers."""
        return iter(())

    def records(self) -> Iterator[dict[str, Any]]:
        """Nothing, likewise."""
        return iter(())


class OrderStream:
    """Answers messages in turn.

    `require_order`: an order without an id of its own is refused, because a message that a
    gateway sends again would take effect again. `reader`: how scanned codes were read.
    """

    def __init__(
        self,
        station: Station,
        client: Client | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        require_order: bool = False,
        reader: ReaderSettings = PLAIN,
    ) -> None:
        self._station = station
        self._require_order, self._reader = require_order, reader
        self._clock = clock
        self._eager = Courier(station, client, sturdy=True) if client else None
        self._patient = Courier(station, client, patient=True, sturdy=True) if client else None
        self._pause_until = clock()
        self._failures = 0
        self._reason: str | None = None if client else "no backend is configured"
        self._orders = self._errors = 0

    def run(self, inbox: Inbox, answer: Callable[[str], None]) -> LineEnded:
        """Answer until the inbox ends. `answer` takes a line of ASCII."""
        while True:
            try:
                message = inbox.take(IDLE)
            except queue.Empty:
                self.idle(inbox.waiting)
                continue
            if message is None:
                return LineEnded(self._orders, self._errors)
            if message.strip():
                answer(json.dumps(self.answer(message)))

    def answer(self, message: bytes) -> dict[str, Any]:
        """The answer to a message. Every message gets an answer, whatever it is."""
        labels: dict[str, Any] = {}
        try:
            fields = _fields(message)  # 1
            labels = _labels(fields)
            result, exit_code = self._do(fields)
        except MintmarkError as error:
            self._errors += 1
            hint = "\n".join(error.hints)
            failed = {"ok": False, "exit": error.exit_code, "error": error.message, "hint": hint}
            return {**labels, **failed, **error.details}
        except OSError as error:
            self._errors += 1
            hint = "see: mintmark doctor"
            return {**labels, "ok": False, "exit": 6, "error": _plain(error), "hint": hint}
        except Exception as error:  # noqa: BLE001 - if this ended, the production line would stop
            self._errors += 1
            bug = f"unexpected {type(error).__name__}: this is a bug"
            return {**labels, "ok": False, "exit": 1, "error": bug, "hint": "report it"}
        self._orders += 1
        return {**labels, "ok": True, "exit": exit_code, **result}

    def idle(self, stop: Callable[[], bool]) -> None:
        """Send what is due, until `stop`."""
        if self._patient and self._clock() >= self._pause_until:
            self._deliver(self._patient, stop)

    def _do(self, fields: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        op = fields.get("op", "order")
        if op == "status":
            return _record(show(self._station, _order_named(fields))), 0
        if op != "order":
            raise UsageError("unknown op", "known: order, status")
        order = {key: value for key, value in fields.items() if key not in ("op", "id")}
        request = form.from_object(order, self._station.config.time_zone, form.MESSAGE_FIELDS)
        if self._require_order and request.order is None:
            raise UsageError(
                "the order has no id of its own", "give every order one: order, made by the sender"
            )
        if isinstance(request.selection, ByScannedCodes | ByCarton):
            selected = replace(request.selection, reader=self._reader)
            request = replace(request, selection=selected)
        eager = None if self._clock() < self._pause_until else self._eager
        placed = place(self._station, request, eager.claim() if eager else None)  # 2
        if eager and not request.dry_run:
            self._send(eager, placed)  # 3
        result = outcome(self._station, request, placed, self._reason)  # 4
        return _record(result), result.exit_code

    def _send(self, courier: Courier, placed: Placed) -> None:
        """Send the orders, and before each what is queued of its batch."""
        deadline, fresh = self._clock() + BUDGET, not self._failures

        def late() -> bool:
            return self._clock() > deadline

        for order in placed.orders:
            report = self._deliver(courier, late, order.change)
            if report and report.away and not report.retry_after and fresh:
                # The backend may have closed a connection that stood idle.
                report = self._deliver(courier, late, order.change)
            if report is None or report.away:
                return
            fresh = False

    def _deliver(
        self, courier: Courier, stop: Callable[[], bool], change: Ordered | None = None
    ) -> DeliveryReport | None:
        """What was sent; None if this machine failed."""
        batch, until = (change.batch, change.order) if change else (None, None)
        try:
            report = courier.deliver(batch=batch, until=until, stop=stop)
        except (MintmarkError, OSError) as error:
            # The order is booked, and stays queued: the answer says so.
            self._reason = error.message if isinstance(error, MintmarkError) else _plain(error)
            return None
        self._reason = report.detail
        self._failures = self._failures + 1 if report.away else 0
        if report.away:
            pause = max(wait(self._failures - 1, 0.5).total_seconds(), report.retry_after)
            self._pause_until = self._clock() + pause
        return report


def _plain(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _fields(message: bytes) -> dict[str, Any]:
    if len(message) > MESSAGE_BYTES:
        raise UsageError(f"the line is longer than {MESSAGE_BYTES:,} bytes", "split the order")
    try:
        text = message.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("the line is not UTF-8", "write JSON in UTF-8") from None
    try:
        return parse_object(text)
    except UsageError as error:
        raise UsageError(
            f"the line is malformed: {error.message}", "write one JSON object per line"
        ) from None


def _labels(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The `id` of a message, with which the sender finds its answer."""
    label = fields.get("id")
    whole = type(label) is float and label.is_integer() and abs(label) <= WHOLE
    if "id" in fields and not (type(label) is int or isinstance(label, str) or whole):
        if type(label) is float:
            raise UsageError(
                "id must be text or a whole number, and this one is none",
                "a PLC's REAL holds seven digits, so that many messages would share it: send text",
            )
        raise UsageError("id must be text or a number", "it is yours: it comes back as it is")
    if isinstance(label, str) and len(label) > ID_CHARS:
        raise UsageError(f"id is longer than {ID_CHARS} characters", "shorten it")
    return {"id": label} if "id" in fields else {}


def _order_named(fields: Mapping[str, Any]) -> str:
    order = fields.get("order")
    if not isinstance(order, str) or fields.keys() - {"op", "id", "order"}:
        raise UsageError("status asks for one order, by its id", '{"op": "status", "order": …}')
    return order


def _record(result: Result) -> dict[str, Any]:
    return next(iter(result.records()))
