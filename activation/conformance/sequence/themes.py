"""What a sequence is mostly about: how often its steps do what."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Theme:
    """`steps`: weights of the kinds of steps; `actions`: of actions, if they have others here.

    The shares are of orders, 0 to 1.

    `whole`: whether a run begins with all fingerprints uploaded. `unknown`: how many scans of
    unknown codes a run makes at most, because backends allow an address few.
    """

    steps: Mapping[str, int]
    attributes: float = 0.0
    times: float = 0.0
    dry: float = 0.1
    whole: bool = True
    unknown: int = 0
    actions: Mapping[str, int] = field(default_factory=dict)

    @property
    def scans(self) -> bool:
        """Whether it scans."""
        return "scan" in self.steps


STEPS = {"order": 10, "again": 4, "read-order": 1, "ranges": 2}
THEMES: Mapping[str, Theme] = {
    "orders": Theme({"order": 20, "again": 1, "read-order": 1, "ranges": 2, "head": 1}, 0.1),
    "attributes": Theme({"order": 20, "again": 1, "ranges": 2}, 0.8, 0.3),
    "ids": Theme({"order": 8, "again": 12, "read-order": 4, "head": 2, "ranges": 1}, 0.3, 0.4, 0.2),
    "scans": Theme({"order": 9, "scan": 12, "again": 1, "unknown": 1}, 0.35, 0.3, 0.04, unknown=2),
    "fingerprints": Theme(
        dict(STEPS, upload=9, register=3, scan=3, unknown=3),
        dry=0.2,
        whole=False,
        unknown=2,
        actions={"activate": 16, "assign": 1, "freeze": 1},
    ),
    "parallel": Theme({"order": 5, "at-once": 9, "scan": 1}, 0.3, dry=0.0),
}
