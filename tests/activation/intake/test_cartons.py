"""Orders for a carton from a command, a stream and a file, with a backend that answers."""

import json
from zoneinfo import ZoneInfo

import pytest
from carton_kit import home_with_cartons, pack, told, unpack
from line_kit import Backend, client, opened

from mintmark.activation.client import wire
from mintmark.activation.client.connect import VARIABLE
from mintmark.activation.delivery.api_objects import batch_of
from mintmark.activation.delivery.deliver import deliver
from mintmark.activation.intake.apply import apply
from mintmark.activation.intake.line import OrderStream
from mintmark.activation.intake.order_and_deliver import book_and_deliver
from mintmark.activation.intake.order_file import OrderFile
from mintmark.activation.orders import form, sheets
from mintmark.activation.orders.orders import OrderRequest
from mintmark.activation.orders.selection import ByCarton, BySerials, Children
from mintmark.codegen.errors import UsageError
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.lifecycle import Action, ApiState
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.scans.settings import read_tables

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def floor(tmp_path, monkeypatch):
    """A carton of 24 bottles on a pallet; the backend has taken all that was packed."""
    home, scene = home_with_cartons(tmp_path)
    with opened(home.path) as station, Backend(tmp_path / "backend", home.path) as backend:
        pack(station, (scene.cartons, 1), (scene.bottles, range(1, 25)))
        pack(station, (scene.pallets, 1), (scene.cartons, (1,)))
        told(station)
        monkeypatch.setenv(VARIABLE, backend.url)
        yield station, backend, scene


def give(station, scene, action=Action.ACTIVATE, **more):
    request = OrderRequest(action, "", ByCarton(f"{scene.pallets}:1"), **more)
    return book_and_deliver(station, request, lambda *_: None)


def there(backend, batch, serial):
    """The state of a code at the backend."""
    with client(backend.url) as http:
        page = http.batch_page(batch)
    return next(r.state for r in page.ranges if r.first <= serial <= r.last)


def settled(station):
    """The orders of codes that are settled, in turn, and as what."""
    with station.ledger.read() as view:
        changes = [event.change for event in view.events(limit=10_000)]
    orders = {change.order for change in changes if isinstance(change, c.Ordered)}
    return [
        (change.order, change.status)
        for change in changes
        if isinstance(change, c.Settled) and change.order in orders
    ]


# --- a command -----------------------------------------------------------------------------


def test_the_orders_go_out_in_turn(floor):
    station, backend, scene = floor
    done = give(station, scene, order="P1", both=True, attributes={"dealer": "D7"})
    names = ["P1", "P1.part-2", "P1.part-3"]
    assert [order.order for order in done.orders] == names
    assert [order.batch for order in done.orders] == [scene.bottles, scene.cartons, scene.caps]
    assert settled(station) == [(name, "acknowledged") for name in names]
    assert {there(backend, batch, 1) for batch in (scene.bottles, scene.cartons, scene.caps)} == {
        ApiState.ACTIVE
    }
    assert (done.exit_code, done.delivery, done.applied_count, done.items_count) == (
        *(0, "acknowledged", 49, 24),
    )
    record = next(done.records())
    assert record["orders"][1] == next(done.orders[1].records())
    assert any("passed over" in note for note in record["notes"])
    lines = list(done.lines())
    assert lines[0] == "activate 24 items, 49 codes of 3 batches"
    assert "  set      dealer = D7" in lines
    again = give(station, scene, order="P1", both=True, attributes={"dealer": "D7"})
    assert (again.repeated, again.exit_code, again.delivery) == (True, 0, "acknowledged")
    assert len(settled(station)) == 3


def test_what_was_packed_goes_out_before_it(floor):
    station, backend, scene = floor
    pack(station, (scene.cartons, 2), (scene.jars, range(1, 7)))
    pack(station, (scene.cartons, 3), (scene.bottles, range(31, 37)))
    pack(station, (scene.pallets, 2), (scene.cartons, (2, 3)))
    request = OrderRequest(Action.ACTIVATE, "", ByCarton(f"{scene.pallets}:2"), count=12)
    done = book_and_deliver(station, request, lambda *_: None)
    assert (done.exit_code, done.applied_count) == (0, 14)
    with station.ledger.read() as view:
        assert not view.queued()
    with client(backend.url) as http:
        parents = {
            link.parent.serial
            for batch in (scene.jars, scene.cartons)
            for link in http.parents_page(batch).links
        }
    assert parents == {2}  # carton 2 of the jars, pallet 2 of the cartons


