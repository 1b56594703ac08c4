"""Made-up sequences: what they are made of, how they shrink, and the model beside a naive one."""

import json
import random
from collections import Counter
from itertools import chain

import pytest
from model import Books, Refusal, runs

from mintmark.activation.conformance.probe import Answer
from mintmark.activation.conformance.sequence import linear
from mintmark.activation.conformance.sequence.expected import ExpectedAnswer, FirstOf, SameInstant
from mintmark.activation.conformance.sequence.generate import BEGINNING, StepMaker, sequence
from mintmark.activation.conformance.sequence.shrink import Shrinker
from mintmark.activation.conformance.sequence.steps import (
    FORMS,
    PLAIN,
    AtOnce,
    DrawnCode,
    OrderStep,
    ReadHeadStep,
    ReadOrderStep,
    ReadRangesStep,
    ReadUnknownStep,
    RegisterStep,
    ScanStep,
    Spelling,
    StepTime,
    UploadStep,
)
from mintmark.activation.conformance.sequence.themes import THEMES
from mintmark.activation.conformance.sequence.world import World
from mintmark.codegen.ranges.attributes import to_json

TO_LEDGER = {"inactive": "packaged", "active": "active", "frozen": "frozen", "void": "void"}


def world():
    return World(BEGINNING, ("A", "B"))


def uploaded():
    made = world()
    for number, form in enumerate(FORMS):
        codes = tuple(DrawnCode(number, serial) for serial in range(1, form.quantity + 1))
        made.apply(UploadStep(number, 1, codes))
    return made


def order(number, action, *serials, **more):
    return OrderStep(number, 0, action, serials, **more)


def answer(status, **members):
    return Answer(status, {}, json.dumps(members).encode())


def refusal(name, **members):
    return answer(409, type=f"urn:mintmark:problem:{name}", **members)


# --- what is made up ---


@pytest.mark.parametrize("theme", THEMES)
def test_the_seed_alone_decides(theme):
    first, again, other = (tuple(sequence(seed, THEMES[theme], 30)) for seed in ("1", "1", "2"))
    assert first == again != other
    assert len(first) == 30 + len(FORMS)


def outcomes(theme, seeds, length):
    """Each step with what the model says of it, and the world before it."""
    for seed in range(seeds):
        made = world()
        for step in sequence(f"{seed}", THEMES[theme], length):
            for part in step.steps if isinstance(step, AtOnce) else (step,):
                before = made.copy()
                yield part, made.apply(part), before


def test_every_kind_of_answer_occurs():
    problems = Counter()
    for theme in THEMES:
        for step, told, _ in outcomes(theme, 16, 40):
            if isinstance(step, OrderStep):
                names = told.problems or (f"{step.action} applied",)
                problems[f"dry {names[0]}" if step.dry_run else names[0]] += 1
                problems["scanned before"] += bool(told.members.get("scanned_before"))
                problems["skipped"] += bool(told.members.get("skipped"))
            elif isinstance(step, ScanStep):
                problems[told.members["result"]] += 1
            elif isinstance(step, UploadStep | RegisterStep):
                problems[f"{type(step).__name__} {told.problems}"] += 1
    actions = ("activate", "revoke", "freeze", "unfreeze", "void", "unvoid", "assign")
    refusals = ("blocked", "outside", "count-differs", "count-required", "fingerprints-missing")
    results = ("genuine", "repeat", "not_yet", "expired", "inactive", "frozen", "void", "unknown")
    wanted = {
        *(f"{action} applied" for action in actions),
        *refusals,
        *(f"dry {name}" for name in refusals),
        *("fingerprints-taken", "order-differs", "invalid", "scanned before", "skipped"),
        *results,
        *(f"UploadStep {names}" for names in ((), ("outside",), ("fingerprints-differ",))),
        *(f"RegisterStep {names}" for names in ((), ("batch-differs",))),
    }
    assert {name for name in wanted if not problems[name]} == set()


def again(before, step):
    kept = before.orders.get(step.number)
    if kept is None:
        return None
    same = kept.content == step.content()
    return same, step.spelling != PLAIN, step.dry_run, bool(kept.answer.problems)


def test_every_way_to_say_an_order_again_occurs():
    seen = Counter()
    changed = Counter()
    for step, _, before in outcomes("ids", 80, 40):
        if isinstance(step, OrderStep) and again(before, step):
            seen[again(before, step)] += 1
            content, kept = step.content(), before.orders[step.number].content
            changed.update(key for key in vars(kept) if getattr(content, key) != getattr(kept, key))
    assert all(seen[True, spelt, dry, no] for spelt in (1, 0) for dry in (1, 0) for no in (1, 0))
    assert seen[False, True, False, False]
    assert changed.keys() == {
        *("batch", "action", "serials", "skip", "count", "from_state", "attributes"),
        *("effective_at", "expires_at", "reason"),
    }


