"""An attempt: each of its outcomes, and that a crash after any step costs nothing."""

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace

import pytest
from line_kit import Backend, client, home_with_batches, opened

from mintmark.activation.client import wire
from mintmark.activation.client.protocol import Away, Declined, ProblemDetails
from mintmark.activation.delivery.attempt import (
    MAX_RETRY_AFTER,
    Acknowledged,
    OrderSender,
    Postponed,
    RefusedByBackend,
    SettledMeanwhile,
    TakenByAnother,
)
from mintmark.activation.delivery.deliver import PATIENCE, Courier, _Run
from mintmark.activation.delivery.delivery_lock import delivery_lock
from mintmark.activation.delivery.upload import Uploads
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ranges.lifecycle import Action


class Killed(BaseException):
    """As SIGKILL: nothing of ours runs after it."""


@dataclass
class Failing:
    """A client that makes real calls, and raises `error` at, or after, the call `at`."""

    real: object
    at: str = ""
    error: BaseException | None = None
    after: bool = False
    calls: list = field(default_factory=list)
    uploaded: list = field(default_factory=list)

    def as_line(self, _line):
        return self

    def _call(self, name, *arguments):
        self.calls.append(name)
        if name == self.at and not self.after and self.error:
            raise self.error
        answer = getattr(self.real, name)(*arguments)
        if name == self.at and self.error:
            raise self.error
        return answer

    def head(self, home):
        return self.real.head(home)

    def register(self, *arguments):
        return self._call("register", *arguments)

    def upload(self, batch, first, data):
        self.uploaded.append((first, len(data) // wire.FINGERPRINT_BYTES))
        return self._call("upload", batch, first, data)

    def order(self, *arguments):
        return self._call("order", *arguments)

    def get_order(self, order):
        return self.real.get_order(order)

    def batch_page(self, *arguments):
        return self.real.batch_page(*arguments)


@pytest.fixture
def made(tmp_path):
    home, (batch, _) = home_with_batches(tmp_path, 2)
    with (
        Backend(tmp_path / "backend", home.path) as backend,
        client(backend.url) as real,
        opened(home.path) as station,
    ):
        order = book(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-5")))[0].order
        with station.ledger.read() as view:
            yield station, real, view.order(order)


def attempt(station, line, row, *, sturdy=False):
    return OrderSender(station, line, Uploads(station, line), sturdy=sturdy).attempt(row)


def status(station, row):
    with station.ledger.read() as view:
        found = view.order(row.order)
    return found.status, found.attempts


def test_an_order_is_acknowledged_after_its_batch_and_its_fingerprints(made):
    station, real, row = made
    line = Failing(real)
    assert attempt(station, line, row) == Acknowledged(freeze=None)
    assert line.calls == ["register", "upload", "order"]
    assert status(station, row) == ("acknowledged", 1)


def test_an_order_that_was_settled_since_it_was_read_is_not_sent(made):
    station, real, row = made
    attempt(station, real, row)
    line = Failing(real)
    assert attempt(station, line, row) == SettledMeanwhile()
    assert line.calls == []


def test_an_order_of_a_batch_that_another_process_sends_is_left_to_it(made):
    station, real, row = made
    with delivery_lock(station.home / "work", row.batch):
        assert attempt(station, real, row) == TakenByAnother()
    assert status(station, row) == ("queued", 0)


def test_a_refusal_is_final(made):
    station, real, row = made
    problem = ProblemDetails(403, "forbidden", "forbidden", "not this line's")
    line = Failing(real, "order", Declined(problem))
    assert attempt(station, line, row) == RefusedByBackend()
    assert status(station, row) == ("refused", 1)


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [(None, timedelta(0)), (7, timedelta(seconds=7)), (9e9, MAX_RETRY_AFTER)],
)
def test_a_backend_that_is_away_is_left_alone_as_long_as_it_asks_within_reason(
    made, retry_after, pause
):
    station, real, row = made
    line = Failing(real, "order", Away("busy", retry_after))
    assert attempt(station, line, row) == Postponed("busy", away=True, retry_after=pause)
    with station.ledger.read() as view:
        found = view.order(row.order)
    assert (found.status, found.detail) == ("queued", "busy")
    assert found.next_attempt >= station.now() + pause - timedelta(seconds=60)


def test_a_batch_the_backend_lost_is_registered_again_once(made):
    station, real, row = made
    lost = Declined(ProblemDetails(404, "not-found", "", ""))
    line = Failing(real, "order", lost)
    assert attempt(station, line, row) == RefusedByBackend()
    assert line.calls == ["register", "upload", "order"] * 2


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", ["register", "upload", "order"])
def test_killed_at_any_step_the_order_is_sent_by_the_next_process(made, call, after):
    station, real, row = made
    release, station.ledger.release = station.ledger.release, lambda *_: None  # nothing runs
    with pytest.raises(Killed):
        attempt(station, Failing(real, call, Killed(), after), row)
    station.ledger.release = release
    assert status(station, row) == ("queued", 1)
    assert Courier(station, real).deliver().delivered == [row.order]
    (piece, *_) = real.batch_page(row.batch).ranges
    assert (piece.first, piece.last, piece.state.value) == (1, 5, "active")


def test_fingerprints_of_codes_that_were_void_when_it_was_booked_stay_here(made):
    station, real, row = made
    book(station, OrderRequest(Action.VOID, row.batch, BySerials("8"), reason="lost"))
    order, _ = book(station, OrderRequest(Action.ACTIVATE, row.batch, BySerials("6-10")))
    line = Failing(real)
    with station.ledger.read() as view:
        attempt(station, line, view.order(order.order))
    assert line.uploaded == [(6, 2), (9, 2)]


@pytest.mark.parametrize("sturdy", [False, True])
def test_an_order_that_fails_on_this_machine_is_held_by_nobody(made, sturdy):
    station, real, row = made
    line = Failing(real, "upload", IntegrityError("the fingerprints are damaged"))
    if sturdy:
        assert attempt(station, line, row, sturdy=True) == Postponed("the fingerprints are damaged")
    else:
        with pytest.raises(IntegrityError):
            attempt(station, line, row)
        with station.ledger.read() as view:
            assert view.order(row.order).holder is None
    assert status(station, row) == ("queued", 1)


def test_each_attempt_counts_except_that_a_claim_at_booking_counts_as_the_first(made):
    station, real, row = made
    line = Failing(real, "order", Away("busy"))
    sender = OrderSender(station, line, Uploads(station, line), sturdy=False)
    request = OrderRequest(Action.ACTIVATE, row.batch, BySerials("6-10"))
    claimed, _ = book(station, request, sender.claim())
    with station.ledger.read() as view:
        for order, attempts in ((row, 1), (row, 2), (view.order(claimed.order), 1)):
            sender.attempt(order)
            assert status(station, order) == ("queued", attempts)


def test_a_backend_that_lost_a_batch_lost_them_all(made):
    station, real, row = made
    line = Failing(real)
    uploads = Uploads(station, line)
    with station.ledger.read() as view:
        (other,) = [batch.batch for batch in view.batches() if batch.batch != row.batch]
    assert not uploads.forget(row.batch)
    for batch in (row.batch, other, other):
        uploads.register(batch)
    assert uploads.forget(row.batch)
    uploads.register(other)
    assert line.calls == ["register"] * 3


def test_a_batch_is_presumed_to_be_there_only_if_an_order_of_it_was_taken(made):
    station, real, row = made
    line = Failing(real)
    courier = Courier(station, line)
    courier.presume([row.batch])
    assert courier.deliver(batch=row.batch).delivered == [row.order]
    assert line.calls[0] == "register"
    frozen, _ = book(station, OrderRequest(Action.FREEZE, row.batch, BySerials("1-2")))
    line = Failing(real)
    courier = Courier(station, line)
    courier.presume([row.batch])
    assert courier.deliver(batch=row.batch).delivered == [frozen.order]
    assert "register" not in line.calls
    # It was set up anew since: it says so, and is told.
    book(station, OrderRequest(Action.UNFREEZE, row.batch, BySerials("1-2")))
    line = Failing(real, "order", Declined(ProblemDetails(404, "not-found", "", "")))
    courier = Courier(station, line)
    courier.presume([row.batch])
    courier.deliver(batch=row.batch)
    assert [call for call in line.calls if call in ("register", "order")] == [
        "order",
        "register",
        "order",
    ]


# --- the loop over attempts ----------------------------------------------------------------


def run_of(*attempts, until=None):
    """A run that noted these attempts, of orders o-0, o-1, … of batches of their own."""
    run = _Run(until)
    for number, made in enumerate(attempts):
        run.note(SimpleNamespace(order=f"o-{number}", batch=f"b-{number}", change=None), made)
    return run


AWAY = Postponed("it cannot be reached", away=True, retry_after=timedelta(seconds=9))


@pytest.mark.parametrize(
    "answered", [Acknowledged(None), RefusedByBackend(), Postponed("damaged"), SettledMeanwhile()]
)
def test_patience_counts_failures_in_a_row(answered):
    assert run_of(*[AWAY] * (PATIENCE - 1), answered, *[AWAY] * (PATIENCE - 1)).goes_on
    assert not run_of(answered, *[AWAY] * PATIENCE).goes_on
    assert run_of(AWAY).report.retry_after == 9
    assert run_of(AWAY, answered).report.retry_after == 0


def test_only_a_batch_that_cannot_be_sent_now_is_stuck():
    run = run_of(Acknowledged(None), AWAY, TakenByAnother(), SettledMeanwhile(), RefusedByBackend())
    assert run.stuck == {"b-1", "b-2"}
    assert run.report.detail == TakenByAnother().reason
    assert (run.report.delivered, run.report.refused) == (["o-0"], ["o-4"])


def test_a_run_ends_at_its_last_order_but_for_a_freeze_that_follows():
    assert run_of(Acknowledged(None), until="o-1").goes_on
    assert not run_of(Acknowledged(None), until="o-0").goes_on
    assert not run_of(RefusedByBackend(), until="o-0").goes_on
    freezing = Acknowledged("o-2")
    assert run_of(freezing, Acknowledged(None), until="o-0").goes_on
    assert not run_of(freezing, Acknowledged(None), Acknowledged(None), until="o-0").goes_on
