"""What an export costs: writing and preflight, against 7-Zip and pyzipper.

    python bench/export.py [QUANTITY] [ROUNDS]

Writing is `pack`: it unseals, formats, deflates, encrypts and fsyncs the codes. The peers get the
same CSV files, already formatted and on disk (and so in the page cache), and only compress
and encrypt them: 7z -tzip -mem=AES256 -mx=1, and pyzipper with zlib's level 1. The codes come
once as files of 10,000 rows, of which 7z packs several at a time, and once as a single file.
Contenders take turns and medians are compared. The last line is the whole command, with the
memory of all its processes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pyzipper
from measure import run

from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.codegen.station.keys import read_custodian_key
from mintmark.codegen.station.station import Station
from mintmark.packaging.package.job import PackJob
from mintmark.packaging.package.pack import Packed, pack
from mintmark.packaging.package.signature import ManifestSigner
from mintmark.packaging.preflight import verify
from mintmark.packaging.preflight.fingerprint_check import FingerprintCheck
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.zip.writer import new_password

URL = "https://q.example.cn/{code}"
QUANTITY, ROUNDS = 1_000_000, 3
NAMES = ("mintmark", "7z", "one file", "7z, one file", "pyzipper")
PASSPHRASE = "bench only, never in use"


class Home:
    """A home with a single batch, and its codes unsealed as an export does."""

    def __init__(self, folder: Path, quantity: int) -> None:
        self.folder, self.quantity = folder, quantity
        (folder / "passphrase").write_text(PASSPHRASE + "\n", encoding="ascii")
        self.environment = os.environ | {
            "MINTMARK_HOME": str(folder / "home"),
            "MINTMARK_CUSTODIAN_KEY": str(folder / "custodian.key"),
            "MINTMARK_PASSPHRASE_FILE": str(folder / "passphrase"),
        }
        self.command("init")
        self.command("contact", "add", "bench", "--name", "Bench")
        minted = self.command("mint", "--quantity", str(quantity), "--url", URL)
        self.batch = str(minted["batch"])
        self.station = Station(folder / "home", operator="bench", now=utc_now)
        key = read_custodian_key(folder / "custodian.key", lambda: Secret(PASSPHRASE.encode()))
        self.signer = ManifestSigner(key.public.key_id, key.public.sign_public, key.sign)
        self.reader = self.station.vault.unseal(
            self.batch,
            self.station.station_keys,
            self.station.wrap_keys,
            key.public.key_id,
            key.sealing,
        )
        self.password = new_password(os.urandom)

    def command(self, *arguments: str) -> dict[str, object]:
        """Run a command; returns its JSON."""
        done = subprocess.run(
            self.line(*arguments),
            env=self.environment,
            cwd=self.folder,
            check=True,
            stdout=subprocess.PIPE,
        )
        result: dict[str, object] = json.loads(done.stdout)
        return result

    def line(self, *arguments: str) -> list[str]:
        """The words of a mintmark command."""
        return [sys.executable, "-m", "mintmark", *arguments, "--json"]

    def write(self, out: Path, unit_size: int = 10_000) -> Packed:
        """Write all codes to the package `out`."""
        out.unlink(missing_ok=True)
        job = PackJob(
            package="K7QM-9X2C4DEF",
            batch=self.batch,
            home=self.station.config.home_id,
            contact_id="bench",
            contact_name="Bench",
            serials=(Range(1, self.quantity),),
            length=16,
            template=URL,
            profile=builtin("csv").of_size(unit_size),
            unit_id=self.station.new_id,
            created=datetime.now(UTC),
        )
        return pack(out, self.reader.codes, job, self.password, self.signer)

    def fingerprint_check(self) -> FingerprintCheck:
        """A filter that compares the codes of an archive with the fingerprints of the mint."""
        station = self.station
        return FingerprintCheck(
            self.batch,
            lambda piece: station.vault.fingerprints(self.batch, piece, station.station_keys),
            16,
            station.fingerprint_key,
            self.quantity,
        )


def seven_zip(home: Home, out: Path, files: Path) -> None:
    """Pack `files` with 7-Zip, which reads the password from its standard input."""
    out.unlink(missing_ok=True)
    subprocess.run(
        ["7z", "a", "-tzip", "-mem=AES256", "-mx=1", "-p", str(out.absolute()), "."],
        cwd=files,
        input=(home.password.reveal() + b"\n") * 2,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def by_pyzipper(home: Home, out: Path, files: Path) -> None:
    """Pack `files` with pyzipper."""
    out.unlink(missing_ok=True)
    with pyzipper.AESZipFile(
        out, "w", compression=pyzipper.ZIP_DEFLATED, compresslevel=1, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(home.password.reveal())
        for path in sorted(files.iterdir()):
            archive.write(path, path.name)


def main() -> None:
    """Print a line per contender, then the cost of the whole command."""
    quantity = int(sys.argv[1]) if len(sys.argv) > 1 else QUANTITY
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        home = Home(folder, quantity)
        archives = {name: folder / f"{name}.zip" for name in NAMES}
        home.write(archives["mintmark"])
        files, joined = folder / "csv", folder / "joined"
        unpack(home, archives["mintmark"], files)
        join(files, joined)
        report(quantity, race(contenders(home, archives, files, joined), rounds), archives)
        whole_command(home)


def contenders(
    home: Home, archives: dict[str, Path], files: Path, joined: Path
) -> dict[str, Callable[[], object]]:
    """Name → its turn; `joined` holds the rows of `files` in a single file."""
    archive, password = archives["mintmark"], home.password
    turns: dict[str, Callable[[], object]] = {
        "mintmark, writing": lambda: home.write(archive),
        "7z -mx=1": lambda: seven_zip(home, archives["7z"], files),
        "mintmark, one file": lambda: home.write(archives["one file"], home.quantity),
        "7z -mx=1, one file": lambda: seven_zip(home, archives["7z, one file"], joined),
        "mintmark, own reader": lambda: verify.verify(archive, password, None),
        "with fingerprint check": lambda: verify.verify(
            archive, password, None, code_filter=home.fingerprint_check()
        ),
        "7z t": lambda: seven_zip_test(home, archive),
    }
    if home.quantity <= QUANTITY:
        turns["pyzipper, zlib 1"] = lambda: by_pyzipper(home, archives["pyzipper"], files)
    if shutil.which("7z") is None:
        turns = {name: turn for name, turn in turns.items() if "7z" not in name}
    return turns


def whole_command(home: Home) -> None:
    """Print what the whole `export` costs."""
    cost = run(
        home.line("export", home.batch, "--to", "bench", "--out", "o", "--password-file", "p"),
        cwd=home.folder,
        env=home.environment,
    )
    print(
        f"whole command: {cost.seconds:.2f} s, {cost.cpu:.2f} CPU s, "
        f"{cost.memory / 1e6:.0f} MB in all processes"
    )


def unpack(home: Home, archive: Path, files: Path) -> None:
    """Write the archive's CSV files to the new folder `files`."""
    files.mkdir()
    with pyzipper.AESZipFile(archive) as opened:
        opened.setpassword(home.password.reveal())
        for name in opened.namelist():
            if name.startswith("data/"):
                (files / Path(name).name).write_bytes(opened.read(name))


