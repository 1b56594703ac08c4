"""How far each target got: `alarms.json` in the home, replaced as a whole.

It follows the audit chain. If it is lost, targets begin at the chain's end again, and the
result of the command says so.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from ...codegen import notes, times
from ...codegen.errors import IntegrityError
from ...codegen.result import to_json

NAME = "alarms.json"
_BYTES = 1_000_000


@dataclass(frozen=True)
class Cursor:
    """Every alarm up to event `seq` was sent. `under_way`: a message was begun, not ended."""

    seq: int
    under_way: bool = False


@dataclass(frozen=True)
class Examined:
    """When doctor last ran, the chain's head before, and the errors it found."""

    at: datetime
    seq: int
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Marks:
    """The content of the file."""

    targets: Mapping[str, Cursor] = field(default_factory=dict)
    examined: Examined | None = None


def load(home: Path) -> Marks:
    """The marks that were kept. Raises `IntegrityError` for a damaged file."""
    try:
        kept = notes.read(home / NAME, _BYTES, {"targets", "examined"})
        targets = {
            str(name): Cursor(_whole(cursor["seq"]), cursor["under_way"] is True)
            for name, cursor in kept["targets"].items()
        }
        seen = kept["examined"]
        return Marks(targets, None if seen is None else _examined(seen))
    except FileNotFoundError:
        return Marks()
    except (ValueError, KeyError, TypeError, AttributeError):
        # Beginning at the chain's end without a word would lose alarms.
        raise IntegrityError(
            f"{home / NAME} is damaged: it says which alarms were sent",
            "look for alarms by hand (mintmark audit show), then remove the file",
        ) from None


def keep(home: Path, marks: Marks) -> None:
    """Keep `marks`, durably."""
    notes.write(home / NAME, to_json(asdict(marks)))


def _examined(seen: Mapping[str, object]) -> Examined:
    errors = seen["errors"]
    if not isinstance(errors, list):
        raise TypeError("errors are a list")
    return Examined(times.parse(str(seen["at"])), _whole(seen["seq"]), tuple(map(str, errors)))


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a number of an event")
    return value
