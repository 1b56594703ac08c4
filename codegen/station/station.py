"""The composition root: a home's configuration, keys, ledger and vault, opened.

A home is
    mintmark.toml       settings (config.py)
    ledger.db           the books
    keys/               station.key, fingerprint.key, lines/<name>.key, platforms/<name>.key
    vault/              the sealed batches
    work/               intents of what is being published now

It holds no key that opens a sealed batch.
"""

import getpass
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import ids
from ..codes import fingerprint
from ..errors import IntegrityError, Refused
from ..files import fsync_folder, write_exclusively
from ..ledger import place
from ..ledger.changes import HomeMade, KeyAdded
from ..ledger.ledger import Actor, Author, Ledger
from ..ledger.place import LedgerPlace
from ..secret import Secret
from . import config, keys, misplaced
from .named_keys import NamedKeys
from .publish import Failpoint, Intents, no_failpoint

if TYPE_CHECKING:
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
        with ledger.read() as view:
            known = view.home().home
            if self.memory is not None and known == self.config.home_id:
                self.memory.opened(view)
        if known != self.config.home_id:
            ledger.close()
            raise IntegrityError(
                f"{config.NAME} names another home than the ledger: {known}",
                f'put the line back in its [home] table: id = "{known}"',
            )
        ledger.memory = self.memory
        return ledger

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
        """The sealed batches."""
        # Here: it brings numpy, and most orders of a line touch no sealed file.
        from ..sealed.vault import Vault

        return Vault(self.home / "vault")

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
        """The home's fingerprint key; checked against the ledger, which names it."""
        key = keys.read_fingerprint_key(self.home / "keys" / "fingerprint.key")
        with self.ledger.read() as view:
            recorded = view.home().fingerprint_key_id
        if fingerprint.key_id(key) != recorded:
            raise IntegrityError(
                "the fingerprint key is not this home's",
                "bring keys/fingerprint.key back from your copy of the home",
            )
        return key

    @property
    def author(self) -> Author:
        """The station as the author of events."""
        return self.author_of(self.key)

    def author_of(self, key: keys.SigningKey) -> Author:
        """The holder of `key` as the author of events."""
        return Author(self.actor, key.key_id, key.sign)

    def line(self, name: str = DEFAULT_LINE) -> keys.SigningKey:
        """A line's key. Raises `NotFound`."""
        return self._named.get("line", name)

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
    def station_keys(self) -> dict[str, bytes]:
        """Every station key of the roster, retired keys included: they signed batches."""
        return self._public_keys("station")

    @cached_property
    def wrap_keys(self) -> dict[str, bytes]:
        """The keys that may sign the wraps of a batch: stations' and custodians'."""
        return {**self.station_keys, **self._public_keys("custodian")}

    def _public_keys(self, kind: str) -> dict[str, bytes]:
        with self.ledger.read() as view:
            return {row.key_id: bytes.fromhex(row.sign_public) for row in view.roster(kind)}

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


@dataclass(frozen=True)
class NewHome:
    """What `create` made."""

    home_id: str
    station_key_id: str
    fingerprint_key_id: str


def create(  # noqa: PLR0913 - a home's makings, by name
    home: Path,
    custodian: keys.CustodianPublic,
    custodian_key: Path | None,
    *,
    operator: str | None,
    now: Callable[[], datetime],
    entropy: Callable[[int], bytes] = os.urandom,
) -> NewHome:
    """Make a home at `home`, whole or not at all: built beside it, then renamed.

    Raises `Refused` if `home` exists and is not empty.
    """
    refuse_taken(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    building = home.with_name(f".{home.name}.{ids.random_symbols(8, entropy)}.part")
    building.mkdir(mode=0o700)
    try:
        made = _fill(
            building, custodian, custodian_key, operator=operator, now=now, entropy=entropy
        )
        _put(building, home)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    try:
        fsync_folder(home.parent)
    except BaseException:
        # The caller takes its custodian key away: a home without one would seal for nobody.
        shutil.rmtree(home, ignore_errors=True)
        raise
    return made


def refuse_taken(home: Path) -> None:
    """Raises `Refused` if `home` exists and is not an empty folder."""
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise Refused(
            f"{home} exists already and is not empty",
            "use the home that is there, or name another folder with --home",
        )


def _put(building: Path, home: Path) -> None:
    try:
        if home.exists():
            home.rmdir()
        building.rename(home)
    except OSError:
        refuse_taken(home)  # by another process, meanwhile
        raise


def _fill(  # noqa: PLR0913 - as `create`
    folder: Path,
    custodian: keys.CustodianPublic,
    custodian_key: Path | None,
    *,
    operator: str | None,
    now: Callable[[], datetime],
    entropy: Callable[[int], bytes],
) -> NewHome:
    home_id = ids.new_home_id(entropy)
    for name in ("keys", "keys/lines", "vault", "work"):
        (folder / name).mkdir(mode=0o700)
    station = keys.new_signing_key("station", "station", entropy)
    line = keys.new_signing_key("line", DEFAULT_LINE, entropy)
    fingerprint_key = Secret(entropy(32))
    keys.write_signing_key(folder / "keys" / "station.key", station)
    keys.write_signing_key(folder / "keys" / "lines" / f"{DEFAULT_LINE}.key", line)
    keys.write_fingerprint_key(folder / "keys" / "fingerprint.key", fingerprint_key)
    write_exclusively(folder / config.NAME, config.template(home_id, custodian_key).encode("utf-8"))
    fingerprint_key_id = fingerprint.key_id(fingerprint_key)
    ledger = Ledger.create(
        folder / "ledger.db",
        Author(actor(operator), station.key_id, station.sign),
        now,
        HomeMade(home_id, fingerprint.SCHEME, fingerprint_key_id),
        KeyAdded(station.key_id, "station", station.name, station.public.hex()),
        KeyAdded(
            custodian.key_id,
            "custodian",
            "custodian",
            custodian.sign_public.hex(),
            custodian.seal_public.hex(),
        ),
        KeyAdded(line.key_id, "line", line.name, line.public.hex()),
    )
    ledger.close()
    return NewHome(home_id, station.key_id, fingerprint_key_id)
