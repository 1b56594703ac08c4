"""One reader of lists of serials: what it takes, and what it refuses for its two meanings."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from model import runs

from mintmark.codegen.errors import UsageError
from mintmark.codegen.ranges import cut_short
from mintmark.codegen.ranges.notation import grouping, parse
from mintmark.codegen.ranges.serials import LAST, Range, describe

N = 60
HELD = st.sets(st.integers(1, N), min_size=1)
DASHES = [*"-~‐‑‒–—―−─∼⁓˗〜〰ー－～﹣", "——", "至", "到", " - ", " ~ ", " to ", "－ "]
MARKS = [";", "；", "、", "､", ", ", "， ", "\n", "\r\n", "\t", "  ", " ; ", ";\n"]
BLANKS = [" ", "\u00a0", "\u202f", "\u2009", "\u2007", "\u3000"]
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


def pairs(text, quantity=2_000):
    return [piece.pair() for piece in parse(text, quantity)]


@given(HELD, st.sampled_from(DASHES), st.sampled_from(MARKS), st.booleans(), st.integers(N, 10**9))
def test_every_spelling_of_a_list_reads_the_same(held, dash, mark, wide, quantity):
    written = mark.join(f"{first}{dash}{last}" for first, last in runs(held))
    text = written.translate(WIDE) if wide else written
    assert pairs(text, quantity) == [list(pair) for pair in runs(held)]


@given(HELD)
def test_what_the_program_shows_may_be_given_back(held):
    ranges = tuple(Range(first, last) for first, last in runs(held))
    assert parse(describe(ranges, most=N), N) == ranges


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", [[1, 2_000]]),
        (" all\n", [[1, 2_000]]),
        ("All", [[1, 2_000]]),
        ("全部", [[1, 2_000]]),
        ("40-", [[40, 2_000]]),
        ("40～", [[40, 2_000]]),
        ("40至", [[40, 2_000]]),
        ("2000-", [[2_000, 2_000]]),
        ("007-008", [[7, 8]]),
        ("90-, 1-10, 11", [[1, 11], [90, 2_000]]),
        ("1,5,7", [[1, 1], [5, 5], [7, 7]]),
        ("1，5，7", [[1, 1], [5, 5], [7, 7]]),
        ("1 5 7", [[1, 1], [5, 5], [7, 7]]),
        ("1-10,20,30", [[1, 10], [20, 20], [30, 30]]),
        ("1-480,490-500", [[1, 480], [490, 500]]),  # no number has this form
        ("1-480 490-500,510-", [[1, 480], [490, 500], [510, 2_000]]),
        ("1001,1005", [[1001, 1001], [1005, 1005]]),
        ("1990,5", [[5, 5], [1990, 1990]]),
        ("1;990", [[1, 1], [990, 990]]),
        ("1, 990", [[1, 1], [990, 990]]),
        ("1、990", [[1, 1], [990, 990]]),
        ("'1-100", [[1, 100]]),  # a spreadsheet's sign of text
        ("'1-100'", [[1, 100]]),  # quotes that cmd.exe keeps
        ("1-10,", [[1, 10]]),
        ("；1-10；20；", [[1, 10], [20, 20]]),
        ("\ufeff1-10\u200e", [[1, 10]]),
    ],
)
def test_the_forms_of_a_list(text, expected):
    assert pairs(text) == expected


GROUPED = [
    *("1,990", "1~1,990", "1-10,200", "10,200", "5,100,200", "17,042", "7,100-200", "1-1,990"),
    *("1,990,2,050", "12,34,567", "98,99,100", "1，990", "1990;1,990", "1,990-", "007,008"),
    *("1'990", "1’990", "1.990", "1_990", "1~1.990", "1.990.000", "481 485 490", "1 5 990"),
    *(f"1{blank}990" for blank in BLANKS),
    *(f"1~1{blank}990" for blank in BLANKS),
]


@pytest.mark.parametrize("text", GROUPED)
def test_digits_that_may_be_grouped_are_refused_with_both_readings(text):
    assert grouping(text)
    with pytest.raises(UsageError, match="whose digits are grouped") as caught:
        parse(text, 10**9)
    assert caught.value.hints[0].startswith("write ")
    assert len(caught.value.message) < 120


def test_the_hint_writes_both_readings():
    with pytest.raises(UsageError) as caught:
        parse("1~1,990", 2_000)
    assert caught.value.hints[0].startswith("write 1;990 or 1990;")


def readings(text):
    """Every well-formed reading of digits, commas and hyphens, each comma taken in both ways."""
    import re

    number = r"\d{1,3}(?:G\d{3})+|\d+"
    whole = re.compile(rf"(?:(?:{number})(?:-(?:{number})?)?)(?:,(?:{number})(?:-(?:{number})?)?)*")
    chunks = text.split(",")
    for signs in itertools.product(",G", repeat=len(chunks) - 1):
        joined = "".join(itertools.chain(*zip(chunks, [*signs, ""], strict=True)))
        if whole.fullmatch(joined):
            yield joined


@given(st.from_regex(r"[0-9]{1,4}-?(,[0-9]{1,4}-?[0-9]{0,3}){0,3}", fullmatch=True))
@example("1-480,490-500")
def test_a_comma_list_is_refused_just_if_it_reads_in_two_ways(text):
    """The naive reader tries both meanings of every comma."""
    found = list(readings(text))
    assert bool(grouping(text)) == (len(found) > 1), found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *[
            (text, "not a serial")
            for text in (
                *("", " ", ",", "-", "-5", "~5", "1--5", "1-2-3", "+1", "1.0", "1990.0", "1e2"),
                *("1.99E+03", "1990,5.0", "0x1", "1_0", "all,1", "next:5", "@file", "one", "1..5"),
                *("1\x00", "1\u200b5", "5月12日", "12-May", "2027/5/12", "2027-05-12", "(7)", "=7"),
                *("10²", "①", "½", "Ⅳ", "一百", "第1号", "\u0661-\u0663", "9" * 13, "9" * 100_000),
            )
        ],
        *[(text, "an empty place") for text in ("1,,2", "1;;2", "1, ,2", "1、；2")],
        *[
            (text, "outside the batch, which holds 1-100")
            for text in ("0", "0-5", "101", "1-101", "101-", "99;100;101", "9" * 12, "200-150")
        ],
        *[(text, "backwards") for text in ("5-3", "100-1", "1,9-8")],
        *[(text, "overlap") for text in ("1,1", "1-5,5", "5,1-5", "1-9,3-4", "2-;100")],
    ],
)
def test_what_is_not_serials_is_refused_in_a_short_line(text, message):
    with pytest.raises(UsageError, match=message) as caught:
        parse(text, 100)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 120
    assert caught.value.hints


@pytest.mark.parametrize("code", ["83QHG1QQF81J", "83QH-G1QQ-F81J", "123456789012", "1" * 16])
def test_a_code_given_by_mistake_is_not_quoted(code):
    with pytest.raises(UsageError) as caught:
        parse(code, 2_000)
    shown = " ".join((caught.value.message, *caught.value.hints))
    assert not [part for part in code.split("-") if part in shown]


@given(st.text(alphabet="0123456789-,; ~'.至alx\n", max_size=12), st.integers(1, N))
@example("10-1", N)
def test_any_text_is_ranges_of_the_batch_or_a_usage_error(text, quantity):
    try:
        parsed = parse(text, quantity)
    except UsageError:
        return
    assert parsed[0].first >= 1
    assert parsed[-1].last <= quantity
    assert all(a.last + 1 < b.first for a, b in itertools.pairwise(parsed))


@pytest.mark.parametrize("dash", DASHES)
def test_a_file_cut_after_any_dash_is_refused(dash):
    with pytest.raises(UsageError, match="open range"):
        cut_short.check_list(f"1;5{dash}", "s.txt")


def test_the_highest_serial_is_read():
    assert parse(str(LAST), LAST) == (Range(LAST, LAST),)
