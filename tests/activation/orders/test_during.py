"""What --during, --daily and --window make of an order's attributes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mintmark.activation.orders.during import During, windowed
from mintmark.activation.orders.form import from_object, from_row
from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges import attributes, values

CHINA, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
DEC = {"campaign": "DEC"}
SELLING = attributes.from_json({"campaign": "NOV", "dealer": "D7"})


def made(during, daily=None, window=None, zone=CHINA, patch=DEC, **more):
    found, _ = windowed(patch, During(during, daily, window, "--"), zone, **more)
    ((key, value),) = found.items()
    return key, value


@pytest.mark.parametrize(
    ("during", "begins", "ends"),
    [
        ("2026-12-01..2026-12-31", "2026-12-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
        ("2026年12月1日..2026年12月31日", "2026-12-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
        ("2026-12-01 至 2026-12-31", "2026-12-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
        ("2026.12.01..2026.12.31", "2026-12-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
        ("20261201..20261201", "2026-12-01T00:00:00+08:00", "2026-12-02T00:00:00+08:00"),
        ("2026-12-01 08:00..2026-12-31 20:00", "2026-12-01T08:00:00+08:00",
         "2026-12-31T20:00:00+08:00"),
        ("2026-12-01T00:30:00Z..2026-12-31", "2026-12-01T08:30:00+08:00",
         "2027-01-01T00:00:00+08:00"),
        ("2026-12-01..", "2026-12-01T00:00:00+08:00", None),
        ("..2026-12-31 00:00", None, "2027-01-01T00:00:00+08:00"),
    ],
)  # fmt: skip
def test_begin_and_end_are_read_in_the_homes_zone(during, begins, ends):
    key, value = made(during)
    assert (value["from"], value["until"], value["daily"]) == (begins, ends, None)
    assert value["attributes"] == DEC
    assert key.startswith("window.")


@pytest.mark.parametrize(
    ("during", "why"),
    [
        ("2026-12-01", "two times with .. between"),
        ("..", "two times with .. between"),
        ("", "two times with .. between"),
        ("2026-12-01...2026-12-31", "two times with .. between"),
        ("2026-12-01..2026-12-10..2026-12-31", "two times with .. between"),
        ("2026-12-31..2026-12-01", "does not begin before it ends"),
        ("2026-12-01 08:00..2026-12-01 08:00", "does not begin before it ends"),
        ("01/02/2027..2027-03-01", "read in several ways"),
        ("2026-12..2027-01", "a month, not a day"),
        ("46000..46010", "a number"),
        ("2026-12-01T00:00:00Z..2026-12-31", "the day for some programs"),
        ("2026-12-01..9999-12-31", "no date writes one like it"),
    ],
)
def test_what_may_mean_two_things_or_never_holds_is_refused(during, why):
    with pytest.raises(UsageError, match=why) as refused:
        made(during)
    assert refused.value.hints


@pytest.mark.parametrize(
    ("daily", "zone", "of_day"),
    [
        ("18:00-22:00", CHINA, ["18:00+08:00", "22:00+08:00"]),
        ("18时－22时30分", CHINA, ["18:00+08:00", "22:30+08:00"]),
        ("9:00 - 24:00", CHINA, ["09:00+08:00", "00:00+08:00"]),
        ("22:00-02:00", BERLIN, ["22:00+01:00", "02:00+01:00"]),
        ("18:00-22:00", UTC, ["18:00+00:00", "22:00+00:00"]),
    ],
)
def test_hours_of_the_day_have_the_offset_of_the_zone(daily, zone, of_day):
    assert made("2026-12-01..2026-12-31", daily, zone=zone)[1]["daily"] == of_day


@pytest.mark.parametrize(
    ("daily", "why"),
    [
        ("18-22", "two times of day"),
        ("6pm-10pm", "two times of day"),
        ("18:00", "two times of day"),
        ("18:00-25:00", "that there are"),
        ("18:00-22:60", "that there are"),
        ("00:00-24:00", "same time"),
        ("18:00-18:00", "same time"),
    ],
)
def test_hours_that_are_none_are_refused(daily, why):
    with pytest.raises(UsageError, match=why):
        made("2026-12-01..", daily)


@pytest.mark.parametrize("during", ["2026-10-01..2026-10-31", "2026-11-01..", None, "..2027-06-30"])
def test_hours_are_refused_where_clocks_are_changed_meanwhile(during):
    with pytest.raises(UsageError, match="clocks are changed in Europe/Berlin"):
        made(during, "18:00-22:00", zone=BERLIN)
    assert made(during, "18:00-22:00", zone=CHINA)[1]["daily"]
    if during:  # without hours no offset is kept
        assert made(during, zone=BERLIN)[1]["daily"] is None


@pytest.mark.parametrize(
    ("during", "daily", "name"),
    [
        ("2026-12-01..2026-12-31", None, "20261201-20261231"),
        ("2026-12-01..2026-12-31", "18:00-22:00", "20261201-20261231-1800-2200"),
        ("2026-12-01..", None, "from-20261201"),
        ("..2026-12-31", "18:00-22:00", "until-20261231-1800-2200"),
        (None, "18:00-22:00", "daily-1800-2200"),
        ("2026-12-01 08:00..2026-12-31 20:00", None, "20261201t0800-20261231t2000"),
    ],
)
def test_without_a_name_it_is_called_by_its_times(during, daily, name):
    assert made(during, daily)[0] == f"window.{name}"
    _, notes = windowed(DEC, During(during, daily), CHINA)
    assert f"the window is called {name}, by its times" in notes
    _, notes = windowed(DEC, During(during, daily, "eve"), CHINA)
    assert notes == ()


def test_times_too_long_for_a_name_have_one_of_their_own():
    times = "2026-12-01 08:00..2026-12-31 20:00"
    names = {made(times, daily)[0] for daily in ("18:00-22:00", "18:00-22:30", "10:00-11:00")}
    assert len(names) == 3
    assert all(name.startswith("window.20261201-20261231-") for name in names)
    assert made(times, "18:00-22:00")[0] in names


def test_a_midnight_at_the_end_is_told():
    _, notes = windowed(DEC, During("2026-12-01..2026-12-31 00:00", None, "dec"), CHINA)
    assert "taken for the whole day" in " ".join(notes)


@pytest.mark.parametrize(
    ("patch", "written", "why"),
    [
        ({}, During("2026-12-01..", dashes="--"), "--during holds attributes, and none"),
        (DEC, During(None, None, "dec", "--"), "nothing says when it holds"),
        (DEC, During("2026-12-01..", None, "十二月", "--"), "--window: a window's name"),
        ({"role": "case"}, During("2026-12-01.."), "holds no role"),
        ({"window.x": None, **DEC}, During("2026-12-01.."), "holds no window"),
        (
            {**DEC, "expires_at": "2027-01-01T00:00:00Z"},
            During("2026-12-01..", dashes="--"),
            "--during leaves the validity of codes alone",
        ),
    ],
)
def test_what_no_window_can_be_made_of_is_refused(patch, written, why):
    with pytest.raises(UsageError, match=why):
        windowed(patch, written, CHINA)


def test_a_name_is_read_in_small_letters():
    assert made("2026-12-01..", window=" Double_12 ")[0] == "window.double_12"


def test_rows_and_messages_have_the_same_fields():
    row = {"action": "assign", "batch": "K7QM-3T9A2BCD", "serials": "1-9", "set.campaign": "DEC",
           "during": "2026-12-01..2026-12-31", "daily": "18:00-22:00", "window": "eve"}  # fmt: skip
    message = {key: value for key, value in row.items() if not key.startswith("set.")}
    expected = made("2026-12-01..2026-12-31", "18:00-22:00", "eve")
    for request in (from_row(row, CHINA), from_object({**message, "set": DEC}, CHINA)):
        assert dict(request.attributes) == dict([expected])
    with pytest.raises(UsageError, match="during must be text"):
        from_object({**message, "set": DEC, "during": 20261201}, CHINA)
    with pytest.raises(UsageError, match="validity is given too"):
        from_row({**row, "expires_at": "2027-01-01"}, CHINA)


def test_what_is_made_holds_when_it_should():
    key, value = made(
        "2026-12-01..2026-12-31", "18:00-22:00", patch={"campaign": "DEC", "dealer": None}
    )
    carried = attributes.patch(SELLING, {key: value})
    evening = datetime(2026, 12, 1, 18, tzinfo=CHINA)
    told = [values.at(carried, evening + timedelta(hours=h))["campaign"] for h in (-1, 0, 3, 4)]
    assert told == ["NOV", "DEC", "DEC", "NOV"]
    assert values.at(carried, evening) == {"campaign": "DEC"}
    assert values.at(carried, evening + timedelta(days=31))["dealer"] == "D7"
    assert values.holding(carried, evening) == (key.removeprefix("window."),)
    assert values.holding(carried, evening - timedelta(hours=1)) == ()
