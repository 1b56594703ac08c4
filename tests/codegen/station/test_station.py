"""The home: made whole or not at all; and what lies in it opens no batch."""

import contextlib
import errno
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from station_kit import Home, now

from mintmark.codegen.audit import audit_show
from mintmark.codegen.codes import fingerprint
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError, NotFound, Refused
from mintmark.codegen.invocation import Invocation
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.locate import locate
from mintmark.codegen.report import batch_list, batch_show
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import keys, station
from mintmark.codegen.station.new_home import create
from mintmark.codegen.station.settings_template import template

CUSTODIAN = keys.new_custodian_key(os.urandom).public


def make(path, **more):
    return create(path, CUSTODIAN, None, operator=None, now=now, **more)


# --- making ----------------------------------------------------------------------------


def test_a_home_holds_what_its_docstring_says(home):
    files = {p.relative_to(home.path).as_posix() for p in home.path.rglob("*") if p.is_file()}
    assert files - {"ledger.db-wal", "ledger.db-shm"} == {
        "mintmark.toml",
        "ledger.db",
        "keys/station.key",
        "keys/fingerprint.key",
        "keys/lines/default.key",
    }
    if os.name != "nt":
        for path in home.path.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        assert stat.S_IMODE(home.path.stat().st_mode) & 0o077 == 0


def test_its_roster_is_its_keys(home):
    opened = home.station()
    with opened.ledger.read() as view:
        roster = {row.kind: row for row in view.roster()}
        row = view.home()
    assert set(roster) == {"station", "line", "custodian"}
    assert roster["station"].key_id == opened.key.key_id
    assert roster["line"].key_id == opened.line().key_id
    assert opened.custodians() == [home.custodian.public]
    assert row.home == opened.config.home_id
    assert row.fingerprint_key_id == fingerprint.key_id(opened.fingerprint_key)
    assert opened.station_keys == {opened.key.key_id: opened.key.public}
    assert set(opened.wrap_keys) == {opened.key.key_id, home.custodian.public.key_id}
    assert verify(opened.ledger).ok


def test_no_two_homes_share_a_secret(home, other):
    a, b = home.station(), other.station()
    assert a.config.home_id != b.config.home_id
    assert a.fingerprint_key != b.fingerprint_key
    assert a.key.public != b.key.public
    assert a.line().public != a.key.public


def test_an_empty_folder_becomes_a_home(tmp_path):
    (tmp_path / "here").mkdir()
    made = make(tmp_path / "here")
    assert station.Station(tmp_path / "here", operator=None, now=now).config.home_id == made.home_id
    make(tmp_path / "deep" / "down")
    assert (tmp_path / "deep" / "down" / "ledger.db").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_there_is_not_made_a_home(tmp_path, kind):
    path = tmp_path / "here"
    if kind == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "mine").write_text("mine")
    with pytest.raises(Refused, match="exists already"):
        make(path)
    assert [p.name for p in tmp_path.iterdir()] == ["here"]
    assert next(p for p in tmp_path.rglob("*") if p.is_file()).read_text() == "mine"


@pytest.mark.parametrize("failing", range(1, 12))
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_stopped_anywhere_no_home_is_left(tmp_path, monkeypatch, failing, error):
    """`failing` counts calls of fsync and entropy; all the making's writes lie between."""
    calls = 0

    def count():
        nonlocal calls
        calls += 1
        if calls == failing:
            raise error

    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (count(), fsync(fd)))

    def entropy(size):
        count()
        return os.urandom(size)

    with pytest.raises(type(error)):
        make(tmp_path / "home", entropy=entropy)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    make(tmp_path / "home")


# --- opening ---------------------------------------------------------------------------


def test_where_there_is_no_home(tmp_path):
    with pytest.raises(NotFound, match="no mintmark home"):
        station.Station(tmp_path, operator=None, now=now)


def test_a_home_without_its_ledger(home):
    (home.path / "ledger.db").unlink()
    with pytest.raises(NotFound, match="no ledger"):
        batch_list(home.station())


def test_a_home_made_by_a_newer_version(home):
    home.sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(EnvironmentFailure, match="newer version") as caught:
        home.mint(10)
    assert caught.value.exit_code == 6
    assert home.files() == set()


@pytest.mark.parametrize("data", [b"", b"garbage" * 1_000, b"SQLite format 3\0" + bytes(4_096)])
def test_a_ledger_that_is_none(home, data):
    home.close()
    for path in home.path.glob("ledger.db*"):
        path.unlink()
    (home.path / "ledger.db").write_bytes(data)
    with pytest.raises(IntegrityError) as caught:
        home.mint(10)
    assert caught.value.exit_code == 5
    assert home.files() == set()
    assert (home.path / "ledger.db").read_bytes() == data


