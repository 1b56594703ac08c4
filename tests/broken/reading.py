"""Faults of reading back: pages of ranges, digests, heads."""

import hashlib
from dataclasses import replace
from types import SimpleNamespace

from broken.site import fault, named
from sqlalchemy import func, select

from mintmark.activation.backend import apply_order, batch_page, dialects, live_runs, store, tables
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.activation.client.wire import HeadAnswer
from mintmark.codegen.ranges.lifecycle import ApiState

EMPTY = hashlib.sha256().hexdigest()


def _paging(name, says, change):
    """A fault of pages: `change(page, after)` is read in the place of the right page."""

    class Paging(Store):
        def query(self, batch, query):
            return change(super().query(batch, query), query.after)

    return named(Paging, name, says)


next_on_last_page = _paging(
    "next_on_last_page",
    "Names a next page on the last page of a batch.",
    lambda page, _: page if page.next else replace(page, next=page.info.quantity),
)
next_skips_one = _paging(
    "next_skips_one",
    "Names the serial after its last one as next: the page after begins one too late.",
    lambda page, _: replace(page, next=page.next + 1) if page.next else page,
)


@fault
class WholeRanges(Store):
    """Begins a page with the whole range that holds its first serial."""

    def query(self, batch, query):
        found = super().query(batch, query)
        whole = super().query(batch, replace(query, after=0)).ranges
        if not found.ranges:
            return found
        asked = query.after + 1
        first = next((r for r in whole if r.first <= asked <= r.last), found.ranges[0])
        if first.last != found.ranges[0].last:
            return found
        return replace(found, ranges=(first, *found.ranges[1:]))


@fault
def unjoined_ranges(site):
    """Reads ranges back as they were written: neighbours in one state are several ranges."""

    class Apart(site.store):
        def query(self, batch, query):
            found = super().query(batch, query)
            return replace(found, ranges=tuple(self._halves(found.ranges)))

        @staticmethod
        def _halves(ranges):
            for item in ranges:
                if item.state is not ApiState.ACTIVE or item.first == item.last:
                    yield item
                    continue
                middle = (item.first + item.last) // 2
                yield replace(item, last=middle)
                yield replace(item, first=middle + 1)

    site.store = Apart


def _ranges(name, says, change):
    """A fault of ranges: `change(range, connection, batch)` in the place of each."""

    def fault(site):
        right = batch_page._range

        def wrong(connection, batch, *serials, digests):
            found = right(connection, batch, *serials, digests=digests)
            return change(found, connection, batch)

        site.patch.setattr(batch_page, "_range", wrong)

    return named(fault, name, says)


def _without(state):
    def change(item, *_):
        if item.state is state and item.digest:
            return replace(item, held=0, digest=EMPTY)
        return item

    return change


def _all_scans(item, connection, batch):
    table = tables.scans
    own = (table.c.batch == batch) & table.c.serial.between(item.first, item.last)
    total = connection.execute(select(func.sum(table.c.scans)).where(own)).scalar_one()
    return replace(item, scanned=int(total or 0))


def _early_too(item, connection, batch):
    table = tables.scans
    own = (table.c.batch == batch) & table.c.serial.between(item.first, item.last)
    rows = connection.execute(select(func.count()).select_from(table).where(own)).scalar_one()
    return replace(item, scanned=rows)


def _pending_too(item, connection, batch):
    if item.held is None:
        return item
    table = tables.pending
    rows = connection.execute(select(table.c.first, table.c.last).where(table.c.batch == batch))
    more = sum(max(0, min(row.last, item.last) - max(row.first, item.first) + 1) for row in rows)
    return replace(item, held=min(item.held + more, item.last - item.first + 1))


void_left_out = _ranges(
    "void_left_out",
    "Leaves void codes out of held and digest.",
    _without(ApiState.VOID),
)
revoked_left_out = _ranges(
    "revoked_left_out",
    "Leaves inactive codes out of held and digest, also those that were revoked.",
    _without(ApiState.INACTIVE),
)
pending_held = _ranges(
    "pending_held", "Counts what was uploaded and never activated as held.", _pending_too
)
scans_counted = _ranges("scans_counted", "Counts scans as scanned, and not codes.", _all_scans)
early_scanned = _ranges(
    "early_scanned", "Counts a code as scanned if no scan of it ever counted.", _early_too
)


