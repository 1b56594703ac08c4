"""A small factory to torment: its home holds something of everything. And whether it is right."""

import contextlib
import functools
import json
import re
import shutil
import sqlite3

import contract_worlds
import pyzipper
from torture.runner import DIED

from mintmark.codegen.files import hidden
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import keys
from mintmark.codegen.station.station import Station

PASSPHRASE = "correct horse battery staple"
QUANTITY, PACKAGED, REEL, FEW = 240, 120, 40, 9
TABLES = (
    *("batches", "contacts", "counters", "keys", "links", "orders", "packages", "receipts"),
    *("reported_serials", "tiles", "units"),
)
DOCUMENTED = {0, 2, 3, 4, 5, 6, 75, 130}
_DRAWN = ("seq", "corrects", "_at", "sha256", "_public", "_digest", "key_id", "_bytes")
_ID = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{8,}")
UNBALANCED = """SELECT b.batch FROM batches b WHERE b.quantity !=
    (SELECT sum(codes) FROM counters c WHERE c.batch = b.batch AND c.state != 'inside')
    OR b.quantity !=
    (SELECT sum(last - first + 1) FROM tiles t WHERE t.batch = b.batch)
    UNION SELECT c.batch FROM counters c WHERE c.state != 'inside' AND c.codes != coalesce(
    (SELECT sum(last - first + 1) FROM tiles t WHERE t.batch = c.batch AND t.state = c.state), 0)
    UNION SELECT c.batch FROM counters c WHERE c.state = 'inside' AND c.codes != coalesce(
    (SELECT sum(last - first + 1) FROM links l WHERE l.batch = c.batch), 0)"""
_LIVE = "SELECT package FROM packages WHERE status = 'packaged' AND superseded_by IS NULL"


def template(root):
    """Make the factory at `root`; returns what its commands name."""
    root.mkdir()
    do = functools.partial(contract_worlds.command, root)
    for name, text in {
        "pass.txt": PASSPHRASE,
        "orders.csv": "action,batch,serials,order\n",
        "receipt.csv": "unit,printed,spoiled\n",
        "settings.txt": "",
    }.items():
        (root / name).write_text(f"{text}\n", "utf-8")
    do("init", "--passphrase-file", "pass.txt")
    do("contact", "add", "li", "--name", "Li Wei")
    for number in range(FEW):  # so many that a mint merges their runs
        do("mint", "--quantity", "3", "--ref", f"few-{number}")
    url = ("--url", "HTTPS://T.EXAMPLE.COM/{code}")
    batch = do("mint", "--quantity", str(QUANTITY), *url, "--ref", "plan-7")["batch"]
    made, other = [
        do(
            *("export", batch, "--to", "li", "--serials", f"next:{count}", "--out", "out"),
            *("--unit-size", str(REEL), "--password-file", f"{count}.pw"),
            *("--passphrase-file", "pass.txt"),
        )["package"]
        for count in (PACKAGED, REEL)
    ]
    units = [row["unit"] for row in do("package", "show", made)["units"]]
    deputy = do("key", "custodian", "deputy.key", "--passphrase-file", "pass.txt")
    with contract_worlds.answering("real", root) as address, contract_worlds.backend_named(address):
        do("activate", batch, "--serials", "1-20", "--order", "reel-1")
    found = {row["kind"]: row["key_id"] for row in do("key", "list")["keys"]}
    found |= {"batch": batch, "package": made, "unit": units[1], "other": other}
    row = f"activate,{batch},21-30,file-1\nfreeze,{batch},1-5,file-2\n"
    (root / "orders.csv").write_text("action,batch,serials,order\n" + row, "ascii")
    (root / "receipt.csv").write_text(f"unit,printed,spoiled\n{units[2]},81-110,111-112\n", "ascii")
    return {**found, "deputy": deputy["key_id"]}


