"""The payload template: where it puts the code, and what no template may hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.codes.template import BARE, TEMPLATE_CHARACTERS, check, payload
from mintmark.codegen.errors import UsageError

URI = "ABCXYZabcxyz0189-._~:/?#[]@!$&'()*+,;=%"


@given(st.text(URI, max_size=40), st.text(URI, max_size=40), st.text("0AZ9", min_size=1))
def test_a_template_of_uri_characters_puts_the_code_in_its_place(before, after, code):
    template = check(before + "{code}" + after)
    assert payload(template, code) == before + code + after


def test_bare_template_is_the_code():
    assert payload(check(BARE), "7K3M") == "7K3M"


@pytest.mark.parametrize(
    "template",
    [
        "",
        "https://q.example.cn/",
        "{code}{code}",
        "https://q.example.cn/{CODE}",
        "https://q.example.cn/{code}/{serial}",
        "{{code}}",
        "{code}}",
        "https://q.example.cn/{0}{code}",
        "https://q.example.cn/ {code}",
        "https://q.example.cn/{code}\n",
        "https://q.example.cn/{code}\r\n=1+1",
        'https://q.example.cn/"{code}',
        "https://q.example.cn\\{code}",
        "https://q.例子.cn/{code}",
        "https://q.example.cn/{code}\x00",
        "https://q.example.cn/{code}\x7f",
        "x" * (TEMPLATE_CHARACTERS - 5) + "{code}",
    ],
)
def test_other_templates_are_refused(template):
    with pytest.raises(UsageError):
        check(template)


def test_longest_template_passes():
    assert check("x" * (TEMPLATE_CHARACTERS - 6) + "{code}")


@given(st.text(max_size=30))
def test_whatever_passes_is_printable_ascii_with_a_single_placeholder(text):
    try:
        check(text + "{code}")
    except UsageError:
        return
    assert text.isascii()
    assert text.isprintable()
    assert not set(text) & set(' {}"\\<>^`|')
