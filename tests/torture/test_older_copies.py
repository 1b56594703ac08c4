"""A copy of the home is taken at each step of the way, and put back after the rest of it.

The backend was sent orders since, with the head of a chain that the copy lacks. So the copy is
not well, issues and exports nothing, and corrects no backend: no code is packed twice.
"""

import contextlib
import shutil

import contract_worlds
import pytest
from torture.plant import Plant
from torture.runner import POSIX
from torture.scale import PART, dice

pytestmark = pytest.mark.skipif(not POSIX, reason="the runner forks")
KEY = "--passphrase-file pass.txt"
EXPORT = f"export {{batch}} --to li --out sent {KEY} --serials next:10 --password-file"
WAY = (
    f"{EXPORT} a.pw",
    "mint --quantity 20 --ref r-1",
    "activate {batch} --serials 41-60 --order reel-2",
    "package receipt {package} --printed 1-100 --spoiled 101-103",
    "package unit {unit} --status lost",
    "freeze {batch} --serials 41-45 --order f-1",
    f"{EXPORT} b.pw",
    "void {batch} --serials 50 --reason damaged --count 1 --order v-1",
    "key new line-3",
    "activate {batch} --serials 161-165 --order reel-3",
)
ISSUES = ("mint --quantity 20 --ref r-2", f"{EXPORT} c.pw", "reconcile {batch} --apply")
HOW = ("whole", "without the wal", "the ledger alone")


def steps():
    """(after how many steps the copy is made, how it is put back): all, or some by the seed."""
    every = [(at, how) for at in range(len(WAY)) for how in HOW]
    return every if PART >= 1 else dice("older copies").sample(every, 3)


@contextlib.contextmanager
def backend(plant):
    """The backend, in this process.

    It is away while files are copied here: to close any file drops this process's locks on it.
    """
    with contract_worlds.answering("real", plant.root) as url:
        plant.env["MINTMARK_BACKEND_URL"] = url
        yield


@pytest.mark.parametrize(("at", "how"), steps())
def test_an_older_copy_issues_nothing(at, how, made, tmp_path):
    runner, source, facts = made
    plant, copy = Plant(runner, source, facts, tmp_path / "plant"), tmp_path / "copy"
    with backend(plant):
        for line in WAY[:at]:
            plant.run(line, 0, 75)
    shutil.copytree(plant.root / "home", copy)
    with backend(plant):
        for line in WAY[at:]:
            plant.run(line, 0, 75)
        plant.run("deliver", 0)
    _put_back(copy, plant.root / "home", how)
    before = plant.shape()
    with backend(plant):
        doctor = plant.run("doctor", 5)
        assert "older copy" in doctor.text
        for line in ISSUES:
            done = plant.run(line)
            assert done.code in (3, 5), (line, done)
            assert "older copy" in done.err
    assert plant.shape() == before
    assert not (plant.root / "c.pw").exists()


def _put_back(copy, home, how):
    """Bring the copy back in place of the home."""
    if how == "the ledger alone":
        for path in home.glob("ledger.db*"):
            path.unlink()
        for path in copy.glob("ledger.db*"):
            shutil.copy(path, home)
        return
    shutil.rmtree(home)
    shutil.copytree(copy, home)
    if how == "without the wal":
        for name in ("ledger.db-wal", "ledger.db-shm"):
            with contextlib.suppress(FileNotFoundError):
                (home / name).unlink()
