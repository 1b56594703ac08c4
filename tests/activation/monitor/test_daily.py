"""The daily report: what the ledger did on a day, counted by a naive diary beside it."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from alarm_kit import Hook
from backend_kit import Clock
from line_kit import Backend, client, home_with_batches, opened
from market_kit import Market, Told

from mintmark.activation.client.protocol import Away
from mintmark.activation.delivery.deliver import deliver
from mintmark.activation.monitor import notify, snapshots
from mintmark.activation.monitor.alarm_words import KINDS
from mintmark.activation.monitor.alarms import MESSAGE_BYTES, Style
from mintmark.activation.monitor.broadcast import broadcast
from mintmark.activation.monitor.daily import Daily, daily, message
from mintmark.activation.monitor.day import SUMS, bounds, day_of
from mintmark.activation.monitor.judged import MarketKind
from mintmark.activation.monitor.market_day import MarketCase
from mintmark.activation.monitor.snapshots import NAME
from mintmark.codegen.errors import EnvironmentFailure, UsageError
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.receipts import ReceiptEntry
from mintmark.codegen.ranges.serials import Range

pytestmark = pytest.mark.filterwarnings("ignore:.*imghdr.*:DeprecationWarning")
ZONE = ZoneInfo("Asia/Shanghai")
STYLE = Style("both", ZONE, "GH3T-HK2YM1TB1VCG")


class Line:
    """A home whose ledger is changed at chosen moments, and a diary of it by day."""

    def __init__(self, tmp_path):
        self.clock = Clock()
        self.home, (self.batch,) = home_with_batches(tmp_path, quantity=3_000, last=2_000)
        self.diary = {}
        with opened(self.home.path) as station, station.ledger.read() as view:
            (self.package,) = (row.package for row in view.packages())
        self.next, self.number = 1, 0

    def note(self, **codes):
        day = self.clock().astimezone(ZONE).date()
        self.diary.setdefault(day, Counter()).update(codes)

    def book(self, *changes):
        with opened(self.home.path, self.clock) as station:
            return station.ledger.commit(station.author, *changes)

    def order(self, action, count, **more):
        """An order over `count` fresh codes, or over the last ones."""
        self.number += 1
        serials = (Range(self.next, self.next + count - 1),)
        self.book(c.Ordered(f"o-{self.number}", self.batch, action, serials, **more))
        return f"o-{self.number}"

    def activate(self, count):
        self.order(Action.ACTIVATE, count)
        self.next += count
        self.note(activated=count)

    def freeze(self, count):
        self.order(Action.FREEZE, count)
        self.next += count
        self.note(frozen=count)

    def void(self, count):
        self.order(Action.VOID, count, reason="lost")
        self.next += count
        self.note(voided=count)

    def receipt(self, count):
        """`count` printed and a further code spoiled, which is void first."""
        spoiled = Range(self.next, self.next)
        self.order(Action.VOID, 1, reason="misprint")
        printed = (Range(self.next + 1, self.next + count),)
        entry = ReceiptEntry(f"{self.package}-0", printed, (spoiled,), 0)
        self.book(c.Receipted(self.package, (entry,), final=False, reason="misprint"))
        self.next += count + 1
        self.note(voided=1, printed=count, spoiled=1)

    def alarm(self, count):
        self.book(*(c.Incident("unit-lost", "x") for _ in range(count)))
        self.note(alarms=count)

    def refused(self, count):
        order = self.order(Action.ACTIVATE, count)
        self.next += count
        self.book(c.Settled(order, "refused", "no"))
        self.note(activated=count, alarms=1, refused=count)

    def report(self, day, line=None):
        with opened(self.home.path, self.clock) as station:
            return daily(station, line, day)


@pytest.fixture
def line(tmp_path):
    line = Line(tmp_path)
    yield line
    line.home.close()


def test_each_day_is_what_the_diary_says(line):
    chance = random.Random(5)
    line.clock.now = datetime(2027, 1, 1, tzinfo=UTC)
    acts = (line.activate, line.freeze, line.void, line.receipt, line.alarm, line.refused)
    for _ in range(40):
        chance.choice(acts)(chance.randint(1, 20))
        line.clock.forward(minutes=chance.randint(1, 400))
    assert len(line.diary) > 2
    for day, noted in line.diary.items():
        report = line.report(day)
        assert {key: getattr(report, key) for key in SUMS} == {key: noted[key] for key in SUMS}
        assert report.alarms == noted["alarms"] == sum(report.alarms_by_kind.values())
        assert report.refused == sum(noted["refused"] for noted in line.diary.values())
    # All days together, and the day on which it was made.
    days = [line.report(day) for day in (*line.diary, datetime(2026, 11, 22, tzinfo=ZONE).date())]
    assert sum(day.minted for day in days) == 3_000
    with opened(line.home.path) as station, station.ledger.read() as view:
        counts = view.counts(line.batch)
    assert sum(day.activated for day in days) == counts[State.ACTIVE]
    assert sum(day.voided for day in days) == counts[State.VOID]


def test_midnight_is_shanghais(line):
    line.clock.now = datetime(2027, 3, 1, 15, 59, 59, 999_999, tzinfo=UTC)
    line.activate(5)
    line.clock.forward(microseconds=1)
    line.activate(7)
    line.clock.forward(days=1, microseconds=-1)
    line.activate(11)
    line.clock.forward(microseconds=1)
    line.activate(13)
    days = [line.report(date(2027, 3, n)).activated for n in (1, 2, 3)]
    assert days == [5, 18, 13]


def test_a_clock_set_back_costs_no_event(line):
    line.clock.now = datetime(2027, 3, 2, 1, tzinfo=UTC)
    line.activate(5)
    line.clock.forward(days=-1)
    line.activate(7)
    assert [line.report(date(2027, 3, n)).activated for n in (1, 2)] == [7, 5]


def test_a_day_may_have_23_hours():
    begin, end = bounds(date(2026, 3, 29), ZoneInfo("Europe/Berlin"))
    assert end.astimezone(UTC) - begin.astimezone(UTC) == timedelta(hours=23)


def test_a_reprint_is_not_packaged_twice(line):
    custodian = line.home.custodian.public.key_id
    line.clock.now = datetime(2027, 3, 2, 1, tzinfo=UTC)
    serials = (Range(1, 2_000),)
    unit = c.Unit("U", "data/1.csv", 1, 2_000, 2_000, "00" * 32)
    made = c.Packaged("P2", "{code}", "b.zip", 1, "0" * 64, "0" * 64, custodian, (unit,))
    begun = c.ExportBegun(
        "P2", line.batch, serials, "li", "csv", supersedes=line.package, reason="lost"
    )
    line.book(begun, made)
    report = line.report(date(2027, 3, 2))
    assert (report.packaged, report.reprinted, report.minted) == (0, 2_000, 0)


def test_what_was_scanned_comes_from_the_backend(line, tmp_path):
    with Backend(tmp_path / "backend", line.home.path) as backend, client(backend.url) as sent:
        line.clock.now = datetime.now(UTC)
        today = line.clock().astimezone(ZONE).date()
        line.activate(10)
        assert line.report(today, sent).scanned == 0  # it does not know the batch yet
        assert line.report(today, sent).unacknowledged == 10
        with opened(line.home.path) as station:
            assert not deliver(station, sent).queued
        codes = line.home.codes(line.batch)
        for code in (codes[0], codes[0], codes[3], codes[50]):
            sent.scan(code)
        report = line.report(today, sent)
        assert (report.scanned, report.scanned_detail, report.unacknowledged) == (2, None, 0)
        backend.stop()
        report = line.report(today, sent)
    assert report.scanned is None
    assert report.scanned_detail
    assert report.activated == 10
    assert "not known" in "\n".join(report.lines())


class Total:
    """A backend that says how many codes of the batch were scanned; None: it is away."""

    def __init__(self, line):
        self.line, self.total = line, 0

    def refused_scans(self, _=0):
        return None

    def repeats(self, *_):
        return None

    def scan_ins(self, _=0):
        return None

    def see(self, total, *, at=None, day=None):
        """The report of `day`, or today, made at that hour of the clock's day."""
        self.total, clock = total, self.line.clock
        if at is not None:
            clock.now = datetime(2027, 3, at, 12, tzinfo=UTC)
        day = day or clock().astimezone(ZONE).date().day
        report = self.line.report(date(2027, 3, day), self)
        return report, (report.scanned_since, report.scanned_since_day)


