"""Joining a home, being admitted to it, and leaving it again."""

import os
from dataclasses import replace

import pytest
from stations_kit import make_shared, new_places, now

from mintmark.codegen.errors import IntegrityError, NotFound, Refused, UsageError
from mintmark.codegen.invocation import Invocation
from mintmark.codegen.ledger.changes import RIGHTS
from mintmark.codegen.report import batch_list
from mintmark.codegen.roster import new_line, revoke
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import keys
from mintmark.codegen.station.founding import founding
from mintmark.codegen.station.sealed_key import seal
from mintmark.codegen.station.shared_places import SharedPlaces
from mintmark.codegen.station.station_key import StationPublic
from mintmark.codegen.stations.admit import AdmitRequest, admit
from mintmark.codegen.stations.join import join
from mintmark.codegen.stations.listed import listed
from mintmark.codegen.stations.retire import retire


def sealed(shared):
    return {name for name in shared.store if "/stations/" in name}


def test_a_station_joins_is_admitted_and_has_the_homes_key(shared):
    home, shown = shared.joined("hall-2")
    assert shown.home_id == shared.first.station().config.home_id
    with pytest.raises(Refused, match="not admitted to home") as refused:
        batch_list(home.station())
    typed, compare = refused.value.hints
    assert f"at station station: mintmark station admit {shown.station_key} --name hall-2" in typed
    assert compare.endswith(" ".join(shown.words))
    request = AdmitRequest(shown.station_key, "hall-2", "order,mint", " ".join(shown.words))
    done = admit(shared.call("first"), shared.first.station(), request)
    assert (done.key_id, done.may, done.sent) == (shown.key_id, ("mint", "order"), True)
    assert done.words == shown.words
    assert batch_list(home.station()).batches == ()
    key = shared.first.station().fingerprint_key.reveal()
    assert home.station().fingerprint_key.reveal() == key
    assert (home.path / "keys" / "fingerprint.key").stat().st_mode & 0o777 == 0o600
    assert not any(
        key in path.read_bytes() for path in shared.root.rglob("store/**/*") if path.is_file()
    )


def test_what_lies_in_the_store_is_sealed_to_the_station_alone(shared):
    shared.admitted("hall-2", "mint")
    (name,) = sealed(shared)
    other, _ = shared.joined("hall-3")
    with pytest.raises(Refused, match="not admitted"):
        other.station().ledger  # noqa: B018 - it opens
    third = shared.admitted("hall-4", "mint")
    store = third.station().store
    data = store.read(name, 0, 10_000)
    key_id = third.station().key.key_id
    (own,) = [n for n in sealed(shared) if key_id in n]
    (third.path / "keys" / "fingerprint.key").unlink()
    store.delete(own)
    store.put(f"{own}0", data)  # another station's, under this one's name
    with pytest.raises(IntegrityError, match="sealed fingerprint key"):
        third.station().ledger  # noqa: B018 - it opens


# --- the words -------------------------------------------------------------------------


def ask(shared, shown, **more):
    fields = {"key": shown.station_key, "name": "hall-2", "may": "mint"}
    fields |= {"words": " ".join(shown.words), **more}
    return admit(shared.call("first"), shared.first.station(), AdmitRequest(**fields))


def test_words_that_differ_admit_nobody(shared):
    """A key that was exchanged on its way has other words, whoever types them."""
    _, shown = shared.joined("hall-2")
    _, foreign = shared.joined("foreign")
    assert foreign.words != shown.words
    for words in (foreign.words, shown.words[:-1], (*shown.words, "zebra"), shown.words[::-1], ()):
        with pytest.raises(Refused, match="words differ"):
            ask(shared, shown, words=" ".join(words))
    assert len(listed(shared.first.station()).stations) == 1
    assert not sealed(shared)


def test_words_are_taken_as_people_write_them(shared):
    _, shown = shared.joined("hall-2")
    said = " ".join(shown.words)
    forms = (f"  {said}\n", said.upper(), said.replace(" ", ", "), said.replace(" ", "-"))
    assert all(ask(shared, shown, words=text).sent for text in forms)


