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
    "startup": ([], ["7"]),
    "mint": ([], ["1000000", "1"]),
    "locate": ([], ["1000000", "3"]),
    "export": (["10000000", "3"], ["500000", "1"]),
    "qr": ([], ["1"]),
    "pdf": ([], ["50000", "1"]),
    "preflight": ([], []),
    "line": ([], ["50"]),
    "activate": ([], ["200000"]),
    "where": ([], ["20"]),
    "associate": ([], ["100000", "60"]),
    "scans": ([], ["100000", "3"]),
    "scale": ([], ["300000", "10000", "800"]),
    "stock": ([], ["10000000", "1000", "100000"]),
    "windows": ([], ["50000", "0.5", "5"]),
    "waits": ([], ["--quick", "--rounds", "1", "csv-reels", "pdf-sheet", "png"]),
    "whole": (["200000"], ["20000"]),
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
