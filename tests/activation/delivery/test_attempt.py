"""One attempt: each of its outcomes, and that a crash after any step costs nothing."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from line_kit import Backend, client, home_with_batches, opened

from mintmark.activation.client.protocol import Away, Declined, ProblemDetails
from mintmark.activation.delivery.attempt import (
    MAX_RETRY_AFTER,
    Acknowledged,
    Deliverer,
    Postponed,
    RefusedByBackend,
    SettledMeanwhile,
    TakenByAnother,
)
from mintmark.activation.delivery.deliver import Courier
from mintmark.activation.delivery.delivery_lock import delivery_lock
from mintmark.activation.delivery.upload import Uploads
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
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

    def register(self, *arguments):
        return self._call("register", *arguments)

    def upload(self, *arguments):
        return self._call("upload", *arguments)

    def order(self, *arguments):
        return self._call("order", *arguments)


@pytest.fixture
def made(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    with (
        Backend(tmp_path / "backend", home.path) as backend,
        client(backend.url) as real,
        opened(home.path) as station,
    ):
        order = book(station, OrderRequest(Action.ACTIVATE, batch, BySerials("1-5")))[0].order
        with station.ledger.read() as view:
            yield station, real, view.order(order)


def attempt(station, line, row, *, sturdy=False):
    return Deliverer(station, line, Uploads(station, line), sturdy=sturdy).attempt(row)


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
