"""Receipts by example: what contradicts the package, tables from printers, units, the policy."""

import shutil

import ledger_kit as kit
import pytest
from hypothesis import given
from hypothesis import strategies as st
from receipt_kit import book, call
from receipt_kit import report as book_receipt
from station_kit import Home, make_home

from mintmark.activation.orders.orders import OrderRequest
from mintmark.activation.orders.orders import book as book_order
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ledger import changes
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges import notation
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.receipts import Account, ReceiptEntry, UnitAccount
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.commands import package_receipt
from mintmark.packaging.receipts import table
from mintmark.packaging.receipts.entries import may_go_on
from mintmark.packaging.receipts.labels import labels
from mintmark.packaging.receipts.units import unit
from mintmark.packaging.report import package_list, package_show


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("made"))
    book(home)
    home.close()
    return home


@pytest.fixture
def home(made, tmp_path):
    """1-8, 9-16 and 20-24 of batch B are packaged in P, as U1, U2 and U3."""
    shutil.copytree(made.path, tmp_path / "home")
    copy = Home(tmp_path / "home", made.key_file, made.custodian)
    yield copy
    copy.close()


@pytest.fixture
def report(home):
    """Books a receipt of package P."""
    open_home = call(home.station())
    return lambda **fields: book_receipt(open_home, "P", **fields)


def order(home, action, serials, **more):
    request = OrderRequest(Action(action), "B", BySerials(serials), **more)
    return book_order(home.station(), request)[1]


def states(home):
    with home.station().ledger.read() as view:
        return {state.value: codes for state, codes in view.counts("B").items() if codes}


def queued(home):
    with home.station().ledger.read() as view:
        return [
            ([piece.pair() for piece in row.change.serials], row.change.reason, row.change.line)
            for row in view.orders(status="queued")
        ]


def test_parts_add_up_and_the_spoiled_are_voided_at_once(home, report):
    first = report(printed="1-5", spoiled="6,8")
    assert (first.exit_code, [piece.pair() for piece in first.voided]) == (75, [[6, 6], [8, 8]])
    assert states(home) == {"sealed": 9, "packaged": 19, "void": 2}
    assert queued(home) == [([[6, 6], [8, 8]], "misprint", None)]
    second = report(unit="U2", printed="all")
    assert (second.exit_code, second.orders) == (0, ())
    last = report(printed="20-", final=True, reason="damaged")
    assert [piece.pair() for piece in last.voided] == [[7, 7]]
    assert last.totals.unused == 1
    assert last.totals.open == 0
    with home.station().ledger.read() as view:
        assert view.at("B", 7).reason == "unused"
        assert [row.printed for row in view.receipts("P")] == [5, 8, 5]
        assert view.without_receipt("B") == {}
    assert verify(home.station().ledger).ok


def test_spoilage_without_serials_voids_nothing_until_the_end(home, report):
    report(printed="1-5", spoiled_count=2)
    assert states(home)["packaged"] == 21
    booked = report(printed="9-16,20-24", final=True)
    assert [piece.pair() for piece in booked.voided] == [[6, 8]]
    assert (booked.totals.unused, booked.totals.spoiled_count) == (1, 2)


def test_a_unit_with_only_a_number_of_spoiled_labels_counts_as_printed_but_for_that_number(
    home, report
):
    booked = report(unit="U1", spoiled_count=2)
    assert booked.exit_code == 0
    report(printed="9-16")
    booked = report(final=True, count=5)
    assert [piece.pair() for piece in booked.voided] == [[20, 24]]
    assert (booked.totals.printed, booked.totals.printed_by_count) == (8, 6)
    assert any("destroy the labels" in line for line in booked.lines())
    with home.station().ledger.read() as view:
        assert {row.unit: row.counted for row in view.units("P")} == {
            "U1": True, "U2": False, "U3": False,
        }  # fmt: skip
        assert view.unreceipted("B", kit.ranges((1, 16))) == ()


