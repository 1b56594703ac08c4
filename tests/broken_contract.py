"""`make test-contract`: every variant against the whole kit, and the table of what catches it.

Fails if a variant fails other clauses than `caught.json` says, or if the generated sequences
alone catch fewer than `LEAST`. MINTMARK_WRITE_GOLDEN=1 writes `caught.json` instead.
Arguments: names of variants, to run no others.
"""

import json
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

TESTS = Path(__file__).parent
LEAST = 40


def seen(name):
    """The clauses that the variant fails, with what was expected and found."""
    sys.path.insert(0, str(TESTS))
    from broken.site import built
    from broken_backends import VARIANTS
    from conformance_kit import checked

    (variant,) = (variant for variant in VARIANTS if variant.name == name)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        built(variant.fault, Path(folder), sign=variant.signed) as url,
    ):
        result = checked(url, sign=variant.signed, depth=variant.depth)
    return {
        clause.id: f"{clause.expected}; found {clause.found}"
        for clause in result.clauses
        if clause.result == "fail"
    }


def row(failed):
    """What `caught.json` holds of a variant."""
    clauses = sorted(name for name in failed if not name.startswith("sequence."))
    return {"clauses": clauses, "sequences": len(clauses) < len(failed)}


def main(names):
    """Run the variants; returns the exit status."""
    sys.path.insert(0, str(TESTS))
    from broken_backends import CAUGHT, VARIANTS

    wanted = [v for v in VARIANTS if not names or v.name in names]
    found, context = {}, get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        runs = {pool.submit(seen, variant.name): variant for variant in wanted}
        for run in as_completed(runs):
            variant, failed = runs[run], run.result()
            found[variant.name] = row(failed)
            print(f"{variant.name}: {variant.says}")
            for clause, why in failed.items():
                print(f"    {clause}: {why}")
    if os.environ.get("MINTMARK_WRITE_GOLDEN"):
        known = json.loads(CAUGHT.read_text("utf-8")) if CAUGHT.exists() else {}
        every = {v.name: (known | found).get(v.name) for v in VARIANTS}
        lines = [f'  "{name}": {json.dumps(row)}' for name, row in every.items() if row]
        CAUGHT.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
        return 0
    return verdict(wanted, found, whole=not names)


def verdict(wanted, found, *, whole):
    """Print the table and what differs from it; the exit status."""
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
    return 1 if wrong or (whole and alone < LEAST) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
