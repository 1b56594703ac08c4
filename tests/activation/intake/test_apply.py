"""Files of orders: what is read, what is refused whole, and that twice is once."""

import contextlib
import json
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_kit import Backend, client, home_with_batches, opened

from mintmark.activation.intake.applied import check_results, write_results
from mintmark.activation.intake.apply import apply
from mintmark.activation.intake.order_file import OrderFile, read_file
from mintmark.activation.orders import sheets
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import EnvironmentFailure, NotFound, UsageError
from mintmark.codegen.ledger.changes import Ordered

ZONE = ZoneInfo("Asia/Shanghai")
TABLE = "action,batch,serials,set.region,reason\n"


def csv(*lines, head=TABLE):
    return (head + "\n".join(lines) + "\n").encode()


# --- reading -------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_encodings_of_the_factory_say_the_same(encoding, ends):
    text = TABLE + "assign,B,1-10,湖南,\n\nvoid,B,11,,misprint\n"
    rows = sheets.read(text.replace("\n", ends).encode(encoding))
    assert [row.fields for row in rows] == [
        {"action": "assign", "batch": "B", "serials": "1-10", "set.region": "湖南"},
        {"action": "void", "batch": "B", "serials": "11", "reason": "misprint"},
    ]
    assert [row.number for row in rows] == [2, 4]
    assert sheets.order_ids("4F2K-A", rows) == sheets.order_ids(
        "4F2K-A", sheets.read(text.encode())
    )


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_cell_may_hold_the_delimiter(delimiter):
    text = (
        f'action{delimiter}batch{delimiter}serials\nassign{delimiter}B{delimiter}"1{delimiter}2"\n'
    )
    assert sheets.read(text.encode())[0].fields["serials"] == f"1{delimiter}2"


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (csv("activate,B,1,,,extra", "activate,B,2,,"), [2]),
        (csv('activate,B,"1,,'), [2]),
        (b"action,batch,serial\nactivate,B,1\n", [1]),
        (b"action,batch,batch\nactivate,B,1\n", [1]),
        (b"batch,serials\nB,1\n", [1]),
        (b'{"action": "activate"}\n[1]\n{"a": 1, "a": 2}\n{"a": NaN}\n', [2, 3, 4]),
        (b'{"action": "activate"}\n{"cut', [2]),
        (b'{"action": "' + b"x" * 300_000 + b'"}', [1]),
        (b"[" * 100_000, [1]),
    ],
)
def test_a_malformed_file_is_refused_whole_with_its_rows(data, rows):
    with pytest.raises(UsageError, match="malformed") as refused:
        sheets.read(data)
    assert refused.value.details["rows"] == rows


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no order"),
        (TABLE.encode(), "no order"),
        (TABLE.encode("utf-16"), "UTF-16"),
        (b"\xff\x00\x81", "no text"),
        (b"action,batch\n\0", "no text"),
        (b"x" * (sheets.FILE_BYTES + 1), "larger"),
    ],
)
def test_what_is_no_file_of_orders(data, why):
    with pytest.raises(UsageError, match=why):
        sheets.read(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(UsageError):
        for row in sheets.read(data):
            assert row.number >= 1
            with contextlib.suppress(UsageError):
                assert row.request(ZONE).batch


@given(st.lists(st.text('ab,"\n ', max_size=5), min_size=2, max_size=6))
def test_ids_follow_from_content_and_place(cells):
    rows = [
        sheets.Row(n + 2, {"action": "a", "serials": cell}, False) for n, cell in enumerate(cells)
    ]
    ids = sheets.order_ids("4F2K-A", rows)
    assert len(set(ids)) == len(ids)  # equal rows are two orders
    assert ids == sheets.order_ids("4F2K-A", rows)
    assert not set(ids) & set(sheets.order_ids("4F2K-A", rows, "other.csv"))
    assert not set(ids) & set(sheets.order_ids("4F2K-A", rows[:-1]))
    assert not set(ids) & set(sheets.order_ids("5F2K-A", rows))
    assert all(name.startswith("4F2K-") for name in ids)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"action": "jump"}, "unknown action"),
        ({"batch": ""}, "batch is missing"),
        ({"serials": "@/etc/passwd"}, "cannot name a file"),
        ({"serials": [[2, 1]]}, "pairs"),
        ({"serials": []}, "no range"),
        ({"serials": 5}, "text, or pairs"),
        ({"count": True}, "whole number"),
        ({"count": 0}, "at least 1"),
        ({"count": -1}, "whole number"),
        ({"strict": "yes"}, "true or false"),
        ({"set": [1]}, "object"),
        ({"set": {"lott": "x"}}, "unknown attribute"),
        ({"set": {"expires_at": "2027-01-01"}}, "not set with set"),
        ({"set": {"max_scans": "2"}}, "a number"),
        ({"reason": "a\nb"}, "in one line"),
        ({"line": 3}, "text"),
        ({"expires_at": "soon"}, "not a date"),
        ({"from": "sold"}, "unknown from"),
        ({"conut": 3}, "unknown field"),
        ({"from_code": "X", "to_code": "Y"}, "unknown field"),  # no file of orders holds a code
        ({"dry_run": True}, "unknown field"),
    ],
)
def test_what_an_order_may_not_say(line, why):
    order = {"action": "assign", "batch": "B", "serials": "1", "set": {"lot": "L"}}
    (row,) = sheets.read(json.dumps(order | line).encode())
    with pytest.raises(UsageError, match=why):
        row.request(ZONE)


