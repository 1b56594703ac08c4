"""The audit event's form: what is written comes back, and no byte of it can change."""

import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import assume, given
from hypothesis import strategies as st
from ledger_kit import LINE, START, STATION, minted, ordered, public

from mintmark.codegen import times
from mintmark.codegen.errors import IntegrityError, UsageError
from mintmark.codegen.ledger import chain, changes
from mintmark.codegen.ledger.chain import Actor, Author
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.corrections import CorrectedEntry
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
number = st.integers(0, 2**53 - 1)
maybe = st.none() | text
window = st.dictionaries(text, st.none() | text | st.lists(text, max_size=2), max_size=3)
value = st.none() | text | number | window


@st.composite
def serials(draw):
    edges = sorted(draw(st.sets(st.integers(1, 10**8), max_size=12)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return tuple(Range(first, last - 1) for first, last in pairs)


real = st.floats(allow_nan=False, allow_infinity=False)
unit = st.builds(changes.Unit, text, text, number, number, number, text)
entry = st.builds(changes.ReceiptEntry, maybe, serials(), serials(), number)
part = st.builds(CodeRanges, text, serials())
order = st.builds(
    changes.Ordered,
    text,
    text,
    st.sampled_from(Action),
    serials(),
    st.booleans(),
    st.none() | number,
    st.none() | st.sampled_from(State),
    st.dictionaries(text, value, max_size=4),
    maybe,
    maybe,
)
change = st.one_of(
    st.builds(changes.HomeMade, text, text, text),
    st.builds(changes.KeyAdded, text, text, text, text, maybe),
    st.builds(changes.KeyRevoked, text, text),
    st.builds(changes.ContactAdded, text, text, maybe),
    st.builds(
        changes.BatchMinted, text, number, text, number, text, text, maybe, maybe, maybe, maybe,
        text, real, real, real, text, maybe, st.none() | number, st.none() | number,
    ),
    st.builds(changes.ExportBegun, text, text, serials(), text, text, maybe, maybe, maybe, maybe),
    st.builds(
        changes.Packaged, text, text, text, number, text, text, text,
        st.lists(unit, max_size=3).map(tuple),
    ),
    st.builds(changes.ExportAbandoned, text, text),
    st.builds(changes.Receipted, text, st.lists(entry, max_size=3).map(tuple), st.booleans(), text),
    st.builds(
        changes.ReceiptCorrected, text,
        st.lists(
            st.builds(CorrectedEntry, maybe, serials(), serials(), st.none() | number), max_size=3
        ).map(tuple),
        text,
    ),
    st.builds(changes.Reopened, text, serials(), text),
    st.builds(changes.UnitMoved, text, text, text, maybe),
    order,
    st.builds(
        changes.Associated, text, st.sampled_from(Packing), st.none() | part,
        st.lists(part, max_size=3).map(tuple), st.none() | number, maybe, maybe,
    ),
    st.builds(changes.Settled, text, text, maybe),
    st.builds(changes.Incident, text, text),
    st.builds(
        changes.Scheduled, text, text, text, st.sampled_from(Action), serials(), st.booleans(),
        st.none() | number, st.none() | st.sampled_from(State),
        st.dictionaries(text, value, max_size=4), maybe, maybe, st.booleans(), st.booleans(),
    ),
    st.builds(changes.ScheduleEnded, text, text, maybe),
    st.builds(
        changes.ScannedIn, text, number, text, text, st.lists(part, max_size=3).map(tuple),
        st.lists(part, max_size=3).map(tuple),
    ),
    st.builds(
        changes.LabelsVerified, text, st.lists(text, max_size=3).map(tuple), serials(), number,
        number,
    ),
)  # fmt: skip


@given(change)
def test_what_is_encoded_comes_back_through_bytes(change):
    kind, body = chain.encode(change)
    written = chain.canonical(body)
    back = chain.decode(kind, json.loads(written))
    assert back == change
    assert type(back) is type(change)
    assert chain.canonical(chain.encode(back)[1]) == written


def test_every_type_of_change_has_a_name_of_its_own():
    assert len(chain.TYPES) == 21
    assert set(chain.TYPES) == {
        name
        for name, kind in vars(changes).items()
        if dataclasses.is_dataclass(kind)
        and name not in ("Unit", "ReceiptEntry", "CorrectedEntry", "IncidentFacts", "StoredObject")
    }


def test_an_event_is_what_another_program_would_make_of_the_specification():
    change = ordered("O1", "B1", "activate", (1, 5), (9, 9), attributes={"lot": "L1"})
    event = chain.seal(7, change, START, LINE, "ab" * 32)
    body = {
        "order": "O1", "batch": "B1", "action": "activate", "serials": [[1, 5], [9, 9]],
        "skip_void": True, "count": None, "from_state": None, "attributes": {"lot": "L1"},
        "reason": None, "line": None,
    }  # fmt: skip
    whole = {
        "seq": 7,
        "type": "Ordered",
        "at": "2026-11-22T08:00:00.000000Z",
        "actor": {"operator": "Ms Wang", "os_user": "mint", "host": "station-1"},
        "key_id": "key-2",
        "body": body,
        "previous": "ab" * 32,
    }
    # For ASCII text and integers RFC 8785 is what the standard library writes, sorted.
    written = json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(written).digest()
    assert event.hash == digest.hex()
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(public(2))).verify(
        bytes.fromhex(event.signature), b"mintmark ledger event 1\0" + digest
    )


@given(st.builds(Actor, text, text, text), text, st.integers(1, 2**53 - 1))
def test_whoever_acted_an_event_has_the_hash_of_its_canonical_whole(actor, key_id, seq):
    author = Author(actor, key_id, STATION.sign)
    event = chain.seal(seq, minted("B1", 10), START, author, "ab" * 32)
    fields = ("at", "key_id", "previous", "seq", "type")
    whole = {name: getattr(event, name) for name in fields} | {
        "actor": dataclasses.asdict(actor), "body": json.loads(event.body),
    }  # fmt: skip
    assert event.hash == hashlib.sha256(chain.canonical(whole)).hexdigest()
    assert chain.is_whole(event)


def test_an_actor_that_json_cannot_hold_is_refused():
    author = Author(Actor("\ud800", "mint", "station-1"), "key-1", STATION.sign)
    with pytest.raises(UsageError, match="cannot be written down"):
        chain.seal(3, minted("B1", 10), START, author, "ab" * 32)


EXPORT = changes.ExportBegun("P", "B", (Range(1, 5),), "li", "csv")
EVENT = chain.seal(3, minted("B1", 10), START, STATION, "cd" * 32)
KEY = bytes.fromhex(public(1))


def test_a_good_event_passes():
    chain.check(EVENT, "cd" * 32, KEY)
    assert EVENT.change == minted("B1", 10)
    assert EVENT.time == START


@pytest.mark.parametrize("name", [item.name for item in dataclasses.fields(chain.Event)])
def test_no_field_can_be_changed(name):
    old = getattr(EVENT, name)
    for new in (old + 1 if name == "seq" else old + "0", None, b"x"):
        with pytest.raises(IntegrityError, match=r"changed|forged"):
            chain.check(dataclasses.replace(EVENT, **{name: new}), "cd" * 32, KEY)


def test_a_body_that_says_the_same_in_other_bytes_is_a_change():
    body = json.dumps(json.loads(EVENT.body))
    other = dataclasses.replace(EVENT, body=body)
    other = dataclasses.replace(other, hash=chain._digest(other).hex())
    with pytest.raises(IntegrityError, match="was changed"):
        chain.check(other, "cd" * 32, KEY)


def test_an_event_rehashed_without_the_key_is_forged():
    other = dataclasses.replace(EVENT, operator="someone else")
    other = dataclasses.replace(other, hash=chain._digest(other).hex())
    with pytest.raises(IntegrityError, match="not signed by key key-1"):
        chain.check(other, "cd" * 32, KEY)


def test_an_event_stands_where_it_was_written():
    with pytest.raises(IntegrityError, match="does not follow"):
        chain.check(EVENT, chain.GENESIS, KEY)


def test_the_label_belongs_to_the_signature():
    bare = STATION.sign(bytes.fromhex(EVENT.hash)).hex()
    with pytest.raises(IntegrityError, match="not signed"):
        chain.check(dataclasses.replace(EVENT, signature=bare), "cd" * 32, KEY)


@given(change, st.data())
def test_decoding_is_strict_about_fields(change, data):
    kind, body = chain.encode(change)
    required = {
        item.name
        for item in dataclasses.fields(change)
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    }
    name = data.draw(st.sampled_from(sorted(required)))
    for wrong in ({**body, "more": 1}, {k: v for k, v in body.items() if k != name}, [body], None):
        with pytest.raises(IntegrityError):
            chain.decode(kind, wrong)


def test_an_event_older_than_a_field_has_its_default():
    old = {"package": "P", "batch": "B", "serials": [[1, 5]], "contact": "li", "profile": "csv"}
    found = chain.decode("ExportBegun", old)
    assert found == changes.ExportBegun("P", "B", (Range(1, 5),), "li", "csv")
    older = (found.supersedes, found.replaces, found.reason, found.layout, found.pair)
    assert older == (None,) * 5
    with pytest.raises(IntegrityError):
        chain.decode("ExportBegun", {**old, "supersede": None})


def test_an_old_event_is_whole_as_it_was_written():
    body = json.loads(chain.seal(3, EXPORT, START, STATION, "cd" * 32).body)
    for name in ("supersedes", "replaces", "reason", "layout", "pair"):
        del body[name]
    event = chain.seal(3, EXPORT, START, STATION, "cd" * 32)
    event = dataclasses.replace(event, body=chain.canonical(body).decode())
    digest = chain._digest(event)
    signed = STATION.sign(chain.LABEL + digest).hex()
    event = dataclasses.replace(event, hash=digest.hex(), signature=signed)
    chain.check(event, "cd" * 32, KEY)
    assert event.change == EXPORT


WRONG = [
    ("Receipted", "entries", [{"unit": None, "printed": [], "spoiled": []}]),
    ("Receipted", "final", 1),
    ("Receipted", "final", None),
    ("Ordered", "serials", [[5, 1]]),
    ("Ordered", "serials", [[1, 5], [6, 9]]),
    ("Ordered", "serials", [[4, 5], [1, 2]]),
    ("Ordered", "serials", [[1, True]]),
    ("Ordered", "serials", "1-5"),
    ("Ordered", "action", "delete"),
    ("Ordered", "skip_void", 1),
    ("Ordered", "count", True),
    ("Ordered", "count", 1.0),
    ("Ordered", "from_state", "gone"),
    ("Ordered", "attributes", {"lot": 1.5}),
    ("Ordered", "attributes", {"lot": ["x"]}),
    ("Ordered", "order", None),
    ("BatchMinted", "quantity", "10"),
    ("BatchMinted", "entropy_bits", True),
    ("Packaged", "units", {}),
    ("Packaged", "units", [{"unit": "u"}]),
]
GOOD = {
    "Receipted": chain.encode(
        changes.Receipted("P", (changes.ReceiptEntry(None, (), (), 1),), True, "misprint")
    )[1],
    "Ordered": chain.encode(ordered("O1", "B1", "void", (1, 5)))[1],
    "BatchMinted": chain.encode(minted("B1", 10))[1],
    "Packaged": chain.encode(changes.Packaged("p", "t", "a", 1, "s", "m", "k", ()))[1],
}


@pytest.mark.parametrize(("kind", "name", "wrong"), WRONG)
def test_decoding_is_strict_about_types(kind, name, wrong):
    chain.decode(kind, GOOD[kind])
    with pytest.raises(IntegrityError):
        chain.decode(kind, {**GOOD[kind], name: wrong})


def test_an_unknown_type_is_refused():
    with pytest.raises(IntegrityError, match="unknown type"):
        chain.decode("Deleted", {})


@pytest.mark.parametrize(
    "change",
    [
        changes.Incident("kind", "lone \ud800 surrogate"),
        minted("B1", 2**53),
        changes.Ordered("O", "B", Action.VOID, (Range(1, 2), Range(3, 4))),
        changes.ContactAdded("li", 7, None),
        dataclasses.replace(minted("B1", 1), entropy_bits=float("inf")),
    ],
)
def test_what_could_not_come_back_is_not_written(change):
    with pytest.raises(UsageError) as caught:
        chain.seal(1, change, START, STATION, chain.GENESIS)
    assert "surrogate" not in str(caught.value)


@given(st.datetimes(), st.datetimes(), st.timezones())
def test_stamps_sort_as_times_do_and_come_back(time, other, zone):
    assume(all(1 < each.year < 9999 for each in (time, other)))
    local, other = time.replace(tzinfo=zone), other.replace(tzinfo=UTC)
    time = time.replace(tzinfo=UTC)
    assert times.parse_utc(times.format_utc(local)) == local.astimezone(UTC)
    assert (times.format_utc(time) < times.format_utc(other)) == (time < other)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        times.format_utc(datetime(2026, 1, 1))  # noqa: DTZ001
    shanghai = timezone(timedelta(hours=8))
    assert (
        times.format_utc(datetime(2026, 1, 1, 8, tzinfo=shanghai)) == "2026-01-01T00:00:00.000000Z"
    )


@pytest.mark.parametrize(("kind", "name", "wrong"), WRONG)
def test_the_field_that_is_wrong_is_named(kind, name, wrong):
    with pytest.raises(IntegrityError, match=rf"^{kind}\.{name}\b"):
        chain.decode(kind, {**GOOD[kind], name: wrong})


@pytest.mark.parametrize("body", [None, [], "{}", {}, {"kind": "k"}])
def test_a_body_without_its_fields_names_the_type(body):
    with pytest.raises(IntegrityError, match=r"^Incident does not have the fields of a Incident"):
        chain.decode("Incident", body)


def test_a_field_inside_a_list_is_named_with_its_list():
    wrong = [{**GOOD["Receipted"]["entries"][0], "spoiled": "1-5"}]
    with pytest.raises(IntegrityError, match=r"^Receipted\.entries\.spoiled"):
        chain.decode("Receipted", {**GOOD["Receipted"], "entries": wrong})


def test_an_event_knows_who_acted():
    assert EVENT.actor == STATION.actor
    assert len({EVENT.operator, EVENT.os_user, EVENT.host}) == 3


def test_the_first_event_follows_sixty_four_zeros():
    assert chain.GENESIS == "0000000000000000000000000000000000000000000000000000000000000000"


@pytest.mark.parametrize("wrong", [5, None, True, {}, "1-5"])
def test_ranges_that_are_no_list_are_refused(wrong):
    with pytest.raises(IntegrityError, match=r"^Ordered\.serials are not ascending"):
        chain.decode("Ordered", {**GOOD["Ordered"], "serials": wrong})


def test_the_facts_of_an_incident_come_back():
    facts = changes.IncidentFacts(batch="B1", serials=(Range(1, 2),), codes=2)
    change = changes.Incident("leak-found", "two codes", facts)
    kind, body = chain.encode(change)
    assert body["facts"] == {"batch": "B1", "serials": [[1, 2]], "codes": 2}
    assert chain.decode(kind, body) == change
    for wrong in ({"more": 1}, {"codes": "2"}, {"order": None}):
        with pytest.raises(IntegrityError, match=r"Incident\.facts"):
            chain.decode(kind, body | {"facts": body["facts"] | wrong})
