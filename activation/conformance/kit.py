"""`backend check`: every clause of the contract, tried against a backend."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from ...codegen.errors import EnvironmentFailure
from .checked import Checked, ClauseOutcome, ClauseResult
from .clause import Clause, Clauses
from .clauses import (
    batches,
    counters,
    facts,
    forms,
    identity,
    limits,
    moments,
    notes,
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
from .depth import Depth
from .leave import Left, leave
from .outcome import Broken, NotOffered
from .sequence.clauses import SEQUENCE
from .trial import Trial

AREAS: tuple[Clauses, ...] = (
    batches.REGISTER,
    rules.RULES,
    limits.LIMITS,
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
    notes.NOTES,
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
    SEQUENCE,
)
# Without these no other can be tried: they are tried first, whatever is asked for.
_DEEPER = {Depth.NORMAL: "not with --quick", Depth.THOROUGH: "only with --thorough"}
FIRST = frozenset({"register.health", "register.new", "again.health"})


def check(  # noqa: PLR0913 - the last two only listen
    url: str,
    trial: Trial,
    progress: Callable[[str, int, int], None],
    clauses: Iterable[Clause] | None = None,
    *,
    begin: Callable[[str], None] = lambda _: None,
    left: Callable[[Left], None] = lambda _: None,
) -> Checked:
    """Try `clauses`, or all there are; a clause that fails stops no other.

    `begin` hears the name of each before it is tried, `left` what stays behind at the end, also
    of a check that is cut short. Raises `EnvironmentFailure` if the backend can't be reached to
    begin with.
    """
    wanted = [clause for area in AREAS for clause in area] if clauses is None else [*clauses]
    found: list[ClauseResult] = []
    stay = Left((), 0, frozenset())
    try:
        for number, clause in enumerate(wanted):
            progress("clauses", number, len(wanted))
            begin(clause.name)
            if _lacks_ground(found):
                why = "what must hold first does not"
                found.append(_result(clause, ClauseOutcome.NOT_RUN, why=why))
            elif clause.depth.rank > trial.depth.rank:
                why = _DEEPER[clause.depth]
                found.append(_result(clause, ClauseOutcome.NOT_RUN, why=why))
            else:
                found.append(_tried(clause, trial, first=not found))
    finally:
        if found and trial.last is None:
            begin("leave")
            stay = leave(trial)
            left(stay)
    results = [result.result for result in found]
    passed, failed = results.count(ClauseOutcome.HOLDS), results.count(ClauseOutcome.FAILS)
    rest = (trial.seed, trial.depth, stay.batches, stay.scans, len(stay.unknown))
    return Checked(url, trial.batch, passed, failed, tuple(found), *rest)


def _lacks_ground(found: Iterable[ClauseResult]) -> bool:
    return any(result.result is ClauseOutcome.FAILS and result.id in FIRST for result in found)


def _tried(clause: Clause, trial: Trial, *, first: bool) -> ClauseResult:
    try:
        clause.attempt(trial)
    except Broken as broken:
        return _failed(clause, trial, broken)
    except NotOffered as reason:
        return _result(clause, ClauseOutcome.NOT_OFFERED, why=str(reason) or None)
    except EnvironmentFailure as failure:
        if first:
            raise
        return _failed(clause, trial, Broken("an answer", failure.message))
    # An answer of any form at all may come back: an error over its form fails the clause.
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        wanted = "an answer of the form in the document"
        return _failed(clause, trial, Broken(wanted, type(error).__name__))
    return _result(clause, ClauseOutcome.HOLDS)


def _failed(clause: Clause, trial: Trial, broken: Broken) -> ClauseResult:
    probes = [probe for probe in (trial.probe, trial.second) if probe]
    (_, asked) = max(probe.last for probe in probes)
    return replace(_result(clause, ClauseOutcome.FAILS, broken), asked=asked)


def _result(
    clause: Clause, outcome: ClauseOutcome, broken: Broken | None = None, why: str | None = None
) -> ClauseResult:
    if broken is None:
        found: tuple[str | None, str | None, tuple[str, ...]] = (None, None, ())
    else:
        found = broken.expected, broken.found, broken.steps
    expected, what, steps = found
    return ClauseResult(
        clause.name,
        outcome,
        clause.text,
        clause.section,
        expected,
        what,
        clause.document,
        steps,
        why,
    )
