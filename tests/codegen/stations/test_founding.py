"""`init` of a home that stations share: all of it, or nothing, or something to go on with."""

import itertools
from dataclasses import replace

import pytest
from stations_kit import new_places, now
from wire_proxy import CUT, EARLY, LOST, PostgresProxy

from mintmark.codegen.away import CommitUnknown, LedgerAway
from mintmark.codegen.errors import EnvironmentFailure, NotFound, Refused, UsageError
from mintmark.codegen.home import init
from mintmark.codegen.invocation import Invocation
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.sealed.shared_folder import SharedFolder
from mintmark.codegen.station import config, keys
from mintmark.codegen.station.shared_places import SharedPlaces
from mintmark.codegen.station.station import Station
from mintmark.codegen.stations import found
from mintmark.codegen.stations.join import join
from mintmark.codegen.stations.listed import listed

WORDS = "nine words are better than one"


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(keys, "INTERACTIVE", keys.FOR_TESTS_ONLY)


@pytest.fixture
def places(tmp_path):
    return new_places(tmp_path)


def make(root, places):
    """`init` as a person types it, who has a custodian's key made and is asked once."""
    call = Invocation(root / "home", operator="Ms Wang", now=now, ask=lambda _: WORDS)
    return init(call, root / "custodian.key", None, None, places)


def left(root):
    """Names of what is there, the store's files among them; not the database."""
    found_ = {p.relative_to(root).as_posix() for p in root.rglob("*") if not p.is_dir()}
    return sorted(name for name in found_ if not name.endswith((".db", ".db-wal", ".db-shm")))


def test_a_shared_home_has_its_books_and_batches_elsewhere(shared):
    station = shared.first.station()
    assert not (shared.first.path / "ledger.db").exists()
    assert station.config.shared_places == shared.places
    assert shared.store == {"home.json"}
    assert verify(station.ledger).ok
    (only,) = listed(station).stations
    assert (only.name, only.key_id) == ("station", station.key.key_id)
    assert not (shared.first.path / "work" / "init.json").exists()


@pytest.mark.parametrize("failpoint", ["placed", "claimed"])
@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt(), LedgerAway("away")])
def test_after_a_failure_nothing_is_left_and_init_makes_it(
    tmp_path, places, monkeypatch, failpoint, error
):
    def fail(point):
        if point == failpoint:
            raise error

    real = found._finish
    monkeypatch.setattr(found, "_finish", lambda *args: real(*args, fail))
    with pytest.raises(type(error)):
        make(tmp_path, places)
    assert left(tmp_path) == []
    monkeypatch.undo()
    monkeypatch.setattr(keys, "INTERACTIVE", keys.FOR_TESTS_ONLY)


def test_a_claim_that_this_key_may_not_remove_is_told_and_the_folder_goes(
    tmp_path, places, monkeypatch
):
    def refuse(*_asked):
        raise EnvironmentFailure("the store refused: AccessDenied")

    monkeypatch.setattr(SharedFolder, "delete", refuse)
    monkeypatch.setattr(found, "_create", refuse)
    with pytest.raises(EnvironmentFailure) as refused:
        make(tmp_path, places)
    assert "home.json" in refused.value.hints[-1]
    assert not (tmp_path / "home").exists()


def test_a_database_that_holds_tables_is_refused_before_anything_is_made(shared, tmp_path):
    (tmp_path / "other").mkdir()
    places = replace(new_places(tmp_path / "other"), ledger=shared.places.ledger)
    with pytest.raises(Refused, match="holds tables already"):
        make(tmp_path / "other", places)
    assert left(tmp_path / "other") == []


def test_a_database_without_a_home_is_nothing_to_join(tmp_path, places):
    call = Invocation(tmp_path / "home", operator="Ms Wang", now=now)
    with pytest.raises(NotFound, match="no home's books") as missing:
        join(call, places, "hall-2")
    assert "--ledger" in missing.value.hints[-1]


@pytest.mark.parametrize("failpoint", ["placed", "claimed", "created"])
def test_after_a_crash_init_goes_on_with_the_same_keys(tmp_path, places, monkeypatch, failpoint):
    class Killed(BaseException):
        pass

    def crash(point):
        if point == failpoint:
            raise Killed

    with monkeypatch.context() as patch:
        real = found._finish
        patch.setattr(found, "_finish", lambda *args: real(*args, crash))
        patch.setattr(found, "_take_back", lambda *_: None)  # nobody is there to do it
        with pytest.raises(Killed):
            make(tmp_path, places)
    key = (tmp_path / "home" / "keys" / "station.key").read_bytes()
    home_id = config.read(tmp_path / "home").home_id
    with pytest.raises(Refused, match="begun by an init with other addresses"):
        make(tmp_path, replace(places, region="cn-north-1"))
    made = make(tmp_path, places)
    assert made.home_id == home_id
    assert made.custodian_key == tmp_path / "custodian.key"
    assert (tmp_path / "home" / "keys" / "station.key").read_bytes() == key
    station = Station(tmp_path / "home", operator=None, now=now)
    assert verify(station.ledger).ok
    with station.ledger.read() as view:
        assert view.head()[0] == 4
    assert [row.key_id for row in station.custodians()]
    station.close()
    with pytest.raises(Refused, match="exists already"):
        make(tmp_path, places)


