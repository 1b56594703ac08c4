"""A brand: stations with homes of their own, one PostgreSQL with a standby, one bucket, a backend.

All are real: servers that the tests start, and for each command a process of the program. Each
station has networks of its own to the database and to the bucket (`wire_proxy.py`, `s3_proxy.py`).
"""

import contextlib
import json
import os
import re
from dataclasses import dataclass, field
from unittest import mock

import postgres_kit
import stores
from contract_process import start
from line_kit import terminate
from s3_proxy import S3Proxy
from torture.runner import DIED, Runner
from wire_proxy import PostgresProxy

from mintmark.codegen.invocation import utc_now
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import keys
from mintmark.codegen.station.station import Station

PASSPHRASE = "correct horse battery staple"
DOCUMENTED = {0, 2, 3, 4, 5, 6, 75, 130}
ALL = "mint,export,order,read,admit"
PREFIX = "brand"  # of the keys in the bucket


@dataclass
class Site:
    """A station: its folder, its two networks, and a process that runs its commands.

    `always`: what is true of each of its processes, as a clock that is ahead. `sheltered`: its
    requests fail as all do, but its networks are there.
    """

    name: str
    root: object
    environment: dict
    runner: Runner
    database: PostgresProxy
    bucket: S3Proxy
    always: dict = field(default_factory=dict)
    said: list = field(default_factory=list)
    points: list = field(default_factory=list)
    sheltered: bool = False

    @property
    def home(self):
        return self.root / "home"

    @property
    def places(self):
        """What names the shared places, by way of its networks."""
        vault = ("--vault", f"{self.vault}/{PREFIX}", "--vault-endpoint", self.bucket.url)
        return ("--ledger", self.database.url, *vault)

    def beside(self, runner):
        """The same station, where another process runs commands at the same time."""
        others = {name: value for name, value in vars(self).items() if name != "vault"}
        made = Site(**{**others, "runner": runner})
        made.vault = self.vault
        return made

    def run(self, *words, due=(), **job):
        """Run a command; it ends as documented, and with one of `due` if there are any."""
        texts = [str(word) for word in words]
        done = self.runner.run(texts, self.root, env=self.environment, **self.always, **job)
        self.judge(texts, done)
        assert not due or done.code in due, (self.name, texts, done)
        return done

    def ask(self, *words, due=(0,), **job):
        """What a command answers."""
        return self.run(*words, "--json", due=due, **job).json

    def judge(self, words, done):
        """No bug, no traceback, one error; the text is kept, to be searched for codes."""
        self.said.append(done.text)
        self.points += done.points
        assert done.code in DOCUMENTED or done.code == DIED, (self.name, words, done)
        assert "Traceback" not in done.text, (self.name, words, done)
        assert "this is a bug" not in done.text, (self.name, words, done)
        assert done.err.count("error: ") <= 1, (self.name, words, done)
        assert done.code != 75 or done.out, (self.name, words, done)

    def start(self, *words, byte_code):
        """A service of it: a process of its own, in its folder, with pipes."""
        return start([str(word) for word in words], self.root, {**byte_code, **self.environment})

    @contextlib.contextmanager
    def opened(self):
        """The station, in this process."""
        with mock.patch.dict(os.environ, self.environment):
            station = Station(self.home, operator="test", now=utc_now)
            try:
                yield station
            finally:
                station.close()


