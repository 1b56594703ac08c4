"""Scans in the market: what is stopped, copied or diverted is told, and booked once."""

import pytest
from contract_shapes import SHAPES, problems
from market_kit import Market

from mintmark.activation.monitor import market, marks
from mintmark.activation.monitor.judged import MarketKind
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.mint_sscc import SsccRequest
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range


@pytest.fixture
def scene(tmp_path):
    scene = Market(tmp_path)
    yield scene
    scene.home.close()


def of(found, kind):
    return [item for item in found.market if item.finding is MarketKind(kind)]


def text(found):
    return "\n".join(found.lines())


class Killed(BaseException):
    """As SIGKILL: nothing of ours runs after it."""


# --- stopped ---------------------------------------------------------------------------


def test_codes_that_were_stopped_and_are_scanned_are_stolen_goods_on_sale(scene):
    scene.order("freeze", 1, 50)
    scene.order("void", 51, 60, reason="stolen", count=10)
    scene.order("revoke", 61, 70)
    scene.clock.forward(hours=1)
    for serial, state in ((7, "frozen"), (8, "frozen"), (55, "void"), (65, "inactive")):
        scene.told.stop(scene.batch, serial, state, count=serial)
    found = scene.trace()
    assert [(item.serials, item.answered, item.scans) for item in of(found, "stopped")] == [
        ((Range(7, 7),), "frozen", 7),
        ((Range(8, 8),), "frozen", 8),
        ((Range(55, 55),), "void", 55),
        ((Range(65, 65),), "inactive", 65),
    ]
    (incident,) = scene.incidents("scans-stopped")
    assert incident.facts == c.IncidentFacts(
        batch=scene.batch, package=scene.package, contact="li", unit=f"{scene.package}-0",
        serials=(Range(7, 8), Range(55, 55), Range(65, 65)), codes=4, scans=135,
        since="2026-11-22T13:00:00.000000Z",
    )  # fmt: skip
    assert "4 codes, 135 scans, frozen and inactive and void, package" in incident.detail
    assert incident.detail.endswith("serials 7-8,55,65")
    lines = list(found.lines())
    assert lines[0].startswith("STOPPED codes were scanned")
    assert lines[0].endswith(": 4")
    assert f"package {scene.package}  contact li" in lines[1]
    assert "serials 7-8 (frozen): 2 codes, 15 scans" in lines[2]


def test_codes_whose_time_has_not_come_are_told_and_are_no_incident(scene):
    scene.order("assign", 1, 10, attributes={"effective_at": "2027-01-01T00:00:00Z"})
    scene.clock.forward(hours=1)
    scene.told.stop(scene.batch, 3, "not_yet")
    scene.told.stop(scene.batch, 150, "expired", first=scene.clock())
    scene.order("assign", 150, 150, attributes={"expires_at": "2026-11-22T12:30:00Z"})
    found = scene.trace()
    assert [item.serials for item in of(found, "not-valid")] == [(Range(3, 3),), (Range(150, 150),)]
    assert found.incidents == 0
    assert "scanned before or after their time: 2" in text(found)


def test_a_code_that_is_active_here_and_refused_there_is_a_backend_behind(scene):
    scene.order("freeze", 1, 20)
    scene.order("unfreeze", 1, 10, settled=False)
    scene.order("unfreeze", 15, 15)
    scene.clock.forward(hours=1)
    scene.told.stop(scene.batch, 5)
    scene.told.stop(scene.batch, 15)
    scene.told.stop(scene.batch, 20)
    found = scene.trace()
    assert [item.serials for item in of(found, "active-here")] == [(Range(5, 5),), (Range(15, 15),)]
    assert [item.serials for item in of(found, "stopped")] == [(Range(20, 20),)]
    assert [(one.codes, one.queued) for one in found.behind_refused] == [(2, 1)]
    assert "scanned, active here, refused by the backend: 2" in text(found)
    assert "an order is queued, send it: mintmark deliver" in text(found)


