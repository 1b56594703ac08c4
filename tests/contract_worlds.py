"""Prepared homes for the contract's rows, made by real commands, and ways to damage them.

A world is a folder: `home`, keys, passphrases, packages. Each is built once per test worker
and copied for every row; the commands run inside the copy, so that relative names work.
"""

import contextlib
import functools
import hashlib
import io
import json
import os
import re
import shutil
import socket
import sqlite3
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import psycopg
import pyzipper
import segno
from carton_kit import pack, told
from line_kit import client, opened
from patience import PATIENCE
from PIL import Image
from postgres_kit import cluster

from mintmark import cli
from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.senders import HomeSenders
from mintmark.activation.backend.serve import Server, Settings
from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.wire import Order
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import keys

QUANTITY, PACKAGED, REEL = 16_000, 2_000, 500
FACTS = "facts.json"
INIT = "init --passphrase-file pass.txt"
# Each world grows out of another.
BEFORE = {
    "fresh": "none",
    "shared": "none",
    "minted": "fresh",
    "packaged": "minted",
    "queued": "packaged",
    "active": "packaged",
    "doubted": "active",
    "scanned": "packaged",
    "sold": "packaged",
    "reported": "packaged",
    "lost": "packaged",
    "later": "packaged",
    "paired": "packaged",
    "boxed": "packaged",
    "older": "packaged",
    "noticed": "older",
    "retired": "noticed",
}


def command(root, *arguments, codes=(0, 75)):
    """Run a command in this process, to make a world; returns its JSON."""
    out, err = io.StringIO(), io.StringIO()
    # Every row unlocks a copy of the same key, so a weak key keeps the tests fast.
    weak = mock.patch.object(keys, "INTERACTIVE", keys.FOR_TESTS_ONLY)
    quiet = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with weak, contextlib.chdir(root), quiet[0], quiet[1]:
        code = cli.run(["--home", "home", *arguments, "--json"])
    assert code in codes, err.getvalue()
    return json.loads(out.getvalue())


class Worlds:
    """Worlds by name, in folders below `root`; `copy` gives a fresh one."""

    def __init__(self, root):
        self._root = root
        self._made = set()

    def copy(self, name, target):
        """A copy of world `name` at `target`, and the facts its rows name."""
        self._make(name)
        shutil.copytree(self._root / name, target)
        settings = target / "home" / "mintmark.toml"
        if settings.exists():
            # `init` writes the absolute path of the custodian's key.
            old = json.dumps(str(self._root / name / "custodian.key"))
            new = json.dumps(str(target / "custodian.key"))
            text = settings.read_text("utf-8")
            assert old in text
            settings.write_text(text.replace(old, new), "utf-8")
        facts = json.loads((target / FACTS).read_text("utf-8"))
        return _moved(target, facts) if "database" in facts else facts

    def _make(self, name):
        if name in self._made:
            return
        folder = self._root / name
        try:
            facts = self._filled(name, folder)
        except BaseException:
            # The next row shall fail for the same reason, not because of a half-made folder.
            shutil.rmtree(folder, ignore_errors=True)
            raise
        (folder / FACTS).write_text(json.dumps(facts), "utf-8")
        self._made.add(name)

    def _filled(self, name, folder):
        if name == "none":
            folder.mkdir()
            _files(folder)
            return {}
        facts = self.copy(BEFORE[name], folder)
        return {**facts, **_STEPS[name](folder, facts)}


def _files(folder):
    for name, text in {
        "pass.txt": "correct horse battery staple",
        "wrong.txt": "incorrect horse battery staple",
        "short.txt": "1234567",
        "empty.txt": "",
        "wrong-password.txt": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA",
        "press.toml": "[unit]\nsize = 500",
        "wrong.toml": "[unit]\nsize = 0",
        "receipt.csv": "unit,printed,spoiled\ndata/0001.csv,1-400,",
        "corrected.csv": "unit,printed_serials,spoiled_serials\n,1992,",
        "grouped.csv": '卷号,实印流水号\n,"1~1,990"\n',
        "counts.csv": "卷号,实印,报废\n,1990,10\n",
        "serials.txt": "# reel 3\n1001-1200\n1300, 1400-1450\n",
    }.items():
        (folder / name).write_text(text + "\n" if text else "", "utf-8")
    (folder / "cut.csv").write_text("unit,printed\n,1-", "utf-8")
    (folder / "either.csv").write_text("unit,printed\n鲁,1~400\n", "gb18030")
    (folder / "cut.txt").write_text("1-400\n1001-", "utf-8")
    stranger = folder / "stranger"
    stranger.mkdir()
    command(stranger, *INIT.replace("pass.txt", "../pass.txt").split())
    key = keys.read_custodian_key(
        stranger / "custodian.key", lambda: Secret(b"correct horse battery staple")
    )
    keys.write_custodian_public(stranger / "custodian.pub", key.public)


