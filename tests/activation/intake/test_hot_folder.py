"""The hot folder: complete files only, and no order twice wherever a crash falls."""

import errno
import io
import json
import os
from pathlib import Path

import pytest
from line_kit import Backend, client, home_with_batches, opened, program, terminate, until

from mintmark.activation.intake.arrivals import PATIENCE
from mintmark.activation.intake.hot_folder import HotFolder
from mintmark.activation.intake.only_watcher import LOCK
from mintmark.activation.intake.order_file import read_file
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import EnvironmentFailure, Refused, UsageError
from mintmark.codegen.ledger.changes import Incident, Ordered
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.station.publish import no_failpoint


@pytest.fixture
def made(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    folder = tmp_path / "drop"
    for name in ("done", "failed"):
        (folder / name).mkdir(parents=True)
    with Backend(tmp_path / "backend", home.path) as backend, opened(home.path) as station:
        yield station, backend, batch, folder


def drop(made, looks=3, failpoint=no_failpoint, marker=False):
    """Watches for so many looks."""
    station, backend, _, folder = made
    done = []
    return HotFolder(
        station=station,
        connect=lambda: client(backend.url),
        folder=folder,
        wait=done.append,
        stopped=lambda: len(done) >= looks,
        log=lambda *_, **__: None,
        marker=marker,
        failpoint=failpoint,
    )


def orders(batch, *serials, action="activate"):
    head = "action,batch,serials\n"
    return head + "".join(f"{action},{batch},{ranges}\n" for ranges in serials)


def ordered(station):
    with station.ledger.read() as view:
        return [e.change.order for e in view.events(limit=1_000) if isinstance(e.change, Ordered)]


def names(folder):
    return sorted(
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.name != LOCK and p.is_file()
    )


def test_a_file_is_applied_and_moved_with_its_result(made):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5", "900"), "utf-8")
    watched = drop(made).run()
    assert (watched.files, watched.failed, watched.orders) == (1, 0, 2)
    assert names(folder) == ["done/a.csv", "done/a.csv.result.jsonl"]
    reported = (folder / "done" / "a.csv.result.jsonl").read_text("ascii").splitlines()
    assert [json.loads(line)["status"] for line in reported] == ["acknowledged", "refused"]
    assert len(ordered(station)) == 1


def test_what_is_not_complete_is_left_alone(made):
    station, _, batch, folder = made
    for name in ("a.csv.part", "a.tmp", ".hidden.csv", "~$a.csv", "notes.txt"):
        (folder / name).write_text(orders(batch, "1-5"), "utf-8")
    (folder / "folder.csv").mkdir()
    if os.name == "posix":
        (folder / "link.csv").symlink_to(folder / "a.tmp")
    before = names(folder)
    drop(made, looks=4).run()
    assert names(folder) == before
    assert ordered(station) == []


def test_a_growing_file_waits_until_it_rests(made):
    _, _, batch, folder = made
    path = folder / "a.csv"
    watcher = drop(made)
    text = orders(batch, "1-5", "6-9")
    for cut in (25, 40, len(text)):
        path.write_text(text[:cut], "utf-8")
        os.utime(path, ns=(cut, cut))
        assert watcher.complete() == []
    assert watcher.complete() == [path]


def test_with_markers_a_file_waits_for_its_own(made):
    _, _, batch, folder = made
    path, marker = folder / "a.csv", folder / "a.csv.done"
    path.write_text(orders(batch, "1-5"), "utf-8")
    os.utime(path, ns=(10, 10))
    watcher = drop(made, marker=True)
    watcher.complete()
    assert watcher.complete() == []
    marker.touch()
    os.utime(marker, ns=(9, 9))  # left behind by an earlier file of that name
    assert watcher.complete() == []
    os.utime(marker, ns=(10, 10))
    assert watcher.complete() == [path]
    drop(made, marker=True).run()
    assert names(folder) == ["done/a.csv", "done/a.csv.result.jsonl"]


def test_poison_is_set_aside_with_its_reason(made):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5") + "too,many,cells,here\n", "utf-8")
    (folder / "b.csv").write_text(orders(batch, "6-9"), "utf-8")
    watched = drop(made).run()
    assert (watched.files, watched.failed) == (1, 1)
    assert names(folder) == [
        *("done/b.csv", "done/b.csv.result.jsonl", "failed/a.csv", "failed/a.csv.reason.json"),
    ]
    reason = json.loads((folder / "failed" / "a.csv.reason.json").read_text("ascii"))
    assert "malformed" in reason["error"]
    assert reason["rows"] == [3]
    assert len(ordered(station)) == 1


def test_the_same_name_again_writes_over_nothing(made):
    station, _, batch, folder = made
    for ranges in ("1-5", "6-9"):
        (folder / "a.csv").write_text(orders(batch, ranges), "utf-8")
        drop(made).run()
    assert names(folder) == [
        *("done/a.2.csv", "done/a.2.csv.result.jsonl", "done/a.csv", "done/a.csv.result.jsonl"),
    ]
    assert len(ordered(station)) == 2


def test_the_same_file_under_two_names_is_two_files(made):
    station, _, batch, folder = made
    for name in ("monday.csv", "tuesday.csv"):
        (folder / name).write_text(
            orders(batch, "1-5", action="assign")
            .replace("\n", ",L1\n")
            .replace("serials,L1", "serials,set.lot"),
            "utf-8",
        )
    drop(made).run()
    assert len(ordered(station)) == 2


LONG = "卷" * 83 + ".csv"  # 253 bytes: with .result.jsonl, or as .2, no file system takes it


def lines(folder, name):
    reported = (folder / "done" / f"{name}.result.jsonl").read_text("ascii").splitlines()
    return [json.loads(line)["status"] for line in reported]


def test_a_long_name_is_cut_and_stays_its_own(made):
    station, _, batch, folder = made
    twin = "卷" * 82 + "轴.csv"
    for name, ranges in ((LONG, "1-5"), (LONG, "6-9"), (twin, "11-15")):
        (folder / name).write_text(orders(batch, ranges), "utf-8")
        (folder / "z.csv").write_text(orders(batch, "20"), "utf-8")
        drop(made).run()
    long = [path.name for path in (folder / "done").glob("卷*")]
    files = [name for name in long if name.endswith(".csv")]
    assert len(files) == 3
    assert [name.count(".") for name in sorted(files, key=len)] == [1, 1, 2]  # its last is a .2
    assert sorted(long) == sorted([*files, *(f"{name}.result.jsonl" for name in files)])
    assert all(lines(folder, name) == ["acknowledged"] for name in files)
    assert (folder / "done" / "z.2.csv").exists()
    assert not [name for name in names(folder) if "/" not in name]
    assert len(ordered(station)) == 4  # z.csv thrice holds the same


@pytest.mark.parametrize("bytes_", [231, 236, 237, 243, 244, 250, 251, 255])
def test_names_of_every_length_are_set_aside(made, bytes_):
    _, _, batch, folder = made
    name = "a" * (bytes_ - 4) + ".csv"
    (folder / name).write_text(orders(batch, "1-5") + "too,many,cells,here\n", "utf-8")
    watched = drop(made).run()
    assert watched.failed == 1
    (reason,) = (folder / "failed").glob("*.reason.json")
    assert reason.with_name(reason.name.removesuffix(".reason.json")).exists()
    assert (folder / "failed" / name).exists() == (bytes_ <= 236)


def logged(watcher, event):
    """The details of that event, as they are logged."""
    reported, log = [], watcher.log

    def note(name, **details):
        log(name, **details)
        if name == event:
            reported.append(details)

    watcher.log = note
    return reported


@pytest.mark.parametrize("error", [PermissionError, OSError, ZeroDivisionError])
def test_what_cannot_be_read_keeps_nobody_waiting(made, monkeypatch, error):
    station, _, batch, folder = made
    for name, ranges in (("a.csv", "1-5"), ("b.csv", "6-9")):
        (folder / name).write_text(orders(batch, ranges), "utf-8")
    locked = [True]

    def reading(path):
        if path.name == "a.csv" and locked:
            raise error
        return read_file(path)

    monkeypatch.setattr("mintmark.activation.intake.hot_folder.read_file", reading)
    watcher = drop(made, looks=5)
    left = logged(watcher, "left")
    assert watcher.run().files == 1
    assert names(folder) == ["a.csv", "done/b.csv", "done/b.csv.result.jsonl"]
    (told,) = left
    assert told["file"] == "a.csv"
    assert error.__name__ in told["error"]
    locked.clear()
    assert drop(made).run().files == 1
    assert len(ordered(station)) == 2


def test_what_is_queued_is_delivered_beside_a_file_that_cannot_be_read(made, monkeypatch):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5"), "utf-8")
    book(station, OrderRequest(Action.ACTIVATE, batch, BySerials("11-15"), order="waits"))

    def reading(_):
        raise PermissionError

    monkeypatch.setattr("mintmark.activation.intake.hot_folder.read_file", reading)
    drop(made).run()
    with station.ledger.read() as view:
        assert view.order("waits").status == "acknowledged"


def test_a_result_that_cannot_be_written_keeps_nobody_waiting(made):
    station, _, batch, folder = made
    for name, ranges in (("a.csv", "1-5"), ("b.csv", "6-9")):
        (folder / name).write_text(orders(batch, ranges), "utf-8")
    (folder / "done" / "a.csv.result.jsonl").mkdir()
    watcher = drop(made, looks=5)
    left = logged(watcher, "left")
    assert watcher.run().files == 1
    assert names(folder) == ["a.csv", "done/b.csv", "done/b.csv.result.jsonl"]
    assert len(left) == 1
    (folder / "done" / "a.csv.result.jsonl").rmdir()
    drop(made).run()
    assert lines(folder, "a.csv") == ["acknowledged"]
    assert len(ordered(station)) == 2


def test_a_file_taken_back_is_forgotten(made, monkeypatch):
    _, _, batch, folder = made
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text(orders(batch, "1-5"), "utf-8")

    def reading(path):
        (folder / "a.csv").unlink(missing_ok=True)
        return read_file(path)

    monkeypatch.setattr("mintmark.activation.intake.hot_folder.read_file", reading)
    watcher = drop(made)
    hindered = logged(watcher, "hindered")
    assert watcher.run().files == 1
    assert not hindered
    assert names(folder) == ["done/b.csv", "done/b.csv.result.jsonl"]


@pytest.mark.skipif(os.name != "posix", reason="no links there")
def test_what_is_no_plain_file_is_told_once_and_anew_when_it_comes_again(made):
    _, _, batch, folder = made
    (folder / "a.csv").mkdir()
    (folder / "b.csv").symlink_to(folder / "none")
    (folder / "c.csv").write_text(orders(batch, "1-5"), "utf-8")
    watcher = drop(made, looks=5)
    left = logged(watcher, "left")
    assert watcher.run().files == 1
    reported = [{"file": name, "error": "no plain file"} for name in ("a.csv", "b.csv")]
    assert left == reported
    (folder / "b.csv").unlink()
    watcher.complete()
    (folder / "b.csv").symlink_to(folder / "none")
    watcher.complete()
    assert left == [*reported, reported[1]]


@pytest.mark.parametrize("function", ["apply", "write_results"])
def test_a_machine_that_fails_stops_the_turn(made, monkeypatch, function):
    _, _, batch, folder = made
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text(orders(batch, "1-5"), "utf-8")
    tries = []

    def full(*_, **__):
        tries.append(function)
        raise OSError(errno.ENOSPC if function == "write_results" else errno.EIO, "no")

    monkeypatch.setattr(f"mintmark.activation.intake.hot_folder.{function}", full)
    watcher = drop(made)
    hindered = logged(watcher, "hindered")
    watcher.run()
    assert len(tries) == len(hindered) == 2  # two turns found both files, and began with the first
    assert names(folder) == ["a.csv", "b.csv"]


class Killed(BaseException):
    """A crash: nobody catches it."""


@pytest.mark.parametrize("point", ["read", "begun", "applied", "result", "moved"])
@pytest.mark.parametrize("marker", [False, True])
def test_after_a_crash_at_any_point_nothing_is_ordered_twice(made, point, marker):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5", "6-9", "1-3"), "utf-8")
    (folder / "a.csv.done").touch()

    def crash(reached):
        if reached == point:
            raise Killed

    with pytest.raises(Killed):
        drop(made, failpoint=crash, marker=marker).run()
    drop(made, marker=marker).run()
    left = ["a.csv.done"] if point == "moved" else []
    assert names(folder) == [*left, "done/a.csv", "done/a.csv.result.jsonl"]
    assert len(ordered(station)) == 2
    reported = (folder / "done" / "a.csv.result.jsonl").read_text("ascii").splitlines()
    statuses = [json.loads(line)["status"] for line in reported]
    assert statuses == ["acknowledged", "acknowledged", "refused"]


def test_a_failing_machine_leaves_the_file_where_it_is(made, monkeypatch):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5"), "utf-8")
    commit = type(station.ledger).commit
    failures = iter([EnvironmentFailure("the ledger is locked by another mintmark process")])

    def once(*arguments, **options):
        for failure in failures:
            raise failure
        return commit(*arguments, **options)

    monkeypatch.setattr(type(station.ledger), "commit", once)
    assert drop(made, looks=5).run().files == 1
    assert names(folder) == ["done/a.csv", "done/a.csv.result.jsonl"]


def test_two_do_not_watch_one_folder(made):
    first = drop(made, looks=1)
    refusals = []

    end = first.wait

    def second(seconds):
        end(seconds)
        with pytest.raises(Refused, match="watched already") as refused:
            drop(made).run()
        refusals.append(refused)

    first.wait = second
    first.run()
    assert refusals


def test_a_folder_that_is_none(made, tmp_path):
    watcher = drop(made)
    watcher.folder = tmp_path / "none"
    with pytest.raises(UsageError):
        watcher.run()


def test_as_a_service_it_ends_on_sigterm(made, byte_code):
    station, backend, batch, folder = made
    process = program(
        "orders", "watch", str(folder), "--json-logs", "--json",
        home=station.home, url=backend.url, byte_code=byte_code,
    )  # fmt: skip
    (folder / "a.csv").write_text(orders(batch, "1-5"), "utf-8")
    until((folder / "done" / "a.csv").exists, process=process)
    code, out, err = terminate(process)
    assert code == 0, err
    assert json.loads(out) == {"files": 1, "failed": 0, "orders": 1}
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert (events[0], events[-1]) == ("started", "stopped")
    assert "applied" in events


# --- what is not complete, and what is not taken --------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "action,batch,serials\nactivate,{batch},1-",  # cut from 1-100
        "action,batch,serials,count\nactivate,{batch},1-5,5\nactivate,{batch},6-9",
        "action,batch,serials\n",  # the rows come later
        "action,bat",
        '{{"action": "activate", "batch": "{batch}", "ser',
        'action,batch,serials\nactivate,{batch},"1-5\n',
    ],
)
def test_what_may_have_been_cut_short_waits_a_minute(made, text):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(text.format(batch=batch), "utf-8")
    watcher = drop(made, looks=PATIENCE)
    left = logged(watcher, "left")
    assert watcher.run().failed == 0
    assert names(folder) == ["a.csv"]
    (told,) = left
    assert told["file"] == "a.csv"
    assert "may still be written" in told["error"]
    assert drop(made, looks=PATIENCE + 2).run().failed == 1
    assert names(folder) == ["failed/a.csv", "failed/a.csv.reason.json"]
    assert ordered(station) == []
    assert [event.kind for event in incidents(station)] == ["file-refused"]


