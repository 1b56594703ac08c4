"""All benches, one after another: what `make bench` prints.

    python bench/run.py [--quick] [NAME …]

Each bench is a separate program and can be run alone. `--quick` gives each less work and ends
in under two minutes. Ratios are to a peer run in the same call, in turns.
"""

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

# Name → (its arguments, its arguments with --quick)
BENCHES = {
    "startup": ([], ["3"]),
    "mint": ([], ["500000", "1"]),
    "mint_shared": ([], ["200000", "1"]),
    "locate": ([], ["300000", "1"]),
    "export": (["10000000", "3"], ["200000", "1"]),
    "qr": ([], ["1"]),
    "pdf": ([], ["20000", "1"]),
    "preflight": ([], []),
    "line": ([], ["30"]),
    "activate": ([], ["100000"]),
    "where": ([], ["20"]),
    "associate": ([], ["50000", "30"]),
    "scans": ([], ["100000", "1"]),
    "stations": ([], ["--quick"]),
    "scale": ([], ["100000", "5000", "400"]),
    "stock": ([], ["5000000", "500", "50000"]),
    "windows": ([], ["50000", "0.3", "2"]),
    "waits": ([], ["--quick", "--rounds", "1", "csv-reels", "pdf-sheet", "png"]),
    "whole": (["200000"], ["10000"]),
}
LIBRARIES = ("cryptography", "isal", "numpy", "pyzipper", "rich", "segno", "sqlalchemy", "typer")


def machine() -> str:
    """Date, machine and versions."""
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        names = [
            row for row in info.read_text("utf-8").splitlines() if row.startswith("model name")
        ]
        cpu = names[0].split(":")[1].strip() if names else cpu
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} x {cpu}, {platform.system()}, "
        f"Python {platform.python_version()}, {libraries}"
    )


def main() -> int:
    """Run the named benches; returns 1 if any failed."""
    quick = "--quick" in sys.argv
    names = [name for name in sys.argv[1:] if not name.startswith("-")] or list(BENCHES)
    if unknown := set(names) - set(BENCHES):
        print(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
        return 2
    # Byte code is compiled as it is for a user.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    print(machine(), flush=True)
    failed = 0
    for name in names:
        print(flush=True)
        program = Path(__file__).with_name(f"{name}.py")
        command = [sys.executable, str(program), *BENCHES[name][quick]]
        failed |= subprocess.run(command, env=environment, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
