"""What a reader sees of a carton: its readings, and what they make of it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ...codegen.ranges.aggregation import CodeRef
from ...codegen.scans.reader import ReadingKind

LEVELS = {"carton": 1, "pallet": 2}  # of roles; all others are 0
ABOVE_ALL = 9  # the level of a parent that was named: all that is read lies in it
HELD = 100_000  # places that are kept of an open carton


@dataclass(frozen=True, slots=True)
class Sighting:
    """A reading, and the code of this home that it is. `level`: of the code's role.

    `place`: which of the codes of its message it is, from 1.
    """

    kind: ReadingKind
    code: CodeRef | None = None
    level: int = 0
    line: int = 0
    place: int = 1
    note: str | None = None
    hint: str | None = None


@dataclass(frozen=True)
class Carton:
    """A carton that ended. `fault`: why it is refused; None if it is complete.

    `children`: each once, in the order read. `missing`: its places without a code, from 1.
    `rejects`: texts that are no code of this home. `repeats`, `heartbeats`: how many. `told`: it
    was refused by its label, and answered.
    """

    parent: CodeRef | None
    children: tuple[CodeRef, ...]
    missing: tuple[int, ...] = ()
    rejects: tuple[Sighting, ...] = ()
    repeats: int = 0
    heartbeats: int = 0
    fault: str | None = None
    told: bool = False


def telegrams(seen: Iterable[Sighting]) -> Iterator[list[Sighting]]:
    """The readings of each message: they came at once, in an order that means nothing."""
    some: list[Sighting] = []
    for one in seen:
        if some and one.place == 1:
            yield some
            some = []
        some.append(one)
    if some:
        yield some


@dataclass
class Draft:
    """An open carton. `places`: children and, as None, what was not read, in order.

    `messages`: the number of the message that each place came in; `message`: of the last one.
    """

    parent: CodeRef | None = None
    parent_level: int = 0
    children: dict[CodeRef, int] = field(default_factory=dict)  # with their levels
    places: list[CodeRef | None] = field(default_factory=list)
    rejects: list[Sighting] = field(default_factory=list)
    message: int = 0
    messages: list[int] = field(default_factory=list)
    repeats: int = 0
    heartbeats: int = 0
    told: bool = False

    @property
    def level(self) -> int | None:
        """Where its first child stands."""
        return next(iter(self.children.values()), None)

    @property
    def is_mixed(self) -> bool:
        """Whether bottles lie among cartons, which nobody meant who named no carton."""
        return self.parent_level < ABOVE_ALL and len(set(self.children.values())) > 1

    def add(self, code: CodeRef, level: int) -> None:
        """Take a child in; once."""
        if code in self.children:
            self.repeats += 1
        else:
            self.children[code] = level
            self.append(code)

    def append(self, code: CodeRef | None) -> None:
        """Add a place, of the message that is being read."""
        self.places.append(code)
        self.messages.append(self.message)

    def tears(self, places: int) -> bool:
        """Whether a message holds the last of its first `places`, and the one after it."""
        return places < len(self.places) and self.messages[places - 1] == self.messages[places]

    def cut(self, places: int) -> "Draft":
        """Its first `places` with all that was counted; the others stay.

        Of a message that is torn nobody knows which codes belong to which: all stay with the
        first, and the others are places without a code.
        """
        torn = self.messages[places - 1] if self.tears(places) else None
        end = places
        while end < len(self.places) and self.messages[end] == torn:
            end += 1
        taken = self.places[:end]
        self.places = [*([None] * (end - places)), *self.places[end:]]
        self.messages = self.messages[places:]
        first = {code: self.children.pop(code) for code in taken if code is not None}
        cut = replace(self, children=first, places=taken, messages=[])
        self.parent, self.rejects, self.repeats, self.heartbeats = None, [], 0, 0
        return cut

    def carton(self, fault: str | None) -> Carton:
        """What it is in the end."""
        return Carton(
            self.parent,
            tuple(self.children),
            tuple(n for n, code in enumerate(self.places, 1) if code is None),
            tuple(self.rejects),
            self.repeats,
            self.heartbeats,
            fault,
            self.told,
        )
