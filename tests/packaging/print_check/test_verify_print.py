"""Proofs, drawn here and spoiled on purpose, read back and held against the books."""

import json
from dataclasses import replace

import numpy as np
import pikepdf
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter, ImageOps
from print_kit import TEMPLATE, Made, program
from receipt_kit import call
from station_kit import make_home

from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.codegen.errors import EnvironmentFailure, NotFound, UsageError
from mintmark.codegen.ledger import changes
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range, to_pairs
from mintmark.packaging.formats.dummy import dummy_codes, dummy_source
from mintmark.packaging.print_check import limits, page_images, pdf_pages, pictures
from mintmark.packaging.print_check.arrangement import Printed, missing, out_of_order
from mintmark.packaging.print_check.find_symbols import FoundSymbol, _sorted_out, symbols_in
from mintmark.packaging.print_check.verify_print import verify_print
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.geometry import LabelOrder
from mintmark.packaging.reissue import record

CSV = replace(builtin("csv"), unit_size=100)
SHEETS = builtin("pdf-sheet")
STACK = replace(
    SHEETS,
    sheet=replace(SHEETS.sheet, page=(70.0, 90.0), columns=2, rows=2, order=LabelOrder.STACK),
)
FILM = builtin("bmp-1bit")
FILM = replace(FILM, symbol=replace(FILM.symbol, mirror=True, invert=True))
PIXELS = 4  # a module
GAP = 24  # between symbols


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Serials 1-100 are in package P, a reel a hundred; 101-130 in Q, cut and stack.

    135-140 are in R, light on dark and mirrored; 141-143 in S, each on three labels.
    """
    made = make_home(tmp_path_factory.mktemp("proofs"))
    station = made.station()
    batch = made.mint(143, station, url=TEMPLATE).batch
    ledger, author = station.ledger, station.author
    ledger.commit(author, changes.ContactAdded("li", "Ms Li", None))
    packages = (
        *(("P", CSV, 1, 100, 1), ("Q", STACK, 101, 130, 1), ("R", FILM, 135, 140, 1)),
        ("S", SHEETS, 141, 143, 3),
    )
    for package, profile, first, last, copies in packages:
        begun = changes.ExportBegun(
            *(package, batch, (Range(first, last),), "li", profile.name),
            layout=record(profile),
            copies=copies,
        )
        unit = changes.Unit(f"U{package}", "data/0001.x", first, last, last - first + 1, "s")
        key = made.custodian.public.key_id
        ledger.commit(author, begun)
        ledger.commit(
            author, changes.Packaged(package, TEMPLATE, "a.zip", 9, "s", "s", key, (unit,))
        )
    made.batch, made.given = batch, made.codes(batch)
    yield made
    made.close()


def symbol(text):
    matrix = segno.make_qr(text, error="M", boost_error=False).matrix_iter(border=4)
    light = ~np.array([list(row) for row in matrix], bool)
    return np.kron(light, np.ones((PIXELS, PIXELS), bool)).astype(np.uint8) * 255


def grid(texts, columns):
    """Symbols across, then down; None leaves a hole."""
    cells = [None if text is None else symbol(text) for text in texts]
    side = max(len(cell) for cell in cells if cell is not None) + GAP
    rows = -(-len(texts) // columns)
    sheet = np.full((rows * side + GAP, columns * side + GAP), 255, np.uint8)
    for at, cell in enumerate(cells):
        y, x = GAP + at // columns * side, GAP + at % columns * side
        if cell is not None:
            sheet[y : y + len(cell), x : x + len(cell)] = cell
    return Image.fromarray(sheet)


@pytest.fixture
def proof(home, tmp_path):
    """Reads a proof of serials, each with its address, and whatever was done to the picture."""

    def check(serials, columns=4, change=lambda image: image, address=TEMPLATE, name="proof.png"):
        texts = [
            serial if serial is None or isinstance(serial, str)
            else address.replace("{code}", home.given[serial - 1])
            for serial in serials
        ]  # fmt: skip
        change(grid(texts, columns)).save(tmp_path / name)
        return verify_print(call(home.station()), [tmp_path / name])

    return check


def only(found):
    (package,) = found.packages
    return package


def pairs(ranges):
    return to_pairs(ranges)


# --- what it says ------------------------------------------------------------------------


def test_a_proof_that_is_right(proof, home):
    found = proof(range(11, 23))
    package = only(found)
    assert found.ok
    assert found.exit_code == 0
    assert (found.symbols, found.unreadable, found.unknown) == (12, 0, 0)
    assert (package.package, package.batch, package.units) == ("P", home.batch, ("UP",))
    assert pairs(package.serials) == [[11, 22]]
    assert [picture.ordered for picture in found.pictures] == [True]


@pytest.mark.parametrize(
    "spoil",
    {
        "turned": lambda image: image.rotate(11, expand=True, fillcolor=255),
        "upside down": lambda image: image.rotate(180),
        "on its side": lambda image: image.transpose(Image.Transpose.ROTATE_90),
        "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
        "small": lambda image: image.resize((image.width // 2, image.height // 2)),
        "dark at one side": lambda image: Image.fromarray(
            (np.asarray(image) * np.linspace(0.3, 1, image.width)).astype(np.uint8)
        ),
        "in colour": lambda image: Image.merge("RGB", [image.point(lambda v: v // 2 + 90)] * 3),
        "see-through": lambda image: Image.merge(
            "LA", [Image.new("L", image.size), image.point(lambda v: 255 - v)]
        ),
    }.items(),
    ids=lambda item: item[0],
)
def test_however_it_was_photographed(proof, spoil):
    found = proof(range(11, 23), change=spoil[1])
    assert found.ok
    assert found.symbols == 12
    assert pairs(only(found).serials) == [[11, 22]]


@pytest.mark.parametrize("name", ["proof.jpg", "proof.tif", "proof.bmp"])
def test_other_kinds_of_picture(proof, name):
    assert proof(range(1, 7), name=name).ok


def test_missing_doubled_and_out_of_order(proof):
    found = proof([1, 2, 3, 4, 5, 6, 9, 8, 4, 10, 11, 12])
    package = only(found)
    assert not found.ok
    assert found.exit_code == 5
    assert pairs(package.missing) == [[7, 7]]
    assert pairs(package.doubled) == [[4, 4]]
    assert pairs(package.out_of_order) in ([[4, 4], [8, 8]], [[4, 4], [9, 9]])
    assert found.pictures[0].ordered is False


def test_a_symbol_nobody_can_read_is_told_with_its_place(proof):
    def scratch(image):
        pixels = np.array(image)
        side = (image.width - GAP) // 4
        x, y = GAP + side, GAP + side  # the sixth symbol
        pixels[y + 46 : y + 116, x + 46 : x + 116] = 0
        return Image.fromarray(pixels)

    found = proof(range(1, 13), change=scratch)
    assert not found.ok
    assert found.symbols == 11
    assert found.unreadable == 1
    ((x, y),) = found.pictures[0].unreadable
    side = len(symbol("x" * 30)) + GAP
    assert abs(x - 1.5 * side) < side / 4
    assert abs(y - 1.5 * side) < side / 4
    assert pairs(only(found).missing) == [[6, 6]]


def test_codes_of_others_and_other_addresses(proof, home):
    foreign = "HTTPS://Q.EXAMPLE.CN/0000000000000000"
    lower = "https://q.example.cn/" + home.given[4]
    found = proof([1, 2, 3, 4, lower, 6, foreign, "HELLO WORLD"])
    package = only(found)
    assert not found.ok
    assert found.unknown == 2
    assert pairs(package.other_address) == [[5, 5]]
    assert pairs(package.serials) == [[1, 6]]
    assert not package.missing


@pytest.mark.parametrize(
    "spoil",
    [str.lower, lambda code: f"{code} ", lambda code: f"{code[:8]}-{code[8:]}",
     lambda code: code.replace("0", "O").replace("1", "I")],
)  # fmt: skip
def test_codes_that_were_not_copied_exactly(proof, home, spoil):
    texts = [TEMPLATE.replace("{code}", spoil(code)) for code in home.given[:9]]
    found = proof(texts, columns=3)
    wrong = [at for at, code in enumerate(home.given[:9], start=1) if spoil(code) != code]
    assert wrong
    assert not found.ok
    assert [serial for first, last in pairs(only(found).other_address)
            for serial in range(first, last + 1)] == wrong  # fmt: skip


def test_codes_that_are_in_no_package_and_two_packages(proof):
    found = proof([98, 99, 100, 131, 132, 133], columns=3)
    by = {package.package: package for package in found.packages}
    assert not found.ok
    assert pairs(by["P"].serials) == [[98, 100]]
    assert by["P"].right
    assert pairs(by[None].serials) == [[131, 133]]
    assert not by[None].right


def test_void_codes(home, proof):
    request = OrderRequest(
        Action.VOID, home.batch, BySerials("90-91"), reason="misprint", order="spoiled"
    )
    book(home.station(), request)
    found = proof(range(88, 94), columns=3)
    assert not found.ok
    assert pairs(only(found).void) == [[90, 91]]


def test_a_test_package(proof, home):
    flat = dummy_codes(Range(3, 8), 16, digits=False).decode()
    dummies = [flat[at : at + 16] for at in range(0, len(flat), 16)]
    found = proof([TEMPLATE.replace("{code}", code) for code in dummies], columns=3)
    package = only(found)
    assert found.ok
    assert (package.test, package.package, package.batch) == (True, None, home.batch)
    assert pairs(package.serials) == [[3, 8]]


def test_a_test_package_that_rehearses_spreadsheets(proof, home):
    ((_, flat),) = dummy_source("crockford32", 16)(Range(1, 9))
    dummies = [flat[at : at + 16].decode("ascii") for at in range(0, len(flat), 16)]
    assert "2222222222222E22" in dummies
    found = proof([TEMPLATE.replace("{code}", code) for code in dummies], columns=3)
    package = only(found)
    assert found.ok
    assert (package.test, package.batch, pairs(package.serials)) == (True, home.batch, [[1, 9]])


def test_two_sheets_on_one_scanner(proof):
    # Q is cut and stack, four labels on each of eight sheets: 101, 109, 117, 125 on the first.
    one, other = (101, 109, 117, 125), (102, 110, 118, 126)
    assert proof([*one, *other], columns=2).ok
    assert proof([*other, *one], columns=2).ok
    beside = [*one[:2], *other[:2], *one[2:], *other[2:]]
    assert proof(beside, columns=4).ok
    swapped = proof([*one, 102, 110, 126, 118], columns=2)
    assert len(only(swapped).out_of_order) == 1


@pytest.mark.parametrize(
    ("order", "right", "wrong"),
    [
        ("stack", ([1, 8, 15, 22], [7, 14, 21], [8, 22]), ([1, 8, 22], [1, 2, 4])),
        ("lanes", ([1, 2, 15, 16], [3, 4, 17], [2, 16]), ([1, 15, 16], [1, 2, 4, 5])),
    ],
)
def test_a_sheet_of_a_test_package_of_a_profile_of_the_home(proof, home, order, right, wrong):
    """The books know no test package, so not how many sheets it has."""
    folder = home.path / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "pile.toml").write_text(
        'format = "pdf"\n[sheet]\npage = [70.0, 90.0]\nlabel = [28.0, 32.0]\n'
        f'columns = 2\nrows = 2\norder = "{order}"\n'
    )
    flat = dummy_codes(Range(1, 28), 16, digits=False).decode()

    def seen(serials):
        texts = [TEMPLATE.replace("{code}", flat[16 * at - 16 : 16 * at]) for at in serials]
        return proof(texts, columns=2)

    assert [seen(serials).ok for serials in right] == [True] * 3
    assert [seen(serials).ok for serials in wrong] == [False] * 2
    (folder / "pile.toml").unlink()
    assert not seen(right[0]).ok


def test_nothing_that_was_read_is_shown(proof, home):
    found = proof([1, 2, 3, "HTTPS://Q.EXAMPLE.CN/SECRETSECRETSECR"])
    said = "\n".join(found.lines()) + json.dumps(list(found.records())) + repr(found)
    assert "SECRETSECRET" not in said
    assert not any(code in said for code in home.given)
    assert "SECRET" not in repr(FoundSymbol(b"SECRET", 1, 1, 1, 0))


def test_several_pictures_complete_each_other(home, tmp_path):
    for name, serials in (("a.png", range(1, 7)), ("b.png", range(5, 13))):
        grid([TEMPLATE.replace("{code}", home.given[n - 1]) for n in serials], 3).save(
            tmp_path / name
        )
    found = verify_print(call(home.station()), [tmp_path / "a.png", tmp_path / "b.png"])
    assert found.ok  # photographs may overlap
    assert pairs(only(found).serials) == [[1, 12]]
    again = verify_print(call(home.station()), [tmp_path / "a.png"] * 2)
    assert (again.ok, again.symbols) == (True, 6)
    Image.new("L", (300, 300), 255).save(tmp_path / "blank.png")
    found = verify_print(call(home.station()), [tmp_path / "a.png", tmp_path / "blank.png"])
    assert "blank.png, page 1: no symbol" in list(found.lines())


# --- looks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "mirrored", "inverted"),
    [(ImageOps.mirror, True, False), (ImageOps.invert, False, True),
     (lambda image: ImageOps.invert(ImageOps.flip(image)), True, True)],
)  # fmt: skip
def test_a_look_that_the_profile_does_not_ask_for_is_told(proof, change, mirrored, inverted):
    package = only(found := proof(range(11, 23), change=change))
    assert found.exit_code == 5
    assert pairs(package.mirrored) == [[11, 22]] * mirrored
    assert pairs(package.light_on_dark) == [[11, 22]] * inverted
    said = "\n".join(found.lines())
    assert ("mirrored      11-22" in said, "light on dark 11-22" in said) == (mirrored, inverted)
    assert not package.out_of_order


@pytest.mark.parametrize("change", [ImageOps.mirror, ImageOps.invert])
def test_a_test_proof_is_told_too_where_no_profile_of_the_home_asks_for_it(proof, change, home):
    flat = dummy_codes(Range(3, 8), 16, digits=False).decode()
    dummies = [TEMPLATE.replace("{code}", flat[at : at + 16]) for at in range(0, len(flat), 16)]
    assert proof(dummies, columns=3, change=change).exit_code == 5
    folder = home.station().home / "profiles"
    folder.mkdir(exist_ok=True)
    film = folder / "film.toml"
    film.write_text('format = "png"\n[symbol]\nmirror = true\ninvert = true\n', encoding="utf-8")
    found = proof(dummies, columns=3, change=change)
    film.unlink()
    assert found.exit_code == 0
    assert any("right only for a profile with" in note for note in only(found).notes)


@pytest.mark.parametrize(
    "change", [lambda image: image, lambda i: ImageOps.invert(ImageOps.mirror(i))]
)
def test_a_profile_that_asks_is_right_from_either_side_and_says_which(proof, change):
    found = proof(range(135, 141), columns=3, change=change)
    assert found.ok
    assert len(only(found).notes) == 2
    assert all(note in "\n".join(found.lines()) for note in only(found).notes)


def test_a_symbol_that_differs_from_the_others_of_its_picture_is_wrong(proof):
    def turn_one(image):
        side = (image.width - GAP) // 3
        box = (GAP + side, GAP, GAP + side + side - GAP, GAP + side - GAP)
        image.paste(ImageOps.mirror(image.crop(box)), box)
        return image

    found = proof(range(135, 141), columns=3, change=turn_one)
    assert found.exit_code == 5
    assert pairs(only(found).mirrored) == [[136, 136]]


# --- sheets ------------------------------------------------------------------------------


def test_a_pdf_cut_and_stack(home, tmp_path):
    program("pdftoppm")
    made = Made(STACK, home.given[100:130], first=101)
    (data,) = made.files.values()
    (tmp_path / "a.pdf").write_bytes(data)
    found = verify_print(call(home.station()), [tmp_path / "a.pdf"])
    package = only(found)
    assert [picture.symbols for picture in found.pictures] == [4] * 6 + [3, 3]
    assert (package.package, pairs(package.serials)) == ("Q", [[101, 130]])
    assert found.ok


def test_one_sheet_of_a_stack_misses_nothing(home, tmp_path):
    program("pdftoppm")
    made = Made(STACK, home.given[100:130], first=101)
    (data,) = made.files.values()
    (tmp_path / "a.pdf").write_bytes(data)
    first = next(page_images.pages(tmp_path / "a.pdf")).grey
    Image.fromarray(first).save(tmp_path / "a.png")
    found = verify_print(call(home.station()), [tmp_path / "a.png"])
    assert found.ok
    assert pairs(only(found).serials) == [[101, 101], [109, 109], [117, 117], [125, 125]]
    # One label painted over: its own serial is missing, and none of the other sheets'.
    pixels = first.copy()
    pixels[: len(first) // 2, : len(first[0]) // 2] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = verify_print(call(home.station()), [tmp_path / "a.png"])
    assert pairs(only(found).missing) == [[101, 101]]


def test_copies_are_doubled_only_beyond_their_number(home, tmp_path, proof):
    program("pdftoppm")
    made = Made(SHEETS.of_size(10), home.given[140:143], first=141, copies=3)
    (data,) = made.files.values()
    (tmp_path / "a.pdf").write_bytes(data)
    found = verify_print(call(home.station()), [tmp_path / "a.pdf"])
    assert (found.symbols, found.ok, only(found).package) == (9, True, "S")
    once_more = proof([141, 141, 141, 141, 142, 142, 142, 143, 143])
    assert pairs(only(once_more).doubled) == [[141, 141]]
    assert not once_more.ok
    hole = proof([141, 141, 141, 143, 143, 143])
    assert pairs(only(hole).missing) == [[142, 142]]


def test_without_the_program_a_pdf_is_refused_with_a_hint(home, tmp_path, monkeypatch):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\n")
    monkeypatch.setattr(pdf_pages.shutil, "which", lambda _: None)
    with pytest.raises(EnvironmentFailure) as caught:
        verify_print(call(home.station()), [tmp_path / "a.pdf"])
    assert "poppler" in " ".join(caught.value.hints)


# --- bad input ---------------------------------------------------------------------------


def test_what_is_no_picture(home, tmp_path):
    open_home = call(home.station())
    with pytest.raises(NotFound):
        verify_print(open_home, [tmp_path / "none.png"])
    for data in (b"", b"code,url\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0broken"):
        (tmp_path / "a.png").write_bytes(data)
        with pytest.raises(UsageError, match="no picture"):
            verify_print(open_home, [tmp_path / "a.png"])
    program("pdftoppm")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\nbroken")
    with pytest.raises(UsageError, match="no PDF"):
        verify_print(open_home, [tmp_path / "a.pdf"])


def test_a_pdf_that_needs_a_password(home, tmp_path):
    program("pdftoppm")
    locked = pikepdf.new()
    locked.add_blank_page()
    locked.save(tmp_path / "a.pdf", encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(UsageError, match="needs a password"):
        verify_print(call(home.station()), [tmp_path / "a.pdf"])


def test_a_tiff_that_was_cut_off_is_refused_without_a_warning(home, tmp_path, recwarn):
    whole = tmp_path / "a.tif"
    pages = [Image.fromarray(symbol(text)) for text in "AB"]
    pages[0].save(whole, save_all=True, append_images=pages[1:])
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 4])
    with pytest.raises(UsageError, match="no picture"):
        verify_print(call(home.station()), [whole])
    assert not recwarn.list


def test_a_picture_without_symbols(home, tmp_path):
    Image.new("L", (300, 300), 255).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="no QR symbol"):
        verify_print(call(home.station()), [tmp_path / "a.png"])


def test_a_picture_too_large_is_not_unpacked(home, tmp_path, monkeypatch):
    Image.new("1", (15_000, 12_000)).save(tmp_path / "a.png")
    for most in (limits.MAX_PIXELS, 1_000):
        monkeypatch.setattr(limits, "MAX_PIXELS", most)
        monkeypatch.setattr(pictures, "MAX_PIXELS", most)
        with pytest.raises(UsageError, match="million pixels"):
            verify_print(call(home.station()), [tmp_path / "a.png"])


def test_more_symbols_than_a_reader_reports_at_once():
    texts = [f"HTTPS://Q.EXAMPLE.CN/{n:04}" for n in range(600)]
    found = symbols_in(np.asarray(grid(texts, 20).resize((1_500, 2_250))))
    assert sorted(symbol.content.decode() for symbol in found if symbol.content) == texts


def test_a_region_between_symbols_is_no_unreadable_symbol():
    good = [FoundSymbol(b"x", x, y, 100.0, 90.0) for x in (100.0, 256.0) for y in (100.0, 256.0)]
    between = [
        FoundSymbol(None, 178.0, 178.0, 100.0, 0.0),
        FoundSymbol(None, 178.0, 100.0, 110.0, 45.0),
    ]
    beside = FoundSymbol(None, 412.0, 100.0, 104.0, 90.0)
    twice = FoundSymbol(None, 420.0, 110.0, 100.0, 90.0)
    large = FoundSymbol(None, 900.0, 900.0, 240.0, 0.0)
    assert _sorted_out([*between, *good, beside, twice, large]) == (good, [beside])


# --- order and gaps, pure ----------------------------------------------------------------


def lay(serials, columns, quarter=0, flip=False):
    """Marks of `serials`, across then down, the sheet turned and flipped."""
    found = []
    for at in range(len(serials)):
        point = complex(at % columns, at // columns) * 1.3
        point = (point.conjugate() if flip else point) * 1j**quarter
        found.append(FoundSymbol(b"x", point.real, point.imag, 1.0, 90.0 * quarter))
    return found, [(serial,) for serial in serials]


@given(st.integers(3, 60), st.integers(2, 9), st.integers(0, 3), st.booleans(), st.integers(1, 50))
def test_serials_in_order_are_in_order_whatever_is_up(count, columns, quarter, flip, step):
    placed, keys = lay([1 + step * n for n in range(count)], columns, quarter, flip)
    assert out_of_order(placed, keys) == []


@given(st.integers(3, 8), st.integers(3, 9), st.data())
def test_one_symbol_elsewhere_is_found(rows, columns, data):
    count = rows * columns
    serials = list(range(1, count + 1))
    moved = data.draw(st.integers(0, count - 1))
    to = data.draw(st.integers(0, count - 1).filter(lambda at: abs(at - moved) > 1))
    serials.insert(to, serials.pop(moved))
    placed, keys = lay(serials, columns)
    wrong = out_of_order(placed, keys)
    assert len(wrong) == 1


def test_symbols_in_a_heap_have_no_order():
    heap = [
        FoundSymbol(b"x", x, y, 1.0, 0.0) for x, y in ((0, 0), (0.2, 0.2), (0.4, 0.1), (0.1, 0.4))
    ]
    assert out_of_order(heap, [(n,) for n in range(4)]) is None


def test_gaps_are_looked_for_lane_by_lane():
    lanes = replace(CSV, lanes=4)
    printed = Printed(Range(1, 100), lanes)
    assert not missing([1, 2, 26, 27, 51, 52, 76, 77], printed)
    assert pairs(missing([1, 3, 26, 27], printed)) == [[2, 2]]
    assert pairs(missing([1, 3, 26], None)) == [[2, 2], [4, 25]]
