"""The QR sample, through an independent decoder."""

import contextlib
import struct
import zlib

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.packaging.symbols import sample

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["", "https://q.example.cn/", "HTTPS://Q.CN/", "a,b;c?x=%20&y="]),
    st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ-._~", min_size=4, max_size=64),
)
def test_what_is_drawn_is_read_back(prefix, code):
    assert sample.read(sample.sample(prefix + code).png) == prefix + code


def test_level_margin_and_print_size():
    symbol = sample.sample("https://q.example.cn/7K3MXEZZ97FTFNQ0")
    pixels = sample._pixels(symbol.png)
    side = (symbol.modules + 8) * sample.DOTS
    assert pixels.shape == (side, side)
    margin = 4 * sample.DOTS
    for edge in (pixels[:margin], pixels[-margin:], pixels[:, :margin], pixels[:, -margin:]):
        assert (edge == 255).all()
    assert (pixels[margin : margin + 7 * sample.DOTS, margin : margin + sample.DOTS] == 0).all()
    at = symbol.png.index(b"pHYs") + 4
    across, _, unit = struct.unpack(">IIB", symbol.png[at : at + 9])
    assert unit == 1
    assert across * 0.0254 >= 300
    found = zxingcpp.read_barcodes(pixels)
    assert [(item.format, item.ec_level) for item in found] == [
        (zxingcpp.BarcodeFormat.QRCode, "M")
    ]


def test_upper_case_makes_a_smaller_symbol_and_the_mode_says_so():
    small, large = (
        sample.sample("HTTPS://Q.EXAMPLE.CN/" + "A" * 16),
        sample.sample("https://q.example.cn/" + "A" * 16),
    )
    assert (small.mode, large.mode) == ("alphanumeric", "byte")
    assert small.version < large.version


def test_no_micro_qr_even_for_the_shortest():
    assert sample.sample("7").modules == 21


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
    altered = bytearray(sample.sample("7K3M").png)
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
    pixels = np.tile(sample._pixels(sample.sample("7K3M").png), (2, 2))
    lines = np.packbits(pixels > 0, axis=1)
    raw = b"".join(b"\0" + line.tobytes() for line in lines)
    picture = png(pixels.shape[1], pixels.shape[0], zlib.compress(raw))
    assert len(zxingcpp.read_barcodes(sample._pixels(picture))) > 1
    with pytest.raises(IntegrityError, match="no QR symbol"):
        sample.read(picture)


@pytest.mark.parametrize("kind", [b"iCCP", b"acTL", b"pHYs", b"tRNS", b"gAMA"])
def test_an_empty_chunk_that_pillow_trips_over_is_a_damaged_picture(kind):
    """Pillow 13.0.0 raises IndexError or warns for some: a stranger's picture is no bug."""
    png = sample.sample("7K3M").png
    chunk = bytes(4) + kind + zlib.crc32(kind).to_bytes(4, "big")
    with contextlib.suppress(IntegrityError):
        assert sample.read(png[:33] + chunk + png[33:]) == "7K3M"
