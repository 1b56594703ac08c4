"""Minting into a store that stations share: whole or not at all, unique whoever else mints."""

import contextlib
import os
import shutil
from datetime import timedelta

import numpy as np
import postgres_kit
import pytest
from children import DIED, finish, start, waiting
from shared_kit import SharedHome, share
from station_kit import make_home, now
from stations_kit import make_shared

from mintmark.codegen.away import CommitUnknown, LedgerAway, VaultAway
from mintmark.codegen.custody import rewrap
from mintmark.codegen.doctor import doctor
from mintmark.codegen.errors import EnvironmentFailure, Refused
from mintmark.codegen.files import hidden
from mintmark.codegen.ledger import database
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.recover import recover, unsettled
from mintmark.codegen.sealed.runs import PREFIX, prefixes_of
from mintmark.codegen.sealed.shared_folder import SharedFolder
from mintmark.codegen.station.shared_places import SharedPlaces

PARTS = ("sealed", "fingerprints", "run", "wraps", "record")
# What `recover` takes back, what it brings to its end, and what was booked before.
BACK = ["intent", "generate", "sort", "digest", "made", "compared", *(f"stored {p}" for p in PARTS)]
FORWARD = ["noted"]
BOOKED = ["booked", "kept", "minted"]


@pytest.fixture
def one(home, tmp_path):
    """A station whose batches go to a folder that others see."""
    (tmp_path / "share").mkdir()
    made = share(home, (tmp_path / "share").as_uri())
    yield made
    made.close()


@pytest.fixture
def two(one):
    made = one.again("second")
    yield made
    made.close()


def prefixes(home, bits):
    """The prefixes of all codes of the home."""
    found = [prefixes_of(b"".join(sorted(home.fingerprints(batch))), bits) for batch in home.rows()]
    return np.concatenate(found or [np.array([], PREFIX)])


def well(home, *others):
    """Every batch is whole in the store; nothing is half-done; each code is there once."""
    rows, station = home.rows(), home.station()
    for batch, row in rows.items():
        assert station.vault.verify(batch, station.station_keys, station.wrap_keys)
        assert len(home.codes(batch)) == row.quantity
    assert home.named() <= home.keys()
    for each in (home, *others):
        left = {name for name in each.files() if not name.startswith(".fetch-")}
        assert left <= {f"{batch}.run" for batch in rows}
        assert unsettled(each.station()) == []
    found = verify(station.ledger)
    assert found.ok, found.problem
    return set(rows)


def test_a_batch_is_five_objects_that_the_books_name(one, two):
    batch = one.mint(100).batch
    assert one.keys() == one.named(batch)
    names = [key.split("/")[2] for key in one.named()]
    assert sorted(name.partition("-")[0] for name in names) == sorted(PARTS)
    assert well(one, two) == {batch}
    assert two.codes(batch) == one.codes(batch)
    assert len(two.fingerprints(batch)) == 100


def test_nothing_of_a_batch_is_readable_in_the_store_or_at_a_station(one, two, tmp_path):
    codes = one.codes(one.mint(200).batch) + two.codes(two.mint(200).batch)
    one.close()
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        data = path.read_bytes()
        assert not [code for code in codes if code.encode() in data], path


def test_the_store_is_asked_nothing_while_the_ledger_is_locked(one, monkeypatch):
    """Nobody waits for a network who waits for that lock."""
    locked, asked = [], []
    writing = database.writing

    @contextlib.contextmanager
    def watched(*args, **more):
        with writing(*args, **more) as connection:
            locked.append(True)
            try:
                yield connection
            finally:
                locked.pop()

    monkeypatch.setattr(database, "writing", watched)
    for name in ("size", "read", "read_many", "put", "put_file", "list", "delete", "clock"):
        real = getattr(SharedFolder, name)

        def noting(*args, real=real, name=name):
            asked.append((name, bool(locked)))
            return real(*args)

        monkeypatch.setattr(SharedFolder, name, noting)
    for _ in range(2):
        one.mint(50)
    assert ("put_file", False) in asked
    assert not [name for name, under in asked if under]
    assert not locked