def test_a_unit_known_by_number_shows_the_rest_as_printed(home, report):
    report(unit="U1", spoiled="1", spoiled_count=2)
    report(printed="9-16")
    report(final=True, count=5)
    shown = package_show(home.station(), "P").units[0]
    assert (shown.unit, shown.printed, shown.spoiled, shown.spoiled_count) == ("U1", 5, 1, 2)


def test_a_number_for_the_whole_package_alone_voids_nothing(home, report):
    booked = report(spoiled_count=3, final=True)
    assert (booked.exit_code, booked.totals.printed_by_count, booked.totals.unused) == (0, 18, 0)
    assert states(home) == {"sealed": 9, "packaged": 21}


def test_a_final_receipt_of_nothing_printed_names_how_many_codes_it_would_void(home, report):
    with pytest.raises(Refused, match="nothing of package P was reported as printed") as caught:
        report(spoiled="1", final=True)
    assert caught.value.details["count"] == 21
    with pytest.raises(Refused, match="21 codes, not 20"):
        report(spoiled="1", final=True, count=20)
    assert states(home) == {"sealed": 9, "packaged": 21}
    report(spoiled="1", final=True, count=21)
    assert states(home) == {"sealed": 9, "void": 21}


def test_a_final_receipt_of_which_whole_lines_are_missing_asks(home, report, tmp_path):
    """A file that was cut at a line end is a table like any other."""
    whole = "unit,printed\nU1,all\nU2,9~15\nU3,all\n"
    cut = whole[: whole.index("U2")]
    with pytest.raises(Refused, match=r"nothing was reported of 2 of 3 units \(U2, U3\)") as caught:
        report(file=table_of(tmp_path, cut), final=True)
    assert caught.value.details == {"count": 13}
    assert "--count 13" in caught.value.hints[0]
    report(file=table_of(tmp_path, cut))
    with pytest.raises(Refused, match="of 2 of 3 units"):
        report(final=True)
    assert states(home) == {"sealed": 9, "packaged": 21}
    report(unit="U2", printed="9-15")
    report(unit="U3", spoiled_count=1)
    assert [piece.pair() for piece in report(final=True).voided] == [[16, 16]]


def test_a_final_receipt_cut_within_a_number_asks(home, tmp_path):
    book(home, "Q", {"L1": (25, 25), "L2": (27, 30)})
    cut = "unit,printed_serials\nL1,all\nL2,27"
    for file in (table_of(tmp_path, cut), None):
        (tmp_path / "list.txt").write_text("25\n27", "utf-8")
        fields = {"file": file} if file else {"printed": f"@{tmp_path / 'list.txt'}"}
        with pytest.raises(Refused, match="perhaps within a number") as caught:
            book_receipt(call(home.station()), "Q", final=True, **fields)
        assert caught.value.details == {"count": 3}
    whole = table_of(tmp_path, f"{cut}~28")
    assert book_receipt(call(home.station()), "Q", file=whole, final=True).totals.unused == 2


@pytest.mark.parametrize(
    ("listed", "goes_on"),
    [
        ("1~48", True),
        ("1~50", True),
        ("1~51", False),
        ("1~480", False),
        ("7", True),
        ("500", False),
    ],
)
def test_a_number_goes_on_within_its_unit(tmp_path, listed, goes_on):
    unit = UnitAccount("U", Range(1, 500))
    account = Account("P", (unit,))
    entries = (ReceiptEntry("U", notation.parse(listed, 500), (), 0),)
    for end in ("", "\n"):
        found = may_go_on(table_of(tmp_path, f"printed\n{listed}{end}"), entries, account)
        assert found == ((unit.serials,) if goes_on and not end else ())


def test_a_unit_that_is_void_already_is_not_asked_about(home, report):
    order = changes.Ordered("O1", "B", "void", kit.ranges((20, 24)), reason="lost")
    home.station().ledger.commit(home.station().author, order)
    assert report(printed="1-16", final=True).voided == ()


