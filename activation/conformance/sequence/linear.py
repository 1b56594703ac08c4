"""Steps sent at the same moment: the answers and what is read afterwards fit some order of them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

from ..probe import Answer
from .expected import Mismatch
from .steps import AtOnce, Single
from .world import World


def sent_at_once(steps: Sequence[Single], send: Callable[[Single], Answer]) -> list[Answer]:
    """The answers, in the order of `steps`."""
    gate = threading.Barrier(len(steps))

    def one(step: Single) -> Answer:
        gate.wait()
        return send(step)

    with ThreadPoolExecutor(len(steps)) as threads:
        return list(threads.map(one, steps))


def fitting(world: World, step: AtOnce, answers: Sequence[Answer]) -> Iterator[World]:
    """What the backend may be like now: the worlds of all orders in which the answers fit."""
    for order in permutations(range(len(step.steps))):
        after = world.copy()
        if _difference(after, step, order, answers) is None:
            yield after


def unfit(world: World, step: AtOnce, answers: Sequence[Answer]) -> Mismatch:
    """How the answers fit no order: what each order would have been answered."""
    outcomes, details = [], []
    for order in permutations(range(len(step.steps))):
        told = [""] * len(order)
        after = world.copy()
        for at in order:
            expected = after.apply(step.steps[at])
            names = f" {' or '.join(expected.problems)}" if expected and expected.problems else ""
            told[at] = f"{expected.status if expected else 200}{names}"
        outcomes.append(" and ".join(told))
        detail = _difference(world.copy(), step, order, answers)
        details.append(f"{detail.expected}, found {detail.found}" if detail else "the ranges")
    found = " and ".join(str(answer) for answer in answers)
    if found in outcomes:
        found = f"{found}; differs in {details[outcomes.index(found)]}"
    every = " or ".join(dict.fromkeys(outcomes))
    return Mismatch(f"as if one came after the other: {every}", found)


def _difference(
    world: World, step: AtOnce, order: Sequence[int], answers: Sequence[Answer]
) -> Mismatch | None:
    """Apply the steps in this order, and compare the answers."""
    for at in order:
        expected = world.apply(step.steps[at])
        found = expected.difference(answers[at]) if expected else None
        if found:
            return found
        world.learn(step.steps[at], answers[at].data)
    return None