def test_json_has_types_and_csv_has_cells():
    order = {
        "action": "activate", "batch": "abcd-1", "serials": [[1, 5], [7, 7]], "count": 6,
        "set": {"lot": "L", "region": None, "max_scans": 2}, "from": "packaged",
        "expires_at": "2026-12-31",
    }  # fmt: skip
    (row,) = sheets.read(json.dumps(order).encode())
    from_json = row.request(ZONE)
    head = "action,batch,serials,count,set.lot,set.max_scans,from,expires_at\n"
    (row,) = sheets.read(csv("activate,abcd-1,1-5;7,6,L,2,packaged,2026-12-31", head=head))
    from_csv = row.request(ZONE)
    assert from_json.batch == from_csv.batch == "ABCD-1"
    assert (from_json.selection, from_json.count) == (from_csv.selection, from_csv.count)
    assert (from_json.selection, from_json.count) == (BySerials("1-5;7"), 6)
    assert from_json.attributes == {**from_csv.attributes, "region": None}
    assert from_json.attributes["expires_at"] == "2026-12-31T16:00:00Z"


# --- applying ------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path):
    home, (batch,) = home_with_batches(tmp_path)
    with (
        Backend(tmp_path / "backend", home.path) as backend,
        client(backend.url) as line,
        opened(home.path) as station,
    ):
        yield station, line, batch


def ordered(station):
    with station.ledger.read() as view:
        return [e.change.order for e in view.events(limit=1_000) if isinstance(e.change, Ordered)]


def rows_of(batch, *orders):
    text = "".join(json.dumps({"batch": batch, **order}) + "\n" for order in orders)
    return OrderFile(sheets.read(text.encode()))


GOOD = {"action": "activate", "serials": "1-50"}
FREEZE, THAW = ({"action": name, "serials": "1-5"} for name in ("freeze", "unfreeze"))
BAD = {"action": "activate", "serials": "201-202"}  # sealed


def test_one_bad_row_stops_no_other(made):
    station, line, batch = made
    lost = {"action": "freeze", "batch": "NOPE", "serials": "1"}
    done = apply(station, line, rows_of(batch, GOOD, BAD, lost, FREEZE))
    assert [outcome.status for outcome in done.results] == [
        "acknowledged",
        "refused",
        "refused",
        "acknowledged",
    ]
    assert [outcome.booked for outcome in done.results] == [True, False, False, True]
    assert (done.acknowledged, done.refused, done.queued, done.exit_code) == (2, 2, 0, 3)
    assert all(outcome.detail and outcome.hint for outcome in done.results if not outcome.booked)
    assert [outcome.row for outcome in done.results] == [1, 2, 3, 4]


