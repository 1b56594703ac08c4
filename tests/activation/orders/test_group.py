"""Orders for a carton, and for both codes of an item: what they name, what guards them."""

import contextlib
import tempfile
from pathlib import Path
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from carton_kit import exported, home_with_cartons, pack, packing, unpack
from hypothesis import given, settings
from hypothesis import strategies as st
from line_kit import URL, opened
from patience import PATIENCE

from mintmark.activation.orders import group
from mintmark.activation.orders.group import place
from mintmark.activation.orders.listing import cancel
from mintmark.activation.orders.named import finder
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.parts import member_id
from mintmark.activation.orders.plan import plan
from mintmark.activation.orders.selection import (
    ByCarton,
    ByConditions,
    BySerials,
    ByUnit,
    Children,
)
from mintmark.activation.orders.spans import reader
from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ledger.changes import Ordered, UnitMoved
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.mint_sscc import sscc_of
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.ranges.where import conditions


@pytest.fixture
def made(tmp_path):
    home, scene = home_with_cartons(tmp_path)
    with opened(home.path) as station:
        yield station, scene


@pytest.fixture
def pallet(made):
    """A pallet of two cartons: bottles 1-24 in carton 1, bottles 31-54 in carton 2."""
    station, scene = made
    pack(station, (scene.cartons, 1), (scene.bottles, range(1, 25)))
    pack(station, (scene.cartons, 2), (scene.bottles, range(31, 55)))
    pack(station, (scene.pallets, 1), (scene.cartons, (1, 2)))
    return station, scene


def carton(ref, action=Action.ACTIVATE, children=Children.WITH, **more):
    return OrderRequest(action, "", ByCarton(str(ref), children), **more)


def codes(placed):
    """Batch → the serials that the orders name."""
    found = {}
    for order in placed.orders:
        found.setdefault(order.change.batch, []).extend(order.change.serials)
    return {batch: [piece.pair() for piece in serials.union(p)] for batch, p in found.items()}


def ordered(station):
    with station.ledger.read() as view:
        return [e.change for e in view.events(limit=10_000) if isinstance(e.change, Ordered)]


def states(station, batch, first, last):
    with station.ledger.read() as view:
        tiles = view.select(batch, (Range(first, last),))
        return {tile.value.state for tile in tiles}


# --- which codes ---------------------------------------------------------------------------


def test_a_pallet_is_ordered_with_all_that_is_in_it(pallet):
    station, scene = pallet
    placed = place(station, carton(f"{scene.pallets}:1", count=48, order="pallet-1"))
    assert codes(placed) == {scene.bottles: [[1, 24], [31, 54]], scene.cartons: [[1, 2]]}
    assert [order.change.order for order in placed.orders] == ["pallet-1", "pallet-1.part-2"]
    assert placed.group.items == 48
    (note,) = placed.group.notes
    assert f"batch {scene.pallets}, 1: passed over" in note  # it was never exported
    assert states(station, scene.bottles, 1, 24) == states(station, scene.cartons, 1, 2)
    assert states(station, scene.bottles, 25, 30) == {State.PACKAGED}
    assert states(station, scene.pallets, 1, 6) == {State.SEALED}
    assert verify(station.ledger).ok


def test_without_the_carton_itself(pallet):
    station, scene = pallet
    one = place(station, carton(f"{scene.cartons}:1", children=Children.ONLY, dry_run=True))
    assert codes(one) == {scene.bottles: [[1, 24]]}
    alone = place(station, carton(f"{scene.cartons}:1", dry_run=True))
    assert codes(alone) == {scene.bottles: [[1, 24]], scene.cartons: [[1, 1]]}
    assert not ordered(station)


def test_a_code_as_it_is_scanned_and_an_sscc(tmp_path):
    home, scene = home_with_cartons(tmp_path)
    label = home.codes(scene.cartons)[6]
    home.close()
    with opened(home.path) as station:
        pack(station, (scene.cartons, 7), (scene.jars, (3, 9)))
        pack(station, (scene.pallets, 2), (scene.cartons, (7,)))
        with station.ledger.read() as view:
            sscc = sscc_of(view.batch(scene.pallets), 2)
        for text in (label, f"https://t.example.com/{label}", f"{scene.cartons}:7"):
            placed = place(station, carton(text, dry_run=True))
            assert codes(placed) == {scene.jars: [[3, 3], [9, 9]], scene.cartons: [[7, 7]]}
        for text in (sscc, f"00{sscc}", f"(00){sscc}"):
            assert codes(place(station, carton(text, dry_run=True)))[scene.cartons] == [[7, 7]]


