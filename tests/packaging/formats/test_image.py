"""PNG, BMP and SVG: dot for dot what segno draws, and read by other people's programs."""

import io
import os
import re
import struct
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from print_kit import TEMPLATE, Made, by_segno, codes, dots, drawn, program, read

from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.packaging.formats import picture
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.geometry import SymbolLook

GOLDEN = Path(__file__).parents[1] / "golden"
KINDS = {"png": "png", "bmp-1bit": "bmp", "svg": "svg"}

looks = st.builds(
    SymbolLook,
    level=st.sampled_from("LQ"),
    mask=st.sampled_from([None, 3]),
    quiet_zone=st.integers(4, 7),
    dots=st.integers(4, 13),
    dpi=st.integers(72, 2_400),
    invert=st.booleans(),
    mirror=st.booleans(),
)


def expected(text, look):
    return by_segno(TEMPLATE.format(code=text), look)


@pytest.mark.parametrize("kind", ["png", "bmp"])
@settings(max_examples=25)
@given(look=looks, seed=st.integers(0, 10**6))
def test_pictures_are_exact_to_the_dot(kind, look, seed):
    texts = codes(2, seed=seed)
    for text, data in zip(texts, drawn(kind, look, texts), strict=True):
        found, dpi = dots(data)
        assert np.array_equal(found, expected(text, look))
        assert dpi == pytest.approx((look.dpi, look.dpi), abs=0.02)


@pytest.mark.parametrize("kind", ["png", "bmp"])
@pytest.mark.parametrize(("invert", "mirror"), [(False, False), (True, False), (True, True)])
def test_pictures_are_read(kind, invert, mirror):
    texts = codes(33)
    look = SymbolLook(invert=invert, mirror=mirror, dots=4)
    for text, data in zip(texts, drawn(kind, look, texts), strict=True):
        with Image.open(io.BytesIO(data)) as found:
            assert read(found.convert("L")) == [TEMPLATE.format(code=text)]


@pytest.mark.parametrize(
    "look", [SymbolLook(), SymbolLook(dots=5, dpi=300, level="Q", invert=True, mirror=True)]
)
def test_svg_is_exact_in_another_renderer(look, tmp_path):
    texts = codes(3)
    for text, data in zip(texts, drawn("svg", look, texts), strict=True):
        (tmp_path / "a.svg").write_bytes(data)
        command = [program("rsvg-convert"), "-d", str(look.dpi), "-p", str(look.dpi), "a.svg"]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        with Image.open(io.BytesIO(done.stdout)) as found:
            ink = np.array(found.getchannel("A"))
            colours = {colour[:3] for _, colour in found.getcolors() if colour[3]}
        assert set(np.unique(ink)) == {0, 255}
        assert np.array_equal(ink == 255, expected(text, look))
        assert colours == {(0, 0, 0)}
        white = Image.fromarray(np.where(ink == 255, 0, 255).astype(np.uint8))
        assert read(white) == [TEMPLATE.format(code=text)]


def test_svg_is_one_path_of_a_size_in_mm():
    data = drawn("svg", SymbolLook(dots=10, dpi=600), codes(1))[0].decode("ascii")
    assert data.count("<path") == 1
    assert re.search(r'width="13\.97mm" height="13\.97mm"', data)


def test_the_svg_is_the_one_that_was_looked_at():
    path = GOLDEN / "symbol.svg"
    data = drawn("svg", SymbolLook(), ["0123456789ABCDEF"])[0]
    if os.environ.get("MINTMARK_WRITE_GOLDEN"):
        path.write_bytes(data)
    assert data == path.read_bytes(), (
        "differs; if meant: MINTMARK_WRITE_GOLDEN=1 pytest " + __file__
    )


@pytest.mark.parametrize("profile", KINDS)
@pytest.mark.parametrize("lanes", [1, 3])
def test_a_unit_is_a_list_and_its_pictures(profile, lanes):
    texts = codes(50)
    made = Made(replace(builtin(profile), lanes=lanes), texts, first=99_980)
    names = list(made.files)
    assert names == list(made.format.names(made.unit))
    assert len(names) == 51
    assert {name.rpartition(".")[2] for name in names[1:]} == {KINDS[profile]}
    rows = [row.split(",") for row in made.files[names[0]].decode().splitlines()[1:]]
    listed = {code: image for _, code, _, image in rows}
    assert [url for _, _, url, _ in rows] == [TEMPLATE.replace("{code}", row[1]) for row in rows]
    look = builtin(profile).symbol
    for text in texts:
        data = made.files[listed[text]]
        if profile != "svg":
            assert np.array_equal(dots(data)[0], expected(text, look))
    assert made.read() == texts


