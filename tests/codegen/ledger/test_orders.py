"""Ranges, exports and orders: against a naive model of single codes, and by example."""

import dataclasses
import itertools
import tempfile
from datetime import timedelta
from pathlib import Path

import model
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ledger_kit import (
    CUSTODIAN,
    LINE,
    START,
    STATION,
    begun,
    clock,
    create,
    minted,
    ordered,
    packaged,
    ranges,
    scanned_in,
    scheduled,
    unit_of,
    with_package,
)

from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ledger import _tiles, changes
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges import attributes, serials
from mintmark.codegen.ranges.lifecycle import Action, Reason, State
from mintmark.codegen.ranges.serials import Range

QUANTITY = 40


@st.composite
def some_serials(draw):
    """A few ranges of 1..QUANTITY as pairs, ascending, with gaps."""
    edges = sorted(draw(st.sets(st.integers(1, QUANTITY + 1), min_size=2, max_size=6)))
    edges = edges[: len(edges) // 2 * 2]
    return tuple((first, last - 1) for first, last in zip(edges[::2], edges[1::2], strict=True))


def numbers(pairs):
    return [serial for first, last in pairs for serial in range(first, last + 1)]


class Books(RuleBasedStateMachine):
    """The ledger does what the model does, or refuses as it does, and nothing else."""

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(_tiles, "PAGE", 3)
        self.patch.setattr(_tiles, "NEAR", 2)
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = create(Path(self.folder.name) / "ledger.db")
        self.ledger.commit(STATION, minted("B", QUANTITY), minted("other", QUANTITY))
        self.model = model.Books(QUANTITY)
        self.ids = itertools.count(1)
        self.open = {}
        self.waiting = {}

    def teardown(self):
        result = verify(self.ledger)
        self.patch.undo()
        self.ledger.close()
        self.folder.cleanup()
        assert result.ok, result.problem

    @rule(pairs=some_serials())
    def export(self, pairs):
        package = f"P{next(self.ids)}"
        in_the_way = []
        try:
            self.model.reserve(numbers(pairs), package)
        except model.Refusal as refusal:
            in_the_way = refusal.serials
        if in_the_way:
            with pytest.raises(Refused) as caught:
                self.ledger.commit(STATION, begun(package, "B", *pairs))
            assert blocked(caught.value) == in_the_way
        else:
            self.ledger.commit(STATION, begun(package, "B", *pairs))
            self.open[package] = pairs

    @precondition(lambda self: self.open)
    @rule(well=st.booleans(), data=st.data())
    def end_export(self, well, data):
        package = data.draw(st.sampled_from(sorted(self.open)))
        pairs = self.open.pop(package)
        if well:
            (done,) = self.ledger.commit(CUSTODIAN, packaged(package, *pairs))
            self.model.package(package)
        else:
            (done,) = self.ledger.commit(CUSTODIAN, changes.ExportAbandoned(package, "no"))
            self.model.abandon(package)
        assert done.applied == ranges(*pairs)

    @rule(
        action=st.sampled_from(model.ACTIONS),
        pairs=some_serials(),
        values=st.fixed_dictionaries(
            {
                "skip_void": st.booleans(),
                "from_state": st.none() | st.sampled_from(model.STATES),
                "count": st.none() | st.just("right") | st.integers(0, QUANTITY),
                "attributes": st.dictionaries(
                    st.sampled_from(["lot", "dealer"]),
                    st.none() | st.sampled_from(["x", "y"]),
                    max_size=2,
                ),
                "reason": st.none() | st.sampled_from(["damaged", "lost"]),
            }
        ),
        dry_run=st.booleans(),
    )
    def order(self, action, pairs, values, dry_run):
        from_state, count = values["from_state"], values["count"]
        if count == "right":
            passed = values["skip_void"] and action != "unvoid"
            wanted = [self.model.codes[serial] for serial in numbers(pairs)]
            count = sum(not (passed and code.state == "void") for code in wanted)
        before = {serial: dataclasses.replace(code) for serial, code in self.model.codes.items()}
        values["count"] = count
        try:
            done = self.model.order(action, numbers(pairs), **values)
        except model.Refusal as refusal:
            why, in_the_way, done = refusal.why, refusal.serials, None
        values["from_state"] = None if from_state is None else State(from_state)
        change = ordered(f"O{next(self.ids)}", "B", action, *pairs, **values)
        if done is None or not done.applied:
            with pytest.raises(Refused) as caught:
                self.ledger.commit(LINE, change, dry_run=dry_run)
            if done is None and why == "state" and from_state is None:
                assert blocked(caught.value) == in_the_way
            self.model.codes = before
            return
        (committed,) = self.ledger.commit(LINE, change, dry_run=dry_run)
        assert numbers(serials.to_pairs(committed.applied)) == done.applied
        assert numbers(serials.to_pairs(committed.skipped)) == done.skipped
        if dry_run:
            self.model.codes = before
        else:
            (again,) = self.ledger.commit(LINE, change)
            assert again == dataclasses.replace(committed, repeated=True)

    @rule(action=st.sampled_from(model.ACTIONS), pairs=some_serials())
    def schedule(self, action, pairs):
        order = f"O{next(self.ids)}"
        self.ledger.commit(LINE, scheduled(order, "B", action, *pairs))
        self.waiting[order] = action, pairs

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def end_schedule(self, data):
        order = data.draw(st.sampled_from(sorted(self.waiting)))
        action, pairs = self.waiting.pop(order)
        try:
            done = self.model.order(action, numbers(pairs))
        except model.Refusal:
            done = None
        ended, change = changes.ScheduleEnded(order, "booked"), ordered(order, "B", action, *pairs)
        if done is None or not done.applied:
            with pytest.raises(Refused):
                self.ledger.commit(LINE, ended, change)
            self.ledger.commit(LINE, changes.ScheduleEnded(order, "refused"))
        else:
            _, committed = self.ledger.commit(LINE, ended, change)
            assert numbers(serials.to_pairs(committed.applied)) == done.applied

    @rule(pairs=some_serials(), dealer=st.sampled_from(["x", "y"]))
    def scan_in(self, pairs, dealer):
        name, at = f"I{next(self.ids)}", "2026-12-01T00:00:00Z"
        self.ledger.commit(STATION, scanned_in(name, 1, ("B", *pairs), dealer=dealer, at=at))
        for serial in numbers(pairs):
            code = self.model.codes[serial]
            if code.accepts("assign"):
                given = {"dealer": dealer, "scanned_in": at}
                self.model.codes[serial] = code.after("assign", given)

    @invariant()
    def every_code_stands_where_the_model_has_it(self):
        with self.ledger.read() as view:
            tiles = view.tiles("B")
            assert view.counts("B") == self.model.states()
            reserved = sum(code.reserved for code in self.model.codes.values())
            assert view.reserved("B") == reserved
            assert view.counts("other") == {**dict.fromkeys(State, 0), State.SEALED: QUANTITY}
        assert [tile.serials.first for tile in tiles] == [
            1, *(tile.serials.last + 1 for tile in tiles[:-1])
        ]  # fmt: skip
        assert tiles[-1].serials.last == QUANTITY
        assert all(a.value != b.value for a, b in itertools.pairwise(tiles))
        for tile in tiles:
            for serial in range(tile.serials.first, tile.serials.last + 1):
                code, standing = self.model.codes[serial], tile.value
                assert (standing.state, standing.package) == (code.state, code.package)
                assert (standing.back, standing.reason) == (code.was, code.reason)
                assert attributes.to_json(standing.attributes) == code.attributes


def blocked(refused):
    """The single serials a refusal names."""
    pairs = [pair for item in refused.details["blocked"] for pair in item["serials"]]
    assert refused.details["blocked_total"] == len(refused.details["blocked"])
    return numbers(pairs)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


@pytest.fixture(scope="module")
def books(shelf, tmp_path_factory):
    """The bytes of a ledger with 100 codes, of which 1-60 are packaged."""
    path = shelf.new(tmp_path_factory.mktemp("books"))
    with create(path) as ledger:
        ledger.commit(STATION, minted("B", 100))
        with_package(ledger, "B", "P", (1, 60))
    return shelf.keep(path)


@pytest.fixture
def place(shelf, books, tmp_path):
    return shelf.again(books, tmp_path)


@pytest.fixture
def ledger(place):
    with Ledger.open(place, clock()) as ledger:
        yield ledger


@pytest.fixture(params=[(2, 1), (3, 0), (3, 64), (2_000, 64)], ids=str)
def pages(request, monkeypatch):
    """Pages so small, and groups so near, that their edges matter."""
    page, near = request.param
    monkeypatch.setattr(_tiles, "PAGE", page)
    monkeypatch.setattr(_tiles, "NEAR", near)
    monkeypatch.setattr(_tiles, "MANY", near)


def states(ledger):
    with ledger.read() as view:
        return [(str(tile.serials), tile.value.state.value) for tile in view.tiles("B")]


def head(ledger):
    with ledger.read() as view:
        return view.head()


def test_scattered_orders_split_and_join_tiles(ledger, pages):
    odd = [(n, n) for n in range(1, 60, 2)]
    ledger.commit(LINE, ordered("O1", "B", "activate", *odd))
    assert len(states(ledger)) == 61
    assert states(ledger)[:3] == [("1", "active"), ("2", "packaged"), ("3", "active")]
    even = [(n, n) for n in range(2, 61, 2)]
    ledger.commit(LINE, ordered("O2", "B", "activate", *even))
    assert states(ledger) == [("1-60", "active"), ("61-100", "sealed")]
    ledger.commit(LINE, ordered("O3", "B", "freeze", (1, 1), (60, 60)))
    ledger.commit(LINE, ordered("O4", "B", "void", (1, 100), reason="recalled", count=100))
    ledger.commit(LINE, ordered("O5", "B", "unvoid", (1, 100)))
    assert states(ledger) == [("1-60", "packaged"), ("61-100", "sealed")]
    assert verify(ledger).ok


def test_selecting_cuts_the_tiles(ledger, pages):
    ledger.commit(LINE, ordered("O1", "B", "void", (10, 10), (12, 12), (14, 14), reason="lost"))
    with ledger.read() as view:
        cut = [
            (str(tile.serials), tile.value.state.value)
            for tile in view.select("B", ranges((9, 12), (14, 15), (50, 100)))
        ]
        assert view.at("B", 14).state is State.VOID
        with pytest.raises(UsageError, match="outside"):
            view.at("B", 101)
    assert cut == [
        ("9", "packaged"), ("10", "void"), ("11", "packaged"), ("12", "void"),
        ("14", "void"), ("15", "packaged"), ("50-60", "packaged"), ("61-100", "sealed"),
    ]  # fmt: skip


def test_a_refusal_names_the_ranges_in_the_way_and_the_next_command(ledger, pages):
    ledger.commit(LINE, ordered("O1", "B", "activate", (5, 9)))
    before = head(ledger)
    with pytest.raises(Refused) as caught:
        ledger.commit(LINE, ordered("O2", "B", "activate", (1, 70)))
    assert caught.value.details == {
        "blocked": [
            {"serials": [[5, 9]], "state": "active"},
            {"serials": [[61, 70]], "state": "sealed"},
        ],
        "blocked_total": 2,
    }
    assert any("mintmark batch show B" in hint for hint in caught.value.hints)
    assert head(ledger) == before


def test_active_codes_are_voided_only_by_number(ledger):
    ledger.commit(LINE, ordered("O1", "B", "activate", (1, 10)))
    with pytest.raises(Refused) as caught:
        ledger.commit(LINE, ordered("O2", "B", "void", (10, 12), reason="stolen"))
    assert any("--count 3" in hint for hint in caught.value.hints)
    with pytest.raises(Refused, match="3 codes, not 2"):
        ledger.commit(LINE, ordered("O2", "B", "void", (10, 12), reason="stolen", count=2))
    ledger.commit(LINE, ordered("O2", "B", "void", (10, 12), reason="stolen", count=3))


def test_codes_frozen_while_active_are_voided_only_by_number(ledger):
    ledger.commit(LINE, ordered("O1", "B", "activate", (1, 10)))
    ledger.commit(LINE, ordered("O2", "B", "freeze", (5, 20)))
    with pytest.raises(Refused, match="6 of these codes are active, or frozen while active"):
        ledger.commit(LINE, ordered("O3", "B", "void", (5, 20), reason="stolen"))
    ledger.commit(LINE, ordered("O3", "B", "void", (11, 20), reason="stolen"))
    ledger.commit(LINE, ordered("O4", "B", "void", (5, 10), reason="stolen", count=6))


def test_void_codes_are_passed_over_and_told(ledger, pages):
    ledger.commit(LINE, ordered("O1", "B", "void", (3, 4), reason="misprint"))
    with pytest.raises(Refused):
        ledger.commit(LINE, ordered("O2", "B", "activate", (1, 6), skip_void=False))
    (done,) = ledger.commit(LINE, ordered("O2", "B", "activate", (1, 6)))
    assert (done.applied, done.skipped) == (ranges((1, 2), (5, 6)), ranges((3, 4)))
    with pytest.raises(Refused, match="nothing to do"):
        ledger.commit(LINE, ordered("O3", "B", "activate", (3, 4)))
    with ledger.read() as view:
        order = view.order("O2")
    assert (order.applied_count, order.skipped_count, order.skipped) == (4, 2, ranges((3, 4)))


def test_the_same_order_again_is_the_same_order(ledger):
    ledger.commit(LINE, ordered("O0", "B", "void", (3, 4), reason="misprint"))
    order = ordered("O1", "B", "activate", (1, 3), (5, 9), attributes={"lot": "L"})
    (first,) = ledger.commit(LINE, order)
    before = head(ledger)
    (again,) = ledger.commit(STATION, order)
    assert again == dataclasses.replace(first, repeated=True)
    assert head(ledger) == before
    for other in (
        dataclasses.replace(order, attributes={"lot": "M"}),
        dataclasses.replace(order, serials=ranges((1, 9))),
        dataclasses.replace(order, action=Action.FREEZE),
        dataclasses.replace(order, line="other"),
    ):
        with pytest.raises(Refused, match="says something else"):
            ledger.commit(LINE, other)


def test_a_dry_run_tells_what_would_be_and_books_nothing(ledger):
    before = head(ledger)
    order = ordered("O1", "B", "activate", (1, 3))
    (rehearsed,) = ledger.commit(LINE, order, dry_run=True)
    assert (rehearsed.seq, rehearsed.applied) == (before[0] + 1, ranges((1, 3)))
    assert head(ledger) == before
    assert states(ledger) == [("1-60", "packaged"), ("61-100", "sealed")]


def test_unordered_serials_are_put_in_order(ledger):
    (done,) = ledger.commit(LINE, ordered("O1", "B", "activate", (7, 9), (1, 3), (4, 5)))
    assert done.applied == done.change.serials == ranges((1, 5), (7, 9))
    with pytest.raises(UsageError, match="overlap"):
        ledger.commit(LINE, ordered("O2", "B", "freeze", (1, 3), (3, 4)))


BAD = [
    (ordered("X", "B", "activate", (1, 101)), UsageError, "outside batch"),
    (ordered("X", "B", "activate"), UsageError, "serials"),
    (ordered("X", "none", "activate", (1, 1)), NotFound, "no batch 'none'"),
    (ordered("X", "B", "void", (1, 1), reason="dropped"), UsageError, "reason"),
    (ordered("X", "B", "activate", (1, 1), attributes={"colour": "x"}), UsageError, "unknown attr"),
    (ordered("X", "B", "activate", (9, 9), from_state=State.FROZEN), Refused, "9 packaged"),
    (begun("P", "B", (90, 91)), Refused, "'P' is taken"),
    (begun("X", "B", (60, 61)), Refused, "60 packaged"),
    (begun("X", "none", (1, 1)), NotFound, "no batch"),
    (
        changes.ExportBegun("X", "B", (Range(90, 91),), "nobody", "csv"),
        NotFound,
        "no contact 'nobody'",
    ),
    (packaged("P", (1, 60)), Refused, "packaged already"),
    (packaged("X", (1, 60)), NotFound, "no package"),
    (changes.ExportAbandoned("P", "x"), Refused, "packaged already"),
    (changes.Settled("X", "acknowledged"), NotFound, "no order"),
    (changes.ContactAdded("li", "again", None), Refused, "'li' is taken"),
    (changes.HomeMade("h", "s", "f"), Refused, "home already"),
    (minted("B", 5), Refused, "'B' is taken"),
    (minted("X", 0), UsageError, "at least one"),
    (changes.KeyAdded("key-1", "line", "n", "00" * 32), Refused, "'key-1' is taken"),
    (changes.KeyAdded("k", "robot", "n", "00" * 32), UsageError, "not a key"),
    (changes.KeyAdded("k", "line", "n", "xyz"), UsageError, "not a key"),
    (changes.KeyRevoked("k", "x"), NotFound, "no key 'k'"),
    (changes.KeyRevoked("key-1", "x"), Refused, "last station key"),
]


@pytest.mark.parametrize(("change", "error", "words"), BAD)
def test_what_means_nothing_is_refused_whole(ledger, change, error, words):
    before, good = head(ledger), ordered("good", "B", "activate", (1, 2))
    with pytest.raises(error, match=words):
        ledger.commit(STATION, good, change)
    assert head(ledger) == before
    assert states(ledger) == [("1-60", "packaged"), ("61-100", "sealed")]


@pytest.mark.parametrize("reason", [None, *Reason])
def test_every_reason_of_the_table_voids(ledger, reason):
    ledger.commit(LINE, ordered("O1", "B", "void", (1, 1), reason=reason))
    with ledger.read() as view:
        assert view.at("B", 1).reason == reason


def test_units_must_hold_what_was_reserved(ledger):
    ledger.commit(STATION, begun("P2", "B", (61, 80)))
    with pytest.raises(Refused, match="as many codes"):
        ledger.commit(CUSTODIAN, packaged("P2", (61, 79)))
    twice = packaged("P2", (61, 70), (71, 80))
    same = dataclasses.replace(twice, units=(twice.units[0],) * 2)
    with pytest.raises(Refused, match="same id"):
        ledger.commit(CUSTODIAN, same)
    with pytest.raises(Refused, match="custodian"):
        ledger.commit(STATION, dataclasses.replace(twice, custodian_key_id="key-2"))
    ledger.commit(CUSTODIAN, twice)
    with ledger.read() as view:
        assert [unit.first for unit in view.units("P2")] == [61, 71]
        assert unit_of(view, "B", 75) == view.unit("P2-2").unit == "P2-2"
        assert unit_of(view, "B", 90) is None
        assert view.open_exports() == ()


def test_a_reserved_range_stays_out_of_orders_and_of_the_next_export(ledger):
    ledger.commit(STATION, begun("P2", "B", (61, 70)))
    with ledger.read() as view:
        assert view.first_sealed("B", 30) == ranges((71, 100))
        with pytest.raises(Refused, match="30 sealed codes left, not 31"):
            view.first_sealed("B", 31)
        assert [row.package for row in view.open_exports()] == ["P2"]
    with pytest.raises(Refused, match="reserved for P2"):
        ledger.commit(LINE, ordered("O1", "B", "void", (70, 71), reason="lost"))
    ledger.commit(STATION, changes.ExportAbandoned("P2", "interrupted"))
    with ledger.read() as view:
        assert view.first_sealed("B", 3) == ranges((61, 63))


def test_the_guard_sees_the_books_under_the_lock_and_can_stop_everything(ledger):
    seen = []

    def guard(view):
        seen.append(view.counts("B")[State.PACKAGED])
        raise Refused("policy")

    before = head(ledger)
    with pytest.raises(Refused, match="policy"):
        ledger.commit(LINE, ordered("O1", "B", "activate", (1, 2)), guard=guard)
    assert seen == [60]
    assert head(ledger) == before


def test_files_are_prepared_after_the_guard_and_before_the_change(ledger):
    steps, impossible = [], ordered("O1", "B", "activate", (61, 61))
    with pytest.raises(Refused, match="in the way"):
        ledger.commit(
            LINE,
            impossible,
            guard=lambda _: steps.append("guard"),
            prepare=lambda: steps.append("prepare"),
        )
    assert steps == ["guard", "prepare"]


@pytest.mark.parametrize("stopped_by", ["guard", "prepare"])
def test_files_that_cannot_be_prepared_stop_everything(ledger, stopped_by):
    prepared, before = [], head(ledger)

    def stop(*_):
        raise OSError(stopped_by)

    def prepare():
        prepared.append(1)
        stop()

    guard = stop if stopped_by == "guard" else None
    with pytest.raises(OSError, match=stopped_by):
        ledger.commit(LINE, ordered("O1", "B", "activate", (1, 2)), guard=guard, prepare=prepare)
    assert len(prepared) == (stopped_by == "prepare")
    assert head(ledger) == before


def test_a_dry_run_prepares_no_files(ledger):
    order = ordered("O1", "B", "activate", (1, 2))
    ledger.commit(LINE, order, prepare=lambda: pytest.fail("renamed"), dry_run=True)


def test_settling_happens_once_and_only_an_untried_order_is_cancelled(ledger):
    orders = [ordered(f"O{n}", "B", "activate", (n, n)) for n in (1, 2, 3)]
    ledger.commit(LINE, *orders)
    ledger.claim("O1", "me", START + timedelta(seconds=9), START)
    with pytest.raises(Refused, match="may have reached"):
        ledger.commit(LINE, changes.Settled("O1", "cancelled"))
    ledger.commit(LINE, changes.Settled("O1", "refused", "409"), changes.Settled("O2", "cancelled"))
    for status in ("acknowledged", "refused", "cancelled"):
        with pytest.raises(Refused, match="already"):
            ledger.commit(LINE, changes.Settled("O2", status))
    with pytest.raises(UsageError, match="acknowledged"):
        ledger.commit(LINE, changes.Settled("O3", "done"))
    with ledger.read() as view:
        assert [row.order for row in view.orders(status="queued")] == ["O3"]
        assert [row.status for row in view.orders("B")] == ["refused", "cancelled", "queued"]
        assert view.order("O1").detail == "409"
        assert view.waiting("B") == (1, 1)


def test_the_outbox_is_first_in_first_out_per_batch(ledger):
    ledger.commit(STATION, minted("C", 10))
    with_package(ledger, "C", "PC", (1, 10))
    for n, batch in enumerate("BBCC", 1):
        ledger.commit(LINE, ordered(f"O{n}", batch, "activate", (n, n)))
    now, later = START, START + timedelta(minutes=1)

    def due(time, limit=10):
        with ledger.read() as view:
            return [row.order for row in view.due(time, limit)]

    assert due(now) == ["O1", "O3"]
    assert due(now, 1) == ["O1"]
    assert ledger.claim("O1", "me", later, now)
    assert not ledger.claim("O1", "you", later, now)
    assert due(now) == ["O3"]
    assert due(later) == ["O1", "O3"]
    ledger.attempted("O1", later + timedelta(minutes=1), "away")
    ledger.release("O1", "you")
    with ledger.read() as view:
        row = view.order("O1")
        assert (row.attempts, row.holder, row.detail) == (1, "me", "away")
    ledger.release("O1", "me")
    assert due(later) == ["O3"]
    assert due(later + timedelta(minutes=1)) == ["O1", "O3"]
    assert ledger.claim("O1", "you", later, now)
    ledger.commit(LINE, changes.Settled("O1", "refused"))
    assert due(now) == ["O2", "O3"]
    assert not ledger.claim("O1", "me", later, now)
    with pytest.raises(NotFound):
        ledger.claim("O9", "me", later, now)


def test_waiting_counts_a_code_once(ledger, pages):
    ledger.commit(LINE, ordered("O0", "B", "void", (5, 5), reason="lost"))
    ledger.commit(LINE, changes.Settled("O0", "acknowledged"))
    ledger.commit(LINE, ordered("O1", "B", "activate", (1, 10)))
    ledger.commit(LINE, ordered("O2", "B", "freeze", (8, 12), (20, 20)))
    ledger.commit(LINE, ordered("O3", "B", "revoke", (2, 3)))
    with ledger.read() as view:
        assert view.waiting("B") == (12, 0)


def test_orders_are_paged_in_the_order_they_were_given(ledger):
    names = ["Z", "M", "A", "K"]
    for n, name in enumerate(names, 1):
        ledger.commit(LINE, ordered(name, "B", "activate", (n, n)))
    with ledger.read() as view:
        assert [row.order for row in view.orders(limit=3)] == names[:3]
        assert [row.order for row in view.orders(after="M")] == names[2:]


def test_batches_are_found_and_counted(ledger):
    ledger.commit(STATION, minted("C", 50, ref="R"), minted("D", 7, alphabet="xyz"))
    with pytest.raises(Refused, match="'R' is taken"):
        ledger.commit(STATION, minted("E", 50, ref="R"))
    with ledger.read() as view:
        assert [row.batch for row in view.batches()] == ["B", "C", "D"]
        assert view.batch_by_ref("R").batch == "C"
        assert view.batch_by_ref("S") is None
        assert view.issued("abc", 16) == 150
        assert view.issued("abc", 15) == 0
        assert view.issued_total() == 157
        assert view.batch("D").minted_at == START
        assert view.home().home == "4F2K-AAAAAAAAAAAA"
        assert [row.key_id for row in view.roster("line")] == ["key-2"]
        assert view.key("key-3").kind == "custodian"
        assert view.contact("li").name == "Ms Li"
        assert [row.contact for row in view.contacts()] == ["li"]
        assert view.package("P").serials == ranges((1, 60))
        assert [row.package for row in view.packages("B")] == ["P"]
        assert view.packages("C") == ()
        for ask in (view.batch, view.contact, view.key, view.package, view.order, view.unit):
            with pytest.raises(NotFound) as caught:
                ask("none")
            assert "mintmark" in caught.value.hints[0]
