"""`alarms send`: what the audit chain tells since the last time goes to each target.

    lock → for each target: note that a message is under way → send → note how far it went
         → once a day: doctor → each target again, for what came meanwhile

Doctor comes second: it may read every byte of the vault, and a leak must not wait for that.
None is lost: a target's cursor moves only once it took the message. Sending and noting
cannot be one act; where a process is killed between them the message is sent again, says
that it may be a repeat, and its alarms have the same numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ...codegen.doctor import doctor
from ...codegen.errors import MintmarkError, Refused
from ...codegen.finding import ERROR, Check
from ...codegen.ledger.chain import Event
from ...codegen.ledger.changes import Incident
from ...codegen.ledger.view import View
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..backoff import wait
from ..delivery.delivery_lock import delivery_lock
from .alarms import Alarm, Message, Style, alarm, messages
from .cursor import Cursor, Examined, Marks, keep, load
from .notify import Target

DAY = timedelta(days=1)
BACKLOG = 10_000  # alarms a target is sent at a time; what follows comes in the next round
PAGE = 1_000
POLL = timedelta(seconds=5)
LOCK = "alarms"  # beside the batches' turns; no batch's id is a word


@dataclass(frozen=True)
class Sent:
    """One target: how many alarms and messages it took; what went wrong, or that it is new."""

    target: str
    kind: str | None
    alarms: int = 0
    messages: int = 0
    ok: bool = True
    detail: str | None = None

    def line(self) -> str:
        """One line for people."""
        told = self.detail or (f"alarms: {self.alarms}" if self.alarms else "nothing new")
        return f"{'ok' if self.ok else 'FAILED':<6}  {self.target}  ({self.kind or '-'})  {told}"


@dataclass(frozen=True)
class SendResult(Result):
    """Each target. `examined`: whether doctor looked, which it does once a day."""

    targets: tuple[Sent, ...]
    examined: bool

    @property
    def exit_code(self) -> int:
        """6 where a target did not take its message: it gets it later."""
        return 0 if all(one.ok for one in self.targets) else 6

    def lines(self) -> Iterator[str]:
        """A line a target."""
        yield from (one.line() for one in self.targets)


def send(
    station: Station,
    targets: Sequence[Target],
    checks: tuple[Check, ...],
    *,
    skip: Callable[[str], bool] = lambda _: False,
) -> SendResult:
    """Send each target what it was not told yet; one that is down hinders no other.

    A target never seen before begins at the chain's end. `skip` names targets that are not
    to be tried now. Raises `Refused` while another process sends, `IntegrityError`.
    """
    with delivery_lock(station.home / "work", LOCK) as mine:
        if not mine:
            raise Refused("another process is sending alarms", "let it finish")
        kept = load(station.home)
        head = _head(station)
        named = {target.name for target in targets}
        known = {name: cursor for name, cursor in kept.targets.items() if name in named}
        desk = _Desk(station, replace(kept, targets=known), head, head)
        done = [(one, desk.serve(one)) for one in targets if not skip(one.name)]
        if desk.marks != kept:
            keep(station.home, desk.marks)
        marks, examined = _examine(station, desk.marks, head, checks)
        if examined:
            desk = _Desk(station, marks, head, _head(station))
            # Who did not take the first message is not asked a second time.
            done = [(one, _both(was, desk.serve(one)) if was.ok else was) for one, was in done]
            keep(station.home, desk.marks)
    return SendResult(tuple(sent for _, sent in done), examined)


def _both(first: Sent, then: Sent) -> Sent:
    """One target served twice."""
    detail = then.detail or (None if then.alarms else first.detail)
    alarms, count = first.alarms + then.alarms, first.messages + then.messages
    return replace(then, alarms=alarms, messages=count, detail=detail)


@dataclass
class _Desk:
    """One round: the marks as they move. A new target begins after event `begin`."""

    station: Station
    marks: Marks
    begin: int
    head: int

    def serve(self, target: Target) -> Sent:
        """Send `target` what it lacks."""
        found = self.marks.targets.get(target.name)
        cursor = found or Cursor(self.begin)
        # A ledger brought back from a copy is shorter than what was read of the other.
        cursor = replace(cursor, seq=min(cursor.seq, self.head))
        waiting = self._waiting(cursor.seq)
        if waiting:
            return self._send(target, cursor, waiting)
        if found is None or cursor != found or self.head - cursor.seq > PAGE:
            self._mark(target, Cursor(self.head))
        later = None if found else f"new: told of what happens after event #{self.head}"
        detail = target.problem or later
        return Sent(target.name, target.kind, ok=not target.problem, detail=detail)

    def _send(self, target: Target, cursor: Cursor, waiting: Sequence[Alarm]) -> Sent:
        style, sent, told = style_of(self.station), 0, 0
        for message in messages(waiting, style, again=cursor.under_way):
            self._keep(target, replace(cursor, under_way=True))
            self.station.failpoint("sending")
            if not target.send(message):
                # It said no, or did not answer. Only a kill leaves the question open.
                self._keep(target, replace(cursor, under_way=False))
                detail = target.problem or f"not taken; {len(waiting) - told} alarms wait"
                return Sent(target.name, target.kind, told, sent, ok=False, detail=detail)
            self.station.failpoint("sent")
            cursor = Cursor(message.through)
            self._keep(target, cursor)
            sent, told = sent + 1, sum(one.seq <= message.through for one in waiting)
        return Sent(target.name, target.kind, told, sent)

    def _waiting(self, after: int) -> list[Alarm]:
        found: list[Alarm] = []
        with self.station.ledger.read() as view:
            while len(found) < BACKLOG:
                page = view.troubles(after, PAGE)
                for event in page:
                    one = alarm(
                        event.seq,
                        event.time,
                        event.change,
                        _batch_of(view),
                        f"{event.operator} @ {event.host}",
                    )
                    if one is not None and event.seq <= self.head:
                        found.append(one)
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


# --- doctor ----------------------------------------------------------------------------


def _examine(
    station: Station, marks: Marks, head: int, checks: tuple[Check, ...]
) -> tuple[Marks, bool]:
    """Once a day: book doctor's errors that were not there the last time."""
    now, last = station.now(), marks.examined
    if last is not None and timedelta(0) <= now - last.at < DAY:
        return marks, False
    with station.ledger.read() as view:
        # Booked, and killed before it was noted: not twice.
        since = view.incidents("doctor", last.seq if last else 0)
        booked = {_detail(event) for event in since if now - event.time < DAY}
    found = doctor(station, checks, repair=False).findings
    errors = tuple(
        dict.fromkeys(f"{one.check}: {one.message}" for one in found if one.level == ERROR)
    )
    known = booked.union(last.errors if last else ())
    new = [Incident("doctor", error) for error in errors if error not in known]
    if new:
        station.ledger.commit(station.author, *new)
    station.failpoint("examined")
    return replace(marks, examined=Examined(now, head, errors)), True