class Plant:
    """A copy of the factory at `root`, where a `runner` runs its commands."""

    def __init__(self, runner, source, facts, root):
        self.runner, self.facts, self.root = runner, facts, root
        self.env = {"MINTMARK_HOME": "home", "MINTMARK_OPERATOR": "Ms Wang"}
        self.said = []
        shutil.copytree(source, root)
        settings = root / "home" / "mintmark.toml"
        text = settings.read_text("utf-8")
        settings.write_text(text.replace(str(source), str(root)), "utf-8")

    def beside(self, runner):
        """The same factory, where another process runs commands."""
        other = object.__new__(Plant)
        vars(other).update(vars(self), runner=runner, said=[])
        return other

    def words(self, line):
        """The words of `line`, with what the factory holds filled in."""
        return [word.format(**self.facts, code_in_url="{code}") for word in line.split()]

    def run(self, line, *due, **job):
        """Run a command; its exit code is documented, and one of `due` if there are any."""
        done = self.runner.run(self.words(line), self.root, env=self.env, **job)
        self.judge(line, done)
        assert not due or done.code in due, (line, done)
        return done

    def judge(self, line, done):
        """No bug, no traceback, one error; the text is kept, to be searched for codes."""
        self.said.append(done.text)
        assert done.code in DOCUMENTED or done.code == DIED, (line, done)
        assert "Traceback" not in done.text, (line, done)
        assert "this is a bug" not in done.text, (line, done)
        assert done.err.count("error: ") <= 1, (line, done)

    def json(self, line, *due):
        """Its answer; the command ends with 0 or one of `due`."""
        done = self.run(f"{line} --json", 0, *due)
        return json.loads(done.out)

    # --- whether all is right

    def shape(self):
        """What the books say, without ids that are drawn and times: equal after equal commands."""
        with contextlib.closing(sqlite3.connect(self.root / "home" / "ledger.db")) as books:
            refs = dict(books.execute("SELECT batch, coalesce(ref, '?') FROM batches"))
            names = [row[0] for row in books.execute("SELECT name FROM sqlite_master")]
            tables = sorted(name for name in TABLES if name in names)
            return {name: sorted(_rows(books, name, refs)) for name in tables}

    def begun(self):
        """The hidden files that belong to an intent: whoever settles it, ends them."""
        home = self.root / "home"
        intents = [json.loads(path.read_text("utf-8")) for path in (home / "work").glob("*.json")]
        parts = [hidden(home / name) for intent in intents for name in intent["files"]]
        return [path for path in parts if path.exists()]

    def sound(self):
        """Nothing lies about; books balance; each code is in one package, and was never said."""
        left = contract_worlds.leftovers(self.root)
        assert not left, left
        with Ledger.open(self.root / "home" / "ledger.db", utc_now) as ledger:
            assert verify(ledger).ok
        with contextlib.closing(sqlite3.connect(self.root / "home" / "ledger.db")) as books:
            assert not books.execute(UNBALANCED).fetchall()
            packages = books.execute(_LIVE).fetchall()
        codes = set()
        for found in self.codes().values():
            assert not codes & set(found)
            codes |= set(found)
        self._packed(codes, [package for (package,) in packages])
        said = set(re.findall(r"[0-9A-Z]{16}", "\n".join(self.said)))
        assert not codes & said

    def codes(self):
        """Batch → its codes, in order: with the custodian's key."""
        key = keys.read_custodian_key(
            self.root / "custodian.key", lambda: Secret(PASSPHRASE.encode())
        )
        station = Station(self.root / "home", operator="test", now=utc_now)
        try:
            with station.ledger.read() as view:
                rows = view.batches()
            return {row.batch: _unsealed(station, row, key) for row in rows}
        finally:
            station.close()

    def _packed(self, codes, packages):
        """The archive of each package opens with a password we have, and no code is in two."""
        passwords = [path.read_bytes().strip() for path in sorted(self.root.glob("*.pw"))]
        seen = set()
        for package in packages:
            (archive,) = self.root.glob(f"*/{package}.zip")
            found = in_archive(archive, passwords)
            assert found <= codes
            assert not found & seen
            seen |= found


def _unsealed(station, row, key):
    reader = station.vault.unseal(
        row.batch, station.station_keys, station.wrap_keys, key.public.key_id, key.sealing
    )
    whole = b"".join(part for _, part in reader.codes(Range(1, row.quantity)))
    size = reader.header.length
    return [whole[at : at + size].decode() for at in range(0, len(whole), size)]


def in_archive(archive, passwords):
    for password in passwords:
        with pyzipper.AESZipFile(archive) as opened:
            opened.setpassword(password)
            try:
                texts = [opened.read(n) for n in opened.namelist() if n.startswith("data/")]
            except RuntimeError:
                continue
            return set(re.findall(r"\b[0-9A-Z]{16}\b", b"\n".join(texts).decode("utf-8")))
    raise AssertionError(f"no password opens {archive.name}")


def _rows(books, table, refs):
    """The rows of `table`, each a text."""
    names = [row[1] for row in books.execute(f"PRAGMA table_info({table})")]
    kept = [name for name in names if not name.endswith(_DRAWN)]
    if table == "orders":  # whether it was sent already is no matter of the books
        kept = [name for name in kept if name not in ("status", "detail")]
    for row in books.execute(f"SELECT {', '.join(kept)} FROM {table}"):  # noqa: S608 - ours
        if "abandoned" not in row:
            text = json.dumps([refs.get(value, value) for value in row])
            yield _ID.sub("ID", text)