# --- others mint meanwhile -------------------------------------------------------------


@pytest.mark.parametrize("point", ["made", "compared", "stored record", "noted"])
def test_a_code_that_another_station_minted_meanwhile_is_drawn_again(one, two, point):
    """16 bits are compared: a few of 600 codes surely meet."""
    minted = []

    def meanwhile(at):
        if at == point and not minted:
            minted.append(two.mint(600, prefix_bits=16).batch)

    station = one.station(failpoint=meanwhile)
    batch = one.mint(600, station, prefix_bits=16).batch
    assert well(one, two) == {batch, *minted}
    found = prefixes(one, 16)
    assert len(found) == len(set(found.tolist())) == 1_200
    assert station.vault.record(batch, station.station_keys).redrawn > 0


def test_two_processes_that_mint_at_once_never_share_a_code(one, two):
    job = {"quantity": 700, "prefix_bits": 16, "ledger": str(one.ledger), "wait": "made"}
    with waiting(one, **job) as first, waiting(two, **job) as second:
        for child in (first, second):
            child.stdin.write("go on\n")
            child.stdin.flush()
        batches = {finish(first)["batch"], finish(second)["batch"]}
    assert well(one, two) == batches
    found = prefixes(one, 16)
    assert len(found) == len(set(found.tolist())) == 1_400


def test_two_stations_of_a_database_and_a_bucket_never_share_a_code(tmp_path, bucket_of):
    """The real parts: PostgreSQL decides, an S3 server keeps what is decided."""
    url, endpoint = bucket_of
    places = SharedPlaces(postgres_kit.cluster().database(), url, endpoint)
    home = make_shared(tmp_path, places)
    other = home.admitted("second", "mint,export")
    try:
        job = {"quantity": 700, "prefix_bits": 16, "wait": "made"}
        with waiting(home.first, **job) as first, waiting(other, **job) as second:
            for child in (first, second):
                child.stdin.write("go on\n")
                child.stdin.flush()
            told = [finish(child) for child in (first, second)]
        batches = {each["batch"] for each in told if not print(told)}
        found = prefixes(home.first, 16)
        assert len(found) == len(set(found.tolist())) == 1_400
        station = other.station()
        for batch in batches:
            assert station.vault.verify(batch, station.station_keys, station.wrap_keys)
        assert verify(station.ledger).ok
        assert doctor(station, (), repair=False, deep=True).ok
    finally:
        home.close()


@pytest.mark.parametrize("meets", [False, True])
def test_what_was_sent_while_it_was_made_counts_if_it_stayed_as_it_was(
    one, two, monkeypatch, meets
):
    monkeypatch.setattr("mintmark.codegen.mint.EARLY_FROM", 1)
    sent = []
    real = SharedFolder.put_file

    def put_file(self, key, path):
        sent.append(key.split("/")[2].partition("-")[0])
        real(self, key, path)

    two.mint(600, prefix_bits=16)
    monkeypatch.setattr(SharedFolder, "put_file", put_file)
    batch = one.mint(600, prefix_bits=16 if meets else 64).batch
    assert batch in well(one, two)
    assert sent == (list(PARTS) if meets else ["run", "wraps", "record"])


def test_a_ref_that_another_station_minted_meanwhile_is_that_batch(one, two):
    minted = []

    def meanwhile(at):
        if at == "compared" and not minted:
            minted.append(two.mint(60, ref="A1").batch)

    assert one.mint(60, one.station(failpoint=meanwhile), ref="A1").batch == minted[0]
    assert well(one, two) == set(minted)


