"""`mint`: the batch asked for, whole or not at all, once for each --ref, unique for ever."""

import errno
import hashlib
import inspect
import os
from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from children import finish, start, waiting
from hypothesis import given
from hypothesis import strategies as st
from station_kit import batch_files

from mintmark.codegen import mint as module
from mintmark.codegen import mint_book
from mintmark.codegen.codes import address
from mintmark.codegen.errors import EnvironmentFailure, IntegrityError, Refused, UsageError
from mintmark.codegen.files import hidden
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.mint_request import LARGEST, MintRequest
from mintmark.codegen.ranges.serials import Range

POINTS = [
    "intent",
    "made",
    "noted",
    "renamed .sealed",
    "renamed .fingerprints",
    "renamed .run",
    "renamed .json",
    "renamed .json",
    "published",
    "minted",
]


class Stop(BaseException):
    """Like KeyboardInterrupt: no `except Exception` sees it."""


def at_point(number, act):
    """A failpoint that acts at the point with this number, once."""
    seen = []

    def failpoint(point):
        seen.append(point)
        if len(seen) == number + 1:
            act()

    return failpoint


def stop(error=Stop):
    def act():
        raise error

    return act


def untouched(home, events):
    """Nothing of a mint is anywhere."""
    assert home.files() == set()
    assert home.rows() == {}
    assert home.sql("SELECT count(*) FROM events") == events
    assert not list(home.path.rglob(".*part"))


@pytest.fixture
def events(home):
    return home.sql("SELECT count(*) FROM events")


# --- what comes out --------------------------------------------------------------------


@pytest.mark.parametrize("quantity", [1, 2, 1_000])
def test_a_batch_is_in_the_vault_and_in_the_ledger(home, quantity):
    minted = home.mint(quantity, product="Green tea", url="https://x.example/{code}")
    row = home.rows()[minted.batch]
    assert minted.quantity == row.quantity == quantity
    assert minted.serials == (Range(1, quantity),)
    assert (row.product, row.url) == ("Green tea", "https://x.example/{code}")
    assert home.files() == batch_files(minted.batch)
    record = home.station().vault.parts(minted.batch).record
    assert hashlib.sha256(record.read_bytes()).hexdigest() == row.mint_record_sha256
    codes = home.codes(minted.batch)
    assert len(set(codes)) == quantity
    assert all(len(code) == 16 for code in codes)
    assert minted.batch.startswith(home.station().config.home_id[:5])
    assert any(minted.batch in line for line in minted.lines())


@pytest.mark.parametrize("quantity", [65_535, 65_536, 65_537])
def test_one_frame_and_a_code_less_and_more(home, quantity):
    minted = home.mint(quantity)
    station = home.station()
    reader = station.vault.reader(minted.batch, station.station_keys)
    assert reader.header.frames == (2 if quantity > 65_536 else 1)
    assert len(set(home.codes(minted.batch))) == quantity
    with station.ledger.read() as view:
        assert sum(view.counts(minted.batch).values()) == quantity


@given(quantity=st.integers(1, LARGEST), percent=st.integers(0, 10_000))
def test_the_overage_is_the_percentage_rounded_up(quantity, percent):
    """To a hundredth of a percent; by fractions, which know no rounding of their own."""
    request = MintRequest(quantity, overage=float(f"{percent / 100:.2f}"))
    assert request.total == quantity + ceil(Fraction(quantity * percent, 10_000))


@pytest.mark.parametrize(
    ("quantity", "overage", "total"),
    [(1_000, 0.1, 1_001), (1, 1, 2), (10, 0, 10), (3, 100, 6), (100, 1.1, 102), (1_000, 7, 1_070)],
)
def test_overages_by_hand(home, quantity, overage, total):
    assert MintRequest(quantity, overage=overage).total == total
    assert home.mint(quantity, overage=overage).quantity == total


