"""The key roster: who may sign events, whom batches are sealed for, and which platforms scan."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from .errors import Refused, UsageError
from .ledger.changes import KeyAdded, KeyRevoked
from .ledger.records import KeyRow
from .ledger.view import View
from .result import Result
from .station import keys
from .station.station import Station


@dataclass(frozen=True)
class KeyShown(Result):
    """A key of the roster."""

    key_id: str
    kind: str
    name: str
    revoked: bool

    @classmethod
    def of(cls, row: KeyRow) -> "KeyShown":
        """From the ledger's row."""
        return cls(row.key_id, row.kind, row.name, revoked=row.revoked)

    def lines(self) -> Iterator[str]:
        """A single line."""
        yield f"{self.key_id}  {self.kind:<9}  {self.name}{'  revoked' if self.revoked else ''}"


@dataclass(frozen=True)
class KeyList(Result):
    """All keys."""

    reads = True

    keys: tuple[KeyShown, ...]

    def lines(self) -> Iterator[str]:
        """A line per key."""
        for key in self.keys:
            yield from key.lines()


def listed(station: Station) -> KeyList:
    """Every key the home ever knew."""
    with station.ledger.read() as view:
        return KeyList(tuple(KeyShown.of(row) for row in view.roster()))


@dataclass(frozen=True)
class LineExported(Result):
    """A line's entry in a backend's file of senders: public, and without limits at first."""

    reads = True
    table: ClassVar[str] = "line"
    limits: ClassVar[tuple[str, ...]] = (
        'actions = ["activate", "freeze"]        # without a list: all of them',
        'batches = ["K7QM-*"]',
        'layers = ["native", "property"]         # of attributes',
        'attributes = {dealer = "D7"}            # may set only these, and only so',
        "upload = false                          # no fingerprints, so no new codes",
    )

    name: str
    key_id: str
    algorithm: str
    public_key: str

    @classmethod
    def of(cls, row: KeyRow) -> Self:
        """From the ledger's row."""
        return cls(row.name, row.key_id, "ed25519", row.sign_public)

    def lines(self) -> Iterator[str]:
        """A table of TOML."""
        yield f"[[{self.table}]]"
        yield from (f'{name} = "{value}"' for name, value in vars(self).items())
        yield from (f"# {limit}" for limit in self.limits)
        yield ""


@dataclass(frozen=True)
class PlatformExported(LineExported):
    """A platform's entry: it scans for any party, and scans nothing in, until it is told to."""

    table: ClassVar[str] = "platform"
    limits: ClassVar[tuple[str, ...]] = (
        'parties = ["guide", "store"]            # whose scans it sends; without it: all',
        'actions = ["scan_in"]                   # without a list: no scan-ins',
        'batches = ["K7QM-*"]                    # of its scan-ins',
        'attributes = {dealer = "D7"}            # its scan-ins are this dealer\'s',
    )


@dataclass(frozen=True)
class LinesExported(Result):
    """A backend's file of senders; and of the folder that has it, if one was made, the rest."""

    reads = True

    line: tuple[LineExported, ...]
    platform: tuple[PlatformExported, ...] = ()
    folder: Path | None = None
    fingerprint_key_id: str | None = None
    files: tuple[str, ...] | None = None

    def lines(self) -> Iterator[str]:
        """TOML, as `backend serve --lines` reads it."""
        yield "# Who may order. Narrow it down: docs/signing.md says how."
        for sender in (*self.line, *self.platform):
            yield from sender.lines()


def export(station: Station) -> LinesExported:
    """The public keys of the lines and platforms not revoked, for a backend elsewhere."""
    with station.ledger.read() as view:
        rows = [row for row in view.roster() if not row.revoked]
    return LinesExported(
        tuple(LineExported.of(row) for row in rows if row.kind == "line"),
        tuple(PlatformExported.of(row) for row in rows if row.kind == "platform"),
    )


# A home may be moved to Windows, whatever it was made on.
_DEVICE = re.compile(r"con|prn|aux|nul|(?:com|lpt)\d")


