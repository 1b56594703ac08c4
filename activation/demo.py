"""`demo`: the whole way of a code on a single machine, by the commands a user would type.

Every step is a real process of this program, the backend a real HTTP server, and the
archive is opened the way a print shop opens it. What it made stays in the folder.
"""

import csv
import io
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..codegen.errors import MintmarkError, Refused
from ..codegen.files import write_exclusively
from ..codegen.result import Result

MARKER = ".mintmark-demo"
QUANTITY, REEL, CARTONS, IN_CARTON = 10_000, 5_000, 10, 24


@dataclass(frozen=True)
class DemoResult(Result):
    """What was shown, and the files it left."""

    out: Path
    batch: str
    package: str
    archive: Path
    scans: dict[str, str]
    carton: str

    def lines(self) -> Iterator[str]:
        """The summary."""
        yield "scans:"
        for what, result in self.scans.items():
            yield f"  {what:<34} {result}"
        yield f"one of {IN_CARTON} bottles leads to carton {self.carton} and its dealer"
        yield f"left to look at in {self.out}:"
        yield f"  {self.archive.name:<26} the package: open it with 7-Zip"
        yield f"  {'password.txt':<26} its password, which goes another way"
        yield f"  {self.package + '-handoff.txt':<26} the letter that goes with it"
        yield f"  {'home, backend':<26} the station's books and vault, the backend's data"
        yield f"  {'custodian.key':<26} what opens the vault, with passphrase.txt: never leave"
        yield f"  {'':<26} them beside a real home"


def demo(out: Path, notify: Callable[[str], None]) -> DemoResult:
    """Run the demo in `out`, replacing an earlier demo there.

    Raises `Refused` if `out` holds anything else, `MintmarkError` if a step fails.
    """
    _clear(out)
    return _Demo(out.absolute(), notify).run()


def _clear(out: Path) -> None:
    if out.exists():
        if not out.is_dir() or (any(out.iterdir()) and not (out / MARKER).exists()):
            raise Refused(f"{out} is not empty, and no demo's", "name another folder with --out")
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / MARKER).touch()


