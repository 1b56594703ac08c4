"""A folder of files appears whole or not at all, wherever its process ends."""

import os
import stat
import subprocess
import sys

import pytest

from mintmark.codegen.errors import Refused
from mintmark.codegen.folders import write_folder

CONTENTS = {"secret.key": b"s", "README.txt": b"r", "vectors/a.json": b"a", "vectors/b.json": b"b"}
POINTS = ("made", *(f"written {name}" for name in CONTENTS), "cleared", "renamed")
POSIX = os.name == "posix"
CHILD = """
import os, sys
from pathlib import Path
from mintmark.codegen.folders import write_folder
def die(point):
    if point == sys.argv[2]:
        os._exit(9)
contents = dict.fromkeys(sys.argv[3:], b"x")
write_folder(Path(sys.argv[1]), contents, {"secret.key"}, die)
"""


def found(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(params=["a new place", "a new place below new ones", "an empty folder"])
def place(request, tmp_path):
    folder = tmp_path / "out"
    if request.param == "an empty folder":
        folder.mkdir()
    return folder / "deep" / "er" if "below" in request.param else folder


def test_all_files_are_there_and_nothing_else(place):
    assert write_folder(place, CONTENTS, {"secret.key"}) == place
    assert found(place) == CONTENTS
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_folder_and_private_file_are_their_owners_alone(tmp_path):
    folder = write_folder(tmp_path / "out", CONTENTS, {"secret.key"})
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in (".", *CONTENTS)}
    assert not POSIX or (modes["."], modes["secret.key"]) == (0o700, 0o600)
    assert not POSIX or modes["README.txt"] & 0o400


@pytest.mark.parametrize("point", POINTS[:-1])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_failure_leaves_nothing(tmp_path, point, error):
    def fail(reached):
        if reached == point:
            raise error

    with pytest.raises(error):
        write_folder(tmp_path / "out", CONTENTS, {"secret.key"}, fail)
    assert list(tmp_path.iterdir()) == []
    write_folder(tmp_path / "out", CONTENTS, {"secret.key"})


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_process_leaves_the_folder_or_a_hidden_part(tmp_path, point):
    folder, part = tmp_path / "out", tmp_path / ".out.part"
    folder.mkdir()
    words = [sys.executable, "-c", CHILD, str(folder), point, *CONTENTS]
    assert subprocess.run(words, check=False).returncode == 9
    whole = found(folder).keys() == CONTENTS.keys()
    assert whole == (point == "renamed")
    assert part.exists() != whole
    assert whole or not found(folder)
    with pytest.raises(Refused, match="exists already" if whole else "left of a command"):
        write_folder(folder, CONTENTS, {"secret.key"})


def test_what_stands_in_the_place_stays(tmp_path):
    (tmp_path / "file").write_text("mine", "ascii")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / ".hidden").write_text("mine", "ascii")
    for name in ("file", "full"):
        with pytest.raises(Refused, match="exists already"):
            write_folder(tmp_path / name, CONTENTS, ())
    assert found(tmp_path) == {"file": b"mine", "full/.hidden": b"mine"}


def test_the_current_folder_is_not_replaced_under_a_shell(tmp_path, monkeypatch):
    (tmp_path / "out" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "out" / "sub")
    for name in (".", tmp_path / "out" / "sub", "../sub"):
        with pytest.raises(Refused, match="current folder"):
            write_folder(tmp_path / "out" / "sub" / name, CONTENTS, ())
    assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "sub"]


def test_another_that_is_being_made_is_left_alone(tmp_path):
    def once_more(point):
        if point == "cleared":
            with pytest.raises(Refused, match="being made"):
                write_folder(tmp_path / "out", CONTENTS, ())

    write_folder(tmp_path / "out", CONTENTS, (), once_more)
    assert found(tmp_path / "out") == CONTENTS


def test_whoever_comes_first_keeps_the_place(tmp_path):
    def take(point):
        if point == "cleared":
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "mine").write_text("mine", "ascii")

    with pytest.raises(OSError, match="out"):
        write_folder(tmp_path / "out", CONTENTS, (), take)
    assert found(tmp_path) == {"out/mine": b"mine"}


def test_a_link_is_followed_to_where_the_folder_shall_be(tmp_path):
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    write_folder(tmp_path / "link", CONTENTS, ())
    assert found(tmp_path / "real") == CONTENTS
    assert (tmp_path / "link").is_symlink()