def test_an_unfinished_file_that_is_finished_is_taken(made):
    station, _, batch, folder = made
    path = folder / "a.csv"
    path.write_text(f"action,batch,serials\nactivate,{batch},1-", "utf-8")
    watcher = drop(made, looks=8)
    pause = watcher.wait

    def finish(seconds):
        pause(seconds)
        if watcher.stopped() is False and path.exists() and path.read_text().endswith("1-"):
            with path.open("a", encoding="utf-8") as file:
                file.write("100\n")

    watcher.wait = finish
    assert watcher.run().files == 1
    with station.ledger.read() as view:
        (order,) = view.orders(batch)
    assert str(order.change.serials[0]) == "1-100"


def test_with_its_marker_a_cut_file_is_refused_at_once(made):
    _, _, batch, folder = made
    (folder / "a.csv").write_text(f"action,batch,serials\nactivate,{batch},1-", "utf-8")
    (folder / "a.csv.done").touch()
    assert drop(made, marker=True).run().failed == 1


def test_an_empty_file_is_left_alone_and_told_once(made):
    station, _, batch, folder = made
    path = folder / "a.csv"
    path.touch()
    watcher = drop(made, looks=PATIENCE + 5)
    left = logged(watcher, "left")
    assert watcher.run().failed == 0
    assert [told["file"] for told in left] == ["a.csv"]
    assert "empty" in left[0]["error"]
    path.write_text(orders(batch, "1-5"), "utf-8")
    assert drop(made).run().files == 1
    assert len(ordered(station)) == 1


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("orders.xlsx", "CSV UTF-8"),
        ("orders.et", "CSV UTF-8"),
        ("o.txt", "name it .csv"),
        ("orders", "name it .csv"),
        ("a.CSV.gz", "unpack"),
        ("a.json", "an object per line"),
        ("orders.csv ", "CSV UTF-8"),
    ],
)
def test_what_is_not_taken_is_told_once_with_what_to_do(made, name, what):
    _, _, _, folder = made
    (folder / name).write_bytes(b"PK")
    watcher = drop(made, looks=6)
    left = logged(watcher, "left")
    watcher.run()
    (told,) = left
    assert told["file"] == name
    assert what in told["error"]
    assert names(folder) == [name]


