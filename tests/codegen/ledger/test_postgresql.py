"""A ledger on PostgreSQL: what a database, a network and other stations do to it."""

import threading
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import wire_proxy
from ledger_kit import (
    CUSTODIAN,
    LINE,
    START,
    STATION,
    begun,
    clock,
    create,
    dump,
    founding,
    minted,
    ordered,
    packaged,
    with_history,
)
from postgres_kit import SHIFTED, bouncer, cluster, waits

from mintmark.codegen.away import CommitUnknown, LedgerAway
from mintmark.codegen.errors import (
    EnvironmentFailure,
    IntegrityError,
    MintmarkError,
    Refused,
    UsageError,
)
from mintmark.codegen.ledger import (
    _postgresql,
    _postgresql_shape,
    _wire,
    changes,
    database,
    grants,
)
from mintmark.codegen.ledger import ledger as ledger_module
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.place import LedgerDatabase
from mintmark.codegen.ledger.place import database as address
from mintmark.codegen.ledger.server import OLDEST
from mintmark.codegen.ledger.verify import verify

WAIT = 2.0
UNTIL = START + timedelta(hours=1)


@pytest.fixture(scope="module")
def mould():
    """The URL of a ledger with 100 codes that are packaged, and an order of them."""
    url = cluster().database()
    with create(LedgerDatabase(url)) as ledger:
        ledger.commit(STATION, minted("B", 100, ref="R"))
        ledger.commit(STATION, begun("P", "B", (1, 100)))
        ledger.commit(CUSTODIAN, packaged("P", (1, 100)))
        ledger.commit(LINE, ordered("O", "B", "activate", (1, 10)))
    return url


@pytest.fixture
def place(mould):
    return LedgerDatabase(cluster().database(like=mould))


@pytest.fixture
def ledger(place):
    with Ledger.open(place, clock()) as ledger:
        yield ledger


def order(name, serial=20):
    return ordered(name, "B", "activate", (serial, serial))


def booked(place):
    with Ledger.open(place, clock()) as ledger, ledger.read() as view:
        return [row.order for row in view.orders()]


