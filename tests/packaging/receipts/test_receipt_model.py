"""Receipts against a naive model of single codes: random parts, finals, and orders between."""

import copy
import itertools
import tempfile
from dataclasses import asdict
from pathlib import Path

import ledger_kit as kit
import model
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from receipt_kit import QUANTITY, UNITS, book, call
from receipt_kit import correct as book_correction
from receipt_kit import report as book_receipt
from station_kit import make_home

from mintmark.codegen.errors import MintmarkError, Refused, UsageError
from mintmark.codegen.ledger import changes
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.packaging.receipts import voids


def text(numbers):
    return ";".join(f"{first}-{last}" for first, last in model.runs(numbers)) or None


some = st.sets(st.integers(1, 26), max_size=6) | st.tuples(
    st.integers(1, 22), st.integers(0, 8)
).map(lambda at: set(range(at[0], at[0] + at[1] + 1)))


class Booked(RuleBasedStateMachine):
    """The receipts do what the model does, and refuse what it refuses."""

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(voids, "RANGES_PER_ORDER", 2)
        self.folder = tempfile.TemporaryDirectory()
        self.home = make_home(Path(self.folder.name))
        self.station = book(self.home)
        self.ledger = self.station.ledger
        self.books = model.Books(QUANTITY)
        spans = {unit: range(a, b + 1) for unit, (a, b) in UNITS.items()}
        self.model = model.Receipts(self.books, spans)
        self.books.reserve(self.model.serials, "P")
        self.books.package("P")
        self.ids = itertools.count(1)
        self.call = call(self.station)

    def teardown(self):
        result = verify(self.ledger)
        self.home.close()
        self.patch.undo()
        self.folder.cleanup()
        assert result.ok, result.problem

    @rule(
        entry=st.tuples(
            st.none() | st.sampled_from(sorted(UNITS)),
            some,
            st.just(set()) | some,
            st.sampled_from([0, 0, 1, 3]),
        ),
        final=st.sampled_from([False, False, True]),
        count=st.sampled_from([None, "right", 3]),
        inside=st.booleans(),
    )
    def report(self, entry, final, count, inside):
        unit, printed, spoiled, number = entry
        if inside:  # else hardly any receipt would pass
            scope = set(self.model.serials if unit is None else self.model.units[unit])
            scope -= self.model.reported.keys()
            printed, spoiled = printed & scope, (spoiled & scope) - printed
        entry = (unit, printed, spoiled, number)
        if count == "right":
            count = self.would_void(entry, final)
        fields = {
            "printed": text(printed), "spoiled": text(spoiled), "spoiled_count": number,
            "unit": unit, "final": final, "count": count,
        }  # fmt: skip
        try:
            voided = self.model.book([entry], final=final, count=count)
        except model.Refusal as refusal:
            with pytest.raises(UsageError if refusal.why == "nothing" else Refused) as caught:
                book_receipt(self.call, "P", **fields)
            agrees(refusal, caught.value)
            return
        result = book_receipt(self.call, "P", **fields)
        assert numbers(result.voided) == voided
        assert result.exit_code == (75 if voided else 0)
        assert {**self.model.totals(), "packaged": 21, "final": final} == asdict(result.totals)

    @rule(
        entry=st.tuples(
            st.none() | st.sampled_from(sorted(UNITS)),
            some,
            st.just(set()) | some,
            st.sampled_from([None, None, 0, 1, 3]),
        ),
        count=st.sampled_from([None, "right", "right", 3]),
        inside=st.booleans(),
    )
    def correct(self, entry, count, inside):
        unit, printed, spoiled, number = entry
        if inside:
            scope = set(self.model.serials if unit is None else self.model.units[unit])
            if not self.model.final:
                scope &= self.model.reported.keys() | self.model.reopened
            printed, spoiled = printed & scope, (spoiled & scope) - printed
        if not printed and not spoiled and number is None:
            return
        entry = (unit, printed, spoiled, number)
        if count == "right":
            count = self.correction_would_void(entry)
        fields = {
            "printed": text(printed), "spoiled": text(spoiled), "spoiled_count": number,
            "unit": unit, "count": count,
        }  # fmt: skip
        try:
            voided = self.model.correct([entry], count=count)
        except model.Refusal as refusal:
            with pytest.raises(Refused) as caught:
                book_correction(self.call, "P", **fields)
            agrees(refusal, caught.value)
            return
        result = book_correction(self.call, "P", **fields)
        assert numbers(result.voided) == voided
        assert result.exit_code == (75 if voided else 0)
        assert result.totals.final == self.model.final
        for serial in numbers(result.still_void):
            assert self.books.codes[serial].state == "void"
            assert self.model.printed(serial)

    def correction_would_void(self, entry):
        """How many codes the model would void by a correction."""
        trial = copy.deepcopy(self.model)
        for count in range(len(self.model.serials) + 1):
            try:
                return len(trial.correct([entry], count=count))
            except model.Refusal as refusal:
                if refusal.why != "count":
                    return None
        return None

    def would_void(self, entry, final):
        """How many codes the model would void."""
        try:
            return len(self.model.judge([entry], final=final)[2])
        except model.Refusal:
            return None

    @rule(
        action=st.sampled_from(["activate", "freeze", "void", "unvoid", "revoke"]),
        chosen=some.filter(bool),
        counted=st.booleans(),
    )
    def order(self, action, chosen, counted):
        count = sum(self.books.codes[s].state != "void" for s in chosen) if counted else None
        if action == "unvoid" and counted:
            count = len(chosen)
        change = changes.Ordered(
            f"O{next(self.ids)}", "B", Action(action), kit.ranges(*model.runs(chosen)),
            count=count, reason="lost" if action == "void" else None,
        )  # fmt: skip
        before = dict(self.books.codes)
        try:
            done = self.books.order(action, chosen, count=count, reason=change.reason)
            assert done.applied
            if action == "unvoid":
                self.model.unvoided(done.applied)
        except (model.Refusal, AssertionError):
            self.books.codes = before
            with pytest.raises(Refused):
                self.ledger.commit(self.station.author, change)
            return
        self.ledger.commit(self.station.author, change)

    @invariant()
    def the_books_agree(self):
        with self.ledger.read() as view:
            assert view.counts("B") == self.books.states()
            for tile in view.tiles("B"):
                for serial in numbers([tile.serials]):
                    code = self.books.codes[serial]
                    assert (tile.value.state, tile.value.reason) == (code.state, code.reason)
            row = view.package("P")
            assert {**self.model.totals(), "packaged": 21, "final": self.model.final} == asdict(
                row.totals
            )
            missing = view.unreceipted("B", serials.ordered(kit.ranges(*UNITS.values())))
            reported = view.reported("P")
            waiting = view.without_receipt("B")
        alive = [s for s in self.model.serials if self.books.codes[s].state != "void"]
        assert numbers(missing) == [s for s in alive if not self.model.printed(s)]
        for unit, own in self.model.units.items():
            for what in ("printed", "spoiled", "reopened"):
                said = dict.fromkeys(self.model.reopened, "reopened") | self.model.reported
                expected = sum(said.get(serial) == what for serial in own)
                assert reported.get((unit, what), 0) == expected
        expected = min(self.model.totals()["open"], len(alive))
        assert waiting == ({"P": expected} if expected else {})


def numbers(ranges):
    return [serial for piece in ranges for serial in range(piece.first, piece.last + 1)]


def agrees(refusal, error):
    """The error names what the model found, and quotes it as data."""
    assert isinstance(error, MintmarkError)
    if refusal.why in ("outside", "both", "told", "untold"):
        pairs = error.details[refusal.why]
        assert [s for a, b in pairs for s in range(a, b + 1)] == refusal.serials
        assert error.details[f"{refusal.why}_count"] == len(refusal.serials)
    elif refusal.why == "over":
        assert all(item["difference"] > 0 for item in error.details["over"])
    elif refusal.why == "final":
        assert "final" in error.details
    elif refusal.why == "count":
        assert isinstance(error.details["count"], int)


TestBooked = Booked.TestCase
TestBooked.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
