"""What a person waits for: whole commands, in turns, beside another build and beside 7-Zip.

    python bench/waits.py [--quick] [--rounds N] [--beside CHECKOUT] [--folder F] [--plain] [NAME …]

Every contender runs the same command in a fresh copy of a home of its own, which holds a minted
batch; preparing is not timed. `--beside`: another checkout, run by its own .venv. `--plain`: this
build once more, as it is without the extra `mintmark[fast]`. `7z a` and `7z t` get the same CSV
files, finished and on disk. Medians of N rounds; the memory is that of all processes together, at
its highest; `ratio` is how many times as long as this build a contender takes. `--folder` keeps
the homes for the next call, and with `--rounds 0` they are only prepared.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measure import Cost, home, row, run, titles

URL = "https://q.example.cn/{code}"
QUICK = 40  # times fewer codes with --quick
HIDDEN = ("llvmlite",)  # what the extra installs


@dataclass(frozen=True)
class Case:
    """A command over `quantity` codes: `export` of a profile, `verify` of such a package, `mint`.

    `peer`: whether 7-Zip can do the same with the finished files.
    """

    quantity: int
    command: str = "export"
    options: tuple[str, ...] = ()
    peer: bool = False


CASES = {
    "csv-reels": Case(2_000_000, peer=True),
    "csv-file": Case(2_000_000, options=("--unit-size", "2000000"), peer=True),
    "csv-verify": Case(2_000_000, "verify"),
    "url-lines": Case(2_000_000, options=("--profile", "url-lines")),
    "xlsx": Case(500_000, options=("--profile", "xlsx")),
    "csv-small": Case(100),
    "pdf-sheet": Case(60_000, options=("--profile", "pdf-sheet")),
    "png": Case(5_000, options=("--profile", "png")),
    "svg": Case(5_000, options=("--profile", "svg")),
    "bmp-1bit": Case(5_000, options=("--profile", "bmp-1bit")),
    "mint": Case(2_500_000, "mint"),
}


class Side:
    """A build, by its interpreter, with a home of its own for every quantity."""

    def __init__(self, folder: Path, python: str, hidden: tuple[str, ...] = ()) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._python = folder, python
        # A library that is there, and cannot be imported: as if it were not installed.
        hiding = folder / "hidden"
        hiding.mkdir(exist_ok=True)
        for name in hidden:
            (hiding / f"{name}.py").write_text("raise ImportError\n", encoding="ascii")
        self._paths = {"PYTHONPATH": str(hiding)}

    def prepare(self, case: Case) -> Path:
        """The folder of a home with a batch, made if it is not there; with a package to verify."""
        ready = self._folder / f"{case.command}-{case.quantity}"
        if ready.exists():
            return ready
        made = ready.with_suffix(".making")
        environment = home(made) | self._paths
        self._run(made, environment, "contact", "add", "bench", "--name", "Bench")
        batch = ""
        if case.command != "mint":
            words = ("mint", "--quantity", str(case.quantity), "--url", URL)
            batch = json.loads(self._run(made, environment, *words).output)["batch"]
        (made / "batch").write_text(batch, encoding="ascii")
        if case.command == "verify":
            self._run(made, environment, *_export(batch))
        return made.rename(ready)

    def turn(self, case: Case, keep: Path | None = None) -> Cost:
        """Run the command in a copy of the home, which is left at `keep`."""
        ready, work = self.prepare(case), keep or self._folder / "turn"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(ready, work)
        environment = os.environ | {
            "MINTMARK_HOME": str(work / "home"),
            "MINTMARK_CUSTODIAN_KEY": str(work / "custodian.key"),
            "MINTMARK_PASSPHRASE_FILE": str(work / "passphrase"),
        }
        os.sync()
        cost = self._run(work, environment | self._paths, *_words(case, work))
        if keep is None:
            shutil.rmtree(work)
        return cost

    def _run(self, cwd: Path, environment: dict[str, str], *words: str) -> Cost:
        # Byte code is compiled as it is for a user.
        env = {key: at for key, at in environment.items() if key != "PYTHONDONTWRITEBYTECODE"}
        return run([self._python, "-m", "mintmark", *words, "--json"], cwd=cwd, env=env)


def _export(batch: str, *options: str) -> tuple[str, ...]:
    return ("export", batch, "--to", "bench", "--out", "o", "--password-file", "p", *options)


def _words(case: Case, work: Path) -> tuple[str, ...]:
    match case.command:
        case "mint":
            return ("mint", "--quantity", str(case.quantity), "--url", URL, *case.options)
        case "verify":
            (archive,) = (work / "o").glob("*.zip")
            return ("package", "verify", str(archive), "--password-file", str(work / "p"))
    return _export((work / "batch").read_text("ascii"), *case.options)


class SevenZip:
    """`7z a` and `7z t` of the CSV files that this build has written."""

    def __init__(self, folder: Path, ours: Side) -> None:
        self._folder, self._ours = folder, ours

    def prepare(self, name: str, case: Case) -> tuple[Path, bytes]:
        """The folder of the files, and the password on standard input."""
        ready = self._folder / f"7z-{name}"
        if not ready.exists():
            made = ready.with_suffix(".making")
            self._ours.turn(case, made)
            (archive,) = (made / "o").glob("*.zip")
            password = (made / "p").read_bytes()
            words = ["7z", "x", "-bd", str(archive), "data"]
            subprocess.run(words, cwd=made, input=password, stdout=subprocess.DEVNULL, check=True)
            shutil.rmtree(made / "home")
            made.rename(ready)
        return ready / "data", (ready / "p").read_bytes().strip() + b"\n"

    def turn(self, name: str, case: Case) -> Cost:
        """Pack, and test what was packed."""
        files, password = self.prepare(name, case)
        out = self._folder / "peer.zip"
        out.unlink(missing_ok=True)
        os.sync()
        pack = ["7z", "a", "-tzip", "-mem=AES256", "-mx=1", "-p", str(out), "."]
        costs = [
            run(pack, cwd=files, stdin=2 * password),
            run(["7z", "t", str(out)], cwd=files, stdin=password),
        ]
        seconds, cpu = sum(cost.seconds for cost in costs), sum(cost.cpu for cost in costs)
        return Cost(seconds, cpu, max(cost.memory for cost in costs))


def compare(name: str, case: Case, turns: dict[str, Callable[[], Cost]], rounds: int) -> None:
    """Print a row for each contender of a case."""
    costs: dict[str, list[Cost]] = {label: [] for label in turns}
    for _ in range(rounds):
        for label, turn in turns.items():
            costs[label].append(turn())
    medians = {label: Cost.medians(found) for label, found in costs.items()}
    ours = next(iter(medians.values()))
    for label, cost in medians.items():
        row(f"{name}, {label}", case.quantity, cost, cost.seconds / ours.seconds)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).absolute()
        folder.mkdir(exist_ok=True)
        sides = {"this build": Side(folder / "this", sys.executable)}
        if options.plain:
            sides["without [fast]"] = Side(folder / "plain", sys.executable, HIDDEN)
        if options.beside:
            python = str(options.beside.absolute() / ".venv/bin/python")
            sides[options.beside.name] = Side(folder / "beside", python)
        peer = SevenZip(folder, sides["this build"]) if shutil.which("7z") else None
        titles("whole commands")
        for name in options.names or CASES:
            race(name, options, sides, peer)


def race(
    name: str, options: argparse.Namespace, sides: dict[str, Side], peer: SevenZip | None
) -> None:
    """Prepare a case, then let the contenders take turns."""
    case = CASES[name]
    if options.quick:
        case = Case(max(100, case.quantity // QUICK), case.command, case.options, case.peer)
    for side in sides.values():
        side.prepare(case)
    turns: dict[str, Callable[[], Cost]] = {
        label: lambda side=side: side.turn(case) for label, side in sides.items()
    }
    if case.peer and peer is not None:
        peer.prepare(name, case)
        turns["7z a + 7z t"] = lambda: peer.turn(name, case)
    if options.rounds:
        compare(name, case, turns, options.rounds)


if __name__ == "__main__":
    main()
