"""A day or a time as a condition means it: from a first moment until just before an end. Pure."""

from datetime import datetime, time, timedelta, tzinfo

from ...codegen.ranges.conditions import ReadTime, TimeSpan
from .typed_times import instant
from .written_times import OF_BOOKS, read

_SECOND = timedelta(seconds=1)  # what a time names: the books hold parts of it


def reader(zone: tzinfo) -> ReadTime:
    """What reads days and times in `zone`: a day without a time is the whole day."""

    def span(text: str, name: str) -> TimeSpan:
        written = read(text, name, OF_BOOKS)
        first = instant(text, zone, name)
        if written.clock is not None or written.end_of_day:
            return TimeSpan(first, first + _SECOND)
        following = datetime.combine(written.day + timedelta(days=1), time())
        return TimeSpan(first, following.replace(tzinfo=written.offset or zone))

    return span
