"""Orders of packing in files: rows, what they may name, and a carton that is there already."""

import json

import pytest
from hall_kit import packings

from mintmark.activation.intake.apply import apply
from mintmark.activation.intake.order_file import OrderFile
from mintmark.activation.orders import sheets
from mintmark.codegen.errors import UsageError

HEAD = "action,batch,serials,parent,parents,each,partial,count,order\n"


def results(station, text):
    return apply(station, None, OrderFile(sheets.read(text.encode()))).results


def test_rows_pack_and_unpack(station, hall):
    items, cartons = hall.items, hall.cartons
    found = results(
        station,
        f"{HEAD}associate,{items},1-4,{cartons}:1,,,,4,one\n"
        f"Associate,{items},5-10,,{cartons}:2-3,4,yes,,two\n"
        f"associate,{cartons},1-3,{hall.sscc(1)},,,,,three\n"
        f"dissociate,{items},2,,,,,,four\n"
        f"dissociate,{items},3,{cartons}:1,,,,,\n",
    )
    assert [(one.status, one.exit) for one in found] == [("queued", 75)] * 5
    assert [one.action for one in found[:2]] == ["associate", "associate"]
    assert [hall.inside(station, n) for n in (1, 2, 3)] == [[1, 4], [5, 6, 7, 8], [9, 10]]
    assert len(packings(station)) == 5


def test_a_row_that_is_refused_stops_no_other(station, hall):
    items, cartons = hall.items, hall.cartons
    found = results(
        station,
        f"{HEAD}associate,{items},1-4,{hall.item(9)},,,,,\n"  # a file names no code
        f"associate,{items},1-4,{cartons}:1,,,,5,\n"
        f"associate,{items},1-4,,{cartons}:1-2,4,,,\n"
        f"associate,{items},1-5,,{cartons}:1-2,4,,,\n"
        f"associate,{items},1-4,,,,,,\n"
        f"associate,{items},1-4,{cartons}:1,,,,x,\n"
        f"freeze,{items},1-4,{cartons}:1,,,,,\n"
        f"associate,{items},1-4,{cartons}:1,,,,4,\n",
    )
    assert [one.exit for one in found] == [2, 3, 2, 3, 2, 2, 2, 75]
    assert hall.codes[items][8] not in str(found)
    assert hall.inside(station, 1) == [1, 2, 3, 4]


def test_a_carton_that_is_there_already_is_told(station, hall):
    row = f"associate,{hall.items},1-4,{hall.cartons}:1,,,,,"
    first, again = results(station, f"{HEAD}{row}one\n{row}two\n")
    assert (first.repeated, first.booked) == (False, True)
    assert (again.repeated, again.booked, again.status, again.exit) == (
        True,
        False,
        "acknowledged",
        0,
    )
    assert again.detail
    (same,) = results(station, f"{HEAD}{row}one\n")
    assert (same.repeated, same.booked, same.exit) == (True, True, 75)


def test_rows_of_json(station, hall):
    rows = [
        {"action": "associate", "batch": hall.items, "serials": [[1, 4]], "each": 2,
         "parents": f"{hall.cartons}:1-2"},
        {"action": "associate", "batch": hall.items, "serials": "9", "codes": ["x"]},
        {"action": "associate", "batch": hall.items, "serials": "9", "parent": hall.item(3)},
    ]  # fmt: skip
    found = results(station, "".join(json.dumps(row) + "\n" for row in rows))
    assert [one.exit for one in found] == [75, 2, 2]
    assert [hall.inside(station, n) for n in (1, 2)] == [[1, 2], [3, 4]]


def test_a_pallet_is_named_by_its_number_in_every_spelling(station, hall):
    number = hall.sscc(1)
    spelled = [number, f"]C100{number}", f"(00) {number[0]} {number[1:8]} {number[8:]}",
               f"https://id.gs1.org/00/{number}"]  # fmt: skip
    packs = "".join(f"associate,{hall.cartons},{n},{text},\n" for n, text in enumerate(spelled, 1))
    orders = "".join(f"activate,,,,{text}\n" for text in spelled)
    found = results(station, f"action,batch,serials,parent,carton\n{packs}{orders}")
    assert [one.exit for one in found[:4]] == [75] * 4
    # A range order understands each of them likewise: the first takes effect.
    assert 2 not in {one.exit for one in found[4:]}
    assert hall.codes[hall.cartons][0] not in str(found)


@pytest.mark.parametrize(
    ("column", "cell"),
    [("parent", "AAAA-BBBBBBBB:12"), ("parents", "AAAA-BBBBBBBB:1-40"), ("each", "24")],
)
def test_a_file_cut_short_names_no_other_carton(column, cell):
    head = f"action,batch,serials,{column}\nassociate,AAAA-CCCCCCCC,1-24,"
    assert sheets.read(f"{head}{cell}\n".encode())
    with pytest.raises(UsageError, match="may go on"):
        sheets.read(f"{head}{cell}".encode())
