"""Which fingerprints a backend must hold, and backends that hold, or tell of, other ones."""

import hashlib
import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_kit import Backend, client, home_with_batches, opened

from mintmark.activation.backend import serve
from mintmark.activation.backend.store import Store
from mintmark.activation.client import wire
from mintmark.activation.client.protocol import StrangeAnswer, batch_ranges
from mintmark.activation.delivery.deliver import deliver
from mintmark.activation.orders.orders import OrderRequest, book
from mintmark.activation.orders.selection import BySerials
from mintmark.activation.reconcile import sent as module
from mintmark.activation.reconcile.comparison import DifferenceKind
from mintmark.activation.reconcile.reconcile import reconcile
from mintmark.activation.reconcile.sent import Sent, sent
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.lifecycle import Action, ApiState
from mintmark.codegen.ranges.serials import Range

EMPTY = hashlib.sha256().hexdigest()


class Omitting(Store):
    """Leaves the codes in the states `LEFT_OUT` out of what it holds and digests."""

    LEFT_OUT = frozenset()

    def query(self, batch, query):
        page = super().query(batch, query)
        return replace(page, ranges=tuple(map(self.told, page.ranges)))

    def told(self, piece):
        return replace(piece, held=0, digest=EMPTY) if piece.state in self.LEFT_OUT else piece


class Garbling(Omitting):
    """Tells of the codes in these states another digest."""

    def told(self, piece):
        return replace(piece, digest="00" * 32) if piece.state in self.LEFT_OUT else piece


class Halving(Omitting):
    """Leaves one code of these out."""

    def told(self, piece):
        held = max(0, piece.held - 1) if piece.held is not None else None
        return replace(piece, held=held) if piece.state in self.LEFT_OUT else piece


class Desk:
    """A home of 300 codes, 1-200 packaged, and its backend, of a class that may change."""

    def __init__(self, folder, monkeypatch):
        self.monkeypatch, self.data = monkeypatch, folder / "backend"
        self.home, (self.batch,) = home_with_batches(folder)

    @contextmanager
    def backend(self, store=Store, *left_out):
        self.monkeypatch.setattr(serve, "Store", store)
        self.monkeypatch.setattr(Omitting, "LEFT_OUT", frozenset(left_out))
        with (
            Backend(self.data, self.home.path) as backend,
            client(backend.url) as self.line,
            opened(self.home.path) as self.station,
        ):
            yield self

    def order(self, action, named, **more):
        book(self.station, OrderRequest(Action(action), self.batch, BySerials(named), **more))
        assert not deliver(self.station, self.line).queued

    def life(self):
        """Activate 1-40, and lead 1-9, 11-19 and 21-29 away from there."""
        self.order("activate", "1-40")
        self.order("void", "1-9", reason="lost", count=9)
        self.order("freeze", "11-19")
        self.order("revoke", "21-29")

    def compare(self, *, apply=False):
        return reconcile(self.station, self.line, self.batch, apply=apply)

    def must_hold(self):
        with self.station.ledger.read() as view:
            return serials.to_pairs(sent(view, self.batch).ranges)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    made = Desk(tmp_path, monkeypatch)
    yield made
    made.home.close()


WHERE = {ApiState.VOID: (1, 9), ApiState.FROZEN: (11, 19), ApiState.INACTIVE: (21, 29)}


def test_a_digest_that_leaves_codes_out_is_seen_and_an_honest_one_believed(desk):
    with desk.backend():
        desk.life()
        found = desk.compare()
        assert (found.exit_code, found.unverified, desk.must_hold()) == (0, 0, [[1, 40]])
    for left_out in ([ApiState.VOID], [ApiState.FROZEN], [ApiState.INACTIVE], [*WHERE]):
        for store, ours, theirs in (
            (Omitting, "9 sent", "0 held"),
            (Halving, "9 sent", "8 held"),
            (Garbling, "as minted", "others"),
        ):
            with desk.backend(store, *left_out):
                found = desk.compare()
            assert (found.equal, found.exit_code, found.orders) == (False, 3, ())
            assert found.different == 9 * len(left_out)
            assert [(one.serials, one.kind, one.ours, one.theirs) for one in found.differences] == [
                (Range(*WHERE[state]), DifferenceKind.FINGERPRINTS, ours, theirs)
                for state in WHERE
                if state in left_out
            ]