def test_the_same_file_twice_is_once(made):
    station, line, batch = made
    rows = rows_of(batch, GOOD, FREEZE, THAW, FREEZE)
    first = apply(station, line, rows)
    assert (first.acknowledged, first.repeated, first.exit_code) == (4, 0, 0)
    booked = ordered(station)
    again = apply(station, line, rows)
    assert (again.acknowledged, again.repeated, again.exit_code) == (4, 4, 0)
    assert ordered(station) == booked
    assert any("booked before" in text for text in again.lines())


def test_a_file_cut_short_by_a_crash_is_taken_up(made):
    station, line, batch = made
    rows = rows_of(batch, GOOD, FREEZE, THAW)

    class Killed(BaseException):
        pass

    def progress(_, done, __):
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        apply(station, line, rows, progress=progress)
    assert len(ordered(station)) == 2
    again = apply(station, line, rows)
    assert (again.acknowledged, again.repeated) == (3, 2)
    assert len(ordered(station)) == 3


def test_without_a_backend_orders_queue(made):
    station, _, batch = made
    done = apply(station, None, rows_of(batch, GOOD))
    assert (done.queued, done.exit_code) == (1, 75)
    assert done.results[0].detail == "no backend is configured"


def test_a_refusal_weighs_more_than_the_queue(made):
    station, _, batch = made
    assert apply(station, None, rows_of(batch, GOOD, BAD)).exit_code == 3


def test_failures_alone(made):
    station, line, batch = made
    done = apply(station, line, rows_of(batch, GOOD, BAD), failures_only=True)
    assert [outcome.row for outcome in done.results] == [2]
    assert done.orders == 2


def test_own_ids_are_kept_and_guarded(made):
    station, line, batch = made
    mine = {**GOOD, "order": "mes-1"}
    done = apply(station, line, rows_of(batch, mine, {**FREEZE, "order": "mes-1"}))
    assert [outcome.status for outcome in done.results] == ["acknowledged", "refused"]
    assert ordered(station) == ["mes-1"]


def test_a_failing_machine_is_no_bad_row(made, monkeypatch):
    station, line, batch = made

    def full(*_, **__):
        raise EnvironmentFailure("the disk under the ledger is full")

    monkeypatch.setattr(type(station.ledger), "commit", full)
    with pytest.raises(EnvironmentFailure):
        apply(station, line, rows_of(batch, GOOD))


def test_results_are_a_json_object_a_line(made, tmp_path):
    station, line, batch = made
    done = apply(station, line, rows_of(batch, GOOD, BAD))
    path = tmp_path / "results.jsonl"
    write_results(path, done.results)
    results = [json.loads(text) for text in path.read_text("ascii").splitlines()]
    assert [result["status"] for result in results] == ["acknowledged", "refused"]
    assert results[0]["applied"] == [[1, 50]]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFound):
        read_file(tmp_path / "none.csv")


# --- whatever happens, the results are there ------------------------------------------------------


def written(path):
    return [json.loads(text) for text in path.read_text("ascii").splitlines()]


def kept(path):
    return lambda outcomes: write_results(path, outcomes)


@pytest.mark.parametrize("error", [OverflowError, ZeroDivisionError, RecursionError])
def test_an_unexpected_error_in_a_row_stops_no_other(made, tmp_path, monkeypatch, error):
    station, line, batch = made
    real = sheets.Row.request

    def request(row, zone):
        if row.number == 2:
            raise error
        return real(row, zone)

    monkeypatch.setattr(sheets.Row, "request", request)
    path = tmp_path / "r.jsonl"
    done = apply(station, line, rows_of(batch, GOOD, FREEZE, THAW | FREEZE), keep=kept(path))
    assert [outcome.status for outcome in done.results] == [
        *("acknowledged", "refused", "acknowledged"),
    ]
    assert done.exit_code == 3
    assert [(result["booked"], result["exit"]) for result in written(path)] == [
        *((True, 0), (False, 1), (True, 0)),
    ]
    assert "this is a bug" in written(path)[1]["detail"]


