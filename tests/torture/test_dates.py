"""A clock that is far off, and jumps back and forth between commands.

Every command ends as documented, the books stay whole, and an order given twice is one order.
"""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from line_kit import Backend
from torture.plant import Plant
from torture.runner import POSIX
from torture.scale import dice, times

from mintmark.codegen.invocation import EARLIEST_YEAR, LATEST_YEAR, utc_now

pytestmark = pytest.mark.skipif(not POSIX, reason="the runner forks")
KEY = "--passphrase-file pass.txt"
MOMENTS = (
    *("0001-01-01T00:00:00", "1900-01-01T00:00:00", "1969-12-31T23:59:59", "1970-01-01T00:00:00"),
    *("1979-12-31T23:59:59", "1980-01-01T00:00:00", "1991-04-13T17:30:00", "1999-12-31T23:59:59"),
    *("2000-02-29T12:00:00", "2016-12-31T23:59:59", "2026-11-27T12:00:00", "2028-02-29T00:00:00"),
    *("2027-03-28T00:59:59", "2027-03-28T01:00:00", "2026-10-25T00:30:00", "2026-10-25T01:30:00"),
    *("2038-01-19T03:14:07", "2038-01-19T03:14:08", "2099-12-31T23:59:59", "2100-02-28T23:59:59"),
    *("2106-02-07T06:28:16", "2107-12-31T23:59:58", "2108-01-01T00:00:00", "2262-04-11T23:47:17"),
    *("9000-12-31T23:59:59", "9001-01-01T00:00:00", "9999-12-31T15:59:59", "9999-12-31T23:59:59"),
)
ZONES = ("Asia/Shanghai", "Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns", "UTC")
# Each is given at many moments; {n} is the round's number.
LINES = (
    "mint --quantity 4 --ref r-{n}",
    f"export {{batch}} --to li --out sent --serials next:2 --password-file {{n}}.pw {KEY}",
    f"export {{batch}} --to li --out sent --test 3 --password-file {{n}}.pw {KEY}",
    "activate {batch} --serials {n} --order a-{n}",
    "activate {batch} --serials {n} --order b-{n} --set max_scans=2 --expires-at 2030-06-30",
    "assign {batch} --serials 201-210 --set lot=L{n} --effective-at 2028-02-29",
    "freeze {batch} --serials 1-5 --order f-{n}",
    "unfreeze {batch} --serials 1-5",
    "void {batch} --serials {n} --reason misprint --count 1 --order v-{n}",
    "package receipt {package} --printed {n}",
    "package receipt {package} --spoiled {n} --count 1",
    "package unit {unit} --status lost",
    "package unit {unit} --status used",
    "package labels {package} --out labels-{n}",
    "contact add c-{n} --name C",
    "key new line-{n}",
    "key export",
    f"key custodian k-{{n}}.key {KEY}",
    f"key rewrap --to {{custodian}} {KEY}",
    "orders list",
    "orders apply orders.csv",
    "line run",
    "deliver",
    "reconcile {batch} --apply",
    "trace --all",
    "alarms send",
    "report daily",
    "report daily --date yesterday",
    "doctor",
    "doctor --repair",
    "batch show {batch}",
    "audit show",
    "audit verify",
    "package list",
    "package show {package}",
    "plan --url https://example.cn/{code_in_url} --diameter 20 --out proof-{n}",
)


@pytest.mark.parametrize("away", [True, False])
def test_a_clock_that_jumps(away, made, tmp_path, figures):
    """The backend is away, or has the same clock."""
    runner, source, facts = made
    plant = Plant(runner, source, facts, tmp_path / "plant")
    chosen, moment, codes = dice("dates", away), [], {}
    path = plant.root / "home" / "mintmark.toml"
    rounds = times(300)
    with contextlib.ExitStack() as stack:
        if not away:
            backend = Backend(
                plant.root / "scan-backend",
                plant.root / "home",
                unsigned=False,
                now=lambda: moment[-1],
            )
            moment.append(datetime(2026, 11, 27, tzinfo=UTC))
            plant.env["MINTMARK_BACKEND_URL"] = stack.enter_context(backend).url
        for number in range(1, rounds + 1):
            _zone(path, chosen.choice(ZONES))
            moment.append(_near(chosen, possible=not away))
            line = chosen.choice(LINES)
            plant.facts["n"] = str(number % 120 + 1)
            done = plant.run(line, clock=moment[-1].isoformat())
            codes[done.code] = codes.get(done.code, 0) + 1
        # What waited for a time that a wrong clock gave is tried again.
        moment.append(utc_now())
        plant.run("deliver")
    plant.sound()
    told = ", ".join(f"exit {code}: {count}" for code, count in sorted(codes.items()))
    figures(f"commands at odd moments, backend {'away' if away else 'there'}", rounds, told)


@pytest.mark.parametrize("moment", ["0001-01-01", "1969-12-31", "9001-01-01", "9999-12-31"])
def test_a_time_that_no_clock_shows_is_called_so(moment, made, tmp_path):
    runner, source, facts = made
    plant = Plant(runner, source, facts, tmp_path / "plant")
    before = plant.shape()
    for line in ("mint --quantity 9", "activate {batch} --serials 41-60", "report daily"):
        done = plant.run(line, 6, clock=f"{moment}T12:00:00+00:00")
        error, hint = done.err.splitlines()
        assert error.startswith("error: the clock of this machine cannot be right")
        assert hint.startswith("hint: set the clock")
    doctor = plant.run("doctor", 5, clock=f"{moment}T12:00:00+00:00")
    assert "clock        the clock of this machine cannot be right" in doctor.out
    plant.run("batch list", 0, clock=f"{moment}T12:00:00+00:00")
    assert plant.shape() == before
    plant.sound()


def test_a_clock_behind_the_books_is_no_damage_and_named(made, tmp_path):
    runner, source, facts = made
    plant = Plant(runner, source, facts, tmp_path / "plant")
    plant.run("contact add wang --name W", 0, clock="2100-01-01T00:00:00+00:00")
    for clock, said in (("2099-12-31T23:30:00", ""), ("2099-12-31T22:30:00", "is behind the last"),
                        ("2099-12-01T00:00:00", "is 31 days behind the last")):  # fmt: skip
        found = plant.run("doctor", 0, clock=f"{clock}+00:00").out
        assert said in found
        assert bool(said) == ("the clock of this machine" in found)


def _zone(path, name):
    """Set the home's time zone."""
    lines = path.read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("time_zone")]
    at = kept.index("[home]") + 1
    path.write_text("\n".join([*kept[:at], f'time_zone = "{name}"', *kept[at:], ""]), "utf-8")


def _near(chosen, *, possible):
    """One of the moments, or a second or a day beside it; one that is `possible`, if need be."""
    moment = datetime.fromisoformat(chosen.choice(MOMENTS)).replace(tzinfo=UTC)
    with contextlib.suppress(OverflowError):
        moment += timedelta(seconds=chosen.choice((0, 0, 1, -1, 86_400, -86_400)))
    if possible and not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        return _near(chosen, possible=possible)
    return moment