class _Demo:
    def __init__(self, out: Path, notify: Callable[[str], None]) -> None:
        self.out = out
        self.notify = notify
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("MINTMARK_")},
            "MINTMARK_HOME": str(out / "home"),
            "MINTMARK_CUSTODIAN_KEY": str(out / "custodian.key"),
            "MINTMARK_PASSPHRASE_FILE": str(out / "passphrase.txt"),
            "MINTMARK_OPERATOR": "demo",
        }

    def run(self) -> DemoResult:
        """Every step, in order."""
        passphrase = secrets.token_hex(16).encode("ascii")
        write_exclusively(self.out / "passphrase.txt", passphrase + b"\n")
        self.step("A home, and a custodian key outside of it", "init")
        batch = self.step(
            "Mint: codes nobody can read back",
            *("mint", "--quantity", str(QUANTITY), "--product", "Green tea 500 ml"),
            *("--url", "HTTPS://T.EXAMPLE.COM/{code}"),
        )["batch"]
        self.step(
            "The print shop's one named person",
            *("contact", "add", "li-print", "--name", "Li Wei, Huaxin Printing"),
        )
        package = self.step(
            "The package: two reels, encrypted",
            *("export", batch, "--to", "li-print", "--out", "."),
            *("--unit-size", str(REEL), "--password-file", "password.txt"),
        )
        cartons = self.step(
            "Cartons have codes of their own",
            *("mint", "--quantity", str(CARTONS), "--role", "carton"),
            *("--product", "Green tea 24 x 500 ml", "--url", "HTTPS://T.EXAMPLE.COM/{code}"),
        )["batch"]
        labels = self.step(
            "Their labels",
            *("export", cartons, "--to", "li-print", "--out", "."),
            *("--password-file", "password-cartons.txt"),
        )
        self.step(
            "Proved before it leaves",
            *("package", "verify", Path(package["archive"]).name),
            *("--password-file", "password.txt"),
        )
        codes = self.open_archive(Path(package["archive"]), "password.txt")
        label, *_ = self.open_archive(Path(labels["archive"]), "password-cartons.txt")
        scans, carton = self.with_backend(batch, codes, label)
        self.step("The books balance", "batch", "show", batch)
        self.step("The audit chain holds", "audit", "verify")
        return DemoResult(
            self.out, batch, package["package"], Path(package["archive"]), scans, carton
        )

    def with_backend(self, batch: str, codes: list[str], label: str) -> tuple[dict[str, str], str]:
        """Activate the first reel against a running backend, scan, and sell a carton."""
        self.notify("\n# The scan backend, as the brand would run it")
        self.notify("$ mintmark backend serve --data backend --port 0 &")
        with subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "mintmark", *_SERVE],
            cwd=self.out,
            env=self.environment,
            stdout=subprocess.DEVNULL,  # stdout is the demo's own result
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as server:
            try:
                url = _served_url(server)
                self.notify(f"serving {url}")
                self.step(
                    "Reel 1 was printed and packed: bring it to life",
                    *("activate", batch, "--serials", f"1-{REEL}", "--set", "lot=L42"),
                )
                return self.scan(url, codes), self.sell_carton(codes, label)
            finally:
                server.terminate()

    def sell_carton(self, codes: list[str], label: str) -> str:
        """Bottles are scanned into a carton, which is sold; one of them leads back to it."""
        bottles = codes[REEL : REEL + IN_CARTON]
        packed = self.step(
            f"The line scans {IN_CARTON} bottles of reel 2, and the carton's label",
            *("associate", "--codes", "-", "--count", str(IN_CARTON)),
            scans=[*bottles, label],
        )
        parent = packed["parent"]
        carton = f"{parent['batch']}:{parent['serial']}"
        self.step(
            "The carton is sold: one order for it and all in it",
            *("activate", "--carton", carton, "--count", str(IN_CARTON), "--set", "dealer=D7"),
        )
        found = self.step(
            "A bottle turns up in another city: where was it sold?",
            *("locate", "-"),
            scans=[bottles[6]],
        )
        way = found["within"][0]
        self.notify(f"  in carton         {way['batch']}:{way['serial']}")
        self.notify(f"  of dealer         {found['attributes']['dealer']}")
        return f"{way['batch']}:{way['serial']}"

    def scan(self, url: str, codes: list[str]) -> dict[str, str]:
        """What phones get."""
        import httpx2

        first, sleeping = codes[0], codes[REEL]
        guessed = "0" * len(first)
        scanned = {
            "a bottle of reel 1, first scan": first,
            "the same bottle again": first,
            "a bottle of reel 2, not activated": sleeping,
            "a made-up code": guessed,
        }
        with httpx2.Client(base_url=url, trust_env=False, timeout=10) as phone:
            results = {
                what: str(phone.post("/v1/scans", json={"code": code}).json()["result"])
                for what, code in scanned.items()
            }
        self.notify("\n# Phones scan")
        for what, result in results.items():
            self.notify(f"  {what:<34} {result}")
        return results

    def open_archive(self, archive: Path, password_file: str) -> list[str]:
        """The codes, as the press would read them; 7-Zip and Bandizip do the same."""
        import pyzipper

        password = (self.out / password_file).read_bytes().strip()
        codes: list[str] = []
        with pyzipper.AESZipFile(archive) as opened:
            opened.setpassword(password)
            for name in sorted(n for n in opened.namelist() if n.startswith("data/")):
                rows = csv.DictReader(io.StringIO(opened.read(name).decode("ascii")))
                codes.extend(row["code"] for row in rows)
        self.notify(f"\n# The printer opens it: {len(codes):,} codes, in serial order")
        return codes

    def step(self, title: str, *arguments: str, scans: Sequence[str] = ()) -> dict[str, Any]:
        """Run a command, show it to people, and return its JSON result.

        `scans`: what a reader sends it.
        """
        self.notify(f"\n# {title}")
        self.notify("$ mintmark " + " ".join(_quoted(argument) for argument in arguments))
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "mintmark", *arguments, "--json"],
            cwd=self.out,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            input="".join(f"{scan}\n" for scan in scans),
            check=False,
        )
        if done.returncode:
            raise MintmarkError(
                f"the demo's step «{title}» ended with exit code {done.returncode}",
                done.stderr.strip(),
            )
        result: dict[str, Any] = json.loads(done.stdout)
        for key in _SHOWN:
            if key in result:
                self.notify(f"  {key:<17} {_short(result[key])}")
        return result


_SERVE = ("backend", "serve", "--data", "backend", "--port", "0")
_SHOWN = (
    *("home_id", "batch", "package", "quantity", "entropy_bits", "guess_probability"),
    *("states", "serials", "applied", "sha256", "rows", "children_count", "items_count"),
    *("delivery", "ok", "events", "head"),
)


def _served_url(server: "subprocess.Popen[str]") -> str:
    assert server.stderr is not None  # noqa: S101 - Popen pipes it, as it was called
    for line in server.stderr:
        if line.startswith("serving "):
            return line.split()[1]
    raise MintmarkError("the backend did not start")


def _quoted(argument: str) -> str:
    return f'"{argument}"' if " " in argument or "{" in argument else argument


def _short(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {count:,}" for key, count in value.items())
    if isinstance(value, list):
        return ", ".join(f"{first}-{last}" for first, last in value)
    return str(value)
