"""The weather over a brand: its networks fail by turns, and once its database for good."""

import random
import signal
import threading
import time

from s3_proxy import HALF
from wire_proxy import CUT, EARLY, LOST, STALL

ANYTHING = (CUT, STALL)
COMMITS = (CUT, STALL, LOST, EARLY)
REQUESTS = (CUT, STALL, LOST, HALF, "503")
CONDITIONAL = (CUT, STALL, LOST, "409", "412")
# Of what is on its way in this many parts, one goes wrong.
SHARES = {"connect": 0.02, "statement": 0.004, "commit": 0.1}
OF_REQUESTS = 0.08
KINDS = {
    *(f"{moment}: {name}" for moment in ("connect", "statement") for name in ANYTHING),
    *(f"commit: {name}" for name in COMMITS),
    *(f"{method}: {name}" for method in ("GET", "PUT") for name in REQUESTS),
    *(f"PUT: {name}" for name in CONDITIONAL),
}
TROUBLES = ("database", "databases", "store", "stores", "cut", "still")


class Faults:
    """What goes wrong on a network: of each kind of request each of its faults in turn.

    `share`: the part that goes wrong here of what does elsewhere.
    """

    def __init__(self, seed, share=1.0):
        self._random, self._share = random.Random(seed), share
        self._lock = threading.Lock()
        self._dealt = {}

    def __call__(self, moment):
        share = self._share * SHARES.get(moment.name, OF_REQUESTS)
        with self._lock:
            return self._next(moment) if self._random.random() < share else ""

    def _next(self, moment):
        """One of a shuffled pack, which is shuffled again once it is used up."""
        of = (moment.name, moment.conditional)
        if not self._dealt.get(of):
            self._dealt[of] = list(_faults_of(moment))
            self._random.shuffle(self._dealt[of])
        return self._dealt[of].pop()


def _faults_of(moment):
    if moment.name in ("connect", "statement"):
        return ANYTHING
    if moment.name == "commit":
        return COMMITS
    return CONDITIONAL if moment.conditional else REQUESTS


class Storm(threading.Thread):
    """One trouble after another until it is `over`; after `half`, in seconds, a failover.

    `services` stand still at times.
    """

    def __init__(self, brand, dice, half, services):
        super().__init__(daemon=True)
        self.brand, self.dice, self.half, self.services = brand, dice, half, services
        self.over, self.failed, self.seen = threading.Event(), None, {}
        self._dealt = []

    def run(self):
        try:
            self.brand.weather = lambda: Faults(self.dice.random())
            for network in self.brand.networks:
                network.fault = self.brand.weather()
            until = time.monotonic() + self.half
            while not (self.over.is_set() and self.brand.moved):
                self._trouble()
                if not self.brand.moved and time.monotonic() > until:
                    self.brand.failover()
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self.failed = error

    def _trouble(self):
        if not self._dealt:
            self._dealt = [*TROUBLES, "calm", "calm"]
            self.dice.shuffle(self._dealt)
        name = self._dealt.pop()
        self.seen[name] = self.seen.get(name, 0) + 1
        working = [one for one in self.brand.sites.values() if not one.sheltered]
        site = self.dice.choice(working)
        hit = {
            "database": [site.database],
            "databases": [one.database for one in working],
            "store": [site.bucket],
            "stores": [one.bucket for one in working],
        }.get(name, [])
        for network in hit:
            network.down()
        if name == "cut":
            site.database.cut_all()
        still = self.services if name == "still" else []
        for one in still:
            one.process.send_signal(signal.SIGSTOP)
        self.over.wait(self.dice.uniform(0.1, 1.5))
        for one in still:
            one.process.send_signal(signal.SIGCONT)
        for network in hit:
            network.up()
        self.over.wait(self.dice.uniform(0.0, 1.0))
