"""RFC 3339 in and out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen import times

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
# Offsets must not carry a time out of the years there are.
TIMES = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)  # noqa: DTZ001


@given(TIMES)
def test_what_is_written_reads_back(time):
    text = times.format_utc(time)
    assert times.parse_utc(text) == times.parse(text) == time
    assert times.parse(times.format_utc(time, "auto")) == time
    assert times.parse(times.format_utc(time, "seconds")) == time.astimezone(UTC).replace(
        microsecond=0
    )


@given(TIMES, TIMES)
def test_texts_sort_as_times_do(left, right):
    assert (times.format_utc(left) < times.format_utc(right)) == (left < right)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00",  # no offset
        "2026-01-01 00:00:00Z",
        "2026-01-01t00:00:00z",
        "2026-01-01T00:00:60Z",  # a leap second
        "2026-13-01T00:00:00Z",
        "2026-01-01T00:00:00+0800",
        "2026-01-01T00:00:00+00:60",  # fromisoformat takes it
        "2026-01-01T00:00:00.1234567Z",
        "２026-01-01T00:00:00Z",
        "",
    ],
)
def test_what_is_no_time(text):
    with pytest.raises(ValueError):
        times.parse(text)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        times.format_utc(datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_ledgers_form_alone():
    with pytest.raises(ValueError):
        times.parse_utc("2026-01-01T00:00:00Z")
