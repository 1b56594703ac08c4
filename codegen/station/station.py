"""The composition root: a home's configuration, keys, ledger and vault, opened.

A home is
    mintmark.toml       settings (config.py)
    ledger.db           the books
    keys/               station.key, fingerprint.key, lines/<name>.key, platforms/<name>.key
    vault/              the sealed batches
    work/               intents of what is being published now

Of a home that stations share each has a folder of its own: the books are in a database and the
batches in a store, so there is no ledger.db (or one that moved away, and is locked), and vault/
is a cache; seen-head is the newest head of the books that it saw. A station that joined has
keys/seal.key as well, and is believed only once it was admitted (admission.py).

It holds no key that opens a sealed batch.
"""

import contextlib
import getpass
import os
import platform
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import ids
from ..away import OutOfReach
from ..codes import fingerprint
from ..errors import IntegrityError, NotFound, Refused
from ..ledger import place
from ..ledger.changes import StoredObject
from ..ledger.ledger import Actor, Author, Ledger
from ..ledger.place import LedgerPlace
from ..ledger.view import View
from ..secret import Secret
from . import config, keys, misplaced
from .named_keys import NamedKeys
from .publish import Failpoint, Intents, no_failpoint
from .roster_keys import RosterKeys

if TYPE_CHECKING:
    from ..sealed.store import ObjectStore
    from ..sealed.vault import Vault
    from .remembered import Remembered

DEFAULT_LINE = "default"


