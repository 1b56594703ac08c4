"""`alarms send` as a service: round after round."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...codegen.errors import MintmarkError
from ...codegen.finding import Check
from ...codegen.station.station import Station
from ..backoff import wait
from .notify import Target
from .sending import SendResult, SentAlarm, send

POLL = timedelta(seconds=5)
LATE = timedelta(minutes=1)  # between two looks for what is late: each may read the whole chain


@dataclass
class Watch:
    """`alarms send --watch`: rounds until it is stopped. A dead target is tried less often.

    `targets` opens the targets anew for each round: a file that holds a URL may appear, or
    change.
    """

    station: Station
    targets: Callable[[], Sequence[Target]]
    checks: tuple[Check, ...]
    wait: Callable[[float], None]
    stopped: Callable[[], bool]
    log: Callable[..., None]
    _hindrance: str = ""
    _failures: dict[str, int] = field(default_factory=dict)
    _next: dict[str, datetime] = field(default_factory=dict)
    _looked: datetime | None = None

    def run(self) -> SendResult:
        """Send until `stopped`. The result is empty: the log has everything."""
        self.log("started", targets=len(self.targets()))
        while not self.stopped():
            try:
                late = self._to_look()
                done = send(
                    self.station, self.targets(), self.checks, skip=self._resting, late=late
                )
                for target in done.targets:
                    self._note(target)
                self._hindrance = ""
            except (MintmarkError, OSError) as error:
                # A locked ledger, a full disk: a later round succeeds.
                self._hinder(getattr(error, "message", type(error).__name__))
            self.wait(POLL.total_seconds())
        self.log("stopped")
        return SendResult((), examined=False)

    def _to_look(self) -> bool:
        """Whether it is time to look for what is late; also after a clock was set back."""
        now, last = self.station.now(), self._looked
        if last is not None and timedelta(0) <= now - last < LATE:
            return False
        self._looked = now
        return True

    def _hinder(self, error: str) -> None:
        """Once for each hindrance: a damaged file hinders every round until it is mended."""
        if error != self._hindrance:
            self.log("hindered", error=error)
        self._hindrance = error

    def _resting(self, who: str) -> bool:
        due = self._next.get(who)
        return due is not None and timedelta(0) < due - self.station.now() <= timedelta(hours=1)

    def _note(self, sent: SentAlarm) -> None:
        if sent.ok:
            if self._failures.pop(sent.who, 0) or sent.messages:
                self.log("sent", target=sent.who, alarms=sent.alarms)
            self._next.pop(sent.who, None)
            return
        count = self._failures[sent.who] = self._failures.get(sent.who, 0) + 1
        self._next[sent.who] = self.station.now() + wait(count, 1.0)
        if count == 1:
            self.log("away", target=sent.who, reason=sent.detail)