def test_what_careful_writers_write_is_passed_over_in_silence(made):
    _, _, _, folder = made
    for name in ("a.csv.part", "a.CSV.TMP", "a.csv.filepart", ".a.csv", "~$a.xlsx", "a.csv~"):
        (folder / name).touch()
    (folder / "2026-11").mkdir()
    watcher = drop(made, looks=4)
    left = logged(watcher, "left")
    watcher.run()
    assert left == [{"file": "2026-11", "error": "a folder: files in it are not taken"}]


# --- what is written after a file was taken ---------------------------------------------------


def incidents(station):
    with station.ledger.read() as view:
        return [e.change for e in view.events(limit=1_000) if isinstance(e.change, Incident)]


def late(made, path, text):
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_late_rows_are_noticed_logged_and_alarmed_once(made):
    station, _, batch, folder = made
    path, done = folder / "a.csv", folder / "done" / "a.csv"
    path.write_text(orders(batch, "1-5", "6-9"), "utf-8")
    with path.open("a", encoding="utf-8") as writer:  # its writer holds it open
        watcher = drop(made, looks=9)
        pause = watcher.wait
        changed = logged(watcher, "changed")

        def write(seconds):
            pause(seconds)
            if done.exists() and done.read_text("utf-8").count("\n") == 3:
                writer.write(f"activate,{batch},11-15\nactivate,{batch},16\n")
                writer.flush()

        watcher.wait = write
        assert watcher.run().files == 1
    (told,) = changed
    assert told["file"] == "a.csv"
    assert "changed after it was taken" in told["error"]
    (incident,) = incidents(station)
    assert incident.kind == "file-changed"
    assert incident.detail.startswith("a.csv: changed after it was taken")
    assert len(ordered(station)) == 2
    assert names(folder) == ["done/a.csv", "done/a.csv.result.jsonl"]
    drop(made, looks=5).run()
    assert len(incidents(station)) == 1  # told, also after a restart
    late(made, done, f"activate,{batch},17\n")
    watcher = drop(made, looks=5)
    changed = logged(watcher, "changed")
    watcher.run()
    assert len(changed) == 1  # what comes later still is in the log
    assert len(incidents(station)) == 1


