"""Payload templates: plain and GS1 Digital Link, and what lower case costs."""

import pytest
import segno

from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.errors import UsageError
from mintmark.packaging.payload import case_warning, chosen

GTIN = "09506000134352"  # of the GS1 General Specifications


@pytest.mark.parametrize(
    "base",
    [
        "",
        "q.example.cn",
        "ftp://q.cn",
        "https://",
        "https:///x",
        "{code}",
        "https://q.cn?c=",
        "https://q.cn/?c=",
        "https://q.cn/#/",
        "https://q.cn/{code}",
    ],
)
@pytest.mark.parametrize("gtin", [None, GTIN])
def test_a_base_is_the_beginning_of_an_address(base, gtin):
    with pytest.raises(UsageError):
        chosen("https://q.cn/{code}", base, gtin)


def test_which_template_is_taken():
    assert chosen(None, None, None) == "{code}"
    assert chosen("https://q.cn/{code}", None, None) == "https://q.cn/{code}"
    assert chosen("https://q.cn/{code}", "HTTPS://B.CN/", None) == "HTTPS://B.CN/{code}"
    link = "https://q.cn/x/01/09506000134352/21/{code}"
    assert chosen("https://q.cn/x/{code}", None, GTIN) == link
    assert chosen(None, "https://q.cn/x", GTIN) == link
    assert chosen(None, "https://q.cn/x/", "9506000134352") == link
    with pytest.raises(UsageError):
        chosen(None, None, GTIN)
    # A base that ends in a Digital Link's own key is taken as it is written.
    whole = "https://q.cn/01/09506000134352/21"
    assert chosen(None, whole, None) == f"{whole}/{{code}}"


@pytest.mark.parametrize(
    ("recorded", "base", "words"),
    [
        ("https://q.cn/01/09506000134352/21/{code}", None, "names a GTIN already"),
        ("https://q.cn/01/09506000134352/10/L1/21/{code}", None, "names a GTIN already"),
        ("https://q.cn/gtin/09506000134352/ser/{code}", None, "names a GTIN already"),
        ("https://q.cn/{code}", "https://q.cn/01/09506000134352", "names a GTIN already"),
        ("HTTPS://Q.CN/GTIN/09506000134352/SER/{code}", None, "names a GTIN already"),
        ("https://q.cn/{code}", "https://q.cn/01", "names a GTIN already"),
        ("https://q.cn/?c={code}", None, "holds a ?"),
        ("https://q.cn/scan?x=1&c={code}", None, "holds a ?"),
        ("https://q.cn/#/{code}", None, "holds a #"),
        ("https://q.cn/{code}?x=1", None, "would drop it"),
        ("https://q.cn/{code}/", None, "would drop it"),
        ("https://q.cn/{code}#top", None, "would drop it"),
        ("https://q.cn/c-{code}", None, "would split it"),
    ],
)
def test_a_gtin_is_not_put_where_it_cannot_stand(recorded, base, words):
    with pytest.raises(UsageError) as error:
        chosen(recorded, base, GTIN)
    assert words in error.value.message
    assert "--base" in error.value.hints[0] or "write for example" in error.value.hints[0]


def test_lower_case_is_warned_of_with_both_versions():
    spec = CodeSpec.of("crockford32", 16)
    said = case_warning("https://q.example.cn/{code}", spec, "M")
    now = segno.make_qr("https://q.example.cn/" + "A" * 16, error="M", boost_error=False).version
    then = segno.make_qr("HTTPS://Q.EXAMPLE.CN/" + "A" * 16, error="M", boost_error=False).version
    assert (now, then) == (3, 2)
    assert "version 3 (29x29" in said
    assert "version 2 (25x25" in said
    assert "HTTPS://Q.EXAMPLE.CN/{code}" in said
    assert case_warning("HTTPS://Q.EXAMPLE.CN/{code}", spec, "M") is None
    # Where it costs nothing, nothing is said.
    assert case_warning("http://q.cn/{code}", CodeSpec.of("crockford32", 2), "L") is None