def test_what_is_no_carton_and_what_is_empty(made):
    station, scene = made
    pack(station, (scene.cartons, 1), (scene.bottles, (5,)))
    for text, error, why in (
        (f"{scene.cartons}:2", Refused, f"nothing lies in carton {scene.cartons}:2"),
        (f"{scene.bottles}:5", Refused, "is no carton and no pallet: its role is inner"),
        (f"{scene.jars}:1", Refused, "its role is item"),
        (f"{scene.cartons}:31", NotFound, "no code of this home"),
        ("A1B2-C3D4E5F6:1", NotFound, "no code of this home"),
        ("ABCDEFGHJKLM", NotFound, "no code of this home"),
        ("006901234000000001", NotFound, "no code of this home"),
    ):
        with pytest.raises(error, match=why) as refused:
            place(station, carton(text))
        assert refused.value.hints
    with pytest.raises(Refused) as refused:
        place(station, carton(f"{scene.bottles}:5"))
    assert refused.value.hints[0] == f"what it lies in: --carton {scene.cartons}:1"
    assert not ordered(station)


def test_a_batch_beside_a_carton_could_mean_two_things(pallet):
    station, scene = pallet
    request = OrderRequest(Action.ACTIVATE, scene.bottles, ByCarton(f"{scene.cartons}:1"))
    with pytest.raises(UsageError, match="a batch is named too"):
        place(station, request)


@st.composite
def trees(draw):
    """(child, parent) → of bottles and jars in cartons, of cartons in later cartons or pallets."""
    links = {}
    for kind in ("bottles", "jars"):
        for serial in draw(st.sets(st.integers(1, 40), max_size=15)):
            links[kind, serial] = ("cartons", draw(st.integers(1, 8)))
    for serial in range(1, 9):
        to = draw(
            st.one_of(
                st.none(),
                st.tuples(st.just("cartons"), st.integers(serial + 1, 9)),
                st.tuples(st.just("pallets"), st.integers(1, 2)),
            )
        )
        if to:
            links["cartons", serial] = to
    return links


@settings(max_examples=20, deadline=None)
@given(links=trees(), both=st.booleans())
def test_what_is_ordered_is_what_is_in_the_tree(links, both):
    with tempfile.TemporaryDirectory() as folder:
        home, scene = home_with_cartons(Path(folder))
        with opened(home.path) as station:
            _check_tree(station, scene, links, both=both)


def _check_tree(station, scene, links, *, both):
    inside = {}
    for child, parent in links.items():
        inside.setdefault(parent, set()).add(child)
    packings = []
    for (kind, serial), children in inside.items():
        parts = {}
        for of, number in children:
            parts.setdefault(getattr(scene, of), []).append(number)
        packings.append(packing(station, (getattr(scene, kind), serial), *parts.items()))
    if packings:
        station.ledger.commit(station.author, *packings)

    def below(parent):
        direct = inside.get(parent, set())
        return direct.union(*map(below, direct))

    for parent in inside:
        for children in Children:
            wanted = below(parent) | ({parent} if children is Children.WITH else set())
            items = {each for each in wanted if each not in inside}
            if both:
                wanted |= {("caps", n) for kind, n in wanted if kind == "bottles"}
            wanted = {each for each in wanted if each[0] != "pallets"}  # these bear SSCCs alone
            ref = f"{getattr(scene, parent[0])}:{parent[1]}"
            request = carton(ref, children=children, both=both, dry_run=True)
            if both and not any(kind == "caps" for kind, _ in wanted):
                with pytest.raises(UsageError, match="no other batch"):
                    place(station, request)
                continue
            with station.ledger.read() as view:
                planned = plan(view, request, finder(station, request)(view))
            found = {
                (kind, serial)
                for kind, batch in vars(scene).items()
                for member in planned.members
                if member.codes.batch == batch
                for piece in member.codes.serials
                for serial in range(piece.first, piece.last + 1)
            }
            assert found == wanted
            assert planned.items == len(items)


