"""A new home's folder, keys and founding events: whole or not at all."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from .. import ids
from ..codes import fingerprint
from ..errors import Refused
from ..files import fsync_folder, write_exclusively
from ..ledger.changes import Change, HomeMade, KeyAdded
from ..ledger.ledger import Author, Ledger
from ..secret import Secret
from . import config, keys
from .keys import CustodianPublic, Entropy, SigningKey
from .settings_template import template
from .station import DEFAULT_LINE, actor

STATION = "station"  # what the one that founds a home is called, unless somebody says
FOLDERS = ("keys", "keys/lines", "vault", "work")


@dataclass(frozen=True)
class NewHome:
    """What `create` made."""

    home_id: str
    station_key_id: str
    fingerprint_key_id: str


class Founders(NamedTuple):
    """The keys that a new home begins with."""

    station: SigningKey
    line: SigningKey
    fingerprint_key: Secret


def create(  # noqa: PLR0913 - a home's makings, by name
    home: Path,
    custodian: CustodianPublic,
    custodian_key: Path | None,
    *,
    operator: str | None,
    now: Callable[[], datetime],
    entropy: Entropy = os.urandom,
    name: str = STATION,
) -> NewHome:
    """Make a home at `home` that no other station shares; its station is called `name`.

    Raises `Refused` if `home` exists and is not empty.
    """
    with folder_of_home(home, entropy) as folder:
        home_id = ids.new_home_id(entropy)
        founders = write_founders(folder, entropy, name)
        write_exclusively(folder / config.NAME, template(home_id, custodian_key).encode("utf-8"))
        author = Author(actor(operator), founders.station.key_id, founders.station.sign)
        changes = founding_changes(home_id, founders, custodian)
        Ledger.create(folder / "ledger.db", author, now, *changes).close()
    return new_home(home_id, founders)


def new_home(home_id: str, founders: Founders) -> NewHome:
    """What is told of a home that was made."""
    key_id = fingerprint.key_id(founders.fingerprint_key)
    return NewHome(home_id, founders.station.key_id, key_id)


@contextmanager
def folder_of_home(home: Path, entropy: Entropy) -> Iterator[Path]:
    """A hidden folder that becomes `home` as the block ends; after a failure there is neither.

    Raises `Refused` if `home` exists and is not empty.
    """
    refuse_taken(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    building = home.with_name(f".{home.name}.{ids.random_symbols(8, entropy)}.part")
    building.mkdir(mode=0o700)
    try:
        for name in FOLDERS:
            (building / name).mkdir(mode=0o700)
        yield building
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


def write_founders(folder: Path, entropy: Entropy, name: str = STATION) -> Founders:
    """New keys, in the files of the home at `folder`; the station is called `name`."""
    made = Founders(
        keys.new_signing_key("station", name, entropy),
        keys.new_signing_key("line", DEFAULT_LINE, entropy),
        Secret(entropy(32)),
    )
    keys.write_signing_key(folder / "keys" / "station.key", made.station)
    keys.write_signing_key(folder / "keys" / "lines" / f"{DEFAULT_LINE}.key", made.line)
    keys.write_fingerprint_key(folder / "keys" / "fingerprint.key", made.fingerprint_key)
    return made


def read_founders(folder: Path) -> Founders:
    """The keys that `write_founders` wrote. Raises `NotFound` or `IntegrityError`."""
    return Founders(
        keys.read_signing_key(folder / "keys" / "station.key"),
        keys.read_signing_key(folder / "keys" / "lines" / f"{DEFAULT_LINE}.key"),
        keys.read_fingerprint_key(folder / "keys" / "fingerprint.key"),
    )


def founding_changes(
    home_id: str, founders: Founders, custodian: CustodianPublic
) -> tuple[Change, ...]:
    """What the ledger of a home begins with."""
    station, line, fingerprint_key = founders
    return (
        HomeMade(home_id, fingerprint.SCHEME, fingerprint.key_id(fingerprint_key)),
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
