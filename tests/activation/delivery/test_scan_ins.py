"""Dealers' scan-ins are read back into the books: each once, whatever falls over between."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
from line_kit import home_with_batches, opened

from mintmark.activation.client.protocol import Away, Declined, ProblemDetails, StrangeAnswer
from mintmark.activation.client.wire import ScanInsPage, ScanInTold
from mintmark.activation.delivery import scan_ins
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.aggregation import CodeRanges
from mintmark.codegen.ranges.attributes import to_json
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

AT, LATER = "2026-11-22T12:00:00Z", "2026-11-23T12:00:00Z"
FOREIGN = "HM99-FOREIGN00"


@dataclass
class Told:
    """What a backend tells of scan-ins, `size` of them on a page; and whose batches it knows."""

    rows: list = field(default_factory=list)
    size: int = 2
    homes: dict = field(default_factory=dict)
    trouble: Exception | None = None
    asked: list = field(default_factory=list)

    def scan_ins(self, after=0):
        self.asked.append(after)
        if self.trouble and len(self.asked) > 1:
            raise self.trouble
        rows = [row for row in self.rows if row.number > after]
        page = tuple(rows[: self.size])
        return ScanInsPage(page, page[-1].number if len(rows) > self.size else None)

    def batch_page(self, batch, _after=0, **_):
        if batch not in self.homes:
            raise Declined(ProblemDetails(404, "not-found", "no such batch", ""))
        return SimpleNamespace(info=SimpleNamespace(home=self.homes[batch]))


@dataclass
class Shop:
    home: object
    batch: str
    told: Told = field(default_factory=Told)

    def tell(self, serials, dealer="D7", at=AT, batch=None, name=None):
        """One more scan-in of these (first, last)."""
        number = len(self.told.rows) + 1
        codes = (CodeRanges(batch or self.batch, tuple(Range(*pair) for pair in serials)),)
        row = ScanInTold(number, name or f"in-{number}", dealer, at, codes)
        self.told.rows.append(row)
        return row

    def read(self, failpoint=None):
        with opened(self.home.path) as station:
            station.failpoint = failpoint or station.failpoint
            self.told.asked.clear()
            return scan_ins.read(station, self.told)

    def values(self, serial):
        with opened(self.home.path) as station, station.ledger.read() as view:
            return to_json(view.at(self.batch, serial).attributes)

    def booked(self):
        with opened(self.home.path) as station, station.ledger.read() as view:
            return {row.scan_in: row for row in view.scan_ins()}

    def incidents(self):
        with opened(self.home.path) as station, station.ledger.read() as view:
            return [event.change for event in view.incidents(scan_ins.KIND)]


@pytest.fixture
def shop(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    return Shop(home, batch)


def test_codes_stand_with_the_dealer_that_scanned_them_in(shop):
    shop.tell([(1, 10), (20, 20)])
    shop.tell([(5, 6)], dealer="D8", at=LATER)
    assert shop.read() == scan_ins.ScanInsRead(2, anew=False)
    assert shop.values(1) == shop.values(20) == {"dealer": "D7", "scanned_in": AT}
    assert shop.values(5) == {"dealer": "D8", "scanned_in": LATER}
    assert shop.values(11) == {}


@pytest.mark.parametrize(
    ("settled", "at", "dealer"),
    [
        (None, "2020-01-01T00:00:00Z", "D8"),  # queued: it is still to come there
        (None, "2099-01-01T00:00:00Z", "D8"),
        ("acknowledged", "2020-01-01T00:00:00Z", "D8"),  # it came after the scan-in
        ("acknowledged", "2099-01-01T00:00:00Z", "D7"),  # it was there when they scanned
        ("refused", "2020-01-01T00:00:00Z", "D7"),  # it never took hold there
    ],
)
def test_who_came_last_to_the_backend_has_the_last_word_here(shop, settled, at, dealer):
    with opened(shop.home.path) as station:
        for order, patch in (("o-1", {"dealer": "D8"}), ("o-2", {"lot": "L"})):
            serials = (Range(4, 6),) if order == "o-1" else (Range(1, 10),)
            change = c.Ordered(order, shop.batch, Action.ASSIGN, serials, attributes=patch)
            station.ledger.commit(station.author, change)
            if settled is not None:
                station.ledger.commit(station.author, c.Settled(order, settled))
    shop.tell([(1, 5)], at=at)
    assert shop.read().booked == 1
    assert shop.values(3) == {"dealer": "D7", "scanned_in": at, "lot": "L"}
    assert shop.values(5) == {"dealer": dealer, "scanned_in": at, "lot": "L"}
    assert shop.values(6) == {"dealer": "D8", "lot": "L"}


def test_a_dealer_that_was_taken_away_later_stays_away(shop):
    with opened(shop.home.path) as station:
        change = c.Ordered(
            "o", shop.batch, Action.ASSIGN, (Range(4, 6),), attributes={"dealer": None}
        )
        station.ledger.commit(station.author, change)
    shop.tell([(5, 5)])
    shop.read()
    assert shop.values(5) == {"scanned_in": AT}


def test_each_is_booked_once_and_only_what_is_new_is_asked_for(shop):
    for number in range(5):
        shop.tell([(number + 1, number + 1)])
    assert shop.read().booked == 5
    assert shop.told.asked == [0, 2, 4]
    before = shop.booked()
    assert shop.read() == scan_ins.ScanInsRead(0, anew=False)
    assert shop.told.asked == [4]
    shop.tell([(9, 9)])
    assert shop.read().booked == 1
    assert {**before, "in-6": shop.booked()["in-6"]} == shop.booked()


def test_a_backend_without_scan_ins_has_none(shop):
    shop.told.scan_ins = lambda _after=0: None
    assert shop.read() == scan_ins.ScanInsRead()


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("point", ["scan-in read", "scan-in booked"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_crash_loses_none_and_books_none_twice(shop, point, number):
    for serial in range(1, 4):
        shop.tell([(serial, serial)])
    passed = []

    def kill(at):
        passed.append(at)
        if passed.count(point) == number and at == point:
            raise Killed

    with pytest.raises(Killed):
        shop.read(kill)
    assert len(shop.booked()) == number - (point == "scan-in read")
    shop.read()
    assert list(shop.booked()) == ["in-1", "in-2", "in-3"]
    with opened(shop.home.path) as station, station.ledger.read() as view:
        events = [event.change for event in view.events(limit=10_000)]
    assert sum(isinstance(change, c.ScannedIn) for change in events) == 3


def test_a_backend_that_falls_silent_has_the_rest_read_later(shop):
    for serial in range(1, 6):
        shop.tell([(serial, serial)])
    shop.told.trouble = Away("it took too long")
    with pytest.raises(Away):
        shop.read()
    assert len(shop.booked()) == 2
    with opened(shop.home.path) as station:
        found = scan_ins.tried(station, shop.told)
    assert found.detail == "it took too long"
    shop.told.trouble = None
    shop.read()
    assert len(shop.booked()) == 5


def test_two_readers_at_once_book_each_once(shop):
    shop.tell([(1, 1)])
    shop.tell([(2, 2)])

    def another(point):
        if point == "scan-in read" and not shop.booked():
            told = replace(shop.told, asked=[])
            with opened(shop.home.path) as station:
                assert scan_ins.read(station, told).booked == 2

    assert shop.read(another).booked == 0
    assert len(shop.booked()) == 2
    assert not shop.incidents()


def test_it_stops_between_two_of_them(shop):
    for serial in range(1, 4):
        shop.tell([(serial, serial)])
    with opened(shop.home.path) as station:
        scan_ins.read(station, shop.told, lambda: len(shop.booked()) == 1)
    assert list(shop.booked()) == ["in-1"]


# --- another backend ------------------------------------------------------------------------


def test_a_fresh_backend_begins_at_one_again_and_is_read_from_there(shop):
    for serial in range(1, 4):
        shop.tell([(serial, serial)])
    shop.read()
    shop.told.rows.clear()
    assert shop.read() == scan_ins.ScanInsRead(0, anew=True)
    shop.tell([(11, 12)], name="fresh-1", dealer="D9", at=LATER)
    assert shop.read() == scan_ins.ScanInsRead(1, anew=True)
    assert shop.values(11)["dealer"] == "D9"
    # From here on the new one goes on as any other does.
    shop.tell([(13, 13)], name="fresh-2")
    assert shop.read() == scan_ins.ScanInsRead(1, anew=False)
    assert shop.values(1)["dealer"] == "D7"


def test_a_backend_that_was_set_back_is_read_anew_and_what_it_lost_stays_booked(shop):
    for serial in range(1, 5):
        shop.tell([(serial, serial)])
    shop.read()
    del shop.told.rows[2:]
    assert shop.read() == scan_ins.ScanInsRead(0, anew=True)
    shop.tell([(21, 21)], name="after")
    assert shop.read() == scan_ins.ScanInsRead(1, anew=True)
    assert set(shop.booked()) == {"in-1", "in-2", "in-3", "in-4", "after"}
    assert not shop.incidents()


def test_another_scan_in_under_a_booked_id_is_an_incident_once(shop):
    shop.tell([(1, 3)], name="a")
    shop.tell([(4, 4)], name="b")
    shop.read()
    shop.told.rows.clear()
    shop.tell([(2, 6)], name="a", at=LATER)
    for _ in range(2):
        shop.read()
    (found,) = shop.incidents()
    assert "other codes or dealer" in found.detail
    assert found.facts.codes == 3
    assert found.facts.batch == shop.batch
    assert shop.values(5) == {}


# --- what does not fit ----------------------------------------------------------------------


def test_void_codes_are_passed_over(shop):
    with opened(shop.home.path) as station:
        void = c.Ordered("v", shop.batch, Action.VOID, (Range(3, 4),), reason="lost")
        station.ledger.commit(station.author, void)
    shop.tell([(1, 5)])
    assert shop.read().booked == 1
    assert shop.booked()["in-1"].codes == 3
    assert shop.values(3) == {}
    assert shop.values(5)["dealer"] == "D7"


def test_batches_of_other_homes_are_left_out_and_are_no_incident(shop):
    codes = (CodeRanges(FOREIGN, (Range(1, 5),)), CodeRanges(shop.batch, (Range(1, 2),)))
    shop.told.homes[FOREIGN] = "HM99-000000000000"
    shop.told.rows.append(ScanInTold(1, "both", "D7", AT, codes))
    shop.tell([(1, 9)], batch="HM98-UNKNOWN00")
    assert shop.read().booked == 2
    assert [len(row.parts) for row in shop.booked().values()] == [1, 0]
    assert not shop.incidents()
    assert shop.read().booked == 0


def test_a_batch_of_this_home_that_the_books_lack_is_an_incident(shop):
    with opened(shop.home.path) as station, station.ledger.read() as view:
        shop.told.homes[FOREIGN] = view.home().home
    shop.tell([(1, 5)], batch=FOREIGN)
    assert shop.read().booked == 1
    (found,) = shop.incidents()
    assert "do not have the batch" in found.detail
    assert (found.facts.batch, found.facts.codes, found.facts.dealer) == (FOREIGN, 5, "D7")


def test_serials_that_the_batch_does_not_have_are_an_incident(shop):
    shop.tell([(299, 301)])
    shop.tell([(299, 300)])
    assert shop.read().booked == 2
    (found,) = shop.incidents()
    assert "300 codes" in found.detail
    assert shop.values(300)["dealer"] == "D7"


@pytest.mark.parametrize("field", ["name", "dealer"])
def test_a_code_where_a_name_belongs_comes_into_no_book(shop, field):
    code = shop.home.codes(shop.batch)[0]
    shop.tell([(1, 2)], **{field: code})
    shop.tell([(3, 3)])
    assert shop.read().booked == 2
    assert shop.read().booked == 0
    dealer = shop.values(1).get("dealer")
    assert dealer == (None if field == "dealer" else "D7")
    assert len(shop.incidents()) == (field == "dealer")
    assert shop.values(3)["dealer"] == "D7"
    for path in shop.home.path.glob("ledger.db*"):
        assert code.encode() not in path.read_bytes()


def test_a_page_that_is_offered_no_longer_is_a_strange_answer(shop):
    for serial in range(1, 4):
        shop.tell([(serial, serial)])
    pages = shop.told.scan_ins
    shop.told.scan_ins = lambda after=0: None if after else pages(after)
    with pytest.raises(StrangeAnswer):
        shop.read()
    assert len(shop.booked()) == 2
