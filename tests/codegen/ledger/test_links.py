"""What lies in what: against a naive model of single codes, and by example."""

import dataclasses
import itertools
import json
import re
import tempfile
from datetime import timedelta
from pathlib import Path

import model
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ledger_kit import (
    LINE,
    START,
    STATION,
    all_links,
    clock,
    create,
    held,
    holders,
    minted,
    ordered,
    packed,
    ranges,
    unpacked,
    with_package,
    with_ssccs,
)
from model_links import Contents

from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ledger import _links, chain, changes
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges import aggregation, serials
from mintmark.codegen.ranges.aggregation import CodeRef, Link
from mintmark.codegen.ranges.serials import Range

DOCUMENT = (Path(__file__).parents[3] / "docs" / "formats" / "ledger.md").read_text("utf-8")
QUANTITY = {"I": 14, "C": 6, "P": 3}
PACKS = {("I", 13), ("I", 14)}  # items by their batch, cartons by an attribute


def role(ref):
    if ref in PACKS:
        return "carton"
    return "pallet" if ref == ("C", 6) else {"I": "item", "C": "carton", "P": "pallet"}[ref[0]]


def founded(path):
    """Items of which 1-13 are packaged, cartons, and pallets that bear SSCCs alone."""
    ledger = create(path)
    ledger.commit(STATION, minted("I", 14), holders("C", 6))
    ledger.commit(STATION, with_ssccs("P", 3, "pallet", 7))
    with_package(ledger, "I", "PI", (1, 13))
    with_package(ledger, "C", "PC", (1, 6))
    ledger.commit(LINE, ordered("role-1", "I", "assign", (13, 14), attributes={"role": "carton"}))
    ledger.commit(LINE, ordered("role-2", "C", "assign", (6, 6), attributes={"role": "pallet"}))
    return ledger


def some(batch):
    numbers = st.integers(1, QUANTITY[batch])
    spread = st.sets(numbers, min_size=1, max_size=4)
    run = st.tuples(numbers, numbers).map(lambda ends: set(range(min(ends), max(ends) + 1)))
    return spread | run


batches = st.sampled_from(sorted(QUANTITY))
parents = st.sampled_from("CCCPPI").flatmap(
    lambda batch: st.tuples(
        st.just(batch), st.sets(st.integers(1, QUANTITY[batch]), min_size=1, max_size=2)
    )
)
children = st.sampled_from(["I", "I", "I", "C", "CI", "CIP", "P"]).flatmap(
    lambda named: st.fixed_dictionaries({batch: some(batch) for batch in named})
)


def pairs(numbers):
    return serials.to_pairs(serials.of(numbers))


def refs(parts):
    return [(batch, number) for batch in sorted(parts) for number in sorted(parts[batch])]


WHY = {
    "role": "role|pallet, and",
    "state": "in the way",
    "nesting": "within itself",
    "taken": "already",
    "elsewhere": "lies in",
}