@pytest.fixture
def seen(line, monkeypatch):
    seen = Total(line)

    def answer(*_):
        return seen.total, None if seen.total is not None else "away"

    monkeypatch.setattr("mintmark.activation.monitor.daily._scanned", answer)
    return seen


def test_what_was_scanned_since_the_last_day_that_was_looked_at(seen):
    assert seen.see(100, at=1)[1] == (None, None)
    assert seen.see(130, at=1)[1] == (None, None)
    report, new = seen.see(150, at=4)
    assert (report.scanned, new) == (150, (20, "2027-03-01"))
    assert "           20 new since 2027-03-01" in "\n".join(report.lines())
    assert seen.see(175, at=4)[1] == (45, "2027-03-01")
    assert seen.see(180, at=5)[1] == (5, "2027-03-04")
    # An earlier day is reported by what was kept, and a report does not change it.
    assert seen.see(999, day=4)[1] == (45, "2027-03-01")
    assert seen.see(999, day=3)[1] == seen.see(999, day=1)[1] == (None, None)
    assert seen.see(999, day=5)[1] == (819 + 5, "2027-03-04")
    assert seen.see(999, day=6)[1] == (None, None)  # not yet


def test_a_day_is_the_homes_when_it_is_kept(seen):
    seen.line.clock.now = datetime(2027, 3, 1, 15, 59, tzinfo=UTC)
    seen.see(10)
    seen.line.clock.forward(minutes=1)  # midnight in Shanghai
    assert seen.see(13)[1] == (3, "2027-03-01")


