"""Clauses on the form and the bounds of aggregations."""

from typing import Any

from ..clause import Clauses
from ..depth import Depth
from ..outcome import Broken, expect
from ..packs import body as body_of
from ..packs import bottles, cartons, done, expect_in, get, links, pack, pallets, part, put, unpack
from ..trial import Trial

MANY, LISTED = 150, 1_000  # ranges in the way; those that are listed at most
AGGREGATION_FORM = Clauses("aggregations", "4. Pack")


@AGGREGATION_FORM.clause("invalid", "one of another form is invalid, and nothing is done")
def _invalid(t: Trial) -> None:
    boxes, items, packs = cartons(t), bottles(t), t.other("packs")
    (first, last), (box, end) = items.serials(4), boxes.serials(2)
    parents, children = part(boxes, (box, box)), part(items, (first, last))
    right = body_of("associate", parents, children)
    half = part(items, (first, first + 1))
    wrong: tuple[dict[str, Any], ...] = (
        {"action": "pack"},
        {"action": None},
        {"parents": None},
        {"parents": [parents]},
        {"parents": parents | {"serials": []}},
        {"parents": parents | {"surprise": 1}},
        {"parents": parents | {"serials": [[box, box], [box, end]]}},
        {"parents": parents | {"batch": 7}},
        {"children": []},
        {"children": children},
        {"children": None},
        {"children": [children | {"serials": []}]},
        {"children": [children | {"serials": [[last, first]]}]},
        {"children": [children | {"serials": [[0, last]]}]},
        {"children": [children | {"serials": [[first, last], [last, last]]}]},
        {"children": [half, part(items, (last, last))]},
        {"children": [children | {"batch": ""}]},
        {"each": 0},
        {"each": -1},
        {"each": "4"},
        {"each": 4.0},
        {"each": True},
        {"reason": 7},
        {"dry_run": None},
        {"dry_run": 0},
        {"audit_head": "head"},
        {"count": 4},
    )
    for change in wrong:
        answer = put(t, right | change)
        if answer.problem != "invalid":
            raise Broken(f"invalid: {ascii(change)[:120]}", answer)
    for key in ("action", "children", "parents"):
        t.refused(put(t, {k: v for k, v in right.items() if k != key}), "invalid")
    t.refused(put(t, [right]), "invalid")  # type: ignore[arg-type]
    expect_in(items, (first, last), 4)
    expect_in(packs, (1, 1), 1)


@AGGREGATION_FORM.clause("fit", "children that do not fill their parents are invalid")
def _fit(t: Trial) -> None:
    boxes, items, packs = cartons(t), bottles(t), t.other("packs")
    (first, last), (box, end) = items.serials(5), boxes.serials(3)
    some, one = part(items, (first, last)), part(packs, packs.serials(1))
    two, three = part(boxes, (box, box + 1)), part(boxes, (box, end))
    for action in ("associate", "dissociate"):
        for parents, children, each in (
            (two, [some], None),
            (two, [some], 2),
            (two, [some], 5),
            (three, [some], 3),
            (three, [some], 1),
            (part(boxes, (box, box)), [some], 4),
            (part(boxes, (box, box)), [some, one], 6),
        ):
            t.refused(put(t, body_of(action, parents, *children, each=each)), "invalid")
    t.refused(put(t, body_of("dissociate", None, some, each=5)), "invalid")
    expect_in(items, (first, last), 5)


