"""An item with two codes is packed by one of them: by both it would count twice, or lie twice."""

import pytest
from carton_kit import home_with_cartons
from hall_kit import line_of, packings


@pytest.fixture
def scene(tmp_path):
    home, scene = home_with_cartons(tmp_path)
    station = home.station()
    yield station, line_of(station), scene
    home.close()


def test_both_codes_of_a_bottle_are_no_two_bottles(scene):
    station, send, made = scene
    codes = [f"{made.bottles}:5", f"{made.caps}:5"]
    answer = send(op="associate", codes=codes, parent=f"{made.cartons}:1", count=2)
    assert (answer["exit"], packings(station)) == (3, [])
    assert "codes of one item" in answer["error"]
    assert answer["hint"]
    different = [f"{made.bottles}:5", f"{made.caps}:6"]
    assert send(op="associate", codes=different, parent=f"{made.cartons}:1", count=2)["ok"]


def test_a_bottle_lies_where_its_other_code_lies(scene):
    station, send, made = scene
    outer = {"op": "associate", "batch": made.caps, "serials": "1-4", "parent": f"{made.cartons}:1"}
    assert send(**outer)["ok"]
    assert send(**outer)["repeated"]
    for carton in (1, 2):
        inner = outer | {
            "batch": made.bottles,
            "serials": "4-7",
            "parent": f"{made.cartons}:{carton}",
        }
        answer = send(**inner)
        assert answer["exit"] == 3
        assert f"{made.bottles}:4 lies in {made.cartons}:1 already" in answer["error"]
    assert len(packings(station)) == 1
    assert send(op="dissociate", batch=made.caps, serials="4")["ok"]
    assert send(**inner)["ok"]
