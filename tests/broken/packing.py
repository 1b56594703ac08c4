"""Faults of aggregations: what lies in what, what is kept of it, and who is on the same item."""

import json
import threading
from contextlib import suppress
from dataclasses import replace

from broken.kept import Meeting
from broken.site import fault, named
from sqlalchemy import delete, select

from mintmark.activation.backend import (
    apply_aggregation,
    kept_answers,
    link_store,
    pairs,
    same_content,
    tables,
)
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.activation.client.wire import PAGE_LINKS, PairedCode
from mintmark.codegen.ranges.aggregation import CodeRanges, CodeRef, Link, Packing
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range, intersect

_Packer = apply_aggregation._Packer


def _take_out(packer):
    """Have all children of the request lie in nothing."""
    for part in packer._request.children:
        for piece in part.serials:
            link_store.remove(packer._connection, packer._numbers[part.batch], piece)


@fault
def taken_ignored(site):
    """Puts a child into another carton without asking whether it lies in one."""
    site.patch.setattr(_Packer, "check_free", _take_out)


@fault
def same_parent_again(site):
    """Takes a child that lies in the same carton already for one that is free."""
    check = _Packer.check_free

    def lax(self):
        try:
            check(self)
        except Problem as problem:
            wanted = self._request.parents
            for entry in problem.members["taken"]:
                parent = entry["parent"]
                own = Range(parent["serial"], parent["serial"])
                if parent["batch"] != wanted.batch or not intersect(wanted.serials, (own,)):
                    raise
            _take_out(self)

    site.patch.setattr(_Packer, "check_free", lax)


@fault
class PacksWhatItCan(Store):
    """Not atomic: packs the children that are free, and refuses for those that are not."""

    def aggregate(self, request, now):
        try:
            return super().aggregate(request, now)
        except Problem as problem:
            in_the_way = problem.name in {"child-taken", "child-elsewhere"}
            if in_the_way and request.parents and not request.dry_run:
                self._singly(request, now)
            raise

    def _singly(self, request, now):
        for link in apply_aggregation.deal(request.parents, request.children, request.each):
            for serial in range(link.serials.first, link.serials.last + 1):
                child = CodeRanges(link.batch, (Range(serial, serial),))
                at = Range(link.parent.serial, link.parent.serial)
                parents = CodeRanges(link.parent.batch, (at,))
                name = f"{request.aggregation}-{link.batch}-{serial}"
                one = replace(request, aggregation=name, children=(child,), parents=parents)
                with suppress(Problem):
                    super().aggregate(replace(one, each=None), now)


def _looking_at(name, says, **left_out):
    """A fault of states: `left_out` of the request is not looked at."""

    def fault(site):
        check = _Packer.check_states

        def lax(self, window):
            whole, self._request = self._request, replace(self._request, **left_out)
            try:
                check(self, window)
            finally:
                self._request = whole

        site.patch.setattr(_Packer, "check_states", lax)

    return named(fault, name, says)


void_child_packed = _looking_at("void_child_packed", "Packs void children.", children=())
void_parent_packed = _looking_at(
    "void_parent_packed", "Packs children into void parents.", parents=None
)


@fault
def void_stays_in(site):
    """Looks at states also when children leave: a void one cannot be taken out."""
    check = _Packer.check_places

    def strict(self):
        self.check_states(1_000)
        check(self)

    site.patch.setattr(_Packer, "check_places", strict)


@fault
class VoidFallsOut(Store):
    """Forgets what a code lies in when it is voided."""

    def order(self, order, now):
        answer = super().order(order, now)
        if order.action is Action.VOID and not order.dry_run:
            with self._database.write() as connection:
                row = select(tables.batches).where(tables.batches.c.batch == order.batch)
                number = connection.execute(row).first().number
                for piece in order.serials:
                    link_store.remove(connection, number, piece)
        return answer


@fault
def circle_accepted(site):
    """Does not look whether a carton would lie within itself."""
    site.patch.setattr(apply_aggregation, "is_circle", lambda *_: False)


@fault
def circle_over_one_level(site):
    """Looks for circles one level up only."""

    def near(connection, parents, children, _):
        above = link_store.parents(connection, parents)
        return any(
            intersect(level.get(batch, ()), ranges)
            for level in (parents, above)
            for batch, ranges in children.items()
        )

    site.patch.setattr(apply_aggregation, "is_circle", near)


@fault
def circle_by_one_link(site):
    """Looks at each link of an aggregation alone: two of them may close a circle."""
    whole = apply_aggregation.is_circle

    def singly(connection, _parents, _children, planned):
        def closes(batch, run):
            (parent_batch, serial), below = run.parent, {batch: (run.serials,)}
            above = {parent_batch: (Range(serial, serial),)}
            return whole(connection, above, below, iter([(batch, run)]))

        return any(closes(*one) for one in list(planned))

    site.patch.setattr(apply_aggregation, "is_circle", singly)


