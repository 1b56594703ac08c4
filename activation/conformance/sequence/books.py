"""A model of one batch at a backend: what orders and uploads make of it. Pure.

States, tiles and attributes are the algebra of `codegen.ranges`, which ledger and reference
backend share. What an order is refused for, and in which order, is written from the document:

1. codes in the way, for all ranges of the order: the state, or another state than `from`;
2. live codes to be voided without a count, if nothing else is in the way;
3. another number of codes than `count`;
4. a fingerprint that is missing, or belongs to another code.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ....codegen.ranges import serials as of_serials
from ....codegen.ranges.attributes import VALIDITY, Value
from ....codegen.ranges.lifecycle import (
    Action,
    Standing,
    State,
    live,
    passed_over,
    step,
    to_api_state,
)
from ....codegen.ranges.serials import Range
from ....codegen.ranges.tiling import Blocked, Stuck, Tile, join, rewrite, select
from .expected import ExpectedAnswer, FirstOf
from .steps import DrawnCode, OrderStep, RunForm, UploadStep

FRESH = Standing(State.PACKAGED)


def refused(*names: str, **members: object) -> ExpectedAnswer:
    """A refusal by one of these names."""
    return ExpectedAnswer(409, names, members)


@dataclass
class Applied:
    """What an order did to a batch: the serials it touched and passed over."""

    touched: of_serials.Ranges
    passed: of_serials.Ranges


@dataclass
class BatchBooks:
    """One batch. `pending`, `live`: serial → the code whose fingerprint is held for it."""

    form: RunForm
    tiles: list[Tile[Standing]] = field(default_factory=list)
    pending: dict[int, DrawnCode] = field(default_factory=dict)
    live: dict[int, DrawnCode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.tiles:
            self.tiles = [Tile(Range(1, self.form.quantity), FRESH)]

    def copy(self) -> "BatchBooks":
        """Another, that changes by itself."""
        return BatchBooks(self.form, [*self.tiles], {**self.pending}, {**self.live})

    def standing(self, serial: int) -> Standing:
        """The standing of a serial."""
        (tile,) = select(self.tiles, [Range(serial, serial)])
        return tile.value

    def upload(self, given: UploadStep) -> ExpectedAnswer:
        """Keep fingerprints, all of them or none."""
        codes = dict(enumerate(given.codes, given.first))
        if max(codes) > self.form.quantity:
            return refused("outside")
        for serial, code in codes.items():
            if self.held(serial) not in (None, code):
                return refused("fingerprints-differ")
        self.pending |= {serial: code for serial, code in codes.items() if serial not in self.live}
        return ExpectedAnswer(204)

    def held(self, serial: int) -> DrawnCode | None:
        """The code whose fingerprint is held for a serial."""
        return self.live.get(serial) or self.pending.get(serial)

    def order(
        self, given: OrderStep, patch: dict[str, Value], elsewhere: set[DrawnCode]
    ) -> ExpectedAnswer | Applied:
        """Apply an order whose serials exist, or say its refusal; then nothing has changed.

        `elsewhere`: the codes that are live in other batches.
        """
        ranges = given.ranges()
        guard = _Guard(given, patch)
        parts = list(select(self.tiles, ranges))
        passed = of_serials.join(part.serials for part in parts if guard.passes(part.value))
        touched = of_serials.join(part.serials for part in parts if not guard.passes(part.value))
        try:
            tiles = rewrite(self.tiles, ranges, guard.change)
        except Blocked as blocked:
            return _in_the_way(blocked, guard)
        number = of_serials.count(touched)
        if given.count is not None and given.count != number:
            return refused("count-differs", count=given.count, would_touch=number)
        if given.action == Action.ACTIVATE:
            problem = self._enlivened(touched, elsewhere)
            if problem:
                return problem
        self.tiles = tiles
        return Applied(touched, passed)

    def _enlivened(
        self, touched: of_serials.Ranges, elsewhere: set[DrawnCode]
    ) -> ExpectedAnswer | None:
        """Make the fingerprints of these serials live, all of them or none."""
        known = {**self.live}
        for serial in each(touched):
            code = self.held(serial)
            if code is None:
                return refused("fingerprints-missing", serial=serial)
            if code in elsewhere or code in {c for s, c in known.items() if s != serial}:
                return refused("fingerprints-taken", serial=serial)
            known[serial] = code
        self.live = known
        return None


@dataclass
class _Guard:
    """The guards of an order, asked standing by standing."""

    given: OrderStep
    patch: dict[str, Value]

    def passes(self, standing: Standing) -> bool:
        return self.given.skip and passed_over(standing.state, Action(self.given.action))

    def elsewhere(self, standing: Standing) -> bool:
        wanted = self.given.from_state
        return wanted is not None and to_api_state(standing.state) != wanted

    def needs_count(self, standing: Standing) -> bool:
        given = self.given
        return given.action == Action.VOID and given.count is None and live(standing)

    def change(self, standing: Standing) -> Standing:
        """The standing afterwards. Raises `Stuck`."""
        if self.passes(standing):
            return standing
        if self.elsewhere(standing) or self.needs_count(standing):
            raise Stuck
        given = self.given
        return step(standing, Action(given.action), attributes=self.patch, reason=given.reason)


def _in_the_way(blocked: Blocked, guard: _Guard) -> ExpectedAnswer:
    standings = [tile.value for tile in blocked.tiles if isinstance(tile.value, Standing)]
    states = [
        Tile(tile.serials, to_api_state(standing.state).value)
        for tile, standing in zip(blocked.tiles, standings, strict=True)
    ]
    listed = [{"serials": tile.serials.pair(), "state": tile.value} for tile in join(states)]
    by_count = all(guard.needs_count(s) and not guard.elsewhere(s) for s in standings)
    name = "count-required" if by_count else "blocked"
    return refused(name, blocked=FirstOf(tuple(listed)), blocked_total=len(listed))


def patch_of(given: OrderStep, texts: dict[str, str | None]) -> dict[str, Value]:
    """Attributes and validity as one patch; `texts`: the order's times as text."""
    patch = dict(given.attributes)
    return patch | {key: texts[key] for key in VALIDITY if texts[key] is not None}


def each(ranges: of_serials.Ranges | list[Range]) -> Iterator[int]:
    """Every serial of `ranges`."""
    return (serial for piece in ranges for serial in range(piece.first, piece.last + 1))
