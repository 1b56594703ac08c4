"""On PostgreSQL whatever a scan touches lies in one partition, and its statements look there alone.

The statements are those that the store runs, noted as it runs them, each explained twice: by a
plan for its values, and by the plan made once for any.
"""

import re
from functools import cache
from pathlib import Path

import postgres_kit
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from backend_kit import Clock, make_batch, make_codes, prints
from sqlalchemy import create_engine, event
from sqlalchemy import text as sql
from sqlalchemy.exc import ProgrammingError

from mintmark.activation.backend import database as database_module
from mintmark.activation.backend import scan_rows, tables
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.database import postgresql_url
from mintmark.activation.backend.partitions import PARTITIONED, part_of
from mintmark.activation.backend.scanned_code import ScannedBy, ScanRequest
from mintmark.activation.backend.store import Store
from mintmark.activation.client.wire import Party
from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

CODES, STRANGE = make_codes(60), make_codes(8, "QQQQ")
BATCH, PAIRED = make_batch(60), make_batch(60, "HM00-BATCH002", pair_of="HM00-BATCH001")
PARTITION = re.compile(f"({'|'.join(PARTITIONED)})_p([0-3])")
DOCUMENT = Path(__file__).parents[3] / "docs" / "backend-scale.md"
clock = Clock()
NOW = int(clock().timestamp())
# What keeps bounded tables bounded: of no code, and so in all partitions. docs/backend-scale.md.
HOUSEKEEPING = (
    "SELECT max(refused_scans.id)",
    "DELETE FROM refused_scans WHERE refused_scans.id IN",
    "DELETE FROM unknown_scans WHERE unknown_scans.id <=",
)


@pytest.fixture
def address():
    """Books with sixty live codes, half of them frozen."""
    return postgres_kit.cluster().database(like=mould())


@pytest.fixture
def empty():
    return postgres_kit.cluster().database()


@pytest.fixture
def store(address):
    store = Store(postgresql_url(address))
    store.scans([ScanRequest([one(CODES[59])])], clock())  # which sweeps, for ten minutes
    yield store
    store.close()


@cache
def mould():
    address = postgres_kit.cluster().database()
    store = Store(postgresql_url(address))
    for batch in (BATCH, PAIRED):
        store.register(batch, clock())
    store.upload(BATCH.batch, 1, prints(CODES), clock())
    ordered = Request("o", BATCH.batch, Action.ACTIVATE, (Range(1, 60),))
    store.order(ordered, clock())
    store.order(Request("f", BATCH.batch, Action.FREEZE, (Range(31, 60),)), clock())
    store.close()
    return address


def one(code):
    return prints([code])


def scanned(store, code, name="id", **by):
    (answer,) = store.scans([ScanRequest([one(code)], name, ScannedBy(**by))], clock())
    return answer.result


def statements_of(store, code):
    """Every statement of the scans of a code, with its values: of each result there is."""
    found = []

    def note(_connection, _cursor, statement, parameters, *_):
        found.append((statement, parameters))

    event.listen(store._database._engine, "before_cursor_execute", note)
    results = [
        scanned(store, code),
        scanned(store, code, region="CN-31"),
        scanned(store, code, "other", region="CN-31"),
        scanned(store, code, None, party=Party.DEALER),
    ]
    event.remove(store._database._engine, "before_cursor_execute", note)
    return results, found


def numbered(statement, parameters):
    """The statement with numbered parameters, and their values in this order."""
    values, found = [], iter(parameters if isinstance(parameters, tuple) else ())

    def number(match):
        values.append(parameters[match[1]] if match[1] else next(found))
        return f"${len(values)}"

    return re.sub(r"%(?:\((\w+)\))?s", number, statement), values


