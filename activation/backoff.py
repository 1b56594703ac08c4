"""How long to wait before trying again. Pure."""

from datetime import timedelta

FIRST, LONGEST = timedelta(seconds=1), timedelta(minutes=5)
_DOUBLINGS = 16  # more would overflow, and `LONGEST` is reached long before


def wait(failures: int, jitter: float) -> timedelta:
    """The wait after `failures` in a row: doubling to `LONGEST`, spread by `jitter` (0 to 1)."""
    doubled = FIRST * (1 << min(failures, _DOUBLINGS))
    return min(doubled, LONGEST) * (0.5 + jitter / 2)
