"""Minting with worker processes: flat memory, and nothing left of it, whatever goes wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from copy import copy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import worker_tasks
from children import start
from patience import PATIENCE
from sealing import load
from station_kit import batch_files

from mintmark.codegen import mint as module
from mintmark.codegen.codes import fingerprint
from mintmark.codegen.codes.compiled import Bulk
from mintmark.codegen.errors import EnvironmentFailure
from mintmark.codegen.mint import INLINE_BELOW, generators_for
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.sealed.runs import Run, prefixes_of
from mintmark.codegen.workers.pool import WorkerKind, _Process

MEGABYTE = 1_000_000


measure = load("../bench/measure.py")


@pytest.fixture(autouse=True)
def processes(monkeypatch, tmp_path):
    """What is started here finds no llvmlite, so that its workers are processes."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "llvmlite.py").write_text("raise ImportError\n", "ascii")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hidden"))


def program(home, *words, **more):
    """The real program, started."""
    return subprocess.Popen(
        [sys.executable, "-m", "mintmark", *words, "--json"],
        env={**os.environ, "MINTMARK_HOME": str(home.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **more,
    )


@pytest.mark.parametrize("compiled", [False, True])
def test_five_million_codes_in_flat_memory(home, monkeypatch, compiled):
    """All processes together; twice as many codes need no more."""
    if compiled:
        monkeypatch.delenv("PYTHONPATH")
    process = program(home, "mint", "--quantity", "5000000", "--workers", "2")
    with process, measure.Watch(process.pid) as memory:
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert json.loads(out)["quantity"] == 5_000_000
    assert (memory.processes >= 3) is not compiled, "it looked at the workers too"
    assert 40 * MEGABYTE < memory.peak < 400 * MEGABYTE
    size = sum(path.stat().st_size for path in (home.path / "vault").iterdir())
    assert size < 48 * 5_000_000
    parts = home.station().vault.parts(json.loads(out)["batch"])
    found = prefixes_of(parts.fingerprints.read_bytes())
    with Run(parts.run) as run:
        prefixes, serials = run.entries(0, 5_000_000)
    assert np.all(prefixes[1:] > prefixes[:-1])
    assert np.all(found[serials - 1] == prefixes)


@pytest.mark.parametrize(
    ("alphabet", "length"),
    [
        ("ZX", 60),
        ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~"[:37], 13),
        ("-._~", 31),
        ("digits", 18),
    ],
)
def test_any_alphabet_is_struck_alike_elsewhere(home, alphabet, length):
    batch = home.mint(3_000, alphabet=alphabet, length=length, workers=2).batch
    codes = home.codes(batch)
    assert len(set(codes)) == 3_000
    symbols = home.rows()[batch].alphabet
    assert {len(code) for code in codes} == {length}
    assert set("".join(codes)) == set(symbols)
    station = home.station()
    assert station.vault.verify(batch, station.station_keys, station.wrap_keys).redrawn == 0


@pytest.mark.parametrize("quantity", [1, 65_535, 65_536, 65_537, 131_073])
def test_any_quantity_around_a_frame(home, quantity):
    batch = home.mint(quantity, workers=2).batch
    assert len(set(home.codes(batch))) == quantity
    assert home.files() == batch_files(batch)


@pytest.mark.parametrize(
    ("compiled", "kind", "most"), [(False, WorkerKind.PROCESSES, 8), (True, WorkerKind.THREADS, 4)]
)
def test_workers_are_started_where_that_pays(monkeypatch, compiled, kind, most):
    monkeypatch.setattr(module, "cores", lambda: 3)
    asked = []
    monkeypatch.setattr(
        module.fingerprint, "prepare", lambda *given: asked.append(given) or compiled
    )
    for quantity, workers, wanted, count in (
        (INLINE_BELOW - 1, None, WorkerKind.INLINE, 1),
        (INLINE_BELOW, None, kind, 3),
        (10**8, None, kind, 3),
        (10**8, 1, WorkerKind.INLINE, 1),
        (5, 6, kind, 6),
    ):
        generators = generators_for(quantity, 16, workers)
        assert (generators._kind, generators.count) == (wanted, count)
    assert asked == [(INLINE_BELOW, 16), (10**8, 16), (5, 16)]
    monkeypatch.setattr(module, "cores", lambda: 64)
    assert generators_for(10**8, 16, None).count == most
    monkeypatch.setattr(module, "cores", lambda: 1)
    assert generators_for(10**8, 16, None)._kind is WorkerKind.INLINE


@pytest.mark.parametrize("there", [True, False])
def test_a_batch_holds_the_same_with_and_without_the_kernel(home, monkeypatch, there):
    if not there:
        monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setattr(module, "INLINE_BELOW", 1)
    monkeypatch.setattr(module, "cores", lambda: 2)
    monkeypatch.setattr(fingerprint, "_bulk", cache(lambda: Bulk(fingerprint._one_by_one, 1)))
    quantity = 65_536 + 2_100
    batch = home.mint(quantity).batch
    codes = b"".join(code.encode() for code in home.codes(batch))
    station = home.station()
    kept = b"".join(
        part
        for _, part in station.vault.fingerprints(batch, Range(1, quantity), station.station_keys)
    )
    assert kept == fingerprint._one_by_one(codes, 16, station.fingerprint_key.reveal())


def test_the_data_key_stays_in_the_parent(home, monkeypatch):
    """Whatever goes to a worker, it is not what opens the batch."""
    sent, drawn = [], []
    real = _Process.call

    def call(self, task, item):
        sent.append(repr(vars(item) if hasattr(item, "__dict__") else
                         [getattr(item, name) for name in item.__slots__]))  # fmt: skip
        return real(self, task, item)

    def entropy(count):
        block = os.urandom(count)
        if count == 32:
            drawn.append(block)
        return block

    monkeypatch.setattr(_Process, "call", call)
    station = home.station()
    station.entropy = _Once(entropy)
    home.mint(10, station, workers=2)
    assert sent
    assert drawn
    assert not any(repr(key)[2:-1] in item for key in drawn for item in sent)
    assert repr(station.fingerprint_key.reveal())[2:-1] in sent[0]


class _Once:
    """Entropy here, and `os.urandom` in the worker that gets it."""

    def __init__(self, here):
        self.here = here

    def __call__(self, count):
        return self.here(count)

    def __reduce__(self):
        return copy, (os.urandom,)


# --- when something goes wrong -------------------------------------------------------


def test_a_killed_worker_ends_the_mint_cleanly(home):
    before = home.files()
    with program(home, "mint", "--quantity", "3000000", "--workers", "2") as process:
        workers = _workers(process)
        os.kill(workers[0], signal.SIGKILL)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (6, "")
    assert "worker process" in json.loads(err)["error"]
    assert "--workers" in json.loads(err)["hint"]
    _clean(home, before, workers)


def _workers(process):
    """The ids of the two workers, once both are there."""
    deadline = time.monotonic() + PATIENCE
    while len(pids := list(measure.tree(process.pid))) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return pids[1:]


def _clean(home, before, workers):
    """Nothing is left: no file, no row, no process; and the next mint works."""
    assert home.files() == before
    assert not home.rows()
    assert not [pid for pid in workers if _alive(pid)]
    batch = home.mint(70_000, workers=2).batch
    assert home.files() == before | batch_files(batch)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("phase", "compiled"),
    [
        *((phase, False) for phase in ("generate", "sort", "digest", "intent", "made")),
        *((phase, True) for phase in ("generate", "sort")),
    ],
)
def test_ctrl_c_in_each_phase_leaves_nothing(home, monkeypatch, phase, compiled):
    """To the whole process group, as a terminal sends it."""
    if compiled:
        monkeypatch.delenv("PYTHONPATH")
    before = home.files()
    child = start(home, quantity=400_000, wait=phase, workers=2, group=True)
    try:
        assert child.stdout.readline() == "ready\n"
        workers = list(measure.tree(child.pid))[1:]
        assert len(workers) == (0 if compiled or phase == "intent" else 2)
        os.killpg(child.pid, signal.SIGINT)
        child.communicate(timeout=PATIENCE)
    finally:
        child.kill()
        child.communicate()
    assert child.returncode != 0
    _clean(home, before, workers)


def test_a_full_disk_in_each_phase_leaves_nothing(home):
    """Sizes a file may have, from too small for the first write to too small for the last."""
    limits = [1_000, 1_000_000, 3_300_000, 4_799_999, 6_399_999]
    child = start(home, quantity=400_000, limits=limits, workers=2)
    out, _ = child.communicate(timeout=PATIENCE)
    for outcome in json.loads(out.splitlines()[-1]):
        # The system's own, or the ledger's.
        assert outcome["error"] in ("OSError", "EnvironmentFailure")
        assert outcome["left"] == []
    assert home.mint(400_000).quantity == 400_000


def test_an_error_in_a_worker_is_the_mints(home):
    station = home.station()
    station.entropy = _Broken()
    with pytest.raises(EnvironmentFailure, match="random source"):
        home.mint(10, station, workers=2)
    assert not home.rows()
    assert not home.files()


class _Broken:
    """Random here, and dry in a worker, where it comes out of a pickle."""

    def __init__(self, source=os.urandom):
        self.source = source

    def __call__(self, count):
        return self.source(count)

    def __reduce__(self):
        return copy, (worker_tasks.nothing,)