class Packing(RuleBasedStateMachine):
    """The ledger does what the model does, or refuses as it does, and nothing else."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = founded(Path(self.folder.name) / "ledger.db")
        self.model = Contents(role, self._state)
        self.void = set()
        self.ids = itertools.count(1)

    def _state(self, ref):
        if ref in self.void:
            return "void"
        return "sealed" if ref == ("I", 14) else "packaged"

    def teardown(self):
        result = verify(self.ledger)
        self.ledger.close()
        self.folder.cleanup()
        assert result.ok, result.problem

    @rule(parent=parents, parts=children, each=st.none() | st.integers(1, 6), fit=st.booleans())
    def associate(self, parent, parts, each, fit):
        parent = self._fitting(parent, parts, each) if fit else parent
        args = [(parent[0], n) for n in sorted(parent[1])], refs(parts), each
        self._both(self.model.associate, args, self._change(packed, parent, parts, each))

    @rule(parent=st.none() | parents, parts=children, each=st.none() | st.integers(1, 6))
    def dissociate(self, parent, parts, each):
        args = parent and [(parent[0], n) for n in sorted(parent[1])], refs(parts), each
        self._both(self.model.dissociate, args, self._change(unpacked, parent, parts, each))

    @rule(data=st.data(), batch=st.sampled_from("IIC"), each=st.none() | st.integers(1, 6))
    def pack_what_is_free(self, data, batch, each):
        free = [
            n for n in range(1, 14) if n <= QUANTITY[batch] and (batch, n) not in self.model.parent
        ]
        if not free:
            return
        parts = {batch: data.draw(st.sets(st.sampled_from(free), min_size=1))}
        parent = data.draw(st.sampled_from([("C", {1}), ("C", {4}), ("P", {1}), ("I", {13})]))
        self.associate(parent, parts, each, True)

    @precondition(lambda self: any(role(child) != "item" for child in self.model.parent))
    @rule(data=st.data())
    def put_the_outermost_into_its_content(self, data):
        holders = [child for child in sorted(self.model.parent) if role(child) != "item"]
        child = data.draw(st.sampled_from(holders))
        batch, number = self.model.way_up(child)[-1]
        self.associate((child[0], {child[1]}), {batch: {number}}, None, False)

    @precondition(lambda self: self.model.parent)
    @rule(data=st.data(), named=st.booleans())
    def take_out(self, data, named):
        """Some of what lies in one code leaves it, or whatever it is in."""
        parent = data.draw(st.sampled_from(sorted(set(self.model.parent.values()))))
        there = sorted(child for child, at in self.model.parent.items() if at == parent)
        some = data.draw(st.sets(st.sampled_from(there), min_size=1))
        parts = {batch: {n for name, n in some if name == batch} for batch, _ in some}
        args = [parent] if named else None, refs(parts), None
        parent = (parent[0], {parent[1]}) if named else None
        self._both(self.model.dissociate, args, self._change(unpacked, parent, parts, None))

    @rule(batch=batches, data=st.data())
    def void_or_bring_back(self, batch, data):
        number = data.draw(st.integers(1, QUANTITY[batch]))
        known = (batch, number) in self.void
        name = f"O{next(self.ids)}"
        if known:
            change = ordered(name, batch, "unvoid", (number, number))
        else:
            change = ordered(name, batch, "void", (number, number), reason="lost")
        self.ledger.commit(LINE, change)
        self.void ^= {(batch, number)}

    def _fitting(self, parent, parts, each):
        """As many parents as the children fill, if the batch has them."""
        total = sum(map(len, parts.values()))
        wanted = 1 if each is None else -(-total // each)
        first = min(parent[1])
        return parent[0], set(range(first, min(QUANTITY[parent[0]], first + wanted - 1) + 1))

    def _change(self, make, parent, parts, each):
        there = parent and (parent[0], *pairs(parent[1]))
        # Also in another order: it is the same.
        named = [(batch, *pairs(parts[batch])[::-1]) for batch in sorted(parts, reverse=True)]
        return make(f"A{next(self.ids)}", there, *named, each=each)

    def _both(self, by_model, args, change):
        why = None
        try:
            by_model(*args)
        except model.Refusal as refusal:
            why = refusal.why
        if why is None:
            (done,) = self.ledger.commit(LINE, change)
            assert self.ledger.commit(LINE, change)[0].repeated
            assert done.applied == done.change.children[0].serials
        elif why == "form":
            with pytest.raises(UsageError):
                self.ledger.commit(LINE, change)
        else:
            with pytest.raises(Refused, match=WHY[why]):
                self.ledger.commit(LINE, change)

    @invariant()
    def everything_lies_where_the_model_has_it(self):
        with self.ledger.read() as view:
            for batch, quantity in QUANTITY.items():
                wanted = {n: p for (name, n), p in self.model.parent.items() if name == batch}
                found = view.parents_of(batch, list(range(1, quantity + 1)))
                assert {n: (ref.batch, ref.serial) for n, ref in found.items()} == wanted
                assert view.associated(batch) == len(wanted)
                links = all_links(view, batch)
                assert singly(links) == wanted
                for one, two in itertools.pairwise(links):
                    assert one.serials.last < two.serials.first
                    assert one.serials.last + 1 < two.serials.first or one.parent != two.parent
                for n in range(1, quantity + 1):
                    way = [(ref.batch, ref.serial) for ref in view.way_up(CodeRef(batch, n))]
                    assert way == self.model.way_up((batch, n))
                inside = view.contents(held(batch, (1, 2)))
                assert codes(inside) == self.model.inside([(batch, 1), (batch, 2)])
                children = codes(view.children(CodeRef(batch, 1)))
                assert children == {c for c, p in self.model.parent.items() if p == (batch, 1)}


def singly(links):
    found = {}
    for link in links:
        for number in range(link.serials.first, link.serials.last + 1):
            assert number not in found
            found[number] = link.parent.batch, link.parent.serial
    return found


def codes(parts):
    return {
        (part.batch, n) for part in parts for r in part.serials for n in range(r.first, r.last + 1)
    }


TestPacking = Packing.TestCase
TestPacking.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)


# --- by example ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def books(shelf, tmp_path_factory):
    """The bytes of a ledger with 1,000 items, 50 cartons, 5 pallets, as founded by hand."""
    path = shelf.new(tmp_path_factory.mktemp("links"))
    with create(path) as ledger:
        ledger.commit(STATION, minted("I", 1_000), minted("J", 100), holders("C", 50))
        ledger.commit(STATION, holders("D", 50), with_ssccs("P", 5, "pallet", 7))
        for batch, last in (("I", 960), ("J", 100), ("C", 50), ("D", 50)):
            with_package(ledger, batch, f"P-{batch}", (1, last))
    return shelf.keep(path)


@pytest.fixture
def path(shelf, books, tmp_path):
    return shelf.again(books, tmp_path)


@pytest.fixture
def ledger(path):
    with Ledger.open(path, clock()) as ledger:
        yield ledger
        assert verify(ledger).ok


def links(ledger, batch):
    with ledger.read() as view:
        return [(str(link.serials), str(link.parent)) for link in all_links(view, batch)]


def refused(ledger, change, words):
    with ledger.read() as view:
        before = view.head()
    with pytest.raises(Refused, match=words) as caught:
        ledger.commit(LINE, change)
    with ledger.read() as view:
        assert view.head() == before
    assert caught.value.hints
    return caught.value.details


def test_a_carton_packed_in_order_is_one_row_whatever_it_holds(ledger):
    (done,) = ledger.commit(LINE, packed("A", ("C", (1, 40)), ("I", (1, 960)), each=24))
    assert done.applied == ranges((1, 960))
    assert links(ledger, "I") == [(f"{24 * n + 1}-{24 * n + 24}", f"C:{n + 1}") for n in range(40)]
    with ledger.read() as view:
        assert view.contents(held("C", (1, 40))) == (held("I", (1, 960)),)
        assert view.children(CodeRef("C", 2)) == (held("I", (25, 48)),)
        row = view.order("A")
        assert (row.applied_count, row.skipped, row.batch) == (960, (), "I")


def test_scans_one_after_the_other_become_one_row(ledger):
    for n in (3, 1, 2, 5, 4):
        ledger.commit(LINE, packed(f"A{n}", ("C", (1, 1)), ("I", (n, n))))
    ledger.commit(LINE, packed("B", ("C", (2, 2)), ("I", (6, 6))))
    ledger.commit(LINE, packed("E", ("C", (1, 1)), ("I", (7, 7))))
    assert links(ledger, "I") == [("1-5", "C:1"), ("6", "C:2"), ("7", "C:1")]


def test_one_bottle_is_taken_out_and_another_put_in(ledger):
    ledger.commit(LINE, packed("A", ("C", (1, 2)), ("I", (1, 48)), each=24))
    ledger.commit(LINE, unpacked("B", ("C", (1, 1)), ("I", (7, 7))))
    ledger.commit(LINE, packed("E", ("C", (1, 1)), ("I", (100, 100))))
    assert links(ledger, "I") == [
        ("1-6", "C:1"), ("8-24", "C:1"), ("25-48", "C:2"), ("100", "C:1")
    ]  # fmt: skip
    ledger.commit(LINE, packed("F", ("C", (2, 2)), ("I", (7, 7))))
    with ledger.read() as view:
        assert view.way_up(CodeRef("I", 7)) == (CodeRef("C", 2),)
        assert view.associated("I") == 49


def test_children_leave_across_cartons_and_within_them(ledger):
    ledger.commit(LINE, packed("A", ("C", (1, 4)), ("I", (1, 96)), each=24))
    ledger.commit(LINE, unpacked("B", None, ("I", (3, 3), (5, 6), (20, 50), (90, 96))))
    assert links(ledger, "I") == [
        ("1-2", "C:1"), ("4", "C:1"), ("7-19", "C:1"), ("51-72", "C:3"), ("73-89", "C:4")
    ]  # fmt: skip


def test_a_pallet_of_cartons_of_bottles_is_three_levels(ledger):
    ledger.commit(LINE, packed("A", ("C", (1, 40)), ("I", (1, 960)), each=24))
    ledger.commit(LINE, packed("B", ("P", (1, 2)), ("C", (1, 40)), each=20))
    with ledger.read() as view:
        assert view.way_up(CodeRef("I", 500)) == (CodeRef("C", 21), CodeRef("P", 2))
        assert view.contents(held("P", (2, 2))) == (held("C", (21, 40)), held("I", (481, 960)))
        assert view.children(CodeRef("P", 1)) == (held("C", (1, 20)),)
        assert view.contents(held("P", (3, 5))) == ()


def test_a_mixed_carton_and_the_order_of_its_parts(ledger):
    ledger.commit(LINE, packed("A", ("C", (1, 1)), ("J", (5, 5), (1, 2)), ("I", (9, 10))))
    (again,) = ledger.commit(
        LINE, packed("A", ("C", (1, 1)), ("I", (9, 10)), ("J", (1, 2), (5, 5)))
    )
    assert again.repeated
    with ledger.read() as view:
        assert view.children(CodeRef("C", 1)) == (held("I", (9, 10)), held("J", (1, 2), (5, 5)))
        assert [row.order for batch in "IJC" for row in view.orders(batch)] == ["A", "A", "A"]
    with pytest.raises(Refused, match="something else"):
        ledger.commit(LINE, packed("A", ("C", (2, 2)), ("I", (9, 10)), ("J", (1, 2), (5, 5))))
    with pytest.raises(Refused, match="something else"):
        ledger.commit(LINE, ordered("A", "I", "activate", (9, 10)))


def test_a_child_that_lies_somewhere_is_named_with_where_it_lies(ledger):
    ledger.commit(LINE, packed("A", ("C", (1, 2)), ("I", (1, 48)), each=24))
    details = refused(
        ledger, packed("B", ("D", (1, 1)), ("I", (20, 30), (60, 60))), "I:20-24 lies in C:1 already"
    )
    assert details == {
        "taken": [
            {
                "child": {"batch": "I", "serials": [[20, 24]]},
                "parent": {"batch": "C", "serial": 1},
            },
            {
                "child": {"batch": "I", "serials": [[25, 30]]},
                "parent": {"batch": "C", "serial": 2},
            },
        ],
        "taken_total": 2,
    }
    # Also where it lies already: who said so before hears it.
    refused(ledger, packed("B", ("C", (1, 1)), ("I", (24, 24))), "I:24 lies in C:1 already")


def test_of_many_in_the_way_a_hundred_are_named_and_all_are_counted(ledger):
    ledger.commit(LINE, packed("A", ("C", (1, 40)), ("I", (1, 960)), each=24))
    ledger.commit(LINE, unpacked("B", None, *[("I", *[(n, n) for n in range(2, 961, 4)])]))
    there = len(links(ledger, "I"))
    change = packed("E", ("D", (1, 1)), ("I", (1, 960)))
    details = refused(ledger, change, rf"already \(and {there - 1} more\)")
    assert (len(details["taken"]), details["taken_total"]) == (100, there)
    details = refused(ledger, unpacked("E", None, ("I", (1, 960))), "I:2 lies in nothing")
    assert (len(details["elsewhere"]), details["elsewhere_total"]) == (100, 240)


def test_what_does_not_lie_there_is_not_taken_out(ledger):
    ledger.commit(LINE, packed("A", ("C", (1, 2)), ("I", (1, 48)), each=24))
    details = refused(ledger, unpacked("B", ("C", (1, 1)), ("I", (23, 50))), "I:25-48 lies in C:2")
    assert details["elsewhere"] == [
        {"child": {"batch": "I", "serials": [[25, 48]]}, "parent": {"batch": "C", "serial": 2}},
        {"child": {"batch": "I", "serials": [[49, 50]]}, "parent": None},
    ]
    refused(ledger, unpacked("B", ("C", (1, 2)), ("I", (1, 44)), each=22), "I:23-24 lies in C:1")
    refused(ledger, unpacked("B", None, ("I", (49, 49))), "I:49 lies in nothing")


@pytest.mark.parametrize(
    ("parent", "child", "words"),
    [
        (("I", (1, 1)), ("C", (1, 1)), "I:1 has the role item"),
        (("P", (1, 1)), ("I", (961, 961)), "I:961 sealed: .* never exported"),
        (("C", (1, 1)), ("P", (1, 1)), "P:1 is a pallet, and C:1 a carton"),
        (("C", (1, 1)), ("C", (1, 3)), "C:1 would lie within itself"),
        (("C", (9, 9)), ("I", (7, 7)), "C:9 void: what is void is not packed"),
        (("C", (1, 1)), ("I", (1, 24)), "I:13 void"),
        (("P", (5, 5)), ("I", (7, 7)), "P:5 void"),
    ],
)
def test_what_may_not_lie_there_is_refused_whole(ledger, parent, child, words):
    ledger.commit(LINE, ordered("V1", "I", "void", (13, 13), reason="damaged"))
    ledger.commit(LINE, ordered("V2", "C", "void", (9, 9), reason="damaged"))
    ledger.commit(LINE, ordered("V3", "P", "void", (5, 5), reason="damaged"))
    refused(ledger, packed("A", parent, child), words)
    with ledger.read() as view:
        assert [view.associated(batch) for batch in "ICP"] == [0, 0, 0]


def test_what_is_in_the_way_is_named_with_its_batch(ledger):
    ledger.commit(LINE, ordered("V", "I", "void", (13, 14), (20, 20), reason="damaged"))
    assert refused(ledger, packed("A", ("C", (1, 1)), ("I", (1, 24))), "in the way") == {
        "blocked": [
            {"batch": "I", "serials": [[13, 14]], "state": "void"},
            {"batch": "I", "serials": [[20, 20]], "state": "void"},
        ],
        "blocked_total": 2,
    }


def test_a_pallet_in_a_carton_is_found_among_many(ledger):
    """The first cartons get cartons; only the last is to get a pallet."""
    ledger.commit(LINE, ordered("R1", "C", "assign", (8, 8), attributes={"role": "pallet"}))
    refused(ledger, packed("A", ("D", (1, 4)), ("C", (1, 8)), each=2), "C:8 is a pallet, and D:4")
    # Where just the last parent is a pallet, it is right.
    ledger.commit(LINE, ordered("R2", "D", "assign", (4, 4), attributes={"role": "pallet"}))
    ledger.commit(LINE, packed("A", ("D", (1, 4)), ("C", (1, 8)), each=2))


def test_a_circle_over_three_levels_is_refused(ledger):
    ledger.commit(LINE, packed("A1", ("C", (2, 2)), ("C", (1, 1))))
    ledger.commit(LINE, packed("A2", ("D", (3, 3)), ("C", (2, 2))))
    details = refused(ledger, packed("A3", ("C", (1, 1)), ("D", (3, 3))), "C:1|D:3 would lie")
    assert details["nesting"]["batch"] in ("C", "D")
    # What lies above a parent may go into another parent of the same order.
    ledger.commit(LINE, packed("A4", ("C", (1, 1), (9, 9)), ("D", (2, 3)), each=1))


def test_a_circle_through_two_links_of_one_order_is_refused(ledger):
    """C:1 lies in D:2, C:2 in D:1; now D:1 is to go into C:1, and D:2 into C:2."""
    ledger.commit(LINE, packed("A1", ("D", (2, 2)), ("C", (1, 1))))
    ledger.commit(LINE, packed("A2", ("D", (1, 1)), ("C", (2, 2))))
    refused(ledger, packed("A3", ("C", (1, 2)), ("D", (1, 2)), each=1), "within itself")


def test_a_child_voided_in_its_carton_stays_there_and_is_taken_out(ledger):
    ledger.commit(LINE, packed("A", ("C", (1, 1)), ("I", (1, 24))))
    ledger.commit(LINE, ordered("V", "I", "void", (7, 7), reason="damaged"))
    with ledger.read() as view:
        assert view.way_up(CodeRef("I", 7)) == (CodeRef("C", 1),)
    ledger.commit(LINE, unpacked("B", None, ("I", (7, 7))))
    assert links(ledger, "I") == [("1-6", "C:1"), ("8-24", "C:1")]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (packed("A", ("C", (1, 2)), ("I", (1, 24))), UsageError),
        (packed("A", ("C", (1, 2)), ("I", (1, 24)), each=24), UsageError),
        (packed("A", ("C", (1, 1)), ("I", (1, 24)), ("J", (1, 2)), each=26), UsageError),
        (packed("A", ("C", (1, 1)), ("I", (1, 24)), ("I", (30, 31))), UsageError),
        (packed("A", ("C", (1, 1)), ("I", (1, 24), (24, 31))), UsageError),
        (packed("A", ("C", (1, 1)), ("I", (990, 1_001))), UsageError),
        (packed("A", ("C", (51, 51)), ("I", (1, 2))), UsageError),
        (packed("A", ("C",), ("I", (1, 2))), UsageError),
        (packed("A", ("C", (1, 1)), ("I",)), UsageError),
        (unpacked("A", ("C",), ("I", (1, 2))), UsageError),
        (packed("A", ("C", (1, 1))), UsageError),
        (packed("A", ("C", (1, 1)), ("I", (1, 2)), each=0), UsageError),
        (packed("A", ("C", (1, 1)), ("I", (1, 2)), each=1_000_001), UsageError),
        (packed("A", ("C", (1, 1)), ("X", (1, 2))), NotFound),
        (packed("A", ("X", (1, 1)), ("I", (1, 2))), NotFound),
        (unpacked("A", None, ("I", (1, 2)), each=2), UsageError),
        (
            changes.Associated("A", packed("A", ("C",)).action, None, (held("I", (1, 2)),)),
            UsageError,
        ),
    ],
)
def test_what_means_nothing_is_refused_whole(ledger, change, error):
    with pytest.raises(error):
        ledger.commit(LINE, change)


def test_links_are_cut_to_what_is_asked_for(ledger):
    ledger.commit(LINE, packed("A", ("C", (1, 40)), ("I", (1, 960)), each=24))
    with ledger.read() as view:
        assert list(view.parents("I", ranges((20, 21), (23, 26), (960, 961)))) == [
            Link("I", Range(20, 21), CodeRef("C", 1)),
            Link("I", Range(23, 24), CodeRef("C", 1)),
            Link("I", Range(25, 26), CodeRef("C", 2)),
            Link("I", Range(960, 960), CodeRef("C", 40)),
        ]


def test_ten_thousand_codes_are_asked_for_in_one_statement(ledger, monkeypatch):
    ledger.commit(LINE, packed("A", ("C", (1, 40)), ("I", (1, 960)), each=24))
    monkeypatch.setattr(_links, "AT_ONCE", 100)
    with ledger.read() as view:
        found = view.parents_of("I", [*range(1_000, 0, -1), 5])
        assert found == {n: CodeRef("C", (n + 23) // 24) for n in range(1, 961)}
        assert view.parents_of("I", []) == {}


def test_the_body_of_the_document_is_that_of_the_code(ledger):
    section = DOCUMENT.split("## What lies in what")[1].split("\n## ")[0]
    (written,) = re.findall(r"```json\n(.*?)\n```", section, re.DOTALL)
    change = chain.decode("Associated", json.loads(written))
    assert chain.canonical(chain.encode(change)[1]).decode() == written
    dealt = aggregation.deal(change.parents, change.children, change.each)
    assert [(str(link.serials), link.parent.serial) for link in dealt] == [
        ("1-24", 7),
        ("25-48", 8),
    ]


# --- the outbox ------------------------------------------------------------------------


def due(ledger, when=START, limit=10):
    with ledger.read() as view:
        return [row.order for row in view.due(when, limit)]


def settle(ledger, order, status="acknowledged"):
    ledger.commit(LINE, changes.Settled(order, status))


def test_an_association_waits_in_every_batch_that_it_names(ledger):
    ledger.commit(LINE, ordered("O1", "C", "activate", (1, 1)))
    ledger.commit(LINE, packed("A1", ("C", (1, 1)), ("I", (1, 24)), ("J", (1, 2))))
    ledger.commit(LINE, ordered("O2", "J", "activate", (1, 2)))
    ledger.commit(LINE, ordered("O3", "D", "activate", (1, 2)))
    ledger.commit(LINE, packed("A2", ("D", (1, 1)), ("J", (5, 5))))
    assert due(ledger) == ["O1", "O3"]
    settle(ledger, "O1")
    assert due(ledger) == ["A1", "O3"]
    assert due(ledger, limit=1) == ["A1"]
    assert ledger.claim("A1", "me", START + timedelta(minutes=1), START)
    assert due(ledger) == ["O3"]
    settle(ledger, "A1")
    assert due(ledger) == ["O2", "O3"]
    settle(ledger, "O3", "refused")
    assert due(ledger) == ["O2"]
    settle(ledger, "O2")
    assert due(ledger) == ["A2"]
    settle(ledger, "A2", "cancelled")
    assert due(ledger) == []


def test_every_batch_counts_the_orders_that_name_it(ledger):
    ledger.commit(LINE, packed("A", ("C", (1, 2)), ("I", (1, 48)), each=24))
    ledger.commit(LINE, unpacked("B", None, ("I", (5, 5))))
    with ledger.read() as view:
        assert (view.queued("I"), view.queued("C"), view.queued("J"), view.queued()) == (2, 1, 0, 2)
        assert (view.waiting("I"), view.waiting("C")) == ((48, 0), (2, 0))
        assert (view.newest_order("C", "queued"), view.newest_order(None, "queued")) == ("A", "B")
        assert view.last_order("C") == view.order("A").seq < view.last_order("I")
        assert view.last_order("J") == 0
        assert [row.order for row in view.orders("C", after="A")] == []
    settle(ledger, "A", "refused")
    with ledger.read() as view:
        assert (view.waiting("I"), view.waiting("C")) == ((1, 48), (0, 2))
        assert [row.status for row in view.orders("C", "refused")] == ["refused"]
        assert view.queued("C") == 0


def test_a_cancelled_association_is_settled_and_what_it_did_stays_booked(ledger):
    """As with every order: the opposite one changes it back."""
    ledger.commit(LINE, packed("A", ("C", (1, 1)), ("I", (1, 24))))
    settle(ledger, "A", "cancelled")
    assert links(ledger, "I") == [("1-24", "C:1")]
    ledger.commit(LINE, packed("B", ("C", (2, 2)), ("I", (25, 26))))
    ledger.claim("B", "me", START + timedelta(seconds=9), START)
    with pytest.raises(Refused, match="may have reached"):
        settle(ledger, "B", "cancelled")


def test_an_association_is_claimed_as_it_is_booked(ledger):
    later = START + timedelta(minutes=5)
    ledger.commit(LINE, packed("A", ("C", (1, 1)), ("I", (1, 2))), claim=("me", later))
    with ledger.read() as view:
        row = view.order("A")
    assert (row.holder, row.attempts) == ("me", 1)
    with pytest.raises(TypeError):
        row.range_order  # noqa: B018 - it raises


# --- SSCCs and pairs --------------------------------------------------------------------


@pytest.mark.parametrize("first", [3, 7, 8, 11])
def test_no_sscc_is_given_twice(ledger, first):
    refused_by(ledger, with_ssccs("Q", 5, "pallet", first), Refused, "SSCCs of batch P")
    longer = dataclasses.replace(with_ssccs("Q", 5, "pallet", first), sscc_prefix="69012340")
    refused_by(ledger, longer, Refused, "SSCCs of batch P")
    ledger.commit(STATION, with_ssccs("Q", 5, "pallet", 12), with_ssccs("R", 5, "carton", 2))


def refused_by(ledger, change, error, words):
    with pytest.raises(error, match=words):
        ledger.commit(STATION, change)


def test_a_block_that_there_is_none_of_is_refused(ledger):
    good = with_ssccs("Q", 5, "pallet", 100)
    for words, more in (
        ("company prefix, an extension", {"sscc_first": None}),
        ("company prefix, an extension", {"sscc_prefix": None}),
        ("only cartons and pallets", {"role": "item"}),
        ("4 to 12 digits", {"sscc_prefix": "69a"}),
        ("do not fit", {"sscc_first": 10**9 - 4}),
    ):
        refused_by(ledger, dataclasses.replace(good, **more), UsageError, words)


def test_batches_on_the_same_items_know_each_other(ledger):
    for batch in ("G", "H"):
        ledger.commit(STATION, dataclasses.replace(minted(batch, 1_000), pair_of="I"))
    with ledger.read() as view:
        partners = {b: [row.batch for row in view.partners(b)] for b in "IGHJ"}
    assert partners == {"I": ["G", "H"], "G": ["H", "I"], "H": ["G", "I"], "J": []}
