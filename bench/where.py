"""What `assign --where` costs: 1,000 ranges in 100 batches, ordered in one commit and sent.

    python bench/where.py [BATCHES [RANGES]]

RANGES of each batch carry one attribute, the codes between them none. Shown first, without a
backend; then booked and acknowledged: the whole command each time, as it is typed. The peer is a
file with as many plain orders (`orders apply`), which looks for nothing and books one by one.
"""

import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import measure
from whole import Mintmark, free_port

from mintmark import cli

ROUNDS = 3
STEP = 20  # serials from one range to the next


def quietly(home: Path, *words: str) -> dict[str, object]:
    """Run a command in this process, which is quicker a hundred times."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = cli.run(["--home", str(home), "--json", *words])
    if code not in (0, 75):
        sys.exit(f"mintmark {words[0]}: exit {code}")
    answer: dict[str, object] = json.loads(out.getvalue())
    return answer


def filled(folder: Path, batches: int, ranges: int) -> list[str]:
    """A home with these batches, of which RANGES ranges carry `region=Hunan`."""
    home = folder / "home"
    serials = ";".join(f"{n * STEP + 1}-{n * STEP + STEP // 2}" for n in range(ranges))
    names = []
    for _ in range(batches):
        name = str(quietly(home, "mint", "--quantity", str(ranges * STEP))["batch"])
        quietly(home, "assign", name, "--serials", "all", "--set", "lot=L1")
        quietly(home, "assign", name, "--serials", serials, "--set", "region=Hunan")
        names.append(name)
    return names


def main() -> None:
    """Print the table."""
    batches = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    ranges = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    port = free_port()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        mintmark = Mintmark(folder, f"http://127.0.0.1:{port}")
        mintmark("init")
        os.environ.pop("MINTMARK_BACKEND_URL", None)
        names = filled(folder, batches, ranges)
        alone = {k: v for k, v in mintmark.environment.items() if k != "MINTMARK_BACKEND_URL"}
        print(f"{batches:,} batches, {ranges:,} ranges in each; medians of {ROUNDS}")
        measure.titles("assign --where region=Hunan")
        words = ["assign", "--where", "region=Hunan", "--set"]
        told(folder, alone, "shown first", [[*words, "dealer=D0"]] * ROUNDS, batches)
        told(folder, alone, "find", [["find", "--where", "region=Hunan"]] * ROUNDS, batches)
        with mintmark.backend(port):
            mintmark("deliver")
            done = [[*words, f"dealer=D{n}", "--yes"] for n in range(1, ROUNDS + 1)]
            told(folder, mintmark.environment, "with the backend", done, batches, "<= 2 s")
            serials = ";".join(f"{n * STEP + 1}-{n * STEP + STEP // 2}" for n in range(ranges))
            head = "action,batch,serials,set.dealer\n"
            files = []
            for n in range(ROUNDS):
                path = folder / f"{n}.csv"
                rows = (f"assign,{name},{serials},E{n}\n" for name in names)
                path.write_text(head + "".join(rows), "utf-8")
                files.append(["orders", "apply", str(path)])
            told(folder, mintmark.environment, "the same by orders apply", files, batches)


def told(  # noqa: PLR0917 - what a row of the table has
    folder: Path,
    environment: dict[str, str],
    what: str,
    commands: list[list[str]],
    orders: int,
    target: str = "",
) -> None:
    """Run these commands, and print the row of their medians."""
    costs = [measure.run(measure.line(*w), cwd=folder, env=environment) for w in commands]
    measure.row(what, orders, measure.Cost.medians(costs), target=target)


if __name__ == "__main__":
    main()