class Brand:
    """Everybody. `with` makes the servers, and ends them; `found` and `join` make the stations."""

    def __init__(self, root, byte_code):
        self.root, self.byte_code = root, byte_code
        self.sites, self._stack = {}, contextlib.ExitStack()
        self.networks, self.moved, self.weather = [], False, lambda: _nothing
        self.safe = root / "safe"

    def __enter__(self):
        self.safe.mkdir(parents=True)
        (self.safe / "pass.txt").write_text(f"{PASSPHRASE}\n", "ascii")
        with contextlib.ExitStack() as stack:
            self.primary = postgres_kit.Cluster()
            stack.callback(self.primary.stop)
            self.target = self.primary.database(sorted_as=postgres_kit.SHIFTED)
            self.standby = postgres_kit.Standby(self.primary)
            stack.callback(self.standby.stop)
            self.first = stack.enter_context(Runner(self.byte_code))
            self.bucket = stores.bucket()
            self.books = postgres_kit.cluster().database()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    @property
    def name(self):
        """The name of the ledger's database."""
        return re.search(r"/(\w+)\?", self.target)[1]

    @property
    def clusters(self):
        """The servers that held the ledger, and the one that holds the backend's books."""
        return (self.primary, self.standby, postgres_kit.cluster())

    def twin(self):
        """A process to run commands with."""
        return self._stack.enter_context(self.first.twin())

    def site(self, name, **always):
        """A folder and networks for the station `name`, which does not exist yet."""
        folder = self.root / name
        folder.mkdir()
        (folder / "pw").mkdir()
        environment = {
            **self.bucket.environment,
            "MINTMARK_HOME": "home",
            "MINTMARK_OPERATOR": f"Ms Wang at {name}",
        }
        database = self.network(self.target)
        bucket = self._stack.enter_context(S3Proxy(target=self.bucket.endpoint))
        made = Site(name, folder, environment, self.twin(), database, bucket, always)
        made.vault = self.bucket.url
        self.networks.append(bucket)
        database.fault = bucket.fault = self.weather()
        return made

    def network(self, target):
        """A network to the database at `target`."""
        made = self._stack.enter_context(PostgresProxy(target=target))
        self.networks.append(made)
        return made

    @property
    def key(self):
        """What an export names to bring the custodian."""
        return (
            *("--custodian-key", self.safe / "custodian.key"),
            *("--passphrase-file", self.safe / "pass.txt"),
        )

    def found(self, name, **always):
        """The first station: it makes the home."""
        made = self.site(name, **always)
        made.run("init", *made.places, *self.key, due=(0,))
        self.founder = self.sites[name] = made
        return made

    def join(self, name, may=ALL, **always):
        """A further station, admitted by the first: both compare words."""
        made = self.site(name, **always)
        shown = made.ask("station", "join", *made.places, "--name", name)
        admitted = self.founder.ask(
            *("station", "admit", shown["station_key"], "--name", name, "--may", may),
            *("--words", " ".join(shown["words"])),
        )
        assert admitted["words"] == shown["words"]
        self.sites[name] = made
        return made

    def backend(self):
        """The reference backend as a process; all stations are told where it is."""
        words = ("backend", "serve", "--database", self.books, "--port", "0")
        server = self.founder.start(*words, byte_code=self.byte_code)
        self._stack.callback(self._ended, server)
        said = server.stderr.readline()
        url = re.search(r"http://\S+", said)
        assert url, said + server.stderr.read()
        for site in self.sites.values():
            site.environment["MINTMARK_BACKEND_URL"] = url[0]
        return server

    def _ended(self, server):
        if server.poll() is None:
            terminate(server)

    def failover(self):
        """The standby takes over; all networks lead there, once the old primary is fenced."""
        self.standby.promote()
        self.target = self.standby.url(self.name)
        for site in self.sites.values():
            site.database.target = self.target
            site.database.cut_all()
        self.moved = True

    @property
    def now_primary(self):
        """The server that has the ledger now."""
        return self.standby if self.moved else self.primary

    def calm(self):
        """Every network does what it should again."""
        self.weather = lambda: _nothing
        for network in self.networks:
            network.fault = _nothing
            network.up()

    def custodian(self):
        """The custodian's key, unlocked."""
        told = Secret(PASSPHRASE.encode())
        return keys.read_custodian_key(self.safe / "custodian.key", lambda: told)

    def rows(self, query):
        """What the ledger's tables say, on the primary of now."""
        return self.now_primary.execute(query, self.name)


def _nothing(_):
    return ""


def told(done):
    """What a command answered, or what it said was wrong."""
    return json.loads(done.out or done.err.strip().splitlines()[-1])
