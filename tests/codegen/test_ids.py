from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen import ids
from mintmark.codegen.ids import SYMBOLS, fold, new_home_id, new_id, random_symbols


def tape(data):
    """Entropy read off a fixed tape; asking for more than it holds fails."""
    rest = bytearray(data)

    def entropy(count):
        assert count <= len(rest)
        taken = bytes(rest[:count])
        del rest[:count]
        return taken

    return entropy


def test_symbols_are_crockfords():
    """Douglas Crockford's base 32: digits and letters without I, L, O and U."""
    letters = [chr(code) for code in range(ord("A"), ord("Z") + 1) if chr(code) not in "ILOU"]
    assert list(SYMBOLS) == [*"0123456789", *letters]


@pytest.mark.parametrize("count", [0, 1, 12])
def test_as_many_symbols_as_asked_for(count):
    assert len(random_symbols(count, tape(bytes(range(count))))) == count


def test_every_symbol_is_as_likely_as_any_other():
    assert set(Counter(random_symbols(256, tape(bytes(range(256))))).values()) == {8}
    assert set(random_symbols(256, tape(bytes(range(256))))) == set(SYMBOLS)


@given(st.binary(min_size=24, max_size=24))
def test_an_id_is_its_homes_four_symbols_and_eight_of_its_own(data):
    entropy = tape(data)
    home = new_home_id(entropy)
    first = new_id(home, entropy)
    symbols = "".join(SYMBOLS[byte % 32] for byte in data)
    assert home == f"{symbols[:4]}-{symbols[4:16]}"
    assert first == f"{symbols[:4]}-{symbols[16:24]}"


@given(st.binary(min_size=24, max_size=24), st.data())
def test_an_id_is_found_however_a_person_types_it(data, draw):
    entropy = tape(data)
    name = new_id(new_home_id(entropy), entropy)
    assert fold(name) == name
    typed = "".join(
        draw.draw(st.sampled_from({"0": "0oO", "1": "1iIlL"}.get(c, c + c.lower()))) for c in name
    )
    space = draw.draw(st.text(alphabet=" \t\r\n"))
    assert fold(space + typed + space) == name


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet=SYMBOLS + "-"), st.text(alphabet=SYMBOLS + "-"))
def test_two_ids_stay_two(first, second):
    assert (fold(first) == fold(second)) == (first == second)


CODE = "7H5R91W3SH4W63HW"
WIDE = "".join(chr(ord(symbol) + 0xFEE0) for symbol in CODE)


@pytest.mark.parametrize(
    ("before", "code", "after"),
    [
        ("", CODE, ""),
        ("", CODE.lower(), ""),
        ("", "7h5R91w3Sh4W63hW", ""),
        ("", WIDE, ""),
        ("out/", "7H5R-91W3-SH4W-63HW.zip", ""),
        ("C:\\out\\", "7H5R 91W3 SH4W 63HW.csv", ""),
        ("@", CODE, ""),
        ("", CODE, "/orders.csv"),
        ("https://q.example.cn/", CODE, "/"),
        ("q.example.cn/?c=", CODE, "&x=1"),
        ("lot=", CODE, ""),
        ("码", CODE, ""),
        ("reel ", CODE, " lost"),
        ("x_", CODE, "_y"),
        ("", CODE, ".tar.gz.backup"),
        ("", f"code{CODE}", ""),
        ("", "9081726354091827", ""),
        ("", "ABCDEFGHKMAB.csv", ""),
    ],
)
def test_what_looks_like_a_code_is_masked_wherever_it_stands(before, code, after):
    assert ids.masked(before + code + after) == f"{before}(what may be a code){after}"


@pytest.mark.parametrize(
    "name",
    [
        "sent/K7QM-3T9A2BCD.zip",
        "K7QM-3T9A2BCDWXYZ",
        "orders-20261127153000.csv",
        "B-20261127-A1.csv",
        "0650cab5f5f5d0d5",
        "/srv/mes/Reel_2026_17b.csv",
        "C:\\mes\\ORDERS.CSV",
        "K7QM-3T9A2BCD-labels.csv",
        "sent/letter of K7QM-3T9A2BCD.txt",
        "/tmp/pytest-of-root/pytest-12/popen-gw0/test_7/world",
        "实印流水号码一览表第一号.csv",
        "",
        "/",
    ],
)
def test_what_people_call_files_is_not(name):
    assert ids.masked(name) == name
