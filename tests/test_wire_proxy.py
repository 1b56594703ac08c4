"""The networks of the tests do what they are asked to: else what survives them proves little."""

import contextlib

import obstore
import postgres_kit
import psycopg
import pytest
import swift_kit
from obstore.exceptions import AlreadyExistsError, BaseError
from s3_proxy import HALF, S3Proxy
from wire_proxy import CUT, EARLY, LOST, STALL, PostgresProxy

NO_RETRY = {"retry_config": {"max_retries": 0}}


class Once:
    """A fault at the first moment of its kind, and none after."""

    def __init__(self, kind, name):
        self.left = {kind: name}

    def __call__(self, moment):
        return self.left.pop(moment.name, "")


@pytest.fixture(scope="module")
def database():
    made = postgres_kit.cluster().database()
    with psycopg.connect(made) as connection:
        connection.execute("CREATE TABLE kept (it integer)")
    return made


@pytest.fixture
def between(database):
    with psycopg.connect(database) as connection:
        connection.execute("TRUNCATE kept")
    with PostgresProxy(target=database) as made:
        yield made, database


def kept(target):
    with psycopg.connect(target) as connection:
        return [it for (it,) in connection.execute("SELECT it FROM kept ORDER BY it")]


def insert(url, number, *, pipelined=False):
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(url))
        if pipelined:
            stack.enter_context(connection.pipeline())
        connection.execute("INSERT INTO kept VALUES (%s)", [number])
        connection.commit()


@pytest.mark.parametrize("pipelined", [False, True])
@pytest.mark.parametrize(
    ("kind", "name", "booked"),
    [
        ("connect", CUT, False),
        ("statement", CUT, False),
        ("commit", CUT, False),
        ("commit", LOST, True),
        ("commit", EARLY, True),
    ],
)
def test_a_connection_is_cut_before_its_commit_or_after_it(between, kind, name, booked, pipelined):
    network, target = between
    network.fault = Once(kind, name)
    with pytest.raises(psycopg.OperationalError):
        insert(network.url, 1, pipelined=pipelined)
    network.cut_all()  # it ends once the server has
    assert kept(target) == [1] * booked
    insert(network.url, 2, pipelined=pipelined)
    assert kept(target) == [1] * booked + [2]
    assert network.faults == {f"{kind}: {name}": 1}


def test_a_stalled_statement_arrives_and_a_network_that_is_down_hears_nobody(between):
    network, target = between
    network.fault = Once("statement", STALL)
    insert(network.url, 1)
    with psycopg.connect(network.url) as connection:
        network.down()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("INSERT INTO kept VALUES (2)")
    with pytest.raises(psycopg.OperationalError):
        insert(network.url, 3)
    network.up()
    insert(network.url, 4)
    assert kept(target) == [1, 4]


@pytest.mark.parametrize(
    ("name", "stored"), [(CUT, False), (LOST, True), ("503", False), ("412", False), ("409", False)]
)
def test_a_put_is_not_heard_or_its_answer_is_not(name, stored):
    bucket = swift_kit.server().bucket()
    with S3Proxy(target=bucket.endpoint) as network:
        store = bucket.store(network.url, **NO_RETRY)
        network.fault = Once("PUT", name)
        error = AlreadyExistsError if name in ("412", "409") else BaseError
        with pytest.raises(error):
            obstore.put(store, "it", b"1", mode="create")
        assert bucket.keys() == ["it"] * stored
        obstore.put(store, "other", b"2", mode="create")
        assert obstore.get(store, "other").bytes() == b"2"
        assert network.faults == {f"PUT: {name}": 1}


def test_a_store_answers_by_half_or_not_at_all():
    bucket = swift_kit.server().bucket()
    obstore.put(bucket.store(), "it", b"whole" * 1000)
    with S3Proxy(target=bucket.endpoint) as network:
        store = bucket.store(network.url, **NO_RETRY)
        network.fault = Once("GET", HALF)
        with pytest.raises(BaseError):
            obstore.get(store, "it").bytes()
        network.down()
        with pytest.raises(BaseError):
            obstore.get(store, "it").bytes()
        network.up()
        assert obstore.get(store, "it").bytes() == b"whole" * 1000
        assert obstore.head(store, "it")["size"] == 5000
        obstore.delete(store, "it")
        assert bucket.keys() == []
