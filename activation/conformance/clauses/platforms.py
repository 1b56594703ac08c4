"""Clauses on keys of platforms and dealers. Their scopes stand in docs/conformance.md."""

from collections.abc import Callable
from typing import Any

from ..clause import Attempt, Clauses
from ..market import DEALER, expect_windows, opened, read, scan_in, values
from ..outcome import NotOffered, expect
from ..packs import body, pack, part
from ..probe import Answer, Probe
from ..trial import Serials, Trial
from .scopes import NARROW

PLATFORMS = Clauses("platforms", "Platforms and dealers", "signing.md")
OTHER = "D8"


def _keyed(
    option: str, chosen: Callable[[Trial], Probe | None]
) -> Callable[[Callable[[Trial, Probe], None]], Attempt]:
    """Have the clause not offered without the key of this option; else it gets its probe."""

    def decorate(attempt: Callable[[Trial, Probe], None]) -> Attempt:
        def guarded(t: Trial) -> None:
            probe = chosen(t)
            if probe is None:
                raise NotOffered(f"only with {option}")
            attempt(t, probe)

        return guarded

    return decorate


_platform = _keyed("--platform-key", lambda t: t.platform)
_dealer = _keyed("--dealer-key", lambda t: t.dealer)


@PLATFORMS.clause(
    "nowhere-else", "a platform may not order, pack, upload, register or read a batch"
)
@_platform
def _nowhere_else(t: Trial, platform: Probe) -> None:
    batch = t.other(NARROW)
    serials, order = batch.uploaded(2), t.order_id()
    batch.done("freeze", serials, order=order)
    path = f"/v1/batches/{batch.batch}"
    for method, address, content in (
        ("PUT", f"/v1/orders/{t.order_id()}", batch.body("unfreeze", serials)),
        ("PUT", f"/v1/orders/{order}", batch.body("freeze", serials)),
        ("PUT", f"/v1/aggregations/{t.order_id()}", body("dissociate", None, part(batch, serials))),
        ("PUT", path, batch.registration()),
        ("PUT", f"{path}/fingerprints/{serials[0]}", batch.fingerprints(serials)),
        ("GET", f"{path}?after=0", None),
        ("GET", f"{path}/parents?after=0", None),
        ("GET", f"/v1/orders/{order}", None),
        ("GET", f"/v1/homes/{t.home}/head", None),
        ("GET", "/v1/unknown-scans?after=0", None),
        ("GET", f"{path}/regions?after=0", None),
        ("GET", "/v1/scan-ins?after=0", None),
    ):
        answer = platform(method, address, content)
        if answer.status not in (404, 405, 501):
            t.refused(answer, "forbidden")
    expect(batch.states(serials), ["frozen"] * 2, "states afterwards")


@PLATFORMS.clause(
    "reads", "a platform reads refused scans and repeats", section="Platforms and dealers"
)
@_platform
def _reads(t: Trial, platform: Probe) -> None:
    for path, name in (("/v1/refused-scans?after=0", "refused"), ("/v1/repeats?over=1", "repeats")):
        found = read(t, path, path.partition("?")[0], platform)
        expect(type(found.get(name)), list, f"the type of {name}")


@PLATFORMS.clause("scan-in", "a platform scans in what its batches hold, and names the dealer")
@_platform
def _scan_in(t: Trial, platform: Probe) -> None:
    batch = t.other(NARROW)
    serials = batch.active(2)
    answer = opened(t, probe=platform, ranges=[part(batch, serials)])
    expect(answer.get("opened_count"), 2, "opened_count")
    t.refused(_open(t, platform, batch, serials, dealer=None), "invalid")


@PLATFORMS.clause("batches", "every batch that a scan-in names, finds or opens is in the scope")
@_platform
def _batches(t: Trial, platform: Probe) -> None:
    batch, others = t.other(NARROW), t.active(3)
    box, _ = boxes = batch.active(1)
    opened(t, probe=platform, ranges=[part(batch, boxes)], dealer=OTHER)
    t.refused(_open(t, platform, t, others), "forbidden")
    t.refused(scan_in(t, probe=platform, codes=[t.code(others[0])]), "forbidden")
    pack(t, part(batch, (box, box)), part(t, others))
    name = t.order_id()
    for probe, wanted in ((platform, "forbidden"), (t.probe, None)):
        answer = scan_in(t, name, probe, ranges=[part(batch, boxes)])
        if wanted:
            t.refused(answer, wanted)
    expect(answer.status, 200, "the status of the same scan-in, by a key that may")
    expect(values(t, others, "dealer"), [DEALER] * 3, "dealers afterwards")


def _open(t: Trial, probe: Probe, batch: Trial, serials: Serials, **more: Any) -> Answer:  # noqa: ANN401 - JSON
    return scan_in(t, probe=probe, ranges=[part(batch, serials)], **more)


@PLATFORMS.clause("bound", "a key that is bound to attributes sets only these, to these values")
@_dealer
def _bound(t: Trial, dealer: Probe) -> None:
    expect_windows(t)
    batch = t.other(NARROW)
    serials = batch.serials(2)
    window = {"until": "2020-01-01T00:00:00Z", "attributes": {"dealer": DEALER}}
    wrong: tuple[dict[str, object], ...] = (
        {"attributes": {"dealer": OTHER}},
        {"attributes": {"dealer": None}},
        {"attributes": {"dealer": DEALER, "lot": "L"}},
        {"attributes": {"window.w": window}},
        {"attributes": {"expires_at": None}},
        {"expires_at": "2099-01-01T00:00:00Z"},
    )
    for more in wrong:
        order = t.order_id()
        answer = dealer("PUT", f"/v1/orders/{order}", batch.body("assign", serials, **more))
        t.refused(answer, "forbidden")
        t.not_found(order)
    body = batch.body("assign", serials, attributes={"dealer": DEALER})
    expect(dealer("PUT", f"/v1/orders/{t.order_id()}", body).status, 200, "the status of its own")
    expect(values(batch, serials, "dealer"), [DEALER] * 2, "dealers afterwards")


@PLATFORMS.clause("dealer", "a scan-in by a key that is bound to a dealer is for that dealer alone")
@_dealer
def _own(t: Trial, dealer: Probe) -> None:
    batch = t.other(NARROW)
    serials = batch.active(2)
    name = t.order_id()
    t.refused(_open(t, dealer, batch, serials, dealer=OTHER), "forbidden")
    ranges = [part(batch, serials)]
    answer = opened(t, name, dealer, ranges=ranges, dealer=None)
    expect((answer.get("dealer"), answer.get("opened_count")), (DEALER, 2), "dealer, and how many")
    again = opened(t, name, dealer, ranges=ranges, dealer=DEALER)
    expect(again, answer, "the answer once more, the dealer named")
    again = opened(t, name, t.probe, ranges=ranges, dealer=DEALER)
    expect(again, answer, "the answer once more, to another key for the same dealer")
    t.refused(scan_in(t, name, t.probe, ranges=ranges, dealer=OTHER), "order-differs")
    t.refused(_open(t, dealer, t, t.active(1), dealer=None), "forbidden")
