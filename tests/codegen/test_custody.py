"""A deputy opens what was minted after they were admitted, and what a custodian sealed anew."""

import os
from dataclasses import replace

import pytest
from station_kit import make_home

from mintmark.codegen import custody, roster
from mintmark.codegen.errors import IntegrityError, NotFound, Refused, UsageError
from mintmark.codegen.ledger.changes import Incident, KeyAdded
from mintmark.codegen.station import keys


@pytest.fixture
def home(tmp_path):
    made = make_home(tmp_path)
    yield made
    made.close()


@pytest.fixture
def deputy(tmp_path):
    key = keys.new_custodian_key(os.urandom)
    keys.write_custodian_public(tmp_path / "deputy.pub", key.public)
    return key


def quiet(*_):
    """A tick nobody watches."""


def admitted(home, tmp_path):
    return custody.admit(home.station(), tmp_path / "deputy.pub", "Zhao Min")


def events(home, kind):
    with home.station().ledger.read() as view:
        return [e.change for e in view.events(limit=1_000) if isinstance(e.change, kind)]


def test_a_deputy_opens_what_is_minted_from_then_on(home, deputy, tmp_path):
    before = home.mint().batch
    shown = admitted(home, tmp_path)
    assert (shown.key_id, shown.kind, shown.name) == (deputy.public.key_id, "custodian", "Zhao Min")
    after = home.mint().batch
    as_deputy = replace(home, custodian=deputy, opened=[])
    assert as_deputy.codes(after) == home.codes(after)
    with pytest.raises(IntegrityError):
        as_deputy.codes(before)
    as_deputy.close()


def test_earlier_batches_open_once_a_custodian_sealed_them_anew(home, deputy, tmp_path):
    batches = [home.mint().batch for _ in range(2)]
    codes = [home.codes(batch) for batch in batches]
    admitted(home, tmp_path)
    both = [home.custodian.public.key_id, deputy.public.key_id]
    done = custody.rewrap(home.station(), home.custodian, both, None, quiet)
    assert (list(done.batches), list(done.custodians), done.exit_code) == (batches, both, 0)
    assert "take the custodian's key away" in list(done.lines())[-1]
    as_deputy = replace(home, custodian=deputy, opened=[])
    assert [as_deputy.codes(batch) for batch in batches] == codes
    assert [home.codes(batch) for batch in batches] == codes
    (incident,) = events(home, Incident)
    assert incident.kind == "rewrapped"
    assert deputy.public.key_id in incident.detail
    as_deputy.close()


def test_only_those_named_open_it_from_then_on(home, deputy, tmp_path):
    first, second = (home.mint().batch for _ in range(2))
    admitted(home, tmp_path)
    custody.rewrap(home.station(), home.custodian, [deputy.public.key_id], first, quiet)
    with pytest.raises(IntegrityError):
        home.codes(first)
    assert len(home.codes(second)) == 10
    # Batches that are no longer the custodian's are named, and the rest is done.
    own = [home.custodian.public.key_id]
    done = custody.rewrap(home.station(), home.custodian, own, None, quiet)
    assert (done.batches, done.unopened, done.exit_code) == ((second,), (first,), 5)


def test_a_crash_half_way_is_healed_by_the_same_call(home, deputy, tmp_path):
    batches = [home.mint().batch for _ in range(3)]
    admitted(home, tmp_path)
    both = [home.custodian.public.key_id, deputy.public.key_id]

    def dies(_phase, done, _total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        custody.rewrap(home.station(), home.custodian, both, None, dies)
    assert len(events(home, Incident)) == 1
    assert custody.rewrap(home.station(), home.custodian, both, None, quiet).exit_code == 0
    as_deputy = replace(home, custodian=deputy, opened=[])
    assert all(len(as_deputy.codes(batch)) == 10 for batch in batches)
    as_deputy.close()


def test_what_is_refused_books_nothing(home, deputy, tmp_path):
    home.mint()
    station, own = home.station(), home.custodian.public.key_id
    stranger = deputy.public.key_id
    with pytest.raises(NotFound):
        custody.rewrap(station, home.custodian, [own, stranger], None, quiet)
    with pytest.raises(NotFound):
        custody.rewrap(station, home.custodian, [own], "K7QM-3T9A2BCD", quiet)
    for name in ("", "x" * 65, "a\nb"):
        with pytest.raises(UsageError):
            custody.admit(station, tmp_path / "deputy.pub", name)
    with pytest.raises(NotFound):
        custody.admit(station, tmp_path / "none.pub", "Zhao Min")
    assert not events(home, Incident)
    assert len(events(home, KeyAdded)) == 3
    admitted(home, tmp_path)
    with pytest.raises(Refused):
        admitted(home, tmp_path)
    roster.revoke(station, stranger, "left")
    with pytest.raises(Refused, match="revoked"):
        custody.rewrap(station, home.custodian, [own, stranger], None, quiet)
    assert not events(home, Incident)
