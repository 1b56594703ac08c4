"""A lost answer at a backend that forgets, and at one that keeps what it said: who is believed."""

import contextlib
import random
from dataclasses import dataclass, field

import pytest
from broken_backends import Forgetful
from line_kit import Backend, client, home_with_batches, opened
from proxy import Proxy
from sqlalchemy import delete

from mintmark.activation.backend import serve, tables
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.activation.client import wire
from mintmark.activation.client.protocol import Away, Declined
from mintmark.activation.delivery import health
from mintmark.activation.delivery.api_objects import batch_of
from mintmark.activation.delivery.deliver import deliver
from mintmark.activation.delivery.inquiry import FORGETS, OR_OTHERS, STANDS, UNHEARD, UNREAD
from mintmark.activation.orders.doubts import DOUBT_ENDED, IN_DOUBT
from mintmark.activation.orders.listing import show
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.activation.reconcile.reconcile import reconcile
from mintmark.codegen.errors import MintmarkError
from mintmark.codegen.ranges.lifecycle import Action


def forget(store, order):
    with store._database.write() as connection:
        connection.execute(delete(tables.orders).where(tables.orders.c.order_id == order))


class Amnesiac(Store):
    """Keeps nothing under an order's id: no answer, and no refusal."""

    def order(self, order, now):
        try:
            return super().order(order, now)
        finally:
            forget(self, order.order)


class Unrefusing(Store):
    """Keeps its answers, and no refusal."""

    def order(self, order, now):
        try:
            return super().order(order, now)
        except Problem:
            forget(self, order.order)
            raise


class LastWord(Store):
    """Keeps the answer that came last, in the place of the first."""

    def order(self, order, now):
        forget(self, order.order)
        return super().order(order, now)


class Narrowed(Store):
    """Keeps all, and looks whether a line may order before it looks at what it kept."""

    def order(self, order, now):
        with self._database.read() as connection:
            if connection.execute(tables.orders.select()).first():
                raise Problem("forbidden", "this line may not any more")
        return super().order(order, now)


class Closed(Amnesiac):
    """Shows no batch to anybody."""

    def query(self, batch, query):
        raise Problem("forbidden", "nobody may read")


class Malformed(Amnesiac):
    """Shows ranges that begin nowhere."""

    def query(self, batch, query):
        return wire.BatchPage(super().query(batch, query).info, (), None)


@dataclass
class Desk:
    """A home of 300 codes, 1-200 packaged, a backend, and a network that loses what it is told."""

    home: object
    batch: str
    proxy: Proxy
    url: str
    lose: list = field(default_factory=list)
    lose_questions: str = ""
    hands: int = 0

    def fault(self, request):
        if not request.path.startswith("/v1/orders/"):
            return ""
        if request.method == "GET":
            return self.lose_questions
        return self.lose.pop(0) if self.lose else ""

    def order(self, action, serials, *lose, **more):
        """Book an order and deliver it; of the first attempts `lose` names what is lost."""
        self.lose = list(lose)
        with opened(self.home.path) as station, client(self.proxy.url) as line:
            request = OrderRequest(Action(action), self.batch, BySerials(serials), **more)
            name = book(station, request)[0].order
            for _ in (*lose, "none"):
                deliver(station, line)
            return show(station, name)

    def compare(self, *, apply=False, over=None):
        with opened(self.home.path) as station, client(over or self.url) as line:
            return reconcile(station, line, self.batch, apply=apply)

    def by_hand(self, action, *pairs, **more):
        with client(self.url) as line, opened(self.home.path) as station:
            line.register(batch_of(station, self.batch))
            self.hands += 1
            name = f"by-hand-{self.hands}"
            line.order(wire.Order(name, self.batch, action, pairs, **more))

    def incidents(self, kind):
        with opened(self.home.path) as station, station.ledger.read() as view:
            return [event.change.detail for event in view.incidents(kind)]


