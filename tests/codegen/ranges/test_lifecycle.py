from collections import Counter, deque
from dataclasses import replace
from itertools import groupby

import model
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.ranges import attributes as attrs
from mintmark.codegen.ranges.lifecycle import (
    RULES,
    Action,
    ApiState,
    Reason,
    Standing,
    State,
    live,
    passed_over,
    step,
    to_api_state,
)
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.ranges.tiling import Blocked, Stuck, Tile, rewrite, select

MINTED = Standing(State.SEALED)


def shown(standing):
    """A standing in the model's words."""
    return model.Code(
        state=standing.state.value,
        package=standing.package,
        was=standing.back.value if standing.back else None,
        attributes=attrs.to_json(standing.attributes),
        reason=standing.reason,
    )


def after(standing, *actions):
    for action in actions:
        standing = step(standing, Action(action), reason="sample" if action == "void" else None)
    return standing


def test_words_are_the_contracts():
    assert [str(state) for state in State] == list(model.STATES)
    assert [str(action) for action in Action] == list(model.ACTIONS)
    assert [str(state) for state in ApiState] == ["inactive", "active", "frozen", "void"]
    assert " ".join(Reason) == (
        "misprint overprint damaged lost stolen sample unused expired recalled other"
    )


def test_a_backend_sees_a_projection():
    assert {state.value: to_api_state(state).value for state in State} == {
        "sealed": "inactive",
        "packaged": "inactive",
        "active": "active",
        "frozen": "frozen",
        "void": "void",
    }


def reachable():
    """Every standing a code can come to, with the model's code that came the same way.

    Reserving, packaging and abandoning are the ledger's own; here they are spelled out.
    """
    start = (MINTED, model.Code())
    found = {MINTED: start[1]}
    queue = deque([start])
    while queue:
        standing, code = queue.popleft()
        following = []
        if code.reserved:
            following.append((replace(standing, state=State.PACKAGED), "packaged", "P"))
            following.append((replace(standing, package=None), "sealed", None))
        elif code.state == "sealed":
            following.append((replace(standing, package="P"), "sealed", "P"))
        pairs = [(to, replace(code, state=s, package=p)) for to, s, p in following]
        for action in model.ACTIONS:
            try:
                to = step(standing, Action(action), reason="lost" if action == "void" else None)
            except Stuck:
                continue
            if code.accepts(action):
                pairs.append((to, code.after(action, reason="lost")))
        for to, its_code in pairs:
            if to not in found:
                found[to] = its_code
                queue.append((to, its_code))
    return found


REACHABLE = reachable()


def test_a_code_comes_to_exactly_these_standings():
    """Sealed, reserved, packaged, active; frozen from two; void before and after packaging."""
    assert Counter((s.state.value, s.package, s.back) for s in REACHABLE) == Counter(
        {
            ("sealed", None, None): 1,
            ("sealed", "P", None): 1,
            ("packaged", "P", None): 1,
            ("active", "P", None): 1,
            ("frozen", "P", State.PACKAGED): 1,
            ("frozen", "P", State.ACTIVE): 1,
            ("void", None, State.SEALED): 1,
            ("void", "P", State.PACKAGED): 1,
        }
    )


@pytest.mark.parametrize("action", model.ACTIONS)
@pytest.mark.parametrize("standing", REACHABLE, ids=str)
def test_every_step_is_the_models(standing, action):
    code = REACHABLE[standing]
    assert shown(standing) == code
    patch = {"lot": "L1", "region": None}
    if code.accepts(action):
        moved = step(standing, Action(action), attributes=patch, reason="lost")
        assert shown(moved) == code.after(action, patch, "lost")
    else:
        with pytest.raises(Stuck):
            step(standing, Action(action), attributes=patch, reason="lost")


def test_the_table_has_no_step_that_the_model_lacks():
    """The published table says the same as `step`; None is the model's `back`."""
    table = {
        (action.value, now.value): to.value if to else "back"
        for action, row in RULES.items()
        for now, (to, _) in row.items()
    }
    assert table == model.OUTCOME


@pytest.mark.parametrize("standing", REACHABLE, ids=str)
def test_a_live_code_is_active_or_was_before_it_was_frozen(standing):
    assert live(standing) is REACHABLE[standing].live


