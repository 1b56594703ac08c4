"""Whether this station was admitted to the home it shares, and what it was sent then.

| the roster has its key | and | a command |
| --- | --- | --- |
| no | | is refused, and says what to type at another station |
| revoked | | is refused: the station was retired |
| yes | keys/fingerprint.key is here, or it may only read | goes on |
| yes | it is not here yet | opens what was sealed to it, writes the file, and goes on |

A crash while the file is written leaves a hidden sibling, or the file: the next command does it
again. Two commands at once write the same bytes.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import IntegrityError, NotFound, Refused
from ..files import create, sync
from ..ids import random_symbols
from ..ledger.records import KeyRow
from ..ledger.view import View
from . import keys
from .keys import Entropy, SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..sealed.store import ObjectStore
    from .seal_key import SealKey

READ = "read"
_TRIED = 8  # of the objects that are sealed to a station: each admission makes one


def may_only_read(row: KeyRow) -> bool:
    """Whether the station with this key may change nothing: it is sent no fingerprint key."""
    return row.may is not None and set(row.may) <= {READ}


def may(row: KeyRow, right: str) -> bool:
    """Whether the station with this key has the right."""
    return row.may is None or right in row.may


def admitting(view: View) -> list[KeyRow]:
    """The stations that may admit others, in the order they were added."""
    return [row for row in view.roster("station") if not row.revoked and may(row, "admit")]


def own_keys(home: Path) -> "tuple[SigningKey, SealKey | None]":
    """The keys of the station whose folder `home` is; who founded the home is sealed nothing."""
    from .seal_key import NAME, read_seal_key

    folder = home / "keys"
    key = keys.read_signing_key(folder / "station.key")
    seal_key = read_seal_key(folder / NAME) if (folder / NAME).exists() else None
    return key, seal_key


def standing(home: Path, view: View) -> KeyRow:
    """The roster's row of the station whose folder `home` is.

    Raises `Refused` if it was not admitted, or was retired; `IntegrityError` if this is another
    ledger than the one it was shown as it joined.
    """
    key, seal_key = own_keys(home)
    if seal_key is not None and not view.holds(seal_key.founding):
        raise IntegrityError(
            "this is not the ledger that the station was joined to, or not all of it",
            "see url in [ledger] of mintmark.toml: is it the right database, and whole?",
        )
    try:
        row = view.key(key.key_id)
    except NotFound:
        raise _not_admitted(view, key, seal_key) from None
    if row.sign_public != key.public.hex() or row.kind != "station":
        raise IntegrityError(
            "the station's key is not this home's",
            "bring keys/station.key back from your copy of the home",
        )
    if row.revoked:
        raise Refused(
            f"this station, {row.name}, was retired: {row.revoked_because}",
            "to have it work for the home again, join anew with a new folder:"
            " mintmark station join --home DIR",
        )
    return row


def _not_admitted(view: View, key: SigningKey, seal_key: "SealKey | None") -> Refused:
    if seal_key is None:
        return Refused(
            "this station's key is not on the home's roster",
            "is url in [ledger] of mintmark.toml the right database?",
        )
    from .station_key import StationPublic
    from .words import words

    public = StationPublic(key.public, seal_key.public)
    named = " or ".join(row.name for row in admitting(view))
    said = words(seal_key.home, seal_key.founding, public.sign_public, public.seal_public)
    return Refused(
        f"this station is not admitted to home {seal_key.home} yet",
        f"at station {named}: mintmark station admit {public.text} --name {key.name}"
        " --may mint,export,order",
        f"and compare the words that it shows: {' '.join(said)}",
    )


def needs_fingerprint_key(home: Path, row: KeyRow) -> bool:
    """Whether what was sealed to the station is still to be opened."""
    if may_only_read(row) or (home / "keys" / "fingerprint.key").exists():
        return False
    from .seal_key import NAME

    return (home / "keys" / NAME).exists()


def take_fingerprint_key(
    home: Path, view: View, store: "Callable[[], ObjectStore]", entropy: Entropy
) -> None:
    """Open what was sealed to the station, and keep it in keys/fingerprint.key.

    Raises `Refused` if nothing was, `IntegrityError` if it is not what the home was founded with,
    `VaultAway` and `EnvironmentFailure` as the store does.
    """
    from . import sealed_key
    from .founding import founding

    key, own = own_keys(home)
    home_made = founding(view)
    if own is None or home_made.hash != own.founding or home_made.home != own.home:
        raise IntegrityError(
            "this is not the home that the station was joined to",
            "see url in [ledger] of mintmark.toml: is it the right database?",
        )
    admitters = {row.key_id: bytes.fromhex(row.sign_public) for row in admitting(view)}
    listed = store().list(sealed_key.folder_of(own.home))
    mine = [item for item in listed if sealed_key.is_of(item.key, key.key_id)]
    wrong: IntegrityError | None = None
    for item in sorted(mine, key=lambda item: item.changed, reverse=True)[:_TRIED]:
        try:
            data = store().read(item.key, 0, sealed_key.MOST_BYTES + 1)
            found = sealed_key.opened(data, own, key.key_id, home_made, admitters)
        except FileNotFoundError:
            continue
        except IntegrityError as error:
            wrong = wrong or error
        else:
            _write(home / "keys" / "fingerprint.key", keys.fingerprint_key_file(found), entropy)
            return
    raise wrong or _not_sent(view, key, own)


def _not_sent(view: View, key: SigningKey, own: "SealKey") -> Refused:
    from .station_key import StationPublic

    row = view.key(key.key_id)
    text = StationPublic(key.public, own.public).text
    return Refused(
        "this station is admitted, and was not sent the home's fingerprint key yet",
        f"run it once more at station {_named(view)}: mintmark station admit {text}"
        f" --name {row.name} --may {','.join(row.may or ())}",
    )


def no_fingerprint_key(row: KeyRow) -> Refused:
    """The error for a station that was sent none."""
    return Refused(
        f"station {row.name} may only read, and has no fingerprint key: it can look up no code",
        "look it up at a station that may do more: mintmark station list",
    )


def lacking(view: View, row: KeyRow, rights: Sequence[str]) -> Refused:
    """The error for a station without any of `rights`, as the write door would tell it later."""
    from ..ledger.rights import lacking as told

    return told(row.name, row.may or (), rights, [other.name for other in admitting(view)])


def _named(view: View) -> str:
    return " or ".join(row.name for row in admitting(view))


def _write(path: Path, data: bytes, entropy: Entropy) -> None:
    """Whole or not at all, for its owner alone, whoever else writes the same."""
    sibling = path.with_name(f".{path.name}.{random_symbols(8, entropy)}.part")
    try:
        with create(sibling) as file:
            file.write(data)
            sync(file)
        sibling.replace(path)
    finally:
        with contextlib.suppress(OSError):
            sibling.unlink(missing_ok=True)
