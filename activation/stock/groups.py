"""Codes of a group, counted. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StockGroup:
    """Codes that are active here, and how many of them consumers have scanned.

    `value` None: the codes have none. `new`: scanned for the first time since the time that was
    asked for; None: the backend does not tell, or no time was given. `share`: scanned of 100.
    """

    value: str | None
    active: int
    scanned: int
    unscanned: int
    new: int | None
    share: float


@dataclass
class Tally:
    """The same while it is counted."""

    active: int = 0
    scanned: int = 0
    new: int | None = 0

    def add(self, other: "Tally") -> None:
        """Count those of another as well. What one does not tell, the sum does not."""
        self.active += other.active
        self.scanned += other.scanned
        self.new = None if self.new is None or other.new is None else self.new + other.new

    def group(self, value: str | None) -> StockGroup:
        """The group with that value."""
        share = round(100 * self.scanned / self.active, 2) if self.active else 0.0
        unscanned = self.active - self.scanned
        return StockGroup(value, self.active, self.scanned, unscanned, self.new, share)
