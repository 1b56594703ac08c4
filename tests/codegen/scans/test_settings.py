"""`[readers.NAME]`: what a person declares of a reader, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import UsageError
from mintmark.codegen.scans.patterns import PATTERN_CHARS, Pattern
from mintmark.codegen.scans.settings import ENDS, PLAIN, ParentPlace, named, read_tables
from mintmark.codegen.station.config import NAME, read


@pytest.mark.parametrize(
    ("source", "text", "end"),
    [
        ("P{digits:2}-", "p01-CODE", 4),
        ("P{digits:2}-", "P1-CODE", None),
        ("P{digits}-", "P123-CODE", 5),
        ("P{digits}-", "P-CODE", None),
        ("{digits:14}:", "20261127083000:CODE", 15),
        ("{text}:", "head 3:CODE", 7),
        ("{text}:", ":CODE", None),
        ("{text}:", "x" * 65 + ":CODE", None),
        ("{text:3}", "abcCODE", 3),
        ("{text:3}", "ab", None),
        ("ä", "Ä!", 1),
    ],
)
def test_a_pattern_ends_where_it_says(source, text, end):
    assert Pattern.of(source).end(text) == end


@pytest.mark.parametrize(
    ("source", "prefix"),
    [
        ("", False),
        ("x" * (PATTERN_CHARS + 1), False),
        ("{code}", False),
        ("{digits", False),
        ("a}b", False),
        ("{digits:0}", False),
        ("{digits:100}", False),
        ("{text}{digits}", False),
        ("{digits}7", False),
        ("P{digits}", True),
        ("P{text}", True),
        ("a\rb", False),
    ],
)
def test_a_pattern_that_could_end_in_several_places_is_refused(source, prefix):
    with pytest.raises(UsageError):
        Pattern.of(source, prefix=prefix)


PARTS = st.sampled_from(["{digits}", "{text}", "{digits:3}", "{text:2}", "a", ":", "aa", "-"])


@given(st.lists(PARTS, min_size=1, max_size=9).map("".join), st.text("a1:-", max_size=80))
def test_a_pattern_takes_no_more_than_there_is(source, text):
    try:
        pattern = Pattern.of(source)
    except UsageError:
        return
    end = pattern.end(text)
    assert end is None or 0 <= end <= len(text)
    assert pattern.fits(text) is (end == len(text))


def test_the_settings_of_a_reader():
    table = {
        "terminators": ["cr", "CR LF", "\t"],
        "separator": ";",
        "prefix": "P{digits:2}-",
        "no_read": [],
        "heartbeat": ["HB"],
        "parent": "Last",
        "per_parent": 24,
    }
    settings = read_tables({"line-3": table})["line-3"]
    assert set(settings.terminators) == set(b"\r\n\t")
    assert (settings.separator, settings.no_read) == (";", ())
    assert [pattern.source for pattern in settings.prefixes] == ["P{digits:2}-"]
    assert (settings.parent, settings.per_parent) == (ParentPlace.LAST, 24)
    assert read_tables({"bare": {}}) == {"bare": PLAIN}
    assert PLAIN.terminators == ENDS


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ({"x": "CR"}, "a table per reader"),
        ({"a b": {}}, "a reader's name"),
        ({"x": {"terminator": "CR"}}, "unknown key terminator"),
        ({"x": {"terminators": ["NONE"]}}, "unknown terminator"),
        ({"x": {"terminators": [";"]}}, "unknown terminator"),
        ({"x": {"terminators": []}}, "lists none"),
        ({"x": {"terminators": [13]}}, "text, or a list"),
        ({"x": {"separator": "/"}}, "within addresses"),
        ({"x": {"separator": "-"}}, "within addresses"),
        ({"x": {"separator": ""}}, "1 to 4"),
        ({"x": {"separator": ["a"]}}, "must be text"),
        ({"x": {"prefix": "P{digits}"}}, "must not end"),
        ({"x": {"heartbeat": ["a"] * 17}}, "more than 16"),
        ({"x": {"no_read": 7}}, "no_read"),
        *(({"x": {"parent": bad}}, "where the label") for bad in ("middle", "", 1, ["last"], True)),
        *(
            ({"x": {"per_parent": bad}}, "whole number")
            for bad in (0, -1, 24.0, "24", True, 100_001)
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tables, why):
    with pytest.raises(UsageError, match=why) as refused:
        read_tables(tables)
    assert refused.value.hints


def test_readers_stand_in_the_home(home):
    path = home.path / NAME
    text = path.read_text("utf-8")
    assert read(home.path).readers == {}
    path.write_text(text.replace("# [readers.line-3]", "[readers.line-3]"), "utf-8")
    assert read(home.path).readers == {"line-3": PLAIN}
    path.write_text(f'{text}\n[readers.a]\nprefix = "P{{digits:2}}-"\n', "utf-8")
    assert named(read(home.path).readers, "a").prefixes[0].source == "P{digits:2}-"
    with pytest.raises(UsageError, match="no reader 'b'"):
        named(read(home.path).readers, "b")
    path.write_text(f'{text}\n[readers.a]\nprefix = "{{digits}}"\n', "utf-8")
    with pytest.raises(UsageError, match=r"mintmark.toml: \[readers.a\]: prefix"):
        read(home.path)