def test_at_a_terminal_a_person_is_asked(shared):
    _, shown = shared.joined("hall-2")
    asked = []

    def answering(answer):
        def question(text):
            asked.append(text)
            return answer

        return replace(shared.call("first"), question=question)

    request = AdmitRequest(shown.station_key, "hall-2", "mint")
    for answer in ("no", "", "n", "perhaps"):
        with pytest.raises(Refused, match="words differ"):
            admit(answering(answer), shared.first.station(), request)
    assert " ".join(shown.words) in asked[0]
    with pytest.raises(UsageError, match="no terminal"):
        admit(shared.call("first"), shared.first.station(), request)
    assert admit(answering(" Yes "), shared.first.station(), request).sent


# --- who is admitted, and as what ------------------------------------------------------


def test_one_that_only_reads_is_sent_nothing(shared):
    home = shared.admitted("office", "read")
    assert not sealed(shared)
    assert batch_list(home.station()).batches == ()
    assert not (home.path / "keys" / "fingerprint.key").exists()
    with pytest.raises(Refused, match="may only read, and has no fingerprint key"):
        _ = home.station().fingerprint_key
    with pytest.raises(Refused, match="may read, and this takes the right to mint"):
        home.mint()
    with pytest.raises(Refused, match="right to order or admit"):
        new_line(home.station(), "line-3")


def test_only_who_may_admit_admits(shared):
    minting = shared.admitted("hall-2", "mint")
    office = shared.admitted("office", "admit")
    _, shown = shared.joined("hall-3")
    request = AdmitRequest(shown.station_key, "hall-3", "order", " ".join(shown.words))
    with pytest.raises(Refused, match="station hall-2 may mint, and this takes the right to admit"):
        admit(shared.call("hall-2"), minting.station(), request)
    assert admit(shared.call("office"), office.station(), request).sent
    with pytest.raises(Refused, match="the right to admit"):  # nor does it send anything anew
        admit(shared.call("hall-2"), minting.station(), request)
    key = shared.first.station().fingerprint_key.reveal()
    assert shared.home("hall-3").station().fingerprint_key.reveal() == key


def test_admitted_once_more_it_is_the_same(shared):
    home, shown = shared.joined("hall-2")
    ask(shared, shown)
    before = sealed(shared)
    done = ask(shared, shown)
    assert done.sent
    assert len(sealed(shared)) == 1
    assert sealed(shared) != before
    assert home.station().fingerprint_key
    for more in ({"name": "hall-3"}, {"may": "mint,order"}):
        with pytest.raises(Refused, match="admitted already, as hall-2, and may mint"):
            ask(shared, shown, **more)
    with shared.first.station().ledger.read() as view:
        assert len(view.roster("station")) == 2


def test_names_are_of_one_station_each(shared):
    shared.admitted("hall-2", "mint")
    _, shown = shared.joined("hall-3")
    with pytest.raises(Refused, match="another station is called hall-2"):
        ask(shared, shown)
    with pytest.raises(Refused, match="another station is called station"):
        join(shared.call("hall-4"), shared.places, "station")
    assert not (shared.root / "hall-4").exists()
    retire(shared.first.station(), "hall-2", "moved")
    assert ask(shared, shown).name == "hall-2"


@pytest.mark.parametrize("failpoint", ["booked", "sent"])
def test_a_crash_of_an_admission_is_made_good_by_the_next(shared, failpoint):
    home, shown = shared.joined("hall-2")

    def crash(point):
        if point == failpoint:
            raise KeyboardInterrupt

    request = AdmitRequest(shown.station_key, "hall-2", "mint", " ".join(shown.words))
    with pytest.raises(KeyboardInterrupt):
        admit(shared.call("first"), shared.first.station(failpoint=crash), request)
    if failpoint == "booked":
        with pytest.raises(Refused, match="was not sent the home's fingerprint key yet") as refused:
            home.station().ledger  # noqa: B018 - it opens
        assert f"admit {shown.station_key} --name hall-2 --may mint" in refused.value.hints[0]
    ask(shared, shown)
    assert len(sealed(shared)) == 1
    assert home.station().fingerprint_key


# --- what a false database or bucket could do ------------------------------------------


