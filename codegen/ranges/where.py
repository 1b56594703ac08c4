"""Conditions on codes: which attributes, state, package, unit, contact and batch they have. Pure.

How they are written is `where_text`. What they mean:

1. All conditions must hold.
2. `=` is the exact text, `in` one of several. `key=` matches codes without the key, and `!=` all
   that `=` does not: codes with another value, or with none.
3. A number of scans is compared as a number, a time as a time: a day is the whole day in the
   home's zone, so `minted_at<=2026-12-01` goes to its end, and what `--expires-at 2026-12-31` set
   is `expires_at=2026-12-31`.
4. Of other texts `<` is refused, unless both are plain decimal numbers: text has no order.
5. The attributes are those that hold without a window; `window=NAME` matches what has one of that
   name. `product` and `role` are the batch's where the code has none of its own.
6. Void codes match nothing, unless `state` names them or the order is for them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from .. import times
from ..errors import UsageError
from . import windows
from .attributes import Attributes, to_json
from .conditions import (
    FREE,
    TICK,
    Condition,
    Operand,
    ReadTime,
    TimeSpan,
    condition,
    no_order,
    number,
)
from .lifecycle import Standing, State
from .where_text import CONDITIONS, Relation, read


@dataclass(frozen=True)
class CodeFacts:
    """What is known of codes beside their standing. `units`: those that they are in."""

    batch: str
    minted_at: datetime
    product: str | None
    role: str
    contact: str | None = None
    units: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Where:
    """Conditions that must all hold. `read_time` reads days and times of attributes, too."""

    conditions: tuple[Condition, ...]
    read_time: ReadTime = field(compare=False, repr=False)

    @property
    def names_void(self) -> bool:
        """Whether void codes are asked for by name."""
        return any(
            each.key == "state"
            and each.written.relation in (Relation.IS, Relation.IN)
            and State.VOID in each.operands
            for each in self.conditions
        )

    def texts(self) -> tuple[str, ...]:
        """The conditions as they may be written."""
        return tuple(each.text() for each in self.conditions)

    def values(self) -> Iterable[str]:
        """What anything is compared with, as it was written."""
        return (value for each in self.conditions for value in each.written.values)

    def of(self, key: str) -> Iterable[str]:
        """The values that are compared with `key`."""
        return (value for c in self.conditions if c.key == key for value in c.written.values)

    def may_match(self, facts: CodeFacts) -> bool:
        """Whether codes of that batch may match, by what all of them have in common."""
        common = (c for c in self.conditions if c.key in ("batch", "minted_at"))
        return all(self._holds(condition, None, facts) for condition in common)

    def matches(self, standing: Standing, facts: CodeFacts, *, void: bool = False) -> bool:
        """Whether codes of this standing match; void ones only if `void`, or if they are named.

        Raises `UsageError` for texts without an order.
        """
        if standing.state is State.VOID and not (void or self.names_void):
            return False
        # Texts of codes that are not meant at all need no order.
        ordered = sorted(self.conditions, key=lambda each: each.is_order)
        return all(self._holds(condition, standing, facts) for condition in ordered)

    def _holds(self, condition: Condition, standing: Standing | None, facts: CodeFacts) -> bool:
        found = _values(condition.key, standing, facts)
        relation = condition.written.relation
        if condition.is_order:
            return any(self._compared(condition, value) for value in found)
        equal = self._equal(condition, found)
        return not equal if relation is Relation.IS_NOT else equal

    def _equal(self, condition: Condition, found: tuple[Any, ...]) -> bool:
        if not condition.operands:
            return not found
        return any(self._is(value, o, condition.key) for value in found for o in condition.operands)

    def _is(self, value: object, operand: Operand, key: str) -> bool:
        if isinstance(operand, TimeSpan):
            span = self._span(value, key)
            return span is not None and operand.first <= span.first and span.end <= operand.end
        return value == operand

    def _compared(self, condition: Condition, value: object) -> bool:
        (operand,), relation = condition.operands, condition.written.relation
        if isinstance(operand, TimeSpan):
            span = self._span(value, condition.key)
            if span is None:
                raise no_order(condition.key, "a day or a time")
            return {
                Relation.BELOW: span.end <= operand.first,
                Relation.AT_MOST: span.end <= operand.end,
                Relation.ABOVE: span.first >= operand.end,
                Relation.AT_LEAST: span.first >= operand.first,
            }[relation]
        found = value if isinstance(value, int) else number(str(value))
        if found is None or not isinstance(operand, Decimal):
            raise no_order(condition.key, "a number")
        return {
            Relation.BELOW: found < operand,
            Relation.AT_MOST: found <= operand,
            Relation.ABOVE: found > operand,
            Relation.AT_LEAST: found >= operand,
        }[relation]

    def _span(self, value: object, key: str) -> TimeSpan | None:
        """The day or the moment of what the books hold; None if it is another text."""
        if isinstance(value, datetime):
            return TimeSpan(value, value + TICK)
        try:
            moment = times.parse(str(value))
        except ValueError:
            if key != FREE:
                return None
        else:
            return TimeSpan(moment, moment + TICK)
        try:
            return self.read_time(str(value), key)
        except UsageError:
            return None


def conditions(texts: Iterable[str], read_time: ReadTime) -> Where:
    """The conditions of `texts`. Raises `UsageError`, which quotes no value."""
    written = [one for text in texts for one in read(text)]
    if not written:
        raise UsageError("no condition is given", "write for example --where lot=L42")
    if len(written) > CONDITIONS:
        raise UsageError(f"more than {CONDITIONS} conditions", "leave some out")
    return Where(tuple(condition(one, read_time) for one in written), read_time)


def _values(key: str, standing: Standing | None, facts: CodeFacts) -> tuple[Any, ...]:
    """What codes have of `key`: nothing, one value, or several windows or units."""
    common: dict[str, Any] = {"batch": facts.batch, "minted_at": facts.minted_at}
    if key in common:
        return (common[key],)
    if standing is None:
        raise ValueError("not what a whole batch has in common")
    if key == "state":
        return (standing.state,)
    if key == "unit":
        # Whatever was packaged is in a unit, though none of those that are asked for.
        return tuple(facts.units) or (("",) if standing.package else ())
    carried, named = _carried(standing.attributes)
    if key == "window":
        return named
    value = {
        "package": standing.package,
        "contact": facts.contact,
        "product": carried.get("product", facts.product),
        "role": carried.get("role", facts.role),
    }.get(key, carried.get(key))
    return () if value is None else (value,)


@lru_cache(maxsize=4_096)
def _carried(attributes: Attributes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The attributes that hold without a window, and the names of the windows."""
    values = to_json(attributes)
    names = tuple(key for key in values if windows.is_window(key))
    found = {key: value for key, value in values.items() if key not in names}
    return found, tuple(name.removeprefix(windows.PREFIX) for name in names)
