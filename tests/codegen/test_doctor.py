"""`doctor`: each thing that can be wrong with a home is found, at its level."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from children import finish, start, waiting
from filelock import FileLock
from station_kit import NOW, PASSPHRASE, batch_files

from mintmark.codegen import doctor as module
from mintmark.codegen import file_systems, roster
from mintmark.codegen.codes.compiled import DIFFERS
from mintmark.codegen.doctor import doctor
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError, Refused
from mintmark.codegen.file_systems import Mount
from mintmark.codegen.finding import ERROR, OK, WARNING, Finding
from mintmark.codegen.ledger.changes import ContactAdded, ExportBegun, KeyRevoked
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.station import keys


def examine(home, *more, repair=False):
    return doctor(home.station(), more, repair=repair)


def at_level(result, level):
    """[(check, message)] of the findings of a level."""
    return [(found.check, found.message) for found in result.findings if found.level == level]


def only(result, level, check):
    """The only finding above OK, which must be this."""
    (found,) = [item for item in result.findings if item.level != OK]
    assert (found.level, found.check) == (level, check)
    assert result.ok is (level == WARNING)
    assert result.exit_code == (0 if result.ok else 5)
    text = list(result.lines())
    assert text[0].startswith(f"{level}")
    assert found.message in text[0]
    assert "\n" not in found.message + found.hint
    return found


@pytest.fixture
def home(home, tmp_path, monkeypatch):
    """Its custodian's key is where no home is, and the user's folder is empty."""
    place = tmp_path / "safe" / "custodian.key"
    for folder in (place.parent, tmp_path / "user"):
        folder.mkdir()
    settings = home.path / "mintmark.toml"
    text = settings.read_text("utf-8")
    line = f'key = "{home.key_file}"'
    assert line in text
    settings.write_text(text.replace(line, '# key = "…"'), "utf-8")
    home.key_file.rename(place)
    home.key_file = place
    monkeypatch.chdir(tmp_path / "user")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    for name in ("MINTMARK_CUSTODIAN_KEY", "MINTMARK_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def batch(home):
    return home.mint(10).batch


def test_a_fresh_home_is_well(home):
    result = examine(home)
    assert result.ok
    assert result.exit_code == 0
    assert {found.level for found in result.findings} == {OK}
    assert {found.check for found in result.findings} == {
        "keys", "custodian", "permissions", "ledger", "vault", "disk", "fingerprints", "work",
    }  # fmt: skip
    assert list(result.lines())[-1] == "the home is well"


@pytest.mark.parametrize(
    ("why", "level", "begins"),
    [
        (None, OK, "computed in bulk"),
        ("the package llvmlite isn't installed", OK, "computed one by one: the package"),
        (DIFFERS, WARNING, "computed one by one: what was compiled"),
    ],
)
def test_how_fingerprints_are_computed_is_told(home, monkeypatch, why, level, begins):
    monkeypatch.setattr(module, "why_slow", lambda: why)
    (found,) = [item for item in examine(home).findings if item.check == "fingerprints"]
    assert found.level == level
    assert found.message.startswith(begins)
    assert bool(found.hint) is bool(why)


def test_so_is_one_with_batches(home, batch):
    result = examine(home)
    assert {found.level for found in result.findings} == {OK}
    assert ("vault", "1 batch looked at, every byte") in at_level(result, OK)
    assert examine(home, repair=True).ok
    assert home.files() == batch_files(batch)


# --- keys ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["custodian.key", "vault/x", "keys/lines/renamed.txt", ".hidden"])
def test_a_custodian_key_in_the_home_is_an_error(home, place):
    shutil.copy(home.key_file, home.path / place)
    found = only(examine(home), ERROR, "custodian")
    assert place.rpartition("/")[2] in found.message
    assert "move it away" in found.hint


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("name", ["station.key", "fingerprint.key", "lines/default.key"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_key_that_others_may_touch_is_an_error(home, name, mode):
    path = home.path / "keys" / name
    path.chmod(mode)
    found = only(examine(home), ERROR, "permissions")
    assert str(path) in found.hint
    path.chmod(0o600)
    assert examine(home).ok


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("variable", ["MINTMARK_CUSTODIAN_KEY", "MINTMARK_PASSPHRASE_FILE"])
def test_a_secret_elsewhere_that_others_may_read_is_a_warning(
    home, tmp_path, monkeypatch, variable
):
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    path.chmod(0o644)
    monkeypatch.setenv(variable, str(path))
    found = only(examine(home), WARNING, "permissions")
    assert found.message == f"others may read {path}"
    path.chmod(0o600)
    assert {found.level for found in examine(home).findings} == {OK}
    path.unlink()
    monkeypatch.setenv(variable, "x" * 5_000)
    assert {found.level for found in examine(home).findings} == {OK}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_so_is_the_custodian_key_that_the_settings_name(home):
    settings = home.path / "mintmark.toml"
    text = settings.read_text("utf-8")
    named = text.replace('# key = "…"', f'key = "{home.key_file}"')
    settings.write_text(named, "utf-8")
    assert str(home.key_file) in named
    home.key_file.chmod(0o640)
    warned = at_level(examine(home), WARNING)
    assert [check for check, _ in warned] == ["custodian", "permissions"]
    assert all(str(home.key_file) in message for _, message in warned)


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        ("exfat", "with umask=077,uid="),
        ("vfat", "with umask=077,uid="),
        ("fuseblk", "with umask=077,uid="),
        ("ntfs3", "with umask=077,uid="),
        ("cifs", "with file_mode=0600,dir_mode=0700,uid="),
        ("ext4", "move it to a disk"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_where_chmod_changes_nothing_there_is_something_else_to_do(home, monkeypatch, type_, words):
    (home.path / "keys" / "station.key").chmod(0o777)
    monkeypatch.setattr(file_systems, "mount_of", lambda _: Mount(type_, "/dev/sdc1"))
    monkeypatch.setattr(file_systems, "_is_remote", lambda _: False)
    hint = only(examine(home), ERROR, "permissions").hint
    assert hint.startswith("chmod 600 ")
    assert words in hint


@pytest.mark.parametrize("name", ["station.key", "fingerprint.key", "lines/default.key"])
@pytest.mark.parametrize("damage", ["flip", "foreign"])
def test_a_key_that_is_not_the_homes_is_an_error(home, other, name, damage):
    path = home.path / "keys" / name
    if damage == "foreign":
        shutil.copy(other.path / "keys" / name, path)
    else:
        data = bytearray(path.read_bytes())
        data[data.rindex(b'"') - 1] ^= 1
        path.write_bytes(data)
    assert at_level(examine(home), ERROR)[0][0] == "keys"


@pytest.mark.parametrize("name", ["station.key", "fingerprint.key"])
def test_a_key_that_is_gone_is_an_error(home, name):
    (home.path / "keys" / name).unlink()
    assert name in only(examine(home), ERROR, "keys").message


def test_a_line_key_that_a_crash_left_unbooked_is_a_warning_until_it_is_booked(home):
    key = keys.new_signing_key("line", "line-9", os.urandom)
    keys.write_signing_key(home.path / "keys" / "lines" / "line-9.key", key)
    found = only(examine(home), WARNING, "keys")
    assert "line-9 was never booked" in found.message
    assert "mintmark key new line-9" in found.hint
    assert roster.new_line(home.station(), "line-9").key_id == key.key_id
    assert at_level(examine(home), WARNING) == []


def test_a_key_in_the_place_of_a_lines_own_is_an_error_and_never_booked(home):
    path = home.path / "keys" / "lines" / "default.key"
    path.unlink()
    keys.write_signing_key(path, keys.new_signing_key("line", "default", os.urandom))
    assert "default.key is not the key" in only(examine(home), ERROR, "keys").message
    with pytest.raises(Refused, match="has a key"):
        roster.new_line(home.station(), "default")


def test_a_line_without_its_key_is_a_warning_unless_it_is_revoked(home):
    (home.path / "keys" / "lines" / "default.key").unlink()
    found = only(examine(home), WARNING, "keys")
    assert "line default" in found.message
    key_id = found.hint.split()[-1]
    station = home.station()
    station.ledger.commit(station.author, KeyRevoked(key_id, "gone"))
    assert at_level(examine(home), WARNING) == []


def test_a_platforms_key_file_may_be_elsewhere(home):
    station = home.station()
    made = roster.new_platform(station, "guide-app")
    assert at_level(examine(home), WARNING) == at_level(examine(home), ERROR) == []
    station.key_file("platform", "guide-app").unlink()
    assert at_level(examine(home), WARNING) == at_level(examine(home), ERROR) == []
    assert made in roster.listed(station).keys


def test_a_platforms_key_file_is_looked_at_as_a_lines_is(home):
    station = home.station()
    folder = home.path / "keys" / "platforms"
    folder.mkdir()
    path = folder / "app.key"
    keys.write_signing_key(path, keys.new_signing_key("platform", "app", os.urandom))
    found = only(examine(home), WARNING, "keys")
    assert "platform app was never booked, and can scan nothing" in found.message
    assert "mintmark key new --platform app" in found.hint
    roster.new_platform(station, "app")
    assert at_level(examine(home), WARNING) == []
    if os.name != "nt":
        path.chmod(0o644)
        found = only(examine(home), ERROR, "permissions").message
        assert found == "others may read keys/platforms/app.key"
    path.unlink()
    keys.write_signing_key(path, keys.new_signing_key("platform", "app", os.urandom))
    assert "platforms/app.key is not the key" in only(examine(home), ERROR, "keys").message


@pytest.mark.parametrize("name", ["station.key", "lines/default.key", "fingerprint.key"])
def test_a_pipe_in_the_place_of_a_key_is_an_error_and_not_waited_for(home, name):
    path = home.path / "keys" / name
    path.unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
    else:
        path.mkdir()
    assert f"{path.name} is no file" in at_level(examine(home), ERROR)[0][1]


def test_one_bad_key_hides_no_other(home, other):
    for name in ("station.key", "fingerprint.key", "lines/default.key"):
        shutil.copy(other.path / "keys" / name, home.path / "keys" / name)
    shutil.copy(home.key_file, home.path / "c.key")
    checks = [check for check, _ in at_level(examine(home), ERROR)]
    assert checks == ["keys", "keys", "keys", "custodian"]


# --- the ledger ------------------------------------------------------------------------


def test_a_row_changed_by_hand_is_an_error(home, batch):
    home.sql("UPDATE batches SET product = 'gold' WHERE batch = ?", batch)
    assert batch in only(examine(home), ERROR, "ledger").message


def test_an_event_changed_by_hand_is_an_error(home, batch):
    home.sql("UPDATE events SET operator = 'nobody' WHERE seq = 5")
    assert "event 5" in only(examine(home), ERROR, "ledger").message


def test_a_ledger_that_is_none_is_an_error_and_ends_no_other_check(home):
    home.close()
    (home.path / "ledger.db").write_bytes(b"garbage" * 1_000)
    for path in home.path.glob("ledger.db-*"):
        path.unlink()
    result = examine(home)
    assert not result.ok
    assert {check for check, _ in at_level(result, ERROR)} >= {"keys", "ledger", "vault"}
    assert {check for check, _ in at_level(result, OK)} >= {"disk", "permissions", "work"}


def test_an_export_cut_short_is_a_warning_until_repaired(home, batch):
    station = home.station()
    package = station.new_id()
    station.ledger.commit(
        station.author,
        ContactAdded("li", "Ms Li", None),
        ExportBegun(package, batch, (Range(1, 5),), "li", "csv"),
    )
    assert package in only(examine(home), WARNING, "ledger").message
    publication = station.intents.begin("export", package, [home.path.parent / f"{package}.zip"])
    assert at_level(examine(home), WARNING) == []  # it is under way
    publication._lock.release()
    assert {check for check, _ in at_level(examine(home), WARNING)} == {"ledger", "work"}
    repaired = examine(home, repair=True)
    assert repaired.ok
    with home.station().ledger.read() as view:
        assert view.reserved(batch) == 0
    assert at_level(examine(home), WARNING) == []


# --- the vault -------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("damage", ["flip", "cut", "more", "gone", "empty"])
def test_a_file_of_the_vault_that_is_not_what_it_was_is_an_error(home, batch, at, damage):
    path = home.station().vault.parts(batch)[at]
    data = path.read_bytes()
    changed = {
        "flip": data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1])
        + data[len(data) // 2 + 1 :],
        "cut": data[:-1],
        "more": data + b"\0",
        "empty": b"",
    }  # fmt: skip
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(changed[damage])
    found = only(examine(home), ERROR, "vault")
    assert batch in found.message
    assert found.hint
    path.write_bytes(data)
    assert examine(home).ok


def test_every_byte_of_a_batch_is_looked_at(home):
    """A flip in any file, at places spread over it."""
    batch = home.mint(3).batch
    station = home.station()
    for path in station.vault.parts(batch):
        data = path.read_bytes()
        for at in range(0, len(data), 1 + len(data) // 12):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            with pytest.raises(IntegrityError):
                station.vault.verify(batch, station.station_keys, station.wrap_keys)
        path.write_bytes(data)
    assert examine(home).ok


def test_a_batch_without_any_file_is_an_error_and_ends_no_other_look(home, batch):
    second = home.mint(10).batch
    for path in home.station().vault.parts(batch):
        path.unlink()
    home.station().vault.parts(second).run.unlink()
    errors = at_level(examine(home), ERROR)
    assert [check for check, _ in errors] == ["vault", "vault"]
    assert batch in errors[0][1]
    assert second in errors[1][1]


def test_another_batch_under_a_booked_name_is_an_error(home, batch):
    """Its files hold together, and the station signed them; the ledger knows better."""
    home.sql("UPDATE batches SET mint_record_sha256 = ? WHERE batch = ?", "00" * 32, batch)
    assert ("vault", f"batch {batch} is not the one the ledger knows by that name") in at_level(
        examine(home), ERROR
    )


@pytest.mark.parametrize("names", [".mint.json", ".sealed", ".run"])
def test_a_batch_the_ledger_does_not_have_is_a_warning(home, names):
    (home.path / "vault" / f"K7QM-00000000{names}").write_bytes(b"?")
    found = only(examine(home, repair=True), WARNING, "vault")
    assert "K7QM-00000000" in found.message
    assert (home.path / "vault" / f"K7QM-00000000{names}").exists()


def test_what_is_in_quarantine_is_a_warning(home):
    (home.path / "vault" / "quarantine").mkdir()
    assert examine(home).ok
    assert at_level(examine(home), WARNING) == []
    (home.path / "vault" / "quarantine" / "K7QM-00000000.run").touch()
    only(examine(home), WARNING, "vault")


# --- disk, crashes, other rooms --------------------------------------------------------


def test_little_space_is_a_warning(home, monkeypatch):
    usage = shutil.disk_usage(home.path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=999_999_999))
    assert "1.0 GB" in only(examine(home), WARNING, "disk").message


def test_a_crash_is_a_warning_until_repaired(home):
    finish(start(home, quantity=10, die=6))
    before = home.files()
    assert "cut short" in only(examine(home), WARNING, "work").message
    assert home.files() == before  # only looked at
    repaired = examine(home, repair=True)
    (batch,) = home.rows()
    assert ("work", f"batch {batch} was complete and is now in the ledger") in at_level(
        repaired, OK
    )
    assert {found.level for found in examine(home).findings} == {OK}


def test_a_mint_under_way_is_no_finding(home):
    with waiting(home, quantity=10, wait="published") as child:
        # It holds the ledger's write lock, and readers don't mind.
        assert {found.level for found in examine(home).findings} == {OK}
        finish(child)


def test_an_intent_that_cannot_be_read_is_an_error(home):
    (home.path / "work" / "X.json").write_text("{")
    assert "X.json" in only(examine(home), ERROR, "work").message
    assert "X.json" in only(examine(home, repair=True), ERROR, "repaired").message


@pytest.mark.parametrize(
    "name",
    [
        "work/K7QM-3T9A2BCD.lock",
        "work/deliver-K7QM-3T9A2BCD.lock",
        "work/.K7QM-3T9A2BCD.json.part",
        "vault/.K7QM-3T9A2BCD.sealed.part",
        ".alarms.json.part",
    ],
)
def test_what_a_process_that_is_gone_left_is_told_and_removed(home, name):
    path = home.path / name
    path.write_bytes(b"")
    os.utime(path, (0, 0))
    assert str(Path(name)) in only(examine(home), WARNING, "work").message
    assert path.exists()
    assert examine(home, repair=True).ok
    assert not path.exists()
    assert {found.level for found in examine(home).findings} == {OK}


def test_what_a_living_process_holds_or_has_just_begun_stays(home):
    lock, part = home.path / "work" / "deliver-X.lock", home.path / ".alarms.json.part"
    part.write_bytes(b"")
    os.utime(part, (NOW.timestamp() - 60, NOW.timestamp() - 60))
    with FileLock(lock):
        assert {found.level for found in examine(home, repair=True).findings} == {OK}
        assert lock.exists()
        assert part.exists()


def test_other_rooms_join_and_their_failures_are_findings(home):
    def backend(_station):
        yield Finding(WARNING, "backend", "is away")

    def orders(_station):
        yield Finding(OK, "orders", "three")
        raise EnvironmentFailure("the ledger is locked", "wait")

    def place(_station):
        raise PermissionError(errno.EACCES, "Permission denied", "secret-name")
        yield

    result = examine(home, backend, orders, place)
    assert at_level(result, WARNING) == [("backend", "is away")]
    assert at_level(result, ERROR) == [
        ("orders", "the ledger is locked"),
        ("place", "Permission denied"),
    ]
    assert ("orders", "three") in at_level(result, OK)
    levels = [line.split()[0] for line in result.lines() if line[0] != " "]
    assert levels[:3] == ["error", "error", "warning"]


def test_a_revoked_line_is_no_error(home):
    station = home.station()
    station.ledger.commit(station.author, KeyRevoked(station.line().key_id, "PC stolen"))
    assert examine(home).ok


def test_findings_show_no_secret(home, batch):
    (home.path / "keys" / "station.key").chmod(0o644)
    shutil.copy(home.key_file, home.path / "c.key")
    text = "\n".join(examine(home).lines()) + repr(examine(home))
    for path in home.path.rglob("*.key"):
        for part in path.read_text("ascii").split('"'):
            assert len(part) < 64 or part not in text
    assert PASSPHRASE.reveal().decode() not in text
