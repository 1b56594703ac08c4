"""Crashes, locks, full disks, foreign files, several processes: nothing is lost or half-done."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_kit import (
    CUSTODIAN,
    LINE,
    START,
    STATION,
    begun,
    by_hand,
    clock,
    correction,
    create,
    dump,
    each_statement,
    founding,
    minted,
    ordered,
    packaged,
    packed,
    receipt,
    unpacked,
    with_history,
    with_package,
)
from patience import PATIENCE
from sqlalchemy import event

from mintmark.codegen import file_systems
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError, NotFound, Refused
from mintmark.codegen.file_systems import Mount
from mintmark.codegen.ledger import _balance, _tables, changes, database
from mintmark.codegen.ledger.ledger import Author, Ledger
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.aggregation import CodeRanges, CodeRef
from mintmark.codegen.ranges.serials import Range

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """The bytes of a ledger with history, an export under way, a spoiled code, codes to order."""
    path = tmp_path_factory.mktemp("books") / "ledger.db"
    with with_history(path) as ledger:
        ledger.commit(STATION, begun("P9", "B2", (11, 20)))
        void = ordered("O6", "B9", "void", (12, 12), reason="misprint")
        ledger.commit(STATION, void, receipt("P4", spoiled=[(12, 12)]))
    return path.read_bytes()


@pytest.fixture
def path(books, tmp_path):
    """A ledger of its own with those books."""
    path = tmp_path / "ledger.db"
    path.write_bytes(books)
    return path


class Crash(BaseException):
    """Not an `Exception`: like a signal, nobody expects it."""


COMMITS = {
    "key": (STATION, (changes.KeyRevoked("key-2", "lost"),)),
    "mint": (STATION, (minted("B3", 10, ref="R3"),)),
    "begin": (STATION, (begun("P3", "B1", (31, 40), (61, 70)),)),
    "package": (CUSTODIAN, (packaged("P9", (11, 20)),)),
    "abandon": (STATION, (changes.ExportAbandoned("P9", "no"),)),
    "order": (LINE, (ordered("O9", "B1", "activate", (41, 43), (45, 47)),)),
    "correct": (
        STATION,
        (ordered("O9", "B9", "void", (9, 9)), correction("P4", spoiled=[(9, 9)])),
    ),
    "unvoid": (LINE, (ordered("O9", "B9", "unvoid", (12, 12)),)),  # and what it reopens
    "settle": (LINE, (changes.Settled("O2", "acknowledged"),)),
    "associate": (LINE, (packed("A9", ("B7", (3, 4)), ("B1", (15, 15), (17, 19)), each=2),)),
    "dissociate": (LINE, (unpacked("A9", None, ("B1", (10, 13))),)),
    "settle in every batch": (LINE, (changes.Settled("A1", "refused"),)),
    "several": (LINE, tuple(ordered(f"N{n}", "B1", "freeze", (n, n)) for n in (41, 45, 47))),
}


@pytest.mark.parametrize("name", COMMITS)
def test_a_crash_between_any_two_statements_changes_nothing(path, name):
    before = dump(path)
    ledger = Ledger.open(path, clock())
    point = 0

    def crash(*_):
        nonlocal left
        left -= 1
        if not left:
            raise Crash

    who, what = COMMITS[name]
    with each_statement(ledger, crash):
        while True:
            point += 1
            left = point
            try:
                ledger.commit(who, *what)
            except Crash:
                assert dump(path) == before
            else:
                break
    # BEGIN, the event, the change: every kind of commit has more statements than these.
    assert point > 4
    assert dump(path) != before
    assert verify(ledger).ok
    ledger.close()


def test_a_killed_process_leaves_the_books_as_they_were(path):
    before = dump(path)
    program = f"""
