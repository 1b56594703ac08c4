"""Orders at the backend, against the naive model and hand-written expectations."""

import hashlib
import itertools
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from backend_kit import Clock, make_batch, make_codes, prints
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model import ACTIONS, Books, Refusal, runs

from mintmark.activation.backend import dialects, enliven, live_runs
from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.limits import BackendLimits
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges.lifecycle import Action, ApiState
from mintmark.codegen.ranges.serials import Range, ordered, to_pairs

N = 60
CODES = make_codes(N)
BATCH = make_batch(N)


def request(order, action, *ranges, **options):
    serials = tuple(Range(*pair) for pair in ranges)
    return Request(order, BATCH.batch, Action(action), serials, **options)


def filled(store, clock, quantity=N):
    store.register(make_batch(quantity), clock())
    store.upload(BATCH.batch, 1, prints(make_codes(quantity)), clock())
    return store


def states(store, **options):
    """serial → (state, attributes), by pages."""
    found, after = {}, 0
    while after is not None:
        page = store.page(BATCH.batch, after, digests=options.get("digests", False))
        for piece in page.ranges:
            for serial in range(piece.first, piece.last + 1):
                assert serial not in found
                found[serial] = (piece.state.value, dict(piece.attributes))
        after = page.next
    return found


def refused(name, function, *arguments, **options):
    with pytest.raises(Problem) as caught:
        function(*arguments, **options)
    assert caught.value.name == name
    return caught.value


