"""`associate run`: a reader's port stays open, and each carton is answered with its last scan.

For each carton:

1. Read it, scan by scan. One that is not what it should be is refused, and the next begins clean.
2. Book it, claimed for this process.
3. Send what is queued before it, then the order itself.
4. Answer with what the ledger has of it then, in a line of JSON.

A crash before step 2 leaves nothing: a carton of which half was scanned is in no book. One after it
leaves an order that is booked and unanswered. The carton scanned again is a repeat, and says so.
"""

import queue
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...codegen.away import OutOfReach
from ...codegen.errors import MintmarkError
from ...codegen.ranges.aggregation import Packing
from ...codegen.ranges.lifecycle import State
from ...codegen.result import Result
from ...codegen.scans.framing import ScanMessage
from ...codegen.scans.reader import ReadingKind
from ...codegen.scans.settings import ParentPlace
from ...codegen.station.station import Station
from ..association.assembly import Assembler
from ..association.carton import Carton, telegrams
from ..association.outcome import again
from ..association.packing import PackingRequest
from ..association.request import packed
from ..association.resolving import CodeReader, Sighted
from ..association.scanning import refusal, rejects
from ..away.answers import packing_waits
from ..away.desk import STREAM, AwayDesk, InQueue
from ..away.written import no_codes, write_packed
from .inbox import Inbox
from .line_courier import LineCourier, idle, plain
from .pack_and_deliver import book_and_send

PASSED = (ReadingKind.NO_READ, ReadingKind.HEARTBEAT)
IDLE = 1.0  # seconds without a scan, after which the queue is read


@dataclass(frozen=True)
class PackingEnded(Result):
    """A stream of scans that ended. Its answers were given as they came."""

    cartons: int
    refused: int

    def lines(self) -> Iterator[str]:
        """Nothing: stdout holds answers."""
        return iter(())

    def records(self) -> Iterator[dict[str, Any]]:
        """Nothing, likewise."""
        return iter(())


class PackingStream:
    """Answers cartons in turn. `each`: how many children a carton has.

    `notify` is told at once of texts that are no code of this home.
    """

    def __init__(  # noqa: PLR0913 - what a stream is made of, by name
        self,
        station: Station,
        courier: LineCourier,
        reader: CodeReader,
        *,
        place: ParentPlace,
        each: int,
        line: str | None = None,
        desk: AwayDesk | None = None,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._station, self._courier, self._reader = station, courier, reader
        self._desk = desk or AwayDesk(station, STREAM)
        self._assembler = Assembler(place, each)
        self._each, self._line, self._notify = each, line, notify
        self._cartons = self._refused = 0
        self._unread: OutOfReach | None = None  # why codes could not be looked up

    def run(
        self, inbox: Inbox[ScanMessage], answer: Callable[[dict[str, Any]], None]
    ) -> PackingEnded:
        """Answer until the inbox ends."""
        while True:
            try:
                messages, ended = _taken(inbox)
            except queue.Empty:
                self._idle(inbox.waiting)
                continue
            for record in self.answers(messages):
                answer(record)
            if ended:
                break
        for carton in self._assembler.finish():
            if not carton.told:
                answer(self._answer(carton))
        return PackingEnded(self._cartons, self._refused)

    def _sighted(self, messages: Sequence[ScanMessage]) -> list[Sighted]:
        try:
            self._unread = None
            return self._reader.of_messages(messages)
        except OutOfReach as away:
            self._unread = away
            return self._reader.of_messages_away(messages, "it cannot be looked up now")

    def _idle(self, stop: Callable[[], bool]) -> None:
        idle(self._desk, self._courier, stop)

    def answers(self, messages: Sequence[ScanMessage]) -> Iterator[dict[str, Any]]:
        """The answers to cartons that end with one of these messages."""
        sighted = self._sighted(messages)
        void = {one.sighting.code for one in sighted if one.state is State.VOID}
        for telegram in telegrams(one.sighting for one in sighted):
            for seen in telegram:
                if seen.code is None and seen.kind not in PASSED:
                    self._notify(f"line {seen.line}: no code of this home: {seen.note}")
            for carton in self._assembler.read(telegram):
                if not carton.told:
                    yield self._answer(carton)
            label = self._assembler.opened
            if label in void:
                # Nothing can lie in it: told before it is packed.
                self._assembler.tell()
                yield self._answer(Carton(label, (), fault="this label is void"))

    def _answer(self, carton: Carton) -> dict[str, Any]:
        self._cartons += 1
        told = {
            "no_reads": list(carton.missing), "repeats": carton.repeats,
            "heartbeats": carton.heartbeats, "rejects": rejects(carton),
        }  # fmt: skip
        try:
            record = self._packed(carton)
        except MintmarkError as error:
            hint = "\n".join(error.hints)
            failed = {"exit": error.exit_code, "error": error.message, "hint": hint}
            record = _head(carton) | failed | error.details
        except OSError as error:
            record = _head(carton) | {
                "exit": 6,
                "error": plain(error),
                "hint": "see: mintmark doctor",
            }
        except Exception as error:  # noqa: BLE001 - if this ended, the production line would stop
            bug = f"unexpected {type(error).__name__}: this is a bug"
            record = _head(carton) | {"exit": 1, "error": bug, "hint": "report it"}
        if "error" in record:
            self._refused += 1
            if carton.fault is None:
                self._assembler.refused()
        return {"ok": "error" not in record, **record, **told}

    def _packed(self, carton: Carton) -> dict[str, Any]:
        """Steps 2 to 4."""
        request = PackingRequest(Packing.ASSOCIATE, (), line=self._line)
        if carton.fault is not None:
            repeat = None
            if carton.parent and not carton.children:
                repeat = again(self._station, carton.parent, self._each)
            if repeat is None and self._unread is not None:
                raise no_codes(self._unread)
            if repeat is None:
                raise refusal(carton)
            return _told(repeat)
        order = self._desk.order_id(None)
        request = packed(replace(request, order=order), carton, holds=self._each)
        done = self._desk.take(
            lambda: write_packed(request),
            lambda: book_and_send(self._station, request, self._courier),
        )
        return _told(packing_waits(request.action, done) if isinstance(done, InQueue) else done)


def _told(result: Result) -> dict[str, Any]:
    return {"exit": result.exit_code, **next(iter(result.records()))}


def _taken(inbox: Inbox[ScanMessage]) -> tuple[list[ScanMessage], bool]:
    """The messages that are there, once there is one; and whether that was the end."""
    found: list[ScanMessage] = []
    while not found or inbox.waiting():
        message = inbox.take(IDLE)
        if message is None:
            return found, True
        found.append(message)
    return found, False


def _head(carton: Carton) -> dict[str, Any]:
    parent = carton.parent and asdict(carton.parent)
    return {"parent": parent, "children_count": len(carton.children)}