def test_the_strength_counts_everything_issued_before(home):
    spec = {"alphabet": "digits", "length": 14, "accept_weak": True}
    first, second = home.mint(1_000, **spec), home.mint(1_000, **spec)
    assert first.guess_probability == 1_000 / 10**14
    assert second.guess_probability == 2_000 / 10**14
    assert second.offline_bits == pytest.approx(first.offline_bits - 1, abs=0.02)
    other = home.mint(1_000, alphabet="hex", length=20)
    assert other.guess_probability == 1_000 / 16**20


def test_the_time_of_a_thief_is_told_in_words_and_in_seconds(home):
    spec = {"alphabet": "digits", "length": 17, "ref": "plan-7"}
    minted = home.mint(1_000, **spec)
    assert minted.offline_bits == 46.51
    assert minted.offline_seconds == pytest.approx(2**46.51 / 6.55e9, abs=0.1)
    text = "\n".join(minted.lines())
    assert "needs 2^46.5 tries for one code:\n" in text
    assert "about 4.2 hours of one data-centre GPU per code (6.6×10⁹ tries/s, " in text
    home.mint(100_000)
    again = "\n".join(home.mint(1_000, **spec).lines())
    assert "needed, at issue, 2^46.5 tries for one code:\n" in again


# --- refused before anything is made ---------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        {"alphabet": "digits", "length": 6},
        {"alphabet": "digits", "length": 6, "accept_weak": True},
        {"alphabet": "digits", "length": 12},
        {"length": 8},
    ],
)
def test_weak_codes_are_refused_with_the_numbers(home, events, asked):
    with pytest.raises(Refused) as caught:
        home.mint(1_000, **asked)
    assert caught.value.exit_code == 3
    assert set(caught.value.details) == {"entropy_bits", "guess_probability", "offline_bits"}
    assert "--length" in caught.value.hints[0]
    untouched(home, events)


def test_somewhat_weak_codes_are_minted_with_a_warning(home):
    said = []
    home.mint(1_000, alphabet="digits", length=17, notify=said.append)
    assert len(said) == 2
    assert all(sentence.startswith("warning: ") for sentence in said)
    assert "bits of work" in said[0]
    assert "about 4.2 hours of one data-centre GPU per code" in said[0]
    said.clear()
    home.mint(1_000, alphabet="digits", length=14, accept_weak=True, notify=said.append)
    assert len(said) == 2


@pytest.mark.parametrize(
    "asked",
    [
        {"url": "https://x.example/"},
        {"url": "https://x.example/{code}{code}"},
        {"url": "https://x.example/{serial}/{code}"},
        {"url": "https://x.example/ {code}"},
        {"url": "https://例.example/{code}"},
        {"url": ""},
        {"url": "x" * 300 + "{code}"},
        {"url": "q.example.cn/{code}"},
        {"url": "javascript:{code}"},
        {"url": "weixin://dl/{code}"},
        {"url": "Https://q.example.cn/{code}"},
        {"url": "https://id_x/{code}"},
        {"url": "https://id.example.cn/01/06901234567892/21/A{code}", "length": 20},
        {"url": "https://id.example.cn/01/06901234567893/10/LOT/21/{code}"},
        {"url": "https://id.example.cn/01/06901234567892?21={code}"},
        {"url": "https://id.example.cn/01/06901234567892/21/{code}/"},
        {"quantity": 0},
        {"quantity": -1},
        {"quantity": LARGEST + 1},
        {"quantity": LARGEST, "overage": 1},
        {"overage": -1},
        {"overage": 100.5},
        {"overage": float("nan")},
        {"overage": float("inf")},
        {"length": 0},
        {"length": 65},
        {"alphabet": "custom:AAB"},
        {"alphabet": "custom:aB"},
        {"alphabet": ""},
        {"ref": ""},
        {"ref": " "},
        {"ref": "x" * 101},
        {"ref": "a\nb"},
        {"ref": "\ud800"},
        {"product": "\x1b[31m"},
    ],
)
def test_a_malformed_request_is_refused(home, events, asked):
    with pytest.raises(UsageError) as caught:
        home.mint(**{"quantity": 10, **asked})
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message
    untouched(home, events)


