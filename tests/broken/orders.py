"""Faults of orders: what is applied, what is answered, what is kept."""

from contextlib import suppress
from dataclasses import replace

from broken.site import fault, named
from sqlalchemy import update

from mintmark.activation.backend import apply_order, models, tables, tile_store
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.activation.client.wire import OrderAnswer
from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges.serials import Range


@fault
class Careless(Store):
    """Takes any count for the right count."""

    def order(self, order, now):
        try:
            return super().order(order, now)
        except Problem as problem:
            if problem.name != "count-differs":
                raise
            right = replace(order, order=f"{order.order}x", count=problem.members["would_touch"])
            return super().order(right, now)


@fault
class ZeroIsNone(Store):
    """Takes a count of 0 for no count."""

    def _applied(self, connection, row, order, now):
        return super()._applied(connection, row, replace(order, count=order.count or None), now)


@fault
class Halfway(Store):
    """Not atomic: applies what it can, bit by bit, and then says what was in the way."""

    def order(self, order, now):
        try:
            return super().order(order, now)
        except Problem as problem:
            if problem.name in {"blocked", "fingerprints-missing"} and not order.dry_run:
                for piece in order.serials:
                    self._apply(order, piece, now)
            raise

    def _apply(self, order, piece, now):
        step = 1 + len(piece) // 100
        for first in range(piece.first, piece.last + 1, step):
            bit = Range(first, min(first + step - 1, piece.last))
            part = {"order": f"{order.order}-{first}", "serials": (bit,), "count": len(bit)}
            with suppress(Problem):
                super().order(replace(order, **part), now)


@fault
class RangeByRange(Store):
    """Applies an order range by range, each in a transaction of its own."""

    def order(self, order, now):
        try:
            return super().order(order, now)
        except Problem as problem:
            if problem.name in {"blocked", "fingerprints-missing"} and not order.dry_run:
                self._begin(order, now)
            raise

    def _begin(self, order, now):
        for number, piece in enumerate(order.serials):
            part = {"order": f"{order.order}.{number}", "serials": (piece,), "count": len(piece)}
            try:
                super().order(replace(order, **part), now)
            except Problem:
                return


class _PartByPart(apply_order._Work):
    """Knows which part of the order it is at, and decides anew in each."""

    def _windows(self):
        for tiles, self.part in super()._windows():
            yield tiles, self.part

    def _following(self, number):
        return self._stepped(number)

    def in_first_range(self):
        return self.part.first <= self._order.serials[0].last


def _working(site, work):
    site.patch.setattr(apply_order, "_Work", work)


@fault
def unchecked_second_range(site):
    """Looks at an order's first range only for what is in the way."""

    class Work(_PartByPart):
        def _stepped(self, number):
            after = super()._stepped(number)
            return number if after is None and not self.in_first_range() else after

    _working(site, Work)


@fault
def missing_in_second_range(site):
    """Looks at an order's first range only for fingerprints that are missing."""

    class Work(_PartByPart):
        def enliven(self, cutoff):
            order = self._order
            for piece in order.serials:
                self._order = replace(order, serials=(piece,))
                try:
                    super().enliven(cutoff)
                except Problem as problem:
                    if problem.name != "fingerprints-missing" or piece == order.serials[0]:
                        raise
            self._order = order

    _working(site, Work)


@fault
def first_attributes_for_all(site):
    """Reads the attributes of an order's first serial, and writes them to all of it."""

    class Work(apply_order._Work):
        attributes = None

        def _stepped(self, number):
            after = super()._stepped(number)
            if after is None:
                return None
            standing = self._standings.get(after)
            if self.attributes is None:
                self.attributes = standing.attributes
            return self._standings.number(replace(standing, attributes=self.attributes))

    _working(site, Work)


@fault
def tail_loses_attributes(site):
    """Splits a stored range, and forgets the attributes of what follows the order's serials."""

    class Splitting(site.store):
        def _applied(self, connection, row, order, now):
            ends = [piece.last for piece in order.serials if piece.last < row.quantity]
            tails = [end for end in ends if self._whole(connection, row, end)]
            answer = super()._applied(connection, row, order, now)
            if isinstance(answer, OrderAnswer):
                for end in tails:
                    self._strip(connection, row, end + 1)
            return answer

        @staticmethod
        def _whole(connection, row, end):
            (tile, *_) = tile_store.page(connection, row.number, end, 1)
            return tile.serials.last > end

        @staticmethod
        def _strip(connection, row, first):
            (tile, *_) = tile_store.page(connection, row.number, first, 1)
            standings = tile_store.Standings(connection)
            bare = standings.number(replace(standings.get(tile.value), attributes=()))
            tiles = tables.tiles
            where = (tiles.c.batch == row.number) & (tiles.c.first == first)
            connection.execute(update(tiles).where(where).values(standing=bare))

    site.store = Splitting


def _answering(name, says, change):
    """A fault of answers: `change(answer)` is kept and told in the place of an answer."""

    class Answering(Store):
        def _applied(self, connection, row, order, now):
            answer = super()._applied(connection, row, order, now)
            return change(answer) if isinstance(answer, OrderAnswer) else answer

    return named(Answering, name, says)


silent_skip = _answering(
    "silent_skip",
    "Skips void codes, and does not say which.",
    lambda answer: replace(answer, skipped=(), skipped_count=0),
)


never_truncated = _answering(
    "never_truncated",
    "Cuts its lists after 1,000 ranges, and never says so.",
    lambda answer: replace(answer, truncated=False),
)


unjoined = _answering(
    "unjoined",
    "Lists what was applied code by code; ranges that touch are not joined.",
    lambda answer: replace(
        answer,
        applied=tuple(
            Range(serial, serial)
            for piece in answer.applied
            for serial in range(piece.first, piece.last + 1)
        )[:1_000],
    ),
)


@fault
def counts_what_it_skips(site):
    """Compares the count with all codes of the order, those it skips included."""

    class Work(apply_order._Work):
        def check(self):
            if self._order.count is not None:
                wanted = self._order.count - self.skipped.count
                self._order = replace(self._order, count=max(wanted, 0))
            super().check()

    _working(site, Work)


@fault
class PassesOver(Store):
    """Passes over void codes, also if the order does not say so."""

    def _applied(self, connection, row, order, now):
        return super()._applied(connection, row, replace(order, skip_void=True), now)


@fault
class AnyState(Store):
    """Does not look at from."""

    def _applied(self, connection, row, order, now):
        return super()._applied(connection, row, replace(order, from_state=None), now)


@fault
class LastIsOutside(Store):
    """Takes the last serial of a batch for one that lies outside."""

    def _applied(self, connection, row, order, now):
        if order.serials[-1].last == row.quantity:
            return Problem("outside", "")
        return super()._applied(connection, row, order, now)


@fault
def ascending_only(site):
    """Refuses ranges that do not ascend."""
    read = models.from_pairs

    def strict(pairs, limit):
        if sorted(pairs) != pairs:
            raise UsageError("the ranges do not ascend")
        return read(pairs, limit)

    site.patch.setattr(models, "from_pairs", strict)


@fault
def touching_overlap(site):
    """Takes ranges that touch for ranges that overlap."""
    read = models.from_pairs

    def strict(pairs, limit):
        found = read(pairs, limit)
        if len(found) < len(pairs):
            raise UsageError("the ranges overlap")
        return found

    site.patch.setattr(models, "from_pairs", strict)
