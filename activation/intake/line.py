"""`line run`: JSON orders come in, JSON answers go out. Each is a message: a line of text.

A single process and connection serve for a shift or a year. For each message:

1. Read it. A malformed message gets an error, and the next is served.
2. Book the order, claimed for this process: one, or one for each batch.
3. Send what is queued of its batch, then the order itself; begin none after two seconds.
4. Answer with what the ledger has of the order then.

If the ledger of a shared home is out of reach, step 2 writes the order down instead, and the answer
says that it waits at this station (`away`); see `activation/away`.

The production line never waits long for a backend that is away: after a failure step 3 is left
out until a pause has passed. While no message comes in, what is queued is sent. A crash after
step 2 leaves an order that is booked and unanswered: the same order, under the same id, is
answered and booked only once.

    {"action": "activate", "batch": "K7QM-3T9A2BCD", "serials": "1-10000", "order": "reel-17"}
    {"op": "associate", "codes": ["HTTPS://…", "HTTPS://…", …], "count": 24, "order": "carton-9"}
    {"op": "status", "order": "reel-17"}

An answer repeats the `id` of the message, if there is any. `ok` is false if nothing was
changed; `exit` is the exit code of the command of the same effect.
"""

import json
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...codegen.errors import MintmarkError, UsageError
from ...codegen.ranges.aggregation import Packing
from ...codegen.result import Result
from ...codegen.scans.settings import PLAIN, ReaderSettings
from ...codegen.station.station import Station
from ..association.form import check_fields, from_message, is_packing
from ..association.outcome import PackingResult
from ..association.packing import PackingRequest
from ..association.resolving import CodeReader
from ..away.answers import QueuedHere, packing_waits
from ..away.desk import STREAM, AwayDesk, InQueue
from ..away.reading import shown
from ..client.protocol import Client
from ..orders import form
from ..orders.fields import text
from ..orders.group import place
from ..orders.selection import read_by
from ..orders.sheets import parse_object
from .inbox import MESSAGE_BYTES, Inbox
from .line_courier import LineCourier, idle, plain
from .order_and_deliver import outcome, take
from .pack_and_deliver import book_and_send, write_either

if TYPE_CHECKING:
    from .order_and_deliver import Ordering

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

    def __init__(  # noqa: PLR0913 - what a stream is made of, by name
        self,
        station: Station,
        client: Client | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        require_order: bool = False,
        reader: ReaderSettings = PLAIN,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._station = station
        self._require_order, self._reader = require_order, reader
        self._courier = LineCourier(station, client, clock)
        self._desk = AwayDesk(station, STREAM, notify, clock)
        self._codes = CodeReader(station, reader)
        self._orders = self._errors = 0

    def run(self, inbox: Inbox[bytes], answer: Callable[[str], None]) -> LineEnded:
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
            return {**labels, "ok": False, "exit": 6, "error": plain(error), "hint": hint}
        except Exception as error:  # noqa: BLE001 - if this ended, the production line would stop
            self._errors += 1
            bug = f"unexpected {type(error).__name__}: this is a bug"
            return {**labels, "ok": False, "exit": 1, "error": bug, "hint": "report it"}
        self._orders += 1
        return {**labels, "ok": True, "exit": exit_code, **result}

    def idle(self, stop: Callable[[], bool]) -> None:
        """Book what waits here, and send what is due, until `stop`."""
        idle(self._desk, self._courier, stop)

    def _do(self, fields: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        op = fields.get("op", "order")
        if op == "status":
            return _record(shown(self._station, _order_named(fields))), 0
        if is_packing(op):
            if fields.get("action", op) != op:
                raise UsageError("op and action say two things", "one of them is enough")
            fields = {**fields, "action": op}
        elif op != "order":
            raise UsageError("unknown op", "known: order, status, associate, dissociate")
        order = {key: value for key, value in fields.items() if key not in ("op", "id")}
        if self._require_order and text(order, "order") is None:
            raise UsageError(
                "the order has no id of its own", "give every order one: order, made by the sender"
            )
        result = self._pack(order) if is_packing(order.get("action")) else self._order(order)
        return _record(result), result.exit_code

    def _order(self, fields: Mapping[str, Any]) -> Result:
        """Steps 2 to 4 of a range order."""
        request = form.from_object(fields, self._station.config.time_zone, form.MESSAGE_FIELDS)
        request = replace(request, selection=read_by(request.selection, self._reader))
        request = replace(request, order=self._desk.order_id(request.order))

        def book() -> "Ordering":
            claim = self._courier.claim()
            placed = place(self._station, request, claim)  # 2
            if claim and not request.dry_run:
                booked = (order.change for order in placed.orders if order.is_booked)
                self._courier.send(tuple(booked))  # 3
            return outcome(self._station, request, placed, self._courier.reason)  # 4

        return take(self._desk, self._station, request, book)

    def _pack(self, fields: Mapping[str, Any]) -> PackingResult | QueuedHere:
        """Steps 2 to 4 of an order of packing."""
        check_fields(fields)
        order = self._desk.order_id(text(fields, "order"))
        fields = {**fields, "order": order}
        known: list[PackingRequest] = []

        def book() -> PackingResult:
            known.append(from_message(self._station, fields, self._codes))
            return book_and_send(self._station, known[0], self._courier)

        home = self._station.config.home_id
        done = self._desk.take(lambda: write_either(order or "", fields, known, home), book)
        if not isinstance(done, InQueue):
            return done
        return packing_waits(Packing(str(fields["action"]).strip().lower()), done)


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
