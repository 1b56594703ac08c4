"""A model of the scans: what a phone is told, and what is remembered. Pure.

Written from section 5 of the document, and importing nothing of the reference backend.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ....codegen import times
from ....codegen.ranges.attributes import PUBLIC, Value
from .expected import ExpectedAnswer, SameInstant
from .steps import DrawnCode

UNKNOWN = ExpectedAnswer(
    members={
        "result": "unknown",
        "scans": 0,
        "first_scan": None,
        "batch": None,
        "serial": None,
        "role": None,
        "attributes": {},
    }
)


@dataclass(frozen=True)
class Seen:
    """A live code as a scan finds it. `name`: its batch's number, which `world` makes an id."""

    batch: int
    serial: int
    role: str
    state: str
    attributes: Mapping[str, Value]


@dataclass
class Phones:
    """Scans so far. `first`: when a code was first counted, once an answer said so.

    `early`: codes scanned before they could be genuine. `unknown`: how often codes were scanned
    that nobody knew; an activation that delivers them takes them out.
    """

    counted: dict[DrawnCode, int] = field(default_factory=dict)
    first: dict[DrawnCode, datetime] = field(default_factory=dict)
    early: set[DrawnCode] = field(default_factory=set)
    unknown: dict[DrawnCode, int] = field(default_factory=dict)
    answered: dict[tuple[DrawnCode, int], ExpectedAnswer] = field(default_factory=dict)

    def copy(self) -> "Phones":
        """Another, that changes by itself."""
        return Phones(
            {**self.counted}, {**self.first}, {*self.early}, {**self.unknown}, {**self.answered}
        )

    def scan(
        self, code: DrawnCode, seen: Seen | None, scan_id: int | None, now: datetime, batch: str
    ) -> ExpectedAnswer:
        """What the phone is told; `seen`: None if no live fingerprint is that of the code."""
        if seen is None:
            self.unknown[code] = self.unknown.get(code, 0) + 1
            return UNKNOWN
        if scan_id is not None and (code, scan_id) in self.answered:
            kept = self.answered[code, scan_id]
            return self._told(kept, code)
        result = verdict(seen, self.counted.get(code, 0), now)
        counts = result in ("genuine", "repeat")
        if counts:
            self.counted[code] = self.counted.get(code, 0) + 1
        elif result != "expired":
            self.early.add(code)
        public = {key: value for key, value in seen.attributes.items() if key in PUBLIC}
        answer = ExpectedAnswer(
            members={
                "result": result,
                "scans": self.counted.get(code, 0),
                "first_scan": SameInstant() if self.counted.get(code) else None,
                "batch": batch,
                "serial": seen.serial,
                "role": seen.role,
                "attributes": public,
            }
        )
        if scan_id is not None and counts:
            self.answered[code, scan_id] = answer
        return self._told(answer, code)

    def _told(self, answer: ExpectedAnswer, code: DrawnCode) -> ExpectedAnswer:
        """`answer` with the moment of the first scan, once that is known."""
        if answer.members["first_scan"] is None:
            return answer
        moment = SameInstant(self.first.get(code))
        return replace(answer, members={**answer.members, "first_scan": moment})

    def delivered(self, codes: Iterable[DrawnCode]) -> None:
        """An activation delivered these: scans of theirs that were unknown came too early."""
        for code in codes:
            if self.unknown.pop(code, 0):
                self.early.add(code)


def verdict(seen: Seen, counted: int, now: datetime) -> str:
    """The result of a scan of a code of which `counted` scans were counted."""
    if seen.state != "active":
        return seen.state
    begins, ends = seen.attributes.get("effective_at"), seen.attributes.get("expires_at")
    if begins and now < times.parse(str(begins)):
        return "not_yet"
    if ends and now >= times.parse(str(ends)):
        return "expired"
    most = seen.attributes.get("max_scans", 1)
    return "genuine" if counted < int(str(most)) else "repeat"
