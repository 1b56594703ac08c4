"""Clauses on times: with every offset they mean an instant."""

import re
import time
from datetime import timedelta, timezone

from ....codegen import times
from .. import clock
from ..clause import Clauses
from ..clock import HOUR, now, written
from ..depth import Depth
from ..noise import unknown_rows
from ..outcome import Broken, NotOffered, expect
from ..trial import Trial

TIMES = Clauses("times", "3. Order")
OFFSETS = (0, 8, -5, 14, -12)
_POLL = 0.5


@TIMES.clause("expires", "expires_at counts by its offset: an hour ago is past, in an hour is not")
def _expires(t: Trial) -> None:
    for hours in OFFSETS:
        first, last = t.uploaded(2)
        t.done("activate", (first, first), expires_at=written(now(t) - HOUR, hours))
        t.done("activate", (last, last), expires_at=written(now(t) + HOUR, hours))
        _result(t, first, "expired", f"an hour ago, at offset {hours:+}")
        _result(t, last, "genuine", f"in an hour, at offset {hours:+}")


@TIMES.clause(
    "effective", "effective_at counts by its offset: an hour ago is valid, in an hour not_yet"
)
def _effective(t: Trial) -> None:
    for hours in OFFSETS:
        first, last = t.uploaded(2)
        t.done("activate", (first, first), effective_at=written(now(t) - HOUR, hours))
        t.done("activate", (last, last), effective_at=written(now(t) + HOUR, hours))
        _result(t, first, "genuine", f"an hour ago, at offset {hours:+}")
        _result(t, last, "not_yet", f"in an hour, at offset {hours:+}")


@TIMES.clause("minutes", "an offset's minutes count as well")
def _minutes(t: Trial) -> None:
    first, last = t.uploaded(2)
    zone = timezone(timedelta(hours=5, minutes=45))
    at = now(t)
    for serial, by in ((first, -timedelta(minutes=20)), (last, timedelta(minutes=20))):
        moment = (at + by).astimezone(zone).isoformat(timespec="seconds")
        t.done("activate", (serial, serial), expires_at=moment)
    _result(t, first, "expired", "20 minutes ago, at +05:45")
    _result(t, last, "genuine", "in 20 minutes, at +05:45")


@TIMES.clause("fractions", "fractions of seconds, to six digits, are taken")
def _fractions(t: Trial) -> None:
    serials = t.uploaded(1)
    t.done("activate", serials, effective_at="2026-01-01T00:00:00.5Z")
    for text in ("2099-01-01T00:00:00.123Z", "2099-01-01T00:00:00.123456+08:00"):
        t.done("assign", serials, expires_at=text)
    _result(t, serials[0], "genuine", "between two times with fractions")
    close = {"effective_at": "2026-01-01T00:00:00.5Z", "expires_at": "2026-01-01T00:00:00.4Z"}
    t.refused(t.order("assign", serials, **close), "invalid")
    t.done("assign", serials, **close | {"expires_at": "2026-01-01T00:00:00.6Z"})


@TIMES.clause(
    "invalid", "a day, an hour or an offset that there is not is invalid", depth=Depth.NORMAL
)
def _invalid(t: Trial) -> None:
    serials = t.uploaded(1)
    for text in (
        "2027-02-29T00:00:00Z",
        "2027-01-32T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2027-04-31T00:00:00Z",
        "2027-00-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2027-01-01T24:00:00Z",
        "2027-01-01T25:00:00Z",
        "2027-01-01T00:00:60Z",
        "2027-01-01T00:00:00+24:00",
        "2027-01-01T00:00:00+00:60",
        "2027-01-01T00:00:00.Z",
        "2027-01-01T00:00:00,5Z",
        "2027-01-01T00:60:00Z",
        "2027-01-01T00:00:00+25:00",
        "2027-01-01T00:00:00+0800",
        "2027-01-01T00:00Z",
        "20270101T000000Z",
        "2027-01-01t00:00:00Z",
        "2027-01-01T00:00:00z",
        "2027-01-01 00:00:00Z",
        "2027-01-01T00:00:00.1234567Z",
        " 2027-01-01T00:00:00Z",
        "1798761600",
    ):
        answer = t.order("activate", serials, expires_at=text)
        if answer.problem != "invalid":
            raise Broken(f"{text} is no time: invalid", answer)
    expect(t.states(serials), ["inactive"], "states afterwards")