CONTRADICTIONS = [
    ({"printed": "17"}, "17 are not in", {"outside": [[17, 17]], "outside_count": 1}),
    ({"printed": "8-9", "unit": "U1"}, "9 are not in", {"outside": [[9, 9]]}),
    ({"spoiled": "25-999"}, "25-999 are not in", {"outside": [[25, 999]]}),
    ({"printed": "40-"}, "40 are not in", {"outside": [[40, 40]]}),
    (
        {"printed": "9-12", "spoiled": "12-13"},
        "reported twice",
        {"both": [[12, 12]], "both_count": 1},
    ),
    ({"printed": "5-9"}, "5-8 were reported", {"told": [[5, 8]], "told_count": 4}),
    ({"spoiled": "1"}, "1 were reported", {"told": [[1, 1]]}),
    (
        {"unit": "U2", "spoiled_count": 9},
        "1 too many",
        {"over": [{"unit": "U2", "packaged": 8, "told": 9, "difference": 1}]},
    ),
    (
        {"spoiled_count": 14},
        "package P holds 21 codes, and the receipts report 22",
        {"over": [{"unit": None, "packaged": 21, "told": 22, "difference": 1}]},
    ),
    ({"printed": "17,1-3"}, "17 are not in", {"outside": [[17, 17]], "told": [[1, 3]]}),
    ({"final": True, "printed": "9-16,20-24", "count": 7}, "0 codes, not 7", {"count": 0}),
]


@pytest.mark.parametrize(("fields", "words", "details"), CONTRADICTIONS)
def test_what_contradicts_is_refused_with_the_difference(home, report, fields, words, details):
    report(unit="U1", printed="all")
    before = home.sql("SELECT * FROM events")
    with pytest.raises(Refused, match=words) as caught:
        report(**fields)
    assert caught.value.exit_code == 3
    assert details.items() <= caught.value.details.items()
    assert home.sql("SELECT * FROM events") == before


def test_after_the_final_receipt_there_is_none(home, report):
    report(printed="all", final=True)
    for fields in ({"final": True}, {"spoiled_count": 1}):
        with pytest.raises(Refused, match="final receipt of package P is booked") as caught:
            report(**fields)
        assert "final" in caught.value.details


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({}, UsageError, "reports nothing"),
        ({"printed": "x"}, UsageError, "not a serial"),
        ({"printed": "5-3"}, UsageError, "backwards"),
        ({"printed": "1-4,3"}, UsageError, "overlap"),
        ({"printed": "1", "reason": "bored"}, UsageError, "unknown reason"),
        ({"spoiled_count": -1}, UsageError, "0 or more"),
        ({"printed": "1", "unit": "U9"}, NotFound, "no unit 'U9'"),
        ({"printed": "@none.txt"}, NotFound, "no file"),
    ],
)
def test_what_cannot_be_read(report, fields, error, words):
    with pytest.raises(error, match=words):
        report(**fields)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (kit.receipt("P", printed=[(1, 5)], spoiled=[(6, 7)]), "serials 6-7 are spoiled and not"),
        (kit.receipt("P", printed=[(1, 16)], final=True), "serials 20-24 are left over and not"),
        (kit.receipt("P"), "reports nothing"),
        (kit.receipt("Q", printed=[(1, 5)]), "no package 'Q'"),
        (changes.UnitMoved("P", "U9", "used"), "no unit 'U9'"),
        (changes.UnitMoved("P", "U1", "eaten"), "a unit is one of"),
    ],
)
def test_the_ledger_itself_books_nothing_that_does_not_hold(home, change, words):
    station = home.station()
    with pytest.raises((NotFound, Refused, UsageError), match=words):
        station.ledger.commit(station.author, change)
    assert states(home) == {"sealed": 9, "packaged": 21}
    assert verify(station.ledger).ok


