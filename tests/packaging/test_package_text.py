"""Rows of delimited text: against the csv module, and back."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintmark.codegen.errors import UsageError
from mintmark.codegen.template import payload
from mintmark.packaging.formats.text import codes_of, rows
from mintmark.packaging.profile import COLUMNS, Profile, builtin

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ-._~"
# Around the places where a serial gains a digit.
serials = st.one_of(
    st.integers(1, 200),
    st.integers(1, 11).flatmap(lambda n: st.integers(max(1, 10**n - 30), 10**n + 5)),
)
columns = (
    st.permutations(COLUMNS)
    .flatmap(lambda order: st.integers(1, 3).map(lambda n: tuple(order[:n])))
    .filter(lambda names: names != ("serial",))
)
profiles = st.builds(
    Profile,
    name=st.just("any"),
    columns=columns,
    header=st.booleans(),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\r\n", "\n"]),
)
templates = st.sampled_from(
    [
        "{code}",
        "https://q.example.cn/{code}",
        "a,b;c/{code}?x=1,2",
        "{code}#t",
        "HTTPS://Q.CN/{code}",
    ]
)


@st.composite
def runs(draw):
    length = draw(st.integers(1, 20))
    codes = draw(st.lists(st.text(SYMBOLS, min_size=length, max_size=length), max_size=60))
    return length, codes


def naive(first, codes, profile, template):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=profile.delimiter, lineterminator=profile.line_end)
    for serial, code in enumerate(codes, first):
        row = {"serial": serial, "code": code, "url": payload(template, code)}
        writer.writerow([row[name] for name in profile.columns])
    return out.getvalue().encode("ascii")


@given(serials, runs(), profiles, templates)
def test_rows_are_what_the_csv_module_writes_and_give_their_codes_back(
    first, run, profile, template
):
    length, codes = run
    data = "".join(codes).encode("ascii")
    written = rows(first, data, length, profile, template)
    assert written == naive(first, codes, profile, template)
    assert codes_of(first, written, length, profile, template) == data


@given(serials, runs(), profiles, templates, st.data())
def test_the_cut_into_calls_does_not_show(first, run, profile, template, data):
    length, codes = run
    cut = data.draw(st.integers(0, len(codes)))
    whole = "".join(codes).encode("ascii")
    parts = rows(first, whole[: cut * length], length, profile, template)
    parts += rows(first + cut, whole[cut * length :], length, profile, template)
    assert parts == rows(first, whole, length, profile, template)


@given(serials, runs().filter(lambda run: run[1]), templates, st.data())
def test_altered_rows_give_no_codes(first, run, template, data):
    length, codes = run
    profile = builtin("csv")
    whole = "".join(codes).encode("ascii")
    written = rows(first, whole, length, profile, template)
    at = data.draw(st.integers(0, len(written) - 1))
    kind = data.draw(st.sampled_from(["change", "drop", "double"]))
    byte = written[at : at + 1]
    new = {"change": bytes([byte[0] ^ 1]), "drop": b"", "double": byte * 2}[kind]
    altered = written[:at] + new + written[at + 1 :]
    # The code stands there twice, so no change of one byte makes another valid row.
    assert codes_of(first, altered, length, profile, template) is None


def test_rows_out_of_order_give_no_codes():
    profile = builtin("csv")
    written = rows(9, b"AAAABBBBCCCC", 4, profile, "{code}")
    lines = written.splitlines(keepends=True)
    assert codes_of(9, written, 4, profile, "{code}") == b"AAAABBBBCCCC"
    assert codes_of(9, lines[1] + lines[0] + lines[2], 4, profile, "{code}") is None
    assert codes_of(8, written, 4, profile, "{code}") is None
    assert codes_of(9, written, 3, profile, "{code}") is None


@settings(max_examples=5)
@given(st.integers(1, 10**6))
def test_a_million_codes_cross_every_width(first):
    codes = b"0123456789ABCDEF" * 100_000
    written = rows(first, codes, 16, builtin("csv"), "{code}")
    lines = written.split(b"\r\n")
    assert lines.pop() == b""
    assert [int(line.split(b",")[0]) for line in lines] == list(range(first, first + 100_000))


def test_header_and_names():
    profile = builtin("csv")
    assert profile.header_row() == b"serial,code,url\r\n"
    assert Profile("bare", header=False).header_row() == b""
    assert [profile.unit_name(index) for index in (0, 9_998, 9_999)] == [
        "data/0001.csv",
        "data/9999.csv",
        "data/10000.csv",
    ]
    assert (profile.columns, profile.unit_size) == (("serial", "code", "url"), 10_000)


def test_unknown_profile_lists_the_known_ones():
    with pytest.raises(UsageError) as error:
        builtin("xls")
    assert "csv" in " ".join(error.value.hints)


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": ("serial", "password")},
        {"columns": ("code", "code")},
        {"columns": ("serial",)},
        {"columns": ()},
        {"delimiter": ""},
        {"delimiter": '"'},
        {"delimiter": ",,"},
        {"delimiter": "A"},
        {"line_end": "\r"},
        {"line_end": ""},
        {"encoding": "gbk"},
        {"unit_size": 0},
        {"unit_size": 10**9},
    ],
)
def test_a_profile_that_could_not_be_read_back_is_refused(changes):
    with pytest.raises(UsageError):
        Profile("bad", **changes)