def test_late_rows_are_noticed_after_a_restart(made):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5"), "utf-8")
    drop(made).run()
    late(made, folder / "done" / "a.csv", f"activate,{batch},11-15\n")
    watcher = drop(made, looks=4)
    changed = logged(watcher, "changed")
    watcher.run()
    assert len(changed) == len(incidents(station)) == 1
    assert len(ordered(station)) == 1


def test_a_tail_under_the_old_name_is_refused_and_alarmed(made):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5"), "utf-8")
    drop(made).run()
    (folder / "a.csv").write_text(f"activate,{batch},11-15\nactivate,{batch},16\n", "utf-8")
    assert drop(made).run().failed == 1
    (incident,) = incidents(station)
    assert incident.kind == "file-refused"
    assert len(ordered(station)) == 1


@pytest.mark.parametrize("same_time", [False, True])
def test_a_change_between_reading_and_moving_is_noticed(made, same_time):
    station, _, batch, folder = made
    path = folder / "a.csv"
    path.write_text(orders(batch, "1-5"), "utf-8")
    before = path.stat()

    def change(reached):
        if reached == "applied":
            text = orders(batch, "6-9") if same_time else orders(batch, "1-5", "6-9")
            path.write_text(text, "utf-8")
            if same_time:  # within a tick of the clock, and as long
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert drop(made, failpoint=change, looks=6).run().files == 1
    assert [incident.kind for incident in incidents(station)] == ["file-changed"]
    assert len(ordered(station)) == 1


