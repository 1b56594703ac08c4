"""A refused export and too many exports are told of, and end as they would have."""

import os

import pytest
from backend_kit import Clock
from receipt_kit import call
from station_kit import PASSPHRASE, make_home

from mintmark.codegen.errors import (
    EnvironmentFailure,
    IntegrityError,
    NotFound,
    Refused,
    UsageError,
)
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.station import keys
from mintmark.codegen.station.station import Station
from mintmark.packaging.export import export
from mintmark.packaging.export_types import Fresh, Handoff, PrintOptions, Replacement, Reprint
from mintmark.packaging.export_types import TestPackage as DummyPackage
from mintmark.packaging.profiles.files import builtin

TOLD = "custodian-key-refused"


class Desk:
    """Whoever exports: a home with a batch of 40 codes, and a clock."""

    def __init__(self, folder):
        self.folder, self.clock, self.made = folder, Clock(), 0
        self.home = make_home(folder)
        (folder / "pass.txt").write_bytes(PASSPHRASE.reveal())
        (folder / "wrong.txt").write_bytes(b"eleven words are worse than none")
        self.batch = self.home.mint(40, url="HTTPS://T.EXAMPLE.COM/{code}").batch
        self.book(c.ContactAdded("li", "Ms Li", None))

    def station(self):
        station = Station(self.home.path, operator="Ms Wang", now=self.clock)
        self.home.opened.append(station)
        return station

    def book(self, *changes):
        station = self.station()
        station.ledger.commit(station.author, *changes)

    def export(self, serials="1-10", *, to="li", wanted=None, right=True, station=None):
        self.made += 1
        printing = PrintOptions(builtin("csv"))
        password = self.folder / f"{self.made}.txt"
        handoff = Handoff(
            self.folder / "out",
            password,
            self.home.key_file,
            self.folder / ("pass.txt" if right else "wrong.txt"),
        )
        asked = wanted or Fresh(self.batch, to, printing, serials)
        return export(call(station or self.station()), asked, handoff)

    def incidents(self):
        with self.station().ledger.read() as view:
            found = [event.change for event in view.events()]
        return [change for change in found if isinstance(change, c.Incident)]

    def kinds(self):
        return [incident.kind for incident in self.incidents()]

    def configure(self, text):
        file = self.home.path / "mintmark.toml"
        whole = file.read_text("utf-8").replace("[alarms]\n", f"[alarms]\n{text}\n")
        file.write_text(whole, "utf-8")


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.home.close()


def test_an_export_that_the_books_refuse_is_told_of_once_an_hour(desk):
    desk.export("1-10")
    for _ in range(2):
        with pytest.raises(Refused, match="sealed"):
            desk.export("5-6")
    (incident,) = desk.incidents()
    assert incident.kind == "export-refused"
    assert incident.detail.startswith(f"export of {desk.batch} to li: ")
    assert incident.facts == c.IncidentFacts(batch=desk.batch, contact="li")
    with pytest.raises(Refused):
        desk.export("7")
    assert desk.kinds() == ["export-refused"] * 2  # of other codes: another try
    desk.clock.forward(minutes=61)
    with pytest.raises(Refused):
        desk.export("5-6")
    assert desk.kinds() == ["export-refused"] * 3


def test_every_kind_of_export_that_is_refused_is_told_of(desk):
    made = desk.export("1-10")
    with pytest.raises(Refused):
        desk.export(wanted=Replacement(made.package))  # nothing was spoiled
    with pytest.raises(Refused):
        desk.export("next:39")
    desk.book(c.Ordered("o-1", desk.batch, Action.ACTIVATE, made.serials))
    with pytest.raises(Refused):
        desk.export(wanted=Reprint(desk.batch, "li", made.package, "lost"))
    assert desk.kinds() == ["export-refused"] * 3
    named = [(incident.facts.batch, incident.facts.package) for incident in desk.incidents()]
    assert named == [(None, made.package), (desk.batch, None), (desk.batch, made.package)]


def test_a_custodian_key_that_was_refused_is_told_of_once(desk):
    with pytest.raises(IntegrityError):
        desk.export(right=False)
    assert desk.kinds() == [TOLD]
    stranger = keys.new_custodian_key(os.urandom)
    desk.home.key_file.unlink()
    secret = PASSPHRASE, os.urandom, keys.FOR_TESTS_ONLY
    keys.write_custodian_key(desk.home.key_file, stranger, *secret)
    with pytest.raises((Refused, IntegrityError)):
        desk.export()
    assert desk.kinds() == [TOLD] * 2


def test_what_was_mistyped_or_is_not_there_is_no_alarm(desk):
    printing = PrintOptions(builtin("csv"))
    for error, more in (
        (UsageError, {"serials": "ten"}),
        (NotFound, {"to": "nobody"}),
        (NotFound, {"wanted": Fresh("GH3T-00000000", "li", printing)}),
    ):
        with pytest.raises(error):
            desk.export(**more)
    desk.export("1-10")
    desk.export(wanted=DummyPackage(desk.batch, "li", printing, 3))
    assert desk.incidents() == []


def test_where_nothing_can_be_booked_the_refusal_is_the_same(desk):
    desk.export("1-10")
    station = desk.station()
    station.ledger.unwritable = EnvironmentFailure("the disk is read-only")
    with pytest.raises(Refused, match="sealed"):
        desk.export("next:39", station=station)
    assert desk.incidents() == []


def test_more_exports_in_an_hour_than_agreed_are_told_of_once_a_day(desk):
    desk.configure("export_burst = 2")
    for number in range(1, 5):
        desk.clock.forward(minutes=10)
        desk.export(str(number))
    (incident,) = desk.incidents()
    assert (incident.kind, incident.facts.batch, incident.facts.contact) == (
        *("export-burst", desk.batch),
        "li",
    )
    assert incident.detail.startswith("within an hour 3 exports, the last of batch ")
    desk.clock.forward(hours=2)
    for number in range(5, 7):
        desk.export(str(number))
    assert len(desk.incidents()) == 1  # few, and of today
    desk.clock.forward(days=1)
    for number in range(7, 10):
        desk.export(str(number))
    assert desk.kinds() == ["export-burst"] * 2


def test_exports_that_are_far_enough_apart_are_no_burst(desk):
    desk.configure("export_burst = 1")
    for number in range(1, 4):
        desk.export(str(number))
        desk.clock.forward(hours=1, seconds=1)
    assert desk.incidents() == []
    assert desk.station().config.alarm_limits.export_burst == 1