@pytest.mark.parametrize("name", ["station.key", "fingerprint.key"])
@pytest.mark.parametrize("damage", ["gone", "foreign", "empty"])
def test_without_its_own_keys_it_mints_nothing(home, other, name, damage):
    path = home.path / "keys" / name
    path.unlink()
    if damage == "foreign":
        shutil.copy(other.path / "keys" / name, path)
    elif damage == "empty":
        path.touch()
    expected = {"gone": NotFound, "foreign": IntegrityError, "empty": IntegrityError}
    with pytest.raises(expected[damage]):
        home.mint(10)
    assert home.files() == set()
    assert home.rows() == {}


def test_a_foreign_fingerprint_key_is_an_integrity_error(home, other):
    shutil.copy(other.path / "keys" / "fingerprint.key", home.path / "keys" / "fingerprint.key")
    with pytest.raises(IntegrityError, match="not this home's") as caught:
        home.station().fingerprint_key  # noqa: B018 - reading it checks it
    assert caught.value.exit_code == 5


def test_the_id_in_the_settings_must_be_the_ledgers(home, other):
    """Else batches would be named after another home."""
    path = home.path / "mintmark.toml"
    mine, theirs = home.station().config.home_id, other.station().config.home_id
    path.write_text(path.read_text("utf-8").replace(mine, theirs), "utf-8")
    with pytest.raises(IntegrityError, match=mine):
        home.mint(10)


@pytest.mark.parametrize("name", ["", ".", "../station", "a/b", "Z", "a_b", "ü", "x" * 33, "a\n"])
def test_a_lines_name_leads_nowhere_else(home, name):
    with pytest.raises(NotFound, match="no line"):
        home.station().line(name)


def test_who_acts_is_the_operator_the_user_and_the_host(monkeypatch):
    monkeypatch.setattr(station.getpass, "getuser", lambda: "mint")
    monkeypatch.setattr(station.platform, "node", lambda: "station-1")
    assert vars(station.actor("Ms Wang")) == {
        "operator": "Ms Wang",
        "os_user": "mint",
        "host": "station-1",
    }
    assert station.actor(None).operator == "mint"

    def nobody():
        raise KeyError

    monkeypatch.setattr(station.getpass, "getuser", nobody)
    assert station.actor(None).operator == "unknown"


@given(data=st.data())
def test_ids_begin_with_the_homes(data, tmp_path_factory):
    place = tmp_path_factory.mktemp("ids") / "home"
    place.mkdir()
    seed = data.draw(st.binary(min_size=16, max_size=16))
    text = template("K7QM-0123456789AB", None)
    (place / "mintmark.toml").write_text(text, "utf-8")
    opened = station.Station(place, operator=None, now=now, entropy=lambda n: (seed * n)[:n])
    assert opened.new_id().startswith("K7QM-")
    assert len(opened.new_id()) == 13


# --- the station cannot read back ------------------------------------------------------


def forms(code):
    """How a code might stand in a file."""
    for text in (code, code.lower()):
        yield text.encode("ascii")
        yield text.encode("utf-16-le")
        yield text.encode("utf-16-be")
        yield text.encode("ascii").hex().encode()
        yield text[::-1].encode("ascii")


def leaks(folder, codes):
    """The files under `folder`, hidden ones too, that hold one of `codes` in any form."""
    heads = {form[:16] for code in codes for form in forms(code)}

    def holds(data):
        return any(data[at : at + 16] in heads for at in range(len(data)))

    return [p.name for p in folder.rglob("*") if p.is_file() and holds(p.read_bytes())]


def test_the_search_finds_what_it_searches_for(tmp_path):
    for number, form in enumerate(forms("7K3MZZ19QPRS0042")):
        (tmp_path / str(number)).write_bytes(b"x" * 4_095 + form + b"y")
    assert len(leaks(tmp_path, ["7K3MZZ19QPRS0042"])) == 10
    assert leaks(tmp_path, ["8K3MZZ19QPRS0043"]) == []


