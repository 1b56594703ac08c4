"""What people and lines of a brand do in a shift, each after the dice of its own name.

They remember what they were told: what was promised must be true when all is quiet.
"""

import json
import threading
import time
from dataclasses import dataclass, field

from torture.runner import DIED

FINE, QUEUED = 0, 75
REFUSED = (2, 3, 4)
MAY_DIE = 0.06  # the share of commands that are killed on their way


@dataclass
class Told:
    """What all of them were told; `batches` have packaged codes up to the number beside them.

    `waited`: orders that went without the ledger. `killed`: what was killed at which failpoint.
    `taken`: orders that another station took over from a process that stood still. `troubles`: what
    befell the networks, how often.
    """

    batches: list = field(default_factory=list)
    packages: list = field(default_factory=list)
    orders: dict = field(default_factory=dict)
    refusals: dict = field(default_factory=dict)
    mints: dict = field(default_factory=dict)
    ends: dict = field(default_factory=dict)
    waited: set = field(default_factory=set)
    killed: dict = field(default_factory=dict)
    taken: list = field(default_factory=list)
    troubles: dict = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def order(self, order, done):
        """An order and how its command ended."""
        with self.lock:
            self.orders[order] = done.code
            if done.code in REFUSED:
                self.refusals[order] = done.err or done.out
            if done.code == QUEUED and json.loads(done.out).get("away"):
                self.waited.add(order)

    def kill(self, deed, point):
        """What was done when it was killed, and where."""
        with self.lock:
            self.killed[deed, point] = self.killed.get((deed, point), 0) + 1

    def count(self, code):
        """How a command ended."""
        with self.lock:
            self.ends[code] = self.ends.get(code, 0) + 1


class Actor(threading.Thread):
    """Gives commands at one station until it is time; what went wrong is `failed`."""

    WAYS: tuple = ()

    def __init__(self, site, told, dice, until):
        super().__init__(daemon=True)
        self.site, self.told, self.dice, self.until = site, told, dice, until
        self.number, self.failed = 0, None

    def run(self):
        try:
            while time.monotonic() < self.until or self.number < 2:
                self.number += 1
                self.dice.choice(self.WAYS)(self)
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self.failed = error

    def give(self, *words, **job):
        """Run a command, which is killed at times."""
        if self.dice.random() < MAY_DIE:
            job["die"] = self.dice.randint(0, 60)
        done = self.site.run(*words, **job)
        self.told.count(done.code)
        # Nothing here was damaged, whatever the network does: what says so is wrong.
        assert done.code not in (1, 5), (self.site.name, words, done)
        return done

    def name(self, what):
        """A name that nothing else gets."""
        return f"{what}-{self.site.name}-{self.ident}-{self.number}"

    def a_batch(self):
        """A batch, and how many of its codes are packaged at least."""
        with self.told.lock:
            return self.dice.choice(self.told.batches)


class Office(Actor):
    """Who mints, exports and takes receipts, with the custodian beside."""

    def __init__(self, *arguments, brand, codes):
        super().__init__(*arguments)
        self.brand, self.codes = brand, codes

    def mint(self):
        """Mint a batch of a plan of its own, or of one that others mint as well."""
        ref = self.dice.choice((self.name("plan"), f"shared-{self.dice.randint(1, 4)}"))
        quantity = 40 if ref.startswith("shared") else self.dice.randint(1, self.codes)
        done = self.give("mint", "--quantity", quantity, "--ref", ref, "--json")
        batch = json.loads(done.out)["batch"] if done.code == FINE else None
        with self.told.lock:
            self.told.mints.setdefault(ref, []).append((done.code, batch, quantity))

    def export(self):
        """Package the next codes of a batch."""
        batch, password = self.a_batch()[0], f"pw/{self.number}-{self.ident}"
        done = self.give(
            *("export", batch, "--to", "li", "--out", "sent", "--password-file", password),
            *("--serials", f"next:{self.dice.randint(1, 12)}", *self.brand.key, "--json"),
        )
        if done.code == FINE:
            package = json.loads(done.out)
            with self.told.lock:
                self.told.packages.append((package["package"], self.site, password))

    def receipt(self):
        """What the printer says of a package."""
        with self.told.lock:
            if not self.told.packages:
                return
            package = self.dice.choice(self.told.packages)[0]
        self.give("package", "receipt", package, "--printed", self.dice.randint(1, 40))

    def look(self):
        """Look at the books."""
        words = ("batch list", "package list", "station list", "audit verify", "orders list")
        self.give(*self.dice.choice(words).split())

    def repair(self):
        """What a person does after a crash."""
        done = self.site.run("doctor", "--repair")
        self.told.count(done.code)

    WAYS = (mint, mint, mint, export, export, receipt, look, repair)


class Line(Actor):
    """A line: orders ranges, and some of its commands send what others ordered."""

    def __init__(self, *arguments, line):
        super().__init__(*arguments)
        self.line = line

    def order(self):
        """Order a few codes."""
        batch, packaged = self.a_batch()
        first = self.dice.randint(1, packaged)
        few = f"{first}-{min(packaged, first + self.dice.randint(0, 9))}"
        action, *more = self.dice.choice(
            (
                *(["activate", "--set", "lot=L7"],) * 3,
                ["freeze"],
                ["unfreeze"],
                ["assign", "--set", f"lot=L{self.number}"],
                ["void", "--reason", "misprint", "--count", "1"],
            )
        )
        order = self.name(self.line)
        words = (action, batch, "--serials", few, *more, "--line", self.line, "--order", order)
        self.told.order(order, self.give(*words, "--json"))

    def deliver(self):
        """Send what waits, whoever ordered it."""
        self.give("deliver")

    def reconcile(self):
        """Compare a batch with the backend."""
        done = self.site.run("reconcile", self.a_batch()[0])
        self.told.count(done.code)

    WAYS = (order, order, order, order, deliver, reconcile)


class Retired(Actor):
    """A station that was retired and goes on trying: it gets nowhere."""

    def mint(self):
        """Mint, which is refused as soon as the ledger can be asked."""
        done = self.site.run("mint", "--quantity", 5, "--ref", self.name("retired"))
        assert done.code in (3, 6, DIED), done
        self.told.count(done.code)

    def order(self):
        """Order, which is refused then or later."""
        words = ("activate", self.a_batch()[0], "--serials", "1-3", "--line", "line-r")
        done = self.site.run(*words, "--order", self.name("retired"))
        assert done.code in (3, 4, 6, QUEUED), done
        self.told.count(done.code)

    WAYS = (mint, order)