# --- crashes ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graveyard(tmp_path_factory):
    """Point → a home in which a mint died there, made once for all."""
    folder = tmp_path_factory.mktemp("graves")
    points = [*BACK, *FORWARD, *BOOKED]
    alive = make_home(folder)
    homes = []
    for number, _ in enumerate(points):
        place = folder / str(number)
        (place / "share").mkdir(parents=True)
        shutil.copytree(alive.path, place / "home")
        copy = type(alive)(place / "home", alive.key_file, alive.custodian)
        homes.append(share(copy, (place / "share").as_uri()))
        homes[-1].close()
    deaths = [
        [str(home.path), {"quantity": 40, "ref": "A1", "die": point}]
        for home, point in zip(homes, points, strict=True)
    ]
    child = start(homes[0], deaths=deaths)
    assert finish(child) == [DIED] * len(points)
    return dict(zip(points, homes, strict=True))


@pytest.mark.parametrize("point", [*BACK, *FORWARD, *BOOKED])
def test_after_a_crash_there_are_orphans_or_a_whole_batch(graveyard, point):
    home = graveyard[point]
    try:
        assert bool(home.rows()) == (point in BOOKED)
        list(recover(home.station()))
        assert len(well(home)) == (0 if point in BACK else 1)
        again = home.mint(40, ref="A1").batch
        assert well(home) == {again}
        whole = {f"{part}-" for part in PARTS}
        assert {key.split("/")[2][: -len("0" * 32)] for key in home.named()} == whole
    finally:
        home.close()


def lost(monkeypatch, station, *, booked):
    """The next commit's answer is lost: it was booked, or not."""
    real = station.ledger.commit

    def commit(*args, **more):
        monkeypatch.setattr(station.ledger, "commit", real)
        if booked:
            real(*args, **more)
        raise CommitUnknown("the database was lost")

    monkeypatch.setattr(station.ledger, "commit", commit)


@pytest.mark.parametrize("booked", [False, True])
def test_a_commit_whose_answer_is_lost_is_found_out(one, monkeypatch, booked):
    station = one.station()
    lost(monkeypatch, station, booked=booked)
    with pytest.raises(CommitUnknown):
        one.mint(30, station)
    (subject,) = unsettled(station)
    again = one.station()
    with monkeypatch.context() as away:
        away.setattr(Ledger, "read", _raise(LedgerAway("away")))
        with pytest.raises(LedgerAway):
            list(recover(again))
    assert unsettled(again) == [subject]
    (told,) = recover(again)
    assert subject in told
    assert well(one) == {subject}


def _raise(error):
    def fail(*_args, **_more):
        raise error

    return fail


def test_what_is_found_to_be_booked_while_it_is_adopted_is_not_booked_twice(one, monkeypatch):
    """The transaction that was lost ends late: after `recover` looked, before it has the lock."""
    station = one.station()
    kept = {}
    real = station.ledger.commit

    def commit(*args, **more):
        kept.update(args=args)
        raise CommitUnknown("the database was lost")

    monkeypatch.setattr(station.ledger, "commit", commit)
    with pytest.raises(CommitUnknown):
        one.mint(30, station)

    def late(at):
        if at == "stored record" and kept:
            real(*kept.pop("args"))

    list(recover(one.station(failpoint=late)))
    assert len(well(one)) == 1


def test_what_meets_another_batch_when_it_is_adopted_is_put_aside(one, two, monkeypatch):
    station = one.station()
    lost(monkeypatch, station, booked=False)
    with pytest.raises(CommitUnknown):
        one.mint(600, station, prefix_bits=16)
    other = two.mint(900, prefix_bits=16).batch
    (told,) = recover(one.station())
    assert "vault/quarantine" in told
    assert set(one.rows()) == {other}


# --- a process that stands still --------------------------------------------------------


class _Slow:
    """A clock, and a `doctor --repair` elsewhere that removes what nobody names meanwhile."""

    def __init__(self, home, at):
        self.home, self.at, self.late = home, at, timedelta()

    def now(self):
        return now() + self.late

    def __call__(self, at):
        if at == self.at and not self.late:
            self.late = timedelta(days=2)
            for key in self.home.keys() - self.home.named():
                self.home.store.delete(key)