def test_too_small_a_disk_is_refused_beforehand(home, events, monkeypatch):
    usage = module.shutil.disk_usage(home.path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    with pytest.raises(EnvironmentFailure, match="10,000 bytes free"):
        home.mint(1_000)
    untouched(home, events)


# --- --ref -----------------------------------------------------------------------------


def test_the_same_ref_again_mints_nothing(home):
    first = home.mint(10, ref="MES-1", product="Tea")
    files, events = home.files(), home.sql("SELECT count(*) FROM events")
    again = home.mint(10, ref="MES-1", product="Tea")
    assert again == replace(first, repeated=True)
    assert (home.files(), home.sql("SELECT count(*) FROM events")) == (files, events)
    assert home.mint(10, ref="MES-2", product="Tea").batch != first.batch
    assert home.mint(10, product="Tea").batch != first.batch


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 11},
        {"overage": 10},
        {"product": "Coffee"},
        {"product": None},
        {"length": 17},
        {"alphabet": "hex", "length": 20},
        {"url": "{code}"},
    ],
)
def test_the_same_ref_for_something_else_is_refused(home, change):
    first = home.mint(10, ref="MES-1", product="Tea")
    files = home.files()
    with pytest.raises(Refused, match="MES-1") as caught:
        home.mint(**{"quantity": 10, "ref": "MES-1", "product": "Tea", **change})
    assert caught.value.exit_code == 3
    assert caught.value.details == {"batch": first.batch}
    assert home.files() == files


def test_the_same_ref_again_whose_address_is_refused_today(home, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(address, "chosen", lambda *_: ())
        first = home.mint(9, ref="plan-9", url="q.example.cn/{code}")
    files = home.files()
    assert home.mint(9, ref="plan-9", url="q.example.cn/{code}").batch == first.batch
    with pytest.raises(Refused, match="differs"):
        home.mint(9, ref="plan-9", url="www.example.cn/{code}")
    with pytest.raises(UsageError, match="has no https://"):
        home.mint(9, ref="plan-10", url="q.example.cn/{code}")
    assert home.files() == files


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"url": "http://q.example.cn/{code}"}, "unencrypted"),
        ({"url": "https://127.0.0.1:8000/{code}"}, "private or reserved"),
        ({"url": "AB{code}"}, "no link"),
        ({"url": "https://q.example.cn/#/{code}"}, "after #"),
        ({"alphabet": "digits", "length": 20}, "every code is a number of 20 digits"),
        ({"alphabet": "hex", "quantity": 1_000}, "will look like"),
        ({"quantity": 10}, None),
        ({"url": "https://q.example.cn/{code}"}, None),
    ],
)
def test_what_codes_will_meet_outside_is_told(home, asked, words):
    said = []
    home.mint(**asked, notify=said.append)
    assert [words in sentence for sentence in said] == ([] if words is None else [True])
    assert all(sentence.startswith("warning: ") for sentence in said)


def test_two_processes_with_one_ref_mint_one_batch(home):
    job = {"quantity": 20, "ref": "MES-1", "wait": "made"}
    with waiting(home, **job) as first, waiting(home, **job) as second:
        outcomes = [finish(first), finish(second)]
    assert outcomes[0] == outcomes[1]
    (batch,) = home.rows()
    assert outcomes[0] == {"batch": batch}
    assert home.files() == batch_files(batch)


def test_and_of_two_that_differ_one_is_refused(home):
    with waiting(home, quantity=20, ref="MES-1", wait="made") as child:
        first = home.mint(30, ref="MES-1")
        outcome = finish(child)
    assert outcome["error"] == "Refused"
    assert first.batch in outcome["message"]
    assert home.files() == batch_files(first.batch)


# --- two at once -----------------------------------------------------------------------


def test_two_processes_at_once_mint_two_batches_on_one_chain(home):
    children = [start(home, quantity=3_000) for _ in range(2)]
    batches = {finish(child)["batch"] for child in children}
    assert set(home.rows()) == batches
    assert len(batches) == 2
    assert home.files() == batch_files(*batches)
    a, b = (home.fingerprints(batch) for batch in batches)
    assert len(a) == len(b) == 3_000
    assert not a & b
    assert verify(home.station().ledger).ok