import os
from pathlib import Path
from ledger_kit import LINE, clock, ordered
from mintmark.codegen.ledger.ledger import Ledger
from sqlalchemy import event
ledger = Ledger.open(Path({str(path)!r}), clock())
event.listen(ledger._engine, "commit", lambda _: os._exit(9))
ledger.commit(LINE, ordered("O9", "B1", "activate", (41, 43)))
"""
    assert run(program).returncode == 9
    assert dump(path) == before
    with Ledger.open(path, clock()) as ledger:
        assert verify(ledger).ok


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps locks by handle")
def test_a_second_opening_takes_no_lock_from_the_first(path):
    """Whoever closes a file loses all POSIX locks that the process has on it.

    SQLite is not told. The last of the others that closes would remove the log, and what is
    written to it from here, nobody else would ever see.
    """
    other = f"""
from pathlib import Path
from ledger_kit import clock
from mintmark.codegen.ledger.ledger import Ledger
Ledger.open(Path({str(path)!r}), clock()).close()
"""
    with Ledger.open(path, clock()) as ledger:
        with ledger.read() as view:
            assert view.head()
        Ledger.open(path, clock()).close()
        assert run(other).returncode == 0
        assert path.with_name("ledger.db-wal").exists()
        ledger.commit(LINE, ordered("O9", "B1", "activate", (41, 43)))
        assert ("O9",) in sqlite3.connect(path).execute("SELECT order_id FROM orders").fetchall()


def run(program, **more):
    return subprocess.run(
        [sys.executable, "-c", program], env=environment(), check=False, timeout=PATIENCE, **more
    )


def environment():
    import mintmark

    above = str(Path(next(iter(mintmark.__path__))).parent)
    paths = [str(ROOT / "tests"), above, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def test_writers_in_several_processes_do_not_fork_the_chain(path):
    program = f"""
import sys
from pathlib import Path
from ledger_kit import LINE, clock, ordered
from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger.ledger import Ledger
me = int(sys.stdin.readline())
print("ready", flush=True)
sys.stdin.readline()
with Ledger.open(Path({str(path)!r}), clock()) as ledger:
    for n in range(10):
        serial = 42 + n
        try:
            ledger.commit(LINE, ordered(f"W{{me}}-{{n}}", "B1", "activate", (serial, serial)))
            print("won", serial, flush=True)
        except Refused:
            pass