@pytest.mark.parametrize(("cartons", "orders"), [(40, 1), (100, 3)])
def test_a_pallet_of_scattered_bottles(tmp_path, cartons, orders):
    home, scene = home_with_cartons(tmp_path, bottles=5_000, cartons=100)
    with opened(home.path) as station:
        for n in range(0, cartons, 20):  # every second bottle, so that none touches another
            numbers = range(48 * n + 2, 48 * n + 2 + 48 * 20, 2)
            pack(station, (scene.cartons, range(n + 1, n + 21)), (scene.bottles, numbers), each=24)
        pack(station, (scene.pallets, 1), (scene.cartons, range(1, cartons + 1)))
        placed = place(station, carton(f"{scene.pallets}:1", count=24 * cartons, order="P"))
        bottles = [o for o in placed.orders if o.change.batch == scene.bottles]
        assert len(bottles) == orders
        assert sum(len(o.applied) for o in bottles) == 24 * cartons
        assert {o.change.order for o in placed.orders} == {
            member_id("P", n + 1) for n in range(orders + 1)
        }
        again = place(station, carton(f"{scene.pallets}:1", count=24 * cartons, order="P"))
        assert again.orders == tuple(repeated(each) for each in placed.orders)
        assert again.group.items == 24 * cartons


def repeated(order):
    return group.PlacedOrder(order.change, order.applied, order.skipped, repeated=True)


# --- partners ------------------------------------------------------------------------------


def test_both_codes_of_an_item(made):
    station, scene = made
    with station.ledger.read() as view:
        (package,) = view.packages(scene.caps)
        unit = view.units(package.package)[0].unit
    for batch, selected, ranges in (
        (scene.bottles, BySerials("1-10;15"), [[1, 10], [15, 15]]),
        (scene.caps, BySerials("1-10"), [[1, 10]]),
        (scene.caps, ByUnit(unit), [[1, 120]]),
    ):
        request = OrderRequest(Action.ACTIVATE, batch, selected, both=True, dry_run=True)
        placed = place(station, request)
        assert codes(placed) == dict.fromkeys((scene.bottles, scene.caps), ranges)
        assert placed.orders[0].change.batch == batch
        assert placed.group.items == sum(last - first + 1 for first, last in ranges)
    with pytest.raises(UsageError, match="no other batch has codes on the items"):
        place(station, OrderRequest(Action.ACTIVATE, scene.jars, BySerials("1"), both=True))


def met(*texts, action=Action.ACTIVATE, **more):
    where = conditions(texts, reader(ZoneInfo("Asia/Shanghai")))
    return OrderRequest(action, "", ByConditions(where), **more)


def test_the_partners_of_what_meets_conditions(made):
    station, scene = made
    lot = {"lot": "L1"}
    book(station, OrderRequest(Action.ASSIGN, scene.bottles, BySerials("1-10"), attributes=lot))
    request = met("lot=L1", both=True, count=10, order="pairs")
    placed = place(station, request)
    assert codes(placed) == {key: [[1, 10]] for key in (scene.bottles, scene.caps)}
    assert (placed.group.items, placed.orders[0].states) == (10, {State.PACKAGED: 10})
    again = place(station, request)
    assert (again.orders[0].repeated, again.group.changed, again.group.items) == (True, False, 10)
    # Without --both each code counts.
    book(station, OrderRequest(Action.ASSIGN, scene.caps, BySerials("1-10"), attributes=lot))
    assert place(station, met("lot=L1", action=Action.FREEZE, count=20)).group.items == 20


def test_codes_that_were_never_exported_stand_in_the_way_of_conditions(made):
    station, scene = made
    with pytest.raises(Refused, match=f"batch {scene.pallets}: 1-6 sealed"):
        place(station, met(f"batch={scene.pallets}"))
    assert not ordered(station)


def test_the_partners_of_what_is_in_a_carton(pallet):
    station, scene = pallet
    placed = place(station, carton(f"{scene.cartons}:2", both=True, count=24))
    assert codes(placed) == {
        scene.bottles: [[31, 54]],
        scene.cartons: [[2, 2]],
        scene.caps: [[31, 54]],
    }
    assert placed.group.items == 24


