"""Making up orders: mostly such as would be taken, and often such as just would not."""

import random
from collections.abc import Sequence

from ....codegen.ranges import serials as of_serials
from ....codegen.ranges.attributes import Value
from ....codegen.ranges.lifecycle import RULES, Action, Reason, State, live, to_api_state
from .steps import PLAIN, OrderStep, Pair, Patch, Spelling, StepTime
from .themes import Theme
from .world import World

ACTIONS = {
    "activate": 6,
    "void": 4,
    "freeze": 3,
    "unfreeze": 3,
    "revoke": 3,
    "unvoid": 3,
    "assign": 3,
}
VALUES: dict[str, Sequence[Value]] = {
    "lot": ("L1", "l1", " L1 "),
    "product": ("茶 500 mL", 'a "tea"', "Tea"),
    "dealer": ("D1", "D2"),
    "line": ("7", "7", "七" * 341),  # 1,023 bytes; 1,024 are allowed
    "region": ("CN-33",),
    "campaign": ("spring",),
    "max_scans": (1, 2, 3),
    "role": ("guide", "inner"),
    "native.shift": ("night", "day"),
    "activity.prize_2": ("cup",),
}
# Far enough from now that no clock is so wrong, and near enough for a forgotten offset to show.
MINUTES = (-90, -45, 45, 90)
OFFSETS = (0, 0, 480, -300, 330, 60, -60)
STATES = ("inactive", "active", "frozen", "void")


def spelling(rng: random.Random) -> Spelling:
    """A way to write an order down."""
    full, turned, split = (rng.random() < share for share in (0.5, 0.5, 0.3))
    return Spelling(full, turned, split, rng.choice((0, 60, -120)))


def patch(rng: random.Random) -> Patch:
    """Some attributes, some of them null."""
    keys = rng.sample(sorted(VALUES), rng.randint(1, 3))
    return tuple((key, None if rng.random() < 0.25 else rng.choice(VALUES[key])) for key in keys)


def moment(rng: random.Random, minutes: Sequence[int] = MINUTES) -> StepTime:
    """A time before or after now, with some offset."""
    return StepTime(rng.choice(minutes), rng.choice(OFFSETS))


