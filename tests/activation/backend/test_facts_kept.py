"""What a code's past leaves behind, whatever happens to it later; and what readers are told."""

import itertools
from dataclasses import replace

import pytest
from backend_kit import make_batch, make_codes, prints

from mintmark.activation.backend.apply_order import Request
from mintmark.activation.client import wire
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

CODES = make_codes(20)
BATCH = make_batch(20)
LATER, EARLIER = "2026-11-23T00:00:00Z", "2026-11-21T00:00:00Z"
COUNTER = itertools.count()


@pytest.fixture
def order(store, clock):
    store.register(BATCH, clock())
    store.upload(BATCH.batch, 1, prints(CODES), clock())

    def give(action, first, last, **options):
        name, serials = f"o{next(COUNTER)}", (Range(first, last),)
        if action == "void":
            options = {"reason": "lost", "count": last - first + 1} | options
        return store.order(Request(name, BATCH.batch, Action(action), serials, **options), clock())

    return give


@pytest.fixture
def scan(store, clock):
    return lambda serial, scan_id=None: store.scan([prints([CODES[serial - 1]])], scan_id, clock())


# How a code gets to where a scan is answered so, and from there to being activated again.
WAYS = {
    "unknown": ([], []),
    "inactive": (["activate", "revoke"], []),
    "frozen": (["activate", "freeze"], ["unfreeze", "revoke"]),
    "void": (["activate", "void"], ["unvoid"]),
    "not_yet": (["activate"], ["revoke"]),
    "expired": (["activate"], ["revoke"]),
    "genuine": (["activate"], ["revoke"]),
}
VALIDITY = {"not_yet": {"effective_at": LATER}, "expired": {"expires_at": EARLIER}}


@pytest.mark.parametrize("result", WAYS)
def test_an_activation_names_what_was_scanned_before_it_again_and_again(order, scan, result):
    """Each time, for good: it is a note on the code, and no order takes it back."""
    there, back = WAYS[result]
    for action in there:
        order(action, 3, 3, attributes=VALIDITY.get(result, {}))
    assert scan(3).result == result
    for action in back:
        order(action, 3, 3, attributes=dict.fromkeys(VALIDITY.get(result, {})))
    named = () if result in ("expired", "genuine") else (3,)
    assert order("activate", 2, 4, dry_run=True).scanned_before == named
    for _ in range(2):
        assert order("activate", 2, 4).scanned_before == named
        order("revoke", 2, 4)


def test_a_repeat_leaves_no_note(order, scan):
    order("activate", 1, 1)
    assert [scan(1).result for _ in range(2)] == ["genuine", "repeat"]
    order("revoke", 1, 1)
    assert order("activate", 1, 1).scanned_before == ()


def test_other_orders_name_nobody_and_skipped_codes_are_not_named(order, scan):
    order("activate", 1, 2)
    order("freeze", 1, 2)
    assert [scan(n).result for n in (1, 2)] == ["frozen", "frozen"]
    assert order("unfreeze", 1, 2).scanned_before == ()
    order("void", 1, 1)
    order("revoke", 2, 2)
    answer = order("activate", 1, 2, skip_void=True)
    assert (answer.skipped, answer.scanned_before) == ((Range(1, 1),), (2,))


@pytest.mark.parametrize("elsewhere", [1, 20])
def test_what_is_named_does_not_hang_on_scans_of_other_codes(order, scan, elsewhere):
    """A scan of a code in a later range, not active, once hid every code that was to be named."""
    order("activate", elsewhere, elsewhere)
    order("freeze", elsewhere, elsewhere)
    assert scan(elsewhere).result == "frozen"
    assert [scan(n).result for n in (5, 9)] == ["unknown", "unknown"]
    assert order("activate", 4, 10).scanned_before == (5, 9)


@pytest.mark.parametrize("action", ["revoke", "freeze", "void", "assign"])
def test_a_kept_answer_says_how_that_scan_ended_whatever_came_later(order, scan, clock, action):
    order("activate", 1, 2)
    first = scan(1, "phone")
    gone = {"attributes": {"expires_at": EARLIER, "lot": "new"}} if action == "assign" else {}
    order(action, 1, 2, **gone)
    clock.forward(hours=23)
    assert scan(1, "phone") == first
    assert scan(1, "other").result not in ("genuine", "repeat")
    assert scan(2, "phone").result == scan(1).result


@pytest.mark.parametrize("action", ["freeze", "revoke"])
def test_an_id_of_a_scan_that_did_not_count_keeps_nothing(order, scan, action):
    order("activate", 1, 1)
    order(action, 1, 1)
    assert scan(1, "phone").scans == 0
    order("activate" if action == "revoke" else "unfreeze", 1, 1)
    assert (scan(1, "phone").result, scan(1, "phone").scans) == ("genuine", 1)


SEEN = {"lot": "L1", "product": "Tea"}


@pytest.mark.parametrize("state", ["inactive", "frozen", "void", "not_yet", "expired"])
def test_a_consumer_is_told_of_every_code_that_is_known(order, scan, state):
    order("activate", 1, 1, attributes=SEEN | {"dealer": "secret"})
    counted = scan(1)
    actions = {"inactive": "revoke", "frozen": "freeze", "void": "void"}
    order(actions.get(state, "assign"), 1, 1, attributes=VALIDITY.get(state, {}))
    assert scan(1) == replace(counted, result=state, attributes=SEEN | VALIDITY.get(state, {}))