def _digest(name, says, digest):
    """A fault of digests: `digest(fingerprints)`, in the order of the serials."""

    def fault(site):
        def wrong(connection, batch, serials):
            runs = [data for _, data in live_runs.read(connection, batch, serials)]
            found = b"".join(runs)
            return digest([found[at : at + 16] for at in range(0, len(found), 16)])

        site.patch.setattr(live_runs, "digest", wrong)

    return named(fault, name, says)


sorted_digest = _digest(
    "sorted_digest",
    "Makes the digest over fingerprints in their own order, not in that of the serials.",
    lambda found: hashlib.sha256(b"".join(sorted(found))).hexdigest(),
)


@fault
def digest_uncut(site):
    """Makes held and digest of a whole range where the page cuts it."""

    class Uncut(site.store):
        def query(self, batch, query):
            found = super().query(batch, query)
            if not query.digests or not found.ranges:
                return found
            return replace(found, ranges=tuple(self._whole(batch, item) for item in found.ranges))

        def _whole(self, batch, item):
            with self._database.read() as connection:
                number = store._known(connection, batch).number
                tile_store = apply_order.tile_store
                (tile, *_) = tile_store.page(connection, number, item.first, 1)
                (last, *_) = tile_store.page(connection, number, item.last, 1)
                whole = type(tile.serials)(tile.serials.first, last.serials.last)
                held = live_runs.count(connection, number, whole)
                return replace(item, held=held, digest=live_runs.digest(connection, number, whole))

    site.store = Uncut


@fault
def digests_unbounded(site):
    """Answers with digests over a whole batch in one page, however large it is."""
    wire = SimpleNamespace(**vars(batch_page.wire) | {"PAGE_CODES": 10**9})
    site.patch.setattr(batch_page, "wire", wire)


@fault
class FirstHead(Store):
    """Keeps the head that came first, and never another."""

    def order(self, order, now):
        with self._database.read() as connection:
            known = connection.execute(tables.heads.select()).first()
        return super().order(replace(order, audit_head=None) if known else order, now)


@fault
class AnyHome(Store):
    """Tells the newest head, whoever's it is."""

    def head(self, home):
        with self._database.read() as connection:
            query = tables.heads.select().order_by(tables.heads.c.arrived.desc())
            row = connection.execute(query).first()
            return HeadAnswer(home, row.head, row.order_id) if row else HeadAnswer(home)


@fault
class AppliedHeads(Store):
    """Keeps no head of an order that it refused, and kept the refusal."""

    def order(self, order, now):
        try:
            super().order(replace(order, dry_run=True), now)
        except Problem:
            return super().order(replace(order, audit_head=None), now)
        return super().order(order, now)


@fault
class LateHeads(Store):
    """Takes the head of an old order that comes again for the newest."""

    def order(self, order, now):
        answer = super().order(order, now)
        if order.audit_head and not order.dry_run:
            self.note(order, now)
        return answer

    def note(self, order, now):
        with self._database.write() as connection:
            row = store._known(connection, order.batch)
            newest = {"home": row.home, "head": order.audit_head, "order_id": order.order}
            newest |= {"arrived": int(now.timestamp())}
            dialects.merge(connection, tables.heads, [newest])


@fault
class DryHeads(LateHeads):
    """Keeps the head that a dry run brought."""

    def order(self, order, now):
        answer = Store.order(self, order, now)
        if order.audit_head and order.dry_run:
            self.note(order, now)
        return answer


@fault
class ForgottenHeads(Store):
    """Forgets a home's head when an order comes that brings none."""

    def order(self, order, now):
        answer = super().order(order, now)
        if order.audit_head is None and not order.dry_run:
            with self._database.write() as connection:
                row = store._known(connection, order.batch)
                connection.execute(tables.heads.delete().where(tables.heads.c.home == row.home))
        return answer
