"""Where the keys are looked up that may sign requests: the home on this machine, or a file.

`signatures` checks that a request was signed with one of them; `Sender` says what it may do.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures.algorithms import ED25519

from ...codegen.errors import MintmarkError, UsageError
from ...codegen.invocation import utc_now
from ...codegen.ledger.ledger import Ledger
from ...codegen.station import config
from .lines_file import parse
from .sender import Sender

FILE_BYTES: Final = 1_048_576


class Senders(Protocol):
    """Looks keys up."""

    def __call__(self, key_id: str) -> Sender | None:
        """The sender with this key, or None if the key is not known."""
        ...

    def close(self) -> None:
        """Close what it reads from."""
        ...


class HomeSenders:
    """Lines and platforms of a home on this machine, as its ledger has them at this moment."""

    def __init__(self, home: Path) -> None:
        places = config.read(home).shared_places
        self._ledger = Ledger.open(places.database or home / "ledger.db", utc_now)

    def close(self) -> None:
        """See `Senders`."""
        self._ledger.close()

    def __call__(self, key_id: str) -> Sender | None:
        """See `Senders`. A key revoked a moment ago is not known any more."""
        with self._ledger.read() as view:
            rows = {row.key_id: row for row in view.roster() if not row.revoked}
        row = rows.get(key_id)
        if row is None or row.kind not in ("line", "platform"):
            return None
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(row.sign_public))
        if row.kind == "line":
            return Sender(row.key_id, row.name, ED25519, key)
        actions = frozenset[str]()
        return Sender(
            row.key_id, row.name, ED25519, key, actions=actions, line=False, platform=True
        )


class FileSenders:
    """Keys and scopes from a TOML file, read again when it changes: see docs/signing.md.

    Raises `UsageError` for a malformed file. If the file becomes malformed while the server
    runs, nobody is let in.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._senders: Mapping[str, Sender] = {}
        self._read()

    def __call__(self, key_id: str) -> Sender | None:
        """See `Senders`."""
        try:
            self._read()
        except MintmarkError:
            return None
        return self._senders.get(key_id)

    def close(self) -> None:
        """See `Senders`: there is nothing open."""

    def _read(self) -> None:
        try:
            status = self._path.stat()
            if (stamp := (status.st_mtime_ns, status.st_size)) == self._stamp:
                return
            data = self._path.read_bytes() if status.st_size <= FILE_BYTES else None
        except OSError as error:
            raise UsageError(f"{self._path} cannot be read: {error.strerror}") from None
        if data is None:
            raise UsageError(f"{self._path} is larger than a megabyte")
        self._senders, self._stamp = parse(data, self._path), stamp
