"""The backend's folder and process: no code in the clear, private, migrated, stopped cleanly."""

import hashlib
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys

import postgres_kit
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from backend_kit import Clock, make_batch, make_codes, prints, settings
from patience import PATIENCE
from sqlalchemy import create_engine, select
from sqlalchemy import text as sql
from sqlalchemy.exc import OperationalError

from mintmark.activation.backend import database as database_module
from mintmark.activation.backend import partitions, postgresql, tables
from mintmark.activation.backend.apply_scan_in import ScanInRequest
from mintmark.activation.backend.database import FILE, Database, postgresql_url, sqlite_url
from mintmark.activation.backend.serve import Server
from mintmark.activation.backend.store import Store
from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.wire import Order, Party
from mintmark.codegen import file_systems
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError, Refused
from mintmark.codegen.file_systems import Mount
from mintmark.codegen.ranges.aggregation import CodeRanges
from mintmark.codegen.ranges.serials import Range

CODES = make_codes(10, "QXZJ")
BATCH = make_batch(10)


def test_no_code_reaches_the_folder(client, server, tmp_path, capfd):
    client.register(BATCH)
    client.upload(BATCH.batch, 1, prints(CODES))
    client.order(Order("a", BATCH.batch, "activate", [[1, 5]], attributes={"lot": "L1"}))
    for code in (*CODES, "QXZJNOTOURS00000", "QXZJ?", "QXZJ" * 32):
        client.scan(code, "phone")
        client._json("POST", "/v1/scans", {"code": code.lower()})
        client._call("GET", f"/{code}", b"", "")
        client._call("POST", f"/{code}", b"scan_id=x", "application/x-www-form-urlencoded")
    taken = {"dealer": "D7", "codes": [*CODES, "QXZJNOTOURS00000"]}
    assert client._json("PUT", "/v1/scan-ins/s", taken)["opened_count"] == 5
    folder = tmp_path / "backend"
    names = {path.name for path in folder.iterdir()}
    assert f"{FILE}-wal" in names
    server.stop()
    texts = [path.read_bytes() for path in folder.iterdir()]
    assert any(prints(CODES[:1]) in text for text in texts)
    out, err = capfd.readouterr()
    for text in (*texts, out.encode(), err.encode()):
        assert b"QXZJ" not in text.upper()


@pytest.mark.skipif(os.name == "nt", reason="modes mean nothing there")
def test_the_folder_is_its_owners(server, client, tmp_path):
    client.register(BATCH)
    folder = tmp_path / "backend"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_migrations_make_the_tables_the_code_knows(store, database):
    engine = create_engine(database)
    known = partitions.metadata if engine.dialect.name == "postgresql" else tables.metadata

    def whole(name, kind, _):
        return kind != "table" or re.fullmatch(".*_p[0-3]", name) is None

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": whole})
        assert compare_metadata(context, known) == []
    engine.dispose()