"""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        for _ in range(3)
    ]
    for number, writer in enumerate(writers):
        writer.stdin.write(f"{number}\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == "ready\n"
    won = []
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        won += writer.communicate(timeout=PATIENCE)[0].split("\n")[:-1]
        assert writer.returncode == 0
    # Every serial was activated once, by a single writer.
    assert sorted(won) == [f"won {serial}" for serial in range(42, 52)]
    with Ledger.open(path, clock()) as ledger:
        assert verify(ledger).ok
        with ledger.read() as view:
            events = view.events()
    assert [item.seq for item in events] == list(range(1, len(events) + 1))
    assert len({item.previous for item in events}) == len(events)


def test_a_reader_sees_one_moment_while_others_write(path):
    with Ledger.open(path, clock()) as ledger, Ledger.open(path, clock()) as other:
        with ledger.read() as view:
            before = view.head()
            other.commit(LINE, changes.Incident("x", "y"))
            assert view.head() == before
        with ledger.read() as view:
            assert view.head()[0] == before[0] + 1


def test_a_locked_ledger_says_so(path):
    with (
        Ledger.open(path, clock(), wait=0.01) as ledger,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(EnvironmentFailure, match="locked by another") as caught:
            ledger.commit(LINE, changes.Incident("x", "y"))
        assert caught.value.hints
        with pytest.raises(EnvironmentFailure, match="locked"):
            ledger.claim("O2", "me", clock()(), clock()())
        with ledger.read() as view:
            head = view.head()
        other.execute("ROLLBACK")
        (done,) = ledger.commit(LINE, changes.Incident("x", "y"))
        assert done.seq == head[0] + 1


def limited(ledger, pragma):
    """Every connection of `ledger` gets `pragma`."""
    ledger._engine.dispose()

    @event.listens_for(ledger._engine, "connect")
    def opened(connection, _):
        connection.execute(pragma).close()


def test_a_full_disk_loses_nothing(path):
    before = dump(path)
    with Ledger.open(path, clock()) as ledger:
        limited(ledger, "PRAGMA max_page_count = 1")
        order = ordered("O9", "B1", "freeze", *((n, n) for n in range(41, 60, 2)))
        large = changes.Incident("x", "y" * 100_000)
        with pytest.raises(EnvironmentFailure, match="is full") as caught:
            ledger.commit(LINE, order, large)
        assert "yyy" not in str(caught.value.__context__)
        assert caught.value.hints
        assert dump(path) == before
    with Ledger.open(path, clock()) as ledger:
        ledger.commit(LINE, order, large)
        assert verify(ledger).ok


def test_a_file_that_cannot_be_written_says_so(path):
    before = dump(path)
    with Ledger.open(path, clock()) as ledger:
        limited(ledger, "PRAGMA query_only = ON")
        with pytest.raises(EnvironmentFailure, match="cannot be written") as caught:
            ledger.commit(LINE, changes.Incident("x", "y"))
        assert caught.value.hints
    assert dump(path) == before


def test_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(EnvironmentFailure, match="cannot be made"):
        create(tmp_path / "none" / "ledger.db")


def test_an_absent_ledger_is_not_made(tmp_path):
    with pytest.raises(NotFound, match="no ledger") as caught:
        Ledger.open(tmp_path / "ledger.db", clock())
    assert "mintmark init" in caught.value.hints[0]
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_is_not_made_twice(path):
    before = path.read_bytes()
    with pytest.raises(Refused, match="exists already"):
        create(path)
    assert path.read_bytes() == before


def test_a_ledger_that_could_not_be_founded_leaves_no_file(tmp_path):
    with pytest.raises(Refused, match="taken"):
        Ledger.create(tmp_path / "ledger.db", STATION, clock(), *founding(), founding()[2])
    wrong = Author(STATION.actor, "key-1", LINE.sign)
    with pytest.raises(IntegrityError, match="not the key"):
        Ledger.create(tmp_path / "ledger.db", wrong, clock(), *founding())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_only_the_owner_reads_it(tmp_path):
    with create(tmp_path / "ledger.db"):
        for file in tmp_path.iterdir():
            assert file.stat().st_mode & 0o077 == 0, file


def test_a_newer_ledger_is_left_alone(path):
    by_hand(path, "UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(EnvironmentFailure, match="newer version"):
        Ledger.open(path, clock())
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not a database" * 100, b"SQLite format 3\0" * 100])
def test_a_file_that_is_no_ledger_is_refused(tmp_path, content):
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(IntegrityError):
        Ledger.open(path, clock())
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path):
    by_hand(tmp_path / "ledger.db", "CREATE TABLE t (x)")
    with pytest.raises(IntegrityError, match="no ledger"):
        Ledger.open(tmp_path / "ledger.db", clock())


def test_a_damaged_file_is_an_integrity_error(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    with pytest.raises(IntegrityError, match="damaged"), Ledger.open(path, clock()) as ledger:
        ledger.commit(LINE, changes.Incident("x", "y"))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IntegrityError), Ledger.open(path, clock()) as ledger:
        ledger.commit(LINE, changes.Incident("x", "y"))


def test_a_missing_table_is_an_integrity_error(path):
    by_hand(path, "DROP TABLE units")
    with pytest.raises(IntegrityError, match="tables"):
        Ledger.open(path, clock())


DAMAGE = [
    "DELETE FROM tiles WHERE batch = 'B1' AND first = 41",
    "UPDATE tiles SET last = last - 1 WHERE batch = 'B1' AND first = 41",
    "UPDATE tiles SET last = last + 1 WHERE batch = 'B1' AND first = 31",
    "UPDATE tiles SET state = 'lost' WHERE batch = 'B1' AND first = 41",
    "UPDATE tiles SET attributes = '[1]' WHERE batch = 'B1' AND first = 41",
    "UPDATE counters SET codes = codes + 1 WHERE batch = 'B1' AND state = 'void'",
    "UPDATE counters SET codes = 42 - codes WHERE batch = 'B1' AND state IN ('active', 'packaged')",
    "UPDATE counters SET codes = 51 WHERE batch = 'B1' AND state = 'reserved'",
    "DELETE FROM counters WHERE batch = 'B1' AND state = 'reserved'",
    "DELETE FROM tiles WHERE batch = 'B1'",
]


@pytest.mark.parametrize("statement", DAMAGE)
def test_books_that_do_not_balance_stop_an_order(path, statement):
    by_hand(path, statement)
    before = dump(path)
    with (
        Ledger.open(path, clock()) as ledger,
        pytest.raises(IntegrityError, match=r"balance|in a state") as caught,
    ):
        ledger.commit(LINE, ordered("O9", "B1", "activate", (41, 60)))
    assert "mintmark audit verify" in caught.value.hints[0]
    assert dump(path) == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM links WHERE batch = 'B1' AND first = 9",
        "UPDATE links SET last = last + 1 WHERE batch = 'B1' AND first = 13",
        "UPDATE links SET first = first - 1 WHERE batch = 'B1' AND first = 13",
        "UPDATE links SET last = 'x' WHERE batch = 'B1' AND first = 9",
        "INSERT INTO links VALUES ('B1', 60, 60, 'B7', 1)",
        "UPDATE counters SET codes = codes + 1 WHERE batch = 'B1' AND state = 'inside'",
        "UPDATE counters SET codes = 101 WHERE batch = 'B1' AND state = 'inside'",
        "DELETE FROM counters WHERE batch = 'B1' AND state = 'inside'",
        "UPDATE tiles SET last = last - 1 WHERE batch = 'B1' AND first = 41",
    ],
)
@pytest.mark.parametrize(
    "change", [packed("A9", ("B7", (9, 9)), ("B1", (20, 20))), unpacked("A9", None, ("B7", (1, 1)))]
)
def test_links_that_do_not_add_up_stop_an_association(path, statement, change):
    """Of other codes, too; those of another batch may go on."""
    by_hand(path, statement)
    before = dump(path)
    touched = "B1" in change.batches
    with Ledger.open(path, clock()) as ledger:
        if touched:
            with pytest.raises(IntegrityError, match="do not balance") as caught:
                ledger.commit(LINE, change)
            assert "mintmark audit verify" in caught.value.hints[0]
            assert dump(path) == before
        else:
            ledger.commit(LINE, change)
        assert not verify(ledger).ok


def test_links_in_a_circle_are_named_and_nobody_walks_it_for_ever(path):
    by_hand(path, "INSERT INTO links VALUES ('B8', 1, 1, 'B7', 2)")
    with Ledger.open(path, clock()) as ledger, ledger.read() as view:
        with pytest.raises(IntegrityError, match=r"B[78]:\d lie within itself"):
            view.way_up(CodeRef("B1", 9))
        inside = view.contents(CodeRanges("B8", (Range(1, 1),)))
        assert [part.batch for part in inside] == ["B1", "B7", "B8"]
    with Ledger.open(path, clock()) as ledger:
        assert "table counters, batch B8" not in (verify(ledger).problem or "")
        assert "table links, batch B8" in (verify(ledger).problem or "")


def test_many_links_are_added_up_now_and_then(path, monkeypatch):
    monkeypatch.setattr(_balance, "EACH", 1)
    by_hand(path, "UPDATE links SET last = last + 1 WHERE batch = 'B1' AND first = 41")
    with Ledger.open(path, clock()) as ledger:
        with pytest.raises(IntegrityError, match="do not balance"):  # noqa: PT012 - one of them
            for number in range(200):
                make = (packed, unpacked)[number % 2]
                ledger.commit(LINE, make(f"N{number}", ("B7", (9, 9)), ("B1", (21, 21))))
                ledger.commit(LINE, changes.Settled(f"N{number}", "acknowledged"))
        assert number < 199


@pytest.mark.parametrize("between", [0, 1])
def test_a_batch_of_many_tiles_is_added_up_now_and_then(path, monkeypatch, between):
    """Also if every order is settled at once, so that orders have every second number."""
    monkeypatch.setattr(_balance, "EACH", 1)
    with Ledger.open(path, clock()) as ledger:
        for number in range(between):
            ledger.commit(LINE, changes.Incident("x", str(number)))
        by_hand(path, "UPDATE tiles SET state = 'void' WHERE batch = 'B1' AND first = 61")
        with pytest.raises(IntegrityError, match="do not balance"):  # noqa: PT012 - one of them
            for number in range(200):
                action = ("freeze", "unfreeze")[number % 2]
                ledger.commit(LINE, ordered(f"N{number}", "B1", action, (41, 41)))
                ledger.commit(LINE, changes.Settled(f"N{number}", "acknowledged"))
        assert number < 199


@pytest.mark.parametrize("again", [((1, 9),), ((3, 5),), ((9, 9), (21, 29))])
def test_codes_made_sealed_by_hand_are_not_packaged_twice(path, again):
    by_hand(
        path,
        "UPDATE tiles SET state = 'sealed', package = NULL WHERE batch = 'B9' AND first = 1",
        # Somebody thorough: the sums are right.
        "UPDATE counters SET codes = codes - 9 WHERE batch = 'B9' AND state = 'packaged'",
        "UPDATE counters SET codes = codes + 9 WHERE batch = 'B9' AND state = 'sealed'",
        "UPDATE packages SET serials = '[[10,20]]' WHERE package = 'P4'",
    )
    before = dump(path)
    with Ledger.open(path, clock()) as ledger:
        with pytest.raises(IntegrityError, match="packaged before") as caught:
            ledger.commit(STATION, begun("P10", "B9", *again))
        assert "mintmark audit verify" in caught.value.hints[0]
    assert dump(path) == before


def test_what_lies_between_packages_is_packaged(path):
    with Ledger.open(path, clock()) as ledger:
        ledger.commit(STATION, begun("P10", "B9", (21, 30)))
        with ledger.read() as view:
            assert view.package("P10").status == "begun"


@pytest.mark.parametrize("last", [99, 101])
def test_tiles_that_do_not_end_with_the_batch_stop_an_order(path, last):
    by_hand(path, f"UPDATE tiles SET last = {last} WHERE batch = 'B1' AND last = 100")  # noqa: S608
    with (
        Ledger.open(path, clock()) as ledger,
        pytest.raises(IntegrityError, match="balance"),
    ):
        ledger.commit(LINE, ordered("O9", "B1", "assign", (90, 100), attributes={"lot": "x"}))


def test_foreign_keys_durability_and_wal_are_on(path):
    with Ledger.open(path, clock()) as ledger, ledger.read() as view:
        asked = {
            name: view.connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("foreign_keys", "synchronous", "journal_mode")
        }
    assert asked == {"foreign_keys": 1, "synchronous": 2, "journal_mode": "wal"}


def test_opening_a_current_ledger_does_not_import_alembic(path):
    program = f"""