def _fresh(folder, _):
    command(folder, *INIT.split())
    command(folder, "contact", "add", "li", "--name", "Li Wei, Huaxin Printing")
    rows = command(folder, "key", "list")["keys"]
    return {"contact": "li", **{row["kind"]: row["key_id"] for row in rows}}


def _shared(folder, _):
    """A home that stations share: `home` founded it, `third` was admitted, `second` waits."""
    (folder / "store").mkdir()
    (folder / "free").mkdir()
    facts = {"database": cluster().database(), "store": (folder / "store").as_uri()}
    places = ("--ledger", facts["database"], "--vault", facts["store"])
    command(folder, *INIT.split(), *places)
    for number, name in ((3, "third"), (2, "second")):
        joined = ("station", "join", *places, "--home", name, "--name", f"hall-{number}")
        shown = command(folder, *joined)
        facts |= {"station_key": shown["station_key"], "words": " ".join(shown["words"])}
        if name == "third":
            more = ("--name", "hall-3", "--may", "mint,order", "--words", facts["words"])
            command(folder, "station", "admit", facts["station_key"], *more)
            command(folder, "station", "list", "--home", name)
    return facts


def _moved(target, facts):
    """The world at `target` with a database of its own, and another that is empty."""
    old = facts["database"], facts["store"]
    facts["database"] = cluster().database(like=old[0])
    facts["store"] = (target / "store").as_uri()
    for settings in target.glob("*/mintmark.toml"):
        text = settings.read_text("utf-8")
        for one, other in zip(old, (facts["database"], facts["store"]), strict=True):
            text = text.replace(f'"{one}"', f'"{other}"')
        settings.write_text(text, "utf-8")
    (target / FACTS).write_text(json.dumps(facts), "utf-8")
    return {**facts, "fresh": cluster().database(), "free": (target / "free").as_uri()}


def _minted(folder, _):
    arguments = ("--url", "HTTPS://T.EXAMPLE.COM/{code}", "--ref", "plan-7", "--product", "Tea")
    return {"batch": command(folder, "mint", "--quantity", str(QUANTITY), *arguments)["batch"]}


MIXED = re.compile(r"(?:[A-Z]+\d+){2}[A-Z]", re.ASCII)
SLY = re.compile(r"[A-Z]+\d{0,3}", re.ASCII)


def _packaged(folder, facts):
    made = command(
        folder,
        *("export", facts["batch"], "--to", "li", "--serials", f"1-{PACKAGED}", "--out", "out"),
        *("--unit-size", str(REEL), "--password-file", "password.txt"),
        *("--passphrase-file", "pass.txt"),
    )
    package = made["package"]
    units = command(folder, "package", "show", package)["units"]
    with pyzipper.AESZipFile(folder / "out" / f"{package}.zip") as opened:
        opened.setpassword((folder / "password.txt").read_bytes().strip())
        _, *rows = opened.read("data/0001.csv").decode("ascii").splitlines()
        # The symbol of serial 1, as a print shop would send it back.
        (folder / "proof.png").write_bytes(opened.read("qr/sample-1.png"))
    codes = [row.split(",")[1] for row in rows]
    segno.make_qr("NOT OURS").save(str(folder / "foreign.png"), scale=4)
    Image.new("L", (90, 60), 200).save(folder / "blank.png")
    return {
        "package": package,
        "archive": f"out/{package}.zip",
        "unit": units[1]["unit"],
        "code": codes[0],
        "next_code": codes[1],
        # Letters and digits in turn, and one that in lower case might be a name, if there is one.
        # Where all symbols differ, it is an alphabet as well: `mint --alphabet` rightly takes it.
        "mixed_code": next(
            code for code in codes if MIXED.search(code) and len(set(code)) < len(code)
        ),
        "sly_code": next((code for code in codes if SLY.fullmatch(code)), codes[0]),
    }


