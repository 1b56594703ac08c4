"""Every figure of the benches, this checkout beside another, in turns, in one call.

    python bench/compare.py OTHER [--rounds N] [NAME …]

OTHER is a checkout of another commit, its environment made there (`make .venv/.installed`).
Each bench runs as `bench/run.py --quick` does: here, there, here, there … On a machine that
drifts only the ratios mean something: this checkout's median to the other's, for every
number of a row, in the row's order. Rows are matched by their names.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from statistics import median

from run import BENCHES, machine

HERE = Path(__file__).resolve().parents[1]
_ROW = re.compile(r"(\S.*?)\s{2,}(.*\d.*)")
_FIGURE = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")


def figures(text: str) -> dict[str, list[float]]:
    """Name of the row → its numbers, from what a bench prints."""
    found = {}
    for line in text.splitlines():
        if match := _ROW.fullmatch(line.rstrip()):
            name, rest = match.groups()
            # A target says what is asked for, not what was measured.
            rest = re.split(r"  [<>≤≥]|  target", rest)[0]
            found[name] = [float(number.replace(",", "")) for number in _FIGURE.findall(rest)]
    return {name: numbers for name, numbers in found.items() if numbers}


def run(checkout: Path, name: str) -> dict[str, list[float]]:
    """One run of one bench in a checkout, with its own interpreter."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    python = checkout / ".venv" / "bin" / "python"
    command = [str(python), f"bench/{name}.py", *BENCHES[name][1]]
    done = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{checkout.name}: {name} ended with {done.returncode}\n{done.stderr}", flush=True)
    return figures(done.stdout)


def compare(name: str, other: Path, rounds: int) -> None:
    """Both checkouts in turns, then a line for each row they share."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(run(HERE, name))
        theirs.append(run(other, name))
    for row in ours[0]:
        pairs = []
        for column in range(len(ours[0][row])):
            mine, its = (
                [found[row][column] for found in runs if column < len(found.get(row, []))]
                for runs in (ours, theirs)
            )
            if mine and its and median(its):
                pairs.append((median(mine), median(its)))
        shown = "   ".join(f"{new:,g} / {old:,g} = {new / old:.2f}" for new, old in pairs)
        print(f"{name:10} {row:34} {shown}", flush=True)


def main() -> None:
    """Compare the benches that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("other", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--rounds", type=int, default=3)
    # Names may stand after an option, as the usage above has them.
    options = parser.parse_intermixed_args()
    if unknown := set(options.names) - set(BENCHES):
        sys.exit(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    print(machine())
    print("bench      row                                this / other = ratio, for each figure")
    for name in options.names or BENCHES:
        compare(name, options.other.resolve(), options.rounds)


if __name__ == "__main__":
    main()
