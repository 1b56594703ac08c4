"""The sealed batches move into a store and back, whole, and go on after any crash."""

import pytest
from station_kit import batch_files

from mintmark.codegen import ledger_move, vault_move
from mintmark.codegen.doctor import doctor
from mintmark.codegen.errors import IntegrityError, Refused, UsageError
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.station.publish import no_failpoint
from mintmark.codegen.station.shared_places import SharedPlaces
from mintmark.codegen.vault_move import LOCAL

POINTS = ("claimed", "uploaded", "booked", "verified", "named", "kept")


class Ended(BaseException):
    """The process ends here."""


def ended_at(point):
    def failpoint(reached):
        if reached == point:
            raise Ended

    return failpoint


@pytest.fixture
def filled(home):
    """A home with two batches, and their codes."""
    batches = [home.mint(quantity).batch for quantity in (20, 30)]
    home.known = {batch: home.codes(batch) for batch in batches}
    home.close()
    home.store = (home.path.parent / "store").as_uri()
    (home.path.parent / "store").mkdir()
    return home


def moved(home, to, failpoint=no_failpoint):
    station = home.station(failpoint=failpoint)
    try:
        return vault_move.move(station, SharedPlaces(vault=to))
    finally:
        station.close()


def whole(home):
    """Whether every code is what it was, and `doctor` finds nothing."""
    assert {batch: home.codes(batch) for batch in home.known} == home.known
    station = home.station()
    errors = [f for f in doctor(station, (), repair=False).findings if f.level == "error"]
    station.close()
    return errors == []


def test_there_and_back(filled):
    told = moved(filled, filled.store)
    assert (told.moved, told.batches) == (True, 2)
    assert {name for name in filled.files() if not name.endswith(".lock")} >= {
        f"{batch}.run" for batch in filled.known
    }
    assert not [name for name in filled.files() if name.endswith((".sealed", ".json"))]
    assert whole(filled)
    assert not moved(filled, filled.store).moved
    more = filled.mint(5).batch
    filled.known[more] = filled.codes(more)
    assert moved(filled, LOCAL).batches == 3
    assert batch_files(*filled.known) <= filled.files()
    assert whole(filled)
    assert not moved(filled, LOCAL).moved
    assert moved(filled, filled.store).batches == 0
    assert whole(filled)


def test_it_goes_on_wherever_it_was_ended(filled):
    for point in POINTS:
        with pytest.raises(Ended):
            moved(filled, filled.store, ended_at(point))
        assert {batch: filled.codes(batch) for batch in filled.known} == filled.known, point
    moved(filled, filled.store)
    assert whole(filled)
    for point in ("fetched", "named"):
        with pytest.raises(Ended):
            moved(filled, LOCAL, ended_at(point))
        assert {batch: filled.codes(batch) for batch in filled.known} == filled.known, point
    moved(filled, LOCAL)
    assert whole(filled)


def test_a_batch_of_a_mint_that_ran_meanwhile_is_taken_along(filled):
    running = filled.station()
    assert running.vault.shared is None
    moved(filled, filled.store)
    late = filled.mint(7, running).batch
    running.close()
    assert moved(filled, filled.store).batches == 1
    assert len(filled.codes(late)) == 7
    assert whole(filled)


def test_a_damaged_file_does_not_move(filled):
    batch = next(iter(filled.known))
    path = filled.path / "vault" / f"{batch}.run"
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(IntegrityError, match="is not the file that was minted"):
        moved(filled, filled.store)
    path.unlink()
    with pytest.raises(IntegrityError, match="gone"):
        moved(filled, filled.store)
    path.write_bytes(data)
    assert moved(filled, filled.store).moved
    assert whole(filled)


def test_a_damaged_object_does_not_come_back(filled):
    moved(filled, filled.store)
    (sealed,) = (filled.path.parent / "store").rglob(f"{next(iter(filled.known))}/sealed-*")
    data = sealed.read_bytes()
    sealed.chmod(0o600)
    sealed.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(IntegrityError, match="not what the ledger names"):
        moved(filled, LOCAL)
    sealed.write_bytes(data)
    assert moved(filled, LOCAL).moved
    assert whole(filled)


def test_only_one_home_and_one_station_and_one_store(filled, other):
    moved(other, filled.store)
    with pytest.raises(Refused):
        moved(filled, filled.store)
    own = filled.path.parent / "own"
    own.mkdir()
    moved(filled, own.as_uri())
    with pytest.raises(Refused, match="another store"):
        moved(filled, filled.store)
    station = filled.station()
    key = c.KeyAdded("0123456789abcdef", "station", "wuhan", "ab" * 32, may=("mint",))
    station.ledger.commit(station.author, key)
    station.close()
    with pytest.raises(Refused, match="wuhan"):
        moved(filled, LOCAL)
    assert ledger_move.refuse_others


@pytest.mark.parametrize("to", ["here", "s3://a:secret@b/c", "ftp://b/c"])
def test_what_is_no_store_is_refused(filled, to):
    with pytest.raises(UsageError) as refused:
        moved(filled, to)
    assert "secret" not in str(refused.value)
    assert whole(filled)
