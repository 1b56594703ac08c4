"""What is wrong with an address, and what to do about it. Pure."""

from typing import NamedTuple


class Fault(NamedTuple):
    """A line for `error:`, and lines for `hint:`."""

    message: str
    hints: tuple[str, ...]
