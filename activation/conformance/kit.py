"""`backend check`: every clause of the contract, tried against somebody's backend."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ...codegen.errors import EnvironmentFailure
from ...codegen.result import Result
from . import batches, orders, scans, signatures
from .clause import Clause, Clauses
from .outcome import Broken, NotOffered
from .trial import QUANTITY, Trial

AREAS: tuple[Clauses, ...] = (
    batches.REGISTER,
    batches.RULES,
    batches.UPLOAD,
    orders.ORDERS,
    orders.STATES,
    orders.ATTRIBUTES,
    orders.READ,
    scans.SCANS,
    signatures.SIGNING,
)
# Without these no other clause can be tried.
FIRST = frozenset({"register.health", "register.new"})


@dataclass(frozen=True)
class Verdict:
    """What became of one clause. `result`: pass, fail, not offered or not run."""

    id: str
    result: str
    says: str
    section: str
    expected: str | None = None
    found: str | None = None


@dataclass(frozen=True)
class Checked(Result):
    """The verdicts, in the order of the clauses, and the batch left behind."""

    url: str
    batch: str
    passed: int
    failed: int
    clauses: tuple[Verdict, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """5 where a clause does not hold: the backend is not what its contract says."""
        return 5 if self.failed else 0

    def lines(self) -> Iterator[str]:
        """The clauses that fail in full, then a line an area."""
        for verdict in self.clauses:
            if verdict.result == "fail":
                yield f"FAIL {verdict.id}: {verdict.says}"
                yield f"     expected  {verdict.expected}"
                yield f"     found     {verdict.found}"
                yield f"     see       docs/activation-api.md, {verdict.section}"
        for area in AREAS:
            names = {clause.name for clause in area}
            yield _summed([verdict for verdict in self.clauses if verdict.id in names])
        yield f"{self.passed} clauses hold, {self.failed} do not; batch {self.batch} is left void"


def _summed(verdicts: list[Verdict]) -> str:
    area = verdicts[0].id.split(".")[0]
    results = [verdict.result for verdict in verdicts]
    kinds = [kind for kind in ("pass", "fail", "not offered", "not run") if kind in results]
    return f"{area:<11} " + ", ".join(f"{results.count(kind)} {kind}" for kind in kinds)


def check(url: str, trial: Trial, progress: Callable[[str, int, int], None]) -> Checked:
    """Try every clause; one that breaks stops no other.

    Raises `EnvironmentFailure` where the backend can't be reached to begin with.
    """
    clauses = [clause for area in AREAS for clause in area]
    verdicts: list[Verdict] = []
    for number, clause in enumerate(clauses):
        progress("clauses", number, len(clauses))
        if any(v.result == "fail" and v.id in FIRST for v in verdicts):
            verdicts.append(Verdict(clause.name, "not run", clause.says, clause.section))
        else:
            verdicts.append(_tried(clause, trial, first=not verdicts))
    _leave(trial)
    results = [verdict.result for verdict in verdicts]
    return Checked(url, trial.batch, results.count("pass"), results.count("fail"), tuple(verdicts))


def _tried(clause: Clause, trial: Trial, *, first: bool) -> Verdict:
    told: tuple[str, str | None, str | None]
    try:
        clause.attempt(trial)
    except Broken as broken:
        told = ("fail", broken.expected, broken.found)
    except NotOffered:
        told = ("not offered", None, None)
    except EnvironmentFailure as failure:
        if first:
            raise
        told = ("fail", "an answer", failure.message)
    # An answer of any form at all may come back: what trips over it is the clause's failure.
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        told = ("fail", "an answer of the form in the document", type(error).__name__)
    else:
        told = ("pass", None, None)
    result, expected, found = told
    return Verdict(clause.name, result, clause.says, clause.section, expected, found)


def _leave(trial: Trial) -> None:
    """Void all of the batch, as far as the backend lets us."""
    try:
        alive = [state for state in trial.states((1, QUANTITY)) if state != "void"]
        trial.order("void", (1, QUANTITY), reason="other", count=len(alive), skip=["void"])
    except (Broken, EnvironmentFailure, AttributeError, KeyError, TypeError, ValueError):
        return
