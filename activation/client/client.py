"""`HttpClient`: the activation API over HTTP, as the `Client` protocol wants it.

Every answer is checked before it leaves here: its form, and that it answers the call made.
"""

import copy
import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import quote

from ...codegen import times
from ...codegen.invocation import utc_now
from ...codegen.ranges.lifecycle import Action
from .protocol import NOT_OFFERED, Away, Declined, StrangeAnswer
from .signing import SignsRequests
from .transport import DEFAULT_LIMITS, ClientLimits, Transport, loads
from .wire import (
    PAGE_CODES,
    Aggregation,
    AggregationAnswer,
    Batch,
    BatchPage,
    HeadAnswer,
    HealthAnswer,
    MalformedAnswer,
    Order,
    OrderAnswer,
    ParentsPage,
    Party,
    RefusedPage,
    RegionsPage,
    RepeatsPage,
    ScanAnswer,
    ScanIn,
    ScanInAnswer,
    ScanInsPage,
    UnknownPage,
)

if TYPE_CHECKING:
    import ssl

T = TypeVar("T")

HEAD_SECONDS = 3.0


class HttpClient:
    """`Client` over HTTP. A context manager; safe to share between threads.

    Raises `UsageError` for an address that is not https, or http to this machine. TLS
    certificates are verified, by `tls` if it is given; redirects are not followed;
    proxies of the environment are used, except to this machine. If the backend refuses a
    signature, `now` tells how far its clock and ours are apart.
    """

    def __init__(
        self,
        base_url: str,
        *,
        sign: SignsRequests | None = None,
        tls: "ssl.SSLContext | None" = None,
        now: Callable[[], datetime] = utc_now,
        limits: ClientLimits = DEFAULT_LIMITS,
    ) -> None:
        self._transport = Transport(base_url, sign=sign, tls=tls, now=now, limits=limits)
        self._line: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def as_line(self, line: str | None) -> "HttpClient":
        """See `Client`. Both use the same connections."""
        other = copy.copy(self)
        other._line = line  # noqa: SLF001 - of this class
        return other

    def register(self, batch: Batch) -> None:
        """See `Client`."""
        answer = self._json("PUT", f"/v1/batches/{_part(batch.batch)}", batch.body())
        if _parsed(lambda data: Batch.parse(batch.batch, data), answer) != batch:
            raise StrangeAnswer("it answered with another batch than was registered")

    def upload(self, batch: str, first: int, data: bytes) -> None:
        """See `Client`."""
        path = f"/v1/batches/{_part(batch)}/fingerprints/{first}"
        status, _ = self._call("PUT", path, data, "application/octet-stream")
        if status != 204:
            raise Away(f"it answered an upload with status {status}")

    def order(self, order: Order) -> OrderAnswer:
        """See `Client`."""
        path = f"/v1/orders/{_part(order.order)}"
        # Only what moves fingerprints may take long: a line waits for the others.
        moving = order.serials if order.action == Action.ACTIVATE.value else ()
        seconds = self._seconds(sum(last - first + 1 for first, last in moving))
        data = self._json("PUT", path, order.body(), seconds)
        answer = _parsed(OrderAnswer.parse, data)
        sent = (order.order, order.batch, order.action, order.dry_run)
        if (answer.order, answer.batch, answer.action, answer.dry_run) != sent:
            raise StrangeAnswer("it answered for another order than was sent")
        return answer

    def get_order(self, order: str) -> OrderAnswer | None:
        """See `Client`."""
        answer = self._known(f"/v1/orders/{_part(order)}", OrderAnswer.parse)
        if answer and answer.order != order:
            raise StrangeAnswer("it answered for another order than was asked for")
        return answer

    def batch_page(
        self, batch: str, after: int = 0, *, digests: bool = False, since: datetime | None = None
    ) -> BatchPage:
        """See `Client`."""
        query = f"?after={after}" + ("&digests=true" if digests else "")
        query += f"&since={_part(times.format_utc(since))}" if since else ""
        data = self._json(
            "GET", f"/v1/batches/{_part(batch)}{query}", seconds=self._seconds(PAGE_CODES)
        )
        page = _parsed(lambda found: BatchPage.parse(batch, found), data)
        if page.ranges and page.ranges[0].first <= after:
            raise StrangeAnswer("it answered with serials not asked for")
        return page

    def aggregate(self, aggregation: Aggregation) -> AggregationAnswer:
        """See `Client`."""
        path = f"/v1/aggregations/{_part(aggregation.aggregation)}"
        # The contract's promise: a backend may keep a row per child.
        seconds = self._seconds(sum(map(len, aggregation.children)))
        data = self._json("PUT", path, aggregation.body(), seconds)
        answer = _parsed(AggregationAnswer.parse, data)
        sent = (aggregation.aggregation, aggregation.action, aggregation.dry_run)
        if (answer.aggregation, answer.action, answer.dry_run) != sent:
            raise StrangeAnswer("it answered for another aggregation than was sent")
        return answer

    def get_aggregation(self, aggregation: str) -> AggregationAnswer | None:
        """See `Client`."""
        answer = self._known(f"/v1/aggregations/{_part(aggregation)}", AggregationAnswer.parse)
        if answer and answer.aggregation != aggregation:
            raise StrangeAnswer("it answered for another aggregation than was asked for")
        return answer

    def parents_page(self, batch: str, after: int = 0) -> ParentsPage | None:
        """See `Client`."""
        path = f"/v1/batches/{_part(batch)}/parents?after={after}"
        return self._offered(path, lambda found: ParentsPage.parse(batch, found, after))

    def unknown_scans(self, after: int = 0) -> UnknownPage:
        """See `Client`."""
        data = self._json("GET", f"/v1/unknown-scans?after={after}")
        return _parsed(lambda page: UnknownPage.parse(page, after), data)

    def refused_scans(self, after: int = 0) -> RefusedPage | None:
        """See `Client`."""
        path = f"/v1/refused-scans?after={after}"
        return self._offered(path, lambda page: RefusedPage.parse(page, after))

    def repeats(self, over: int = 1, after: str | None = None) -> RepeatsPage | None:
        """See `Client`."""
        path = f"/v1/repeats?over={over}" + (f"&after={_part(after)}" if after else "")
        seconds = self._seconds(PAGE_CODES)
        return self._offered(path, lambda page: RepeatsPage.parse(page, over, after), seconds)

    def regions(self, batch: str, after: int = 0) -> RegionsPage | None:
        """See `Client`."""
        path = f"/v1/batches/{_part(batch)}/regions?after={after}"
        seconds = self._seconds(PAGE_CODES)
        return self._offered(path, lambda page: RegionsPage.parse(batch, page, after), seconds)

    def scan_ins(self, after: int = 0) -> ScanInsPage | None:
        """See `Client`."""
        path = f"/v1/scan-ins?after={after}"
        return self._offered(path, lambda page: ScanInsPage.parse(page, after))

    def head(self, home: str) -> HeadAnswer | None:
        """See `Client`."""
        seconds = min(HEAD_SECONDS, self._transport.limits.call_seconds)
        answer = self._offered(f"/v1/homes/{_part(home)}/head", HeadAnswer.parse, seconds)
        if answer and answer.home != home:
            raise StrangeAnswer("it answered for another home than was asked for")
        return answer

    def health(self) -> HealthAnswer:
        """See `Client`."""
        return _parsed(HealthAnswer.parse, self._json("GET", "/v1/health"))

    def scan(
        self,
        code: str,
        scan_id: str | None = None,
        party: Party | None = None,
        region: str | None = None,
    ) -> ScanAnswer:
        """Scan as a consumer's phone does, or as a platform if the client signs as one.

        Lines never do. `party`: on whose behalf; `region`: where, as ISO 3166-2 or GB/T 2260.
        """
        told = {"scan_id": scan_id, "as": party and party.value, "region": region}
        body = {"code": code} | {key: value for key, value in told.items() if value}
        answer = _parsed(ScanAnswer.parse, self._json("POST", "/v1/scans", body))
        if answer.party is not (party or Party.CONSUMER):
            raise StrangeAnswer("it counted the scan as another party's")
        return answer

    def put_scan_in(self, scan_in: ScanIn) -> ScanInAnswer:
        """Take in goods for a dealer, as a platform does, once whatever happens to the answers."""
        data = self._json(
            "PUT",
            f"/v1/scan-ins/{_part(scan_in.scan_in)}",
            scan_in.body(),
            self._seconds(PAGE_CODES),
        )
        answer = _parsed(ScanInAnswer.parse, data)
        if answer.scan_in != scan_in.scan_in or scan_in.dealer not in (None, answer.dealer):
            raise StrangeAnswer("it answered for another scan-in than was sent")
        return answer

    def _seconds(self, codes: int) -> float:
        """How long a call about so many codes may take."""
        limits = self._transport.limits
        return limits.call_seconds + codes / limits.codes_per_second

    def _known(self, path: str, parse: Callable[[object], T]) -> T | None:
        """What is asked for; None if the backend says that it does not know it."""
        try:
            return _parsed(parse, self._json("GET", path))
        except Declined as declined:
            if declined.problem.name != "not-found":
                raise
            return None

    def _offered(
        self, path: str, parse: Callable[[object], T], seconds: float | None = None
    ) -> T | None:
        """What is asked for; None if there is no such address, in whatever form."""
        try:
            return _parsed(parse, self._json("GET", path, seconds=seconds))
        except Declined as declined:
            if declined.problem.status not in NOT_OFFERED:
                raise
        except Away as away:
            if away.status not in NOT_OFFERED:
                raise
        return None

    def _json(
        self, method: str, path: str, body: object = None, seconds: float | None = None
    ) -> object:
        """The JSON of a 200 answer."""
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        status, answer = self._call(method, path, content, "application/json", seconds)
        if status != 200:
            raise Away(f"it answered with status {status}")
        return loads(answer)

    def _call(
        self, method: str, path: str, body: bytes, kind: str, seconds: float | None = None
    ) -> tuple[int, bytes]:
        return self._transport.call(method, path, body, kind, line=self._line, seconds=seconds)


def _part(text: str) -> str:
    return quote(text, safe="")


def _parsed(parse: Callable[[object], T], data: object) -> T:
    try:
        return parse(data)
    except MalformedAnswer as error:
        raise StrangeAnswer(f"its answer is not of the agreed form: {error}") from None
