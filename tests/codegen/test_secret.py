import copy
import hmac
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.secret import Secret

VALUE = b"correct horse battery staple"


@dataclass(frozen=True)
class Holder:
    secret: Secret


def shown(secret):
    yield repr(secret)
    yield str(secret)
    yield f"{secret}"
    yield f"{secret!r} {secret!s} {secret!a}"
    yield "%s %r" % (secret, secret)  # noqa: UP031  (the form under test)
    yield format(secret)
    yield repr([secret, {"key": secret}])
    yield repr(Holder(secret))
    yield str(ValueError("wrong", secret))


@given(st.binary(min_size=4))
def test_no_way_of_showing_it_shows_it(value):
    assert set(shown(Secret(value))) == set(shown(Secret(b"another")))


def test_reveal_is_the_way_to_the_bytes():
    assert Secret(VALUE).reveal() == VALUE


def test_a_format_with_a_width_fails_without_a_word_of_it():
    with pytest.raises(TypeError) as caught:
        f"{Secret(VALUE):>40}"
    assert "horse" not in str(caught.value)


def test_it_is_not_in_a_traceback_even_with_locals():
    def use(secret):
        raise RuntimeError("no luck", secret)

    try:
        use(Secret(VALUE))
    except RuntimeError as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    text = "".join(trace.format())
    assert "secret = Secret('***')" in text
    assert "horse" not in text


def test_it_is_not_in_a_log(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("mintmark").warning("key %s, %r", Secret(VALUE), Holder(Secret(VALUE)))
    assert "***" in caplog.text
    assert "horse" not in caplog.text


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol):
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(Secret(VALUE), protocol)
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(Holder(Secret(VALUE)), protocol)


@pytest.mark.parametrize(
    "spill",
    [copy.copy, copy.deepcopy, lambda s: asdict(Holder(s)), json.dumps, vars, bytes, list, hash],
)
def test_it_is_not_spilled_by_the_common_ways_of_taking_objects_apart(spill):
    with pytest.raises(TypeError) as caught:
        spill(Secret(VALUE))
    assert "horse" not in str(caught.value)


@given(st.binary(), st.binary())
def test_it_equals_what_holds_the_same_bytes(left, right):
    assert (Secret(left) == Secret(right)) == (left == right)
    assert (Secret(left) != Secret(right)) == (left != right)
    assert Secret(left) == Secret(bytes(left))


@pytest.mark.parametrize("other", [VALUE, VALUE.decode(), None, 0, object()])
def test_it_equals_nothing_but_a_secret(other):
    assert Secret(VALUE) != other
    assert other != Secret(VALUE)


def test_equality_takes_constant_time(monkeypatch):
    compared = []
    original = hmac.compare_digest

    def compare(left, right):
        compared.append((left, right))
        return original(left, right)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert Secret(b"first") != Secret(b"second")
    assert compared == [(b"first", b"second")]
