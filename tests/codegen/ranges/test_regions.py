"""A region is one place, however it is written; diverted is what no place of a code holds."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.ranges.provinces import COUNTRIES, PROVINCES
from mintmark.codegen.ranges.regions import canonical, covers, outside, place, places_of, shown

ZHEJIANG = [
    *("CN-33", "CN-ZJ", "cn-zj", "ＣＮ－３３", "33", "3300", "330000", "CN-330000"),
    *("浙江", "浙江省", "Zhejiang", "ZHEJIANG", "Zhejiang Province", "Zhejiang Sheng", " 浙江 "),
]


@pytest.mark.parametrize("text", ZHEJIANG)
def test_a_province_is_the_same_in_every_spelling(text):
    assert place(text) == ("CN", "33")
    assert covers("CN-ZJ", text) is covers(text, "33") is True
    assert covers(text, "CN-JS") is False


@pytest.mark.parametrize(
    ("texts", "letters"),
    [
        (("CN-HK", "HK", "CN-91", "810000", "香港", "香港特别行政区", "Hong Kong SAR"), "CN-HK"),
        (("CN-MO", "MO", "CN-92", "820000", "澳門", "Macau", "Macao SAR"), "CN-MO"),
        (("CN-TW", "TW", "CN-71", "710000", "臺灣", "台湾省", "Taiwan"), "CN-TW"),
        (("CN-15", "内蒙古", "内蒙古自治区", "Nei Mongol Zizhiqu", "Inner Mongolia"), "CN-NM"),
        (("CN-65", "新疆维吾尔自治区", "Xinjiang Uygur Zizhiqu", "xinjiang"), "CN-XJ"),
        (("CN-61", "陕西", "Shaanxi"), "CN-SN"),
        (("CN-14", "山西", "Shanxi"), "CN-SX"),
        (("CN", "中国", "China"), "CN"),
        (("330100", "3301", "CN-3301"), "330100"),
        (("331000",), "331000"),
        (("DE-BY", "de-by"), "DE-BY"),
    ],
)  # fmt: skip
def test_each_place_has_one_spelling_of_ours(texts, letters):
    assert {canonical(place(text)) for text in texts} == {letters}


@pytest.mark.parametrize(
    "text",
    # 海南州 lies in Qinghai, 河北区 in Tianjin: a short name tells nothing of what it begins.
    [*("华东", "海南州", "河北区", "杭州", "D-7", "EU", "XX", "XX-1", "CN-QQ", "CN-331"),
     *("99", "0033", "3", "330", "3300001", "330001", "", "，", "province", "Shi")],
)  # fmt: skip
def test_what_names_no_place_that_is_known_is_not_judged(text):
    assert place(text) is None
    assert covers(text, "33") is None
    assert covers("33", text) is None
    assert outside(text, "33") is None


@pytest.mark.parametrize(
    ("allowed", "told", "verdict"),
    [
        ("33", "330106", True),
        ("330106", "33", True),
        ("330106", "CN", True),
        ("3301", "3302", False),
        ("33", "3205", False),
        ("CN-33,CN-31", "310115", True),
        ("浙江；上海", "31", True),
        ("浙江、上海， 江苏", "CN-AH", False),
        ("CN", "HK", True),
        ("CN", "DE-BY", False),
        ("DE", "DE-BY", True),
        ("DE-BY", "DE-BW", False),
        ("浙江省杭州市", "310000", False),
        ("浙江省杭州市", "330200", None),
        ("浙江省杭州市", "33", True),
        ("华东,CN-33", "33", True),
        ("华东,CN-33", "31", None),
        # Two provinces in one text that is no list of ours, or is one.
        ("浙江省 江苏省", "32", None),
        ("浙江省和江苏省", "32", None),
        ("浙江省江苏", "32", None),
        ("吉林省吉林市", "32", False),
        ("浙江省/江苏省", "32", True),
        ("33|32", "31", False),
        ("全国", "33", True),
        # Benin or Beijing: who is in Beijing is accused of nothing.
        ("BJ", "110105", None),
        ("CN-ZJ/SH", "31", None),
        ("BJ", "33", False),
    ],
)
def test_a_scan_is_diverted_only_if_neither_place_holds_the_other(allowed, told, verdict):
    assert covers(allowed, told) is verdict


@pytest.mark.parametrize(
    ("allowed", "told", "place_outside"),
    [
        ("33", "320506", "CN-JS"),
        ("3301", "330206", "330200"),
        ("3301,32", "330206", "330200"),
        ("33", "DE-BY", "DE"),
        ("DE-BY", "DE-BW", "DE-BW"),
        ("33", "330106", None),
        ("华东", "33", None),
    ],
)
def test_counties_of_a_province_where_goods_may_not_be_are_one_place(allowed, told, place_outside):
    assert outside(allowed, told) == place_outside


def test_there_are_34_provinces_and_no_two_share_a_spelling():
    assert len(PROVINCES) == 34
    assert len(COUNTRIES) == 249
    for one, other in combinations(PROVINCES, 2):
        for mine in (one.number, f"CN-{one.letters}", one.zh, one.zh + one.zh_kind, one.en):
            assert place(mine) == ("CN", one.number)
            assert covers(mine, other.en) is False


def test_people_read_the_name_of_the_province():
    assert [shown(text) for text in ("CN-32", "320506", "江苏省", "DE-BY", "CN", "华东")] == [
        *("CN-32 江苏", "320506 江苏", "江苏省", "DE-BY", "CN", "华东"),
    ]


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_judged_the_same_from_both_sides(one, other):
    single = [len(list(places_of(text))) == 1 for text in (one, other)]
    if all(single):
        assert covers(one, other) is covers(other, one)
    assert (outside(one, other) is None) is (covers(one, other) is not False)
