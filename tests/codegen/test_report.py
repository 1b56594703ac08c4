"""Reports: every code is accounted for, and books that can't be believed say so."""

import json
import math
from dataclasses import replace

import pytest

from mintmark.codegen.audit import audit_show, audit_verify
from mintmark.codegen.errors import IntegrityError, NotFound
from mintmark.codegen.ledger.changes import ContactAdded, ExportBegun, Ordered, Packaged, Unit
from mintmark.codegen.ranges.lifecycle import Action, State
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.report import batch_list, batch_show
from mintmark.codegen.result import to_json


@pytest.fixture
def batch(home):
    """100 codes: 1-60 packaged, of these 11-20 active and 16 void; 81-90 reserved."""
    batch = home.mint(100, product="Tea", ref="MES-1").batch
    station = home.station()
    done, begun = station.new_id(), station.new_id()
    unit = Unit("reel-1", "data/0001.csv", 1, 60, 60, "00" * 32)
    packaged = Packaged(
        done, "{code}", "a.zip", 1, "00" * 32, "00" * 32, home.custodian.public.key_id, (unit,)
    )
    orders = [
        Ordered(
            station.new_id(), batch, Action.ACTIVATE, (Range(11, 20),), attributes={"lot": "L"}
        ),
        Ordered(station.new_id(), batch, Action.VOID, (Range(16, 16),), count=1, reason="sample"),
    ]
    station.ledger.commit(
        station.author,
        ContactAdded("li", "Ms Li", None),
        ExportBegun(done, batch, (Range(1, 60),), "li", "csv"),
        packaged,
        *orders,
        ExportBegun(begun, batch, (Range(81, 90),), "li", "csv"),
    )
    return batch


STATES = {"sealed": 40, "packaged": 50, "active": 9, "frozen": 0, "void": 1}


def pages(home, batch, limit):
    after, found = 0, []
    while after is not None:
        shown = batch_show(home.station(), batch, after, limit)
        assert len(shown.ranges) <= limit
        found += shown.ranges
        after = shown.next
    return found


def test_a_batch_accounts_for_every_code(home, batch):
    shown = batch_show(home.station(), batch, 0, 100)
    assert to_json(shown.states) == STATES
    assert sum(shown.states.values()) == shown.quantity == 100
    assert (shown.reserved, shown.unacknowledged, shown.refused) == (10, 10, 0)
    assert shown.next is None
    stands = [(row.serials[0].pair(), row.state.value) for row in shown.ranges]
    assert stands == [
        ([1, 10], "packaged"),
        ([11, 15], "active"),
        ([16, 16], "void"),
        ([17, 20], "active"),
        ([21, 60], "packaged"),
        ([61, 80], "sealed"),
        ([81, 90], "sealed"),
        ([91, 100], "sealed"),
    ]
    assert dict(shown.ranges[1].attributes) == {"lot": "L"}
    assert shown.ranges[2].reason == "sample"


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 9])
def test_pages_tile_the_batch(home, batch, limit):
    assert pages(home, batch, limit) == pages(home, batch, 1_000)


def test_the_text_leads_with_the_trouble(home, batch):
    text = list(batch_show(home.station(), batch, 0, 2).lines())
    assert text[0] == f"batch {batch}  100 codes  Tea"
    assert "10 codes wait for the backend" in text[1]
    assert any("10 are reserved" in line for line in text)
    assert text[-1] == f"  more: mintmark batch show {batch} --after 15"
    assert not any("more:" in line for line in batch_show(home.station(), batch, 0, 8).lines())


def test_a_thief_has_a_time_at_issue_and_a_shorter_one_today(home):
    """A hundred times as many codes of that length, a hundredth of the work."""
    spec = {"alphabet": "digits", "length": 18}
    minted = home.mint(100, **spec)
    alone = batch_show(home.station(), minted.batch, 0, 10)
    assert alone.offline_bits == alone.offline_bits_today == minted.offline_bits
    assert alone.offline_seconds == alone.offline_seconds_today == minted.offline_seconds
    at_issue = (
        "  a thief of the fingerprints needed, at issue, about 17 days of one data-centre GPU "
        "per code (6.6×10⁹ tries/s, measured 2026-11)"
    )
    assert at_issue in alone.lines()
    assert not any("today" in line for line in alone.lines())
    home.mint(9_900)  # no guess of 18 digits meets one of 16 symbols
    assert batch_show(home.station(), minted.batch, 0, 10) == alone
    home.mint(9_900, length=18)
    more = batch_show(home.station(), minted.batch, 0, 10)
    assert (more.offline_bits, more.offline_seconds) == (alone.offline_bits, alone.offline_seconds)
    assert more.offline_bits_today == pytest.approx(alone.offline_bits - math.log2(100), abs=0.02)
    assert more.offline_seconds_today == pytest.approx(alone.offline_seconds / 100, rel=0.02)
    assert at_issue in more.lines()
    today = "  and needs about 4.2 hours today, as more codes of this length are issued"
    assert today in more.lines()


def test_a_batch_from_before_the_limits_is_shown_with_its_time(home, batch):
    home.sql("UPDATE batches SET entropy_bits = 47.0, offline_bits = 40.36 WHERE batch = ?", batch)
    lines = "\n".join(batch_show(home.station(), batch, 0, 10).lines())
    assert "needed, at issue, about 216 seconds of one" in lines


