"""A line, a network at its worst, a backend that restarts: afterwards the books agree.

MINTMARK_FAULT_SEEDS=200 (`make test-faults`) runs as many seeds; the suite runs twenty.
"""

import contextlib
import functools
import json
import os
import random
import shutil
import threading
import time
from datetime import timedelta

import postgres_kit
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from intruder import ATTEMPTS, Intruder
from line_kit import Backend, client, home_with_batches, opened, program, until
from model import Books, Refusal
from patience import PATIENCE
from proxy import Proxy, Seeded

from mintmark.activation.backend.database import postgresql_url
from mintmark.activation.backend.senders import FileSenders
from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.signing import Key, RequestSigner, line_keys
from mintmark.activation.delivery.deliver import Courier
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.activation.reconcile.reconcile import reconcile
from mintmark.codegen import roster
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ledger.changes import Associated, Ordered, Settled
from mintmark.codegen.ranges.lifecycle import Action

SEEDS = range(int(os.environ.get("MINTMARK_FAULT_SEEDS", "20")))
QUANTITY, PACKAGED, ORDERS = 300, 200, 30
CARTONS = "cartons"  # the order that makes cartons of the second batch: it waits for the first
ACTIONS = (
    "activate",
    "activate",
    "activate",
    "freeze",
    "unfreeze",
    "revoke",
    "assign",
    "void",
    "unvoid",
)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    home, (batch, cartons) = home_with_batches(folder, 2, QUANTITY, PACKAGED)
    role = OrderRequest(Action.ASSIGN, cartons, BySerials("all"), {"role": "carton"}, order=CARTONS)
    with opened(home.path) as station:
        book(station, role)
    return home.path, (batch, cartons)


class Shelf(Books):
    """The model, and what each of its codes lies in."""

    def __init__(self):
        super().__init__(QUANTITY)
        self.reserve(range(1, PACKAGED + 1), "P")
        self.package("P")
        self.inside = {}

    def pack(self, action, children, carton):
        """Put `children` into a carton, or take them out; False if one is in the way."""
        lie = {serial: self.inside.get(serial) for serial in children}
        if action == "associate":
            void = [serial for serial in children if self.codes[serial].state == "void"]
            if void or any(lie.values()):
                return False
            self.inside |= dict.fromkeys(children, carton)
            return True
        if set(lie.values()) != {carton}:
            return False
        for serial in children:
            del self.inside[serial]
        return True


def packing(dice, batches, number):
    """A random order of packing: bottles that stand side by side, and one of a few cartons."""
    batch, cartons = batches
    first = dice.randint(1, PACKAGED - 12)
    action = dice.choice(("associate", "associate", "dissociate"))
    pair = [first, first + dice.choice((0, 2, 11))]
    parent = f"{cartons}:{dice.randint(1, 4)}"
    order = {"action": action, "batch": batch, "serials": [pair], "parent": parent}
    return order | {"order": f"o-{number}"}


def drawn(dice, batches, number):
    """A random order as a line writes it."""
    if dice.random() < 0.3:
        return packing(dice, batches, number)
    batch, _ = batches
    first = dice.randint(1, PACKAGED)
    last = min(PACKAGED, first + dice.choice((0, 3, 30, 120)))
    action = dice.choice(ACTIONS)
    order = {"action": action, "batch": batch, "serials": [[first, last]], "order": f"o-{number}"}
    if action in ("activate", "assign"):
        order["set"] = {"lot": f"L{dice.randint(1, 3)}"}
    if action == "activate" and dice.random() < 0.3:
        order["expires_at"] = "2097-01-01"
    if action == "void":
        order |= {"serials": [[first, first]], "reason": "misprint", "count": 1}
    return order


def plan(dice, batches):
    """Orders, most of them possible, and what the model says to each; the model after all."""
    books, orders = Shelf(), []
    for number in range(ORDERS):
        wanted = dice.random() < 0.85
        for _ in range(20):
            order = drawn(dice, batches, number)
            accepted = takes(books, order)
            if accepted == wanted:
                break
        if accepted:
            takes(books, order, keep=True)
        orders.append((order, accepted))
    return orders, books


def takes(books, order, *, keep=False):
    """Whether the model takes the order."""
    (pair,) = order["serials"]
    if "parent" in order:
        before = dict(books.inside)
        carton = int(order["parent"].rpartition(":")[2])
        done = books.pack(order["action"], range(pair[0], pair[1] + 1), carton)
        if not keep:
            books.inside = before
        return done
    attributes = dict(order.get("set", {}))
    if "expires_at" in order:
        attributes["expires_at"] = "2097-01-01T16:00:00Z"  # that day's end in Shanghai
    before = dict(books.codes)
    try:
        done = books.order(
            order["action"],
            range(pair[0], pair[1] + 1),
            count=order.get("count"),
            attributes=attributes,
            reason=order.get("reason"),
        )
    except Refusal:
        return False
    if not keep:
        books.codes = before
    return bool(done.applied)  # the ledger refuses an order without effect


def a_shift(orders, home, url, dice, byte_code, *, dies):
    """Give the orders to a line, which `dies` at some moment; what it answered."""
    heard = home / "answers"
    lines = [json.dumps({"id": order["order"], **order}) + "\n" for order in orders]
    with heard.open("wb") as out:
        process = program("line", "run", home=home, url=url, byte_code=byte_code, stdout=out)
    process.stdin.write("".join(lines))
    process.stdin.flush()
    if dies:
        until(heard.read_bytes, process=process)
        time.sleep(dice.random() * 0.2)
        process.kill()
    process.communicate(timeout=PATIENCE)
    assert dies or process.returncode == 0
    found = [json.loads(line) for line in heard.read_text("ascii").split("\n")[:-1]]
    return {answer["id"]: answer["ok"] for answer in found}


