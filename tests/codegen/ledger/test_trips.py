"""Round trips to a real PostgreSQL: how many, and what they do when something goes wrong."""

import contextlib
from datetime import timedelta

import psycopg
import pytest
from ledger_kit import (
    LINE,
    START,
    STATION,
    begun,
    clock,
    founding,
    holders,
    minted,
    ordered,
    packaged,
    packed,
    ranges,
    unpacked,
    with_package,
)
from postgres_kit import bouncer, cluster
from sqlalchemy import create_engine, text

from mintmark.codegen.ledger import _trips
from mintmark.codegen.ledger._patient import Patient
from mintmark.codegen.ledger._wire import Statement, Wire, dumped
from mintmark.codegen.ledger.changes import Incident, Settled
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.place import LedgerDatabase

BEGIN = Statement(b"BEGIN")
READ = Statement(b"SELECT n FROM a WHERE id = $1", frozenset("a"))
BOTH = Statement(b"SELECT a.n + b.n FROM a JOIN b USING (id) WHERE id = $1", frozenset("ab"))
UNKNOWN = Statement(b"SELECT n * 2 FROM a WHERE id = $1")
SET = Statement(b"UPDATE a SET n = $1 WHERE id = $2", frozenset("a"))
ADD = Statement(b"INSERT INTO b VALUES ($1, $2)", frozenset("b"))


@pytest.fixture(scope="module")
def url():
    return cluster().database()


@pytest.fixture(params=[False, True], ids=["named", "pooled"])
def engine(url, request):
    """Two tables with a row each; behind a pool nothing has a name on the server."""

    def connected():
        connection = Patient.connect(url)
        connection.pooled, connection.prepare_threshold = request.param, None
        return connection

    engine = create_engine("postgresql+psycopg://", creator=connected)
    _trips.watch(engine)
    with engine.begin() as connection:
        for table in "ab":
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
            connection.execute(text(f"CREATE TABLE {table} (id text PRIMARY KEY, n bigint)"))
        connection.execute(text("INSERT INTO a VALUES ('x', 1)"))
        connection.execute(text("INSERT INTO b VALUES ('x', 10)"))
    yield engine
    engine.dispose()


@pytest.fixture
def went(monkeypatch):
    """How many statements each trip carried."""
    seen = []
    monkeypatch.setattr(_trips, "went", seen.append)
    return seen


def held(engine):
    with engine.connect() as connection:
        return connection.execute(text("SELECT id, n FROM a UNION ALL SELECT id, n FROM b")).all()


def opening(connection):
    _trips.begin(connection, BEGIN)
    return _trips.of(connection)


def test_what_is_written_goes_out_with_commit(engine, went):
    with engine.begin() as connection:
        trips = opening(connection)
        trips.write(SET, [(7, "x")])
        trips.write(ADD, [("y", 2), ("z", None)])
        assert went == []
    assert went == [5]
    assert held(engine) == [("x", 7), ("x", 10), ("y", 2), ("z", None)]


def test_a_transaction_that_asks_and_writes_nothing_sends_nothing(engine, went):
    with engine.begin() as connection:
        opening(connection)
    with engine.connect() as connection:
        opening(connection).write(SET, [(7, "x")])
    assert went == []
    assert held(engine) == [("x", 1), ("x", 10)]


def test_an_answer_is_kept_until_its_table_is_written_to(engine, went):
    with engine.begin() as connection:
        trips = opening(connection)
        trips.ahead([(READ, ("x",)), (BOTH, ("x",)), (UNKNOWN, ("x",)), (READ, ("x",))])
        assert [trips.ask(one, ("x",)) for one in (READ, BOTH, UNKNOWN)] == [
            [(1,)],
            [(11,)],
            [(2,)],
        ]
        assert went == [4]
        trips.write(ADD, [("y", 2)])
        assert trips.known(READ, ("x",)) == [(1,)]
        assert trips.known(BOTH, ("x",)) is None
        # What it reads is not known: any write may have changed it.
        assert trips.known(UNKNOWN, ("x",)) is None
        trips.write(SET, [(5, "x")])
        assert trips.known(READ, ("x",)) is None
        assert trips.ask(BOTH, ("x",)) == [(15,)]
        assert went == [4, 3]


def test_no_answer_outlives_its_transaction(engine):
    with engine.begin() as connection:
        assert opening(connection).ask(READ, ("x",)) == [(1,)]
    with engine.begin() as other:
        other.execute(text("UPDATE a SET n = 3"))
    with engine.begin() as connection:
        assert opening(connection).ask(READ, ("x",)) == [(3,)]
        connection.rollback()
        assert _trips.of(connection).known(READ, ("x",)) is None


@pytest.mark.parametrize("at", range(3))
def test_nothing_is_booked_if_one_of_the_queue_fails(engine, at):
    rows = [("u", 1), ("v", 2), ("w", 3)]
    rows[at] = ("x", 4)  # is there already
    with pytest.raises(psycopg.errors.UniqueViolation), engine.begin() as connection:
        opening(connection).write(ADD, rows)
    assert held(engine) == [("x", 1), ("x", 10)]
    # The connection serves whoever comes next, statements with a name too.
    with engine.begin() as connection:
        opening(connection).write(ADD, [("u", 1)])
    assert held(engine) == [("x", 1), ("x", 10), ("u", 1)]


