"""What was minted before: found in a handful of files, however many batches there are."""

import json
import shutil
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from station_kit import make_home

from mintmark.codegen import history, recover
from mintmark.codegen.doctor import doctor
from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.history import FEW, due
from mintmark.codegen.sealed import prefix_filter_build
from mintmark.codegen.sealed.prefix_filter import PrefixFilter


class Stop(BaseException):
    """Like KeyboardInterrupt: no `except Exception` sees it."""


def filter_files(home):
    return sorted(path.name for path in (home.path / "vault").glob("*.sieve"))


def looked_into(home):
    """(prefix filters, runs) that the next mint would look into."""
    station = home.station()
    with station.ledger.read() as view:
        known = history.known(station, view.batches())
    filters = [file for file in known if isinstance(file, PrefixFilter)]
    return filters, [file for file in known if not isinstance(file, PrefixFilter)]


def all_prefixes(home):
    return [mark[:2] for batch in home.rows() for mark in home.fingerprints(batch)]


@given(st.lists(st.integers(1, 10_000), max_size=60), st.integers(1, 8))
def test_how_many_of_the_smallest_are_merged(sizes, few):
    sizes = sorted(sizes)
    number = due(sizes, few)
    if len(sizes) <= few:
        assert number == 0
        return
    if number:
        assert 2 <= number <= len(sizes)
        assert max(sizes[:number]) * 2 <= sum(sizes[:number]), "twice as large"
        assert number == len(sizes) or sizes[number] > sum(sizes[:number])
    else:
        assert all(sizes[at] > sum(sizes[:at]) for at in range(1, len(sizes)))
        assert len(sizes) <= sum(sizes).bit_length()


@given(st.integers(1, 400))
def test_each_code_is_merged_a_logarithmic_number_of_times(number):
    """Equal batches, one after another, as `gather` would."""
    groups, work = [], 0
    for _ in range(number):
        groups = sorted([*groups, 1])
        taken = due(groups)
        if taken:
            work += sum(groups[:taken])
            groups = sorted([sum(groups[:taken]), *groups[taken:]])
        assert len(groups) <= FEW + number.bit_length()
    assert work <= number * (number.bit_length() - 1)


def test_no_filter_grows_beyond_its_limit():
    assert due([5] * 9, few=4, most=20) == 4
    assert due([15] * 9, few=4, most=20) == 0
    assert due([1, 2, 4, 8, 16, 31], few=4, most=62) == 6
    assert due([1, 2, 4, 8, 16, 31], few=4, most=61) == 0


def test_many_batches_are_a_few_files_and_never_share_a_prefix(home):
    """With 16-bit prefixes, so that there are collisions with every batch."""
    for _ in range(20):
        home.mint(150, prefix_bits=16)
    filters, runs = looked_into(home)
    assert len(filters) + len(runs) <= FEW + 1
    assert filters
    assert sum(len(found.batches) for found in filters) + len(runs) == 20
    prefixes = all_prefixes(home)
    assert len(prefixes) == len(set(prefixes)) == 3_000
    assert len(filter_files(home)) == len(filters), "the files taken in are gone"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("nine"))
    for _ in range(FEW + 1):
        home.mint(2)
    home.close()
    assert not filter_files(home)
    return home


@pytest.fixture
def nine(made, tmp_path):
    """A home with a batch more than few: the next mint merges them."""
    home = replace(made, path=tmp_path / "nine", opened=[])
    shutil.copytree(made.path, home.path)
    yield home
    home.close()


def test_a_filter_that_is_gone_changes_nothing(nine):
    nine.mint(2)
    (name,) = filter_files(nine)
    (nine.path / "vault" / name).unlink()
    assert looked_into(nine)[0] == []
    nine.mint(2)
    assert len(filter_files(nine)) == 1