def test_a_file_that_was_only_touched_has_not_changed(made):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5"), "utf-8")
    drop(made).run()
    os.utime(folder / "done" / "a.csv", ns=(5, 5))
    drop(made, looks=5).run()
    (folder / "done" / "a.csv").unlink()  # cleared away
    drop(made, looks=5).run()
    assert incidents(station) == []


def test_every_file_is_looked_at_in_turn(made, monkeypatch):
    monkeypatch.setattr("mintmark.activation.intake.taken_files.LOOKED_AT", 1)
    station, _, batch, folder = made
    for number in range(5):
        (folder / f"{number}.csv").write_text(orders(batch, f"{number + 1}"), "utf-8")
    drop(made).run()
    late(made, folder / "done" / "1.csv", f"activate,{batch},11-15\n")
    drop(made, looks=12).run()
    assert len(incidents(station)) == 1


@pytest.mark.parametrize("point", ["begun", "applied", "result"])
def test_a_file_changed_after_a_crash_is_not_ordered_again(made, point):
    station, _, batch, folder = made
    path = folder / "a.csv"
    path.write_text(orders(batch, "1-5", "6-9", action="assign").replace(
        "\n", ",L1\n").replace("serials,L1", "serials,set.lot"), "utf-8")  # fmt: skip

    def crash(reached):
        if reached == point:
            raise Killed

    with pytest.raises(Killed):
        drop(made, failpoint=crash).run()
    late(made, path, f"assign,{batch},11-15,L1\n")
    watched = drop(made).run()
    if point == "begun":  # nothing was booked: it is a file like any other
        assert (watched.files, watched.failed) == (1, 0)
        assert len(ordered(station)) == 3
    else:
        assert (watched.files, watched.failed) == (0, 1)
        assert len(ordered(station)) == 2
        assert [incident.kind for incident in incidents(station)] == ["file-changed"]
    path.write_text(orders(batch, "20"), "utf-8")
    assert drop(made).run().files == 1  # the next of that name is taken


