"""What belongs to codes: the other codes on their items, what they lie in, what lies in them.

For many codes at once: a level of parents is a query per batch, however many codes there are.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from .ledger.records import BatchRow
from .ledger.view import View
from .lookup import Found, standing
from .mint_sscc import sscc_of
from .ranges import serials
from .ranges.aggregation import CodeRanges, CodeRef
from .ranges.attributes import Attributes, Value, to_json
from .ranges.lifecycle import State
from .ranges.serials import Range, Ranges
from .result import to_json as plain

# What a carton or a pallet says of all that lies in it.
_HANDED_DOWN = ("dealer", "region")
RANGES = 1_000


@dataclass(frozen=True, slots=True)
class PairedWith:
    """Another code on the same item."""

    batch: str
    serial: int
    role: str
    state: State


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A code that another lies in: a carton, a pallet."""

    batch: str
    serial: int
    role: str
    sscc: str | None
    state: State
    package: str | None
    attributes: Mapping[str, Value]

    def record(self) -> dict[str, Any]:
        """The JSON object; by hand, for there may be one for each of thousands of codes."""
        return {
            "batch": self.batch,
            "serial": self.serial,
            "role": self.role,
            "sscc": self.sscc,
            "state": self.state.value,
            "package": self.package,
            "attributes": dict(self.attributes),
        }

    def text(self) -> str:
        """For a line of text: in what a code lies."""
        number = f" SSCC {self.sscc}" if self.sscc else ""
        return f"in {self.role} {self.batch}:{self.serial}{number}"


@dataclass(frozen=True, slots=True)
class Holding:
    """What lies in a code, of one batch; what lies in that is not counted.

    `serials`: at most the first `RANGES` ranges; `count` counts all.
    """

    batch: str
    serials: Ranges
    count: int


@dataclass(frozen=True, slots=True)
class CodeRelations:
    """What belongs to a code. `within`: what its item lies in, nearest first.

    `inherited`: dealer and region of the nearest code that it lies in and that has them, as far
    as it has none itself.
    """

    role: str | None = None
    sscc: str | None = None
    pairs: tuple[PairedWith, ...] = ()
    within: tuple[Enclosure, ...] = ()
    holds: tuple[Holding, ...] = ()
    inherited: Mapping[str, Value] = field(default_factory=dict)

    def record(self, known: dict[int, Any]) -> dict[str, Any]:
        """The JSON object. `known`: what codes of one pallet lie in is made once for all.

        It holds only for relations that live as long as it does.
        """
        for place in self.within:
            if id(place) not in known:
                known[id(place)] = place.record()
        return {
            "role": self.role,
            "sscc": self.sscc,
            "pairs": [plain(pair) for pair in self.pairs],
            "within": [known[id(place)] for place in self.within],
            "holds": [plain(held) for held in self.holds],
            "inherited": dict(self.inherited),
        }

    def text(self) -> str:
        """What is added to a line of text, for people."""
        parts = [] if self.role in (None, "item") else [f"role {self.role}"]
        parts += [f"SSCC {self.sscc}"] if self.sscc else []
        parts += [
            f"with {pair.role} {pair.batch}:{pair.serial} ({pair.state.value})"
            for pair in self.pairs
        ]
        parts += [place.text() for place in self.within]
        parts += [f"{key}={value} (of what it lies in)" for key, value in self.inherited.items()]
        parts += [
            f"holds {held.count:,} of batch {held.batch}, serials {serials.describe(held.serials)}"
            for held in self.holds
        ]
        return "".join(f"  {part}" for part in parts)


Own = Mapping[str, Value]  # a code's own attributes


