"""Clauses on limits: what stands at a bound is taken, what lies beyond it is refused."""

from typing import Any

from ..clause import Clauses
from ..depth import Depth
from ..outcome import Broken, expect
from ..trial import QUANTITY, Trial

LIMITS = Clauses("limits", "Limits")
MOST = 999_999_999_999
TEA = "\U0001f375"  # one character, two halves in UTF-16, four bytes in UTF-8


def _taken(t: Trial, what: str, **more: Any) -> None:  # noqa: ANN401 - JSON
    answer = t.order("assign", t.serials(1), **more)
    if answer.status != 200:
        raise Broken(f"{what} is taken", answer)


def _invalid(t: Trial, what: str, **more: Any) -> None:  # noqa: ANN401 - JSON
    body = t.body("assign", t.serials(1)) | more
    answer = t.probe("PUT", f"/v1/orders/{t.order_id()}", body)
    if answer.problem != "invalid":
        raise Broken(f"{what} is invalid", answer)


@LIMITS.clause(
    "reason", "a reason is any text of up to 500 characters, with any action", depth=Depth.NORMAL
)
def _reason(t: Trial) -> None:
    for reason in ("", " ", TEA * 500, "\u8336\n\u0000", "lost"):
        _taken(t, f"a reason of {len(reason)} characters", reason=reason)
    _invalid(t, "a reason of 501 characters", reason=TEA * 501)
    told = t.done("assign", t.serials(1), reason="damaged")
    expect(told.get("reason"), None, "a reason in the answer")


@LIMITS.clause(
    "values", "an attribute's text has up to 1,024 bytes of UTF-8, or none", depth=Depth.NORMAL
)
def _values(t: Trial) -> None:
    for value in ("", TEA * 256, "\u8336" * 341 + "x", "0", "00700", "null"):
        serials = t.serials(1)
        t.done("assign", serials, attributes={"lot": value, "region": value, "native.x": value})
        (item,) = t.ranges(serials)
        wanted = {"lot": value, "region": value, "native.x": value}
        expect(item["attributes"], wanted, f"attributes of {len(value.encode())} bytes")
    _invalid(t, "a text of 1,028 bytes", attributes={"lot": TEA * 257})
    _invalid(t, "max_scans of 1,000,001", attributes={"max_scans": 1_000_001})


@LIMITS.clause(
    "numbers", "serials and counts go to 999,999,999,999; more is invalid", depth=Depth.NORMAL
)
def _numbers(t: Trial) -> None:
    # None of the check's batches: nobody reads so many serials back with their digests.
    path = f"/v1/batches/{t.batch}-far"
    expect(t.probe("PUT", path, t.registration(quantity=MOST)).status, 200, "the status of a batch")
    far = t.body("void", (MOST - 1, MOST), count=2) | {"batch": f"{t.batch}-far"}
    answer = t.probe("PUT", f"/v1/orders/{t.order_id()}", far)
    expect(answer.status, 200, "the status of an order of the last two serials")
    data = t.probe("GET", f"{path}?after={MOST - 3}").data
    told = [(item["serials"], item["state"]) for item in data["ranges"]]
    wanted = [([MOST - 2, MOST - 2], "inactive"), ([MOST - 1, MOST], "void")]
    expect(told, wanted, "the last ranges")
    t.refused(t.order("assign", (MOST, MOST)), "outside")
    t.refused(t.order("assign", t.serials(1), count=MOST), "count-differs")
    _invalid(t, "a serial of 10^12", serials=[[1, MOST + 1]])
    _invalid(t, "a count of 10^12", count=MOST + 1)
    for spelled in ("1.0", "1e0", "-0.0"):
        body = t.probe.content(t.body("assign", t.serials(1)) | {"count": "SPELLED"})
        body = body.replace(b'"SPELLED"', spelled.encode())
        path = f"/v1/orders/{t.order_id()}"
        t.refused(t.probe("PUT", path, body, kind="application/json"), "invalid")
    for after in (str(MOST + 1), "-1", "1.0", "x", "1e3", ""):
        t.refused(t.probe("GET", f"/v1/batches/{t.batch}?after={after}"), "invalid")
    for digests in ("1", "True", "yes", ""):
        path = f"/v1/batches/{t.batch}?after={QUANTITY - 1}&digests={digests}"
        t.refused(t.probe("GET", path), "invalid")


@LIMITS.clause(
    "ids",
    "ids of batches, homes, orders and scans hold what ids may, to 64 characters",
    depth=Depth.NORMAL,
)
def _ids(t: Trial) -> None:
    tail = "._-aZ09"
    name = (t.new_head()[:24] + tail).ljust(64, "x")
    other = f"{t.batch}-ids"
    body = t.registration(home=name, pair_of=name)
    expect(t.probe("PUT", f"/v1/batches/{other}", body).status, 200, "the status with such ids")
    for bad in (f"{name}x", ".a", "_a", "-a", "a b", "a/b", "\u00e9", "a\n", "a+"):
        for key in ("home", "pair_of"):
            body = t.registration(**{key: bad})
            answer = t.probe("PUT", f"/v1/batches/{t.batch}-bad", body)
            t.refused(answer, "invalid")
        _invalid(t, f"an order of the batch {bad!r}", batch=bad)


@LIMITS.clause(
    "registration",
    "every role is taken; null, other signs and long ones are invalid",
    depth=Depth.NORMAL,
)
def _registration(t: Trial) -> None:
    for role in ("item", "inner", "outer", "carton", "pallet", "batch", "guide"):
        path = f"/v1/batches/{t.batch}-as-{role}"  # `-guide` is of the clauses of forms
        answer = t.probe("PUT", path, t.registration(role=role))
        expect(answer.status, 200, f"the status of a batch of the role {role}")
        expect(answer.data.get("role"), role, "role in the answer")
    bad: tuple[dict[str, object], ...] = (
        {"role": None},
        {"symbols": "AB C"},
        {"symbols": "AB\u00e9"},
        {"symbols": "A" * 95},
        {"length": 16.5},
        {"quantity": None},
    )
    for change in bad:
        answer = t.probe("PUT", f"/v1/batches/{t.batch}-bad", t.registration(**change))
        t.refused(answer, "invalid")


@LIMITS.clause("bytes", "a body that is not UTF-8 is invalid", depth=Depth.NORMAL)
def _bytes(t: Trial) -> None:
    text = t.probe.content(t.body("assign", t.serials(1), attributes={"lot": "HERE"}))
    for wrong in (b"\xff", b"\xc3", b"\xed\xa0\xbd", b"\xc0\xaf"):
        path, body = f"/v1/orders/{t.order_id()}", text.replace(b"HERE", wrong)
        t.refused(t.probe("PUT", path, body, kind="application/json"), "invalid")


@LIMITS.clause(
    "both",
    "a validity in its field and among the attributes is invalid, null too",
    depth=Depth.NORMAL,
)
def _both(t: Trial) -> None:
    for key in ("effective_at", "expires_at"):
        for value in (None, "2099-01-01T00:00:00Z"):
            fields: dict[str, Any] = {key: "2099-01-01T00:00:00Z", "attributes": {key: value}}
            _invalid(t, f"{key} as a field and as an attribute", **fields)
