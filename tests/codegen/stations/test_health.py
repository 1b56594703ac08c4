"""What `doctor` says of a home that stations share."""

import os
from datetime import timedelta

import pytest
from station_kit import NOW

from mintmark.activation.delivery.health import backend
from mintmark.codegen.doctor import doctor
from mintmark.codegen.errors import Refused
from mintmark.codegen.finding import ERROR, OK, WARNING
from mintmark.codegen.ledger.ledger import Ledger
from mintmark.codegen.roster import new_line
from mintmark.codegen.stations import health
from mintmark.codegen.stations.retire import retire


@pytest.fixture(autouse=True)
def _same_time(monkeypatch):
    """The database's clock goes with the tests' own."""
    monkeypatch.setattr(Ledger, "clock", lambda _: NOW)


def found(home, *more):
    return doctor(home.station(), more, repair=False).findings


def told(findings, *levels):
    return [f"{item.check}: {item.message}" for item in findings if item.level in levels]


def test_every_station_is_well(shared):
    """Also one without a line, and one without the fingerprint key."""
    minting, office = shared.admitted("hall-2", "mint,order"), shared.admitted("office", "read")
    for home in (shared.first, minting, office):
        findings = found(home, backend)
        assert not told(findings, ERROR)
        # Of the tests' own: a server that is quick rather than durable, and its owner's login.
        known = ("backend: ", "custodian: ", "database: ", "station: station ")
        assert not [text for text in told(findings, WARNING) if not text.startswith(known)]
    assert (
        "keys: station office may only read, and has no fingerprint key: it can look up no code"
        in (told(found(office), OK))
    )
    texts = told(found(minting), OK)
    assert "station: this is station hall-2, and may mint, order" in texts
    assert any(text.startswith("store: ") and "and can be written" in text for text in texts)


def test_a_line_of_another_station_needs_no_key_file_here(shared):
    home = shared.admitted("hall-2", "order")
    new_line(home.station(), "line-3")
    missing = "keys: line {} has no key file here, and can order nothing"
    assert not told(found(shared.first), ERROR)
    for station in (shared.first, home):
        assert missing.format("line-3") not in told(found(station), WARNING)
        assert missing.format("default") not in told(found(station), WARNING)
    (home.path / "keys" / "lines" / "line-3.key").unlink()
    assert missing.format("line-3") in told(found(home), WARNING)
    assert missing.format("line-3") not in told(found(shared.first), WARNING)


def test_a_station_that_waits_or_was_retired_is_told_just_that(shared):
    waiting, _ = shared.joined("hall-3")
    with pytest.raises(Refused, match="not admitted"):
        found(waiting)
    home = shared.admitted("hall-2", "mint")
    retire(shared.first.station(), "hall-2", "stolen")
    with pytest.raises(Refused, match="was retired"):
        found(home)


@pytest.mark.parametrize(("seconds", "word"), [(31, "behind"), (-31, "ahead of"), (29, None)])
def test_a_clock_that_differs_from_the_databases(shared, monkeypatch, seconds, word):
    monkeypatch.setattr(Ledger, "clock", lambda _: NOW + timedelta(seconds=seconds))
    clocks = [text for text in told(found(shared.first), WARNING) if text.startswith("clock")]
    assert clocks == (
        [f"clock: the clock of this machine is 31 seconds {word} the database's"] if word else []
    )


def test_a_store_that_is_gone_or_anothers(shared):
    home = shared.admitted("hall-2", "mint")
    assert not told(found(home), ERROR)
    (shared.root / "store").rename(shared.root / "elsewhere")
    assert [text for text in told(found(home), WARNING) if text.startswith("store: ")]
    (shared.root / "elsewhere").rename(shared.root / "store")
    path = shared.root / "store" / "home.json"
    path.write_text(
        path.read_text("utf-8").replace(home.station().config.home_id[:4], "ZZZZ"), "utf-8"
    )
    assert any("holds the batches of home ZZZZ" in text for text in told(found(home), ERROR))


@pytest.mark.skipif(os.name == "nt", reason="there the access list decides")
def test_credentials_that_others_may_read(shared):
    path = shared.root / "credentials"
    path.write_text("[default]\n", "utf-8")
    path.chmod(0o644)
    settings = shared.first.path / "mintmark.toml"
    text = settings.read_text("utf-8").replace(
        '# credentials_file = "…"', f"credentials_file = '{path}'"
    )
    settings.write_text(text, "utf-8")
    wrong = f"permissions: others may read {path}, which holds credentials"
    assert wrong in told(found(shared.first), ERROR)
    path.chmod(0o600)
    assert wrong not in told(found(shared.first), ERROR)


def test_a_copied_folder_and_two_on_one_machine(shared, monkeypatch):
    home = shared.admitted("hall-2", "mint,order")
    new_line(home.station(), "line-3")
    here = health.platform.node()
    assert f"station: station hall-2 works on a machine of this name, {here}, too" in told(
        found(shared.first), WARNING
    )
    monkeypatch.setattr(health.platform, "node", lambda: "another")
    (copied,) = [text for text in told(found(home), WARNING) if text.startswith("station: ")]
    assert copied == (
        f"station: this station's key signed last on the machine {here}, and this is another"
    )
