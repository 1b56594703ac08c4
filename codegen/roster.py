"""The key roster: the keys that may sign events, and those that batches are sealed for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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

    name: str
    key_id: str
    algorithm: str
    public_key: str

    def lines(self) -> Iterator[str]:
        """A table of TOML."""
        yield "[[line]]"
        yield from (f'{name} = "{value}"' for name, value in vars(self).items())
        yield '# actions = ["activate", "freeze"]        # without a list: all of them'
        yield '# batches = ["K7QM-*"]'
        yield '# layers = ["native", "property"]         # of attributes'
        yield "# upload = false                          # no fingerprints, so no new codes"
        yield ""


@dataclass(frozen=True)
class LinesExported(Result):
    """A backend's file of senders; and of the folder that has it, if one was made, the rest."""

    reads = True

    line: tuple[LineExported, ...]
    folder: Path | None = None
    fingerprint_key_id: str | None = None
    files: tuple[str, ...] | None = None

    def lines(self) -> Iterator[str]:
        """TOML, as `backend serve --lines` reads it."""
        yield "# Who may order. Narrow it down: docs/signing.md says how."
        for line in self.line:
            yield from line.lines()


def export(station: Station) -> LinesExported:
    """The public keys of the lines not revoked, for a backend elsewhere."""
    with station.ledger.read() as view:
        rows = [row for row in view.roster("line") if not row.revoked]
    return LinesExported(
        tuple(LineExported(row.name, row.key_id, "ed25519", row.sign_public) for row in rows)
    )


# A home may be moved to Windows, whatever it was made on.
_DEVICE = re.compile(r"con|prn|aux|nul|(?:com|lpt)\d")


def new_line(station: Station, name: str) -> KeyShown:
    """Make a line's key: the file first, then the event; a file nobody booked can't sign.

    A crash between the two leaves a file that nobody booked: the next call books it. Raises
    `UsageError` for a malformed name, `Refused` if the line has a key, `IntegrityError` for a file
    that is none.
    """
    if not keys.LINE_NAME.fullmatch(name):
        raise UsageError(
            "a line's name is 1 to 32 small letters, digits and hyphens", "write for example line-3"
        )
    if _DEVICE.fullmatch(name):
        raise UsageError(
            f"Windows takes a file {name}.key for a device", "write for example line-3"
        )
    path = station.home / "keys" / "lines" / f"{name}.key"
    left = station.line(name) if path.exists() else None
    if left is not None and _is_known(station, left):
        raise Refused(f"line {name} has a key already", "see: mintmark key list")
    key = left or keys.new_signing_key("line", name, station.entropy)
    if left is None:
        keys.write_signing_key(path, key)
    try:
        station.ledger.commit(station.author, KeyAdded(key.key_id, "line", name, key.public.hex()))
    except BaseException:
        if left is None:
            path.unlink(missing_ok=True)
        raise
    return KeyShown(key.key_id, "line", name, revoked=False)


def _is_known(station: Station, key: keys.SigningKey) -> bool:
    """Whether the books have this key, or another of the line's."""
    with station.ledger.read() as view:
        rows = view.roster("line")
    return any(
        row.key_id == key.key_id or (row.name, row.revoked) == (key.name, False) for row in rows
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
    return KeyShown(row.key_id, row.kind, row.name, revoked=True)
