"""Clauses on registering a batch, uploading fingerprints, and the form of refusals."""

import hashlib
import json

from .clause import Clauses
from .outcome import Broken, expect
from .trial import QUANTITY, Trial

RULES = Clauses("rules", "Rules for all of it")
REGISTER = Clauses("register", "1. Register a batch")
UPLOAD = Clauses("upload", "2. Upload fingerprints")


@REGISTER.clause("health", "the fingerprints this batch has are understood")
def _health(t: Trial) -> None:
    answer = t.probe("GET", "/v1/health", form=None)
    expect(answer.status, 200, "the status of /v1/health")
    data = answer.data if isinstance(answer.data, dict) else {}
    expect(data.get("api"), "v1", "api")
    expect(data.get("scheme"), "hmac-sha256-128", "scheme")
    expect(data.get("fingerprint_key_id"), t.key_id, "fingerprint_key_id")


@REGISTER.clause("new", "a new batch is taken, answered with itself, and all of it is inactive")
def _new(t: Trial) -> None:
    answer = t.register()
    expect(answer.status, 200, "the status")
    data = answer.data if isinstance(answer.data, dict) else {}
    for key, value in t.registration().items():
        expect(data.get(key), value, f"{key} in the answer")
    expect(t.states((1, 10)), ["inactive"] * 10, "states")


@REGISTER.clause("again", "the same batch again is taken again, and nothing changes")
def _again(t: Trial) -> None:
    serials = t.active(3)
    expect(t.register().status, 200, "the status of the same again")
    expect(t.states(serials), ["active"] * 3, "states afterwards")


@REGISTER.clause("differs", "a registered batch never changes: other values are batch-differs")
def _differs(t: Trial) -> None:
    for changed in ({"quantity": QUANTITY + 1}, {"length": 17}, {"canonical": "upper"}):
        t.refused(t.register(**changed), "batch-differs")


@REGISTER.clause("key", "a key or scheme not held is key-unknown, with those that are")
def _key(t: Trial) -> None:
    for changed in ({"fingerprint_key_id": "0" * 16}, {"scheme": "sha-256"}):
        body = t.refused(t.register(**changed), "key-unknown")
        expect(body.get("fingerprint_key_id"), t.key_id, "fingerprint_key_id in the problem")


@RULES.clause("strict", "unknown keys, other types and values out of bounds are invalid")
def _strict(t: Trial) -> None:
    serials = t.serials(3)
    pair = [list(serials)]
    bad: tuple[dict[str, object], ...] = (
        {"surprise": 1},
        {"count": "3"},
        {"count": 1.5},
        {"count": True},
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
        t.refused(t.probe("PUT", path, body), "invalid")
    for missing in ("batch", "action", "serials"):
        whole = {"batch": t.batch, "action": "assign", "serials": pair}
        del whole[missing]
        t.refused(t.probe("PUT", path, whole), "invalid")


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


@UPLOAD.clause("pending", "an upload is taken, and alone changes nothing that can be read")
def _pending(t: Trial) -> None:
    serials = t.uploaded(5)
    expect(t.states(serials), ["inactive"] * 5, "states")
    held = [item.get("held") for item in t.ranges(serials, digests=True)]
    expect(held, [0] * len(held), "live fingerprints held")


@UPLOAD.clause("again", "the same bytes again, in other portions, are taken again")
def _upload_again(t: Trial) -> None:
    first, last = t.uploaded(6)
    data = t.fingerprints((first, last))
    for start, stop in ((0, 6), (0, 2), (2, 6), (5, 6)):
        part = data[start * 16 : stop * 16]
        expect(t.upload(first + start, part).status, 204, "the status of the same bytes again")
    t.done("activate", (first, last))
    expect(t.upload(first, data).status, 204, "the status of live ones uploaded again")


@UPLOAD.clause("differ", "other bytes for a held serial are fingerprints-differ; nothing is kept")
def _differ(t: Trial) -> None:
    first, last = t.serials(4)
    data = t.fingerprints((first, last))
    expect(t.upload(first + 1, data[16:32]).status, 204, "an upload's status")
    wrong = data[:16] + bytes(16) + data[32:]
    t.refused(t.upload(first, wrong), "fingerprints-differ")
    t.refused(t.order("activate", (first, first)), "fingerprints-missing")
    live = t.active(2)
    t.refused(t.upload(live[0], bytes(32)), "fingerprints-differ")


@UPLOAD.clause("length", "16 bytes per code, 1 to 65,536 of them; within the batch")
def _length(t: Trial) -> None:
    (first, _) = t.serials(2)
    for data in (b"", bytes(15), bytes(17)):
        t.refused(t.upload(first, data), "invalid")
    t.refused(t.upload(1, bytes(16 * 65_537)), "invalid", "too-large")
    t.refused(t.upload(QUANTITY, bytes(32)), "outside")
    t.refused(t.upload(0, bytes(16)), "invalid", "not-found")


@UPLOAD.clause("type", "fingerprints are application/octet-stream")
def _type(t: Trial) -> None:
    serials = t.serials(1)
    path = f"/v1/batches/{t.batch}/fingerprints/{serials[0]}"
    body = t.fingerprints(serials)
    t.refused(t.probe("PUT", path, body, kind="application/json"), "media-type", "invalid")


@UPLOAD.clause("digest", "held and digest are of the live fingerprints, in serials' order")
def _digest(t: Trial) -> None:
    first, last = t.active(7)
    (item,) = t.ranges((first, last), digests=True) or [{}]
    expect(item.get("held"), 7, "held")
    # The page cuts at tiles, not at ours: the digest is compared serials it is ours alone.
    t.done("assign", (first, last), attributes={"lot": f"D{first}"})
    page = t.page(first - 1, digests=True).data
    found = [item["digest"] for item in page["ranges"] if item["serials"] == [first, last]]
    wanted = hashlib.sha256(t.fingerprints((first, last))).hexdigest()
    expect(found, [wanted], "digest")


@RULES.clause("utf-8", "text is UTF-8, and comes back as it was sent")
def _utf8(t: Trial) -> None:
    serials = t.active(1, attributes={"product": "乌龙茶 500 毫升 é"})
    (item,) = t.ranges(serials)
    expect(
        json.dumps(item["attributes"].get("product")), json.dumps("乌龙茶 500 毫升 é"), "product"
    )