def test_a_code_that_was_woken_after_its_scan_was_stopped_when_it_was_scanned(scene):
    scene.order("freeze", 1, 20)
    scene.clock.forward(hours=1)
    scene.told.stop(scene.batch, 5)
    scene.clock.forward(hours=1)
    scene.order("unfreeze", 1, 20)
    found = scene.trace()
    assert [item.serials for item in of(found, "stopped")] == [(Range(5, 5),)]
    assert "serials 5 (frozen then, active now): 1 code" in text(found)


def test_codes_of_another_home_are_passed_over(scene):
    scene.told.stop("ZZZZ-00000000", 1)
    scene.told.stop(scene.batch, 301)
    scene.told.repeat("ZZZZ-00000000", 1, 900)
    scene.told.by_region["ZZZZ-00000000"] = []
    assert scene.trace().market == ()


# --- copied ----------------------------------------------------------------------------


def test_a_code_in_many_hands_is_told_once_it_is_beyond_what_it_allows(scene):
    scene.limit(copied_scans=5)
    scene.order("assign", 10, 19, attributes={"max_scans": 100})
    for serial, scans in ((1, 6), (2, 7), (11, 105), (12, 106)):
        scene.told.repeat(scene.batch, serial, scans)
    found = scene.trace()
    assert [(item.serials, item.allowed) for item in of(found, "copied")] == [
        ((Range(2, 2),), 1),
        ((Range(12, 12),), 100),
    ]
    (incident,) = scene.incidents("copied")
    assert (incident.facts.codes, incident.facts.scans) == (2, 113)
    assert "COPIED? one code in many hands: 2" in text(found)


def test_a_code_on_many_labels_is_in_many_hands(tmp_path, scene):
    """As many scans as there are labels are no copies (一批一码)."""
    batch = scene.home.mint(5).batch
    reel = c.Unit("U-0", "data/1.csv", 1, 5, 5, "00" * 32)
    custodian = scene.home.custodian.public.key_id
    made = c.Packaged("P-9", "{code}", "b.zip", 1, "0" * 64, "0" * 64, custodian, (reel,))
    begun = c.ExportBegun("P-9", batch, (Range(1, 5),), "li", "csv", copies=1_000)
    scene.book(begun, made)
    scene.order("activate", 1, 5, batch=batch)
    scene.told.repeat(batch, 1, 1_020)
    scene.told.repeat(batch, 2, 1_021)
    assert [item.serials for item in of(scene.trace(), "copied")] == [(Range(2, 2),)]


# --- diverted --------------------------------------------------------------------------


def test_goods_scanned_outside_of_their_region_are_told_with_dealer_and_carton(scene):
    cartons = scene.home.mint(3, role="carton", sscc=SsccRequest("6901234", 1)).batch
    scene.pack(cartons, 2, 101, 110)
    scene.book(
        c.Ordered("o-c", cartons, Action.ASSIGN, (Range(2, 2),),
                  attributes={"dealer": "D-7", "region": "浙江省,上海"})
    )  # fmt: skip
    scene.told.see(scene.batch, "320506", 101, 102, 150, scans=9)
    scene.told.see(scene.batch, "CN-ZJ", 103)
    scene.told.see(scene.batch, "31", 104)
    found = scene.trace()
    (item,) = of(found, "diverted")
    assert (item.serials, item.codes, item.scans) == ((Range(101, 102),), 2, 2)
    assert (item.dealer, item.region, item.seen_in) == ("D-7", "浙江省,上海", "CN-JS")
    assert item.carton == f"{cartons}:2"
    (incident,) = scene.incidents("diverted")
    assert incident.facts == c.IncidentFacts(
        batch=scene.batch, package=scene.package, contact="li", unit=f"{scene.package}-0",
        serials=(Range(101, 102),), codes=2, scans=2, dealer="D-7", carton=f"{cartons}:2",
        region="CN-JS", since="2026-11-22T12:00:00.000000Z",
    )  # fmt: skip
    assert "seen in CN-JS 江苏, meant for 浙江省,上海, package" in incident.detail
    assert "DIVERTED (窜货): scanned outside their region: 2" in text(found)
    assert f"2 in carton {cartons}:2" in text(found)
    (record,) = found.records()
    assert record["diverted"] == 2
    shape = SHAPES["trace"]
    (entry,) = shape["market"]
    # The units of this scene have no ids as real ones have.
    assert not problems(record, {**shape, "market": [{**entry, "unit": "text?"}]})


