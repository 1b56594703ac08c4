"""Faults of refusals: which one comes first, and what it shows."""

from dataclasses import replace

from broken.site import Reply, fault, named

from mintmark.activation.backend import apply_order, chunks, live_runs
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.lifecycle import Action


@fault
def count_first(site):
    """Compares the count before it looks whether something is in the way."""

    class Work(apply_order._Work):
        def check(self):
            blocked, self._in_the_way = self._in_the_way, apply_order.InTheWay()
            super().check()
            self._in_the_way = blocked
            super().check()

    site.patch.setattr(apply_order, "_Work", Work)


@fault
class MissingFirst(Store):
    """Looks for missing fingerprints before it looks whether something is in the way."""

    def _applied(self, connection, row, order, now):
        answer = super()._applied(connection, row, order, now)
        late = isinstance(answer, Problem) and answer.name in {"blocked", "count-differs"}
        if late and order.action is Action.ACTIVATE:
            return self._missing(connection, row, order) or answer
        return answer

    @staticmethod
    def _missing(connection, row, order):
        for piece in order.serials:
            there = [
                *live_runs.live(connection, row.number, piece),
                *chunks.pending(connection, row.number, piece),
            ]
            if missing := serials.subtract([piece], serials.union(there)):
                return Problem("fingerprints-missing", "", serial=missing[0].first)
        return None


@fault
class BatchFirst(Store):
    """Looks for the batch before it looks whether the order's id was used."""

    def order(self, order: Request, now):
        self.page(order.batch, 0, digests=False)
        return super().order(order, now)


@fault
class ValidityLast(Store):
    """Looks at the validity only when nothing else is in the way."""

    def _applied(self, connection, row, order, now):
        right = super()._applied(connection, row, order, now)
        if not (isinstance(right, Problem) and right.name == "invalid"):
            return right
        always = {k: v for k, v in order.attributes.items() if k != "expires_at"}
        nested = connection.begin_nested()
        found = super()._applied(connection, row, replace(order, attributes=always), now)
        nested.rollback()
        return found if isinstance(found, Problem) else right


@fault
class OutsideLast(Store):
    """Says blocked of an order that exceeds the batch, if codes are in the way as well."""

    def _applied(self, connection, row, order, now):
        right = super()._applied(connection, row, order, now)
        inside = [piece for piece in order.serials if piece.last <= row.quantity]
        if not (isinstance(right, Problem) and right.name == "outside" and inside):
            return right
        nested = connection.begin_nested()
        found = super()._applied(connection, row, replace(order, serials=tuple(inside)), now)
        nested.rollback()
        return found if isinstance(found, Problem) and found.name == "blocked" else right


@fault
class AnyCountRequired(Store):
    """Says count-required if a single code wants a count, whatever else is in the way."""

    def _applied(self, connection, row, order, now):
        answer = super()._applied(connection, row, order, now)
        counts = order.action is Action.VOID and order.count is None
        if counts and isinstance(answer, Problem) and answer.name == "blocked":
            states = {item["state"] for item in answer.members["blocked"]}
            if "active" in states:
                return Problem("count-required", "", **answer.members)
        return answer


def _blocking(name, says, change):
    """A fault of refusals: `change(members, order)` of one that is `blocked`, in place."""

    class Blocking(Store):
        def _applied(self, connection, row, order, now):
            answer = super()._applied(connection, row, order, now)
            if isinstance(answer, Problem) and answer.name in {"blocked", "count-required"}:
                change(answer.members, order, connection, row.number)
            return answer

    return named(Blocking, name, says)


def _total_codes(members, *_):
    pairs = [item["serials"] for item in members["blocked"]]
    members["blocked_total"] = sum(last - first + 1 for first, last in pairs)


def _whole(members, _, connection, batch):
    for item in members["blocked"]:
        (tile, *_) = apply_order.tile_store.page(connection, batch, item["serials"][0], 1)
        item["serials"] = tile.serials.pair()


def _first_only(members, *_):
    members["blocked"] = members["blocked"][:1]
    members["blocked_total"] = 1


def _asked_state(members, order, *_):
    for item in members["blocked"]:
        item["state"] = (order.from_state or "inactive") and "inactive"


blocked_codes = _blocking(
    "blocked_codes", "Counts the codes in the way as blocked_total, not their ranges.", _total_codes
)


blocked_unclipped = _blocking(
    "blocked_unclipped",
    "Shows the whole stored range that is in the way, beyond the order's serials.",
    _whole,
)


blocked_first_only = _blocking(
    "blocked_first_only", "Shows and counts the first range in the way, and no other.", _first_only
)


blocked_without_state = _blocking(
    "blocked_without_state", "Says of every range in the way that it is inactive.", _asked_state
)


@fault
def differs_before_key(site):
    """Compares a batch that is registered again before it looks whether it holds the key."""
    known = set()

    def told(call, reply):
        if call.method != "PUT" or call.path.count("/") != 3 or "/batches/" not in call.path:
            return reply
        if reply.status == 200:
            known.add(call.path)
        if reply.problem == "key-unknown" and call.path in known:
            return Reply.refusal("batch-differs")
        return reply

    site.around(told=told)
