"""Associations on their way to the backend: in order over all their batches, once, or told why."""

import pytest
from line_kit import opened
from packing_desk import Between, Older, desk_in

from mintmark.activation.client import wire
from mintmark.activation.client.protocol import Away, Declined, ProblemDetails
from mintmark.activation.delivery.attempt import (
    Acknowledged,
    Postponed,
    RefusedByBackend,
    TakenByAnother,
)
from mintmark.activation.delivery.deliver import Courier, deliver
from mintmark.activation.delivery.delivery_lock import delivery_lock
from mintmark.activation.delivery.inquiry import FORGETS, KEPT_HERE, STANDS
from mintmark.activation.delivery.upload import Uploads
from mintmark.activation.orders.booked import undone
from mintmark.activation.orders.doubts import doubts
from mintmark.activation.orders.listing import cancel, show
from mintmark.codegen.ranges.aggregation import CodeRanges, CodeRef, Packing
from mintmark.codegen.ranges.serials import Range


class Killed(BaseException):
    """As SIGKILL: nothing of ours runs after it."""


@pytest.fixture
def desk(tmp_path):
    with desk_in(tmp_path) as desk:
        yield desk


def test_it_is_sent_after_all_its_batches_and_without_fingerprints(desk):
    row = desk.associate("a-1", (desk.items, 1, 12), (desk.others, 1, 12), carton=7)
    line = Between(desk.real)
    assert desk.attempt(row, line) == Acknowledged(None)
    assert line.calls == ["head", "register", "register", "register", "aggregate"]
    assert desk.there(desk.items) == [("1-12", CodeRef(desk.cartons, 7))]
    assert desk.there(desk.others) == [("1-12", CodeRef(desk.cartons, 7))]
    assert (desk.row("a-1").status, desk.row("a-1").detail) == ("acknowledged", None)
    assert desk.real.head(desk.station.config.home_id).order == "a-1"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", ["head", "register", "aggregate"])
def test_killed_at_any_step_it_is_sent_once_by_the_next_process(desk, call, after):
    row = desk.associate("a-1", (desk.items, 1, 48), carton=Range(1, 2), each=24)
    release, desk.station.ledger.release = desk.station.ledger.release, lambda *_: None
    with pytest.raises(Killed):
        desk.attempt(row, Between(desk.real, call, Killed(), after))
    desk.station.ledger.release = release
    assert (desk.row("a-1").status, desk.row("a-1").attempts) == ("queued", 1)
    line = Between(desk.real)
    assert Courier(desk.station, line).deliver().delivered == ["a-1"]
    # Taken before: asked for, and not sent again.
    sent = call == "aggregate" and after
    assert ("aggregate" in line.calls) is not sent
    assert desk.there(desk.items) == [
        ("1-24", CodeRef(desk.cartons, 1)),
        ("25-48", CodeRef(desk.cartons, 2)),
    ]


@pytest.mark.parametrize("failpoint", ["answered", "settled"])
def test_killed_around_the_settlement_it_is_settled_once(desk, failpoint):
    row = desk.associate("a-1", (desk.items, 1, 24))

    def die(name):
        if name == failpoint:
            raise Killed

    kept, desk.station.failpoint = desk.station.failpoint, die
    release, desk.station.ledger.release = desk.station.ledger.release, lambda *_: None
    with pytest.raises(Killed):
        desk.attempt(row)
    desk.station.failpoint, desk.station.ledger.release = kept, release
    again = Courier(desk.station, desk.real).deliver().delivered
    assert again == (["a-1"] if failpoint == "answered" else [])
    assert desk.row("a-1").status == "acknowledged"
    assert desk.there(desk.items) == [("1-24", CodeRef(desk.cartons, 1))]


@pytest.mark.parametrize("which", ["items", "cartons", "others"])
def test_another_process_that_sends_any_of_its_batches_keeps_it_waiting(desk, which):
    row = desk.associate("a-1", (desk.items, 1, 2), (desk.others, 1, 2))
    with delivery_lock(desk.station.home / "work", getattr(desk, which)):
        assert desk.attempt(row) == TakenByAnother()
    assert (desk.row("a-1").status, desk.row("a-1").attempts) == ("queued", 0)
    # And it left no lock behind.
    assert desk.attempt(row) == Acknowledged(None)