def test_an_item_of_which_one_code_is_void_is_not_whole(made):
    station, scene = made
    give(station, scene.caps, Action.VOID, "5", reason="damaged")
    both = {"both": True, "dry_run": True}
    request = OrderRequest(Action.ACTIVATE, scene.bottles, BySerials("1-10"), count=10, **both)
    with pytest.raises(Refused, match="of 1 of the 10 items only some") as refused:
        place(station, request)
    assert refused.value.details == {"count": 10, "codes": 19}
    free = OrderRequest(Action.ACTIVATE, scene.bottles, BySerials("1-10"), **both)
    assert [order.skipped for order in place(station, free).orders] == [(), (Range(5, 5),)]


def give(station, batch, action, text, **more):
    return book(station, OrderRequest(action, batch, BySerials(text), **more))


def test_a_unit_of_two_batches_names_codes_of_either(tmp_path):
    home, _ = home_with_cartons(tmp_path)
    station = home.station()
    outer = home.mint(10, station, url=URL, role="outer").batch
    inner = home.mint(10, station, url=URL, role="inner", pair_of=outer).batch
    unit = exported(home, station, outer, 10, pair=inner)
    for batch, other in ((outer, inner), (inner, outer)):
        request = OrderRequest(Action.ACTIVATE, batch, ByUnit(unit), both=True, dry_run=True)
        assert list(codes(place(station, request))) == [batch, other]
    home.close()


def test_codes_on_several_labels_may_be_scanned_as_often(tmp_path):
    home, scene = home_with_cartons(tmp_path)
    station = home.station()
    lot = home.mint(10, station, url=URL, role="batch").batch
    exported(home, station, lot, 10, copies=3)
    pack(station, (scene.cartons, 1), (lot, (1, 2)), (scene.jars, (1,)))
    for repeated in (False, True):
        placed = place(station, carton(f"{scene.cartons}:1", order="C1"))
        assert {order.repeated for order in placed.orders} == {repeated}
        found = {order.change.batch: order.change.attributes for order in placed.orders}
        assert found == {lot: {"max_scans": 3}, scene.jars: {}, scene.cartons: {}}
    home.close()


# --- guards --------------------------------------------------------------------------------


def test_the_count_is_of_bottles(pallet):
    station, scene = pallet
    give(station, scene.bottles, Action.VOID, "3", reason="damaged")
    for count, tolerance in ((48, None), (50, None), (50, 2), (44, 2)):
        with pytest.raises(Refused, match=r"47 items \(49 codes in all\), not") as refused:
            place(station, carton(f"{scene.pallets}:1", count=count, tolerance=tolerance))
        assert refused.value.details == {"count": 47, "codes": 49}
    near = place(station, carton(f"{scene.pallets}:1", count=48, tolerance=1, order="near"))
    assert near.group.items == 47
    assert near.orders[0].skipped == (Range(3, 3),)
    # The same again, within the same bounds.
    again = carton(f"{scene.pallets}:1", count=48, tolerance=1, order="near")
    assert place(station, again).orders[0].repeated


def test_a_state_in_the_way_of_one_stops_all(pallet):
    station, scene = pallet
    give(station, scene.bottles, Action.ACTIVATE, "40-41")
    give(station, scene.cartons, Action.FREEZE, "2")
    before = ordered(station)
    for dry_run in (True, False):
        with pytest.raises(Refused, match="activate is not possible there") as refused:
            place(station, carton(f"{scene.pallets}:1", dry_run=dry_run))
        assert refused.value.details == {
            "blocked": [
                {"batch": scene.bottles, "serials": [[40, 41]], "state": "active"},
                {"batch": scene.cartons, "serials": [[2, 2]], "state": "frozen"},
            ],
            "blocked_total": 2,
        }
    assert ordered(station) == before
    with pytest.raises(Refused, match="in the way"):
        place(station, carton(f"{scene.cartons}:1", Action.FREEZE, from_state=State.ACTIVE))


def test_every_guard_holds_for_every_order(pallet):
    station, scene = pallet
    with station.ledger.read() as view:
        (package,) = view.packages(scene.cartons)
        unit = view.units(package.package)[0].unit
    station.ledger.commit(station.author, UnitMoved(package.package, unit, "lost"))
    with pytest.raises(Refused, match=f"marked lost: {unit}"):
        place(station, carton(f"{scene.pallets}:1"))
    with pytest.raises(Refused, match="would have ended"):
        place(
            station,
            carton(
                f"{scene.pallets}:1",
                include_lost=True,
                attributes={"expires_at": "2020-01-01T00:00:00Z"},
            ),
        )
    assert not ordered(station)
    request = carton(f"{scene.pallets}:1", include_lost=True)
    placed = place(station, request)
    assert any("stays marked lost" in note for note in group.notes(station, request, placed))