def test_a_line_signs_no_receipt(home):
    station = home.station()
    with pytest.raises(Refused, match="not sign a Receipted"):
        station.ledger.commit(station.author_of(station.line()), kit.receipt("P", printed=[(1, 5)]))


def test_a_late_receipt_voids_live_codes_only_by_number(home, report):
    order(home, "activate", "1-8")
    order(home, "freeze", "1-2")
    with pytest.raises(Refused, match="2 of the codes to be voided are active") as caught:
        report(spoiled="2-3,9")
    assert caught.value.details["count"] == 3
    assert report(spoiled="2-3,9", count=3, dry_run=True).exit_code == 0
    assert states(home)["active"] == 6
    report(spoiled="2-3,9", count=3)
    assert states(home) == {"sealed": 9, "packaged": 12, "active": 5, "frozen": 1, "void": 3}


def test_void_by_hand_is_no_contradiction(home, report):
    order(home, "void", "1-8", reason="lost")
    booked = report(printed="1-4", spoiled="5")
    assert (booked.orders, booked.voided) == ((), ())
    assert report(printed="9-16,20-24", final=True).voided == ()


def test_the_policy_wants_a_receipt_before_activation(home, report):
    settings = home.path / "mintmark.toml"
    text = settings.read_text("utf-8")
    settings.write_text(
        text.replace("# receipt_before_activation", "receipt_before_activation"), "utf-8"
    )
    report(printed="1-5", spoiled="6", count=1)
    with pytest.raises(Refused, match="serials 7-9 have no receipt") as caught:
        order(home, "activate", "5-9")
    assert caught.value.details == {"without_receipt": [[7, 9]], "without_receipt_count": 3}
    order(home, "activate", "1-6", order="O1")
    assert states(home)["active"] == 5
    order(home, "freeze", "7-9")
    order(home, "activate", "1-6", order="O1")


def test_reports_lead_with_what_has_no_receipt(home, report):
    report(printed="1-5", spoiled="6", spoiled_count=1)
    station = home.station()
    (row,) = package_list(station, None).packages
    assert row.without_receipt == 14
    assert next(package_list(station, "B").lines()).startswith("14 codes packaged without receipt")
    shown = package_show(station, "P")
    assert (shown.missing, shown.totals.open, shown.receipts[0].spoiled) == (2, 14, 1)
    assert [(u.unit, u.printed, u.spoiled) for u in shown.units][:2] == [
        ("U1", 5, 1), ("U2", 0, 0),
    ]  # fmt: skip
    assert any("2 to be replaced: mintmark package replace P" in line for line in shown.lines())
    order(home, "void", "1-24", reason="lost")
    assert package_list(station, None).packages[0].without_receipt == 0


# --- tables --------------------------------------------------------------------------

TABLE = "卷号,实印流水号,报废流水号或张数\nU1,１～５；7,6~6\ndata/0002.csv,9－14,2张\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize(("delimiter", "end"), [(",", "\r\n"), (";", "\n"), ("\t", "\n")])
def test_a_table_from_a_chinese_spreadsheet(report, tmp_path, encoding, delimiter, end):
    path = tmp_path / "receipt.csv"
    text = TABLE.replace(",", delimiter).replace("\n", end)
    path.write_bytes(text.encode(encoding))
    booked = report(file=path)
    assert [piece.pair() for piece in booked.printed] == [[1, 5], [7, 7], [9, 14]]
    assert ([piece.pair() for piece in booked.spoiled], booked.spoiled_count) == ([[6, 6]], 2)
    over = "unit U2 holds 8 codes, and the receipts report 9"
    with pytest.raises(Refused, match=over):
        report(unit="U2", spoiled_count=1)


def test_the_blank_of_a_web_page_is_no_chinese_word(report, tmp_path):
    path = tmp_path / "receipt.csv"
    path.write_bytes("unit,printed\nU1,1~5\u00a0\n".encode())
    assert [piece.pair() for piece in report(file=path).printed] == [[1, 5]]


