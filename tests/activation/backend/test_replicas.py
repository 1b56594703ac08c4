"""Pages of the market from a replica: a moment old at most, and never what decides anything."""

import postgres_kit
import pytest
from backend_kit import Clock, Seconds, make_batch, make_codes, prints
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.exc import OperationalError

from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.database import books_url, postgresql_url, replica_urls, sqlite_url
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.scanned_code import ScannedBy, ScanRequest
from mintmark.activation.backend.store import Store
from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

CODES, STRANGE = make_codes(10), make_codes(10, "QQQQ")
BATCH = make_batch(10)
clock = Clock()


@pytest.fixture(scope="module")
def servers():
    """A primary and its standby, for which no commit waits; and books of ten active codes."""
    primary = postgres_kit.Cluster()
    standby = postgres_kit.Standby(primary)
    primary.execute("ALTER SYSTEM RESET synchronous_standby_names")
    primary.execute("SELECT pg_reload_conf()")
    mould = primary.database()
    store = Store(postgresql_url(mould))
    store.register(BATCH, clock())
    store.upload(BATCH.batch, 1, prints(CODES), clock())
    store.order(Request("o", BATCH.batch, Action.ACTIVATE, (Range(1, 10),)), clock())
    store.close()
    yield primary, standby, mould
    standby.stop()
    primary.stop()


class Books:
    """Books of their own, with a replica that is told to follow, or to stay."""

    def __init__(self, primary, standby, mould):
        self.seconds = Seconds()
        self._primary, self._standby = primary, standby
        address = primary.database(like=mould)
        replica = postgresql_url(standby.url(conninfo_to_dict(address)["dbname"]))
        self.store = Store(postgresql_url(address), monotonic=self.seconds, replicas=[replica])

    def scan(self, code, region=None):
        request = ScanRequest([prints([code])], None, ScannedBy(region=region))
        return self.store.scans([request], clock())[0].result

    def unknown(self):
        return len(self.store.unknown(0, clock()).scans)

    def beat(self, after=0.0):
        """Let time go by, then ask the primary how far it is."""
        self.seconds.now += after
        self.store.pulse.beat()

    def follow(self):
        """Have the replica follow, and wait until it holds all there is."""
        self._standby.execute("SELECT pg_wal_replay_resume()")
        (written,) = self._primary.execute("SELECT pg_current_wal_lsn()")[0]
        while not self._standby.execute(f"SELECT pg_last_wal_replay_lsn() >= '{written}'")[0][0]:
            pass
        self.beat()

    def stay(self):
        """Have the replica stay where it is."""
        self._standby.execute("SELECT pg_wal_replay_pause()")
        while self._standby.execute("SELECT pg_get_wal_replay_pause_state()") != [("paused",)]:
            pass


@pytest.fixture
def books(servers):
    books = Books(*servers)
    books.follow()
    yield books
    books.follow()
    books.store.close()


def test_pages_are_read_from_a_replica_that_is_near(books, monkeypatch):
    books.scan(STRANGE[0], "CN-31")
    books.scan(CODES[0], "CN-31")
    books.scan(CODES[0])
    books.follow()
    monkeypatch.setattr(books.store._replicas, "_primary", lambda: pytest.fail("was asked"))
    assert books.unknown() == 1
    assert [row.scans for row in books.store.repeats(1, None).repeats] == [2]
    assert [row.region for row in books.store.regions(BATCH.batch, 0).regions] == ["CN-31"]
    assert books.store.refused(0, clock()).scans == ()
    assert books.store.scan_ins(0).scan_ins == ()


def test_a_page_is_ten_seconds_old_at_most(books):
    books.stay()
    books.beat()
    books.scan(STRANGE[0])
    books.beat(after=9.0)
    assert books.unknown() == 0  # as of nine seconds ago
    books.beat(after=2.0)
    assert books.unknown() == 1  # from the primary: the replica is eleven seconds behind


def test_without_word_from_the_primary_no_replica_is_near_for_long(books):
    books.stay()
    books.scan(STRANGE[0])
    books.seconds.now += 11.0
    assert books.unknown() == 1


def test_what_decides_is_never_read_from_a_replica(books):
    books.stay()
    assert [books.scan(CODES[0]) for _ in range(2)] == ["genuine", "repeat"]
    frozen = Request("f", BATCH.batch, Action.FREEZE, (Range(1, 1),))
    books.store.order(frozen, clock())
    assert books.scan(CODES[0]) == "frozen"
    first, _ = books.store.page(BATCH.batch, 0).ranges  # what a reconciliation compares
    assert (first.state.value, first.scanned) == ("frozen", 1)
    assert books.store.get_order("f").order == "f"


def test_a_batch_that_a_replica_does_not_know_yet_is_known(books):
    books.stay()
    books.beat()
    books.store.register(make_batch(5, "HM00-BATCH002"), clock())
    assert books.store.regions("HM00-BATCH002", 0).regions == ()
    with pytest.raises(Problem, match="not-found"):
        books.store.regions("HM00-BATCH003", 0)


def test_a_replica_that_is_away_is_left_alone_for_a_while(books, caplog):
    replicas = books.store._replicas
    calls = []

    def away():
        calls.append(books.seconds.now)
        raise OperationalError("", {}, Exception())

    (replica,) = replicas._replicas
    replica.read = away
    books.scan(STRANGE[0])
    assert [books.unknown() for _ in range(3)] == [1, 1, 1]
    books.seconds.now += 10.0
    assert books.unknown() == 1
    assert calls == [1_000.0, 1_010.0]
    told = "a replica did not answer, the primary does: OperationalError from Exception"
    logged = [record.getMessage().partition(" (")[0] for record in caplog.records]
    assert logged == [told] * 2


def test_a_replica_s_url_holds_no_password_and_is_postgresql_s(tmp_path):
    primary = books_url(None, "postgresql://db.example.com/mintmark")
    url = "postgresql://reader@copy.example.com/mintmark"
    assert [found.host for found in replica_urls(primary, [url, url])] == ["copy.example.com"] * 2
    for database, given, word in (
        (primary, "postgresql://reader:secret@copy.example.com/mintmark", "password"),
        (primary, "mysql://copy.example.com/mintmark", "not postgresql"),
        (sqlite_url(tmp_path), url, "SQLite has no replicas"),
    ):
        with pytest.raises(UsageError, match=word) as caught:
            replica_urls(database, [given])
        assert "secret" not in str(caught.value)
        assert caught.value.hints