@fault
def taken_counts_what_it_lists(site):
    """Counts the children it lists as taken, and not all that are."""
    check = _Packer.check_free

    def short(self):
        try:
            check(self)
        except Problem as problem:
            problem.members["taken_total"] = len(problem.members["taken"])
            raise

    site.patch.setattr(_Packer, "check_free", short)


@fault
def stranger_leaves(site):
    """Takes a child out of whatever it lies in, and not out of the carton that is named."""
    site.patch.setattr(_Packer, "check_places", lambda _: None)


@fault
def nobody_leaves(site):
    """Passes over children that lie in nothing when others leave."""
    check = _Packer.check_places

    def lax(self):
        try:
            check(self)
        except Problem as problem:
            if any(entry["parent"] for entry in problem.members["elsewhere"]):
                raise

    site.patch.setattr(_Packer, "check_places", lax)


def _dealing(name, says, change):
    """A fault of who gets what: `change(sizes)` of the children of the parents, in order."""

    def fault(site):
        deal = apply_aggregation.deal

        def wrong(parents, children, each):
            if each is None or len(parents) == 1:
                yield from deal(parents, children, each)
                return
            total = sum(map(len, children))
            sizes = [min(each, total - at) for at in range(0, total, each)]
            owners = [s for piece in parents.serials for s in range(piece.first, piece.last + 1)]
            given = iter(change([*zip(owners, sizes, strict=True)]))
            owner, left = next(given)
            for part in children:
                for piece in part.serials:
                    for serial in range(piece.first, piece.last + 1):
                        if left == 0:
                            owner, left = next(given)
                        left -= 1
                        parent = CodeRef(parents.batch, owner)
                        yield Link(part.batch, Range(serial, serial), parent)

        site.patch.setattr(apply_aggregation, "deal", wrong)

    return named(fault, name, says)


