"""What a scan backend is to a line: the `Client` protocol, and how a call can fail.

Three outcomes, no others: an answer that passed its checks; `Declined`, the backend's own
refusal, which is final; `Away` for everything else, after which the same call may be made
again. Every call is idempotent: batches, uploads and orders carry ids chosen here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ...codegen.errors import EnvironmentFailure, Refused
from ...codegen.ranges.aggregation import Link
from .wire import (
    Aggregation,
    AggregationAnswer,
    Batch,
    BatchPage,
    HeadAnswer,
    HealthAnswer,
    Order,
    OrderAnswer,
    ParentsPage,
    RangeState,
    RefusedPage,
    RegionsPage,
    RepeatsPage,
    ScanInsPage,
    UnknownPage,
)

# How servers say that they have no such address, in whatever form.
NOT_OFFERED = frozenset({404, 405, 501})


@dataclass(frozen=True)
class ProblemDetails:
    """An RFC 9457 problem. `name` is what follows `urn:mintmark:problem:`, or empty."""

    status: int
    name: str
    title: str
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict)


class Away(EnvironmentFailure):
    """No usable answer: try again later. `retry_after`: seconds, if the backend named some.

    `status`: of an HTTP answer that was none of the agreed form.
    """

    def __init__(
        self, reason: str, retry_after: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(
            f"the scan backend gave no usable answer: {reason}",
            "nothing is lost; repeat the command once the backend answers: mintmark doctor asks it",
        )
        self.reason = reason
        self.retry_after = retry_after
        self.status = status


class StrangeAnswer(Away):
    """The backend itself answered, and not as agreed: asking again will hardly help."""


class Declined(Refused):
    """The backend understood, and refused: `problem`, and `summary`, a line of text on it."""

    def __init__(self, problem: ProblemDetails) -> None:
        texts = (problem.title, problem.detail)
        self.summary = ": ".join(filter(None, texts)) or f"status {problem.status}"
        super().__init__(
            f"the scan backend refused: {self.summary}",
            "ask the backend's team, or whether this line's key may do this: mintmark key list",
            problem=problem.name,
        )
        self.problem = problem


class Client(Protocol):
    """A scan backend, as a line sees it. Every method may raise `Away` and `Declined`."""

    def as_line(self, line: str | None) -> "Client":
        """The same client, signing with the key of `line`; None: of the default line."""
        ...

    def register(self, batch: Batch) -> None:
        """Make the batch known; again with the same values is harmless."""
        ...

    def upload(self, batch: str, first: int, data: bytes) -> None:
        """Fingerprints of serials from `first`, 16 bytes each, at most 65,536 of them."""
        ...

    def order(self, order: Order) -> OrderAnswer:
        """Apply the order once, whatever happens to the answers."""
        ...

    def get_order(self, order: str) -> OrderAnswer | None:
        """The answer given to an order, or None if the backend never took it."""
        ...

    def batch_page(
        self, batch: str, after: int = 0, *, digests: bool = False, since: datetime | None = None
    ) -> BatchPage:
        """The ranges after serial `after`; with `digests` over at most 1,048,576 serials.

        With `since`, an aware time, each says how many codes were scanned for the first time
        from then on, if the backend can tell.
        """
        ...

    def aggregate(self, aggregation: Aggregation) -> AggregationAnswer:
        """Make or break the links once, whatever happens to the answers."""
        ...

    def get_aggregation(self, aggregation: str) -> AggregationAnswer | None:
        """The answer given to an aggregation, or None if the backend never took it."""
        ...

    def parents_page(self, batch: str, after: int = 0) -> ParentsPage | None:
        """What the codes after serial `after` lie in.

        None if the backend does not offer that, and of a batch that it does not know.
        """
        ...

    def unknown_scans(self, after: int = 0) -> UnknownPage:
        """Scanned fingerprints the backend does not know."""
        ...

    def refused_scans(self, after: int = 0) -> RefusedPage | None:
        """Known codes that were scanned and not genuine; None if the backend does not offer it."""
        ...

    def repeats(self, over: int = 1, after: str | None = None) -> RepeatsPage | None:
        """Codes that consumers scanned more than `over` times, after the one named `after`.

        None if the backend does not offer that.
        """
        ...

    def regions(self, batch: str, after: int = 0) -> RegionsPage | None:
        """From which regions the codes after serial `after` were scanned.

        None if the backend does not offer that, and of a batch that it does not know.
        """
        ...

    def scan_ins(self, after: int = 0) -> ScanInsPage | None:
        """What dealers scanned in, after number `after`; None if the backend does not offer it."""
        ...

    def head(self, home: str) -> HeadAnswer | None:
        """The newest head that the home's orders brought; None if the backend keeps none.

        It waits for a few seconds only.
        """
        ...

    def health(self) -> HealthAnswer:
        """Whether it is there, and which fingerprints it understands."""
        ...


def batch_ranges(
    client: Client,
    batch: str,
    *,
    digests: bool = False,
    info: Batch | None = None,
    since: datetime | None = None,
) -> Iterator[RangeState]:
    """Every range of `batch` at the backend, page by page; `digests`, `since`: as `batch_page`.

    Raises `StrangeAnswer` for a page of a batch that is not `info`, or not that of the page before.
    """
    after: int | None = 0
    while after is not None:
        page = client.batch_page(batch, after, digests=digests, since=since)
        if info not in (None, page.info):
            raise StrangeAnswer("a page of the batch is of another batch")
        info = page.info
        yield from page.ranges
        after = page.next


def batch_links(client: Client, batch: str, page: ParentsPage | None) -> Iterator[Link]:
    """Every link of `batch` at the backend, from `page`, its first, on.

    Raises `StrangeAnswer` if a page after the first is not offered.
    """
    while page is not None:
        yield from page.links
        if page.next is None:
            return
        page = client.parents_page(batch, page.next)
    raise StrangeAnswer("it had a page of parents, and offers the next one no longer")
