"""Publishing: all files or none, whoever stops the process, and never over somebody's file."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from children import waiting

from mintmark.codegen import notes
from mintmark.codegen.errors import IntegrityError, Refused
from mintmark.codegen.files import hidden, write_atomically
from mintmark.codegen.station import publish
from mintmark.codegen.station.publish import Intents

FIFO = ["fifo"] if hasattr(os, "mkfifo") else []


class Stop(BaseException):
    """Like KeyboardInterrupt: no `except Exception` sees it."""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "out").mkdir()
    return tmp_path


def finals(place):
    return [place / "out" / "a.zip", place / "out" / "b.txt"]


def names(place):
    return sorted(p.name for p in place.rglob("*") if p.is_file())


def write_siblings(place):
    for final in finals(place):
        hidden(final).write_text(f"ours: {final.name}")


def publish_all(place, failpoint=lambda _: None):
    with Intents(place / "work", failpoint).begin("export", "P1", finals(place)) as publication:
        write_siblings(place)
        publication.note({"type": "X"})
        publication.publish()


def abandon(place, *, note, renamed=0):
    """What a killed process leaves. The lock is a living process's, so it is let go here."""
    publication = Intents(place / "work").begin("export", "P1", finals(place))
    write_siblings(place)
    if note:
        publication.note({"type": "X"})
    for final in finals(place)[:renamed]:
        hidden(final).rename(final)
    publication._lock.release()


def test_all_files_appear_under_their_names_and_nothing_else(place):
    points = []
    publish_all(place, points.append)
    assert names(place) == ["a.zip", "b.txt"]
    assert (place / "out" / "a.zip").read_text() == "ours: a.zip"
    assert points == ["intent", "noted", "renamed .zip", "renamed .txt", "published"]


@pytest.mark.parametrize("at", ["intent", "noted", "renamed .zip", "renamed .txt", "published"])
def test_what_the_books_could_not_be_told_keeps_its_intent(place, at):
    def failpoint(point):
        if point == at:
            raise Stop

    def publish_unsettled():
        intents = Intents(place / "work", failpoint)
        begun = intents.begin("export", "P1", finals(place), settled=lambda: False)
        with begun as publication:
            write_siblings(place)
            publication.note({"type": "X"})
            publication.publish()

    with pytest.raises(Stop):
        publish_unsettled()
    if at == "intent":  # nothing was begun yet
        assert names(place) == []
        return
    assert [name for name in names(place) if not name.startswith("P1")] == []
    (left,) = Intents(place / "work").abandoned()
    assert left.subject == "P1"
    left.withdraw()
    assert names(place) == []


@pytest.mark.parametrize("at", ["intent", "noted", "renamed .zip", "renamed .txt", "published"])
@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, OSError])
def test_stopped_anywhere_nothing_is_left(place, at, error):
    def failpoint(point):
        if point == at:
            raise error

    with pytest.raises(error):
        publish_all(place, failpoint)
    assert names(place) == []
    publish_all(place)  # and the next publication is free to begin
    assert names(place) == ["a.zip", "b.txt"]


def test_what_is_committed_stays_whatever_strikes_then(place):
    def commit_then_stop():
        with Intents(place / "work").begin("export", "P1", finals(place)) as publication:
            write_siblings(place)
            publication.publish()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        commit_then_stop()
    assert names(place) == ["a.zip", "b.txt"]


@pytest.mark.parametrize("taken", ["a.zip", "b.txt"])
def test_a_taken_name_is_refused_at_once(place, taken):
    (place / "out" / taken).write_text("theirs")
    with pytest.raises(Refused, match="not overwritten"):
        Intents(place / "work").begin("export", "P1", finals(place))
    assert names(place) == [taken]
    assert (place / "out" / taken).read_text() == "theirs"


@pytest.mark.parametrize("taken", ["a.zip", "b.txt"])
def test_a_name_taken_meanwhile_is_neither_overwritten_nor_removed(place, taken):
    def failpoint(point):
        if point == "noted":
            (place / "out" / taken).write_text("theirs")

    with pytest.raises(Refused, match="not overwritten"):
        publish_all(place, failpoint)
    assert names(place) == [taken]
    assert (place / "out" / taken).read_text() == "theirs"