def test_without_an_answer_nothing_is_kept_and_today_is_not_known(seen):
    seen.see(10, at=1)
    seen.see(30, at=2)
    before = (seen.line.home.path / NAME).read_bytes()
    assert seen.see(None, day=2)[1] == (None, None)
    assert seen.see(None, at=3)[1] == (None, None)
    assert seen.see(None, day=2)[1] == (20, "2027-03-01")
    assert (seen.line.home.path / NAME).read_bytes() == before


def test_a_total_that_fell_is_no_difference(seen):
    seen.see(10, at=1)
    assert seen.see(9, at=2)[1] == (None, None)
    assert seen.see(12, at=3)[1] == (3, "2027-03-02")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"2027-03-01": -1}', '{"2027-03-01": true}', '{"x": 1}', "\xff", "[" * 9_999],
)
def test_a_damaged_file_is_begun_anew_and_that_is_told(seen, text):
    (seen.line.home.path / NAME).write_text(text, "latin-1")
    report, new = seen.see(10, at=2)
    assert (report.scanned, new) == (10, (None, None))
    assert report.scanned_detail == "scanned.json was damaged: begun anew"
    assert report.scanned_detail in "\n".join(report.lines())
    report, new = seen.see(12, at=3)
    assert (report.scanned_detail, new) == (None, (2, "2027-03-02"))


def test_400_days_are_kept(tmp_path):
    first = date(2027, 1, 1)
    totals = {first + timedelta(days=n): n for n in range(500)}
    snapshots.keep(tmp_path, totals)
    kept = snapshots.load(tmp_path)
    assert kept == {day: n for day, n in totals.items() if n >= 100}
    snapshots.keep(tmp_path / "none", totals)  # a report is not lost for it


@pytest.mark.parametrize(
    ("text", "day"),
    [(None, 23), ("today", 23), ("yesterday", 22), ("2026-11-05", 5)],
)
def test_the_day_is_the_homes(text, day):
    now = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # half past midnight in Shanghai
    assert day_of(text, now, ZONE) == date(2026, 11, day)


@pytest.mark.parametrize(
    "text", ["", "2026-02-30", "22.11.2026", "tomorrow", "0001-01-01", "9999-12-31"]
)
def test_what_is_no_day_is_told(text):
    with pytest.raises(UsageError, match="not a date"):
        day_of(text, datetime(2026, 11, 22, tzinfo=UTC), ZONE)


# --- messages -----------------------------------------------------------------------------


def made(**more):
    counts = dict.fromkeys((*SUMS, "unacknowledged", "refused", "without_receipt", "alarms"), 0)
    unknown = dict.fromkeys(("scanned_detail", "scanned_since", "scanned_since_day"))
    values = {"alarms_by_kind": {}, "scanned": 0, **unknown, **counts, **more}
    return Daily(date="2026-11-22", time_zone="Asia/Shanghai", **values)


