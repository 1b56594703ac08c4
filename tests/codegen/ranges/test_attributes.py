import json
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mintmark.codegen.errors import Refused, UsageError
from mintmark.codegen.ranges.attributes import (
    KEYS_PER_RANGE,
    KNOWN,
    PUBLIC,
    VALIDITY,
    VALUE_BYTES,
    Layer,
    check,
    check_booked,
    from_json,
    from_options,
    layer,
    patch,
    public_of,
    to_json,
)
from mintmark.codegen.ranges.roles import ROLES

LAYERS = {
    "product": "native",
    "lot": "native",
    "line": "native",
    "produced_at": "native",
    "dealer": "property",
    "region": "property",
    "campaign": "activity",
    "max_scans": "activity",
    "guide_scans": "activity",
    "dealer_scans": "activity",
    "store_scans": "activity",
    "role": "activity",
    "gate": "activity",
    "scanned_in": "property",
    "effective_at": "activity",
    "expires_at": "activity",
}
# Keys whose values are no text of anybody's choice.
BOUND = ("max_scans", "guide_scans", "dealer_scans", "store_scans", "role", "gate", "scanned_in")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=VALUE_BYTES // 4)
OWN_KEYS = st.builds(
    "{}.{}{}".format,
    st.sampled_from(["native", "property", "activity"]),
    st.sampled_from(string.ascii_lowercase),
    st.text(string.ascii_lowercase + string.digits + "_", max_size=40),
)
TEXT_KEYS = st.sampled_from([key for key in LAYERS if key not in BOUND])
SOME_KEYS = st.sampled_from(["lot", "region", "campaign", "native.shift", "activity.prize"])


def patches(keys=SOME_KEYS):
    texts = st.dictionaries(keys, st.none() | TEXTS)
    scans = st.just({}) | st.builds(
        lambda n: {"max_scans": n}, st.none() | st.integers(1, 1_000_000)
    )
    return st.builds(dict.__or__, texts, scans)


def naive(*changes):
    values = {}
    for change in changes:
        values |= change
        values = {key: value for key, value in values.items() if value is not None}
    return values


def applied(*changes):
    attributes = ()
    for change in changes:
        attributes = patch(attributes, change)
    return attributes


# Roles.


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_one_of_the_list(role):
    assert check({"role": role}) == from_options([f"role={role}"]) == {"role": role}
    assert check({"role": None}) == from_options(["role="]) == {"role": None}


@given(TEXTS.filter(lambda text: text not in ROLES))
@example("Carton")
@example("items")
def test_another_role_is_refused_and_what_was_booked_before_is_read(text):
    with pytest.raises(UsageError) as refused:
        check({"role": text})
    assert "attribute role" in refused.value.message
    assert ", ".join(ROLES) in refused.value.hints[0]
    assert check_booked({"role": text}) == {"role": text}


# The algebra.


@given(st.lists(patches()))
def test_patches_are_patches_of_a_dict(changes):
    assert to_json(applied(*changes)) == naive(*changes)


@given(patches(), patches(), patches())
def test_the_same_values_are_the_same_attributes_whatever_way_they_came(first, second, third):
    came = applied(first, second, third)
    assert came == from_json(naive(first, second, third)) == from_json(to_json(came))
    assert hash(came) == hash(from_json(to_json(came)))
    assert list(came) == sorted(came)


@given(patches(), patches())
def test_two_patches_are_their_union(first, second):
    assert applied(first, second) == applied(first | second)


@given(patches(), patches())
def test_a_patch_twice_is_a_patch_once(old, change):
    assert applied(old, change, change) == applied(old, change)


@given(patches())
def test_an_empty_patch_changes_nothing(change):
    attributes = applied(change)
    assert patch(attributes, {}) is attributes


@given(patches())
def test_deleting_every_key_leaves_nothing(change):
    assert applied(change, dict.fromkeys(change)) == ()


