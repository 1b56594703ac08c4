"""`make test-contract`: every variant against the whole kit, and the table of what catches it.

Fails if a variant fails other clauses than `caught.json` says, if none catches it, or if the
generated sequences alone catch fewer than `LEAST`. MINTMARK_WRITE_GOLDEN=1 writes down what
was seen.
"""

import argparse
import json
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from broken_backends import CAUGHT, VARIANTS, attempted

from mintmark.activation.conformance.depth import Depth
from mintmark.activation.conformance.kit import AREAS
from mintmark.activation.conformance.sequence.clauses import BUDGETS

LEAST = 40
SEED = 1  # of the generated sequences: the same steps in every run
SEQUENCE = "sequence."


def seen(name, clauses):
    """The clauses among `clauses` that the variant fails, with what was expected and found."""
    (variant,) = (variant for variant in VARIANTS if variant.name == name)
    # Whether a sequence fails is asked here, and not for the shortest that does.
    BUDGETS.update(dict.fromkeys(BUDGETS, 0))
    drawn = frozenset(name for name in clauses if name.startswith(SEQUENCE))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        written, made = Path(folder, "written"), Path(folder, "drawn")
        checks = []
        for place, some, depth in (
            (written, clauses - drawn, Depth.NORMAL),
            (made, drawn, Depth.QUICK),
        ):
            if some or (variant.restarts and place == written):
                place.mkdir()
                checks += attempted(variant, place, some, depth=depth, seed=SEED)
    return {
        clause.id: f"{clause.expected}; found {clause.found}"
        for result in checks
        for clause in result.clauses
        if clause.result == "fail"
    }


def runs(names, clauses, workers):
    """Each of the variants with the clauses that it fails, as they end."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        started = {pool.submit(seen, name, clauses): name for name in names}
        for run in as_completed(started):
            yield started[run], run.result()


def row(known, failed, clauses):
    """What is kept of a variant: as seen now for `clauses`, as known for the others."""
    failing = {name for name in known["clauses"] if name not in clauses} | {*failed}
    alone = any(name.startswith(SEQUENCE) for name in failed)
    if not any(name.startswith(SEQUENCE) for name in clauses):
        alone = known["sequences"]
    found = sorted(name for name in failing if not name.startswith(SEQUENCE))
    return {"clauses": found, "sequences": alone}


def write(found):
    """Put what was seen into `caught.json`, a line for each variant."""
    known = {v.name: {"clauses": sorted(v.clauses), "sequences": v.sequences} for v in VARIANTS}
    lines = [f'  "{name}": {json.dumps(row)}' for name, row in (known | found).items()]
    CAUGHT.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def verdict(wanted, found):
    """Print the table, and what differs from it; how much is wrong."""
    wrong = 0
    for variant in wanted:
        now = found[variant.name]
        alone = "sequences" if now["sequences"] else ""
        print(f"{variant.name} · {variant.says} · {' '.join(now['clauses'])} · {alone}")
        known = {"clauses": sorted(variant.clauses), "sequences": variant.sequences}
        if now != known or not now["clauses"]:
            wrong += 1
            print(f"    expected {known}")
    alone = sum(row["sequences"] for row in found.values())
    print(f"{len(found)} variants, {wrong} not as expected; the sequences alone catch {alone}")
    return wrong + (len(wanted) == len(VARIANTS) and alone < LEAST)


def main():
    """Run the variants; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", nargs="*", help="names of variants; all of them if left out")
    parser.add_argument("--areas", nargs="*", help="areas of clauses; all of them if left out")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes at once")
    options = parser.parse_args()
    wanted = [v for v in VARIANTS if not options.variants or v.name in options.variants]
    areas = [area for area in AREAS if options.areas is None or area.area in options.areas]
    clauses = frozenset(clause.name for area in areas for clause in area)
    found = {}
    for name, failed in runs([v.name for v in wanted], clauses, options.workers):
        (variant,) = (variant for variant in wanted if variant.name == name)
        known = {"clauses": sorted(variant.clauses), "sequences": variant.sequences}
        found[name] = row(known, failed, clauses)
        print(f"{name}: {variant.says}")
        for clause, why in failed.items():
            print(f"    {clause}: {why}")
        if os.environ.get("MINTMARK_WRITE_GOLDEN"):
            write(found)
    return 1 if verdict(wanted, found) and not os.environ.get("MINTMARK_WRITE_GOLDEN") else 0


if __name__ == "__main__":
    sys.exit(main())
