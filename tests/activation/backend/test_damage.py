"""A damaged database of the backend is noticed before it serves, and a clean problem later."""

import asyncio
import contextlib
import logging
import random
import shutil
import sqlite3
from collections import Counter

import httpx2
import pytest
from backend_kit import BACKEND_KEY, Clock, app_over, make_batch, make_codes, prints, settings

from mintmark.activation.backend import log
from mintmark.activation.backend.database import FILE, sqlite_url
from mintmark.activation.backend.models import AggregationBody, OrderBody
from mintmark.activation.backend.serve import Server
from mintmark.activation.backend.store import Store
from mintmark.codegen.codes.fingerprint import fingerprints
from mintmark.codegen.errors import IntegrityError, MintmarkError

CODES = make_codes(600)
BATCH = make_batch(600)
PATH = f"/v1/batches/{BATCH.batch}"
ACTIVATE = {
    "batch": BATCH.batch,
    "action": "activate",
    "serials": [[1, 400]],
    "attributes": {"lot": "L1"},
    "audit_head": "ab" * 32,
}
REVOKE = {"batch": BATCH.batch, "action": "revoke", "serials": [[1, 100]]}
CARTONS = make_batch(60, "HM00-CARTON00", role="carton", pair_of=BATCH.batch)
PACK = {
    "action": "associate",
    "parents": {"batch": CARTONS.batch, "serials": [[1, 10]]},
    "children": [{"batch": BATCH.batch, "serials": [[1, 100]]}],
    "each": 10,
}


def call(app, method, path, **options):
    """Unlike a server, this raises whatever no handler has answered."""

    async def made():
        transport = httpx2.ASGITransport(app, client=("127.0.0.1", 5))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **options)

    return asyncio.run(made())


