"""Making up sequences: random, and weighted so that what is worth seeing happens often.

Twelve serials and nine, so that ranges meet. A model goes along, and tells which codes an
action would take, which orders are kept, and what was scanned. The steps follow from the
seed alone.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from ....codegen import times
from .again import repeated
from .at_once import MeetingMaker
from .order_maker import OrderMaker
from .steps import (
    AnyStep,
    AtOnce,
    DrawnCode,
    OrderStep,
    ReadHeadStep,
    ReadOrderStep,
    ReadRangesStep,
    ReadUnknownStep,
    RegisterStep,
    ScanStep,
    UploadStep,
)
from .themes import Theme
from .world import World

BEGINNING = times.parse("2026-01-01T00:00:00Z")
CHANGES = ("quantity", "length", "canonical", "role", "symbols", "pair_of", "home", None)


def sequence(seed: str, theme: Theme, length: int) -> Iterator[AnyStep]:
    """`length` steps about `theme`; the same seed gives the same steps."""
    maker = StepMaker(random.Random(seed), theme)  # noqa: S311 - steps of a test
    yield from maker.opening()
    for _ in range(length):
        yield maker.step()


class StepMaker:
    """Makes step after step, and keeps a model of what they do."""

    def __init__(self, rng: random.Random, theme: Theme) -> None:
        self.rng, self.theme = rng, theme
        self.world = World(BEGINNING, ("A", "B"))
        self._orders = OrderMaker(rng, theme, self.world)
        self._meetings = MeetingMaker(rng, self._orders, self.world)
        self._sent: list[tuple[OrderStep, tuple[str, ...]]] = []
        self._unknown = theme.unknown
        self._makers: Mapping[str, Callable[[], AnyStep | None]] = {
            "order": self._order,
            "again": self._again,
            "read-order": self._read_order,
            "ranges": self._ranges,
            "head": ReadHeadStep,
            "scan": self._scan,
            "unknown": ReadUnknownStep,
            "upload": self._upload,
            "at-once": lambda: self._meetings.meeting(self._batch(), len(self._sent) + 1),
            "register": lambda: RegisterStep(self._batch(), self.rng.choice(CHANGES)),
        }

    def opening(self) -> Iterator[AnyStep]:
        """The uploads with which a run begins."""
        for number, batch in enumerate(self.world.batches):
            size = batch.form.quantity if self.theme.whole else self.rng.randint(2, 7)
            codes = tuple(DrawnCode(number, serial) for serial in range(1, size + 1))
            yield self._done(UploadStep(number, 1, codes))

    def step(self) -> AnyStep:
        """The next step."""
        kinds, weights = zip(*self.theme.steps.items(), strict=True)
        while True:
            made = self._makers[self.rng.choices(kinds, weights)[0]]()
            if made is not None:
                return self._done(made)

    def _done(self, step: AnyStep) -> AnyStep:
        # Of steps at once, the model that goes along takes the first to come first.
        for part in step.steps if isinstance(step, AtOnce) else (step,):
            told = self.world.apply(part)
            if isinstance(part, OrderStep) and told:
                self._sent.append((part, told.problems))
        return step

    # --- kinds ---

    def _batch(self) -> int:
        return int(self.rng.random() < 0.3)

    def _order(self) -> OrderStep:
        return self._orders.order(self._batch(), len(self._sent) + 1)

    def _again(self) -> OrderStep | None:
        return repeated(self.rng, self._sent_before()) if self._sent else None

    def _read_order(self) -> ReadOrderStep:
        if not self._sent or self.rng.random() < 0.1:
            return ReadOrderStep(len(self._sent) + 1)
        return ReadOrderStep(self._sent_before().number)

    def _sent_before(self) -> OrderStep:
        """An order that was sent: first what became of it is drawn, so that rare ends are too."""
        ends = defaultdict(list)
        for step, problems in self._sent:
            ends[problems].append(step)
        return self.rng.choice(ends[self.rng.choice(sorted(ends))][-4:])

    def _ranges(self) -> ReadRangesStep:
        number = self._batch()
        quantity = self.world.batches[number].form.quantity
        return ReadRangesStep(number, self.rng.randint(0, quantity + 1), self.rng.random() < 0.7)

    def _upload(self) -> UploadStep:
        number = self._batch()
        quantity, rng = self.world.batches[number].form.quantity, self.rng
        first = rng.randint(1, quantity)
        last = min(first + rng.randint(0, 5), quantity + (rng.random() < 0.1))
        held = self.world.batches[number].held
        codes = [held(serial) or DrawnCode(number, serial) for serial in range(first, last + 1)]
        free = [at for at in range(len(codes)) if held(first + at) is None]
        at = rng.choice(free if free and rng.random() < 0.6 else range(len(codes)))
        if rng.random() < 0.2:
            codes[at] = DrawnCode(number, first + at, 1)
        elif rng.random() < 0.25:
            codes[at] = self._of_another(number, first + at)
        return UploadStep(number, first, tuple(codes))

    def _of_another(self, number: int, serial: int) -> DrawnCode:
        """A code that is live in another place, as far as there is one."""
        live = [code for batch in self.world.batches for code in batch.live.values()]
        others = [code for code in live if code != self.world.batches[number].held(serial)]
        return self.rng.choice(others) if others else DrawnCode(number, serial, 1)

    def _scan(self) -> ScanStep | None:
        code = self._code()
        if code is None:
            return None
        rng = self.rng
        scan_id = rng.randint(1, 2) if rng.random() < 0.6 else None
        known = self.world.seen(code) is not None
        return ScanStep(code, scan_id, rng.choice((0, 0, 1, 2, 3)) if known else 0)

    def _code(self) -> DrawnCode | None:
        """A code to scan: mostly one that was scanned before, or is live."""
        rng, world = self.rng, self.world
        if self._unknown and rng.random() < 0.15:
            number = self._batch()
            serial = rng.randint(1, world.batches[number].form.quantity)
            code = world.batches[number].held(serial) or DrawnCode(number, serial)
            if world.place(code) is None:
                self._unknown -= 1
                return code
        live = [
            code
            for number, batch in enumerate(world.batches)
            for code in batch.live.values()
            if code.batch == number
        ]
        again = [code for code in live if code in world.phones.counted]
        if again and rng.random() < 0.5:
            return rng.choice(again)
        return rng.choice(live) if live else None
