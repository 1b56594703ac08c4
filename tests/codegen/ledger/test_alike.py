"""The same commits leave the same books in a file and on PostgreSQL, to the byte.

There, questions are asked ahead, answers are kept, and what is written waits: none of it may show.
"""

import random
from datetime import timedelta

import pytest
from ledger_kit import (
    LINE,
    START,
    STATION,
    minted,
    ordered,
    packed,
    unpacked,
    with_history,
    with_package,
)
from postgres_kit import cluster
from sqlalchemy import select

from mintmark.codegen.errors import MintmarkError
from mintmark.codegen.ledger import _tables
from mintmark.codegen.ledger.changes import Incident, Settled
from mintmark.codegen.ledger.place import LedgerDatabase

COMMITS = 60


def books(ledger):
    """Every row of every table."""
    with ledger.read() as view:
        return {
            table.name: [
                tuple(row)
                for row in view.connection.execute(
                    select(table).order_by(*table.primary_key.columns)
                )
            ]
            for table in _tables.metadata.sorted_tables
        }


@pytest.fixture
def both(tmp_path):
    """Two ledgers with the same history."""
    with (
        with_history(tmp_path / "ledger.db") as lite,
        with_history(LedgerDatabase(cluster().database())) as shared,
    ):
        yield lite, shared


def test_a_row_in_every_table(both):
    lite, shared = map(books, both)
    assert all(lite.values())
    assert lite == shared


def change(rng, names):
    """Some change, which the books may or may not take."""
    first = rng.randint(1, 60)
    span = (first, first + rng.choice((0, 1, 5, 20)))
    batch = rng.choice(("X", "X", "Y", "Y", "Z"))
    new = f"N{len(names)}" if rng.random() < 0.9 else rng.choice(names)
    names.append(new)
    kind = rng.random()
    if kind < 0.6:
        action = rng.choice(("activate", "activate", "void", "freeze", "unfreeze", "assign"))
        more = {"reason": "damaged"} if action == "void" else {}
        more |= {"attributes": {"lot": rng.choice("AB")}} if action == "assign" else {}
        return ordered(new, batch, action, span, **more)
    if kind < 0.7:
        return packed(new, ("C", (span[0] % 9 + 1, span[0] % 9 + 1)), (batch, span))
    if kind < 0.8:
        return unpacked(new, None, (batch, span))
    if kind < 0.95:
        return Settled(rng.choice(names), rng.choice(("acknowledged", "refused", "cancelled")))
    return Incident("noticed", "something")


def told(both, work, *arguments, **more):
    """What came of it in either ledger; raises if that differs."""
    outcomes = []
    for ledger in both:
        try:
            outcomes.append(repr(getattr(ledger, work)(*arguments, **more)))
        except MintmarkError as error:
            outcomes.append((type(error).__name__, error.message, error.hints))
    assert outcomes[0] == outcomes[1]
    return outcomes[0]


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_booked_and_refused(both, seed):
    rng = random.Random(seed)
    names = ["O1"]
    for ledger in both:
        ledger.commit(STATION, minted("X", 80), minted("Y", 80))
        for batch in "XY":
            with_package(ledger, batch, f"P{batch}", (1, 80))
    kinds = set()
    for _ in range(COMMITS):
        changes = [change(rng, names) for _ in range(rng.choice((1, 1, 1, 2, 3, 5)))]
        claim = ("me", START + timedelta(days=9)) if rng.random() < 0.3 else None
        done = told(both, "commit", LINE, *changes, claim=claim, dry_run=rng.random() < 0.1)
        kinds.add(done[0])
        name, at = rng.choice(names), START + timedelta(hours=rng.randint(0, 300))
        told(both, "claim", name, "you", at, START)
        told(both, "attempted", name, at, "no")
        told(both, "release", name, rng.choice(("me", "you")))
    assert {"(", "Refused", "NotFound"} <= kinds  # some were booked, and some were not
    assert books(both[0]) == books(both[1])
