"""Sending an order's id once more: the same content, however it is written, or another."""

import random
from collections.abc import Callable
from dataclasses import replace

from .order_maker import moment, patch, spelling
from .steps import OrderStep


def repeated(rng: random.Random, order: OrderStep) -> OrderStep:
    """The id of `order` again."""
    if rng.random() < 0.5:
        order = replace(rng.choice(CHANGES)(rng, order), spelling=spelling(rng))
    elif rng.random() < 0.7:
        order = replace(order, spelling=spelling(rng))
    chance = rng.random()
    if chance < 0.2:
        return replace(order, dry_run=True)
    if chance < 0.3:
        order = replace(order, head=order.number + 1_000)
    return replace(order, dry_run=False)


def _attributes(rng: random.Random, order: OrderStep) -> OrderStep:
    return replace(order, attributes=() if order.attributes else patch(rng))


def _one_attribute(rng: random.Random, order: OrderStep) -> OrderStep:
    merged = dict(order.attributes) | dict(patch(rng))
    return replace(order, attributes=tuple(merged.items()))


def _from(_: random.Random, order: OrderStep) -> OrderStep:
    return replace(order, from_state=None if order.from_state else "active")


def _reason(_: random.Random, order: OrderStep) -> OrderStep:
    return replace(order, reason=None if order.reason else "other")


def _skip(_: random.Random, order: OrderStep) -> OrderStep:
    return replace(order, skip=not order.skip)


def _count(rng: random.Random, order: OrderStep) -> OrderStep:
    return replace(order, count=rng.randint(0, 9) if order.count is None else None)


def _serials(_: random.Random, order: OrderStep) -> OrderStep:
    if len(order.serials) > 1:
        return replace(order, serials=order.serials[1:])
    ((first, last),) = order.serials
    return replace(order, serials=((first, last - 1 if last > first else last + 1),))


def _others(_: random.Random, order: OrderStep) -> OrderStep:
    """As many serials, and others."""
    *before, (first, last) = order.serials
    return replace(order, serials=(*before, (first + 1, last + 1)))


def _action(rng: random.Random, order: OrderStep) -> OrderStep:
    return replace(order, action=rng.choice(("freeze", "assign", "void", "activate")))


def _expires(rng: random.Random, order: OrderStep) -> OrderStep:
    if order.expires_at is None:
        kept = tuple(item for item in order.attributes if item[0] != "expires_at")
        return replace(order, expires_at=moment(rng), attributes=kept)
    # The same clock, elsewhere: another instant.
    return replace(
        order, expires_at=replace(order.expires_at, minutes=order.expires_at.minutes + 60)
    )


def _effective(_: random.Random, order: OrderStep) -> OrderStep:
    return replace(order, effective_at=None)


def _batch(_: random.Random, order: OrderStep) -> OrderStep:
    return replace(order, batch=1 - order.batch)


CHANGES: tuple[Callable[[random.Random, OrderStep], OrderStep], ...] = (
    _attributes,
    _one_attribute,
    _from,
    _reason,
    _skip,
    _count,
    _serials,
    _others,
    _action,
    _expires,
    _effective,
    _batch,
)
