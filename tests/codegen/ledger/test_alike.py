"""The same commits leave the same books in a file and on PostgreSQL, to the byte.

There, questions are asked ahead, answers are kept, and what is written waits: none of it may show.
"""

import os
import random
from collections import Counter
from datetime import timedelta

import pytest
from any_change import Drawn
from ledger_kit import START, with_history
from postgres_kit import cluster
from sqlalchemy import select

from mintmark.codegen.errors import MintmarkError
from mintmark.codegen.ledger import _tables
from mintmark.codegen.ledger.place import LedgerDatabase
from mintmark.codegen.ledger.verify import verify

COMMITS = 60
# More of them: MINTMARK_SEEDS=100
SEEDS = range(int(os.environ.get("MINTMARK_SEEDS", "2")))


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


def told(both, work, *arguments, **more):
    """What came of it in either ledger; raises if that differs."""
    outcomes = []
    for ledger in both:
        try:
            outcomes.append(repr(getattr(ledger, work)(*arguments, **more)))
        except MintmarkError as error:
            outcomes.append((type(error).__name__, error.message, error.hints, error.details))
    assert outcomes[0] == outcomes[1]
    return outcomes[0]


def commit(both, drawn, rng):
    """One commit of both, with all that may stand beside the changes; what came of it."""
    guard, seen = drawn.guard()
    claim = ("me", START + timedelta(hours=9)) if rng.random() < 0.3 else None
    looks = rng.random() < 0.4
    more = {"guard": guard if looks else None, "claim": claim, "dry_run": rng.random() < 0.1}
    done = told(both, "commit", drawn.author(), *drawn.changes(), **more)
    drawn.done(booked=done[0] == "(" and not more["dry_run"])
    assert seen[: len(seen) // 2] == seen[len(seen) // 2 :]
    return done


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_booked_and_refused(both, seed):
    rng = random.Random(seed)
    drawn = Drawn(rng)
    for ledger in both:
        drawn.begin(ledger)
    kinds = Counter()
    for _ in range(COMMITS):
        done = commit(both, drawn, rng)
        kinds[done[0]] += 1
        name, at = rng.choice(drawn.orders), START + timedelta(hours=rng.randint(1, 20))
        held = told(both, "claim", name, "you", at, START)
        told(both, "prolong", name, rng.choice(("me", "you")), at)
        if held == "True":
            told(both, "attempted", name, at, rng.choice((None, "no")))
        told(both, "release", name, rng.choice(("me", "you")))
    assert kinds["("] >= COMMITS // 10  # many were booked, and many were not
    assert kinds["Refused"] >= COMMITS // 10
    assert books(both[0]) == books(both[1])
    assert [verify(ledger).problem for ledger in both] == [None, None]