@pytest.mark.parametrize("last", ["9999-12-31", "0001-01-01T00:00:00", "9999-12-31T23:59:59-12:00"])
def test_the_extremes_of_dotnet_stop_no_other_row(made, tmp_path, last):
    station, line, batch = made
    rows = [{**GOOD, "serials": ranges} for ranges in ("1-5", "6-9", "11-15")]
    rows[1]["expires_at"] = last
    path = tmp_path / "r.jsonl"
    done = apply(station, line, rows_of(batch, *rows), keep=kept(path))
    assert [outcome.booked for outcome in done.results] == [True, False, True]
    assert [result["row"] for result in written(path)] == [1, 2, 3]


@pytest.mark.parametrize(
    "failure", [EnvironmentFailure("locked"), OSError("gone"), KeyboardInterrupt()]
)
def test_when_the_machine_fails_the_rest_is_told_as_untried(made, tmp_path, monkeypatch, failure):
    station, line, batch = made
    commit = type(station.ledger).commit
    calls = []

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise failure
        return commit(*arguments, **options)

    monkeypatch.setattr(type(station.ledger), "commit", failing)
    path = tmp_path / "r.jsonl"
    with pytest.raises(type(failure)):
        apply(station, line, rows_of(batch, GOOD, FREEZE, THAW), keep=kept(path))
    assert [(result["status"], result["exit"]) for result in written(path)] == [
        *(("queued", 75), ("untried", 6), ("untried", 6)),
    ]
    assert len({result["order"] for result in written(path)}) == 3


def test_results_that_cannot_be_kept_do_not_hide_the_failure(made, monkeypatch):
    station, line, batch = made

    def failing(*_, **__):
        raise EnvironmentFailure("the disk under the ledger is full")

    def full(_):
        raise OSError(28, "no space")

    monkeypatch.setattr(type(station.ledger), "commit", failing)
    with pytest.raises(EnvironmentFailure, match="under the ledger"):
        apply(station, line, rows_of(batch, GOOD), keep=full)


def test_an_exit_code_for_each_row(made):
    station, line, batch = made
    lost = {"action": "freeze", "batch": "NOPE", "serials": "1"}
    wrong = {"action": "jump", "serials": "1"}
    done = apply(station, line, rows_of(batch, GOOD, BAD, lost, wrong))
    assert [outcome.exit for outcome in done.results] == [0, 3, 4, 2]


@pytest.mark.parametrize("where", ["none/r.jsonl", "folder"])
def test_results_that_cannot_be_written_are_refused_before_anything(tmp_path, where):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        check_results(tmp_path / where)
    (tmp_path / "r.jsonl").write_text("old", "ascii")
    check_results(tmp_path / "r.jsonl")
    assert (tmp_path / "r.jsonl").read_text("ascii") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "r.jsonl"]


def test_a_file_that_was_moved_is_the_same_and_one_that_was_touched_is_not(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(csv("assign,B,1,,"))
    first = read_file(path)
    path = path.rename(tmp_path / "b.csv")
    assert read_file(path) == first
    os.utime(path, ns=(5, 5))
    again = read_file(path)
    assert again.rows == first.rows
    same, other = (sheets.order_ids("4F2K-A", f.rows, "", f.version) for f in (first, again))
    assert not set(same) & set(other)


@pytest.mark.parametrize("kind", ["mkdir", "mkfifo"])
def test_results_replace_no_device_and_no_pipe(tmp_path, kind):
    path = tmp_path / "results.jsonl"
    with contextlib.suppress(AttributeError):  # Windows makes no pipe in a folder
        getattr(os, kind)(path)
        with pytest.raises(UsageError, match="cannot be written"):
            check_results(path)
        assert list(tmp_path.iterdir()) == [path]
        assert not path.is_file()
    with pytest.raises(UsageError, match="it is a folder"):
        check_results(Path())
