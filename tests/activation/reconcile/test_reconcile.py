"""Reconciliation: the pure comparison by properties, and both sides of a real home healed."""

import hashlib
import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_kit import Backend, client, home_with_batches, opened

from mintmark.activation.client import wire
from mintmark.activation.client.protocol import Declined, ProblemDetails
from mintmark.activation.delivery.deliver import deliver
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.activation.reconcile.comparison import (
    DifferenceKind,
    Pair,
    attribute_patch,
    fingerprint_differences,
    pairs,
    standing_differences,
    step,
    steps,
)
from mintmark.activation.reconcile.reconcile import reconcile
from mintmark.codegen.errors import EnvironmentFailure, Refused
from mintmark.codegen.ledger.changes import Incident, Settled
from mintmark.codegen.ranges.attributes import from_json
from mintmark.codegen.ranges.lifecycle import Action, ApiState, Standing, State, to_api_state
from mintmark.codegen.ranges.lifecycle import step as stepped
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.ranges.tiling import Tile, rewrite

N = 40


def standings():
    attributes = st.dictionaries(
        st.sampled_from(["lot", "region", "max_scans"]), st.sampled_from(["a", "b", 3]), max_size=2
    ).map(from_json)
    states = {
        State.SEALED: (None,),
        State.PACKAGED: (None,),
        State.ACTIVE: (None,),
        State.FROZEN: (State.PACKAGED, State.ACTIVE),
        State.VOID: (State.PACKAGED,),
    }
    return st.sampled_from(sorted(states)).flatmap(
        lambda state: st.builds(
            Standing,
            st.just(state),
            back=st.sampled_from(states[state]),
            attributes=attributes,
            reason=st.sampled_from([None, "lost"]) if state is State.VOID else st.none(),
        )
    )


@st.composite
def tilings(draw):
    cuts = sorted(draw(st.sets(st.integers(1, N - 1), max_size=6)) | {0, N})
    return [Tile(Range(a + 1, b), draw(standings())) for a, b in pairwise(cuts)]


def shown(tiles):
    """The ranges a backend in this state would tell of."""
    return [
        wire.RangeState(
            tile.serials.first,
            tile.serials.last,
            to_api_state(tile.value.state),
            {key: json.loads(text) for key, text in tile.value.attributes},
            0,
        )
        for tile in tiles
    ]


def as_there(standing):
    """A backend knows no sealed codes."""
    return replace(standing, state=State.PACKAGED) if standing.state is State.SEALED else standing


def per_code(tiles):
    return [t.value for t in tiles for _ in range(t.serials.first, t.serials.last + 1)]


@given(tilings(), tilings())
def test_each_code_is_paired_with_itself(ours, theirs):
    found = list(pairs(ours, shown(theirs)))
    assert found[0].serials.first == 1
    for pair in found:
        for serial in range(pair.serials.first, pair.serials.last + 1):
            assert pair.ours == per_code(ours)[serial - 1]
            assert pair.theirs.first <= serial <= pair.theirs.last
    assert sum(len(pair.serials) for pair in found) == N


@given(tilings(), tilings())
def test_what_differs_is_told_and_nothing_else(ours, theirs):
    found = {
        (serial, difference.kind)
        for pair in pairs(ours, shown(theirs))
        for difference in standing_differences(pair)
        for serial in range(difference.serials.first, difference.serials.last + 1)
    }
    expected = set()
    for serial, (mine, other) in enumerate(
        zip(per_code(ours), per_code(theirs), strict=True), start=1
    ):
        if to_api_state(mine.state) is not to_api_state(other.state):
            expected.add((serial, DifferenceKind.STATE))
        if mine.attributes != other.attributes:
            expected.add((serial, DifferenceKind.ATTRIBUTES))
    assert found == expected


@given(tilings(), tilings())
def test_the_orders_proposed_bring_both_sides_together(ours, theirs):
    """A backend made of the pure algebra obeys them; a few rounds, and nothing differs."""
    theirs = [Tile(tile.serials, as_there(tile.value)) for tile in theirs]
    for _ in range(5):
        wanted = list(pairs(ours, shown(theirs)))
        todo = steps(wanted, 1_000)
        if not todo:
            break
        for order in todo:

            def change(standing, order=order):
                assert to_api_state(standing.state) is order.from_state
                return stepped(
                    standing, order.action, attributes=order.attributes, reason=order.reason
                )

            theirs = rewrite(theirs, order.serials, change)
    assert not any(list(standing_differences(pair)) for pair in pairs(ours, shown(theirs)))


@given(tilings(), tilings())
def test_no_code_is_made_active_that_the_ledger_has_not_active(ours, theirs):
    for pair in pairs(ours, shown(theirs)):
        order = step(pair)
        if order and order.action is Action.ACTIVATE:
            assert pair.ours.state is State.ACTIVE


