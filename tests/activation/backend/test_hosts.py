"""Several hosts on one PostgreSQL: as one, whatever their clocks say, and through its failures."""

import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import cache

import httpx2
import postgres_kit
import psycopg
import pytest
from backend_kit import BACKEND_KEY, Asgi, Clock, Seconds, make_batch, make_codes, prints, settings
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from patience import PATIENCE
from sqlalchemy.exc import SQLAlchemyError
from wire_proxy import CUT, EARLY, LOST, PostgresProxy

from mintmark.activation.backend import serve as serve_module
from mintmark.activation.backend.app import create_app
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.backend import Backend
from mintmark.activation.backend.database import postgresql_url
from mintmark.activation.backend.postgresql import CommitLost
from mintmark.activation.backend.scanned_code import ScanRequest
from mintmark.activation.backend.serve import Server
from mintmark.activation.backend.store import Store
from mintmark.activation.client.signing import Key, Parameters, sign
from mintmark.codegen.away import LedgerAway
from mintmark.codegen.errors import EnvironmentFailure
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

CODES = make_codes(40)
BATCH = make_batch(40)
clock = Clock()


@pytest.fixture
def address():
    """Books with forty active codes."""
    return postgres_kit.cluster().database(like=mould())


@cache
def mould():
    address = postgres_kit.cluster().database()
    store = Store(postgresql_url(address))
    store.register(BATCH, clock())
    store.upload(BATCH.batch, 1, prints(CODES), clock())
    store.order(Request("o", BATCH.batch, Action.ACTIVATE, (Range(1, 40),)), clock())
    store.close()
    return address


@contextlib.contextmanager
def hosts(count, address, **told):
    """`count` servers on one database, each of its own port; yields their URLs."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            up = threading.Event()
            server = Server(
                "127.0.0.1",
                0,
                settings(postgresql_url(address), **told),
                ready=lambda _, up=up: up.set(),
            )
            thread = threading.Thread(target=server.run)
            thread.start()
            stack.callback(thread.join, PATIENCE)
            stack.callback(server.stop)
            assert up.wait(PATIENCE)
            found.append(server.url)
        yield found


def scan(url, code, name):
    """Status, Retry-After and answer of a scan at one host."""
    body = {"code": code, "scan_id": name}
    answer = httpx2.post(f"{url}/v1/scans", json=body, timeout=PATIENCE)
    return answer.status_code, answer.headers.get("retry-after"), answer.json()


def test_of_phones_at_three_hosts_one_hears_genuine(address):
    with hosts(3, address) as urls, ThreadPoolExecutor(12) as phones:
        asked = [
            phones.submit(scan, urls[n % 3], CODES[n // 12], f"phone-{n}") for n in range(12 * 6)
        ]
        results = [future.result(PATIENCE)[2] for future in asked]
        again = scan(urls[2], CODES[0], "phone-0")[2]
    for serial in range(1, 7):
        of_code = [answer for answer in results if answer["serial"] == serial]
        assert sorted(answer["scans"] for answer in of_code) == list(range(1, 13))
        assert [answer["scans"] for answer in of_code if answer["result"] == "genuine"] == [1]
    assert again == results[0]  # another host knows the phone by its scan id


def group(address, names, fault):
    """What a group of scans of as many codes hears, in a network with this fault; and after it."""
    requests = [ScanRequest([prints([code])], name)
                for code, name in zip(CODES, names, strict=False)]  # fmt: skip
    with PostgresProxy(target=address) as network:
        store = Store(postgresql_url(network.url))
        books = Backend(store, BACKEND_KEY, clock, trust_loopback=False)
        store.scans([ScanRequest([prints([CODES[39]])])], clock())  # it sweeps, and connects
        network.fault = fault
        heard = [books.group_commit.submit(request) for request in requests]
        errors = [future.exception(PATIENCE) for future in heard]
        network.fault = lambda _: ""
        answers = [books.group_commit.submit(request).result(PATIENCE) for request in requests]
        books.close()
        return errors, answers, dict(network.faults)


def first(moment, name):
    """A fault at the first such moment."""
    left = [name]
    return lambda seen: left.pop() if left and seen.name == moment else ""


@pytest.mark.parametrize("lost", [LOST, EARLY, CUT])
def test_a_genuine_answer_lost_at_commit_is_told_when_its_phone_asks_again(address, lost):
    errors, answers, faults = group(address, ["a"], first("commit", lost))
    assert faults == {f"commit: {lost}": 1}
    assert isinstance(errors[0], CommitLost)
    assert [(answer.result, answer.scans) for answer in answers] == [("genuine", 1)]
    with psycopg.connect(address) as connection:
        query = "SELECT scans FROM scans WHERE batch = 1 AND serial = 1"
        assert connection.execute(query).fetchall() == [(1,)]


def test_a_group_whose_commit_was_lost_is_not_counted_again_scan_by_scan(address):
    """Not even those without an id, whom nobody knows again: they are told to come later."""
    with PostgresProxy(target=address) as network:
        store = Store(postgresql_url(network.url))
        store.scans([ScanRequest([prints([CODES[39]])])], clock())
        books = Backend(store, BACKEND_KEY, clock, trust_loopback=False)
        network.fault = first("commit", LOST)
        waiting = [(ScanRequest([prints([code])]), Future()) for code in CODES[:20]]
        books.group_commit._commit(waiting)  # as one group, whatever its thread does
        books.close()
    assert {type(future.exception(0)) for _, future in waiting} == {CommitLost}
    with psycopg.connect(address) as connection:
        query = "SELECT max(scans), sum(scans) FROM scans WHERE serial <= 20"
        assert connection.execute(query).fetchone() == (1, 20)


def test_a_connection_cut_before_commit_costs_no_phone_anything(address):
    errors, answers, faults = group(address, ["a", "b", "c"], first("statement", CUT))
    assert faults == {"statement: cut": 1}
    assert errors == [None] * 3
    assert [(answer.result, answer.scans) for answer in answers] == [("genuine", 1)] * 3


def test_while_the_database_is_away_scans_are_answered_503_and_counted_once(address):
    with PostgresProxy(target=address) as network, hosts(1, network.url) as (url,):
        assert scan(url, CODES[0], "a")[0] == 200
        network.down()
        status, after, body = scan(url, CODES[1], "b")
        assert (status, after) == (503, "5")
        assert body["type"] == "urn:mintmark:problem:unavailable"
        network.up()
        assert scan(url, CODES[1], "b")[2]["result"] == "genuine"
        assert scan(url, CODES[0], "c")[2]["scans"] == 2


def test_another_server_behind_the_same_url_is_read_anew(address):
    """A standby that was behind gives the number of a standing away anew: here to a frozen one."""
    with PostgresProxy(target=address) as network:
        store = Store(postgresql_url(network.url))
        store.scans([ScanRequest([prints([CODES[0]])])], clock())
        with psycopg.connect(address) as connection:
            frozen = '{"state": "frozen", "back": "active", "reason": null, "attributes": {}}'
            connection.execute(
                "UPDATE standings SET state = 'frozen', value = %s WHERE id ="
                " (SELECT standing FROM tiles LIMIT 1)",
                (frozen,),
            )
        network.down()
        network.up()
        request = [ScanRequest([prints([CODES[1]])])]
        with contextlib.suppress(SQLAlchemyError):
            store.scans(request, clock())
        (answer,) = store.scans(request, clock())
        store.close()
    assert answer.result == "frozen"


def test_hosts_whose_clocks_differ_decide_by_the_database_s(address, monkeypatch):
    """A code's window ends in an hour; by its own clock a host would be two hours ahead."""
    with psycopg.connect(address) as connection:
        (now,) = connection.execute("SELECT clock_timestamp()").fetchone()
    store = Store(postgresql_url(address))
    until = (now + timedelta(hours=1)).isoformat()
    patch = {"expires_at": until}
    store.order(
        Request("w", BATCH.batch, Action.ASSIGN, (Range(1, 40),), attributes=patch), clock()
    )
    store.close()
    answers, ahead = [], []
    for number, hours in enumerate((0, 2)):
        wrong = now + timedelta(hours=hours)
        monkeypatch.setattr(serve_module, "utc_now", lambda wrong=wrong: wrong)
        with hosts(1, address, now=None) as (url,):
            answers.append(scan(url, CODES[number], f"phone-{number}")[2]["result"])
        server = Server("127.0.0.1", 0, settings(postgresql_url(address), now=None))
        ahead.append(round(server.ahead / 3_600))
        server._socket.close()
    assert answers == ["genuine", "genuine"]
    assert ahead == [0, 2]


