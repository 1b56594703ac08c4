"""Stations at work side by side, each with its rights and its own keys."""

import os
import shutil
from dataclasses import replace

import pytest

from mintmark.activation.backend.senders import HomeSenders
from mintmark.codegen import ids
from mintmark.codegen.errors import IntegrityError, NotFound, Refused, UsageError
from mintmark.codegen.files import home_of
from mintmark.codegen.ledger.changes import ContactAdded, Incident, Ordered, Settled
from mintmark.codegen.ledger.verify import verify
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.roster import new_line, revoke
from mintmark.codegen.station.admission import admitting
from mintmark.codegen.stations.admit import AdmitRequest, admit
from mintmark.codegen.stations.retire import retire


def test_what_one_mints_all_can_read_also_who_was_running_before(shared):
    """A service runs for weeks: it must believe a station that was admitted meanwhile."""
    running = shared.first.station()
    assert len(running.station_keys) == 1
    minting = shared.admitted("hall-2", "mint")
    batch = minting.mint(20).batch
    own = shared.first.mint(20).batch
    assert running.vault.verify(batch, running.station_keys, running.wrap_keys)
    assert len(shared.first.codes(batch)) == 20
    assert not {*shared.first.codes(batch)} & {*shared.first.codes(own)}
    assert len(shared.first.fingerprints(batch)) == 20
    assert verify(running.ledger).ok
    assert "0" * 16 not in running.station_keys


def test_each_does_what_it_may_and_nothing_else(shared):
    """At the write door, whatever the program above it asked before."""
    batch = shared.first.mint(20).batch
    may = {"hall-2": "order", "hall-3": "export", "office": "read"}
    stations = {name: shared.admitted(name, rights).station() for name, rights in may.items()}
    order = Ordered(ids.new_id(stations["hall-2"].config.home_id, os.urandom, 12), batch,
                    Action.VOID, (Range(1, 2),), reason="damaged")  # fmt: skip
    tried = {
        "order": (order, Settled(order.order, "acknowledged")),
        "contact": (ContactAdded("li", "Li Wei", None),),
        "incident": (Incident("repeated-export", "twice"),),
    }
    passed, told = set(), []
    for name, station in stations.items():
        for what, changes in tried.items():
            try:
                station.ledger.commit(station.author, *changes)
            except Refused as refused:
                told.append((f"station {name} may {may[name]}, and this takes the", refused))
            else:
                passed.add((name, what))
    assert all(refused.message.startswith(text) for text, refused in told)
    assert all("at station station" in refused.hints[1] for _, refused in told)
    # The order is booked by the first; whoever exports may void, and not settle.
    assert passed == {
        ("hall-2", "order"), ("hall-2", "incident"), ("hall-3", "contact"), ("hall-3", "incident"),
    }  # fmt: skip
    assert verify(shared.first.station().ledger).ok


def test_a_line_orders_whatever_its_station_may(shared):
    home = shared.admitted("hall-2", "order")
    key_id = new_line(home.station(), "line-3").key_id
    station = home.station()
    batch = shared.first.mint(20).batch
    void = Ordered("O1", batch, Action.VOID, (Range(1, 1),), reason="damaged")
    station.ledger.commit(station.author_of(station.line("line-3")), void)
    with pytest.raises(Refused, match="may order ranges, not sign"):
        station.ledger.commit(
            station.author_of(station.line("line-3")), ContactAdded("li", "Li", None)
        )
    assert revoke(home.station(), key_id, "stolen").revoked  # who orders keeps the lines
    founder = shared.first.station().key.key_id
    with pytest.raises(Refused, match="right to admit"):
        revoke(home.station(), founder, "not a line's")


def test_no_book_takes_a_code_from_where_nobody_could_tell(shared):
    """A line's key lies at the PC of a station that may only read: there is no fingerprint key."""
    batch = shared.first.mint(20).batch
    code = shared.first.codes(batch)[0]
    office = shared.admitted("office", "read")
    shutil.copytree(shared.first.path / "keys" / "lines", office.path / "keys" / "lines",
                    dirs_exist_ok=True)  # fmt: skip
    station = office.station()
    author = station.author_of(station.line())
    void = Ordered("O1", batch, Action.VOID, (Range(1, 1),), reason="damaged")
    with pytest.raises(Refused, match="may only read, and has no fingerprint key"):
        station.ledger.commit(author, replace(void, reason=code))
    station.ledger.commit(author, void)
    first = shared.first.station()
    with pytest.raises(UsageError, match="is or holds a code of this home"):
        first.ledger.commit(author, replace(void, order="O2", reason=code))


def test_who_has_no_key_of_a_line_is_told_which_lines_are_here(shared):
    home = shared.admitted("hall-2", "order")
    with pytest.raises(NotFound) as missing:
        home.station().line()
    assert missing.value.hints == (
        "make one of this station's, with a name of its own: mintmark key new line-3",
    )
    new_line(home.station(), "line-3")
    with pytest.raises(NotFound) as missing:
        home.station().line("line-4")
    assert missing.value.hints[0] == "name a line whose key is here: --line line-3"
    office = shared.admitted("office", "read").station()
    with pytest.raises(Refused, match="may read, and this takes the right to order"):
        office.line()


def test_a_backend_beside_a_station_knows_the_lines_of_all(shared):
    home = shared.admitted("hall-2", "order")
    senders = HomeSenders(shared.first.path)
    key_id = new_line(home.station(), "line-3").key_id
    assert senders(key_id).name == "line-3"
    revoke(home.station(), key_id, "stolen")
    assert senders(key_id) is None
    senders.close()


def test_nothing_is_written_into_the_folder_of_a_station(shared):
    """Although its books lie elsewhere, its folder is known as a home's."""
    home, _ = shared.joined("hall-2")
    assert home_of(home.path / "vault" / "x") == home.path.resolve()


def test_who_admitted_another_may_be_gone(shared):
    """What was sealed by a station that was retired since is not taken: it is sent anew."""
    office = shared.admitted("office", "admit")
    home, shown = shared.joined("hall-2")
    request = AdmitRequest(shown.station_key, "hall-2", "mint", " ".join(shown.words))
    admit(shared.call("office"), office.station(), request)
    retire(shared.first.station(), "office", "moved")
    with pytest.raises(IntegrityError, match="signed by a key this home does not know"):
        home.station().ledger  # noqa: B018 - it opens
    admit(shared.call("first"), shared.first.station(), request)
    assert home.station().fingerprint_key
    with home.station().ledger.read() as view:
        assert [row.name for row in admitting(view)] == ["station"]