def test_a_question_tells_of_what_failed_before_it(engine):
    with engine.connect() as connection:
        trips = opening(connection)
        trips.write(ADD, [("x", 4)])
        with pytest.raises(psycopg.errors.UniqueViolation):
            trips.ask(READ, ("x",))
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            trips.ask(READ, ("x",))


def test_what_is_checked_is_told_of_before_what_comes_after_it(engine):
    def no(rows):
        raise LookupError(rows)

    checked = Statement(b"SELECT 1", check=no)
    missing = Statement(b"SELECT * FROM nothing")
    with engine.connect() as connection:
        _trips.begin(connection, BEGIN, checked)
        with pytest.raises(LookupError, match="1"):
            _trips.of(connection).ask(missing, ())


def test_statements_of_sqlalchemy_s_own_come_after_the_queue(engine):
    with engine.begin() as connection:
        trips = opening(connection)
        assert trips.ask(READ, ("x",)) == [(1,)]
        trips.write(ADD, [("y", 2)])
        assert connection.execute(text("SELECT count(*) FROM b")).scalar() == 2
        assert trips.known(READ, ("x",)) == [(1,)]
        connection.execute(text("UPDATE a SET n = 9"))
        assert trips.ask(READ, ("x",)) == [(9,)]


def test_many_rows_are_read_as_they_are_consumed(engine, went):
    rows = Statement(b"SELECT i::bigint FROM generate_series(1, $1::bigint) AS i")
    with engine.begin() as connection:
        trips = opening(connection)
        one, other = trips.each(rows, (2 * _trips.AT_ONCE,)), trips.each(rows, (3,))
        assert [next(one), next(other), next(one)] == [(1,), (1,), (2,)]
        assert went == [3, 2]
        assert [row for (row,) in one] == list(range(3, 2 * _trips.AT_ONCE + 1))
        assert list(other) == [(2,), (3,)]
        assert went == [3, 2, 1, 1]


def test_many_writes_go_out_before_there_are_too_many(engine, went):
    with engine.begin() as connection:
        opening(connection).write(ADD, ((str(n), n) for n in range(_trips.AT_ONCE + 1)))
        assert went == [_trips.AT_ONCE + 2]
    assert len(held(engine)) == 2 + _trips.AT_ONCE + 1


def test_names_that_somebody_took_away_are_given_anew(engine):
    with contextlib.suppress(psycopg.errors.InvalidSqlStatementName), engine.begin() as connection:
        assert opening(connection).ask(READ, ("x",)) == [(1,)]
        connection.execute(text("DEALLOCATE ALL"))
    with engine.begin() as connection:
        assert opening(connection).ask(READ, ("x",)) == [(1,)]


def test_a_lost_connection_is_told_of_and_never_used_again(engine):
    connection = engine.connect()
    transaction = connection.begin()
    trips = opening(connection)
    ((pid,),) = trips.ask(Statement(b"SELECT pg_backend_pid()"), ())
    trips.write(SET, [(7, "x")])
    with engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
    with pytest.raises(psycopg.OperationalError) as caught:
        transaction.commit()
    assert caught.value.sqlstate in (None, "57P01")
    assert connection.invalidated
    connection.close()
    assert held(engine) == [("x", 1), ("x", 10)]


