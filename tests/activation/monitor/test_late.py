"""What does not come is told of once, by whoever looks first."""

import pytest
from alarm_kit import Hook, Scene, numbers
from line_kit import opened

from mintmark.activation.monitor import late, watch
from mintmark.activation.monitor.late import book_late
from mintmark.activation.monitor.sending import SendResult
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.receipts import ReceiptEntry
from mintmark.codegen.ranges.serials import Range

pytestmark = pytest.mark.filterwarnings("ignore:.*imghdr.*:DeprecationWarning")


class Waiting(Scene):
    """A home of 300 codes, of which a package holds 1 to 200, and what `[alarms]` says."""

    def __init__(self, tmp_path):
        super().__init__(tmp_path)
        with self.open() as station, station.ledger.read() as view:
            (row,) = view.packages()
        self.package, self.clock.now = row.package, row.ended_at

    def open(self):
        return opened(self.home.path, self.clock)

    def limit(self, **limits):
        file = self.home.path / "mintmark.toml"
        text = "".join(f"{key} = {value}\n" for key, value in limits.items())
        file.write_text(file.read_text("utf-8").replace("[alarms]\n", f"[alarms]\n{text}"), "utf-8")

    def look(self, **past):
        self.clock.forward(**past)
        with self.open() as station:
            return book_late(station)

    def told(self, kind):
        with self.open() as station, station.ledger.read() as view:
            return [event.change for event in view.incidents(kind)]

    def order(self, name, first, last, action=Action.ACTIVATE, **more):
        self.book(c.Ordered(name, self.batch, action, (Range(first, last),), **more))

    def receipt(self, first, last, *, final):
        entry = ReceiptEntry(f"{self.package}-0", (Range(first, last),), (), 0)
        self.book(c.Receipted(self.package, (entry,), final=final, reason="unused"))


@pytest.fixture
def scene(tmp_path):
    scene = Waiting(tmp_path)
    yield scene
    scene.home.close()


def test_what_nobody_set_is_looked_for_by_nobody(scene):
    scene.order("o-1", 1, 10)
    assert scene.look(days=900) == 0


def test_a_package_without_its_final_receipt_is_told_of_once(scene):
    scene.limit(receipt_days=14)
    assert scene.look(days=14) == 0
    scene.receipt(1, 50, final=False)
    assert scene.look(seconds=1) == 1
    (incident,) = scene.told("receipt-late")
    assert incident.detail.startswith(f"no final receipt: package {scene.package} of contact li")
    assert (incident.facts.package, incident.facts.contact, incident.facts.codes) == (
        *(scene.package, "li"),
        200,
    )
    assert incident.facts.since.endswith("Z")
    assert scene.look(days=400) == 0


def test_a_package_that_is_settled_is_not_waited_for(scene):
    scene.limit(receipt_days=14)
    scene.receipt(1, 200, final=True)
    assert scene.look(days=15) == 0


def test_a_package_of_void_codes_alone_is_not_waited_for(scene):
    scene.limit(receipt_days=14, activation_days=14)
    scene.order("o-1", 1, 200, Action.VOID, reason="lost")
    assert scene.look(days=15) == 0


def test_codes_that_nobody_activates_are_told_of_once_for_a_package(scene):
    scene.limit(activation_days=60)
    scene.receipt(1, 200, final=True)
    scene.order("o-1", 1, 150)
    scene.order("o-2", 151, 160, Action.FREEZE)
    assert scene.look(days=61) == 1
    (incident,) = scene.told("activation-late")
    assert incident.detail.startswith("40 codes not activated: package ")
    assert incident.facts.codes == 40
    scene.order("o-3", 1, 10, Action.REVOKE)
    assert scene.look(days=61) == 0


def test_a_package_whose_codes_are_all_active_is_not_told_of(scene):
    scene.limit(activation_days=1)
    scene.order("o-1", 1, 200)
    assert scene.look(days=9) == 0


def test_each_order_that_waits_too_long_is_told_of_once(scene):
    scene.limit(delivery_minutes=30)
    scene.order("o-1", 1, 10)
    scene.clock.forward(minutes=20)
    scene.order("o-2", 11, 30)
    assert scene.look(minutes=10) == 0
    assert scene.look(seconds=1) == 1
    assert scene.look(seconds=1) == 0
    assert scene.look(minutes=20) == 1
    assert [incident.facts.order for incident in scene.told("delivery-late")] == ["o-1", "o-2"]
    assert [incident.facts.codes for incident in scene.told("delivery-late")] == [10, 20]
    assert "(activate) waits since" in scene.told("delivery-late")[0].detail
    scene.order("o-3", 31, 40)
    scene.book(c.Settled("o-3", "acknowledged"))
    assert scene.look(days=1) == 0


def test_a_night_of_orders_is_one_alarm(scene):
    scene.limit(delivery_minutes=30)
    for number in range(late.EACH + 1):
        scene.order(f"o-{number}", number + 1, number + 1)
    assert scene.look(minutes=31) == 1
    (incident,) = scene.told("delivery-late")
    assert incident.detail.startswith("11 orders wait since ")
    assert (incident.facts.order, incident.facts.codes) == ("o-10", 11)
    assert scene.look(days=1) == 0
    scene.order("o-last", 100, 100)
    assert scene.look(minutes=31) == 1


def test_a_clock_that_jumps_books_nothing_twice(scene):
    scene.limit(receipt_days=14, activation_days=14, delivery_minutes=30)
    scene.order("o-1", 1, 10)
    assert scene.look(days=20) == 3
    for jump in (-40, 10, 50, -900, 2_000):
        assert scene.look(days=jump) == 0


def test_two_who_look_at_once_book_once(scene):
    scene.limit(receipt_days=14)
    scene.clock.forward(days=15)
    with scene.open() as station:
        commit, others = station.ledger.commit, []

        def slow(*arguments, **options):
            if not others:
                others.append(scene.look())
            return commit(*arguments, **options)

        station.ledger.commit = slow
        assert book_late(station) == 0
    assert others == [1]
    assert len(scene.told("receipt-late")) == 1


def test_alarms_send_looks_and_sends_in_one_round_to_new_targets_too(scene):
    scene.limit(receipt_days=14)
    scene.clock.forward(days=15)
    with Hook() as hook:
        assert scene.send(boss=hook.url).targets[0].alarms == 1
        assert "没有最终回执" in hook.texts[0]
        assert scene.send(boss=hook.url).targets[0].alarms == 0
        assert len(numbers(hook)) == 1


def test_the_service_looks_once_a_minute_and_after_a_clock_was_set_back(scene, monkeypatch):
    """A look may read the whole chain, and a round comes every five seconds."""
    looks, jumps = [], iter([50, 9, 1, 59, -400, 5])

    def send(*_, late, **__):
        looks.append(late)
        scene.clock.forward(seconds=next(jumps))
        return SendResult((), examined=False)

    monkeypatch.setattr(watch, "send", send)
    with scene.open() as station:
        watch.Watch(
            station=station,
            targets=list,
            checks=(),
            wait=lambda _: None,
            stopped=lambda: len(looks) == 6,
            log=lambda *_, **__: None,
        ).run()
    assert looks == [True, False, False, True, False, True]
