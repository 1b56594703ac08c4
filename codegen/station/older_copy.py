"""Signs that this home is an older copy of itself, and what was decided about them.

An older copy is consistent in itself: only what lies outside of its books can tell. There are
three such witnesses. The scan backend keeps the head of the audit chain that came with the last
order (the `older-copy` incidents book what it said); the vault holds batches that the books do
not know, if `ledger.db` alone is old; and each station that shares a ledger remembers the newest
head that it saw (`remembered`).

1. A sign is open until a person decides: the newer home is lost, or there is none.
2. While a sign is open nothing is minted, exported or reconciled: the lost part of the books
   knows codes that were packaged, and they would be packaged again.
3. If the newer home is lost, its packages are not known, and never will be. So the batches
   minted until then are retired: no package is made of them again, and no reconciliation
   takes back what the backend knows of them.
"""

from dataclasses import dataclass

from ..errors import IntegrityError, Refused
from ..ledger.changes import Change, Incident, IncidentFacts
from ..ledger.view import View
from . import copy_signs
from .copy_signs import HINTS, LOST, NONE_NEWER, NOTICED, SHARED_HINTS, is_known, open_heads
from .station import Station

__all__ = ["LOST", "NONE_NEWER", "NOTICED", "is_known"]


@dataclass(frozen=True)
class Signs:
    """What nobody has decided about: heads not in the chain, batches not in the books."""

    heads: tuple[str, ...]
    batches: tuple[str, ...]
    shared: bool = False

    def sentences(self) -> list[str]:
        """A sentence for each kind of sign that there is."""
        found = []
        if self.heads and self.shared:
            found.append(copy_signs.lost_sentence(self.heads[-1]))
        elif self.heads:
            found.append(
                "this home is an older copy: the scan backend was sent"
                f" head {self.heads[-1][:16]} of the audit chain, which is not in it"
            )
        if self.batches:
            found.append(
                f"{'the ledger' if self.shared else 'ledger.db'} is older than the vault, which"
                f" holds batch {self.batches[0]}: the books do not know it"
            )
        return found


def hints(station: Station) -> tuple[str, ...]:
    """What a person may do about a sign."""
    return HINTS if station.config.ledger_url is None else SHARED_HINTS


def signs(station: Station) -> Signs:
    """The signs that are open now."""
    with station.ledger.read() as view:
        decided = copy_signs.decided(view)
        heads = [*open_heads(view), *_forgotten(station, view)]
    known = {copy_signs.facts(event).batch for event in decided}
    strays = (batch for batch in unbooked(station) if batch not in known)
    return Signs(tuple(heads), tuple(strays), station.config.ledger_url is not None)


def _forgotten(station: Station, view: View) -> list[str]:
    """The head that this station remembers, if the shared ledger does not hold it."""
    newest = None if station.memory is None else station.memory.newest()
    if newest is None or view.hash_at(newest[0]) == newest[1] or is_known(view, newest[1]):
        return []
    return [newest[1]]


def refuse_older(station: Station) -> None:
    """Raises `IntegrityError` while a sign is open."""
    for sentence in signs(station).sentences():
        raise IntegrityError(sentence, *hints(station))


def notice(station: Station, head: str, order: str | None) -> None:
    """Book that the backend was sent a `head` that is not in the chain, with `order`."""
    detail = f"the scan backend was sent head {head[:16]}, which this home's chain does not hold"
    facts = IncidentFacts(order=order, head=head)
    station.ledger.commit(station.author, Incident(NOTICED, detail, facts))


def decisions(found: Signs, *, lost: bool, reason: str) -> list[Change]:
    """The incidents that decide about `found`: the newer home is lost, or there is none."""
    kind = LOST if lost else NONE_NEWER
    what = "the newer home is lost" if lost else "there is no newer home"
    return [
        Incident(kind, f"{what}: {reason}"),
        *(
            Incident(kind, f"{what}: batch {batch} is in the vault only", IncidentFacts(batch))
            for batch in found.batches
        ),
    ]


def is_retired(view: View, batch: str) -> bool:
    """Whether a lost home may have made packages of the batch, and ordered them."""
    return view.minted_by(batch) < lost_since(view)


def lost_since(view: View) -> int:
    """The number of the event that said last that a newer home is lost; 0 without any."""
    return max((event.seq for event in view.incidents(LOST)), default=0)


def refuse_retired(view: View, batch: str) -> None:
    """Raises `Refused` for a batch that `is_retired`."""
    if is_retired(view, batch):
        raise Refused(
            f"batch {batch} is retired: a home that is lost may have packaged its codes",
            "mint a new batch: mintmark mint; see docs/playbook.md",
        )


def unbooked(station: Station) -> tuple[str, ...]:
    """Batches of this home that are whole in the vault and that the books do not know.

    Not those that a process publishes now, or that a crash left for `recover`.
    """
    own = f"{station.config.home_id[:4]}-"
    # In this order: what is booked after the folder was read is in the books then.
    there = [batch for batch in station.vault.batches() if batch.startswith(own)]
    left = _not_booked(station, there)
    intents = {path.stem for path in (station.home / "work").glob("*.json")}
    # Once more: a process may have booked its batch, and dropped its intent, in between.
    return tuple(batch for batch in _not_booked(station, left) if batch not in intents)


def _not_booked(station: Station, batches: list[str]) -> list[str]:
    with station.ledger.read() as view:
        booked = {row.batch for row in view.batches()} if batches else set()
    return [batch for batch in batches if batch not in booked]