@pytest.mark.parametrize("profile", KINDS)
def test_pictures_that_are_not_those_of_the_list_are_refused(profile):
    made = Made(builtin(profile), codes(5))
    _, *pictures = made.files
    files = dict(made.files)
    files[pictures[1]], files[pictures[2]] = files[pictures[2]], files[pictures[1]]
    with pytest.raises(IntegrityError, match="serial 2"):
        made.read(files)
    for data in (b"", made.files[pictures[4]][:-1], made.files[pictures[4]] + b"\n", b"\0" * 2**20):
        with pytest.raises(IntegrityError):
            made.read({**made.files, pictures[4]: data})


@pytest.mark.parametrize("profile", KINDS)
def test_symbols_of_another_payload_are_refused(profile, monkeypatch):
    made = Made(builtin(profile), codes(5))
    other = Made(builtin(profile), codes(5), template="HTTPS://R.EXAMPLE.CN/{code}")
    monkeypatch.setattr(made.format, "_encoder", other.format._encoder)
    name = next(iter(made.files))
    with pytest.raises(IntegrityError, match="does not say its code"):
        made.read({**other.files, name: made.files[name]})


def test_symbols_of_several_versions_are_read():
    symbols = "0123456789abcdefghijklmnopqrstuvwxyz".upper() + "~"
    texts = ["0" * 30, "A" * 30, "~" * 30]
    made = Made(builtin("png"), texts, template="{code}", symbols=symbols)
    assert made.read() == texts
    sizes = [dots(data)[0].shape for name, data in made.files.items() if name.endswith(".png")]
    assert len(set(sizes)) == 1


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_png_may_be_compressed_otherwise_but_show_nothing_else():
    first, second = drawn("png", SymbolLook(), codes(2))
    start = first.index(b"IDAT") - 4
    size = struct.unpack(">I", first[start : start + 4])[0]
    head, lines = first[:start], zlib.decompress(first[start + 8 : start + 8 + size])
    end = chunk(b"IEND", b"")
    again = head + chunk(b"IDAT", zlib.compress(lines, 9)) + end
    assert again != first
    assert picture.same_png(again, first)
    text = head + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", zlib.compress(lines)) + end
    broken = (second, text, first[:-1], first + b"\0", b"", head, first.replace(b"pHYs", b"pHYS"))
    assert not any(picture.same_png(data, first) for data in broken)


@pytest.mark.parametrize(
    ("key", "change"),
    [("dots", {"dots": 3}), ("quiet_zone", {"quiet_zone": 3}), ("mask", {"mask": 8})],
)
def test_symbols_no_press_prints_are_refused(key, change):
    with pytest.raises(UsageError) as caught:
        SymbolLook(**change)
    assert caught.value.details["key"] == f"symbol.{key}"


def test_a_payload_above_the_version_limit_is_refused_before_any_code_is_seen():
    profile = builtin("png")
    small = replace(profile, symbol=replace(profile.symbol, version_limit=1))
    with pytest.raises(UsageError, match="version 2"):
        Made(small, codes(1))


@pytest.mark.parametrize("size", [1, 2, 31, 32, 33, 65])
def test_every_symbol_of_a_block_is_drawn(size):
    assert len(drawn("png", SymbolLook(dots=4), codes(size))) == size
    assert len(drawn("svg", SymbolLook(dots=4), codes(size))) == size


@settings(max_examples=40)
@given(
    bits=st.integers(1, 12).flatmap(
        lambda side: st.lists(
            st.lists(st.lists(st.booleans(), min_size=side, max_size=side), min_size=3, max_size=3),
            min_size=1,
            max_size=3,
        )
    )
)
def test_runs_are_the_ink(bits):
    ink = np.array(bits, bool)
    count, height, side = ink.shape
    cells, widths, stops = picture.runs(ink)
    again, first = np.zeros_like(ink), 0
    for number, stop in enumerate(stops):
        for cell, width in zip(cells[first:stop], widths[first:stop], strict=True):
            row, column = divmod(int(cell), side + 1)
            assert not again[number, row, column : column + width].any()
            again[number, row, column : column + width] = True
        first = stop
    assert np.array_equal(again, ink)
    assert len(stops) == count
    assert height == 3
