"""Unknown scans are traced: a real home, codes scanned at a real backend, found again."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from backend_kit import Clock
from contract_shapes import SHAPES, problems
from hypothesis import given
from hypothesis import strategies as st
from line_kit import Backend, client, home_with_batches, opened

from mintmark.activation.client import trial_scans, wire
from mintmark.activation.client.protocol import Away
from mintmark.activation.delivery.deliver import deliver
from mintmark.activation.monitor import marks, unknown
from mintmark.activation.monitor.findings import FindingKind, coarse
from mintmark.activation.monitor.trace import TraceRequest, trace
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import EnvironmentFailure
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.chain import decode
from mintmark.codegen.mint_sscc import SsccRequest
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.result import to_json

FOREIGN = "0123456789ABCDEF"  # the form of our codes, and nobody's


class Scene:
    """A home of 300 codes, 1-200 in a package, and a backend beside it, on the same clock."""

    def __init__(self, tmp_path):
        self.clock = Clock()
        self.home, (self.batch,) = home_with_batches(tmp_path)
        self.codes = self.home.codes(self.batch)
        self.backend = Backend(tmp_path / "backend", self.home.path, now=self.clock)

    @contextmanager
    def open(self, failpoint=None):
        with opened(self.home.path, self.clock) as station, client(self.backend.url) as line:
            station.failpoint = failpoint or station.failpoint
            yield station, line

    def scan(self, *named):
        """Serials of the batch, or codes as typed; each is scanned once."""
        with client(self.backend.url) as phone:
            for scanned in named:
                phone.scan(self.codes[scanned - 1] if isinstance(scanned, int) else scanned)

    def order(self, action, serials, *, send=True, **more):
        with self.open() as (station, line):
            request = OrderRequest(Action(action), self.batch, BySerials(serials), **more)
            order, _ = book(station, request)
            if send:
                deliver(station, line)
            return order.order

    def packaged(self, package, first, last):
        reel = c.Unit(f"{package}-0", "data/1.csv", first, last, last - first + 1, "00" * 32)
        custodian = self.home.custodian.public.key_id
        return c.Packaged(package, "{code}", "b.zip", 1, "0" * 64, "0" * 64, custodian, (reel,))

    def package(self):
        with self.open() as (station, _), station.ledger.read() as view:
            (package,) = view.packages()
        return package.package

    def trace(self, failpoint=None, **asked):
        with self.open(failpoint) as (station, line):
            return trace(station, line, self.backend.url, TraceRequest(**asked))

    def booked(self, kind="leak-found"):
        with self.open() as (station, _), station.ledger.read() as view:
            return [event.change for event in view.incidents(kind)]

    def incidents(self, kind="leak-found"):
        return [incident.detail for incident in self.booked(kind)]


@pytest.fixture
def scene(tmp_path):
    scene = Scene(tmp_path)
    with scene.backend:
        yield scene
    scene.home.close()


def of(found, kind):
    return [item for item in found.findings if item.finding is kind]


def test_each_scan_is_told_for_what_it_is(scene):
    scene.order("activate", "1-50")
    scene.order("activate", "51-60", send=False)
    scene.order("freeze", "60", send=False)
    scene.scan(250, 101, 101, 102, 55, 60, 7, FOREIGN)
    with scene.open() as (station, _), station.ledger.read() as view:
        (package,) = view.packages()
    found = scene.trace(every=True)
    assert (found.never_exported, found.not_active, found.active_here, found.not_ours) == (
        *(1, 2, 2),
        1,
    )
    assert found.scans == 6  # serial 7 is active: nobody else's business
    (leak,) = of(found, FindingKind.NEVER_EXPORTED)
    assert (leak.serial, leak.state, leak.package) == (250, State.SEALED, None)
    first, second = of(found, FindingKind.NOT_ACTIVE)
    assert (first.serial, first.count, second.serial, second.count) == (101, 2, 102, 1)
    assert (first.package, first.contact, first.unit) == (
        package.package,
        "li",
        f"{package.package}-0",
    )
    assert [item.serial for item in of(found, FindingKind.ACTIVE_HERE)] == [55, 60]
    assert [(behind.batch, behind.codes, behind.queued) for behind in found.behind] == [
        (scene.batch, 2, 1)
    ]
    (stranger,) = of(found, FindingKind.NOT_OURS)
    assert (stranger.batch, stranger.serial, stranger.count) == (None, None, 1)
    assert not of(scene.trace(), FindingKind.NOT_OURS)


def test_a_code_in_a_carton_leads_to_its_dealer(scene):
    """Codes 101 and 102 lie in a carton on a pallet; only the pallet was given a dealer."""
    cartons = scene.home.mint(2, role="carton", sscc=SsccRequest("6901234", 1)).batch
    pallets = scene.home.mint(1, role="pallet", sscc=SsccRequest("6901234")).batch
    inner = scene.home.mint(None, role="inner", pair_of=scene.batch).batch
    one, two = CodeRanges(cartons, (Range(1, 1),)), CodeRanges(pallets, (Range(1, 1),))
    children = CodeRanges(scene.batch, (Range(101, 102),))
    with scene.open() as (station, _):
        station.ledger.commit(
            station.author,
            c.Associated(station.new_order_id(), Packing.ASSOCIATE, one, (children,)),
            c.Associated(station.new_order_id(), Packing.ASSOCIATE, two, (one,)),
            c.Ordered(
                *(station.new_order_id(), pallets, Action.ASSIGN, (Range(1, 1),)),
                attributes={"dealer": "D-17"},
            ),
        )
    scene.scan(101, 102, 103)
    found = scene.trace()
    packed, _, loose = found.findings
    assert [(up.batch, up.serial) for up in packed.belongs.within] == [(cartons, 1), (pallets, 1)]
    assert packed.belongs.inherited == {"dealer": "D-17"}
    assert [(pair.batch, pair.serial) for pair in packed.belongs.pairs] == [(inner, 101)]
    assert (loose.belongs.within, loose.belongs.inherited) == ((), {})
    text = "\n".join(found.lines())
    assert f"2 in carton {cartons}:1" in text
    assert "dealer=D-17" in text
    (record,) = found.records()
    shape = SHAPES["trace"]
    (finding,) = shape["findings"]
    # The units of this scene have no ids as real ones have.
    assert not problems(record, {**shape, "findings": [{**finding, "unit": "text?"}]})


def test_no_code_and_no_fingerprint_is_told(scene):
    scene.scan(250, 101, FOREIGN)
    found = scene.trace(every=True)
    text = json.dumps(to_json(found)) + "\n".join(found.lines()) + "\n".join(scene.incidents())
    assert not any(code in text for code in [*scene.codes, FOREIGN])
    assert not any(
        fingerprint.hex() in text for fingerprint in scene.home.fingerprints(scene.batch)
    )


def test_people_read_the_worst_first_and_reels_as_ranges(scene):
    scene.scan(*range(101, 111), 120, 250, FOREIGN)
    lines = list(scene.trace().lines())
    assert lines[0] == "LEAK: scanned before it was exported: 1"
    assert lines[1] == f"  batch {scene.batch}"
    assert (
        lines[2] == "    serials 250 (sealed): 1 code, 1 scan, 2026-11-22 20:00"
    )  # the home's time
    assert "mintmark void" in lines[3]
    assert lines[4] == "scanned, exported, not active: 11"
    assert "contact li" in lines[5]
    assert "serials 101-110, 120 (packaged): 11 codes, 11 scans" in lines[6]
    assert "mintmark freeze" in lines[7]
    assert lines[8].endswith("foreign): 1")
    scene.order("void", "250", reason="stolen")
    scene.order("freeze", "101-120")
    again = "\n".join(scene.trace().lines())
    assert "serials 250 (void)" in again
    assert "mintmark void" not in again
    assert "mintmark freeze" not in again


def test_a_scan_before_the_export_does_not_accuse_the_contact(scene):
    scene.scan(250)
    scene.clock.forward(hours=1)
    with scene.open() as (station, _):
        package = station.new_id()
        station.ledger.commit(
            station.author,
            c.ExportBegun(package, scene.batch, (Range(250, 260),), "li", "csv"),
            scene.packaged(package, 250, 260),
        )  # fmt: skip
    scene.scan(251)
    found = scene.trace()
    assert [(item.finding, item.serial, item.package) for item in found.findings] == [
        (FindingKind.NEVER_EXPORTED, 250, None),
        (FindingKind.NOT_ACTIVE, 251, package),
    ]


def test_a_reel_reprinted_was_out_since_it_was_first_exported(scene):
    with scene.open() as (station, _), station.ledger.read() as view:
        (package,) = view.packages()
    scene.scan(5)
    scene.clock.forward(hours=1)
    with scene.open() as (station, _):
        again = station.new_id()
        station.ledger.commit(
            station.author,
            c.ExportBegun(again, scene.batch, (Range(1, 200),), "li", "csv",
                          supersedes=package.package, reason="misprint"),
            scene.packaged(again, 1, 200),
        )  # fmt: skip
    (found,) = scene.trace().findings
    assert (found.finding, found.package) == (FindingKind.NOT_ACTIVE, again)


@pytest.mark.parametrize(
    ("first", "zone", "shown"),
    [
        ("9999-12-31T20:00:00Z", "Asia/Shanghai", "9999-12-31T20:00:00Z"),
        ("9999-12-31T20:00:00-08:00", "Asia/Shanghai", "9999-12-31T20:00:00Z"),
        ("9999-12-31T23:00:00+04:00", "Asia/Shanghai", "9999-12-31T19:00:00Z"),
        ("9999-12-31T23:00:00-08:00", "America/New_York", "9999-12-31T23:00:00Z"),
        ("0001-01-01T00:00:00Z", "America/New_York", "0001-01-01T00:00:00Z"),
        ("2026-11-22T12:00:00Z", "Asia/Shanghai", "2026-11-22T12:00:00Z"),
    ],
)
def test_a_time_at_the_end_of_time_is_reported(scene, first, zone, shown):
    pages = Pages([first])
    with scene.open() as (station, _):
        station.config = replace(station.config, time_zone=ZoneInfo(zone))
        found = trace(station, pages, "a", TraceRequest(every=True))
    assert to_json(found)["findings"][0]["first"] == shown
    assert list(found.lines())


# --- incidents -------------------------------------------------------------------------


def test_each_leak_is_booked_once(scene):
    scene.scan(250, 101, 102, 102)
    assert scene.trace().incidents == 2
    never, packaged = sorted(scene.incidents())
    assert never == f"never exported: 1 code, 1 scan, batch {scene.batch}, serials 250"
    assert packaged.startswith("not active: 2 codes, 3 scans, package ")
    assert packaged.endswith(f" of contact li, batch {scene.batch}, serials 101-102")
    assert {incident.facts for incident in scene.booked()} == {
        c.IncidentFacts(batch=scene.batch, serials=(Range(250, 250),), codes=1, scans=1),
        c.IncidentFacts(
            batch=scene.batch, package=scene.package(), contact="li",
            serials=(Range(101, 102),), codes=2, scans=3,
        ),
    }  # fmt: skip
    scene.scan(101, 250)
    assert scene.trace().incidents == 0
    scene.scan(103)
    assert scene.trace().incidents == 1
    assert scene.incidents()[-1].endswith(", serials 103")


def test_a_leak_that_was_booked_before_incidents_had_facts_is_not_booked_again(scene):
    """Bodies of that time: the sentence alone says which serials they are about."""
    bodies = [
        {
            "kind": "leak-found",
            "detail": f"never exported: 1 code, 1 scan, batch {scene.batch}, serials 250",
        },
        {
            "kind": "leak-found",
            "detail": f"not active: 1,002 codes, 2,003 scans, package {scene.package()} of contact"
            f" li, batch {scene.batch}, serials 101-102,105",
        },
    ]
    with scene.open() as (station, _):
        old = [decode("Incident", body) for body in bodies]
        assert [incident.facts for incident in old] == [None, None]
        station.ledger.commit(station.author, *old)
    scene.scan(250, 101, 105)
    assert scene.trace().incidents == 0
    scene.scan(103, 249)
    assert scene.trace().incidents == 2
    assert [incident.facts.serials for incident in scene.booked()[2:]] == [
        (Range(249, 249),),
        (Range(103, 103),),
    ]


def test_what_is_booked_is_read_from_the_facts_not_from_the_sentence(scene):
    with scene.open() as (station, _):
        facts = c.IncidentFacts(batch=scene.batch, serials=(Range(250, 250),))
        station.ledger.commit(station.author, c.Incident("leak-found", "in other words", facts))
    scene.scan(250)
    assert scene.trace().incidents == 0


class Killed(BaseException):
    """As SIGKILL: nothing of ours runs after it."""


def at(point):
    def failpoint(reached):
        if reached == point:
            raise Killed

    return failpoint


def test_killed_before_its_place_is_kept_it_books_nothing_twice(scene):
    scene.scan(250, 101)
    with pytest.raises(Killed):
        scene.trace(failpoint=at("booked"), new=True)
    assert marks.load(scene.home.path) is None
    assert len(scene.incidents()) == 2
    assert scene.trace(new=True).incidents == 0
    assert len(scene.incidents()) == 2


def test_two_traces_at_once_book_one_incident(scene):
    """The other trace books while this one waits for the ledger."""
    scene.scan(250)
    with scene.open() as (station, line):
        commit, others = station.ledger.commit, []

        def slow(*arguments, **options):
            if not others:
                others.append(scene.trace().incidents)
            return commit(*arguments, **options)

        station.ledger.commit = slow
        assert trace(station, line, scene.backend.url).incidents == 0
    assert others == [1]
    assert len(scene.incidents()) == 1


def test_guessing_is_told_of_once_a_day(scene):
    guesses = [f"{number:016d}" for number in range(12)]
    scene.scan(*guesses[:4])
    assert scene.trace(burst=4).incidents == 0
    scene.scan(*guesses[4:5] * 3)
    assert scene.trace(burst=4).incidents == 1
    assert scene.incidents("guessing-burst") == [
        "within a day 5 different codes were scanned that are none of ours"
    ]
    assert [found.facts for found in scene.booked("guessing-burst")] == [c.IncidentFacts(codes=5)]
    scene.scan(guesses[5])
    assert scene.trace(burst=4).incidents == 0
    scene.clock.forward(hours=25)
    assert scene.trace(burst=4).incidents == 0  # the day before is over
    scene.scan(*guesses[6:])
    assert scene.trace(burst=4).incidents == 1


def test_what_a_check_of_the_backend_left_is_passed_over_for_as_long_as_it_may_lie_there(scene):
    scene.scan(FOREIGN, 7)
    with scene.open() as (station, line):
        left = {scan.fingerprint for scan in unknown.read(line, "x", None, scene.clock()).scans}
        trial_scans.note(station.home, left, scene.clock())
    found = scene.trace(every=True)
    # Whoever may write the note may not hide that a code of ours leaked.
    assert (found.not_ours, found.scans) == (0, 1)
    assert found.never_exported + found.not_active == 1
    scene.scan("FEDCBA9876543210")
    assert scene.trace(every=True).not_ours == 1
    scene.clock.forward(days=91)
    with scene.open() as (station, _):
        assert not trial_scans.noted(station.home, scene.clock())


@pytest.mark.parametrize("text", ["", "{", '{"scans": []}', '{"scans": {"zz": "2026-01-01"}}'])
def test_a_note_of_a_check_that_cannot_be_read_hides_nothing(text, tmp_path):
    (tmp_path / trial_scans.NAME).write_text(text, "utf-8")
    assert trial_scans.noted(tmp_path, Clock()()) == frozenset()


def test_what_was_booked_is_known_again_however_much_there_is(scene):
    scene.scan(*range(1, 201, 2))
    assert scene.trace().incidents == 1
    (detail,) = scene.incidents()
    assert "100 codes, 100 scans," in detail
    assert len(detail) < 500
    assert scene.trace().incidents == 0


# --- the marks of a timer ---------------------------------------------------------------


class Pages:
    """Unknown scans in pages of `size`, of an older contract; remembers what it was asked for."""

    def __init__(self, firsts, size=2):
        self.scans = [
            wire.UnknownScan(number.to_bytes(16, "big"), first, first, 1)
            for number, first in enumerate(firsts, 1)
        ]
        self.size, self.asked = size, []

    def refused_scans(self, _=0):
        return None

    def repeats(self, *_):
        return None

    def scan_ins(self, _=0):
        return None

    def unknown_scans(self, after=0):
        self.asked.append(after)
        part = tuple(self.scans[after : after + self.size])
        return wire.UnknownPage(part, after + len(part) if len(part) == self.size else None)


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD, FRESH = "2026-11-20T00:00:00Z", "2026-11-22T08:00:00Z"


def test_a_timer_begins_behind_the_pages_that_are_settled():
    backend = Pages([OLD] * 5 + [FRESH] * 4)
    first = unknown.read(backend, "a", None, NOW)
    assert len(first.scans) == 9
    assert first.mark == marks.ReadUpTo("a", 4, NOW)
    backend.asked.clear()
    second = unknown.read(backend, "a", first.mark, NOW + timedelta(hours=1))
    assert backend.asked == [4, 6, 8]
    assert len(second.scans) == 5
    assert second.mark == first.mark


def test_nothing_fresh_is_passed_over_where_the_clock_went_back():
    pages = Pages([OLD, FRESH, OLD, OLD, OLD])
    assert unknown.read(pages, "a", None, NOW).mark.after == 0


@pytest.mark.parametrize(
    ("backend", "hours"), [("b", 1), ("a", 25), ("a", -1)], ids=["another", "daily", "clock back"]
)
def test_everything_is_read_where_the_mark_may_be_wrong(backend, hours):
    pages = Pages([OLD] * 4)
    mark = marks.ReadUpTo("a", 4, NOW)
    now = NOW + timedelta(hours=hours)
    assert len(unknown.read(pages, backend, mark, now).scans) == 4
    assert unknown.read(pages, backend, mark, now).mark.whole == now


def test_a_backend_without_an_end_is_left():
    class Endless:
        def unknown_scans(self, after=0):
            return wire.UnknownPage((), after + 1)

    reading = unknown.read(Endless(), "a", None, NOW)
    assert reading.cut


@pytest.mark.parametrize(
    "text", ["", "[]", '{"after": -1}', '{"backend": "a", "after": true, "whole": "x"}', "\xff"]
)
def test_a_mark_that_cannot_be_read_is_none(text, tmp_path):
    (tmp_path / marks.NAME).write_text(text, "latin-1")
    assert marks.load(tmp_path) is None


def test_a_mark_is_kept(tmp_path):
    mark = marks.ReadUpTo("https://scan.example.com", 7, NOW)
    marks.keep(tmp_path, mark)
    assert marks.load(tmp_path) == mark


def test_since_bears_on_what_is_told_not_on_what_is_booked(scene):
    scene.scan(101)
    scene.clock.forward(hours=2)
    scene.scan(102)
    found = scene.trace(since=scene.clock.now - timedelta(hours=1))
    assert [item.serial for item in found.findings] == [102]
    assert "serials 101-102" in scene.incidents()[0]


def test_without_a_backend_it_says_so(scene):
    with scene.open() as (station, _), pytest.raises(EnvironmentFailure, match="no backend"):
        trace(station, None, None)


def test_a_backend_that_is_away_changes_nothing(scene):
    scene.scan(101)
    scene.backend.stop()
    with pytest.raises(Away):
        scene.trace()
    assert not scene.incidents()


# --- ranges ------------------------------------------------------------------------------

points = st.sets(st.integers(1, 400), min_size=1, max_size=120)


def ranges_of(found):
    return serials.of(found)


@given(points, st.integers(1, 12))
def test_coarse_ranges_hold_every_serial_and_are_few(found, most):
    whole = ranges_of(found)
    few = coarse(whole, most)
    assert len(few) <= max(most, 1)
    assert not serials.subtract(whole, few)
    assert few == serials.ordered(few)
    gaps, kept = (
        sorted(after.first - before.last for before, after in pairwise(ranges))
        for ranges in (whole, few)
    )
    assert kept == gaps[len(gaps) - len(kept) :]  # the widest
    if len(whole) <= most:
        assert few == whole
