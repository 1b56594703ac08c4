"""What it costs to find the batch and serial of ten thousand codes.

    python bench/locate.py [QUANTITY] [ROUNDS]

`locate -` in a home with QUANTITY codes; a tenth of the given codes belong to no batch. The
files are in the page cache. The peer is the same command with one code on stdin: it starts
Python and opens the home and the ledger. The target is for the difference.

Then the codes are packed, 24 in a carton and 40 cartons on a pallet, and the same codes are looked
up again. The peer is the same command before.
"""

import json
import random
import sys
import tempfile
from itertools import groupby
from pathlib import Path

from measure import Cost, home, line, row, run, titles

from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ledger.changes import (
    Associated,
    ContactAdded,
    ExportBegun,
    Packaged,
    Unit,
)
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.codegen.station.keys import read_custodian_key
from mintmark.codegen.station.station import Station

QUANTITY, ROUNDS = 10_000_000, 5
GIVEN = 10_000
FRAME, LENGTH = 65_536, 16
MAX_SECONDS = 1.0
MAX_RATIO = 1.5  # of packed codes to loose ones
IN_CARTON, ON_PALLET = 24, 40
# With SSCCs: their labels need no export.
CARTON = ("--role", "carton", "--sscc-prefix", "6901234")
PALLET = ("--role", "pallet", "--sscc-prefix", "6901234")


def unsealed(folder: Path, batch: str, serials: list[int]) -> list[str]:
    """The codes of ascending `serials`, opened with the custodian's key."""
    station = Station(folder / "home", operator="bench", now=utc_now)
    passphrase = Secret((folder / "passphrase").read_bytes().strip())
    key = read_custodian_key(folder / "custodian.key", lambda: passphrase)
    reader = station.vault.unseal(
        batch, station.station_keys, station.wrap_keys, key.public.key_id, key.sealing
    )
    codes = []
    for frame, in_frame in groupby(serials, lambda serial: (serial - 1) // FRAME):
        first = frame * FRAME + 1
        whole = Range(first, min(first + FRAME - 1, reader.header.quantity))
        text = b"".join(part for _, part in reader.codes(whole)).decode("ascii")
        codes += [text[(s - first) * LENGTH : (s - first + 1) * LENGTH] for s in in_frame]
    station.close()
    return codes


def pack(folder: Path, batch: str, quantity: int, cartons: str, pallets: str) -> None:
    """Associate the codes in order, as if all were printed."""
    count = -(-quantity // IN_CARTON)
    station = Station(folder / "home", operator="bench", now=utc_now)
    key = station.custodians()[0].key_id
    package, unit = station.new_id(), station.new_id()
    whole = (Range(1, quantity),)
    boxes = CodeRanges(cartons, (Range(1, count),))
    stacks = CodeRanges(pallets, (Range(1, -(-count // ON_PALLET)),))
    station.ledger.commit(
        station.author,
        ContactAdded("bench", "Bench", None),
        ExportBegun(package, batch, whole, "bench", "csv"),
        Packaged(
            *(package, "{code}", "a.zip", 1, "00" * 32, "00" * 32, key),
            (Unit(unit, "data/0001.csv", 1, quantity, quantity, "00" * 32),),
        ),
        Associated("o-1", Packing.ASSOCIATE, boxes, (CodeRanges(batch, whole),), IN_CARTON),
        Associated("o-2", Packing.ASSOCIATE, stacks, (boxes,), ON_PALLET),
    )
    station.close()


def main() -> None:
    """Print the table."""
    quantity = int(sys.argv[1]) if len(sys.argv) > 1 else QUANTITY
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = home(folder)
        mint = line("mint", "--quantity", str(quantity))
        batch = json.loads(run(mint, cwd=folder, env=environment).output)["batch"]
        cartons, pallets = (
            json.loads(run(words, cwd=folder, env=environment).output)["batch"]
            for words in (
                line("mint", "--quantity", str(-(-quantity // IN_CARTON)), *CARTON),
                line("mint", "--quantity", str(-(-quantity // IN_CARTON // ON_PALLET)), *PALLET),
            )
        )
        serials = sorted(random.sample(range(1, quantity + 1), min(quantity, GIVEN * 9 // 10)))
        given = unsealed(folder, batch, serials)
        ours_given = frozenset(given)
        given += [f"{random.getrandbits(64):016X}" for _ in range(GIVEN - len(given))]
        random.shuffle(given)
        command, text = line("locate", "-"), "\n".join(given).encode("ascii")
        one = next(code for code in given if code in ours_given).encode("ascii")
        ours: list[Cost] = []
        nothing: list[Cost] = []
        for _ in range(rounds):
            ours.append(run(command, cwd=folder, env=environment, stdin=text))
            nothing.append(run(command, cwd=folder, env=environment, stdin=one))
        pack(folder, batch, quantity, cartons, pallets)
        packed = [run(command, cwd=folder, env=environment, stdin=text) for _ in range(rounds)]
    right = sum(json.loads(answer)["batch"] == batch for answer in ours[0].output.splitlines())
    if right != len(serials):
        sys.exit(f"{right} of {len(serials)} codes were found")
    up = sum(len(json.loads(answer)["within"]) == 2 for answer in packed[0].output.splitlines())
    if up != len(serials):
        sys.exit(f"{up} of {len(serials)} codes lead to a pallet")
    own, start, boxed = Cost.medians(ours), Cost.medians(nothing), Cost.medians(packed)
    titles(f"locate {GIVEN:,} of {quantity:,}, median of {rounds}")
    row("mintmark", GIVEN, own)
    row("  with one code given", GIVEN, start, own.seconds / start.seconds)
    row("  in cartons on pallets", GIVEN, boxed, boxed.seconds / own.seconds, f"{MAX_RATIO}")
    print(f"beyond start-up: {own.seconds - start.seconds:.2f} s (target: < {MAX_SECONDS:.0f})")


if __name__ == "__main__":
    main()
