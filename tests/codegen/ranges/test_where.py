"""Conditions: how they are written, and which codes they match."""

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.activation.orders.spans import reader
from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges.attributes import from_json
from mintmark.codegen.ranges.lifecycle import Standing, State
from mintmark.codegen.ranges.where import CodeFacts, conditions
from mintmark.codegen.ranges.where_text import Relation, WrittenCondition, read, spelt

READ = reader(ZoneInfo("Asia/Shanghai"))
MINTED = datetime(2026, 12, 1, 15, 59, 59, 999_999, UTC)  # the last moment of that day there
WINDOW = {"from": None, "until": "2027-01-01T00:00:00Z", "daily": None, "attributes": {"lot": "W"}}
BATCH = "K7QM-3T9A2BCD"


def matches(*texts, state=State.ACTIVE, package=None, units=(), void=False, **carried):
    named = {key.replace("__", "."): value for key, value in carried.items()}
    standing = Standing(state, package=package, attributes=from_json(named))
    contact = "li-print" if package else None
    facts = CodeFacts(BATCH, MINTED, "Lily", "item", contact, frozenset(units))
    where = conditions(texts, READ)
    found = where.may_match(facts) and where.matches(standing, facts, void=void)
    # As it is told, it means the same.
    told = conditions(where.texts(), READ)
    assert (told.may_match(facts) and told.matches(standing, facts, void=void)) == found
    return found


@pytest.mark.parametrize(
    "text",
    [
        *("lot=L42", " lot = L42 ", "lot＝L42", "lot ＝ “L42”", "lot='L42'", "lot=「L42」"),
        *("lot in L42", "lot in L41,L42", "lot IN L41，L42", 'lot in"L41"、 "L42"', "lot!=L43"),
        *("lot≠L43", "lot！＝L43", "lot ! = L43", "lot!=", "lot=L42;", "lot=L42； state=active"),
        *("state=active", "state in Packaged, ACTIVE", "state!=void", "batch=k7qm-3t9a2bcd"),
        *("batch in A1B2-C3D4E5F6,K7QM-3T9A2BCD", "batch!=A1B2-C3D4E5F6", "max_scans=3"),
        *("max_scans<4", "max_scans ＜ 4", "max_scans≤3", "max_scans>=3", "max_scans>2"),
        *("max_scans in 1,3", "max_scans!=unlimited", "max_scans < 不限", "region=", "region!=X"),
        *("product=Lily", "role=item", "package=K7QM-PPPPPPPP", "package!=A1B2-C3D4E5F6"),
        *("unit=K7QM-PPPPPPPP-R0001", "unit!=X", "unit!=", "contact=Li-Print", "window=december"),
        *("window!=november", "window!=", "window in november,december", "property.size=10.50"),
        *("property.size>9", "property.size<=10.5", "property.size>=-1", "native.note=a=b;c"),
    ],
)
def test_a_condition_that_holds(text):
    if text.startswith("native.note"):
        text = 'native.note="a=b;c"'
    assert matches(
        text,
        package="K7QM-PPPPPPPP",
        units={"K7QM-PPPPPPPP-R0001"},
        lot="L42",
        max_scans=3,
        window__december=WINDOW,
        property__size="10.50",
        native__note="a=b;c",
    )


@pytest.mark.parametrize(
    "text",
    [
        *("lot=l42", "lot=", 'lot=""', "lot in L4,L421", "lot!=L42", "state=packaged"),
        *("state!=active", "batch=A1B2-C3D4E5F6", "batch!=K7QM-3T9A2BCD", "region!="),
        *("region=X", "region<3", "max_scans>3", "max_scans!=3", "max_scans=unlimited"),
        *("guide_scans=1", "guide_scans<9", "product=", "product!=Lily", "role=carton"),
        *("package=K7QM-PPPPPPPP", "package!=", "unit=K7QM-PPPPPPPP-R0001", "unit!="),
        *("contact=li-print", "contact!=", "window=", "window!=december", "window=november"),
        *("lot=W", "lot=L42; region=X", "scanned_in<2027-01-01", "produced_at=2026-12-01"),
    ],
)
def test_a_condition_that_does_not_hold(text):
    assert not matches(text, lot="L42", max_scans=3, window__december=WINDOW)


