"""Clauses on registering a batch, and uploading fingerprints."""

import hashlib

from ..clause import Clauses
from ..depth import Depth
from ..outcome import expect
from ..trial import QUANTITY, Trial

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
    for changed in (
        {"quantity": QUANTITY + 1},
        {"length": 17},
        {"canonical": "upper"},
        {"home": f"{t.home}-2"},
        {"symbols": t.form.symbols[::-1]},
        {"role": "guide"},
        {"pair_of": f"{t.batch}-x"},
    ):
        t.refused(t.register(**changed), "batch-differs")
    data = t.page().data
    for key, value in t.registration().items():
        expect(data.get(key), value, f"{key} as read back")


@REGISTER.clause("defaults", "role and pair_of left out are item and null: the same batch")
def _defaults(t: Trial) -> None:
    body = t.registration()
    del body["role"], body["pair_of"]
    backwards = dict(reversed(body.items()))
    answer = t.probe("PUT", f"/v1/batches/{t.batch}", backwards)
    expect(answer.status, 200, "the status of the same batch, with its defaults left out")
    expect((answer.data or {}).get("role"), "item", "role in the answer")


@REGISTER.clause("key", "a key or scheme not held is key-unknown, with those that are")
def _key(t: Trial) -> None:
    for changed in ({"fingerprint_key_id": "0" * 16}, {"scheme": "sha-256"}):
        body = t.refused(t.register(**changed), "key-unknown")
        expect(body.get("fingerprint_key_id"), t.key_id, "fingerprint_key_id in the problem")


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
    expect(t.held((first, last)), 6, "live fingerprints held afterwards")


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
    for serial in ("0", "-1", "1.0", "x", "1e3", str(10**12)):
        path = f"/v1/batches/{t.batch}/fingerprints/{serial}"
        t.refused(t.probe("PUT", path, bytes(16)), "invalid", "not-found")


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


@REGISTER.clause("strict", "unknown keys, other types and values out of bounds are invalid")
def _strict(t: Trial) -> None:
    name = f"{t.batch}-strict"
    bad: tuple[dict[str, object], ...] = (
        {"surprise": 1},
        {"quantity": 0},
        {"quantity": "1000"},
        {"quantity": 10**12},
        {"length": 0},
        {"length": 65},
        {"canonical": "lower"},
        {"role": "toy"},
        {"symbols": "A"},
        {"home": ""},
        {"pair_of": "-x"},
    )
    for change in bad:
        body = t.registration(**change)
        t.refused(t.probe("PUT", f"/v1/batches/{name}", body), "invalid")
    for missing in ("home", "symbols", "length", "canonical", "quantity", "scheme"):
        body = t.registration()
        del body[missing]
        t.refused(t.probe("PUT", f"/v1/batches/{name}", body), "invalid")
    t.refused(t.probe("GET", f"/v1/batches/{name}?after=0"), "not-found")


@REGISTER.clause("largest", "a batch at the bounds of every value is taken as it is")
def _largest(t: Trial) -> None:
    every = "".join(map(chr, range(0x21, 0x7F)))
    bounds = {"quantity": 999_999_999_999, "symbols": every, "length": 64, "canonical": "upper"}
    body = t.registration(**bounds, pair_of=f"{t.batch}-nowhere", role="guide")
    answer = t.probe("PUT", f"/v1/batches/{t.batch}-largest", body)
    expect(answer.status, 200, "the status")
    for key, value in body.items():
        expect(answer.data.get(key), value, f"{key} in the answer")


@REGISTER.clause("kept", "a batch that was refused is not known")
def _kept(t: Trial) -> None:
    path = f"/v1/batches/{t.batch}-refused"
    t.refused(t.probe("PUT", path, t.registration(fingerprint_key_id="0" * 16)), "key-unknown")
    t.refused(t.probe("GET", f"{path}?after=0"), "not-found")


@UPLOAD.clause("apart", "a serial of one batch has nothing to do with that of another")
def _apart(t: Trial) -> None:
    other = t.other("apart")
    serials = other.active(3, attributes={"lot": "other"})
    mine = t.ranges(serials, digests=True)
    other.done("assign", serials, attributes={"lot": "moved"})
    other.done("freeze", serials)
    expect(t.ranges(serials, digests=True), mine, "the same serials of the first batch")
    expect(other.states(serials), ["frozen"] * 3, "states in the second batch")


@UPLOAD.clause("most", "65,536 fingerprints, a mebibyte, are taken in one call")
def _most(t: Trial) -> None:
    wide = t.other("wide", quantity=2_200_000)
    first, _ = wide.serials(65_536)
    data = b"".join(hashlib.sha256(f"{wide.batch} {n}".encode()).digest() for n in range(32_768))
    expect(wide.upload(first, data).status, 204, "the status of an upload of 1,048,576 bytes")


@UPLOAD.clause("rest", "an activation takes its own serials of an upload; the rest stays pending")
def _rest(t: Trial) -> None:
    first, last = t.uploaded(6)
    t.done("activate", (first + 2, first + 3))
    expect(t.states((first, last)), ["inactive"] * 2 + ["active"] * 2 + ["inactive"] * 2, "states")
    expect(t.held((first, last)), 2, "live fingerprints held")
    t.done("activate", (first, first), (last, last))
    expect(t.held((first, last)), 4, "live fingerprints held of two ranges and between them")
    t.done("activate", (first + 1, first + 1), (first + 4, first + 4))


@UPLOAD.clause(
    "large", "an activation of uploads of several calls is one order", depth=Depth.THOROUGH
)
def _large(t: Trial) -> None:
    many = t.other("many", quantity=140_000)
    first, last = many.serials(140_000)
    data = many.fingerprints((first, last))
    for at in range(0, 140_000, 65_536):
        answer = many.upload(first + at, data[at * 16 : (at + 65_536) * 16])
        expect(answer.status, 204, "an upload's status")
    many.done("activate", (first, last), count=140_000)
    found = many.page(first - 1, digests=True).data["ranges"][0]
    told = found["serials"], found.get("held"), found.get("digest")
    expect(
        told, ([first, last], 140_000, hashlib.sha256(data).hexdigest()), "serials, held, digest"
    )
    many.scanned(last, result="genuine", serial=last)