def test_a_table_may_say_what_separates_its_cells(report, tmp_path):
    path = tmp_path / "receipt.csv"
    path.write_bytes(b"sep=;\r\nunit;printed;spoiled\r\nU1;1~5;6~6\r\n")
    assert [piece.pair() for piece in report(file=path).printed] == [[1, 5]]
    path.write_bytes(b"sep=;\r\nunit;printed\r\nU1;x\r\n")
    with pytest.raises(UsageError, match="line 3 of the receipt"):
        report(file=path)


BAD = [
    (b"", "empty"),
    (b"unit,printed\nU1,1-5,7\n", "line 2 of the receipt has more cells"),
    (b"unit,colour\nU1,red\n", "heading 'colour'"),
    (b"unit\nU1\n", "headings missing"),
    (b"unit,printed,printed\nU1,1,2\n", "missing or doubled"),
    ("unit,printed\nU1,5月12日\n".encode(), "line 2 of the receipt: not a serial"),
    (b"unit,printed,spoiled_count\nU1,1~1,x\n", "line 2 of the receipt: 'x' is not a number"),
    ("unit,spoiled,spoiled_count\nU1,2张,3\n".encode(), "two numbers"),
    (b"\xff\xfeu\x00", "UTF-16"),
    (b"unit,printed\n\xff\xff\xff\n", "no text"),
    ("unit,printed\n鲁,1~5\n".encode("gb18030"), "may be UTF-8 or GB18030"),
    ("unit,printed\n湖南,1~5\n".encode() + "湖南,6~7\n".encode("gb18030"), "UTF-8 in some lines"),
    (b"unit,printed\n".ljust(64, b"\0"), "still being copied"),
    (b"PK\x03\x04 and so on" + bytes(6), "a workbook"),
    (b'unit,printed\nU1,"' + b"1," * 70_000 + b'"\n', "not CSV"),
    (b"x" * (table.FILE_BYTES + 1), "larger than"),
    (b"unit,printed\n" + b"U1,\n" * 100, "more than 100 lines"),
]


@pytest.mark.parametrize(("data", "words"), BAD, ids=[words for _, words in BAD])
def test_a_table_that_cannot_be_read_names_the_line(report, tmp_path, monkeypatch, data, words):
    monkeypatch.setattr(table, "MAX_ROWS", 100)
    path = tmp_path / "receipt.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=words):
        report(file=path)


@pytest.mark.parametrize(
    "options", [{"printed": "1"}, {"spoiled": ""}, {"spoiled_count": 2}, {"unit": "U1"}]
)
def test_a_table_and_options_exclude_each_other(home, tmp_path, options):
    with pytest.raises(UsageError, match="not by both"):
        package_receipt(call(home.station()), "P", file=tmp_path / "receipt.csv", **options)


def table_of(tmp_path, text):
    path = tmp_path / "receipt.csv"
    path.write_bytes(text.encode("utf-8"))
    return path


GROUPED = ['"1,990"', '"1~1,990"', '"1，990"', "1 990", "1\u202f990", "1'990", "1.990", '"9,100"']


@pytest.mark.parametrize("cell", GROUPED)
@pytest.mark.parametrize(
    "column", ["实印流水号", "报废流水号", "实印", "报废", "printed", "spoiled"]
)
def test_digits_grouped_in_a_cell_are_refused(home, report, tmp_path, cell, column):
    """What LibreOffice and SheetJS write for a cell with the format `#,##0`."""
    rows = f"卷号,{column}\n,{cell}\n"
    with pytest.raises(UsageError, match=r"line 2 of the receipt: .* digits are grouped|a serial"):
        report(file=table_of(tmp_path, rows), final=True)
    assert states(home) == {"sealed": 9, "packaged": 21}