def _queued(folder, facts):
    command(folder, "activate", facts["batch"], "--serials", "1-500", "--order", "reel-1")
    return {"order": "reel-1"}


def _active(folder, facts):
    """Reel 1 is at the backend: mostly active, some frozen, some void."""
    batch = facts["batch"]
    with answering("real", folder) as url, backend_named(url):
        for arguments in (
            ("activate", "--serials", "1-500", "--set", "lot=L42", "--order", "reel-1"),
            ("freeze", "--serials", "401-410"),
            ("void", "--serials", "411-412", "--reason", "damaged", "--count", "2"),
        ):
            command(folder, arguments[0], batch, *arguments[1:])
    return {"order": "reel-1"}


def _doubted(folder, facts):
    """An order was refused, for somebody had ordered the same at the backend itself."""
    batch = facts["batch"]
    with answering("real", folder) as url, backend_named(url):
        with opened(folder / "home") as station, client(url, station) as other:
            other.order(Order("by-hand", batch, "freeze", [[421, 430]]))
        command(folder, "freeze", batch, "--serials", "421-430", "--order", "reel-9", codes=(6,))
    return {"order": "reel-9"}


def _scanned(folder, facts):
    """Two codes that the backend does not know were scanned: ours, and one that is not ours."""
    batch = facts["batch"]
    with answering("real", folder) as url, backend_named(url):
        # A backend that knows no batch does not know the form of a code.
        command(folder, "activate", batch, "--serials", "1001-1500")
        with HttpClient(url) as phone:
            assert {phone.scan(code).result for code in (facts["code"], "0" * 16)} == {"unknown"}
    return {}


def _sold(folder, facts):
    """A code was scanned in a province it is not meant for; then it was stopped, and scanned."""
    batch, place = facts["batch"], ("--serials", "1-10")
    with answering("real", folder) as url, backend_named(url):
        command(folder, "activate", batch, *place, "--set", "region=浙江", "--set", "dealer=D-7")
        with HttpClient(url) as phone:
            assert phone.scan(facts["code"], region="320506").result == "genuine"
            command(folder, "freeze", batch, *place)
            assert phone.scan(facts["code"]).result == "frozen"
    return {}


def _reported(folder, facts):
    command(folder, "package", "receipt", facts["package"], "--printed", "1-1990",
            "--spoiled", "1991-1995")  # fmt: skip
    return {}


def _lost(folder, facts):
    """Reel 2 is marked lost; its first ten codes are void."""
    batch = facts["batch"]
    command(folder, "void", batch, "--serials", "501-510", "--reason", "lost")
    command(folder, "package", "unit", facts["unit"], "--status", "lost")
    return {}


def _later(folder, facts):
    """Some codes begin to be valid in a year to come."""
    begins = ("--set", "lot=L9", "--effective-at", "2090-01-01")
    command(folder, "assign", facts["batch"], "--serials", "11-20", *begins)
    return {}


def _paired(folder, _):
    """Two codes on each of twenty items, and ten pallets with SSCCs."""
    outer = _mint(folder, "--quantity", "20", "--role", "outer", "--ref", "outer-1")
    inner = _mint(folder, "--role", "inner", "--pair-of", outer)
    pallets = _mint(folder, "--quantity", "10", "--role", "pallet", "--sscc-prefix", "6901234")
    return {"outer": outer, "inner": inner, "pallets": pallets}


def _mint(folder, *arguments):
    return command(folder, "mint", *arguments)["batch"]


def _boxed(folder, facts):
    """1-24 lie in carton 1701, 31-54 in carton 1702, both on pallet 1801; carton 1703 is empty."""
    batch = facts["batch"]
    with answering("real", folder) as url, backend_named(url):
        command(folder, "assign", batch, "--serials", "1701-1703", "--set", "role=carton")
        command(folder, "assign", batch, "--serials", "1801", "--set", "role=pallet")
    with opened(folder / "home") as station:
        pack(station, (batch, 1701), (batch, range(1, 25)))
        pack(station, (batch, 1702), (batch, range(31, 55)))
        pack(station, (batch, 1801), (batch, (1701, 1702)))
        told(station)
    return {}