@pytest.fixture
def at(tmp_path, monkeypatch):
    """Opens a desk at a backend of this class."""
    with contextlib.ExitStack() as stack:

        def open_at(store):
            monkeypatch.setattr(serve, "Store", store)
            folder = tmp_path / store.__name__
            folder.mkdir()
            home, (batch,) = home_with_batches(folder)
            stack.callback(home.close)
            backend = stack.enter_context(Backend(folder / "backend", home.path))
            desk = Desk(home, batch, Proxy(backend.url), backend.url)
            desk.proxy.fault = desk.fault
            stack.enter_context(desk.proxy)
            return desk

        yield open_at


# Each action: what has to come before it, and what it takes.
ACTIONS = {
    "activate": ((), {"attributes": {"lot": "L1", "expires_at": "2097-01-01T00:00:00Z"}}),
    "freeze": ((), {}),
    "unfreeze": (("freeze",), {}),
    "revoke": (("activate",), {}),
    "void": ((), {"reason": "lost", "strict": True}),
    "unvoid": (("void",), {}),
}


def each_action(desk, *lose):
    """Each action on serials of its own, after what has to come before it: (action, order)."""
    for number, (action, (before, more)) in enumerate(ACTIONS.items()):
        serials = f"{10 * number + 1}-{10 * number + 9}"
        for step in before:
            assert desk.order(step, serials, **ACTIONS[step][1]).status == "acknowledged"
        yield action, serials, desk.order(action, serials, *lose, **more)


@pytest.mark.parametrize("store", [Forgetful, Amnesiac])
def test_a_lost_answer_at_a_forgetful_backend_is_no_plain_refusal(at, store):
    desk, told = at(store), []
    for action, serials, shown in each_action(desk, "drop answer"):
        found = desk.compare()
        assert (shown.status, shown.in_doubt) == ("refused", True)
        assert shown.detail.startswith(FORGETS), shown.detail
        assert (UNHEARD in shown.detail) is (action == "activate")
        assert (found.equal, found.exit_code) == (True, 3)
        told.append(f"order {shown.order}, {action} {serials}: {shown.detail}")
        text = "\n".join(found.lines())
        assert all(line in text for line in told)
        assert "--apply books that" in text
        assert f"in doubt: mintmark reconcile {desk.batch}" in next(shown.lines())
    assert len(desk.incidents(IN_DOUBT)) == len(ACTIONS)


def test_a_doubt_ends_when_both_sides_are_found_alike_and_that_is_booked(at):
    desk = at(Forgetful)
    shown = desk.order("activate", "1-9", "drop answer")
    desk.by_hand("freeze", [20, 29])
    found = desk.compare()
    assert (found.equal, len(found.in_doubt), found.exit_code) == (False, 1, 3)
    assert "--apply books that" not in "\n".join(found.lines())
    healed = desk.compare(apply=True)
    assert (healed.equal, healed.in_doubt, healed.exit_code) == (True, (), 0)
    assert desk.compare().exit_code == 0
    (ended,) = desk.incidents(DOUBT_ENDED)
    assert shown.order in ended
    with opened(desk.home.path) as station:
        again = show(station, shown.order)
    assert not again.in_doubt
    assert again.detail.startswith(FORGETS)  # what was said of it stays


@pytest.mark.parametrize("store", [Store, LastWord])
def test_a_backend_that_keeps_its_answers_is_believed(at, store):
    desk = at(store)
    losses = ("drop answer", "drop request", "twice")
    for number, loss in enumerate(losses if store is Store else losses[:2]):
        for tens, (action, (before, more)) in enumerate(ACTIONS.items(), 6 * number):
            serials = f"{10 * tens + 1}-{10 * tens + 9}"
            for step in before:
                desk.order(step, serials, **ACTIONS[step][1])
            shown = desk.order(action, serials, loss, **more)
            assert (shown.status, shown.detail, shown.in_doubt) == ("acknowledged", None, False)
    assert desk.compare().exit_code == 0
    assert not desk.incidents(IN_DOUBT)


