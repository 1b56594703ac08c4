"""From a long sequence that fails to a short one (Zeller and Hildebrandt, 2002: ddmin).

Each attempt plays in batches of its own, and costs requests, so their number is bounded: the
result fails, and need not be the shortest. Pure but for `fails`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from .steps import (
    FORMS,
    PLAIN,
    AnyStep,
    AtOnce,
    OrderStep,
    ReadRangesStep,
    ScanStep,
    Single,
    UploadStep,
)
from .world import World

Steps = tuple[AnyStep, ...]


class Shrinker:
    """`fails` plays steps, and gives those up to the first difference, or None if there is none.

    `budget`: how many steps may be played, all attempts together.
    """

    def __init__(self, fails: Callable[[Steps], Steps | None], budget: int) -> None:
        self._fails, self._budget = fails, budget
        self._tried: set[Steps] = set()

    def shortest(self, steps: Steps) -> Steps:
        """`steps`, which fail, with all left out that is not needed."""
        steps = self._coarsely(steps)
        before: Steps | None = None
        while before != steps:
            before = steps
            steps = self._fewer(steps)
            steps = self._plainer(steps)
        return steps

    def _coarsely(self, steps: Steps) -> Steps:
        """Leave out at once what often does not matter, because that costs one attempt each."""
        for matters in (
            _changes,
            *(_of_batch(n) for n in range(len(FORMS))),
            _no_scan,
            _no_dry_run,
        ):
            found = self._attempt(tuple(filter(matters, steps[:-1])) + steps[-1:])
            steps = found or steps
        return self._attempt(_taken(steps[:-1]) + steps[-1:]) or steps

    def _fewer(self, steps: Steps) -> Steps:
        size = max(len(steps) // 2, 1)
        while True:
            at = len(steps)
            while at > 0:
                at = max(at - size, 0)
                found = self._attempt(steps[:at] + steps[at + size :])
                if found:
                    steps = found
                    at = min(at, len(steps))
            if size == 1:
                return steps
            size = max(size // 2, 1)

    def _plainer(self, steps: Steps) -> Steps:
        at = 0
        while at < len(steps):
            for plainer in plainer_steps(steps[at]):
                found = self._attempt((*steps[:at], plainer, *steps[at + 1 :]))
                if found and at < len(found):
                    steps = found
                    break
            else:
                at += 1
        return steps

    def _attempt(self, steps: Steps) -> Steps | None:
        if not steps or steps in self._tried or self._budget < len(steps):
            return None
        self._tried.add(steps)
        self._budget -= len(steps)
        return self._fails(steps)


def _changes(step: AnyStep) -> bool:
    return isinstance(step, OrderStep | UploadStep | ScanStep | AtOnce)


def _no_scan(step: AnyStep) -> bool:
    return not isinstance(step, ScanStep)


def _no_dry_run(step: AnyStep) -> bool:
    return not (isinstance(step, OrderStep) and step.dry_run)


def _of_batch(number: int) -> Callable[[AnyStep], bool]:
    def of_it(step: AnyStep) -> bool:
        batch = step.code.batch if isinstance(step, ScanStep) else getattr(step, "batch", number)
        return bool(batch == number)

    return of_it


def _taken(steps: Steps) -> Steps:
    """`steps` without those that the model says are refused."""
    model = World(None, ("A", "B"))
    found: list[AnyStep] = []
    for step in steps:
        if isinstance(step, AtOnce):
            found.append(step)
            continue
        told = model.apply(step)
        if told is None or not told.problems:
            found.append(step)
    return tuple(found)


DEFAULTS = (
    ("spelling", PLAIN),
    ("head", None),
    ("reason", None),
    ("effective_at", None),
    ("expires_at", None),
    ("attributes", ()),
    ("from_state", None),
    ("skip", False),
    ("dry_run", False),
    ("count", None),
)


def plainer_steps(step: AnyStep) -> Iterator[AnyStep]:
    """The steps that are a little plainer than `step`."""
    if isinstance(step, AtOnce):
        for at, part in enumerate(step.steps):
            for plainer in _plainer_singles(part):
                yield AtOnce((*step.steps[:at], plainer, *step.steps[at + 1 :]))
    else:
        yield from _plainer_singles(step)


def _plainer_singles(step: Single) -> Iterator[Single]:
    match step:
        case OrderStep():
            yield from _plainer_orders(step)
        case ScanStep():
            yield from (replace(step, typed=0), replace(step, scan_id=None))
        case UploadStep():
            half = len(step.codes) // 2
            yield from (
                replace(step, codes=step.codes[:half] or step.codes),
                replace(step, first=step.first + half, codes=step.codes[half:]),
            )
        case ReadRangesStep():
            yield replace(step, digests=False)
        case _:
            return


def _plainer_orders(step: OrderStep) -> Iterator[OrderStep]:
    for key, value in DEFAULTS:
        if getattr(step, key) != value:
            yield replace(step, **{key: value})  # type: ignore[arg-type]
    if len(step.attributes) > 1:
        for at in range(len(step.attributes)):
            rest = step.attributes[:at] + step.attributes[at + 1 :]
            yield replace(step, attributes=rest)
    if len(step.serials) > 1:
        for at in range(len(step.serials)):
            yield replace(step, serials=step.serials[:at] + step.serials[at + 1 :])
    for at, (first, last) in enumerate(step.serials):
        halves = ((first, (first + last) // 2), ((first + last) // 2 + 1, last))
        for pair in halves if last > first else ():
            yield replace(step, serials=(*step.serials[:at], pair, *step.serials[at + 1 :]))
