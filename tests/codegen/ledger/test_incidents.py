"""Incidents carry facts; an incident without any has the bytes it had before there were facts."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_kit import LINE, START

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ledger import chain
from mintmark.codegen.ledger.changes import Incident, IncidentFacts
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

DOCUMENT = (Path(__file__).parents[3] / "docs" / "formats" / "ledger.md").read_text("utf-8")
LEAK = Incident(
    "leak-found",
    "never exported: 2 codes, 3 scans, batch 7Q2M-0K4T9WXA, serials 7-8",
    IncidentFacts(batch="7Q2M-0K4T9WXA", serials=(Range(7, 8),), codes=2, scans=3),
)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
facts = st.builds(
    IncidentFacts,
    batch=st.none() | text,
    package=st.none() | text,
    supersedes=st.none() | text,
    contact=st.none() | text,
    unit=st.none() | text,
    order=st.none() | text,
    action=st.none() | st.sampled_from(Action),
    serials=st.sampled_from([None, (), (Range(1, 1), Range(3, 10**12 - 1))]),
    codes=st.none() | st.integers(0, 2**53 - 1),
    scans=st.none() | st.integers(0, 2**53 - 1),
    key_id=st.none() | text,
    dealer=st.none() | text,
    carton=st.none() | text,
    region=st.none() | text,
    since=st.none() | text,
)


def body(incident):
    return chain.seal(2, incident, START, LINE, chain.GENESIS).body


@given(text, text, st.none() | facts)
def test_what_is_written_comes_back_and_is_written_the_same(kind, detail, facts):
    event = chain.seal(2, Incident(kind, detail, facts), START, LINE, chain.GENESIS)
    assert event.change == Incident(kind, detail, facts)
    assert body(event.change) == event.body


def test_an_event_from_before_there_were_facts_keeps_its_bytes():
    """Its line in the dump of a ledger that an older version made."""
    dump = (Path(__file__).parents[1] / "data" / "ledger-0001.sql").read_text("utf-8")
    (old,) = re.findall(r"VALUES\(\d+,'Incident',.*?'(\{.*?\})'", dump)
    incident = chain.decode("Incident", json.loads(old))
    assert incident == Incident("repeated-export", "twice in an hour")
    assert body(incident) == old


def test_the_bodies_of_the_document_are_those_of_the_code():
    section = DOCUMENT.split("## Incidents")[1].split("\n## ")[0]
    (vectors,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    made = [body(incident) for incident in (Incident("repeated-export", "twice in an hour"), LEAK)]
    assert vectors.splitlines() == made


def test_the_document_names_every_fact():
    section = DOCUMENT.split("## Incidents")[1].split("\n## ")[0]
    table = section.split("| kind | facts |")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(vars(IncidentFacts()))


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {"batch": None},
        {"batch": 1},
        {"surprise": "x"},
        {"codes": "2"},
        {"codes": True},
        {"serials": [[2, 1]]},
        {"serials": [[1, 2], [3, 4]]},
        {"action": "explode"},
    ],
)
def test_facts_are_read_strictly(wrong):
    with pytest.raises(IntegrityError):
        chain.decode("Incident", {"kind": "x", "detail": "y", "facts": wrong})