def test_what_is_absent():
    names = ("lot", "region", "package", "unit", "contact", "window", "max_scans", "expires_at")
    for key in names:
        assert matches(f"{key}=")
        assert not matches(f"{key}!=")
        other = "2026-12-01" if key == "expires_at" else "3"
        assert matches(f"{key}!={other}")
        assert not matches(f"{key}={other}")
    assert matches("product=Rose", product="Rose")
    assert not matches("product=Lily", product="Rose")
    assert matches("role=carton", role="carton")
    assert not matches("unit=", package="K7QM-PPPPPPPP")
    assert matches('lot=""', lot="")
    assert not matches("lot=", lot="")


DAY = ("2026-12-01", "20261201", "2026/12/1", "2026年12月1日", "2026-12-01+08:00")


@pytest.mark.parametrize("day", DAY)
def test_a_day_is_the_whole_day_in_the_zone_of_the_home(day):
    for holds in ("=", "<=", ">=", " in 2026-11-30, "):
        assert matches(f"minted_at{holds}{day}")
    for fails in ("<", ">", "!="):
        assert not matches(f"minted_at{fails}{day}")
    assert matches("minted_at<2026-12-02", "minted_at>2026-11-30")
    # It is the 2nd already where the sun rises first.
    assert matches("minted_at=2026-12-02+14:00")


def test_a_time_is_a_second():
    at = "2026-12-01 23:59:59"
    assert matches(f"minted_at={at}")
    assert matches("minted_at=2026-12-01T15:59:59Z")
    assert matches(f"minted_at<={at}", f"minted_at>={at}")
    assert not matches(f"minted_at<{at}")
    assert not matches(f"minted_at>{at}")
    assert matches("minted_at<2026-12-02 00:00")
    assert matches("minted_at<2026-12-01 24:00")


def test_an_end_is_found_by_the_day_with_which_it_was_set():
    # --expires-at 2026-12-31, in Shanghai.
    end = {"expires_at": "2026-12-31T16:00:00Z"}
    for holds in ("=2026-12-31", "<=2026-12-31", ">=2026-12-31", "<2027-01-01", ">2026-12-30"):
        assert matches(f"expires_at{holds}", **end)
    for fails in ("=2027-01-01", "<2026-12-31", ">2026-12-31", ">=2027-01-01"):
        assert not matches(f"expires_at{fails}", **end)
    evening = {"expires_at": "2026-12-31T12:00:00Z"}
    assert matches("expires_at=2026-12-31 20:00", "expires_at=2026-12-31", **evening)
    assert matches("effective_at=2026-12-01", effective_at="2026-11-30T16:00:00Z")
    assert not matches("effective_at=2026-11-30", effective_at="2026-11-30T16:00:00Z")
    assert matches("scanned_in>2026-12-01", scanned_in="2026-12-01T16:00:00+00:00")


def test_when_it_was_produced_may_be_any_text():
    assert matches("produced_at=2026-12-01", produced_at="2026-12-01")
    assert matches("produced_at=2026-12-01", produced_at="20261201")
    assert matches("produced_at=2026-12-01", produced_at="2026-12-01T08:00:00+08:00")
    assert matches("produced_at<2026-12-02", "produced_at>=2026-12-01", produced_at="2026-12-01")
    assert not matches("produced_at<2026-12-01", produced_at="2026-12-01")
    assert matches("produced_at=week 49", produced_at="week 49")
    assert not matches("produced_at=2026-12-01", produced_at="week 49")
    with pytest.raises(UsageError, match="text has no order"):
        matches("produced_at<2026-12-01", produced_at="week 49")


