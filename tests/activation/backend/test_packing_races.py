"""Aggregations at the same moment, and a server that dies in the middle of one."""

import itertools
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import packing_child
import postgres_kit
import pytest
from backend_kit import Clock, make_batch
from packing_child import A, B, C, D, pack, part
from patience import PATIENCE
from sqlalchemy import event

from mintmark.activation.backend import packing
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.database import postgresql_url
from mintmark.activation.backend.limits import DEFAULT_LIMITS
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges.aggregation import CodeRef
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

clock = Clock()


@pytest.fixture
def four(store):
    for batch in (D, B, C, A):
        store.register(make_batch(200, batch), clock())
    return store


@pytest.fixture
def on_postgresql():
    """The address of a database, and a store with four batches in it."""
    address = postgres_kit.cluster().database()
    store = Store(postgresql_url(address))
    for batch in (D, B, C, A):
        store.register(make_batch(200, batch), clock())
    yield address, store
    store.close()


def test_every_batch_is_locked_first_and_in_the_order_of_their_ids(on_postgresql):
    _, store = on_postgresql
    found = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if "FOR UPDATE" in statement or not found:
            found.append((" ".join(statement.split()), parameters))

    event.listen(store._database._engine, "before_cursor_execute", note)
    store.aggregate(pack("one", part(C, (1, 1)), part(D, (1, 2)), part(A, (1, 2))), clock())
    ((statement, parameters),) = found
    assert statement.endswith("ORDER BY batches.batch FOR UPDATE")
    assert sorted(value for value in parameters.values()) == [A, C, D]


def test_of_many_that_want_the_same_bottles_each_bottle_is_in_one_carton(four):
    """Eight lines and their orders, crosswise over four batches; nobody waits for ever."""
    problems, names = [], itertools.count()

    def give(method, wanted):
        try:
            method(wanted, clock())
        except Problem as problem:
            problems.append(problem.name)

    def line(number):
        for at in range(6):
            first = 1 + (number * 3 + at * 10) % 60
            inside, outside = ((A, B), (B, C), (C, D), (D, A))[(number + at) % 4]
            wanted = pack(f"a{next(names)}", part(outside, (150 + number, 150 + number)),
                          part(inside, (first, first + 14)))  # fmt: skip
            order = Request(f"o{number}-{at}", outside, Action.ASSIGN, (Range(1, 200),),
                            attributes={"lot": f"L{number}"})  # fmt: skip
            give(four.aggregate, wanted)
            give(four.order, order)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(line, range(8)))
    assert set(problems) == {"child-taken"}
    taken = 0
    for batch in (A, B, C, D):
        links = four.parents(batch, 0).links
        taken += sum(len(link.serials) for link in links)
        assert all(a.serials.last < b.serials.first for a, b in itertools.pairwise(links))
    assert taken == 15 * (8 * 6 - len(problems))


def test_the_same_one_at_the_same_moment_is_applied_once(four):
    wanted = pack("one", part(B, (1, 3)), part(A, (1, 30)), each=10)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: four.aggregate(wanted, clock()).body(), range(8)))
    assert answers == [answers[0]] * 8
    assert [len(link.serials) for link in four.parents(A, 0).links] == [10] * 3


def test_two_that_name_no_batch_in_common_close_no_circle_together(on_postgresql):
    """B lies in C, D lies in A: then A in B is fine, and C in D, but not both."""
    address, store = on_postgresql
    store.aggregate(pack("b-c", part(C, (1, 1)), part(B, (1, 1))), clock())
    store.aggregate(pack("d-a", part(A, (1, 1)), part(D, (1, 1))), clock())
    refused = []

    def second():
        with pytest.raises(Problem) as caught:
            store.aggregate(pack("c-d", part(D, (1, 1)), part(C, (1, 1))), clock())
        refused.append(caught.value.name)

    other = threading.Thread(target=second)
    with store._database.write() as connection:
        first = pack("a-b", part(B, (1, 1)), part(A, (1, 1)))
        assert packing.aggregate(connection, first, clock(), DEFAULT_LIMITS).children_count == 1
        other.start()
        end = time.monotonic() + PATIENCE
        while other.is_alive() and not postgres_kit.waits(address):
            assert time.monotonic() < end
    other.join()
    assert refused == ["nesting"]
    assert store.parents(A, 0).links[0].parent == CodeRef(B, 1)


# Where a server dies: before which call of which function, and whether it was applied by then.
DEATHS = {
    "before any link": ("link_store", "write", 1, False),
    "between links": ("link_store", "write", 3, False),
    "between the links of two batches": ("link_store", "joined_before", 3, False),
    "before the answer is kept": ("kept_answers", "keep", 1, False),
    "before the commit": ("Connection", "commit", 1, False),
    "before the answer is given": ("Store", "end", 1, True),
    "while children leave": ("link_store", "remove", 2, False),
}


PLACES = [
    *(("sqlite", death) for death in DEATHS),
    *(("postgresql", death) for death in ("between links", "before the commit")),
]


@pytest.mark.parametrize(("database", "death"), PLACES, indirect=["database"])
def test_a_server_that_dies_has_applied_all_or_nothing(four, database, death):
    owner, function, count, applied = DEATHS[death]
    name = {"joined_before": "mixed", "remove": "out"}.get(function, "in")
    if name == "out":
        four.aggregate(packing_child.WANTED["in"], clock())
    before = four.parents(A, 0).links
    where, url = (owner, function, count), database.render_as_string(hide_password=False)
    words = [sys.executable, packing_child.__file__, *where, url, name]
    died = subprocess.run(list(map(str, words)), check=False, timeout=PATIENCE)
    assert died.returncode == packing_child.DIED
    if not applied:
        assert four.parents(A, 0).links == before
        with pytest.raises(Problem, match="not-found"):
            four.get_aggregation(name)
    answer = four.aggregate(packing_child.WANTED[name], clock())
    after = four.parents(A, 0).links
    assert after != before
    assert (
        four.aggregate(packing_child.WANTED[name], clock()) == answer == four.get_aggregation(name)
    )
    assert four.parents(A, 0).links == after
