"""A backend that says what a test says of scans in the market, and a home beside it."""

from contextlib import contextmanager

from backend_kit import Clock
from line_kit import home_with_batches, opened

from mintmark.activation.client import wire
from mintmark.activation.monitor.trace import TraceRequest, trace
from mintmark.codegen import times
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range


class Told:
    """What a backend answers: rows of refused scans, of repeats, and of regions by batch.

    `lacking`: addresses that it does not have. `asked`: the addresses it was asked for.
    """

    def __init__(self, clock):
        self.clock, self.lacking, self.asked, self.size = clock, set(), [], 2
        self.refused, self.repeated, self.by_region = [], [], {}

    def stop(self, batch, serial, state="frozen", count=1, first=None):
        at = times.format_utc(first or self.clock())
        self.refused.append(
            wire.RefusedScan(batch, serial, state, at, times.format_utc(self.clock()), count)
        )

    def repeat(self, batch, serial, scans):
        at = times.format_utc(self.clock())
        self.repeated.append(wire.Repeat(batch, serial, scans, at, at))

    def see(self, batch, region, *examples, first=1, last=300, codes=None, scans=None):
        at = times.format_utc(self.clock())
        codes = len(examples) if codes is None else codes
        row = wire.RegionScans(first, last, region, codes, scans or codes, at, at, examples)
        self.by_region.setdefault(batch, []).append(row)

    # --- the methods of a client

    def batch_page(self, batch, after=0, **_):
        info = wire.Batch(batch, "HM00-000000000000", "01", 16, "crockford32", 1, "s", "k")
        return wire.BatchPage(info, (), None)

    def scan_ins(self, after=0):
        return None

    def unknown_scans(self, after=0):
        return wire.UnknownPage((), None)

    def refused_scans(self, after=0):
        self.asked.append(("refused", after))
        if "refused-scans" in self.lacking:
            return None
        part = tuple(self.refused[after : after + self.size])
        end = after + len(part)
        return wire.RefusedPage(part, end if end < len(self.refused) else None)

    def repeats(self, over=1, after=None):
        self.asked.append(("repeats", after))
        if "repeats" in self.lacking:
            return None
        start = 0 if after is None else int(after)
        rows = tuple(row for row in self.repeated if row.scans > over)[start:]
        more = len(rows) > self.size
        return wire.RepeatsPage(rows[: self.size], str(start + self.size) if more else None)

    def regions(self, batch, after=0):
        self.asked.append(("regions", batch))
        if "regions" in self.lacking:
            return None
        return wire.RegionsPage(batch, tuple(self.by_region.get(batch, ())), None)


class Market:
    """A home of 300 codes, 1 to 200 in a package, all of them active; and `told` beside it."""

    def __init__(self, tmp_path):
        self.clock = Clock()
        self.home, (self.batch,) = home_with_batches(tmp_path)
        self.told, self.orders = Told(self.clock), 0
        self.order("activate", 1, 200)

    @contextmanager
    def open(self, failpoint=None):
        with opened(self.home.path, self.clock) as station:
            station.failpoint = failpoint or station.failpoint
            yield station

    def book(self, *changes):
        with self.open() as station:
            station.ledger.commit(station.author, *changes)

    def order(self, action, first, last, *, settled=True, batch=None, **more):
        self.orders += 1
        name = f"o-{self.orders}"
        serials = (Range(first, last),)
        self.book(c.Ordered(name, batch or self.batch, Action(action), serials, **more))
        if settled:
            self.book(c.Settled(name, "acknowledged"))
        return name

    def pack(self, cartons, carton, first, last):
        """Codes of the batch lie in a carton."""
        parent = CodeRanges(cartons, (Range(carton, carton),))
        children = (CodeRanges(self.batch, (Range(first, last),)),)
        self.orders += 1
        self.book(c.Associated(f"o-{self.orders}", Packing.ASSOCIATE, parent, children))

    @property
    def package(self):
        with self.open() as station, station.ledger.read() as view:
            return view.packages()[0].package

    def trace(self, failpoint=None, told=None, **asked):
        with self.open(failpoint) as station:
            return trace(station, told or self.told, "backend", TraceRequest(**asked))

    def incidents(self, kind):
        with self.open() as station, station.ledger.read() as view:
            return [event.change for event in view.incidents(kind)]

    def limit(self, **limits):
        file = self.home.path / "mintmark.toml"
        text = "".join(f"{key} = {value}\n" for key, value in limits.items())
        whole = file.read_text("utf-8").replace("[alarms]\n", f"[alarms]\n{text}")
        file.write_text(whole, "utf-8")
