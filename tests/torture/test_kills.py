"""A process that is killed, at every point of every command that changes something.

Afterwards `doctor --repair` and the same command again: the books say what they say after the
command alone, or after the command given twice. Nothing is lost, doubled or shown.
"""

import contextlib
import itertools
from dataclasses import dataclass
from datetime import timedelta

import contract_worlds
import pytest
from torture.plant import Plant
from torture.runner import DIED, POSIX
from torture.scale import PART, dice, times

from mintmark.codegen.invocation import utc_now

pytestmark = pytest.mark.skipif(not POSIX, reason="the runner forks")
NEVER = 10**9
KEY = "--passphrase-file pass.txt"


@dataclass(frozen=True)
class Case:
    """A command that is killed; `again` is what a person does then.

    `before` makes it ready; `backend` is what answers; `until` names a file after which a service
    is asked to end; `work` a file without which it has nothing to do, and would never end.
    `rows`: it books one thing after another, and some may be booked when it dies.
    """

    name: str
    line: str
    again: str = ""
    before: tuple[str, ...] = ()
    backend: str = ""
    until: str = ""
    work: str = ""
    rows: bool = False


EXPORT = f"export {{batch}} --to li --out sent {KEY}"
REPRINT = f"{EXPORT} --reprint --package {{other}} --reason lost"
QUEUED = ("activate {batch} --serials 41-60 --order reel-2",)
REPORTED = ("package receipt {package} --printed 1-100 --spoiled 101-103",)
CARTONS = ("assign {batch} --serials 119-120 --set role=carton --order r-1",)
PACK = "associate {batch} --serials 41-60 --each 10 --parents {batch}:119-120"
CASES = (
    Case("mint", "mint --quantity 60 --ref r-1"),
    Case(
        "export",
        f"{EXPORT} --serials next:20 --password-file a.pw",
        f"{EXPORT} --serials next:20 --password-file b.pw",
    ),
    Case(
        "export --test",
        f"{EXPORT} --test 20 --password-file a.pw",
        f"{EXPORT} --test 20 --password-file b.pw",
    ),
    Case(
        "export --reprint",
        f"{REPRINT} --password-file a.pw",
        f"{REPRINT} --password-file b.pw",
    ),
    Case(
        "package replace",
        f"package replace {{package}} --out sent --password-file a.pw {KEY}",
        f"package replace {{package}} --out sent --password-file b.pw {KEY}",
        before=REPORTED,
    ),
    Case("package receipt", "package receipt {package} --printed 1-100 --spoiled 101-103"),
    Case("package receipt --file", "package receipt {package} --file receipt.csv"),
    Case(
        "package receipt --correct",
        "package receipt {package} --correct --reason misread --printed 101-102",
        before=REPORTED,
    ),
    Case("package unit", "package unit {unit} --status lost"),
    Case("package labels", "package labels {package} --out labels"),
    Case("contact add", "contact add wang --name Wang"),
    Case("key new", "key new line-3"),
    Case("key custodian", f"key custodian second.key {KEY}"),
    Case("key admit", "key admit deputy.key.pub --name Zhao"),
    Case(
        "key rewrap",
        f"key rewrap --to {{custodian}} --to {{deputy}} {KEY}",
        before=("key admit deputy.key.pub --name Zhao",),
    ),
    Case("key revoke", "key revoke {line} --reason stolen"),
    Case("activate, no backend", "activate {batch} --serials 41-60 --order reel-2"),
    Case("activate", "activate {batch} --serials 41-60 --order reel-2", backend="real"),
    Case(
        "void", "void {batch} --serials 1-3 --reason misprint --count 3 --order v-1", backend="real"
    ),
    Case("associate", f"{PACK} --order p-1", before=CARTONS, backend="real"),
    Case(
        "dissociate",
        "dissociate {batch} --serials 45-52 --order p-2",
        before=(*CARTONS, f"{PACK} --order p-1"),
        backend="real",
    ),
    Case("orders cancel", "orders cancel reel-2", before=QUEUED),
    Case("orders apply", "orders apply orders.csv", backend="real", rows=True),
    Case("deliver", "deliver", before=QUEUED, backend="real"),
    Case(
        "deliver --watch",
        "deliver --watch --health-file health.json",
        before=QUEUED,
        backend="real",
        until="health.json",
    ),
    Case(
        "orders watch",
        "orders watch hot",
        before=("hot",),
        backend="real",
        until="hot/done/orders.csv",
        work="hot/orders.csv",
        rows=True,
    ),
    Case("line run", "line run", backend="real"),
    Case("reconcile", "reconcile {batch} --apply", before=("drift",), backend="real"),
    Case("trace", "trace --new", before=("scan",), backend="real"),
    Case("alarms send", "alarms send", before=("target", *REPORTED), backend="hook"),
    Case(
        "backend serve",
        "backend serve --data scan-backend --port 0",
        until="home/local-backend.json",
    ),
    Case("doctor --repair", "doctor --repair", before=("leftovers",)),
)


