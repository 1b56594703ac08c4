"""Codes on their whole way, from os.urandom to the phone: real commands, a real server, 7-Zip.

Afterwards every byte that is left on the disk is searched for codes and secrets.
"""

import base64
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

QUANTITY, REEL, ACTIVE = 3_000, 1_000, 1_500
MADE_UP = "ZZZZ0000ZZZZ1111"
SERVE = ("backend", "serve", "--port", "0", "--data")


# The way is walked once, so its tests must run in the same process.
pytestmark = pytest.mark.xdist_group("whole way")


class Factory:
    """A factory's PC: a home, a custodian, a printer's desk, a scan backend."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home, self.backend, self.outbox = root / "home", root / "backend", root / "outbox"
        self.safe, self.temp, self.logs = root / "safe", root / "temp", root / "logs"
        for folder in (self.safe, self.temp, self.logs):
            folder.mkdir()
        self.passphrase = self.safe / "passphrase.txt"
        self.passphrase.write_text("correct horse battery staple\n", encoding="ascii")
        self.passphrase.chmod(0o600)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("MINTMARK_")},
            "MINTMARK_HOME": str(self.home),
            "MINTMARK_CUSTODIAN_KEY": str(self.safe / "custodian.key"),
            "MINTMARK_PASSPHRASE_FILE": str(self.passphrase),
            "TMPDIR": str(self.temp),
        }
        self.steps = 0

    def run(self, *arguments: str, code: int = 0, stdin: str | None = None) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "mintmark", *arguments, "--json"],
            cwd=self.root,
            env=self.environment,
            input=stdin or "",
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        self.steps += 1
        log = self.logs / f"{self.steps:02}-{arguments[0]}.log"
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout or done.stderr)

    def states(self, batch: str) -> dict[str, int]:
        shown = self.run("batch", "show", batch)
        assert sum(shown["states"].values()) == shown["quantity"] == QUANTITY
        return {state: count for state, count in shown["states"].items() if count}

    def start_backend(self) -> subprocess.Popen[str]:
        with (self.logs / "backend.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "mintmark", *SERVE, str(self.backend)],
                cwd=self.root,
                env=self.environment,
                stdout=log,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        line = server.stderr.readline()
        self.url = re.search(r"http://\S+", line)[0]
        return server

    def scan(self, code: str) -> dict[str, object]:
        request = urllib.request.Request(
            f"{self.url}/v1/scans",
            json.dumps({"code": code}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def unzip(self, archive: str, password: Path) -> Path:
        """Unpack as the printer does; the password is typed, not an argument."""
        seven_zip = shutil.which("7z") or shutil.which("7zz")
        if seven_zip is None:
            pytest.skip("7-Zip is not installed: apt package p7zip-full")
        desk = self.root / "desk"
        subprocess.run(
            [seven_zip, "x", f"-o{desk}", archive],
            input=password.read_bytes(),
            capture_output=True,
            start_new_session=True,
            check=True,
        )
        return desk


@pytest.fixture(scope="module")
def factory(tmp_path_factory):
    made = Factory(tmp_path_factory.mktemp("factory"))
    yield made
    shutil.rmtree(made.root, ignore_errors=True)


@pytest.fixture(scope="module")
def way(factory):
    """Walk the whole way once; returns what the tests look at."""
    seen = {}
    factory.run("init")
    batch = factory.run(
        *("mint", "--quantity", str(QUANTITY), "--url", "HTTPS://Q.EXAMPLE.CN/{code}")
    )["batch"]
    seen["minted"] = factory.states(batch)
    factory.run("contact", "add", "li-print", "--name", "李伟, Huaxin Printing")
    password = factory.safe / "password.txt"
    package = factory.run(
        *("export", batch, "--to", "li-print", "--out", str(factory.outbox)),
        *("--unit-size", str(REEL), "--password-file", str(password)),
    )
    seen["packaged"] = factory.states(batch)
    factory.run("package", "verify", package["archive"], "--password-file", str(password))
    desk = factory.unzip(package["archive"], password)
    rows = [
        row
        for name in sorted((desk / "data").glob("*.csv"))
        for row in csv.DictReader(name.read_text(encoding="ascii").splitlines())
    ]
    seen["rows"], codes = rows, [row["code"] for row in rows]
    # The backend is away at first: the line goes on, and the order waits.
    order = factory.run("activate", batch, "--serials", f"1-{ACTIVE}", "--set", "lot=L42", code=75)
    seen["queued"] = order["delivery"]
    server = factory.start_backend()
    try:
        seen["before"] = factory.scan(codes[0])["result"]
        seen["delivered"] = factory.run("deliver")
        seen["activated"] = factory.states(batch)
        seen["scans"] = [
            factory.scan(codes[0]),
            factory.scan(codes[0].lower()),
            factory.scan(codes[ACTIVE]),
            factory.scan(MADE_UP),
        ]
        with urllib.request.urlopen(f"{factory.url}/{codes[1]}", timeout=10) as page:
            seen["page"] = page.read().decode()
        factory.run("freeze", batch, "--serials", "1-10", "--reason", "looked at")
        factory.run("void", batch, "--serials", "11-20", "--reason", "misprint", "--count", "10")
        seen["frozen"] = factory.scan(codes[0])["result"]
        seen["void"] = factory.scan(codes[10])["result"]
        seen["ended"] = factory.states(batch)
        seen["places"] = factory.run("locate", "-", stdin=f"{codes[1_234].lower()}\n")
        seen["audit"] = factory.run("audit", "verify")
        pocket = factory.safe.rename(factory.root / "pocket")  # the custodian goes home
        seen["doctor"] = factory.run("doctor")
        pocket.rename(factory.safe)
        # Search while the backend runs: its write-ahead log exists only now.
        seen["leaks"] = leaks(factory, codes, password)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
        (factory.logs / "backend.err").write_text(server.stderr.read(), encoding="utf-8")
        server.stderr.close()
    seen["leaks_after"] = leaks(factory, codes, password)
    seen["stopped"] = server.returncode
    return seen


def leaks(factory: Factory, codes: list[str], password: Path) -> list[str]:
    """The files of home, backend, temp and logs in which a code or a secret can be read."""
    secrets = [password.read_text().strip(), factory.passphrase.read_text().strip()]
    found = []
    walked = 0
    for folder in (factory.home, factory.backend, factory.temp, factory.logs):
        for path in folder.rglob("*"):
            if not path.is_file():
                continue
            walked += 1
            data = path.read_bytes()
            if path.suffix == ".log" and "locate" in path.name:
                assert b'"serial": 1235' in data
            if readable(data, codes) or any(secret.encode() in data for secret in secrets):
                found.append(str(path))
    assert walked > 20
    return found


def readable(data: bytes, codes: list[str]) -> bool:
    """Whether `data` holds any of `codes`, each 16 characters, in any common encoding."""
    known = {code.encode() for code in [*codes, MADE_UP]}
    plain = (data, data.upper(), data[::2].upper(), data[1::2].upper())
    for text in plain:
        if any(text[at : at + 16] in known for at in range(len(text) - 15)):
            return True
    # Hexadecimal, and base64 at each of the three alignments.
    for code in [*codes[:50], MADE_UP]:
        coded = [code.encode().hex().encode(), code.encode().hex().upper().encode()]
        coded += [base64.b64encode(code.encode()[shift:])[:16] for shift in range(3)]
        if any(part in data for part in coded):
            return True
    return False


def test_the_search_finds_a_code_in_every_encoding():
    code = "0123456789ABCDEF"
    for data in (
        code.encode(),
        code.lower().encode(),
        code.encode("utf-16-le"),
        b"x" + code.encode("utf-16-be"),
        code.encode().hex().encode(),
        base64.b64encode(b"ab" + code.encode() + b"tail"),
    ):
        assert readable(b"before " + data + b" after", [code]), data
    assert not readable(b"0123456789ABCDE", [code])


def test_the_books_account_for_every_code_after_each_step(way):
    assert way["minted"] == {"sealed": QUANTITY}
    assert way["packaged"] == {"packaged": QUANTITY}
    assert way["activated"] == {"packaged": QUANTITY - ACTIVE, "active": ACTIVE}
    assert way["ended"] == {
        "packaged": QUANTITY - ACTIVE,
        "active": ACTIVE - 20,
        "frozen": 10,
        "void": 10,
    }


def test_the_printer_reads_every_code_once_and_in_order(way):
    rows = way["rows"]
    assert [int(row["serial"]) for row in rows] == list(range(1, QUANTITY + 1))
    assert len({row["code"] for row in rows}) == QUANTITY
    assert all(row["url"] == f"HTTPS://Q.EXAMPLE.CN/{row['code']}" for row in rows)
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{16}", row["code"]) for row in rows)


def test_phones_get_the_right_answers(way):
    assert way["before"] == "unknown"
    first, second, inactive, made_up = way["scans"]
    assert (first["result"], first["scans"], first["serial"]) == ("genuine", 1, 1)
    assert first["attributes"] == {"lot": "L42"}
    assert (second["result"], second["scans"]) == ("repeat", 2)
    assert inactive["result"] == made_up["result"] == "unknown"
    assert (way["frozen"], way["void"]) == ("frozen", "void")
    assert 'lang="zh' in way["page"]


def test_the_line_goes_on_while_the_backend_is_away(way):
    assert way["queued"] == "queued"
    assert (len(way["delivered"]["delivered"]), way["delivered"]["queued"]) == (1, 0)


def test_a_code_leads_back_to_its_reel(way):
    assert (way["places"]["serial"], way["places"]["state"]) == (1235, "active")
    assert way["places"]["package"]
    assert way["places"]["unit"]


def test_the_chain_and_the_home_are_intact(way):
    assert way["audit"]["ok"]
    assert way["doctor"]["ok"]
    assert [f for f in way["doctor"]["findings"] if f["level"] != "ok"] == []
    assert way["stopped"] == 0


def test_no_code_and_no_secret_is_readable_anywhere_on_the_disk(way):
    assert way["leaks"] == []
    assert way["leaks_after"] == []
