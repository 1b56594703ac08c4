"""What a person hears of an order that the backend took, beyond that it took it."""

from dataclasses import dataclass

from line_kit import home_with_batches, opened

from mintmark.activation import wire
from mintmark.activation.deliver import deliver
from mintmark.activation.orders import OrderRequest, place
from mintmark.codegen.lifecycle import Action
from mintmark.codegen.serials import Range


@dataclass
class Told:
    """A backend that takes everything, and answers what it was told to answer."""

    applied: int
    scanned_before: tuple[int, ...] = ()

    def as_line(self, _line):
        return self

    def register(self, _batch):
        """Known."""

    def upload(self, _batch, _first, _data):
        """Kept."""

    def order(self, order):
        return wire.OrderAnswer(
            order=order.order,
            batch=order.batch,
            action=Action(order.action),
            dry_run=False,
            applied=(Range(1, self.applied),),
            applied_count=self.applied,
            skipped=(),
            skipped_count=0,
            truncated=False,
            scanned_before=self.scanned_before,
        )


def detail_after(tmp_path, backend):
    home, (batch,) = home_with_batches(tmp_path)
    with opened(home.path) as station:
        order, _ = place(station, OrderRequest(Action.ACTIVATE, batch, serials="1-100"))
        deliver(station, backend)
        with station.ledger.read() as view:
            row = view.order(order.order)
    assert row.status == "acknowledged"
    return row.detail


def test_a_plain_yes_needs_no_remark(tmp_path):
    assert detail_after(tmp_path, Told(100)) is None


def test_a_backend_that_changed_other_codes_than_the_books_is_told_of(tmp_path):
    detail = detail_after(tmp_path, Told(99))
    assert detail.startswith("the backend changed 99 codes, the books 100: see mintmark reconcile")


def test_codes_scanned_too_early_are_told_of(tmp_path):
    assert "2 of these codes were scanned" in detail_after(tmp_path, Told(100, (3, 7)))