def test_early_scans_survive_the_migration_that_makes_them_a_flag(database):
    """Revision 0002 counted them, and kept times that nobody read."""
    engine = create_engine(database)
    config = Config()
    config.set_main_option("script_location", str(database_module.MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(
            sql(
                "INSERT INTO scans (batch, serial, scans, first_scan, last_scan, before,"
                " before_first) VALUES (1, :serial, 2, 10, 20, :before, 5)"
            ),
            [{"serial": 1, "before": 0}, {"serial": 2, "before": 3}],
        )
        for serial in (1, 2):
            connection.execute(
                sql("INSERT INTO fingerprints VALUES (:print, 1, :serial)"),
                {"print": bytes([serial] * 16), "serial": serial},
            )
    Store(database).close()
    with engine.connect() as connection:
        kept = connection.execute(select(tables.scans).order_by(tables.scans.c.serial)).all()
    engine.dispose()
    assert [tuple(row)[:5] for row in kept] == [(1, 1, 2, 10, False), (1, 2, 2, 10, True)]


def test_heads_of_orders_that_are_there_are_kept_by_the_migration(database):
    engine = create_engine(database)
    config = Config()
    config.set_main_option("script_location", str(database_module.MIGRATIONS))
    batch = (
        "INSERT INTO batches (number, batch, home, symbols, length, canonical, quantity, scheme,"
        " fingerprint_key_id, role, registered) VALUES"
        " (:n, :batch, :home, 'AB', 9, 'upper', 9, 's', 'k', 'item', 1)"
    )
    orders = [("A", "1" * 64, 5), ("A", "2" * 64, 7), ("A", None, 9), ("B", "3" * 64, 6)]
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for number, name in enumerate("AB"):
            connection.execute(sql(batch), {"n": number, "batch": name, "home": f"H{name}"})
        for number, (name, head, arrived) in enumerate(orders):
            connection.execute(
                sql("INSERT INTO orders VALUES (:id, :identity, '{}', :head, :arrived)"),
                {
                    "id": f"O{number}",
                    "identity": json.dumps({"batch": name}),
                    "head": head,
                    "arrived": arrived,
                },
            )
    engine.dispose()
    store = Store(database)
    found = {home: store.head(home) for home in ("HA", "HB", "HC")}
    store.close()
    assert (found["HA"].head, found["HA"].order) == ("2" * 64, "O1")
    assert (found["HB"].head, found["HB"].at) == ("3" * 64, "1970-01-01T00:00:06Z")
    assert found["HC"].head is None


def test_scans_of_before_parties_are_consumers_scans(database):
    """With their answers, and what lies in what; of a repeat the last time was not kept."""
    engine = create_engine(database)
    config = Config()
    config.set_main_option("script_location", str(database_module.MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
    with engine.begin() as connection:
        info = BATCH.body() | {"batch": BATCH.batch, "number": 1, "registered": 1}
        values = ", ".join(f":{name}" for name in info)
        connection.execute(
            sql(f"INSERT INTO batches ({', '.join(info)}) VALUES ({values})"),  # noqa: S608
            info,
        )
        standing = '{"state": "active", "back": null, "reason": null, "attributes": {"lot": "L"}}'
        connection.execute(
            sql("INSERT INTO standings (state, value) VALUES ('active', :value)"),
            {"value": standing},
        )
        connection.execute(sql("INSERT INTO tiles VALUES (1, 1, 10, 1)"))
        connection.execute(sql("INSERT INTO links VALUES (1, 1, 4, 1, 9)"))
        for serial, scans, first in ((1, 1, 5), (2, 3, 10), (3, 0, None)):
            connection.execute(
                sql("INSERT INTO scans (batch, serial, scans, first_scan, early)"
                    " VALUES (1, :serial, :scans, :first, :early)"),
                {"serial": serial, "scans": scans, "first": first, "early": scans == 0},
            )  # fmt: skip
        found = [prints([code]) for code in CODES]
        for serial in (1, 2, 3):
            connection.execute(
                sql("INSERT INTO fingerprints VALUES (:print, 1, :serial)"),
                {"print": found[serial - 1], "serial": serial},
            )
        kept = {"result": "genuine", "scans": 1, "batch": BATCH.batch, "serial": 2, "role": "item"}
        kept |= {"first_scan": "1970-01-01T00:00:10Z", "attributes": {}, "pairs": []}
        connection.execute(
            sql("INSERT INTO scan_answers VALUES (:print, 'id', :answer, :at)"),
            {"print": found[1], "answer": json.dumps(kept), "at": int(Clock()().timestamp())},
        )
    engine.dispose()
    store, now = Store(database), Clock()()
    (repeat,) = store.repeats(1, None).repeats
    same, first, fresh = (store.scan([found[n]], name, now) for n, name in
                          ((1, "id"), (0, None), (2, None)))  # fmt: skip
    taken = ScanInRequest("s", "D7", ranges=(CodeRanges(BATCH.batch, (Range(9, 9),)),))
    opened = store.scan_in(taken, now).opened
    store.close()
    assert (repeat.serial, repeat.scans, repeat.last_scan) == (2, 3, "1970-01-01T00:00:10Z")
    assert (same.scans, same.parties) == (1, {Party.CONSUMER: 1})
    assert (first.result, first.scans, first.first_scan) == ("repeat", 2, "1970-01-01T00:00:05Z")
    assert (fresh.result, fresh.parties) == ("genuine", {Party.CONSUMER: 1})
    assert opened == (CodeRanges(BATCH.batch, (Range(1, 4), Range(9, 9))),)


def test_fingerprints_that_were_live_are_found_by_serial_after_the_migration(database):
    """Of two batches, with gaps, and more of them in succession than a run holds."""
    engine, codes = create_engine(database), make_codes(4_200)
    config = Config()
    config.set_main_option("script_location", str(database_module.MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
    other = make_batch(10, "HM00-OTHER000", canonical="upper", length=9)
    live = {1: [*range(3, 4_190), 4_192, 4_193], 2: [1, 10]}
    with engine.begin() as connection:
        connection.execute(sql("INSERT INTO standings (state, value) VALUES ('inactive', :value)"),
            {"value": '{"state": "packaged", "back": null, "reason": null, "attributes": {}}'},
        )  # fmt: skip
        for number, batch in ((1, make_batch(4_200)), (2, other)):
            row = batch.body() | {"batch": batch.batch, "number": number, "registered": 1}
            connection.execute(tables.batches.insert().values(row))
            connection.execute(sql(f"INSERT INTO tiles VALUES ({number}, 1, {batch.quantity}, 1)"))  # noqa: S608
            rows = [
                {"fingerprint": prints([codes[-serial if number == 2 else serial - 1]]),
                 "batch": number, "serial": serial}
                for serial in live[number]
            ]  # fmt: skip
            connection.execute(tables.fingerprints.insert(), rows)
    engine.dispose()
    store = Store(database)
    (first,) = store.page(BATCH.batch, 0, digests=True).ranges
    (second,) = store.page(other.batch, 0, digests=True).ranges
    rules, found = sorted(store.rules()), store.scan([prints(codes[4_192:4_193])], None, Clock()())
    store.close()
    wanted = prints([codes[serial - 1] for serial in live[1]])
    assert (first.held, first.digest) == (len(live[1]), hashlib.sha256(wanted).hexdigest())
    wanted = prints([codes[-1], codes[-10]])
    assert (second.held, second.digest) == (2, hashlib.sha256(wanted).hexdigest())
    assert rules == [("crockford32", 16), ("upper", 9)]
    assert (found.batch, found.serial) == (BATCH.batch, 4_193)


def test_the_long_tables_of_sqlite_are_in_the_order_they_are_read_in(tmp_path):
    Store(sqlite_url(tmp_path)).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        made = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    connection.close()
    for name, text in made.items():
        if name in ("fingerprints", "tiles", "scans"):
            assert text.strip().endswith("WITHOUT ROWID")
    assert "AUTOINCREMENT" in made["unknown_scans"]


def test_opened_again_everything_is_there(tmp_path, clock):
    store = Store(sqlite_url(tmp_path))
    store.register(BATCH, clock())
    store.close()
    store = Store(sqlite_url(tmp_path))
    assert store.page(BATCH.batch, 0, digests=False).info == BATCH
    store.close()


def test_a_folder_of_a_newer_version_is_refused(tmp_path):
    Store(sqlite_url(tmp_path)).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(EnvironmentFailure, match="newer version"):
        Store(sqlite_url(tmp_path))


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes(b"rubbish" * 1_000)
    with pytest.raises(IntegrityError, match="damaged"):
        Store(sqlite_url(tmp_path))


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EnvironmentFailure, match="cannot be made"):
        Server("127.0.0.1", 0, settings(tmp_path / "file"))


def test_a_folder_on_a_network_drive_is_refused_before_it_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(file_systems, "mount_of", lambda _: Mount("fuse", "https://dav.example/"))
    with pytest.raises(EnvironmentFailure, match="backend's database lies on a network drive"):
        Server("127.0.0.1", 0, settings(tmp_path / "b"))
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_LOCK])
def test_a_file_system_that_cannot_hold_it_is_named(tmp_path, monkeypatch, code):
    def fail(*_):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = code
        raise OperationalError("", {}, error)

    monkeypatch.setattr(Database, "_upgrade", fail)
    with pytest.raises(EnvironmentFailure, match="file system cannot hold") as caught:
        Store(sqlite_url(tmp_path))
    assert "local disk" in caught.value.hints[0]


def test_a_folder_with_a_percent_sign_is_served(tmp_path, clock):
    folder = tmp_path / "50% off"
    folder.mkdir()
    store = Store(sqlite_url(folder))
    store.register(BATCH, clock())
    store.close()
    assert FILE in {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])  # noqa: S104
def test_trusting_this_machine_means_listening_on_it_alone(tmp_path, host):
    with pytest.raises(Refused):
        Server(host, 0, settings(tmp_path / "b"))
    assert not (tmp_path / "b").exists()


def test_a_port_that_is_taken(server, tmp_path):
    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(EnvironmentFailure, match="cannot be had"):
        Server("127.0.0.1", port, settings(tmp_path / "other"))


SERVE = """
import sys
from pathlib import Path
from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.serve import Server, Settings
from mintmark.codegen.secret import Secret
settings = Settings(sqlite_url(Path(sys.argv[1])), lambda: Secret(bytes(range(32))), True)
server = Server("127.0.0.1", 0, settings, ready=lambda url: print(url, flush=True))
server.run()
print("stopped", server.url, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no signals to send there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(tmp_path, number):
    command = [sys.executable, "-c", SERVE, str(tmp_path / "backend")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        with HttpClient(url) as client:
            client.register(BATCH)
        process.send_signal(number)
        assert process.stdout.read() == f"stopped {url}\n"
        assert process.wait(PATIENCE) == 0
    assert [path.name for path in (tmp_path / "backend").iterdir()] == [FILE]


def test_connections_the_database_closed_in_their_sleep_cost_no_call(monkeypatch):
    monkeypatch.setattr(postgresql, "_REST", 0.0)
    url = postgresql_url(postgres_kit.cluster().database())
    store = Store(url)
    store.register(BATCH, Clock()())
    killer = create_engine(url)
    with killer.connect() as connection:
        ended = connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert ended.all()
    killer.dispose()
    assert store.page(BATCH.batch, 0, digests=False).info == BATCH
    store.close()
