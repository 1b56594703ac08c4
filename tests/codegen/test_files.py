"""There is the old file, the new file, or none, whatever fails and whenever."""

import contextlib
import errno
import os
import stat

import pytest

from mintmark.codegen import files
from mintmark.codegen.errors import IntegrityError, Refused


class Full(OSError):
    """No space left on the device."""


@pytest.fixture(params=["sync", "fsync_folder"])
def broken(request, monkeypatch):
    """The disk fails when what was written is to reach it."""

    def fail(_):
        raise Full

    monkeypatch.setattr(files, request.param, fail)
    return request.param


def test_a_new_file_is_its_owners_alone(tmp_path):
    files.write_exclusively(tmp_path / "key", b"secret")
    with files.create(tmp_path / "sealed") as file:
        file.write(b"x")
    assert (tmp_path / "key").read_bytes() == b"secret"
    if os.name == "posix":
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_exists_is_not_overwritten(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"precious")
    with pytest.raises(Refused, match="not overwritten"):
        files.write_exclusively(path, b"new")
    with pytest.raises(FileExistsError):
        files.create(path)
    assert path.read_bytes() == b"precious"


def test_a_failed_replacement_leaves_a_whole_file(tmp_path, broken):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(Full):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == (b"old" if broken == "sync" else b"new")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["mkdir", "mkfifo"])
def test_what_is_no_file_is_not_replaced(tmp_path, kind):
    path, beside = tmp_path / "a", tmp_path / "b"
    with contextlib.suppress(AttributeError):  # Windows makes no pipe in a folder
        getattr(os, kind)(path)
        with pytest.raises(OSError, match="no file, and not replaced"):
            files.replace_all({beside: b"new", path: b"new"})
        assert not path.is_file()
    with pytest.raises(OSError, match="no file, and not replaced"):
        files.write_atomically(tmp_path / "..", b"new")
    assert not beside.exists()


def test_a_failed_new_file_is_gone(tmp_path, broken):
    with pytest.raises(Full):
        files.write_exclusively(tmp_path / "a", b"new")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="no folder is synced there")
@pytest.mark.parametrize(
    ("code", "fails"),
    [
        *((code, False) for code in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)),
        *((code, True) for code in (errno.EIO, errno.ENOSPC, errno.EDQUOT)),
    ],
)
def test_a_folder_that_cannot_be_synced_is_no_failing_disk(tmp_path, monkeypatch, code, fails):
    fsync = os.fsync

    def answer(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", answer)
    if fails:
        with pytest.raises(OSError, match=os.strerror(code)):
            files.write_exclusively(tmp_path / "a", b"new")
    else:
        files.write_exclusively(tmp_path / "a", b"new")
        files.write_atomically(tmp_path / "a", b"newer")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if fails else [b"newer"])


def test_renames_reach_the_disk_after_the_file_did(tmp_path, monkeypatch):
    """The order is the promise: content, name, folder."""
    order = []
    sync, folder = files.sync, files.fsync_folder
    monkeypatch.setattr(files, "sync", lambda file: (order.append("content"), sync(file)))
    monkeypatch.setattr(
        files,
        "fsync_folder",
        lambda path: (order.append(("folder", (tmp_path / "a").read_bytes())), folder(path)),
    )
    files.write_atomically(tmp_path / "a", b"new")
    assert order == ["content", ("folder", b"new")]


def test_all_are_replaced_or_none(tmp_path, monkeypatch):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"old")
    files.replace_all({first: b"new", second: b"new"})
    assert (first.read_bytes(), second.read_bytes()) == (b"new", b"new")
    second.write_bytes(b"old")
    whole = files.sync
    written = []

    def full(file):
        written.append(file)
        if len(written) == 2:
            raise Full
        whole(file)

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(Full):
        files.replace_all({first: b"newer", second: b"newer"})
    assert (first.read_bytes(), second.read_bytes()) == (b"new", b"old")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_what_is_handed_on_is_readable_as_the_umask_says(tmp_path):
    files.write_exclusively(tmp_path / "letter", b"text", owner_only=False)
    (tmp_path / "plain").write_bytes(b"text")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_what_lies_in_a_folder_whatever_it_is_called(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(home, target_is_directory=True)
    (tmp_path / "not-yet").symlink_to(home / "made-later")
    (home / "away").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    for name in (".", "new/file", "../home/x", "../link", "../link/a/b", "../not-yet/x"):
        assert files.lies_in(home / name, home), name
        assert files.lies_in(home / name, tmp_path / "link"), name
    for name in ("..", "../home2", "../elsewhere/x", "away/x", "away/../x"):
        assert not files.lies_in(home / name, home), name


def test_the_home_that_a_path_lies_in(tmp_path):
    home = tmp_path / "home"
    (home / "keys").mkdir(parents=True)
    (tmp_path / "way").symlink_to(home / "keys", target_is_directory=True)
    settings, *others = (home / name for name in files.HOME_FILES)
    for other in others:  # the books, or of a station that shares them its key
        assert files.home_of(home / "keys" / "x") is None
        settings.touch()
        assert files.home_of(home) is None
        other.touch()
        assert files.home_of(home) == home.resolve()
        settings.unlink()
        assert files.home_of(home) is None
        other.unlink()
    settings.touch()
    others[-1].touch()
    for path in (home, home / "new" / "x", tmp_path / "way" / "x", home / "keys" / ".." / "y"):
        assert files.home_of(path) == home.resolve()
    assert files.home_of(tmp_path / "homes") is None


def test_a_second_name_of_a_folder_that_is_no_link(tmp_path, monkeypatch):
    # As on a disk that takes letters in any case, and below a second mount.
    same = {tmp_path / "home", tmp_path / "HOME"}
    monkeypatch.setattr(type(tmp_path), "samefile", lambda path, other: {path, other} <= same)
    assert files.lies_in(tmp_path / "HOME" / "sent" / "x", tmp_path / "home")
    assert not files.lies_in(tmp_path / "sent", tmp_path / "home")


@pytest.mark.parametrize("kind", ["mkdir", "mkfifo"])
def test_a_folder_or_a_pipe_is_no_file_of_a_home_and_is_not_waited_for(tmp_path, kind):
    with contextlib.suppress(AttributeError):  # Windows makes no pipe in a folder
        getattr(os, kind)(tmp_path / "station.key")
        with pytest.raises(IntegrityError, match="is no file") as caught:
            files.open_own(tmp_path / "station.key")
        assert caught.value.hints


def test_a_file_of_a_home_is_opened(tmp_path):
    (tmp_path / "a").write_bytes(b"text")
    with files.open_own(tmp_path / "a") as file:
        assert file.read() == b"text"
    with pytest.raises(FileNotFoundError):
        files.open_own(tmp_path / "b")