@pytest.mark.parametrize("point", ["made", "compared", "stored record", "noted"])
def test_objects_that_may_be_gone_are_not_booked(one, monkeypatch, point):
    monkeypatch.setattr("mintmark.codegen.mint.EARLY_FROM", 1)
    slow = _Slow(one, point)
    batch = one.mint(60, one.station(failpoint=slow, moment=slow.now)).batch
    assert slow.late
    assert well(one) == {batch}


def test_objects_that_may_be_gone_are_not_adopted(one, monkeypatch):
    station = one.station()
    lost(monkeypatch, station, booked=False)
    with pytest.raises(CommitUnknown):
        one.mint(30, station)
    slow = _Slow(one, "stored record")
    list(recover(one.station(failpoint=slow, moment=slow.now)))
    assert slow.late
    assert len(well(one)) == 1


def test_wraps_that_may_be_gone_are_not_booked(one):
    one.mint(30)
    before = one.named()
    slow = _Slow(one, "wrapped anew")
    station = one.station(failpoint=slow, moment=slow.now)
    to = [one.custodian.public.key_id]
    with pytest.raises(VaultAway, match="so long"):
        rewrap(station, one.custodian, to, None, lambda *_: None)
    assert slow.late
    assert one.named() == before
    assert len(well(one)) == 1


# --- the store fails -------------------------------------------------------------------


@pytest.mark.parametrize("method", ["put_file", "size"])
@pytest.mark.parametrize("error", [VaultAway("away"), EnvironmentFailure("denied")])
def test_without_the_store_nothing_is_minted_and_nothing_is_left(one, monkeypatch, method, error):
    with monkeypatch.context() as failing:
        failing.setattr(SharedFolder, method, _raise(type(error)("it fails")))
        with pytest.raises(EnvironmentFailure):
            one.mint(30)
    assert one.files() == set()
    assert one.rows() == {}
    assert well(one) == set()


def test_a_folder_that_is_not_mounted_is_away_and_nothing_is_written_below_it(one, tmp_path):
    batch = one.mint(30).batch
    (tmp_path / "share").rename(tmp_path / "unmounted")
    (tmp_path / "share").mkdir()
    with pytest.raises(VaultAway):
        one.mint(30)
    with pytest.raises(VaultAway):
        one.codes(batch)
    assert not list((tmp_path / "share").rglob("*"))


def test_the_store_of_another_home_is_refused(one, other, tmp_path):
    (tmp_path / "theirs").mkdir()
    share(other, (tmp_path / "theirs").as_uri()).close()
    shutil.rmtree(tmp_path / "share")
    (tmp_path / "theirs").rename(tmp_path / "share")
    with pytest.raises(Refused, match="holds the batches of home"):
        one.mint(30)
    assert one.rows() == {}


def test_a_mint_that_is_interrupted_leaves_nothing_at_the_station(one):
    def stop(at):
        if at == "stored run":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.mint(30, one.station(failpoint=stop))
    assert one.files() == set()
    assert well(one) == set()


def test_files_that_could_not_be_removed_after_the_commit_are_removed_later(one):
    def stop(at):
        if at == "booked":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.mint(30, one.station(failpoint=stop))
    (batch,) = one.rows()
    assert not hidden(one.station().vault.parts(batch).sealed).exists()
    assert well(one) == {batch}


def test_with_a_bucket_it_is_the_same(home, bucket_of):
    """A real server: five objects, read at a second station that has nothing of it."""
    url, endpoint = bucket_of
    one = share(home, url, endpoint=endpoint)
    two = one.again("second")
    try:
        batch = one.mint(70_000).batch
        other = two.mint(500, prefix_bits=16).batch
        assert well(one, two) == {batch, other}
        assert len(set(two.codes(batch))) == 70_000
        assert isinstance(two, SharedHome)
    finally:
        one.close()
        two.close()


@pytest.fixture
def bucket_of(monkeypatch):
    import stores

    bucket = stores.bucket()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return f"{bucket.url}/homes/one", bucket.endpoint