def test_a_receipt_is_wanted_of_every_batch(pallet):
    station, scene = pallet
    path = station.home / "mintmark.toml"
    text = path.read_text("utf-8")
    assert "# receipt_before_activation = true" in text
    path.write_text(text.replace("# receipt_before_activation", "receipt_before_activation"))
    with opened(station.home) as strict, pytest.raises(Refused, match="have no receipt"):
        place(strict, carton(f"{scene.cartons}:1"))
    assert not ordered(station)


def test_void_codes_are_passed_over_and_active_ones_are_not_voided_unawares(pallet):
    station, scene = pallet
    place(station, carton(f"{scene.cartons}:1"))
    with pytest.raises(Refused, match="25 of these codes are active") as refused:
        place(station, carton(f"{scene.cartons}:1", Action.VOID, reason="recalled"))
    assert "--count 24" in refused.value.hints[0]
    place(station, carton(f"{scene.cartons}:1", Action.VOID, reason="recalled", count=24))
    assert states(station, scene.bottles, 1, 24) == {State.VOID}
    # The pallet still holds them: they are passed over from now on, and their carton.
    placed = place(station, carton(f"{scene.pallets}:1", count=24))
    assert placed.orders[0].skipped == (Range(1, 24),)
    with pytest.raises(Refused, match="nothing to do"):
        place(station, carton(f"{scene.cartons}:1"))
    with pytest.raises(Refused, match="in the way"):
        place(station, carton(f"{scene.cartons}:1", strict=True))


# --- at the same moment --------------------------------------------------------------------


def test_a_bottle_that_is_taken_out_meanwhile(pallet, monkeypatch):
    station, scene = pallet
    ref = f"{scene.cartons}:1"
    real, calls = group.plan, []

    def meanwhile(view, request, named):
        planned = real(view, request, named)
        if not calls:
            calls.append(request)
            with opened(station.home) as other:
                unpack(other, (scene.cartons, 1), (scene.bottles, (24,)))
        return planned

    monkeypatch.setattr(group, "plan", meanwhile)
    with pytest.raises(Refused, match="changed at the same moment"):
        place(station, carton(ref))
    assert not ordered(station)
    assert codes(place(station, carton(ref)))[scene.bottles] == [[1, 23]]


def test_the_same_order_of_two_lines_is_booked_once(pallet):
    station, scene = pallet
    barrier, found = Barrier(4), []

    def give_it():
        with opened(station.home) as own:
            barrier.wait(PATIENCE)
            found.append(place(own, carton(f"{scene.pallets}:1", order="P1", count=48)))

    threads = [Thread(target=give_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(found) == 4
    assert sorted(placed.orders[0].repeated for placed in found) == [False, True, True, True]
    assert len(ordered(station)) == 2


# --- twice under one id --------------------------------------------------------------------


def test_the_same_again_does_nothing(pallet):
    station, scene = pallet
    first = place(station, carton(f"{scene.pallets}:1", order="P1"))
    again = place(station, carton(f"{scene.pallets}:1", order="P1"))
    assert [each.change for each in again.orders] == [each.change for each in first.orders]
    assert all(each.repeated for each in again.orders)
    assert (again.group.items, again.group.changed, again.group.notes) == (48, False, ())
    assert len(ordered(station)) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"action": Action.FREEZE},
        {"attributes": {"lot": "L2"}},
        {"count": 24},
        {"reason": "because"},
        {"strict": True},
    ],
    ids=str,
)
def test_another_order_under_the_same_id(pallet, other):
    station, scene = pallet
    place(station, carton(f"{scene.cartons}:1", order="C1"))
    with pytest.raises(Refused, match="booked already, and says something else"):
        place(station, carton(f"{scene.cartons}:1", order="C1", **other))
    with pytest.raises(Refused, match="booked already, and says something else"):
        place(station, carton(f"{scene.cartons}:2", order="C1"))
    assert len(ordered(station)) == 2


def test_another_count_under_the_same_id(pallet):
    station, scene = pallet
    place(station, carton(f"{scene.cartons}:1", order="C1", count=24))
    with pytest.raises(Refused, match="says something else"):
        place(station, carton(f"{scene.cartons}:1", order="C1", count=23))