def test_a_range_that_was_active_in_part_is_compared_too(desk):
    with desk.backend():
        desk.order("activate", "1-5;8-10")
        desk.order("void", "1-10", reason="lost", count=10)
        found = desk.compare()
        assert (found.exit_code, found.unverified) == (0, 0)
    named = [Range(1, 5), Range(8, 10)]
    for store, expected in ((Garbling, named), (Omitting, named), (Halving, [Range(1, 10)])):
        with desk.backend(store, ApiState.VOID):
            found = desk.compare()
        assert [one.serials for one in found.differences] == expected


def test_a_backend_that_lost_a_batch_of_revoked_codes_does_not_agree(desk):
    with desk.backend():
        desk.order("activate", "1-9")
        desk.order("revoke", "1-9")
        assert desk.compare().exit_code == 0
    shutil.rmtree(desk.data)
    with desk.backend():
        found = desk.compare()
        assert (found.registered, found.equal, found.different) == (False, False, 9)


def test_a_backend_set_up_anew_is_brought_to_the_books_and_then_agrees(desk):
    with desk.backend():
        desk.life()
    shutil.rmtree(desk.data)
    with desk.backend():
        assert desk.compare().exit_code == 3
        healed = desk.compare(apply=True)
        assert (healed.equal, healed.exit_code) == (True, 0), healed
        # What was lost with the old one; 10, 20 and 30-40 were sent anew.
        assert desk.must_hold() == []
        desk.order("activate", "50-59")
        assert desk.must_hold() == [[50, 59]]


def test_a_backend_brought_back_from_a_copy_must_not_hold_what_was_corrected(desk, tmp_path):
    with desk.backend():
        desk.order("activate", "100")
    shutil.copytree(desk.data, tmp_path / "copy")
    with desk.backend():
        desk.order("activate", "1-9")
        desk.order("void", "1-9", reason="lost", count=9)
        desk.order("activate", "11-19")
        desk.order("revoke", "11-19")
    shutil.rmtree(desk.data)
    shutil.copytree(tmp_path / "copy", desk.data)
    with desk.backend():
        found = desk.compare(apply=True)
        assert [proposal.delivery for proposal in found.orders] == ["acknowledged"]
        assert desk.must_hold() == [[11, 19], [100, 100]]
        # Nothing brings these back but another activation; with them their scans are lost.
        assert [one.serials for one in found.differences] == [Range(11, 19)]
        desk.order("activate", "11-19")
        assert desk.compare().exit_code == 0


def test_an_activation_of_other_codes_than_the_books_is_not_relied_on(desk):
    with desk.backend():
        desk.order("activate", "100")
        desk.line.order(wire.Order("by-hand", desk.batch, "void", [[5, 5]]))
        desk.order("activate", "1-9")
        assert desk.must_hold() == [[100, 100]]


class Paged:
    """A client of a backend whose second page is of another batch."""

    def batch_page(self, batch, after, *, digests, since=None):
        info = wire.Batch(batch, "H", "01", 8, "upper", 20, "s", "k", role="item" if after else "x")
        piece = wire.RangeState(after + 1, after + 10, ApiState.INACTIVE, {}, 0)
        return wire.BatchPage(info, (piece,), None if after else 10)


def test_pages_of_two_batches_are_no_answer():
    with pytest.raises(StrangeAnswer, match="another batch"):
        list(batch_ranges(Paged(), "B"))


# --- pure ----------------------------------------------------------------------------------

ranges = st.sets(st.integers(1, 60), max_size=30).map(serials.of)


@given(ranges, st.integers(1, 60), st.integers(0, 30))
def test_what_lies_within_is_what_both_have(held, first, more):
    whole = Range(first, first + more)
    assert Sent(held).within(whole) == serials.intersect(held, (whole,))


@given(st.lists(ranges, max_size=4))
def test_of_too_many_ranges_the_longest_are_kept(parts):
    held = [piece for part in parts for piece in part]
    joined = serials.union(held)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST", 3)
        kept = module._few(held)
    assert kept == sorted(kept)
    assert set(kept) <= set(joined)
    assert sorted(map(len, kept)) == sorted(map(len, joined))[-3:]
