"""Signs of an older copy, as the books have them: see `older_copy` and `remembered`."""

from ..ledger.chain import Event
from ..ledger.changes import Incident, IncidentFacts
from ..ledger.view import View

# Kinds of incidents.
NOTICED = "older-copy"
LOST = "newer-home-lost"
NONE_NEWER = "no-newer-home"


_DECIDE = (
    "only if it is gone for good: mintmark audit settle --newer-home lost --reason R",
    "if there never was one: mintmark audit settle --newer-home none --reason R",
)
HINTS = (
    "bring the newest home back, the whole folder, ledger.db-wal included: see docs/playbook.md",
    *_DECIDE,
)
SHARED_HINTS = (
    "bring the newest database back, a standby or a backup with all of its WAL: docs/stations.md",
    *_DECIDE,
)


def lost_sentence(head: str) -> str:
    """What is said of a shared ledger without a head that a station or the backend had seen."""
    return (
        f"the shared ledger came back without what was booked last: head {head[:16]} of the audit"
        " chain was seen, and is not in it"
    )


def open_heads(view: View) -> list[str]:
    """Heads that were noticed, and that nobody has decided about."""
    since = max((event.seq for event in decided(view)), default=0)
    heads = (facts(event).head for event in view.incidents(NOTICED) if event.seq > since)
    return [head for head in heads if head]


def is_known(view: View, head: str) -> bool:
    """Whether `head` is in the chain, or was noticed before: then it is decided, or open."""
    return view.holds(head) or any(facts(event).head == head for event in view.incidents(NOTICED))


def decided(view: View) -> tuple[Event, ...]:
    """The incidents with which people decided about such signs."""
    return (*view.incidents(LOST), *view.incidents(NONE_NEWER))


def facts(event: Event) -> IncidentFacts:
    """What an incident is about; nothing, of an event that is none."""
    change = event.change
    return (change.facts if isinstance(change, Incident) else None) or IncidentFacts()
