"""Faults of registering, uploading, and of the list of unknown scans."""

from dataclasses import replace

from broken.site import fault, named
from sqlalchemy import delete, select, update

from mintmark.activation.backend import batch_page, chunks, scan_notes, store, tables, tile_store
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.activation.client import wire


@fault
class RegistersOver(Store):
    """Begins a batch anew when it is registered again: all of it is inactive."""

    def register(self, batch, now):
        super().register(batch, now)
        with self._database.write() as connection:
            number = store._known(connection, batch.batch).number
            connection.execute(delete(tables.tiles).where(tables.tiles.c.batch == number))
            tile_store.begin(connection, number, batch.quantity)


def _comparing(name, says, *same):
    class Comparing(Store):
        def register(self, batch, now):
            with self._database.read() as connection:
                row = store._row(connection, batch.batch)
                known = batch_page.info(row) if row else batch
            super().register(replace(batch, **{key: getattr(known, key) for key in same}), now)

    return named(Comparing, name, says)


role_not_compared = _comparing(
    "role_not_compared", "Takes a batch with another role for the same.", "role"
)
home_not_compared = _comparing(
    "home_not_compared", "Takes a batch of another home for the same.", "home"
)


@fault
def live_not_compared(site):
    """Answers 204 to other bytes for serials that are live."""
    site.patch.setattr(chunks, "_check_live", lambda *_: None)


@fault
class KeepsHalf(Store):
    """Keeps the beginning of an upload that it refuses."""

    def upload(self, batch, first, data, now):
        try:
            super().upload(batch, first, data, now)
        except Problem as problem:
            if problem.name == "fingerprints-differ" and len(data) > 16:
                self.upload(batch, first, data[: len(data) // 32 * 16], now)
            raise


@fault
class SamePortions(Store):
    """Takes the same fingerprints again in the same portions only."""

    def upload(self, batch, first, data, now):
        with self._database.read() as connection:
            row, table = store._row(connection, batch), tables.pending
            last = first + len(data) // 16 - 1
            if row is not None and len(data) >= 16:
                own = (table.c.batch == row.number) & (table.c.first <= last)
                query = select(table.c.first, table.c.last).where(own, table.c.last >= first)
                found = connection.execute(query).all()
                if found and [tuple(item) for item in found] != [(first, last)]:
                    raise Problem("fingerprints-differ", "")
        super().upload(batch, first, data, now)


@fault
class TakesAllOfAChunk(Store):
    """Forgets the rest of an upload once an activation took some of it."""

    def _applied(self, connection, row, order, now):
        answer = super()._applied(connection, row, order, now)
        if isinstance(answer, wire.OrderAnswer) and order.action.value == "activate":
            table = tables.pending
            for piece in order.serials:
                own = (table.c.batch == row.number) & (table.c.first <= piece.last)
                connection.execute(delete(table).where(own, table.c.last >= piece.first))
        return answer


@fault
def rows_move(site):
    """Moves the row of an unknown code to the end when it is scanned again."""
    note = scan_notes._unknown

    def moving(connection, fingerprint, at):
        table = tables.unknown_scans
        row = connection.execute(select(table).where(table.c.fingerprint == fingerprint)).first()
        if row is not None:
            connection.execute(delete(table).where(table.c.id == row.id))
        made = note(connection, fingerprint, at)
        if row is not None:
            again = {"first": row.first, "times": row.times + 1}
            own = table.c.fingerprint == fingerprint
            connection.execute(update(table).where(own).values(again))
        return made

    site.patch.setattr(scan_notes, "_unknown", moving)


def _listing(name, says, change):
    """A fault of the list of unknown scans: `change(page, after, read)`."""

    class Listing(Store):
        def unknown(self, after, now):
            page = super().unknown(after, now)
            return change(page, after, lambda cursor: super(Listing, self).unknown(cursor, now))

    return named(Listing, name, says)


def _edge_again(page, after, read):
    if not after:
        return page
    before = read(after - 1)
    return before if before.scans[:1] != page.scans[:1] else page


edge_repeated = _listing(
    "edge_repeated",
    "Begins a page of unknown scans with the last row of the page before.",
    _edge_again,
)
edge_lost = _listing(
    "edge_lost",
    "Loses the first row of every page of unknown scans but the first.",
    lambda page, after, _: replace(page, scans=page.scans[1:]) if after else page,
)
list_never_ends = _listing(
    "list_never_ends",
    "Names a next page on the last page of unknown scans.",
    lambda page, after, _: page if page.next else replace(page, next=after + len(page.scans) + 1),
)
newest_first = _listing(
    "newest_first",
    "Lists unknown scans beginning with the newest.",
    lambda page, *_: replace(page, scans=page.scans[::-1]),
)