def test_a_file_only_touched_after_a_crash_is_the_same(made):
    station, _, batch, folder = made
    path = folder / "a.csv"
    path.write_text(orders(batch, "1-5", action="assign").replace(
        "\n", ",L1\n").replace("serials,L1", "serials,set.lot"), "utf-8")  # fmt: skip

    def crash(reached):
        if reached == "applied":
            raise Killed

    with pytest.raises(Killed):
        drop(made, failpoint=crash).run()
    os.utime(path, ns=(5, 5))  # a file server that sets the time late, a writer that retries
    assert drop(made, looks=6).run().files == 1
    assert len(ordered(station)) == 1
    assert incidents(station) == []


def test_a_crash_while_a_change_is_reported_reports_it_again(made):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5"), "utf-8")
    drop(made).run()
    late(made, folder / "done" / "a.csv", "x")

    def crash(reached):
        if reached == "alarmed":
            raise Killed

    with pytest.raises(Killed):
        drop(made, failpoint=crash, looks=4).run()
    drop(made, looks=4).run()
    assert len(incidents(station)) == 2
    drop(made, looks=4).run()
    assert len(incidents(station)) == 2


@pytest.mark.parametrize("damage", ["{", "[]", '{"taken": [{}], "under_way": []}', "\x00"])
def test_a_damaged_memory_is_told_and_begun_anew(made, damage):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5"), "utf-8")
    drop(made).run()
    (kept,) = (station.home / "hot-folders").iterdir()
    kept.write_text(damage, "utf-8")
    watcher = drop(made)
    forgotten = logged(watcher, "forgotten")
    watcher.run()
    assert len(forgotten) == 1
    assert incidents(station) == []


# --- the same file again ----------------------------------------------------------------------


