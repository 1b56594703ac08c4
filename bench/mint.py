"""What minting costs, against what people write and against the floor.

    python bench/mint.py [QUANTITY] [ROUNDS]

First the fingerprints alone: the compiled kernel (the extra `fast`) against `cryptography`, on one
core. Then whole processes, Python's start included, which take turns; the medians of codes per
second are compared. "without [fast]" is this build where llvmlite cannot be imported. The naive
peer gets fewer codes: its time per code only grows with their number, so the ratio is a lower
bound. The last line is minting into a home that has issued fifty times as many codes before
(random runs, merged into prefix filters as a home would merge them), as a multiple of minting into
an empty home.
"""

import os
import shutil
import sys
import tempfile
import timeit
from pathlib import Path

import numpy as np
from measure import Cost, home, line, row, run, titles

from mintmark.codegen.codes import fingerprint
from mintmark.codegen.history import due
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ledger.changes import BatchMinted
from mintmark.codegen.sealed import prefix_filter_build
from mintmark.codegen.station.station import Station
from mintmark.codegen.workers.pool import WorkerKind, Workers

QUANTITY, ROUNDS = 10_000_000, 3
MAX_NAIVE_CODES = 1_000_000
BEFORE = 50  # batches
BLOCK = 65_536  # codes
# The targets: three ratios, and bytes per code.
MAX_TO_FLOOR, MIN_TO_NAIVE, MAX_WITH_HISTORY, MAX_HOME_BYTES = 1.5, 40, 2.0, 48


def fingerprints_alone() -> None:
    """Print how many fingerprints a second one core computes, in both ways."""
    codes, key = os.urandom(16 * BLOCK), os.urandom(32)
    fingerprint.prepare(QUANTITY, 16)
    for what, work in (
        ("fingerprints, compiled", lambda: fingerprint.fingerprints(codes, 16, key)),
        ("fingerprints, by cryptography", lambda: one_by_one(codes, key)),
    ):
        best = min(timeit.repeat(work, number=1, repeat=9))
        print(f"{what:40}{best:>9.4f}{BLOCK / best:>13,.0f}")


def one_by_one(codes: bytes, key: bytes) -> bytes:
    """The fingerprints of `codes`, in calls that are too small for the kernel."""
    parts = range(0, len(codes), 16 * 1024)
    return b"".join(fingerprint.fingerprints(codes[at : at + 16 * 1024], 16, key) for at in parts)


def ours(folder: Path, quantity: int, *, plain: bool = False) -> Cost:
    """Mint into an empty home, which is removed afterwards. `plain`: without llvmlite."""
    environment = home(folder / "ours")
    if plain:
        (folder / "ours" / "llvmlite.py").write_text("raise ImportError\n", encoding="ascii")
        environment["PYTHONPATH"] = str(folder / "ours")
    cost = run(line("mint", "--quantity", str(quantity)), cwd=folder, env=environment)
    shutil.rmtree(folder / "ours")
    return cost


def peer(name: str, folder: Path, quantity: int) -> Cost:
    """Run a peer, whose files are removed afterwards."""
    (folder / name).mkdir()
    program = Path(__file__).with_name("peers.py")
    cost = run([sys.executable, str(program), name, str(quantity), str(folder / name)], cwd=folder)
    shutil.rmtree(folder / name)
    return cost


def bytes_per_code(folder: Path, quantity: int) -> float:
    """Bytes on disk per code, of a home with a single batch."""
    environment = home(folder / "size")
    run(line("mint", "--quantity", str(quantity)), cwd=folder, env=environment)
    size = sum(path.stat().st_size for path in (folder / "size").rglob("*") if path.is_file())
    shutil.rmtree(folder / "size")
    return size / quantity