def test_the_database_s_clock_goes_on_while_it_is_away(address):
    seconds = Seconds()
    with PostgresProxy(target=address) as network:
        store = Store(postgresql_url(network.url), monotonic=seconds)
        before = store.pulse.now()
        network.down()
        seconds.now += 60
        assert store.pulse.now() - before == timedelta(seconds=60)
        with pytest.raises(SQLAlchemyError):
            store.pulse.beat()
        store.close()


class Gone:
    """Keys of a home that stations share, whose ledger does not answer."""

    def __call__(self, key_id):
        raise LedgerAway("the ledger's database does not answer")

    def close(self):
        """Nothing is open."""


def test_while_a_shared_home_s_ledger_is_away_lines_are_told_to_come_later(address, caplog):
    private = Ed25519PrivateKey.generate()
    request = httpx2.Request("GET", f"http://127.0.0.1/v1/batches/{BATCH.batch}")
    sign(request, b"", Parameters(Key("key", private), clock(), "n" * 32))
    store = Store(postgresql_url(address))
    books = Backend(store, BACKEND_KEY, clock, trust_loopback=True, senders=Gone())
    call = Asgi(create_app(books))
    answer = call("GET", f"/v1/batches/{BATCH.batch}", headers=dict(request.headers))
    scanned = call("POST", "/v1/scans", json={"code": CODES[0]})
    books.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert scanned.json()["result"] == "genuine"  # phones sign nothing
    assert "503" in caplog.text


def test_an_older_program_does_not_start_on_newer_tables(address):
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(EnvironmentFailure, match="newer version") as caught:
        Store(postgresql_url(address))
    assert caught.value.hints == ("install that version",)