def _older(folder, facts):
    """A copy of the home was brought back; since it was made, reel 1 was activated."""
    shutil.copytree(folder / "home", folder / "copy")
    with answering("real", folder) as url, backend_named(url):
        command(folder, "activate", facts["batch"], "--serials", "1-500")
    shutil.rmtree(folder / "home")
    (folder / "copy").rename(folder / "home")
    return {}


def _noticed(folder, facts):
    """The older copy has sent an order of its own."""
    with answering("real", folder) as url, backend_named(url):
        command(folder, "activate", facts["batch"], "--serials", "501-510")
    return {}


def _retired(folder, _):
    """And it was decided that the newer home is lost."""
    command(folder, "audit", "settle", "--newer-home", "lost", "--reason", "the disk burnt")
    return {}


_STEPS = {
    "older": _older,
    "noticed": _noticed,
    "retired": _retired,
    "reported": _reported,
    "fresh": _fresh,
    "shared": _shared,
    "minted": _minted,
    "packaged": _packaged,
    "queued": _queued,
    "active": _active,
    "doubted": _doubted,
    "scanned": _scanned,
    "sold": _sold,
    "lost": _lost,
    "later": _later,
    "paired": _paired,
    "boxed": _boxed,
}


# --- backends ------------------------------------------------------------------------


@contextlib.contextmanager
def backend_named(url):
    """MINTMARK_BACKEND_URL for commands in this process."""
    os.environ["MINTMARK_BACKEND_URL"] = url
    try:
        yield
    finally:
        del os.environ["MINTMARK_BACKEND_URL"]


@contextlib.contextmanager
def answering(kind, root):
    """A scan backend of some `kind`; yields its address."""
    if kind == "away":
        with socket.socket() as taken:  # bound, so nobody else listens there
            taken.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"
    elif kind == "remote":
        yield "http://scan.example.com"
    elif kind == "return":  # the last line of a file of settings from Windows
        yield "http://127.0.0.1:9\r"
    elif kind == "escape":
        yield "http://127.0.0.1:9/%zz"
    elif kind == "real":
        yield from _real(root)
    elif kind == "hook":  # no backend: what takes alarms, as apprise's URL
        for url in _scripted(200, "application/json", b"{}"):
            yield url.replace("http:", "json:")
    else:
        yield from _scripted(*_ANSWERS[kind])


def _real(root):
    secret = keys.read_fingerprint_key(root / "home" / "keys" / "fingerprint.key")
    up = threading.Event()
    known = functools.partial(HomeSenders, root / "home")
    settings = Settings(
        sqlite_url(root / "scan-backend"),
        lambda: secret,
        trust_loopback=False,
        senders=known,
        names=("127.0.0.1",),
    )
    server = Server("127.0.0.1", 0, settings, ready=lambda _: up.set())
    yield from _served(server.run, server.stop, server.url, up)


def _scripted(status, kind, body):
    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = answer  # noqa: N815 - http.server's names

        def log_message(self, *_):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    up = threading.Event()
    up.set()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield from _served(server.serve_forever, server.shutdown, url, up)
    finally:
        server.server_close()


def _served(run, stop, url, up):
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert up.wait(PATIENCE)
        yield url
    finally:
        stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


_NO = b'{"type": "urn:mintmark:problem:forbidden", "title": "not this line", "status": 403}'
_ANSWERS = {
    "500": (500, "text/html", b"<h1>Internal Server Error</h1>"),
    "malformed": (200, "application/json", b'{"surprise": [1, 2'),
    "another": (200, "application/json", b'{"hello": "world"}'),
    "refuses": (403, "application/problem+json", _NO),
}


# --- damage --------------------------------------------------------------------------


