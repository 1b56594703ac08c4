"""Remarks on an order that the backend took, and what follows from its answer."""

from dataclasses import dataclass

import pytest
from line_kit import Backend, client, home_with_batches, opened

from mintmark.activation.client import wire
from mintmark.activation.delivery import scanned_before
from mintmark.activation.delivery.attempt import BOOKING_ATTEMPTS
from mintmark.activation.delivery.deliver import Courier, deliver
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.activation.reconcile.reconcile import reconcile
from mintmark.codegen import roster
from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range


@dataclass
class Scripted:
    """A backend that takes everything, and answers what the test wants."""

    applied: int
    scanned_before: tuple[int, ...] = ()
    where: tuple[Range, ...] = ()
    truncated: bool = False

    def as_line(self, _line):
        return self

    def head(self, home):
        return wire.HeadAnswer(home)

    def register(self, _batch):
        """Known."""

    def upload(self, _batch, _first, _data):
        """Kept."""

    def scan_ins(self, _after=0):
        """Not offered."""

    def order(self, order):
        return wire.OrderAnswer(
            order=order.order,
            batch=order.batch,
            action=Action(order.action),
            dry_run=False,
            applied=self.where or (Range(1, self.applied),),
            applied_count=self.applied,
            skipped=(),
            skipped_count=0,
            truncated=self.truncated,
            scanned_before=self.scanned_before,
        )


@dataclass
class Desk:
    """A home of 300 codes, 1-200 packaged, and a real backend beside it."""

    home: object
    batch: str
    backend: Backend

    def policy(self):
        """Switch the policy on."""
        path = self.home.path / "mintmark.toml"
        text = path.read_text("utf-8")
        assert "# freeze_scanned_before = true" in text
        path.write_text(text.replace("# freeze_", "freeze_"), "utf-8")

    def scan(self, *named):
        codes = self.home.codes(self.batch)
        with client(self.backend.url) as phone:
            return [phone.scan(codes[serial - 1]).result for serial in named]

    def book(self, serials="1-100", action=Action.ACTIVATE):
        with opened(self.home.path) as station:
            return book(station, OrderRequest(action, self.batch, BySerials(serials)))[0].order

    def deliver(self, *, failpoint=None, until=None, commit=None):
        with opened(self.home.path) as station, client(self.backend.url) as line:
            station.failpoint = failpoint or station.failpoint
            if commit:
                station.ledger.commit = commit(station.ledger.commit)
            return Courier(station, line).deliver(until=until)

    def orders(self):
        with opened(self.home.path) as station, station.ledger.read() as view:
            return {row.order: row for row in view.orders()}

    def incidents(self):
        with opened(self.home.path) as station, station.ledger.read() as view:
            return [event.change.detail for event in view.incidents("scanned-before")]

    def states(self, *named):
        with opened(self.home.path) as station, station.ledger.read() as view:
            return [view.at(self.batch, serial).state for serial in named]

    def agrees(self):
        with opened(self.home.path) as station, client(self.backend.url) as line:
            return reconcile(station, line, self.batch).equal