def test_only_void_codes_are_passed_over_and_not_by_unvoid():
    passed = {(state, action) for state in State for action in Action if passed_over(state, action)}
    assert passed == {(State.VOID, action) for action in Action if action is not Action.UNVOID}


PACKAGED = Standing(State.PACKAGED, package="P")


@pytest.mark.parametrize(
    ("actions", "state"),
    [
        ("freeze unfreeze", "packaged"),
        ("activate freeze unfreeze", "active"),
        ("activate freeze unfreeze freeze unfreeze", "active"),
        ("activate revoke freeze unfreeze", "packaged"),
        ("activate revoke activate", "active"),
        ("void unvoid", "packaged"),
        ("void unvoid void unvoid", "packaged"),
        # A voided code that comes back must be activated again.
        ("activate void unvoid", "packaged"),
        ("activate freeze void unvoid", "packaged"),
        ("freeze void unvoid", "packaged"),
        ("freeze assign unfreeze", "packaged"),
        ("activate freeze assign unfreeze", "active"),
    ],
)
def test_undoing_leads_back(actions, state):
    assert after(PACKAGED, *actions.split()) == replace(PACKAGED, state=State(state))


@pytest.mark.parametrize(
    "actions",
    [
        "unfreeze",
        "unvoid",
        "revoke",
        "activate activate",
        "activate revoke revoke",
        "freeze freeze",
        "freeze unfreeze unfreeze",
        "activate freeze unfreeze unfreeze",
        "activate freeze revoke",
        "freeze activate",
        "freeze void unfreeze",
        "freeze void unvoid unfreeze",
        "void void",
        "void activate",
        "void freeze",
        "void assign",
        "void unvoid unvoid",
        "activate void unvoid revoke",
    ],
)
def test_undoing_twice_or_what_was_not_done_is_stuck(actions):
    *before, last = actions.split()
    standing = after(PACKAGED, *before)
    with pytest.raises(Stuck):
        step(standing, Action(last))


def test_a_void_before_packaging_leads_back_to_the_vault():
    assert after(MINTED, "void", "unvoid", "void", "unvoid") == MINTED


@pytest.mark.parametrize("action", Action)
def test_nothing_happens_to_a_code_an_export_holds(action):
    with pytest.raises(Stuck):
        step(Standing(State.SEALED, package="P"), action)


def test_attributes_and_package_outlive_every_step():
    standing = step(PACKAGED, Action.ACTIVATE, attributes={"lot": "L1", "campaign": "C"})
    standing = after(standing, "freeze", "unfreeze", "revoke", "void", "unvoid", "activate")
    assert attrs.to_json(standing.attributes) == {"lot": "L1", "campaign": "C"}
    assert standing.package == "P"


def test_a_reason_stays_with_the_void_alone():
    voided = step(PACKAGED, Action.VOID, reason="stolen")
    assert voided.reason == "stolen"
    assert step(voided, Action.UNVOID, reason="mistake").reason is None
    assert step(PACKAGED, Action.FREEZE, reason="suspicion").reason is None


def test_a_patch_too_many_moves_nothing():
    full = attrs.from_json({f"native.k{n}": "v" for n in range(attrs.KEYS_PER_RANGE)})
    standing = replace(PACKAGED, attributes=full)
    with pytest.raises(Stuck):
        step(standing, Action.ACTIVATE, attributes={"lot": "L1"})
    assert step(standing, Action.ACTIVATE, attributes={"native.k0": "w"}).state is State.ACTIVE


# Whole books: random changes of a small batch, tile by tile and code by code.

N = 12
SERIALS = st.sets(st.integers(1, N), min_size=1) | st.just(set(range(1, N + 1)))
PATCHES = st.dictionaries(
    st.sampled_from(["lot", "region", "native.shift"]), st.sampled_from(["a", "b", None])
)
EXPORTS = ("reserve", "package", "abandon")
BOOKINGS = st.tuples(
    st.sampled_from(EXPORTS + model.ACTIONS), SERIALS, PATCHES, st.booleans(), st.integers(0, 9)
)


def ranges(serials):
    return [Range(first, last) for first, last in model.runs(serials)]


def serials_of(tiles):
    return [s for t in tiles for s in range(t.serials.first, t.serials.last + 1)]


