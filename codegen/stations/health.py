"""What `doctor` looks at in a home that stations share: this station, its clock, its store."""

import platform
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from ..away import OutOfReach
from ..errors import MintmarkError
from ..file_systems import open_to_others, to_close
from ..finding import ERROR, OK, WARNING, Finding
from ..ledger.changes import RIGHTS, Change, KeyAdded
from ..ledger.records import KeyRow
from ..ledger.view import View
from ..station.admission import may_only_read, standing
from ..station.station import Station
from .server_health import database

SKEW = timedelta(seconds=30)
_STATION, _CLOCK, _STORE = "station", "clock", "store"


def shared(station: Station) -> Iterator[Finding]:
    """Findings about a shared home; none about another."""
    settings = station.config
    if settings.ledger_url is not None:
        with station.ledger.read() as view:
            own = standing(station.home, view)
            yield from _same(view, own)
        may = ", ".join(RIGHTS if own.may is None else own.may)
        yield Finding(OK, _STATION, f"this is station {own.name}, and may {may}")
        yield from _skew(station)
        with station.ledger.read() as view:
            yield from database(view)
        reads = may_only_read(own)
    else:
        reads = False
    if settings.vault_url is not None:
        yield from _credentials(settings.vault_credentials)
        yield from _store(station, reads=reads)


def is_elsewhere(station: Station, line: KeyRow) -> bool:
    """Whether another station made the key of this line: its file is there."""
    if station.config.ledger_url is None:
        return False
    moment = timedelta(microseconds=1)
    with station.ledger.read() as view:
        added = view.between(line.added_at, line.added_at + moment)
        by = [event.key_id for event in added if _adds(event.change, line.key_id)]
    return by != [station.key.key_id]


def _adds(change: Change, key_id: str) -> bool:
    return isinstance(change, KeyAdded) and change.key_id == key_id


def _same(view: View, own: KeyRow) -> Iterator[Finding]:
    """Signs that a station's folder was copied, or that two work on one machine."""
    here = platform.node()
    last = view.last_of(own.key_id)
    if last is not None and last.host != here:
        yield Finding(
            WARNING,
            _STATION,
            f"this station's key signed last on the machine {last.host}, and this is {here}",
            "if its folder was copied, retire it and let each machine join with keys of its own",
        )
    for row in view.roster("station"):
        if row.key_id == own.key_id or row.revoked:
            continue
        other = view.last_of(row.key_id)
        if row.name == own.name:
            yield Finding(
                WARNING,
                _STATION,
                f"another station is called {row.name}, too: {row.key_id}",
                "retire one of the two by its key: mintmark station retire",
            )
        if other is not None and other.host == here:
            yield Finding(
                WARNING,
                _STATION,
                f"station {row.name} works on a machine of this name, {here}, too",
                "if it is another machine, give the two names of their own",
            )


def _skew(station: Station) -> Iterator[Finding]:
    before = station.now()
    there = station.ledger.clock()
    # Asking takes time: what lies between is no difference.
    skew = max(before - there, there - station.now(), timedelta(0))
    if skew > SKEW:
        yield Finding(
            WARNING,
            _CLOCK,
            f"the clock of this machine is {skew.total_seconds():,.0f} seconds"
            f" {'ahead of' if before > there else 'behind'} the database's",
            "set both by the network's time: entries of the books would have wrong times",
        )


def _credentials(path: Path | None) -> Iterator[Finding]:
    if path is not None and open_to_others(path):
        what = f"others may read {path}, which holds credentials"
        yield Finding(ERROR, "permissions", what, to_close(path))


def _store(station: Station, *, reads: bool) -> Iterator[Finding]:
    from ..sealed.stores import belongs

    try:
        belongs(station.store, station.config.home_id)
        told = f"{station.store.address} answers"
        # Who may only read may have credentials that can do no more.
        if not reads:
            station.store.clock()  # by an object of five bytes: a bucket with versions keeps it
            told = f"{told}, and can be written"
    except OutOfReach as error:
        yield Finding(WARNING, _STORE, error.message, "; ".join(error.hints))
    except MintmarkError as error:
        yield Finding(ERROR, _STORE, error.message, "; ".join(error.hints))
    else:
        yield Finding(OK, _STORE, told)