@pytest.fixture
def desk(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    with Backend(tmp_path / "backend", home.path) as backend:
        yield Desk(home, batch, backend)
    home.close()


@dataclass
class Answered:
    """What the books have after an activation of 1-100."""

    detail: str
    incidents: list


def after(tmp_path, backend):
    home, (batch,) = home_with_batches(tmp_path)
    desk = Desk(home, batch, None)
    order = desk.book()
    with opened(home.path) as station:
        deliver(station, backend)
    row = desk.orders()[order]
    assert row.status == "acknowledged"
    return Answered(row.detail, desk.incidents())


def test_a_plain_yes_needs_no_remark(tmp_path):
    answered = after(tmp_path, Scripted(100))
    assert (answered.detail, answered.incidents) == (None, [])


def test_a_backend_that_changed_other_codes_than_the_books_is_reported(tmp_path):
    detail = after(tmp_path, Scripted(99)).detail
    assert detail.startswith("the backend changed 99 codes, the books 100: see mintmark reconcile")


OTHER = "the backend changed other codes than the books: see mintmark reconcile"


@pytest.mark.parametrize(
    ("where", "truncated", "said"),
    [
        ((Range(1, 99), Range(101, 101)), False, OTHER),
        ((Range(1, 99), Range(101, 101)), True, OTHER),
        ((Range(1, 99),), False, OTHER),  # and counts 100
        ((Range(1, 99),), True, None),
        ((Range(1, 50), Range(51, 100)), False, None),
    ],
)
def test_codes_that_an_answer_names_are_those_of_the_books(tmp_path, where, truncated, said):
    detail = after(tmp_path, Scripted(100, where=where, truncated=truncated)).detail
    assert detail == said or detail.startswith(said)


def test_codes_scanned_too_early_are_reported(tmp_path):
    answered = after(tmp_path, Scripted(100, (3, 7)))
    assert answered.detail == "2 of these codes had been scanned before they were active"
    (incident,) = answered.incidents
    assert incident.startswith("2 codes made active by order ")
    assert incident.endswith(", serials 3,7")


def test_both_remarks_stand_side_by_side(tmp_path):
    assert "reconcile" in after(tmp_path, Scripted(99, (3,))).detail.split("; ")[0]


def test_serials_that_were_not_ordered_are_passed_over(tmp_path):
    answered = after(tmp_path, Scripted(100, (3, 101, 300, 10**11)))
    assert answered.incidents[0].endswith(", serials 3")
    (tmp_path / "other").mkdir()
    assert after(tmp_path / "other", Scripted(100, (101, 300))) == Answered(None, [])


def test_codes_that_the_order_skipped_are_passed_over(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    desk = Desk(home, batch, None)
    with opened(home.path) as station:
        void = OrderRequest(Action.VOID, batch, BySerials("3"), reason="lost")
        book(station, void)
        deliver(station, Scripted(1))
        book(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-100")))
        deliver(station, Scripted(99, (3, 7)))
    (incident,) = desk.incidents()
    assert incident.endswith(", serials 7")


def test_a_freeze_that_follows_is_an_order_of_the_same_line(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    desk = Desk(home, batch, None)
    desk.policy()
    with opened(home.path) as station:
        roster.new_line(station, "line-3")
        request = OrderRequest(Action.ACTIVATE, batch, BySerials("1-100"), line="line-3")
        activation, _ = book(station, request)
        deliver(station, Scripted(100, (3, 7)))
    assert desk.orders()[scanned_before.order_id(activation.order)].change.line == "line-3"


def test_a_list_that_is_full_may_not_be_whole(tmp_path):
    answered = after(tmp_path, Scripted(100, tuple(range(1, wire.LISTED + 1))))
    assert "1,000 at most: there may be more" in answered.detail
    assert "1,000 at most: there may be more" in answered.incidents[0]


# --- the policy --------------------------------------------------------------------------


def test_without_the_policy_nothing_is_frozen(desk):
    desk.scan(3, 7)
    desk.book()
    desk.deliver()
    assert desk.states(3, 7) == [State.ACTIVE, State.ACTIVE]
    assert len(desk.incidents()) == 1


def test_the_policy_freezes_exactly_the_codes_scanned_before(desk):
    desk.policy()
    assert desk.scan(3, 7, 7, 150) == ["unknown"] * 4
    activation = desk.book()
    freeze = scanned_before.order_id(activation)
    assert desk.deliver().delivered == [activation, freeze]
    row = desk.orders()[freeze]
    assert (row.status, serials.to_pairs(row.change.serials)) == (
        "acknowledged",
        [[3, 3], [7, 7]],
    )
    assert row.change.reason == scanned_before.REASON
    assert desk.states(2, 3, 7, 8) == [State.ACTIVE, State.FROZEN, State.FROZEN, State.ACTIVE]
    assert desk.scan(2, 3, 7) == ["genuine", "frozen", "frozen"]
    (incident,) = desk.incidents()
    assert f"; frozen by order {freeze}; batch {desk.batch}, serials 3,7" in incident
    assert desk.agrees()


class Killed(BaseException):
    """As SIGKILL: nothing of ours runs after it."""


def at(point):
    def failpoint(reached):
        if reached == point:
            raise Killed

    return failpoint


@pytest.mark.parametrize(("point", "booked"), [("answered", 0), ("settled", 1)])
def test_killed_anywhere_it_freezes_exactly_once(desk, point, booked):
    desk.policy()
    desk.scan(3)
    activation = desk.book()
    with pytest.raises(Killed):
        desk.deliver(failpoint=at(point))
    freeze = scanned_before.order_id(activation)
    # Settlement, incident and freeze order stand in the books together, or not at all.
    settled = desk.orders()[activation].status == "acknowledged"
    assert (settled, freeze in desk.orders(), len(desk.incidents())) == (
        *(bool(booked), bool(booked)),
        booked,
    )
    desk.deliver()
    assert [row.status for row in desk.orders().values()] == ["acknowledged", "acknowledged"]
    assert len(desk.incidents()) == 1
    assert desk.scan(3) == ["frozen"]
    assert not desk.deliver().delivered
    assert desk.agrees()


def test_a_line_that_waits_for_its_order_sends_the_freeze_as_well(desk):
    desk.policy()
    desk.scan(3)
    activation = desk.book()
    later = desk.book("101-110")
    assert desk.deliver(until=activation).delivered == [
        activation,
        later,  # booked before the freeze: first in, first out
        scanned_before.order_id(activation),
    ]


def test_a_line_waits_for_no_other_order(desk):
    first, second = desk.book("1-10"), desk.book("11-20")
    assert desk.deliver(until=first).delivered == [first]
    assert desk.deliver(until=second).delivered == [second]


def test_codes_that_moved_on_are_left_where_they_are(desk):
    desk.policy()
    desk.scan(3, 7, 9)
    activation = desk.book()
    desk.book("3", Action.FREEZE)
    desk.book("9", Action.REVOKE)
    desk.deliver()
    freeze = desk.orders()[scanned_before.order_id(activation)]
    assert serials.to_pairs(freeze.change.serials) == [[7, 7], [9, 9]]
    assert "1 of them cannot be as they stand" in desk.incidents()[0]
    assert desk.agrees()


def test_all_of_them_moved_on(desk):
    desk.policy()
    desk.scan(3)
    activation = desk.book()
    desk.book("3", Action.FREEZE)
    desk.deliver()
    assert scanned_before.order_id(activation) not in desk.orders()
    assert "none can be frozen as they stand" in desk.incidents()[0]


def test_reconciling_reports_them_and_freezes_nothing(desk):
    desk.policy()
    desk.book("1-10")
    desk.deliver()
    with opened(desk.home.path) as station, client(desk.backend.url) as line:
        # Somebody at the backend took the activation back, and a shopper came by.
        line.order(wire.Order("by-hand", desk.batch, "revoke", [[1, 10]]))
        desk.scan(3)
        reconcile(station, line, desk.batch, apply=True)
    assert desk.agrees()
    assert desk.incidents()[0].endswith(", serials 3")
    assert desk.states(3) == [State.ACTIVE]


def test_codes_that_are_being_reprinted_are_settled_without_a_freeze(desk):
    desk.policy()
    desk.scan(3)
    activation = desk.book()
    desk.book("1-100", Action.REVOKE)
    with opened(desk.home.path) as station:
        with station.ledger.read() as view:
            (package,) = view.packages()
        reprint = c.ExportBegun(
            station.new_id(), desk.batch, package.serials, "li", "csv",
            supersedes=package.package, reason="misprint",
        )  # fmt: skip
        station.ledger.commit(station.author, reprint)
    desk.deliver()
    assert [row.status for row in desk.orders().values()] == ["acknowledged"] * 2
    assert "none can be frozen as they stand" in desk.incidents()[0]
    assert scanned_before.order_id(activation) not in desk.orders()


def test_an_order_booked_in_between_is_seen(desk):
    """Somebody freezes a code after it was looked at and before the freeze is booked."""
    desk.policy()
    desk.scan(3, 7)
    activation = desk.book()

    def interfering(commit):
        def instead(author, *changes, **options):
            if isinstance(changes[0], c.Settled) and len(desk.orders()) == 1:
                desk.book("3", Action.FREEZE)
            return commit(author, *changes, **options)

        return instead

    desk.deliver(commit=interfering)
    freeze = desk.orders()[scanned_before.order_id(activation)]
    assert serials.to_pairs(freeze.change.serials) == [[7, 7]]
    assert desk.states(3, 7) == [State.FROZEN, State.FROZEN]
    assert len(desk.incidents()) == 1
    assert desk.agrees()


def test_codes_that_never_stand_still_are_settled_without_a_freeze(desk):
    """The backend has taken the activation: at last its settlement is booked alone."""
    desk.policy()
    desk.scan(3)
    activation = desk.book()
    refusals = []

    def refusing(commit):
        def instead(author, *changes, **options):
            if any(isinstance(change, c.Ordered) for change in changes):
                refusals.append(changes)
                raise Refused("the codes moved on")
            return commit(author, *changes, **options)

        return instead

    report = desk.deliver(commit=refusing)
    assert report.delivered == [activation]
    # Each attempt is tried under the line's key and under the station's.
    assert len(refusals) == 2 * (BOOKING_ATTEMPTS - 1)
    assert "none can be frozen as they stand" in desk.incidents()[0]
    assert desk.states(3) == [State.ACTIVE]
