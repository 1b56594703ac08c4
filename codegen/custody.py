"""`key admit`, `key rewrap`: further custodians who may open batches.

A deputy is two steps by two people. The station admits the deputy's public key: batches
minted from then on are sealed to it as well. A custodian who can open the earlier batches
seals their data keys anew, to the custodians named, and to nobody the station slips in.
Sealed codes are never touched. Taking somebody off the list takes away no data key that
was opened before: see docs/threat-model.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import IntegrityError, NotFound, Refused, UsageError
from .invocation import Invocation
from .ledger.changes import Incident, IncidentFacts, KeyAdded
from .progress import Progress
from .result import Result
from .roster import KeyShown
from .station import keys
from .station.keys import CustodianKey, CustodianPublic
from .station.station import Station
from .stored import name_objects

NAME_CHARS = 64


@dataclass(frozen=True)
class Rewrapped(Result):
    """The batches sealed anew, their custodians, and the batches that the key does not open."""

    batches: tuple[str, ...]
    custodians: tuple[str, ...]
    unopened: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """5 if a batch stayed as it was."""
        return 5 if self.unopened else 0

    def lines(self) -> Iterator[str]:
        """Counts, then the batches that stayed as they were."""
        yield f"{len(self.batches):,} batches open with {', '.join(self.custodians)}"
        for batch in self.unopened:
            yield f"  {batch} stays as it was: this key does not open it"
        yield "now take the custodian's key away from this machine again"


def admit(station: Station, file: Path, name: str) -> KeyShown:
    """Have batches sealed to a further custodian from now on.

    Raises `UsageError` for a malformed name, `NotFound` or `IntegrityError` for the
    file, `Refused` for a key that is on the roster, revoked or not.
    """
    if not name.strip() or len(name) > NAME_CHARS or not name.isprintable():
        raise UsageError(f"--name is 1 to {NAME_CHARS} printable characters", "name the custodian")
    public = keys.read_custodian_public(file)
    change = KeyAdded(
        public.key_id, "custodian", name, public.sign_public.hex(), public.seal_public.hex()
    )
    station.ledger.commit(station.author, change)
    return KeyShown(public.key_id, "custodian", name, revoked=False)


def unlock(
    invocation: Invocation,
    station: Station,
    key: Path | None,
    passphrase: Path | None,
    refusal: Incident,
) -> CustodianKey:
    """The custodian's key. If it is refused, `refusal` is booked first.

    Raises `NotFound` without a key file, `IntegrityError` for a wrong passphrase.
    """
    try:
        return invocation.custodian(station, key, passphrase)
    except IntegrityError as error:
        station.ledger.commit(station.author, refusal)
        raise error from None


def refused(what: str, batch: str | None = None, key_id: str | None = None) -> Incident:
    """The alarm that a custodian key did not open what it was to open."""
    facts = IncidentFacts(batch=batch, key_id=key_id) if batch or key_id else None
    return Incident("custodian-key-refused", what, facts)


def note_unsealed(station: Station, batch: str, custodian: CustodianKey, what: str) -> None:
    """Book the alarm if `batch` is not sealed to `custodian`: `Vault.unseal` will then raise."""
    key_id = custodian.public.key_id
    if key_id not in station.vault.wraps(batch, station.station_keys, station.wrap_keys).sealed:
        alarm = refused(f"{what}: not sealed to key {key_id}", batch, key_id)
        station.ledger.commit(station.author, alarm)


def rewrap(
    station: Station,
    custodian: CustodianKey,
    to: Sequence[str],
    only: str | None,
    progress: Progress,
) -> Rewrapped:
    """Seal the data keys of all batches, or of batch `only`, to the custodians `to`, and no others.

    It is booked first: a crash leaves some batches as they were, and the same call again
    does the rest. In a shared home the new wraps of a batch are made an object, then named by a
    commit: a crash between leaves the batch as it was. Raises `NotFound` for an unknown batch or
    key, `Refused` for a revoked key.
    """
    recipients = _recipients(station, to)
    with station.ledger.read() as view:
        rows = [view.batch(only)] if only else view.batches()
    batches = [row.batch for row in rows]
    named = ", ".join(recipient.key_id for recipient in recipients)
    detail = f"{only or f'{len(batches)} batches'} to {named} by {custodian.public.key_id}"
    facts = IncidentFacts(batch=only, key_id=custodian.public.key_id)
    station.ledger.commit(station.author, Incident("rewrapped", detail, facts))
    done: list[str] = []
    unopened: list[str] = []
    for number, batch in enumerate(batches, 1):
        opened = _sealed_anew(station, custodian, batch, recipients)
        (done if opened else unopened).append(batch)
        progress("rewrapping", number, len(batches))
    return Rewrapped(tuple(done), tuple(item.key_id for item in recipients), tuple(unopened))


def _sealed_anew(
    station: Station, custodian: CustodianKey, batch: str, recipients: Sequence[CustodianPublic]
) -> bool:
    """Whether it was done: not if the batch is not sealed to `custodian`."""
    wraps = station.vault.wraps(batch, station.station_keys, station.wrap_keys)
    key_id = custodian.public.key_id
    if key_id not in wraps.sealed:
        return False
    data_key = wraps.open(key_id, custodian.sealing)
    sealed_to = [recipient.recipient for recipient in recipients]
    began = station.ledger.clock()
    stored = station.vault.rewrap(wraps.header, data_key, sealed_to, key_id, custodian.sign)
    station.failpoint("wrapped anew")
    if stored is not None:
        name_objects(station, batch, (stored,), began)
    return True


def _recipients(station: Station, to: Sequence[str]) -> list[CustodianPublic]:
    """The custodians named, without repeats. Raises `NotFound`, or `Refused` for a revoked key."""
    current = {public.key_id: public for public in station.custodians()}
    with station.ledger.read() as view:
        kinds = {key_id: view.key(key_id).kind for key_id in to}
    for key_id, kind in kinds.items():
        if kind != "custodian":
            raise NotFound(
                f"key {key_id} is no custodian's, but a {kind}'s", "see: mintmark key list"
            )
        if key_id not in current:
            raise Refused(f"custodian key {key_id} is revoked", "leave it out")
    return [current[key_id] for key_id in dict.fromkeys(to)]
