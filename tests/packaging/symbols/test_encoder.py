"""Symbols of whole blocks: equal to segno's, read by another decoder, true to the standard."""

import numpy as np
import pytest
import segno
import zxingcpp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from segno import consts

from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.packaging.symbols import rank_encoders
from mintmark.packaging.symbols.encoder import Encoder
from mintmark.packaging.symbols.masks import Penalties
from mintmark.packaging.symbols.segno_encoder import ALPHANUMERIC

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DIGITS = "0123456789"
BITS = {"numeric": 10 / 3, "alphanumeric": 5.5, "byte": 8}
MODES = {"numeric": consts.MODE_NUMERIC, "alphanumeric": consts.MODE_ALPHANUMERIC}
LEVELS = {
    "L": consts.ERROR_LEVEL_L,
    "M": consts.ERROR_LEVEL_M,
    "Q": consts.ERROR_LEVEL_Q,
    "H": consts.ERROR_LEVEL_H,
}


def capacity(version, level, mode):
    """The most characters."""
    if version == 0:
        return 0
    mode_constant = MODES.get(mode, consts.MODE_BYTE)
    ranges = consts.VERSION_RANGE_01_09 if version < 10 else consts.VERSION_RANGE_10_26
    counter = consts.CHAR_COUNT_INDICATOR_LENGTH[mode_constant][ranges]
    room = consts.SYMBOL_CAPACITY[version][LEVELS[level]] - 4 - counter
    return int(room / BITS[mode])


def peer(payload, level="M", mask=None, boost=False):
    symbol = segno.make_qr(payload, error=level, mask=mask, boost_error=boost)
    return np.array([list(row) for row in symbol.matrix], dtype=bool), symbol


