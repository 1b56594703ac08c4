"""Reading the ledger: every question the other rooms ask, on one consistent snapshot."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, Table, and_, func, or_, select

from .. import times
from ..errors import NotFound, Refused
from ..ranges.lifecycle import Standing, State
from ..ranges.receipts import Account
from ..ranges.serials import Range, Ranges, join
from ..ranges.tiling import Tile
from . import _exports, _outbox, _places, _receipts, _tables, _tiles, chain
from . import _sql as rows
from .chain import Event
from .records import (
    BatchRow,
    ContactRow,
    HomeRow,
    KeyRow,
    OrderRow,
    PackageRow,
    ReceiptRow,
    UnitRow,
)

R = TypeVar("R")
_KEYS, _CONTACTS = "see: mintmark key list", "see: mintmark contact list"
_BATCHES, _PACKAGES = "see: mintmark batch list", "see: mintmark package list"


class View:
    """One snapshot. Unknown ids raise `NotFound`; ids are taken as they are, not folded."""

    def __init__(self, connection: Connection) -> None:
        # For this package alone: others ask questions.
        self.connection = connection

    # --- roster, contacts, batches ---

    def home(self) -> HomeRow:
        """Whose books these are."""
        row = self._first(select(_tables.homes))
        if row is None:
            raise NotFound("this ledger has no home")
        return _make(HomeRow, row)

    def key(self, key_id: str) -> KeyRow:
        """A key of the roster, also a revoked one."""
        return _make(KeyRow, self._find(_tables.keys, "key_id", key_id, _KEYS))

    def roster(self, kind: str | None = None) -> tuple[KeyRow, ...]:
        """The roster, revoked keys included: station, line or custodian, or all."""
        k = _tables.keys.c
        query = select(_tables.keys).order_by(k.added_at, k.key_id)
        return self._all(KeyRow, query if kind is None else query.where(k.kind == kind))

    def contact(self, contact: str) -> ContactRow:
        """A contact."""
        return _make(ContactRow, self._find(_tables.contacts, "contact", contact, _CONTACTS))

    def contacts(self) -> tuple[ContactRow, ...]:
        """All contacts, by id."""
        return self._all(ContactRow, select(_tables.contacts).order_by(_tables.contacts.c.contact))

    def batch(self, batch: str) -> BatchRow:
        """A batch."""
        return _make(BatchRow, self._find(_tables.batches, "batch", batch, _BATCHES))

    def batches(self) -> tuple[BatchRow, ...]:
        """All batches, oldest first."""
        return self._all(BatchRow, select(_tables.batches).order_by(_tables.batches.c.seq))

    def batch_by_ref(self, ref: str) -> BatchRow | None:
        """The batch minted under the caller's own reference, if there is one."""
        row = self._first(select(_tables.batches).where(_tables.batches.c.ref == ref))
        return None if row is None else _make(BatchRow, row)

    def issued(self, symbols: str, length: int) -> int:
        """Codes ever minted with this alphabet and length."""
        b = _tables.batches.c
        return self._sum(select(func.sum(b.quantity)).where(
            b.alphabet == symbols, b.length == length
        ))  # fmt: skip

    def issued_total(self) -> int:
        """Codes ever minted."""
        return self._sum(select(func.sum(_tables.batches.c.quantity)))

    # --- where codes stand ---

    def tiles(self, batch: str, after: int = 0, limit: int = 1000) -> list[Tile[Standing]]:
        """The first `limit` tiles that begin after serial `after`; go on after the last."""
        t = _tables.tiles.c
        self.batch(batch)
        query = select(*_tiles.tile_columns).where(t.batch == batch, t.first > after)
        found = self.connection.execute(query.order_by(t.first).limit(limit))
        return [_tiles.from_row(row) for row in found]

    def select(self, batch: str, ranges: Ranges) -> Iterator[Tile[Standing]]:
        """The tiles of ascending, disjoint `ranges`, cut to them. Read as it is consumed."""
        return rows.inside(self.connection, batch, ranges).read(ranges)

    def at(self, batch: str, serial: int) -> Standing:
        """Where one code stands."""
        (tile,) = self.select(batch, (Range(serial, serial),))
        return tile.value

    def places(
        self, batch: str, serials: Sequence[int]
    ) -> Iterator[tuple[int, Standing, str | None]]:
        """(serial, where it stands, its unit if it was packaged), in any order; read as consumed.

        `serials` lie in the batch.
        """
        return _places.read(self.connection, batch, serials)

    def counts(self, batch: str) -> dict[State, int]:
        """Codes in each state; their sum is the quantity."""
        self.batch(batch)
        codes = _tiles.counters(self.connection, batch)
        return {state: codes[state] for state in State}

    def reserved(self, batch: str) -> int:
        """How many of the sealed codes an export under way holds."""
        self.batch(batch)
        return _tiles.counters(self.connection, batch)[_tiles.RESERVED]

    def first_sealed(self, batch: str, n: int) -> Ranges:
        """The first `n` codes that are sealed and not reserved. Raises `Refused` if fewer."""
        free = self.counts(batch)[State.SEALED] - self.reserved(batch)
        if n > free:
            raise Refused(
                f"batch {batch} has {free} sealed codes left, not {n}",
                f"see where every code stands: mintmark batch show {batch}",
            )
        t = _tables.tiles.c
        query = (
            select(t.first, t.last)
            .where(t.batch == batch, t.state == State.SEALED.value, t.package.is_(None))
            .order_by(t.first)
            .execution_options(yield_per=1_000)
        )
        found: list[Range] = []
        for first, last in self.connection.execute(query):
            if n <= 0:
                break
            found.append(Range(first, min(last, first + n - 1)))
            n -= len(found[-1])
        return join(found)

    # --- packages ---

    def package(self, package: str) -> PackageRow:
        """A package."""
        return _package(self._find(_tables.packages, "package", package, _PACKAGES))

    def packages(self, batch: str | None = None) -> tuple[PackageRow, ...]:
        """Packages, oldest first; those of one batch, or all."""
        p = _tables.packages.c
        query = select(_tables.packages).order_by(p.seq)
        if batch is not None:
            self.batch(batch)
            query = query.where(p.batch == batch)
        return tuple(_package(row) for row in self.connection.execute(query))

    def open_exports(self) -> tuple[PackageRow, ...]:
        """Exports begun and not ended: under way now, or cut short by a crash."""
        p = _tables.packages.c
        query = select(_tables.packages).where(p.status == "begun").order_by(p.seq)
        return tuple(_package(row) for row in self.connection.execute(query))

    def units(self, package: str) -> tuple[UnitRow, ...]:
        """The units of a package, by serial."""
        self.package(package)
        u = _tables.units.c
        return tuple(
            map(_unit, self._all_rows(_units().where(u.package == package).order_by(u.first)))
        )

    def unit(self, unit: str, package: str | None = None) -> UnitRow:
        """The unit with this id. Raises `Refused` if several packages have one."""
        u = _tables.units.c
        query = _units().where(u.unit == unit)
        found = self._all_rows(query if package is None else query.where(u.package == package))
        if not found:
            raise NotFound(f"no unit {unit[:60]!r} in this ledger", "see: mintmark package show")
        if len(found) > 1:
            raise Refused(f"{len(found)} packages have a unit {unit}", "name the package too")
        return _unit(found[0])

    def unit_at(self, batch: str, serial: int) -> UnitRow | None:
        """The unit that holds a code, if it was packaged."""
        package = self.at(batch, serial).package
        u = _tables.units.c
        query = _units().where(u.package == package, u.first <= serial, u.last >= serial)
        row = self._first(query.order_by(u.first.desc()).limit(1))
        return None if row is None else _unit(row)

    # --- receipts, reprints, replacements ---

    def account(self, package: str) -> Account:
        """All that a package's receipts tell. Raises `Refused` where none is taken any more."""
        _receipts.open_package(self.connection, package)
        return _receipts.account(self.connection, package)

    def told(self, package: str) -> dict[tuple[str, str], int]:
        """(unit, "printed" or "spoiled") → codes told; what was told nothing of is missing."""
        return _receipts.by_unit(self.connection, package)

    def receipts(self, package: str) -> tuple[ReceiptRow, ...]:
        """The receipts of a package, in order."""
        self.package(package)
        r = _tables.receipts.c
        found = self._all_rows(select(_tables.receipts).where(r.package == package).order_by(r.seq))
        return tuple(_make(ReceiptRow, row, final=bool(row.final)) for row in found)

    def without_receipt(self, batch: str) -> dict[str, int]:
        """Package → codes that no receipt has told of yet, where there are any."""
        return _receipts.without_receipt(self.connection, batch)

    def unreceipted(self, batch: str, where: Ranges) -> Ranges:
        """The serials of `where` that are not void and that no receipt tells to be printed."""
        return _receipts.unreceipted(self.connection, batch, where)

    def reprintable(self, package: str) -> tuple[Ranges, Ranges]:
        """What a reprint of `package` holds, and its void codes. Raises `Refused`."""
        return _exports.reprintable(self.connection, package)

    def shortfall(self, package: str) -> int:
        """How many codes of a package are spoiled or void and not yet replaced."""
        return _exports.shortfall(self.connection, package)

    # --- orders ---

    def order(self, order: str) -> OrderRow:
        """An order."""
        return _outbox.order(self.connection, order)

    def has_order(self, order: str) -> bool:
        """Whether an order of that id is booked."""
        return _outbox.find(self.connection, order) is not None

    def orders(
        self, batch: str | None = None, status: str | None = None, after: str = "", limit: int = 100
    ) -> tuple[OrderRow, ...]:
        """Orders, oldest first, from the one that follows order `after`."""
        if batch is not None:
            self.batch(batch)
        return _outbox.orders(self.connection, batch, status, after, limit)

    def queued(self, batch: str | None = None) -> int:
        """How many orders wait for the backend; those of one batch, or all."""
        o = _tables.orders.c
        query = select(func.count()).where(o.status == "queued")
        return self._sum(query if batch is None else query.where(o.batch == batch))

    def last_order(self, batch: str) -> int:
        """The number of the last event that ordered something of `batch`; 0 without one."""
        o = _tables.orders.c
        return self._sum(select(func.max(o.seq)).where(o.batch == batch))

    def waiting(self, batch: str) -> tuple[int, int]:
        """Codes under an unacknowledged order, and codes under a refused one.

        A code that several such orders name counts once. A refused order stays in the
        second number: only reconciling with the backend heals it.
        """
        self.batch(batch)
        return tuple(_outbox.codes(self.connection, batch, s) for s in ("queued", "refused"))  # type: ignore[return-value]

    def due(self, now: datetime, limit: int) -> tuple[OrderRow, ...]:
        """The oldest queued order of each batch, where it may be tried now.

        First in, first out per batch: while the oldest waits for its next attempt or is
        held by another process, no later order of that batch is due.
        """
        return _outbox.due(self.connection, now, limit)

    # --- the chain ---

    def events(self, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        """Events with a number above `after`, in order."""
        e = _tables.events.c
        query = select(_tables.events).where(e.seq > after).order_by(e.seq).limit(limit)
        return self._all(Event, query)

    def incidents(self, kind: str, after: int = 0) -> tuple[Event, ...]:
        """The incidents of that kind with a number above `after`, in order."""
        e = _tables.events.c
        ours = func.json_extract(e.body, "$.kind") == kind
        query = select(_tables.events).where(e.type == "Incident", e.seq > after, ours)
        return self._all(Event, query.order_by(e.seq))

    def troubles(self, after: int, limit: int = 1000) -> tuple[Event, ...]:
        """Incidents and refusals of the backend with a number above `after`, in order."""
        e = _tables.events.c
        status = func.json_extract(e.body, "$.status")
        ours = or_(e.type == "Incident", and_(e.type == "Settled", status == "refused"))
        query = select(_tables.events).where(e.seq > after, ours)
        return self._all(Event, query.order_by(e.seq).limit(limit))

    def between(self, start: datetime, end: datetime) -> Iterator[Event]:
        """Events from `start` on and before `end`, by their times; read as it is consumed."""
        e = _tables.events.c
        query = select(_tables.events).where(
            e.at >= times.format_utc(start),
            e.at < times.format_utc(end),
        )
        query = query.order_by(e.at, e.seq).execution_options(yield_per=1_000)
        return (_make(Event, row) for row in self.connection.execute(query))

    def head(self) -> tuple[int, str]:
        """Number and hash of the last event."""
        e = _tables.events.c
        row = self._first(select(e.seq, e.hash).order_by(e.seq.desc()).limit(1))
        return (0, chain.GENESIS) if row is None else (row.seq, row.hash)

    # --- rows ---

    def _first(self, query: Select[Any]) -> Row[Any] | None:
        return self.connection.execute(query).first()

    def _find(self, table: Table, name: str, value: str, hint: str) -> Row[Any]:
        row: Row[Any] = rows.find(self.connection, table, name, value, hint)
        return row

    def _all_rows(self, query: Select[Any]) -> list[Row[Any]]:
        return list(self.connection.execute(query))

    def _all(self, kind: type[R], query: Select[Any]) -> tuple[R, ...]:
        return tuple(_make(kind, row) for row in self.connection.execute(query))

    def _sum(self, query: Select[Any]) -> int:
        return int(self.connection.scalar(query) or 0)


def _make(kind: type[R], row: Row[Any], **more: object) -> R:
    """A row as `kind`; columns ending in `_at` become times."""
    values = {
        item.name: _time(row._mapping[item.name])  # noqa: SLF001 - SQLAlchemy's public name
        if item.name.endswith("_at")
        else row._mapping[item.name]  # noqa: SLF001
        for item in _fields(kind)
        if item.name not in more
    }
    return kind(**values, **more)


def _fields(kind: Any) -> Iterable[Any]:  # noqa: ANN401 - a dataclass
    return fields(kind)


def _time(text: str | None) -> datetime | None:
    return None if text is None else times.parse_utc(text)


def _package(row: Row[Any]) -> PackageRow:
    return _make(PackageRow, row, serials=rows.from_text(row.serials))


def _unit(row: Row[Any]) -> UnitRow:
    return _make(UnitRow, row, counted=bool(row.counted))


def _units() -> Select[Any]:
    return select(_tables.units, _tables.packages.c.batch).join(_tables.packages)