@pytest.mark.parametrize("came_true", [True, False])
def test_an_answer_lost_at_commit_is_resolved_by_the_next_init(
    tmp_path, places, monkeypatch, came_true
):
    """Nobody could be asked: the keys stay, for the home that may be there."""
    create = Ledger.create.__func__

    def lost(cls, *args, **more):
        if came_true:
            create(cls, *args, **more).close()
        raise CommitUnknown("the database is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "create", classmethod(lost))
        with pytest.raises(CommitUnknown) as unknown:
            make(tmp_path, places)
    assert "run the same command again" in unknown.value.hints[0]
    assert (tmp_path / "custodian.key").exists()
    key = (tmp_path / "home" / "keys" / "station.key").read_bytes()
    made = make(tmp_path, places)
    assert made.custodian_key == tmp_path / "custodian.key"
    assert (tmp_path / "home" / "keys" / "station.key").read_bytes() == key
    station = Station(tmp_path / "home", operator=None, now=now)
    assert verify(station.ledger).ok
    station.close()


@pytest.mark.parametrize("fault", [LOST, EARLY, CUT])
def test_a_network_that_loses_the_founding_commit(tmp_path, places, fault):
    """With the real database behind it: one home, whether the COMMIT arrived or not."""
    commits = itertools.count()

    def once(moment):
        return fault if moment.name == "commit" and next(commits) == 0 else ""

    with PostgresProxy(once, target=places.ledger) as proxy:
        far = replace(places, ledger=proxy.url)
        try:
            make(tmp_path, far)
        except LedgerAway:
            assert not (tmp_path / "home").exists()  # it did not arrive: nothing is left
            assert not (tmp_path / "custodian.key").exists()
            make(tmp_path, far)
        assert proxy.faults == {f"commit: {fault}": 1}
        station = Station(tmp_path / "home", operator=None, now=now)
        assert verify(station.ledger).ok
        assert [shown.this for shown in listed(station).stations] == [True]
        station.close()


def test_a_database_that_has_a_home_takes_no_second(shared, tmp_path):
    (tmp_path / "new" / "store").mkdir(parents=True)
    other = replace(shared.places, vault=(tmp_path / "new" / "store").as_uri())
    with pytest.raises(Refused):
        make(tmp_path / "new", other)
    assert left(tmp_path / "new") == []


def test_a_store_that_has_a_home_takes_no_second(shared, tmp_path):
    (tmp_path / "new").mkdir()
    fresh = new_places(tmp_path / "new")
    with pytest.raises(Refused, match="holds the batches of home"):
        make(tmp_path / "new", replace(fresh, vault=shared.places.vault))
    assert left(tmp_path / "new") == []
    assert shared.store == {"home.json"}


def test_only_the_books_or_only_the_batches_elsewhere(tmp_path, places):
    """One station's home: its books are backed up with the others', or its batches are."""
    for name, part in (("a", replace(places, vault=None)), ("b", replace(places, ledger=None))):
        root = tmp_path / name
        root.mkdir()
        made = make(root, part)
        assert "no other can join" in "\n".join(made.lines())
        station = Station(made.home, operator=None, now=now)
        assert verify(station.ledger).ok
        assert station.fingerprint_key
        assert [shown.name for shown in listed(station).stations] == ["station"]
        station.close()


SECRETS = (
    {"ledger": "postgresql://mint:hunter2@h/db", "vault": None},
    {"ledger": "postgresql://mint@h/db?password=hunter2", "vault": None},
    {"vault": "s3://AKIA:hunter2@bucket/prefix"},
    {"vault": "s3://hunter2@bucket/prefix"},
    {"vault": "s3://bucket/p?aws_secret_access_key=hunter2"},
    {"vault": "s3://bucket/p?X-Amz-Signature=hunter2"},
    {"endpoint": "https://mint:hunter2@s3.example.com"},
    {"endpoint": "https://s3.example.com?token=hunter2"},
)


@pytest.mark.parametrize("more", SECRETS, ids=lambda more: next(iter(more)))
def test_no_address_holds_a_secret(tmp_path, places, more):
    """Not in an argument, and not in the settings; and no error repeats it."""
    (tmp_path / "here").mkdir()
    with pytest.raises(UsageError) as caught:
        make(tmp_path / "here", replace(places, **more))
    assert "hunter2" not in "\n".join((caught.value.message, *caught.value.hints))
    assert left(tmp_path / "here") == []
    lines = {
        "ledger": ("ledger", "url"), "vault": ("vault", "url"), "endpoint": ("vault", "endpoint"),
    }  # fmt: skip
    table, key = lines[next(iter(more))]
    also = 'url = "s3://bucket/prefix"\n' if key == "endpoint" else ""
    given = f'{also}{key} = "{next(iter(more.values()))}"'
    text = f'[home]\nid = "4F2K-AAAAAAAAAAAA"\n[{table}]\n{given}\n'
    (tmp_path / "here" / config.NAME).write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        config.read(tmp_path / "here")
    assert "hunter2" not in "\n".join((caught.value.message, *caught.value.hints))


@pytest.mark.parametrize(
    "wrong",
    [
        SharedPlaces("mysql://h/db"),
        SharedPlaces("postgresql://h"),
        SharedPlaces(None, "https://bucket/prefix"),
        SharedPlaces(None, "s3://"),
        SharedPlaces(endpoint="https://s3.example.com"),
        SharedPlaces(region="cn-north-1"),
    ],
)
def test_what_is_no_place(tmp_path, wrong):
    with pytest.raises(UsageError) as caught:
        make(tmp_path, wrong)
    assert caught.value.hints
    assert left(tmp_path) == []


def test_what_is_written_reads_back(tmp_path):
    from mintmark.codegen.station.settings_template import template

    places = SharedPlaces(
        "postgresql://mint@db.example.com/mint?sslmode=verify-full",
        "s3://bucket/a/b",
        "https://s3.example.com",
        "cn-north-1",
        tmp_path / "credentials",
    )
    (tmp_path / config.NAME).write_text(template("4F2K-AAAAAAAAAAAA", None, places), "utf-8")
    assert config.read(tmp_path).shared_places == places
