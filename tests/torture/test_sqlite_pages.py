"""All that is read of a SQLite file lies where `used` says, and little else does."""

import contextlib
import itertools
import sqlite3

from torture.sqlite_pages import used


def made(path):
    """Tables with inner pages, long rows, and pages that became free."""
    with contextlib.closing(sqlite3.connect(path)) as books, books:
        books.execute("CREATE TABLE a (name TEXT PRIMARY KEY, text TEXT)")
        books.execute("CREATE TABLE b (x INTEGER, y TEXT, PRIMARY KEY (x, y)) WITHOUT ROWID")
        rows = [(f"{n:04}-{'k' * (n % 5 * 400)}", "v" * (n % 7 * 1_500)) for n in range(400)]
        books.executemany("INSERT INTO a VALUES (?, ?)", rows)
        books.executemany("INSERT INTO b VALUES (?, ?)", ((n, "y" * n) for n in range(600)))
        books.execute("DELETE FROM a WHERE rowid % 3 = 0")


def dumped(path):
    with contextlib.closing(sqlite3.connect(path)) as books:
        indexed = books.execute("SELECT name FROM a INDEXED BY sqlite_autoindex_a_1 ORDER BY name")
        return [*books.iterdump(), *indexed]


def test_what_is_not_used_can_be_anything(tmp_path):
    path = tmp_path / "books.db"
    made(path)
    before, old = dumped(path), path.read_bytes()
    new = bytearray(b"\xa5" * len(old))
    for _, start, stop in used(path):
        new[start:stop] = old[start:stop]
    assert len(old) - sum(a == b for a, b in zip(old, new, strict=True)) > 100_000
    path.write_bytes(new)
    assert dumped(path) == before


def test_ranges_do_not_overlap(tmp_path):
    path = tmp_path / "books.db"
    made(path)
    ranges = sorted((start, stop) for _, start, stop in used(path))
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(ranges))