def test_all_codes_of_a_range_count_where_all_named_ones_are_astray(scene):
    scene.order("assign", 1, 200, attributes={"region": "33"})
    scene.told.see(scene.batch, "CN-JS", *range(1, 101), codes=180, scans=400)
    (item,) = of(scene.trace(), "diverted")
    assert (item.codes, item.scans) == (180, 400)


def test_codes_without_a_region_are_at_home_everywhere(scene):
    scene.told.see(scene.batch, "CN-JS", 1, 2)
    found = scene.trace()
    assert (found.market, found.unjudged) == ((), 0)


def test_a_region_that_names_no_place_is_said_to_be_unjudged(scene):
    scene.order("assign", 1, 10, attributes={"region": "华东"})
    scene.told.see(scene.batch, "CN-JS", 1, 2, first=1, last=10)
    found = scene.trace()
    assert (found.market, found.unjudged) == ((), 1)
    assert "could not be judged" in text(found)


def test_a_campaigns_window_moves_no_goods_and_what_it_allowed_stays_allowed(scene):
    """Reports are made at other hours than scans."""
    window = {"from": None, "until": "2026-11-23T00:00:00Z", "daily": None}
    inside = {"region": "CN-SH", "max_scans": 100}
    scene.order("assign", 1, 10, attributes={"region": "33"})
    scene.order(
        "assign", 1, 20, attributes={"window.evening": {**window, "attributes": inside}}
    )  # fmt: skip
    scene.told.see(scene.batch, "CN-ZJ", 1, first=1, last=10)
    scene.told.see(scene.batch, "CN-SH", 2, first=1, last=10)
    scene.told.see(scene.batch, "CN-ZJ", 15, first=11, last=20)
    for serial, scans in ((1, 120), (2, 121)):
        scene.told.repeat(scene.batch, serial, scans)
    for _ in range(2):
        found = scene.trace()
        assert [item.serials for item in of(found, "diverted")] == [(Range(2, 2),)]
        assert [item.serials for item in of(found, "copied")] == [(Range(2, 2),)]
        scene.clock.forward(days=30)


# --- once ------------------------------------------------------------------------------


def test_what_is_booked_is_booked_again_for_new_codes_alone(scene):
    scene.order("assign", 1, 200, attributes={"region": "33"})
    scene.order("freeze", 1, 50)
    scene.told.stop(scene.batch, 7)
    scene.told.repeat(scene.batch, 100, 50)
    scene.told.see(scene.batch, "CN-JS", 80)
    assert scene.trace().incidents == 3
    assert scene.trace().incidents == 0
    scene.told.stop(scene.batch, 9)
    scene.told.see(scene.batch, "DE", 80)
    assert scene.trace().incidents == 2
    assert [found.facts.serials for found in scene.incidents("scans-stopped")] == [
        (Range(7, 7),),
        (Range(9, 9),),
    ]
    assert [found.facts.region for found in scene.incidents("diverted")] == ["CN-JS", "DE"]


def test_a_group_is_booked_again_once_its_scans_are_tenfold(scene):
    scene.told.repeat(scene.batch, 100, 50)
    assert scene.trace().incidents == 1
    for scans, new in ((499, 0), (500, 1), (501, 0), (5_500, 1)):
        scene.told.repeated.clear()
        scene.told.repeat(scene.batch, 100, scans)
        assert scene.trace().incidents == new
    assert [found.facts.scans for found in scene.incidents("copied")] == [50, 500, 5_500]
    assert scene.incidents("copied")[1].detail.startswith("10 times as many scans as before: ")


def test_killed_before_its_place_is_kept_it_books_nothing_twice(scene):
    scene.order("freeze", 1, 50)
    scene.told.stop(scene.batch, 7)

    def at(reached):
        if reached == "booked":
            raise Killed

    with pytest.raises(Killed):
        scene.trace(failpoint=at, new=True)
    assert scene.trace(new=True).incidents == 0
    assert len(scene.incidents("scans-stopped")) == 1


def test_two_traces_at_once_book_one_incident(scene):
    scene.order("freeze", 1, 50)
    scene.told.stop(scene.batch, 7)
    found = []

    def at(reached):
        if reached == "looked" and not found:
            found.append(scene.trace().incidents)

    assert scene.trace(failpoint=at).incidents == 0
    assert found == [1]
    assert len(scene.incidents("scans-stopped")) == 1