def prefixes(home, batch, bits=16):
    return {found[: bits // 8] for found in home.fingerprints(batch)}


def test_a_code_that_another_batch_took_meanwhile_is_drawn_again(home):
    """The other batch is minted between the making of this batch and its publication."""
    found = {}

    def meanwhile():
        (sealed,) = (home.path / "vault").glob(".*.mint.json.part")
        found["before"] = sealed.read_bytes()
        found["other"] = home.mint(2_000, prefix_bits=16).batch

    station = home.station(failpoint=at_point(POINTS.index("made"), meanwhile))
    mine = home.mint(2_000, station, prefix_bits=16).batch
    # 2,000 and 2,000 prefixes of 16 bits: 61 meet on average; none does by a chance of e^-61.
    assert not prefixes(home, mine) & prefixes(home, found["other"])
    parts = home.station().vault.parts(mine)
    assert parts.record.read_bytes() != found["before"]
    digest = hashlib.sha256(parts.record.read_bytes()).hexdigest()
    assert home.rows()[mine].mint_record_sha256 == digest
    vault_station = home.station()
    vault_station.vault.verify(mine, vault_station.station_keys, vault_station.wrap_keys)
    assert len(set(home.codes(mine))) == 2_000
    assert home.files() == batch_files(mine, found["other"])
    assert verify(home.station().ledger).ok


def test_batches_one_after_another_never_meet(home):
    batches = [home.mint(2_000, prefix_bits=16).batch for _ in range(4)]
    seen = [prefixes(home, batch) for batch in batches]
    assert len(set().union(*seen)) == 8_000


def test_the_strength_counts_what_was_minted_meanwhile(home):
    spec = {"alphabet": "digits", "length": 18}
    station = home.station(
        failpoint=at_point(POINTS.index("made"), lambda: home.mint(1_000, **spec))
    )
    minted = home.mint(1_000, station, **spec)
    assert minted.guess_probability == 2_000 / 10**18
    assert home.rows()[minted.batch].guess_probability == minted.guess_probability


def test_and_refuses_where_that_makes_codes_too_weak(home):
    """Each alone would pass: 2 of 65,536 codes, but not 12."""
    spec = {"alphabet": "hex", "length": 4, "accept_weak": True}
    others = []

    def meanwhile():
        others.append(home.mint(5, **spec).batch)

    with pytest.raises(Refused, match="too easy to guess"):
        home.mint(5, home.station(failpoint=at_point(1, meanwhile)), **spec)
    assert home.files() == batch_files(*others)


def test_down_to_the_moment_it_has_the_write_lock(home, monkeypatch):
    spec = {"alphabet": "digits", "length": 18}
    station = home.station()
    commit, others = station.ledger.commit, []

    def late(*args, **more):
        if not others:
            others.append(home.mint(1_000, **spec).batch)
        return commit(*args, **more)

    monkeypatch.setattr(station.ledger, "commit", late)
    minted = home.mint(1_000, station, **spec)
    assert home.rows()[minted.batch].guess_probability == 2_000 / 10**18
    assert home.files() == batch_files(minted.batch, *others)


def overtaken(home, station, monkeypatch, times):
    """Before each of the first `times` commits of `station`, another process mints."""
    commit, others, depths = station.ledger.commit, [], []

    def late(*args, **more):
        depths.append(len(inspect.stack()))
        if len(others) < times:
            others.append(home.mint(2_000, prefix_bits=16).batch)
        return commit(*args, **more)

    monkeypatch.setattr(station.ledger, "commit", late)
    return others, depths


def test_however_often_others_come_first_every_code_is_new(home, monkeypatch):
    """2,000 and 2,000 prefixes of 16 bits: 61 meet on average, so each round draws again."""
    station = home.station()
    others, depths = overtaken(home, station, monkeypatch, 3)
    mine = home.mint(2_000, station, prefix_bits=16).batch
    assert len(depths) == 4
    assert len(set(depths)) == 1, "rounds must not nest"
    assert len(set().union(*(prefixes(home, batch) for batch in (mine, *others)))) == 8_000
    assert verify(home.station().ledger).ok


def test_a_mint_that_never_comes_first_gives_up_and_leaves_nothing(home, monkeypatch):
    monkeypatch.setattr(mint_book, "ROUNDS", 2)
    station = home.station()
    others, depths = overtaken(home, station, monkeypatch, 9)
    with pytest.raises(EnvironmentFailure, match="2 other mints") as caught:
        home.mint(10, station)
    assert caught.value.hints
    assert len(depths) == 2
    assert home.files() == batch_files(*others)
    assert set(home.rows()) == set(others)


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_without_an_earlier_run_nothing_is_minted(home, damage):
    first = home.mint(100)
    run = home.station().vault.parts(first.batch).run
    if damage == "missing":
        run.unlink()
    else:
        run.write_bytes(run.read_bytes()[: 12 * 50])
    files = home.files()
    with pytest.raises(IntegrityError, match=r"\.run") as caught:
        home.mint(100)
    assert caught.value.exit_code == 5
    assert home.files() == files


# --- stopped ---------------------------------------------------------------------------


def test_the_failpoints_are_these(home):
    points = []
    home.mint(10, home.station(failpoint=points.append))
    assert points == POINTS


@pytest.mark.parametrize("number", range(len(POINTS) - 1))
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_stopped_anywhere_nothing_is_left(home, events, number, error):
    with pytest.raises(error):
        home.mint(10, home.station(failpoint=at_point(number, stop(error))))
    untouched(home, events)
    batch = home.mint(10).batch
    assert home.files() == batch_files(batch)


@pytest.mark.parametrize("phase", ["generate", "sort", "digest"])
def test_stopped_while_codes_are_made_nothing_is_left(home, events, phase):
    def progress(now, _done, _total):
        if now == phase:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module.mint(home.station(), MintRequest(10), progress, lambda _: None)
    untouched(home, events)


@pytest.mark.parametrize("point", ["commit", "minted"])
def test_interrupted_after_the_commit_the_batch_stays(home, monkeypatch, point):
    station = home.station(failpoint=at_point(len(POINTS) - 1, stop()))
    if point == "commit":
        commit = station.ledger.commit

        def interrupted(*args, **more):
            commit(*args, **more)
            raise Stop

        monkeypatch.setattr(station.ledger, "commit", interrupted)
    with pytest.raises(Stop):
        home.mint(10, station)
    (batch,) = home.rows()
    assert home.files() == batch_files(batch)
    assert len(home.codes(batch)) == 10


@pytest.mark.skipif(os.name == "nt", reason="Windows has no setrlimit")
def test_a_full_disk_leaves_nothing(home, events):
    """20,000 codes: 320 kB sealed, 320 kB of fingerprints, 240 kB of run."""
    limits = [0, 100, 2_000, 100_000, 230_000, 300_000]
    outcomes = finish(start(home, quantity=20_000, limits=limits))
    assert [outcome["left"] for outcome in outcomes] == [[]] * len(limits)
    assert all(outcome["error"] in ("OSError", "EnvironmentFailure") for outcome in outcomes)
    untouched(home, events)
    batch = home.mint(20_000).batch
    assert home.files() == batch_files(batch)


def test_a_full_disk_at_the_ledger_leaves_nothing(home, events, monkeypatch):
    station = home.station()
    append = station.ledger._append_all

    def full(*args):
        append(*args)
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(station.ledger, "_append_all", full)
    with pytest.raises(OSError, match="full"):
        home.mint(10, station)
    untouched(home, events)


def test_a_name_in_the_vault_that_is_taken_stays_what_it_is(home):
    """Ids are random; this id is somebody's copy, put there while codes were made."""
    taken = []

    def take():
        (sibling,) = (home.path / "vault").glob(".*.run.part")
        taken.append(sibling.with_name(sibling.name.removeprefix(".").removesuffix(".part")))
        taken[0].write_bytes(b"theirs")
        assert hidden(taken[0]) == sibling

    with pytest.raises(Refused, match="not overwritten"):
        home.mint(10, home.station(failpoint=at_point(1, take)))
    assert taken[0].read_bytes() == b"theirs"
    assert home.files() == {taken[0].name}
    assert home.rows() == {}
