"""Parts made, and units read back, in processes: the same bytes as without."""

import pytest

from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.workers.pool import WorkerKind, Workers
from mintmark.packaging.formats.sheet import SheetFormat
from mintmark.packaging.package.pack import pack
from mintmark.packaging.preflight.verify import verify
from mintmark.packaging.profiles.files import builtin


def source(codes):
    """Codes by range, each range whole."""

    def give(piece):
        yield piece.first, "".join(map(codes.get, range(piece.first, piece.last + 1))).encode()

    return give


class Counted:
    """A map that counts the items of its tasks."""

    def __init__(self, workers):
        self.workers, self.tasks = workers, {}

    def __call__(self, task, items, /):
        def counted():
            for item in items:
                self.tasks[task.__name__] = self.tasks.get(task.__name__, 0) + 1
                yield item

        return self.workers.map(task, counted())


@pytest.fixture(scope="module")
def workers():
    with Workers(WorkerKind.PROCESSES, 2) as workers:
        yield workers


def test_sheets_made_in_processes_are_the_same_bytes(maker, workers, tmp_path, monkeypatch):
    monkeypatch.setattr(SheetFormat, "apart_from", 60)
    job = {"profile": builtin("pdf-sheet"), "unit_size": 20, "serials": (Range(95, 154),)}
    made, spread, path = maker(**job), Counted(workers), tmp_path / "a.zip"
    codes = source(made.codes)
    packed = pack(path, codes, maker.job(**job), made.password, made.signer, spread=spread)
    assert spread.tasks == {"make_part": 3}
    assert packed.entries == made.packed.entries
    found = verify(path, made.password, made.trusted, spread=spread)
    assert (found.rows, found.decoded) == (60, 60)
    assert spread.tasks == {"make_part": 3, "read_pages": 3}


def test_small_packages_and_rows_start_none(maker, tmp_path):
    def refuse(task, items, /):
        raise AssertionError(task)

    for name in ("csv", "pdf-sheet", "png"):
        made = maker(profile=builtin(name), unit_size=20)
        path = tmp_path / f"{name}.zip"
        job = maker.job(profile=builtin(name), unit_size=20)
        packed = pack(path, source(made.codes), job, made.password, made.signer, spread=refuse)
        assert packed.entries == made.packed.entries
        assert verify(path, made.password, made.trusted, spread=refuse).rows == 25