spans = st.tuples(st.integers(1, N), st.integers(1, 12)).map(lambda s: (s[0], min(N, sum(s) - 1)))
orders = st.tuples(
    st.sampled_from(ACTIONS),
    st.lists(spans, min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from([None, None, None, "right", 3]),
    st.sampled_from([None, None, "inactive", "active", "frozen"]),
    st.dictionaries(st.sampled_from(["lot", "dealer"]), st.sampled_from(["x", "y", None])),
)
TO_LEDGER = {"inactive": "packaged", "active": "active", "frozen": "frozen", None: None}


@settings(max_examples=40)
@given(st.lists(orders, max_size=12), st.sampled_from([3, 4, 7, 4096]))
def test_tiles_say_what_a_naive_model_says(sequence, window):
    """Whatever the window: also if an order spans many of them."""
    clock, books = Clock(), Books(N, "packaged")
    with TemporaryDirectory() as folder:
        store = filled(Store(sqlite_url(Path(folder)), BackendLimits(window_tiles=window)), clock)
        for number, (action, pairs, skip, wanted, state, attributes) in enumerate(sequence):
            serials = sorted({s for first, last in pairs for s in range(first, last + 1)})
            ranges = ordered(Range(*pair) for pair in runs(serials))
            void = [s for s in serials if books.codes[s].state == "void"]
            right = len(serials) - (len(void) if skip and action != "unvoid" else 0)
            count = right if wanted == "right" else wanted
            guards = {"skip_void": skip, "count": count, "attributes": attributes}
            order = Request(
                f"o{number}",
                BATCH.batch,
                Action(action),
                ranges,
                from_state=ApiState(state) if state else None,
                **guards,
            )
            try:
                done = books.order(action, serials, from_state=TO_LEDGER[state], **guards)
            except Refusal:
                with pytest.raises(Problem):
                    store.order(order, clock())
            else:
                answer = store.order(order, clock())
                assert to_pairs(answer.applied) == [list(pair) for pair in runs(done.applied)]
                assert to_pairs(answer.skipped) == [list(pair) for pair in runs(done.skipped)]
                assert answer.applied_count == len(done.applied)
                assert answer.skipped_count == len(done.skipped)
        found = states(store)
        model = zip(books.seen(), books.codes.values(), strict=True)
        assert list(found.values()) == [(seen, code.attributes) for seen, code in model]
        page = store.page(BATCH.batch, 0, digests=False)
        standing = {p.first: (p.state, p.attributes) for p in page.ranges}
        assert [p.first for p in page.ranges] == sorted(standing)
        store.close()


def test_equal_neighbours_are_one_range_again(store, clock):
    filled(store, clock)
    for serial in range(2, N + 1, 2):
        store.order(request(f"f{serial}", "freeze", (serial, serial)), clock())
    assert len(store.page(BATCH.batch, 0, digests=False).ranges) == N
    for serial in range(2, N + 1, 2):
        store.order(request(f"u{serial}", "unfreeze", (serial, serial)), clock())
    assert [p.last for p in store.page(BATCH.batch, 0, digests=False).ranges] == [N]


@pytest.mark.parametrize("window", [3, 4, 5, 60])
def test_an_order_spans_many_windows(tmp_path, clock, window):
    store = filled(Store(sqlite_url(tmp_path), BackendLimits(window_tiles=window)), clock)
    thirds = [(serial, serial) for serial in range(3, N + 1, 3)]
    store.order(request("v", "void", *thirds, reason="misprint"), clock())
    answer = store.order(request("a", "activate", (2, N - 1), attributes={"lot": "L"}), clock())
    assert answer.applied_count == N - 2 - len(thirds) + 1
    assert [piece.pair() for piece in answer.applied[:3]] == [[2, 2], [4, 5], [7, 8]]
    found = states(store)
    for serial in range(2, N):
        void = serial % 3 == 0
        assert found[serial] == (("void", {}) if void else ("active", {"lot": "L"}))
    problem = refused("blocked", store.order, request("b", "activate", (1, N)), clock())
    assert problem.members["blocked_total"] == len(thirds)
    store.close()


def test_an_order_is_applied_once(store, clock):
    filled(store, clock)
    order = request("same", "activate", (1, 10), attributes={"lot": "L1"})
    first = store.order(order, clock())
    store.order(request("later", "freeze", (1, 5)), clock())
    again = store.order(replace(order, audit_head="ab" * 32), clock())
    assert again == first == store.get_order("same")
    assert states(store)[1][0] == "frozen"
    for other in (
        replace(order, serials=(Range(1, 9),)),
        replace(order, attributes={"lot": "L2"}),
        replace(order, count=10),
        replace(order, skip_void=False),
        replace(order, action=Action.FREEZE),
        replace(order, from_state=ApiState.INACTIVE),
        replace(order, reason="other"),
    ):
        refused("order-differs", store.order, other, clock())


def test_a_dry_run_answers_and_changes_nothing(store, clock):
    filled(store, clock)
    order = request("try", "activate", (1, 10))
    answer = store.order(replace(order, dry_run=True), clock())
    assert answer.dry_run
    assert answer.applied_count == 10
    refused("not-found", store.get_order, "try")
    assert store.scan([prints(CODES[:1])], None, clock()).result == "unknown"
    assert {state for state, _ in states(store).values()} == {"inactive"}
    assert not store.order(order, clock()).dry_run


def test_what_is_in_the_way_is_named_and_nothing_changes(store, clock):
    filled(store, clock)
    store.order(request("a", "activate", (5, 6), (9, 9)), clock())
    before = states(store)
    problem = refused("blocked", store.order, request("b", "activate", (1, 10)), clock())
    assert problem.members["blocked"] == [
        {"serials": [5, 6], "state": "active"},
        {"serials": [9, 9], "state": "active"},
    ]
    assert problem.members["blocked_total"] == 2
    assert states(store) == before
    refused("blocked", store.get_order, "b")


def test_a_refusal_stays_under_its_id(store, clock):
    """An attempt held up in the network must not take effect after its sender heard the no."""
    filled(store, clock)
    store.order(request("a", "activate", (5, 6)), clock())
    held = request("b", "activate", (1, 10))
    first = refused("blocked", store.order, held, clock())
    store.order(request("c", "revoke", (5, 6)), clock())
    before = states(store)
    again = refused("blocked", store.order, held, clock())
    assert again.body() == first.body() == refused("blocked", store.get_order, "b").body()
    assert states(store) == before
    refused("order-differs", store.order, request("b", "activate", (1, 9)), clock())
    store.order(request("d", "activate", (1, 10)), clock())


def test_what_may_be_mended_may_be_sent_again(store, clock):
    store.register(BATCH, clock())
    order = request("a", "activate", (1, 10))
    refused("fingerprints-missing", store.order, order, clock())
    store.upload(BATCH.batch, 1, prints(make_codes(10)), clock())
    assert store.order(order, clock()).applied_count == 10


def test_the_ranges_in_the_way_are_capped_and_counted(store, clock):
    quantity = 500
    store.register(make_batch(quantity), clock())
    odd = [(serial, serial) for serial in range(1, quantity, 2)]
    store.order(request("f", "freeze", *odd), clock())
    problem = refused("blocked", store.order, request("g", "freeze", (1, quantity)), clock())
    assert len(problem.members["blocked"]) == 100
    assert problem.members["blocked_total"] == 250


def test_the_ranges_in_the_way_are_capped_over_all_windows(tmp_path, clock):
    store = Store(sqlite_url(tmp_path), BackendLimits(window_tiles=50))
    store.register(make_batch(500), clock())
    odd = [(serial, serial) for serial in range(1, 500, 2)]
    store.order(request("f", "freeze", *odd), clock())
    problem = refused("blocked", store.order, request("g", "freeze", (1, 500)), clock())
    shown = [item["serials"] for item in problem.members["blocked"]]
    assert shown == [[serial, serial] for serial in range(1, 200, 2)]
    assert problem.members["blocked_total"] == 250
    store.close()


def test_long_lists_are_cut_and_say_so(store, clock):
    quantity = 4_004
    store.register(make_batch(quantity), clock())
    for part in (0, 1):
        odd = [(s, s) for s in range(1 + 2_002 * part, 2_001 + 2_002 * part, 2)]
        store.order(request(f"v{part}", "void", *odd, reason="sample"), clock())
    answer = store.order(request("f", "freeze", (1, quantity)), clock())
    assert (answer.applied_count, answer.skipped_count) == (2_004, 2_000)
    assert len(answer.applied) == len(answer.skipped) == 1_000
    assert answer.truncated
    assert not store.order(request("u", "unfreeze", (2, 2)), clock()).truncated


def test_guards(store, clock):
    filled(store, clock)
    store.order(request("a", "activate", (1, 10)), clock())
    problem = refused(
        "count-differs", store.order, request("b", "freeze", (1, 10), count=9), clock()
    )
    assert problem.members["would_touch"] == 10
    problem = refused("count-required", store.order, request("c", "void", (1, 20)), clock())
    assert problem.members["blocked"] == [{"serials": [1, 10], "state": "active"}]
    store.order(request("c1", "freeze", (9, 12)), clock())
    problem = refused("count-required", store.order, request("c2", "void", (9, 12)), clock())
    assert problem.members["blocked"] == [{"serials": [9, 10], "state": "frozen"}]
    store.order(request("c3", "unfreeze", (9, 12)), clock())
    active = {"from_state": ApiState.ACTIVE}
    refused("blocked", store.order, request("d", "freeze", (5, 15), **active), clock())
    store.order(request("e", "void", (1, 20), count=20, reason="recalled"), clock())
    refused("blocked", store.order, request("f", "freeze", (1, 21), skip_void=False), clock())
    assert store.order(request("g", "freeze", (1, 21)), clock()).skipped_count == 20
    refused("outside", store.order, request("h", "freeze", (N, N + 1)), clock())
    assert store.order(request("i", "unvoid", (1, 20)), clock()).applied_count == 20


def test_activation_needs_every_fingerprint(store, clock):
    store.register(BATCH, clock())
    store.upload(BATCH.batch, 1, prints(CODES[:10]), clock())
    store.upload(BATCH.batch, 13, prints(CODES[12:30]), clock())
    order = request("a", "activate", (5, 20))
    problem = refused("fingerprints-missing", store.order, order, clock())
    assert problem.members["serial"] == 11
    assert store.scan([prints(CODES[4:5])], None, clock()).result == "unknown"
    store.upload(BATCH.batch, 11, prints(CODES[10:12]), clock())
    assert store.order(order, clock()).applied_count == 16


def test_voided_codes_need_none_and_stay_unknown(store, clock):
    store.register(BATCH, clock())
    store.order(request("v", "void", (2, 2), (4, 4), reason="misprint"), clock())
    for serial in (1, 3, 5):
        store.upload(BATCH.batch, serial, prints(CODES[serial - 1 : serial]), clock())
    store.upload(BATCH.batch, 4, prints(CODES[3:4]), clock())
    store.order(request("a", "activate", (1, 5)), clock())
    results = [store.scan([prints([code])], None, clock()).result for code in CODES[:5]]
    assert results == ["genuine", "unknown", "genuine", "unknown", "genuine"]


def test_uploads_are_invisible_and_expire(store, clock):
    filled(store, clock)
    assert store.scan([prints(CODES[:1])], None, clock()).result == "unknown"
    store.order(request("a", "activate", (1, 5)), clock())
    clock.forward(days=6)
    store.upload(BATCH.batch, 1, prints(CODES[:30]), clock())  # starts anew, the whole chunk
    clock.forward(days=6)
    store.order(request("b", "activate", (6, 10)), clock())
    clock.forward(days=2)
    problem = refused(
        "fingerprints-missing", store.order, request("c", "activate", (11, 11)), clock()
    )
    assert problem.members["serial"] == 11
    assert store.scan([prints(CODES[5:6])], None, clock()).result == "genuine"


def test_expired_uploads_are_forgotten_and_may_differ(store, clock):
    store.register(BATCH, clock())
    store.upload(BATCH.batch, 1, prints(CODES[:2]), clock())
    clock.forward(days=8)
    store.upload(BATCH.batch, 1, prints(CODES[5:7]), clock())
    store.order(request("a", "activate", (1, 2)), clock())
    assert store.scan([prints(CODES[5:6])], None, clock()).serial == 1


@settings(max_examples=12)
@given(st.lists(spans, min_size=1, max_size=5), st.data())
def test_overlapping_uploads_agree_or_are_refused(pairs, data):
    clock = Clock()
    with TemporaryDirectory() as folder:
        store = Store(sqlite_url(Path(folder)))
        store.register(BATCH, clock())
        held = set()
        for number, (first, last) in enumerate(pairs):
            mine = CODES[first - 1 : last]
            store.upload(BATCH.batch, first, prints(mine), clock())
            held |= set(range(first, last + 1))
            wrong = data.draw(st.integers(first, last))
            spoiled = [c if s != wrong else "Z" * 16 for s, c in enumerate(mine, first)]
            refused(
                "fingerprints-differ", store.upload, BATCH.batch, first, prints(spoiled), clock()
            )
            live = data.draw(st.sampled_from([None, first, last]))
            if live and states(store)[live][0] == "inactive":
                store.order(request(f"a{number}", "activate", (live, live)), clock())
        for number, pair in enumerate(runs(held)):
            rest = [s for s in range(pair[0], pair[1] + 1) if states(store)[s][0] == "inactive"]
            if rest:
                store.order(request(f"b{number}", "activate", *runs(rest)), clock())
        found = [store.scan([prints([CODES[s - 1]])], None, clock()).serial for s in sorted(held)]
        assert found == sorted(held)
        store.close()


def test_live_fingerprints_never_change(store, clock):
    store.register(BATCH, clock())
    store.upload(BATCH.batch, 1, prints(CODES[:10]), clock())
    store.order(request("a", "activate", (1, 10)), clock())
    for last in (10, 12):
        spoiled = prints([*CODES[4:9], "Z" * 16, *CODES[10:last]])
        refused("fingerprints-differ", store.upload, BATCH.batch, 5, spoiled, clock())
    store.upload(BATCH.batch, 5, prints(CODES[4:20]), clock())


def test_two_codes_never_share_a_fingerprint(store, clock):
    filled(store, clock)
    store.order(request("a", "activate", (1, 1)), clock())
    store.register(make_batch(5, batch="HM00-OTHER000"), clock())
    store.upload("HM00-OTHER000", 1, prints(CODES[:1]), clock())
    order = replace(request("b", "activate", (1, 1)), batch="HM00-OTHER000")
    problem = refused("fingerprints-taken", store.order, order, clock())
    assert problem.members["serial"] == 1


def test_upload_bounds(store, clock):
    refused("not-found", store.upload, BATCH.batch, 1, bytes(16), clock())
    store.register(BATCH, clock())
    for data in (b"", bytes(15), bytes(17), bytes(16 * 65_537)):
        refused("invalid", store.upload, BATCH.batch, 1, data, clock())
    refused("outside", store.upload, BATCH.batch, N, bytes(32), clock())


def test_a_registered_batch_never_changes(store, clock):
    store.register(BATCH, clock())
    store.order(request("v", "void", (1, 1), reason="lost"), clock())
    store.register(BATCH, clock())
    assert states(store)[1][0] == "void"
    for change in ({"quantity": 61}, {"length": 15}, {"role": "outer"}, {"pair_of": "HM00-X"}):
        refused("batch-differs", store.register, replace(BATCH, **change), clock())


def test_digests_are_of_the_live_fingerprints_in_serial_order(store, clock, monkeypatch):
    filled(store, clock)
    store.order(request("a", "activate", (11, 30)), clock())
    store.scan([prints(CODES[10:11])], None, clock())
    first, second, third = store.page(BATCH.batch, 0, digests=True).ranges
    assert (second.first, second.last, second.held, second.scanned) == (11, 30, 20, 1)
    assert second.digest == hashlib.sha256(prints(CODES[10:30])).hexdigest()
    assert (first.held, third.held) == (0, 0)
    assert first.digest == hashlib.sha256(b"").hexdigest()
    monkeypatch.setattr("mintmark.activation.client.wire.PAGE_CODES", 7)
    page = store.page(BATCH.batch, 10, digests=True)
    assert [(p.first, p.last) for p in page.ranges] == [(11, 17)]
    assert page.next == 17
    assert states(store, digests=True)[30][0] == "active"


def test_pages_cut_the_range_they_begin_in(store, clock):
    filled(store, clock)
    page = store.page(BATCH.batch, 25, digests=False)
    assert [(p.first, p.last) for p in page.ranges] == [(26, N)]
    assert page.next is None
    assert not store.page(BATCH.batch, N, digests=False).ranges
    refused("not-found", store.page, "HM00-NOWHERE", 0, digests=False)


def test_a_page_ends_early_where_attributes_are_long(tmp_path, clock):
    store = Store(sqlite_url(tmp_path), BackendLimits(page_attribute_chars=250))
    filled(store, clock)
    for serial in range(1, 9):
        lot = {"lot": str(serial) * 100}
        store.order(request(f"o{serial}", "assign", (serial, serial), attributes=lot), clock())
    pages, after = [], 0
    while after is not None:
        page = store.page(BATCH.batch, after, digests=False)
        pages.append([piece.last for piece in page.ranges])
        after = page.next
    assert pages == [[1, 2, 3], [4, 5, 6], [7, 8, N]]
    store.close()


def test_an_activation_holds_a_slice_at_a_time(store, clock, monkeypatch):
    """A range of any size goes into the table of scans in its order, stretch by stretch."""
    seen, insert = [], dialects.insert_fingerprints

    def counted(connection, batch, found, serials):
        seen.append(found.tolist())
        return insert(connection, batch, found, serials)

    monkeypatch.setattr(dialects, "insert_fingerprints", counted)
    monkeypatch.setattr(enliven, "_SLICE", 5)
    monkeypatch.setattr(enliven, "_SLICES", 3)
    store.register(BATCH, clock())
    for first in range(1, 41, 10):
        store.upload(BATCH.batch, first, prints(CODES[first - 1 : first + 9]), clock())
    store.order(request("a", "activate", (5, 40)), clock())
    slices, wanted = [4, 4], [prints([code]) for code in CODES[4:40]]  # of 16 codes, and of 20
    for count, codes in zip(slices, (wanted[:16], wanted[16:]), strict=True):
        stretch, seen = seen[:count], seen[count:]
        assert all(stretch)
        assert list(itertools.chain(*stretch)) == sorted(codes)
    assert not seen


def activated(wanted, held, live, owned):
    """What is live then, code by code: fingerprint → serial; or the refusal and its serial."""
    after = dict(live)
    for serial in wanted:
        if serial not in held:
            return "fingerprints-missing", serial
        if after.setdefault(owned[serial - 1], serial) != serial:
            return "fingerprints-taken", serial
    return after


def check_by_serial(store, live):
    """Read back by serial, and scanned by fingerprint."""
    by_serial = {serial: found for found, serial in live.items()}
    for piece in store.page(BATCH.batch, 0, digests=True).ranges:
        inside = [by_serial[s] for s in range(piece.first, piece.last + 1) if s in by_serial]
        assert piece.held == len(inside)
        assert piece.digest == hashlib.sha256(b"".join(inside)).hexdigest()
    for code in CODES:
        found = prints([code])
        assert store.scan([found], None, Clock()()).serial == live.get(found)


@pytest.fixture
def small(monkeypatch):
    """Slices, stretches and runs of a few codes."""
    monkeypatch.setattr(enliven, "_SLICE", 3)
    monkeypatch.setattr(enliven, "_SLICES", 2)
    monkeypatch.setattr(enliven, "_ASKED", 4)
    monkeypatch.setattr(live_runs, "RUN_CODES", 4)
    monkeypatch.setattr(live_runs, "_READ_CODES", 8)


@pytest.mark.usefixtures("small")
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    twins=st.dictionaries(st.integers(1, N), st.integers(1, N), max_size=4),
    chunks=st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=8),
    pairs=st.lists(spans, min_size=1, max_size=4),
)
def test_activations_take_what_a_table_of_single_codes_would(twins, chunks, pairs):
    """Whatever was uploaded in which chunks, is live already, or is another code's fingerprint."""
    owned = [prints([CODES[twins.get(serial, serial) - 1]]) for serial in range(1, N + 1)]
    clock, held, live, first = Clock(), set(), {}, 1
    with TemporaryDirectory() as folder:
        store = Store(sqlite_url(Path(folder)))
        store.register(BATCH, clock())
        for size, comes in chunks:
            last = min(first + size - 1, N)
            if comes and first <= last:
                store.upload(BATCH.batch, first, b"".join(owned[first - 1 : last]), clock())
                held |= set(range(first, last + 1))
            first = last + 1
        for number, pair in enumerate(pairs):
            order = request(f"o{number}", "activate", pair)
            serials = range(pair[0], pair[1] + 1)
            if any(states(store)[serial][0] == "active" for serial in serials):
                store.order(request(f"r{number}", "revoke", *runs(
                    s for s in serials if states(store)[s][0] == "active")), clock())  # fmt: skip
            wanted = activated(serials, held, live, owned)
            if isinstance(wanted, tuple):
                name, serial = wanted
                assert refused(name, store.order, order, clock()).members["serial"] == serial
            else:
                store.order(order, clock())
                live = wanted
        check_by_serial(store, live)
        store.close()
