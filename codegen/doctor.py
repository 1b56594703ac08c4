"""`doctor` checks whether a home is well; `--repair` settles what a crash left behind.

It never deletes a published file. Objects of a shared store that no batch names it does remove
(`doctor_vault`). What a crash left of a mint is removed if it was not
complete, adopted into the ledger if it holds together, and else moved to vault/quarantine.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from .codes.compiled import DIFFERS
from .codes.fingerprint import why_slow
from .custodian_places import custodian, named
from .doctor_vault import repaired, vault_check
from .errors import IntegrityError, MintmarkError, Refused
from .file_systems import open_to_others, to_close
from .finding import ERROR, OK, WARNING, Check, Finding, Level
from .history import damaged, remove
from .ledger.changes import RIGHTS
from .ledger.verify import verify
from .recover import check_intent, recover, remove_stale, stale, unsettled
from .result import Result
from .station import keys
from .station.older_copy import hints, signs
from .station.station import Station
from .stations.health import is_elsewhere, shared
from .times import parse_utc

LOW_SPACE = 1_000_000_000
BEHIND = timedelta(hours=1)  # summer time set by hand, and a slow clock, are no matter
_RIGHTS = "look at the folders of the home: was a file moved, or the right to read it taken away?"
# Checks that are published under another name than their function has.
_PUBLISHED = {"prefix_filters": "sieves"}


@dataclass(frozen=True)
class DoctorResult(Result):
    """All findings; `ok` unless there is an error."""

    reads = True

    ok: bool
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """5 if something is damaged."""
        return 0 if self.ok else 5

    def lines(self) -> Iterator[str]:
        """Errors first."""
        worst_first = list(Level)
        for finding in sorted(self.findings, key=lambda finding: worst_first.index(finding.level)):
            yield f"{finding.level:<8} {finding.check:<12} {finding.message}"
            if finding.hint:
                yield f"{'':<21} {finding.hint}"
        yield "the home is well" if self.ok else "the home needs help: see the errors above"


class RepairedResult(DoctorResult):
    """All findings, after what a crash left was settled."""

    reads = False


def doctor(
    station: Station, more: tuple[Check, ...], *, repair: bool, deep: bool = False
) -> DoctorResult:
    """Examine `station`; `more` are the other rooms' checks; `deep` as for `vault_check`."""
    findings: list[Finding] = []
    if station.config.ledger_url is not None:
        station.require(*RIGHTS)  # one that was not admitted, or was retired, is told just that
    vault = vault_check(deep=deep, repair=repair)
    own = (_keys, custodian, _permissions, _clock, _ledger, _copies, vault, _disk, _fingerprints)
    checks: tuple[Check, ...] = (*own, shared, *more)
    work: tuple[Check, ...] = (_repaired,) if repair else (_prefix_filters, _unsettled)
    for check in (*checks, *work):
        try:
            findings.extend(check(station))
        except (MintmarkError, OSError) as error:
            name = check.__name__.strip("_")
            name = _PUBLISHED.get(name, name)
            message = error.message if isinstance(error, MintmarkError) else str(error.strerror)
            hints = error.hints if isinstance(error, MintmarkError) else (_RIGHTS,)
            findings.append(Finding(ERROR, name, message, "; ".join(hints)))
    kind = RepairedResult if repair else DoctorResult
    return kind(not any(item.level == ERROR for item in findings), tuple(findings))


def _keys(station: Station) -> Iterator[Finding]:
    with station.ledger.read() as view:
        rows = view.roster()
    roster = {row.key_id: row.name for row in rows}
    reads: list[Callable[[], object]] = [lambda: station.key, lambda: station.fingerprint_key]
    for kind in keys.FOLDERS:
        files = sorted((station.home / "keys" / keys.FOLDERS[kind]).glob("*.key"))
        named = {row.key_id: row.name for row in rows if row.kind == kind}
        reads += (partial(_named_key, station, kind, path.stem, named) for path in files)
    for read in reads:
        try:
            found = read()
        except Refused as error:  # one that may only read has no fingerprint key
            found = Finding(OK, "keys", error.message)
        except MintmarkError as error:
            found = Finding(ERROR, "keys", error.message, "; ".join(error.hints))
        if isinstance(found, Finding):
            yield found
    for row in rows:
        # A platform's key is used elsewhere, and another station's line is there.
        if row.kind != "line" or row.revoked or is_elsewhere(station, row):
            continue
        if not station.key_file("line", row.name).exists():
            yield Finding(
                WARNING,
                "keys",
                f"line {row.name} has no key file here, and can order nothing",
                f"bring keys/lines/{row.name}.key back from your copy of the home, or revoke it: "
                f"mintmark key revoke {row.key_id}",
            )
    yield Finding(
        OK, "keys", f"{len(roster)} keys on the roster; looked at every file of the home's"
    )


