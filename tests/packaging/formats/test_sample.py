"""The QR sample, through an independent decoder."""

import contextlib
import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from print_kit import SYMBOLS, Made, by_segno, codes, layout

from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.packaging.formats import sample
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.geometry import SymbolLook

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ANY = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~"


def drawn(code, prefix="", profile="csv", symbols=ANY, **look):
    """The sample of a code in a built-in profile, whose symbol looks otherwise."""
    base = builtin(profile)
    changed = replace(base, symbol=replace(base.symbol, **look))
    return sample.sample(layout(changed, prefix + "{code}", len(code), symbols), code)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["", "https://q.example.cn/", "HTTPS://Q.CN/", "a,b;c?x=%20&y="]),
    st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ-._~", min_size=4, max_size=64),
)
def test_what_is_drawn_is_read_back(prefix, code):
    assert sample.read(drawn(code, prefix).png) == prefix + code


@pytest.mark.parametrize("profile", ["csv", "png", "bmp-1bit"])
@pytest.mark.parametrize(
    "look",
    [
        {},
        {"invert": True},
        {"mirror": True},
        {"invert": True, "mirror": True, "quiet_zone": 7, "dots": 4, "dpi": 1_200},
        {"level": "H", "mask": 3, "dots": 31},
    ],
)
def test_it_is_drawn_as_the_profile_draws(profile, look):
    code, prefix = codes(1)[0], "HTTPS://Q.EXAMPLE.CN/"
    found = drawn(code, prefix, profile, SYMBOLS, **look)
    whole = replace(builtin(profile).symbol, **look)
    with Image.open(io.BytesIO(found.png)) as picture:
        assert (~np.asarray(picture) == by_segno(prefix + code, whole)).all()
        assert round(picture.info["dpi"][0]) == whole.dpi
        assert picture.size == (found.pixels, found.pixels)
    assert found.look == whole
    assert sample.read(found.png) == prefix + code


@pytest.mark.parametrize("look", [{}, {"invert": True}, {"mirror": True, "quiet_zone": 9}])
def test_it_is_the_picture_that_the_package_holds(look):
    base = builtin("png")
    made = Made(replace(base, symbol=replace(base.symbol, **look)), codes(3))
    found = sample.sample(layout(made.format._profile), made.texts[0])
    assert made.files["qr/0001/000000001.png"] == found.png


def test_a_symbol_of_very_many_dots_is_drawn_smaller_and_says_so():
    found = drawn(codes(1)[0], "https://q.example.cn/" + "a" * 150, dots=100)
    with Image.open(io.BytesIO(found.png)) as picture:
        assert picture.size[0] == found.pixels <= sample.MAX_PIXELS
    assert found.look.dots == sample.MAX_PIXELS // (found.modules + 8) < 100


@pytest.mark.parametrize("profile", ["csv", "png"])
def test_the_size_is_that_of_the_largest_symbol_of_the_package(profile):
    """A bare code of digits alone takes numeric mode, others of its batch do not."""
    digits = drawn("0123456789012345678901234567890", profile=profile)
    others = drawn("ABCDEFGHABCDEFGHABCDEFGHABCDEF~", profile=profile)
    assert (digits.version, digits.mode) == (others.version, others.mode) == (3, "byte")
    assert others.pixels == digits.look.side_dots(29)
    # Our pictures are all of one size, a press draws each symbol by itself.
    assert digits.pixels == digits.look.side_dots(29 if profile == "png" else 21)
    assert sample.read(digits.png) == "0123456789012345678901234567890"


def test_a_payload_that_no_symbol_holds_is_refused_without_quoting_it():
    with pytest.raises(UsageError, match="no QR symbol can hold") as error:
        drawn("A" * 3_000, level="H")
    assert "AAAA" not in error.value.message


