"""Clauses on aggregations: who lies in what, one parent at a time, all of it or nothing."""

from ..clause import Clauses
from ..outcome import expect, expect_same
from ..packs import (
    Part,
    bottles,
    cartons,
    expect_in,
    get,
    links,
    pack,
    pallets,
    part,
    put,
    unpack,
)
from ..packs import body as body_of
from ..trial import Serials, Trial

AGGREGATIONS = Clauses("aggregations", "4. Pack")
Packed = tuple[Trial, Trial, Serials, int]


def _packed(t: Trial, size: int = 4) -> Packed:
    """Cartons, bottles, the serials of some bottles, and of the carton that they lie in."""
    boxes, items = cartons(t), bottles(t)
    serials, (box, _) = items.serials(size), boxes.serials(1)
    pack(t, part(boxes, (box, box)), part(items, serials))
    return boxes, items, serials, box


@AGGREGATIONS.clause(
    "associate", "children are dealt out to their parents, and the last gets the rest"
)
def _associate(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    (first, last), (box, end) = items.serials(7), boxes.serials(3)
    name = t.order_id()
    answer = pack(t, part(boxes, (box, end)), part(items, (first, last)), each=3, name=name)
    wanted = {"aggregation": name, "action": "associate", "parents_count": 3, "children_count": 7}
    expect_same(dict(answer), wanted | {"dry_run": False}, "the answer")
    expect_same(get(t, name).data, answer, "the answer, read back")
    runs = [(boxes, box, 3), (boxes, box + 1, 3), (boxes, end, 1)]
    expect_in(items, (first, last), *runs)


@AGGREGATIONS.clause("dealt", "the lowest parent gets the lowest children, over gaps of both")
def _dealt(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    (first, last), (box, end) = items.serials(12), boxes.serials(6)
    children = part(items, (last - 2, last), (first, first + 3))
    parents = part(boxes, (end, end), (box, box + 1), (box + 3, box + 3))
    pack(t, parents, children, each=2)
    two = [(boxes, number, 2) for number in (box, box + 1)]
    expect_in(items, (first, last), *two, 5, (boxes, box + 3, 2), (boxes, end, 1))


@AGGREGATIONS.clause("several", "a parent takes children of several batches at once")
def _several(t: Trial) -> None:
    boxes, items, packs = cartons(t), bottles(t), t.other("packs")
    serials, some, (box, _) = items.serials(3), packs.serials(2), boxes.serials(1)
    answer = pack(t, part(boxes, (box, box)), part(packs, some), part(items, serials))
    expect(answer.get("children_count"), 5, "children_count")
    expect_in(items, serials, (boxes, box, 3))
    expect_in(packs, some, (boxes, box, 2))
    unpack(t, part(boxes, (box, box)), part(items, serials), part(packs, some))
    expect_in(items, serials, 3)
    expect_in(packs, some, 2)


@AGGREGATIONS.clause("one-parent", "a child that lies in something is taken, be it the same parent")
def _one_parent(t: Trial) -> None:
    boxes, items, (first, last), box = _packed(t)
    (other, _) = boxes.serials(1)
    for number in (box, other):
        wanted = body_of("associate", part(boxes, (number, number)), part(items, (last, last)))
        problem = t.refused(put(t, wanted), "child-taken")
        parent = {"batch": boxes.batch, "serial": box}
        entry = {"batch": items.batch, "serials": [last, last], "parent": parent}
        expect(problem.get("taken"), [entry], "taken")
        expect(problem.get("taken_total"), 1, "taken_total")
    expect_in(items, (first, last), (boxes, box, 4))


@AGGREGATIONS.clause(
    "taken-listed", "taken lists ranges of one parent, by batch and serial, cut to the children"
)
def _taken_listed(t: Trial) -> None:
    boxes, items, (first, last), box = _packed(t)
    packs = t.other("packs")
    (other, _), (third, _) = boxes.serials(1), boxes.serials(1)
    more, (one, _) = items.serials(2), packs.serials(1)
    pack(t, part(boxes, (other, other)), part(items, more), part(packs, (one, one)))
    free = items.serials(1)
    children = (part(packs, (one, one)), part(items, (first + 1, free[1])))
    problem = t.refused(
        put(t, body_of("associate", part(boxes, (third, third)), *children)), "child-taken"
    )
    there = {number: {"batch": boxes.batch, "serial": number} for number in (box, other)}
    wanted = [
        {"batch": items.batch, "serials": [first + 1, last], "parent": there[box]},
        {"batch": items.batch, "serials": list(more), "parent": there[other]},
        {"batch": packs.batch, "serials": [one, one], "parent": there[other]},
    ]
    expect(problem.get("taken"), wanted, "taken")
    expect(problem.get("taken_total"), 3, "taken_total")
    expect_in(items, free, 1)


@AGGREGATIONS.clause("atomic", "one child that is taken, and nothing of the aggregation is done")
def _atomic(t: Trial) -> None:
    boxes, items, (_, last), box = _packed(t)
    packs = t.other("packs")
    fresh, some, (parent, end) = items.serials(5), packs.serials(2), boxes.serials(2)
    # The taken one comes first, in the middle and last; of one batch and of two.
    for pairs in ([(last, last), fresh], [fresh, (last, last)]):
        wanted = body_of("associate", part(boxes, (parent, end)), part(items, *pairs), each=3)
        t.refused(put(t, wanted), "child-taken")
        expect_in(items, fresh, 5)
    children = (part(packs, some), part(items, fresh, (last, last)))
    wanted = body_of("associate", part(boxes, (parent, parent)), *children)
    t.refused(put(t, wanted), "child-taken")
    expect_in(items, fresh, 5)
    expect_in(packs, some, 2)
    # To leave: one of them lies in nothing.
    wanted = body_of("dissociate", part(boxes, (box, box)), part(items, (last, last), fresh))
    t.refused(put(t, wanted), "child-elsewhere")
    expect_in(items, (last, last), (boxes, box, 1))


@AGGREGATIONS.clause("swapped", "one is taken out of the middle and another put in")
def _swapped(t: Trial) -> None:
    boxes, items, (first, last), box = _packed(t, 5)
    middle = (first + 2, first + 2)
    carton = part(boxes, (box, box))
    unpack(t, carton, part(items, middle))
    expect_in(items, (first, last), (boxes, box, 2), 1, (boxes, box, 2))
    (fresh, _) = items.serials(1)
    pack(t, carton, part(items, (fresh, fresh)))
    expect_in(items, (fresh, fresh), (boxes, box, 1))
    (other, _) = boxes.serials(1)
    pack(t, part(boxes, (other, other)), part(items, middle))
    expect_in(items, (first, last), (boxes, box, 2), (boxes, other, 1), (boxes, box, 2))


@AGGREGATIONS.clause(
    "elsewhere", "who is not in the parent that is named, or in none, does not leave it"
)
def _elsewhere(t: Trial) -> None:
    boxes, items, (first, last), box = _packed(t)
    (other, _), free = boxes.serials(1), items.serials(2)
    for parents in (part(boxes, (other, other)), None):
        children = part(items, (first + 1, last), free)
        problem = t.refused(put(t, body_of("dissociate", parents, children)), "child-elsewhere")
        there = {"batch": boxes.batch, "serial": box}
        stray = {"batch": items.batch, "serials": [first + 1, last], "parent": there}
        alone = {"batch": items.batch, "serials": list(free), "parent": None}
        wanted = [stray, alone] if parents else [alone]
        expect(problem.get("elsewhere"), wanted, "elsewhere")
        expect(problem.get("elsewhere_total"), len(wanted), "elsewhere_total")
    expect_in(items, (first, last), (boxes, box, 4))


@AGGREGATIONS.clause("leave-dealt", "with each, a child leaves the parent that it is dealt to")
def _leave_dealt(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    serials, (box, end) = items.serials(4), boxes.serials(2)
    both: tuple[Part, Part] = (part(boxes, (box, end)), part(items, serials))
    pack(t, *both, each=3)
    t.refused(put(t, body_of("dissociate", *both, each=2)), "child-elsewhere")
    expect_in(items, serials, (boxes, box, 3), (boxes, end, 1))
    unpack(t, *both, each=3)
    expect_in(items, serials, 4)


@AGGREGATIONS.clause("leave-any", "without parents, children leave whatever they are in")
def _leave_any(t: Trial) -> None:
    boxes, items, (first, last), box = _packed(t)
    loads = pallets(t)
    (load, _), more = loads.serials(1), items.serials(2)
    pack(t, part(loads, (load, load)), part(items, more))
    answer = unpack(t, None, part(items, (first + 1, last), more))
    expect((answer.get("parents_count"), answer.get("children_count")), (0, 5), "the counts")
    expect_in(items, (first, more[1]), (boxes, box, 1), 5)


@AGGREGATIONS.clause("levels", "a bottle lies in a carton, and that on a pallet; links stay apart")
def _levels(t: Trial) -> None:
    boxes, items, serials, box = _packed(t)
    loads = pallets(t)
    (load, _) = loads.serials(1)
    pack(t, part(loads, (load, load)), part(boxes, (box, box)))
    expect_in(items, serials, (boxes, box, 4))
    expect_in(boxes, (box, box), (loads, load, 1))
    unpack(t, part(loads, (load, load)), part(boxes, (box, box)))
    expect_in(items, serials, (boxes, box, 4))


@AGGREGATIONS.clause("nesting", "nothing lies within itself, at once or over three levels")
def _nesting(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    one, two, three = (boxes.serials(1) for _ in range(3))
    same = put(t, body_of("associate", part(boxes, one), part(boxes, one)))
    t.refused(same, "nesting")
    pack(t, part(boxes, two), part(boxes, one))
    t.refused(put(t, body_of("associate", part(boxes, one), part(boxes, two))), "nesting")
    pack(t, part(boxes, three), part(boxes, two))
    t.refused(put(t, body_of("associate", part(boxes, one), part(boxes, three))), "nesting")
    expect_in(boxes, three, 1)
    # Within one aggregation: the first parent's child is the second parent.
    first, last = boxes.serials(4)
    wanted = part(boxes, (first, first + 1)), part(boxes, (first + 1, first + 2))
    pack(t, *wanted, each=1)
    circle = part(boxes, (last, last)), part(boxes, (last, last))
    t.refused(put(t, body_of("associate", *circle)), "nesting")
    # A circle that needs two of its links, and two that are there.
    (item, end), (box, two_up) = items.serials(2), boxes.serials(2)
    pack(t, part(items, (end, end)), part(boxes, (box, box)))
    pack(t, part(items, (item, item)), part(boxes, (two_up, two_up)))
    both = part(boxes, (box, two_up)), part(items, (item, end))
    t.refused(put(t, body_of("associate", *both, each=1)), "nesting")
    # Once the way is broken, it is no circle any more.
    unpack(t, part(boxes, two), part(boxes, one))
    pack(t, part(boxes, one), part(boxes, three))
    expect_in(boxes, three, (boxes, one[0], 1))


@AGGREGATIONS.clause("void", "void parents and void children are in the way; a void code may leave")
def _void(t: Trial) -> None:
    boxes, items, (first, last), box = _packed(t)
    fresh, (gone, _) = items.serials(3), boxes.serials(1)
    items.done("void", (fresh[0] + 1, fresh[0] + 1), reason="damaged")
    boxes.done("void", (gone, gone), reason="damaged")
    problem = t.refused(
        put(t, body_of("associate", part(boxes, (gone, gone)), part(items, fresh))), "blocked"
    )
    bad = [fresh[0] + 1, fresh[0] + 1]
    wanted = [
        {"batch": items.batch, "serials": bad, "state": "void"},
        {"batch": boxes.batch, "serials": [gone, gone], "state": "void"},
    ]
    expect(problem.get("blocked"), sorted(wanted, key=lambda e: str(e["batch"])), "blocked")
    expect(problem.get("blocked_total"), 2, "blocked_total")
    for parents, children in (((gone, gone), (fresh[0], fresh[0])), ((box, box), fresh)):
        sent = body_of("associate", part(boxes, parents), part(items, children))
        t.refused(put(t, sent), "blocked")
    expect_in(items, fresh, 3)
    # What is voided later stays where it is, and may be taken out.
    items.done("void", (first, first), reason="damaged")
    boxes.done("void", (box, box), reason="damaged")
    expect_in(items, (first, last), (boxes, box, 4))
    unpack(t, part(boxes, (box, box)), part(items, (first, last)))
    expect_in(items, (first, last), 4)


@AGGREGATIONS.clause("states", "codes of every other state are packed, and no state is changed")
def _states(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    (first, last) = items.active(2)
    items.done("freeze", (last, last))
    frozen, (box, _) = items.serials(1), boxes.serials(1)
    items.done("freeze", frozen)
    boxes.done("freeze", (box, box))
    pack(t, part(boxes, (box, box)), part(items, (first, last), frozen))
    expect(items.states((first, last)), ["active", "frozen"], "states of the children")
    expect(boxes.states((box, box)), ["frozen"], "the state of the parent")
    boxes.done("unfreeze", (box, box))
    expect(items.states((first, last)), ["active", "frozen"], "states after an order of the parent")
    expect_in(items, (first, last), (boxes, box, 2))


@AGGREGATIONS.clause("joined", "touching codes in one parent are one link, whoever packed them")
def _joined(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    (first, last), (box, other) = items.serials(9), boxes.serials(2)
    carton = part(boxes, (box, box))
    for pair in ((first, first + 1), (first + 4, first + 5), (first + 2, first + 3)):
        pack(t, carton, part(items, pair))
    pack(t, part(boxes, (other, other)), part(items, (first + 6, first + 7)))
    pack(t, carton, part(items, (last, last)))
    there, beside = (boxes.batch, box), (boxes.batch, other)
    wanted = [(first, first + 5, there), (first + 6, first + 7, beside), (last, last, there)]
    found = [link for link in links(items, first - 1, last) if link[0] <= last]
    expect(found, wanted, "links")
    unpack(t, carton, part(items, (first + 1, first + 1)))
    pack(t, carton, part(items, (first + 1, first + 1)))
    expect([link for link in links(items, first - 1, last) if link[0] <= last], wanted, "links")
    found = [link for link in links(items, first + 2, last) if link[0] <= last]
    expect(found[0], (first + 3, first + 5, there), "a link whose beginning is not asked for")