def order(store, name, body):
    return store.order(OrderBody(**body).request(name), Clock()())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A database in which everything is used: the order `a` was undone in part by `b`."""
    folder = tmp_path_factory.mktemp("whole")
    store, now = Store(sqlite_url(folder)), Clock()()
    store.register(BATCH, now)
    store.upload(BATCH.batch, 1, prints(CODES), now)
    order(store, "a", ACTIVATE)
    order(store, "b", REVOKE)
    for number in range(60):
        body = {**REVOKE, "action": "assign", "attributes": {"lot": f"L{number % 7}"}}
        order(store, f"c{number}", {**body, "serials": [[101 + number * 4, 102 + number * 4]]})
    store.register(CARTONS, now)
    store.aggregate(AggregationBody(**PACK).request("p"), now)
    app = app_over(store, Clock())
    for number in range(0, 400, 20):
        body = {"code": CODES[number], "scan_id": f"phone-{number}"}
        assert call(app, "POST", "/v1/scans", json=body).status_code == 200
    assert call(app, "POST", "/v1/scans", json={"code": "Z" * 16}).status_code == 200
    store.close()
    return folder


@contextlib.contextmanager
def opened(folder):
    store = Store(sqlite_url(folder))
    try:
        yield store, app_over(store, Clock())
    finally:
        store.close()


CALLS = (
    ("GET", f"{PATH}?digests=true", {}),
    ("GET", "/v1/orders/a", {}),
    ("PUT", "/v1/orders/a", {"json": ACTIVATE}),
    ("GET", f"{PATH}?digests=true", {}),
    ("PUT", "/v1/orders/new", {"json": {**REVOKE, "action": "freeze"}}),
    ("PUT", PATH, {"json": BATCH.body()}),
    ("POST", "/v1/scans", {"json": {"code": CODES[100], "scan_id": "phone-100"}}),
    ("POST", "/v1/scans", {"json": {"code": CODES[380]}}),
    ("GET", "/v1/unknown-scans", {}),
    ("GET", f"/v1/homes/{BATCH.home}/head", {}),
    ("GET", f"{PATH}/parents", {}),
    ("GET", "/v1/aggregations/p", {}),
    ("PUT", "/v1/aggregations/p", {"json": PACK}),
    ("PUT", "/v1/aggregations/q", {"json": PACK | {"action": "dissociate"}}),
)


def tried(app):
    """The answers to `CALLS`; each is JSON of the API, whatever the database holds."""
    answers = [call(app, method, path, **options) for method, path, options in CALLS]
    for answer in answers:
        assert answer.status_code in (200, 401, 404, 409, 422, 500, 503)
        assert isinstance(answer.json(), dict)
        for code in CODES:
            assert code not in answer.text
    return answers


def flipped(whole, target, every=1):
    """Copies of the database with a bit flipped in `every` so manieth page, where it is in use."""
    data = (whole / FILE).read_bytes()
    page, draw = int.from_bytes(data[16:18], "big"), random.Random(12)
    for start in range(0, len(data), page * every):
        used = [at for at in range(start, start + page) if data[at]]
        if not used:
            continue
        at = draw.choice(used)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(whole, target)
        with (target / FILE).open("r+b") as file:
            file.seek(at)
            file.write(bytes([data[at] ^ (1 << draw.randrange(8))]))
        yield at


def test_flipped_bits_are_noticed_or_harmless_and_no_order_is_applied_twice(whole, tmp_path):
    outcomes = Counter()
    for _ in flipped(whole, tmp_path / "flipped"):
        try:
            with opened(tmp_path / "flipped") as (store, app):
                store.look_at()
                before, _, again, after, *_ = tried(app)
        except MintmarkError as error:
            outcomes[error.exit_code] += 1
            continue
        outcomes["served"] += 1
        if before.status_code == after.status_code == 200:
            assert before.json() == after.json(), again.text
    assert set(outcomes) <= {5, 6, "served"}
    assert outcomes[5] > outcomes[6]
    assert outcomes["served"]


def test_damage_while_it_serves_is_a_clean_problem(whole, tmp_path):
    """The same without a look beforehand: the first answers fail, and nothing else."""
    statuses = Counter()
    for _ in flipped(whole, tmp_path / "flipped", every=2):
        with contextlib.suppress(MintmarkError), opened(tmp_path / "flipped") as (_, app):
            statuses.update(answer.status_code for answer in tried(app))
    assert statuses[500]
    assert statuses[200] > statuses[500]


def change(folder, *statements):
    with contextlib.closing(sqlite3.connect(folder / FILE)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


NONSENSE = {
    "a text that is none": "UPDATE orders SET answer = CAST(x'ff00fe' AS TEXT)",
    "an answer that is no JSON": "UPDATE orders SET answer = '{'",
    "an answer of another form": "UPDATE orders SET answer = '[]'",
    "a refusal of an unknown name": """UPDATE orders SET answer = '{"type": "x", "detail": ""}'""",
    "a standing that is no JSON": "UPDATE standings SET value = 'x' || id",
    "a state that there is not": "UPDATE standings SET value = replace(value, 'active', 'alive')",
    "a standing that is gone": "DELETE FROM standings",
    "a link beyond its batch": "UPDATE links SET last = 601 WHERE first = 91",
    "a link that ends before it begins": "UPDATE links SET last = 0 WHERE first = 11",
    "links that overlap": "UPDATE links SET last = 25 WHERE first = 11",
    "a parent of no batch": "UPDATE links SET parent_batch = 9 WHERE first = 11",
    "a parent that is none": "UPDATE links SET parent_serial = -1 WHERE first = 11",
    "a parent that is no number": "UPDATE links SET parent_serial = 'x' WHERE first = 11",
    "a parent beyond its batch": "UPDATE links SET parent_serial = 61 WHERE first = 11",
    "a kept packing that is no JSON": "UPDATE aggregations SET answer = '{'",
    "a kept packing of another form": "UPDATE aggregations SET answer = '[]'",
    "an identity that is no JSON": "UPDATE aggregations SET identity = 'x'",
    "a gap between tiles": "DELETE FROM tiles WHERE first = 101",
    "a tile that ends before it begins": "UPDATE tiles SET last = 0 WHERE first = 101",
    "no tiles": "DELETE FROM tiles",
    "a time that there is not": "UPDATE heads SET arrived = 9000000000000000",
    "a head that is none": "UPDATE heads SET head = 'x'",
    "a time beyond all years": "UPDATE heads SET arrived = 9223372036854775807",
    "bytes where a text belongs": "UPDATE batches SET role = x'ff'",
    "bytes where a number belongs": "UPDATE batches SET length = x'ff'",
    "bytes for the count of scans": "UPDATE scans SET scans = x'ff'",
    "a text where a fingerprint belongs": "UPDATE unknown_scans SET fingerprint = 'a'",
    "a first scan before all years": "UPDATE scans SET first_scan = -9223372036854775808",
    "a time that is no number": "UPDATE unknown_scans SET first = 'x'",
    "a first scan that there never was": "UPDATE scans SET first_scan = 9000000000000000",
    "a kept answer to a scan that is none": "UPDATE scan_answers SET answer = '{}'",
    "a column of another name": "ALTER TABLE scans RENAME COLUMN scans TO scanz",
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_answered_500_and_logged_without_a_word_of_it(whole, tmp_path, caplog, what):
    shutil.copytree(whole, tmp_path / "copy")
    change(tmp_path / "copy", NONSENSE[what])
    with caplog.at_level(logging.ERROR, log.LOGGER.name), opened(tmp_path / "copy") as (_, app):
        answers = tried(app)
    failed = [answer for answer in answers if answer.status_code == 500]
    assert failed
    assert {answer.json()["type"] for answer in failed} == {"urn:mintmark:problem:internal"}
    lines = [record.getMessage() for record in caplog.records]
    assert any("the database is damaged: bring" in line for line in lines)
    spoken = "\n".join(lines)
    prints_ = fingerprints("".join(CODES).encode(), 16, BACKEND_KEY).hex()
    assert not [code for code in CODES if code in spoken]
    assert prints_[:32] not in spoken


def test_a_parent_that_there_is_not_is_told_in_no_refusal_and_none_is_kept(whole, tmp_path):
    """A refusal is final for the line: it would believe a damaged row for ever."""
    shutil.copytree(whole, tmp_path / "copy")
    change(tmp_path / "copy", NONSENSE["a parent beyond its batch"])
    leaving = {"action": "dissociate", "parents": PACK["parents"], "each": 1}
    tries = [("PUT", "/v1/aggregations/x", {"json": PACK | {"reason": "anew"}})]
    leaving["children"] = [{"batch": BATCH.batch, "serials": [[11, 20]]}]
    tries.append(("PUT", "/v1/aggregations/y", {"json": leaving}))
    with opened(tmp_path / "copy") as (_, app):
        assert [call(app, how, where, **what).status_code for how, where, what in tries] == [
            500
        ] * 2
        assert call(app, "GET", "/v1/aggregations/x").status_code == 404


def test_serving_refuses_an_index_that_lost_an_order(whole, tmp_path):
    """The order would be applied again: only its index says that it is there."""
    shutil.copytree(whole, tmp_path / "copy")
    data = bytearray((tmp_path / "copy" / FILE).read_bytes())
    page = int.from_bytes(data[16:18], "big")
    change(tmp_path / "copy")
    with contextlib.closing(sqlite3.connect(tmp_path / "copy" / FILE)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_orders_1'"
        ((root,),) = connection.execute(query)
    start = (root - 1) * page
    at = data.index(b"c7", start, start + page)
    data[at] ^= 4
    (tmp_path / "copy" / FILE).write_bytes(data)
    with pytest.raises(IntegrityError, match="damaged") as caught:
        Server("127.0.0.1", 0, settings(tmp_path / "copy"))
    assert "from your copy" in caught.value.hints[0]


def test_a_schema_that_is_no_text_is_damage(whole, tmp_path):
    """SQLite quotes it, and Python cannot read what SQLite says."""
    shutil.copytree(whole, tmp_path / "data")
    path = tmp_path / "data" / FILE
    data = path.read_bytes()
    for old, new in (
        (b"tableordersorders", b"table\xc9rdersorders"),
        (b"TABLE orders", b"TABLX orders"),
    ):
        assert data.count(old) == 1
        data = data.replace(old, new)
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="database is damaged"):
        Store(sqlite_url(tmp_path / "data"))