@pytest.mark.parametrize("point", ["intent", "gathered", "renamed .sieve", "published"])
def test_stopped_anywhere_no_half_a_filter_is_left(nine, point):
    def failpoint(now):
        if now == point:
            raise Stop

    before = nine.files()
    with pytest.raises(Stop):
        nine.mint(2, nine.station(failpoint=failpoint))
    left = nine.files() - before
    assert len(nine.rows()) == FEW + 1
    assert not left
    nine.mint(2)
    assert len(filter_files(nine)) == 1


@pytest.mark.parametrize("named", [False, True], ids=["part", "whole"])
def test_what_a_crash_left_is_settled(nine, named):
    """The intent lies there, its process is gone; the file has its name already, or not yet."""
    station = nine.station()
    name = "0123456789abcdef"
    path = station.vault.storage.path / f"{name}.sieve"
    with suppress(Stop), station.intents.begin(history.KIND, name, [path]) as publication:
        publication.drop = publication.withdraw = publication._lock.release
        raise Stop
    part = path.with_name(f".{name}.sieve.part")
    (path if named else part).write_bytes(b"half")
    assert json.loads((nine.path / "work" / f"{name}.json").read_text())["kind"] == "sieve"
    assert [sentence for sentence in recover.recover(nine.station()) if name in sentence]
    assert not part.exists()
    assert not list((nine.path / "work").iterdir())
    nine.mint(2)
    assert len(looked_into(nine)[0]) == 1, "the sound file is used, the half file is not"


def test_a_mint_goes_on_if_the_disk_has_no_room_for_a_filter(nine, monkeypatch):
    def full(path, *_):
        path.write_bytes(b"the first bytes")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prefix_filter_build, "write", full)
    nine.mint(2)
    assert len(nine.rows()) == FEW + 2
    assert not {name for name in nine.files() if "sieve" in name}


def test_while_another_process_merges_the_old_files_do(nine):
    station = nine.station()
    with station.ledger.read() as view:
        batches = sorted(row.batch for row in view.batches())
    name = history.name_of(batches)
    path = station.vault.storage.path / f"{name}.sieve"
    with station.intents.begin(history.KIND, name, [path]):
        nine.mint(2)
    assert len(nine.rows()) == FEW + 2
    assert not filter_files(nine)


def test_a_sieve_over_batches_this_home_does_not_have_is_not_looked_into(nine, other):
    """An older copy of the home was brought back, and a filter was left."""
    nine.mint(2)
    (name,) = filter_files(nine)
    for _ in range(3):
        other.mint(2)
    (other.path / "vault" / name).write_bytes((nine.path / "vault" / name).read_bytes())
    filters, runs = looked_into(other)
    assert (filters, len(runs)) == ([], 3)
    other.mint(2)


def test_even_with_a_filter_every_run_must_be_there(nine):
    nine.mint(2)
    run = next((nine.path / "vault").glob("*.run"))
    run.rename(run.with_name("aside"))
    with pytest.raises(IntegrityError, match="missing from the vault"):
        nine.mint(2)


def test_doctor_names_the_check_that_fails_as_it_is_published(home, monkeypatch):
    def fail(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("mintmark.codegen.doctor.damaged", fail)
    findings = doctor(home.station(), (), repair=False).findings
    assert [f.check for f in findings if f.level == "error"] == ["sieves"]


def test_doctor_finds_a_damaged_filter_and_repair_removes_it(nine):
    nine.mint(2)
    (name,) = filter_files(nine)
    path = nine.path / "vault" / name
    assert not [f for f in doctor(nine.station(), (), repair=False).findings if f.check == "sieves"]
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    found = doctor(nine.station(), (), repair=False)
    (finding,) = [f for f in found.findings if f.check == "sieves"]
    assert (finding.level, found.ok) == ("warning", True)
    assert "repair" in finding.hint
    assert doctor(nine.station(), (), repair=True).ok
    assert not path.exists()
    nine.mint(2)
    assert len(filter_files(nine)) == 1
