"""Days and times as people and programs write them: what each means, and what is refused."""

import contextlib
import io
import json
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.activation.orders import form
from mintmark.activation.orders.typed_times import day, end, instant, start, validity
from mintmark.codegen.errors import UsageError
from mintmark.codegen.times import parse

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "UTC", "America/New_York", "Africa/Cairo")]
FIRST, END = "2027-12-30T16:00:00Z", "2027-12-31T16:00:00Z"  # of the 31st in Shanghai

DAY_ALONE = [
    *("20271231", "2027-12-31", "2027/12/31", "2027.12.31", " 2027-12-31\t"),
    *("2027年12月31日", "2027年12月31号", "2027 年 12 月 31 日", "2027年12月31"),
    *("２０２７－１２－３１", "２０２７／１２／３１", "２０２７年１２月３１日"),
    *("2027–12–31", "2027−12−31"),
    *("2027-12-31Z", "2027-12-31+08:00"),  # xs:date, as programs write it into XML
]  # fmt: skip
# What was tried: openpyxl 3.1.5, exceljs 4.4.0, SheetJS 0.18.5, Node.js 20.
MIDNIGHTS = [
    "2027-12-31 00:00:00",  # openpyxl's str(), pandas, MySQL
    "2027-12-31T00:00:00",  # openpyxl's isoformat()
    "2027-12-31T00:00:00+00:00",  # exceljs to CSV, in UTC
    "2027-12-31T00:00:00.000Z",  # exceljs to JSON, whatever the zone
    "2027-12-30T16:00:00.000Z",  # toISOString() of a local midnight
    "2027-12-31T00:00:00+08:00",
    "2027-12-31 00:00:00.0000000",  # SQL Server's datetime2
    "2027-12-31 00:00:00+00",  # PostgreSQL
    "2027-12-31 00:00:00 UTC",
    "2027/12/31 0:00",  # Excel, saved as CSV
    "2027-12-31 00:00",
    "2027年12月31日 00:00",
    "２０２７－１２－３１　００：００",
    "20271231000000",
    "20271231T000000Z",
]


@pytest.mark.parametrize("text", DAY_ALONE)
def test_a_day_alone_is_the_whole_day(text):
    assert (start(text, SHANGHAI).wire, end(text, SHANGHAI).wire) == (FIRST, END)
    assert (start(text, SHANGHAI).note, end(text, SHANGHAI).note) == (None, None)


def test_single_digits_are_taken_with_separators_only():
    for text in ("2027/1/5", "2027-1-5", "2027.1.5", "2027年1月5日", "20270105"):
        assert end(text, SHANGHAI).wire == "2027-01-05T16:00:00Z"


@pytest.mark.parametrize("text", MIDNIGHTS)
def test_as_an_end_a_midnight_is_that_day_and_said_so(text):
    typed = end(text, SHANGHAI)
    assert typed.wire == END
    assert "whole day" in typed.note
    assert "2027-12-31, which is 2028-01-01T00:00+08:00" in typed.note


@pytest.mark.parametrize(
    "text",
    ["2027-12-31 24:00", "2027-12-31T24:00:00", "2027-12-31T24:00Z", "2027-12-31T24:00+08:00"],
)
def test_24_hours_are_the_end_of_that_day_and_of_no_other(text):
    assert end(text, SHANGHAI).wire == END
    assert start("2027-12-30 24:00", SHANGHAI).wire == FIRST


def test_a_midnight_elsewhere_is_the_whole_day_there():
    assert end("2027-12-31T00:00:00+09:00", SHANGHAI).wire == "2027-12-31T15:00:00Z"
    assert "2027-12-31T23:00+08:00" in end("2027-12-31T00:00:00+09:00", SHANGHAI).note


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-12-31 08:30", "2027-12-31T00:30:00Z"),
        ("2027-12-31 8:30:00", "2027-12-31T00:30:00Z"),  # SheetJS to CSV
        ("2027-12-31T08", "2027-12-31T00:00:00Z"),
        ("2027-12-31T20:00:00+08:00", "2027-12-31T12:00:00Z"),
        ("2027-12-31T20:00:00+0800", "2027-12-31T12:00:00Z"),
        ("2027-12-31 20:00:00 -05:00", "2028-01-01T01:00:00Z"),
        ("20271231235959", "2027-12-31T15:59:59Z"),
        ("2027-12-31T23:59:59", "2027-12-31T15:59:59Z"),
        ("2027-12-31T12:00:00Z", "2027-12-31T12:00:00Z"),
    ],
)
def test_any_other_time_is_that_moment(text, moment):
    assert start(text, SHANGHAI).wire == end(text, SHANGHAI).wire == moment