def test_every_kind_of_step_and_shape_of_order_occurs():
    steps = [part for theme in THEMES for part, _, _ in outcomes(theme, 10, 40)]
    assert {type(step) for step in steps} == {
        *(RegisterStep, UploadStep, OrderStep, ReadOrderStep, ReadHeadStep),
        *(ReadRangesStep, ScanStep, ReadUnknownStep),
    }
    orders = [step for step in steps if isinstance(step, OrderStep)]
    assert {len(step.serials) for step in orders} >= {1, 2, 3}
    for batch, form in enumerate(FORMS):
        own = [step for step in orders if step.batch == batch]
        assert any(step.serials[0][0] == 1 for step in own)
        assert any(step.serials[-1][1] == form.quantity for step in own)
    moments = [m for step in orders for m in (step.effective_at, step.expires_at) if m]
    assert {m.minutes > 0 for m in moments} == {True, False}
    assert {m.offset > 0 for m in moments} == {True, False}
    scans = [step for step in steps if isinstance(step, ScanStep)]
    assert {step.typed for step in scans} == {0, 1, 2, 3}
    shared = {(step.scan_id, step.code) for step in scans if step.scan_id}
    assert len({scan_id for scan_id, _ in shared}) < len(shared)


@pytest.mark.parametrize("theme", [name for name, theme in THEMES.items() if theme.scans])
def test_unknown_codes_are_scanned_rarely(theme):
    for seed in range(20):
        made = StepMaker(random.Random(seed), THEMES[theme])
        steps = [*made.opening(), *(made.step() for _ in range(60))]
        parts = chain.from_iterable(s.steps if isinstance(s, AtOnce) else (s,) for s in steps)
        replay, unknown = world(), 0
        for part in parts:
            told = replay.apply(part)
            if isinstance(part, ScanStep):
                unknown += told.members["result"] == "unknown"
        assert unknown <= THEMES[theme].unknown


def test_the_same_content_is_the_same_however_it_is_written():
    noon = StepTime(60, 480)
    plain = order(1, "activate", (1, 3), (7, 9), attributes=(("lot", "L1"), ("line", None)))
    same = order(1, "activate", (7, 8), (9, 9), (1, 3), attributes=plain.attributes[::-1])
    assert plain.content() == same.content()
    timed, other = (order(1, "assign", (1, 1), expires_at=t) for t in (noon, StepTime(60, -300)))
    assert timed.content() == other.content()
    assert timed.times(BEGINNING) != other.times(BEGINNING)
    spelt = order(1, "assign", (1, 1), expires_at=noon, spelling=Spelling(offset=60))
    assert spelt.times(BEGINNING)["expires_at"] == "2026-01-01T10:00:00+09:00"
    assert spelt.content() == timed.content()
    later = order(1, "assign", (1, 1), expires_at=StepTime(61, 480))
    assert later.content() != timed.content()


# --- the model beside another, which shares nothing with it ---


@pytest.mark.parametrize("seed", range(25))
def test_the_model_says_what_the_naive_model_says_code_by_code(seed):
    made, books = uploaded(), [Books(form.quantity, "packaged") for form in FORMS]
    for step in sequence(f"{seed}", THEMES["attributes"], 60):
        if not isinstance(step, OrderStep) or step.number in made.orders:
            continue
        told, naive = made.apply(step), books[step.batch]
        if told.problems and told.problems[0] in ("invalid", "order-differs"):
            continue
        patch = dict(step.attributes)
        patch |= {key: text for key, text in step.times(BEGINNING).items() if text}
        target = naive
        if step.dry_run:
            target = Books(naive.quantity)
            target.codes = dict(naive.codes)
        try:
            done = target.order(
                step.action,
                [s for first, last in step.serials for s in range(first, last + 1)],
                skip_void=step.skip,
                count=step.count,
                from_state=TO_LEDGER.get(step.from_state),
                attributes=patch,
                reason=step.reason,
            )
        except Refusal as why:
            names = {"outside": "outside", "state": "blocked", "from": "blocked"}
            wanted = names.get(why.why) or ("count-required" if why.serials else "count-differs")
            # The naive model names the first reason it finds, the document all of them.
            assert told.problems in ((wanted,), ("blocked",)), step
        else:
            assert told.problems == ()
            assert told.members["applied"] == [list(pair) for pair in runs(done.applied)]
            assert told.members["skipped"] == [list(pair) for pair in runs(done.skipped)]
            assert told.members["applied_count"] == len(done.applied)
        for number, mine in enumerate(made.batches):
            read = [
                (state, dict(attributes))
                for tile in made.ranges(number, 0)
                for state, attributes in [tile.value]
                for _ in range(len(tile.serials))
            ]
            assert [state for state, _ in read] == books[number].seen()
            kept = [mine.standing(s).attributes for s in range(1, mine.form.quantity + 1)]
            naive_kept = [code.attributes for code in books[number].codes.values()]
            assert [to_json(values) for values in kept] == naive_kept


