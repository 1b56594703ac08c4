"""A window covers what holds otherwise while it holds, and leaves it as it was."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import Refused, UsageError
from mintmark.codegen.ranges import values, windows
from mintmark.codegen.ranges.attributes import check, from_json, keys_within, patch, public_of

FIVE = ("lot", "line", "product", "region", "dealer")
A, B = "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
DECEMBER = {
    "from": "2026-12-01T00:00:00+08:00",
    "until": "2027-01-01T00:00:00+08:00",
    "daily": None,
    "attributes": {"campaign": "DEC", "lot": None},
}


def worth(now, **attributes):
    """What holds at `now` of these attributes; `__` stands for the dot in a key."""
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    return dict(values.at(from_json(check(named)), now))


@pytest.mark.parametrize(
    ("now", "campaign"),
    [
        ("2026-11-30T15:59:59Z", "NOV"),
        ("2026-11-30T16:00:00Z", "DEC"),
        ("2026-12-31T15:59:59Z", "DEC"),
        ("2026-12-31T16:00:00Z", "NOV"),
    ],
)
def test_a_window_holds_from_its_first_moment_until_just_before_its_last(now, campaign):
    found = worth(datetime.fromisoformat(now), campaign="NOV", lot="L1", window__dec=DECEMBER)
    otherwise = {"campaign": "NOV", "lot": "L1"}
    assert found == ({"campaign": "DEC"} if campaign == "DEC" else otherwise)


@pytest.mark.parametrize(
    ("daily", "clock", "holds"),
    [
        (["18:00+08:00", "22:00+08:00"], "2026-12-01T10:00:00Z", True),
        (["18:00+08:00", "22:00+08:00"], "2026-12-01T14:00:00Z", False),
        (["22:00+08:00", "02:00+08:00"], "2026-12-01T17:59:00Z", True),
        (["22:00+08:00", "02:00+08:00"], "2026-12-01T13:59:59Z", False),
        (["22:00-05:00", "23:00-05:00"], "2026-12-01T03:30:00Z", True),
    ],
)
def test_daily_hours_are_hours_of_their_own_offset_and_may_pass_midnight(daily, clock, holds):
    window = {"daily": daily, "attributes": {"campaign": "EVENING"}}
    found = worth(datetime.fromisoformat(clock), window__evening=window)
    assert found == ({"campaign": "EVENING"} if holds else {})


def test_of_several_windows_the_one_that_began_later_covers_then_the_name():
    def from_(day, campaign):
        return {"from": f"2026-11-{day:02}T00:00:00Z", "attributes": {"campaign": campaign}}

    both = {"window__b": from_(1, "first"), "window__a": from_(9, "second")}
    assert worth(NOON, **both) == {"campaign": "second"}
    alike = {"window__b": from_(1, "b"), "window__a": from_(1, "a")}
    assert worth(NOON, **alike) == {"campaign": "b"}


@given(st.integers(-400, 400), st.integers(-400, 400), st.integers(1, 400))
def test_outside_its_time_a_window_changes_nothing(now, first, length):
    begins, ends = (NOON + timedelta(hours=at) for at in (first, first + length))
    window = {"from": begins.isoformat(), "until": ends.isoformat(), "attributes": {"lot": "W"}}
    at = NOON + timedelta(hours=now)
    assert worth(at, lot="L", window__w=window) == {"lot": "W" if begins <= at < ends else "L"}


def test_a_closed_gate_takes_the_activity_layer_and_an_open_one_gives_it_back():
    held = {"gate": "scan_in", "campaign": "X", "activity.prize": "5", "dealer": "D7", "lot": "L"}
    closed = values.at(from_json(check(held)), NOON)
    assert closed == {"gate": "scan_in", "dealer": "D7", "lot": "L"}
    assert values.gate(closed) is values.Gate.CLOSED
    opened = values.at(from_json(check(held | {"scanned_in": "2026-12-01T08:00:00Z"})), NOON)
    assert opened == held | {"scanned_in": "2026-12-01T08:00:00Z"}
    assert values.gate(opened) is values.Gate.OPEN
    assert public_of(closed) == {"lot": "L"}


def test_a_gate_holds_back_what_windows_give_too():
    window = {"from": "2026-11-01T00:00:00Z", "attributes": {"campaign": "X", "lot": "W"}}
    assert worth(NOON, gate="scan_in", window__w=window) == {"gate": "scan_in", "lot": "W"}


@pytest.mark.parametrize(
    "window",
    [
        {"attributes": {"lot": "L"}},  # it would hold for ever
        {"from": A, "attributes": {}},
        {"from": "2026-12-01", "attributes": {"lot": "L"}},
        {"from": B, "until": B, "attributes": {"lot": "L"}},
        {"daily": ["18:00", "22:00"], "attributes": {"lot": "L"}},
        {"daily": ["18:00+08:00", "22:00+09:00"], "attributes": {"lot": "L"}},
        {"daily": ["18:00+08:00", "18:00+08:00"], "attributes": {"lot": "L"}},
        {"daily": ["18:00+08:00"], "attributes": {"lot": "L"}},
        {"daily": "18:00+08:00", "attributes": {"lot": "L"}},
        {"from": A, "attributes": {"effective_at": None}},
        {"from": A, "attributes": {"role": "guide"}},
        {"from": A, "attributes": {"window.x": {}}},
        {"from": A, "attributes": {"nonsense": "x"}},
        {"from": A, "attributes": {"lot": 5}},
        {"from": A, "attributes": {"lot": "L"}, "more": 1},
        {"from": A, "attributes": {"lot": "x" * 1_024, "line": "é" * 2_000}},
        {"from": A, "attributes": dict.fromkeys(FIVE, "x" * 1_000)},
        ["from"],
        "december",
    ],
)  # fmt: skip
def test_a_window_that_means_nothing_is_refused_without_its_values(window):
    with pytest.raises(UsageError) as refused:
        check({"window.w": window})
    assert "xxx" not in str(refused.value)


def test_the_names_of_windows_are_small_letters():
    for name in ("", "December", "十二月", "a.b", "x" * 33):
        with pytest.raises(UsageError):
            check({f"window.{name}": DECEMBER})


def test_a_range_has_at_most_eight_windows_and_one_that_is_taken_away_makes_room():
    eight = {f"window.w{number}": DECEMBER for number in range(windows.MOST)}
    full = patch((), check(eight))
    with pytest.raises(Refused):
        patch(full, check({"window.more": DECEMBER}))
    assert len(patch(full, check({"window.more": DECEMBER, "window.w0": None}))) == windows.MOST


def test_a_window_has_one_spelling():
    short = {key: value for key, value in DECEMBER.items() if value is not None}
    assert patch((), check({"window.w": short})) == patch((), check({"window.w": DECEMBER}))
    assert keys_within(check({"window.w": short, "region": "x"})) == {
        "window.w", "campaign", "lot", "region",
    }  # fmt: skip


# --- in words ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"from": "2026-12-01T00:00:00+08:00", "until": "2027-01-01T00:00:00+08:00"},
         "from 2026-12-01 through 2026-12-31 (+08:00): campaign=DEC, dealer removed"),
        ({"from": "2026-12-01T08:30:00+08:00", "until": "2026-12-31T20:00:05+08:00"},
         "from 2026-12-01 08:30 until 2026-12-31 20:00:05 (+08:00): campaign=DEC, dealer removed"),
        ({"until": "2027-01-01T00:00:00+08:00", "daily": ["18:00+08:00", "22:00+08:00"]},
         "through 2026-12-31 (+08:00), daily 18:00-22:00: campaign=DEC, dealer removed"),
        ({"from": "2026-11-30T16:00:00Z", "daily": ["18:00+08:00", "22:00+08:00"]},
         "from 2026-11-30 16:00 (+00:00), daily 18:00-22:00 (+08:00): campaign=DEC, dealer removed"
         ),
        ({"daily": ["22:00Z", "02:00Z"]},
         "daily 22:00-02:00 (+00:00): campaign=DEC, dealer removed"),
    ],
)  # fmt: skip
def test_people_read_a_window_in_words(value, words):
    whole = {**value, "attributes": {"campaign": "DEC", "dealer": None}}
    assert windows.describe("window.dec", whole) == words


def test_words_are_of_the_readers_zone_if_there_is_one():
    value = {"from": "2026-11-30T16:00:00Z", "attributes": {"campaign": "DEC"}}
    china = timezone(timedelta(hours=8))
    assert windows.describe("window.dec", value, china) == "from 2026-12-01 (+08:00): campaign=DEC"
    first = {"from": "0001-01-01T00:00:00Z", "attributes": {"campaign": "DEC"}}
    west = timezone(timedelta(hours=-8))
    assert "campaign=DEC" in windows.describe("window.dec", first, west)


@pytest.mark.parametrize("value", ["x", 3, None, {"from": "soon"}, {}])
def test_what_is_no_window_is_told_as_it_is(value):
    assert windows.describe("window.dec", value) == str(value)
    assert windows.describe("dealer", value) == str(value)
