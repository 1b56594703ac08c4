"""What the field asks of blank codes, case by case: docs/values.md, against a real backend."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import pytest
from values_kit import DOCUMENT, blocks, copied, prepared, sections

TITLES = [title for title, lines in sections().items() if title]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("values") / "town")


@pytest.fixture
def town(made, tmp_path):
    with copied(made, tmp_path / "town").served() as served:
        yield served


class Section:
    """The commands of a section, typed one after the other, all of them."""

    def __init__(self, town, title):
        self.town, self.lines = town, iter(sections()[title])

    def __enter__(self):
        return self

    def next(self, code=0):
        return self.town.type(next(self.lines), code)

    def __exit__(self, kind, *_):
        assert kind or next(self.lines, None) is None


def told(answer):
    return answer["result"], answer["attributes"].get("campaign")


def test_a_campaign_prepared_for_december_while_november_s_goods_sell(town):
    with Section(town, "A campaign prepared for December while November's goods sell") as section:
        section.next()
        shown = section.next()
        windows = {key for piece in shown["ranges"] for key in piece["attributes"]}
        assert "window.december" in windows
        for serial, time, campaign in (
            (1, "2026-11-27 13:00", "NOV"),
            (2, "2026-11-30 23:59", "NOV"),
            (3, "2026-12-01 00:00", "DEC"),
            (4, "2026-12-31 23:59", "DEC"),
            (5, "2027-01-01 00:00", "NOV"),
        ):
            town.at(time)
            answer = town.phone(serial)
            assert told(answer) == ("genuine", campaign), time
            assert answer["attributes"]["product"] == "Green tea 500 mL"
        town.at("2026-12-01 00:00")
        section.next()
        assert told(town.phone(6)) == ("genuine", "NOV")


def test_a_validity_that_would_end_what_is_on_sale_is_refused(town):
    order = f"mintmark assign {town.batch} --serials 1-1000 --effective-at 2026-12-01"
    town.type(order, 3)
    assert told(town.phone(1)) == ("genuine", "NOV")
    town.type(f"{order} --count 1000")
    assert town.phone(2)["result"] == "not_yet"


def test_five_yuan_first_fifty_cents_second(town):
    with Section(town, "Five yuan first, fifty cents second") as section:
        section.next()
    town.type("mintmark key new shop --platform")
    town.type("mintmark key export > lines.toml")
    paid = []
    for _ in range(3):
        answer = town.platform("shop", 7)
        prize = {1: "activity.first", 2: "activity.second"}.get(answer["scans"])
        paid.append((answer["result"], answer["attributes"].get(prize)))
    assert paid == [("genuine", "500"), ("genuine", "50"), ("repeat", None)]
    assert "activity.first" not in town.phone(8)["attributes"]


def test_evening_hours_in_one_province(town):
    with Section(town, "Evening hours in one province") as section:
        section.next()
        assert section.next()["codes"] == 500
        assert section.next()["dry_run"]
        assert section.next()["codes"] == 500
    for serial, time, campaign in (
        (1, "2026-12-01 17:59", "NOV"),
        (2, "2026-12-01 18:00", "EVENING"),
        (3, "2026-12-24 21:59", "EVENING"),
        (4, "2026-12-24 22:00", "NOV"),
        (5, "2027-01-01 19:00", "NOV"),
        (501, "2026-12-24 19:00", "NOV"),
    ):
        town.at(time)
        assert told(town.phone(serial)) == ("genuine", campaign), time


def test_a_guide_and_a_buyer_on_one_code(town):
    with Section(town, "A guide and a buyer on one code") as section:
        section.next()
        section.next()
        section.next()
    answers = [
        town.platform("guide-app", 9, **{"as": "guide"}),
        town.platform("guide-app", 9, **{"as": "guide"}),
        town.phone(9),
    ]
    keys = ("result", "as", "scans", "parties")
    text = DOCUMENT.read_text("utf-8")
    block = text.split("```json\n")[1].split("```")[0]
    assert [{key: answer[key] for key in keys} for answer in answers] == [
        json.loads(line) for line in block.splitlines()
    ]
    assert answers[0]["attributes"]["activity.guide"] == "200"


def test_a_dealer_without_scan_in_gets_no_promotion(town):
    with Section(town, "A dealer without scan-in gets no promotion") as section:
        section.next()
        section.next()
        lines = section.next()
        name = 'name = "dealer-d7"\n'
        assert name in lines.split("[[platform]]")[1]
        limits = DOCUMENT.read_text("utf-8").split("```toml\n")[1].split("```")[0]
        (town.root / "lines.toml").write_text(lines.replace(name, name + limits), "utf-8")
        answer = town.phone(11)
        assert (told(answer), answer["gate"]) == (("genuine", None), "closed")
        opened = town.dealer("dealer-d7", "d7-0001", 11, 12)
        assert (opened["dealer"], opened["opened_count"]) == ("D7", 2)
        assert town.dealer("dealer-d7", "d7-0001", 11, 12) == opened
        answer = town.phone(12)
        assert (told(answer), answer["gate"]) == (("genuine", "NOV"), "open")
        assert told(town.phone(13)) == ("genuine", None)
        section.next()
        found = section.next()
        assert found["codes"] == 2
    assert town.type(f"mintmark reconcile {town.batch}")["equal"]


def test_a_draw_every_quarter_of_an_hour(town):
    town.type("mintmark key new draw --platform")
    town.type("mintmark key export > lines.toml")
    with Section(town, "A draw every quarter of an hour") as section:
        section.next()
    # Far more than an address may scan.
    quarters = defaultdict(list)
    for serial in range(1, 181):
        minute = serial % 60
        town.at(f"2026-12-24 18:{minute:02}")
        answer = town.platform("draw", serial)
        assert told(answer) == ("genuine", "DRAW")
        first = answer["first_scan"]
        quarters[int(first[14:16]) // 15].append(answer["serial"])
    assert {quarter: len(drawn) for quarter, drawn in quarters.items()} == dict.fromkeys(
        range(4), 45
    )
    again = town.platform("draw", 1, scan_id="same")
    assert again["result"] == "repeat"


def test_a_segment_of_codes_by_serial(town):
    town.type("mintmark key new shop --platform")
    town.type("mintmark key export > lines.toml")
    with Section(town, "A segment of codes by serial") as section:
        section.next()
        section.next()
    prizes = {
        serial: town.platform("shop", serial)["attributes"].get("activity.prize")
        for serial in (600, 601, 649, 650, 651, 700, 701)
    }
    assert list(prizes.values()) == [None, "GOLD", "GOLD", "CAR", "GOLD", "GOLD", None]


def test_a_diverted_case_is_found_by_the_next_morning_s_report(town):
    with Section(town, "A diverted case is found by the next morning's report") as section:
        section.next()
        town.at("2026-12-01 15:00")
        for serial in range(49, 73):
            assert town.phone(serial, region="CN-43")["result"] == "genuine"
        town.phone(73, region="330100")
        town.at("2026-12-02 08:00")
        report = section.next()
        assert (report["date"], report["diverted"]) == ("2026-12-01", 24)
        (case,) = report["market"]
        assert (case["dealer"], case["contact_name"]) == ("D7", "Li Wei, Huaxin Printing")
        assert (case["serials"], case["seen_in"]) == ([[49, 72]], "CN-HN")
        trace = section.next()
    (diverted,) = (found for found in trace["market"] if found["finding"] == "diverted")
    assert (diverted["serials"], diverted["codes"]) == ([[49, 72]], 24)
    assert (diverted["dealer"], diverted["contact"]) == ("D7", "li-print")
    assert (diverted["region"], diverted["seen_in"]) == ("CN-33", "CN-HN")
    assert trace["incidents"] == 0


def test_a_freeze_tomorrow_at_six_waits_and_is_cancelled(town):
    with Section(town, "Stopped tomorrow at six") as section:
        section.next()
        assert [row["order"] for row in section.next()["orders"]] == ["recall-1"]
        assert told(town.phone(20)) == ("genuine", "NOV")
        section.next()
    again = f'mintmark freeze {town.batch} --serials 1-480 --at "2026-11-28 06:00" --order recall-2'
    town.type(again)
    town.at("2026-11-28 05:59")
    town.type("mintmark deliver")
    assert town.phone(21)["result"] == "genuine"
    town.at("2026-11-28 06:00")
    town.type("mintmark deliver")
    assert town.phone(22)["result"] == "frozen"
    assert town.phone(481)["result"] == "genuine"


def test_what_is_in_the_channel_is_reported(town):
    for serial in (1, 2, 3, 501):
        town.phone(serial)
    town.type(f"mintmark assign {town.batch} --serials 1-500 --set region=CN-33")
    with Section(town, "What is in the channel") as section:
        stock = section.next()
        rows = {row["value"]: (row["active"], row["scanned"]) for row in stock["groups"]}
        assert rows == {"CN-33": (500, 3), None: (500, 1)}
        product = section.next()["groups"][0]
        assert (product["active"], product["scanned"], product["new"]) == (1000, 4, 4)
    written = (town.root / "stock.csv").read_text("utf-8-sig")
    assert len(list(csv.DictReader(written.splitlines()))) == 2


def test_what_the_chinese_part_types_is_what_the_sections_type():
    chinese = DOCUMENT.read_text("utf-8").split("\n## 中文")[1]
    typed = [line for block in blocks(chinese) for line in block]
    assert len(typed) > 20
    assert {*typed} <= {line for lines in sections().values() for line in lines}


def test_every_section_is_a_test():
    text = Path(__file__).read_text("utf-8")
    assert all(f'Section(town, "{title}")' in text for title in TITLES if sections()[title])