def test_the_message_leads_with_what_needs_a_person():
    report = made(minted=10_000, refused=400, alarms_by_kind={"reprint": 1, "leak-found": 2})
    text = message(report, Style("zh", ZONE, STYLE.home))
    assert f"{text.title}\n{text.body}".splitlines() == [
        "[mintmark GH3T] 日报 2026-11-22",
        "2 次警报：泄码：未激活的码已被人扫",
        "1 次警报：同一批码又出了一份（补印）",
        "400 枚码：后台拒绝了指令 -> mintmark orders list --status refused",
        "",
        "生码 10,000",
        "累计被扫 0",
    ]
    assert "没有要处理的事" in message(made(), STYLE).body
    assert not message(made(), STYLE).critical


def test_the_longest_message_fits_a_robot():
    huge = dict.fromkeys((*SUMS, "unacknowledged", "refused", "without_receipt"), 10**12)
    alarms = dict.fromkeys((*KINDS, *(f"kind-{n}" for n in range(50))), 10**6)
    for scanned in (None, 10**12):
        since = {"scanned_since": 10**12, "scanned_since_day": "2026-11-21"}
        more = {"scanned": scanned, "market": (case(dealer="商" * 300),) * 9, **since}
        text = message(made(**huge, alarms_by_kind=alarms, **more), STYLE)
        assert "新增被扫" in text.body
        assert len(f"{text.title}\n{text.body}".encode()) <= MESSAGE_BYTES


def case(**more):
    of = {"batch": "B", "package": None, "serials": (Range(1, 9),), "finding": MarketKind.DIVERTED}
    whom = {"dealer": None, "contact": "li-print", "contact_name": "Li Wei"}
    seen = {"codes": 10**9, "scans": 10**9, "region": "浙江" * 99, "seen_in": "CN-XJ"}
    return MarketCase(**(of | whom | seen | more))


@pytest.mark.parametrize(
    ("said", "chinese", "english"),
    [
        (
            {"region": "33", "codes": 1, "scans": 1},
            "窜货 1 枚，在 CN-XJ 新疆 被扫，应在 33 浙江；联系印厂 li-print (Li Wei)",
            "diverted: 1 code, 1 scan, seen in CN-XJ 新疆, meant for 33 浙江; {}",
        ),
        (
            {"finding": MarketKind.STOPPED, "contact": None, "seen_in": None, "codes": 2},
            "已停用 2 枚；没有经销商",
            "stopped: 2 codes, 1,000,000,000 scans; no dealer known",
        ),
        (
            {"finding": MarketKind.COPIED, "dealer": "<at id=all>", "seen_in": None, "codes": 1},
            "疑似仿制 1 枚；联系经销商 ＜at id=all＞",
            "copied?: 1 code, 1,000,000,000 scans; call dealer ＜at id=all＞",
        ),
    ],
)
def test_a_case_says_with_whom_to_talk(said, chinese, english):
    printer = "no dealer known, call printer li-print (Li Wei)"
    assert case(**said).words() == (chinese, english.format(printer))


def test_of_many_cases_some_of_each_kind_are_shown():
    many = [case(codes=9), *(case(codes=n, finding=MarketKind.STOPPED) for n in range(8, 0, -1))]
    report = made(market=(*many[1:], many[0]))
    lines = [line.strip() for line in report.lines() if line.startswith("    ")]
    assert [line.partition(":")[0] for line in lines] == [
        *["stopped"] * 4, "and 4 more of these", "diverted",
    ]  # fmt: skip
    body = message(report, STYLE).body
    assert body.index("已停用 8 枚") < body.index("窜货 9 枚")
    assert "已停用 7 枚" not in body


def test_it_is_sent_to_every_target(line):
    with Hook() as hook, opened(line.home.path, line.clock) as station:
        report = daily(station, None, date(2026, 11, 22))
        targets = notify.targets([("bad", "env:NOT_SET"), ("boss", hook.url)], {})
        sent = list(broadcast(targets, message(report, STYLE)))
        assert [target.ok for target in sent] == [False, True]
        assert "日报 2026-11-22" in hook.texts[0]


# --- the market ------------------------------------------------------------------------


@pytest.fixture
def market(tmp_path):
    scene = Market(tmp_path)
    yield scene
    scene.home.close()


def reported(scene, day, told=True):
    with scene.open() as station:
        return daily(station, scene.told if told is True else told, day)


TODAY, BEFORE = date(2026, 11, 22), date(2026, 11, 21)


