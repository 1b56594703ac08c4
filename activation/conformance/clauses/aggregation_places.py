"""Clauses on aggregations beside the rest: pages, scopes, heads, other calls at once, pairs."""

from functools import partial
from operator import eq

from ..clause import Clauses
from ..depth import Depth
from ..outcome import Broken, NotOffered, expect
from ..packs import (
    PAGE_LINKS,
    bottles,
    cartons,
    done,
    expect_in,
    get,
    lies,
    links,
    pack,
    page,
    pallets,
    part,
    put,
)
from ..packs import body as body_of
from ..probe import Answer, Probe
from ..trial import Trial
from .parallel import rounds, together
from .scopes import NARROW, second

AGGREGATION_PAGES = Clauses("aggregations", "5. Read back")
AGGREGATION_SCOPES = Clauses("aggregations", "Scopes", "signing.md")
AGGREGATION_RACES = Clauses("aggregations", "Rules for all of it")
PAIRS = Clauses("pairs", "6. Scan")
BUSY = (408, 425, 429, 503)


@AGGREGATION_PAGES.clause("pages", "links ascend, from after on; next is null if none follows")
def _pages(t: Trial) -> None:
    boxes = cartons(t)
    few = t.other("few", quantity=40)
    expect(page(few).data, {"batch": few.batch, "links": [], "next": None}, "a page of nothing")
    (box, end) = boxes.serials(6)
    pack(t, part(boxes, (box, end)), part(few, (3, 20), (31, 36)), each=4)
    there = [(boxes.batch, box + at) for at in range(6)]
    runs = ((3, 6), (7, 10), (11, 14), (15, 18), (19, 20), (31, 32), (33, 36))
    owners = (*there[:4], there[4], there[4], there[5])
    wanted = [(*run, owner) for run, owner in zip(runs, owners, strict=True)]
    expect(links(few), wanted, "links from the first on")
    expect(links(few, 4), [(5, 6, there[0]), *wanted[1:]], "links after 4")
    expect(links(few, 6), wanted[1:], "links after 6")
    expect(links(few, 25), wanted[5:], "links after 25")
    for after in (36, 40, 999_999_999_999):
        expect(page(few, after).data["links"], [], f"links after {after}")
        expect(page(few, after).data["next"], None, f"next after {after}")


@AGGREGATION_PAGES.clause(
    "walk", "pages of many links, one after the other, tell each once", depth=Depth.NORMAL
)
def _walk(t: Trial) -> None:
    cartons(t)
    size = PAGE_LINKS + 500
    parents, many = (t.other(name, quantity=size) for name in ("each-box", "each-item"))
    pack(t, part(parents, (1, size)), part(many, (1, size)), each=1)
    wanted = [(serial, serial, (parents.batch, serial)) for serial in range(1, size + 1)]
    expect(len(links(many, 500)), PAGE_LINKS, "the links after 500: a whole page")
    found = links(many)
    if found != wanted:
        alike = [*map(eq, found, wanted), False]
        at = alike.index(False)
        raise Broken(f"{size} links, the pages put together", f"{len(found)}, others from {at} on")