WHOLE_LIFE = ["activate", "freeze", "unfreeze", "revoke", "freeze", "unfreeze", "activate"]
WHOLE_LIFE += ["void", "unvoid", "activate", "freeze", "void", "unvoid", "activate"]


def test_no_action_takes_attributes_counters_or_fingerprints(order, scan, store):
    order("activate", 1, 1, attributes=SEEN | {"max_scans": 2})
    first = scan(1).first_scan
    order("revoke", 1, 1)
    for number, action in enumerate(WHOLE_LIFE, 2):
        order(action, 1, 1, attributes={"native.step": str(number)})
        (piece, _) = store.page(BATCH.batch, 0, digests=True).ranges
        assert dict(piece.attributes) == SEEN | {"max_scans": 2, "native.step": str(number)}
        assert (piece.scanned, piece.held) == (1, 1)
        found = scan(1, "one id for all")
        assert (found.first_scan, found.serial) == (first, 1)
    assert (scan(1).result, scan(1).scans) == ("repeat", 4)


def test_before_its_validity_a_code_is_not_yet_valid_whatever_its_end(order, scan):
    order("activate", 1, 1, attributes={"expires_at": EARLIER})
    order("assign", 1, 1, attributes={"effective_at": LATER})
    assert scan(1).result == "not_yet"


def test_an_order_that_applies_to_no_code_is_taken(order):
    order("void", 1, 5)
    answer = order("activate", 1, 5, skip_void=True)
    assert (answer.applied, answer.applied_count, answer.skipped) == ((), 0, (Range(1, 5),))


def test_every_fingerprint_that_was_looked_up_in_vain_is_a_row(call):
    """Under the rules that fit a batch; under both if none does; none for what is no code."""
    batches = (make_batch(5), replace(BATCH, batch="HM00-UPPER000", canonical="upper"))
    for batch in batches:
        assert call("PUT", f"/v1/batches/{batch.batch}", json=batch.body()).status_code == 200
    rows = {"OOOOOOOOOOOOOOOO": 2, "AOOO-OOOO-OOOO-OOOO": 1, "OO-O": 2, "ZZ2": 1, "茶": 0, "": 0}
    for text, count in rows.items():
        before = len(call("GET", "/v1/unknown-scans").json()["unknown"])
        assert call("POST", "/v1/scans", json={"code": text}).json()["result"] == "unknown"
        assert len(call("GET", "/v1/unknown-scans").json()["unknown"]) - before == count


# --- reading back ------------------------------------------------------------------


def test_a_range_is_what_a_reader_sees_to_be_the_same(order, store):
    """Why a code was voided, and from where it was frozen, splits no range."""
    for first, reason in ((1, "lost"), (3, "stolen"), (5, "lost")):
        order("void", first, first + 1, reason=reason)
    order("activate", 7, 8)
    order("freeze", 7, 10)
    order("assign", 12, 14, attributes={"lot": "L1"})
    order("assign", 13, 13, attributes={"lot": "L2"})
    page = store.page(BATCH.batch, 1, digests=False)
    assert [(piece.first, piece.last, piece.state.value) for piece in page.ranges] == [
        *((2, 6, "void"), (7, 10, "frozen"), (11, 11, "inactive")),
        *((12, 12, "inactive"), (13, 13, "inactive"), (14, 14, "inactive")),
        (15, 20, "inactive"),
    ]


def test_times_and_texts_come_back_as_they_were_sent(call):
    call("PUT", f"/v1/batches/{BATCH.batch}", json=BATCH.body())
    sent = {"effective_at": "2026-01-01T08:00:00.10+08:00", "expires_at": "2027-01-01T00:00:00Z"}
    own = {"lot": " é乌\u0000 ", "produced_at": "last week", "max_scans": 1_000_000}
    body = {"batch": BATCH.batch, "action": "assign", "serials": [[1, 20]], "attributes": own}
    assert call("PUT", "/v1/orders/o", json=body | sent).status_code == 200
    (piece,) = call("GET", f"/v1/batches/{BATCH.batch}").json()["ranges"]
    assert piece["attributes"] == own | sent


@pytest.mark.parametrize("after", [20, 21, 999_999_999_999])
def test_after_the_last_serial_comes_an_empty_last_page(order, store, after):
    page = store.page(BATCH.batch, after, digests=True)
    assert (page.ranges, page.next) == ((), None)


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_the_last_page_of_unknown_scans_has_no_next(store, clock, monkeypatch, rows):
    """Also if it is full."""
    monkeypatch.setattr("mintmark.activation.client.wire.LISTED", 2)
    codes = make_codes(rows, "WXYZ")
    for code in codes:
        store.scan([prints([code])], None, clock())
    pages, after = [], 0
    while after is not None:
        page = store.unknown(after, clock())
        pages.append(len(page.scans))
        after = page.next
    assert pages == [wire.LISTED] * (rows // 2) + [1] * (rows % 2)