def test_a_diverted_case_is_found_by_the_next_mornings_report(market):
    """No trace ran: the report looks itself, and books what it finds once."""
    market.order("assign", 1, 200, attributes={"region": "浙江省", "dealer": "D-7"})
    market.order("freeze", 1, 50)
    market.told.see(market.batch, "320506", 80, 81)
    market.told.stop(market.batch, 7)
    market.told.repeat(market.batch, 100, 50)
    market.clock.forward(hours=12)
    report = reported(market, TODAY)
    assert (report.stopped, report.copied, report.diverted) == (1, 1, 2)
    assert (report.market_detail, report.incidents, report.reads) == (None, 3, False)
    text = "\n".join(report.lines())
    assert "! 2 codes scanned outside their region: mintmark trace" in text
    of = f"package {market.package} batch {market.batch}"
    said = "diverted: 2 codes, 2 scans, seen in CN-JS 江苏, meant for 浙江省; call dealer D-7"
    assert f"    {said} ({of} serials 80-81)\n" in text
    assert f"    stopped: 1 code, 1 scan; call dealer D-7 ({of} serials 7)\n" in text
    phone = message(report, STYLE)
    assert "2 枚码：窜货，在区域外被扫 -> mintmark trace" in phone.body
    assert "\n窜货 2 枚，在 CN-JS 江苏 被扫，应在 浙江省；联系经销商 D-7\n" in phone.body
    assert "\n已停用 1 枚；联系经销商 D-7\nstopped: 1 code" in phone.body
    assert phone.critical
    assert len(f"{phone.title}\r\n{phone.body}".encode()) <= MESSAGE_BYTES
    assert [found.facts.dealer for found in market.incidents("diverted")] == ["D-7"]
    again = reported(market, TODAY)
    assert (again.diverted, again.incidents, again.reads) == (2, 0, True)
    other = reported(market, BEFORE)
    assert (other.stopped, other.copied, other.diverted) == (0, 0, 0)
    assert reported(market, date(2026, 11, 23)).alarms_by_kind == {
        "copied": 1, "diverted": 1, "scans-stopped": 1,
    }  # fmt: skip


class Gone(Told):
    """A backend that answers nothing."""

    def refused_scans(self, after=0):
        raise Away("nobody answers")

    def batch_page(self, *_, **__):
        raise Away("nobody answers")


def test_a_backend_that_cannot_be_read_is_said(market):
    report = reported(market, TODAY, Gone(market.clock))
    assert (report.stopped, report.copied, report.diverted) == (None, None, None)
    assert "nobody answers" in report.market_detail
    assert "market     not known: the scan backend gave no usable answer" in "\n".join(
        report.lines()
    )
    assert "no backend" in reported(market, TODAY, None).market_detail
    market.told.lacking = {"regions"}
    market.told.stop(market.batch, 7)
    partly = reported(market, TODAY)
    assert (partly.diverted, partly.copied) == (None, 0)
    assert partly.market_detail == "the backend does not offer regions"


def test_the_report_looks_for_what_is_late_too(market):
    market.limit(receipt_days=14)
    market.clock.forward(days=900)
    today = market.clock().astimezone(ZONE).date()
    report = reported(market, today)
    assert (report.incidents, report.alarms_by_kind) == (1, {"receipt-late": 1})
    assert reported(market, today).incidents == 0


def test_in_a_home_that_cannot_be_written_the_report_is_told_all_the_same(market):
    market.order("freeze", 1, 50)
    market.told.stop(market.batch, 7)
    market.limit(receipt_days=1)
    market.clock.forward(days=900)
    with market.open() as station:
        station.ledger.unwritable = EnvironmentFailure("the disk is read-only")
        report = daily(station, market.told, TODAY)
    assert (report.stopped, report.incidents, report.reads) == (1, 0, True)


def test_what_waits_for_its_time_is_counted(market):
    for number, at in enumerate(("2026-11-22T11:00:00.000000Z", "2026-12-01T18:00:00.000000Z")):
        serials = (Range(1, 9),)
        market.book(c.Scheduled(f"later-{number}", at, market.batch, Action.FREEZE, serials))
    report = reported(market, TODAY)
    assert (report.scheduled, report.scheduled_due) == (2, 1)
    assert "! 1 scheduled order due, and not booked: mintmark deliver" in "\n".join(report.lines())