def test_level_margin_and_print_size():
    symbol = drawn("7K3MXEZZ97FTFNQ0", "https://q.example.cn/")
    pixels, dots = sample._pixels(symbol.png), SymbolLook().dots
    side = (symbol.modules + 8) * dots
    assert pixels.shape == (side, side)
    margin = 4 * dots
    for edge in (pixels[:margin], pixels[-margin:], pixels[:, :margin], pixels[:, -margin:]):
        assert (edge == 255).all()
    assert (pixels[margin : margin + 7 * dots, margin : margin + dots] == 0).all()
    found = zxingcpp.read_barcodes(pixels)
    assert [(item.format, item.ec_level) for item in found] == [
        (zxingcpp.BarcodeFormat.QRCode, "M")
    ]


def test_no_micro_qr_even_for_the_shortest():
    assert drawn("7").modules == 21


def chunk(kind, data):
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, idat, kind=(1, 0, 0, 0, 0)):
    header = struct.pack(">IIBBBBB", width, height, *kind)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        SIGNATURE,
        SIGNATURE + b"\xff\xff\xff\xffIHDR",
        png(8, 8, b"no zlib"),
        png(8, 8, zlib.compress(b"\0\xff" * 7)),
        png(8, 8, zlib.compress(b"\0\xff" * 9)),
        png(8, 8, zlib.compress(b"\4\xff" * 8)),
        png(8, 8, zlib.compress(b"\0\xff" * 8)),  # white: no symbol
        png(0, 0, zlib.compress(b"")),
        png(100_000, 100_000, zlib.compress(b"\0" * 10_000_000)),
        png(8, 8, zlib.compress(b"\0\xff" * 8), kind=(8, 6, 0, 0, 0)),
    ],
)
def test_other_pictures_are_refused(data):
    with pytest.raises(IntegrityError):
        sample.read(data)


def test_no_picture_is_inflated_before_its_size_is_known(monkeypatch):
    from PIL import PngImagePlugin

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda _: pytest.fail("loaded"))
    small = struct.pack(">IIBBBBB", 8, 8, 1, 0, 0, 0, 0)
    for side in (4_001, 10_000, 2**31 - 1):
        bomb = png(side, side, zlib.compress(bytes(1_000)))
        twice = bomb[:8] + chunk(b"IHDR", small) + bomb[8:]
        for data in (bomb, twice):
            with pytest.raises(IntegrityError, match="not a one-bit grey PNG"):
                sample.read(data)


@given(st.data())
def test_a_damaged_picture_is_read_or_refused(data):
    """Whatever is done to the bytes: never another error."""
    altered = bytearray(drawn("7K3M").png)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, min(len(altered) - 1, 200)))
        size = data.draw(st.sampled_from([0, 1, 4]))
        altered[at : at + size] = data.draw(st.binary(max_size=8))
    if data.draw(st.booleans()):  # with the checksums of all chunks put right
        altered = with_checksums(bytes(altered))
    with contextlib.suppress(IntegrityError):
        assert sample.read(bytes(altered)) == "7K3M"


def with_checksums(data):
    out, at = data[:8], 8
    while at + 8 <= len(data):
        size = min(int.from_bytes(data[at : at + 4], "big"), len(data))
        out += chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + size])
        at += 12 + size
    return out


def test_two_symbols_in_one_picture_are_refused():
    pixels = np.tile(sample._pixels(drawn("7K3M").png), (2, 2))
    lines = np.packbits(pixels > 0, axis=1)
    raw = b"".join(b"\0" + line.tobytes() for line in lines)
    picture = png(pixels.shape[1], pixels.shape[0], zlib.compress(raw))
    assert len(zxingcpp.read_barcodes(sample._pixels(picture))) > 1
    with pytest.raises(IntegrityError, match="no QR symbol"):
        sample.read(picture)


@pytest.mark.parametrize("kind", [b"iCCP", b"acTL", b"pHYs", b"tRNS", b"gAMA"])
def test_an_empty_chunk_that_pillow_trips_over_is_a_damaged_picture(kind):
    """Pillow 13.0.0 raises IndexError or warns for some: a stranger's picture is no bug."""
    png = drawn("7K3M").png
    chunk = bytes(4) + kind + zlib.crc32(kind).to_bytes(4, "big")
    with contextlib.suppress(IntegrityError):
        assert sample.read(png[:33] + chunk + png[33:]) == "7K3M"
