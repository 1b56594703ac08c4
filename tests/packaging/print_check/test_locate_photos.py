"""Photographs of labels, drawn here as phones take them: `locate --photo` says what is on them."""

import json

import numpy as np
import pytest
import segno
import zxingcpp
from contract_shapes import SHAPES, problems
from PIL import Image, ImageFilter
from receipt_kit import call
from station_kit import make_home

from mintmark.codegen.errors import NotFound, UsageError
from mintmark.codegen.ledger import changes
from mintmark.codegen.mint_sscc import SsccRequest
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.cartons import label
from mintmark.packaging.print_check import limits
from mintmark.packaging.print_check import locate_photos as module
from mintmark.packaging.print_check.locate_photos import locate_photos

URL = "HTTPS://T.EXAMPLE.COM/{code}"
MODULE = 5  # pixels


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Bottles 1-10, given to Ms Li; two pallets with SSCCs; three codes in Digital Links."""
    made = make_home(tmp_path_factory.mktemp("photos"))
    station = made.station()
    made.bottles = made.mint(10, station, url=URL, product="Green tea").batch
    made.pallets = made.mint(2, station, role="pallet", sscc=SsccRequest("6901234")).batch
    made.given = made.codes(made.bottles)
    made.links = made.mint(3, station, url="https://id.gs1.org/01/09506000134352/21/{code}").batch
    made.linked = made.codes(made.links)
    unit = changes.Unit("29JR-FFMXBCP4", "data/0001.csv", 1, 10, 10, "s")
    key = made.custodian.public.key_id
    station.ledger.commit(
        station.author,
        changes.ContactAdded("li", "Ms Li", None),
        changes.ExportBegun("29JR-6SKXHEW6", made.bottles, (Range(1, 10),), "li", "csv"),
        changes.Packaged("29JR-6SKXHEW6", URL, "a.zip", 9, "s", "s", key, (unit,)),
    )
    yield made
    made.close()


@pytest.fixture
def photographed(home, tmp_path):
    """Saves pictures, and says what `locate` tells of them: its result and its records."""

    def locate(*pictures, name="photo{}.png", **saved):
        files = []
        for number, picture in enumerate(pictures):
            files.append(tmp_path / name.format(number))
            picture.save(files[-1], **saved)
        result = locate_photos(call(home.station()), files)
        records = list(result.records())
        assert not [fault for record in records for fault in problems(record, SHAPES["locate"])]
        shown = json.dumps(records) + "".join(result.lines())
        assert not [code for code in home.given if code in shown]
        return result, records

    return locate


def symbol(text):
    rows = segno.make_qr(text, error="M", boost_error=False).matrix_iter(border=4)
    light = ~np.array([list(row) for row in rows], bool)
    return np.kron(light, np.ones((MODULE, MODULE), bool)).astype(np.uint8) * 255


def bars(sscc):
    row = np.kron(~label._bars(sscc)[0], np.ones(3, bool)).astype(np.uint8) * 255
    return np.pad(np.repeat(row[None], 120, axis=0), 40, constant_values=255)


def table(*symbols, wide=1200, high=900, ground=150):
    """A photograph: each of the symbols at its (x, y)."""
    picture = np.full((high, wide), ground, np.uint8)
    for (x, y), drawn in symbols:
        picture[y : y + len(drawn), x : x + drawn.shape[1]] = drawn
    return Image.fromarray(picture)


def bottle(home, serial):
    return symbol(URL.replace("{code}", home.given[serial - 1]))


def test_a_label_in_a_photograph_tells_what_a_scan_tells(home, photographed):
    result, (record,) = photographed(table(((300, 200), bottle(home, 3))))
    assert result.exit_code == 0
    assert {key: record[key] for key in ("batch", "serial", "contact", "product", "unit")} == {
        "batch": home.bottles, "serial": 3, "contact": "li", "product": "Green tea",
        "unit": "29JR-FFMXBCP4",
    }  # fmt: skip
    picture = record["picture"]
    assert picture["file"].endswith("photo0.png")
    assert (picture["page"], record["line"]) == (1, None)
    side = len(bottle(home, 3)) / 2
    assert abs(picture["x"] - 300 - side) < 5
    assert abs(picture["y"] - 200 - side) < 5
    (line,) = result.lines()
    assert line.startswith(f"photo0.png ({picture['x']}, {picture['y']})  batch {home.bottles}")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_orientation_says(home, photographed, orientation):
    """The phone was held some way: places are told in the picture as people see it."""
    upright = table(((100, 60), bottle(home, 4)))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    _, (record,) = photographed(stored, name="photo{}.jpg", exif=exif, quality=90)
    half = len(bottle(home, 4)) / 2
    assert record["serial"] == 4
    assert abs(record["picture"]["x"] - 100 - half) < 6
    assert abs(record["picture"]["y"] - 60 - half) < 6


@pytest.mark.parametrize(
    "taken",
    {
        "askew": lambda image: image.rotate(17, expand=True, fillcolor=150),
        "out of focus": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
        "from afar": lambda image: image.resize((image.width // 2, image.height // 2)),
        "in a shadow": lambda image: Image.fromarray(
            (np.asarray(image) * np.linspace(0.35, 1, image.width)).astype(np.uint8)
        ),
        "in colour": lambda image: image.convert("RGB"),
        "by a mirror": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    }.items(),
    ids=lambda item: item[0],
)
def test_however_it_was_taken(home, photographed, taken):
    _, (record,) = photographed(
        taken[1](table(((300, 200), bottle(home, 5)))), name="photo{}.jpg", quality=80
    )
    assert record["serial"] == 5


def test_several_symbols_are_answered_line_by_line(home, photographed):
    """Ours, another's, a bottle that stands there twice: each at its place."""
    other = symbol("https://elsewhere.example/ABCDEFGHJKMNPQRS")
    picture = table(
        ((700, 40), bottle(home, 2)), ((60, 50), bottle(home, 1)), ((60, 500), other),
        ((700, 490), bottle(home, 2)),
    )  # fmt: skip
    result, records = photographed(picture)
    assert [record["serial"] for record in records] == [1, 2, None, 2]
    assert records[2]["note"] == "an address that no batch of this home has"
    assert records[2]["picture"]["x"] < 400 < records[2]["picture"]["y"]
    assert result.exit_code == 0


