"""`backend check`: every clause of the contract, tried against a backend."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ...codegen.errors import EnvironmentFailure
from .checked import Checked, ClauseOutcome, ClauseResult
from .clause import Clause, Clauses
from .clauses import (
    aggregation_form,
    aggregation_ids,
    aggregation_places,
    aggregations,
    batches,
    counters,
    facts,
    forms,
    gates,
    identity,
    limits,
    moments,
    notes,
    once,
    orders,
    pages,
    parallel,
    parties,
    platforms,
    ranges,
    reading,
    refusals,
    rules,
    scan_ins,
    scans,
    scopes,
    signatures,
    signing_form,
    signing_time,
    states,
    watching,
    windows,
)
from .depth import Depth
from .leave import Left, leave
from .outcome import MALFORMED, SILENT, Broken, NotOffered
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
    windows.WINDOWS,
    gates.GATES,
    parties.PARTIES,
    watching.WATCH,
    parallel.PARALLEL,
    signatures.SIGNING,
    signing_form.SIGNING_FORM,
    signing_time.SIGNING_TIME,
    scopes.SCOPES,
    aggregations.AGGREGATIONS,
    aggregation_form.AGGREGATION_FORM,
    aggregation_ids.AGGREGATION_IDS,
    aggregation_places.AGGREGATION_PAGES,
    aggregation_places.AGGREGATION_RACES,
    aggregation_places.AGGREGATION_SCOPES,
    aggregation_places.PAIRS,
    scan_ins.SCAN_INS,
    platforms.PLATFORMS,
    SEQUENCE,
)
_DEEPER = {Depth.NORMAL: "not with --quick", Depth.THOROUGH: "only with --thorough"}
# Without these no other can be tried: they are tried first, whatever is asked for.
FIRST = frozenset({"register.health", "register.new", "again.health"})
NO_ANSWER = "an answer"


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
            why = _hindrance(clause, trial, found)
            if why:
                found.append(_result(clause, ClauseOutcome.NOT_RUN, why=why))
            else:
                found.append(_tried(clause, trial, first=not found))
    finally:
        # Without a batch of its own it leaves nothing.
        if found and trial.last is None and not _lacks_first(found):
            begin("leave")
            stay = leave(trial)
            left(stay)
    results = [result.result for result in found]
    passed, failed = results.count(ClauseOutcome.HOLDS), results.count(ClauseOutcome.FAILS)
    again = sum(probe.unavailable for probe in trial.probes())
    rest = (trial.seed, trial.depth, stay.batches, stay.scans, len(stay.unknown), stay.alive, again)
    return Checked(url, trial.batch, passed, failed, tuple(found), *rest)


def _hindrance(clause: Clause, trial: Trial, found: Sequence[ClauseResult]) -> str | None:
    """Why `clause` is not run, if it is not."""
    tried = [result for result in found if result.result is not ClauseOutcome.NOT_RUN]
    silent = [result.expected == NO_ANSWER for result in tried[-SILENT:]]
    if _lacks_first(found):
        return "what must hold first does not"
    if len(silent) == SILENT and all(silent):
        return "the backend answers no longer"
    return _DEEPER[clause.depth] if clause.depth.rank > trial.depth.rank else None


def _lacks_first(found: Iterable[ClauseResult]) -> bool:
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
        return _failed(clause, trial, Broken(NO_ANSWER, failure.message))
    # An answer of any form at all may come back: an error over its form fails the clause.
    except MALFORMED as error:
        wanted = "an answer of the form in the document"
        return _failed(clause, trial, Broken(wanted, type(error).__name__))
    return _result(clause, ClauseOutcome.HOLDS)


def _failed(clause: Clause, trial: Trial, broken: Broken) -> ClauseResult:
    (_, asked) = max(probe.last for probe in trial.probes())
    return replace(
        _result(clause, ClauseOutcome.FAILS),
        expected=broken.expected,
        found=broken.found,
        steps=broken.steps,
        asked=asked,
    )


def _result(clause: Clause, outcome: ClauseOutcome, why: str | None = None) -> ClauseResult:
    named = clause.name, outcome, clause.text, clause.section
    return ClauseResult(*named, document=clause.document, why=why)
