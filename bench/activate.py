"""Activation end to end: from the command on the line to the backend's acknowledgement.

    python bench/activate.py [CODES]

A reel of 10,000, then CODES more in a single order: mintmark reads the fingerprint file and
uploads it in signed chunks, the backend makes the fingerprints live and answers, and the ledger
settles the order. On SQLite and on PostgreSQL.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from whole import Mintmark, await_answer, free_port

REEL = 10_000


def seconds(mintmark: Mintmark, batch: str, serials: str) -> float:
    """Seconds to activate `serials` with the command line."""
    start = time.perf_counter()
    mintmark("activate", batch, "--serials", serials)
    return time.perf_counter() - start


def bench(folder: Path, codes: int, kind: str) -> None:
    """Print the table's row for a backend of this `kind`, sqlite or postgresql."""
    port = free_port()
    mintmark = Mintmark(folder, f"http://127.0.0.1:{port}")
    mintmark("init")
    mintmark("contact", "add", "bench", "--name", "Bench")
    batch = str(mintmark("mint", "--quantity", str(codes + REEL))["batch"])
    mintmark("export", batch, "--to", "bench", "--out", "out", "--password-file", "password")
    serve = [sys.executable, "-m", "mintmark", "backend", "serve", "--port", str(port)]
    with subprocess.Popen(
        [*serve, *storage(kind)],
        cwd=folder,
        env=mintmark.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            await_answer(f"http://127.0.0.1:{port}/0000000000000000")
            reel = seconds(mintmark, batch, f"1-{REEL}")
            whole = seconds(mintmark, batch, f"{REEL + 1}-")
        finally:
            server.terminate()
    print(
        f"{kind:12}{reel:>10.2f} s{codes:>12,}{whole:>10.2f} s{codes / whole:>12,.0f}", flush=True
    )


def storage(kind: str) -> list[str]:
    """The options of `backend serve` that name its database."""
    if kind == "sqlite":
        return ["--data", "backend"]
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import postgres_kit

    return ["--database", postgres_kit.cluster(durable=True).database()]


def main() -> None:
    """Print the table."""
    codes = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print("targets: a reel under 1.5 s; 100,000 codes per second on PostgreSQL")
    print(f"{'backend':12}{'a reel':>12}{'codes':>12}{'activated in':>12}{'codes/s':>12}")
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as scratch:
            bench(Path(scratch), codes, kind)


if __name__ == "__main__":
    main()