def _detail(event: Event) -> str:
    return event.change.detail if isinstance(event.change, Incident) else ""


# --- as a service ----------------------------------------------------------------------


@dataclass
class Watch:
    """`alarms send --watch`: rounds until a stop is asked for. A dead target is waited out.

    `targets` opens them, anew each round: a file that holds a URL may appear, or change.
    """

    station: Station
    targets: Callable[[], Sequence[Target]]
    checks: tuple[Check, ...]
    wait: Callable[[float], None]
    stopped: Callable[[], bool]
    log: Callable[..., None]
    _failures: dict[str, int] = field(default_factory=dict)
    _next: dict[str, datetime] = field(default_factory=dict)

    def run(self) -> SendResult:
        """Nothing is left to tell at the end: the log has it."""
        self.log("started", targets=len(self.targets()))
        while not self.stopped():
            try:
                done = send(self.station, self.targets(), self.checks, skip=self._resting)
                for one in done.targets:
                    self._note(one)
            except (MintmarkError, OSError) as error:
                # A locked ledger, a full disk: it goes on when that is over.
                self.log("hindered", error=getattr(error, "message", type(error).__name__))
            self.wait(POLL.total_seconds())
        self.log("stopped")
        return SendResult((), examined=False)

    def _resting(self, name: str) -> bool:
        due = self._next.get(name)
        return due is not None and timedelta(0) < due - self.station.now() <= timedelta(hours=1)

    def _note(self, one: Sent) -> None:
        if one.ok:
            if self._failures.pop(one.target, 0) or one.messages:
                self.log("sent", target=one.target, alarms=one.alarms)
            self._next.pop(one.target, None)
            return
        count = self._failures[one.target] = self._failures.get(one.target, 0) + 1
        self._next[one.target] = self.station.now() + wait(count, 1.0)
        if count == 1:
            self.log("away", target=one.target, reason=one.detail)


# --- trying them out -------------------------------------------------------------------


@dataclass(frozen=True)
class Tried(Result):
    """Which targets took a test message."""

    targets: tuple[Sent, ...]

    @property
    def exit_code(self) -> int:
        """6 where one did not."""
        return 0 if all(one.ok for one in self.targets) else 6

    def lines(self) -> Iterator[str]:
        """A line a target."""
        yield from (one.line() for one in self.targets)


def trial(station: Station, targets: Sequence[Target]) -> Tried:
    """Send a test message to each target; no cursor moves."""
    style = style_of(station)
    when = station.now().astimezone(style.zone).strftime("%Y-%m-%d %H:%M")
    body = style.phrase("收到就说明警报能送到这里。", "If you read this, alarms arrive here.")
    message = Message(style.title("测试", "test"), f"{when}\n{body}", 0, critical=False)
    return Tried(tuple(broadcast(targets, message)))


def broadcast(targets: Sequence[Target], message: Message) -> Iterator[Sent]:
    """Send `message` to every target, and tell of each."""
    for target in targets:
        ok = target.send(message)
        detail = "arrived" if ok else target.problem or "not taken: wrong address, or away"
        yield Sent(target.name, target.kind, 0, int(ok), ok=ok, detail=detail)
