"""A message to every target at once, outside the audit chain: a test, the day's report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...codegen.result import Result
from ...codegen.station.station import Station
from .alarms import Message
from .notify import Target
from .sending import SentAlarm, style_of


@dataclass(frozen=True)
class Tried(Result):
    """Which targets took a test message."""

    targets: tuple[SentAlarm, ...]

    @property
    def exit_code(self) -> int:
        """6 if a target did not."""
        return 0 if all(target.ok for target in self.targets) else 6

    def lines(self) -> Iterator[str]:
        """One line per target."""
        yield from (target.line() for target in self.targets)


def trial(station: Station, targets: Sequence[Target]) -> Tried:
    """Send a test message to each target; no cursor moves."""
    style = style_of(station)
    when = station.now().astimezone(style.zone).strftime("%Y-%m-%d %H:%M")
    body = style.phrase("收到就说明警报能送到这里。", "If you read this, alarms arrive here.")
    message = Message(style.title("测试", "test"), f"{when}\n{body}", 0, critical=False)
    return Tried(tuple(broadcast(targets, message)))


def broadcast(targets: Sequence[Target], message: Message) -> Iterator[SentAlarm]:
    """Send `message` to every target; no cursor moves."""
    for target in targets:
        outcome = target.send(message)
        yield SentAlarm(
            target.name,
            target.kind,
            0,
            int(outcome.arrived),
            ok=outcome.arrived,
            detail=target.problem or outcome.words,
            recipient=target.place or None,
        )