def test_what_is_frozen_here_is_not_left_active_there_for_when_it_thaws():
    ours = Standing(State.FROZEN, back=State.PACKAGED)
    pair = Pair(Range(1, 5), ours, wire.RangeState(1, 5, ApiState.ACTIVE, {}, 0))
    assert step(pair).action is Action.REVOKE


def test_alike_steps_share_an_order_up_to_the_limit():
    ours = [Tile(Range(n, n), Standing(State.ACTIVE if n % 2 else State.VOID)) for n in range(1, 9)]
    there = [wire.RangeState(1, 8, ApiState.INACTIVE, {}, 0)]
    found = steps(pairs(ours, there), 3)
    assert [(order.action.value, len(order.serials)) for order in found] == [
        ("activate", 3),
        ("activate", 1),
        ("void", 3),
        ("void", 1),
    ]
    assert found[2].reason == "other"
    assert found[0].count == 3


def test_codes_voided_for_different_reasons_are_in_different_orders():
    reasons = ("lost", "damaged", "lost")
    ours = [
        Tile(Range(n, n), Standing(State.VOID, reason=reason))
        for n, reason in enumerate(reasons, 1)
    ]
    there = [wire.RangeState(1, 3, ApiState.INACTIVE, {}, 0)]
    found = steps(pairs(ours, there), 1_000)
    assert [(order.reason, [part.pair() for part in order.serials]) for order in found] == [
        ("lost", [[1, 1], [3, 3]]),
        ("damaged", [[2, 2]]),
    ]


@pytest.mark.parametrize(
    "theirs",
    [
        [wire.RangeState(1, 9, ApiState.INACTIVE, {}, 0)],
        [
            wire.RangeState(1, 4, ApiState.ACTIVE, {}, 0),
            wire.RangeState(6, 10, ApiState.VOID, {}, 0),
        ],
        [wire.RangeState(1, 11, ApiState.INACTIVE, {}, 0)],
        [],
    ],
)
def test_ranges_that_leave_a_gap_are_no_answer(theirs):
    with pytest.raises(ValueError, match=r"gap|end before"):
        list(pairs([Tile(Range(1, 10), Standing(State.SEALED))], theirs))


def test_one_moment_may_be_written_in_two_zones():
    ours = Standing(State.ACTIVE, attributes=from_json({"expires_at": "2026-12-31T16:00:00Z"}))
    there = {"expires_at": "2027-01-01T00:00:00+08:00"}
    pair = Pair(Range(1, 1), ours, wire.RangeState(1, 1, ApiState.ACTIVE, there, 0))
    assert not attribute_patch(pair)
    later = {"expires_at": "2027-01-01T00:00:01+08:00"}
    pair = Pair(Range(1, 1), ours, wire.RangeState(1, 1, ApiState.ACTIVE, later, 0))
    assert attribute_patch(pair) == {"expires_at": "2026-12-31T16:00:00Z"}


@pytest.mark.parametrize(
    ("state", "held", "data", "wrong"),
    [
        ("active", 3, b"abc", False),
        ("active", 3, b"abd", True),
        ("active", 2, b"ab", True),
        ("inactive", 3, b"abc", False),
        ("inactive", 3, b"abd", True),
        ("inactive", 1, b"x", False),
        ("inactive", 0, b"", False),
        ("inactive", 4, b"abcd", True),
    ],
)
def test_fingerprints_are_those_that_were_minted(state, held, data, wrong):
    their = wire.RangeState(1, 3, ApiState(state), {}, 0, held, hashlib.sha256(data).hexdigest())
    found = fingerprint_differences(their, lambda _: hashlib.sha256(b"abc").hexdigest())
    assert bool(found) is wrong


# --- both sides real -----------------------------------------------------------------------


