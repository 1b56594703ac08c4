"""A custodian's key beside the station is found where people leave one, and nowhere in depth."""

import os
import shutil
import tarfile

import pytest

from mintmark.codegen import custodian_places
from mintmark.codegen.finding import ERROR, OK, WARNING
from mintmark.codegen.station import keys


@pytest.fixture
def places(home, tmp_path, monkeypatch):
    """Folders: `safe`, where no home is and the key lies; `user`; `here`, the current one."""
    for name in ("safe", "user", "here", "stick"):
        (tmp_path / name).mkdir()
    key = tmp_path / "safe" / "custodian.key"
    home.key_file.rename(key)
    name_key(home, tmp_path / "stick" / "custodian.key", old=home.key_file)
    home.key_file = key
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    for name in ("MINTMARK_CUSTODIAN_KEY", "MINTMARK_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def name_key(home, path, old):
    settings = home.path / "mintmark.toml"
    text = settings.read_text("utf-8")
    assert str(old) in text
    settings.write_text(text.replace(str(old), str(path)), "utf-8")


def findings(home):
    return list(custodian_places.custodian(home.station()))


def well(home):
    (found,) = findings(home)
    assert found.check == "custodian"
    return found.level == OK


def test_a_key_on_a_stick_is_told_while_the_stick_is_there(home, places):
    assert well(home)
    stick = places / "stick" / "custodian.key"
    shutil.copy(home.key_file, stick)
    (found,) = findings(home)
    assert (found.level, found.check) == (WARNING, "custodian")
    assert found.message == f"a custodian's key lies beside the station: {stick}"
    assert "bring the key for an export, then take it away again" in found.hint
    stick.unlink()
    assert well(home)


@pytest.mark.parametrize(
    "place",
    ["custodian.key", "deputy.key", "user/k", "here/custodian.key", "stick/deputy.key", "备份.key"],
)
def test_it_is_found_where_people_leave_it_whatever_its_name(home, places, place):
    shutil.copy(home.key_file, places / place)
    (found,) = findings(home)
    assert found.level == WARNING
    assert str(places / place) in found.message


def test_so_is_another_custodian_s(home, other, places):
    shutil.copy(other.key_file, places / "deputy.key")
    shutil.copy(home.key_file, places / "custodian.key")
    found = findings(home)
    assert [item.level for item in found] == [WARNING, WARNING]
    assert [item.message.rpartition("/")[2] for item in found] == ["custodian.key", "deputy.key"]


def test_so_is_one_in_an_archive(home, places):
    with tarfile.open(places / "backup.tar", "w") as backup:
        backup.add(home.key_file, "custodian.key")
    assert "backup.tar" in findings(home)[0].message


def test_the_key_that_the_environment_names(home, places, monkeypatch):
    monkeypatch.setenv("MINTMARK_CUSTODIAN_KEY", str(home.key_file))
    (found,) = findings(home)
    assert str(home.key_file) in found.message
    monkeypatch.setenv("MINTMARK_CUSTODIAN_KEY", str(places / "none.key"))
    assert well(home)
    monkeypatch.setenv("MINTMARK_CUSTODIAN_KEY", "x" * 5_000)
    assert well(home)


def test_a_key_of_two_names_is_told_once(home, places, monkeypatch):
    shutil.copy(home.key_file, places / "custodian.key")
    (places / "user" / "link").symlink_to(places / "custodian.key")
    monkeypatch.setenv("MINTMARK_CUSTODIAN_KEY", str(places / "here" / ".." / "custodian.key"))
    assert len(findings(home)) == 1


def test_no_folder_is_searched_in_depth(home, places):
    for name in ("elsewhere", "user/documents"):
        (places / name).mkdir()
        shutil.copy(home.key_file, places / name)
    assert well(home)


def test_public_halves_and_others_keys_are_no_custodian_s(home, places):
    shutil.copy(home.path / "keys" / "station.key", places / "station.key")
    keys.write_custodian_public(places / "custodian.key.pub", home.custodian.public)
    assert well(home)


def test_what_is_large_or_cannot_be_read_is_left_alone(home, places):
    key = home.key_file.read_bytes()
    (places / "large").write_bytes(key + b" " * 20_000)
    (places / "folder.key").mkdir()
    (places / "loop").symlink_to("loop")
    if os.name != "nt":
        os.mkfifo(places / "pipe")
    assert well(home)


def test_a_text_about_keys_is_none(home, places):
    mark = '{"format": "mintmark-custodian-key/1", "ciphertext": "…"}'
    (places / "letter.txt").write_text(f"Send me no file that begins with {mark}.\n", "utf-8")
    assert well(home)


@pytest.mark.skipif(not os.path.exists("/proc/kmsg"), reason="Linux alone")  # noqa: PTH110
def test_a_file_of_the_kernel_s_is_not_waited_for(home, places):
    (places / "link").symlink_to("/proc/kmsg")
    assert well(home)


def test_of_a_folder_of_many_files_keys_by_name_come_first(home, places, monkeypatch):
    monkeypatch.setattr(custodian_places, "MOST_FILES", 1)
    shutil.copy(home.key_file, places / "z.key")
    assert str(places / "z.key") in findings(home)[0].message


def test_of_a_folder_of_many_files_some_are_looked_at(home, places, monkeypatch):
    monkeypatch.setattr(custodian_places, "MOST_FILES", 0)
    shutil.copy(home.key_file, places / "custodian.key")
    assert well(home)
    monkeypatch.setenv("MINTMARK_CUSTODIAN_KEY", str(places / "custodian.key"))
    assert not well(home)


def test_a_user_without_a_folder_and_a_current_folder_that_is_gone(home, places, monkeypatch):
    def missing(error):
        def raises(_):
            raise error

        return classmethod(raises)

    monkeypatch.setattr(custodian_places.Path, "home", missing(RuntimeError()))
    monkeypatch.setattr(custodian_places.Path, "cwd", missing(FileNotFoundError()))
    assert well(home)


@pytest.mark.parametrize("name", ["passphrase.txt", "My-Passphrase", "保管人口令.txt"])
def test_a_passphrase_beside_it_is_worse(home, places, name):
    key, words = places / "custodian.key", places / name
    shutil.copy(home.key_file, key)
    words.write_text("nine words are better than one\n", "utf-8")
    (found,) = findings(home)
    assert found.level == WARNING
    assert f"what seems to be its passphrase lie beside the station: {key} and {words}" in (
        found.message
    )
    assert found.hint.startswith("whoever copies both reads every sealed code")
    assert "bring the key for an export, then take it away again" in found.hint
    assert "nine" not in found.message + found.hint
    words.write_text("", "utf-8")
    assert "its passphrase" not in findings(home)[0].message
    words.write_text("x" * 1_025, "utf-8")
    assert "its passphrase" not in findings(home)[0].message


def test_the_passphrase_that_the_environment_names_is_told_with_the_key(home, places, monkeypatch):
    words = places / "stick" / "w"
    words.write_text("nine words are better than one\n", "utf-8")
    monkeypatch.setenv("MINTMARK_PASSPHRASE_FILE", str(words))
    assert well(home)
    shutil.copy(home.key_file, places / "user" / "custodian.key")
    assert str(words) in findings(home)[0].message


def test_one_in_the_home_is_told_once_and_as_an_error(home, places, monkeypatch):
    shutil.copy(home.key_file, home.path / "c.key")
    monkeypatch.chdir(home.path)
    monkeypatch.setenv("MINTMARK_CUSTODIAN_KEY", str(home.path / "c.key"))
    (found,) = findings(home)
    assert (found.level, found.message) == (ERROR, "a custodian key lies in the home: c.key")


def test_beside_a_home_that_is_a_link_means_both_places(home, places):
    home.close()
    (places / "disk").mkdir()
    home.path.rename(places / "disk" / "home")
    home.path.symlink_to(places / "disk" / "home", target_is_directory=True)
    assert well(home)
    shutil.copy(home.key_file, places / "disk" / "a.key")
    shutil.copy(home.key_file, places / "b.key")
    assert len(findings(home)) == 2