class Bench:
    """Copies of the factory, for one case."""

    def __init__(self, made, case, folder):
        self.case, self.folder = case, folder
        self.runner, self.source, self.facts = made
        self.number = itertools.count()

    @contextlib.contextmanager
    def plant(self):
        """A copy, made ready, with its backend."""
        plant = Plant(self.runner, self.source, self.facts, self.folder / str(next(self.number)))
        for step in self.case.before:
            _READY[step](plant) if step in _READY else plant.run(step, 0, 75)
        with contextlib.ExitStack() as stack:
            if self.case.backend:
                url = stack.enter_context(contract_worlds.answering(self.case.backend, plant.root))
                name = "HOOK" if self.case.backend == "hook" else "MINTMARK_BACKEND_URL"
                plant.env[name] = url
            yield plant

    def give(self, plant, line, die=NEVER):
        """The command, ended as asked."""
        order = '{{"action": "activate", "batch": "{batch}", "serials": "61-70", "order": "l-1"}}\n'
        stdin = order.format(**plant.facts) if line == "line run" else ""
        if self.case.work and not (plant.root / self.case.work).exists():
            return None  # the one that was killed had done it
        if self.case.until:
            (plant.root / self.case.until).unlink(missing_ok=True)
        return plant.run(line, die=die, stdin=stdin, until=self.case.until)

    def after(self, plant):
        """What the books say, once all that is queued was sent."""
        if self.case.backend == "real":
            plant.run("deliver")
            plant.run("reconcile {batch}", 0)
        return plant.shape()


def _hot(plant):
    (plant.root / "hot").mkdir()
    (plant.root / "orders.csv").rename(plant.root / "hot" / "orders.csv")


def _drift(plant):
    """The backend is put back to what it was: it lacks an order."""
    with contract_worlds.answering("real", plant.root) as url:
        held = {p: p.read_bytes() for p in (plant.root / "scan-backend").iterdir()}
        plant.env["MINTMARK_BACKEND_URL"] = url
        plant.run("activate {batch} --serials 41-60 --order reel-2", 0)
    del plant.env["MINTMARK_BACKEND_URL"]
    for path in (plant.root / "scan-backend").iterdir():
        path.unlink()
    for path, data in held.items():
        path.write_bytes(data)


def _scan(plant):
    """Somebody scans a code that is not active."""
    from mintmark.activation.client.client import HttpClient

    code = plant.codes()[plant.facts["batch"]][-1]
    with contract_worlds.answering("real", plant.root) as url, HttpClient(url) as phone:
        phone.scan(code)


def _target(plant):
    path = plant.root / "home" / "mintmark.toml"
    text = path.read_text("utf-8")
    path.write_text(f'{text}\nboss = "env:HOOK"\n', "utf-8")


def _leftovers(plant):
    done = plant.run("mint --quantity 9 --ref r-1", die=NEVER)
    at = done.points.index("failpoint noted")
    plant.run("mint --quantity 9 --ref r-2", DIED, die=at + 2)


_READY = {
    "hot": _hot,
    "drift": _drift,
    "scan": _scan,
    "target": _target,
    "leftovers": _leftovers,
}


def cases():
    """All cases, or half of them by the seed."""
    return CASES if PART >= 1 else dice("cases").sample(CASES, len(CASES) // 2)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_killed_at_a_point(case, made, tmp_path, figures):
    bench = Bench(made, case, tmp_path)
    with bench.plant() as plant:
        start = plant.shape()
        done = bench.give(plant, case.line)
        assert done.code in (0, 75), done
        once = bench.after(plant)
        plant.sound()
        if case.again:
            bench.give(plant, case.again)
        twice = bench.after(plant)
    assert done.points, "a command that changes something passes points"
    points = chosen(case.name, done.points)
    for at in points:
        with bench.plant() as plant:
            died = bench.give(plant, case.line, die=at)
            assert died.code in (DIED, 0, 75), died
            where = f"{at}: {' → '.join(died.points[-3:])}"
            begun = plant.begun()
            plant.run("doctor --repair", 0)
            assert not [path for path in begun if path.exists()], where
            assert case.rows or not differs(plant.shape(), start, once), where
            bench.give(plant, case.again or case.line)
            assert not differs(bench.after(plant), once, twice), where
            # What a process may have begun a moment ago stays for a while.
            plant.run("doctor --repair", 0, clock=(utc_now() + timedelta(days=2)).isoformat())
            plant.sound()
    figures(f"kills of {case.name}", len(points), f"of {len(done.points)} points")


def differs(found, *wanted):
    """Nothing if `found` is one of `wanted`; otherwise, of each table, what is not in the last."""
    if found in wanted:
        return None
    last = wanted[-1]
    return [(name, set(found[name]) ^ set(last[name])) for name in found]


def chosen(name, points):
    """The numbers of the points to die at: all of them, or a part that always differs."""
    if PART >= 1:
        return range(len(points))
    return sorted(dice("kills", name).sample(range(len(points)), max(1, times(len(points)) // 4)))