# --- what a killed process left --------------------------------------------------------


@pytest.mark.parametrize("renamed", [0, 1, 2])
def test_a_noted_one_is_rolled_forward(place, renamed):
    abandon(place, note=True, renamed=renamed)
    (publication,) = Intents(place / "work").abandoned()
    assert (publication.kind, publication.subject) == ("export", "P1")
    assert publication.files == tuple(finals(place))
    assert publication.noted == {"type": "X"}
    publication.publish()
    publication.drop()
    assert names(place) == ["a.zip", "b.txt"]


@pytest.mark.parametrize("renamed", [0, 1, 2])
def test_a_withdrawn_one_takes_back_what_it_had_renamed(place, renamed):
    abandon(place, note=True, renamed=renamed)
    (publication,) = Intents(place / "work").abandoned()
    publication.publish()
    publication.withdraw()
    assert names(place) == []


def test_one_without_a_note_is_rolled_back(place):
    abandon(place, note=False)
    (publication,) = Intents(place / "work").abandoned()
    assert publication.noted is None
    publication.withdraw()
    assert names(place) == []


def test_taking_over_never_overwrites_either(place):
    abandon(place, note=True)
    (place / "out" / "b.txt").write_text("theirs")
    (publication,) = Intents(place / "work").abandoned()
    with pytest.raises(Refused):
        publication.publish()
    publication.withdraw()
    assert names(place) == ["b.txt"]
    assert (place / "out" / "b.txt").read_text() == "theirs"


def test_a_sibling_that_is_gone_is_told(place):
    abandon(place, note=True)
    hidden(place / "out" / "b.txt").unlink()
    (publication,) = Intents(place / "work").abandoned()
    with pytest.raises(IntegrityError, match="gone"):
        publication.publish()


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", "[" * 50_000, '{"kind": "mint"}', '{"subject": "P2"}', "\ufeff{}"],
)
def test_an_intent_that_cannot_be_read_is_told_and_kept(place, text):
    path = place / "work" / "P1.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"P1\.json"):
        list(Intents(place / "work").abandoned())
    assert path.exists()
    path.unlink()
    assert list(Intents(place / "work").abandoned()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"files": []},
        {"files": "out/a.zip"},
        {"files": [1]},
        {"files": [["out/a.zip"]]},
        {"files": ["out/a.zip", "out/a.zip"]},
        {"files": ["../a.zip"]},
        {"files": ["out/../../a.zip"]},
        {"files": ["."]},
        {"files": [""]},
        {"files": ["out/\0"]},
        {"files": ["out/\ud800"]},
        {"files": ["out/" + "a" * 255]},
        {"files": ["/" + "a/" * 4_096]},
        {"files": ["C:\\a.zip"]},
        {"files": ["/srv/a.zip", "/etc/passwd"]},
        {"files": ["/srv/../etc/passwd"]},
        {"files": [f"out/{number}" for number in range(9)]},
        {"note": []},
        {"note": "X"},
        {"kind": None},
        {"at": 1},
        {"subject": None},
        {"more": 1},
    ],
)
def test_an_intent_of_another_form_or_of_files_elsewhere_is_told_and_kept(place, change):
    abandon(place, note=True)
    path = place / "work" / "P1.json"
    notes.write(path, {**notes.read(path, 10_000), **change})
    with pytest.raises(IntegrityError, match=r"P1\.json"):
        list(Intents(place / "work").abandoned())
    with pytest.raises(IntegrityError, match=r"P1\.json"):
        Intents(place / "work").read("P1")
    assert sorted(path.name for path in (place / "out").iterdir()) == [".a.zip.part", ".b.txt.part"]


def test_an_intent_that_is_a_folder_is_told(place):
    (place / "work" / "P1.json").mkdir()
    with pytest.raises(IntegrityError, match=r"P1\.json"):
        list(Intents(place / "work").abandoned())