def test_no_fraction_shortens_a_validity():
    assert end("2027-12-31T23:59:59.9999999", SHANGHAI).wire == END  # .NET's end of a day
    assert start("2027-12-31T08:00:00.5", SHANGHAI).wire == "2027-12-31T00:00:00Z"


# --- refused -------------------------------------------------------------------------------

TWO_MEANINGS = [
    ("31/12/2027", "several ways"),
    ("01/02/2027", "several ways"),
    ("12/31/2027", "several ways"),
    ("31.12.2027", "several ways"),
    ("27-12-31", "several ways"),
    ("12/31/27", "several ways"),
    ("12-31", "no year"),
    ("12/31", "no year"),
    ("46752", "a number"),
    ("46752.35416666666", "a number"),
    ("46752.0", "a number"),
    ("202712", "a number"),
    ("2027", "a number"),
    ("20271231.0", "a number"),
    ("1830182400", "seconds since 1970"),
    ("1830182400000", "seconds since 1970"),
    ("2027-12", "a month"),
    ("2027/12", "a month"),
    ("2027年12月", "a month"),
    ("2027-W52-5", "a week"),
    ("2027W525", "a week"),
    ("2027-365", "number in the year"),
    ("2027-12-31 8:30 PM", "12 hours"),
    ("2027/12/31 下午8:30", "12 hours"),
    ("2027-12-31 00:00:00 +0000 UTC", "more after the day"),  # Go
    ("2027-12-31T00:00+08:00[Asia/Shanghai]", "more after the day"),  # Java
    ("2027-12-31-05", "more after the day"),
    ("2027-12/31", "not a date"),
    ("Fri Dec 31 2027 00:00:00 GMT+0800 (China Standard Time)", "not a date"),  # JavaScript
    ("/Date(1830182400000)/", "not a date"),
    ("'2027-12-31", "not a date"),
    ("tomorrow", "not a date"),
    ("", "not a date"),
    (" ", "not a date"),
    ("2027-02-30", "not a date or time that there is"),
    ("2027-12-31 23:60", "not a date or time that there is"),
    ("2027-12-31 24:01", "not a date or time that there is"),
    ("2027-12-31T00:00:00+15:00", "not a date or time that there is"),
]


@pytest.mark.parametrize("parse_it", [start, end])
@pytest.mark.parametrize(("text", "why"), TWO_MEANINGS)
def test_what_could_mean_two_things_is_refused_with_its_reason(text, why, parse_it):
    with pytest.raises(UsageError, match=why) as refused:
        parse_it(text, SHANGHAI)
    assert refused.value.hints


NO_DATE = [
    *("9999-12-31", "9999-12-31T23:59:59.9999999", "0001-01-01T00:00:00", "0001-01-01"),  # .NET
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "9999-12-31T00:00:00.000Z"),
    *("1899-12-30", "1899-12-31", "1900-01-00", "1900/1/0", "1900-01-01", "1904-01-01"),  # Excel
    *("1970-01-01", "1970-01-01T00:00:00Z", "1970-01-01 08:00:00"),  # Unix
    *("1753-01-01", "1601-01-01", "0000-00-00", "0000-00-00 00:00:00"),  # SQL Server, NT, MySQL
    *("99991231", "00010101", "2999-12-31", "2100-01-01", "1999-12-31"),
]


@pytest.mark.parametrize("parse_it", [start, end])
@pytest.mark.parametrize("text", NO_DATE)
@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_a_programs_no_date_is_named_as_such(text, parse_it, zone):
    with pytest.raises(UsageError, match="a program that has no date writes one like it"):
        parse_it(text, zone)


@pytest.mark.parametrize("text", ["null", "NULL", "None", "NaT", "nan", "N/A", "\\N", "-", "无"])
def test_a_programs_word_for_no_date_is_named_as_such(text):
    with pytest.raises(UsageError, match="word for no date"):
        end(text, SHANGHAI)


def test_a_midnight_in_utc_begins_nothing_it_may_be_the_day_or_a_shift():
    for text in ("2027-12-31T00:00:00Z", "2027-12-31T00:00:00+00:00", "2027-12-31T00:00:00.000Z"):
        with pytest.raises(UsageError, match="the day for some programs, and 08:00") as refused:
            start(text, SHANGHAI)
        assert "2027-12-31 for" in refused.value.hints[0]
        assert "2027-12-31 08:00" in refused.value.hints[0]
    assert start("2027-12-31T00:00:00Z", ZoneInfo("UTC")).wire == "2027-12-31T00:00:00Z"


