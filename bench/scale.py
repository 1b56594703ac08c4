# ruff: noqa: S608 - of names and numbers of our own alone
"""A scan at the backend with many batches and many live fingerprints, on PostgreSQL.

    python bench/scale.py [FINGERPRINTS] [BATCHES] [SCANS]

Two databases are filled directly: one with FINGERPRINTS live in BATCHES batches of their own
attributes, the peer with a million (a tenth, if that is less) in a single batch. Then groups of 16
scans of random codes are counted in process, in turns with the peer. What is not measured: HTTP,
which knows nothing of the size.
"""

import contextlib
import hashlib
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg
from sqlalchemy import URL

from mintmark.activation.backend.database import postgresql_url
from mintmark.activation.backend.scanned_code import ScanRequest
from mintmark.activation.backend.store import Store

GROUP, PEER, TARGET = 16, 1_000_000, 1.5
# A fingerprint is as random as an HMAC, and known from its number.
PRINT = "decode(md5(({number})::text), 'hex')"
STANDING = (
    '{{"attributes": {{"lot": "\\"L{number}\\""}}, "back": null, "reason": null,'
    ' "state": "active"}}'
)
TABLES = ("fingerprints", "batches", "tiles", "standings")


def fill(named: str, codes: int, batches: int, lots: int) -> None:
    """Fill a new database: `codes` active in `batches`, which share `lots` standings."""
    each = codes // batches
    if codes % batches:
        sys.exit("FINGERPRINTS must be a multiple of BATCHES")
    texts = STANDING.format(number="' || n || '")
    with psycopg.connect(named, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO batches SELECT n, 'BNCH-' || n, 'BNCH-000000000000', 'AB', 16,"
            f" 'crockford32', {each}, 'hmac-sha256-128', 'key', 'item', NULL, 1"
            f" FROM generate_series(1, {batches}) n"
        )
        connection.execute(
            f"INSERT INTO standings SELECT n, 'active', '{texts}' FROM generate_series(1, {lots}) n"
        )
        connection.execute(
            f"INSERT INTO tiles SELECT n, 1, {each}, 1 + n % {lots}"
            f" FROM generate_series(1, {batches}) n"
        )
        connection.execute("INSERT INTO rules VALUES ('crockford32', 16)")
        # The index is built once they are there: filling is not what is measured.
        connection.execute("ALTER TABLE fingerprints DROP CONSTRAINT fingerprints_pkey")
        connection.execute(
            f"INSERT INTO fingerprints SELECT {PRINT.format(number='n')},"
            f" 1 + n / {each}, 1 + n % {each} FROM generate_series(0, {codes - 1}) n"
        )
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("ALTER TABLE fingerprints ADD PRIMARY KEY (fingerprint)")
        for table in TABLES:
            connection.execute(f"VACUUM ANALYZE {table}")
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    print(
        f"{codes:>12,} in {batches:>9,} batches, {size[0] / 1e9 if size else 0:.1f} GB", flush=True
    )


def read_whole(named: str) -> set[tuple[str, int]]:
    """How often each of the long tables was read from end to end by connections that ended."""
    with psycopg.connect(named) as connection:
        query = (
            "SELECT relname, seq_scan FROM pg_stat_user_tables"
            " WHERE regexp_replace(relname, '_p[0-9]+$', '') = ANY(%s)"
        )
        return set(connection.execute(query, ([*TABLES, "scans"],)).fetchall())


class Phones:
    """Scans random codes of a database."""

    def __init__(self, url: URL, codes: int) -> None:
        self._store, self._codes = Store(url), codes
        self._dice = random.Random(1)

    def milliseconds(self) -> float:
        """How long a group takes."""
        numbers = [self._dice.randrange(self._codes) for _ in range(GROUP)]
        scans = [ScanRequest([fingerprint(n)], f"{self._dice.getrandbits(64):x}") for n in numbers]
        start = time.perf_counter()
        self._store.rules()
        answers = self._store.scans(scans, datetime.now(UTC))
        took = (time.perf_counter() - start) * 1_000
        if {answer.result for answer in answers} - {"genuine", "repeat"}:
            sys.exit("a code was not found")
        return took

    def close(self) -> None:
        """Close the books."""
        self._store.close()


def fingerprint(number: int) -> bytes:
    """The fingerprint of a code."""
    return hashlib.md5(str(number).encode("ascii"), usedforsecurity=False).digest()


def main() -> None:
    """Print the table."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import postgres_kit

    codes, batches, scans = (
        int(sys.argv[at]) if len(sys.argv) > at else usual
        for at, usual in ((1, 100_000_000), (2, 1_000_000), (3, 4_000))
    )
    cluster = postgres_kit.cluster(durable=True)
    with contextlib.ExitStack() as stack:
        phones, first = [], ""
        for size, number in ((codes, batches), (min(PEER, codes // 10), 1)):
            named = cluster.database()
            Store(postgresql_url(named)).close()
            fill(named, size, number, min(number, 10_000))
            first = first or named
            phones.append(Phones(postgresql_url(named), size))
            stack.callback(phones[-1].close)
        before = read_whole(first)
        rounds = [[one.milliseconds() for one in phones] for _ in range(scans // GROUP)]
    read = sorted({name for name, _ in read_whole(first) - before})
    warm = rounds[len(rounds) // 4 :]
    large, small = (median(column) for column in zip(*warm, strict=True))
    print(f"read from end to end while scanning: {', '.join(read) or 'no table'}")
    print(f"a group of {GROUP} scans: {large:.2f} ms, of the peer {small:.2f} ms")
    print(f"{large / small:.2f} times as long; target <= {TARGET}")


if __name__ == "__main__":
    main()
