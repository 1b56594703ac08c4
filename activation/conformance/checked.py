"""The result of a check, and of each of its clauses."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from ...codegen.result import Result
from .depth import Depth


class ClauseOutcome(StrEnum):
    """How the attempt at a clause ended."""

    HOLDS = "pass"
    FAILS = "fail"
    NOT_OFFERED = "not offered"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class ClauseResult:
    """The result of a clause. `expected` and `found` are of a clause that fails.

    `steps`: what was done up to there, one call each. `asked`: the newest request then.
    `why`: why it could not be tried.
    """

    id: str
    result: ClauseOutcome
    says: str
    section: str
    expected: str | None = None
    found: str | None = None
    document: str = "activation-api.md"
    steps: tuple[str, ...] = ()
    why: str | None = None
    asked: str | None = None

    def lines(self) -> Iterator[str]:
        """In full, for people."""
        yield f"FAIL {self.id}: {self.says}"
        for number, step in enumerate(self.steps, 1):
            yield f"     step {number:<4} {step}"
        yield f"     expected  {self.expected}"
        yield f"     found     {self.found}"
        yield f"     after     {self.asked}"
        yield f"     see       docs/{self.document}, {self.section}"


@dataclass(frozen=True)
class Checked(Result):
    """The results, in the order of the clauses, and what is left behind.

    `scans`: how many scans the backend counted. `unknown`: how many rows of its unknown scans
    stay. `alive`: those of the `batches` that could not be voided. `unavailable`: how many requests
    were answered 503, and sent again. `seed` makes a check try the same again.
    """

    url: str
    batch: str
    passed: int
    failed: int
    clauses: tuple[ClauseResult, ...] = field(default=())
    seed: int = 0
    depth: Depth = Depth.NORMAL
    batches: tuple[str, ...] = ()
    scans: int = 0
    unknown: int = 0
    alive: tuple[str, ...] = ()
    unavailable: int = 0

    @property
    def exit_code(self) -> int:
        """5 if a clause does not hold: the backend breaks its contract."""
        return 5 if self.failed else 0

    def lines(self) -> Iterator[str]:
        """The clauses that fail in full, then one line per area, then what is left."""
        for clause in self.clauses:
            if clause.result is ClauseOutcome.FAILS:
                yield from clause.lines()
        areas: dict[str, list[ClauseResult]] = {}
        for clause in self.clauses:
            areas.setdefault(clause.id.partition(".")[0], []).append(clause)
        for area, results in areas.items():
            yield _summary(area, results)
        reasons = {clause.why for clause in self.clauses if clause.why}
        for why in sorted(reasons):
            (one, *more) = [clause for clause in self.clauses if clause.why == why]
            others = f" and {len(more)} more" if more else ""
            yield f"{one.result}: {one.id}{others}: {why}"
        void = self.batches and self.batch not in self.alive
        left = f"; batch {self.batch} is left void" if void else ""
        yield f"{self.passed} clauses hold, {self.failed} do not{left}"
        if self.batches:
            yield (
                f"left at the backend: {len(self.batches)} batches, {self.scans} counted scans, "
                f"{self.unknown} unknown scans"
            )
        if self.alive:
            yield f"could not be voided: {', '.join(self.alive)}"
        if self.unavailable:
            yield f"answered 503 and sent again: {self.unavailable} requests"
        yield f"seed {self.seed}"


def _summary(area: str, clauses: list[ClauseResult]) -> str:
    results = [clause.result for clause in clauses]
    outcomes = [outcome for outcome in ClauseOutcome if outcome in results]
    return f"{area:<11} " + ", ".join(f"{results.count(kind)} {kind.value}" for kind in outcomes)