def test_a_dry_run_shows_each_batch(floor):
    station, _, scene = floor
    shown = give(station, scene, dry_run=True)
    assert (shown.exit_code, shown.delivery, shown.reads) == (0, None, True)
    assert list(shown.lines()) == [
        "would activate 24 items, 25 codes of 2 batches",
        f"  {scene.bottles}  1-24 (24)",
        f"  {scene.cartons}  1 (1)",
        "  nothing was changed",
    ]
    assert not settled(station)


def test_an_order_that_the_backend_refuses_leaves_the_others(floor):
    station, backend, scene = floor
    with client(backend.url) as http:  # somebody at the backend was there before
        http.register(batch_of(station, scene.cartons))
        http.order(wire.Order("by-hand", scene.cartons, "freeze", [[1, 1]]))
    done = give(station, scene, order="P1")
    assert settled(station) == [("P1", "acknowledged"), ("P1.part-2", "refused")]
    assert (done.exit_code, done.delivery) == (6, "refused")
    assert [order.delivery for order in done.orders] == ["acknowledged", "refused"]
    assert f"    it is booked here; what the backend has: mintmark reconcile {scene.cartons}" in (
        list(done.lines())
    )
    again = give(station, scene, order="P1")
    assert (again.repeated, again.exit_code, again.delivery) == (True, 6, "refused")
    # What remains is put right as after any refused order.
    assert give(station, scene, Action.FREEZE, order="P2").orders[0].delivery == "acknowledged"


def test_a_backend_that_is_away_gets_them_in_turn_later(floor):
    station, backend, scene = floor
    backend.stop()
    done = give(station, scene, order="P1")
    give(station, scene, Action.FREEZE, order="P2")
    assert (done.exit_code, done.delivery) == (75, "queued")
    assert all(order.detail for order in done.orders[:1])
    assert "  the orders are booked here; send them with: mintmark deliver" in list(done.lines())
    backend.start()
    with client(backend.url, station) as http:
        assert deliver(station, http).exit_code == 0
    assert sorted(settled(station)) == [
        (name, "acknowledged") for name in ("P1", "P1.part-2", "P2", "P2.part-2")
    ]
    assert there(backend, scene.cartons, 1) is ApiState.FROZEN


def test_what_was_changed_since_is_told(floor):
    station, _, scene = floor
    give(station, scene, order="P1")
    request = OrderRequest(Action.FREEZE, scene.bottles, BySerials("3"))
    book_and_deliver(station, request, lambda *_: None)
    again = give(station, scene, order="P1")
    assert (again.exit_code, again.orders[0].undone) == (3, (Range(3, 3),))
    assert "    1 of its codes have changed since: 3" in list(again.lines())
    unpack(station, (scene.cartons, 1), (scene.bottles, (24,)))
    notes = []
    request = OrderRequest(Action.ACTIVATE, "", ByCarton(f"{scene.pallets}:1"), order="P1")
    again = book_and_deliver(station, request, lambda *_: None, notes.append)
    assert (again.changed, again.exit_code, again.items_count) == (True, 3, None)
    assert any("would not be today" in note for note in notes)


# --- a stream ------------------------------------------------------------------------------


def send(line, /, **order):
    return line.answer(json.dumps(order).encode())


def test_a_message_for_a_carton(floor):
    station, backend, scene = floor
    with client(backend.url) as http:
        line = OrderStream(station, http)
        message = {"action": "activate", "carton": f"{scene.pallets}:1", "order": "P1", "count": 24}
        answer = send(line, id=7, **message)
        assert (answer["id"], answer["ok"], answer["exit"]) == (7, True, 0)
        assert (answer["delivery"], answer["applied_count"]) == ("acknowledged", 25)
        assert [order["batch"] for order in answer["orders"]] == [scene.bottles, scene.cartons]
        assert send(line, **message)["repeated"]
        assert send(line, op="status", order="P1.part-2")["status"] == "acknowledged"
        freeze = {"action": "freeze", "carton": f"{scene.cartons}:1", "order": "C1"}
        answer = send(line, **freeze, children="only", both=True)
        assert [order["batch"] for order in answer["orders"]] == [scene.bottles, scene.caps]
        answer = send(line, **freeze | {"order": "C2"}, children="only", both=True)
        assert (answer["ok"], answer["exit"], answer["blocked_total"]) == (False, 3, 2)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"children": "all"}, "unknown children"),
        ({"carton": None, "children": "only"}, "no carton is named"),
        ({"carton": None}, "batch is missing"),
        ({"carton": "  "}, "batch is missing"),
        ({"batch": "A1B2-C3D4E5F6"}, "a batch is named too"),
        ({"serials": "1"}, "named once"),
        ({"both": "yes"}, "both must be true or false"),
        ({"carton": 7}, "carton must be text"),
    ],
    ids=str,
)
def test_a_malformed_message(floor, fields, why):
    station, _, scene = floor
    message = {"action": "freeze", "carton": f"{scene.cartons}:1", **fields}
    answer = send(OrderStream(station, None), **message)
    assert (answer["ok"], answer["exit"]) == (False, 2)
    assert why in answer["error"]


