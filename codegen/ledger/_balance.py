"""The balance of a batch: its counters against its quantity, and against its tiles.

A commit checks the tiles it rewrites. What somebody did by hand to other tiles of the batch
shows in the sums alone, so the whole batch is added up before a commit touches it. That is a
read per tile, and a batch of a million fragments cannot pay it with every order. So a commit
reads at most `EACH` tiles, one in two twice as many, one in four four times, and so on: a small
batch is compared with every commit, one of n fragments with about every n/`EACH`-th, and what a
commit pays on average grows with the logarithm of n. The hash of the event before decides: by
number alone, orders that are each settled at once would all be odd, and read no more than `EACH`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, text, update

from ..errors import IntegrityError
from ..ranges import serials
from ..ranges.lifecycle import State
from . import _agreed, _events, _pairs, _tables
from ._prepared import Asked, Prepared, ahead
from .changes import (
    Associated,
    Change,
    ExportAbandoned,
    ExportBegun,
    Ordered,
    Packaged,
    ReceiptCorrected,
    Receipted,
    ScannedIn,
)

RESERVED = "reserved"
INSIDE = "inside"  # codes that lie in another
EACH = 250
_ALL = 1 << 40  # more than there are tiles

_t, _p, _c = _tables.tiles.c, _tables.packages.c, _tables.counters.c
# Added up by SQLite: every carton that is packed pays for this.
_LINKS = Prepared(
    lambda: text("""
    SELECT count(*), coalesce(sum(last - first + 1), 0),
           coalesce(sum(NOT (prior < first AND first <= last AND last <= :quantity)), 0)
    FROM (SELECT first, last, lag(last, 1, 0) OVER (ORDER BY first) AS prior
          FROM (SELECT first, last FROM links WHERE batch = :b ORDER BY first LIMIT :most))
"""),
    postgresql=lambda: text("""
    SELECT count(*), CAST(coalesce(sum(last - first + 1), 0) AS BIGINT),
           count(*) FILTER (WHERE NOT (prior < first AND first <= last AND last <= :quantity))
    FROM (SELECT first, last, coalesce(lag(last) OVER (ORDER BY first), 0) AS prior
          FROM (SELECT first, last FROM links WHERE batch = :b ORDER BY first LIMIT :most) AS read)
         AS following