def test_first_in_first_out_over_all_its_batches(desk):
    before = desk.order(desk.cartons, "1-9")
    desk.associate("a-1", (desk.items, 1, 24))
    after = desk.order(desk.items, "1-24")
    other = desk.order(desk.others, "1-3")
    line = Between(desk.real, "aggregate", Away("busy"))
    report = Courier(desk.station, line).deliver()
    # What waits for it stays; what does not goes out.
    assert report.delivered == [before, other]
    assert [desk.row(order).status for order in ("a-1", after)] == ["queued", "queued"]
    assert Courier(desk.station, desk.real).deliver().delivered == ["a-1", after]


def test_orders_of_a_batch_take_along_what_must_go_before_them_and_no_more(desk):
    first = desk.order(desk.others, "1-3")
    desk.associate("a-1", (desk.others, 1, 3), carton=1)
    desk.associate("a-2", (desk.items, 1, 24), carton=2)
    wanted = desk.order(desk.items, "1-24")
    stays = desk.order(desk.others, "4-9")
    # Items wait for a-2, which waits for a-1 (cartons), which waits for an order of others.
    done = deliver(desk.station, desk.real, batch=desk.items)
    assert done.delivered == (first, "a-1", "a-2", wanted)
    assert (done.queued, done.exit_code) == (0, 0)
    assert desk.row(stays).status == "queued"


def test_what_must_go_before_and_cannot_stops_the_batch(desk):
    desk.associate("a-1", (desk.others, 1, 3), carton=1)
    desk.associate("a-2", (desk.items, 1, 24), carton=2)
    line = Between(desk.real, "aggregate", Away("busy"))
    done = deliver(desk.station, line, batch=desk.items)
    assert (done.delivered, done.queued, done.detail) == ((), 1, "busy")
    assert line.calls.count("aggregate") == 1


def test_a_backend_that_is_away_puts_it_off(desk):
    row = desk.associate("a-1", (desk.items, 1, 24))
    line = Between(desk.real, "aggregate", Away("busy", 7))
    found = desk.attempt(row, line)
    assert isinstance(found, Postponed)
    assert (found.away, found.retry_after.total_seconds()) == (True, 7)
    assert desk.row("a-1").detail == "busy"


def taken():
    return Declined(ProblemDetails(409, "child-taken", "A child is taken", "", {}))


def test_a_refusal_is_final_and_nothing_is_doubted_if_nothing_stands(desk):
    row = desk.associate("a-1", (desk.items, 1, 24))
    assert desk.attempt(row, Between(desk.real, "aggregate", taken())) == RefusedByBackend()
    assert (desk.row("a-1").status, desk.row("a-1").detail) == ("refused", "A child is taken")
    assert not show(desk.station, "a-1").in_doubt


def test_an_answer_that_was_lost_is_found_again_behind_a_refusal(desk):
    """A key whose scope was narrowed since, say: what was taken is not refused."""
    row = desk.associate("a-1", (desk.items, 1, 24))
    desk.attempt(row, Between(desk.real, "aggregate", Away("lost"), after=True))
    line = Between(desk.real, "register", Declined(ProblemDetails(403, "forbidden", "no", "")))
    assert desk.attempt(desk.row("a-1"), line) == Acknowledged(None)


class Forgetful(Between):
    """A backend that keeps no answers."""

    def get_aggregation(self, _aggregation):
        return None


@pytest.mark.parametrize("forgets", [False, True])
def test_refused_while_all_children_lie_there_it_is_in_doubt(desk, forgets):
    row = desk.associate("a-1", (desk.items, 1, 24), (desk.others, 1, 24))
    body = {"aggregation": "elsewhere", "action": Packing.ASSOCIATE, "parents": row.change.parents}
    for batch in row.change.batches:
        Uploads(desk.station, desk.real).register(batch)
    desk.real.aggregate(wire.Aggregation(children=row.change.children, **body))
    desk.attempt(row, Between(desk.real, "aggregate", Away("lost")))
    line = Forgetful(desk.real) if forgets else desk.real
    assert desk.attempt(desk.row("a-1"), line) == RefusedByBackend()
    found = show(desk.station, "a-1")
    assert found.in_doubt
    assert found.detail.startswith(FORGETS if forgets else STANDS)
    with desk.station.ledger.read() as view:
        (doubt,) = doubts(view)
    assert (doubt.order, doubt.action) == ("a-1", Packing.ASSOCIATE)
    assert doubt.serials == (Range(1, 24),)


