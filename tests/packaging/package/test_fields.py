"""Reading JSON from an archive: bounds hold before anything is built from it."""

import re

import pytest

from mintmark.packaging.package.fields import items, load, text, typed, whole


def test_an_object_up_to_the_limit_is_read():
    data = b'{"a":"b"}'
    assert load(data, len(data)) == {"a": "b"}
    with pytest.raises(ValueError):
        load(data, len(data) - 1)


@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b'"a"'])
def test_only_an_object_is_read(data):
    with pytest.raises(TypeError):
        load(data, 100)


def test_numbers_are_whole_and_short():
    """Before Python converts them: the cost of int() grows faster than their length."""
    assert load(b'{"a":%s}' % (b"9" * 16), 100) == {"a": 10**16 - 1}
    for number in (b"9" * 17, b"-" + b"9" * 16, b"1.5", b"1e3", b"NaN", b"Infinity"):
        with pytest.raises(ValueError):
            load(b'{"a":%s}' % number, 100)


def test_fractions_are_read_if_they_may_be_there():
    assert load(b'{"a":1.5}', 100, fractions=True) == {"a": 1.5}
    for number in (b"1." + b"0" * 23, b"NaN", b"-Infinity"):
        with pytest.raises(ValueError):
            load(b'{"a":%s}' % number, 100, fractions=True)


@pytest.mark.parametrize("value", [True, 0, 4, 1.0, "2", None])
def test_a_whole_number_lies_between_its_bounds(value):
    assert [whole(number, 1, 3) for number in (1, 3)] == [1, 3]
    with pytest.raises((TypeError, ValueError)):
        whole(value, 1, 3)


def test_text_matches_its_pattern_whole():
    pattern = re.compile("[a-z]+")
    assert text("abc", pattern) == "abc"
    for value in ("abc1", "abc\n", "", 1, None):
        with pytest.raises((TypeError, ValueError)):
            text(value, pattern)


def test_a_list_has_at_most_so_many_items():
    assert items([1, 2], 2) == [1, 2]
    for value in ([1, 2, 3], (1, 2), "ab"):
        with pytest.raises((TypeError, ValueError)):
            items(value, 2)


def test_a_type_is_exact():
    assert typed(1, int) == 1
    with pytest.raises(TypeError):
        typed(True, int)
