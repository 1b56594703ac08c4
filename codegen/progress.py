"""How far a piece of work is: functions that are called with it, now and then."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""(phase, done, total): codes, or bytes where a digest is made."""

Count = Callable[[int], None]
"""How much more is done."""
