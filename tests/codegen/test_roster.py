"""The roster: who may sign, and whom batches are sealed for. And the contacts."""

import os
import re
import stat
import tomllib

import pytest

from mintmark.codegen import contacts, roster
from mintmark.codegen.errors import IntegrityError, NotFound, Refused, UsageError
from mintmark.codegen.ledger.changes import Incident, KeyAdded, Ordered
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.station import keys


def order(station, line):
    """The line orders something; raises what the ledger says."""
    (batch,) = [row.batch for row in _batches(station)]
    change = Ordered(station.new_id(), batch, Action.VOID, (Range(1, 1),), reason="sample")
    station.ledger.commit(station.author_of(station.line(line)), change, dry_run=True)


def _batches(station):
    with station.ledger.read() as view:
        return view.batches()


def add_custodian(station):
    public = keys.new_custodian_key(os.urandom).public
    station.ledger.commit(
        station.author,
        KeyAdded(
            public.key_id, "custodian", "second", public.sign_public.hex(), public.seal_public.hex()
        ),
    )
    return public


# --- lines -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "3", "line-3", "3-a", "x" * 32])
def test_a_new_line_may_order_at_once(home, name):
    home.mint(10)
    station = home.station()
    made = roster.new_line(station, name)
    assert (made.kind, made.name, made.revoked) == ("line", name, False)
    assert made.key_id == station.line(name).key_id
    assert made in roster.listed(station).keys
    assert name in next(made.lines())
    order(station, name)
    assert verify(station.ledger).ok


@pytest.mark.parametrize("name", ["con", "nul", "com1", "lpt9"])
def test_a_line_is_not_called_as_a_device_of_windows(home, name):
    with pytest.raises(UsageError, match="device"):
        roster.new_line(home.station(), name)


@pytest.mark.parametrize(
    "name", ["", "-", "-a", "A", "line 3", "../x", "a/b", "a.b", "x" * 33, "线", "a\n", "١"]
)
def test_a_lines_name_is_plain(home, name):
    before = sorted(home.path.rglob("*"))
    with pytest.raises(UsageError):
        roster.new_line(home.station(), name)
    assert sorted(home.path.rglob("*.key")) == [p for p in before if p.suffix == ".key"]


def test_a_line_has_one_key(home):
    station = home.station()
    before = (home.path / "keys" / "lines" / "default.key").read_bytes()
    with pytest.raises(Refused):
        roster.new_line(station, "default")
    assert (home.path / "keys" / "lines" / "default.key").read_bytes() == before


def test_a_key_that_was_not_booked_is_not_there(home, monkeypatch):
    station = home.station()

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(station.ledger, "commit", fail)
    with pytest.raises(KeyboardInterrupt):
        roster.new_line(station, "line-3")
    assert not (home.path / "keys" / "lines" / "line-3.key").exists()


# --- platforms -------------------------------------------------------------------------


def test_a_platform_has_a_key_that_signs_no_event(home):
    home.mint(10)
    station = home.station()
    made = roster.new_platform(station, "guide-app")
    assert (made.kind, made.name, made.revoked) == ("platform", "guide-app", False)
    assert made in roster.listed(station).keys
    key = station.platform("guide-app")
    assert (key.key_id, key.kind) == (made.key_id, "platform")
    file = home.path / "keys" / "platforms" / "guide-app.key"
    assert file == station.key_file("platform", "guide-app")
    assert os.name == "nt" or stat.S_IMODE(file.stat().st_mode) == 0o600
    change = Incident("x", "y")
    with pytest.raises(Refused, match="signs scans, and no Incident"):
        station.ledger.commit(station.author_of(key), change)
    with pytest.raises(NotFound, match="no line guide-app"):
        station.line("guide-app")
    assert verify(station.ledger).ok


def test_a_line_and_a_platform_may_have_the_same_name(home):
    station = home.station()
    made = roster.new_line(station, "hall"), roster.new_platform(station, "hall")
    assert [key.kind for key in made] == ["line", "platform"]
    assert made[0].key_id == station.line("hall").key_id
    assert made[1].key_id == station.platform("hall").key_id