def _named_key(station: Station, kind: str, name: str, roster: Mapping[str, str]) -> Finding | None:
    """What is wrong with the key file of a line or platform.

    Raises `IntegrityError`: damaged, or another's.
    """
    line = kind == "line"
    key = station.line(name) if line else station.platform(name)
    if key.key_id in roster:
        return None
    if name in roster.values():
        raise IntegrityError(
            f"keys/{keys.FOLDERS[kind]}/{name}.key is not the key that the books know by that name",
            "bring it back from your copy of the home",
        )
    # A crash of `key new`, before it was booked.
    return Finding(
        WARNING,
        "keys",
        f"the key of {kind} {name} was never booked, and can {'order' if line else 'scan'} nothing",
        f"book it: mintmark key new {'' if line else '--platform '}{name}; or remove the file",
    )


def _permissions(station: Station) -> Iterator[Finding]:
    if os.name == "nt":
        yield Finding(OK, "permissions", "on Windows the folder's access list decides; check it")
        return
    for path in sorted((station.home / "keys").rglob("*.key")):
        if open_to_others(path):
            what = f"others may read {path.relative_to(station.home)}"
            yield Finding(ERROR, "permissions", what, to_close(path))
    for path in named(station):
        if os.path.isfile(path) and open_to_others(path):  # noqa: PTH113 - raises nothing
            what = f"others may read {path}"
            yield Finding(WARNING, "permissions", what, to_close(path))
    yield Finding(OK, "permissions", "looked at the key files")


def _ledger(station: Station) -> Iterator[Finding]:
    why = station.ledger.unwritable
    if why is not None:
        what = f"nothing can be booked: {why.message}"
        yield Finding(WARNING, "ledger", what, "; ".join(why.hints))
    found = verify(station.ledger)
    if found.ok:
        yield Finding(OK, "ledger", f"{found.events} events, unbroken and signed")
    else:
        yield Finding(ERROR, "ledger", found.problem or "broken", "; ".join(found.hints))
    with station.ledger.read() as view:
        for package in view.open_exports():
            if not station.intents.alive(package.package):
                where = ", at the station that began it" * (station.config.ledger_url is not None)
                what = f"export {package.package} was begun and not ended"
                yield Finding(
                    WARNING, "ledger", what, f"settle it: mintmark doctor --repair{where}"
                )


def _copies(station: Station) -> Iterator[Finding]:
    for sentence in signs(station).sentences():
        yield Finding(ERROR, "copies", sentence, "; ".join(hints(station)))


def _clock(station: Station) -> Iterator[Finding]:
    now = station.now()
    try:
        with station.ledger.read() as view:
            number, _ = view.head()
            last = parse_utc(view.events(after=number - 1, limit=1)[0].at)
    except (MintmarkError, IndexError, ValueError):
        return  # the check of the ledger tells it
    if last - now > BEHIND:
        days = f"{(last - now).days:,} days behind" if (last - now).days else "behind"
        yield Finding(
            WARNING,
            "clock",
            f"the clock of this machine is {days} the last entry of the books",
            f"set the clock; if it is right, it was wrong at entry {number:,}: mintmark audit show",
        )


def _disk(station: Station) -> Iterator[Finding]:
    free = shutil.disk_usage(station.home).free
    level = WARNING if free < LOW_SPACE else OK
    yield Finding(level, "disk", f"{free / 1e9:.1f} GB free")


def _fingerprints(_: Station) -> Iterator[Finding]:
    why = why_slow()
    what = f"computed one by one: {why}" if why else "computed in bulk by a compiled kernel"
    hint = "large batches take longer; the extra mintmark[fast] brings llvmlite" if why else ""
    yield Finding(WARNING if why == DIFFERS else OK, "fingerprints", what, hint)


def _unsettled(station: Station) -> Iterator[Finding]:
    left = unsettled(station)
    for subject in left:
        try:
            check_intent(station, subject)
        except IntegrityError as error:
            yield Finding(ERROR, "work", error.message, "; ".join(error.hints))
            continue
        yield Finding(
            WARNING, "work", f"{subject} was cut short", "settle it: mintmark doctor --repair"
        )
    for path in stale(station):
        yield Finding(
            WARNING,
            "work",
            f"{path.relative_to(station.home)} was left by a process that is gone",
            "remove it: mintmark doctor --repair",
        )
    if not left:
        yield Finding(OK, "work", "nothing was left half-done")


def _prefix_filters(station: Station) -> Iterator[Finding]:
    for path in damaged(station):
        yield Finding(
            WARNING, "sieves", f"{path.name} is damaged", "remove it: mintmark doctor --repair"
        )


def _repaired(station: Station) -> Iterator[Finding]:
    for path in damaged(station):
        remove(path)
        yield Finding(OK, "sieves", f"{path.name} was damaged and is gone; a mint makes it again")
    for sentence in recover(station):
        yield Finding(OK, "work", sentence)
    for path in stale(station):
        remove_stale(path)
        name = path.relative_to(station.home)
        yield Finding(OK, "work", f"{name}, left by a process that is gone, was removed")
    yield from repaired(station)
    yield Finding(OK, "work", "nothing is left half-done")