"""),
)
COUNTERS = Prepared(
    lambda: select(_c.state, _c.codes).where(_c.batch == bindparam("b")), pins={"batch": "b"}
)
_COUNT = Prepared(
    lambda: (
        update(_tables.counters)
        .where(_c.batch == bindparam("b"), _c.state == bindparam("name"))
        .values(codes=bindparam("now"))
    ),
    pins={"batch": "b"},
)
TILES = Prepared(
    lambda: (
        select(_t.first, _t.last, _t.state, _t.package)
        .where(_t.batch == bindparam("b"))
        .order_by(_t.first)
        .limit(bindparam("most"))
    ),
    pins={"batch": "b"},
)
PACKAGES = Prepared(
    lambda: select(_p.package, _p.serials, _p.status, _p.supersedes).where(
        or_(_p.batch == bindparam("b"), _p.pair == bindparam("b"))
    )
)


def damaged(batch: str) -> IntegrityError:
    """The error for tiles or counters that do not add up."""
    return IntegrityError(
        f"the books of batch {batch} do not balance; nothing was changed",
        "see which row was changed: mintmark audit verify",
    )


def counters(connection: Connection, batch: str, quantity: int) -> dict[str, int]:
    """Codes in each state, `RESERVED`, `INSIDE`. Raises `IntegrityError` unless they balance."""
    codes = {row.state: row.codes for row in COUNTERS.all(connection, b=batch)}
    if not balanced(codes, quantity):
        raise damaged(batch)
    return codes


def balanced(codes: dict[str, int], quantity: int) -> bool:
    """Whether these counters hold every code exactly once."""
    if set(codes) != {*State, RESERVED, INSIDE} or min(codes.values()) < 0:
        return False
    reserved, inside = codes[RESERVED], codes[INSIDE]
    whole = sum(codes[state] for state in State) == quantity
    return whole and reserved <= codes[State.SEALED] and inside <= quantity


def move(connection: Connection, batch: str, quantity: int, moved: Mapping[str, int]) -> None:
    """Book `moved`, counter → codes. Raises `IntegrityError` unless they balance afterwards."""
    codes = counters(connection, batch, quantity)
    for name, change in moved.items():
        codes[name] += change
    if not balanced(codes, quantity):
        raise damaged(batch)
    for name, change in moved.items():
        if change:
            _COUNT.run(connection, {"b": batch, "name": name, "now": codes[name]})


def questions(batch: str) -> Iterator[Asked]:
    """What comparing `batch` asks."""
    yield _agreed.bearing(_tables.batches, "batch"), {"value": batch}
    yield COUNTERS, {"b": batch}
    yield TILES, {"b": batch, "most": EACH + 1}
    yield PACKAGES, {"b": batch}


def check_all(connection: Connection, changes: tuple[Change, ...]) -> None:
    """`check` each batch that `changes` touch, and the links of those that they associate."""
    batches = {change.batch for change in changes if isinstance(change, Ordered | ExportBegun)}
    linked: set[str] = set()
    for change in changes:
        if isinstance(change, ExportBegun) and change.pair is not None:
            batches.add(change.pair)
        if isinstance(change, Associated):
            linked.update(part.batch for part in change.parts)
        if isinstance(change, ScannedIn):
            batches.update(part.batch for part in change.parts)
        if isinstance(change, Packaged | ExportAbandoned | Receipted | ReceiptCorrected):
            row = _agreed.row(connection, _tables.packages, "package", change.package)
            batches |= set() if row is None else {row.batch, row.pair or row.batch}
    if batches | linked:
        ahead(connection, (each for batch in batches | linked for each in questions(batch)))
        _, before = _events.head(connection)
        ahead(connection, _about_links(connection, linked, _limit(before)))
        for batch in sorted(batches | linked):
            row = _agreed.row(connection, _tables.batches, "batch", batch)
            if row is None:
                continue  # a batch that is not there passes
            codes = counters(connection, batch, row.quantity)
            _check_tiles(connection, batch, row.quantity, codes, _limit(before))
            if batch in linked:
                _check_links(connection, batch, row.quantity, codes[INSIDE], _limit(before))


def _about_links(connection: Connection, linked: set[str], limit: int) -> Iterator[Asked]:
    """What comparing the links of these batches asks, once their rows are known."""
    for batch in linked:
        row = _agreed.row(connection, _tables.batches, "batch", batch)
        if row is not None:
            yield _LINKS, {"b": batch, "most": limit + 1, "quantity": row.quantity}


def _limit(before: str) -> int:
    """How many tiles a commit reads after the event with the hash `before`."""
    lot = int(before, 16) | _ALL
    return EACH * (lot & -lot)


def _check_tiles(
    connection: Connection, batch: str, quantity: int, codes: Mapping[str, int], limit: int
) -> None:
    """Raises `IntegrityError` if the sums of `batch` and its first tiles contradict each other.

    With more than `limit` tiles only these are looked at.
    """
    sums = _Sums()
    for tile in _first(connection, batch, limit + 1):
        sums.tiles += 1
        if not sums.add(*tile):
            raise damaged(batch)
    if sums.tiles > limit:
        return
    tiled = (*State, RESERVED)
    if sums.last != quantity or any(sums.codes[name] != codes[name] for name in tiled):
        raise damaged(batch)
    if sums.held != _held(connection, batch):
        raise damaged(batch)


def _first(connection: Connection, batch: str, most: int) -> list[Any]:
    """The first tiles of `batch`. If fewer than `EACH` were foreseen, these are all there are."""
    foreseen = TILES.known(connection, b=batch, most=EACH + 1)
    if foreseen is not None and len(foreseen) <= EACH:
        return foreseen
    return TILES.all(connection, b=batch, most=most)


def _check_links(
    connection: Connection, batch: str, quantity: int, inside: int, limit: int
) -> None:
    """Raises `IntegrityError` if the first `limit` links of `batch` overlap, or all miscount."""
    ((links, codes, wrong),) = _LINKS.raw(connection, b=batch, most=limit + 1, quantity=quantity)
    if wrong or ((codes > inside) if links > limit else (codes != inside)):
        raise damaged(batch)


@dataclass
class _Sums:
    tiles: int = 0
    last: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)

    def add(self, first: int, last: int, state: str, package: str | None) -> bool:
        """Whether this tile begins where the tile before it ended."""
        if first != self.last + 1 or last < first:
            return False
        self.last = last
        self.codes[state] += last - first + 1
        if package is not None:
            self.held[package] += last - first + 1
            if state == State.SEALED:
                self.codes[RESERVED] += last - first + 1
        return True


def _held(connection: Connection, batch: str) -> Counter[str]:
    """Package → the codes of `batch` that bear its name, as the packages have it.

    A reprint that ended took its codes over from the package before; one under way has none.
    """
    held: Counter[str] = Counter()
    for package, held_by, status, supersedes in PACKAGES.all(connection, b=batch):
        if status == "abandoned" or (status == "begun" and supersedes is not None):
            continue
        codes = serials.count(_pairs.from_text(held_by))
        held[package] += codes
        if supersedes is not None:
            held[supersedes] -= codes
    return held