def test_a_stream_reads_a_carton_as_its_reader_does(tmp_path):
    home, scene = home_with_cartons(tmp_path)
    label = home.codes(scene.cartons)[0]
    home.close()
    tables = {"tunnel": {"prefix": ["SC{digits}:"]}}
    with opened(home.path) as station:
        pack(station, (scene.cartons, 1), (scene.jars, (7,)))
        message = {"action": "freeze", "carton": f"SC12:{label}", "dry_run": True}
        reader = read_tables(tables)["tunnel"]
        assert send(OrderStream(station, None, reader=reader), **message)["applied_count"] == 2
        answer = send(OrderStream(station, None), **message)
        assert (answer["exit"], answer["ok"]) == (4, False)
        assert label not in json.dumps(answer)


# --- a file --------------------------------------------------------------------------------

HEAD = "action,batch,serials,carton,children,both,order\n"


def applied(station, *rows, head=HEAD, http=None):
    return apply(station, http, OrderFile(sheets.read("".join([head, *rows]).encode())))


def test_a_row_for_a_carton_has_a_result_for_each_order(floor):
    station, backend, scene = floor
    rows = (
        f"activate,,,{scene.cartons}:1,only,yes,C1\n",
        f"activate,{scene.jars},1-9,,,,J1\n",
        f"activate,,,{scene.pallets}:1,,,P1\n",
        f"activate,,,{scene.cartons}:2,,,C2\n",
    )
    with client(backend.url) as http:
        done = applied(station, *rows, http=http)
        results = [(item.row, item.order, item.batch, item.status) for item in done.results]
        assert results == [
            (2, "C1", scene.bottles, "acknowledged"),
            (2, "C1.part-2", scene.caps, "acknowledged"),
            (3, "J1", scene.jars, "acknowledged"),
            (4, "P1", None, "refused"),  # the bottles are active by now
            (5, "C2", None, "refused"),  # nothing is in it
        ]
        again = applied(station, *rows[:2], http=http)
        assert (again.repeated, again.exit_code) == (3, 0)
        unpack(station, (scene.cartons, 1), (scene.bottles, (24,)))
        again = applied(station, *rows[:2], http=http)
    assert (again.undone, again.exit_code) == (1, 3)
    first = again.results[0]
    assert (first.changed, first.exit) == (True, 3)
    assert "would not be today" in first.detail
    assert any("would not be today" in line for line in again.lines())


def test_a_file_holds_no_code(floor):
    station, _, scene = floor
    for text in ("ABCDEFGHJKLM", "https://t.example.com/ABCDEFGHJKLM", "CARTON-7"):
        done = applied(station, f"freeze,,,{text},,,C1\n")
        assert done.exit_code == 3
        assert "neither BATCH:SERIAL nor an SSCC" in done.results[0].detail
        assert "ABCDEF" not in repr(done)
        with pytest.raises(UsageError, match="neither BATCH:SERIAL nor an SSCC"):
            form.from_object({"action": "freeze", "carton": text}, ZONE)
        message = form.from_object({"action": "freeze", "carton": text}, ZONE, form.MESSAGE_FIELDS)
        assert message.selection == ByCarton(text)  # a message is kept by nobody
    sscc = "106141411234567897"
    address = f"https://id.example.com/00/{sscc}"
    printed, counted = "(00) 1 0614141 123456789 7", f"(00){sscc}(37)24"
    for text in (f"{scene.cartons}:1", sscc, f"00{sscc}", f"(00){sscc}", address, printed, counted):
        assert form.from_row({"action": "freeze", "carton": text}, ZONE).selection.carton == text
        assert form.from_object({"action": "freeze", "carton": text}, ZONE).batch == ""


def test_a_carton_cut_short_is_another_carton():
    head = "action,batch,carton\n"
    row = "freeze,,A1B2-C3D4E5F6:1"
    assert sheets.read(f"{head}{row}2\n".encode())[0].fields["carton"] == "A1B2-C3D4E5F6:12"
    with pytest.raises(UsageError, match="a carton's serial that may go on"):
        sheets.read(f"{head}{row}".encode())
    assert sheets.read(f"{head}freeze,,106141411234567897".encode())


def test_a_file_of_cartons_needs_no_batch():
    rows = sheets.read(b"action,carton\nfreeze,A1B2-C3D4E5F6:1\n")
    request = rows[0].request(ZONE)
    assert (request.batch, request.selection.children) == ("", Children.WITH)
    with pytest.raises(UsageError, match="no column batch"):
        sheets.read(b"action,serials\nfreeze,1\n")