def explained(connection, code, statement, parameters, mode):
    """The plan that ran, and which partitions of which tables were written to by INSERT."""
    text, values = numbered(statement, parameters)
    cursor = psycopg.ClientCursor(connection)
    marks = ", ".join(["%s"] * len(values))
    given = cursor.mogrify(f"({marks})", values) if values else ""
    with connection.transaction(force_rollback=True):
        connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
        # It ran before: what was new then is there.
        forget = psycopg.ClientCursor(connection)
        forget.execute("DELETE FROM refused_scans WHERE fingerprint = %s", (one(code),))
        connection.execute(f"PREPARE asked AS {text}")
        asked = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked {given}"
        (plan,) = connection.execute(asked).fetchone()
        written = connection.execute(
            "SELECT relname FROM pg_locks JOIN pg_class ON relation = pg_class.oid"
            " WHERE pid = pg_backend_pid() AND mode = 'RowExclusiveLock' AND relkind = 'r'"
        ).fetchall()
    connection.execute("DEALLOCATE asked")
    return plan[0]["Plan"], {name for (name,) in written} if "INSERT" in text else set()


def label(statement):
    """What it does and the tables it names, as docs/backend-scale.md lists it."""
    flat = " ".join(statement.split())
    verb = "SELECT max" if flat.startswith("SELECT max") else flat.split()[0]
    named = [name for name in sorted(tables.metadata.tables)
             if re.search(rf"\b(?:FROM|JOIN|INTO|UPDATE) {name}\b", flat)]  # fmt: skip
    return f"{verb}: {', '.join(named)}"


