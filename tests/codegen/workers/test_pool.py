"""Workers: order, flat memory, no process left, and a clear error when a worker dies."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import worker_tasks
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE

from mintmark.codegen.codes.generate import GenerateTask, generate
from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.errors import EnvironmentFailure, Refused
from mintmark.codegen.workers.pool import AHEAD, MAX_WORKERS, WorkerKind, Workers, cores

# What a worker may import besides Python: the generating of codes, and what that needs.
LIGHT = {
    *("codegen", "errors", "ids", "secret", "workers", "workers.process", "codes"),
    *("codes.draw", "codes.fingerprint", "codes.generate", "codes.spec"),
}


@pytest.fixture(params=list(WorkerKind))
def workers(request):
    with Workers(request.param, 2) as workers:
        yield workers


@pytest.fixture
def processes():
    with Workers(WorkerKind.PROCESSES, 2) as workers:
        yield workers


def gone(pid):
    """Whether no process has this number any more, or only a zombie has it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def eventually(true):
    """A process ends a moment after its parent ended it."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_results_come_in_the_items_order(workers):
    assert list(workers.map(worker_tasks.double, range(40))) == list(range(0, 80, 2))
    assert list(workers.map(worker_tasks.double, [])) == []
    assert list(workers.map(worker_tasks.double, [7])) == [14]


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(0, 30), st.integers(0, 30))
def test_no_more_items_are_taken_than_are_in_flight(count, items, taken):
    """Results not taken are items not begun: memory stays flat."""
    begun = []

    def supply():
        for item in range(items):
            begun.append(item)
            yield item

    with Workers(WorkerKind.THREADS, count) as workers:
        results = workers.map(worker_tasks.double, supply())
        for _ in range(min(taken, items)):
            next(results)
        most = min(taken, items) + count + AHEAD
        assert begun == list(range(len(begun)))
        assert len(begun) <= most
        results.close()


def test_items_that_are_no_longer_wanted_are_not_begun():
    gate, ran = threading.Event(), []

    def task(item):
        ran.append(item)
        if item:
            gate.wait(PATIENCE)
        return item

    with Workers(WorkerKind.THREADS, 1) as workers:
        results = workers.map(task, range(10))
        assert next(results) == 0
        results.close()
        gate.set()
        assert list(workers.map(worker_tasks.double, [5])) == [10]
    assert ran in ([0], [0, 1])


def test_an_error_is_raised_where_its_result_is_taken(workers):
    results = workers.map(worker_tasks.refuse, ["this"])
    with pytest.raises(Refused) as caught:
        next(iter(results))
    assert caught.value.message == "not this"
    assert caught.value.hints == ("a hint",)
    assert caught.value.details == {"item": "this"}
    assert list(workers.map(worker_tasks.double, [1])) == [2], "and they go on working"


def test_processes_are_others_and_deaf_to_ctrl_c(processes):
    found = list(processes.map(worker_tasks.who, range(12)))
    pids = {pid for pid, _, _ in found}
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids
    assert all(deaf for _, deaf, _ in found)
    if os.name == "posix":
        assert os.getpgrp() not in {group for _, _, group in found}


def test_a_file_in_the_current_folder_is_not_run(processes, tmp_path, monkeypatch):
    """The console script does not look there either."""
    for name in ("pickle", "signal", "dataclasses", "mintmark"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('run')\n", "ascii")
    monkeypatch.chdir(tmp_path)
    assert list(processes.map(worker_tasks.double, [4])) == [8]


def test_large_results_arrive_whole(processes):
    for same, other in processes.map(worker_tasks.large, [3_000_000] * 5):
        assert same == b"x" * 3_000_000
        assert len(set(other)) == 256


def test_every_process_is_warmed_once_before_it_works(processes):
    processes.warm(worker_tasks.note, "ready")
    found = set(processes.map(worker_tasks.noted, range(12)))
    assert all([item for _, item in notes] == ["ready"] for notes in found)
    assert len({pid for notes in found for pid, _ in notes}) == len(found)


def test_what_is_not_a_process_needs_no_warming_and_a_failure_stops_nobody(workers):
    workers.warm(worker_tasks.refuse, "this")
    assert list(workers.map(worker_tasks.double, [1, 2, 3])) == [2, 4, 6]


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads and pages in /proc")
def test_a_process_has_one_thread_and_keeps_the_memory_it_freed(processes):
    """Each page that is asked for anew costs as much time as filling it."""
    size = 2 << 20
    for threads, pages in processes.map(worker_tasks.thrifty, [size] * 4):
        assert threads == 1
        assert pages < 100 * size // os.sysconf("SC_PAGESIZE") // 10


def test_what_a_task_prints_is_no_result(processes, capfd):
    assert list(processes.map(worker_tasks.shout, [1, 2, 3])) == [1, 2, 3]
    assert capfd.readouterr().out == ""


def test_nothing_heavy_is_imported_in_a_worker(processes):
    """Every worker pays for its imports, in time and in memory."""
    task = GenerateTask(CodeSpec.of("hex", 12), 3, b"k" * 32, os.urandom)
    codes, found = next(iter(processes.map(generate, [task])))
    assert (len(codes), len(found)) == (36, 48)
    (names,) = processes.map(worker_tasks.modules, [0])
    ours = {name.removeprefix("mintmark.").removeprefix("codegen.") for name in names
            if name.startswith("mintmark.")}  # fmt: skip
    assert ours <= LIGHT
    heavy = {"numpy", "sqlalchemy", "typer", "rich", "multiprocessing", "concurrent.futures"}
    assert not heavy & set(names)


def test_a_result_that_cannot_travel_ends_the_worker_with_a_clear_error(processes):
    with pytest.raises(EnvironmentFailure, match="worker process"):
        list(processes.map(worker_tasks.unpicklable, [0]))


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_killed_worker_is_a_clear_error(processes):
    items = ["fine", "now", "fine", "fine", "fine", "fine"]
    with pytest.raises(EnvironmentFailure, match="worker process") as caught:
        list(processes.map(worker_tasks.fall, items))
    assert caught.value.exit_code == 6
    assert caught.value.hints


def test_leaving_ends_the_processes_whatever_they_are_at(tmp_path):
    with Workers(WorkerKind.PROCESSES, 2) as workers:
        paths = [tmp_path / "a", tmp_path / "b"]
        results = workers.map(worker_tasks.stall, map(str, paths * 3))

        def take():
            with contextlib.suppress(EnvironmentFailure):
                next(results)

        thread = threading.Thread(target=take, daemon=True)
        with contextlib.suppress(KeyboardInterrupt), workers:
            thread.start()
            eventually(lambda: all(path.exists() and path.read_text("ascii") for path in paths))
            raise KeyboardInterrupt
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert all(gone(int(path.read_text("ascii"))) for path in paths)


def test_closing_twice_and_using_them_again_is_fine():
    workers = Workers(WorkerKind.PROCESSES, 1)
    workers.close()
    assert list(workers.map(worker_tasks.double, [1, 2])) == [2, 4]
    workers.close()
    assert list(workers.map(worker_tasks.double, [3])) == [6]
    workers.close()
    workers.close()


def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    """The parent had no chance to end them."""
    path = tmp_path / "pid"
    program = (
        "import worker_tasks\n"
        "from mintmark.codegen.workers.pool import WorkerKind, Workers\n"
        "with Workers(WorkerKind.PROCESSES, 1) as workers:\n"
        "    (found,) = workers.map(worker_tasks.who, [0])\n"
        "    print(found[0], flush=True)\n"
        "    input()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=tmp_path,
    ) as parent:  # fmt: skip
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.kill()
    eventually(lambda: gone(pid))
    assert not path.exists()


def test_by_default_there_are_as_many_as_cores_up_to_what_a_parent_can_feed():
    assert (
        Workers(WorkerKind.THREADS).count
        == Workers(WorkerKind.PROCESSES).count
        == min(cores(), MAX_WORKERS)
    )
    assert Workers(WorkerKind.INLINE).count == Workers(WorkerKind.INLINE, 5).count == 1
    assert Workers(WorkerKind.PROCESSES, 20).count == 20


def test_an_interrupt_in_the_middle_of_starting_leaves_no_process(monkeypatch):
    """The second worker never came to be."""
    started, handler = [], signal.getsignal(signal.SIGINT)
    real = subprocess.Popen

    def popen(*arguments, **options):
        if started:
            raise KeyboardInterrupt
        started.append(real(*arguments, **options))
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(KeyboardInterrupt), Workers(WorkerKind.PROCESSES, 2) as workers:
        list(workers.map(worker_tasks.double, [1]))
    assert started[0].poll() is not None
    assert signal.getsignal(signal.SIGINT) is handler


def test_each_of_several_maps_is_told_that_no_process_starts(monkeypatch):
    """None waits for a process that never came to be; a later one starts what is lacking."""
    real, allowed = subprocess.Popen, [1]

    def popen(*arguments, **options):
        if not allowed:
            raise BlockingIOError
        allowed.pop()
        return real(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    with Workers(WorkerKind.PROCESSES, 2) as workers:
        for _ in range(2):
            with pytest.raises(BlockingIOError):
                next(workers.map(worker_tasks.double, [1]))
        allowed.append(1)
        assert list(workers.map(worker_tasks.double, [1, 2])) == [2, 4]
        assert not allowed
