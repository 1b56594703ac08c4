"""`station admit`: another station may work for the home.

What is pasted came on some way, and whoever holds that way can exchange it; so can whoever holds
the database or the bucket that the new station was pointed to. Two people compare words, which
depend on all of it (`station/words.py`), before anything is booked.

1. The key, the name and the rights are looked at, and whether this station may admit.
2. The words are compared.
3. `KeyAdded` is booked, if it is not yet.
4. The fingerprint key is sealed to the station, and put into the store under a fresh key.
5. What earlier admissions put there is removed.

A crash after 3 leaves a station that is admitted and was sent nothing: it says so, and the same
`station admit` again does the rest. After 4 there is nothing left that matters.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import MintmarkError, Refused, UsageError
from ..invocation import Invocation
from ..ledger.changes import KeyAdded
from ..ledger.records import KeyRow
from ..ledger.view import View
from ..result import Result
from ..station import sealed_key
from ..station.admission import may_only_read
from ..station.founding import Founding, founding
from ..station.station import Station
from ..station.station_key import StationPublic, parse
from ..station.words import as_typed, words
from .names import check_name, rights


@dataclass(frozen=True)
class StationAdmitted(Result):
    """The station, what it may do, and the words that were compared.

    `sent`: whether it was sent the fingerprint key, which one that only reads is not.
    """

    key_id: str
    name: str
    may: tuple[str, ...]
    words: tuple[str, ...]
    sent: bool

    def lines(self) -> Iterator[str]:
        """What it may do now."""
        yield f"station {self.name} ({self.key_id}) may {', '.join(self.may)}"
        if not self.sent:
            yield "  it was sent no fingerprint key, and can look up no codes"
        yield "  it finds out with its next command"


@dataclass(frozen=True)
class AdmitRequest:
    """The `station_key` of the new station, what it is called, and what it may do, as typed.

    `words` are those that it showed; None: a person at the terminal is asked.
    """

    key: str
    name: str
    may: str
    words: str | None = None


def admit(invocation: Invocation, station: Station, request: AdmitRequest) -> StationAdmitted:
    """Admit a station.

    Raises `UsageError` for malformed words of the command or without a terminal; `Refused` if the
    words differ, this station may not admit, or the key or the name is another's.
    """
    public, wanted = parse(request.key), rights(request.may)
    name = check_name(request.name)
    refuse_unshared(station)
    station.require("admit")  # 1
    with station.ledger.read() as view:
        founded = founding(view)
        _known(view, public, name, wanted)
    said = words(founded.home, founded.hash, public.sign_public, public.seal_public)
    _compare(invocation, said, request.words)  # 2
    _book(station, public, name, wanted)  # 3
    station.failpoint("booked")
    with station.ledger.read() as view:
        row = view.key(public.key_id)
    if not may_only_read(row):
        _send(station, public, founded)  # 4, 5
    return StationAdmitted(public.key_id, name, wanted, said, sent=not may_only_read(row))


def refuse_unshared(station: Station) -> None:
    """Raises `Refused` for a home that no other station can share."""
    settings = station.config
    if settings.ledger_url is not None and settings.vault_url is not None:
        return
    own = [
        what
        for what, url in (("books", settings.ledger_url), ("batches", settings.vault_url))
        if url is None
    ]
    raise Refused(
        f"no other station can share this home: its {' and '.join(own)} lie in its own folder",
        "move them where every station sees them: mintmark ledger move --help",
        "or make a home that is shared from the start: mintmark init --ledger URL --vault URL",
    )


def _known(view: View, public: StationPublic, name: str, may: tuple[str, ...]) -> bool:
    """Whether it is admitted already, as this. Raises `Refused` if it, or the name, is another."""
    for row in view.roster("station"):
        if row.key_id == public.key_id:
            _same(row, public, name, may)
            return True
        if row.name == name and not row.revoked:
            raise Refused(
                f"another station is called {name}: {row.key_id}",
                "take another name, or retire that station first: mintmark station retire",
            )
    return False


def _same(row: KeyRow, public: StationPublic, name: str, may: tuple[str, ...]) -> None:
    if row.revoked:
        raise Refused(
            f"the station with this key, {row.name}, was retired",
            "let it join anew, with a new folder: mintmark station join --home DIR",
        )
    keys = (row.sign_public, row.seal_public)
    if (row.name, row.may, *keys) != (
        *(name, may),
        *(public.sign_public.hex(), public.seal_public.hex()),
    ):
        raise Refused(
            f"this station is admitted already, as {row.name}, and may"
            f" {', '.join(row.may or ('do everything',))}",
            f"to change that, retire it and let it join anew: mintmark station retire {row.name}",
        )


def _compare(invocation: Invocation, said: tuple[str, ...], typed: str | None) -> None:
    """Step 2. Raises `Refused` unless the words are those that the new station showed."""
    if typed is not None:
        if as_typed(typed) != said:
            raise _differ()
        return
    if invocation.question is None:
        raise UsageError(
            "the words of the new station are needed, and there is no terminal to ask at",
            'give them as it showed them: --words "…"',
        )
    answer = invocation.question(
        f"the words here:\n  {' '.join(said)}\ndoes the new station show the same? (yes/no)"
    )
    if answer.strip().casefold() not in ("yes", "y"):
        raise _differ()


def _differ() -> Refused:
    return Refused(
        "the words differ: key or database were exchanged on their way; nothing was admitted",
        "read out the words at the new station once more: any command there shows them",
        "if they differ again, find out who is between the two machines",
    )


def _book(station: Station, public: StationPublic, name: str, may: tuple[str, ...]) -> None:
    """Step 3."""

    class _Admitted(Exception):
        pass

    def guard(view: View) -> None:
        if _known(view, public, name, may):
            raise _Admitted

    change = KeyAdded(
        public.key_id, "station", name, public.sign_public.hex(), public.seal_public.hex(), may
    )
    with contextlib.suppress(_Admitted):
        station.ledger.commit(station.author, change, guard=guard)


def _send(station: Station, public: StationPublic, home: Founding) -> None:
    """Steps 4 and 5."""
    own = station.key
    data = sealed_key.seal(station.fingerprint_key, public, home, own.key_id, own.sign)
    name = f"{sealed_key.folder_of(home.home)}/{public.key_id}-{station.entropy(16).hex()}"
    station.store.put(name, data)
    station.failpoint("sent")
    forget(station, public.key_id, but=name)


def forget(station: Station, key_id: str, but: str = "") -> None:
    """Remove what was sealed to the station `key_id`, except the object `but`.

    If it cannot be removed it stays: none but that station opens it, which knew it anyhow.
    """
    if station.config.vault_url is None:
        return
    with contextlib.suppress(MintmarkError):
        for item in list(station.store.list(sealed_key.folder_of(station.config.home_id))):
            if sealed_key.is_of(item.key, key_id) and item.key != but:
                station.store.delete(item.key)