@pytest.mark.parametrize("column", ["entropy_bits", "offline_bits"])
@pytest.mark.parametrize("value", ["much", b"\x00", 9e999, -9e999])
def test_a_strength_that_is_no_number_is_damage(home, batch, column, value):
    statements = {
        "entropy_bits": "UPDATE batches SET entropy_bits = ? WHERE batch = ?",
        "offline_bits": "UPDATE batches SET offline_bits = ? WHERE batch = ?",
    }
    home.sql(statements[column], value, batch)
    with pytest.raises(IntegrityError, match=f"{batch}|batches.{column}") as caught:
        batch_show(home.station(), batch, 0, 10)
    assert "ledger.db" in caught.value.hints[0]


def test_the_json_has_the_keys_of_the_contract(home, batch):
    (record,) = batch_show(home.station(), batch, 0, 100).records()
    record = json.loads(json.dumps(record))
    contract = {"batch", "quantity", "states", "unacknowledged", "refused", "ranges", "next"}
    assert contract <= set(record)
    assert record["states"] == STATES
    assert set(record["ranges"][0]) >= {"serials", "state", "package", "attributes"}
    assert record["ranges"][1]["serials"] == [[11, 15]]
    (listed,) = batch_list(home.station()).records()
    (row,) = json.loads(json.dumps(listed))["batches"]
    assert row["states"] == STATES
    assert row["minted_at"] == "2026-11-22T08:00:00Z"


def test_batches_are_listed_oldest_first(home, batch):
    second = home.mint(5).batch
    listed = batch_list(home.station())
    assert [row.batch for row in listed.batches] == [batch, second]
    first, last = listed.lines()
    assert "40 sealed, 50 packaged, 9 active, 1 void" in first
    assert "10 unacknowledged" in first
    assert "(5 sealed)" in last


def test_an_empty_home_says_what_to_do(home):
    assert list(batch_list(home.station()).lines()) == [
        "no batches; mint one: mintmark mint --quantity 10000"
    ]


@pytest.mark.parametrize("batch", ["", "K7QM-00000000", "../ledger", "x" * 1_000])
def test_an_unknown_batch_is_not_found(home, batch):
    with pytest.raises(NotFound):
        batch_show(home.station(), batch, 0, 100)


def test_after_the_end_there_is_nothing(home, batch):
    shown = batch_show(home.station(), batch, 100, 10)
    assert (shown.ranges, shown.next) == ((), None)


# --- the audit chain -------------------------------------------------------------------


def test_the_chain_holds_and_its_head_is_told(home, batch):
    found = audit_verify(home.station())
    (count,), (head,) = (
        home.sql("SELECT count(*) FROM events"),
        home.sql("SELECT hash FROM events ORDER BY seq DESC LIMIT 1"),
    )
    assert (found.ok, found.events, found.head) == (True, *count, *head)
    assert found.head in "\n".join(found.lines())
    assert next(iter(found.records())) == {"ok": True, "events": count[0], "head": head[0]}


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE events SET body = replace(body, 'Tea', 'Gold') WHERE seq = 5", "event 5"),
        ("UPDATE events SET operator = 'nobody' WHERE seq = 7", "event 7"),
        ("UPDATE events SET at = '2026-11-21T08:00:00.000000Z' WHERE seq = 1", "event 1"),
        ("UPDATE events SET signature = substr(signature, 3) || '00' WHERE seq = 6", "event 6"),
        ("DELETE FROM events WHERE seq = 6", "event 6"),
        ("UPDATE events SET body = 'rubbish' WHERE seq = 8", "event 8"),
        ("UPDATE tiles SET state = 'active' WHERE first = 21", "tiles"),
        ("UPDATE counters SET codes = codes + 1 WHERE state = 'active'", "counters"),
        ("UPDATE contacts SET name = 'Mr Nobody'", "contacts"),
        ("UPDATE batches SET quantity = 200", "batches"),
    ],
)
def test_a_hand_in_the_database_is_named(home, batch, statement, named):
    home.close()
    home.sql("PRAGMA foreign_keys = OFF")
    home.sql(statement)
    with pytest.raises(IntegrityError, match=named) as caught:
        audit_verify(home.station())
    assert caught.value.exit_code == 5
    assert caught.value.details["ok"] is False


def test_events_are_shown_in_pages(home, batch):
    station = home.station()
    everything = audit_show(station, 0, 1_000)
    assert [event["seq"] for event in everything.events] == list(range(1, 12))
    assert everything.events[4]["type"] == "BatchMinted"
    assert everything.events[4]["body"]["batch"] == batch
    paged = audit_show(station, 0, 6).events + audit_show(station, 6, 6).events
    assert paged == everything.events
    assert audit_show(station, 11, 10).events == ()
    lines = list(replace(everything).lines())
    assert len(lines) == 11
    assert "BatchMinted" in lines[4]
    assert all("\n" not in line for line in lines)


@pytest.mark.parametrize("body", ["rubbish", "[]", "null", "7", ""])
def test_an_event_that_cannot_be_read_is_named(home, batch, body):
    home.sql("UPDATE events SET body = ? WHERE seq = 5", body)
    with pytest.raises(IntegrityError, match="event 5"):
        audit_show(home.station(), 0, 100)
    assert len(audit_show(home.station(), 0, 4).events) == 4


def test_states_in_json_are_their_words():
    assert to_json({State.SEALED: 1}) == {"sealed": 1}