def per_code(tiles):
    return {serial: shown(tile.value) for tile in tiles for serial in serials_of([tile])}


def ordered(tiles, action, serials, patch, skip_void):
    """What an order makes of `step` and `rewrite`; its guards are the ledger's."""
    passes = skip_void and action != "unvoid"

    def change(standing):
        if passes and standing.state is State.VOID:
            return standing
        return step(standing, Action(action), attributes=patch, reason="lost")

    return rewrite(tiles, ranges(serials), change)


def exported(tiles, kind, package, serials):
    """What an export does to its serials."""

    def change(standing):
        if kind == "package":
            return replace(standing, state=State.PACKAGED)
        if kind == "abandon":
            return replace(standing, package=None)
        if standing.state is not State.SEALED or standing.package:
            raise Stuck
        return replace(standing, package=package)

    return rewrite(tiles, ranges(serials), change)


def feasible(books, booking):
    """A booking that is likely to be accepted: most random ones are not."""
    kind, serials, patch, skip_void, wish = booking
    codes = books.codes
    possible = [a for a in model.ACTIONS if any(code.accepts(a) for code in codes.values())]
    if kind in EXPORTS or not possible:
        return booking
    kind = possible[wish % len(possible)]
    fitting = {serial for serial, code in codes.items() if code.accepts(kind)}
    return kind, serials & fitting or fitting, patch, skip_void, wish


def book(books, tiles, package, booking):
    """The tiles after a booking; unchanged if the model and the tiles refuse it."""
    kind, serials, patch, skip_void, _ = booking
    codes = books.codes
    if kind in ("package", "abandon"):
        serials = {s for s, code in codes.items() if code.reserved and code.package == package}
    refused = []
    try:
        if kind == "reserve":
            books.reserve(serials, package)
        elif kind in EXPORTS:
            getattr(books, kind)(package)
        else:
            void = {s for s in serials if codes[s].state == "void"}
            skipped = void if skip_void and kind != "unvoid" else set()
            count = len(serials - skipped)
            done = books.order(
                kind, serials, skip_void=skip_void, count=count, attributes=patch, reason="lost"
            )
            assert (set(done.applied), set(done.skipped)) == (serials - skipped, skipped)
    except model.Refusal as refusal:
        refused = refusal.serials
    in_the_way = []
    try:
        if kind in EXPORTS:
            tiles = exported(tiles, kind, package, serials)
        else:
            tiles = ordered(tiles, kind, serials, patch, skip_void)
    except Blocked as blocked:
        in_the_way = serials_of(blocked.tiles)
    assert in_the_way == refused
    return tiles


@given(st.lists(st.tuples(BOOKINGS, st.booleans()), min_size=5, max_size=20), st.integers(0, N))
def test_tiles_under_random_changes_are_the_models_codes(bookings, packaged):
    books = model.Books(N)
    tiles = [Tile(Range(1, N), MINTED)]
    first = set(range(1, packaged + 1))
    number = 0
    export = [((kind, first, {}, False, 0), False) for kind in ("reserve", "package")]
    for drawn, tame in (export if first else []) + bookings:
        booking = feasible(books, drawn) if tame else drawn
        number += booking[0] == "reserve"
        tiles = book(books, tiles, f"P{number}", booking)
        assert per_code(tiles) == books.codes
        assert len(tiles) == len(list(groupby(tile.value for tile in tiles)))
        counted = Counter(dict.fromkeys(model.STATES, 0))
        for tile in tiles:
            counted[tile.value.state.value] += len(tile.serials)
        assert counted == books.states()
        assert [
            to_api_state(State(code.state)).value for code in per_code(tiles).values()
        ] == books.seen()
    assert serials_of(select(tiles, [Range(1, N)])) == list(range(1, N + 1))


@pytest.mark.parametrize("standing", REACHABLE, ids=str)
def test_a_shopper_may_hold_what_the_model_calls_live(standing):
    assert live(standing) == shown(standing).live


def test_an_order_passes_over_void_codes_alone_and_unvoid_over_none():
    passed = {(state, action) for state in State for action in Action if passed_over(state, action)}
    assert passed == {(State.VOID, action) for action in set(Action) - {Action.UNVOID}}
