"""How long the command line takes to start, and what an order given as a command costs.

    python bench/startup.py [ROUNDS [OTHER]]

`--help` and `--version` are compared with a Python that imports typer and rich and does nothing,
and, because `rich` by itself loads next to nothing, also with typer alone. Byte code is compiled
in a first round, which does not count.

A one-shot order is `mintmark activate` of 100 codes as a process of its own, beside a backend that
runs: registered, uploaded, ordered, acknowledged, all signed. Its peer is the interpreter with the
same imports: a Python that imports every module that such a process has in the end, one after the
other, and ends. What is counted is the clock, from the start of the process to its end.

OTHER is another checkout with its own environment: its commands run in turns with ours, on a home
of their own, and the ratio is ours to theirs.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import Cost, row, run, titles
from whole import Mintmark, free_port

HERE = Path(__file__).resolve().parents[1]
ROUNDS = 15
MAX_RATIO, MAX_ORDER = 1.5, 2.5
CODES = 100

ALONE = {
    "import typer, rich": ["-c", "import typer, rich"],
    "import typer": ["-c", "import typer"],
    "python": ["-c", "pass"],
}
# Runs the words of a command line, then names what was imported, in turn.
_LISTED = """
import sys
from mintmark import cli
code = cli.run(sys.argv[1:])
names = [n for n, m in sys.modules.items() if getattr(m, "__spec__", None) and n != "__main__"]
sys.stderr.write("\\n".join(names))
sys.exit(code)
"""
_IMPORTS = """
import contextlib, importlib, sys
for name in sys.argv[1].split():
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
"""


class Build:
    """A checkout with a home and a batch of its own, whose backend runs."""

    def __init__(self, checkout: Path, folder: Path, rounds: int) -> None:
        self.python = str(checkout / ".venv" / "bin" / "python")
        self._folder, self._done, port = folder, 0, free_port()
        folder.mkdir()
        self.mintmark = Mintmark(folder, f"http://127.0.0.1:{port}")
        self.environment = self.mintmark.environment
        self.mintmark("init")
        self.mintmark("contact", "add", "bench", "--name", "Bench")
        quantity = str(CODES * (rounds + 3))
        self.batch = str(self.mintmark("mint", "--quantity", quantity)["batch"])
        out = ("--out", "out", "--password-file", "password")
        self.mintmark("export", self.batch, "--to", "bench", *out)
        self.backend = self.mintmark.backend(port)

    def activate(self) -> list[str]:
        """The words that activate the next codes."""
        first, self._done = self._done * CODES + 1, self._done + 1
        return ["activate", self.batch, "--serials", f"{first}-{first + CODES - 1}"]

    def imports(self) -> str:
        """The modules that an activation imports."""
        command = [self.python, "-c", _LISTED, *self.activate()]
        done = subprocess.run(
            command, cwd=self._folder, env=self.environment, check=True, capture_output=True
        )
        return done.stderr.decode()

    def cost(self, *words: str) -> Cost:
        """The cost of a Python with these words."""
        return run([self.python, *words], cwd=self._folder, env=self.environment)

    def commands(self, imports: str) -> Iterator[tuple[str, list[str]]]:
        """Name and words of each row, once."""
        whole = ["-m", "mintmark"]
        yield "mintmark --help", [*whole, "--help"]
        yield "mintmark --version", [*whole, "--version"]
        yield "mintmark batch show", [*whole, "batch", "show", self.batch]
        yield "python, the imports of an order", ["-c", _IMPORTS, imports]
        yield "mintmark activate, a one-shot order", [*whole, *self.activate()]


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    checkouts = [HERE, *(Path(name).resolve() for name in sys.argv[2:3])]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    taken: list[dict[str, list[Cost]]] = [{} for _ in checkouts]
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(scratch) / "bytecode")
        builds = [Build(path, Path(scratch, str(n)), rounds) for n, path in enumerate(checkouts)]
        for build in builds:
            stack.enter_context(build.backend)
        imports = [build.imports() for build in builds]
        for number in range(rounds + 1):
            for build, names, costs in zip(builds, imports, taken, strict=True):
                for name, words in [*ALONE.items(), *build.commands(names)]:
                    cost = build.cost(*words)
                    if number:
                        costs.setdefault(name, []).append(cost)
    print_table(rounds, [{k: Cost.medians(v) for k, v in costs.items()} for costs in taken])


def print_table(rounds: int, medians: list[dict[str, Cost]]) -> None:
    """A row of our medians for each command, and its ratio to what it is compared with."""
    ours = medians[0]
    titles(f"start-up, median of {rounds}")
    for name, cost in ours.items():
        order = "order" in name
        peer = ours["python, the imports of an order" if order else "import typer, rich"]
        limit = MAX_ORDER if order else MAX_RATIO
        target = f"<= {limit}" if name.startswith("mintmark") and "show" not in name else ""
        row(name, 1, cost, cost.seconds / peer.seconds, target)
    for theirs in medians[1:]:
        for name, cost in ours.items():
            row(f"the other: {name}", 1, theirs[name], cost.seconds / theirs[name].seconds)


if __name__ == "__main__":
    main()
