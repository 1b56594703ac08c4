"""Scans by party: a guide's and a buyer's scan of one code are counted each for itself."""

import random
import threading
from collections import Counter

import pytest
from backend_kit import make_batch, make_codes, prints
from patience import PATIENCE

from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.batch_page import PageQuery
from mintmark.activation.backend.scanned_code import ScannedBy, ScanRequest
from mintmark.activation.backend.store import Store
from mintmark.activation.client.wire import Party
from mintmark.codegen.ranges.attributes import check
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

BATCH, CODES = make_batch(20), make_codes(20)
GUIDE, DEALER, CONSUMER = Party.GUIDE, Party.DEALER, Party.CONSUMER


@pytest.fixture
def goods(store, clock):
    store.register(BATCH, clock())
    store.upload(BATCH.batch, 1, prints(CODES), clock())
    give(store, clock, "on", Action.ACTIVATE, 1, 20)
    return store


def give(store, clock, name, action, first, last, **attributes):  # noqa: PLR0917 — as it reads
    patch = check(attributes)
    order = Request(name, BATCH.batch, action, (Range(first, last),), attributes=patch)
    store.order(order, clock())


@pytest.fixture
def scan(goods, clock):
    def scan(serial, party=CONSUMER, scan_id=None, *, region=None, signed=None):
        by = ScannedBy(party, region, party is not CONSUMER if signed is None else signed)
        asked = ScanRequest([prints([CODES[serial - 1]])], scan_id, by)
        return goods.scans([asked], clock())[0]

    return scan


def test_a_guide_takes_nothing_from_the_buyer(scan, clock):
    guide = scan(1, GUIDE)
    assert (guide.result, guide.scans, guide.party) == ("genuine", 1, GUIDE)
    clock.forward(minutes=5)
    assert scan(1, GUIDE).result == "repeat"
    buyer = scan(1)
    assert (buyer.result, buyer.scans, buyer.first_scan) == ("genuine", 1, "2026-11-22T12:05:00Z")
    assert buyer.parties == {CONSUMER: 1, GUIDE: 2}
    assert list(buyer.body()["parties"]) == ["consumer", "guide"]
    again = scan(1, GUIDE)
    assert (again.scans, again.first_scan) == (3, "2026-11-22T12:00:00Z")


def test_each_party_has_a_limit_of_its_own(scan, goods, clock):
    give(goods, clock, "limits", Action.ASSIGN, 1, 20, guide_scans=2, max_scans=3, dealer_scans=1)
    found = {
        party: [scan(2, party).result for _ in range(4)] for party in Party
    }  # fmt: skip
    assert {party: results.count("genuine") for party, results in found.items()} == {
        CONSUMER: 3, GUIDE: 2, DEALER: 1, Party.STORE: 1,
    }  # fmt: skip


def test_the_same_scan_id_of_another_party_is_another_scan(scan):
    first = scan(1, GUIDE, "id")
    assert scan(1, CONSUMER, "id").result == "genuine"
    assert scan(1, GUIDE, "id") == first
    assert scan(1, DEALER, "id").parties == {CONSUMER: 1, GUIDE: 1, DEALER: 1}


def test_a_platform_is_told_all_and_a_phone_what_is_public(scan, goods, clock):
    """Also of the same scan, whoever asked first."""
    give(goods, clock, "told", Action.ASSIGN, 1, 20, product="Tea", dealer="D7")
    everything, public = {"product": "Tea", "dealer": "D7"}, {"product": "Tea"}
    assert scan(1, scan_id="a", signed=True).attributes == everything
    assert scan(1, scan_id="a").attributes == public
    assert scan(1, scan_id="b").attributes == public
    both = scan(1, scan_id="b", signed=True)
    assert (both.attributes, both.scans) == (everything, 2)


def test_a_window_holds_at_the_moment_of_the_scan_and_is_never_told(scan, goods, clock):
    window = {"from": "2026-11-22T21:00:00+08:00", "until": None, "attributes": {"campaign": "X"}}
    give(goods, clock, "w", Action.ASSIGN, 1, 20, campaign="N", **{"window.w": window})
    assert scan(1, signed=True).attributes == {"campaign": "N"}
    clock.forward(minutes=59)
    assert scan(1).attributes == {"campaign": "N"}
    clock.forward(minutes=1)
    assert scan(1).attributes == {"campaign": "X"}


