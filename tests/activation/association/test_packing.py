"""Orders of packing by messages of `line run`: who lies in what, and what is refused."""

import pytest
from hall_kit import line_of, packings

from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.aggregation import CodeRef
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.scans.settings import read_tables


@pytest.fixture
def send(station):
    return line_of(station)


def full(hall, carton=1, first=1, count=4, **more):
    """The message for a carton of bottles, as a gateway collects it."""
    codes = [hall.item(n) for n in range(first, first + count)]
    return {"op": "associate", "codes": [*codes, hall.carton(carton)], "count": count, **more}


def void(station, batch, serial):
    order = c.Ordered(f"void-{serial}", batch, Action.VOID, (Range(serial, serial),), reason="lost")
    station.ledger.commit(station.author, order)


def test_a_carton_by_scanned_codes_in_any_order(send, hall, station):
    answer = send(**{**full(hall), "id": 7, "order": "carton-1"})
    assert answer == {
        "id": 7, "ok": True, "exit": 75, "order": "carton-1", "action": "associate",
        "parent": {"batch": hall.cartons, "serial": 1, "sscc": None}, "parents_count": 1,
        "children": [{"batch": hall.items, "serials": [[1, 4]]}], "children_count": 4,
        "delivery": "queued", "dry_run": False, "repeated": False,
        "detail": "no backend is configured", "notes": [],
    }  # fmt: skip
    assert hall.inside(station, 1) == [1, 2, 3, 4]
    for at in (0, 2):
        codes = full(hall, 2, 5)["codes"]
        codes.insert(at, codes.pop())
        assert send(op="associate", codes=codes, count=4, dry_run=True)["children_count"] == 4


def test_the_same_order_and_the_same_carton_again(send, hall, station):
    assert not send(**full(hall, order="one"))["repeated"]
    again = send(**full(hall, order="one"))
    assert (again["repeated"], again["order"], again["exit"]) == (True, "one", 75)
    other = send(**full(hall, order="two"))
    assert (other["ok"], other["repeated"], other["order"], other["exit"]) == (True, True, None, 0)
    assert other["detail"]
    assert [change.order for change in packings(station)] == ["one"]
    assert send(**full(hall, 2, 5, order="one"))["exit"] == 3


def test_the_same_order_again_after_a_bottle_was_taken_out(send, hall):
    order = full(hall, order="carton-1")
    assert send(**order)["ok"]
    assert send(op="dissociate", codes=[hall.item(2)])["ok"]
    again = send(**order)
    assert again["repeated"]
    assert again["notes"] == [
        "booked before, and not done again: 1 of its codes have changed since (2)"
    ]


def test_codes_are_named_in_other_ways(send, hall, station):
    children = [f"{hall.items}:{n}" for n in (1, 2)]
    assert send(op="associate", children=children, parent=f"{hall.cartons}:1", count=2)["ok"]
    assert send(op="associate", batch=hall.items, serials="3-6", parent=hall.carton(2))["ok"]
    assert send(
        op="associate", batch=hall.items, from_code=hall.item(9), to_code=hall.item(7),
        parent=f"{hall.cartons}:3", count=3,
    )["ok"]  # fmt: skip
    assert send(action="associate", batch=hall.cartons, serials=[[1, 3]], parent=hall.sscc(1))["ok"]
    assert [hall.inside(station, n) for n in (1, 2, 3)] == [[1, 2], [3, 4, 5, 6], [7, 8, 9]]
    with station.ledger.read() as view:
        up, top = view.way_up(CodeRef(hall.items, 8))
    assert (str(up), str(top)) == (f"{hall.cartons}:3", f"{hall.pallets}:1")