@AGGREGATION_PAGES.clause("head", "an aggregation brings a head, and order is its id then")
def _head(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    serials, (box, _), name = items.serials(2), boxes.serials(1), t.order_id()
    head, children = t.new_head(), part(items, serials)
    done(t, body_of("associate", part(boxes, (box, box)), children, audit_head=head), name)
    found = t.head(t.home)
    expect((found.get("head"), found.get("order")), (head, name), "the head, and what brought it")
    # A dry run and a refusal that is not kept bring none.
    dry = body_of("dissociate", None, children, audit_head=t.new_head(), dry_run=True)
    done(t, dry)
    strange = {"batch": f"{t.batch}-none", "serials": [[1, 1]]}
    put(t, body_of("dissociate", None, children, strange, audit_head=t.new_head()))
    expect(t.head(t.home).get("head"), head, "the head afterwards")
    # Of batches of two homes, it is the head of neither.
    abroad = t.other("abroad", home=f"{t.home}-2", quantity=10)
    both = part(abroad, abroad.serials(1)), part(items, items.serials(1))
    done(t, body_of("associate", *both, audit_head=t.new_head()))
    expect(t.head(t.home).get("head"), head, "the head after batches of two homes")
    expect(t.head(abroad.home).get("head"), None, "the head of the other home")


@AGGREGATION_SCOPES.clause(
    "scopes", "to pack, a key needs the action, and every batch that is named"
)
@second
def _scopes(t: Trial, probe: Probe) -> None:
    boxes, items, narrow = cartons(t), bottles(t), t.other(NARROW)
    serials, (box, _), some = items.serials(1), boxes.serials(1), narrow.serials(2)
    mine = part(narrow, some[:1] * 2), part(narrow, some[1:] * 2)
    bottle, strange = part(items, serials), {"batch": f"{t.batch}-none", "serials": [[1, 1]]}
    joins = body_of("associate", *mine)
    for wanted in (
        joins,
        body_of("dissociate", part(boxes, (box, box)), mine[1]),
        body_of("dissociate", mine[0], bottle),
        body_of("dissociate", None, mine[1], bottle),
        body_of("dissociate", None, strange),
    ):
        name = t.order_id()
        t.refused(put(t, wanted, name, probe), "forbidden")
        t.refused(get(t, name), "not-found")
    expect_in(narrow, some, 2)
    t.refused(put(t, joins | {"surprise": 1}, probe=probe), "invalid")
    done(t, joins, name)
    t.refused(put(t, joins, name, probe), "forbidden")
    expect(put(t, body_of("dissociate", *mine), probe=probe).status, 200, "who may take out")


@AGGREGATION_SCOPES.clause(
    "scopes-read", "who may read every batch that it names reads the answer; its batch, the page"
)
@second
def _scopes_read(t: Trial, probe: Probe) -> None:
    boxes, narrow = cartons(t), t.other(NARROW)
    (one, two), (box, _) = narrow.serials(2), boxes.serials(1)
    mine, theirs = t.order_id(), t.order_id()
    first = pack(t, part(narrow, (one, one)), part(narrow, (two, two)), name=mine)
    pack(t, part(boxes, (box, box)), part(narrow, (one, one)), name=theirs)
    expect(get(t, mine, probe).data, first, "the answer, read by the second key")
    t.refused(get(t, theirs, probe), "forbidden")
    t.refused(get(t, t.order_id(), probe), "not-found")
    expect(page(narrow, 0, probe).status, 200, "the status of a page of its own batch")
    t.refused(page(boxes, 0, probe), "forbidden")


def _call(t: Trial, wanted: dict[str, object], name: str) -> Answer:
    """Send it, and again while the backend says that it is busy."""
    for _ in range(10):
        answer = put(t, wanted, name)
        if answer.status not in BUSY:
            break
    return answer


@AGGREGATION_RACES.clause(
    "same-at-once", "one sent several times at once is done once, answered alike"
)
def _same_at_once(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    for _ in rounds(t):
        serials, (box, _), name = items.serials(3), boxes.serials(1), t.order_id()
        wanted = body_of("associate", part(boxes, (box, box)), part(items, serials))
        answers = together([partial(_call, t, wanted, name)] * 4)
        for answer in answers:
            if answer.status != 200 or answer.data != answers[0].data:
                raise Broken("the same answer to each, 200", ", ".join(map(str, answers)))
        expect_in(items, serials, (boxes, box, 3))


@AGGREGATION_RACES.clause("one-child-at-once", "of several that take one child at once, one does")
def _one_child(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    for _ in rounds(t):
        (first, last), (box, end) = items.serials(7), boxes.serials(4)
        both = (first + 3, first + 3)
        calls = [
            partial(
                _call,
                t,
                body_of("associate", part(boxes, (number, number)), part(items, own, both)),
                t.order_id(),
            )
            for number, own in (
                (box, (first, first + 1)),
                (box + 1, (first + 2, first + 2)),
                (box + 2, (first + 4, first + 5)),
                (end, (last, last)),
            )
        ]
        answers = together(calls)
        refused = [answer.problem for answer in answers if answer.status != 200]
        if refused != ["child-taken"] * 3:
            raise Broken("exactly one 200, the others child-taken", ", ".join(map(str, answers)))
        at = next(n for n, answer in enumerate(answers) if answer.status == 200)
        found = lies(items, (first, last))
        expect(found[3], (boxes.batch, box + at), "what the child lies in")
        expect({*found} - {None}, {found[3]}, "all there is of the refused ones")


@AGGREGATION_RACES.clause("circle-at-once", "two that would close a circle at once: one is done")
def _circle(t: Trial) -> None:
    boxes, loads = cartons(t), pallets(t)
    for _ in rounds(t):
        one, two = boxes.serials(1), loads.serials(1)
        pairs = (part(boxes, one), part(loads, two)), (part(loads, two), part(boxes, one))
        answers = together(
            [partial(_call, t, body_of("associate", *pair), t.order_id()) for pair in pairs]
        )
        if sorted(answer.problem for answer in answers) != ["", "nesting"]:
            raise Broken("one 200, the other nesting", ", ".join(map(str, answers)))
        found = (lies(boxes, one)[0] is None, lies(loads, two)[0] is None)
        expect(sorted(found), [False, True], "whether each lies in nothing")


@AGGREGATION_RACES.clause("leave-at-once", "a child that is taken out twice at once leaves once")
def _leave(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    for _ in rounds(t):
        serials, (box, _) = items.serials(3), boxes.serials(1)
        pack(t, part(boxes, (box, box)), part(items, serials))
        wanted = body_of("dissociate", part(boxes, (box, box)), part(items, serials))
        answers = together([partial(_call, t, wanted, t.order_id()) for _ in range(3)])
        found = sorted(answer.problem for answer in answers)
        expect(found, ["", "child-elsewhere", "child-elsewhere"], "the problems of three")
        expect_in(items, serials, 3)


@AGGREGATION_RACES.clause("void-at-once", "packed and voided at once: as if one came first")
def _void(t: Trial) -> None:
    boxes, items = cartons(t), bottles(t)
    for _ in rounds(t):
        serials, (box, _) = items.serials(2), boxes.serials(1)
        wanted = body_of("associate", part(boxes, (box, box)), part(items, serials))
        calls = (partial(_call, t, wanted, t.order_id()), partial(items.order, "void", serials))
        packed, voided = together(calls)
        expect(voided.status, 200, "the status of void")
        if packed.status != 200:
            t.refused(packed, "blocked")
        expect_in(items, serials, (boxes, box, 2) if packed.status == 200 else 2)


@PAIRS.clause("told", "a scan tells the other codes on the item: either way, and siblings")
def _told(t: Trial) -> None:
    inner = t.other("pair")
    outer = t.other("pair-outer", role="outer", pair_of=inner.batch)
    guide = t.other("pair-second", role="guide", pair_of=inner.batch)
    batches, (serial, _) = (inner, outer, guide), inner.active(1)
    for other in (outer, guide):
        if other.active(1)[0] != serial:
            raise NotOffered("the batches of the pair are not of one age")
    for own in batches:
        wanted = [
            {"batch": other.batch, "serial": serial, "role": other.form.role}
            for other in batches
            if other is not own
        ]
        wanted.sort(key=lambda pair: str(pair["batch"]))
        own.scanned(serial, pairs=wanted)
    # Whatever becomes of the partner; its role is told as of a scanned code.
    outer.done("assign", (serial, serial), attributes={"role": "carton"})
    guide.done("void", (serial, serial), reason="damaged", count=1)
    pairs = inner.scan(inner.code(serial)).get("pairs") or []
    expect([pair["role"] for pair in pairs], ["carton", "guide"], "roles of the partners")


@PAIRS.clause("none", "pairs is an empty list of a code without a partner, and of an unknown code")
def _none(t: Trial) -> None:
    expect(t.scan(t.new_code()).get("pairs"), [], "pairs of an unknown code")
    alone = t.other("pair-alone", pair_of=f"{t.batch}-nobody")
    (serial, _) = alone.active(1)
    alone.scanned(serial, pairs=[])
    longer = t.other("pair-longer", pair_of=t.other("pair-short", quantity=1).batch)
    (_, beyond) = longer.active(2)
    longer.scanned(beyond, pairs=[])
