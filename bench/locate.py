"""What it takes to say where ten thousand codes belong.

    python bench/locate.py [QUANTITY] [ROUNDS]

`locate -` over a home with QUANTITY codes, a tenth of the codes asked being nobody's. The
files are in the page cache. Compared with the same command asked for nothing, which is
Python's start, the home and the ledger opened: the target is for what comes on top.
"""

import json
import random
import sys
import tempfile
from itertools import groupby
from pathlib import Path

from measure import Cost, home, line, row, run, titles

from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.codegen.station.keys import read_custodian_key
from mintmark.codegen.station.station import Station

QUANTITY, ROUNDS = 10_000_000, 5
ASKED = 10_000
FRAME, LENGTH = 65_536, 16
SECONDS_MOST = 1.0


def known(folder: Path, batch: str, serials: list[int]) -> list[str]:
    """The codes of ascending `serials`, opened with the custodian's key."""
    station = Station(folder / "home", operator="bench", now=utc_now)
    passphrase = Secret((folder / "passphrase").read_bytes().strip())
    key = read_custodian_key(folder / "custodian.key", lambda: passphrase)
    reader = station.vault.unseal(
        batch, station.station_keys, station.wrap_keys, key.public.key_id, key.sealing
    )
    found = []
    for frame, wanted in groupby(serials, lambda serial: (serial - 1) // FRAME):
        first = frame * FRAME + 1
        whole = Range(first, min(first + FRAME - 1, reader.header.quantity))
        codes = b"".join(part for _, part in reader.codes(whole)).decode("ascii")
        found += [codes[(s - first) * LENGTH : (s - first + 1) * LENGTH] for s in wanted]
    station.close()
    return found


def main() -> None:
    """Print the table."""
    quantity = int(sys.argv[1]) if len(sys.argv) > 1 else QUANTITY
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = home(folder)
        mint = line("mint", "--quantity", str(quantity))
        batch = json.loads(run(mint, cwd=folder, env=environment).output)["batch"]
        serials = sorted(random.sample(range(1, quantity + 1), min(quantity, ASKED * 9 // 10)))
        asked = known(folder, batch, serials)
        asked += [f"{random.getrandbits(64):016X}" for _ in range(ASKED - len(asked))]
        random.shuffle(asked)
        command, text = line("locate", "-"), "\n".join(asked).encode("ascii")
        ours: list[Cost] = []
        nothing: list[Cost] = []
        for _ in range(rounds):
            ours.append(run(command, cwd=folder, env=environment, given=text))
            nothing.append(run(command, cwd=folder, env=environment))
    right = sum(json.loads(one)["batch"] == batch for one in ours[0].output.splitlines())
    if right != len(serials):
        sys.exit(f"{right} of {len(serials)} codes were found")
    own, start = Cost.middle(ours), Cost.middle(nothing)
    titles(f"locate {ASKED:,} of {quantity:,}, median of {rounds}")
    row("mintmark", ASKED, own)
    row("  asked for nothing", ASKED, start, own.seconds / start.seconds)
    print(f"on top of starting: {own.seconds - start.seconds:.2f} s (target: < {SECONDS_MOST:.0f})")


if __name__ == "__main__":
    main()