def new_line(station: Station, name: str) -> KeyShown:
    """Make a line's key: see `_new`."""
    return _new(station, "line", name)


def new_platform(station: Station, name: str) -> KeyShown:
    """Make the key of a platform that scans: see `_new`. It orders nothing, and signs no event."""
    return _new(station, "platform", name)


def _new(station: Station, kind: str, name: str) -> KeyShown:
    """Make a key: the file first, then the event; a file nobody booked can't sign.

    A crash between the two leaves a file that nobody booked: the next call books it. Raises
    `UsageError` for a malformed name, `Refused` if there is such a key, `IntegrityError` for a file
    that is none.
    """
    _check_name(kind, name)
    path = station.key_file(kind, name)
    left = _left(station, kind, name, path)
    # A platform's file may have been taken to where the platform runs; a line's was lost.
    # In a home that stations share, another of them may have it.
    shared = station.config.ledger_url is not None
    if left is not None or kind == "platform" or shared:
        _refuse_known(station, kind, name, left)
    key = left or keys.new_signing_key(kind, name, station.entropy)
    if left is None:
        # Homes from before there were platforms have no folder for their keys.
        path.parent.mkdir(mode=0o700, exist_ok=True)
        keys.write_signing_key(path, key)
    try:
        station.ledger.commit(station.author, KeyAdded(key.key_id, kind, name, key.public.hex()))
    except BaseException:
        if left is None:
            path.unlink(missing_ok=True)
        raise
    return KeyShown(key.key_id, kind, name, revoked=False)


def _check_name(kind: str, name: str) -> None:
    example = f"write for example {'line-3' if kind == 'line' else 'guide-app'}"
    if not keys.LINE_NAME.fullmatch(name):
        raise UsageError(f"a {kind}'s name is 1 to 32 small letters, digits and hyphens", example)
    if _DEVICE.fullmatch(name):
        raise UsageError(f"Windows takes a file {name}.key for a device", example)


def _left(station: Station, kind: str, name: str, path: Path) -> keys.SigningKey | None:
    if not path.exists():
        return None
    return station.line(name) if kind == "line" else station.platform(name)


def _refuse_known(station: Station, kind: str, name: str, key: keys.SigningKey | None) -> None:
    """Raises `Refused` if the books have this key, or another of that name which is good."""
    with station.ledger.read() as view:
        rows = view.roster(kind)
    for row in rows:
        if (row.name, row.revoked) == (name, False):
            raise Refused(
                f"{kind} {name} has a key already",
                "see: mintmark key list",
                f"to make another, revoke it first: mintmark key revoke {row.key_id}",
            )
        if key is not None and row.key_id == key.key_id:
            raise Refused(
                f"the key of {kind} {name} was revoked, and its file is still here",
                f"remove {station.key_file(kind, name)}, or take another name",
            )


def revoke(station: Station, key_id: str, reason: str) -> KeyShown:
    """Revoke a key.

    Raises `NotFound`, or `Refused` for the station's own and for the last custodian.
    """
    if not reason.strip() or len(reason) > 100 or not reason.isprintable():
        raise UsageError("--reason is 1 to 100 printable characters", "give a short reason")
    if key_id == station.key.key_id:
        raise Refused("the station's own key can't be revoked by itself", "make a new home")

    def guard(view: View) -> None:
        custodians = [key.key_id for key in view.roster("custodian") if not key.revoked]
        if custodians == [key_id]:
            raise Refused(
                "this is the last custodian: nothing could be unsealed for anyone",
                "to begin anew, make a new home: mintmark --home DIR init",
            )

    station.ledger.commit(station.author, KeyRevoked(key_id, reason), guard=guard)
    with station.ledger.read() as view:
        row = view.key(key_id)
    if row.kind == "station":
        from .stations.admit import forget

        forget(station, key_id)
    return KeyShown(row.key_id, row.kind, row.name, revoked=True)
