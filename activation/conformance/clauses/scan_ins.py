"""Clauses on scan-ins: a dealer takes goods in, with all that lies in them, once."""

from ..clause import Clauses
from ..depth import Depth
from ..market import DEALER, Object, opened, scan_in, scan_ins, values, with_windows
from ..noise import unknown_rows
from ..outcome import Broken, expect, expect_same
from ..packs import bottles, cartons, pack, pallets, part
from ..trial import Serials, Trial

SCAN_INS = Clauses("scan-ins", "7. Scan in")
OTHER = "D8"
LISTED = 1_000  # ranges that an answer tells


def _mark(t: Trial, serials: Serials) -> list[tuple[object, object]]:
    """Dealer and time of each serial."""
    return list(zip(values(t, serials, "dealer"), values(t, serials, "scanned_in"), strict=True))


@SCAN_INS.clause("ranges", "it sets dealer and its own time on what it names, in whatever state")
def _ranges(t: Trial) -> None:
    first, last = serials = t.active(6)
    t.done("freeze", (first, first))
    t.done("void", (last, last), count=1)
    name = t.order_id()
    answer = opened(t, name, ranges=[part(t, (first, first + 2), (last - 1, last))])
    pairs = [[first, first + 2], [last - 1, last - 1]]
    wanted = {"scan_in": name, "dealer": DEALER, "at": answer.get("at"), "opened_count": 4}
    wanted |= {"opened": [{"batch": t.batch, "serials": pairs}], "unknown": [], "truncated": False}
    expect_same(answer, wanted, "the answer")
    mark, none = (DEALER, answer["at"]), (None, None)
    expect(_mark(t, serials), [mark] * 3 + [none, mark, none], "dealer and scanned_in afterwards")
    expect(t.states(serials), ["frozen", *["active"] * 4, "void"], "states afterwards")


@SCAN_INS.clause("codes", "codes are looked up as scans are; those that nobody knows are told")
def _codes(t: Trial) -> None:
    first, last = serials = t.active(3)
    pending = t.uploaded(1)[0]
    texts = [t.new_code(), t.code(last), t.code(first).lower(), t.code(pending), "?"]
    answer = opened(t, codes=[*texts, t.code(last)], ranges=[part(t, (first, first))])
    expect(answer.get("unknown"), [0, 3, 4], "unknown")
    expect(answer.get("opened_count"), 2, "opened_count")
    expect(values(t, serials, "dealer"), [DEALER, None, DEALER], "dealers afterwards")
    answer = opened(t, codes=[t.new_code()])
    expect((answer.get("opened"), answer.get("unknown")), ([], [0]), "opened and unknown of none")


@SCAN_INS.clause("contents", "what lies in it is opened at every level; without contents, it alone")
def _contents(t: Trial) -> None:
    inner, middle, outer = bottles(t), cartons(t), pallets(t)
    items, boxes, (pallet, _) = inner.serials(6), middle.serials(3), outer.serials(1)
    loose = inner.serials(2)
    pack(t, part(middle, (boxes[0], boxes[0] + 1)), part(inner, items), each=3)
    pack(t, part(outer, (pallet, pallet)), part(middle, boxes), part(inner, loose))
    named = [part(outer, (pallet, pallet))]
    answer = opened(t, ranges=named, contents=False)
    expect(answer.get("opened"), [part(outer, (pallet, pallet))], "opened without contents")
    inner.done("void", (items[0], items[0]), reason="other")
    answer = opened(t, ranges=named, dealer=OTHER)
    wanted = [part(inner, (items[0] + 1, loose[1])), part(middle, boxes), named[0]]
    wanted.sort(key=lambda one: str(one["batch"]))
    expect(answer.get("opened"), wanted, "opened with contents")
    expect(answer.get("opened_count"), 11, "opened_count")
    expect(values(inner, items, "dealer"), [None, *[OTHER] * 5], "dealers of what lies deepest")