def test_what_exceljs_makes_of_a_day_in_its_csv_ends_nothing():
    """In China it writes the midnight in UTC of that day with the local offset."""
    text = "2027-12-31T08:00:00+08:00"
    with pytest.raises(UsageError, match="midnight in UTC") as refused:
        end(text, SHANGHAI, of_cell=True)
    for hinted, wire in (("2027-12-31", END), ("2027-12-31 08:00", "2027-12-31T00:00:00Z")):
        assert f"{hinted} for" in refused.value.hints[0]
        assert end(hinted, SHANGHAI, of_cell=True).wire == wire
    with pytest.raises(UsageError, match="midnight in UTC") as refused:
        end("2027-12-30T19:00:00-05:00", ZoneInfo("America/New_York"), of_cell=True)
    assert "2027-12-31 for the whole day" in refused.value.hints[0]
    order = {"action": "activate", "batch": "B", "serials": "1", "expires_at": text}
    with pytest.raises(UsageError, match="midnight in UTC"):
        form.from_row(order, SHANGHAI)


def test_eight_oclock_with_its_offset_is_that_moment_where_exceljs_does_not_write():
    text, moment = "2027-12-31T08:00:00+08:00", "2027-12-31T00:00:00Z"
    patch, notes = validity(None, text, SHANGHAI)
    assert patch == {"expires_at": moment}
    assert "if a program wrote the day 2027-12-31, give the day alone" in notes[0]
    order = {"action": "activate", "batch": "B", "serials": "1", "expires_at": text}
    assert form.from_object(order, SHANGHAI).attributes == {"expires_at": moment}
    # As a beginning eight o'clock is what it says: a shift begins then.
    assert start(text, SHANGHAI).wire == "2027-12-31T00:00:00Z"
    assert "if a program wrote the day 2027-12-31" in start(text, SHANGHAI).note


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027年12月31日23:59", "2027-12-31T15:59:00Z"),
        ("2027年12月31日 18时30分", "2027-12-31T10:30:00Z"),
        ("2027年12月31日8時", "2027-12-31T00:00:00Z"),
        ("2027年12月31日23时59分59秒", "2027-12-31T15:59:59Z"),
        ("2027年12月31日24时", END),
        ("2027年12月31日０时", END),
    ],
)
def test_a_chinese_day_may_have_a_chinese_time(text, moment):
    assert end(text, SHANGHAI).wire == moment


@pytest.mark.parametrize("text", ["2027年12月31日23", "2027年12月31日8点", "2027年12月31日25时"])
def test_a_chinese_time_that_is_none_or_half_of_one_is_refused(text):
    with pytest.raises(UsageError, match="not a date or time"):
        end(text, SHANGHAI)


@pytest.mark.parametrize("parse_it", [start, end])
def test_what_sheetjs_makes_of_a_day_in_shanghai_is_refused(parse_it):
    for text, meant in (
        ("2027-12-30T15:59:17.000Z", "2027-12-31"),
        ("2027-12-30T15:59:16.999Z", "2027-12-31"),
        ("2027-12-31T11:59:17.000Z", "2027-12-31 20:00"),
        ("2027-12-31T00:29:16.999Z", "2027-12-31 08:30"),
    ):
        with pytest.raises(UsageError, match="43 seconds before a whole minute") as refused:
            parse_it(text, SHANGHAI)
        assert refused.value.hints[0].startswith(f"write {meant};")
    for text in ("2027-12-31T11:59:17Z", "2027-12-31T11:59:17.123Z", "2027-12-31T19:59:17+08:00"):
        parse_it(text, SHANGHAI)
    assert parse_it("2027-12-30T15:59:17.000Z", ZoneInfo("UTC")).wire == "2027-12-30T15:59:17Z"


def test_a_time_that_clocks_show_twice_or_never_needs_its_offset():
    new_york = ZoneInfo("America/New_York")
    for text in ("2027-11-07 01:30", "2027-03-14 02:30"):
        with pytest.raises(UsageError, match="twice or never"):
            start(text, new_york)
    assert start("2027-11-07T01:30:00-05:00", new_york).wire == "2027-11-07T06:30:00Z"


