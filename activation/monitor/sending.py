"""`alarms send`: alarms of the audit chain go to each target, from its cursor on.

1. Take the lock: one process sends at a time. Book what is late (`late`).
2. For each recipient, those last that did not answer before, message by message:
   a. Keep in its cursor that a message is under way.
   b. Send the message.
   c. Move the cursor behind the message, or keep that none is under way. If there was no answer,
      the cursor moves too, and keeps which alarms those were.
   d. If it is time, or the channel answers now, send alarms that had no answer once more.
3. Once a day: doctor (`examine`). It comes after 2, for it may read every byte of the vault,
   and a leak must not wait for that.
4. Each target again, for alarms that doctor and others have booked meanwhile.

No alarm is lost: a cursor moves only once its target took the message, or had it and did not
answer. b and c cannot be a single act; if the process is killed between them, the message is
sent again, says that it may be a repeat, and its alarms have the same numbers. A message
without an answer is repeated too, and says so; but not for ever (`cursor.WAITS`), and new
alarms do not wait for it.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ...codegen.errors import Refused
from ...codegen.finding import Check
from ...codegen.ledger.view import View
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..delivery.delivery_lock import delivery_lock
from .alarms import Alarm, Style, alarm, messages
from .cursor import Cursor, Marks, Unanswered, keep, load, settled
from .examine import examine
from .late import tried_late
from .notify import Target

MAX_BACKLOG = 10_000  # alarms that a target gets at a time; the next round sends the rest
PAGE = 1_000
SLOW_SECONDS = 60.0  # that a target's recipients may fail for, in a round
_LATER = "not tried: its other recipients took too long; sent later"
LOCK = "alarms"  # beside the locks of the batches; no batch's id is a word


@dataclass(frozen=True)
class SentAlarm:
    """How many alarms and messages a target took.

    `recipient`: of several in its URL, which one, as `2/3`. `detail`: what went wrong, or that
    it is new.
    """

    target: str
    kind: str | None
    alarms: int = 0
    messages: int = 0
    ok: bool = True
    detail: str | None = None
    recipient: str | None = None

    @property
    def who(self) -> str:
        """The target, and which of its recipients."""
        return f"{self.target} {self.recipient}" if self.recipient else self.target

    def line(self) -> str:
        """One line for people."""
        text = self.detail or (f"alarms: {self.alarms}" if self.alarms else "nothing new")
        return f"{'ok' if self.ok else 'FAILED':<6}  {self.who}  ({self.kind or '-'})  {text}"


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
    late: bool = True,
) -> SendResult:
    """Send each target the alarms behind its cursor; a target that is down hinders no other.

    A target never seen before begins at the chain's end. `skip` is true for a target, as
    `SentAlarm.who` has it, that is not to be tried now; `late`: what is late is
    booked. Raises `Refused` while another process sends, `IntegrityError`.
    """
    with delivery_lock(station.home / "work", LOCK) as mine:  # 1
        if not mine:
            raise Refused("another process is sending alarms", "let it finish")
        kept = load(station.home)
        begin = _head(station)
        if late:
            tried_late(station)  # a new target gets what is booked now
        head = _head(station)
        named = [(target.name, target.key, target.channel is not None) for target in targets]
        round_ = _Round(station, replace(kept, targets=settled(kept.targets, named)), begin, head)
        known = round_.marks.targets  # the others are to be told where they begin
        tried = [item for item in targets if item.key not in known or not skip(item.who)]
        done = list(round_.each(tried))  # 2
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
        done.sort(key=lambda pair: tried.index(pair[0]))
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

    def slow(self, target: Target) -> bool:
        """Whether it did not answer before: then others come first."""
        cursor = self.marks.targets.get(target.key)
        return cursor is not None and cursor.unanswered is not None

    def each(self, targets: Sequence[Target]) -> Iterator[tuple[Target, SentAlarm]]:
        """Serve each of `targets`, the slow ones last.

        A name may stand for hundreds of recipients behind one dead server. So after a failure all
        others come before them, and after `SLOW_SECONDS` of failures they wait for a later
        round, in an order by chance: the same ones should not wait each time.
        """
        left, lost = sorted(targets, key=self.slow), defaultdict[str, float](float)
        while left:
            target = left.pop(0)
            known = target.key in self.marks.targets
            if known and lost[target.name] > SLOW_SECONDS:
                yield target, replace(_blank(target), ok=False, detail=_LATER)
                continue
            begun = time.monotonic()
            sent = self.serve(target)
            yield target, sent
            if not sent.ok:
                lost[target.name] += time.monotonic() - begun
                mine = [other for other in left if other.name == target.name]
                random.shuffle(mine)
                left = [other for other in left if other.name != target.name] + mine

    def serve(self, target: Target) -> SentAlarm:
        """Send `target` the alarms it does not have yet."""
        blank = _blank(target)
        if target.channel is None:
            names = {key.partition("#")[0] for key in self.marks.targets}
            if target.name not in names:
                self._mark(target, Cursor(self.begin))
            return replace(blank, ok=False, detail=target.problem)
        found = self.marks.targets.get(target.key)
        cursor = found or Cursor(self.begin)
        # A ledger that was restored from a copy may be shorter than the one that was read.
        cursor = replace(cursor, seq=min(cursor.seq, self.head))
        waiting = self._waiting(cursor.seq)
        if waiting:
            sent = self._send(target, cursor, waiting, blank)
        else:
            if found is None or cursor != found or self.head - cursor.seq > PAGE:
                self._mark(target, replace(cursor, seq=self.head, under_way=False))
            new = None if found else f"new: told of what happens after event #{self.head}"
            sent = replace(blank, detail=new)
        pending = self.marks.targets[target.key].unanswered
        return self._again(target, pending, sent) if sent.ok and pending else sent

    def _send(
        self, target: Target, cursor: Cursor, waiting: Sequence[Alarm], sent: SentAlarm
    ) -> SentAlarm:
        style, again = style_of(self.station), waiting[0].seq if cursor.under_way else 0
        for message in messages(waiting, style, again=again):
            self._keep(target, replace(cursor, under_way=True))  # 2a
            self.station.failpoint("sending")
            outcome = target.send(message)  # 2b
            if not outcome.arrived and not outcome.perhaps:
                self._keep(target, cursor)  # 2c: what a kill left in doubt stays in doubt
                wait = f"{outcome.words}; {len(waiting) - sent.alarms} alarms wait"
                return replace(sent, ok=False, detail=wait)
            self.station.failpoint("sent")
            pending = cursor.unanswered
            if outcome.perhaps:
                now, through = self.station.now(), message.through
                one = Unanswered(cursor.seq, through, 1, now, cursor.seq)
                pending = pending.joined(cursor.seq, through, now) if pending else one
            cursor = Cursor(message.through, unanswered=pending)
            self._keep(target, cursor)  # 2c
            if outcome.perhaps:
                return replace(sent, ok=False, detail=f"{outcome.words}; perhaps it arrived")
            taken = sum(item.seq <= message.through for item in waiting)
            sent = replace(sent, alarms=taken, messages=sent.messages + 1)
        return sent

    def _again(self, target: Target, pending: Unanswered, sent: SentAlarm) -> SentAlarm:
        """2d. A refusal is no try: then it is known that the message did not arrive."""
        now = self.station.now()
        if not pending.due(now) and not sent.messages:
            return replace(sent, ok=False, detail=_told(pending))
        cursor = self.marks.targets[target.key]
        # It answers: then it gets also what was sent too often.
        after = pending.first if sent.messages else pending.after
        alarms = [item for item in self._waiting(after) if item.seq <= pending.through]
        tried = replace(pending, tries=pending.tries + 1, at=now)
        for message in messages(alarms, style_of(self.station), again=pending.through):
            self._keep(target, replace(cursor, unanswered=tried))
            self.station.failpoint("sending")
            outcome = target.send(message)
            if not outcome.arrived:
                left = tried if outcome.perhaps else replace(tried, tries=pending.tries, at=now)
                spent = outcome.perhaps and pending.spent
                self._keep(target, replace(cursor, unanswered=None if spent else left))
                return replace(sent, ok=False, detail=f"{outcome.words}; {_told(left)}")
            tried = replace(tried, after=max(tried.after, message.through))
            if after == pending.first:
                tried = replace(tried, first=message.through)
            sent = replace(sent, messages=sent.messages + 1)
        sent = replace(sent, alarms=sent.alarms + len(alarms))
        if pending.first < after and sent.messages:
            return self._again(target, replace(pending, through=pending.after), sent)
        self._keep(target, replace(cursor, unanswered=None))
        return sent

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
        self.marks = replace(self.marks, targets={**self.marks.targets, target.key: cursor})

    def _keep(self, target: Target, cursor: Cursor) -> None:
        self._mark(target, cursor)
        keep(self.station.home, self.marks)


def _blank(target: Target) -> SentAlarm:
    return SentAlarm(target.name, target.kind, recipient=target.place or None)


def _told(pending: Unanswered) -> str:
    later = "look whether they arrived" if pending.spent else "sent again later"
    return f"alarms up to #{pending.through}: {pending.tries} x sent, no answer; {later}"


def _head(station: Station) -> int:
    with station.ledger.read() as view:
        return view.head()[0]


def _batch_of(view: View) -> Callable[[str], str]:
    return lambda order: view.order(order).batch


def style_of(station: Station) -> Style:
    """How this home's messages are written."""
    config = station.config
    return Style(config.alarm_language, config.time_zone, config.home_id)