def nodes(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def touched(plan, written):
    """(table, partition) of what was read at least once, or written to."""
    read = {node["Relation Name"] for node in nodes(plan)
            if "Relation Name" in node and node["Actual Loops"]}  # fmt: skip
    return {found.groups() for name in read | written if (found := PARTITION.fullmatch(name))}


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
def test_the_statements_of_a_scan_look_into_the_partition_of_its_code_alone(store, address, mode):
    with psycopg.connect(address, autocommit=True) as connection:
        # As a worker of today: it plans while the tables are empty.
        connection.execute("SET enable_seqscan = off")
        connection.execute("VACUUM ANALYZE")
        seen, labels = set(), set()
        for code in (CODES[0], CODES[40], STRANGE[0]):
            results, found = statements_of(store, code)
            seen |= set(results)
            labels |= {label(statement) for statement, _ in found if "SET TRANS" not in statement}
            partition = str(part_of(one(code)))
            everywhere = []
            for statement, parameters in found:
                flat = " ".join(statement.split())
                for values in parameters if isinstance(parameters, list) else [parameters]:
                    plan, written = explained(connection, code, statement, values, mode)
                    parts = touched(plan, written)
                    if {number for _, number in parts} <= {partition}:
                        continue
                    everywhere.append(next((k for k in HOUSEKEEPING if flat.startswith(k)), flat))
                    assert parts, flat
            assert len(found) > 8
            assert set(everywhere) <= set(HOUSEKEEPING)
        assert seen == {"genuine", "repeat", "frozen", "unknown"}
        rows = re.findall(
            r"^\| `([A-Za-z ]+: [a-z_, ]+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE
        )
        assert labels == set(rows)


def test_no_plan_of_a_scan_reads_a_table_from_end_to_end(store, address):
    """Whatever PostgreSQL knew of the tables when it planned: here that they were empty."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        settings = store._database._engine.connect()
        wanted = "SHOW plan_cache_mode", "SHOW enable_seqscan", "SHOW jit"
        modes = [settings.exec_driver_sql(text).scalar() for text in wanted]
        settings.close()
        assert modes == ["force_generic_plan", "off", "off"]
        connection.execute("SET enable_seqscan = off")
        for code in (CODES[1], CODES[41], STRANGE[1]):
            for statement, parameters in statements_of(store, code)[1]:
                for values in parameters if isinstance(parameters, list) else [parameters]:
                    plan, _ = explained(connection, code, statement, values, "force_generic_plan")
                    whole = [node["Relation Name"] for node in nodes(plan)
                             if node["Node Type"] == "Seq Scan"]  # fmt: skip
                    assert not [name for name in whole if PARTITION.fullmatch(name)]


def test_all_that_is_kept_of_a_code_lies_in_one_partition(store, address):
    codes = [*CODES[:20], *CODES[30:50], *STRANGE]
    for code in codes:
        statements_of(store, code)
    with psycopg.connect(address) as connection:
        numbers = set()
        for code in codes:
            union = " UNION ALL ".join(
                f"SELECT tableoid::regclass::text FROM {table} WHERE fingerprint = %(code)s"  # noqa: S608
                for table in PARTITIONED
            )
            rows = connection.execute(union, {"code": one(code)}).fetchall()
            parts = [PARTITION.fullmatch(name).groups() for (name,) in rows]
            assert {number for _, number in parts} == {str(part_of(one(code)))}
            numbers |= {number for _, number in parts}
            known = {table for table, _ in parts}
            assert known == {"unknown_scans"} if code in STRANGE else known >= {"fingerprints"}
        assert numbers == set("0123")


def before(address):
    """Books as revision 0007 left them: three codes live, two of them scanned, one refused."""
    engine = create_engine(postgresql_url(address))
    config = Config()
    config.set_main_option("script_location", str(database_module.MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
    return engine


ROWS = (
    *(("fingerprints", {"fingerprint": one(CODES[n]), "batch": 1, "serial": n + 1})
      for n in range(3)),
    ("scans", {"batch": 1, "serial": 1, "scans": 2, "first_scan": 10, "last_scan": 20}),
    ("scans", {"batch": 1, "serial": 2, "scans": 0, "early": True}),
    ("scan_answers", {"fingerprint": one(CODES[0]), "scan_id": "id", "answer": "{}", "at": 10}),
    ("scan_regions", {"batch": 1, "serial": 1, "region": "CN-31", "scans": 2, "first": 10,
                      "last": 20}),
    ("refused_scans", {"batch": 1, "serial": 2, "state": "frozen", "first": 5, "last": NOW,
                       "times": 7}),
    ("unknown_scans", {"id": 7, "fingerprint": one(STRANGE[0]), "first": 5, "last": NOW,
                       "times": 7}),
)  # fmt: skip


def filled(engine):
    with engine.begin() as connection:
        for table, row in ROWS:
            columns, marks = ", ".join(row), ", ".join(["%s"] * len(row))
            statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
            connection.exec_driver_sql(statement, tuple(row.values()))
        connection.exec_driver_sql("SELECT setval('unknown_scans_id_seq', 9)")


def everything(engine):
    """All rows of the tables, without the fingerprint that they may hold now."""
    found = {}
    with engine.connect() as connection:
        for table in PARTITIONED:
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()  # noqa: S608
            named = table in ("fingerprints", "scan_answers", "unknown_scans")
            found[table] = sorted(
                repr(sorted(pair for pair in row.items() if named or pair[0] != "fingerprint"))
                for row in rows
            )
    return found


def test_every_row_moves_and_no_id_of_a_cursor_is_given_again(empty):
    engine = before(empty)
    filled(engine)
    there = everything(engine)
    store = Store(postgresql_url(empty))
    assert everything(engine) == there
    store.scans([ScanRequest([one(STRANGE[1])])], clock())
    with engine.connect() as connection:
        ids = [row[0] for row in connection.exec_driver_sql("SELECT id FROM unknown_scans")]
        where = connection.exec_driver_sql("SELECT fingerprint FROM scans ORDER BY serial")
        assert [row[0] for row in where] == [one(CODES[0]), one(CODES[1])]
    assert sorted(ids) == [7, 10]
    store.close()
    engine.dispose()


def test_counters_of_codes_that_nobody_knows_are_damage_and_nothing_moves(empty):
    engine = before(empty)
    filled(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO scans VALUES (1, 9, 1, 10, false)")
    there = everything(engine)
    with pytest.raises(IntegrityError, match="damaged; nothing was changed"):
        Store(postgresql_url(empty))
    assert everything(engine) == there
    engine.dispose()


OLDER = """
INSERT INTO scans AS own (batch, serial, scans, early) VALUES (1, 1, 0, false)
ON CONFLICT (batch, serial) DO UPDATE SET early = own.early"""


def test_a_worker_of_before_is_refused_by_the_new_tables_and_counts_nothing(store, address):
    """It runs while another host brings the tables up to date: its scans are answered 503."""
    engine = create_engine(postgresql_url(address))
    with engine.connect() as connection:
        with pytest.raises(ProgrammingError):
            connection.execute(sql(OLDER))
        connection.rollback()
        count = "SELECT count(*) FROM scans WHERE batch = 1 AND serial = 1"
        assert connection.exec_driver_sql(count).scalar() == 0
    engine.dispose()
    assert "fingerprint" in scan_rows._PG_FIND