def join(files: Path, joined: Path) -> None:
    """Write all rows of `files` to a single file in the new folder `joined`."""
    joined.mkdir()
    with (joined / "codes.csv").open("wb") as target:
        for path in sorted(files.iterdir()):
            target.write(path.read_bytes())


def seven_zip_test(home: Home, archive: Path) -> None:
    """Read the archive with 7-Zip alone."""
    subprocess.run(
        ["7z", "t", str(archive)],
        input=home.password.reveal() + b"\n",
        stdout=subprocess.DEVNULL,
        check=True,
    )


def race(turns: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Name → the median seconds of its turns."""
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            start = time.perf_counter()
            turn()
            taken[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in taken.items()}


def report(quantity: int, seconds: dict[str, float], archives: dict[str, Path]) -> None:
    """Print the table, and the archives' sizes."""
    many = seconds.get("7z -mx=1", seconds["mintmark, writing"])
    single = seconds.get("7z -mx=1, one file", seconds["mintmark, one file"])
    print(f"{quantity:,} codes, Python {sys.version.split()[0]}, {os.cpu_count()} CPUs")
    print(f"{'':26}{'seconds':>9}{'codes/s':>13}{'7z -mx=1 is':>14}")
    for name, value in seconds.items():
        base = single if "one file" in name else many
        print(f"{name:26}{value:>9.2f}{quantity / value:>13,.0f}{base / value:>13.2f}x")
    for name, path in archives.items():
        if path.exists():
            print(f"archive of {name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