def test_a_thousand_codes_are_one_incident_of_at_most_fifty_ranges(scene):
    scene.order("freeze", 1, 200)
    for serial in range(1, 200, 2):
        scene.told.stop(scene.batch, serial)
    scene.trace()
    (incident,) = scene.incidents("scans-stopped")
    assert len(incident.facts.serials) == 50
    assert incident.facts.codes == 100
    assert scene.trace().incidents == 0


# --- what is read ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "lacking",
    [["refused-scans"], ["repeats"], ["regions"], ["refused-scans", "repeats", "regions"]],
    ids=str,
)
def test_what_the_backend_does_not_offer_is_said_in_one_line_and_the_rest_goes_on(scene, lacking):
    scene.order("assign", 1, 200, attributes={"region": "33"})
    scene.order("freeze", 1, 50)
    scene.told.stop(scene.batch, 7)
    scene.told.repeat(scene.batch, 100, 50)
    scene.told.see(scene.batch, "CN-JS", 80)
    scene.told.lacking = lacking
    found = scene.trace()
    assert set(found.lacking) == set(lacking)
    assert found.incidents == len(found.market) == 3 - len(lacking)
    (line,) = [line for line in found.lines() if "does not offer" in line]
    assert all(name in line for name in lacking)
    if len(lacking) == 3:  # an older contract: no batch is asked for what it cannot have
        assert not [name for name, _ in scene.told.asked if name == "regions"]


def test_a_timer_begins_behind_refused_scans_that_are_settled(scene):
    scene.order("freeze", 1, 50)
    for serial in range(1, 6):
        scene.told.stop(scene.batch, serial)
    scene.clock.forward(days=2)
    for serial in range(6, 9):
        scene.told.stop(scene.batch, serial)
    scene.trace(new=True)
    scene.told.asked.clear()
    assert [item.serials[0].first for item in scene.trace(new=True).market] == [5, 6, 7, 8]
    assert [after for name, after in scene.told.asked if name == "refused"] == [4, 6]
    scene.clock.forward(days=1)
    assert len(scene.trace(new=True).market) == 8


def test_a_timer_reads_a_part_of_repeats_and_batches_and_goes_on_the_next_time(scene, monkeypatch):
    monkeypatch.setattr(market, "BATCHES", 1)
    monkeypatch.setattr(market, "REPEAT_PAGES", 1)
    other = scene.home.mint(5, url="HTTPS://T.EXAMPLE.COM/{code}").batch
    scene.order("assign", 1, 5, batch=other, attributes={"region": "33"})
    for serial in range(1, 4):
        scene.told.repeat(scene.batch, serial, 50)
    batches = sorted([scene.batch, other])
    asked = []
    for _ in range(3):
        scene.told.asked.clear()
        scene.trace(new=True)
        asked.append([place for place in scene.told.asked if place[0] != "refused"])
    assert asked == [
        [("repeats", None), ("regions", batches[0])],
        [("repeats", "2"), ("regions", batches[1])],
        [("repeats", None), ("regions", batches[0])],
    ]
    scene.told.asked.clear()
    found = scene.trace()
    assert len(found.market) == 3
    assert {place for place in scene.told.asked if place[0] == "regions"} == {
        ("regions", batch) for batch in batches
    }


def test_a_mark_of_before_is_a_long_reading(scene):
    (scene.home.path / marks.NAME).write_text(
        '{"backend": "backend", "after": 4, "whole": "2026-11-22T12:00:00Z"}', "ascii"
    )
    assert marks.load(scene.home.path) is None
    assert scene.trace(new=True).cut is False


def test_since_bears_on_what_is_told_not_on_what_is_booked(scene):
    scene.order("freeze", 1, 50)
    scene.told.stop(scene.batch, 7)
    scene.clock.forward(hours=2)
    scene.told.stop(scene.batch, 8)
    found = scene.trace(since=scene.clock())
    assert [item.serials for item in found.market] == [(Range(8, 8),)]
    assert scene.incidents("scans-stopped")[0].facts.codes == 2