@SCAN_INS.clause("again", "a dealer's own goods keep their time; another's change hands")
def _again(t: Trial) -> None:
    first, last = serials = t.active(3)
    t.done("assign", (first, first), attributes={"dealer": DEALER})
    begun = "2026-11-22T12:00:00Z"
    t.done("assign", (last, last), attributes={"dealer": DEALER, "scanned_in": begun})
    answer = opened(t, ranges=[part(t, serials)])
    expect(answer.get("opened_count"), 2, "opened_count: a dealer alone is not scanned in")
    expect(_mark(t, (last, last)), [(DEALER, begun)], "dealer and time of what was his")
    answer = opened(t, ranges=[part(t, serials)])
    expect((answer.get("opened"), answer.get("opened_count")), ([], 0), "opened once more")
    answer = opened(t, ranges=[part(t, serials)], dealer=OTHER)
    expect(answer.get("opened_count"), 3, "opened_count of another dealer")
    expect(_mark(t, serials), [(OTHER, answer["at"])] * 3, "dealer and time afterwards")


@SCAN_INS.clause("once", "the same again gets the same answer; other content order-differs")
def _once(t: Trial) -> None:
    first, last = serials = t.active(6)
    name, codes = t.order_id(), [t.new_code(), t.code(first)]
    body: Object = {"codes": codes}
    ranges = [part(t, (first + 1, first + 3))]
    answer = opened(t, name, ranges=ranges, **body)
    opened(t, ranges=[part(t, serials)], dealer=OTHER)
    split = [part(t, (first + 3, first + 3), (first + 1, first + 2))]
    again = opened(t, name, ranges=split, contents=True, **body)
    expect_same(again, answer, "the answer once more, its ranges split")
    expect(values(t, serials, "dealer"), [OTHER] * 6, "dealers afterwards")
    others: tuple[Object, ...] = (
        {"dealer": OTHER},
        {"contents": False},
        {"ranges": [part(t, (first + 1, last))]},
        {"ranges": []},
        {"codes": codes[:1]},
        {"codes": codes[::-1]},
    )
    for changed in others:
        other = {"ranges": ranges, **body, **changed}
        t.refused(scan_in(t, name, **other), "order-differs")


@SCAN_INS.clause("form", "nothing named, ranges that overlap, no dealer, a batch twice: invalid")
def _form(t: Trial) -> None:
    first, last = serials = t.active(2)
    opened(t, codes=[t.new_code()])
    good = part(t, serials)
    bad: tuple[Object, ...] = (
        {},
        {"codes": [], "ranges": []},
        {"ranges": [good, good]},
        {"ranges": [part(t, serials, (last, last))]},
        {"ranges": [part(t, (last, first))]},
        {"ranges": [{"batch": t.batch, "serials": []}]},
        {"ranges": [good], "dealer": ""},
        {"ranges": [good], "dealer": "x" * 1_025},
        {"ranges": [good], "dealer": 7},
        {"ranges": [good], "contents": None},
        {"ranges": [good], "surprise": 1},
        {"codes": ["x" * 129]},
        {"codes": [1]},
        {"codes": ["x"] * 1_000, "ranges": [good]},
    )
    for body in bad:
        answer = scan_in(t, **body)
        if answer.problem != "invalid":
            raise Broken(f"a scan-in with {', '.join(body)} like this is invalid", answer)
    if t.probe.signs:
        t.refused(scan_in(t, ranges=[good], dealer=None), "invalid")
    expect(_mark(t, serials), [(None, None)] * 2, "dealer and time afterwards")