def test_no_byte_of_a_home_is_of_a_code(home):
    """With the WAL still there, after minting, redrawing, locating, listing and failing."""
    batches = [home.mint(300, prefix_bits=16, ref=f"r{n}").batch for n in range(2)]
    codes = [code for batch in batches for code in home.codes(batch)]
    assert len(set(codes)) == 600
    opened = home.station()
    shown = [locate(opened, code, None) for code in codes[:5]]
    shown.append(locate(opened, None, "\n".join(codes)))
    shown += [batch_show(opened, batch, 0, 100) for batch in batches]
    shown += [batch_list(opened), audit_show(opened, 0, 100)]
    with contextlib.suppress(KeyboardInterrupt):

        def interrupt(_point):
            raise KeyboardInterrupt

        home.mint(10, home.station(failpoint=interrupt))
    assert (home.path / "ledger.db-wal").exists()
    assert leaks(home.path.parent, codes) == []
    text = "\n".join(json.dumps(record) for result in shown for record in result.records())
    text += "\n".join(line for result in shown for line in result.lines())
    assert not any(form.decode() in text for code in codes for form in (code.encode(),))


def key_bytes(path):
    """Every 32 bytes that a key file of a home holds in hex."""
    document = json.loads(path.read_bytes())
    return [bytes.fromhex(v) for v in document.values() if isinstance(v, str) and len(v) == 64]


def test_no_key_of_a_home_unseals(home):
    """A copy of the home, without the custodian key: its keys, tried as anybody's."""
    batch = home.mint(10).batch
    copy = Home(shutil.copytree(home.path, home.path.with_name("stolen")), home.key_file, None)
    opened = copy.station()
    found = [raw for path in copy.path.rglob("*.key") for raw in key_bytes(path)]
    assert len(found) == 3  # station, line, fingerprint
    names = [home.custodian.public.key_id, opened.key.key_id, opened.line().key_id]
    for raw in found:
        for name in names:
            with pytest.raises(IntegrityError, match="does not open"):
                opened.vault.unseal(
                    batch,
                    opened.station_keys,
                    opened.wrap_keys,
                    name,
                    X25519PrivateKey.from_private_bytes(raw),
                )
    copy.close()


def test_a_key_of_a_home_is_no_custodians(home):
    call = Invocation(home.path, ask=lambda _: "nine words are better than one")
    for path in [*home.path.rglob("*.key"), home.path / "ledger.db", home.path / "mintmark.toml"]:
        with pytest.raises(IntegrityError):
            call.custodian(home.station(), path, None)


def test_the_fingerprint_key_does_not_turn_a_fingerprint_back(home):
    """It tells whether a guess was right, and no more: HMAC under it is all it can do."""
    batch = home.mint(10).batch
    key = home.station().fingerprint_key
    (code, *_), found = home.codes(batch), home.fingerprints(batch)
    assert fingerprint.fingerprint(code.encode(), key) in found
    assert fingerprint.fingerprint(code.encode(), Secret(bytes(32))) not in found


def test_another_custodian_opens_nothing(home, other):
    batch = home.mint(10).batch
    opened = home.station()
    for name in (other.custodian.public.key_id, home.custodian.public.key_id):
        with pytest.raises(IntegrityError, match="does not open") as caught:
            opened.vault.unseal(
                batch, opened.station_keys, opened.wrap_keys, name, other.custodian.sealing
            )
        assert caught.value.details == {"recipients": [home.custodian.public.key_id]}


def test_the_custodians_key_lies_outside(home):
    assert not home.key_file.is_relative_to(home.path)
    private = home.custodian.sealing.private_bytes_raw(), home.custodian.signing.private_bytes_raw()
    everything = b"".join(p.read_bytes() for p in home.path.rglob("*") if p.is_file())
    assert str(home.key_file) in (home.path / "mintmark.toml").read_text("utf-8")
    for raw in private:
        assert raw not in everything
        assert raw.hex().encode() not in everything
    assert Path(home.key_file).exists()


def test_line_keys_that_changed_places_are_told(home):
    lines = home.path / "keys" / "lines"
    default = (lines / "default.key").read_bytes()
    keys.write_signing_key(lines / "line-3.key", keys.new_signing_key("line", "line-3", os.urandom))
    (lines / "default.key").write_bytes((lines / "line-3.key").read_bytes())
    (lines / "line-3.key").write_bytes(default)
    for name, other in (("default", "line-3"), ("line-3", "default")):
        with pytest.raises(IntegrityError, match=f"is the key of line {other}, not of"):
            home.station().line(name)


def test_the_station_key_is_no_lines_and_a_lines_no_stations(home):
    station, line = home.path / "keys" / "station.key", home.path / "keys" / "lines" / "default.key"
    own, lines = station.read_bytes(), line.read_bytes()
    line.write_bytes(own)
    with pytest.raises(IntegrityError, match="is the key of the station, not of line default"):
        home.station().line()
    station.write_bytes(lines)
    with pytest.raises(IntegrityError, match="the station's key is not this home's"):
        home.station().key  # noqa: B018 - read here