def test_scanned_counts_consumers_and_since_when(scan, goods, clock):
    scan(1)
    scan(2, GUIDE)
    clock.forward(hours=1)
    scan(1)
    scan(3)
    give(goods, clock, "cut", Action.ASSIGN, 3, 3, lot="L")

    def counted(query):
        return [(piece.scanned, piece.scanned_since) for piece in goods.query(BATCH.batch, query)
                .ranges]  # fmt: skip

    assert counted(PageQuery(since=clock())) == [(1, 0), (1, 1), (0, 0)]
    assert counted(PageQuery()) == [(1, None), (1, None), (0, None)]
    clock.forward(microseconds=1)
    assert counted(PageQuery(since=clock())) == [(1, 0), (1, 0), (0, 0)]
    assert counted(PageQuery(after=2, since=clock.now.replace(year=1))) == [(1, 1), (0, 0)]


def test_guides_and_buyers_of_two_workers_at_once_lose_no_scan(goods, database, clock):
    stores, failures, answers = [goods, Store(database)], [], []
    start = threading.Barrier(4)

    def people(store, party):
        by = ScannedBy(party, signed=True)
        start.wait(PATIENCE)
        try:
            for _ in range(15):
                asked = ScanRequest([prints(CODES[:1])], None, by)
                answers.append(store.scans([asked], clock())[0])
        except Exception as error:  # noqa: BLE001 — raised by the test's own thread
            failures.append(error)

    crowd = [
        threading.Thread(target=people, args=(store, party))
        for store in stores
        for party in (CONSUMER, GUIDE)
    ]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    stores[1].close()
    assert failures == []
    for party in (CONSUMER, GUIDE):
        own = [answer for answer in answers if answer.party is party]
        assert sorted(answer.scans for answer in own) == list(range(1, 31))
        assert Counter(answer.result for answer in own) == {"genuine": 1, "repeat": 29}


@pytest.mark.parametrize("seed", range(3))
def test_groups_count_what_a_naive_model_counts(goods, clock, seed):
    """Any mixture of parties, ids, regions and refused codes, in groups of any size."""
    choose = random.Random(seed)
    give(goods, clock, "off", Action.FREEZE, 1, 3)
    counts, kept, refused, regions = Counter(), {}, Counter(), Counter()
    for _ in range(12):
        group, wanted = [], []
        for _ in range(choose.randrange(1, 12)):
            serial, party = choose.randrange(1, 9), choose.choice([CONSUMER, GUIDE, DEALER])
            name, region = choose.choice([None, "a", "b"]), choose.choice([None, "CN-33", "44"])
            by = ScannedBy(party, region, signed=True)
            group.append(ScanRequest([prints([CODES[serial - 1]])], name, by))
            if (serial, party, name) in kept:
                wanted.append(kept[serial, party, name])
                continue
            regions[serial, region] += region is not None
            if serial <= 3:
                refused[serial] += 1
                wanted.append(("frozen", 0))
                continue
            counts[serial, party] += 1
            told = "genuine" if counts[serial, party] == 1 else "repeat", counts[serial, party]
            wanted.append(told)
            if name is not None:
                kept[serial, party, name] = told
        assert [(told.result, told.scans) for told in goods.scans(group, clock())] == wanted
    assert {row.serial: row.count for row in goods.refused(0, clock()).scans} == +refused
    repeated = {row.serial: row.scans for row in goods.repeats(1, None).repeats}
    assert repeated == {s: n for (s, party), n in counts.items() if party is CONSUMER and n > 1}
    told = Counter()
    for row in goods.regions(BATCH.batch, 0).regions:
        told[row.region] += row.scans
    assert told == {
        name: sum(n for (_, region), n in regions.items() if region == name) for name in told
    }
    assert sum(told.values()) == sum(regions.values())