@pytest.mark.parametrize("name", ["", "-a", "A", "guide app", "../x", "导购", "x" * 33, "con"])
def test_a_platforms_name_is_plain(home, name):
    with pytest.raises(UsageError):
        roster.new_platform(home.station(), name)
    assert not (home.path / "keys" / "platforms").exists()


def test_a_platform_has_one_key_also_if_its_file_was_taken_away(home):
    station = home.station()
    made = roster.new_platform(station, "app")
    file = station.key_file("platform", "app")
    before = file.read_bytes()
    with pytest.raises(Refused, match="platform app has a key already"):
        roster.new_platform(station, "app")
    assert file.read_bytes() == before
    file.unlink()
    with pytest.raises(Refused, match="platform app has a key already") as caught:
        roster.new_platform(station, "app")
    assert caught.value.hints[-1].endswith(f"mintmark key revoke {made.key_id}")
    roster.revoke(station, made.key_id, "another machine")
    again = roster.new_platform(station, "app")
    assert again.key_id != made.key_id
    assert [row.key_id for row in roster.export(station).platform] == [again.key_id]


@pytest.mark.parametrize("kind", ["line", "platform"])
def test_a_revoked_keys_file_makes_room_for_another(home, kind):
    station = home.station()
    new = roster.new_line if kind == "line" else roster.new_platform
    made = new(station, "hall")
    roster.revoke(station, made.key_id, "lost")
    file = station.key_file(kind, "hall")
    with pytest.raises(Refused, match="was revoked, and its file is still here") as caught:
        new(station, "hall")
    assert str(file) in caught.value.hints[0]
    file.unlink()
    assert new(station, "hall").key_id != made.key_id


def test_a_platforms_key_that_was_not_booked_is_booked_by_the_next_call(home):
    station = home.station()
    key = keys.new_signing_key("platform", "app", os.urandom)
    (home.path / "keys" / "platforms").mkdir()
    keys.write_signing_key(station.key_file("platform", "app"), key)
    assert roster.new_platform(station, "app").key_id == key.key_id


@pytest.mark.parametrize("kind", ["line", "platform"])
def test_a_key_file_in_the_other_folder_is_not_taken(home, kind):
    station = home.station()
    roster.new_line(station, "hall")
    roster.new_platform(station, "hall")
    other = "platform" if kind == "line" else "line"
    station.key_file(kind, "hall").write_bytes(station.key_file(other, "hall").read_bytes())
    with pytest.raises(IntegrityError, match=f"is the key of {other} hall, not of {kind} hall"):
        getattr(home.station(), kind)("hall")


def test_the_export_is_toml_that_names_lines_and_platforms(home):
    station = home.station()
    roster.new_platform(station, "guide-app")
    gone = roster.new_platform(station, "old-app")
    roster.revoke(station, gone.key_id, "closed")
    text = "\n".join(roster.export(station).lines())
    found = tomllib.loads(text)
    key = station.platform("guide-app")
    assert [line["name"] for line in found["line"]] == ["default"]
    assert found["platform"] == [
        {
            "name": "guide-app",
            "key_id": key.key_id,
            "algorithm": "ed25519",
            "public_key": key.public.hex(),
        }
    ]
    # What stands there as a comment is TOML too, once somebody takes the # away.
    wide = tomllib.loads(re.sub(r"^# (?=[a-z]+ = )", "", text, flags=re.MULTILINE))
    assert wide["platform"][0]["parties"] == ["guide", "store"]
    assert wide["platform"][0]["actions"] == ["scan_in"]
    for sender in (wide["platform"][0], wide["line"][0]):
        assert sender["attributes"] == {"dealer": "D7"}


def test_without_platforms_the_export_says_nothing_of_them(home):
    assert "platform" not in tomllib.loads("\n".join(roster.export(home.station()).lines()))


