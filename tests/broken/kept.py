"""Faults of what is kept: answers, refusals, ids; and of two orders at once."""

import threading
from dataclasses import replace

from broken.site import fault, named
from sqlalchemy import delete, insert, select

from mintmark.activation.backend import apply_order, kept_answers, same_content, store, tables
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.activation.client.wire import OrderAnswer

MOMENT = 0.05  # seconds that a thread waits for another to overtake it


@fault
class Forgetful(Store):
    """Keeps no answers: the same order again is an order anew."""

    def order(self, order, now):
        answer = super().order(order, now)
        with self._database.write() as connection:
            connection.execute(delete(tables.orders).where(tables.orders.c.order_id == order.order))
        return answer


def _not_kept(name):
    def fault(site):
        site.patch.setattr(kept_answers, "_FINAL", kept_answers._FINAL - {name})

    says = f"Forgets that it refused an order as {name}: the id is free again."
    return named(fault, f"{name.replace('-', '_')}_not_kept", says)


blocked_not_kept, outside_not_kept = _not_kept("blocked"), _not_kept("outside")


count_differs_not_kept = _not_kept("count-differs")


count_required_not_kept = _not_kept("count-required")


@fault
def missing_kept(site):
    """Keeps a refusal for want of fingerprints: the order is never taken once they are there."""
    site.patch.setattr(kept_answers, "_FINAL", kept_answers._FINAL | {"fingerprints-missing"})


@fault
def invalid_kept(site):
    """Keeps a refusal of a validity that ends before it begins under the order's id."""
    site.patch.setattr(kept_answers, "_FINAL", kept_answers._FINAL | {"invalid"})


@fault
class RefusalsUnread(Store):
    """Has kept a refusal, and answers not-found to who reads that order."""

    def get_order(self, order, permit=lambda _: None):
        try:
            return super().get_order(order, permit)
        except Problem as problem:
            if problem.name == "forbidden":
                raise
            raise Problem("not-found", "") from None


@fault
class DryRunKeepsId(Store):
    """Keeps the id and the answer of a dry run."""

    def order(self, order, now):
        answer = super().order(order, now)
        if order.dry_run:
            self._note(order, answer, now)
        return answer

    def _note(self, order, answer, now):
        row = {"order_id": order.order, "identity": same_content.identity(order)}
        row |= {"answer": store.json.dumps(answer.body()), "arrived": int(now.timestamp())}
        with self._database.write() as connection:
            known = select(tables.orders).where(tables.orders.c.order_id == order.order)
            if connection.execute(known).first() is None:
                connection.execute(insert(tables.orders).values(row))


@fault
class DryRunRefusalKept(DryRunKeepsId):
    """Keeps the refusal of a dry run under its id."""

    def order(self, order, now):
        try:
            return Store.order(self, order, now)
        except Problem as problem:
            if order.dry_run and problem.name in kept_answers._FINAL:
                self._note(order, problem, now)
            raise


@fault
class DryRunReal(Store):
    """Applies a dry run."""

    def order(self, order, now):
        return replace(super().order(replace(order, dry_run=False), now), dry_run=order.dry_run)


@fault
def dry_run_blind(site):
    """Does not look for missing fingerprints in a dry run."""

    class Blind(site.store):
        def order(self, order, now):
            try:
                return super().order(order, now)
            except Problem as problem:
                if not order.dry_run or problem.name != "fingerprints-missing":
                    raise
            size = sum(map(len, order.serials))
            answer = OrderAnswer(order.order, order.batch, order.action, True, order.serials, size)
            return replace(answer, truncated=False)

    site.store = Blind


@fault
class CaseBlindIds(Store):
    """Compares the ids of orders without regard to case, as its database does."""

    def order(self, order, now):
        with self._database.read() as connection:
            ids = connection.execute(select(tables.orders.c.order_id)).scalars().all()
        known = {name.lower(): name for name in ids}.get(order.order.lower(), order.order)
        return replace(super().order(replace(order, order=known), now), order=order.order)


@fault
class IdsPerBatch(Store):
    """Takes the same order id in another batch for another order."""

    def order(self, order, now):
        with self._database.read() as connection:
            rows = connection.execute(select(tables.orders.c.identity, tables.orders.c.order_id))
            batches = {row.order_id: store.json.loads(row.identity)["batch"] for row in rows}
        if batches.get(order.order, order.batch) == order.batch:
            return super().order(order, now)
        apart = replace(order, order=f"{order.order}/{order.batch}")
        return replace(super().order(apart, now), order=order.order)


class Meeting:
    """Has two who are there at once pass together; somebody alone passes after a moment."""

    def __init__(self):
        self._barrier = threading.Barrier(2)

    def wait(self):
        try:
            self._barrier.wait(MOMENT)
        except threading.BrokenBarrierError:
            self._barrier.reset()


@fault
def unlocked(site):
    """Looks whether an order is possible, and takes its lock only to write."""
    sure, step = threading.local(), apply_order.step
    after = {"void": "void", "freeze": "frozen"}

    def forced(standing, action, **more):
        try:
            return step(standing, action, **more)
        except apply_order.Stuck:
            if not getattr(sure, "yes", False):
                raise
            state = type(standing.state)(after[action.value])
            return replace(standing, state=state, back=type(state).PACKAGED)

    class Unlocked(site.store):
        meeting = Meeting()

        def order(self, order, now):
            if order.dry_run or order.action.value not in after:
                return super().order(order, now)
            try:
                super().order(replace(order, dry_run=True), now)
            except Problem:
                return super().order(order, now)
            self.meeting.wait()
            sure.yes = True
            try:
                return super().order(order, now)
            finally:
                sure.yes = False

    site.patch.setattr(apply_order, "step", forced)
    site.store = Unlocked


@fault
class LooksForTheIdFirst(Store):
    """Looks for the order's id before it takes the lock: of two at once, the second fails."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._meeting = Meeting()

    def order(self, order, now):
        known = select(tables.orders).where(tables.orders.c.order_id == order.order)
        with self._database.read() as connection:
            before = connection.execute(known).first()
        if before is not None or order.dry_run or order.action.value != "activate":
            return super().order(order, now)
        self._meeting.wait()
        with self._database.read() as connection:
            pass
        return self._insert(order, now)

    def _insert(self, order, now):
        with self._lock:
            known = select(tables.orders).where(tables.orders.c.order_id == order.order)
            with self._database.read() as connection:
                if connection.execute(known).first() is not None:
                    raise Problem("internal", "the id is there already")
            return super().order(order, now)

    _lock = threading.Lock()