class OrderMaker:
    """Makes orders for where the codes of `world` stand."""

    def __init__(self, rng: random.Random, theme: Theme, world: World) -> None:
        self._rng, self._theme, self._world = rng, theme, world

    def order(self, batch: int, number: int) -> OrderStep:
        """An order that was not there before."""
        rng, theme = self._rng, self._theme
        action = self._action(batch)
        skip = rng.random() < 0.3
        serials = self._serials(batch, action, skip=skip)
        attributes = patch(rng) if rng.random() < theme.attributes or action == "assign" else ()
        begins = moment(rng) if rng.random() < theme.times / 2 else None
        ends = moment(rng) if rng.random() < theme.times else None
        if rng.random() < theme.times / 3 and not begins:
            attributes = (*attributes, ("effective_at", None))
        if rng.random() < theme.times / 3 and not ends:
            attributes = (*attributes, ("expires_at", None))
        return OrderStep(
            number,
            batch,
            action,
            serials,
            skip,
            self._count(batch, action, serials, skip=skip),
            self._from(batch, serials),
            attributes,
            begins,
            ends,
            self._reason(action),
            rng.random() < theme.dry,
            number if rng.random() < 0.3 else None,
            spelling(rng) if rng.random() < 0.3 else PLAIN,
        )

    def _action(self, batch: int) -> str:
        """An action, rather one that some code would take, and a code that was scanned."""
        weights = {**ACTIONS, **self._theme.actions}
        choosy = self._theme.scans and self._rng.random() < 0.5
        for _ in range(5 if choosy else 3):
            action = self._rng.choices([*weights], [*weights.values()])[0]
            allowed = self._allowed(batch, action, skip=False)
            if any(not choosy or self._is_scanned(batch, serial) for serial in allowed):
                break
        return action

    def _serials(self, batch: int, action: str, *, skip: bool) -> tuple[Pair, ...]:
        rng, quantity = self._rng, self._world.batches[batch].form.quantity
        allowed = self._allowed(batch, action, skip=skip)
        chance = rng.random()
        if chance < 0.04:
            return (rng.randint(1, 3), rng.randint(4, 6)), (quantity, quantity + rng.randint(1, 3))
        known = [s for s in allowed if self._is_scanned(batch, s)]
        if known and chance < 0.4:
            return self._around(rng.choice(known), allowed)
        if allowed and chance < 0.78:
            return self._some(allowed)
        others = self._others(batch, action, allowed)
        if allowed and others and chance < 0.93:
            # Most of it could be done, and one code of it could not.
            return self._some([*allowed, rng.choice(others)], whole=True)
        return self._some([*range(1, quantity + 1)])

    def _is_scanned(self, batch: int, serial: int) -> bool:
        phones = self._world.phones
        code = self._world.batches[batch].held(serial)
        return code in phones.counted or code in phones.early or code in phones.unknown

    def _around(self, serial: int, allowed: Sequence[int]) -> tuple[Pair, ...]:
        """A range with a code that was scanned."""
        run = next(run for run in of_serials.of(allowed) if run.first <= serial <= run.last)
        before, after = self._rng.randint(0, 2), self._rng.randint(0, 2)
        return ((max(run.first, serial - before), min(run.last, serial + after)),)

    def _others(self, batch: int, action: str, allowed: Sequence[int]) -> list[int]:
        """Codes that would be in the way; of an activation, rather those without a fingerprint."""
        books = self._world.batches[batch]
        others = [s for s in range(1, books.form.quantity + 1) if s not in allowed]
        bare = [s for s in others if books.standing(s).state in RULES[Action(action)]]
        return bare if bare and self._rng.random() < 0.5 else others

    def _allowed(self, batch: int, action: str, *, skip: bool) -> list[int]:
        books = self._world.batches[batch]
        found = []
        for serial in range(1, books.form.quantity + 1):
            state = books.standing(serial).state
            ready = action != "activate" or books.held(serial) is not None
            if (state in RULES[Action(action)] and ready) or (skip and state is State.VOID):
                found.append(serial)
        return found

    def _some(self, serials: Sequence[int], *, whole: bool = False) -> tuple[Pair, ...]:
        """One to three ranges of `serials`; `whole`: none left out but at the beginning."""
        rng = self._rng
        runs = of_serials.of(serials)
        chosen = runs if whole else rng.sample(runs, min(len(runs), rng.randint(1, 3)))
        pairs = []
        for run in sorted(chosen):
            first, last = run.first, run.last
            if not whole or len(run) > 1:
                first = rng.randint(first, last) if rng.random() < 0.6 else first
                last = rng.randint(first, last) if rng.random() < 0.6 else last
            pairs.append((first, last))
            if not whole and last + 2 <= run.last and rng.random() < 0.4:
                pairs.append((rng.randint(last + 2, run.last), run.last))
        return tuple(pairs)

    def _count(self, batch: int, action: str, serials: Sequence[Pair], *, skip: bool) -> int | None:
        rng, books = self._rng, self._world.batches[batch]
        named = [s for first, last in serials for s in range(first, last + 1)]
        inside = [s for s in named if s <= books.form.quantity]
        void = [s for s in inside if books.standing(s).state is State.VOID]
        right = len(named) - (len(void) if skip and action != "unvoid" else 0)
        alive = action == "void" and any(live(books.standing(s)) for s in inside)
        chance = rng.random()
        if chance < (0.58 if alive else 0.25):
            return right
        if chance < (0.65 if alive else 0.32):
            return rng.choice((0, right + 1, max(right - 1, 0), len(named)))
        return None

    def _from(self, batch: int, serials: Sequence[Pair]) -> str | None:
        chance = self._rng.random()
        if chance < 0.14:
            books = self._world.batches[batch]
            return to_api_state(books.standing(serials[0][0]).state).value
        return self._rng.choice(STATES) if chance < 0.19 else None

    def _reason(self, action: str) -> str | None:
        rng = self._rng
        if action == "void":
            return rng.choice([*Reason]).value if rng.random() < 0.8 else None
        return "found again" if rng.random() < 0.05 else None
