"""How far each recipient got: `alarms.json` in the home, replaced as a whole.

It follows the audit chain. If it is lost, targets begin at the chain's end again, and the
result of the command says so. A cursor stands under its target's name, or under the name, `#`
and a digest of the recipient where a URL has recipients.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from ...codegen import notes, times
from ...codegen.errors import IntegrityError
from ...codegen.result import to_json

NAME = "alarms.json"
_BYTES = 64_000_000  # doctor may name each of many batches
_NUMBERS = ("after", "through", "tries", "first")
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
_MOST = 2**63 - 1  # the largest number that the ledger can have
# After the first, second, ... time that a message had no answer. Then it is not sent again of
# itself: a channel that takes a day's repeats and never answers has it, or never will.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 10, 60, 360, 1440))


@dataclass(frozen=True)
class Unanswered:
    """Alarms behind event `after`, up to `through`: sent `tries` times, last `at`; no answer.

    Those behind `first` had none either, and were sent too often to be sent again of themselves.
    """

    after: int
    through: int
    tries: int
    at: datetime
    first: int

    @property
    def spent(self) -> bool:
        """Whether it was sent as often as it is sent of itself."""
        return self.tries > len(WAITS)

    def due(self, now: datetime) -> bool:
        """Whether it is to be sent again: also after a clock was set back."""
        return not self.spent and not timedelta(0) <= now - self.at < WAITS[self.tries - 1]

    def joined(self, after: int, through: int, now: datetime) -> "Unanswered":
        """Another message had no answer. What was sent too often waits for any answer."""
        if self.spent:
            return Unanswered(after, through, 1, now, self.first)
        return replace(
            self, after=min(self.after, after), through=max(self.through, through), at=now
        )


@dataclass(frozen=True)
class Cursor:
    """Every alarm up to event `seq` was sent. `under_way`: a message was begun, not ended."""

    seq: int
    under_way: bool = False
    unanswered: Unanswered | None = None

    @property
    def known(self) -> int:
        """Every alarm up to that event arrived."""
        return self.unanswered.first if self.unanswered else self.seq


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
            str(name): Cursor(
                _whole(cursor["seq"]),
                cursor["under_way"] is True,
                _unanswered(cursor.get("unanswered")),
            )
            for name, cursor in kept["targets"].items()
        }
        seen = kept["examined"]
        return Marks(targets, None if seen is None else _examined(seen))
    except FileNotFoundError:
        return Marks()
    except (IsADirectoryError, *_DAMAGE):
        # Beginning at the chain's end without a word would lose alarms.
        raise IntegrityError(
            f"{home / NAME} is damaged: it says which alarms were sent",
            "look for alarms by hand (mintmark audit show), then remove the file",
        ) from None


def settled(
    kept: Mapping[str, Cursor], targets: Sequence[tuple[str, str, bool]]
) -> dict[str, Cursor]:
    """The cursors for `targets`: name, key, and whether it could be opened.

    A recipient without a cursor begins at the lowest of those that its target names no longer:
    an address that was mistyped and corrected gets what waited. So does each recipient of a target
    whose cursor an older version kept under its name alone. A target that cannot be opened
    keeps what it has. The others begin at the chain's end.
    """
    found: dict[str, Cursor] = {}
    keys = {key for _, key, _ in targets}
    for name, key, opened in targets:
        mine = {text: cursor for text, cursor in kept.items() if text.partition("#")[0] == name}
        if not opened:
            found |= mine
        elif key in mine:
            found[key] = mine[key]
        elif left := [cursor for text, cursor in mine.items() if text not in keys]:
            doubt = any(cursor.under_way or cursor.unanswered for cursor in left)
            found[key] = Cursor(min(cursor.known for cursor in left), doubt)
    return found


def keep(home: Path, marks: Marks) -> None:
    """Keep `marks`, durably."""
    notes.write(home / NAME, to_json(asdict(marks)))


def _examined(seen: Mapping[str, object]) -> Examined:
    errors = seen["errors"]
    if not isinstance(errors, list):
        raise TypeError("errors are a list")
    return Examined(times.parse(str(seen["at"])), _whole(seen["seq"]), tuple(map(str, errors)))


def _unanswered(seen: Mapping[str, object] | None) -> Unanswered | None:
    if seen is None:
        return None
    numbers = {"first": seen["after"], **seen}  # an older version had no `first`
    after, through, tries, first = (_whole(numbers[key]) for key in _NUMBERS)
    return Unanswered(after, through, max(tries, 1), times.parse(str(seen["at"])), first)


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError("not a number of an event")
    return value