@AGGREGATION_FORM.clause(
    "bounds", "1,000 ranges and 20 batches are taken, one more is invalid", depth=Depth.NORMAL
)
def _bounds(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    first, last = items.serials(2_000)
    (box, _) = boxes.serials(1)
    single = [(serial, serial) for serial in range(first, last, 2)]
    carton = part(boxes, (box, box))
    touching = [(serial, serial) for serial in range(first, first + 1_000)]
    for ranges in (single, touching):
        t.refused(put(t, body_of("associate", carton, part(items, *ranges))), "invalid")
    answer = pack(t, carton, part(items, *single[:999]))
    expect(answer.get("children_count"), 999, "children_count of 999 ranges and a parent")
    none = put(t, body_of("dissociate", None, part(items, *single[:999], (last, last))))
    t.refused(none, "child-elsewhere")
    expect(unpack(t, None, part(items, *single[:999])).get("children_count"), 999, "who left")
    expect_in(items, (first, last), 2_000)
    many = [{"batch": f"{t.batch}-none{n}", "serials": [[1, 1]]} for n in range(21)]
    t.refused(put(t, body_of("associate", carton, *many)), "invalid")
    t.refused(put(t, body_of("associate", carton, *many[:20])), "not-found")


@AGGREGATION_FORM.clause(
    "totals", "taken, elsewhere and blocked count all that is in the way, and list the first"
)
def _totals(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    (first, last), (box, other) = items.serials(2 * MANY), boxes.serials(2)
    single = [(serial, serial) for serial in range(first, last, 2)]
    pack(t, part(boxes, (box, box)), part(items, *single))
    parents, children = part(boxes, (other, other)), part(items, (first, last))
    there = {"parent": {"batch": boxes.batch, "serial": box}}
    taken = [{"batch": items.batch, "serials": list(pair), **there} for pair in single]
    _listed(t, body_of("associate", parents, children), "child-taken", taken)
    free = {"batch": items.batch, "parent": None}
    gaps = [free | {"serials": [after + 1, after + 1]} for _, after in single]
    elsewhere = [entry for pair in zip(taken, gaps, strict=True) for entry in pair]
    _listed(t, body_of("dissociate", parents, children), "child-elsewhere", elsewhere)
    items.done("void", *single, reason="damaged")
    void = {"batch": items.batch, "state": "void"}
    blocked = [void | {"serials": list(pair)} for pair in single]
    _listed(t, body_of("associate", parents, children), "blocked", blocked)


def _listed(t: Trial, wanted: dict[str, Any], name: str, entries: list[dict[str, Any]]) -> None:
    key = name.removeprefix("child-")
    problem = t.refused(put(t, wanted), name)
    expect(problem.get(f"{key}_total"), len(entries), f"{key}_total")
    found = problem.get(key) or []
    if not 1 <= len(found) <= LISTED:
        raise Broken(f"1 to {LISTED} entries in {key}", len(found))
    expect(found, entries[: len(found)], key)


@AGGREGATION_FORM.clause("each-bounds", "each and parents are 1 to 1,000,000")
def _each_bounds(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    serials, (box, _) = items.serials(2), boxes.serials(1)
    carton, children = part(boxes, (box, box)), part(items, serials)
    t.refused(put(t, body_of("associate", carton, children, each=1_000_001)), "invalid")
    pack(t, carton, children, each=1_000_000)
    expect_in(items, serials, (boxes, box, 2))
    far = [part(batch, (1, 1_000_001)) for batch in (boxes, pallets(t))]
    t.refused(put(t, body_of("associate", *far, each=1)), "invalid")
    near = [part(batch, (1, 1_000_000)) for batch in (boxes, pallets(t))]
    t.refused(put(t, body_of("associate", *near, each=1)), "outside")


@AGGREGATION_FORM.clause("defaults", "only action and children are required, parents to associate")
def _defaults(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    serials, (box, _) = items.serials(2), boxes.serials(1)
    parents, children = part(boxes, (box, box)), [part(items, serials)]
    short = {"action": "associate", "parents": parents, "children": children}
    expect(put(t, short).status, 200, "the status of what is left out to associate")
    expect_in(items, serials, (boxes, box, 2))
    leaving = put(t, {"action": "dissociate", "children": children})
    expect(leaving.status, 200, "the status of what is left out to dissociate")
    expect_in(items, serials, 2)


@AGGREGATION_FORM.clause("unknown", "an id that had no aggregation is not-found, a bad one invalid")
def _unknown(t: Trial) -> None:
    cartons(t)
    t.refused(get(t, t.order_id()), "not-found")
    t.refused(get(t, "-bad"), "invalid")
    t.refused(put(t, {}, "-bad"), "invalid")
    t.refused(t.probe("GET", f"/v1/batches/{t.batch}-none/parents?after=0"), "not-found")
    t.refused(t.probe("GET", f"/v1/batches/{t.batch}/parents?after=-1"), "invalid")


@AGGREGATION_FORM.clause("large", "a million children in one parent", depth=Depth.NORMAL)
def _large(t: Trial) -> None:
    boxes, items = cartons(t), t.other("million", quantity=1_000_000)
    (box, _) = boxes.serials(1)
    answer = pack(t, part(boxes, (box, box)), part(items, (1, 1_000_000)))
    expect(answer.get("children_count"), 1_000_000, "children_count")
    expect(links(items), [(1, 1_000_000, (boxes.batch, box))], "links")
    done(t, body_of("dissociate", part(boxes, (box, box)), part(items, (2, 999_999))))
    if len(links(items)) != 2:
        raise Broken("two links", len(links(items)))
