"""The weather over a brand: its networks fail by turns, and once its database for good."""

import threading
import time

from proxy import Seeded
from s3_proxy import HALF
from wire_proxy import CUT, EARLY, LOST, STALL

STATEMENTS = (CUT, STALL)
COMMITS = (CUT, STALL, LOST, EARLY)
REQUESTS = (CUT, STALL, LOST, HALF, "503", "503", "409", "412")


class Faults:
    """Of a network's statements one in fifty goes wrong; of its commits and requests more."""

    def __init__(self, seed):
        self._statements = Seeded(f"{seed} statements", 0.02, STATEMENTS)
        self._commits = Seeded(f"{seed} commits", 0.2, COMMITS)
        self._requests = Seeded(f"{seed} requests", 0.06, REQUESTS)

    def __call__(self, moment):
        if moment.name == "commit":
            return self._commits(moment)
        chosen = self._statements if moment.name in ("statement", "connect") else self._requests
        return chosen(moment)


class Storm(threading.Thread):
    """One trouble after another until it is `over`; after `half`, in seconds, a failover."""

    def __init__(self, brand, dice, half):
        super().__init__(daemon=True)
        self.brand, self.dice, self.half = brand, dice, half
        self.over, self.failed, self.seen = threading.Event(), None, {}

    def run(self):
        try:
            for site in self.brand.sites.values():
                site.database.fault = site.bucket.fault = Faults(self.dice.random())
            until, moved = time.monotonic() + self.half, False
            while not (self.over.is_set() and moved):
                self._trouble()
                if not moved and time.monotonic() > until:
                    self.brand.failover()
                    moved = True
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self.failed = error

    def _trouble(self):
        site = self.dice.choice(sorted(self.brand.sites.values(), key=lambda one: one.name))
        name = self.dice.choice(("calm", "calm", "database", "databases", "store", "stores", "cut"))
        self.seen[name] = self.seen.get(name, 0) + 1
        all_of_them = list(self.brand.sites.values())
        hit = {
            "database": [site.database],
            "databases": [one.database for one in all_of_them],
            "store": [site.bucket],
            "stores": [one.bucket for one in all_of_them],
        }.get(name, [])
        for network in hit:
            network.down()
        if name == "cut":
            site.database.cut_all()
        self.over.wait(self.dice.uniform(0.1, 1.5))
        for network in hit:
            network.up()
        self.over.wait(self.dice.uniform(0.0, 1.0))