def relations(view: View, found: Mapping[CodeRef, Own]) -> dict[CodeRef, CodeRelations]:
    """What belongs to each of the codes `found`, whose attributes are given."""
    rows = {row.batch: row for row in view.batches()}
    partners = {batch: view.partners(batch) for batch in {ref.batch for ref in found}}
    pairs = {ref: [CodeRef(row.batch, ref.serial) for row in partners[ref.batch]] for ref in found}
    above = _above(view, {*found, *(pair for group in pairs.values() for pair in group)})
    # Of all at once: places are read by the batch.
    others = {*above.values(), *(pair for group in pairs.values() for pair in group)}
    stands = standing(view, others)
    ways: dict[CodeRef, _Way] = {}
    held = _held(view, found)
    made = {}
    for ref, own in found.items():
        row = rows[ref.batch]
        # A line associates an item by one of its codes.
        packed = next((code for code in pairs[ref] if code in above and ref not in above), ref)
        way = _way(packed, above, ways, rows, stands)
        made[ref] = CodeRelations(
            role=_role(own, row),
            sscc=sscc_of(row, ref.serial),
            pairs=tuple(_pair(stands[pair], rows) for pair in pairs[ref]),
            within=way.within,
            holds=held.get(ref, ()),
            inherited={key: value for key, value in way.handed_down.items() if key not in own},
        )
    return made


def _above(view: View, refs: Iterable[CodeRef]) -> dict[CodeRef, CodeRef]:
    """What each of `refs` lies in, what that lies in, and so on."""
    above: dict[CodeRef, CodeRef] = {}
    level, seen = set(refs), set[CodeRef]()
    while level:
        seen |= level
        found = {
            CodeRef(batch, serial): parent
            for batch, numbers in _by_batch(level)
            for serial, parent in view.parents_of(batch, numbers).items()
        }
        above |= found
        level = set(found.values()) - seen
    return above


def _by_batch(refs: Iterable[CodeRef]) -> Iterator[tuple[str, list[int]]]:
    of_batch: defaultdict[str, list[int]] = defaultdict(list)
    for ref in refs:
        of_batch[ref.batch].append(ref.serial)
    for batch, numbers in of_batch.items():
        yield batch, sorted(numbers)


class _Way(NamedTuple):
    """What a code lies in, nearest first, and what that says of all in it."""

    within: tuple[Enclosure, ...] = ()
    handed_down: Mapping[str, Value] = MappingProxyType({})


def _way(
    ref: CodeRef,
    above: Mapping[CodeRef, CodeRef],
    ways: dict[CodeRef, _Way],
    rows: Mapping[str, BatchRow],
    stands: Mapping[CodeRef, Found],
) -> _Way:
    """The way up of `ref`; codes of one carton share it, in `ways`."""
    parent = above.get(ref)
    if parent is None:
        return _Way()
    if parent not in ways:
        ways[parent] = _Way()  # books that were damaged may hold a circle
        place = _enclosure(stands[parent], rows[parent.batch])
        further = _way(parent, above, ways, rows, stands)
        handed_down = further.handed_down
        if place.attributes:
            said = {key: place.attributes[key] for key in _HANDED_DOWN if key in place.attributes}
            handed_down = {**handed_down, **said}
        ways[parent] = _Way((place, *further.within), handed_down)
    return ways[parent]


def _enclosure(found: Found, row: BatchRow) -> Enclosure:
    own = _plain(found.standing.attributes)
    return Enclosure(
        batch=found.batch,
        serial=found.serial,
        role=_role(own, row),
        sscc=sscc_of(row, found.serial),
        state=found.standing.state,
        package=found.standing.package,
        attributes=own,
    )


@lru_cache(maxsize=1_024)
def _plain(attributes: Attributes) -> Own:
    """The same attributes once, however many codes have them."""
    return MappingProxyType(to_json(attributes))


def _pair(found: Found, rows: Mapping[str, BatchRow]) -> PairedWith:
    role = _role(_plain(found.standing.attributes), rows[found.batch])
    return PairedWith(found.batch, found.serial, role, found.standing.state)


def _role(own: Own, row: BatchRow) -> str:
    """What a code is for: the attribute of its range before the role of its batch."""
    return str(own.get("role", row.role))


def _held(view: View, refs: Iterable[CodeRef]) -> dict[CodeRef, tuple[Holding, ...]]:
    """What lies in those of `refs` in which something lies."""
    held: dict[CodeRef, dict[str, list[Range]]] = {}
    for batch, numbers in _by_batch(refs):
        for link in view.held(CodeRanges(batch, serials.of(numbers))):
            held.setdefault(link.parent, {}).setdefault(link.batch, []).append(link.serials)
    return {
        parent: tuple(
            Holding(batch, (joined := serials.union(pieces))[:RANGES], serials.count(joined))
            for batch, pieces in sorted(of_batch.items())
        )
        for parent, of_batch in held.items()
    }