@TIMES.clause(
    "calendar", "every day and every offset that there is counts as a time", depth=Depth.NORMAL
)
def _calendar(t: Trial) -> None:
    serials = t.uploaded(1)
    for begins, ends in (
        ("2028-02-29T00:00:00Z", "2028-02-29T00:00:01Z"),
        ("2000-02-29T23:59:59Z", "2000-03-01T00:00:00Z"),
        ("1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"),
        ("0001-01-02T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
        ("2038-01-19T03:14:07Z", "2038-01-19T03:14:08Z"),
        ("2026-12-31T23:59:59.9Z", "2027-01-01T00:00:00Z"),
        ("2027-01-01T23:59:00+23:59", "2027-01-01T00:00:01Z"),
        ("2026-12-31T00:01:00-23:59", "2027-01-01T00:00:01-00:00"),
        ("2027-01-01T05:30:00+05:30", "2027-01-01T00:15:00+00:00"),
        ("2027-01-01T05:45:00+05:45", "2027-01-01T00:00:01Z"),
        ("2026-01-01T00:00:00.45Z", "2026-01-01T00:00:00.5Z"),
        ("2026-01-01T00:00:00.05Z", "2026-01-01T00:00:00.4Z"),
        ("2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.123457Z"),
    ):
        answer = t.order("assign", serials, effective_at=begins, expires_at=ends)
        if answer.status != 200:
            raise Broken(f"a validity from {begins} to {ends} is taken", answer)
        answer = t.order("assign", serials, effective_at=ends, expires_at=begins)
        if answer.problem != "invalid":
            raise Broken(f"a validity from {ends} to {begins} is invalid", answer)


@TIMES.clause("own", "the backend's own times are whole seconds in UTC, with a Z")
def _own(t: Trial) -> None:
    serials, order = t.active(1), t.order_id()
    found = {"first_scan": t.scanned(serials[0], result="genuine").get("first_scan")}
    t.scanned(t.serials(1)[0], result="unknown")
    newest = unknown_rows(t.probe)[-1]
    found |= {"first of unknown-scans": newest["first"], "last of unknown-scans": newest["last"]}
    t.done("assign", serials, order=order, audit_head=t.new_head())
    answer = t.probe("GET", f"/v1/homes/{t.home}/head")
    if answer.status == 200:
        found["at of a head"] = answer.data["at"]
    if t.probe.signs:
        found["server_time"] = t.probe("GET", t.reading(), form=None).data["server_time"]
    for name, text in found.items():
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(text), re.ASCII):
            raise Broken(f"{name}: a time like 2026-11-22T12:00:00Z", text)


@TIMES.clause("stored", "one end alone is not compared with the other that is stored")
def _stored(t: Trial) -> None:
    serials = t.active(1, effective_at="2098-01-01T00:00:00Z")
    t.done("assign", serials, expires_at="2026-01-01T00:00:00Z")
    (item,) = t.ranges(serials)
    expect(sorted(item["attributes"]), ["effective_at", "expires_at"], "attributes")


@TIMES.clause("first-scan", "first_scan is a time with an offset, and about now")
def _first_scan(t: Trial) -> None:
    serials = t.active(1)
    before = now(t)
    told = t.scanned(serials[0], result="genuine").get("first_scan")
    try:
        moment = times.parse(str(told))
    except ValueError:
        raise Broken("first_scan: an RFC 3339 time with an offset", told) from None
    if abs(moment - before) > HOUR / 2:
        raise Broken("first_scan within half an hour of the backend's own clock", told)


@TIMES.clause("ends", "a validity ends by the second, not by the minute or day", depth=Depth.NORMAL)
def _ends(t: Trial) -> None:
    if t.probe.clock() is None:
        raise NotOffered("the backend's answers have no Date to go by")
    serials = t.active(1, attributes={"max_scans": 1_000}, expires_at=written(now(t) + 2 * HOUR, 0))
    _result(t, serials[0], "genuine", "in two hours")
    t.done("assign", serials, expires_at=written(now(t) + timedelta(seconds=2), 8))
    until = time.monotonic() + clock.SLOWEST
    while (result := t.scan(t.code(serials[0])).get("result")) != "expired":
        if result != "genuine" or time.monotonic() > until:
            raise Broken("genuine, then expired within seconds of expires_at", result)
        time.sleep(_POLL)


def _result(t: Trial, serial: int, wanted: str, when: str) -> None:
    found = t.scan(t.code(serial)).get("result")
    if found != wanted:
        raise Broken(f"a validity whose end was given {when}: {wanted}", found)