@SCAN_INS.clause("refused", "outside and blocked are kept under the id, and nothing is opened")
def _refused(t: Trial) -> None:
    serials = t.active(2)
    opened(t, codes=[t.new_code()])
    unknown = {"batch": f"{t.batch}-none", "serials": [[1, 1]]}
    t.refused(scan_in(t, ranges=[part(t, serials), unknown]), "not-found")
    far, name = t.form.quantity + 1, t.order_id()
    outside = [part(t, serials, (far, far))]
    for _ in range(2):
        t.refused(scan_in(t, name, ranges=outside), "outside")
    t.refused(scan_in(t, name, ranges=[part(t, serials)]), "order-differs")
    full, name = (serials[0], serials[0]), t.order_id()
    t.done("assign", full, attributes={f"native.k{number}": "" for number in range(63)})
    body = t.refused(scan_in(t, name, ranges=[part(t, serials)]), "blocked")
    wanted = [{"batch": t.batch, "serials": list(full), "state": "active"}]
    expect((body["blocked"], body["blocked_total"]), (wanted, 1), "blocked")
    expect(_mark(t, serials), [(None, None)] * 2, "dealer and time afterwards")
    t.done("assign", full, attributes={"native.k0": None})
    t.refused(scan_in(t, name, ranges=[part(t, serials)]), "blocked")
    expect(opened(t, ranges=[part(t, serials)]).get("opened_count"), 2, "opened_count")


@SCAN_INS.clause("list", "what was opened is read back whole, by numbers that grow")
def _list(t: Trial) -> None:
    first, last = t.active(5)
    names = [t.order_id() for _ in range(3)]
    ranges = [part(t, (first, first), (first + 2, last))]
    one = opened(t, names[0], ranges=ranges)
    before = scan_ins(t)
    opened(t, names[1], ranges=ranges)
    opened(t, names[2], ranges=[part(t, (first + 1, first + 1))], dealer=OTHER)
    rows = scan_ins(t, before[-1]["number"])
    expect([row["scan_in"] for row in rows if row["scan_in"] in names], [names[2]], "new rows")
    (row,) = (row for row in before if row["scan_in"] == names[0])
    wanted = {"number": row["number"], "scan_in": names[0], "dealer": DEALER, "at": one["at"]}
    expect_same(row, wanted | {"codes": one["opened"]}, "the row of a scan-in")
    numbers = [row["number"] for row in (*before, *rows)]
    expect(numbers, sorted(set(numbers)), "numbers, ascending")


@SCAN_INS.clause(
    "thousand", "opened tells the first 1,000 ranges, opened_count all", depth=Depth.NORMAL
)
def _thousand(t: Trial) -> None:
    batch = bottles(t)
    first, last = serials = batch.serials(2 * LISTED + 1)
    for ranges in (
        [(serial, serial) for serial in range(first + 1, last, 2)],
        # What this dealer took in before, it opens no more: every other serial is left.
        [serials],
    ):
        answer = opened(t, ranges=[part(batch, *ranges)])
        many = LISTED + (ranges == [serials])
        told = sum(len(piece["serials"]) for piece in answer["opened"])
        found = answer.get("opened_count"), told, answer.get("truncated")
        wanted = many, LISTED, many > LISTED
        expect(found, wanted, "opened_count, how many ranges are told, truncated")


@SCAN_INS.clause("gate", "a scan-in opens the gate")
@with_windows
def _gate(t: Trial) -> None:
    (serial, _) = serials = t.active(1, attributes={"gate": "scan_in", "campaign": "x"})
    t.scanned(serial, gate="closed", attributes={})
    opened(t, codes=[t.code(serial)])
    t.scanned(serial, gate="open", attributes={"campaign": "x"})
    expect(values(t, serials, "gate"), ["scan_in"], "the attribute gate")


@SCAN_INS.clause("no-scan", "it is no scan: it counts nothing, and leaves no note and no row")
def _no_scan(t: Trial) -> None:
    first, last = serials = t.active(2)
    t.done("freeze", (last, last))
    rows = len(unknown_rows(t.probe))
    opened(t, codes=[t.code(first), t.code(last), t.new_code()])
    expect(len(unknown_rows(t.probe)), rows, "how many rows of unknown scans")
    t.done("unfreeze", (last, last))
    t.done("revoke", serials)
    answer = t.done("activate", serials)
    expect(answer.get("scanned_before"), [], "scanned_before")
    t.scanned(first, result="genuine", scans=1)