# --- revoking --------------------------------------------------------------------------


def test_a_revoked_line_orders_no_more(home):
    home.mint(10)
    station = home.station()
    key = roster.new_line(station, "line-3")
    shown = roster.revoke(station, key.key_id, "PC stolen")
    assert shown == roster.KeyShown(key.key_id, "line", "line-3", revoked=True)
    assert "revoked" in next(shown.lines())
    with pytest.raises(Refused, match="revoked"):
        order(station, "line-3")
    order(station, "default")
    with pytest.raises(Refused, match="already"):
        roster.revoke(station, key.key_id, "again")


def test_the_station_and_the_last_custodian_stay(home):
    station = home.station()
    with pytest.raises(Refused, match="station's own"):
        roster.revoke(station, station.key.key_id, "why not")
    with pytest.raises(Refused, match="last custodian"):
        roster.revoke(station, home.custodian.public.key_id, "left")
    assert all(not key.revoked for key in roster.listed(station).keys)


def test_a_batch_is_sealed_to_the_custodians_of_its_day(home):
    station = home.station()
    first = home.custodian.public
    before = home.mint(10).batch
    second = add_custodian(station)
    both = home.mint(10).batch
    roster.revoke(station, first.key_id, "left")
    after = home.mint(10).batch
    fresh = home.station()
    sealed_to = {
        batch: set(fresh.vault.wraps(batch, fresh.station_keys, fresh.wrap_keys).sealed)
        for batch in (before, both, after)
    }
    assert sealed_to == {
        before: {first.key_id},
        both: {first.key_id, second.key_id},
        after: {second.key_id},
    }
    with pytest.raises(Refused, match="last custodian"):
        roster.revoke(fresh, second.key_id, "left too")
    with pytest.raises(Refused, match="already"):
        roster.revoke(fresh, first.key_id, "again")


@pytest.mark.parametrize("reason", ["", " ", "x" * 101, "a\nb"])
def test_a_reason_is_a_line_of_text(home, reason):
    station = home.station()
    with pytest.raises(UsageError):
        roster.revoke(station, station.line().key_id, reason)


def test_an_unknown_key_is_not_found(home):
    with pytest.raises(NotFound):
        roster.revoke(home.station(), "0" * 16, "gone")


# --- contacts --------------------------------------------------------------------------


def test_a_contact_is_added_and_listed(home):
    station = home.station()
    assert "contact add" in next(contacts.listed(station).lines())
    made = contacts.add(station, " Li-Print ", " 李伟, Huaxin Printing ", None)
    assert made == contacts.ContactShown("li-print", "李伟, Huaxin Printing", None)
    other = contacts.add(station, "2nd", "Wang", "https://im.example/wang")
    assert contacts.listed(station).contacts == (other, made)
    assert [line.split()[0] for line in contacts.listed(station).lines()] == ["2nd", "li-print"]


def test_a_contact_is_one_person(home):
    station = home.station()
    contacts.add(station, "li", "Li Wei", None)
    with pytest.raises(Refused):
        contacts.add(station, "LI", "Li Na", None)
    assert [shown.name for shown in contacts.listed(station).contacts] == ["Li Wei"]


@pytest.mark.parametrize(
    ("contact", "name", "channel"),
    [
        ("", "Li", None),
        ("li wei", "Li", None),
        ("李", "Li", None),
        ("-li", "Li", None),
        ("x" * 33, "Li", None),
        ("li", "", None),
        ("li", " ", None),
        ("li", "x" * 101, None),
        ("li", "Li\nWei", None),
        ("li", "Li\x1b[31m", None),
        ("li", "Li", ""),
        ("li", "Li", " "),
        ("li", "Li", "x" * 101),
        ("li", "\ud800", None),
    ],
)
def test_a_malformed_contact_is_told(home, contact, name, channel):
    station = home.station()
    with pytest.raises(UsageError):
        contacts.add(station, contact, name, channel)
    assert contacts.listed(station).contacts == ()