@given(patches(), patches())
def test_a_patch_leaves_its_arguments_alone(old, change):
    attributes, copy = applied(old), dict(change)
    before = tuple(attributes)
    patch(attributes, change)
    assert (attributes, change) == (before, copy)


@given(patches())
def test_attributes_go_through_json_and_back(change):
    attributes = applied(change)
    assert from_json(json.loads(json.dumps(to_json(attributes)))) == attributes


def test_text_and_number_stay_apart():
    assert from_json({"native.n": "1"}) != from_json({"native.n": 1})


@given(patches(OWN_KEYS | TEXT_KEYS))
def test_a_consumer_sees_only_the_public_attributes(change):
    attributes = applied(change)
    shown = public_of(to_json(attributes))
    named = {"product", "lot", "produced_at", "campaign", "effective_at", "expires_at"}
    assert named == PUBLIC
    assert shown == {k: v for k, v in to_json(attributes).items() if k in named}


# Keys and layers.


def test_the_three_layers():
    assert [str(item) for item in Layer] == ["native", "property", "activity"]
    assert {key: layer(key).value for key in KNOWN} == LAYERS


@given(OWN_KEYS)
def test_a_brands_own_key_names_its_layer(key):
    assert layer(key).value == key.partition(".")[0]
    assert check({key: "v"}) == {key: "v"}
    with pytest.raises(UsageError, match="must be text"):
        check({key: 1})


BAD_KEYS = [
    "",
    "colour",
    "Lot",
    "lot ",
    "lot\n",
    "native",
    "native.",
    "native.1st",
    "native.Shift",
    "native.a-b",
    "native.a.b",
    "native.a\n",
    "native.\uff41",
    "native.\u4ea7",
    "other.key",
    "xnative.key",
    "native.a" + "b" * 41,
    "k" * 100_000,
]


@pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: ascii(key[:20]))
def test_an_unknown_key_is_refused_in_a_short_line(key):
    for call in (layer, lambda key: check({key: "v"}), lambda key: check({key: None})):
        with pytest.raises(UsageError, match="unknown attribute") as caught:
            call(key)
        assert "\n" not in caught.value.message
        assert len(caught.value.message) < 120
        hints = " ".join(caught.value.hints)
        assert "lot" in hints
        assert "native." in hints
        assert not any(key in hints for key in VALIDITY), "not set with --set"


# Values.


@given(patches(OWN_KEYS | TEXT_KEYS))
def test_what_is_well_formed_passes_unchanged(values):
    assert check(values) == values


@pytest.mark.parametrize(
    "value",
    [0, -1, 1_000_001, 10**5000, "1", 1.0, True, False, [1], b"1"],
    ids=lambda value: type(value).__name__,
)
def test_max_scans_is_a_number_from_1_to_a_million(value):
    with pytest.raises(UsageError, match="attribute max_scans must"):
        check({"max_scans": value})
    assert check({"max_scans": 1}) == {"max_scans": 1}
    assert check({"max_scans": 1_000_000}) == {"max_scans": 1_000_000}


@pytest.mark.parametrize("key", [key for key in LAYERS if not key.endswith("_scans")])
@pytest.mark.parametrize("value", [1, 1.5, True, b"x", ["x"], {"x": 1}], ids=repr)
def test_text_is_text(key, value):
    with pytest.raises(UsageError, match=f"attribute {key} must be text"):
        check({key: value})


@pytest.mark.parametrize("symbol", ["x", "\u7801", "\U0001f9e2"], ids=["1", "3", "4"])
def test_text_is_bounded_in_bytes(symbol):
    most = VALUE_BYTES // len(symbol.encode())
    assert check({"lot": symbol * most}) == {"lot": symbol * most}
    with pytest.raises(UsageError, match=f"longer than {VALUE_BYTES} bytes") as caught:
        check({"lot": symbol * (most + 1)})
    assert symbol * 5 not in caught.value.message