def damage(root, what, facts):
    """Do `flip FILE`, `cut FILE`, `lose FILE`, or a named damage of `_BY_HAND`."""
    way, _, name = what.partition(" ")
    if way in _BY_HAND:
        _BY_HAND[way](root, facts)
        return
    path = root / name.format(**facts)
    data = bytearray(path.read_bytes())
    if way == "lose":
        path.unlink()
    elif way == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        # The middle byte of a JSON file may be white space: take the next that is not.
        at = next(i for i in range(len(data) // 2, len(data)) if not data[i : i + 1].isspace())
        data[at] ^= 1
        path.write_bytes(data)


def _by_hand(*statements):
    def edit(root, _):
        with contextlib.closing(sqlite3.connect(root / "home" / "ledger.db")) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return edit


def _foreign_fingerprint_key(root, _):
    name = "home/keys/fingerprint.key"
    shutil.copy(root / "stranger" / name, root / name)


def _key_in_the_home(root, _):
    shutil.copy(root / "custodian.key", root / "home" / "backup.key")


def _packed_again(root, facts):
    path = root / facts["archive"]
    with pyzipper.AESZipFile(path) as opened:
        opened.setpassword((root / "password.txt").read_bytes().strip())
        files = {name: opened.read(name) for name in opened.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def _web_page(root, _):
    (root / "page.zip").write_text("<!DOCTYPE html><html>log in first", "ascii")


def _setting(text):
    def write(root, _):
        path = root / "home" / "mintmark.toml"
        path.write_text(path.read_text("utf-8") + text, "utf-8")

    return write


def _limit(text):
    """A setting of `[alarms]`, which other tables follow."""

    def write(root, _):
        path = root / "home" / "mintmark.toml"
        whole = path.read_text("utf-8").replace("[alarms]\n", f"[alarms]\n{text}\n")
        path.write_text(whole, "utf-8")

    return write


def _alarm_cursor(root, _):
    _setting('boss = "env:MINTMARK_BACKEND_URL"\n')(root, _)
    (root / "home" / "alarms.json").write_text("{", "ascii")


_BY_HAND = {
    "newer": _by_hand("UPDATE alembic_version SET version_num = '9999'"),
    "unlogged": _by_hand("UPDATE tiles SET state = 'active' WHERE first = 1"),
    "rewritten": _by_hand("UPDATE events SET operator = 'nobody' WHERE seq = 5"),
    "dropped": _by_hand("DROP TABLE tiles"),
    "foreign-fingerprint-key": _foreign_fingerprint_key,
    "key-in-the-home": _key_in_the_home,
    "packed-again": _packed_again,
    "web-page": _web_page,
    "unknown-setting": _setting("\n[printer]\nname = 'x'\n"),
    "no-toml": _setting("\n[[["),
    "no-targets": _setting("boss = 1\n"),
    "cut-off": _setting('\n[ledger]\nurl = "postgresql://mint@/none?host=/nowhere"\n'),
    "wrong-limit": _limit("receipt_days = 0"),
    "alarm-target": _setting('boss = "env:MINTMARK_BACKEND_URL"\n'),
    "alarm-cursor": _alarm_cursor,
}


# --- what must not change --------------------------------------------------------------

_LEDGER = ("ledger.db", "ledger.db-wal", "ledger.db-shm")


def files(root):
    """Files and folders below `root`, except the ledger's and the backend's: name → digest."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.name in _LEDGER or name.split("/")[0] == "scan-backend":
            continue
        found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found


def books(root):
    """(the ledger's rows by table, its events); both empty if it cannot be read."""
    path = root / "home" / "ledger.db"
    tables = {}
    if (facts := root / FACTS).exists() and (url := json.loads(facts.read_text()).get("database")):
        return _shared_books(url)
    if not path.exists():
        return {}, []
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (name,) in names.fetchall():
                tables[name] = connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
        except sqlite3.DatabaseError:
            return {}, []
    return tables, sorted(tables.pop("events", []))


def _shared_books(url):
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)  # noqa: S608
            for (name,) in names.fetchall()
        }
    return tables, sorted(tables.pop("events"))


def leftovers(root):
    """Files that no command may leave: hidden siblings, intents, locks."""
    home = root / "home"
    found = [path for path in root.rglob(".*") if path.name.endswith(".part")]
    found += [path for path in (home / "work").glob("*") if home.exists()]
    return [path.relative_to(root).as_posix() for path in found]
