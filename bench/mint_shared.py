"""Minting into a home that stations share, beside a home in one folder.

    python bench/mint_shared.py [QUANTITY] [ROUNDS]

The books lie on PostgreSQL, the batches in a bucket of OpenStack Swift (`make .swift/.installed`),
both on this machine, and both wait for the disk. Whole commands take turns:

1. QUANTITY codes by a station; its peer mints as many into a folder. Memory is that of all its
   processes.
2. Two stations of one home mint half of them each, at the same time; their peer is 1.
3. How long such a mint held the lock, for which every station waits, from its guard to the end of
   its commit, while the other minted.
"""

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from measure import Cost, home, line, row, run, titles

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

QUANTITY, ROUNDS = 10_000_000, 3
MAX_TO_FOLDER, MAX_MB, MAX_TWO, MAX_LOCK_MS = 1.3, 400, 1.15, 50


def shared(folder: Path) -> list[dict[str, str]]:
    """A fresh home with two stations; the environment of each."""
    import postgres_kit
    import swift_kit

    bucket = swift_kit.server(durable=True).bucket()
    folder.mkdir()
    (folder / "passphrase").write_text("bench only, never in use\n", encoding="ascii")
    common = os.environ | bucket.environment | {
        "AWS_ALLOW_HTTP": "true",
        "MINTMARK_CUSTODIAN_KEY": str(folder / "custodian.key"),
        "MINTMARK_PASSPHRASE_FILE": str(folder / "passphrase"),
        "MINTMARK_LEDGER": postgres_kit.cluster(durable=True).database(),
        "MINTMARK_VAULT": bucket.url,
        "MINTMARK_VAULT_ENDPOINT": bucket.endpoint,
    }  # fmt: skip
    first, second = (common | {"MINTMARK_HOME": str(folder / name)} for name in ("one", "two"))
    run(line("init"), cwd=folder, env=first)
    asked = json.loads(run(line("station", "join", "--name", "two"), cwd=folder, env=second).output)
    words = asked["words"] if isinstance(asked["words"], str) else " ".join(asked["words"])
    admit = line("station", "admit", asked["station_key"], "--name", "two", "--may", "mint")
    run([*admit, "--words", words], cwd=folder, env=first)
    return [first, second]


def minted(folder: Path, environment: dict[str, str], quantity: int) -> Cost:
    """The cost of `mint`; what it says ends with how long it held the lock."""
    command = [sys.executable, __file__, "--timed", "mint", "--quantity", str(quantity), "--json"]
    return run(command, cwd=folder, env=environment)


def timed() -> None:
    """Run a command, then print for how many seconds its last guarded commit held the lock."""
    from mintmark import cli
    from mintmark.codegen.ledger.ledger import Ledger

    commit, held = Ledger.commit, [0.0]

    def watched(self: Any, *arguments: Any, guard: Any = None, **more: Any) -> Any:
        began = 0.0

        def watching(view: Any) -> None:
            nonlocal began
            began = time.perf_counter()
            guard(view)

        done = commit(self, *arguments, guard=guard and watching, **more)
        if guard:
            held[0] = time.perf_counter() - began
        return done

    Ledger.commit = watched  # type: ignore[method-assign]
    sys.argv = ["mintmark", *sys.argv[2:]]
    try:
        cli.main()
    finally:
        print(held[0])


def held(cost: Cost) -> float:
    """Milliseconds for which a mint held the lock."""
    return 1000 * float(cost.output.split()[-1])


def one_round(folder: Path, quantity: int) -> tuple[Cost, Cost, Cost, float]:
    """Into a folder; by a station; by two (seconds and memory of both), and the lock's ms."""
    folder.mkdir()
    local = minted(folder, home(folder / "local"), quantity)
    alone = minted(folder, shared(folder / "alone")[0], quantity)
    stations = shared(folder / "both")
    with ThreadPoolExecutor() as threads:
        start = time.perf_counter()
        each = list(threads.map(lambda env: minted(folder, env, quantity // 2), stations))
        seconds = time.perf_counter() - start
    memory = sum(cost.memory for cost in each)
    both = Cost(seconds, sum(cost.cpu for cost in each), memory)
    return local, alone, both, max(map(held, each))


def main() -> None:
    """Print the table."""
    quantity = int(sys.argv[1]) if len(sys.argv) > 1 else QUANTITY
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        every = [one_round(Path(name) / str(at), quantity) for at in range(rounds)]
    local, alone, both = (
        Cost.medians([costs[at] for costs in every])  # type: ignore[misc]
        for at in range(3)
    )
    titles(f"{quantity:,} codes")
    row("into a folder", quantity, local)
    row(
        "into S3, books on PostgreSQL", quantity, alone, alone.seconds / local.seconds,
        f"<= {MAX_TO_FOLDER}; {MAX_MB} MB",
    )  # fmt: skip
    row("two stations, half each", quantity, both, both.seconds / alone.seconds, f"<= {MAX_TWO}")
    lock = median(costs[3] for costs in every)
    each = lock / (quantity / 2e6)
    print(f"{'lock held by a mint meanwhile':40}{lock:>9.1f} ms")
    print(f"{'for each million minted elsewhere':40}{each:>9.1f} ms  target < {MAX_LOCK_MS}")


if __name__ == "__main__":
    timed() if sys.argv[1:2] == ["--timed"] else main()
