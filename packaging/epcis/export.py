"""`audit export --epcis`: the books' events, told to those who trade in the items.

The steps, and what a crash after each of them leaves:

    1. with codes: book the incident `codes-told`  → it stands, and no code was opened
    2. write the hidden file, event by event       → a hidden file; the same call replaces it
    3. hand the password over                      → a password that opens nothing
    4. rename the file                             → done

Nothing in the books changes but that incident. Codes are told into an encrypted archive alone.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...codegen import passwords
from ...codegen.custody import note_unsealed, refused, unlock
from ...codegen.errors import Refused, UsageError
from ...codegen.files import create, fsync_folder, hidden, sync
from ...codegen.invocation import Invocation
from ...codegen.ledger.changes import Incident, IncidentFacts
from ...codegen.result import Result
from ...codegen.station.station import Station
from ..package.feed import CodeSource
from ..zip.writer import ArchiveWriter, new_password
from .called import CalledByCode, CalledBySerial
from .document import TellingStyle
from .links import Links
from .names import Naming
from .telling import Telling, Wanted

ENTRY = "epcis.jsonld"
_PIECE = 1 << 20


@dataclass(frozen=True)
class EpcisRequest:
    """Which events, and how they are told. `after`: events of the ledger up to it are left out.

    `batch`: only what happened to its codes. With `codes` the file is an archive, whose password
    `password_file` gets, or the terminal.
    """

    out: Path
    naming: Naming
    batch: str | None = None
    after: int = 0
    place: str | None = None
    codes: bool = False
    custodian_key: Path | None = None
    passphrase_file: Path | None = None
    password_file: Path | None = None


@dataclass(frozen=True)
class EpcisExported(Result):
    """What was told: `events` of EPCIS with `names` in them. `next`: `--after` for what follows."""

    file: Path
    events: int
    names: int
    next: int
    encrypted: bool

    def lines(self) -> Iterator[str]:
        """Counts, and how to go on."""
        yield f"{self.events:,} EPCIS events with {self.names:,} names in {self.file}"
        if self.encrypted:
            yield "  it holds codes: whoever reads it can use them"
        yield f"  what happens later: --after {self.next}"


def export(invocation: Invocation, request: EpcisRequest) -> EpcisExported:
    """Write the file.

    Raises `Refused` if it exists, `NotFound` for an unknown batch, `UsageError`, and for codes what
    `unlock` raises. After a failure there is no file.
    """
    station = invocation.station()
    _refuse_existing(request.out)
    if request.codes:
        passwords.require_way(invocation, request.password_file)
    elif request.password_file is not None:
        raise UsageError(
            "a password is for codes, which are told into an encrypted archive",
            "give --with-codes, or leave --password-file out",
        )
    opened = _opened(invocation, station, request) if request.codes else None
    with station.ledger.read() as view, Links() as links:
        if request.batch is not None:
            view.batch(request.batch)
        called = (
            CalledByCode(view, request.naming, opened)
            if opened
            else CalledBySerial(view, request.naming)
        )
        style = TellingStyle(request.naming, station.config.time_zone, request.place)
        wanted = Wanted(request.batch, request.after)
        telling = Telling(view, called, links, style, wanted)
        text = telling.text(station.config.home_id, station.now())
        if request.codes:
            _write_encrypted(invocation, request, text)
        else:
            _write(request.out, text)
        return EpcisExported(
            request.out.absolute(), telling.events, telling.names, view.head()[0], request.codes
        )


def _opened(
    invocation: Invocation, station: Station, request: EpcisRequest
) -> Callable[[str], CodeSource]:
    """The codes of each batch, opened by the custodian; booked before the first is."""
    what = f"EPCIS events with codes of {request.batch or 'all batches'}"
    custodian = unlock(
        invocation,
        station,
        request.custodian_key,
        request.passphrase_file,
        refused(what, request.batch),
    )
    key_id = custodian.public.key_id
    facts = IncidentFacts(batch=request.batch, key_id=key_id)
    station.ledger.commit(station.author, Incident("codes-told", what, facts))
    invocation.notify(
        "the archive will hold codes in clear: send it only to whom you would give the labels"
    )
    known, wrap_keys = station.station_keys, station.wrap_keys

    def source(batch: str) -> CodeSource:
        note_unsealed(station, batch, custodian, what)
        return station.vault.unseal(batch, known, wrap_keys, key_id, custodian.sealing).codes

    return source


@contextlib.contextmanager
def _removed_if_it_fails(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def _write(out: Path, text: Iterator[bytes]) -> None:
    part = hidden(out.absolute())
    part.unlink(missing_ok=True)
    with _removed_if_it_fails(part):
        with create(part, owner_only=False) as file:  # 2
            for piece in text:
                file.write(piece)
            sync(file)
        _publish(part, out.absolute())  # 4


def _write_encrypted(invocation: Invocation, request: EpcisRequest, text: Iterator[bytes]) -> None:
    part, password = hidden(request.out.absolute()), new_password(invocation.station().entropy)
    part.unlink(missing_ok=True)
    with _removed_if_it_fails(part):
        with create(part) as file:  # 2
            with ArchiveWriter(file, password) as archive, archive.entry(ENTRY) as entry:
                for piece in _gathered(text):
                    entry.write(piece)
            sync(file)
        to = request.password_file
        with passwords.handed_over(invocation, to, password, "the events"):  # 3
            _publish(part, request.out.absolute())  # 4


def _gathered(text: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of about `_PIECE` bytes: each is deflated by itself."""
    held: list[bytes] = []
    length = 0
    for piece in text:
        held.append(piece)
        length += len(piece)
        if length >= _PIECE:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)


def _publish(part: Path, out: Path) -> None:
    _refuse_existing(out)
    part.rename(out)
    fsync_folder(out.parent)


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise Refused(f"{out} exists already and is not overwritten", "name another file")
