"""`line run`: one JSON order a line comes in, one JSON answer a line goes out.

One process and one connection for a shift or a year. The line never waits long for a
backend that is away: after a failure orders are only booked, until a pause has passed;
what is queued goes out while no order comes in.

    {"action": "activate", "batch": "K7QM-3T9A2BCD", "serials": "1-10000", "order": "reel-17"}
    {"op": "status", "order": "reel-17"}

An answer repeats the line's `id`, if it has one. `ok` is false for a line that changed
nothing; `exit` is the code the command of the same effect would end with.
"""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...codegen.errors import MintmarkError, UsageError
from ...codegen.ledger.changes import Ordered
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..backoff import wait
from ..client.protocol import Client
from ..delivery.deliver import Courier, DeliveryReport
from ..orders import form
from ..orders.booked import show
from ..orders.orders import book
from ..orders.sheets import parse_object
from .order_and_deliver import outcome

LINE_BYTES = 262_144
READ_BYTES = 65_536
AHEAD = 64  # lines read before they are answered
BUDGET = 2.0  # seconds an order may spend on those queued before it
IDLE = 1.0  # seconds without an order, after which the queue is looked at
ID_CHARS = 200


@dataclass(frozen=True)
class LineEnded(Result):
    """A line that ended: its answers were given one by one."""

    orders: int
    errors: int

    def lines(self) -> Iterator[str]:
        """Nothing: stdout holds answers."""
        return iter(())

    def records(self) -> Iterator[dict[str, Any]]:
        """Nothing, likewise."""
        return iter(())


class Inbox:
    """Lines as they come, read by a thread of its own so that a stop is heard meanwhile.

    `read(n)` returns at most `n` bytes, as soon as there are some; none at the end.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        # Its put may be called by a signal handler.
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(AHEAD)
        self._closed = False

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._fill, daemon=True).start()

    def close(self) -> None:
        """End it here: lines not yet taken are dropped. Callable from a signal handler."""
        self._closed = True
        self._lines.put(None)

    def waiting(self) -> bool:
        """Whether a line, or the end, is there to be taken."""
        return self._closed or not self._lines.empty()

    def take(self, seconds: float) -> bytes | None:
        """The next line, None at the end. One too long comes as its first bytes.

        Raises `queue.Empty` if none came in time.
        """
        line = None if self._closed else self._lines.get(timeout=seconds)
        self._room.release()
        # Closed while it waited: what came is dropped.
        return line if not self._closed else None

    def _fill(self) -> None:
        rest, skipping = b"", False
        while data := self._next():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if not skipping:
                    self._put(line)
                skipping = False
            if len(rest) > LINE_BYTES:
                if not skipping:
                    self._put(rest)
                rest, skipping = b"", True
        if rest and not skipping:
            self._put(rest)
        self._put(None)

    def _next(self) -> bytes:
        try:
            return self._read(READ_BYTES)
        except (OSError, ValueError):
            return b""

    def _put(self, line: bytes | None) -> None:
        self._room.acquire()
        self._lines.put(line)


class OrderStream:
    """Answers lines, one after another."""

    def __init__(
        self,
        station: Station,
        client: Client | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._station = station
        self._clock = clock
        self._eager = Courier(station, client, sturdy=True) if client else None
        self._patient = Courier(station, client, patient=True, sturdy=True) if client else None
        self._pause_until = clock()
        self._failures = 0
        self._reason: str | None = None if client else "no backend is configured"
        self._orders = self._errors = 0

    def run(self, inbox: Inbox, answer: Callable[[str], None]) -> LineEnded:
        """Answer until the inbox ends. `answer` takes one line of ASCII."""
        while True:
            try:
                line = inbox.take(IDLE)
            except queue.Empty:
                self.idle(inbox.waiting)
                continue
            if line is None:
                return LineEnded(self._orders, self._errors)
            if line.strip():
                answer(json.dumps(self.answer(line)))

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line. Whatever the line is, there is one."""
        told: dict[str, Any] = {}
        try:
            fields = _fields(line)
            told = _labels(fields)
            result, done = self._do(fields)
        except MintmarkError as error:
            self._errors += 1
            hint = "\n".join(error.hints)
            failed = {"ok": False, "exit": error.exit_code, "error": error.message, "hint": hint}
            return {**told, **failed, **error.details}
        except OSError as error:
            self._errors += 1
            hint = "see: mintmark doctor"
            return {**told, "ok": False, "exit": 6, "error": _plain(error), "hint": hint}
        except Exception as error:  # noqa: BLE001 - a line that ends is a line that stands still
            self._errors += 1
            bug = f"unexpected {type(error).__name__}: this is a bug"
            return {**told, "ok": False, "exit": 1, "error": bug, "hint": "report it"}
        self._orders += 1
        return {**told, "ok": True, "exit": done, **result}

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
        asked = {key: value for key, value in fields.items() if key not in ("op", "id")}
        request = form.from_object(asked, self._station.config.time_zone, form.MESSAGE_FIELDS)
        eager = None if self._clock() < self._pause_until else self._eager
        change, placed = book(self._station, request, eager.claim() if eager else None)
        if eager and not request.dry_run:
            self._send(eager, change)
        result = outcome(self._station, request, change, placed, self._reason)
        return _record(result), result.exit_code

    def _send(self, courier: Courier, change: Ordered) -> None:
        """Send the order, and before it what is queued of its batch."""
        deadline, fresh = self._clock() + BUDGET, not self._failures

        def late() -> bool:
            return self._clock() > deadline

        sent = self._deliver(courier, late, change)
        if sent and sent.away and not sent.retry_after and fresh:
            # A connection that stood idle may have been closed at the other end.
            self._deliver(courier, late, change)

    def _deliver(
        self, courier: Courier, stop: Callable[[], bool], change: Ordered | None = None
    ) -> DeliveryReport | None:
        """What was sent; None where this machine failed."""
        batch, until = (change.batch, change.order) if change else (None, None)
        try:
            sent = courier.deliver(batch=batch, until=until, stop=stop)
        except (MintmarkError, OSError) as error:
            # The order is booked, and stays queued: the answer says so.
            self._reason = error.message if isinstance(error, MintmarkError) else _plain(error)
            return None
        self._reason = sent.detail
        self._failures = self._failures + 1 if sent.away else 0
        if sent.away:
            pause = max(wait(self._failures - 1, 0.5).total_seconds(), sent.retry_after)
            self._pause_until = self._clock() + pause
        return sent


def _plain(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _fields(line: bytes) -> dict[str, Any]:
    if len(line) > LINE_BYTES:
        raise UsageError(f"the line is longer than {LINE_BYTES:,} bytes", "split the order")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("the line is not UTF-8", "write JSON in UTF-8") from None
    try:
        return parse_object(text)
    except UsageError as error:
        raise UsageError(
            f"the line is malformed: {error.message}", "write one JSON object a line"
        ) from None


def _labels(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What tells the sender which line an answer is for."""
    label = fields.get("id")
    if "id" in fields and not (type(label) is int or isinstance(label, str)):
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
