"""Windows, gates and dealers' scan-ins travel, are compared and are corrected, beside a backend."""

import pytest
from backend_kit import Clock
from line_kit import Backend, client, home_with_batches, opened

from mintmark.activation.client import wire
from mintmark.activation.delivery.deliver import deliver
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.activation.reconcile.comparison import Pair, attribute_patch, steps
from mintmark.activation.reconcile.reconcile import reconcile
from mintmark.codegen.ranges.aggregation import CodeRanges
from mintmark.codegen.ranges.attributes import from_json, to_json
from mintmark.codegen.ranges.lifecycle import Action, ApiState, Standing, State
from mintmark.codegen.ranges.serials import Range

DECEMBER = {
    "from": "2026-12-01T00:00:00+08:00",
    "until": "2027-01-01T00:00:00+08:00",
    "daily": ["18:00+08:00", "22:00+08:00"],
    "attributes": {"campaign": "DEC", "lot": None},
}


class Scene:
    """A home and its backend on one clock; the backend can be replaced by a fresh one."""

    def __init__(self, folder):
        self.folder, self.clock = folder, Clock()
        self.home, (self.batch,) = home_with_batches(folder)
        self.codes = self.home.codes(self.batch)
        self.station = None
        self.fresh()

    def fresh(self):
        self.number = getattr(self, "number", 0) + 1
        if self.number > 1:
            self.backend.stop()
        data = self.folder / f"backend-{self.number}"
        self.backend = Backend(data, self.home.path, now=self.clock).start()

    def order(self, action, serials, **attributes):
        request = OrderRequest(
            Action(action), self.batch, BySerials(serials), attributes=attributes
        )
        book(self.station, request)
        with client(self.backend.url) as line:
            assert not deliver(self.station, line).queued

    def reconcile(self, **more):
        with client(self.backend.url) as line:
            return reconcile(self.station, line, self.batch, **more)

    def scan_in(self, name, dealer, serials=(), codes=()):
        ranges = (CodeRanges(self.batch, (Range(*serials),)),) if serials else ()
        with client(self.backend.url) as platform:
            return platform.put_scan_in(wire.ScanIn(name, dealer, tuple(codes), ranges))

    def there(self, serial):
        with client(self.backend.url) as line:
            page = line.batch_page(self.batch, serial - 1)
        return dict(page.ranges[0].attributes)

    def here(self, serial):
        with self.station.ledger.read() as view:
            return to_json(view.at(self.batch, serial).attributes)


@pytest.fixture
def scene(tmp_path):
    scene = Scene(tmp_path)
    with opened(scene.home.path, scene.clock) as scene.station:
        yield scene
    scene.backend.stop()


def test_a_window_travels_whole_and_both_sides_agree(scene):
    scene.order("activate", "1-100", **{"window.dec": DECEMBER, "campaign": "NOV"})
    assert scene.there(1)["window.dec"] == DECEMBER == scene.here(1)["window.dec"]
    assert scene.reconcile().equal
    scene.order("assign", "1-50", **{"window.dec": None})
    assert "window.dec" not in scene.there(1)
    assert scene.there(51)["window.dec"] == DECEMBER
    assert scene.reconcile().equal


def test_reconciling_sets_windows_gates_and_scan_ins_and_takes_foreign_ones_away(scene):
    scene.order("activate", "1-100", **{"window.dec": DECEMBER, "gate": "scan_in"})
    scene.scan_in("in-1", "D7", (11, 20))
    other = {**DECEMBER, "attributes": {"campaign": "XII"}}
    with client(scene.backend.url) as line:
        patch = {"window.dec": other, "window.own": DECEMBER, "gate": None}
        line.order(wire.Order("by-hand", scene.batch, "assign", [[1, 30]], attributes=patch))
    found = scene.reconcile()
    assert found.different == 30
    assert not found.equal
    assert any("window.dec=" in line and "campaign=DEC" in line for line in found.lines())
    assert scene.reconcile(apply=True).equal
    assert scene.there(1) == scene.here(1) == {"window.dec": DECEMBER, "gate": "scan_in"}
    assert scene.there(11)["dealer"] == "D7"


def test_a_scan_in_is_read_back_before_the_two_sides_are_compared(scene):
    scene.order("activate", "1-100", gate="scan_in")
    scene.scan_in("in-1", "D7", (1, 40))
    found = scene.reconcile(apply=True)
    assert found.equal
    assert not found.orders
    assert scene.here(40) == scene.there(40)
    assert scene.here(40)["dealer"] == "D7"


def test_deliver_reads_back_what_a_dealer_scanned_in_once(scene):
    scene.order("activate", "1-100")
    assert scene.scan_in("in-1", "D7", codes=scene.codes[:3]).opened_count == 3
    scene.clock.forward(minutes=5)
    assert scene.scan_in("in-2", "D8", (3, 4), scene.codes[9:10]).opened_count == 3
    with client(scene.backend.url) as line:
        assert [deliver(scene.station, line).scan_ins for _ in range(2)] == [2, 0]
    dealers = [scene.here(serial).get("dealer") for serial in (1, 2, 3, 4, 5, 10)]
    assert dealers == ["D7", "D7", "D8", "D8", None, "D8"]
    assert scene.here(3)["scanned_in"] == "2026-11-22T12:05:00Z" == scene.there(3)["scanned_in"]


def test_a_fresh_backend_gets_the_scan_ins_of_before_and_tells_new_ones(scene):
    scene.order("activate", "1-100", gate="scan_in")
    scene.scan_in("in-1", "D7", (1, 10))
    scene.scan_in("in-2", "D7", (11, 20))
    scene.reconcile()
    scene.fresh()
    assert scene.reconcile(apply=True).equal
    assert scene.there(15) == scene.here(15)
    assert scene.there(15)["dealer"] == "D7"
    scene.scan_in("in-9", "D9", (21, 30))
    assert scene.reconcile(apply=True).equal
    assert scene.here(21)["dealer"] == "D9"
    assert scene.here(1)["dealer"] == "D7"


def test_the_same_instant_in_another_spelling_is_another_scan_in_time():
    ours = Standing(State.ACTIVE, attributes=from_json({"scanned_in": "2026-12-01T00:00:00Z"}))
    there = {"scanned_in": "2026-12-01T08:00:00+08:00"}
    pair = Pair(Range(1, 1), ours, wire.RangeState(1, 1, ApiState.ACTIVE, there, 0))
    assert attribute_patch(pair) == {"scanned_in": "2026-12-01T00:00:00Z"}


def test_corrections_of_windows_that_are_alike_are_one_order():
    ours = Standing(State.ACTIVE, attributes=from_json({"window.dec": DECEMBER}))
    found = [
        Pair(Range(n, n), ours, wire.RangeState(n, n, ApiState.ACTIVE, {}, 0)) for n in (1, 2, 5)
    ]
    (step,) = steps(found, 1_000)
    assert step.serials == (Range(1, 2), Range(5, 5))
    assert step.attributes == {"window.dec": DECEMBER}