def test_a_unit_of_two_batches_without_a_batch_may_mean_either(tmp_path):
    home, _ = home_with_cartons(tmp_path)
    station = home.station()
    outer = home.mint(10, station, url=URL, role="outer").batch
    inner = home.mint(10, station, url=URL, role="inner", pair_of=outer).batch
    unit = exported(home, station, outer, 10, pair=inner)
    with pytest.raises(UsageError, match=f"codes of batches {outer} and {inner}"):
        place(station, OrderRequest(Action.ACTIVATE, "", ByUnit(unit), dry_run=True))
    placed = place(station, OrderRequest(Action.ACTIVATE, "", ByUnit(unit.lower()), both=True))
    assert codes(placed) == {key: [[1, 10]] for key in (outer, inner)}


def test_other_serials_under_the_same_id(made):
    station, scene = made
    for text in ("1-10", "1-10", "1-9", "1-11", "31"):
        request = OrderRequest(
            Action.ACTIVATE, scene.bottles, BySerials(text), both=True, order="both"
        )
        expected = contextlib.nullcontext()
        if text != "1-10":
            expected = pytest.raises(Refused, match="says something else")
        with expected:
            assert place(station, request).group.items == 10
    assert len(ordered(station)) == 2


def test_an_id_of_a_plain_order_or_of_an_association(pallet):
    station, scene = pallet
    with station.ledger.read() as view:
        packed = view.orders(scene.bottles)[0].order
    give(station, scene.bottles, Action.ACTIVATE, "1-24", order="plain")
    for order in (packed, "plain"):
        with pytest.raises(Refused, match="says something else"):
            place(station, carton(f"{scene.cartons}:2", order=order))


def test_what_the_carton_holds_today_is_told(pallet):
    station, scene = pallet
    request = carton(f"{scene.cartons}:1", order="C1")
    place(station, request)
    unpack(station, (scene.cartons, 1), (scene.bottles, (7,)))
    pack(station, (scene.cartons, 1), (scene.bottles, (25,)))
    again = place(station, request)
    assert (again.group.changed, again.group.items) == (True, None)
    added, gone = again.group.notes
    assert f"batch {scene.bottles}, 25: would be named today" in added
    assert f"batch {scene.bottles}, 7: named by the order as it was booked" in gone
    assert codes(again)[scene.bottles] == [[1, 24]]
    # All of it is taken out: what was booked stands, and is told.
    unpack(station, (scene.cartons, 1), (scene.bottles, [*range(1, 7), *range(8, 26)]))
    assert place(station, request).group.changed
    assert len(ordered(station)) == 2


@pytest.mark.parametrize("length", [1, 56, 57, 63, 64])
def test_ids_of_the_parts_are_ids(length):
    order = "x" * length
    names = [member_id(order, number) for number in (1, 2, 10, 100)]
    assert names[0] == order
    assert len(set(names)) == 4
    assert all(len(name) <= 64 for name in names)
    other = [member_id(f"{order[:-1]}y", number) for number in (1, 2, 10, 100)]
    assert not set(names) & set(other)


def test_all_orders_of_a_request_are_cancelled_or_none(pallet):
    station, scene = pallet
    place(station, carton(f"{scene.cartons}:1", order="C1"))
    place(station, carton(f"{scene.cartons}:2", order="C2"), claim=("line", station.now()))
    shown = cancel(station, "C1")
    assert (shown.status, shown.detail) == (
        *("cancelled", "cancelled here, with 1 more of the same request"),
    )
    cancel_alone = cancel(station, give(station, scene.jars, Action.ACTIVATE, "1")[0].order)
    assert cancel_alone.detail == "cancelled here"
    with pytest.raises(Refused, match="may have reached the backend"):
        cancel(station, "C2")
    with station.ledger.read() as view:
        # By name: the ids made here begin with the home's, which may be any letters.
        names = ("C1", "C1.part-2", "C2", "C2.part-2")
        rows = {name: view.order(name).status for name in names}
    assert rows == {
        "C1": "cancelled", "C1.part-2": "cancelled", "C2": "queued", "C2.part-2": "queued"
    }  # fmt: skip
    with pytest.raises(NotFound):
        cancel(station, "C3")
