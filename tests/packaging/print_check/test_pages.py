"""The pages of picture files and PDFs, as cameras, scanners and image programs write them."""

import io
import struct
from dataclasses import replace

import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageOps
from print_kit import SMALL, Made, codes, document, on_sheet, program

from mintmark.codegen.errors import UsageError
from mintmark.packaging.print_check import page_images
from mintmark.packaging.print_check.find_symbols import Page, symbols_in, symbols_on
from mintmark.packaging.profiles.files import builtin

# An L, so that every turn and mirroring shows.
PAGE = np.full((60, 90), 255, np.uint8)
PAGE[5:50, 5:15] = PAGE[40:50, 5:60] = 0
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: np.rot90,
    7: lambda a: np.rot90(a, 2).T,
    8: lambda a: np.rot90(a, -1),
}
TAG, PHOTOMETRIC, NEW_SUBFILE_TYPE, SUBFILE_TYPE = 274, 262, 254, 255


def tiff(*frames):
    """A little-endian uncompressed TIFF: frames are (pixels, tags besides the usual ones)."""
    out, chain = bytearray(b"II*\0\0\0\0\0"), 4
    for pixels, more in frames:
        samples = pixels.shape[2] if pixels.ndim == 3 else 1
        at = len(out)
        out += pixels.tobytes()
        bits = len(out)
        out += struct.pack(f"<{samples}H", *[8 * pixels.itemsize] * samples)
        tags = {
            256: (4, 1, pixels.shape[1]), 257: (4, 1, pixels.shape[0]), 259: (3, 1, 1),
            258: (3, samples, bits if samples > 2 else 8 * pixels.itemsize), 262: (3, 1, 1),
            273: (4, 1, at), 277: (3, 1, samples), 278: (4, 1, pixels.shape[0]),
            279: (4, 1, pixels.nbytes),
        } | {tag: (3, 1, value) for tag, value in more.items()}  # fmt: skip
        out += b"\0" * (len(out) % 2)
        struct.pack_into("<I", out, chain, len(out))
        out += struct.pack("<H", len(tags))
        for tag, (kind, count, value) in sorted(tags.items()):
            out += struct.pack("<HHII", tag, kind, count, value)
        chain = len(out)
        out += b"\0\0\0\0"
    return bytes(out)


def pages(path):
    return [page.grey for page in page_images.pages(path)]


def written(path, data):
    path.write_bytes(data)
    return path


KINDS = {
    "grey": (lambda a: a, {}),
    "grey, white is zero": (lambda a: 255 - a, {PHOTOMETRIC: 0}),
    "16 bit": (lambda a: a.astype("<u2") * 120 + 3_000, {}),
    "16 bit, white is zero": (lambda a: (255 - a).astype("<u2") * 257, {PHOTOMETRIC: 0}),
    "RGB": (lambda a: np.stack([a] * 3, 2), {PHOTOMETRIC: 2}),
    "16 bit RGB": (lambda a: np.stack([a.astype("<u2") * 257] * 3, 2), {PHOTOMETRIC: 2}),
    "CMYK": (lambda a: np.stack([a * 0, a * 0, a * 0, 255 - a], 2), {PHOTOMETRIC: 5}),
    "rich CMYK": (lambda a: np.stack([255 - a] * 4, 2), {PHOTOMETRIC: 5}),
}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("kind", KINDS)
def test_tiffs_of_every_kind_are_upright_and_dark_where_they_are_dark(kind, turn, tmp_path):
    store, tags = KINDS[kind]
    stored = np.ascontiguousarray(store(np.ascontiguousarray(TURNS[turn](PAGE))))
    (found,) = pages(written(tmp_path / "a.tif", tiff((stored, {**tags, TAG: turn}))))
    assert np.array_equal(found > 127, PAGE > 127)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("mode", ["1", "P", "L", "CMYK", "I;16"])