# --- what an answer may be ---


def test_members_are_compared_and_others_are_not():
    wanted = ExpectedAnswer(members={"applied": [[1, 2]], "dry_run": False})
    assert wanted.difference(answer(200, applied=[[1, 2]], dry_run=False, more=1)) is None
    assert wanted.difference(answer(200, applied=[[1, 2]], dry_run=0)).found == "0"
    assert wanted.difference(answer(200, applied=[[1, 2]])).found == "nothing"
    assert wanted.difference(refusal("blocked")).found == "409 blocked"
    refused = ExpectedAnswer(409, ("blocked",), {"blocked_total": 1})
    assert refused.difference(refusal("blocked", blocked_total=1)) is None
    assert refused.difference(refusal("blocked", blocked_total=True)).found == "true"
    assert refused.difference(refusal("count-required", blocked_total=1)).found.startswith("409")
    assert refused.difference(answer(200)).found == "200"


def test_a_list_may_be_cut_and_a_time_may_be_written_otherwise():
    assert FirstOf((1, 2)).fits([1])
    assert FirstOf((1, 2)).fits([1, 2])
    for wrong in ([], [2], [1, 2, 3], None, "x"):
        assert not FirstOf((1, 2)).fits(wrong)
    moment = SameInstant(BEGINNING)
    assert moment.fits("2026-01-01T08:00:00+08:00")
    for wrong in ("2026-01-01T08:00:00Z", "2026-01-01T00:00:00", None, 5):
        assert not moment.fits(wrong)


# --- steps at once ---


def test_answers_fit_if_one_may_have_come_after_the_other():
    made = uploaded()
    made.apply(order(1, "activate", (1, 4)))
    both = AtOnce((order(2, "revoke", (1, 2)), order(3, "revoke", (2, 3))))
    done = [made.copy().apply(step) for step in both.steps]
    answers = [answer(200, **expected.members) for expected in done]
    blocked = refusal(
        "blocked", blocked=[{"serials": [2, 2], "state": "inactive"}], blocked_total=1
    )
    (after,) = linear.fitting(made, both, [answers[0], blocked])
    assert [tile.value[0] for tile in after.ranges(0, 0)] == ["inactive", "active", "inactive"]
    assert [*linear.fitting(made, both, answers)] == []
    found = linear.unfit(made, both, answers)
    assert "200 and 409 blocked" in found.expected
    assert found.found == "200 and 200"
    wrong = refusal("blocked", blocked=[{"serials": [1, 2], "state": "inactive"}], blocked_total=1)
    assert [*linear.fitting(made, both, [answers[0], wrong])] == []
    assert "differs in blocked" in linear.unfit(made, both, [answers[0], wrong]).found


def test_of_two_scans_at_once_either_may_be_the_first():
    made = uploaded()
    made.apply(order(1, "activate", (1, 4)))
    scan = ScanStep(DrawnCode(0, 3))
    base = {"batch": "A", "serial": 3, "role": "item", "attributes": {}}
    first = {"result": "genuine", "scans": 1, "first_scan": "2026-01-01T00:00:01Z", **base}
    second = first | {"result": "repeat", "scans": 2}
    both = AtOnce((scan, scan))
    assert [*linear.fitting(made, both, [answer(200, **second), answer(200, **first)])]
    assert not [*linear.fitting(made, both, [answer(200, **first), answer(200, **first)])]


# --- shrinking ---


def planted(steps):
    """Fails once a code was voided after it was frozen, whatever else happens."""
    frozen = set()
    for at, step in enumerate(steps):
        if not isinstance(step, OrderStep):
            continue
        serials = {s for first, last in step.serials for s in range(first, last + 1)}
        if step.action == "freeze":
            frozen |= serials
        if step.action == "void" and serials & frozen:
            return steps[: at + 1]
    return None


@pytest.mark.parametrize("seed", range(8))
def test_a_sequence_shrinks_to_the_two_steps_that_matter(seed):
    steps = tuple(sequence(f"{seed}", THEMES["attributes"], 150))
    failing = planted(steps)
    assert failing is not None
    assert len(failing) > 5
    short = Shrinker(planted, 5_000).shortest(failing)
    assert [step.action for step in short] == ["freeze", "void"]
    for step in short:
        ((first, last),) = step.serials
        assert first == last
        assert step == OrderStep(step.number, step.batch, step.action, step.serials)


def test_shrinking_ends_with_its_budget_and_still_fails():
    played = []

    def fails(steps):
        played.append(len(steps))
        return planted(steps)

    steps = planted(tuple(sequence("1", THEMES["attributes"], 150)))
    short = Shrinker(fails, 200).shortest(steps)
    assert sum(played) <= 200
    assert planted(short) == short
