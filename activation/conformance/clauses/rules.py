"""Clauses on what holds for every address: form, methods, refusals, caches."""

import json

from ..clause import Clauses
from ..depth import Depth
from ..outcome import Broken, expect
from ..probe import Answer
from ..trial import Trial

RULES = Clauses("rules", "Rules for all of it")


@RULES.clause("strict", "unknown keys, other types and values out of bounds are invalid")
def _strict(t: Trial) -> None:
    serials = t.serials(3)
    pair = [list(serials)]
    bad: tuple[dict[str, object], ...] = (
        {"surprise": 1},
        {"count": "3"},
        {"count": 1.5},
        {"count": 3.0},
        {"count": True},
        {"serials": [[serials[0], float(serials[1])]]},
        {"skip": ["active"]},
        {"action": "destroy"},
        {"serials": []},
        {"serials": [[3, 1]]},
        {"serials": [[0, 1]]},
        {"serials": [[1]]},
        {"serials": [*pair, *pair]},
        {"serials": [[n * 2 + 1, n * 2 + 1] for n in range(1_001)]},
        {"dry_run": 1},
        {"audit_head": "x"},
    )
    path = f"/v1/orders/{t.order_id()}"
    for change in bad:
        body = {"batch": t.batch, "action": "assign", "serials": pair} | change
        _invalid(t, t.probe("PUT", path, body), _short(change))
    for missing in ("batch", "action", "serials"):
        whole = {"batch": t.batch, "action": "assign", "serials": pair}
        del whole[missing]
        _invalid(t, t.probe("PUT", path, whole), f"an order without {missing}")


@RULES.clause("json", "what is no JSON object is invalid")
def _json(t: Trial) -> None:
    path = f"/v1/orders/{t.order_id()}"
    for text in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 10_000):
        answer = t.probe("PUT", path, text, kind="application/json")
        t.refused(answer, "invalid", "too-large")


@RULES.clause("ids", "ids are 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit")
def _ids(t: Trial) -> None:
    serials = t.uploaded(1)
    body = {"batch": t.batch, "action": "assign", "serials": [list(serials)]}
    for bad in ("-a", "_a", "a%20b", "a" * 65):
        t.refused(t.probe("PUT", f"/v1/orders/{bad}", body), "invalid", "not-found")
    longest = (t.order_id() + ".a_b-").ljust(64, "0")
    expect(t.probe("PUT", f"/v1/orders/{longest}", body).status, 200, "an id of 64")


@RULES.clause("case", "ids that differ in the case of a letter alone are two")
def _case(t: Trial) -> None:
    serials, order = t.serials(2), f"{t.order_id()}-a"
    first = t.done("assign", serials, order=order, attributes={"lot": "a"})
    t.not_found(order.upper())
    t.done("freeze", serials, order=f"{order[:-1]}A")
    expect(t.probe("GET", f"/v1/orders/{order}").data, first, "the answer of the first")
    t.refused(t.probe("GET", f"/v1/batches/{t.batch.lower()}?after=0"), "not-found")


@RULES.clause("unknown", "what does not exist is not-found")
def _unknown(t: Trial) -> None:
    t.refused(t.probe("GET", f"/v1/orders/{t.order_id()}"), "not-found")
    t.refused(t.probe("GET", f"/v1/batches/{t.batch}X?after=0"), "not-found")
    stream = t.probe("PUT", f"/v1/batches/{t.batch}X/fingerprints/1", bytes(16))
    t.refused(stream, "not-found")
    body = {"batch": f"{t.batch}X", "action": "assign", "serials": [[1, 1]]}
    t.refused(t.probe("PUT", f"/v1/orders/{t.order_id()}", body), "not-found")


@RULES.clause("no-store", "no answer is kept by caches")
def _no_store(t: Trial) -> None:
    for answer in (t.page(), t.order("assign", t.serials(1), order="-")):
        kept = answer.headers.get("cache-control", "")
        if "no-store" not in kept:
            raise Broken("Cache-Control: no-store", kept or "none")


@RULES.clause("utf-8", "text is UTF-8, and comes back as it was sent")
def _utf8(t: Trial) -> None:
    serials = t.active(1, attributes={"product": "乌龙茶 500 毫升 é"})
    (item,) = t.ranges(serials)
    expect(
        json.dumps(item["attributes"].get("product")), json.dumps("乌龙茶 500 毫升 é"), "product"
    )


@RULES.clause("types", "answers are application/json, and bodies of 200 objects")
def _types(t: Trial) -> None:
    order = t.order_id()
    answers = (
        t.probe("GET", "/v1/health", form=None),
        t.register(),
        t.order("assign", t.serials(1), order=order),
        t.probe("GET", f"/v1/orders/{order}"),
        t.page(),
    )
    for answer in answers:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        expect(kind, "application/json", "Content-Type")
        expect(type(answer.data).__name__, "dict", "the body's type")


@RULES.clause("methods", "another method is method-not-allowed, and Allow names those there are")
def _methods(t: Trial) -> None:
    paths = (
        (f"/v1/orders/{t.order_id()}", "DELETE", {"GET", "PUT"}),
        (f"/v1/batches/{t.batch}", "POST", {"GET", "PUT"}),
        (f"/v1/batches/{t.batch}/fingerprints/1", "GET", {"PUT"}),
        ("/v1/health", "PUT", {"GET", "HEAD"}),
    )
    for path, method, wanted in paths:
        answer = t.probe(method, path, {} if method != "GET" else None)
        t.refused(answer, "method-not-allowed")
        expect(answer.status, 405, "the status")
        allowed = {name.strip() for name in answer.headers.get("allow", "").split(",")}
        if not wanted <= allowed:
            raise Broken(f"Allow: {', '.join(sorted(wanted))}", answer.headers.get("allow", "none"))


