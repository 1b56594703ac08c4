"""A home with bottles and cartons beside a real backend, and a client in between."""

import contextlib
from dataclasses import dataclass, field

from line_kit import Backend, client, home_with_batches, opened

from mintmark.activation.client.protocol import Declined, ProblemDetails
from mintmark.activation.delivery.attempt import OrderSender
from mintmark.activation.delivery.deliver import deliver
from mintmark.activation.delivery.upload import Uploads
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.ledger.changes import Associated
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range


@dataclass
class Desk:
    """Items, cartons and other items in a home; and a real backend."""

    station: object
    real: object
    backend: Backend
    items: str
    cartons: str
    others: str

    def associate(self, order, *children, carton=1, each=None, action=Packing.ASSOCIATE):
        """`children`: (batch, first, last) each; `carton`: a serial, a range, or None."""
        parts = tuple(
            CodeRanges(batch, (Range(first, last),)) for batch, first, last in sorted(children)
        )
        piece = Range(carton, carton) if isinstance(carton, int) else carton
        parents = CodeRanges(self.cartons, (piece,)) if piece else None
        change = Associated(order, action, parents, parts, each, line="default")
        self.station.ledger.commit(self.station.author, change)
        return self.row(order)

    def order(self, batch, serials, action=Action.ACTIVATE, **more):
        return book(self.station, OrderRequest(action, batch, BySerials(serials), **more))[0].order

    def row(self, order):
        with self.station.ledger.read() as view:
            return view.order(order)

    def there(self, batch):
        return [(str(link.serials), link.parent) for link in self.real.parents_page(batch).links]

    def attempt(self, row, line=None):
        line = line or self.real
        sender = OrderSender(self.station, line, Uploads(self.station, line), sturdy=False)
        return sender.attempt(row)


@dataclass
class Between:
    """The real client; `at` a call, before or after it, something happens: an error is raised."""

    real: object
    at: str = ""
    error: BaseException | None = None
    after: bool = False
    calls: list = field(default_factory=list)

    def as_line(self, _line):
        return self

    def __getattr__(self, name):
        def call(*arguments, **more):
            self.calls.append(name)
            if name == self.at and not self.after:
                raise self.error
            answer = getattr(self.real, name)(*arguments, **more)
            if name == self.at:
                raise self.error
            return answer

        return call


class Older(Between):
    """A backend that has never heard of aggregations: the two addresses are not there."""

    form = Declined(ProblemDetails(404, "not-found", "", ""))

    def aggregate(self, _aggregation):
        self.calls.append("aggregate")
        raise self.form

    def get_aggregation(self, _aggregation):
        if isinstance(self.form, Declined):
            return
        raise self.form

    def parents_page(self, _batch, _after=0):
        return None


@contextlib.contextmanager
def desk_in(folder):
    """A `Desk` in `folder`: three batches of 300 codes, of which 200 are packaged."""
    home, (items, cartons, others) = home_with_batches(folder, 3)
    with (
        Backend(folder / "backend", home.path) as backend,
        client(backend.url) as real,
        opened(home.path) as station,
    ):
        desk = Desk(station, real, backend, items, cartons, others)
        desk.order(cartons, "1-200", Action.ASSIGN, attributes={"role": "carton"})
        assert deliver(station, real).queued == 0
        yield desk