def test_the_first_file_dropped_again_is_ordered_again(made):
    station, _, batch, folder = made
    for name, action in (("f.csv", "freeze"), ("u.csv", "unfreeze"), ("f.csv", "freeze")):
        (folder / name).write_text(orders(batch, "20-30", action=action), "utf-8")
        drop(made).run()
    with station.ledger.read() as view:
        assert view.at(batch, 25).state is State.FROZEN
    assert len(ordered(station)) == 3
    assert incidents(station) == []


def test_the_very_same_file_dropped_again_is_told_that_it_stands_no_more(made):
    station, _, batch, folder = made
    for name, action in (("f.csv", "freeze"), ("u.csv", "unfreeze"), ("f.csv", "freeze")):
        (folder / name).write_text(orders(batch, "20-30", action=action), "utf-8")
        os.utime(folder / name, ns=(7, 7))  # copied with its time: cp -p
        watcher = drop(made)
        repeated = logged(watcher, "repeated")
        watcher.run()
    assert repeated[0]["file"] == "f.csv"
    (result,) = (folder / "done" / "f.2.csv.result.jsonl").read_text("ascii").splitlines()
    outcome = json.loads(result)
    assert (outcome["repeated"], outcome["undone"], outcome["exit"]) == (True, [[20, 30]], 3)
    (incident,) = incidents(station)
    assert (incident.kind, incident.facts.batch) == ("repeated-orders", batch)


def test_an_unexpected_error_leaves_the_results_of_what_was_booked(made, monkeypatch):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5", "6-9"), "utf-8")

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("mintmark.activation.intake.apply.repeats.undone", broken)
    assert drop(made).run().failed == 1
    reported = (folder / "failed" / "a.csv.result.jsonl").read_text("ascii").splitlines()
    assert [json.loads(line)["booked"] for line in reported] == [True, True]
    assert len(ordered(station)) == 2


@pytest.fixture
def narrow(monkeypatch):
    """`narrow(told, taken)`: a file system that says `told` of its names, and takes `taken`."""

    def names_of(told, taken):
        lstat, opened, io_opened, renamed = os.lstat, os.open, io.open, Path.replace

        def check(path):
            if not isinstance(path, int) and len(os.fsencode(path).rpartition(b"/")[2]) > taken:
                raise OSError(errno.ENAMETOOLONG, "File name too long", str(path))

        def looked(path, **options):
            check(path)
            return lstat(path, **options)

        def open_(path, *args, **options):
            check(path)
            return opened(path, *args, **options)

        def io_open(path, *args, **options):
            check(path)
            return io_opened(path, *args, **options)

        def replaced(path, target):
            check(target)
            return renamed(path, target)

        monkeypatch.setattr(os, "pathconf", lambda *_: told, raising=False)
        monkeypatch.setattr(os, "lstat", looked)
        monkeypatch.setattr(os, "open", open_)
        monkeypatch.setattr(io, "open", io_open)
        monkeypatch.setattr(Path, "replace", replaced)

    return names_of


@pytest.mark.skipif(os.name == "nt", reason="there it is 255 characters")
@pytest.mark.parametrize(
    ("told", "taken"), [(143, 143), (189, 175)], ids=["securefs", "encfs, which is mistaken"]
)
@pytest.mark.parametrize("good", [True, False])
def test_shorter_names_are_asked_for_before_anything_is_booked(made, narrow, told, taken, good):
    station, _, batch, folder = made
    name = "a" * (taken - 4) + ".csv"
    text = orders(batch, "1-5") if good else "rubbish\n1\n"
    (folder / name).write_text(text, "utf-8")
    narrow(told, taken)
    watched = drop(made).run()
    assert (watched.files, watched.failed) == ((1, 0) if good else (0, 1))
    assert len(ordered(station)) == good
    found = [path.rpartition("/")[2] for path in names(folder)]
    assert len(found) == 2
    end = ".result.jsonl" if good else ".reason.json"
    assert sum(item.endswith(end) for item in found) == 1


@pytest.mark.skipif(os.name == "nt", reason="there it is 255 characters")
def test_a_folder_of_hardly_any_names_is_refused(made, narrow):
    station, _, batch, folder = made
    (folder / "a.csv").write_text(orders(batch, "1-5"), "utf-8")
    narrow(60, 60)
    with pytest.raises(EnvironmentFailure, match="60 bytes"):
        drop(made).run()
    assert ordered(station) == []
    assert names(folder) == ["a.csv"]
