"""Any change at all, drawn at random: most are sensible, many are refused."""

import dataclasses
from datetime import timedelta

from ledger_kit import (
    CUSTODIAN,
    LINE,
    START,
    STATION,
    author,
    begun,
    correction,
    holders,
    minted,
    ordered,
    packaged,
    packed,
    public,
    ranges,
    receipt,
    reprint,
    scanned_in,
    scheduled,
    stored,
    unpacked,
    with_package,
    with_ssccs,
)

from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger import changes as c

SIZE = 300
HALL = author(7)  # may order, and no more


class Drawn:
    """Changes drawn with `rng`, about the things that it drew before."""

    def __init__(self, rng):
        self._rng = rng
        self._new = 0
        self._fresh = []  # where the last names are, which may never come to be
        self.orders, self.packages = ["O1"], ["PX", "PY"]
        self.batches, self.keys = ["X", "X", "Y", "Y", "C"], ["key-7"]

    def begin(self, ledger):
        """Some batches to draw from, and a station that may only order."""
        twin = dataclasses.replace(minted("Y", SIZE), pair_of="X")
        ledger.commit(STATION, minted("X", SIZE), twin, holders("C", 9))
        ledger.commit(
            STATION, c.KeyAdded("key-7", "station", "hall", public(7), may=("order", "export"))
        )
        for batch in "XY":
            with_package(ledger, batch, f"P{batch}", (1, SIZE // 2))
        with_package(ledger, "C", "PC", (1, 9))
        ledger.commit(STATION, ordered("N0", "X", "activate", (1, SIZE // 4)))

    def author(self):
        """Mostly one that may."""
        return self._rng.choice((*[STATION] * 9, LINE, HALL, CUSTODIAN))

    def changes(self):
        """Some changes to be booked together."""
        kinds = self._rng.choices(range(len(_KINDS)), [weight for _, weight in _KINDS], k=5)
        most = self._rng.choice((1, 1, 1, 1, 2, 4))
        return [change for kind in kinds[:most] for change in _KINDS[kind][0](self)]

    def one_of(self, things):
        """One of them."""
        return self._rng.choice(things)

    def name(self, things, prefix):
        """A new name among `things`; now and then one that is taken."""
        if self._rng.random() < 0.1:
            return self.one_of(things)
        self._new += 1
        things.append(f"{prefix}{self._new}")
        self._fresh.append(things)
        return things[-1]

    def done(self, *, booked):
        """The changes drawn last are booked, or their names are mostly forgotten."""
        if not booked and self._rng.random() < 0.9:
            for things in self._fresh:
                things.pop()
        self._fresh.clear()

    def span(self, most=SIZE):
        """Serials of a batch, from first to last."""
        first = self._rng.randint(1, most)
        return first, min(
            first + self._rng.choice((0, 1, 5, 20)), most + (self._rng.random() < 0.05)
        )

    def spans(self):
        """One, or two apart."""
        low, high = self.span(SIZE // 2), self.span()
        return [low, high] if low[1] + 1 < high[0] and self._rng.random() < 0.4 else [high]

    def guard(self):
        """One that looks around, breaks a reading off half-way, and may say no; what it saw."""
        batch, package, order = map(self.one_of, (self.batches, self.packages, self.orders))
        pieces, no, seen = ranges(self.span(SIZE - 1)), self._rng.random() < 0.1, []

        def guard(view):
            seen.append(view.counts(batch))
            seen.append(view.tiles(batch))
            links = view.parents(batch, pieces)
            seen.append(next(iter(links), None))
            seen.append(next(view.select(batch, pieces), None))
            seen.append(view.find_order(order))
            seen.append(view.packages(batch))
            seen.append((view.head(), view.without_receipt(batch), view.states_by_package()))
            seen.append((package, view.lost_units(batch, pieces)))
            if no:
                raise Refused("no")

        return guard, seen


def _ordered(drawn):
    action = drawn.one_of(
        ("activate", "activate", "activate", "void", "freeze", "unfreeze", "assign", "unvoid")
    )
    more = {"reason": "damaged"} if action == "void" else {}
    more |= {"attributes": {"lot": drawn.one_of("AB")}} if action == "assign" else {}
    order, batch = drawn.name(drawn.orders, "N"), drawn.one_of(drawn.batches)
    spans = [drawn.span(9)] if batch == "C" else drawn.spans()
    yield ordered(order, batch, action, *spans, **more)


def _packing(drawn):
    first, _ = drawn.span(9)
    how = packed if drawn.one_of((1, 0)) else unpacked
    parents = ("C", (first, first))
    if how is unpacked and drawn.one_of((1, 0)):
        parents = None
    parts = [(batch, drawn.span()) for batch in drawn.one_of(("X", "Y", "XY"))]
    yield how(drawn.name(drawn.orders, "A"), parents, *parts)


def _settled(drawn):
    status = drawn.one_of(("acknowledged", "refused", "cancelled"))
    yield c.Settled(drawn.one_of(drawn.orders), status, drawn.one_of((None, "no")))


def _incident(drawn):
    facts = c.IncidentFacts(batch=drawn.one_of(drawn.batches), serials=ranges(drawn.span()))
    yield c.Incident("noticed", "something", drawn.one_of((None, facts)))


def _exporting(drawn):
    package, batch = drawn.name(drawn.packages, "E"), drawn.one_of("XXXY")
    spans = drawn.spans()
    kind = drawn.one_of(("new", "new", "new", "pair", "reprint", "replace"))
    if kind == "reprint":
        yield reprint(package, drawn.one_of(drawn.packages), batch, *spans)
    elif kind == "replace":
        old = drawn.one_of(drawn.packages)
        yield c.ExportBegun(package, batch, ranges(*spans), "li", "csv", replaces=old, reason="r")
    elif kind == "pair" and batch == "X":
        yield c.ExportBegun(package, batch, ranges(*spans), "li", "csv", pair="Y", copies=2)
    else:
        yield begun(package, batch, *spans)
    end = drawn.one_of(("packaged", "packaged", "abandoned", "later"))
    if end == "packaged":
        yield packaged(package, *spans)
    elif end == "abandoned":
        yield c.ExportAbandoned(package, "interrupted")


def _export_ended(drawn):
    package = drawn.one_of(drawn.packages)
    yield drawn.one_of((packaged(package, *drawn.spans()), c.ExportAbandoned(package, "late")))


def _receipt(drawn):
    package, span = drawn.one_of(drawn.packages), drawn.span()
    unit, final = drawn.one_of((None, f"{package}-1")), drawn.one_of((False, False, True))
    kind = drawn.one_of(("printed", "spoiled", "number", "corrected", "corrected"))
    if kind == "printed":
        yield receipt(package, unit, printed=[span], final=final)
    elif kind == "number":
        yield receipt(package, unit, number=drawn.one_of((1, 2)), final=final)
    elif kind == "spoiled":
        batch = package[1] if package in ("PX", "PY") else "X"
        yield ordered(drawn.name(drawn.orders, "V"), batch, "void", span, reason="misprint")
        yield receipt(package, unit, spoiled=[span], final=final)
    else:
        yield correction(package, unit, printed=[span], number=drawn.one_of((None, 0, 1)))


def _label(drawn):
    package = drawn.one_of(drawn.packages)
    status = drawn.one_of(("received", "mounted", "used", "lost"))
    yield drawn.one_of(
        (
            c.UnitMoved(package, f"{package}-1", status, drawn.one_of((None, "dock"))),
            c.LabelsVerified(package, (f"{package}-1",), ranges(drawn.span()), 1, 21),
        )
    )


def _scheduled(drawn):
    order, batch, span = drawn.name(drawn.orders, "S"), drawn.one_of("XY"), drawn.span()
    at = START + timedelta(hours=drawn.one_of(range(50)))
    yield scheduled(order, batch, "freeze", span, at=at)
    end = drawn.one_of(("later", "booked", "cancelled"))
    if end == "booked":
        yield c.ScheduleEnded(order, "booked")
        yield ordered(order, batch, "freeze", span)
    elif end == "cancelled":
        yield c.ScheduleEnded(drawn.one_of(drawn.orders), "cancelled", "not wanted")


def _scanned(drawn):
    number = drawn.one_of(range(99))
    part = (drawn.one_of("XXY"), drawn.span())
    yield scanned_in(drawn.name(drawn.orders, "I"), number, part, dealer=drawn.one_of("DE"))


def _minted(drawn):
    batch = drawn.name(drawn.batches, "M")
    first = drawn.one_of(range(30))
    yield drawn.one_of(
        (
            minted(batch, SIZE, ref=drawn.one_of((None, "R1", "R2", "R3"))),
            with_ssccs(batch, 9, "carton", first),
        )
    )
    if drawn.one_of((1, 0)):
        yield stored(batch, attempt=drawn.one_of((1, 2, 3)))


def _stored(drawn):
    yield stored(drawn.one_of(drawn.batches), "wraps", attempt=drawn.one_of(range(9)))


def _roster(drawn):
    kind = drawn.one_of(("line", "station", "revoked", "contact"))
    key, letter = drawn.name(drawn.keys, "key-n"), drawn.one_of((11, 12, 13))
    if kind == "contact":
        yield c.ContactAdded(drawn.name(drawn.keys, "li-"), "\u674e", None)
    elif kind == "revoked":
        yield c.KeyRevoked(drawn.one_of([*drawn.keys, "key-5"]), "lost")
    else:
        may = ("mint",) if kind == "station" else None
        yield c.KeyAdded(key, kind, key, public(letter), may=may)


_KINDS = (
    (_ordered, 30),
    (_packing, 12),
    (_settled, 12),
    (_incident, 2),
    (_exporting, 12),
    (_export_ended, 4),
    (_receipt, 10),
    (_label, 6),
    (_scheduled, 5),
    (_scanned, 5),
    (_minted, 3),
    (_stored, 2),
    (_roster, 3),
)
