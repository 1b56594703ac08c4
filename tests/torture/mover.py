"""A factory that moves its books and its batches to the shared servers and back, and is killed."""

import re

import postgres_kit
from torture.doomed import Doomed
from torture.runner import DIED
from torture.shift import FINE
from torture.storm import Faults


class Mover(Doomed):
    """A home of its own beside the brand's, on another database server and in the same bucket."""

    def begin(self):
        site = self.site
        key = (
            "--custodian-key",
            "custodian.key",
            "--passphrase-file",
            self.brand.safe / "pass.txt",
        )
        site.run("init", *key, due=(FINE,))
        site.run("key", "new", "line-m", due=(FINE,))
        for number in range(2):
            site.run("mint", "--quantity", 50, "--ref", f"moved-{number}", due=(FINE,))
        self.trips = 0

    def finish(self):
        self.until_fine("audit", "verify")
        assert len(self.until_fine("batch", "list", "--json").json["batches"]) == 2
        self.until_fine("doctor", "--deep")

    def again(self, deed):
        """The same again, until it is there."""
        self.until_fine(*self.last)

    def _database(self):
        """The address of an empty database, by way of a network."""
        network = self.brand.network(postgres_kit.cluster().database())
        network.fault = Faults(self.dice.random(), share=0.2)
        return network.url

    def _to(self, what, place):
        """The words of a move."""
        more = ()
        if what == "vault" and place != "local":
            more = ("--vault-endpoint", self.site.bucket.url)
        self.last = (what, "move", "--to", place, *more)
        return self.last

    def _move(self, what, place, **job):
        done = self.deed(*self._to(what, place), **job)
        if done.code not in (FINE, DIED):
            # What was begun is ended; it can be begun for another place only then.
            self.until_fine(*self.last)
        return done

    def _is(self, ledger, vault):
        """Bring both to where they must be before."""
        if not vault:
            self._bring("vault", wanted=False)
        self._bring("ledger", ledger)
        self._bring("vault", vault)

    def _bring(self, what, wanted):
        text = (self.site.home / "mintmark.toml").read_text("utf-8")
        section = re.search(rf"^\[{what}\][^\[]*^url = \"(\S+)\"", text, re.MULTILINE)
        there = section is not None
        if there == wanted:
            return
        self.until_fine(*self._to(what, self._new(what) if wanted else "local"))

    def _new(self, what):
        self.trips += 1
        if what == "ledger":
            return self._database()
        return f"{self.site.vault}/moved-{self.trips}"

    def ledger_there(self, **job):
        """To a database."""
        self._is(ledger=False, vault=False)
        return self._move("ledger", self._new("ledger"), **job)

    def vault_there(self, **job):
        """To the bucket."""
        self._is(ledger=True, vault=False)
        return self._move("vault", self._new("vault"), **job)

    def vault_back(self, **job):
        """Into the folder."""
        self._is(ledger=True, vault=True)
        return self._move("vault", "local", **job)

    def ledger_back(self, **job):
        """Into a file."""
        self._is(ledger=True, vault=False)
        return self._move("ledger", "local", **job)

    DEEDS = (ledger_there, vault_there, vault_back, ledger_back)
