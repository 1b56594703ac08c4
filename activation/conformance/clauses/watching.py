"""Clauses on who watches: refused scans, repeats, regions, and what was scanned since."""

import time
from typing import Any
from urllib.parse import quote

from .. import clock
from ..clause import Clauses
from ..clock import around
from ..depth import Depth
from ..market import (
    Object,
    code_of,
    expect_parties,
    read,
    refused_rows,
    repeated,
    scan,
    with_parties,
)
from ..outcome import Broken, NotOffered, expect
from ..probe import Probe
from ..trial import Serials, Trial
from .scopes import NARROW

WATCH = Clauses("watch", "Who watches")
REGIONS_OF_A_CODE, EXAMPLES = 64, 100
_POLL = 0.3


def _rows(t: Trial, *serials: int) -> list[tuple[int, str, int]]:
    """The rows of refused scans of these codes: serial, state, count."""
    return [
        (row["serial"], row["state"], row["count"])
        for row in refused_rows(t)
        if row["serial"] in serials
    ]


@WATCH.clause("refused", "a row per code and state of scans that were not valid; it stays")
def _refused(t: Trial) -> None:
    (serial, _) = serials = t.active(1)
    for _ in range(2):
        t.scan(t.code(serial))
    expect(_rows(t, serial), [], "rows after scans that count")
    wanted: list[tuple[int, str, int]] = []
    for action, state, times in (("freeze", "frozen", 2), ("void", "void", 1)):
        t.done(action, serials, count=1)
        for _ in range(times):
            t.scan(t.code(serial))
        wanted.append((serial, state, times))
        expect(_rows(t, serial), wanted, "rows of serial, state, count")
    t.done("unvoid", serials)
    t.scan(t.code(serial))
    wanted.append((serial, "inactive", 1))
    t.done("activate", serials)
    expect(_rows(t, serial), wanted, "rows after the code is active again")


@WATCH.clause("refused-times", "not_yet and expired are refused scans as well")
def _refused_times(t: Trial) -> None:
    first, last = t.uploaded(2)
    t.done("activate", (first, first), effective_at="2098-01-01T00:00:00Z")
    t.done("activate", (last, last), expires_at="2020-01-01T00:00:00Z")
    for serial in (last, first):
        t.scan(t.code(serial))
    expect(_rows(t, first, last), [(last, "expired", 1), (first, "not_yet", 1)], "rows")
    (row,) = (row for row in refused_rows(t) if row["serial"] == last)
    expect(row["first"], row["last"], "first and last of a row of one scan")


@WATCH.clause("refused-order", "rows keep their places, and a reader goes on from next")
def _refused_order(t: Trial) -> None:
    first, last = serials = t.active(3)
    t.done("freeze", serials)
    order = (last, first, first + 1)
    for serial in (*order, last):
        t.scan(t.code(serial))
    counts = {last: 2, first: 1, first + 1: 1}
    wanted = [(serial, "frozen", counts[serial]) for serial in order]
    expect(_rows(t, *order), wanted, "rows, first noted first")


@WATCH.clause("refused-parties", "scans of every party are refused scans")
@with_parties
def _refused_parties(t: Trial, platform: Probe) -> None:
    (serial, _) = serials = t.active(1)
    t.done("freeze", serials)
    scan(t, serial)
    scan(t, serial, platform, as_="guide")
    expect(_rows(t, serial), [(serial, "frozen", 2)], "rows of serial, state, count")


def _repeats(t: Trial, over: int, serials: Serials) -> list[tuple[int, int]]:
    """Serial and scans of those that were scanned more often."""
    first, last = serials
    rows = repeated(t, over, f"{t.batch}:{first - 1}")
    return [(row["serial"], row["scans"]) for row in rows if row["serial"] <= last]


@WATCH.clause("repeats", "codes with more than `over` scans that count, ascending")
def _repeated(t: Trial) -> None:
    first, last = serials = t.active(4, attributes={"max_scans": 2})
    for serial, times in ((last, 4), (first, 1), (first + 1, 2)):
        for _ in range(times):
            t.scan(t.code(serial))
    expect(_repeats(t, 1, serials), [(first + 1, 2), (last, 4)], "more than 1")
    expect(_repeats(t, 2, serials), [(last, 4)], "more than 2")
    expect(_repeats(t, 4, serials), [], "more than 4")
    t.done("freeze", serials)
    t.scan(t.code(first))
    expect(_repeats(t, 1, serials), [(first + 1, 2), (last, 4)], "more than 1, once frozen")
    (row,) = (row for row in repeated(t, 3, f"{t.batch}:{first}") if row["serial"] == last)
    told = t.scan(t.code(last))
    expect(row["first_scan"], told.get("first_scan"), "first_scan of a repeat")
    if row["last_scan"] < row["first_scan"]:
        raise Broken("last_scan is not before first_scan", row["last_scan"])