@pytest.mark.parametrize("asks", [True, False])
def test_ctrl_c_in_the_middle_of_a_trip_stays_ctrl_c(engine, monkeypatch, asks):
    def interrupted(wire, server, sent):
        server.send_query_params(b"SELECT 1", [])
        raise KeyboardInterrupt

    def write():
        with engine.begin() as connection:
            trips = opening(connection)
            trips.write(SET, [(7, "x")])
            if asks:
                trips.ask(READ, ("x",))

    with monkeypatch.context() as patched:
        patched.setattr(Wire, "_send", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write()
    assert held(engine) == [("x", 1), ("x", 10)]


def test_what_cannot_be_sent_costs_no_connection(engine):
    with engine.begin() as connection:
        trips = opening(connection)
        trips.write(ADD, [("y", 2)])
        for value, error in (("a\0b", psycopg.DataError), ("\ud800", UnicodeEncodeError)):
            with pytest.raises(error):
                trips.write(SET, [(7, value)])
        assert trips.ask(READ, ("x",)) == [(1,)]
    assert held(engine) == [("x", 1), ("x", 10), ("y", 2)]


def test_rows_are_told_apart_by_what_the_server_is_sent(engine):
    # A number and its digits are one value there.
    numbered = Statement(b"SELECT n FROM b WHERE n = $1", frozenset("b"), {"n": 0})
    gone = Statement(b"DELETE FROM b WHERE n = $1::bigint", frozenset("b"), {"n": 0})
    with engine.begin() as connection:
        trips = opening(connection)
        assert trips.ask(numbered, (10,)) == [(10,)]
        trips.write(gone, [("11",)])
        assert trips.known(numbered, (10,)) == [(10,)]
        trips.write(gone, [("10",)])
        assert trips.ask(numbered, (10,)) == []


@pytest.mark.parametrize(
    ("value", "there"),
    [("\u7801 'x'", "\u7801 'x'"), (None, None), (True, "1"), (-3, "-3"), (0.1, "0.1"), ("", "")],
)
def test_a_value_arrives_as_it_was_given(engine, value, there):
    with engine.begin() as connection:
        rows = opening(connection).ask(Statement(b"SELECT CAST($1 AS text)"), (value,))
    assert rows == [(there,)]


def test_no_text_is_cut_at_a_nul():
    with pytest.raises(psycopg.DataError):
        dumped("a\0b")
    with pytest.raises(TypeError):
        dumped(b"a")


# --- how many round trips the ledger makes ------------------------------------------------


UNTIL = START + timedelta(days=9)


@pytest.fixture(scope="module", params=["direct", "pgbouncer"])
def shared(request):
    url = cluster().database()
    place = LedgerDatabase(url if request.param == "direct" else bouncer().url(url))
    with Ledger.create(place, STATION, clock(), *founding()) as ledger:
        for number in range(4):
            batch, package = f"B{number}", f"P{number}"
            ledger.commit(STATION, minted(batch, 100))
            ledger.commit(STATION, begun(package, batch, (1, 100)))
            ledger.commit(STATION, packaged(package, (1, 100)))
        ledger.commit(STATION, minted("B9", 200), holders("K", 9))
        with_package(ledger, "K", "PK", (1, 9))
        ledger.commit(LINE, packed("K0", ("K", (9, 9)), ("B3", (81, 90))))
        ledger.commit(STATION, begun("P9", "B9", (101, 200)))
        for number in range(9):
            ledger.commit(LINE, ordered(f"Q{number}", "B0", "activate", (number + 1, number + 1)))
        yield ledger


def read(work):
    def reading(ledger):
        with ledger.read() as view:
            work(view)

    return reading


def ordering(*orders, **more):
    return lambda ledger: ledger.commit(LINE, *orders, **more)


def guarded(view):
    view.batch("B1")
    assert not view.lost_units("B1", ranges((1, 5)))
    assert not view.is_booked("G")
    assert [tile.value.state for tile in view.select("B1", ranges((1, 5)))] == ["packaged"]


@pytest.mark.parametrize(
    ("most", "work"),
    [
        (2, ordering(ordered("A", "B0", "activate", (11, 20)), claim=("me", UNTIL))),
        (2, ordering(ordered("G", "B1", "activate", (1, 5)), guard=guarded)),
        (2, ordering(ordered("W", "B2", "activate", (1, 100)))),
        (2, ordering(ordered("D", "B0", "activate", (21, 30)), dry_run=True)),
        (2, ordering(ordered("S", "B0", "activate", (31, 31), (50, 50), (99, 99)))),
        (
            2,
            ordering(
                ordered("C1", "B0", "activate", (41, 41)),
                ordered("C2", "B1", "activate", (41, 41)),
                ordered("C3", "B3", "activate", (41, 41)),
                claim=("me", UNTIL),
            ),
        ),
        (3, ordering(*(ordered(f"E{n}", "B0", "activate", (n, n)) for n in (61, 63)))),
        (4, ordering(packed("K1", ("K", (1, 1)), ("B3", (1, 24))))),
        (4, ordering(unpacked("K2", None, ("B3", (90, 90))))),
        (2, ordering(Settled("Q1", "acknowledged", None))),
        (2, ordering(Settled("Q2", "refused", "no"), Incident("backend-refused", "no"))),
        (2, lambda ledger: ledger.claim("Q3", "me", UNTIL, START)),
        (2, lambda ledger: ledger.attempted("Q4", UNTIL, "no")),
        (1, lambda ledger: ledger.release("Q5", "me")),
        (2, lambda ledger: ledger.commit(STATION, minted("M", 100, ref="r"))),
        (4, lambda ledger: ledger.commit(STATION, begun("X", "B9", (1, 50)))),
        (4, lambda ledger: ledger.commit(STATION, packaged("P9", (101, 200)))),
        (2, read(lambda view: view.batch("B0"))),
        (2, read(lambda view: view.order("Q0"))),
        (2, read(lambda view: view.due(START, 10))),
    ],
)
def test_what_a_line_waits_for_takes_this_many_round_trips(shared, went, most, work):
    work(shared)
    assert 0 < len(went) <= most


def test_a_head_that_is_remembered_is_no_trip_of_its_own(shared, went, monkeypatch):
    with shared.read() as view:
        seen = view.head()

    class Remembering:
        def newest(self):
            return seen

        def compare(self, view, changes):
            assert view.hash_at(seen[0]) == seen[1]

        def booked(self, seq, digest, changes):
            assert seq == seen[0] + 1

    monkeypatch.setattr(shared, "memory", Remembering())
    went.clear()
    shared.commit(LINE, ordered("H", "B3", "activate", (1, 1)))
    assert len(went) == 2
