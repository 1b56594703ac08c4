"""A deliverer that stands still while it sends an order, longer than its lease lasts."""

import contextlib
import os
import signal
import time

import psycopg
from patience import PATIENCE
from torture.doomed import TRIES, Unlucky
from torture.runner import STILL
from torture.shift import FINE

POINT = "failpoint answered"


class Frozen(Unlucky):
    """Another station takes the order over, and whoever stood still goes on then."""

    CODES, PACKAGED, REF = 50, 50, "frozen"

    def __init__(self, *given, brand):
        super().__init__(*given, brand=brand, few=0)

    def finish(self):
        for self.number in range(TRIES):
            if self._frozen():
                return
        raise AssertionError(self.told.orders)

    def _frozen(self):
        """Whether an order was taken over meanwhile."""
        order, site = f"frozen-{self.number}", self.site
        words = ("activate", self.batch, "--serials", str(self.number + 1), "--line")
        words += (f"line-{site.name}", "--order", order, "--json")
        site.runner.start(words, site.root, env=site.environment, **site.always, still=POINT)
        until, pid, taken = time.monotonic() + PATIENCE, None, False
        while pid is None and site.runner.runs():
            found = [one for one in site.runner.points() if one.startswith(STILL)]
            pid = int(found[0][len(STILL) :]) if found else None
            assert time.monotonic() < until, order
        try:
            while pid is not None and not taken:
                assert time.monotonic() < until, order
                assert site.runner.runs(), order
                with contextlib.suppress(psycopg.OperationalError):  # it moves to its standby
                    queued = self.brand.rows("SELECT order_id FROM orders WHERE status = 'queued'")
                    taken = (order,) not in queued
        finally:
            if pid is not None:
                os.kill(pid, signal.SIGCONT)
        done = site.runner.end()
        site.judge(words, done)
        self.told.count(done.code)
        self.told.order(order, done)
        assert not taken or done.code == FINE, done
        if taken:
            self.told.taken.append(order)
        return taken
