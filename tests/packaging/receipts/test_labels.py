"""Labels of units: read by an independent reader, and what people read on them."""

import csv
import html
import io
from dataclasses import replace

import ledger_kit as kit
import numpy as np
import pytest
import zxingcpp
from PIL import Image
from receipt_kit import QUANTITY, UNITS, book
from station_kit import make_home

from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger import changes
from mintmark.codegen.ledger.records import UnitRow
from mintmark.packaging.formats import raster
from mintmark.packaging.formats.strokes import HEIGHT, strokes
from mintmark.packaging.receipts import labels as module
from mintmark.packaging.receipts.labels import labels

PRODUCT = "绿茶 <特级> 500 ml & more"


@pytest.fixture
def station(tmp_path):
    """A home whose package P has units, of a batch with a product."""
    home = make_home(tmp_path)
    station = home.station()
    minted = replace(kit.minted("B", QUANTITY), product=PRODUCT)
    station.ledger.commit(station.author, changes.ContactAdded("li", "Ms Li", None), minted)
    yield book(home)
    home.close()


def ink(path):
    with Image.open(path) as picture:
        assert round(picture.info["dpi"][0]) == 300
        assert picture.size == (945, 354)  # 80 x 30 mm
        return ~np.asarray(picture)


def test_labels_are_read_by_an_independent_reader(station, tmp_path):
    made = labels(station, "P", tmp_path / "labels", None)
    with made.listing.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    spans = [(row["unit"], (int(row["first"]), int(row["last"]))) for row in rows]
    assert spans == list(UNITS.items())
    assert {row["product"] for row in rows} == {PRODUCT}
    for row in rows:
        with Image.open(tmp_path / "labels" / row["label"]) as picture:
            (found,) = zxingcpp.read_barcodes(picture.convert("L"))
        assert found.text == row["unit"]
    with pytest.raises(Refused, match="not overwritten"):
        labels(station, "P", tmp_path / "labels", None)
    (tmp_path / "labels" / "U1.png").unlink()
    with pytest.raises(Refused):
        labels(station, "P", tmp_path / "labels", None)
    assert not (tmp_path / "labels" / "U1.png").exists()


def test_a_label_says_in_letters_what_it_is_on(station, tmp_path, monkeypatch):
    """The words are those asked of the pen, and each is drawn where it is asked."""
    written = []

    def pen(drawn, words, corner, unit):
        written.append(words)
        raster_text(drawn, words, corner, unit)
        at = drawn.shape[0] - round(corner[1] + HEIGHT * unit / 2)
        assert drawn[at - 20 : at + 20, round(corner[0]) :].any()

    raster_text = raster.text
    monkeypatch.setattr(module.raster, "text", pen)
    labels(station, "P", tmp_path / "labels", "U2")
    assert written == [
        "UNIT U2", "SERIALS 9-16", "CODES 8", "FILE data/0002.csv", "PACKAGE P",
        "BATCH B (item CODES)",
    ]  # fmt: skip
    assert all(strokes(words) for words in written)
    whole = ink(tmp_path / "labels" / "U2.png")
    assert not whole[:, -5:].any()
    assert not whole[:5].any()
    assert not whole[-5:].any()


@pytest.mark.parametrize("product", ["Green tea 500 ml", "G" * 200])
def test_a_latin_product_stands_on_the_label_and_no_line_leaves_it(product):
    row = UnitRow(
        "K7QM-5N8R2GHT",
        "data/" + "x" * 60 + ".csv",
        *(1, 9_999_999, 9_999_999, "sha", "K7QM-9X2C4DEF", "K7QM-3T9A2BCD", "made"),
        *(None, None, 0, False),
    )
    about = module.LabelAbout(product, "inner", (("K7QM-8B4N6CDE", "outer"),))
    assert f"PRODUCT {product}" in list(module._words(row, about))
    drawn = np.asarray(Image.open(io.BytesIO(module._label(row, about))))
    assert drawn[:, -1].all()
    assert drawn[-1].all()
    bare = np.asarray(Image.open(io.BytesIO(module._label(row, about._replace(product="")))))
    assert (drawn != bare).any()
    chinese, none = about._replace(product="绿茶"), about._replace(product="")
    assert list(module._words(row, chinese)) == list(module._words(row, none))