def test_void_codes_match_only_if_they_are_meant():
    for text in ("lot=L42", "state!=active", "lot!=X", "batch=K7QM-3T9A2BCD"):
        assert not matches(text, state=State.VOID, lot="L42")
        assert matches(text, state=State.VOID, lot="L42", void=True)
    assert matches("state=void", state=State.VOID)
    assert matches("state in void,frozen", "lot=L42", state=State.VOID, lot="L42")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *[(text, "no condition is given|names no key") for text in ("", " ", ";", "=L42", ",")],
        *[(text, "no relation") for text in ("lot", "lot L42", "lot not in a", "lot~x", "lotin")],
        *[(text, "with nothing") for text in ("max_scans<", "lot in", "lot in ;", "minted_at>=")],
        *[(text, "one value or several") for text in ("lot=a,b", "lot=百合、鲜切", 'lot="a",b')],
        *[
            (text, "a relation or a quotation")
            for text in ("lot==a", "lot=>3", "lot=a=b", 'lot=a"')
        ],
        *[
            (text, "empty place")
            for text in ("lot in a,,b", "lot in ,a", "lot in a,", "lot in a，")
        ],
        *[(text, "not closed") for text in ('lot="a', "lot='a", "lot=“a", 'lot="a""')],
        *[(text, "in brackets") for text in ("lot in (a,b)", "lot in [a]", "lot in （a）")],
        ('lot="a"b', "more than its value"),
        *[(text, "unknown in a condition") for text in ("colour=red", "Lot=a", "--serials=1")],
        ("window.december=x", "without a window"),
        ("window=December", "a window's name"),
        *[(f"{key}<b", "has no order") for key in ("state", "package", "unit", "batch", "contact")],
        *[(f"{key}=", "every code has") for key in ("state", "batch", "minted_at")],
        ("state=gone", "unknown state"),
        ("max_scans=two", "a whole number"),
        ("max_scans=2.5", "a whole number"),
        ("lot<L42", "text has no order"),
        ("minted_at<01/02/2027", "several ways"),
        ("minted_at=soon", "not a date or time"),
        ("minted_at<2026-12-01,2026-12-02", "one value or several"),
        ("lot=a;b", "no relation"),
    ],
)
def test_what_may_mean_two_things_or_none_is_refused(text, why):
    with pytest.raises(UsageError, match=why) as refused:
        matches(text)
    assert refused.value.hints or "name" in str(refused.value)


def test_a_text_is_no_number_and_only_of_codes_that_are_meant():
    with pytest.raises(UsageError, match="is compared with a text"):
        matches("property.size<9", property__size="XL")
    assert not matches("property.size<9", "lot=L1", property__size="XL", lot="L2")
    assert matches("property.size<9", property__size="-8.999")


def test_no_value_is_repeated_by_an_error():
    for text in (
        "lot=WXYZ2345WXYZ2345=",
        "WXYZ2345WXYZ2345=1",
        "state=WXYZ2345WXYZ2345",
        "lot<WXYZ2345",
    ):
        with pytest.raises(UsageError) as refused:
            matches(text)
        assert "WXYZ2345WX" not in "".join((refused.value.message, *refused.value.hints))


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4))
def test_any_value_can_be_written(values):
    written = f"lot in {', '.join(map(spelt, values))}; region = {spelt(values[0])}"
    assert read(written) == (
        WrittenCondition("lot", Relation.IN, tuple(values)),
        WrittenCondition("region", Relation.IS, (values[0],)),
    )


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(UsageError):
        assert all(one.key for one in read(text))


def test_too_much_is_refused():
    for text in (
        "lot=" + "x" * 20_000,
        ";".join(["lot=a"] * 101),
        "lot in " + ",".join("a" * 1_001),
    ):
        with pytest.raises(UsageError):
            read(text)
    assert timedelta(days=1) == READ("2026-12-01", "x").end - READ("2026-12-01", "x").first
