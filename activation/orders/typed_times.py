"""What a written day or time means as the beginning or the end of a validity. Pure.

The rules, of which `docs/line.md` has the table:

1. A day without a time is the whole day, in the home's time zone.
2. As an end, a midnight is that whole day too: a program that has a type for times and none for
   days writes 2027-12-31 as `2027-12-31 00:00:00`. The answer says so.
3. A midnight in UTC is the day that stands there, not its first hours elsewhere: so exceljs and
   pandas write a day. As a beginning it may also be 08:00 in China, where a shift begins: refused.
   With another offset, `T08:00:00+08:00`, it is that moment, and the answer says so; but in a cell
   of a table it ends nothing, because exceljs writes a day into CSV like that.
4. A time that has no offset is the home's. Refused if clocks there are set so that it comes
   twice, or never.
5. 43 seconds before midnight in Shanghai is what SheetJS makes of a day, and 43 seconds before a
   whole minute of a time (the offset of 1899 was 8:05:43): refused. The seconds differ by zone.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from ...codegen.errors import UsageError
from ...codegen.ranges.attributes import VALIDITY, Value
from ...codegen.times import format_utc, parse
from .written_times import OF_BOOKS, WrittenTime, read, shown

_MIDNIGHT = time()


@dataclass(frozen=True)
class Typed:
    """A time as the wire wants it, and in a sentence what was made of the text, if that is news."""

    wire: str
    note: str | None = None


def validity(
    effective_at: str | None,
    expires_at: str | None,
    zone: tzinfo,
    names: tuple[str, str] = VALIDITY,
    *,
    of_cells: bool = False,
) -> tuple[dict[str, Value], tuple[str, ...]]:
    """The patch that two texts make, and notes on how they were taken. None: left as it is.

    `names` are those of the two, of options or of fields; `of_cells`: they stand in a table.
    Raises `UsageError`, also if the end does not lie after the beginning.
    """
    typed = {}
    if effective_at is not None:
        typed[VALIDITY[0]] = start(effective_at, zone, names[0])
    if expires_at is not None:
        typed[VALIDITY[1]] = end(expires_at, zone, names[1], of_cell=of_cells)
    patch: dict[str, Value] = {key: time.wire for key, time in typed.items()}
    # Both have the same form, of which the texts sort as the times do.
    if len(patch) == 2 and str(patch[VALIDITY[0]]) >= str(patch[VALIDITY[1]]):
        raise UsageError(
            f"{names[0]} does not lie before {names[1]}: the codes would never be valid",
            "look whether the two were mixed up",
        )
    return patch, tuple(time.note for time in typed.values() if time.note)


def start(text: str, zone: tzinfo, name: str = "effective_at") -> Typed:
    """When something begins: a bare date means its first moment in `zone`.

    `name` is how errors and notes call the text. Raises `UsageError`.
    """
    written = read(text, name)
    moment = _moment(written, zone, text, name)
    _refuse_shifted(written, moment, zone, text, name)
    note = None
    if _is_utc_midnight(written, moment, zone):
        day, local = moment.astimezone(UTC).date(), moment.astimezone(zone)
        if written.offset == UTC:
            raise UsageError(
                f"{name} {shown(text)}is the day for some programs, and {local:%H:%M} here for"
                " others",
                f"write {day} for the first moment of that day, or {local:%Y-%m-%d %H:%M}",
            )
        note = _moment_note(day, text, name)
    return Typed(_wire(moment), note)


def end(text: str, zone: tzinfo, name: str = "expires_at", *, of_cell: bool = False) -> Typed:
    """When something ends: a bare date, or a midnight, includes that whole day in `zone`.

    Fractions of a second are rounded up. `of_cell`: it stands in a table. Raises `UsageError`.
    """
    written = read(text, name)
    last = _whole_day(written, zone, text, name)
    if last is None:
        moment = _moment(written, zone, text, name)
        note = None
        if _is_utc_midnight(written, moment, zone):
            day = moment.astimezone(UTC).date()
            if of_cell:
                raise _of_exceljs(moment, day, zone, text, name)
            note = _moment_note(day, text, name)
        up = timedelta(seconds=1 if written.fraction.strip("0") else 0)
        return Typed(_wire(moment + up), note)
    day, where = last
    ends = datetime.combine(day + timedelta(days=1), _MIDNIGHT, where)
    if written.clock is None:
        return Typed(_wire(ends))
    return Typed(
        _wire(ends),
        f"{name} {text.strip()} is a midnight and taken for the whole day: valid until the end of"
        f" {day}, which is {ends.astimezone(zone).isoformat(timespec='minutes')}",
    )


def _whole_day(
    written: WrittenTime, zone: tzinfo, text: str, name: str
) -> tuple[date, tzinfo] | None:
    """The day that an end means, and where; None if it means the moment.

    Raises `UsageError` for a moment by which some programs write a day.
    """
    elsewhere = written.offset if written.offset != UTC else None
    if written.end_of_day or (written.midnight and written.offset is None):
        return written.day, elsewhere or zone
    moment = _moment(written, zone, text, name)
    _refuse_shifted(written, moment, zone, text, name)
    local = moment.astimezone(zone)
    if local.time() == _MIDNIGHT and not written.fraction.strip("0"):
        return local.date(), zone
    if written.midnight:
        return written.day, elsewhere or zone
    return None


def _moment_note(day: date, text: str, name: str) -> str:
    return (
        f"{name} {text.strip()}: that moment is meant; if a program wrote the day {day}, give the"
        " day alone"
    )


def _of_exceljs(moment: datetime, day: date, zone: tzinfo, text: str, name: str) -> UsageError:
    local = moment.astimezone(zone)
    return UsageError(
        f"{name} {shown(text)}is {local:%H:%M} here, and midnight in UTC, by which some programs"
        " write a day into a table",
        f"write {day} for the whole day, or {local:%Y-%m-%d %H:%M} for that moment",
    )


def due(text: str | None, zone: tzinfo, name: str) -> tuple[datetime | None, tuple[str, ...]]:
    """When an order is to be booked, as `start` reads it, and notes on it. None: at once."""
    if text is None:
        return None, ()
    typed = start(text, zone, name)
    return parse(typed.wire), (typed.note,) if typed.note else ()


def instant(text: str, zone: tzinfo, name: str) -> datetime:
    """The moment of a text that names one, or of a day's beginning: nothing else is made of it."""
    return _moment(read(text, name, OF_BOOKS), zone, text, name)


