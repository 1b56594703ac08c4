"""Clauses on long readings: page by page, over the edges, nothing twice and nothing left out."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

from ..clause import Clauses
from ..depth import Depth
from ..noise import unknown_rows
from ..outcome import Broken, expect
from ..trial import QUANTITY, Trial

PAGES = Clauses("pages", "5. Read back")
PAGE_CODES = 1_048_576
WIDE = 2_200_000
LISTED = 1_000
PHONES = 8


def wide(t: Trial) -> Trial:
    """A batch that no page of digests holds."""
    return t.other("wide", quantity=WIDE)


@PAGES.clause(
    "digests", "a page of digests covers at most 1,048,576 serials, and only what is held"
)
def _digests(t: Trial) -> None:
    batch = wide(t)
    # On both sides of each edge of a page that begins at serial 1.
    edges = [PAGE_CODES, 2 * PAGE_CODES]
    pairs = [(edge - 1, edge + 2) for edge in edges]
    for pair in pairs:
        batch.upload(pair[0], batch.fingerprints(pair))
    batch.done("activate", *pairs, count=8)
    held = {
        serial: batch.fingerprints((serial, serial))
        for p in pairs
        for serial in range(p[0], p[1] + 1)
    }
    at: int | None = 0
    reached = 0
    while at is not None:
        data = batch.page(at, digests=True).data
        for item in data["ranges"]:
            first, last = item["serials"]
            if first != reached + 1:
                raise Broken(f"a range from {reached + 1}", item["serials"])
            inside = [held[serial] for serial in sorted(held) if first <= serial <= last]
            found = item.get("held"), item.get("digest")
            wanted = len(inside), hashlib.sha256(b"".join(inside)).hexdigest()
            expect(found, wanted, f"held and digest of {first} to {last}")
            reached = last
        if reached > at + PAGE_CODES:
            raise Broken(f"a page from {at + 1} to {at + PAGE_CODES} at most", reached)
        if data["next"] is not None and (data["next"] != reached or not data["ranges"]):
            raise Broken(f"next: {reached}, the last serial shown", data["next"])
        if reached == WIDE and data["next"] is not None:
            raise Broken("next: null on the last page", data["next"])
        at = data["next"]
    expect(reached, WIDE, "the last serial of the last page")


@PAGES.clause(
    "digest-cut", "held, digest and scanned of a range that a page cuts are of its own part"
)
def _digest_cut(t: Trial) -> None:
    first, last = t.active(6, attributes={"lot": "cut"})
    t.done("freeze", (last, last))
    item = t.page(first + 1, digests=True).data["ranges"][0]
    part = (first + 2, last - 1)
    wanted = [*part], 3, hashlib.sha256(t.fingerprints(part)).hexdigest()
    expect((item["serials"], item.get("held"), item.get("digest")), wanted, "serials, held, digest")


@PAGES.clause("digest-order", "the digest goes by serials, in whatever order they came to life")
def _digest_order(t: Trial) -> None:
    first, last = t.serials(6)
    for pair in ((first + 3, last), (first, first + 2)):
        t.upload(pair[0], t.fingerprints(pair))
        for serial in range(pair[1], pair[0] - 1, -1):
            t.done("activate", (serial, serial), attributes={"lot": "order"})
    (item,) = t.ranges((first, last), digests=True)
    wanted = hashlib.sha256(t.fingerprints((first, last))).hexdigest()
    expect((item.get("held"), item.get("digest")), (6, wanted), "held, digest")


@PAGES.clause(
    "kept-live", "held and digest keep the fingerprints of revoked, frozen and void codes"
)
def _kept_live(t: Trial) -> None:
    first, last = t.active(5)
    t.done("revoke", (first, first))
    t.done("freeze", (first + 1, first + 1))
    t.done("void", (first + 2, first + 3), reason="lost", count=2)
    for item in t.ranges((first, last), digests=True):
        wanted = hashlib.sha256(
            t.fingerprints((item["serials"][0], item["serials"][1]))
        ).hexdigest()
        expect(item.get("digest"), wanted, f"digest of live fingerprints, {item['state']}")


@PAGES.clause("joined", "serials side by side of one state and the same attributes are one range")
def _joined(t: Trial) -> None:
    first, last = t.active(8, attributes={"lot": "joined"})
    t.done("freeze", (first + 2, first + 4))
    t.done("unfreeze", (first + 2, first + 4))
    t.done("assign", (last, last), attributes={"lot": "other"})
    t.done("assign", (last, last), attributes={"lot": "joined"})
    t.done("assign", (first, last), attributes={"dealer": "all"})
    found = [item["serials"] for item in t.ranges((first, last))]
    expect(found, [[first, last]], "ranges")


@PAGES.clause("end", "after the last serial there are no ranges, and no next")
def _end(t: Trial) -> None:
    for after in (QUANTITY, QUANTITY + 5):
        data = t.page(after).data
        expect((data.get("ranges"), data.get("next")), ([], None), f"ranges, next after {after}")
        expect(data.get("quantity"), QUANTITY, "quantity")
    data = t.page(QUANTITY - 1).data
    expect([item["serials"] for item in data["ranges"]], [[QUANTITY, QUANTITY]], "the last range")
    expect(data["next"], None, "next of the page that holds the last serial")


@PAGES.clause("after", "after is a number from 0 on, digests true or false: else invalid")
def _after(t: Trial) -> None:
    for query in ("after=-1", "after=x", "after=", "after=1.5", "after=0&digests=maybe"):
        t.refused(t.probe("GET", f"/v1/batches/{t.batch}?{query}"), "invalid")
    plain = t.probe("GET", f"/v1/batches/{t.batch}").data
    expect(plain, t.page(0).data, "a page without after, which is 0")
    item = t.page(0).data["ranges"][0]
    expect(
        [key for key in ("held", "digest") if item.get(key)], [], "digests that nobody asked for"
    )


@PAGES.clause("unknown-again", "an unknown code scanned again keeps its row: count and last move")
def _unknown_again(t: Trial) -> None:
    first, last = t.serials(2)
    prints = [t.fingerprints((serial, serial)).hex() for serial in (first, last)]
    for serial in (first, last, first):
        t.scanned(serial, result="unknown")
    rows = unknown_rows(t.probe)
    mine = [row for row in rows if str(row["fingerprint"]).lower() in prints]
    expect([row["fingerprint"] for row in mine], prints, "rows, by their first scan")
    expect([row["count"] for row in mine], [2, 1], "counts")
    for row in mine:
        if not str(row["first"]) <= str(row["last"]):
            raise Broken("first is not after last", f"{row['first']}, {row['last']}")


@PAGES.clause("unknown-first", "a row's first stays, and its last moves", depth=Depth.NORMAL)
def _unknown_first(t: Trial) -> None:
    (serial, _) = t.serials(1)
    name = t.fingerprints((serial, serial)).hex()
    firsts: set[object] = set()
    lasts: set[object] = set()
    until = time.monotonic() + 30.0
    while len(lasts) < 2:  # A time is of whole seconds: scan until one is over.
        t.scanned(serial, result="unknown")
        (row,) = [row for row in unknown_rows(t.probe) if str(row["fingerprint"]).lower() == name]
        firsts.add(row["first"])
        lasts.add(row["last"])
        if time.monotonic() > until:
            raise Broken("last moves with each scan", row["last"])
    expect(len(firsts), 1, "how many values of first, for one row")


@PAGES.clause(
    "unknown",
    "more unknown scans than a page holds: each once, in order, none left out",
    depth=Depth.THOROUGH,
)
def _unknown(t: Trial) -> None:
    first, last = t.serials(LISTED + 60)
    prints = {t.fingerprints((serial, serial)).hex() for serial in range(first, last + 1)}
    with ThreadPoolExecutor(PHONES) as phones:
        list(phones.map(lambda serial: t.scan(t.code(serial)), range(first, last + 1)))
    at: int | None = 0
    seen: list[str] = []
    cursors: list[int] = []
    while at is not None:
        data = t.probe("GET", f"/v1/unknown-scans?after={at}").data
        if len(data["unknown"]) > LISTED:
            raise Broken(f"at most {LISTED} rows a page", len(data["unknown"]))
        seen += [row["fingerprint"].lower() for row in data["unknown"]]
        at = data["next"]
        if at is not None and not data["unknown"]:
            raise Broken("next is null where nothing follows", at)
        if at is not None and cursors and at <= cursors[-1]:
            raise Broken("next grows", f"{cursors[-1]}, then {at}")
        cursors += [] if at is None else [at]
    if len(seen) != len(set(seen)):
        raise Broken("each fingerprint once", f"{len(seen) - len(set(seen))} of them again")
    expect(len(prints & set(seen)), len(prints), "rows of the codes scanned")
    again = t.probe("GET", f"/v1/unknown-scans?after={cursors[0]}").data
    found = [row["fingerprint"].lower() for row in again["unknown"]]
    if found != seen[LISTED : LISTED + len(found)]:
        raise Broken("the same page again from a number given earlier", "other rows")


@PAGES.clause("unknown-both", "a text that fits no batch is noted under both rules")
def _unknown_both(t: Trial) -> None:
    text = f"OIL{t.new_head()[:58].upper()}"  # of 61 symbols
    expect(t.scan(text).get("result"), "unknown", "the result")
    wanted = {t.fingerprint(text).hex(), t.fingerprint(f"011{text[3:]}").hex()}
    found = wanted & {str(row["fingerprint"]) for row in unknown_rows(t.probe)}
    expect(len(found), 2, "rows of the text")
