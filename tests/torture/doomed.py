"""A station that is killed at every failpoint of what it does, one after another, in all weathers.

Which failpoints there are it learns from the commands, and `unseen` from the program's text.
"""

import re
from pathlib import Path

from torture.runner import DIED
from torture.shift import FINE, QUEUED, Actor

import mintmark

NEVER = 10**9
TRIES = 60
POINT = "failpoint "
LITERAL = re.compile(r"failpoint\(f?\"([^\"{]+)")


class Doomed(Actor):
    """Gives each of its `DEEDS` once to learn its failpoints, and is killed at each of them.

    `few`: so many of all deeds and failpoints; None: all.
    """

    DEEDS: tuple = ()

    def __init__(self, site, told, dice, *, brand, few):
        super().__init__(site, told, dice, 0)
        self.brand, self.few = brand, few

    def run(self):
        try:
            self.begin()
            deeds = self.DEEDS if self.few is None else self.dice.sample(self.DEEDS, self.few)
            for deed in deeds:
                points = self._points(deed)
                for point in points if self.few is None else [self.dice.choice(points)]:
                    self._killed(deed, point)
            self.finish()
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self.failed = error

    def begin(self):
        """What is there before."""

    def finish(self):
        """What must be true at last."""

    def _points(self, deed):
        """The failpoints that it passes when it comes to a good end."""
        for _ in range(TRIES):
            self.number += 1
            done = deed(self, die=NEVER)
            if done.code == FINE:
                return list(dict.fromkeys(one for one in done.points if one.startswith(POINT)))
        raise AssertionError((deed.__name__, done))

    def _killed(self, deed, point):
        """It is killed there, which may take some tries; then a person mends it, and goes on."""
        for _ in range(TRIES):
            self.number += 1
            done = deed(self, die=point)
            if done.code == DIED:
                break
        else:
            raise AssertionError((deed.__name__, point, done))
        self.told.kill(deed.__name__, point.removeprefix(POINT))
        self.told.count(DIED)
        self.again(deed)

    def again(self, deed):
        """What a person does after a crash."""
        self.until_fine("doctor", "--repair", good=(FINE, 5))

    def until_fine(self, *words, good=(FINE,), site=None):
        """Give a command until it comes to a good end."""
        for _ in range(TRIES):
            done = (site or self.site).run(*words)
            self.told.count(done.code)
            assert done.code not in (1, 5) or done.code in good, (words, done)
            if done.code in good:
                return done
        raise AssertionError((words, done))

    def deed(self, *words, **job):
        """A command that is killed, or not."""
        done = self.site.run(*words, **job)
        self.told.count(done.code)
        assert done.code not in (1, 5), (self.site.name, words, done)
        return done


class Unlucky(Doomed):
    """A station with its own line; what it orders is of a batch of its own."""

    CODES, PACKAGED, REF = 4_000, 2_000, "doomed"
    last, guests = None, 0

    def begin(self):
        words = ("mint", "--quantity", self.CODES, "--ref", self.REF, "--json")
        self.batch = self.until_fine(*words).json["batch"]
        sent = ("--to", "li", "--out", "sent")
        words = ("export", self.batch, *sent, "--serials", f"1-{self.PACKAGED}", *self.brand.key)
        for number in range(TRIES):
            password = f"pw/{self.REF}-{number}"
            done = self.deed(*words, "--password-file", password, "--json")
            if done.code == FINE:
                self._sent(done, password)
                return
        raise AssertionError(done)

    def again(self, deed):
        super().again(deed)
        # What was minted or ordered when it died is minted or ordered once.
        if self.last is not None:
            self.last()

    def _sent(self, done, password):
        with self.told.lock:
            package = done.json["package"]
            self.told.packages.append((package, self.site, password))

    def mint(self, **job):
        """Mint a batch."""
        ref = self.name("doomed")

        def give(**job):
            done = self.deed("mint", "--quantity", 300, "--ref", ref, "--json", **job)
            batch = done.json["batch"] if done.code == FINE else None
            with self.told.lock:
                self.told.mints.setdefault(ref, []).append((done.code, batch, 300))
            return done

        self.last = give
        return give(**job)

    def export(self, **job):
        """Package three codes."""
        password = f"pw/doomed-e{self.number}"
        done = self.deed(
            *("export", self.batch, "--to", "li", "--out", "sent", "--serials", "next:3"),
            *("--password-file", password, *self.brand.key, "--json"),
            **job,
        )
        if done.code == FINE:
            self._sent(done, password)
        self.last = None
        return done

    def order(self, serial=None, **job):
        """Activate one code."""
        order, serial = self.name("doomed"), serial or self.dice.randint(1, self.PACKAGED)

        def give(**job):
            words = (
                "activate",
                self.batch,
                "--serials",
                serial,
                "--line",
                f"line-{self.site.name}",
            )
            done = self.deed(*words, "--order", order, "--json", **job)
            self.told.order(order, done)
            return done

        self.last = give
        return give(**job)

    def order_away(self, **job):
        """The same while the ledger is away."""
        self.site.database.down()
        try:
            done = self.order(**job)
            # It goes on here as it may: its good end is to wait.
            return done if done.code != QUEUED else _fine(done)
        finally:
            self.site.database.up()

    def drain(self, **job):
        """Book what waited, of which one order is refused: its code is in no package."""
        self.order_away()
        self.number += 1  # another order, so another id
        self.site.database.down()
        self.order(serial=self.CODES)
        self.site.database.up()
        self.last = None
        done = self.deed("deliver", **job)
        return _fine(done) if done.code == QUEUED else done

    def welcome(self, **job):
        """Admit another station, which leaves again."""
        self.guests += 1
        name = f"guest-{self.guests}"
        guest = self.brand.site(name)
        shown = self.until_fine(
            *("station", "join", *guest.places, "--name", name, "--json"), site=guest
        )
        key, words = shown.json["station_key"], " ".join(shown.json["words"])
        admit = ("station", "admit", key, "--name", name, "--may", "mint", "--words", words)
        self.last = lambda: self.until_fine(*admit, good=(FINE, 3))
        done = self.deed(*admit, **job)
        if done.code == FINE:
            self.guest = name
        return done

    def farewell(self, **job):
        """Let a station go that was admitted."""
        self.last = None
        for _ in range(TRIES):
            if self.welcome().code == FINE:
                break
        self.last = None
        return self.deed("station", "retire", self.guest, "--reason", "left", **job)

    DEEDS = (mint, export, order, order_away, drain, welcome, farewell)


def _fine(done):
    return type(done)(FINE, done.out, done.err, done.points)


def unseen(killed, where):
    """Failpoints in the text of the program's modules that are missing in `killed`.

    `where`: module → the deeds that pass it.
    """
    root, missing = Path(mintmark.__file__).parent, []
    for module, deeds in where.items():
        found = LITERAL.findall((root / module).read_text("utf-8"))
        assert found, module
        seen = {point for deed, point in killed if deed in deeds}
        missing += [
            (module, name) for name in found if not any(one.startswith(name) for one in seen)
        ]
    return missing