def test_several_pictures_keep_their_order_and_tell_the_empty_one(home, photographed):
    pictures = [table(((300, 200), bottle(home, n))) for n in (7, 6)]
    result, records = photographed(pictures[0], table(), pictures[1])
    assert [record["serial"] for record in records] == [7, None, 6]
    assert [record["picture"]["file"][-10:] for record in records] == [
        "photo0.png", "photo1.png", "photo2.png",
    ]  # fmt: skip
    assert (records[1]["note"], records[1]["picture"]["x"]) == ("no symbol in this picture", None)
    assert "photograph nearer" in records[1]["hint"]
    assert "photo1.png  no code of ours: no symbol" in list(result.lines())[1]


def test_the_pages_of_a_scan_are_told_apart(home, tmp_path):
    pages = [table(((300, 200), bottle(home, n))) for n in (8, 9)]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    found = locate_photos(call(home.station()), [tmp_path / "scan.tif"])
    assert [(place.serial, place.picture.page) for place in found.places] == [(8, 1), (9, 2)]
    assert list(found.lines())[1].startswith("scan.tif, page 2 (")


def test_the_bar_code_of_a_pallet_is_its_sscc(home, photographed):
    _, (record,) = photographed(table(((200, 300), bars("069012340000000023"))))
    assert (record["batch"], record["serial"], record["role"]) == (home.pallets, 2, "pallet")
    assert record["sscc"] == "069012340000000023"


def test_a_matrix_code_of_another_kind_is_read(home, photographed):
    drawn = zxingcpp.create_barcode(home.given[0], zxingcpp.BarcodeFormat.DataMatrix)
    picture = np.asarray(drawn.to_image(scale=6))
    _, (record,) = photographed(table(((200, 300), picture)))
    assert (record["batch"], record["serial"]) == (home.bottles, 1)


def test_a_gs1_matrix_code_is_read_as_an_element_string(home, photographed):
    text = f"(01)09506000134352(21){home.linked[1]}"
    drawn = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix, gs1=True)
    _, (record,) = photographed(table(((200, 300), np.asarray(drawn.to_image(scale=6)))))
    assert (record["batch"], record["serial"]) == (home.links, 2)


def test_a_digital_link_of_any_host_is_read(home, photographed):
    drawn = symbol(f"https://shop.example/01/09506000134352/21/{home.linked[2]}?17=271127")
    _, (record,) = photographed(table(((200, 300), drawn)))
    assert (record["batch"], record["serial"]) == (home.links, 3)


def test_a_symbol_that_is_scratched_is_told_beside_the_others(home, photographed):
    spoiled = bottle(home, 2)
    size = len(spoiled)
    spoiled[size // 3 : size * 2 // 3, size // 3 : size * 2 // 3] = 0
    picture = table(((60, 50), bottle(home, 1)), ((700, 50), spoiled))
    _, records = photographed(picture)
    assert [record["serial"] for record in records] == [1, None]
    assert records[1]["note"] == "a symbol that cannot be read"
    assert abs(records[1]["picture"]["x"] - 700 - size / 2) < 10


@pytest.mark.parametrize("scratched", [False, True])
def test_a_picture_without_a_symbol_says_how_to_photograph(home, photographed, scratched):
    drawn = bottle(home, 1)
    drawn[60:120, 60:120] = 255
    with pytest.raises(NotFound) as caught:
        photographed(table(((60, 50), drawn)) if scratched else table())
    assert caught.value.exit_code == 4
    assert "photograph nearer" in caught.value.hints[0]


def test_a_picture_of_others_codes_alone_ends_with_4(home, photographed):
    result, (record,) = photographed(table(((60, 50), symbol("ABCDEFGHJKMNPQRS"))))
    assert (record["batch"], result.exit_code) == (None, 4)


@pytest.mark.parametrize("text", ["", "\n", "a" * 600, "保管人" * 20, "A\nB"])
def test_whatever_a_symbol_holds_it_is_not_repeated(home, photographed, text):
    found = symbol(text) if text else symbol(" ")
    result, records = photographed(table(((60, 50), found), ((700, 500), bottle(home, 1))))
    assert [r["serial"] for r in records if r["serial"]] == [1]
    assert len(records) <= 2
    assert not text.strip() or text not in json.dumps(records) + "".join(result.lines())


def test_pictures_are_bounded_as_proofs_are(home, tmp_path, monkeypatch):
    table().save(tmp_path / "big.png")
    monkeypatch.setattr(limits, "MAX_PIXELS", 1000 * 1000)
    with pytest.raises(UsageError, match="million pixels"):
        locate_photos(call(home.station()), [tmp_path / "big.png"])
    monkeypatch.setattr(module, "MAX_FILES", 2)
    with pytest.raises(UsageError, match="at most 2 pictures"):
        locate_photos(call(home.station()), [tmp_path / "big.png"] * 3)


def test_a_phone_that_takes_heic_is_told_how_to_take_jpeg(home, tmp_path):
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    with pytest.raises(UsageError, match="HEIC") as caught:
        locate_photos(call(home.station()), [tmp_path / "photo.heic"])
    assert "Most Compatible" in caught.value.hints[0]