@RULES.clause("head", "HEAD /v1/health answers as GET does, without a body")
def _head(t: Trial) -> None:
    answer = t.probe("HEAD", "/v1/health", form=None)
    expect((answer.status, answer.body), (200, b""), "status, body")
    answer = t.probe("HEAD", f"/v1/batches/{t.batch}")
    expect(answer.status, 405, "the status of HEAD elsewhere")


@RULES.clause(
    "media-type", "fingerprints of another media type are media-type, and nothing is kept"
)
def _media_type(t: Trial) -> None:
    serials = t.serials(1)
    path = f"/v1/batches/{t.batch}/fingerprints/{serials[0]}"
    for kind in ("text/plain", "application/json", "application/x-www-form-urlencoded"):
        answer = t.probe("PUT", path, t.fingerprints(serials), kind=kind)
        t.refused(answer, "media-type", "invalid")
    t.refused(t.order("activate", serials), "fingerprints-missing")


@RULES.clause("json-type", "JSON under another type than application/json is invalid")
def _json_type(t: Trial) -> None:
    order, serials = t.order_id(), t.serials(1)
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        body = t.probe.content(t.body("assign", serials))
        answer = t.probe("PUT", f"/v1/orders/{order}", body, kind=kind)
        t.refused(answer, "invalid", "media-type")
    t.not_found(order)


@RULES.clause("uncompressed", "answers are not compressed")
def _uncompressed(t: Trial) -> None:
    for answer in (t.page(), t.register(), t.probe("GET", f"/v1/orders/{t.order_id()}")):
        expect(answer.headers.get("content-encoding", "identity"), "identity", "Content-Encoding")


@RULES.clause("query", "unknown query parameters are passed over")
def _query(t: Trial) -> None:
    answer = t.probe("GET", f"/v1/batches/{t.batch}?after=0&colour=red")
    expect(answer.status, 200, "the status")
    expect(answer.data, t.page().data, "the page")
    answer = t.probe("GET", f"/v1/batches/{t.batch}?digests=false")
    expect(answer.data, t.page().data, "the page with digests=false, and without after")
    answer = t.probe("GET", "/v1/health?colour=red", form=None)
    expect(answer.status, 200, "the status of health with another parameter")


@RULES.clause("too-large", "an order of more than a mebibyte is too-large, and nothing is kept")
def _too_large(t: Trial) -> None:
    order, serials = t.order_id(), t.serials(1)
    body = t.body("assign", serials, attributes={"lot": "x" * (1_048_576 + 1)})
    t.too_large("PUT", f"/v1/orders/{order}", body)
    t.not_found(order)


@RULES.clause(
    "bounds",
    "numbers and texts beyond their bounds are invalid, never an error",
    depth=Depth.NORMAL,
)
def _bounds(t: Trial) -> None:
    serials = t.serials(1)
    huge = 10**30
    bad: tuple[dict[str, object], ...] = (
        {"serials": [[1, huge]]},
        {"serials": [[-1, 1]]},
        {"serials": [[1.5, 2]]},
        {"serials": ["1-2"]},
        {"serials": [[1, 2, 3]]},
        {"serials": None},
        {"count": huge},
        {"count": -1},
        {"skip": ["void", "void"]},
        {"skip": "void"},
        {"skip": None},
        {"from": "sealed"},
        {"attributes": None},
        {"attributes": []},
        {"attributes": {"lot": True}},
        {"attributes": {"max_scans": 1.5}},
        {"attributes": {"max_scans": 10**9}},
        {"attributes": {"native.": "x"}},
        {"attributes": {"": "x"}},
        {"attributes": {"expires_at": "2099-01-01T00:00:00Z"}},
        {"reason": 5},
        {"reason": "x" * 501},
        {"dry_run": None},
        {"dry_run": "false"},
        {"audit_head": "A" * 64},
        {"effective_at": 1_798_761_600},
    )
    for change in bad:
        order = t.order_id()
        answer = t.probe("PUT", f"/v1/orders/{order}", t.body("assign", serials) | change)
        _invalid(t, answer, _short(change))
    t.done("assign", serials, reason="\u7801" * 500)


@RULES.clause("caches", "no answer is kept by caches: refusals, uploads and health neither")
def _caches(t: Trial) -> None:
    order = t.order_id()
    answers = {
        "health": t.probe("GET", "/v1/health", form=None),
        "a registration": t.register(),
        "an upload": t.upload(*_upload(t)),
        "an order": t.order("assign", t.serials(1), order=order),
        "a kept order": t.probe("GET", f"/v1/orders/{order}"),
        "a page": t.page(),
        "not-found": t.probe("GET", f"/v1/orders/{t.order_id()}"),
        "order-differs": t.order("freeze", t.serials(1), order=order),
        "invalid": t.probe("PUT", f"/v1/orders/{order}", b"{", kind="application/json"),
        "method-not-allowed": t.probe("DELETE", f"/v1/orders/{order}"),
    }
    if t.probe.signs:
        answers["unauthorised"] = t.probe("GET", f"/v1/orders/{order}", form=None)
    for name, answer in answers.items():
        kept = answer.headers.get("cache-control", "")
        if "no-store" not in kept:
            raise Broken(f"{name}: Cache-Control: no-store", kept or "none")


def _upload(t: Trial) -> tuple[int, bytes]:
    serials = t.serials(1)
    return serials[0], t.fingerprints(serials)


def _invalid(t: Trial, answer: Answer, what: str) -> None:
    if answer.problem != "invalid":
        raise Broken(f"{what} is invalid", answer)
    t.refused(answer, "invalid")


def _short(change: dict[str, object]) -> str:
    return json.dumps(change, ensure_ascii=False)[:60]