def test_a_key_that_the_founding_does_not_name_is_not_taken(shared):
    """Who holds the bucket and the tables can sign nothing; who admits can send what he likes."""
    home = shared.admitted("hall-2", "mint")
    first = shared.first.station()
    (name,) = sealed(shared)
    store = first.store
    with first.ledger.read() as view:
        home_made = founding(view)
        row = view.key(home.station().key.key_id)
    public = StationPublic(bytes.fromhex(row.sign_public), bytes.fromhex(row.seal_public))
    (home.path / "keys" / "fingerprint.key").unlink()
    store.delete(name)
    own, stranger = first.key, keys.new_signing_key("station", "station", os.urandom)
    for key, sign, why in (
        (Secret(bytes(32)), own.sign, "does not open, or holds another key"),
        (first.fingerprint_key, stranger.sign, "the signature of the sealed fingerprint key"),
    ):
        store.put(f"{name}0", seal(key, public, home_made, own.key_id, sign))
        with pytest.raises(IntegrityError, match=why):
            home.station().ledger  # noqa: B018 - it opens
        store.delete(f"{name}0")
    assert not (home.path / "keys" / "fingerprint.key").exists()


def test_a_station_believes_no_other_ledger_than_the_one_it_joined(shared, tmp_path):
    home = shared.admitted("hall-2", "mint")
    (tmp_path / "other").mkdir()
    other = make_shared(tmp_path / "other", new_places(tmp_path / "other"))
    settings = home.path / "mintmark.toml"
    text = settings.read_text("utf-8")
    own, foreign = (made.first.station().config.home_id for made in (shared, other))
    settings.write_text(
        text.replace(shared.places.ledger, other.places.ledger).replace(own, foreign), "utf-8"
    )
    with pytest.raises(IntegrityError, match="not the ledger that the station was joined to"):
        home.station().ledger  # noqa: B018 - it opens
    settings.write_text(text.replace(shared.places.ledger, other.places.ledger), "utf-8")
    with pytest.raises(IntegrityError, match="names another home than the ledger"):
        home.station().ledger  # noqa: B018 - it opens
    other.close()


# --- leaving ---------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["name", "key", "key revoke"])
def test_a_retired_station_can_do_nothing(shared, by):
    home = shared.admitted("hall-2", "mint,order")
    running = home.station()
    key_id = running.key.key_id
    first = shared.first.station()
    if by == "key revoke":
        revoke(first, key_id, "PC stolen")
    else:
        assert retire(first, "hall-2" if by == "name" else key_id, "PC stolen").key_id == key_id
    assert not sealed(shared)
    with pytest.raises(Refused, match="hall-2, was retired: PC stolen"):
        batch_list(home.station())
    with pytest.raises(Refused, match="was revoked"):  # also one that was running
        new_line(running, "line-3")
    with pytest.raises(Refused, match="retired already"):
        retire(first, key_id, "again")
    shown = {station.name: station for station in listed(first).stations}
    assert (shown["hall-2"].retired, shown["station"].retired) == (True, False)
    assert shown["station"].this


def test_nobody_retires_himself_and_somebody_who_may_admit_is_left(shared):
    first = shared.first.station()
    with pytest.raises(Refused, match="cannot retire itself"):
        retire(first, "station", "bored")
    office = shared.admitted("office", "admit")
    retire(office.station(), "station", "broken")
    with pytest.raises(NotFound, match="no station has this key or name"):
        retire(office.station(), "hall-9", "gone")
    with pytest.raises(UsageError, match="--reason"):
        retire(office.station(), "station", " ")
    assert [s.name for s in listed(office.station()).stations if not s.retired] == ["office"]


def test_a_home_of_its_own_has_one_station_and_takes_no_other(home):
    """It can be listed; nobody can join books that lie in a folder of this machine."""
    (only,) = listed(home.station()).stations
    assert (only.name, only.may, only.this, only.retired) == ("station", RIGHTS, True, False)
    public = StationPublic(os.urandom(32), os.urandom(32))
    call = Invocation(home.path, now=now)
    with pytest.raises(Refused, match="its books and batches lie in its own folder"):
        admit(call, home.station(), AdmitRequest(public.text, "hall-2", "mint", "x"))
    with pytest.raises(UsageError, match="share a ledger and a vault"):
        join(Invocation(home.path.parent / "new", now=now), SharedPlaces(), "hall-2")


# --- lines -----------------------------------------------------------------------------


def test_a_lines_name_is_one_stations(shared):
    home = shared.admitted("hall-2", "order")
    with pytest.raises(Refused, match="line default has a key already"):
        new_line(home.station(), "default")
    assert new_line(home.station(), "line-3").name == "line-3"
    with pytest.raises(Refused, match="line line-3 has a key already"):
        new_line(shared.first.station(), "line-3")
