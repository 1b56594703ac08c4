"""The audit chain: its events shown, and the proof that it holds."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .errors import IntegrityError
from .ledger.chain import Event
from .ledger.verify import verify
from .ranges import windows
from .result import Result
from .station.station import Station


@dataclass(frozen=True)
class AuditVerified(Result):
    """The chain holds."""

    reads = True

    ok: bool
    events: int
    head: str

    def lines(self) -> Iterator[str]:
        """What holds, the head, and what to compare it with."""
        yield f"{self.events} events: unbroken, signed, and the books agree with them"
        yield f"head {self.head}"
        yield "compare it with the head on the last handoff letter: a cut end shows nowhere here"


def audit_verify(station: Station) -> AuditVerified:
    """Check everything. Raises `IntegrityError` naming the event or row that was changed."""
    found = verify(station.ledger)
    if not found.ok:
        raise IntegrityError(
            f"the audit chain does not hold: {found.problem}",
            *found.hints,
            ok=False,
            events=found.events,
            head=found.head,
        )
    return AuditVerified(ok=True, events=found.events, head=found.head)


@dataclass(frozen=True)
class AuditShown(Result):
    """Events, oldest first."""

    reads = True

    events: tuple[Mapping[str, Any], ...]

    def lines(self) -> Iterator[str]:
        """A line per event."""
        for event in self.events:
            body = event["body"]
            # The facts of an incident are for programs: its detail says the same.
            facts = "  ".join(
                f"{key}={_in_words(key, value)}"
                for key, value in body.items()
                if key != "facts" and value not in (None, {})
            )
            yield f"{event['seq']:>6}  {event['at']}  {event['type']}  {facts[:160]}"


def _in_words(name: str, value: object) -> str:
    """A field of an event; of an order's attributes each, windows in words."""
    if name != "attributes" or not isinstance(value, Mapping):
        return str(value)
    return ", ".join(f"{key}={windows.describe(key, held)}" for key, held in value.items())


def audit_show(station: Station, after: int, limit: int) -> AuditShown:
    """Events after number `after`."""
    with station.ledger.read() as view:
        rows = view.events(after=after, limit=limit)
    return AuditShown(tuple(_event(row) for row in rows))


def _event(row: Event) -> dict[str, Any]:
    try:
        body = json.loads(row.body)
    except (TypeError, ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise IntegrityError(
            f"event {row.seq} was changed: its body can't be read", "see: mintmark audit verify"
        )
    return {**asdict(row), "body": body}