@WATCH.clause("repeats-parties", "repeats are of consumers alone")
@with_parties
def _repeats_parties(t: Trial, platform: Probe) -> None:
    (serial, _) = serials = t.active(1)
    for probe, party in ((platform, "guide"), (platform, "guide"), (None, None)):
        scan(t, serial, probe, as_=party)
    expect(_repeats(t, 1, serials), [], "repeats of two guides' scans and one consumer's")
    scan(t, serial)
    expect(_repeats(t, 1, serials), [(serial, 2)], "repeats after the second consumer's")


@WATCH.clause("repeats-after", "after is a code, which does not come again; over is 1 if left out")
def _repeats_after(t: Trial) -> None:
    first, last = serials = t.active(2)
    for serial in (first, first, last, last):
        t.scan(t.code(serial))
    expect(_repeats(t, 1, serials), [(first, 2), (last, 2)], "repeats")
    path = f"/v1/repeats?after={quote(f'{t.batch}:{first}')}"
    rows = read(t, path, "/v1/repeats")["repeats"]
    expect(rows and code_of(rows[0]), f"{t.batch}:{last}", "the first code after the first")
    # As texts and numbers apart, no serial of the batch that follows would be after this one.
    other = t.other(NARROW)
    (serial, _) = other.active(1)
    for _ in range(2):
        other.scan(other.code(serial))
    found = repeated(other, 1, f"{t.batch}:{t.form.quantity}")
    expect([row["scans"] for row in found if row["serial"] == serial], [2], "the next batch's")
    for query in ("over=0", "over=-1", "over=x", "over=1000000000000", "over=1.0"):
        t.refused(t.probe("GET", f"/v1/repeats?{query}"), "invalid")
    for cursor in ("x", ":1", f"{t.batch}:", f"{t.batch}:1x", f"{t.batch}:-1", "a/b:1"):
        t.refused(t.probe("GET", f"/v1/repeats?after={quote(cursor)}"), "invalid")


@WATCH.clause("repeats-times", "last_scan is of the newest scan that counts", depth=Depth.NORMAL)
def _repeats_times(t: Trial) -> None:
    (serial, _) = t.active(1)
    after, until = f"{t.batch}:{serial - 1}", time.monotonic() + clock.SLOWEST
    first = t.scan(t.code(serial)).get("first_scan")
    while True:
        t.scan(t.code(serial))
        (row,) = (row for row in repeated(t, 1, after) if row["serial"] == serial)
        expect(row["first_scan"], first, "first_scan of a repeat")
        if row["last_scan"] > row["first_scan"]:
            return
        if time.monotonic() > until:
            raise Broken("last_scan moves on with the scans", row["last_scan"])
        time.sleep(_POLL)


def _regions(t: Trial, serials: Serials) -> list[Object]:
    """The rows of the ranges in `serials`."""
    found: list[Object] = []
    after: int | None = serials[0] - 1
    while after is not None and after < serials[1]:
        path = f"/v1/batches/{t.batch}/regions?after={after}"
        data = read(t, path, "/v1/batches/{batch}/regions")
        expect(data.get("batch"), t.batch, "the batch of a page of regions")
        found += [row for row in data["regions"] if row["serials"][0] <= serials[1]]
        following = data["next"]
        if following is not None and (not data["regions"] or following <= after):
            raise Broken("next is the last serial of the page", following)
        after = following
    return found


def _counted(rows: list[Object]) -> list[tuple[Any, ...]]:
    keys = ("region", "codes", "scans", "examples")
    return [(tuple(row["serials"]), *(row[key] for key in keys)) for row in rows]


