"""How long the command line takes to start.

    python bench/startup.py [ROUNDS]

`--help` and `--version` are compared with a Python that imports typer and rich and does nothing,
and, because `rich` by itself loads next to nothing, also with typer alone. Byte code is compiled
in a first round, which does not count.
"""

import os
import sys
import tempfile
from pathlib import Path

from measure import Cost, row, run, titles

ROUNDS = 15
MAX_RATIO = 1.5

COMMANDS = {
    "import typer, rich": ["-c", "import typer, rich"],
    "import typer": ["-c", "import typer"],
    "mintmark --help": ["-m", "mintmark", "--help"],
    "mintmark --version": ["-m", "mintmark", "--version"],
    "python": ["-c", "pass"],
}


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    taken: dict[str, list[Cost]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as scratch:
        environment["PYTHONPYCACHEPREFIX"] = scratch
        for number in range(rounds + 1):
            for name, command in COMMANDS.items():
                cost = run([sys.executable, *command], cwd=Path(scratch), env=environment)
                if number:
                    taken[name].append(cost)
    medians = {name: Cost.medians(costs) for name, costs in taken.items()}
    base = medians["import typer, rich"].seconds
    titles(f"start-up, median of {rounds}")
    for name, cost in medians.items():
        target = f"<= {MAX_RATIO}" if "mintmark" in name else ""
        row(name, 1, cost, cost.seconds / base, target)


if __name__ == "__main__":
    main()
