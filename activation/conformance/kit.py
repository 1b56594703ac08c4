"""`backend check`: every clause of the contract, tried against a backend."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from ...codegen.errors import EnvironmentFailure
from ...codegen.result import Result
from . import (
    batches,
    counters,
    facts,
    forms,
    identity,
    moments,
    once,
    orders,
    pages,
    parallel,
    ranges,
    reading,
    refusals,
    rules,
    scans,
    scopes,
    signatures,
    signing_form,
    signing_time,
    states,
)
from .clause import Clause, Clauses
from .outcome import Broken, NotOffered
from .trial import QUANTITY, Trial

AREAS: tuple[Clauses, ...] = (
    batches.REGISTER,
    rules.RULES,
    batches.UPLOAD,
    forms.FORMS,
    orders.ORDERS,
    ranges.RANGES,
    once.ONCE,
    refusals.REFUSALS,
    states.STATES,
    counters.COUNTERS,
    reading.ATTRIBUTES,
    facts.FACTS,
    moments.TIMES,
    reading.READ,
    pages.PAGES,
    scans.SCANS,
    identity.IDENTITY,
    parallel.PARALLEL,
    signatures.SIGNING,
    signing_form.SIGNING_FORM,
    signing_time.SIGNING_TIME,
    scopes.SCOPES,
)
# If a clause of these fails, no other can be tried.
FIRST = frozenset({"register.health", "register.new"})


class ClauseOutcome(StrEnum):
    """How the attempt at a clause ended."""

    HOLDS = "pass"
    FAILS = "fail"
    NOT_OFFERED = "not offered"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class ClauseResult:
    """The result of a clause. `expected` and `found` are of a clause that fails."""

    id: str
    result: ClauseOutcome
    says: str
    section: str
    expected: str | None = None
    found: str | None = None


@dataclass(frozen=True)
class Checked(Result):
    """The results, in the order of the clauses, and the batch left behind."""

    url: str
    batch: str
    passed: int
    failed: int
    clauses: tuple[ClauseResult, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """5 if a clause does not hold: the backend breaks its contract."""
        return 5 if self.failed else 0

    def lines(self) -> Iterator[str]:
        """The clauses that fail in full, then one line per area."""
        for clause in self.clauses:
            if clause.result is ClauseOutcome.FAILS:
                yield f"FAIL {clause.id}: {clause.says}"
                yield f"     expected  {clause.expected}"
                yield f"     found     {clause.found}"
                yield f"     see       docs/activation-api.md, {clause.section}"
        for area in AREAS:
            names = {clause.name for clause in area}
            yield _summary([clause for clause in self.clauses if clause.id in names])
        yield f"{self.passed} clauses hold, {self.failed} do not; batch {self.batch} is left void"


def _summary(clauses: list[ClauseResult]) -> str:
    area = clauses[0].id.split(".")[0]
    results = [clause.result for clause in clauses]
    outcomes = [outcome for outcome in ClauseOutcome if outcome in results]
    return f"{area:<11} " + ", ".join(f"{results.count(kind)} {kind.value}" for kind in outcomes)


def check(url: str, trial: Trial, progress: Callable[[str, int, int], None]) -> Checked:
    """Try every clause; a clause that fails stops no other.

    Raises `EnvironmentFailure` if the backend can't be reached to begin with.
    """
    clauses = [clause for area in AREAS for clause in area]
    found: list[ClauseResult] = []
    for number, clause in enumerate(clauses):
        progress("clauses", number, len(clauses))
        if any(result.result is ClauseOutcome.FAILS and result.id in FIRST for result in found):
            found.append(_result(clause, ClauseOutcome.NOT_RUN))
        else:
            found.append(_tried(clause, trial, first=not found))
    _leave(trial)
    results = [result.result for result in found]
    passed, failed = results.count(ClauseOutcome.HOLDS), results.count(ClauseOutcome.FAILS)
    return Checked(url, trial.batch, passed, failed, tuple(found))


def _tried(clause: Clause, trial: Trial, *, first: bool) -> ClauseResult:
    try:
        clause.attempt(trial)
    except Broken as broken:
        return _result(clause, ClauseOutcome.FAILS, broken.expected, broken.found)
    except NotOffered:
        return _result(clause, ClauseOutcome.NOT_OFFERED)
    except EnvironmentFailure as failure:
        if first:
            raise
        return _result(clause, ClauseOutcome.FAILS, "an answer", failure.message)
    # An answer of any form at all may come back: an error over its form fails the clause.
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        wanted = "an answer of the form in the document"
        return _result(clause, ClauseOutcome.FAILS, wanted, type(error).__name__)
    return _result(clause, ClauseOutcome.HOLDS)


def _result(
    clause: Clause, outcome: ClauseOutcome, expected: str | None = None, found: str | None = None
) -> ClauseResult:
    return ClauseResult(clause.name, outcome, clause.text, clause.section, expected, found)


def _leave(trial: Trial) -> None:
    """Void all of the batch, as far as the backend allows."""
    try:
        alive = [state for state in trial.states((1, QUANTITY)) if state != "void"]
        trial.order("void", (1, QUANTITY), reason="other", count=len(alive), skip=["void"])
    except (Broken, EnvironmentFailure, AttributeError, KeyError, TypeError, ValueError):
        return