@contextlib.contextmanager
def restarting(backend, dice):
    """The backend goes down for a moment, some time within the block."""

    def restart():
        time.sleep(dice.random())
        backend.stop()
        backend.start()

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def deliver_all(home, url, dice):
    """Tries until nothing is queued, faults or not; at first with a clock an hour off."""
    off = timedelta(hours=dice.choice((-1, 1)))
    with opened(home) as station:
        sign = RequestSigner(line_keys(station), lambda: utc_now() + off, os.urandom)
        with HttpClient(url, sign=sign) as line:
            assert not Courier(station, line).deliver().delivered
    with opened(home) as station, client(url, station) as line:

        def nothing_waits():
            Courier(station, line).deliver()
            with station.ledger.read() as view:
                return not view.queued()

        until(nothing_waits)


GUEST = Key("guest", Ed25519PrivateKey.from_private_bytes(bytes(32)))


@contextlib.contextmanager
def backend_and_intruder(tmp_path, home, batch, dice, database=None):
    """A backend that knows the line and a guest, and an intruder who misuses both their keys."""
    with opened(home) as station:
        known = "\n".join(roster.export(station).lines())
        line = station.line()
    public = GUEST.private.public_key().public_bytes_raw().hex()
    guest = {"name": "guest", "key_id": "guest", "algorithm": "ed25519", "public_key": public}
    table = [f"{key} = {json.dumps(text)}" for key, text in guest.items()]
    rights = ["[[line]]", *table, 'actions = ["freeze"]', "upload = false", ""]
    lines = tmp_path / "lines.toml"
    lines.write_text("\n".join([known, *rights]), "utf-8")
    senders = functools.partial(FileSenders, lines)
    own = Key(line.key_id, line.private)
    intruder = Intruder(batch, own, GUEST, dice, packaged=PACKAGED, quantity=QUANTITY)
    settings = {"database": database, "unsigned": False, "senders": senders}
    with Backend(tmp_path / "backend", home, **settings) as backend:
        yield backend, intruder


def test_each_attempt_of_an_intruder_is_refused(template, tmp_path, byte_code):
    """Each alone: the random runs might never try some of them."""
    source, (batch, _) = template
    home = tmp_path / "home"
    shutil.copytree(source, home)
    order = {"action": "activate", "batch": batch, "serials": [[1, 90]], "order": "o-1"}
    with backend_and_intruder(tmp_path, home, batch, random.Random(1)) as (backend, intruder):
        passed = []
        with Proxy(backend.url, passed=passed.append) as proxy:
            assert a_shift([order], home, proxy.url, None, byte_code, dies=False) == {"o-1": True}
            with intruder.over(proxy):
                for attempt in ATTEMPTS.values():
                    found, wanted = attempt(intruder, passed[-1])
                    assert found in wanted, attempt.__name__
        with opened(home) as station, client(backend.url, station) as line:
            assert reconcile(station, line, batch).equal


@pytest.mark.parametrize("seed", SEEDS)
def test_ledger_and_backend_agree_to_the_last_code(seed, template, tmp_path, byte_code):
    source, (batch, cartons) = template
    home = tmp_path / "home"
    shutil.copytree(source, home)
    dice, script = random.Random(seed), Seeded(seed)
    orders, model = plan(dice, (batch, cartons))
    # Every third run on PostgreSQL; all of them with signatures that are checked.
    books = None if seed % 3 else postgresql_url(postgres_kit.cluster().database())
    with backend_and_intruder(tmp_path, home, batch, random.Random(-seed), books) as (
        backend,
        intruder,
    ):
        with Proxy(backend.url, script, delay=0.01) as proxy, intruder.over(proxy):
            given = [order for order, _ in orders]
            answers = a_shift(given, home, proxy.url, dice, byte_code, dies=True)
            # What was not answered is given again, under the same id.
            todo = [order for order in given if order["order"] not in answers]
            with restarting(backend, dice):
                answers |= a_shift(todo, home, proxy.url, dice, byte_code, dies=False)
                deliver_all(home, proxy.url, dice)
            script.quiet = True
            # What was held up in the network arrives at last, days late.
            proxy.release()
        expected = {order["order"]: accepted for order, accepted in orders}
        assert answers == expected
        taken = {order for order, yes in expected.items() if yes} | {CARTONS}
        check(home, backend.url, (batch, cartons), taken, model)
    assert not intruder.wrong
    assert sum(proxy.faults.values()) > 5
    assert sum(intruder.tried.values()) > 2


def check(home, url, batches, expected, books):
    """Each order is booked once and settled once, and three books agree on every code."""
    batch, cartons = batches
    with opened(home) as station, client(url, station) as line:
        with station.ledger.read() as view:
            events = [event.change for event in view.events(limit=100_000)]
            rows = view.orders(limit=10_000)
        for kind in (Ordered | Associated, Settled):
            named = [change.order for change in events if isinstance(change, kind)]
            assert sorted(named) == sorted(expected)
        assert {row.status for row in rows} == {"acknowledged"}
        compared = reconcile(station, line, batch)
        assert compared.equal, compared
        assert compared.registered
        assert compared.links_compared
        inside = {
            serial: link.parent.serial
            for link in line.parents_page(batch).links
            for serial in range(link.serials.first, link.serials.last + 1)
            if link.parent.batch == cartons
        }
        assert inside == books.inside
        # A model that has never heard of ranges, and the backend, asked code by code.
        there = [
            (piece.state.value, dict(piece.attributes))
            for piece in line.batch_page(batch).ranges
            for _ in range(piece.first, piece.last + 1)
        ]
    assert there == [
        (seen, code.attributes)
        for seen, code in zip(books.seen(), books.codes.values(), strict=True)
    ]