# --- properties ----------------------------------------------------------------------------

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(DAYS, st.sampled_from(ZONES))
def test_every_form_of_a_day_is_that_day_in_every_zone(which, zone):
    first, after = (
        datetime.combine(moment, time(), zone).astimezone(UTC)
        for moment in (which, which + timedelta(days=1))
    )
    forms = (
        *(f"{which:%Y-%m-%d}", f"{which:%Y%m%d}", f"{which:%Y/%m/%d}", f"{which:%Y年%m月%d日}"),
        *(f"{which.year}/{which.month}/{which.day}", f"{which.year}.{which.month}.{which.day}"),
    )
    for text in forms:
        assert parse(start(text, zone).wire) == first
        assert day(text, "day") == which
        # Python holds a time that no clock shows unequal to all of other zones.
        assert instant(text, zone, "since").astimezone(UTC) == first
    for text in (*forms, f"{which} 00:00:00", f"{which}T00:00:00Z", f"{which} 24:00"):
        assert parse(end(text, zone).wire) == after


DATES = st.from_regex(
    r"[0-9]{1,4}[-/.年 ]?[0-9]{1,2}[-/.月 ]?[0-9]{1,2}日?"
    r"([T ]?[0-9]{0,2}:?[0-9]{0,2}:?[0-9]{0,2}(\.[0-9]{0,10})?)?(Z|[+-][0-9]{2}:?[0-9]{0,2})?",
    fullmatch=True,
)


@given(st.one_of(st.text(max_size=80), DATES), st.sampled_from(ZONES))
def test_any_text_is_a_time_or_refused(text, zone):
    for parse_it in (start, end):
        with contextlib.suppress(UsageError):
            assert 1999 <= parse(parse_it(text, zone).wire).year <= 2100
    with contextlib.suppress(UsageError):
        instant(text, zone, "since").astimezone(UTC)
    with contextlib.suppress(UsageError):
        day(text, "day")


@given(st.text(st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), min_size=9, max_size=64))
def test_what_may_be_a_code_is_not_quoted(text):
    said = ""
    try:
        end(text, SHANGHAI)
    except UsageError as error:
        said = error.message + "".join(error.hints)
    assert text not in said


# --- both ----------------------------------------------------------------------------------


def test_an_end_that_does_not_lie_after_the_beginning_is_refused():
    for first, last in (
        ("2027-06-01", "2027-01-01"),
        ("2027-06-02", "2027-06-01"),
        ("2027-06-01 08:00", "2027-06-01 08:00"),
        ("2027-06-01T12:00:00+08:00", "2027-06-01T03:00:00Z"),
    ):
        with pytest.raises(UsageError, match="does not lie before"):
            validity(first, last, SHANGHAI)
    assert validity("2027-06-01", "2027-06-01", SHANGHAI)[0] == {
        "effective_at": "2027-05-31T16:00:00Z",
        "expires_at": "2027-06-01T16:00:00Z",
    }
    assert validity(None, None, SHANGHAI) == ({}, ())


def test_files_and_messages_read_the_same():
    order = {"action": "activate", "batch": "B", "serials": "1"}
    for text in (*DAY_ALONE, *MIDNIGHTS):
        of_row = form.from_row({**order, "expires_at": text}, SHANGHAI)
        of_json = form.from_object({**order, "expires_at": text}, SHANGHAI)
        assert of_row == of_json
        assert of_row.attributes == {"expires_at": END}
        assert len(of_row.notes) == (text in MIDNIGHTS)
    for text, _ in TWO_MEANINGS[:10]:
        with pytest.raises(UsageError, match="expires_at"):
            form.from_row({**order, "expires_at": text}, SHANGHAI)
    with pytest.raises(UsageError, match="must be text"):
        form.from_object({**order, "expires_at": json.loads("20271231")}, SHANGHAI)
    with pytest.raises(UsageError, match="both set and removed"):
        form.from_object(
            {**order, "set": {"expires_at": None}, "expires_at": "2027-12-31"}, SHANGHAI
        )


def test_a_day_that_went_through_a_workbook_is_that_day():
    made, file = openpyxl.Workbook(), io.BytesIO()
    made.active.append([date(2027, 12, 31), datetime.combine(date(2027, 12, 31), time(8, 30))])
    made.save(file)
    whole, timed = openpyxl.load_workbook(file).active[1]
    for text in (str(whole.value), whole.value.isoformat()):
        assert end(text, SHANGHAI).wire == END
    assert end(str(timed.value), SHANGHAI).wire == "2027-12-31T00:30:00Z"
