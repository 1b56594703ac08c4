"""What scans tell of the market, read back: refused, repeated, by region."""

import pytest
from backend_kit import make_batch, make_codes, prints
from sqlalchemy import event

from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.limits import BackendLimits
from mintmark.activation.backend.scanned_code import ScannedBy, ScanRequest
from mintmark.activation.client.wire import RefusedPage, UnknownPage
from mintmark.codegen.ranges.attributes import check
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

# Ascending as their bytes do, which is not the order of a dictionary.
NAMES = ("HM00-BATCH001", "HM00-Zebra000", "HM00-apple000")
CODES = {
    name: make_codes(20, prefix)
    for name, prefix in zip(NAMES, ("ABCD", "ZZZZ", "WWWW"), strict=True)
}
BATCH = NAMES[0]


@pytest.fixture
def backend_limits():
    return BackendLimits(refused_scans=4, regions_per_code=3)


@pytest.fixture
def market(store, clock):
    for name in reversed(NAMES):
        store.register(make_batch(20, name), clock())
        store.upload(name, 1, prints(CODES[name]), clock())
        give(store, clock, f"on-{name}", Action.ACTIVATE, (1, 20), batch=name)
    return store


def give(store, clock, name, action, serials, batch=BATCH, **options):  # noqa: PLR0917
    if "attributes" in options:
        options["attributes"] = check(options["attributes"])
    store.order(Request(name, batch, action, (Range(*serials),), **options), clock())


@pytest.fixture
def scan(market, clock):
    def scan(serial, batch=BATCH, scan_id=None, region=None, times=1):
        by = ScannedBy(region=region)
        asked = ScanRequest([prints([CODES[batch][serial - 1]])], scan_id, by)
        return market.scans([asked] * times, clock())[0].result

    return scan


def test_refused_scans_are_told_by_what_they_were_answered_and_stay(market, scan, clock):
    give(market, clock, "f", Action.FREEZE, (1, 1))
    give(market, clock, "r", Action.REVOKE, (2, 2))
    give(market, clock, "v", Action.VOID, (3, 3), count=1, reason="stolen")
    give(
        market, clock, "e", Action.ASSIGN, (4, 4), attributes={"expires_at": "2026-01-01T00:00:00Z"}
    )
    results = [scan(serial) for serial in (1, 2, 3, 4)]
    assert results == ["frozen", "inactive", "void", "expired"]
    clock.forward(minutes=1)
    give(market, clock, "u", Action.UNFREEZE, (1, 1))
    scan(1)
    scan(3, times=2)
    found = market.refused(0, clock()).scans
    assert [(row.serial, row.state, row.count) for row in found] == [
        (1, "frozen", 1), (2, "inactive", 1), (3, "void", 3), (4, "expired", 1),
    ]  # fmt: skip
    assert (found[2].first, found[2].last) == ("2026-11-22T12:00:00Z", "2026-11-22T12:01:00Z")
    assert {row.batch for row in found} == {BATCH}


def test_refused_scans_are_capped_paged_and_expire(market, scan, clock, monkeypatch):
    monkeypatch.setattr("mintmark.activation.client.wire.LISTED", 3)
    give(market, clock, "f", Action.FREEZE, (1, 10))
    for serial in range(1, 7):
        scan(serial)
        clock.forward(days=1)
    scan(3)
    page = market.refused(0, clock())
    assert [row.serial for row in page.scans] == [3, 4, 5]
    rest = market.refused(page.next, clock())
    assert ([row.serial for row in rest.scans], rest.next) == ([6], None)
    clock.forward(days=89)
    assert [row.serial for row in market.refused(0, clock()).scans] == [3, 6]
    clock.forward(days=60)
    scan(7)
    assert [(row.serial, row.count) for row in market.refused(0, clock()).scans] == [(7, 1)]