def test_one_child_elsewhere_is_no_doubt(desk):
    row = desk.associate("a-1", (desk.items, 1, 24))
    for batch in row.change.batches:
        Uploads(desk.station, desk.real).register(batch)
    parents = row.change.parents
    some = (CodeRanges(desk.items, (Range(1, 23),)),)
    desk.real.aggregate(wire.Aggregation("x", Packing.ASSOCIATE, parents, some))
    assert desk.attempt(row) == RefusedByBackend()
    assert not show(desk.station, "a-1").in_doubt


def test_another_number_of_children_is_remarked(desk):
    row = desk.associate("a-1", (desk.items, 1, 24))

    class Fewer(Between):
        def aggregate(self, sent):
            self.real.aggregate(sent)
            return wire.AggregationAnswer(sent.aggregation, sent.action, 1, 23, False)

    assert desk.attempt(row, Fewer(desk.real)) == Acknowledged(None)
    assert "changed 23 children, the books 24: see mintmark reconcile" in desk.row("a-1").detail


@pytest.mark.parametrize(
    "form",
    [
        Declined(ProblemDetails(404, "not-found", "", "")),
        Declined(ProblemDetails(405, "method-not-allowed", "", "")),
        Away("status 404 without a problem of the agreed form", status=404),
        Away("status 501", status=501),
    ],
)
def test_a_backend_that_keeps_none_refuses_it_and_holds_up_nothing(desk, form, monkeypatch):
    desk.associate("a-1", (desk.items, 1, 24))
    activation = desk.order(desk.items, "1-24")
    monkeypatch.setattr(Older, "form", form)
    report = Courier(desk.station, Older(desk.real)).deliver()
    assert (report.refused, report.delivered) == (["a-1"], [activation])
    assert "have its team add PUT /v1/aggregations/{id}" in desk.row("a-1").detail
    assert f"mintmark reconcile {desk.items} --apply" in desk.row("a-1").detail


def test_a_gateway_that_knows_nothing_for_a_moment_is_no_older_backend(desk):
    row = desk.associate("a-1", (desk.items, 1, 24))

    class Gateway(Older):
        form = Away("status 404 without a problem of the agreed form", status=404)

        def batch_page(self, *_arguments, **_more):
            raise self.form

    assert isinstance(desk.attempt(row, Gateway(desk.real)), Postponed)
    assert desk.row("a-1").status == "queued"


def test_a_home_may_say_that_its_backend_keeps_none(desk):
    path = desk.station.home / "mintmark.toml"
    text = path.read_text("utf-8")
    assert "# aggregations = false" in text
    path.write_text(text.replace("# aggregations", "aggregations"), "utf-8")
    desk.associate("a-1", (desk.items, 1, 24))
    with opened(desk.station.home) as station:
        line = Between(desk.real)
        assert Courier(station, line).deliver().delivered == ["a-1"]
        assert line.calls == []
    assert (desk.row("a-1").status, desk.row("a-1").detail) == ("acknowledged", KEPT_HERE)


def test_it_is_shown_with_its_parents_and_all_its_children(desk):
    desk.associate("a-1", (desk.items, 1, 24), (desk.others, 5, 6), carton=7)
    found = show(desk.station, "a-1")
    (record,) = found.records()
    first, second = sorted((desk.items, desk.others))
    parts = {desk.items: [[1, 24]], desk.others: [[5, 6]]}
    assert record["children"] == [
        {"batch": batch, "serials": parts[batch]} for batch in (first, second)
    ]
    assert record["parents"] == {"batch": desk.cartons, "serials": [[7, 7]]}
    assert (record["action"], record["applied_count"], record["parents_count"]) == (
        "associate",
        26,
        1,
    )
    # What a script reads as the order's own: one batch, and serials of it.
    assert (record["batch"], record["serials"]) == (first, parts[first])
    text = "\n".join(found.lines())
    assert f"and of 1 more batches into {desk.cartons}:7" in text
    assert "children  26" in text
    assert cancel(desk.station, "a-1").status == "cancelled"


def test_a_repeated_association_tells_of_children_that_were_taken_out_since(desk):
    row = desk.associate("a-1", (desk.items, 1, 24))
    with desk.station.ledger.read() as view:
        assert undone(view, row) == ()
    out = desk.associate("a-2", (desk.items, 5, 6), action=Packing.DISSOCIATE)
    desk.associate("a-3", (desk.items, 6, 6), carton=2)
    with desk.station.ledger.read() as view:
        assert undone(view, row) == (Range(5, 6),)
        assert undone(view, out) == ()
    desk.associate("a-4", (desk.items, 5, 5), carton=1)
    with desk.station.ledger.read() as view:
        assert undone(view, out) == (Range(5, 5),)