def assert_same(encoder, codes, level="M", mask=None, boost=False):
    """Every symbol of `codes` is segno's; outside a smaller symbol all is light."""
    made = encoder.encode("".join(codes).encode("ascii"))
    assert len(made) == len(codes)
    assert made.packed.shape == (len(codes), encoder.size, (encoder.size + 7) // 8)
    modules = made.modules()
    for at, code in enumerate(codes):
        template = encoder.template
        theirs, symbol = peer(template.prefix + code + template.suffix, level, mask, boost)
        side = len(theirs)
        assert (modules[at, :side, :side] == theirs).all()
        assert modules[at].sum() == theirs.sum()
        assert (made.versions[at], made.masks[at]) == (symbol.version, symbol.mask)
        assert np.unpackbits(made.packed[at]).sum() == theirs.sum()


@st.composite
def templates(draw):
    """(mode, prefix, code alphabet, length, suffix, level) of versions 1 to 10, all alike."""
    version = draw(st.sampled_from([*range(1, 11)]))
    level = draw(st.sampled_from("LMQH"))
    mode = draw(st.sampled_from(["numeric", "alphanumeric", "byte"]))
    least = capacity(version - 1, level, mode) + 1
    most = capacity(version, level, mode)
    total = draw(st.sampled_from([least, most, (least + most) // 2]))
    texts = {"numeric": DIGITS, "alphanumeric": ALPHANUMERIC, "byte": ALPHANUMERIC + "abz_~#"}
    length = draw(st.integers(1, min(total, 12)))
    start = draw(st.integers(0, total - length))
    around = "".join(draw(st.lists(st.sampled_from(texts[mode]), min_size=12, max_size=12)))
    around = (around * total)[: total - length]
    alphabet = DIGITS if mode == "numeric" else draw(st.sampled_from([CROCKFORD, DIGITS, "7QZ%"]))
    return mode, around[:start], alphabet, length, around[start:], level


@settings(max_examples=24)
@given(templates(), st.sampled_from([None, None, *range(8)]), st.randoms(use_true_random=False))
@example(("byte", "https://q.example.cn/", CROCKFORD, 16, "", "M"), None, None)
@example(("alphanumeric", "HTTPS://Q.EXAMPLE.CN/1", CROCKFORD, 15, "", "Q"), None, None)
def test_equal_to_segno(template, mask, random):
    mode, prefix, alphabet, length, suffix, level = template
    encoder = Encoder(prefix, length, alphabet, suffix, level=level, mask=mask)
    assert encoder.fast
    assert encoder.level == level
    if random is None:
        assert encoder.mode == mode
        codes = ["".join(alphabet[(7 * i + j * j) % 32] for j in range(length)) for i in range(9)]
    else:
        codes = ["".join(random.choices(alphabet, k=length)) for _ in range(2)]
    assert_same(encoder, codes, level, mask)


@pytest.mark.parametrize("level", "LMQH")
@pytest.mark.parametrize("version", range(1, 11))
def test_every_version_and_level(version, level):
    mode, first = ("byte", "a") if version % 2 else ("alphanumeric", "A")
    total = capacity(version, level, mode)
    encoder = Encoder(first * (total - 1), 1, "0Z", level=level, mask=version % 8)
    assert (encoder.version, encoder.mode, encoder.fast) == (version, mode, True)
    assert encoder.size == 17 + 4 * version
    assert_same(encoder, ["0", "Z"], level, version % 8)


@pytest.mark.parametrize("boost", [False, True])
def test_boosting_is_segnos(boost):
    encoder = Encoder("HTTPS://Q.CN/", 4, CROCKFORD, level="L", boost=boost)
    assert encoder.level == ("M" if boost else "L")
    assert_same(encoder, ["0000", "7K3M", "ZZZZ"], "L", boost=boost)


def test_more_than_a_block_and_nothing_at_all():
    encoder = Encoder("HTTPS://Q.CN/", 3, CROCKFORD)
    codes = [a + b + c for a in CROCKFORD for b in CROCKFORD for c in "0Z"]
    made = encoder.encode("".join(codes).encode())
    assert len(made) == 2048 > encoder._encoders[1]._penalties.block
    for first in (0, 300, 1900):
        part = encoder.encode("".join(codes[first : first + 148]).encode())
        assert (part.packed == made.packed[first : first + 148]).all()
        assert (part.masks == made.masks[first : first + 148]).all()
    assert len({bytes(symbol) for symbol in made.packed}) == 2048
    assert encoder.encode(b"").modules(4).shape == (0, 29, 29)


def test_another_decoder_reads_them():
    formats = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])
    for prefix, level, mask in [
        ("HTTPS://Q.EXAMPLE.CN/", "M", None),
        ("https://q.example.cn/01/06901234567892/21/", "H", None),
        ("", "L", 5),
    ]:
        encoder = Encoder(prefix, 16, CROCKFORD, level=level, mask=mask)
        codes = ["".join(CROCKFORD[(i * j + i) % 32] for j in range(16)) for i in range(1, 40)]
        made = encoder.encode("".join(codes).encode()).modules(quiet_zone=4)
        for code, modules in zip(codes, made, strict=True):
            picture = np.where(modules, 0, 255).astype(np.uint8).repeat(3, 0).repeat(3, 1)
            (found,) = zxingcpp.read_barcodes(picture, formats=formats)
            assert found.text == prefix + code
            assert found.ec_level == level


def test_the_standards_own_example():
    """ISO/IEC 18004:2015, annex I: 01234567, version 1-M, codeword by codeword."""
    encoder = Encoder("", 8, DIGITS, mask=2)
    modules = encoder.encode(b"01234567").modules()[0]
    row, column = np.mgrid[0:21, 0:21]
    modules ^= column % 3 == 0
    reserved = (row < 9) & ((column < 9) | (column > 12)) | (row > 12) & (column < 9)
    reserved |= (row == 6) | (column == 6)
    bits = []
    upwards = True
    for right in [20, 18, 16, 14, 12, 10, 8, 5, 3, 1]:
        for line in range(20, -1, -1) if upwards else range(21):
            bits += [modules[line, c] for c in (right, right - 1) if not reserved[line, c]]
        upwards = not upwards
    assert bytes(np.packbits(bits)).hex(" ") == (
        "10 20 0c 56 61 80 ec 11 ec 11 ec 11 ec 11 ec 11 a5 24 d4 c1 ed 36 c7 87 2c 55"
    )


@pytest.mark.parametrize(
    ("alphabet", "prefix", "length", "codes"),
    [
        (CROCKFORD, "", 20, ["0" * 20, "1234567890" * 2, "A" + "0" * 19, "0" * 19 + "Z"]),
        (CROCKFORD, "007", 21, ["9" * 21, "9" * 20 + "A"]),
        ("-_0A", "HTTPS://Q.CN/", 9, ["AAAAAAAA-", "AAAA_AAAA", "000000000", "_________"]),
        ("_0Ab", "", 30, ["0" * 30, "0A" * 15, "0b" * 15, "_" * 30]),
    ],
)
def test_alphabets_whose_codes_differ_in_mode(alphabet, prefix, length, codes):
    encoder = Encoder(prefix, length, alphabet)
    assert encoder.fast
    assert_same(encoder, codes * 2)
    assert encoder.encode("".join(codes).encode()).versions.max() == encoder.version


@pytest.mark.parametrize(
    "prefix", ["https://q.example.cn/" + "x" * 260, "https://q.example.cn/码/", "é/"]
)
def test_payloads_that_segno_encodes_itself(prefix):
    encoder = Encoder(prefix, 8, CROCKFORD, mask=1)
    assert not encoder.fast
    assert_same(encoder, ["7K3MXEZZ", "97FTFNQ0"], mask=1)


def test_if_segno_differs_segno_is_right(monkeypatch):
    """As if a later segno evaluated masks by other rules."""
    right = Penalties.evaluate
    monkeypatch.setattr(Penalties, "evaluate", lambda *args: -right(*args))
    encoder = Encoder("HTTPS://Q.CN/", 8, CROCKFORD)
    assert not encoder.fast
    assert_same(encoder, ["7K3MXEZZ", "97FTFNQ0"])


def test_segno_encodes_symbols_that_are_not_affine(monkeypatch):
    right = rank_encoders.learn

    def wrong(*args):
        learned = right(*args)
        learned.cells[1].values[1:] ^= 1
        return learned

    monkeypatch.setattr(rank_encoders, "learn", wrong)
    encoder = Encoder("HTTPS://Q.CN/", 8, CROCKFORD, mask=3)
    assert not encoder.fast
    assert_same(encoder, ["7K3MXEZZ", "97FTFNQ0"], mask=3)


@pytest.mark.parametrize("codes", [b"7K3M7K3", b"7K3MI000", b"7k3m", b"7K3\xff", b"7K3\n"])
def test_bytes_that_are_no_codes(codes):
    encoder = Encoder("HTTPS://Q.CN/", 4, CROCKFORD, mask=0)
    with pytest.raises(IntegrityError) as caught:
        encoder.encode(codes)
    assert "7K3" not in str(caught.value).upper()


@pytest.mark.parametrize(
    "settings",
    [
        {"length": 0},
        {"symbols": ""},
        {"symbols": "01é"},
        {"level": "X"},
        {"level": ""},
        {"level": "LM"},
        {"mask": 8},
        {"mask": -1},
        {"prefix": "x" * 40, "version_limit": 3},
        {"prefix": "x" * 3000},
    ],
)
def test_settings_that_are_refused(settings):
    with pytest.raises(UsageError):
        Encoder(**{"prefix": "https://q.cn/", "length": 16, "symbols": CROCKFORD} | settings)


def test_the_version_limit_holds_for_the_largest_symbol():
    with pytest.raises(UsageError, match="version 2 at level M; the limit is 1"):
        Encoder("", 26, CROCKFORD, version_limit=1)
    assert Encoder("", 26, DIGITS, version_limit=1, mask=0).version == 1


@settings(max_examples=20)
@given(
    level=st.sampled_from("LMQH"),
    mask=st.sampled_from([None, 0, 5]),
    around=st.sampled_from([("HTTPS://Q.EXAMPLE.CN/", ""), ("https://q.cn/", "?a=1"), ("A", "B")]),
    text=st.text(CROCKFORD, min_size=90, max_size=90),
)
def test_codes_are_computed_back_from_their_symbols(level, mask, around, text):
    encoder = Encoder(around[0], 9, CROCKFORD, around[1], level=level, mask=mask)
    modules = encoder.encode(text.encode()).modules()
    assert encoder.decode(modules) == text.encode()


def test_symbols_of_no_code_give_none():
    encoder = Encoder("https://q.cn/", 9, CROCKFORD)
    assert encoder.decode(np.zeros((1, encoder.size, encoder.size), bool)) is None
    # Symbols of several modes have no single inverse.
    assert Encoder("", 9, CROCKFORD).decode(np.zeros((1, 25, 25), bool)) is None