def test_a_label_of_a_pair_says_what_it_is_kept_apart_from(tmp_path):
    """Outer and inner codes with the same serials are told apart on every reel and in the list."""
    home = make_home(tmp_path)
    station = home.station()
    outer = replace(kit.minted("B", QUANTITY), role="outer")
    inner = replace(kit.minted("C", QUANTITY), role="inner", pair_of="B", ref=None)
    station.ledger.commit(station.author, changes.ContactAdded("li", "Ms Li", None), outer, inner)
    book(home)
    made = labels(station, "P", tmp_path / "labels", None)
    with made.listing.open(encoding="utf-8-sig") as file:
        assert {(row["role"], row["pairs"]) for row in csv.DictReader(file)} == {("outer", "C")}
    text = made.page.read_text("utf-8")
    assert text.count("外码") == text.count("不能与 C（内码）混放") == len(UNITS)
    with station.ledger.read() as view:
        words = list(module._words(view.unit("U1", "P"), module.LabelAbout.of(view, "B")))
    assert {"BATCH B (outer CODES)", "KEEP APART FROM C (inner)"} <= set(words)
    home.close()


def test_a_label_of_two_codes_says_what_is_on_it_and_what_is_kept_apart(tmp_path):
    """A reel that has both codes of a pair is kept apart from a third batch, never from itself."""
    row = UnitRow(
        *("K7QM-5N8R2GHT", "data/0001.pdf", 1, 48, 48, "sha", "K7QM-9X2C4DEF", "K7QM-3T9A2BCD"),
        *("made", None, None, 0, False),
        copies=2,
        pair="K7QM-8B4N6CDE",
    )
    pairs = (("K7QM-8B4N6CDE", "inner"), ("K7QM-6M2P4QRS", "guide"), ("K7QM-7M2P4QRS", "carton"))
    about = module.LabelAbout("Green tea", "outer", pairs)
    assert list(module._words(row, about))[2:] == [
        "PAIRS 48 X 2 = 96 LABELS",
        "FILE data/0001.pdf",
        "PACKAGE K7QM-9X2C4DEF",
        "BATCH K7QM-3T9A2BCD (outer CODES)",
        "AND K7QM-8B4N6CDE (inner) ON EACH LABEL",
        "KEEP APART FROM K7QM-6M2P4QRS (guide)",
        "KEEP APART FROM K7QM-7M2P4QRS (carton)",
        "PRODUCT Green tea",
    ]
    drawn = np.asarray(Image.open(io.BytesIO(module._label(row, about))))
    other = np.asarray(Image.open(io.BytesIO(module._label(row, about._replace(product="Black")))))
    assert (drawn != other).any()
    assert drawn[-5:].all()
    page = module._page((row,), about).decode("utf-8")
    assert "48 对码×2＝96 张" in page
    assert "每枚标签上还有 K7QM-8B4N6CDE（内码）" in page
    assert "不能与 K7QM-6M2P4QRS（导购码）混放" in page
    assert page.count("混放") == 2


def test_a_page_prints_them_with_the_products_own_name(station, tmp_path):
    made = labels(station, "P", tmp_path / "labels", None)
    text = made.page.read_text("utf-8")
    assert made.page.name == "P-labels.html"
    assert text.count(html.escape(f"产品 {PRODUCT}")) == 3
    for unit, (first, last) in UNITS.items():
        assert f'<img src="{unit}.png"' in text
        assert f"流水号 {first}-{last}" in text
    assert "script" not in text
    assert any("browser" in line for line in made.lines())