@pytest.mark.parametrize("value", ["\ud800", "L\udcff", "\udfff\ud800"], ids=ascii)
def test_text_that_cannot_be_written_down_is_refused(value):
    """From JSON's escapes, or from a command line that is not valid in its encoding."""
    for call in (lambda: check({"lot": value}), lambda: from_options([f"lot={value}"])):
        with pytest.raises(UsageError, match="not valid Unicode") as caught:
            call()
        assert value not in caught.value.message
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_an_order_has_so_many_keys_and_no_more():
    values = {f"native.k{n}": "v" for n in range(KEYS_PER_RANGE)}
    assert check(values) == values
    with pytest.raises(UsageError, match=f"more than {KEYS_PER_RANGE}"):
        check(values | {"lot": "L1"})


def test_a_range_has_so_many_keys_however_many_orders_set_them():
    full = from_json({f"native.k{n}": "v" for n in range(KEYS_PER_RANGE)})
    with pytest.raises(Refused, match=f"more than {KEYS_PER_RANGE}") as caught:
        patch(full, {"lot": "L1"})
    assert caught.value.hints
    assert len(patch(full, {"native.k0": "w"})) == KEYS_PER_RANGE
    assert len(patch(full, {"native.k0": None, "lot": "L1"})) == KEYS_PER_RANGE


# Options of the command line.


@given(patches(OWN_KEYS | TEXT_KEYS.filter(lambda key: key not in VALIDITY)))
def test_options_give_the_same_patch(values):
    values = {key: value for key, value in values.items() if value != ""}
    options = [f"{key}={'' if value is None else value}" for key, value in values.items()]
    assert from_options(iter(options)) == values


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("lot=L42", {"lot": "L42"}),
        ("lot=", {"lot": None}),
        ("max_scans=", {"max_scans": None}),
        ("max_scans=007", {"max_scans": 7}),
        (" lot =L42", {"lot": "L42"}),
        ("lot= L 42 ", {"lot": " L 42 "}),
        ("lot=a=b", {"lot": "a=b"}),
        ("region=\u5e7f\u4e1c", {"region": "\u5e7f\u4e1c"}),
    ],
)
def test_the_forms_of_an_option(option, expected):
    assert from_options([option]) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["lot"], "not key=value"),
        ([""], "not key=value"),
        (["x" * 5000], "not key=value"),
        (["=L42"], "unknown attribute"),
        (["colour=red"], "unknown attribute"),
        (["colour="], "unknown attribute"),
        (["lot=1", "lot=2"], "given twice"),
        (["lot=1", " lot=1"], "given twice"),
        (["lot=", "lot="], "given twice"),
        (["max_scans=many"], "must be a number"),
        (["max_scans=-1"], "must be a number"),
        (["max_scans=1.5"], "must be a number"),
        (["max_scans= 1"], "must be a number"),
        (["max_scans=\uff11"], "must be a number"),
        (["max_scans=" + "9" * 5000], "must be a number"),
        (["max_scans=0"], "between 1 and"),
        (["effective_at=2026-01-01"], "not set with --set"),
        (["expires_at="], "not set with --set"),
        (["lot=" + "x" * (VALUE_BYTES + 1)], "longer than"),
        ([f"native.k{n}=v" for n in range(KEYS_PER_RANGE + 1)], "more than"),
    ],
    ids=str,
)
def test_what_is_not_an_option_is_refused(options, message):
    with pytest.raises(UsageError, match=message) as caught:
        from_options(options)
    assert len(caught.value.message) < 120


def test_validity_has_options_of_its_own():
    for key, option in (("effective_at", "--effective-at"), ("expires_at", "--expires-at")):
        with pytest.raises(UsageError) as caught:
            from_options([f"{key}=2026-01-01"])
        assert option in " ".join(caught.value.hints)
        assert check({key: "2026-01-01T00:00:00Z"})