@WATCH.clause("regions", "for each range and region: how many codes, scans, and which")
def _regions_told(t: Trial) -> None:
    expect_parties(t)
    first, last = serials = t.active(4, attributes={"lot": "regions", "max_scans": 2})
    t.done("freeze", (last, last))
    for serial, region in (
        *((first, "CN-44"), (first, "CN-44"), (first + 1, "CN-33"), (first + 1, "CN-44")),
        *((first + 2, None), (last, "CN-33")),
    ):
        scan(t, serial, region=region)
    wanted = [
        ((first, last - 1), "CN-33", 1, 1, [first + 1]),
        ((first, last - 1), "CN-44", 2, 3, [first, first + 1]),
        ((last, last), "CN-33", 1, 1, [last]),
    ]
    expect(_counted(_regions(t, serials)), wanted, "serials, region, codes, scans, examples")
    expect(_counted(_regions(t, (last, last))), wanted[2:], "the rows after the first range")
    cut = (first + 1, last - 1)
    wanted[:2] = [(cut, "CN-33", 1, 1, [first + 1]), (cut, "CN-44", 1, 1, [first + 1])]
    expect(_counted(_regions(t, (first + 1, last))), wanted, "the rows of a range that after cuts")


@WATCH.clause("regions-once", "a scan that is repeated with its scan_id tells no region again")
def _regions_once(t: Trial) -> None:
    expect_parties(t)
    (serial, _) = serials = t.active(1, attributes={"lot": "once"})
    name = t.order_id()
    for region in ("DE", "DE", "FR"):
        scan(t, serial, scan_id=name, region=region)
    expect(_counted(_regions(t, serials)), [(serials, "DE", 1, 1, [serial])], "rows")


@WATCH.clause("regions-examples", "examples are the first codes, 100 at most", depth=Depth.NORMAL)
def _regions_examples(t: Trial) -> None:
    expect_parties(t)
    first, last = serials = t.active(EXAMPLES + 1, attributes={"lot": "examples"})
    # The first code comes last: what was scanned first is not what is told.
    for serial in (*range(first + 1, last + 1), first):
        scan(t, serial, region="DE")
    (row,) = _counted(_regions(t, serials))
    many, told = EXAMPLES + 1, row[-1]
    expect(row[:-1], (serials, "DE", many, many), "serials, region, codes, scans")
    expect(told, [*range(first, first + min(len(told), EXAMPLES))], "examples")


@WATCH.clause("regions-most", "of a code, the first 64 regions are kept", depth=Depth.NORMAL)
def _regions_most(t: Trial) -> None:
    expect_parties(t)
    (serial, _) = serials = t.active(1, attributes={"lot": "most"})
    regions = [f"{number:04}" for number in range(1_000, 1_000 + REGIONS_OF_A_CODE + 2)]
    for region in (*regions, regions[0]):
        scan(t, serial, region=region)
    rows = {row["region"]: row["scans"] for row in _regions(t, serials)}
    wanted = dict.fromkeys(regions[:REGIONS_OF_A_CODE], 1) | {regions[0]: 2}
    expect(rows, wanted, "regions and scans")


@WATCH.clause("regions-refused", "regions of a batch that is not known are not-found")
def _regions_refused(t: Trial) -> None:
    read(t, f"/v1/batches/{t.batch}/regions?after=0", "/v1/batches/{batch}/regions")
    t.refused(t.probe("GET", f"/v1/batches/{t.batch}-none/regions?after=0"), "not-found")
    t.refused(t.probe("GET", f"/v1/batches/{t.batch}/regions?after=x"), "invalid")


@WATCH.clause(
    "since", "scanned_since counts codes first scanned at since or later", section="5. Read back"
)
def _since(t: Trial) -> None:
    first, last = serials = t.active(3, attributes={"lot": "since", "max_scans": 9})
    for serial in (first, first, last):
        t.scan(t.code(serial))
    when = t.scan(t.code(last)).get("first_scan")

    def since(text: str) -> object:
        path = f"/v1/batches/{t.batch}?after={first - 1}&since={quote(text)}"
        item = read(t, path, "/v1/batches/{batch}")["ranges"][0]
        if "scanned_since" not in item:
            raise NotOffered("the backend's pages tell no scanned_since")
        return item["scanned_since"]

    expect(since(around(t, -1, 8)), 2, "scanned since an hour ago")
    expect(since(around(t, 1, -5)), 0, "scanned since in an hour")
    if not since(str(when)):
        raise Broken("a code is scanned at the very moment of its first scan, or later", 0)
    (item,) = t.ranges(serials)
    expect(item.get("scanned_since"), None, "scanned_since without since")
    for text in ("", "yesterday", "2026-11-22", "2026-11-22T20:00:00 08:00", "0"):
        path = f"/v1/batches/{t.batch}?after=0&since={quote(text)}"
        t.refused(t.probe("GET", path), "invalid")