def crowded(folder: Path, quantity: int) -> tuple[dict[str, str], float]:
    """A home in which `BEFORE` batches of `quantity` were minted; (environment, bytes per code).

    The batches are booked in the ledger and have runs of random prefixes, but no other files.
    The bytes are those of the prefix filters.
    """
    environment = home(folder)
    vault = folder / "home" / "vault"
    station = Station(folder / "home", operator="bench", now=utc_now)
    batches = [station.new_id() for _ in range(BEFORE)]
    for batch in batches:
        write_run(vault / f"{batch}.run", quantity)
    station.ledger.commit(station.author, *(minted(batch, quantity) for batch in batches))
    with Workers(WorkerKind.THREADS) as threads:
        for number, group in enumerate(merged(batches, quantity)):
            if len(group) > 1:
                path = vault / f"{number:016x}.sieve"
                prefix_filter_build.write(
                    path, dict(sorted(group.items())), lambda _: None, threads.map
                )
    station.close()
    # Else a mint would wait for all of it to reach the disk.
    os.sync()
    filters = sum(path.stat().st_size for path in vault.glob("*.sieve"))
    return environment, filters / BEFORE / quantity


def write_run(path: Path, quantity: int) -> None:
    """Write a run of random prefixes."""
    prefixes = np.random.default_rng().integers(0, 2**64, quantity, dtype=np.uint64)
    prefixes.sort()
    with path.open("wb") as file:
        file.write(prefixes.data)
        file.write(np.arange(1, quantity + 1, dtype="<u4").data)


def merged(batches: list[str], quantity: int) -> list[dict[str, int]]:
    """The groups of batches that `gather` would have merged into prefix filters by now.

    The filters that it would have made on the way and merged again are never made.
    """
    groups: list[dict[str, int]] = []
    for batch in batches:
        groups = sorted([*groups, {batch: quantity}], key=lambda group: sum(group.values()))
        if number := due([sum(group.values()) for group in groups]):
            group = {batch: count for group in groups[:number] for batch, count in group.items()}
            groups = sorted([group, *groups[number:]], key=lambda group: sum(group.values()))
    return groups


def minted(batch: str, quantity: int) -> BatchMinted:
    """The event by which the ledger learns of a batch."""
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
    few = max(1, min(quantity // 10, MAX_NAIVE_CODES))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        taken: dict[str, list[Cost]] = {"ours": [], "plain": [], "floor": [], "naive": []}
        for _ in range(rounds):
            taken["ours"].append(ours(folder, quantity))
            taken["plain"].append(ours(folder, quantity, plain=True))
            taken["floor"].append(peer("floor", folder, quantity))
            taken["naive"].append(peer("naive", folder, few))
        size = bytes_per_code(folder, quantity)
        (folder / "crowded").mkdir()
        environment, more = crowded(folder / "crowded", quantity)
        mint = line("mint", "--quantity", str(quantity))
        with_history, empty = [], []
        for _ in range(rounds):
            with_history.append(run(mint, cwd=folder, env=environment))
            empty.append(ours(folder, quantity))
    medians = {name: Cost.medians(costs) for name, costs in taken.items()}
    own, least, naive = medians["ours"], medians["floor"], medians["naive"]
    fingerprints_alone()
    titles(f"mint, {quantity:,} codes, median of {rounds}")
    row("mintmark", quantity, own)
    plain = medians["plain"]
    row("  without [fast]", quantity, plain, own.seconds / plain.seconds)
    row("  the floor", quantity, least, own.seconds / least.seconds, f"<= {MAX_TO_FLOOR}")
    faster = (quantity / own.seconds) / (few / naive.seconds)
    row(f"  what people write, {few:,}", few, naive, faster, f">= {MIN_TO_NAIVE}")
    crowd = Cost.medians(with_history)
    slower = crowd.seconds / Cost.medians(empty).seconds
    row(f"  with {BEFORE * quantity:,} before", quantity, crowd, slower, f"< {MAX_WITH_HISTORY}")
    print(
        f"home: {size:.1f} bytes per code, {more:.1f} more in prefix filters "
        f"(target: {MAX_HOME_BYTES} in all)"
    )


if __name__ == "__main__":
    main()