@pytest.mark.parametrize("kind", [*FIFO, "link", "dangling", "endless"])
def test_an_intent_that_is_no_file_is_told_and_not_waited_for(place, kind):
    path, other = place / "work" / "P1.json", place / "other.json"
    abandon(place, note=True)
    path.rename(other)
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to({"link": other, "dangling": place / "none", "endless": "/dev/zero"}[kind])
    with pytest.raises(IntegrityError, match=r"P1\.json"):
        list(Intents(place / "work").abandoned())
    with pytest.raises(IntegrityError, match=r"P1\.json"):
        Intents(place / "work").read("P1")
    assert sorted(path.name for path in (place / "out").iterdir()) == [".a.zip.part", ".b.txt.part"]


def test_an_intent_under_another_name_is_told(place):
    abandon(place, note=True)
    (place / "work" / "P1.json").rename(place / "work" / "P2.json")
    with pytest.raises(IntegrityError, match=r"P2\.json"):
        list(Intents(place / "work").abandoned())


# --- the living ------------------------------------------------------------------------


def test_a_living_intent_is_passed_over(place):
    here, there = Intents(place / "work"), Intents(place / "work")
    with here.begin("export", "P1", finals(place)):
        assert there.alive("P1")
        assert list(there.abandoned()) == []
        write_siblings(place)
    assert not there.alive("P1")
    assert not there.alive("nobody")


def test_an_intent_of_another_process_is_passed_over_until_it_dies(home):
    with waiting(home, quantity=5, wait="noted") as child:
        intents = Intents(home.path / "work")
        (path,) = (home.path / "work").glob("*.json")
        assert intents.alive(path.stem)
        assert list(intents.abandoned()) == []
        child.kill()
        child.wait()
        assert not intents.alive(path.stem)
        (publication,) = intents.abandoned()
        assert publication.subject == path.stem
        publication.withdraw()
    assert home.files() == set()


# --- the parts -------------------------------------------------------------------------


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_or_not_at_all(tmp_path, monkeypatch, error):
    def fail(_):
        raise error

    write_atomically(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_disk_full_at_the_intent_leaves_nothing(place, monkeypatch):
    def fail(_):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="full"):
            publish_all(place)
    assert names(place) == []
    publish_all(place)
    assert names(place) == ["a.zip", "b.txt"]


def test_siblings_are_durable_before_the_note_and_names_before_the_ledger(place, monkeypatch):
    """The order on which `recover` relies after a power cut."""
    done = []
    monkeypatch.setattr(publish, "fsync_folder", lambda folder: done.append(folder.name))
    publish_all(place, done.append)
    assert done.index("out") < done.index("noted")
    assert "out" in done[done.index("renamed .txt") : done.index("published")]


def test_an_intent_holds_nothing_secret_and_says_where_files_go(place):
    with Intents(place / "work").begin("export", "P1", [Path("rel.zip")]):
        intent = json.loads((place / "work" / "P1.json").read_bytes())
    assert intent == {
        "kind": "export",
        "subject": "P1",
        "files": [str(Path("rel.zip").absolute())],
        "note": None,
        "at": str(place / "work"),
        "check": notes.with_check({n: v for n, v in intent.items() if n != "check"})["check"],
    }


def test_a_moved_home_takes_its_own_files_along(place, tmp_path_factory):
    abandon(place, note=True, renamed=1)
    moved = place.rename(tmp_path_factory.mktemp("other") / "home")
    (publication,) = Intents(moved / "work").abandoned()
    assert publication.files == tuple(finals(moved))
    publication.publish()
    publication.drop()
    assert names(moved) == ["a.zip", "b.txt"]


def test_a_copied_home_leaves_alone_what_the_original_writes(place, tmp_path_factory):
    """The locks of the living lie in the original: a copy can't see them."""
    home, out = place / "home", place / "out" / "a.zip"
    (home / "work").mkdir(parents=True)
    copy = tmp_path_factory.mktemp("copy") / "home"
    with Intents(home / "work").begin("export", "P1", [out]) as publication:
        hidden(out).write_text("ours")
        publication.note({"type": "X"})
        shutil.copytree(home, copy)
        (taken,) = Intents(copy / "work").abandoned()
        assert (taken.files, taken.noted) == ((), None)
        taken.withdraw()
        publication.publish()
    assert out.read_text() == "ours"
    assert names(copy) == []
