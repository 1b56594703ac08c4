"""The vault that stations share: what is kept at hand, what a store may do, custodians, doctor."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shared_kit import share

from mintmark.codegen import custody
from mintmark.codegen.away import VaultAway
from mintmark.codegen.doctor import doctor
from mintmark.codegen.doctor_vault import repaired, vault_check
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError, NotFound
from mintmark.codegen.finding import ERROR, OK, WARNING
from mintmark.codegen.history import FEW, known
from mintmark.codegen.lookup import places
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.sealed.runs import PREFIX, prefixes_of
from mintmark.codegen.sealed.shared_folder import SharedFolder
from mintmark.codegen.sealed.shared_storage import SharedStorage
from mintmark.codegen.station import keys, misplaced
from mintmark.codegen.station.older_copy import notice, signs

DAY = 86_400


@pytest.fixture
def one(home, tmp_path):
    (tmp_path / "share").mkdir()
    made = share(home, (tmp_path / "share").as_uri())
    yield made
    made.close()


@pytest.fixture
def two(one):
    made = one.again("second")
    yield made
    made.close()


def path_of(home, batch, part):
    """The file of the shared folder that holds a part."""
    with home.station().ledger.read() as view:
        key = view.objects(batch)[part].key
    return Path(home.store.address) / key


def runs(home):
    return sorted(path.name for path in (home.path / "vault").glob("*.run"))


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


# --- what is kept at hand --------------------------------------------------------------


def test_a_run_is_fetched_once_it_pays_and_ranges_of_it_before(one, two):
    batch = one.mint(40_000).batch
    codes = one.codes(batch)
    station = two.station()
    assert [found.serial for found in places(station, [codes[39_999], codes[0]])] == [40_000, 1]
    assert runs(two) == []
    for first in range(0, 4_000, 100):
        assert places(station, codes[first : first + 1])[0].serial == first + 1
    assert runs(two) == [f"{batch}.run"]
    assert places(station, codes[7:9])[1].serial == 9


def test_a_lost_or_damaged_run_is_fetched_again_before_codes_are_compared_with_it(one, two):
    batch = one.mint(300, prefix_bits=16).batch
    file = two.path / "vault" / f"{batch}.run"
    for harm in (lambda: None, file.unlink, lambda: flip(file), lambda: file.write_bytes(b"cut")):
        two.close()
        harm()
        two.mint(5, prefix_bits=16)
        assert file.read_bytes() == path_of(one, batch, "run").read_bytes()


def test_the_cache_is_bounded_and_what_was_used_last_stays(one, two):
    batches = [one.mint(400).batch for _ in range(4)]
    shared = two.station().vault.shared
    shared.cache.limit = 2 * 400 * 12
    for batch in [*batches[:3], batches[1], batches[3]]:
        with shared.run(f"{batch}.run") as file:
            assert len(file.read()) == 400 * 12
    assert runs(two) == sorted(f"{batch}.run" for batch in (batches[1], batches[3]))


def test_a_reader_is_not_disturbed_when_its_run_is_thrown_away(one, two):
    batch = one.mint(400).batch
    shared = two.station().vault.shared
    with shared.run(f"{batch}.run") as file:
        if os.name != "nt":
            (two.path / "vault" / f"{batch}.run").unlink()
        assert len(file.read()) == 400 * 12


def test_runs_that_a_filter_took_in_need_not_be_here(one, two):
    """What the filter is not sure of is looked up in the store, by ranges."""
    for _ in range(FEW + 2):
        two.mint(200, prefix_bits=16)
    assert len(list((two.path / "vault").glob("*.sieve"))) == 1
    for path in (two.path / "vault").glob("*.run"):
        path.unlink()
    station = two.station()
    with station.ledger.read() as view:
        sources = known(station, view.batches())
    digests = [b"".join(sorted(two.fingerprints(batch))) for batch in two.rows()]
    held = np.unique(np.concatenate([prefixes_of(each, 16) for each in digests]))
    asked = np.arange(0, 2**16, dtype=PREFIX) << np.uint64(48)
    found = np.logical_or.reduce([source.among(asked) for source in sources])
    assert set(asked[found].tolist()) == set(held.tolist())
    two.mint(300, prefix_bits=16)
    digests.append(b"".join(two.fingerprints(list(two.rows())[-1])))
    assert len(set(prefixes_of(b"".join(digests), 16).tolist())) == 200 * (FEW + 2) + 300


def test_a_code_is_known_at_a_station_that_has_nothing_of_its_batch(one, two):
    code = one.codes(one.mint(50).batch)[3]
    assert misplaced.holds_code(two.station(), code)
    assert not misplaced.holds_code(two.station(), code[::-1])


# --- what the store may do -------------------------------------------------------------


@pytest.mark.parametrize("part", ["sealed", "fingerprints", "run", "wraps", "record"])
@pytest.mark.parametrize("harm", ["gone", "cut", "flipped"])
def test_whatever_happens_to_an_object_is_found(one, two, part, harm):
    batch = one.mint(70_000 if part == "run" else 40).batch
    path = path_of(one, batch, part)
    if harm == "gone":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        flip(path)
    station = two.station()
    with pytest.raises(IntegrityError):
        station.vault.verify(batch, station.station_keys, station.wrap_keys)
    assert vault_findings(two, deep=True)[0][0] == ERROR
    if harm != "flipped":
        assert vault_findings(two)[0][0] == ERROR


def test_an_object_under_a_key_that_leads_elsewhere_is_not_read(one):
    batch = one.mint(10).batch
    one.sql("UPDATE objects SET key = '../../secret' WHERE part = 'sealed'")
    station = one.station()
    with pytest.raises(IntegrityError, match="no store can hold"):
        station.vault.reader(batch, station.station_keys)


def test_a_batch_nobody_minted_is_not_found(one):
    station = one.station()
    with pytest.raises(NotFound):
        station.vault.reader("TEST-00000000", station.station_keys)
    with pytest.raises(NotFound):
        station.vault.run("TEST-00000000")


def test_an_export_reads_pieces_ahead_and_few_of_them(one, monkeypatch):
    batch = one.mint(400_000).batch
    seen, most = [], []
    real = SharedFolder.read

    def read(self, key, first, size):
        seen.append(size)
        most.append(len(seen))
        return real(self, key, first, size)

    monkeypatch.setattr(SharedFolder, "read", read)
    station = one.station()
    pieces = station.vault.fingerprints(batch, Range(65_000, 400_000), station.station_keys)
    taken = 0
    for first, data in pieces:
        taken += len(data) // 16
        assert first + len(data) // 16 - 65_000 == taken
        assert len(seen) <= 3 + taken // 65_536 + 6
    assert taken == 335_001


# --- custodians ------------------------------------------------------------------------


def test_batches_sealed_anew_are_new_objects_that_every_station_reads(one, two, tmp_path):
    batch = one.mint(20).batch
    codes = one.codes(batch)
    deputy = keys.new_custodian_key(os.urandom)
    keys.write_custodian_public(tmp_path / "deputy.pub", deputy.public)
    custody.admit(one.station(), tmp_path / "deputy.pub", "Zhao Min")
    reading = two.station()
    assert len(reading.vault.wraps(batch, reading.station_keys, reading.wrap_keys).sealed) == 1
    both = [one.custodian.public.key_id, deputy.public.key_id]
    before = one.named(batch)
    done = custody.rewrap(one.station(), one.custodian, both, None, lambda *_: None)
    assert done.batches == (batch,)
    assert len(before - one.named(batch)) == len(one.named(batch) - before) == 1
    assert len(reading.vault.wraps(batch, reading.station_keys, reading.wrap_keys).sealed) == 2
    assert replace(two, custodian=deputy).codes(batch) == codes


def test_cut_short_a_batch_stays_as_it_was(one):
    batch = one.mint(20).batch

    def stop(at):
        if at == "wrapped anew":
            raise KeyboardInterrupt

    before = one.named()
    recipients, station = [one.custodian.public.key_id], one.station(failpoint=stop)
    with pytest.raises(KeyboardInterrupt):
        custody.rewrap(station, one.custodian, recipients, None, lambda *_: None)
    assert one.named() == before
    assert len(one.keys() - before) == 1
    assert len(one.codes(batch)) == 20


# --- doctor ----------------------------------------------------------------------------


def vault_findings(home, *, repair=False, deep=False):
    station = home.station()
    found = [*vault_check(deep=deep, repair=repair)(station)]
    if repair:
        found += repaired(station)
    return [(item.level, item.message) for item in found]


def aged(home, *keys_):
    for key in keys_:
        path = Path(home.store.address) / key
        before = path.stat().st_mtime - 2 * DAY
        os.utime(path, (before, before))


def test_orphans_go_by_age_and_only_if_no_row_names_them(one):
    batch = one.mint(10).batch
    folder = next(iter(one.named())).rpartition("/")[0]
    home = folder.split("/")[0]
    orphans = {f"{folder}/sealed-{'0' * 32}", f"{home}/{batch[:5]}00000000/run-{'1' * 32}"}
    others = {f"{home}/stations/{'2' * 32}", "elsewhere/x/y"}
    for key in orphans | others:
        one.store.put(key, b"left")
    assert vault_findings(one)[0][0] == OK
    before = one.keys()
    aged(one, *before)
    ((level, message),) = [found for found in vault_findings(one) if found[0] != OK]
    assert level == WARNING
    assert message.startswith("2 objects of the store, 8 bytes")
    assert {level for level, _ in vault_findings(one, repair=True)} == {OK}
    assert one.keys() == before - orphans
    assert vault_findings(one, deep=True)[0][0] == OK
    assert not [found for found in vault_findings(one) if found[0] != OK]


def test_of_what_may_be_an_older_copy_nothing_is_removed(one):
    folder = next(iter(one.named(one.mint(10).batch))).rpartition("/")[0]
    one.store.put(f"{folder}/sealed-{'0' * 32}", b"left")
    aged(one, *one.keys())
    station = one.station()
    head = "ab" * 32
    notice(station, head, None)
    assert signs(station).sentences()
    before = one.keys()
    found = vault_findings(one, repair=True)
    assert WARNING in [level for level, _ in found]
    assert one.keys() == before


def test_a_damaged_run_that_is_kept_here_is_told_and_thrown_away(one):
    batch = one.mint(10).batch
    file = one.path / "vault" / f"{batch}.run"
    flip(file)
    assert (WARNING, f"{batch}.run is damaged here") in vault_findings(one)
    vault_findings(one, repair=True)
    assert not file.exists()


def test_what_other_stations_store_is_no_sign_of_an_older_copy(one, two):
    one.mint(10)
    two.mint(10)
    shutil.copy(two.path / "vault" / runs(two)[0], one.path / "vault" / "COPY.run")
    for home in (one, two):
        assert not signs(home.station()).sentences()
        assert doctor(home.station(), (), repair=False).ok


def test_a_store_that_is_away_is_a_warning(one, monkeypatch):
    one.mint(10)

    def away(*_):
        raise VaultAway("the store does not answer", "later")

    monkeypatch.setattr(SharedFolder, "list", away)
    for repair in (False, True):
        result = doctor(one.station(), (), repair=repair)
        assert not [found for found in result.findings if found.level == ERROR]
        assert (WARNING, "the store does not answer") in [
            (found.level, found.message) for found in result.findings
        ]


def test_the_vault_asks_for_rows_once(one):
    """A line asks for each carton, and the ledger is far away."""
    batch = one.mint(50).batch
    asked = []
    station = one.station()
    shared = station.vault.shared
    real = shared._objects
    shared._objects = lambda of: asked.append(of) or real(of)
    codes = one.codes(batch)
    for code in codes:
        assert places(station, [code])[0].batch == batch
    assert len(asked) == 1
    assert isinstance(shared, SharedStorage)


def test_a_store_that_is_away_is_asked_once_whether_a_text_is_a_code(one, monkeypatch):
    """A line books on meanwhile, and each of its orders may have a text that looks like one."""
    codes = [one.codes(one.mint(20).batch)[0] for _ in range(3)]
    asked = []

    def away(self, key, *_):
        asked.append(key)
        raise VaultAway("the store does not answer")

    station = one.station()
    for path in (one.path / "vault").glob("*.run"):
        path.unlink()
    monkeypatch.setattr(SharedFolder, "read", away)
    for code in codes:
        with pytest.raises(VaultAway):
            misplaced.holds_code(station, code)
    assert len(asked) == 1


def test_a_station_that_may_not_write_to_the_store_looks_for_no_orphans(one, monkeypatch):
    one.mint(10)

    def denied(*_):
        raise EnvironmentFailure("the store refused: AccessDenied", "let this key put objects")

    monkeypatch.setattr(SharedFolder, "clock", denied)
    found = vault_findings(one)
    assert {level for level, _ in found} == {OK}
    assert any("may not write" in message for _, message in found)
