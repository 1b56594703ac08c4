"""What a station may sign: the table of the issue, held against every kind of change."""

from dataclasses import replace

import ledger_kit as kit
import pytest

from mintmark.codegen.errors import Refused
from mintmark.codegen.ledger import _apply, chain, rights
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ledger.ledger import Actor, Author
from mintmark.codegen.ledger.verify import verify

MAY = {"mint": 11, "export": 12, "order": 13, "read": 14, "admit": 15}

# Kind of change → the rights of which one is enough. Typed here once more, from the issue.
ENOUGH = {
    "HomeMade": "admit",
    "KeyAdded station": "admit",
    "KeyAdded custodian": "admit",
    "KeyAdded platform": "admit",
    "KeyAdded line": "order admit",
    "KeyRevoked station": "admit",
    "KeyRevoked custodian": "admit",
    "KeyRevoked line": "order admit",
    "ContactAdded": "export admit",
    "BatchMinted": "mint",
    "Stored": "mint",
    "Stored wraps": "export",
    "ExportBegun": "export",
    "Packaged": "export",
    "ExportAbandoned": "export",
    "Receipted": "export",
    "ReceiptCorrected": "export",
    "UnitMoved": "export",
    "LabelsVerified": "export",
    "Ordered": "order",
    "Ordered void": "order export",
    "Reopened": "order",
    "Associated": "order",
    "Settled": "order",
    "Scheduled": "order",
    "ScheduleEnded": "order",
    "ScannedIn": "order",
    "Incident": "mint export order admit",
}


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Every kind of change, as it was booked, and a station with each of the rights alone."""
    ledger = kit.with_history(tmp_path_factory.mktemp("rights") / "ledger.db")
    for right, number in MAY.items():
        key = c.KeyAdded(f"key-{number}", "station", right, kit.public(number), may=(right,))
        ledger.commit(kit.STATION, key)
    yield ledger
    ledger.close()


def samples(ledger):
    """What stands in `ENOUGH` → changes of that kind."""
    with ledger.read() as view:
        booked = [event.change for event in view.events(limit=1_000)]
    booked += [
        c.KeyRevoked("key-6", "gone"),
        c.KeyRevoked("key-3", "gone"),
        kit.stored("B9", "wraps", attempt=2),
        c.KeyAdded("key-7", "platform", "guide-app", kit.public(7)),
    ]
    found = {}
    for change in booked:
        name = type(change).__name__
        if isinstance(change, c.KeyAdded):
            name += f" {change.kind}"
        if isinstance(change, c.KeyRevoked):
            with ledger.read() as view:
                name += f" {view.key(change.key_id).kind}"
        if isinstance(change, c.Ordered) and change.action == "void":
            name += " void"
        if isinstance(change, c.Stored) and len(change.objects) == 1:
            name += " wraps"
        found.setdefault(name, []).append(change)
    return found


def allowed(ledger, number, change):
    with ledger.read() as view:
        try:
            key = _apply.signing_key(view.connection, f"key-{number}", change)
        except Refused:
            return False
    assert key.hex() == kit.public(number)
    return True


def test_every_kind_of_change_takes_the_rights_of_the_table_and_no_others(history):
    found = samples(history)
    assert found.keys() == ENOUGH.keys()
    assert {name.split()[0] for name in found} == set(chain.TYPES)
    wrong = [
        (name, right)
        for name, changes in found.items()
        for change in changes
        for right, number in MAY.items()
        if allowed(history, number, change) != (right in ENOUGH[name].split())
    ]
    assert not wrong
    everything = [change for changes in found.values() for change in changes]
    assert all(allowed(history, 1, change) for change in everything)  # no limits: as before


def test_the_refusal_names_the_right_and_who_can_grant_it(history):
    reader = Author(kit.ACTOR, "key-14", kit.key(14).sign)
    with pytest.raises(Refused) as refused:
        history.commit(reader, kit.minted("B77", 5))
    error = refused.value
    assert error.message == "station read may read, and this takes the right to mint"
    assert "at station station or admit:" in error.hints[1]


def test_what_a_station_may_is_replayed_and_audited(history):
    """A book that shows an event of a station without the right to it is no true book."""
    minter = Author(Actor("Mr Li", "mint", "hall-3"), "key-11", kit.key(11).sign)
    history.commit(minter, kit.minted("B70", 5), kit.stored("B70"))
    assert verify(history).ok
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rights, "check", lambda *_: None)
        history.commit(minter, kit.begun("P70", "B70", (1, 2)))
    found = verify(history)
    assert not found.ok
    assert "station mint may mint, and this takes the right to export" in found.problem


def test_somebody_who_may_admit_is_left(tmp_path):
    """Else nobody could ever be admitted again."""
    with kit.create(tmp_path / "ledger.db") as ledger:
        hall = c.KeyAdded("key-5", "station", "hall", kit.public(5), may=("mint", "order"))
        ledger.commit(kit.STATION, hall)
        with pytest.raises(Refused, match="last station key cannot be revoked"):
            ledger.commit(kit.STATION, c.KeyRevoked("key-1", "gone"))
        ledger.commit(kit.STATION, replace(hall, key_id="key-6", name="office", may=("admit",)))
        ledger.commit(kit.STATION, c.KeyRevoked("key-1", "gone"))
        office = Author(kit.ACTOR, "key-6", kit.key(5).sign)
        with pytest.raises(Refused, match="last station key cannot be revoked"):
            ledger.commit(office, c.KeyRevoked("key-6", "gone"))
        ledger.commit(office, c.KeyRevoked("key-5", "gone"))
        assert verify(ledger).ok
