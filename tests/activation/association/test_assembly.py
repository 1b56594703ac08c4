"""Scans become cartons: pure, with codes that are only names. `u7` is a bottle, `C2` a carton."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.activation.association.assembly import Assembler
from mintmark.activation.association.carton import HELD, Sighting
from mintmark.codegen.ranges.aggregation import CodeRef
from mintmark.codegen.scans.reader import ReadingKind
from mintmark.codegen.scans.settings import ParentPlace

LEVELS = {"u": 0, "v": 0, "C": 1, "D": 1, "P": 2}
OTHERS = {"-": ReadingKind.NO_READ, "!": ReadingKind.HEARTBEAT, "?": ReadingKind.REJECT}


def seen(word):
    if word in OTHERS:
        return Sighting(OTHERS[word])
    return Sighting(ReadingKind.SCAN, CodeRef(word[0], int(word[1:])), LEVELS[word[0]])


def name(code):
    return f"{code.batch}{code.serial}" if code else "none"


def told(unit):
    """`K: children` if it is complete, `K: why` if it is refused."""
    inside = " ".join(map(name, unit.children)) if unit.fault is None else unit.fault
    return f"{name(unit.parent)}: {inside}"


def units(words, place, each=4, **more):
    """Every carton of a stream, and what was left at its end."""
    assembler = Assembler(ParentPlace(place), each, **more)
    found = [unit for word in words.split() for unit in assembler.feed(seen(word))]
    return [*found, *assembler.finish()]


FULL = "C1: u1 u2 u3 u4"
LOST = ": a label before this one was not read"
CARTONS = {
    "the label first": ("first", "C1 u1 u2 u3 u4 C2 u5 u6 u7 u8", [FULL, "C2: u5 u6 u7 u8"]),
    "the label last": ("last", "u4 u2 u3 u1 C1", ["C1: u4 u2 u3 u1"]),
    "by count": ("count", "u1 u2 u3 u4 C1", [FULL]),
    "read again": ("last", "u1 u1 u2 u3 u3 u3 u4 u1 C1", [FULL]),
    "read again, label first": ("first", "C1 C1 u1 u1 u2 C1 u3 u4 u4 u2 C1", [
        FULL, "C1: the scans ended after 0 of 4 children"]),
    "a label late": ("count", "u1 u2 u3 u4 u5 C1 u6 u7 u8 C2", [FULL, "C2: u5 u6 u7 u8"]),
    "a label late and no count": ("last", "u1 u2 u3 u4 u5 C1 u6 u7 u8 C2", [
        "C1: 5 of 4 children", "C2: 3 of 4 children"]),
    "a label that was never read": ("count", "u1 u2 u3 u4 u5 u6 u7 u8 C2 u9 v1 v2 v3 C3", [
        f"C2: 8 of 4 children{LOST}", "C3: u9 v1 v2 v3"]),
    "one, while labels come late": ("count", "u1 u2 u3 u4 u5 u6 u7 u8 u9 C2 v1 v2 v3 v4 C3", [
        f"C2: 8 of 4 children{LOST}", "C3: u9 v1 v2 v3",
        "none: the scans ended after 1 of 4 children, without a label"]),
    "one, and its place": ("count", "u1 u2 u3 u4 - u5 u6 u7 u8 u9 C2 v1 v2 v3 C3", [
        f"C2: 8 of 4 children, no-read at place 5{LOST}", "C3: u9 v1 v2 v3"]),
    "a late label again": ("count", "u1 u2 u3 u4 C1 u5 C1 u6 u7 u8 C2", [
        FULL, "C1: 0 of 4 children", "C2: u5 u6 u7 u8"]),
    "a child again, of the carton before": ("count", "u1 u2 u3 u4 C1 u4 u5 u6 u7 u8 C2 v1", [
        FULL, "C2: u5 u6 u7 u8", "none: the scans ended after 1 of 4 children, without a label"]),
    "a pallet among cartons": ("first", "C1 u1 P1 u2 u3 u4 C2 u5 u6 u7 u8", [
        "C1: 1 of 4 children", "P1: 3 of 4 children", "C2: u5 u6 u7 u8"]),
    "a bottle among cartons": ("first", "P1 C1 C2 u1 C3", [
        "P1: 4 of 4 children, of which some stand higher than others"]),
    "a place without a code": ("last", "u1 u2 - u4 C1 u5 u6 u7 u8 C2", [
        "C1: 3 of 4 children, no-read at place 3", "C2: u5 u6 u7 u8"]),
    "one, label first": ("first", "C1 u1 - u3 u4 C2 u5 u6 u7 u8", [
        "C1: 3 of 4 children, no-read at place 2", "C2: u5 u6 u7 u8"]),
    "two, by count": ("count", "- u2 - u4 C1 u5 u6 u7 u8 C2", [
        "C1: 2 of 4 children, no-read at places 1, 3", "C2: u5 u6 u7 u8"]),
    "one of a late label": ("count", "u1 - u3 u4 u5 u6 C1 u7 u8 C2", [
        "C1: 3 of 4 children, no-read at place 2", "C2: u5 u6 u7 u8"]),
    "one of the next carton": ("count", "u1 u2 u3 u4 - C1 u6 u7 u8 C2", [
        FULL, "C2: 3 of 4 children"]),
    "an empty trigger": ("last", "u1 - u2 u3 u4 C1", [FULL]),
    "an empty trigger, label first": ("first", "C1 - u1 u2 - u3 u4 - C2 u5 u6 u7 u8", [
        FULL, "C2: u5 u6 u7 u8"]),
    "one too many": ("last", "u1 u2 u3 u4 u5 C1", ["C1: 5 of 4 children"]),
    "one too many, label first": ("first", "C1 u1 u2 u3 u4 u5 C2 u6 u7 u8 u9", [
        FULL, "none: 1 of 4 children, without a label before them", "C2: u6 u7 u8 u9"]),
    "no label": ("first", "u1 u2 u3 u4 C2 u5 u6 u7 u8", [
        "none: 4 of 4 children, without a label before them", "C2: u5 u6 u7 u8"]),
    "a label not read": ("last", "u1 u2 u3 u4 - u5 u6 u7 u8 C2", [
        "C2: 8 of 4 children, no-read at place 5"]),
    "half a stream": ("last", "u1 u2", [
        "none: the scans ended after 2 of 4 children, without a label"]),
    "half a stream, label first": ("first", "C1 u1 u2", [
        "C1: the scans ended after 2 of 4 children"]),
    "no code of ours": ("last", "u1 ? u3 u4 C1", [
        "C1: 3 of 4 children, 1 text that is no code of this home"]),
    "another text beside them": ("last", "u1 ? u2 ! u3 u4 C1", [FULL]),
    "nothing but others": ("last", "? ? -", ["none: no code of this home was read"]),
    "nothing": ("last", "! -", []),
    "a carton in itself": ("last", "u1 u2 u3 C1 C1 u4", [
        "C1: 3 of 4 children", "C1: 0 of 4 children",
        "none: the scans ended after 1 of 4 children, without a label"]),
    "a label again": ("last", "u1 u2 u3 u4 C1 C1 u5 u6 u7 u8 C2", [
        FULL, "C1: 0 of 4 children", "C2: u5 u6 u7 u8"]),
    "labels first where they should be last": ("last", "C1 u1 u2 u3 u4", [
        "C1: 0 of 4 children",
        "none: the scans ended after 4 of 4 children, without a label"]),
    "a label without children, then cartons": ("last", "C9 u1 u2 u3 u4 C1", [
        "C9: 0 of 4 children", FULL]),
    "cartons on a pallet": ("last", "C1 C2 D3 C4 P1 C5 C6 C7 C8 P2", [
        "P1: C1 C2 D3 C4", "P2: C5 C6 C7 C8"]),
    "cartons on a pallet, label first": ("first", "P1 C1 C2 D3 C4 C4 P2 C5 C6 C7 C8", [
        "P1: C1 C2 D3 C4", "P2: C5 C6 C7 C8"]),
    "too many cartons": ("last", "C1 C2 C3 C4 C5 P1 C6 C7 C8 C9 P2", [
        "none: 5 of 4 children, and no label that stands higher", "P1: 0 of 4 children",
        "P2: C6 C7 C8 C9"]),
    "packs in a carton": ("first", "D1 C1 C2 C3 C4 D2 C5 C6 C7 C8", [
        "D1: C1 C2 C3 C4", "D2: C5 C6 C7 C8"]),
    "a label of another batch": ("first", "C1 u1 u2 u3 D1 u5 u6 u7 u8", [
        "C1: 3 of 4 children", "D1: u5 u6 u7 u8"]),
}  # fmt: skip


@pytest.mark.parametrize(("place", "words", "expected"), CARTONS.values(), ids=CARTONS)
def test_a_stream_becomes_cartons(place, words, expected):
    assert list(map(told, units(words, place))) == expected


PARTIAL = {
    "the label last": ("last", "u1 u2 C1", ["C1: u1 u2"]),
    "the label first": ("first", "C1 u1 u2", ["C1: u1 u2"]),
    "full all the same": ("first", "C1 u1 u2 u3 u4", [FULL]),
    "never by the next label": ("first", "C1 u1 C2 u2", ["C1: 1 of 4 children", "C2: u2"]),
    "not with a place unread": ("last", "u1 - C1", ["C1: 1 of 4 children, no-read at place 2"]),
    "not empty": ("last", "u1 C1 C2", ["C1: u1", "C2: 0 of 4 children"]),
    "not too many": ("last", "u1 u2 u3 u4 u5 C1", ["C1: 5 of 4 children"]),
    "not without a label": ("last", "u1 u2", [
        "none: the scans ended after 2 of 4 children, without a label"]),
}  # fmt: skip


@pytest.mark.parametrize(("place", "words", "expected"), PARTIAL.values(), ids=PARTIAL)
def test_a_part_filled_carton_is_meant(place, words, expected):
    assert list(map(told, units(words, place, partial=True))) == expected


def test_what_was_read_beside_children_is_counted():
    (unit,) = units("u1 u1 ? ! - u2 u3 u4 ! C1", "last")
    assert (unit.repeats, unit.heartbeats, len(unit.rejects), unit.missing) == (1, 2, 1, (2,))


def test_places_are_not_kept_for_ever():
    assembler = Assembler(ParentPlace.LAST, 4)
    found = [unit for _ in range(HELD + 1) for unit in assembler.feed(seen("-"))]
    assert len(found) == 1
    assert found[0].fault is not None
    assert assembler.finish() == []


def test_a_carton_refused_by_its_label_is_told_once():
    assembler = Assembler(ParentPlace.FIRST, 2)
    assert assembler.feed(seen("C1")) == []
    assert assembler.opened == seen("C1").code
    assembler.tell()
    assert assembler.opened is None
    assert next(unit for word in ("u1", "u2") for unit in assembler.feed(seen(word))).told
    assert assembler.feed(seen("C2")) == []
    assert assembler.opened == seen("C2").code


# --- properties ----------------------------------------------------------------------


def cartons_of(count, each):
    return [(f"C{n + 1}", [f"u{n * each + k}" for k in range(1, each + 1)]) for n in range(count)]


@st.composite
def repeating(draw):
    """(place, each, cartons, words): cartons, of which codes are read again while each is open."""
    place, each = draw(st.sampled_from(list(ParentPlace))), draw(st.integers(1, 5))
    cartons = cartons_of(draw(st.integers(1, 4)), each)
    words = []
    for label, children in cartons:
        first = [label] if place is ParentPlace.FIRST else []
        read = [*first, *draw(st.permutations(children))]
        out = []
        for at, word in enumerate(read):
            out.append(word)
            again = draw(st.lists(st.sampled_from(read[: at + 1]), max_size=2))
            # Once a carton is closed, its own label opens it anew.
            out += [w for w in again if w != label or at + 1 < len(read)]
        words += [*out, *(() if first else (label,))]
    return place, each, cartons, words


@given(repeating())
def test_repeats_within_an_open_carton_change_nothing(case):
    place, each, cartons, words = case
    found = units(" ".join(words), place, each)
    assert [
        (name(unit.parent), sorted(map(name, unit.children)), unit.fault) for unit in found
    ] == [(label, sorted(children), None) for label, children in cartons]


WORDS = st.lists(
    st.sampled_from([*(f"u{n}" for n in range(1, 9)), *"-!?", "C1", "C2", "D1", "P1"]), max_size=40
)


@given(WORDS, st.sampled_from(list(ParentPlace)), st.integers(1, 4))
def test_no_carton_ever_has_a_wrong_number_of_children(words, place, each):
    found = units(" ".join(words), place, each)
    for unit in found:
        assert len(set(unit.children)) == len(unit.children)
        assert unit.parent not in unit.children
        if unit.fault is None:
            assert len(unit.children) == each
            assert unit.parent is not None
    # What was read is in a carton, refused or not: nothing is left out silently.
    read = {word for word in words if re.fullmatch(r"\w\d", word)}
    assert read == {name(code) for unit in found for code in (*unit.children, unit.parent) if code}


@given(
    st.lists(WORDS, max_size=8), st.sampled_from(list(ParentPlace)), st.integers(1, 4), st.randoms()
)
def test_the_order_within_a_message_means_nothing(messages, place, each, dice):
    """Who lies where does not depend on it; why a carton is refused may be told in other words."""
    found = []
    for _ in range(2):
        assembler = Assembler(place, each)
        cartons = [c for words in messages for c in assembler.read([seen(w) for w in words])]
        whole = [carton for carton in cartons if carton.fault is None]
        found.append([(name(c.parent), set(c.children)) for c in whole])
        messages = [dice.sample(words, len(words)) for words in messages]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("place", "before", "message"),
    [
        ("last", "", "u1 u2 C1 C2 P1"),
        ("last", "C9", "u1 u2 C1 C2"),
        ("count", "u1 u2", "C1 C2 P1"),
        ("first", "C9", "u1 u2 C1 D1"),
        ("first", "", "u1 u2 C1 C2"),
    ],
)
def test_of_two_labels_in_a_message_neither_gets_the_children(place, before, message):
    for words in itertools.permutations(message.split()):
        assembler = Assembler(ParentPlace(place), 2)
        found = [carton for word in before.split() for carton in assembler.feed(seen(word))]
        found += assembler.read([seen(word) for word in words])
        assert found
        assert all(carton.fault for carton in found)


@given(WORDS, st.integers(1, 4))
def test_a_part_filled_carton_never_has_too_many(words, each):
    for unit in units(" ".join(words), "last", each, partial=True):
        assert unit.fault is not None or 1 <= len(unit.children) <= each