REFUSED = {
    "a child is missing": (3, "3 of 4 children", lambda h: full(h, count=3) | {"count": 4}),
    "one too many": (3, "5 of 4 children", lambda h: full(h, count=5) | {"count": 4}),
    "no label": (3, "without a label", lambda h: {**full(h), "codes": full(h)["codes"][:4]}),
    "two labels": (3, "", lambda h: {**full(h), "codes": [*full(h)["codes"], h.carton(2)]}),
    "a code of another brand": (
        4, "no code of this home",
        lambda h: {**full(h), "codes": ["HTTPS://OTHER/7K3M", *full(h)["codes"][1:]]}),
    "a carton never minted": (
        4, "no code of this home",
        lambda h: {**full(h), "codes": [*full(h)["codes"][:4], "7K3MZZ19QPRS0042"]}),
    "a carton never minted, named": (
        4, "no code of this home", lambda h: {**full(h), "parent": f"{h.cartons}:999"}),
    "a carton in itself": (
        3, "would lie within itself",
        lambda h: {"op": "associate", "batch": h.cartons, "serials": "1",
                   "parent": f"{h.cartons}:1"}),
    "a carton in itself, scanned": (
        3, "0 of 1 children",
        lambda h: {"op": "associate", "codes": [h.carton(1)], "parent": f"{h.cartons}:1",
                   "count": 1}),
    "a bottle as a parent": (3, "carton", lambda h: {**full(h), "parent": h.item(9)}),
    "no count": (2, "count is missing", lambda h: {**full(h), "count": None}),
    "a no-read": (
        3, "no-read at place 1", lambda h: {**full(h), "codes": ["NoRead", *full(h)["codes"][1:]]}),
    "several codes in a text": (
        2, "", lambda h: {**full(h), "codes": ["\r".join(full(h)["codes"])]}),
    "no codes": (2, "lists 0", lambda h: {**full(h), "codes": []}),
    "codes that are no texts": (2, "list of texts", lambda h: {**full(h), "codes": [1]}),
    "children named twice": (2, "twice", lambda h: {**full(h), "batch": h.items}),
    "an unknown field": (2, "unknown field", lambda h: {**full(h), "cuont": 4}),
    "op and action": (2, "two things", lambda h: {**full(h), "action": "dissociate"}),
    "an unknown batch": (
        4, "no batch",
        lambda h: {"op": "associate", "batch": "AAAA-AAAAAAAA", "serials": "1-4",
                   "parent": f"{h.cartons}:1"}),
    "no parent": (
        2, "none is named", lambda h: {"op": "associate", "batch": h.items, "serials": "1-4"}),
    "a count that is off": (
        3, "4 children, not 5",
        lambda h: {"op": "associate", "batch": h.items, "serials": "1-4", "count": 5,
                   "parent": f"{h.cartons}:1"}),
    "each of nothing": (
        2, "each must be at least 1",
        lambda h: {"op": "associate", "batch": h.items, "serials": "1-4", "each": 0,
                   "parents": f"{h.cartons}:1-2"}),
    "each without parents": (
        2, "together",
        lambda h: {"op": "associate", "batch": h.items, "serials": "1-4", "each": 2}),
    "a wrong number of parents": (
        2, "fill 2 parents, not 12",
        lambda h: {"op": "associate", "batch": h.items, "serials": "1-4", "each": 2,
                   "parents": h.cartons}),
    "a last carton that is not full": (
        3, "would hold 1 of 3",
        lambda h: {"op": "associate", "batch": h.items, "serials": "1-4", "each": 3,
                   "parents": f"{h.cartons}:1-2"}),
    "nothing to take out": (
        3, "lies in nothing", lambda h: {"op": "dissociate", "batch": h.items, "serials": "1"}),
    "an empty carton": (
        3, "nothing lies in",
        lambda h: {"op": "dissociate", "carton": f"{h.cartons}:1", "all": True}),
    "a carton without all": (
        2, "carton and all", lambda h: {"op": "dissociate", "carton": f"{h.cartons}:1"}),
    "a code that is none, taken out": (
        4, "no code of this home", lambda h: {"op": "dissociate", "codes": ["7K3M"]}),
    "a no-read, taken out": (3, "not read", lambda h: {"op": "dissociate", "codes": ["NR"]}),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_changes_nothing(send, hall, station, case):
    code, why, message = case
    answer = send(**message(hall))
    assert (answer["ok"], answer["exit"]) == (False, code), answer
    assert why in answer["error"]
    assert packings(station) == []
    for secret in [*hall.codes[hall.items], *hall.codes[hall.cartons]]:
        assert secret not in str(answer)


@pytest.mark.parametrize("field", ["order", "reason"])
def test_no_book_takes_a_code(send, hall, station, field):
    answer = send(**{**full(hall), field: hall.codes[hall.items][8]})
    assert (answer["exit"], answer["holds_code"]) == (2, field)
    assert packings(station) == []


def test_a_label_is_listed_twice(send, hall, station):
    order = full(hall)
    assert send(**order | {"codes": [hall.carton(1), *order["codes"]]})["ok"]
    assert hall.inside(station, 1) == [1, 2, 3, 4]


def test_a_code_is_listed_twice(send, hall, station):
    message = full(hall)
    answer = send(**{**message, "codes": [message["codes"][0], *message["codes"]]})
    assert answer["ok"]
    assert answer["notes"] == ["codes read again: 1"]
    assert hall.inside(station, 1) == [1, 2, 3, 4]


def test_a_bottle_lies_in_one_carton(send, hall, station):
    assert send(**full(hall))["ok"]
    answer = send(**full(hall, 2, 4))
    assert answer["exit"] == 3
    assert answer["taken"] == [{
        "child": {"batch": hall.items, "serials": [[4, 4]]},
        "parent": {"batch": hall.cartons, "serial": 1},
    }]  # fmt: skip
    assert hall.inside(station, 2) == []


def test_a_closed_carton_takes_no_more(send, hall, station):
    assert send(**full(hall))["ok"]
    answer = send(**full(hall, 1, 5))
    assert answer["exit"] == 3
    assert f"{hall.cartons}:1 holds 4 already" in answer["error"]
    assert hall.inside(station, 1) == [1, 2, 3, 4]


@pytest.mark.parametrize("where", ["items", "cartons"])
def test_what_is_void_is_packed_nowhere(send, hall, station, where):
    void(station, getattr(hall, where), 1)
    answer = send(**full(hall))
    assert answer["exit"] == 3
    assert answer["blocked"]
    assert packings(station) == []


def test_a_bottle_is_replaced(send, hall, station):
    assert send(**full(hall))["ok"]
    assert send(op="dissociate", codes=[hall.item(2)], count=1, reason="broken")["ok"]
    assert hall.inside(station, 1) == [1, 3, 4]
    assert send(op="associate", codes=[hall.item(9)], parent=hall.carton(1), count=1)["ok"]
    assert hall.inside(station, 1) == [1, 3, 4, 9]
    assert [change.action.value for change in packings(station)] == [
        "associate", "dissociate", "associate"]  # fmt: skip


def test_a_carton_that_is_not_full_is_meant(send, hall, station):
    message = full(hall, count=2) | {"count": 4}
    assert send(**message)["exit"] == 3
    assert send(**message, partial=True)["ok"]
    # What was missing comes later, and no more than fits.
    more = full(hall, 1, 3, count=3) | {"count": 4, "partial": True}
    assert send(**more)["exit"] == 3
    assert send(**full(hall, 1, 3, count=2) | {"count": 4, "partial": True})["ok"]
    assert hall.inside(station, 1) == [1, 2, 3, 4]


def test_a_run_is_dealt_out(send, hall, station):
    run = {"op": "associate", "batch": hall.items, "serials": "1-10", "each": 4}
    answer = send(**run, parents=f"{hall.cartons}:2-4", partial=True, order="run-1")
    assert (answer["ok"], answer["parent"], answer["parents_count"]) == (True, None, 3)
    assert [hall.inside(station, n) for n in (2, 3, 4)] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    again = send(**run, parents=f"{hall.cartons}:2-4", partial=True, order="run-2")
    assert (again["repeated"], again["order"]) == (True, None)
    other = {**run, "serials": "11-22"}
    assert "not empty" in send(**other, parents=f"{hall.cartons}:2-4")["error"]


def test_a_carton_is_emptied(send, hall, station):
    assert send(**full(hall))["ok"]
    assert send(op="dissociate", batch=hall.items, serials="1", parent=hall.carton(2))["exit"] == 3
    emptied = {"op": "dissociate", "carton": hall.carton(1), "all": True, "order": "empty-1"}
    answer = send(**emptied)
    assert (answer["children_count"], answer["parent"]["serial"]) == (4, 1)
    assert hall.inside(station, 1) == []
    assert send(**emptied)["repeated"]


def test_an_order_without_an_id_is_refused_where_it_needs_one(station, hall):
    send = line_of(station, require_order=True)
    assert send(**full(hall))["exit"] == 2
    assert send(**full(hall, order="one"))["ok"]


def test_a_reader_says_how_many(station, hall):
    settings = read_tables({"belt": {"per_parent": 4, "prefix": "P{digits}:"}})["belt"]
    send = line_of(station, reader=settings)
    codes = [f"P1:{code.rpartition('/')[2]}" for code in full(hall)["codes"]]
    assert send(op="associate", codes=codes)["ok"]