@pytest.mark.parametrize("store", [Store, Unrefusing])
def test_codes_that_somebody_else_brought_there_make_no_backend_forgetful(at, store):
    desk = at(store)
    desk.order("activate", "100")  # it can be asked for what it took
    for serials, lose in (("1-9", ()), ("11-19", ("drop request",))):
        first, last = map(int, serials.split("-"))
        desk.by_hand("freeze", [first, last])
        shown = desk.order("freeze", serials, *lose)
        assert (shown.status, shown.in_doubt) == ("refused", True)
        forgot = store is Unrefusing and lose
        assert shown.detail.startswith(f"{FORGETS if forgot else STANDS}; refused: ")
        assert desk.compare().exit_code == 3  # it is said, whoever it was
        assert desk.compare(apply=True).exit_code == 0


def test_without_any_order_to_ask_for_it_may_have_been_somebody_else(at):
    desk = at(Store)
    desk.by_hand("freeze", [1, 9])
    shown = desk.order("freeze", "1-9", "drop request")
    assert shown.detail.startswith(f"{FORGETS}{OR_OTHERS}; refused: ")


def test_an_order_that_was_not_applied_is_refused_and_differs(at):
    desk = at(Forgetful)
    desk.by_hand("freeze", [5, 5])
    desk.by_hand("freeze", [11, 19], attributes={"lot": "L2"})
    desk.by_hand("void", [21, 29], attributes={"lot": "L3"})
    lot = {"attributes": {"lot": "L3"}}
    for action, serials, more in (
        ("freeze", "1-9", {}),
        ("freeze", "11-19", lot),
        ("assign", "21-29", {"strict": True, **lot}),
    ):
        shown = desk.order(action, serials, "drop request", **more)
        assert (shown.status, shown.in_doubt) == ("refused", False)
        assert shown.detail.startswith("Ranges are in the way")
    found = desk.compare()
    assert (found.equal, found.in_doubt, found.different) == (False, (), 8 + 9 + 9)


@pytest.mark.parametrize("loss", ["drop answer", "twice"])
def test_a_scope_that_was_narrowed_after_an_order_was_applied_refuses_nothing(at, loss):
    desk = at(Narrowed)
    shown = desk.order("activate", "1-9", loss)
    assert (shown.status, shown.detail) == ("acknowledged", None)
    assert desk.compare().exit_code == 0
    assert desk.order("activate", "11-19").status == "refused"


def test_an_id_that_somebody_else_used_is_no_answer_to_this_order(at):
    desk = at(Store)
    desk.order("activate", "100")
    with client(desk.url) as line:
        line.order(wire.Order("reel-1", desk.batch, "freeze", [[1, 9]]))
    shown = desk.order("freeze", "1-19", "drop request", order="reel-1")
    assert (shown.status, shown.in_doubt) == ("refused", False)
    assert "different order" in shown.detail or "id" in shown.detail
    assert not desk.compare().equal


@pytest.mark.parametrize("store", [Closed, Malformed])
def test_what_cannot_be_read_back_is_said_of_an_order_that_was_tried_before(at, store):
    desk = at(store)
    shown = desk.order("freeze", "1-9", "drop answer")
    assert (shown.status, shown.in_doubt) == ("refused", True)
    assert shown.detail.startswith(f"{UNREAD}; refused: ")
    desk.by_hand("freeze", [11, 19])
    shown = desk.order("freeze", "11-19")
    assert (shown.status, shown.in_doubt) == ("refused", False)
    with pytest.raises(MintmarkError):
        desk.compare()


def test_a_void_order_that_finds_all_void_did_so_before(at):
    desk = at(Amnesiac)
    shown = desk.order("void", "1-9", "drop answer", reason="lost")
    assert (shown.status, shown.in_doubt) == ("acknowledged", True)
    assert shown.detail.startswith(f"{FORGETS}; the backend changed 0 codes, the books 9")
    assert desk.compare().exit_code == 3
    assert desk.compare(apply=True).exit_code == 0


def test_while_nothing_can_be_asked_the_order_waits(at):
    desk = at(Forgetful)
    desk.lose = ["drop answer"]
    with opened(desk.home.path) as station, client(desk.proxy.url) as line:
        name = book(station, OrderRequest(Action.FREEZE, desk.batch, BySerials("1-9")))[0].order
        for lost in ("drop answer", "drop request", "503"):
            desk.lose_questions = lost
            deliver(station, line)
            assert show(station, name).status == "queued"
        desk.lose_questions = ""
        deliver(station, line)
        assert show(station, name).detail.startswith(FORGETS)