def test_repeats_ascend_by_the_bytes_of_their_batch(market, scan, clock, monkeypatch):
    monkeypatch.setattr("mintmark.activation.client.wire.LISTED", 2)
    for batch in NAMES:
        scan(1, batch)
        scan(9, batch, times=2)
        clock.forward(minutes=1)
        scan(5, batch, times=3)
    pages, after = [], None
    while True:
        page = market.repeats(1, after)
        pages += [(row.batch, row.serial, row.scans) for row in page.repeats]
        after = page.next
        if after is None:
            break
    assert pages == [(name, *row) for name in NAMES for row in ((5, 3), (9, 2))]
    assert [row.serial for row in market.repeats(2, None).repeats] == [5, 5]
    assert market.repeats(3, None).repeats == ()
    clock.forward(hours=1)
    scan(9)
    last = market.repeats(1, f"{BATCH}:5").repeats[0]
    assert (last.serial, last.first_scan, last.last_scan) == (
        9, "2026-11-22T12:00:00Z", "2026-11-22T13:03:00Z",
    )  # fmt: skip


def test_regions_are_counted_by_range_whatever_the_result(market, scan, clock):
    give(market, clock, "lot", Action.ASSIGN, (1, 10), attributes={"lot": "L1"})
    give(market, clock, "f", Action.FREEZE, (9, 10))
    for serial, region in ((2, "CN-33"), (2, "CN-33"), (3, "CN-33"), (3, "44"), (9, "CN-33")):
        scan(serial, region=region)
    scan(15)
    clock.forward(hours=2)
    scan(3, region="CN-33")
    scan(12, region="330106")
    rows = market.regions(BATCH, 0).regions
    assert [(row.first, row.last, row.region, row.codes, row.scans) for row in rows] == [
        (1, 8, "44", 1, 1),
        (1, 8, "CN-33", 2, 4),
        (9, 10, "CN-33", 1, 1),
        (11, 20, "330106", 1, 1),
    ]
    assert rows[1].examples == (2, 3)
    assert (rows[1].first_scan, rows[1].last_scan) == (
        "2026-11-22T12:00:00Z", "2026-11-22T14:00:00Z",
    )  # fmt: skip
    assert [row.region for row in market.regions(BATCH, 8).regions] == ["CN-33", "330106"]
    assert market.regions(NAMES[1], 0).regions == ()


def test_a_page_of_regions_ends_between_ranges(market, scan, clock, monkeypatch):
    monkeypatch.setattr("mintmark.activation.client.wire.PAGE_REGIONS", 3)
    for serial in range(1, 6):
        give(market, clock, f"l{serial}", Action.ASSIGN, (serial, serial),
             attributes={"lot": str(serial)})  # fmt: skip
        for region in ("11", "12"):
            scan(serial, region=region)
    pages, after = [], 0
    while after is not None:
        page = market.regions(BATCH, after)
        pages.append([row.first for row in page.regions])
        after = page.next
    assert pages == [[serial] * 2 for serial in range(1, 6)]


def test_a_retry_is_from_nowhere_else_and_a_code_keeps_so_many_regions(market, scan, clock):
    for _ in range(2):
        scan(1, scan_id="id", region="11")
    for number in range(12, 20):
        scan(1, region=str(number))
    scan(1, region="12")
    found = {row.region: row.scans for row in market.regions(BATCH, 0).regions}
    assert found == {"11": 1, "12": 2, "13": 1}


def test_a_scan_that_tells_nothing_new_asks_the_database_nothing_more(market, clock):
    seen = []

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    market.scans([], clock())
    event.listen(market._database._engine, "before_cursor_execute", note)
    for _ in range(2):
        market.scans([ScanRequest([prints([CODES[BATCH][0]])], "id")], clock())
    assert seen
    assert not [text for text in seen if "scan_regions" in text or "refused_scans" in text]


def test_a_cursor_may_be_as_long_as_the_contract_says(market, scan, clock):
    scan(1)
    assert market.refused(999_999_999_999, clock()) == RefusedPage((), None)
    assert market.unknown(999_999_999_999, clock()) == UnknownPage((), None)
