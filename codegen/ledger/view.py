"""Reading the ledger: every query of the other rooms, on a consistent snapshot."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Row, Select, Table, func, select

from ..errors import NotFound
from ..ranges.lifecycle import Standing, State
from ..ranges.receipts import Account
from ..ranges.serials import Range, Ranges, intersect
from ..ranges.tiling import Tile
from . import (
    _agreed,
    _balance,
    _code_facts,
    _events,
    _exports,
    _objects,
    _outbox,
    _packages,
    _places,
    _receipts,
    _replacements,
    _sql,
    _tables,
    _two_batches,
    database,
)
from ._facts import FactsView
from ._from_row import make
from ._prepared import Prepared
from ._tile_rows import COLUMNS, from_row
from ._words import total
from .chain import Event
from .changes import StoredObject
from .records import (
    Activation,
    BatchRow,
    CodeForm,
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
_BATCHES = "see: mintmark batch list"
_b = _tables.batches.c
_FORMS = Prepared(lambda: select(_b.alphabet, _b.length, _b.canonical, _b.batch))


class View(FactsView):
    """One snapshot. Unknown ids raise `NotFound`; ids are taken as they are, not folded."""

    # --- roster, contacts, batches ---

    def home(self) -> HomeRow:
        """The home that these books belong to."""
        row = self._first(select(_tables.homes))
        if row is None:
            raise NotFound("this ledger has no home")
        return make(HomeRow, row)

    def key(self, key_id: str) -> KeyRow:
        """A key of the roster, revoked or not."""
        return _key(self._find(_tables.keys, "key_id", key_id, _KEYS))

    def roster(self, kind: str | None = None) -> tuple[KeyRow, ...]:
        """The keys of that kind (see `KeyAdded`), or all; revoked keys included."""
        k = _tables.keys.c
        query = select(_tables.keys).order_by(k.added_at, k.key_id)
        found = self.connection.execute(query if kind is None else query.where(k.kind == kind))
        return tuple(map(_key, found))

    def contact(self, contact: str) -> ContactRow:
        """A contact."""
        return make(ContactRow, self._find(_tables.contacts, "contact", contact, _CONTACTS))

    def contacts(self) -> tuple[ContactRow, ...]:
        """All contacts, by id."""
        return self._all(ContactRow, select(_tables.contacts).order_by(_tables.contacts.c.contact))

    def batch(self, batch: str) -> BatchRow:
        """A batch."""
        return make(BatchRow, self._find(_tables.batches, "batch", batch, _BATCHES))

    def batches(self) -> tuple[BatchRow, ...]:
        """All batches, oldest first."""
        return self._all(BatchRow, select(_tables.batches).order_by(_tables.batches.c.seq))

    def batches_by_form(self) -> dict[CodeForm, list[str]]:
        """What codes of this home look like → the ids of the batches that have such codes."""
        found: dict[CodeForm, list[str]] = {}
        for *form, batch in _FORMS.all(self.connection):
            found.setdefault(CodeForm(*form), []).append(batch)
        return found

    def batch_by_ref(self, ref: str) -> BatchRow | None:
        """The batch minted under the caller's own reference, or None."""
        row = _agreed.row(self.connection, _tables.batches, "ref", ref)
        return None if row is None else make(BatchRow, row)

    def minted_by(self, batch: str) -> int:
        """The number of the event that minted `batch`."""
        self.batch(batch)
        b = _tables.batches.c
        return self._sum(select(b.seq).where(b.batch == batch))

    def objects(self, batch: str) -> dict[str, StoredObject]:
        """Part → the object of the vault's store that holds it; none in a folder of the home."""
        return _objects.of_batch(self.connection, batch)

    def holds_objects(self, keys: Sequence[str]) -> set[str]:
        """Those of `keys` that a batch names; a few hundred at a time."""
        return _objects.named(self.connection, keys)

    def clock(self) -> datetime | None:
        """What the time is for a database that is shared, now; None for a file."""
        return database.clock_of(self.connection)

    def issued(self, symbols: str, length: int) -> int:
        """Codes ever minted with this alphabet and length."""
        b = _tables.batches.c
        return self._sum(select(total(b.quantity)).where(
            b.alphabet == symbols, b.length == length
        ))  # fmt: skip

    def issued_of_length(self, length: int) -> int:
        """Codes ever minted of this length, in any alphabet."""
        b = _tables.batches.c
        return self._sum(select(total(b.quantity)).where(b.length == length))

    def issued_total(self) -> int:
        """Codes ever minted."""
        return self._sum(select(total(_tables.batches.c.quantity)))

    # --- standings ---

    def tiles(self, batch: str, after: int = 0, limit: int = 1000) -> list[Tile[Standing]]:
        """The first `limit` tiles that begin after serial `after`; go on after the last tile."""
        t = _tables.tiles.c
        self.batch(batch)
        query = select(*COLUMNS).where(t.batch == batch, t.first > after)
        found = self.connection.execute(query.order_by(t.first).limit(limit))
        return [from_row(row) for row in found]

    def select(self, batch: str, ranges: Ranges) -> Iterator[Tile[Standing]]:
        """The tiles of ascending, disjoint `ranges`, cut to them. Read as it is consumed."""
        return _sql.book_of(self.connection, batch, ranges).read(ranges)

    def at(self, batch: str, serial: int) -> Standing:
        """The standing of a code."""
        for tile in self.select(batch, (Range(serial, serial),)):
            return tile.value
        raise _balance.damaged(batch)

    def places(
        self, batch: str, serials: Sequence[int]
    ) -> Iterator[tuple[int, Standing, str | None]]:
        """(serial, its standing, its unit if it was packaged), in any order; read as consumed.

        `serials` lie in the batch.
        """
        return _places.read(self.connection, batch, serials)

    def activations(self, batch: str, serials: Sequence[int]) -> dict[int, Activation]:
        """Serial → the last order that activated it, for those of `serials` that one did."""
        return _code_facts.activations(self.connection, batch, serials)

    def outcomes(self, package: str, serials: Sequence[int]) -> dict[int, str]:
        """Serial → `printed` or `spoiled`, for those of `serials` that a receipt names."""
        return _code_facts.outcomes(self.connection, package, serials)

    def counts(self, batch: str) -> dict[State, int]:
        """Codes in each state; their sum is the quantity."""
        codes = _balance.counters(self.connection, batch, self.batch(batch).quantity)
        return {state: codes[state] for state in State}

    def reserved(self, batch: str) -> int:
        """How many of the sealed codes are held by an export under way."""
        return _balance.counters(self.connection, batch, self.batch(batch).quantity)[
            _balance.RESERVED
        ]

    def first_sealed(self, batch: str, n: int, pair: str | None = None) -> Ranges:
        """The first `n` serials that are sealed and not reserved, in the batch `pair` as well.

        Raises `Refused` if there are fewer.
        """
        batches = (batch,) if pair is None else (batch, pair)
        for name in batches:
            self.counts(name)
        return _two_batches.first_free(self.connection, batches, n)

    # --- packages ---

    def package(self, package: str) -> PackageRow:
        """A package."""
        return _packages.package(self.connection, package)

    def packages(self, batch: str | None = None) -> tuple[PackageRow, ...]:
        """Packages, oldest first; those that hold codes of `batch`, or all."""
        if batch is not None:
            self.batch(batch)
        return _packages.packages(self.connection, batch)

    def states_by_package(self) -> dict[str, dict[State, int]]:
        """Package → how many of its codes are in each state, of both batches of a pair."""
        return _packages.states(self.connection)

    def open_exports(self) -> tuple[PackageRow, ...]:
        """Exports begun and not ended: under way now, or cut short by a crash."""
        return _packages.open_exports(self.connection)

    def units(self, package: str) -> tuple[UnitRow, ...]:
        """The units of a package, by serial."""
        self.package(package)
        return _packages.units(self.connection, package)

    def unit(self, unit: str, package: str | None = None) -> UnitRow:
        """The unit with this id. Raises `Refused` if several packages have such a unit."""
        return _packages.unit(self.connection, unit, package)

    def lost_units(self, batch: str, ranges: Ranges) -> tuple[UnitRow, ...]:
        """The units marked lost that hold some of these ascending serials, by serial."""
        found = _packages.lost(self.connection, batch, ranges[0].first, ranges[-1].last)
        return tuple(row for row in found if intersect(ranges, (Range(row.first, row.last),)))

    # --- receipts, reprints, replacements ---

    def account(self, package: str) -> Account:
        """All that a package's receipts report. Raises `Refused` if it takes no more."""
        _receipts.open_package(self.connection, package)
        return _receipts.account(self.connection, package)

    def account_to_correct(self, package: str) -> Account:
        """The same for a correction, which is possible after the final receipt too."""
        _exports.usable(self.connection, package)
        return _receipts.account(self.connection, package)

    def reported(self, package: str) -> dict[tuple[str, str], int]:
        """(unit, "printed", "spoiled" or "reopened") → codes reported, if there are any."""
        return _receipts.by_unit(self.connection, package)

    def receipts(self, package: str) -> tuple[ReceiptRow, ...]:
        """The receipts of a package, in order."""
        self.package(package)
        r = _tables.receipts.c
        query = select(_tables.receipts).where(r.package == package).order_by(r.seq)
        found = self.connection.execute(query)
        return tuple(
            make(ReceiptRow, row, final=bool(row.final), corrects=bool(row.corrects))
            for row in found
        )

    def without_receipt(self, batch: str) -> dict[str, int]:
        """Package → codes that no receipt has reported yet, for packages that have such codes."""
        return _receipts.without_receipt(self.connection, batch)

    def unreceipted(self, batch: str, ranges: Ranges) -> Ranges:
        """The serials of `ranges` that are not void and that no receipt reports as printed."""
        return _receipts.unreceipted(self.connection, batch, ranges)

    def reprintable(self, package: str) -> tuple[Ranges, Ranges]:
        """The codes that a reprint of `package` holds, and its void codes. Raises `Refused`."""
        return _exports.reprintable(self.connection, package)

    def shortfall(self, package: str) -> int:
        """How many codes of a package are spoiled or void and not yet replaced."""
        return max(0, _replacements.balance(self.connection, package))

    def excess(self, package: str) -> int:
        """How many codes of a package were replaced and are good after all."""
        return max(0, -_replacements.balance(self.connection, package))

    # --- orders ---

    def order(self, order: str) -> OrderRow:
        """An order."""
        return _outbox.order(self.connection, order)

    def find_order(self, order: str) -> OrderRow | None:
        """The order of that id, or None."""
        return _outbox.find(self.connection, order)

    def is_booked(self, order: str) -> bool:
        """Whether an order of that id is booked; one that is scheduled for later is not."""
        return _agreed.row_id(self.connection, _tables.orders, "order_id", order) is not None

    def has_order(self, order: str) -> bool:
        """Whether an order has that id: booked, or scheduled, however that ended."""
        return self.is_booked(order) or self.scheduled_order(order) is not None

    def orders(
        self, batch: str | None = None, status: str | None = None, after: str = "", limit: int = 100
    ) -> tuple[OrderRow, ...]:
        """Orders, oldest first, beginning after order `after`; those that name `batch`, or all."""
        if batch is not None:
            self.batch(batch)
        return _outbox.orders(self.connection, batch, status, after, limit)

    def queued(self, batch: str | None = None) -> int:
        """How many orders wait for the backend; those of `batch`, or all."""
        o = _tables.orders.c
        query = select(func.count()).where(o.status == "queued")
        return self._sum(query if batch is None else query.where(_outbox.names(batch)))

    def last_order(self, batch: str) -> int:
        """The number of the last event that ordered something of `batch`, or 0."""
        return _outbox.last(self.connection, batch)

    def oldest_queued(self, batch: str) -> OrderRow | None:
        """The queued order that names `batch` and was booked first."""
        self.batch(batch)
        return _outbox.oldest(self.connection, batch)

    def newest_order(self, batch: str | None, status: str) -> str | None:
        """The order with that status that was booked last, of `batch` or of all."""
        return _outbox.newest(self.connection, batch, status)

    def waiting(self, batch: str) -> tuple[int, int]:
        """Codes of `batch` under an unacknowledged order, and codes under a refused order.

        A code that several such orders name counts once. A refused order stays in the
        second number: only reconciling with the backend settles the difference.
        """
        self.batch(batch)
        return tuple(_outbox.codes(self.connection, batch, s) for s in ("queued", "refused"))  # type: ignore[return-value]

    def due(self, now: datetime, limit: int) -> tuple[OrderRow, ...]:
        """The queued orders that are the oldest of every batch they name, if they may be tried now.

        First in, first out per batch: while the oldest waits for its next attempt or is
        held by another process, no later order that names that batch is due.
        """
        return _outbox.due(self.connection, now, limit)

    # --- the chain ---

    def events(self, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        """Events with a number above `after`, in order."""
        return _events.after(self.connection, after, limit)

    def incidents(self, kind: str, after: int = 0) -> tuple[Event, ...]:
        """The incidents of that kind with a number above `after`, in order."""
        return _events.incidents(self.connection, kind, after)

    def troubles(self, after: int, limit: int = 1000) -> tuple[Event, ...]:
        """Incidents and refusals of the backend with a number above `after`, in order."""
        return _events.troubles(self.connection, after, limit)

    def between(self, start: datetime, end: datetime) -> Iterator[Event]:
        """Events from `start` on and before `end`, by their times; read as it is consumed."""
        return _events.between(self.connection, start, end)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last event; 0 and `chain.GENESIS` if there is none."""
        return _events.head(self.connection)

    def holds(self, head: str) -> bool:
        """Whether `head`, the hash of an event, is in the chain."""
        return _events.holds(self.connection, head)

    def hash_at(self, seq: int) -> str | None:
        """The hash of the event with this number; None if there is none."""
        return _events.hash_at(self.connection, seq)

    # --- rows ---

    def _first(self, query: Select[Any]) -> Row[Any] | None:
        return self.connection.execute(query).first()

    def _find(self, table: Table, name: str, value: str, hint: str) -> Row[Any]:
        row: Row[Any] = _sql.find(self.connection, table, name, value, hint)
        return row

    def _all(self, kind: type[R], query: Select[Any]) -> tuple[R, ...]:
        return tuple(make(kind, row) for row in self.connection.execute(query))

    def _sum(self, query: Select[Any]) -> int:
        return int(self.connection.scalar(query) or 0)


def _key(row: Row[Any]) -> KeyRow:
    return make(KeyRow, row, may=None if row.may is None else tuple(row.may.split()))
