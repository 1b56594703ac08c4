"""Work of a package spread over processes, in order; small packages do it where they are. Pure.

Drawing and reading back symbols is Python between small calls of numpy, which holds the GIL; so
it runs in processes. Rows are made and read by few calls that release it, and stay in threads.
A task is a function of a module, and its items can be pickled. What a task needs and is costly to
make, such as a format (`registry.format_for`), is made once per process.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


class Spread(Protocol):
    """A map in order, which takes items only as results are taken: `Workers.map`, or `inline`."""

    def __call__(self, task: Callable[[Item], Done], items: Iterable[Item], /) -> Iterator[Done]:
        """`task` of each item."""
        ...


def inline(task: Callable[[Item], Done], items: Iterable[Item], /) -> Iterator[Done]:
    """The map that does everything itself."""
    return map(task, items)


def is_worth(least: int | None, labels: int) -> bool:
    """Whether so many labels are worth processes. `least`: `Format.apart_from`."""
    return least is not None and labels >= least


def spread_from(least: int | None, labels: int, spread: Spread) -> Spread:
    """`spread` if so many labels are worth processes, otherwise `inline`."""
    return spread if is_worth(least, labels) else inline