def by_owner(place, *statements):
    with psycopg.connect(place.url) as connection:
        return [connection.execute(statement) for statement in statements]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A network that swallows an answer says nothing: waiting for it is all there is."""
    monkeypatch.setattr(_postgresql, "ANSWER", 0.5)


# --- the head lock ------------------------------------------------------------------------


def test_the_second_of_two_guards_sees_what_the_first_booked(place):
    """Each looks whether the reference is free, at once, and books it if so."""
    seen = []

    def guard(view):
        found = view.batch_by_ref("R2")
        seen.append(found and found.batch)
        if len(seen) == 1:
            second.start()
            while second.is_alive() and not waits(place.url):
                pass
        if found is not None:
            raise Refused("taken")

    def book(name):
        with Ledger.open(place, clock()) as ledger:
            try:
                ledger.commit(STATION, minted(name, 5, ref="R2"), guard=guard)
            except Refused as error:
                refused.append(error.message)

    refused = []
    second = threading.Thread(target=book, args=("second",))
    book("first")
    second.join()
    assert seen == [None, "first"]
    assert refused == ["taken"]


def test_a_lock_that_is_not_free_in_time_says_so(place, ledger):
    with Ledger.open(place, clock(), wait=0.05) as other:

        def guard(_):
            with pytest.raises(EnvironmentFailure, match="locked by another station") as caught:
                other.commit(LINE, order("O3"))
            assert not isinstance(caught.value, LedgerAway)

        ledger.commit(LINE, order("O2"), guard=guard)
    assert booked(place) == ["O", "O2"]


def test_an_error_that_was_passed_over_books_nothing(place, ledger):
    def guard(view):
        with pytest.raises(psycopg.errors.UndefinedTable):
            view.connection.connection.driver_connection.execute("SELECT * FROM nowhere")

    with pytest.raises(MintmarkError):
        ledger.commit(LINE, order("O2"), guard=guard)
    assert booked(place) == ["O"]


# --- an answer that was lost ----------------------------------------------------------------


@pytest.fixture
def net(place):
    with wire_proxy.PostgresProxy(target=place.url) as net:
        yield net


def at_commit(net, fault):
    """`fault` at the next COMMIT, once."""

    def happens(moment):
        if moment.name != "commit":
            return ""
        net.fault = lambda _: ""
        return fault

    net.fault = happens


@pytest.mark.parametrize("fault", [wire_proxy.LOST, wire_proxy.EARLY])
def test_a_commit_whose_answer_was_lost_is_asked_about(place, net, fault):
    with Ledger.open(LedgerDatabase(net.url), clock(), wait=WAIT) as ledger:
        at_commit(net, fault)
        (done,) = ledger.commit(LINE, order("O2"), claim=("me", UNTIL))
        assert booked(place) == ["O", "O2"]
        with ledger.read() as view:
            assert view.order("O2").holder == "me"
            assert view.head() == (done.seq, done.hash)
        assert ledger.has_booked()
        assert net.faults == {f"commit: {fault}": 1}


def test_a_commit_that_never_arrived_changed_nothing(place, net):
    with Ledger.open(LedgerDatabase(net.url), clock(), wait=WAIT) as ledger:
        at_commit(net, wire_proxy.CUT)
        with pytest.raises(LedgerAway, match="nothing was changed") as caught:
            ledger.commit(LINE, order("O2"))
        assert not isinstance(caught.value, CommitUnknown)
        assert booked(place) == ["O"]
        ledger.commit(LINE, order("O2"))
    assert booked(place) == ["O", "O2"]


def test_a_database_that_stays_away_leaves_it_unknown(place, net):
    with Ledger.open(LedgerDatabase(net.url), clock(), wait=WAIT, settle=0) as ledger:

        def happens(moment):
            if moment.name == "commit":
                threading.Thread(target=net.down).start()
                return wire_proxy.LOST
            return wire_proxy.CUT if net.faults else ""

        net.fault = happens
        with pytest.raises(CommitUnknown, match="not known"):
            ledger.commit(LINE, order("O2"))
    assert booked(place) == ["O", "O2"]


def test_ctrl_c_while_asking_leaves_it_unknown(place, net, monkeypatch):
    def interrupted(connection, committed):
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger_module, "_are_booked", interrupted)
    with Ledger.open(LedgerDatabase(net.url), clock(), wait=WAIT) as ledger:
        at_commit(net, wire_proxy.LOST)
        with pytest.raises(CommitUnknown, match="not known"):
            ledger.commit(LINE, order("O2"))
    assert booked(place) == ["O", "O2"]


def test_ctrl_c_while_committing_waits_for_the_end(place, ledger, monkeypatch):
    def interrupted(wire, server, sent):
        monkeypatch.undo()
        send(wire, server, sent)
        server.flush()  # COMMIT is on its way, and nobody waits for its answer
        raise KeyboardInterrupt

    send = _wire.Wire._send
    by_owner(
        place,
        """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$""",
        """CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow()""",
    )
    with pytest.raises(KeyboardInterrupt):
        ledger.commit(
            LINE,
            order("O2"),
            prepare=lambda: monkeypatch.setattr(_wire.Wire, "_send", interrupted),
        )
    assert ledger.has_booked()
    assert booked(place) == ["O", "O2"]


def test_a_station_that_stands_still_is_given_up_before_those_who_wait():
    assert _postgresql.IDLE < database.WAIT


def test_claims_and_attempts_whose_answer_was_lost_count_once(net):
    with Ledger.open(LedgerDatabase(net.url), clock(), wait=WAIT) as ledger:
        at_commit(net, wire_proxy.LOST)
        assert ledger.claim("O", "me", UNTIL, START)
        at_commit(net, wire_proxy.LOST)
        ledger.attempted("O", UNTIL, "no answer")
        at_commit(net, wire_proxy.LOST)
        ledger.release("O", "me")
        with ledger.read() as view:
            found = view.order("O")
    assert (found.attempts, found.next_attempt, found.holder) == (1, UNTIL, None)
    assert net.faults == {f"commit: {wire_proxy.LOST}": 3}


def test_a_dry_run_asks_nothing_of_commit(place, net):
    before = dump(place)
    with Ledger.open(LedgerDatabase(net.url), clock(), wait=WAIT) as ledger:
        at_commit(net, wire_proxy.CUT)
        ledger.commit(LINE, order("O2"), dry_run=True)
    assert dump(place) == before


# --- servers of every kind --------------------------------------------------------------------


def test_texts_are_sorted_as_bytes_wherever_the_database_is(tmp_path):
    place = LedgerDatabase(cluster().database(sorted_as=SHIFTED))
    names = ("li-print", "liam-print", "lb", "Li", "\u5370\u5237")
    with create(place) as shared, create(tmp_path / "ledger.db") as file:
        for ledger in (shared, file):
            ledger.commit(STATION, *(changes.ContactAdded(name, "x", None) for name in names))
            assert verify(ledger).ok
        with shared.read() as view, file.read() as other:
            assert view.contacts() == other.contacts()


def test_a_pooler_gives_nothing_of_a_station_to_another(place):
    with with_history(LedgerDatabase(bouncer().url(cluster().database()))) as ledger:
        assert verify(ledger).ok
        with ledger.read() as view:
            assert view.connection.connection.driver_connection.prepare_threshold is None
    by_way = bouncer().url(place.url)
    with Ledger.open(LedgerDatabase(by_way), clock()) as ledger:
        ledger.commit(LINE, order("O2"))
        with psycopg.connect(by_way, autocommit=True) as other:
            told = [
                other.execute(f"SHOW {name}").fetchone()
                for name in ("lock_timeout", "statement_timeout")
            ]
            locks = other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            assert (told, locks.fetchone()) == ([("0",), ("0",)], (0,))


def test_the_database_s_clock_is_everybody_s(ledger):
    before = by_owner_clock()
    with ledger.read() as view:
        assert before <= ledger.clock() <= view.clock() <= by_owner_clock()
    assert ledger.clock().utcoffset() == timedelta(0)


def by_owner_clock():
    return cluster().execute("SELECT clock_timestamp()")[0][0]


def test_a_database_that_is_closed_for_writing_is_not_away(place):
    by_owner(
        place,
        f"ALTER DATABASE {urlsplit(place.url).path[1:]} SET default_transaction_read_only = on",
    )
    with Ledger.open(place, clock()) as ledger:
        with pytest.raises(EnvironmentFailure, match="read-only") as caught:
            ledger.commit(LINE, order("O2"))
        assert not isinstance(caught.value, LedgerAway)
        assert verify(ledger).ok


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda url: url.replace("host=", "host=/nowhere"), LedgerAway, "does not answer"),
        (lambda url: url.replace("@/t", "@/no"), EnvironmentFailure, "is not there"),
        (
            lambda url: url.replace("//postgres@", "//nobody-there@"),
            EnvironmentFailure,
            "this login",
        ),
        (lambda url: f"{url}&sslmode=nonsense", EnvironmentFailure, "as its address asks for"),
    ],
)
def test_what_cannot_be_reached_says_why(place, change, error, words):
    with pytest.raises(error, match=words) as caught:
        Ledger.open(LedgerDatabase(change(place.url)), clock())
    assert type(caught.value) is error
    assert caught.value.hints


def test_a_text_with_a_nul_is_refused(place, ledger):
    with pytest.raises(UsageError, match="NUL"):
        ledger.commit(STATION, changes.ContactAdded("c", "a\0b", None))
    assert booked(place) == ["O"]
    # In the body of an event it is escaped, and hides none of the others.
    ledger.commit(LINE, changes.Incident("k", "a\0b"), changes.Incident("k", "c"))
    with ledger.read() as view:
        assert [event.change.detail for event in view.incidents("k")] == ["a\0b", "c"]


@pytest.mark.parametrize("host", ["a:5432,b:5433", "[::1]:5432", "a", "[::1],b:1", ""])
def test_several_servers_have_one_address(host):
    assert address(f"postgresql://u@{host}/books").url.endswith("/books")


@pytest.mark.parametrize("text", ["postgresql://u@a:x/b", "postgresql://u@a:1:2/b", "mysql://a/b"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError):
        address(text)


# --- schema -----------------------------------------------------------------------------------


def test_a_database_that_is_not_empty_makes_no_home():
    place = LedgerDatabase(cluster().database())
    by_owner(place, "CREATE TABLE theirs (n int)")
    with pytest.raises(Refused, match="holds tables already"):
        create(place)
    assert [
        rows.fetchall()
        for rows in by_owner(place, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ] == [[("theirs",)]]


def test_a_database_without_a_ledger_says_so():
    with pytest.raises(IntegrityError, match="no ledger"):
        Ledger.open(LedgerDatabase(cluster().database()), clock())


def test_a_home_that_cannot_be_founded_leaves_an_empty_database():
    place = LedgerDatabase(cluster().database())
    with pytest.raises(UsageError):
        Ledger.create(place, STATION, clock(), *founding(), minted("B", 0))
    with create(place) as ledger:
        assert verify(ledger).ok


@pytest.mark.parametrize(
    ("revision", "hint"), [("0012", "mintmark ledger upgrade"), ("0999", "install")]
)
def test_another_schema_counts_as_away_also_for_whoever_is_at_work(place, ledger, revision, hint):
    by_owner(place, f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608
    for work in (lambda: Ledger.open(place, clock()), lambda: ledger.commit(LINE, order("O2"))):
        with pytest.raises(LedgerAway) as caught:
            work()
        assert hint in caught.value.hints[0]


def test_the_tables_are_as_they_are_made(ledger):
    with ledger.read() as view:
        assert _postgresql_shape.difference(view.connection) is None
        assert (
            view.connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            == database.SCHEMA
        )


def test_the_first_shared_ledger_is_brought_to_the_tables_that_are_made_now():
    place = LedgerDatabase(cluster().database())
    first = Path(__file__).with_name("postgresql_0013.sql").read_text("utf-8")
    version = ("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",)
    version += ("INSERT INTO alembic_version VALUES ('0013')",)
    by_owner(place, first, *version, *grants.guards())
    engine = database.connect(place)
    assert database.upgrade_shared(engine) == ("0013", database.SCHEMA)
    with database.reading(engine) as connection:
        assert _postgresql_shape.difference(connection) is None
    engine.dispose()


BY_HAND = {
    "trigger events_stay": "ALTER TABLE events DISABLE TRIGGER events_stay",
    "index on batch, seq": "DROP INDEX orders_of_batch",
    "column extra of table keys is none": "ALTER TABLE keys ADD extra text",
    "column detail": 'ALTER TABLE orders ALTER detail TYPE text COLLATE "und-x-icu"',
    "check tile_not_backwards": "ALTER TABLE tiles DROP CONSTRAINT tile_not_backwards",
    "reference events": "ALTER TABLE receipts DROP CONSTRAINT receipts_seq_fkey",
}


@pytest.mark.parametrize("words", BY_HAND)
def test_tables_that_were_changed_by_hand_are_named(place, words):
    by_owner(place, BY_HAND[words])
    with Ledger.open(place, clock()) as ledger:
        problem = verify(ledger).problem
    assert problem.startswith("the database was changed by hand: ")
    assert words in problem


# --- proofs beside writers, and rights ---------------------------------------------------------


def test_verify_sees_one_moment_beside_writers(place, ledger):
    names = iter(range(1_000))
    with Ledger.open(place, clock()) as writer:
        found = verify(
            ledger, lambda _: writer.commit(LINE, order(f"W{(n := next(names))}", 20 + n))
        )
        assert found.ok, found.problem
        assert found.events < verify(writer).events


def test_what_was_edited_is_found_and_the_backup_is_named(place, ledger):
    for edit in (
        "UPDATE events SET operator = 'X' WHERE seq = 3",
        "DELETE FROM events WHERE seq = 9",
        "UPDATE tiles SET state = 'void' WHERE first = 11",
        "UPDATE orders SET status = 'acknowledged'",
    ):
        with psycopg.connect(place.url) as connection:
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(edit)
        found = verify(ledger)
        assert not found.ok
        assert "ledger.db" not in " ".join(found.hints)


@pytest.mark.parametrize(
    "statement", ["UPDATE events SET body = ''", "DELETE FROM events", "TRUNCATE events CASCADE"]
)
def test_nobody_changes_an_event(place, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
        by_owner(place, statement)


def as_role(place, kind):
    role = cluster().new_role()
    for statement in grants.statements(role, kind):
        by_owner(place, statement)
    return LedgerDatabase(place.url.replace(f"//{cluster().role}@", f"//{role}@"))


def test_a_station_s_role_does_all_that_a_station_does_and_adds_to_the_events(monkeypatch):
    import ledger_kit

    made = []

    def founded(place):
        create(place).close()
        made.append(as_role(place, "station"))
        return Ledger.open(made[0], clock())

    monkeypatch.setattr(ledger_kit, "create", founded)
    with with_history(LedgerDatabase(cluster().database())) as ledger:
        assert verify(ledger).ok
    for statement in (
        "UPDATE events SET body = ''", "DELETE FROM events", "TRUNCATE events CASCADE",
        "DELETE FROM batches", "UPDATE batches SET quantity = 1", "DROP TABLE tiles",
        "CREATE TABLE t (n int)", "ALTER TABLE events DISABLE TRIGGER ALL",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            by_owner(made[0], statement)


def test_a_role_for_reports_reads_and_proves_and_writes_nothing(place):
    reader = as_role(place, "report")
    with Ledger.open(reader, clock()) as ledger:
        assert verify(ledger).ok
        for work in (
            lambda: ledger.commit(LINE, order("O2")),
            lambda: ledger.claim("O", "me", UNTIL, START),
        ):
            with pytest.raises(EnvironmentFailure, match="role may not do this"):
                work()
    assert booked(place) == ["O"]


@pytest.mark.parametrize(
    "role", ['x"; DROP TABLE events; --', "\u5de5\u5382", "Mixed Case", "a" * 63]
)
def test_a_role_s_name_is_quoted(place, role):
    escaped = role.replace('"', '""')
    quoted = f'"{escaped}"'
    cluster().execute(f"CREATE ROLE {quoted}")
    try:
        for statement in grants.statements(role):
            by_owner(place, statement)
        may = [
            by_owner(place, f"SELECT has_table_privilege($r${role}$r$, 'events', '{what}')")[0]
            for what in ("INSERT", "UPDATE")
        ]
        assert [rows.fetchone() for rows in may] == [(True,), (False,)]
        by_owner(place, f"DROP OWNED BY {quoted}")
    finally:
        cluster().execute(f"DROP ROLE IF EXISTS {quoted}")


@pytest.mark.parametrize("role", ["", "a" * 64, "a\0b"])
def test_what_is_no_role_is_refused(role):
    with pytest.raises(UsageError):
        grants.statements(role)


# --- what doctor is told ------------------------------------------------------------------------


def test_the_server_says_what_it_is_and_who_may_change_events(place, ledger):
    with ledger.read() as view:
        server = view.server()
    assert server.version >= OLDEST
    assert (server.encoding, server.standby, server.difference) == ("UTF8", False, None)
    assert server.may_change
    with Ledger.open(as_role(place, "station"), clock()) as station, station.read() as view:
        assert not view.server().may_change
    by_owner(place, BY_HAND["trigger events_stay"])
    with ledger.read() as view:
        assert "events_stay" in view.server().difference


def test_a_file_has_no_server(tmp_path):
    with create(tmp_path / "ledger.db") as ledger, ledger.read() as view:
        assert view.server() is None
