"""Clauses on scans. They may be designed otherwise: then none is tried."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..clause import Clauses
from ..noise import unknown_rows
from ..outcome import Broken, NotOffered, expect
from ..trial import Trial

SCANS = Clauses("scans", "6. Scan")
PHONES = 20


@SCANS.clause("genuine", "the first scan of an active code is genuine, the next one repeat")
def _genuine(t: Trial) -> None:
    (serial, _) = t.active(1, attributes={"lot": "L1", "dealer": "D1"})
    first, second = t.scan(t.code(serial)), t.scan(t.code(serial))
    _expect(first, result="genuine", scans=1, batch=t.batch, serial=serial)
    expect(first.get("attributes"), {"lot": "L1"}, "public attributes")
    _expect(second, result="repeat", scans=2, first_scan=first.get("first_scan"))


@SCANS.clause("pending", "a code that was uploaded, but never activated, is unknown")
def _pending(t: Trial) -> None:
    (serial, _) = t.uploaded(1)
    _expect(t.scan(t.code(serial)), result="unknown", batch=None, serial=None)


@SCANS.clause("states", "frozen, void and revoked codes are named as such, and use no scan up")
def _states(t: Trial) -> None:
    first, last = t.active(3)
    t.done("freeze", (first, first))
    t.done("revoke", (first + 1, first + 1))
    t.done("void", (last, last), reason="lost", count=1)
    for serial, result in ((first, "frozen"), (first + 1, "inactive"), (last, "void")):
        _expect(t.scan(t.code(serial)), result=result, scans=0)
    t.done("unfreeze", (first, first))
    _expect(t.scan(t.code(first)), result="genuine", scans=1)


@SCANS.clause("validity", "before effective_at not_yet, from expires_at on expired; neither counts")
def _validity(t: Trial) -> None:
    (early, _) = t.active(1, effective_at="2099-01-01T00:00:00Z")
    (late, _) = t.active(1, expires_at="2020-01-01T00:00:00+08:00")
    (both, _) = t.active(1, expires_at="2020-01-01T00:00:00+08:00")
    t.done("assign", (both, both), effective_at="2099-01-01T00:00:00Z")
    for serial, result in ((early, "not_yet"), (late, "expired"), (both, "not_yet")):
        _expect(t.scan(t.code(serial)), result=result, scans=0)
        t.done("assign", (serial, serial), attributes={"effective_at": None, "expires_at": None})
        _expect(t.scan(t.code(serial)), result="genuine", scans=1)


@SCANS.clause("role", "the answer tells what the code is for, its attribute before its batch's")
def _role(t: Trial) -> None:
    first, last = t.active(2)
    t.done("assign", (last, last), attributes={"role": "guide"})
    _expect(t.scan(t.code(first)), role="item")
    _expect(t.scan(t.code(last)), role="guide")


@SCANS.clause("max-scans", "max_scans scans are genuine")
def _max_scans(t: Trial) -> None:
    (serial, _) = t.active(1, attributes={"max_scans": 2})
    results = [t.scan(t.code(serial)).get("result") for _ in range(3)]
    expect(results, ["genuine", "genuine", "repeat"], "three scans")


@SCANS.clause("scan-id", "a scan repeated under its scan_id gets the same answer, counted once")
def _scan_id(t: Trial) -> None:
    (serial, _) = t.active(1)
    name = f"kit-{t.order_id()}"
    first = t.scan(t.code(serial), name)
    expect(t.scan(t.code(serial), name), first, "the answer")
    _expect(t.scan(t.code(serial), f"{name}-b"), result="repeat", scans=2)


@SCANS.clause("uncounted", "a scan that did not count is not kept under its scan_id")
def _uncounted(t: Trial) -> None:
    (serial, _) = serials = t.active(1)
    t.done("freeze", serials)
    name = f"kit-{t.order_id()}"
    _expect(t.scan(t.code(serial), name), result="frozen", scans=0)
    t.done("unfreeze", serials)
    for _ in range(2):
        _expect(t.scan(t.code(serial), name), result="genuine", scans=1)


@SCANS.clause("once", f"of {PHONES} phones at once, exactly one is told genuine")
def _once(t: Trial) -> None:
    (serial, _) = t.active(1)
    with ThreadPoolExecutor(PHONES) as phones:
        answers = list(phones.map(lambda _: t.scan(t.code(serial)), range(PHONES)))
    genuine = [answer for answer in answers if answer.get("result") == "genuine"]
    expect(len(genuine), 1, "genuine")
    expect(sorted(answer["scans"] for answer in answers), [*range(1, PHONES + 1)], "scans told")


@SCANS.clause("counters", "no order resets a counter")
def _counters(t: Trial) -> None:
    serials = t.active(1)
    t.scan(t.code(serials[0]))
    t.done("revoke", serials)
    t.done("activate", serials)
    _expect(t.scan(t.code(serials[0])), result="repeat", scans=2)
    (item,) = t.ranges(serials)
    expect(item.get("scanned"), 1, "scanned, as read back")


@SCANS.clause("folding", "what was typed is folded by the batch's canonical rule")
def _folding(t: Trial) -> None:
    (serial, _) = t.active(1, attributes={"max_scans": 10})
    code = t.code(serial)
    mistyped = code.replace("0", "O").replace("1", "l")
    grouped = "-".join(code[at : at + 4] for at in range(0, len(code), 4))
    for text in (code, code.lower(), grouped, f" {code[:8]} {code[8:]} ", mistyped):
        _expect(t.scan(text), result="genuine")
    for text in (code[:-1], f"{code}0", code[:-1] + "\u00e9"):
        _expect(t.scan(text), result="unknown")


@SCANS.clause("page", "opening the page counts nothing")
def _page(t: Trial) -> None:
    (serial, _) = t.active(1)
    for method in ("GET", "HEAD", "GET"):
        answer = t.probe(method, f"/{t.code(serial)}", form=None)
        if answer.status in (404, 405):
            raise NotOffered("the backend has no page at GET /{code}")
    _expect(t.scan(t.code(serial)), result="genuine", scans=1)


@SCANS.clause("before", "an activation tells which of its codes were scanned before it")
def _before(t: Trial) -> None:
    first, last = t.uploaded(4)
    t.scan(t.code(first + 1))
    t.scan(t.code(first + 1))
    data = t.done("activate", (first, last))
    expect(data.get("scanned_before"), [first + 1], "scanned_before")
    _expect(t.scan(t.code(first + 1)), result="genuine", scans=1)


@SCANS.clause("unknown", "unknown fingerprints are listed, one row each, without the code")
def _unknown(t: Trial) -> None:
    (serial, _) = serials = t.serials(1)
    t.scan(t.code(serial))
    t.scan(t.code(serial))
    wanted = t.fingerprints(serials).hex()
    rows = [row for row in unknown_rows(t.probe) if str(row["fingerprint"]).lower() == wanted]
    if not rows:
        raise Broken("a row with the fingerprint of the code scanned", "none")
    expect([row["count"] for row in rows], [2], "the count of the row")


@SCANS.clause("no-store", "answers to scans are kept by nobody")
def _no_store(t: Trial) -> None:
    code = t.new_code()
    t.scan(code)
    kept = t.probe("POST", "/v1/scans", {"code": code}, form=None).headers
    if "no-store" not in kept.get("cache-control", ""):
        raise Broken("Cache-Control: no-store", kept.get("cache-control", "none"))


def _expect(answer: Mapping[str, Any], **wanted: object) -> None:
    for key, value in wanted.items():
        expect(answer.get(key), value, key)


@SCANS.clause("strict", "a scan of another form is invalid, and no refusal quotes the code")
def _strict(t: Trial) -> None:
    (serial, _) = t.active(1)
    code = t.code(serial)
    bodies: tuple[object, ...] = (
        {"code": code, "surprise": 1},
        {"code": code, code: 1},
        {"code": code, "scan_id": 5},
        {"code": code, "scan_id": f"-{code}"},
        {"code": code, "scan_id": "x" * 65},
        {"code": [code]},
        {"codes": code},
        {"code": code * 9},
        [code],
        f'{{"code": "{code}'.encode(),
        f'{{"code": {code}}}'.encode(),
    )
    for body in bodies:
        kind = "application/json"
        answer = t.probe("POST", "/v1/scans", body, kind=kind, form=None)
        if answer.status in (404, 405):
            raise NotOffered("the backend has no POST /v1/scans")
        if answer.status == 429:
            raise NotOffered("limited: the backend takes no more scans from here for now")
        t.refused(answer, "invalid")
        if code.encode() in answer.body or code.lower().encode() in answer.body.lower():
            raise Broken("no refusal quotes the code", f"{answer} with the code in it")
    t.scanned(serial, result="genuine", scans=1)


@SCANS.clause("long", "a text of 128 characters is a scan; one of more is invalid")
def _long(t: Trial) -> None:
    (serial, _) = t.active(1, attributes={"max_scans": 9})
    code = t.code(serial)
    spread = "-".join(code).ljust(128, " ")
    expect(t.scan(spread).get("result"), "genuine", "a code spread over 128 characters")
    expect(t.scan("Z" * 128).get("result"), "unknown", "128 letters")
    expect(t.scan("\U0001f375" * 128).get("result"), "unknown", "128 characters beyond U+FFFF")
    answer = t.probe("POST", "/v1/scans", {"code": "Z" * 129}, form=None)
    t.refused(answer, "invalid")


@SCANS.clause("no-code", "a text that can't be a code is unknown, and leaves the backend well")
def _no_code(t: Trial) -> None:
    quoted = f"' OR 1=1 -- {t.new_code()}"  # another text in every check
    for text in ("", " ", " - ", "\u8336", "\u0000", "a" * 65, "\U0001f375", quoted):
        expect(t.scan(text).get("result"), "unknown", "the result")


@SCANS.clause("page-quotes", "the page and its refusals are not kept by caches")
def _page_quotes(t: Trial) -> None:
    (serial, _) = t.active(1)
    answer = t.probe("GET", f"/{t.code(serial)}", form=None)
    if answer.status in (404, 405):
        raise NotOffered("the backend has no page at GET /{code}")
    kept = answer.headers.get("cache-control", "")
    if "no-store" not in kept:
        raise Broken("Cache-Control: no-store", kept or "none")


@SCANS.clause("page-scan-id", "on the page a scan_id counts once, and a malformed one as none")
def _page_scan_id(t: Trial) -> None:
    (serial, _) = t.active(1, attributes={"max_scans": 9})
    name = f"kit-{t.order_id()}"
    # As the page's form sends it: the first twice, the malformed ones each for itself.
    code = t.code(serial)
    path = f"/%{ord(code[0]):02X}{code[1:8]}-{code[8:].lower()}"
    for sent in (name, name, "-x", "-x", "x" * 65, ""):
        body, kind = f"scan_id={sent}".encode(), "application/x-www-form-urlencoded"
        answer = t.probe("POST", path, body, kind=kind, form=None)
        if answer.status in (404, 405):
            raise NotOffered
        expect(answer.status, 200, f"the status of the page for {sent!r}")
    t.scanned(serial, result="genuine", scans=6)


@SCANS.clause("state-first", "inactive, frozen and void are told whatever the validity is")
def _state_first(t: Trial) -> None:
    past = {"expires_at": "2020-01-01T00:00:00Z"}
    later = {"effective_at": "2099-01-01T00:00:00Z"}
    for validity in (past, later):
        for action, result in (("revoke", "inactive"), ("freeze", "frozen"), ("void", "void")):
            serials = t.active(1, **validity)
            t.done(action, serials, count=1)
            t.scanned(serials[0], result=result, scans=0)


@SCANS.clause("large", "a scan of more than 4 KiB is too-large")
def _large(t: Trial) -> None:
    (serial, _) = t.active(1)
    t.scanned(serial, result="genuine")
    t.too_large("POST", "/v1/scans", {"code": "Z" * 5_000}, form=None)