def _evenly(given):
    total, many = sum(size for _, size in given), len(given)
    return [(owner, total // many + (at < total % many)) for at, (owner, _) in enumerate(given)]


dealt_evenly = _dealing(
    "dealt_evenly", "Deals children out evenly: the last carton is not the one with fewer.", _evenly
)
last_parent_first = _dealing(
    "last_parent_first",
    "Gives the lowest children to the highest parent.",
    lambda given: [(owner, size) for (owner, _), (_, size) in zip(given[::-1], given, strict=True)],
)


@fault
def links_unjoined(site):
    """Has two links where children that touch were packed into one carton one after the other."""
    for side in ("joined_before", "joined_after"):
        site.patch.setattr(link_store, side, lambda _connection, _batch, at, _parent: at)


@fault
def joined_by_touch(site):
    """Joins a link with the one before it, whatever carton that is of."""

    def before(connection, batch, first, _parent):
        found = link_store.page(connection, batch, first - 1, first - 1, 1) if first > 1 else []
        if not found:
            return first
        link_store._delete(connection, batch, found[0].serials)
        return found[0].serials.first

    site.patch.setattr(link_store, "joined_before", before)


@fault
def rest_falls_out(site):
    """Takes a child out of the middle, and those after it in the carton with it."""
    remove = link_store.remove

    def wide(connection, batch, piece):
        found = link_store.page(connection, batch, piece.last, piece.last, 1)
        last = found[0].serials.last if found else piece.last
        remove(connection, batch, Range(piece.first, last))

    site.patch.setattr(link_store, "remove", wide)


def _link_paging(name, says, change):
    """A fault of pages of links: `change(page, after)` is read in the place of the right one."""

    class Paging(Store):
        def parents(self, batch, after):
            return change(super().parents(batch, after), after)

    return named(Paging, name, says)


next_of_the_last_links = _link_paging(
    "next_of_the_last_links",
    "Names a next page after the last link of a batch.",
    lambda page, _: replace(page, next=page.links[-1].serials.last) if page.links else page,
)
next_of_a_full_page = _link_paging(
    "next_of_a_full_page",
    "Names a next page after each that is full, also the last.",
    lambda page, _: (
        replace(page, next=page.links[-1].serials.last) if len(page.links) == PAGE_LINKS else page
    ),
)
link_pages_overlap = _link_paging(
    "link_pages_overlap",
    "Begins a page of links with the link that ended the page before.",
    lambda page, _: replace(page, next=page.next - 1) if page.next else page,
)
links_end_at_a_page = _link_paging(
    "links_end_at_a_page",
    "Tells the first page of links, and no next one.",
    lambda page, _: replace(page, next=None),
)


@fault
class WholeLinks(Store):
    """Begins a page with the whole link that holds its first serial."""

    def parents(self, batch, after):
        page, whole = super().parents(batch, after), super().parents(batch, 0)
        if not page.links or page.links[0].serials.first != after + 1:
            return page
        first = next(one for one in whole.links if one.serials.last >= after + 1)
        return replace(page, links=(first, *page.links[1:]))


@fault
class AggregationsForgotten(Store):
    """Keeps no answers to aggregations: the same again is another."""

    def aggregate(self, request, now):
        try:
            return super().aggregate(request, now)
        finally:
            with self._database.write() as connection:
                key = tables.aggregations.c.aggregation_id
                connection.execute(delete(tables.aggregations).where(key == request.aggregation))


def _freed(name):
    def fault(site):
        site.patch.setattr(kept_answers, "_FINAL", kept_answers._FINAL - {name})

    says = f"Forgets that it refused an aggregation as {name}: the id is free again."
    return named(fault, f"{name.replace('-', '_')}_not_kept", says)


child_taken_not_kept, child_elsewhere_not_kept = _freed("child-taken"), _freed("child-elsewhere")
nesting_not_kept = _freed("nesting")


@fault
class DryRunPacks(Store):
    """Applies the dry run of an aggregation."""

    def aggregate(self, request, now):
        answer = super().aggregate(replace(request, dry_run=False), now)
        return replace(answer, dry_run=request.dry_run)


@fault
class OneRoomOfIds(Store):
    """Refuses an aggregation under an id that an order had."""

    def aggregate(self, request, now):
        key = tables.orders.c.order_id
        with self._database.read() as connection:
            known = connection.execute(select(key).where(key == request.aggregation)).first()
        if known is not None:
            raise Problem("order-differs", "")
        return super().aggregate(request, now)


def _same_without(key):
    def fault(site):
        def same(kept, sent):
            one, other = ({**json.loads(text), key: None} for text in (kept, sent))
            return one == other

        site.patch.setattr(same_content, "is_same_json", same)

    says = f"Takes an aggregation with other {key} under a used id for the same."
    return named(fault, f"packing_{key}_not_compared", says)


packing_each_not_compared, packing_reason_not_compared = map(_same_without, ("each", "reason"))
packing_parents_not_compared = _same_without("parents")


@fault
def taken_comes_first(site):
    """Looks whether children are free before it looks for circles."""
    nesting, free = _Packer.check_nesting, _Packer.check_free
    site.patch.setattr(_Packer, "check_nesting", free)
    site.patch.setattr(_Packer, "check_free", nesting)


@fault
class PackingBringsNoHead(Store):
    """Keeps the heads that orders bring, and not those of aggregations."""

    def aggregate(self, request, now):
        return super().aggregate(replace(request, audit_head=None), now)


@fault
def head_of_two_homes(site):
    """Takes the head of an aggregation of two homes' batches for that of one of them."""
    keep = kept_answers.keep

    def bold(connection, table, row, answer, homes):
        keep(connection, table, row, answer, sorted(homes)[:1])

    site.patch.setattr(kept_answers, "keep", bold)


@fault
def packs_unlocked(site):
    """Looks whether children are free, and takes the lock only to pack them."""
    sure, check = threading.local(), _Packer.check_free

    def late(self):
        if getattr(sure, "yes", False):
            _take_out(self)
        else:
            check(self)

    class Unlocked(site.store):
        meeting = Meeting()

        def aggregate(self, request, now):
            if request.dry_run or request.action is not Packing.ASSOCIATE:
                return super().aggregate(request, now)
            try:
                super().aggregate(replace(request, dry_run=True), now)
            except Problem:
                return super().aggregate(request, now)
            self.meeting.wait()
            sure.yes = True
            try:
                return super().aggregate(request, now)
            finally:
                sure.yes = False

    site.patch.setattr(_Packer, "check_free", late)
    site.store = Unlocked


def _paired(name, says, change):
    """A fault of pairs: `change(found, standings)` is told in the place of what was found."""

    def fault(site):
        right = pairs.read

        def wrong(connection, fingerprints, standings):
            return change(right(connection, fingerprints, standings))

        site.patch.setattr(pairs, "read", wrong)

    return named(fault, name, says)


pairs_missing = _paired("pairs_missing", "Tells no other codes of an item.", lambda _: {})
one_partner = _paired(
    "one_partner",
    "Tells one other code of an item, however many there are.",
    lambda found: {key: codes[:1] for key, codes in found.items()},
)
partners_are_items = _paired(
    "partners_are_items",
    "Tells each other code of an item as an item.",
    lambda found: {
        key: tuple(PairedCode(code.batch, code.serial, "item") for code in codes)
        for key, codes in found.items()
    },
)