def day(text: str, name: str) -> date:
    """The day of a text that names a day and no time. Raises `UsageError`."""
    written = read(text, name, OF_BOOKS)
    if written.clock is not None or written.end_of_day or written.offset is not None:
        raise UsageError(f"{name} {shown(text)}is not a date: it has a time", "write 2026-12-31")
    return written.day


def _moment(written: WrittenTime, zone: tzinfo, text: str, name: str) -> datetime:
    """The moment, in whole seconds. Of a bare day the first."""
    days = timedelta(days=1 if written.end_of_day else 0)
    naive = datetime.combine(written.day, written.clock or _MIDNIGHT) + days
    if written.offset is not None:
        return naive.replace(tzinfo=written.offset)
    if naive.time() != _MIDNIGHT:
        _refuse_twice(naive, zone, text, name)
    return naive.replace(tzinfo=zone)


def _is_utc_midnight(written: WrittenTime, moment: datetime, zone: tzinfo) -> bool:
    """Whether an offset stands there, and it is midnight in UTC and not in `zone`."""
    if written.offset is None or written.fraction.strip("0"):
        return False
    here = moment.astimezone(zone).time() == _MIDNIGHT
    return moment.astimezone(UTC).time() == _MIDNIGHT and not here


def _refuse_twice(naive: datetime, zone: tzinfo, text: str, name: str) -> None:
    both = [naive.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)]
    if both[0] != both[1]:
        raise UsageError(
            f"{name} {shown(text)}comes twice or never where clocks are changed",
            "write it with its offset: 2026-12-31T20:00:00+08:00",
        )


def _refuse_shifted(
    written: WrittenTime, moment: datetime, zone: tzinfo, text: str, name: str
) -> None:
    """Rule 5. SheetJS takes the offset of 1899-12-30 in minutes, and loses its seconds.

    It leaves .000 or, by rounding, .999: of another program's text only a midnight is doubted.
    """
    then = datetime(1899, 12, 30, tzinfo=zone).utcoffset() or timedelta()
    lost = timedelta(seconds=then.total_seconds() % 60)
    moment = moment.astimezone(UTC) + timedelta(seconds=1 if written.fraction == "999" else 0)
    meant = (moment + lost).astimezone(zone)
    of_javascript = written.fraction in ("000", "999") and written.offset == UTC
    whole = meant.second == 0 if of_javascript else meant.time() == _MIDNIGHT
    if not lost or not whole:
        return
    form = "%Y-%m-%d" if meant.time() == _MIDNIGHT else "%Y-%m-%d %H:%M"
    raise UsageError(
        f"{name} {shown(text)}lies {lost.seconds} seconds before a whole minute: SheetJS writes"
        f" {meant:{form}} so",
        f"write {meant:{form}}; in SheetJS, sheet_to_json(sheet, {{raw: false}})",
    )


def _wire(moment: datetime) -> str:
    return format_utc(moment, "seconds")