def test_the_hint_for_grouped_digits_writes_both(report, tmp_path):
    with pytest.raises(UsageError) as caught:
        report(file=table_of(tmp_path, '实印流水号\n"1~1,990"\n'), final=True)
    assert caught.value.hints[0].startswith("write 1;990 or 1990")


@pytest.mark.parametrize("heading", ["实印,报废", "printed,spoiled", "实印,报废流水号或张数"])
@pytest.mark.parametrize("row", ["90,10", "90,", "1~5,10", "90.0,6~7", "９０,1"])
def test_a_number_alone_may_be_a_quantity_and_is_refused(home, report, tmp_path, heading, row):
    text = f"卷号,{heading}\nU1,{row}\n"
    with pytest.raises(UsageError, match="a serial, or a number of labels") as caught:
        report(file=table_of(tmp_path, text), count=2)
    assert any("printed_serials" in hint for hint in caught.value.hints)
    assert states(home) == {"sealed": 9, "packaged": 21}


def test_a_heading_that_says_serial_takes_a_number_alone(report, tmp_path):
    for heading in ("实印流水号,报废流水号", "printed_serials,spoiled_serials"):
        booked = report(file=table_of(tmp_path, f"卷号,{heading}\nU1,7,6\n"), dry_run=True)
        assert ([p.pair() for p in booked.printed], booked.spoiled_count) == ([[7, 7]], 0)
        assert [p.pair() for p in booked.spoiled] == [[6, 6]]


@pytest.mark.parametrize("cell", ["'7", "7;", "7、", "７ "])
def test_a_number_alone_is_one_whatever_stands_beside_it(report, tmp_path, cell):
    with pytest.raises(UsageError, match="a number of labels") as caught:
        report(file=table_of(tmp_path, f"卷号,实印,报废\nU1,{cell},\n"))
    assert "7~7" in caught.value.hints[0]


@pytest.mark.parametrize("cell", ["5", "5张", "5 pcs", "5.0", "５"])
def test_numbers_of_spoiled_labels_alone_are_a_table(report, tmp_path, cell):
    """It is what the hint on numbers of printed labels recommends; pandas writes 5.0."""
    booked = report(file=table_of(tmp_path, f"卷号,报废张数\nU1,{cell}\nU2,0\n"))
    assert (booked.spoiled_count, booked.voided) == (5, ())


@pytest.mark.parametrize("spoiled", ["0", "０", "0张", ""])
def test_a_zero_among_the_spoiled_is_none(report, tmp_path, spoiled):
    booked = report(file=table_of(tmp_path, f"卷号,实印,报废\nU1,1~8,{spoiled}\n"))
    assert (booked.spoiled, booked.spoiled_count, booked.exit_code) == ((), 0, 0)


@pytest.mark.parametrize("cell", ["8张", "8 pcs", "8枚"])
@pytest.mark.parametrize("heading", ["实印", "实印流水号", "printed"])
def test_a_number_of_printed_labels_is_refused(report, tmp_path, cell, heading):
    with pytest.raises(UsageError, match="does not say which"):
        report(file=table_of(tmp_path, f"卷号,{heading}\nU1,{cell}\n"))


@pytest.mark.parametrize(
    "heading", ["印数", "实印张数", "良品", "合格数", "不良", "good", "waste", "printed_count"]
)
def test_a_heading_of_quantities_is_not_taken_for_serials(report, tmp_path, heading):
    with pytest.raises(UsageError, match="unknown heading"):
        report(file=table_of(tmp_path, f"卷号,{heading},报废\nU1,8,0\n"))