@pytest.fixture
def made(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    with (
        Backend(tmp_path / "backend", home.path) as backend,
        client(backend.url) as line,
        opened(home.path) as station,
    ):
        yield station, line, batch


def order(station, batch, action, serials, **more):
    request = OrderRequest(Action(action), batch, BySerials(serials), **more)
    return book(station, request)[0].order


def test_a_batch_the_backend_never_heard_of_agrees_while_nothing_was_ordered(made):
    station, line, batch = made
    found = reconcile(station, line, batch)
    assert (found.equal, found.registered, found.exit_code) == (True, False, 0)


def test_no_backend_is_told(made):
    station, _, batch = made
    with pytest.raises(EnvironmentFailure, match="no backend"):
        reconcile(station, None, batch)


def test_what_the_backend_missed_is_found_and_healed(made):
    station, line, batch = made
    # Orders that the backend refused, or so it seems: the ledger has them, the backend not.
    for action, serials, more in (
        ("activate", "1-50", {"attributes": {"lot": "L1", "expires_at": "2097-01-01T00:00:00Z"}}),
        ("freeze", "10-19", {}),
        ("void", "30;260", {"reason": "lost", "count": 2}),
        ("assign", "201-210", {"attributes": {"region": "Hunan"}}),
        ("freeze", "60-69", {}),
    ):
        name = order(station, batch, action, serials, **more)
        station.ledger.commit(station.author, Settled(name, "refused", "lost its mind"))
    # And some that reached it and were healed away here.
    name = order(station, batch, "activate", "100-110", attributes={"lot": "L9"})
    deliver(station, line)
    name = order(station, batch, "revoke", "100-105", attributes={"lot": None})
    station.ledger.commit(station.author, Settled(name, "refused", "lost its mind"))
    found = reconcile(station, line, batch)
    assert (found.equal, found.exit_code, found.queued) == (False, 3, 0)
    assert found.different == 50 + 1 + 10 + 10 + 6
    assert {difference.kind for difference in found.differences} == {
        DifferenceKind.STATE,
        DifferenceKind.ATTRIBUTES,
    }
    before = reconcile(station, line, batch)
    assert before.orders == found.orders  # looking changes nothing
    healed = reconcile(station, line, batch, apply=True)
    assert healed.equal
    assert {proposal.delivery for proposal in healed.orders} == {"acknowledged"}
    assert reconcile(station, line, batch).orders == ()
    with station.ledger.read() as view:
        details = [
            e.change.detail for e in view.events(limit=1_000) if isinstance(e.change, Incident)
        ]
    # Each is in the audit chain, by its id.
    assert len(details) == len(healed.orders)
    assert all(
        proposal.order in detail for proposal, detail in zip(healed.orders, details, strict=True)
    )


def test_queued_orders_come_first(made):
    station, line, batch = made
    order(station, batch, "activate", "1-5")
    found = reconcile(station, line, batch)
    assert (found.equal, found.queued) == (False, 1)
    with pytest.raises(Refused, match="queued"):
        reconcile(station, line, batch, apply=True)


def test_codes_the_backend_activated_by_itself_are_taken_back(made):
    station, line, batch = made
    order(station, batch, "activate", "1-20")
    deliver(station, line)
    data = b"".join(
        d for _, d in station.vault.fingerprints(batch, Range(21, 30), station.station_keys)
    )
    line.upload(batch, 21, data)
    line.order(wire.Order("forged-1", batch, "activate", [[21, 30]], attributes={"lot": "X"}))
    found = reconcile(station, line, batch)
    assert found.different == 10
    assert [proposal.action for proposal in found.orders] == [Action.REVOKE]
    assert reconcile(station, line, batch, apply=True).equal


def test_other_fingerprints_there_are_told_and_no_order_is_proposed(made, tmp_path):
    station, line, batch = made
    order(station, batch, "activate", "1-4")
    deliver(station, line)
    assert reconcile(station, line, batch).equal
    # Somebody else's fingerprint under one of our serials.
    line.upload(batch, 5, bytes(16))
    line.order(wire.Order("forged-1", batch, "activate", [[5, 5]]))
    line.order(wire.Order("forged-2", batch, "revoke", [[5, 5]]))
    found = reconcile(station, line, batch)
    assert (found.equal, found.unverified) == (True, 1)  # held, among others that are not
    assert "not compared: 1 fingerprints" in "\n".join(found.lines())
    order(station, batch, "assign", "5", attributes={"lot": "L5"})
    deliver(station, line)
    found = reconcile(station, line, batch)
    assert (found.equal, found.orders) == (False, ())
    assert [(difference.kind, difference.serials) for difference in found.differences] == [
        (DifferenceKind.FINGERPRINTS, Range(5, 5))
    ]


class Refusing:
    """The real backend, except that it refuses every order."""

    def __init__(self, real):
        self.real, self.refused = real, []

    def __getattr__(self, name):
        return getattr(self.real, name)

    def order(self, order):
        self.refused.append(order.order)
        raise Declined(ProblemDetails(403, "forbidden", "forbidden", "not this line's"))


def test_a_backend_that_takes_no_order_is_sent_each_once(made):
    station, line, batch = made
    order(station, batch, "activate", "1-100")
    deliver(station, line)
    line.order(wire.Order("by-hand", batch, "revoke", [[1, 10]]))
    refusing = Refusing(line)
    found = reconcile(station, refusing, batch, apply=True)
    assert len(refusing.refused) == len(found.orders) == 1
    assert found.orders[0].delivery == "refused: forbidden: not this line's"
    assert not found.equal