class Station:
    """An opened home. Parts are read when first used, so that a command pays for its own."""

    def __init__(
        self,
        home: Path,
        *,
        operator: str | None,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes] = os.urandom,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        self.home = home
        self.config = config.read(home)
        self.now = now
        self.entropy = entropy
        self.failpoint = failpoint
        self.actor = actor(operator)
        # Keys of lines, read once while their files stay as they are: a line signs all day.
        self._named = NamedKeys(home)

    @property
    def ledger_place(self) -> LedgerPlace:
        """Where the books lie. Raises `UsageError` for an address that is none."""
        url = self.config.ledger_url
        return self.home / "ledger.db" if url is None else place.database(url)

    @cached_property
    def ledger(self) -> Ledger:
        """The books. Raises `IntegrityError`, `EnvironmentFailure` or `NotFound`."""
        ledger = Ledger.open(self.ledger_place, self.now, check=partial(misplaced.check, self))
        try:
            with ledger.read() as view:
                self._check_home(view)
        except BaseException:
            ledger.close()
            raise
        ledger.memory = self.memory
        return ledger

    def _check_home(self, view: View) -> None:
        """Raises `IntegrityError` for another home's ledger, `Refused` as `admission` does."""
        known = view.home().home
        if known != self.config.home_id:
            raise IntegrityError(
                f"{config.NAME} names another home than the ledger: {known}",
                f'put the line back in its [home] table: id = "{known}"',
            )
        if self.config.ledger_url is not None:
            from . import admission

            row = admission.standing(self.home, view)
            if admission.needs_fingerprint_key(self.home, row):
                admission.take_fingerprint_key(self.home, view, lambda: self.store, self.entropy)
            if self.memory is not None:
                self.memory.opened(view)

    @cached_property
    def store(self) -> "ObjectStore":
        """The store that stations share, of a home that has one."""
        from ..sealed.stores import open_store

        places = self.config.shared_places
        if places.vault is None:
            raise Refused(
                "this home keeps its batches in its own folder, which no station shares",
                "see: mintmark station --help",
            )
        return open_store(places.vault, places.endpoint, places.region, places.credentials)

    def require(self, *rights: str) -> None:
        """Raises `Refused` unless this station has one of `rights`.

        Before long work: the write door would refuse it only at the end. A station of a home that
        is not shared may do everything.
        """
        if self.config.ledger_url is None:
            return
        from . import admission

        with self.ledger.read() as view:
            row = admission.standing(self.home, view)
            if not any(admission.may(row, right) for right in rights):
                raise admission.lacking(view, row, rights)

    @cached_property
    def memory(self) -> "Remembered | None":
        """What this station remembers of a ledger that it shares; None of its own."""
        from .remembered import Remembered

        return None if self.config.ledger_url is None else Remembered(self)

    def close(self) -> None:
        """Close the ledger, if it was opened."""
        if self.__dict__.get("memory") is not None:
            self.__dict__.pop("memory").close()
        if "ledger" in self.__dict__:
            self.__dict__.pop("ledger").close()

    def has_booked(self) -> bool:
        """Whether work was booked since this was opened."""
        return "ledger" in self.__dict__ and self.ledger.has_booked()

    @cached_property
    def vault(self) -> "Vault":
        """The sealed batches: in this home's folder, or in the store that stations share."""
        # Here: it brings numpy, and most orders of a line touch no sealed file.
        from ..sealed.vault import Vault

        folder = self.home / "vault"
        if self.config.vault_url is None:
            return Vault(folder)
        from ..sealed.shared_storage import SharedStorage

        shared = SharedStorage(
            folder,
            home=self.config.home_id,
            open_store=lambda: self.store,
            objects=self._objects,
            entropy=self.entropy,
            limit=self.config.vault_cache_bytes,
        )
        return Vault(folder, shared)

    def _objects(self, batch: str) -> Mapping[str, StoredObject]:
        with self.ledger.read() as view:
            return view.objects(batch)

    @cached_property
    def intents(self) -> Intents:
        """What is being published, and what a crash left."""
        return Intents(self.home / "work", self.failpoint)

    @cached_property
    def key(self) -> keys.SigningKey:
        """The station's own signing key; checked against the roster."""
        key = keys.read_signing_key(self.home / "keys" / "station.key")
        if key.kind != "station" or self.station_keys.get(key.key_id) != key.public:
            raise IntegrityError(
                "the station's key is not this home's",
                "bring keys/station.key back from your copy of the home",
            )
        return key

    @cached_property
    def fingerprint_key(self) -> Secret:
        """The home's fingerprint key; checked against the ledger, which names it.

        Raises `Refused` at a station that may only read.
        """
        path = self.home / "keys" / "fingerprint.key"
        with self.ledger.read() as view:
            recorded = view.home().fingerprint_key_id
            if self.config.ledger_url is not None and not path.exists():
                self._refuse_reader(view)
        key = keys.read_fingerprint_key(path)
        if fingerprint.key_id(key) != recorded:
            raise IntegrityError(
                "the fingerprint key is not this home's",
                "bring keys/fingerprint.key back from your copy of the home",
            )
        return key

    def _refuse_reader(self, view: View) -> None:
        from . import admission

        row = admission.standing(self.home, view)
        if admission.may_only_read(row):
            raise admission.no_fingerprint_key(row)

    @property
    def author(self) -> Author:
        """The station as the author of events."""
        return self.author_of(self.key)

    def author_of(self, key: keys.SigningKey) -> Author:
        """The holder of `key` as the author of events."""
        return Author(self.actor, key.key_id, key.sign)

    def line(self, name: str = DEFAULT_LINE) -> keys.SigningKey:
        """A line's key. Raises `NotFound`, or `Refused` at a station that may have no line."""
        try:
            return self._named.get("line", name)
        except NotFound as error:
            if self.config.ledger_url is not None:
                error.hints = self._named.lines_here()
                with contextlib.suppress(OutOfReach):
                    self.require("order", "admit")
            raise

    def platform(self, name: str) -> keys.SigningKey:
        """A platform's key. Raises `NotFound`: its file may be where the platform runs."""
        return self._named.get("platform", name)

    def key_file(self, kind: str, name: str) -> Path:
        """Where the key of a line or platform lies, or would lie."""
        return self._named.file(kind, name)

    def holds_code(self, text: str) -> bool:
        """Whether `text`, which somebody wrote, is or holds a code of this home."""
        return misplaced.holds_code(self, text)

    def new_id(self) -> str:
        """A fresh id for a batch, a package or a unit."""
        return ids.new_id(self.config.home_id, self.entropy)

    def new_order_id(self) -> str:
        """A fresh id for an order; there are many more of them."""
        return ids.new_id(self.config.home_id, self.entropy, symbols=12)

    @cached_property
    def station_keys(self) -> RosterKeys:
        """Every station key of the roster, retired keys included: they signed batches."""
        return RosterKeys(self.ledger, "station")

    @cached_property
    def wrap_keys(self) -> RosterKeys:
        """The keys that may sign the wraps of a batch: stations' and custodians'."""
        return RosterKeys(self.ledger, "station", "custodian")

    def custodians(self) -> list[keys.CustodianPublic]:
        """The custodians not revoked: a new batch is sealed for them."""
        with self.ledger.read() as view:
            return [
                keys.CustodianPublic(
                    row.key_id, bytes.fromhex(row.sign_public), bytes.fromhex(row.seal_public or "")
                )
                for row in view.roster("custodian")
                if not row.revoked
            ]


def actor(operator: str | None) -> Actor:
    """The actor of an event: the named operator, the OS user and the host."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "unknown"
    return Actor(operator=operator or user, os_user=user, host=platform.node())