import sys, json
from pathlib import Path
from ledger_kit import clock
from mintmark.codegen.ledger.ledger import Ledger
Ledger.open(Path({str(path)!r}), clock()).close()
print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})))
"""
    modules = json.loads(run(program, stdout=subprocess.PIPE).stdout)
    assert "sqlalchemy" in modules
    assert not {"alembic", "numpy", "sqlalchemy.orm"} & set(modules)


# --- schema --------------------------------------------------------------------------


def schema(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    # Without quotes: SQLite keeps them around a column that it renames.
    return {
        (kind, name): " ".join((sql or "").split()).replace('"', "") for kind, name, sql in rows
    }


def test_the_migrations_end_at_the_schema_that_is_made_at_once(tmp_path):
    from mintmark.codegen.ledger.migrations.upgrade import upgrade

    made, migrated = tmp_path / "made.db", tmp_path / "migrated.db"
    create(made).close()
    engine = database.connect(migrated)
    with database.writing(engine) as connection:
        upgrade(connection)
    engine.dispose()
    assert schema(migrated) == schema(made)
    with Ledger.open(migrated, clock()) as ledger:
        assert not verify(ledger).ok


def test_an_older_ledger_is_migrated_in_one_transaction(path, monkeypatch):
    from mintmark.codegen.ledger.migrations import upgrade as migrations

    done = []
    by_hand(path, "UPDATE alembic_version SET version_num = '0006'")

    def upgrade(connection):
        done.append(connection.exec_driver_sql("SELECT count(*) FROM events").scalar())
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (database.SCHEMA,))

    monkeypatch.setattr(migrations, "upgrade", upgrade)
    Ledger.open(path, clock()).close()
    Ledger.open(path, clock()).close()
    assert len(done) == 1


def test_a_ledger_whose_columns_were_words_of_sql_is_migrated(tmp_path):
    path = tmp_path / "old.db"
    with_history(path, old=True).close()
    with Ledger.open(path, clock()) as ledger, ledger.read() as view:
        before = view.orders(), view.reported("P4"), view.due(START, 10)
    assert before[1]
    by_hand(
        path,
        *BEFORE_FACTS,
        *BEFORE_COPIES,
        *BEFORE_PAIRS,
        *BEFORE_LINKS,
        *BEFORE_SECOND_INDEXES,
        *BEFORE_CORRECTIONS,
        'ALTER TABLE orders RENAME COLUMN order_id TO "order"',
        'ALTER TABLE deliveries RENAME COLUMN order_id TO "order"',
        "ALTER TABLE receipts RENAME COLUMN reported_at TO told_at",
        "ALTER TABLE reported_serials RENAME TO told",
        'ALTER TABLE told RENAME COLUMN outcome TO "as"',
        "UPDATE alembic_version SET version_num = '0003'",
    )
    with Ledger.open(path, clock()) as ledger:
        with ledger.read() as view:
            assert (view.orders(), view.reported("P4"), view.due(START, 10)) == before
        ledger.commit(LINE, ordered("O9", "B1", "activate", (41, 43)))
        assert verify(ledger).ok, verify(ledger).problem


# What revisions 0010 to 0013 added.
BEFORE_FACTS = (
    *(f"DROP TABLE {name}" for name in ("scheduled", "scan_ins", "verified", "objects")),
    "ALTER TABLE keys DROP COLUMN may",
)
# What revision 0009 added.
BEFORE_COPIES = ("ALTER TABLE packages DROP COLUMN copies",)
# What revision 0008 added.
BEFORE_PAIRS = (
    "DROP INDEX packages_of_pair",
    "ALTER TABLE packages DROP COLUMN pair",
    "ALTER TABLE packages DROP COLUMN pair_template",
)
# What revision 0007 added.
SSCC = ("prefix", "extension", "first", "from")
BEFORE_LINKS = (
    "DROP TABLE links",
    "DROP TABLE order_batches",
    "DROP INDEX batches_by_sscc",
    "DROP INDEX batches_by_pair",
    *(
        f"ALTER TABLE batches DROP COLUMN sscc_{x}"
        for x in ("prefix", "extension", "first", "from")
    ),
    "DELETE FROM counters WHERE state = 'inside'",
)
# What revision 0006 added.
BEFORE_SECOND_INDEXES = tuple(
    f"DROP INDEX {index.name}"
    for table in _tables.metadata.sorted_tables
    for index in table.indexes
    if index.name.endswith("_again") and table.name not in ("scheduled", "scan_ins")
)
# What revision 0005 added.
BEFORE_CORRECTIONS = (
    "ALTER TABLE receipts DROP COLUMN printed_by_count",
    "ALTER TABLE receipts DROP COLUMN corrects",
)


def test_what_a_final_receipt_counted_is_kept_by_the_migration(tmp_path):
    path = tmp_path / "ledger.db"
    with create(path) as ledger:
        ledger.commit(STATION, minted("B1", 10))
        with_package(ledger, "B1", "P1", (1, 10))
        ledger.commit(STATION, receipt("P1", number=3, final=True))
    by_hand(
        path,
        *BEFORE_FACTS,
        *BEFORE_COPIES,
        *BEFORE_PAIRS,
        *BEFORE_LINKS,
        *BEFORE_SECOND_INDEXES,
        *BEFORE_CORRECTIONS,
        "UPDATE alembic_version SET version_num = '0004'",
    )
    with Ledger.open(path, clock()) as ledger:
        assert verify(ledger).ok, verify(ledger).problem
        with ledger.read() as view:
            assert [row.printed_by_count for row in view.receipts("P1")] == [7]


# A ledger of revision 0001, as that version wrote it: one row in every table it had.
OLD = Path(__file__).parents[1] / "data" / "ledger-0001.sql"


def test_a_ledger_of_the_first_schema_is_migrated_and_goes_on(tmp_path):
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text("utf-8"))
        before = connection.execute("SELECT * FROM events").fetchall()
    create(tmp_path / "new.db").close()
    with Ledger.open(path, clock()) as ledger:
        assert verify(ledger).ok, verify(ledger).problem
        with ledger.read() as view:
            assert view.without_receipt("B1") == {"P1": 49}  # a code of it is void
            assert {unit.status for unit in view.units("P1")} == {"made"}
            assert [row.package for row in view.open_exports()] == ["P3"]
        entry = changes.ReceiptEntry("P1-1", (Range(1, 4),), (Range(5, 5),), 1)
        ledger.commit(STATION, changes.Receipted("P1", (entry,), False, "misprint"))
        ledger.commit(STATION, changes.UnitMoved("P1", "P1-2", "received"))
        assert verify(ledger).ok, verify(ledger).problem
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM events").fetchall()[: len(before)] == before
    assert schema(path) == schema(tmp_path / "new.db")


# --- file systems that cannot hold a ledger --------------------------------------------


def test_a_network_drive_is_refused(path, monkeypatch, tmp_path):
    monkeypatch.setattr(file_systems, "mount_of", lambda _: Mount("fuse.sshfs", "host:/x"))
    with pytest.raises(EnvironmentFailure, match="ledger lies on a network drive"):
        Ledger.open(path, clock())
    with pytest.raises(EnvironmentFailure, match="ledger lies on a network drive"):
        create(tmp_path / "other.db")
    assert not (tmp_path / "other.db").exists()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_IOERR_SHMMAP, "cannot hold a ledger"),  # mergerfs without a page cache
        (sqlite3.SQLITE_IOERR_SHMLOCK, "cannot hold a ledger"),
        (sqlite3.SQLITE_IOERR_LOCK, "cannot hold a ledger"),
        (sqlite3.SQLITE_IOERR_READ, "disk under the ledger failed"),
        (sqlite3.SQLITE_IOERR_FSYNC, "disk under the ledger failed"),
    ],
)
def test_what_a_file_system_cannot_do_is_no_failure_of_the_disk(code, words):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    with pytest.raises(EnvironmentFailure, match=words) as caught, database.errors():
        raise error
    assert ("local disk" in caught.value.hints[0]) == ("cannot" in words)
