"""`alarms send`: alarms of the audit chain go to each target, from its cursor on.

1. Take the lock: one process sends at a time.
2. For each target, message by message:
   a. Keep in its cursor that a message is under way.
   b. Send the message.
   c. Move the cursor behind the message, or keep that none is under way.
3. Once a day: doctor (`examine`). It comes after 2, for it may read every byte of the vault,
   and a leak must not wait for that.
4. Each target again, for alarms that doctor and others have booked meanwhile.

No alarm is lost: a cursor moves only once its target took the message. b and c cannot be a
single act; if the process is killed between them, the message is sent again, says that it
may be a repeat, and its alarms have the same numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ...codegen.errors import Refused
from ...codegen.finding import Check
from ...codegen.ledger.view import View
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..delivery.delivery_lock import delivery_lock
from .alarms import Alarm, Style, alarm, messages
from .cursor import Cursor, Marks, keep, load
from .examine import examine
from .notify import Target

MAX_BACKLOG = 10_000  # alarms that a target gets at a time; the next round sends the rest
PAGE = 1_000
LOCK = "alarms"  # beside the locks of the batches; no batch's id is a word


@dataclass(frozen=True)
class SentAlarm:
    """How many alarms and messages a target took.

    `detail`: what went wrong, or that the target is new.
    """

    target: str
    kind: str | None
    alarms: int = 0
    messages: int = 0
    ok: bool = True
    detail: str | None = None

    def line(self) -> str:
        """One line for people."""
        text = self.detail or (f"alarms: {self.alarms}" if self.alarms else "nothing new")
        return f"{'ok' if self.ok else 'FAILED':<6}  {self.target}  ({self.kind or '-'})  {text}"


@dataclass(frozen=True)
class SendResult(Result):
    """Each target. `examined`: whether doctor ran, which it does once a day."""

    targets: tuple[SentAlarm, ...]
    examined: bool

    @property
    def exit_code(self) -> int:
        """6 if a target did not take its message: it gets it later."""
        return 0 if all(target.ok for target in self.targets) else 6

    def lines(self) -> Iterator[str]:
        """One line per target."""
        yield from (target.line() for target in self.targets)


def send(
    station: Station,
    targets: Sequence[Target],
    checks: tuple[Check, ...],
    *,
    skip: Callable[[str], bool] = lambda _: False,
) -> SendResult:
    """Send each target the alarms behind its cursor; a target that is down hinders no other.

    A target never seen before begins at the chain's end. `skip` is true for the name of a
    target that is not to be tried now. Raises `Refused` while another process sends,
    `IntegrityError`.
    """
    with delivery_lock(station.home / "work", LOCK) as mine:  # 1
        if not mine:
            raise Refused("another process is sending alarms", "let it finish")
        kept = load(station.home)
        head = _head(station)
        named = {target.name for target in targets}
        known = {name: cursor for name, cursor in kept.targets.items() if name in named}
        round_ = _Round(station, replace(kept, targets=known), head, head)
        done = [(target, round_.serve(target)) for target in targets if not skip(target.name)]  # 2
        if round_.marks != kept:
            keep(station.home, round_.marks)
        examined = examine(station, kept.examined, head, checks)  # 3
        if examined is not None:
            round_ = _Round(station, replace(round_.marks, examined=examined), head, _head(station))
            # A target that did not take the first message is not tried a second time.
            done = [
                (target, _both(sent, round_.serve(target)) if sent.ok else sent)  # 4
                for target, sent in done
            ]
            keep(station.home, round_.marks)
    return SendResult(tuple(sent for _, sent in done), examined is not None)


def _both(first: SentAlarm, then: SentAlarm) -> SentAlarm:
    """The sum of two rounds for a target."""
    detail = then.detail or (None if then.alarms else first.detail)
    alarms, count = first.alarms + then.alarms, first.messages + then.messages
    return replace(then, alarms=alarms, messages=count, detail=detail)


@dataclass
class _Round:
    """A round over the targets; `marks` move. A new target begins after event `begin`."""

    station: Station
    marks: Marks
    begin: int
    head: int

    def serve(self, target: Target) -> SentAlarm:
        """Send `target` the alarms it does not have yet."""
        found = self.marks.targets.get(target.name)
        cursor = found or Cursor(self.begin)
        # A ledger that was restored from a copy may be shorter than the one that was read.
        cursor = replace(cursor, seq=min(cursor.seq, self.head))
        waiting = self._waiting(cursor.seq)
        if waiting:
            return self._send(target, cursor, waiting)
        if found is None or cursor != found or self.head - cursor.seq > PAGE:
            self._mark(target, Cursor(self.head))
        later = None if found else f"new: told of what happens after event #{self.head}"
        detail = target.problem or later
        return SentAlarm(target.name, target.kind, ok=not target.problem, detail=detail)

    def _send(self, target: Target, cursor: Cursor, waiting: Sequence[Alarm]) -> SentAlarm:
        style, count, taken = style_of(self.station), 0, 0
        for message in messages(waiting, style, again=cursor.under_way):
            self._keep(target, replace(cursor, under_way=True))  # 2a
            self.station.failpoint("sending")
            if not target.send(message):  # 2b
                # It refused, or did not answer. Only a kill leaves open whether it arrived.
                self._keep(target, replace(cursor, under_way=False))  # 2c
                detail = target.problem or f"not taken; {len(waiting) - taken} alarms wait"
                return SentAlarm(target.name, target.kind, taken, count, ok=False, detail=detail)
            self.station.failpoint("sent")
            cursor = Cursor(message.through)
            self._keep(target, cursor)  # 2c
            count, taken = count + 1, sum(item.seq <= message.through for item in waiting)
        return SentAlarm(target.name, target.kind, taken, count)

    def _waiting(self, after: int) -> list[Alarm]:
        found: list[Alarm] = []
        with self.station.ledger.read() as view:
            while len(found) < MAX_BACKLOG:
                page = view.troubles(after, PAGE)
                for event in page:
                    by = f"{event.operator} @ {event.host}"
                    item = alarm(event.seq, event.time, event.change, _batch_of(view), by)
                    if item is not None and event.seq <= self.head:
                        found.append(item)
                if len(page) < PAGE:
                    break
                after = page[-1].seq
        return found

    def _mark(self, target: Target, cursor: Cursor) -> None:
        self.marks = replace(self.marks, targets={**self.marks.targets, target.name: cursor})

    def _keep(self, target: Target, cursor: Cursor) -> None:
        self._mark(target, cursor)
        keep(self.station.home, self.marks)


def _head(station: Station) -> int:
    with station.ledger.read() as view:
        return view.head()[0]


def _batch_of(view: View) -> Callable[[str], str]:
    return lambda order: view.order(order).batch


def style_of(station: Station) -> Style:
    """How this home's messages are written."""
    config = station.config
    return Style(config.alarm_language, config.time_zone, config.home_id)
