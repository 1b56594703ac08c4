"""A home with two batches on the same items, and what their packages hold."""

import csv
import io

import pyzipper
from receipt_kit import call
from receipt_kit import report as book_receipt
from station_kit import PASSPHRASE, make_home

from mintmark.codegen.ledger import changes
from mintmark.packaging.export import export
from mintmark.packaging.export_types import Fresh, Handoff, PrintOptions, Replacement, Reprint
from mintmark.packaging.profiles.files import builtin

OUT, IN = "https://q.example.cn/{code}", "HTTPS://W.EXAMPLE.CN/7/{code}"


class Pair:
    """`out` and `inner`: 30 codes each, serial by serial on the same items."""

    def __init__(self, folder, quantity=30):
        self.folder = folder
        self.home = make_home(folder)
        (folder / "pass.txt").write_bytes(PASSPHRASE.reveal())
        self.out = self.home.mint(quantity, url=OUT, role="outer").batch
        self.inner = self.home.mint(
            quantity, url=IN, role="inner", pair_of=self.out, length=12
        ).batch
        self.open()
        for contact in ("li", "wang"):
            self.station.ledger.commit(
                self.station.author, changes.ContactAdded(contact, contact.title(), None)
            )

    def open(self, station=None):
        """Go on with another station, or with the home opened anew."""
        self.station = station or self.home.station()

    def fresh(self, serials="all", profile="csv", *, contact="li", pair="inner", batch="out"):
        """An export as it is asked for; `pair` None for a package of one batch."""
        printing = PrintOptions(builtin(profile), unit_size=7)
        second = None if pair is None else getattr(self, pair, pair)
        return Fresh(getattr(self, batch), contact, printing, serials, second)

    def export(self, name, wanted, **more):
        folder, notes = self.folder, []
        handoff = Handoff(
            folder / name, folder / f"{name}.txt", self.home.key_file, folder / "pass.txt"
        )
        done = export(call(self.station, notify=notes.append, **more), wanted, handoff)
        self.notes = notes
        return done

    def package(self, name="first", serials="1-20", profile="csv"):
        return self.export(name, self.fresh(serials, profile)).package

    def reprint(self, package, name="again"):
        return self.export(name, Reprint(self.out, "li", package, "password lost"))

    def replace(self, package, name="other"):
        return self.export(name, Replacement(package))

    def files(self, name, package):
        """Entry → bytes, by an independent program."""
        password = (self.folder / f"{name}.txt").read_bytes().strip()
        with pyzipper.AESZipFile(self.folder / name / f"{package}.zip") as archive:
            archive.setpassword(password)
            return {entry: archive.read(entry) for entry in archive.namelist()}

    def rows(self, name, package):
        """serial → (code, second code)."""
        found = {}
        for entry, data in self.files(name, package).items():
            if entry.startswith("data/"):
                for row in csv.DictReader(io.StringIO(data.decode("ascii"))):
                    assert row["url"] == OUT.format(code=row["code"])
                    assert row["pair_url"] == IN.format(code=row["pair_code"])
                    found[int(row["serial"])] = row["code"], row["pair_code"]
        return found

    def due(self, *serials):
        """The same, as they were minted."""
        out, inner = self.home.codes(self.out), self.home.codes(self.inner)
        return {n: (out[n - 1], inner[n - 1]) for n in serials}

    def report(self, package, **fields):
        return book_receipt(call(self.station), package, **fields)

    def holds(self):
        """For both batches: [(state, package, serials)]."""
        with self.station.ledger.read() as view:
            return [
                [(t.value.state.value, t.value.package, str(t.serials)) for t in view.tiles(batch)]
                for batch in (self.out, self.inner)
            ]
