"""Clauses on the ids of aggregations, on what is kept under them, and which refusal comes first."""

from collections.abc import Mapping
from typing import Any

from ..clause import Clauses
from ..outcome import Broken, expect, expect_same
from ..packs import (
    CARTONS,
    bottles,
    cartons,
    done,
    expect_in,
    get,
    pack,
    pallets,
    part,
    put,
    unpack,
)
from ..packs import body as body_of
from ..trial import QUANTITY, Trial

AGGREGATION_IDS = Clauses("aggregations", "4. Pack")
NOTHING: Mapping[str, Any] = {"each": None, "reason": None, "dry_run": False, "audit_head": None}


def _same(t: Trial, name: str, wanted: Mapping[str, Any], first: object) -> None:
    answer = put(t, wanted, name)
    if answer.status != 200:
        raise Broken("the same content: 200 with the answer that is kept", answer)
    expect_same(answer.data, first, "the answer that is kept")


@AGGREGATION_IDS.clause(
    "once", "the same aggregation again is answered as before, and not done again"
)
def _once(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    serials, (box, _) = items.serials(3), boxes.serials(1)
    name, wanted = t.order_id(), body_of("associate", part(boxes, (box, box)), part(items, serials))
    first = done(t, wanted, name)
    _same(t, name, wanted, first)
    unpack(t, part(boxes, (box, box)), part(items, serials))
    _same(t, name, wanted, first)
    expect_same(get(t, name).data, first, "the answer, read back")
    expect_in(items, serials, 3)


@AGGREGATION_IDS.clause(
    "same-content", "ranges, batches or keys in another order, and defaults, are the same content"
)
def _same_content(t: Trial) -> None:
    boxes, items, packs = cartons(t), bottles(t), t.other("packs")
    (first, last), (one, two) = items.serials(9), packs.serials(2)
    (box, _), name = boxes.serials(1), t.order_id()
    parents, some = part(boxes, (box, box)), part(packs, (one, two))
    pairs = ((first, first + 3), (first + 6, last))
    wanted = body_of("associate", parents, part(items, *pairs), some)
    answer = done(t, wanted, name)
    split = part(items, (first + 6, last), (first + 2, first + 3), (first, first + 1))
    for other in (
        dict(reversed(wanted.items())),
        {**wanted, **NOTHING},
        wanted | {"audit_head": t.new_head()},
        body_of("associate", parents, some, part(items, *reversed(pairs))),
        body_of("associate", parents, split, part(packs, (two, two), (one, one))),
    ):
        _same(t, name, other, answer)


@AGGREGATION_IDS.clause(
    "differs", "a used id with any member of its content changed is order-differs"
)
def _differs(t: Trial) -> None:
    boxes, items, packs = cartons(t), bottles(t), t.other("packs")
    (first, last), (box, end) = items.serials(6), boxes.serials(3)
    (one, _), name = packs.serials(1), t.order_id()
    parents, children = part(boxes, (box, box + 1)), part(items, (first, last - 1))
    wanted = body_of("associate", parents, children, each=3)
    pack(t, parents, children, each=3, name=name)
    changes: tuple[dict[str, Any], ...] = (
        {"action": "dissociate"},
        {"parents": part(boxes, (box, box), (end, end))},
        {"parents": part(packs, (1, 2))},
        {"children": [part(items, (first, last))]},
        {"children": [part(items, (first + 1, last))]},
        {"children": [part(items, (first, first), (first + 2, last))]},
        {"children": [part(packs, (1, 5))]},
        {"each": 4},
        {"reason": "other"},
    )
    for change in changes:
        t.refused(put(t, wanted | change, name), "order-differs")
    # A single parent: each is as many as there are, or null; several batches, or one.
    alone = body_of("associate", part(boxes, (end, end)), part(items, (last, last)))
    name = t.order_id()
    done(t, alone, name)
    t.refused(put(t, alone | {"each": 1}, name), "order-differs")
    both = [part(items, (last, last)), part(packs, (one, one))]
    t.refused(put(t, alone | {"children": both}, name), "order-differs")
    leaving = body_of("dissociate", part(boxes, (end, end)), part(items, (last, last)))
    name = t.order_id()
    done(t, leaving, name)
    t.refused(put(t, leaving | {"parents": None}, name), "order-differs")
    expect_in(items, (first, last), (boxes, box, 3), (boxes, box + 1, 2), 1)


@AGGREGATION_IDS.clause(
    "ids", "aggregations and orders have ids of their own: both may have the same"
)
def _ids(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    serials, (box, _), name = items.serials(2), boxes.serials(1), t.order_id()
    t.refused(get(t, name), "not-found")
    items.done("freeze", serials, order=name)
    t.refused(get(t, name), "not-found")
    first = pack(t, part(boxes, (box, box)), part(items, serials), name=name)
    expect_same(get(t, name).data, first, "the answer of the aggregation")
    expect(t.probe("GET", f"/v1/orders/{name}").data.get("action"), "freeze", "the order's action")


def _stays(t: Trial, name: str, wanted: Mapping[str, Any], problem: object, refusal: str) -> None:
    for answer, how in ((put(t, wanted, name), "sent again"), (get(t, name), "read back")):
        expect_same(t.refused(answer, refusal), problem, f"the same problem, {how}")
    t.refused(put(t, {**wanted, "reason": "other"}, name), "order-differs")


@AGGREGATION_IDS.clause(
    "kept", "child-taken and child-elsewhere are kept under the id, also when the way is free"
)
def _kept(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    serials, (box, other) = items.serials(2), boxes.serials(2)
    pack(t, part(boxes, (box, box)), part(items, serials))
    joins = body_of("associate", part(boxes, (other, other)), part(items, serials))
    leaves = body_of("dissociate", part(boxes, (other, other)), part(items, serials))
    name, second = t.order_id(), t.order_id()
    taken = t.refused(put(t, joins, name), "child-taken")
    elsewhere = t.refused(put(t, leaves, second), "child-elsewhere")
    unpack(t, None, part(items, serials))
    _stays(t, name, joins, taken, "child-taken")
    expect_in(items, serials, 2)
    pack(t, part(boxes, (other, other)), part(items, serials))
    _stays(t, second, leaves, elsewhere, "child-elsewhere")
    expect_in(items, serials, (boxes, other, 2))


@AGGREGATION_IDS.clause("kept-first", "blocked, outside and nesting are kept under the id")
def _kept_first(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    (first, last), (box, other) = items.serials(2), boxes.serials(2)
    pack(t, part(boxes, (box, box)), part(boxes, (other, other)))
    items.done("void", (last, last), reason="damaged")
    parents = part(boxes, (other, other))
    tries = (
        ("blocked", body_of("associate", parents, part(items, (first, last)))),
        ("outside", body_of("associate", parents, part(items, (QUANTITY, QUANTITY + 1)))),
        ("nesting", body_of("associate", parents, part(boxes, (box, box)))),
    )
    names = [t.order_id() for _ in tries]
    problems = [
        t.refused(put(t, wanted, name), refusal)
        for name, (refusal, wanted) in zip(names, tries, strict=True)
    ]
    items.done("unvoid", (last, last))
    unpack(t, None, part(boxes, (other, other)))
    for name, (refusal, wanted), problem in zip(names, tries, problems, strict=True):
        _stays(t, name, wanted, problem, refusal)
    expect_in(items, (first, last), 2)
    expect_in(boxes, (box, other), 2)


@AGGREGATION_IDS.clause("mended", "not-found and invalid leave the id unused")
def _mended(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    serials, (box, _), name = items.serials(2), boxes.serials(1), t.order_id()
    wanted = body_of("associate", part(boxes, (box, box)), part(items, serials))
    strange = {"batch": f"{t.batch}-none", "serials": [[1, 1]]}
    for change in ({"parents": strange}, {"children": [*wanted["children"], strange]}):
        t.refused(put(t, wanted | change, name), "not-found")
        t.refused(get(t, name), "not-found")
    t.refused(put(t, wanted | {"surprise": 1}, name), "invalid")
    done(t, wanted, name)
    expect_in(items, serials, (boxes, box, 2))


@AGGREGATION_IDS.clause("dry-run", "a dry run answers as the aggregation itself, and keeps nothing")
def _dry_run(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    serials, (box, other), name = items.serials(3), boxes.serials(2), t.order_id()
    wanted = body_of("associate", part(boxes, (box, box)), part(items, serials))
    dry = done(t, wanted | {"dry_run": True}, name)
    if dry.get("dry_run") is not True:
        raise Broken("dry_run is true", dry.get("dry_run"))
    t.refused(get(t, name), "not-found")
    expect_in(items, serials, 3)
    real = done(t, wanted, name)
    expect_same({**dry, "dry_run": False}, real, "the answer of the dry run, but for dry_run")
    again = done(t, wanted | {"dry_run": True}, name)
    expect_same({**again, "dry_run": False}, real, "a dry run under a used id")
    # A dry run that is refused keeps no id either.
    second = t.order_id()
    moved = body_of("associate", part(boxes, (other, other)), part(items, serials), dry_run=True)
    t.refused(put(t, moved, second), "child-taken")
    t.refused(get(t, second), "not-found")
    leaves = body_of("dissociate", part(boxes, (box, box)), part(items, serials), dry_run=True)
    done(t, leaves, second)
    expect_in(items, serials, (boxes, box, 3))
    stray = body_of("dissociate", part(boxes, (other, other)), part(items, serials), dry_run=True)
    t.refused(put(t, stray, second), "child-elsewhere")
    done(t, body_of("dissociate", None, part(items, serials)), second)
    expect_in(items, serials, 3)


@AGGREGATION_IDS.clause(
    "refusals-first",
    "invalid, order-differs, not-found, outside, blocked, nesting, then child-taken",
    section="Which refusal comes first",
)
def _refusals_first(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    (item, void), (box, other), name = items.serials(2), boxes.serials(2), t.order_id()
    items.done("void", (void, void), reason="damaged")
    pack(t, part(boxes, (other, other)), part(items, (item, item)))
    pack(t, part(boxes, (other, other)), part(boxes, (box, box)), name=name)
    # All of these at once; the first is left out each time.
    far = part(pallets(t), (1, 100_000))
    none = {"batch": f"{t.batch}-none", "serials": [[1, 1]]}
    taken = part(items, (item, item))
    circle, voided = part(boxes, (other, other)), part(items, (item, void))
    parents = part(boxes, (box, box))
    bad = body_of("associate", parents, voided, circle, far, none)
    t.refused(put(t, bad | {"surprise": 1}, name), "invalid")
    t.refused(put(t, bad, name), "order-differs")
    t.refused(put(t, bad), "not-found")
    t.refused(put(t, body_of("associate", parents, voided, circle, far)), "outside")
    t.refused(put(t, body_of("associate", parents, voided, circle)), "blocked")
    t.refused(put(t, body_of("associate", parents, taken, circle)), "nesting")
    t.refused(put(t, body_of("associate", parents, taken)), "child-taken")
    leaves = body_of("dissociate", part(boxes, (CARTONS + 1, CARTONS + 1)), taken)
    t.refused(put(t, leaves), "outside")