def test_pictures_that_pillow_writes_too(mode, turn, tmp_path):
    stored = Image.fromarray(np.ascontiguousarray(TURNS[turn](PAGE)))
    if mode == "I;16":
        stored = Image.fromarray(np.asarray(stored).astype(np.uint16) * 257)
    elif mode == "CMYK":
        stored = stored.convert("RGB").convert("CMYK")
    else:
        stored = stored.convert(mode)
    for number, how in enumerate(({}, {"compression": "tiff_lzw"})):
        path = tmp_path / f"{number}.tif"
        stored.save(path, tiffinfo={TAG: turn}, **how)
        assert np.array_equal(pages(path)[0] > 127, PAGE > 127)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_photographs_are_turned_by_their_exif_tag(name, turn, tmp_path):
    exif = Image.Exif()
    exif[TAG] = turn
    stored = Image.fromarray(np.ascontiguousarray(TURNS[turn](PAGE)))
    stored.save(tmp_path / name, exif=exif)
    assert np.array_equal(pages(tmp_path / name)[0] > 127, PAGE > 127)


def smaller(times, resample=Image.Resampling.BOX):
    return np.asarray(symbols_page(3).resize([360 // times] * 2, resample))


def symbols_page(seed):
    made = Made(builtin("png"), codes(1, seed=seed))
    with Image.open(io.BytesIO(list(made.files.values())[1])) as found:
        return found.convert("L").resize((360, 360))


PREVIEWS = {
    "NewSubfileType 1": (1, {NEW_SUBFILE_TYPE: 1}, Image.Resampling.BOX),
    "NewSubfileType 3": (2, {NEW_SUBFILE_TYPE: 3}, Image.Resampling.BOX),
    "the older SubfileType": (2, {SUBFILE_TYPE: 2}, Image.Resampling.BOX),
    "a mask": (1, {NEW_SUBFILE_TYPE: 4}, Image.Resampling.BOX),
    "marked as a page, as by ImageMagick": (2, {NEW_SUBFILE_TYPE: 2}, Image.Resampling.BOX),
    "not marked, every other pixel": (2, {}, Image.Resampling.NEAREST),
    "not marked, a thumbnail": (6, {}, Image.Resampling.BICUBIC),
}


@pytest.mark.parametrize("name", PREVIEWS)
def test_previews_in_a_tiff_are_no_pages(name, tmp_path):
    times, tags, resample = PREVIEWS[name]
    whole = (smaller(1), {})
    preview = (np.ascontiguousarray(smaller(times, resample)), tags)
    (page,) = pages(written(tmp_path / "a.tif", tiff(whole, preview)))
    assert page.shape == (360, 360)
    # In front of the page, a preview must be marked.
    if tags.get(NEW_SUBFILE_TYPE, 2) != 2:
        (page,) = pages(written(tmp_path / "b.tif", tiff(preview, whole, preview)))
        assert page.shape == (360, 360)


def test_pages_of_a_tiff_stay_pages(tmp_path):
    one, other = (np.asarray(symbols_page(seed)) for seed in (3, 4))
    half = np.asarray(symbols_page(4).resize((180, 180), Image.Resampling.BOX))
    both = written(tmp_path / "a.tif", tiff((one, {}), (other, {}), (half, {NEW_SUBFILE_TYPE: 2})))
    assert [page.shape[0] for page in pages(both)] == [
        360,
        360,
    ]  # half of the second is its preview
    mixed = written(tmp_path / "b.tif", tiff((one, {}), (half, {})))
    assert [page.shape[0] for page in pages(mixed)] == [360, 180]
    # A file of one picture, marked wrongly, still is that picture.
    assert len(pages(written(tmp_path / "c.tif", tiff((one, {NEW_SUBFILE_TYPE: 1}))))) == 1


def test_a_large_tiff_of_several_frames_is_read_without_a_warning(tmp_path, recwarn):
    large = Image.new("1", (10_000, 9_000), 1)
    large.save(tmp_path / "a.tif", save_all=True, append_images=[large], compression="group4")
    assert len(pages(tmp_path / "a.tif")) == 2
    assert not recwarn.list


def test_a_raw_file_that_holds_a_preview_alone_is_refused(tmp_path):
    raw = tiff((smaller(2), {NEW_SUBFILE_TYPE: 1, 330: 8}))
    with pytest.raises(UsageError, match="only a preview"):
        pages(written(tmp_path / "a.dng", raw))


def test_further_pictures_of_a_jpeg_are_no_pages(tmp_path):
    whole, preview = (Image.fromarray(smaller(times)) for times in (1, 2))
    whole.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[preview, preview])
    with Image.open(tmp_path / "a.jpg") as found:
        assert (found.format, found.n_frames) == ("MPO", 3)
    (page,) = pages(tmp_path / "a.jpg")
    assert page.shape == (360, 360)


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_animations_are_refused(name, tmp_path):
    one, other = (symbols_page(seed) for seed in (3, 4))
    one.save(tmp_path / name, save_all=True, append_images=[other], lossless=True)
    with pytest.raises(UsageError, match="animation"):
        pages(tmp_path / name)


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif"])
def test_heic_is_refused_with_what_to_do(brand, tmp_path):
    path = written(tmp_path / "a.heic", b"\0\0\0\x18ftyp" + brand + b"\0" * 200)
    with pytest.raises(UsageError, match="HEIC") as caught:
        pages(path)
    assert "JPEG" in caught.value.hints[0]


# --- PDFs --------------------------------------------------------------------------------


@pytest.mark.parametrize("look", [{}, {"reduce": 1}, {"invert": True, "mirror": True}], ids=str)
def test_a_sheet_of_four_dots_at_1200_dpi_is_read(look, tmp_path):
    program("pdftoppm")
    sheet = replace(SMALL, dpi=1_200, page=(60.0, 50.0), label=(8.0, 10.0), text_size=3.0)
    made = Made(on_sheet(sheet, dots=4, dpi=1_200, **look), codes(6))
    (page,) = page_images.pages(written(tmp_path / "a.pdf", document(made)))
    found = symbols_on(page)
    assert sorted(item.content.decode()[-16:] for item in found) == sorted(made.texts)
    mark = bool(look.get("invert"))
    assert {item.look.light_on_dark for item in found} == {mark}
    assert {item.look.mirrored for item in found} - {None} == {mark}


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_pdf_pages_that_are_turned_and_of_odd_sizes(turn, tmp_path):
    program("pdftoppm")
    made = Made(on_sheet(replace(SMALL, dpi=733), dots=9, dpi=733), codes(6))
    with pikepdf.open(io.BytesIO(document(made))) as pdf:
        pdf.pages[0].Rotate = turn
        pdf.save(tmp_path / "a.pdf")
    data = (tmp_path / "a.pdf").read_bytes()
    # Some programs put a line in front of the header.
    (page,) = page_images.pages(written(tmp_path / "b.pdf", b"\xef\xbb\xbf\r\n" + data))
    assert sorted(s.content.decode()[-16:] for s in symbols_on(page)) == sorted(made.texts)


# --- looks -------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("inverted", [False, True])
def test_looks_are_seen_however_the_picture_is_turned(turn, mirrored, inverted):
    picture = symbols_page(7)
    picture = ImageOps.mirror(picture) if mirrored else picture
    picture = ImageOps.invert(picture) if inverted else picture
    turned = picture.rotate(90 * turn + 4, expand=True, fillcolor=0 if inverted else 255)
    (found,) = symbols_on(Page(np.asarray(turned)))
    assert found.look == (mirrored, inverted)
    (small,) = symbols_in(np.asarray(turned.resize((120, 120), Image.Resampling.BOX)))
    assert small.look.light_on_dark is inverted
    assert small.look.mirrored in {mirrored, None}