@pytest.mark.parametrize(
    "text",
    [
        "unit,printed\nU1,1-",
        "unit,printed\nU1,1～",
        "unit,printed\nU1,1~3;",
        "unit,printed\nU1,1~3；",
        "unit,printed\nU1",
        "unit,printed,spoiled\nU1,1-5",
        "unit,printed,spoiled_count\nU1,,",
        "unit,spoiled,printed\nU1,1-5,",
        'unit,printed\nU1,"1-5',
        'unit,printed\nU1,1-5\nU2,"9-\n',
        "unit,printed\n",
        "unit,printed",
    ],
)
def test_a_table_that_was_cut_short_is_refused(home, report, tmp_path, text):
    with pytest.raises(UsageError):
        report(file=table_of(tmp_path, text), final=True, count=21)
    assert states(home) == {"sealed": 9, "packaged": 21}


def test_a_whole_table_needs_no_last_line_end(report, tmp_path):
    """SheetJS 0.18.5 writes none, also if the last cells are empty."""
    for text in ("unit,printed,,\nU1,1-5,,", "unit,printed\nU1,1-5", "卷号,实印,报废\nU1,1~5,"):
        booked = report(file=table_of(tmp_path, text), dry_run=True)
        assert [piece.pair() for piece in booked.printed] == [[1, 5]]


@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"unit,printed\n{text}".encode())
)
def test_no_bytes_break_the_reader(data):
    try:
        lines = table.parse(data)
    except UsageError:
        return
    assert all((line.spoiled_count or 0) >= 0 for line in lines)


# --- units ---------------------------------------------------------------------------

STEPS = {
    "made": {"received", "mounted", "used", "lost"},
    "received": {"mounted", "used", "lost"},
    "mounted": {"received", "used", "lost"},
    "lost": {"received"},
    "used": set(),
}


@pytest.mark.parametrize("before", STEPS)
def test_the_statuses_that_may_follow_each_other(home, before):
    here = call(home.station())
    if before != "made":
        unit(here, "U1", before, None, None)
    for after in ("received", "mounted", "used", "lost"):
        if after in STEPS[before]:
            shown = unit(here, "U1", after, "P", "bay 3")
            assert (shown.status, shown.note) == (after, "bay 3")
            home.sql(f"UPDATE units SET status = '{before}', moved_at = NULL")  # noqa: S608
        else:
            with pytest.raises(Refused, match=f"is {before}, and cannot be {after}"):
                unit(here, "U1", after, None, None)


def test_a_lost_unit_is_an_incident_and_says_what_to_do(home):
    shown = unit(call(home.station()), "U2", "lost", None, None)
    assert any("mintmark void B --unit U2 --reason lost" in line for line in shown.lines())
    with home.station().ledger.read() as view:
        incident = view.events(after=view.head()[0] - 1)[0].change
        assert view.counts("B")[State.VOID] == 0
    assert (incident.kind, incident.detail) == (
        "unit-lost", "unit U2 of package P, serials 9-16",
    )  # fmt: skip
    assert verify(home.station().ledger).ok


def test_an_unknown_unit_or_status(home):
    here = call(home.station())
    with pytest.raises(NotFound, match="no unit"):
        unit(here, "U9", "used", None, None)
    with pytest.raises(UsageError, match="unknown status"):
        unit(here, "U1", "eaten", None, None)
    with pytest.raises(UsageError, match="belongs to a --status"):
        unit(here, "U1", None, None, "note")


@pytest.mark.parametrize("note", ["", "x" * 201])
def test_a_note_is_a_line_of_text(home, note):
    with pytest.raises(UsageError, match="a note is 1 to 200 characters"):
        unit(call(home.station()), "U1", "used", None, note)
    with home.station().ledger.read() as view:
        assert view.unit("U1", "P").status == "made"


def test_more_labels_than_are_useful_are_refused(home, tmp_path, monkeypatch):
    monkeypatch.setattr("mintmark.packaging.receipts.labels.MAX_LABELS", 2)
    with pytest.raises(Refused, match="has 3 units; at most 2 labels"):
        labels(home.station(), "P", tmp_path / "labels", None)
    assert not (tmp_path / "labels").exists()
    assert labels(home.station(), "P", tmp_path / "labels", "U2").labels == 1
