"""Making up steps that meet: two or three that want the same codes, id or fingerprint."""

import random
from collections.abc import Callable
from dataclasses import replace

from .order_maker import OrderMaker, patch
from .steps import PLAIN, AtOnce, DrawnCode, OrderStep, ScanStep, UploadStep
from .world import World


class MeetingMaker:
    """Makes meetings for where the codes of `world` stand."""

    def __init__(self, rng: random.Random, orders: OrderMaker, world: World) -> None:
        self._rng, self._orders, self._world = rng, orders, world

    def meeting(self, batch: int, number: int) -> AtOnce:
        """Steps that meet; orders have the ids from `number` on."""
        kinds: tuple[Callable[[int, int], AtOnce | None], ...] = (
            self._rivals,
            self._rivals,
            self._one_id,
            self._two_under_one_id,
            self._scans,
            self._scan_and_order,
            self._uploads,
        )
        while True:
            made = self._rng.choice(kinds)(batch, number)
            if made is not None:
                return made

    def _order(self, batch: int, number: int) -> OrderStep:
        order = self._orders.order(batch, number)
        return replace(order, head=None, dry_run=False, spelling=PLAIN)

    def _rivals(self, batch: int, number: int) -> AtOnce:
        """Orders of the same codes, one of which often ends what the other begins with."""
        first = self._order(batch, number)
        rivals = [first]
        for more in range(self._rng.choice((1, 1, 2))):
            action = self._rng.choice(("void", "freeze", "revoke", "activate", first.action))
            rival = replace(first, number=number + 1 + more, action=action, from_state=None)
            if self._rng.random() < 0.5:
                rival = replace(rival, attributes=patch(self._rng))
            rivals.append(rival)
        return AtOnce(tuple(rivals))

    def _one_id(self, batch: int, number: int) -> AtOnce:
        return AtOnce((self._order(batch, number),) * self._rng.choice((2, 3)))

    def _two_under_one_id(self, batch: int, number: int) -> AtOnce:
        first = self._order(batch, number)
        other = dict(first.attributes) | {"line": "8"}
        return AtOnce((first, replace(first, attributes=tuple(other.items()))))

    def _live(self, batch: int) -> DrawnCode | None:
        live = [code for code in self._world.batches[batch].live.values() if code.batch == batch]
        return self._rng.choice(live) if live else None

    def _scans(self, batch: int, _: int) -> AtOnce | None:
        code, scan_id = self._live(batch), self._rng.choice((None, None, 4))
        meeting = (ScanStep(code, scan_id),) * self._rng.choice((2, 3)) if code else ()
        return AtOnce(meeting) if meeting else None

    def _scan_and_order(self, batch: int, number: int) -> AtOnce | None:
        code = self._live(batch)
        # What an activation tells of a scan that comes at the same moment is left open.
        action = self._rng.choice(("freeze", "revoke", "void", "unfreeze", "unvoid"))
        if code is None:
            return None
        _, serial = self._world.place(code) or (batch, code.serial)
        order = OrderStep(number, batch, action, ((serial, serial),), count=1)
        return AtOnce((ScanStep(code), order))

    def _uploads(self, batch: int, _: int) -> AtOnce | None:
        books = self._world.batches[batch]
        free = [s for s in range(1, books.form.quantity + 1) if books.held(s) is None]
        if not free:
            return None
        serial = self._rng.choice(free)
        return AtOnce(
            tuple(UploadStep(batch, serial, (DrawnCode(batch, serial, v),)) for v in (0, 1))
        )
