"""What an answer must be: a status, or one of some problems, and members, compared by meaning."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ....codegen import times
from ..probe import Answer

_MISSING = object()


class Meaning(Protocol):
    """A member that is not compared as it stands."""

    def fits(self, found: object) -> bool:
        """Whether `found` means this."""
        ...


@dataclass(frozen=True)
class Mismatch:
    """What was expected, and what was found."""

    expected: str
    found: str


@dataclass(frozen=True)
class ExpectedAnswer:
    """`problems`: the names one of which is to come, or empty for a success."""

    status: int = 200
    problems: tuple[str, ...] = ()
    members: Mapping[str, Any] = field(default_factory=dict)

    def difference(self, answer: Answer) -> Mismatch | None:
        """How `answer` differs, or None."""
        if self.problems and answer.problem not in self.problems:
            return Mismatch(f"409 {' or '.join(self.problems)}", str(answer))
        if not self.problems and answer.status != self.status:
            return Mismatch(str(self.status), str(answer))
        data = answer.data if isinstance(answer.data, dict) else {}
        for key, wanted in self.members.items():
            found = data.get(key, _MISSING)
            if not same(wanted, found):
                return Mismatch(f"{key}: {shown(wanted)}", shown(found))
        return None


def same(wanted: object, found: object) -> bool:
    """Whether `found`, read from JSON, means `wanted`."""
    if hasattr(wanted, "fits"):
        meaning: Meaning = wanted
        return meaning.fits(found)
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and wanted.keys() == found.keys()
            and all(same(wanted[key], found[key]) for key in wanted)
        )
    # True is no 1 here.
    return type(wanted) is type(found) and wanted == found


def shown(value: object) -> str:
    """`value` for a line of text, as JSON would have it."""
    if value is _MISSING:
        return "nothing"
    if hasattr(value, "fits"):
        return str(value)

    def other(value: object) -> str:
        return str(value)

    try:
        return json.dumps(value, ensure_ascii=False, default=other)
    except (TypeError, ValueError):
        return type(value).__name__


@dataclass(frozen=True)
class SameInstant:
    """An RFC 3339 time; of that instant, unless `at` is None."""

    at: datetime | None = None

    def fits(self, found: object) -> bool:
        """As `Meaning`."""
        if not isinstance(found, str):
            return False
        try:
            time = times.parse(found)
        except ValueError:
            return False
        return self.at is None or time == self.at

    def __str__(self) -> str:
        return "a time" if self.at is None else self.at.isoformat()


@dataclass(frozen=True)
class FirstOf:
    """A list that begins as `items` do, and has at least one of them."""

    items: tuple[object, ...]

    def fits(self, found: object) -> bool:
        """As `Meaning`."""
        return isinstance(found, list) and bool(found) and found == [*self.items[: len(found)]]

    def __str__(self) -> str:
        return shown([*self.items])