def test_doctor_says_that_a_backend_forgets(at):
    for store, said in ((Store, False), (Forgetful, True)):
        desk = at(store)
        shown = desk.order("activate", "1-9")
        with opened(desk.home.path) as station, client(desk.url) as line:
            found = list(health._memory(station, line))
        assert bool(found) is said
        assert all(shown.order in finding.message for finding in found)


def test_a_correction_that_arrives_twice_is_no_plain_refusal(at):
    desk = at(Forgetful)
    desk.order("activate", "100")
    desk.by_hand("freeze", [1, 9])
    desk.lose = ["twice"]
    found = desk.compare(apply=True, over=desk.proxy.url)
    (sent,) = found.orders
    assert sent.delivery.startswith(f"{STANDS}; refused: ")
    assert (found.equal, found.exit_code) == (True, 0)


@pytest.mark.parametrize("store", [Store, Forgetful])
def test_a_correction_whose_answer_was_lost_is_asked_for(at, store):
    desk = at(store)
    desk.order("activate", "1-9")
    desk.by_hand("revoke", [1, 9])
    with client(desk.url) as phone:
        assert phone.scan(desk.home.codes(desk.batch)[2]).result == "inactive"
    desk.lose = ["drop answer"]
    if store is Store:
        assert desk.compare(apply=True, over=desk.proxy.url).orders[0].delivery == "acknowledged"
        (incident,) = desk.incidents("scanned-before")
        assert incident.endswith(", serials 3")
    else:
        with pytest.raises(Away):
            desk.compare(apply=True, over=desk.proxy.url)
    assert desk.compare().exit_code == 0


# --- at random -----------------------------------------------------------------------------


def a_random_order(dice):
    first = dice.randint(1, 30)
    last = first + dice.randint(0, 5)
    action = dice.choice([*ACTIONS, "activate", "freeze", "assign"])
    more = dict(ACTIONS[action][1]) if action in ACTIONS else {"attributes": {"region": "Hunan"}}
    more["strict"] = dice.random() < 0.5
    return action, [first, last], more


def by_other_hands(desk, dice, action, pair):
    """Now and then somebody does the same, or something else, to just these codes."""
    draw = dice.random()
    if draw < 0.4:
        with contextlib.suppress(Declined):
            desk.by_hand(action if draw < 0.2 else "freeze", pair)


@pytest.mark.parametrize("store", [Store, Forgetful, Amnesiac, LastWord])
def test_no_order_that_was_applied_ends_as_refused_and_agreed(at, store):
    """Random orders, answers and requests lost at random, other hands now and then."""
    desk, dice, applied = at(store), random.Random(7), set()
    seen = {"refused": 0, "acknowledged": 0}

    def passed(heard):
        if heard[0].method == "PUT" and heard[1] == 200:
            applied.add(heard[0].path)

    desk.proxy.passed = passed
    while sum(seen.values()) < 8:
        action, pair, more = a_random_order(dice)
        lose = dice.choice([(), ("drop answer",), ("drop request",), ("twice",), ("cut",)])
        by_other_hands(desk, dice, action, pair)
        try:
            shown = desk.order(action, "-".join(map(str, pair)), *lose, **more)
        except MintmarkError:  # the books refuse it
            continue
        seen[shown.status] += 1
        was_applied = f"/v1/orders/{shown.order}" in applied
        found = desk.compare()
        if shown.status == "refused" and was_applied:
            assert shown.in_doubt
        if shown.in_doubt:
            assert shown.order in {doubt.order for doubt in found.in_doubt}
            assert found.exit_code == 3
        if store is Store:
            assert (shown.status == "acknowledged") is was_applied
            assert not (shown.detail or "").startswith(FORGETS) or OR_OTHERS in shown.detail
        if dice.random() < 0.3:
            healed = desk.compare(apply=True)
            assert (healed.equal, healed.exit_code) == (True, 0), healed
    assert all(seen.values()), seen
