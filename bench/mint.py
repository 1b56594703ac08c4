"""What minting costs, against what people write and against the floor.

    python bench/mint.py [QUANTITY] [ROUNDS]

All three are whole processes, Python's start included; they take turns, and medians are
compared by codes a second. The naive peer gets fewer codes: its time a code only grows
with their number, so the ratio is from below. The last line is minting against fifty times
as many codes issued before (random runs, put together into sieves as a home would have
them), as a multiple of minting into an empty home.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import Cost, home, line, row, run, titles

from mintmark.codegen.history import due
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ledger.changes import BatchMinted
from mintmark.codegen.sealed import prefix_filter_build
from mintmark.codegen.station.station import Station
from mintmark.codegen.workers.pool import WorkerKind, Workers

QUANTITY, ROUNDS = 10_000_000, 3
NAIVE_MOST = 1_000_000
BEFORE = 50  # batches
FLOOR_MOST, NAIVE_LEAST, HISTORY_MOST, HOME_MOST = 1.5, 40, 2.0, 48


def ours(folder: Path, quantity: int) -> Cost:
    """One mint into an empty home, which is gone afterwards."""
    environment = home(folder / "ours")
    cost = run(line("mint", "--quantity", str(quantity)), cwd=folder, env=environment)
    shutil.rmtree(folder / "ours")
    return cost


def peer(name: str, folder: Path, quantity: int) -> Cost:
    """One run of a peer, whose files are gone afterwards."""
    (folder / name).mkdir()
    program = Path(__file__).with_name("peers.py")
    cost = run([sys.executable, str(program), name, str(quantity), str(folder / name)], cwd=folder)
    shutil.rmtree(folder / name)
    return cost


def bytes_per_code(folder: Path, quantity: int) -> float:
    """What a home with one batch takes on disk."""
    environment = home(folder / "size")
    run(line("mint", "--quantity", str(quantity)), cwd=folder, env=environment)
    size = sum(path.stat().st_size for path in (folder / "size").rglob("*") if path.is_file())
    shutil.rmtree(folder / "size")
    return size / quantity


def crowded(folder: Path, quantity: int) -> tuple[dict[str, str], float]:
    """(environment, bytes a code) of a home in which `BEFORE` batches of `quantity` were minted.

    Booked as batches are, with runs of random prefixes; nothing else of them is there.
    """
    environment = home(folder)
    vault, generator = folder / "home" / "vault", np.random.default_rng()
    station = Station(folder / "home", operator="bench", now=utc_now)
    groups: list[dict[str, int]] = []
    changes = []
    for _ in range(BEFORE):
        batch = station.new_id()
        prefixes = generator.integers(0, 2**64, quantity, dtype=np.uint64)
        prefixes.sort()
        with (vault / f"{batch}.run").open("wb") as file:
            file.write(prefixes.data)
            file.write(np.arange(1, quantity + 1, dtype="<u4").data)
        changes.append(booked(batch, quantity))
        # As `gather` goes along, without making the sieves on the way that are gone in the end.
        groups = sorted([*groups, {batch: quantity}], key=lambda group: sum(group.values()))
        if number := due([sum(group.values()) for group in groups]):
            merged = {batch: count for group in groups[:number] for batch, count in group.items()}
            groups = sorted([merged, *groups[number:]], key=lambda group: sum(group.values()))
    station.ledger.commit(station.author, *changes)
    with Workers(WorkerKind.THREADS) as threads:
        for number, group in enumerate(groups):
            if len(group) > 1:
                path = vault / f"{number:016x}.sieve"
                prefix_filter_build.write(
                    path, dict(sorted(group.items())), lambda _: None, threads.map
                )
    station.close()
    # Else a mint would wait for all of it to reach the disk.
    os.sync()
    sieves = sum(path.stat().st_size for path in vault.glob("*.sieve"))
    return environment, sieves / BEFORE / quantity


def booked(batch: str, quantity: int) -> BatchMinted:
    """A batch, as the ledger is told of it."""
    return BatchMinted(
        batch=batch,
        quantity=quantity,
        alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZ",
        length=16,
        canonical="crockford32",
        role="item",
        pair_of=None,
        product=None,
        url=None,
        ref=None,
        request_digest="0" * 64,
        entropy_bits=80.0,
        guess_probability=0.0,
        offline_bits=50.0,
        mint_record_sha256="0" * 64,
    )


def main() -> None:
    """Print the table."""
    quantity = int(sys.argv[1]) if len(sys.argv) > 1 else QUANTITY
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    few = max(1, min(quantity // 10, NAIVE_MOST))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        taken: dict[str, list[Cost]] = {"ours": [], "floor": [], "naive": []}
        for _ in range(rounds):
            taken["ours"].append(ours(folder, quantity))
            taken["floor"].append(peer("floor", folder, quantity))
            taken["naive"].append(peer("naive", folder, few))
        size = bytes_per_code(folder, quantity)
        (folder / "crowded").mkdir()
        environment, more = crowded(folder / "crowded", quantity)
        mint = line("mint", "--quantity", str(quantity))
        again, empty = [], []
        for _ in range(rounds):
            again.append(run(mint, cwd=folder, env=environment))
            empty.append(ours(folder, quantity))
    middle = {name: Cost.middle(costs) for name, costs in taken.items()}
    own, least, written = middle["ours"], middle["floor"], middle["naive"]
    titles(f"mint, {quantity:,} codes, median of {rounds}")
    row("mintmark", quantity, own)
    row("  the floor", quantity, least, own.seconds / least.seconds, f"<= {FLOOR_MOST}")
    faster = (quantity / own.seconds) / (few / written.seconds)
    row(f"  what people write, {few:,}", few, written, faster, f">= {NAIVE_LEAST}")
    crowd = Cost.middle(again)
    slower = crowd.seconds / Cost.middle(empty).seconds
    row(f"  with {BEFORE * quantity:,} before", quantity, crowd, slower, f"< {HISTORY_MOST}")
    print(f"home: {size:.1f} bytes a code, {more:.1f} more in sieves (target: {HOME_MOST} in all)")


if __name__ == "__main__":
    main()
