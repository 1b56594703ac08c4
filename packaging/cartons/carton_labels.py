"""`package labels --cartons`: sheets of labels for cartons or pallets.

With codes they are made as an encrypted archive, by the custodian; the steps, and what a crash
after each of them leaves:

    1. commit the incident `carton-labels`  → it stands: these codes may have been decrypted
    2. record the intent                    → the intent is removed
    3. unseal, draw, read the sheets back   → as after 2; nothing is on the disk
    4. write the archive, read it back      → as after 2 (it is hidden until step 6)
    5. hand the password over               → as after 2; nobody has the archive it opens
    6. publish: rename the archive          → done

Labels without codes, with SSCCs alone, hold no secret: they need no key, and are no event.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ...codegen import passwords
from ...codegen.codes.template import payload as payload_of
from ...codegen.custody import note_unsealed, refused, unlock
from ...codegen.errors import IntegrityError, Refused, UsageError
from ...codegen.files import create, hidden, sync
from ...codegen.folders import folder_made
from ...codegen.invocation import Invocation
from ...codegen.ledger.changes import Incident, IncidentFacts
from ...codegen.ranges import serials
from ...codegen.ranges.serials import Ranges
from ...codegen.result import Result
from ...codegen.secret import Secret
from ...codegen.station.keys import CustodianKey
from ...codegen.station.station import Station
from ..zip import reader
from ..zip.writer import ArchiveWriter, new_password
from . import sheets
from .choice import ChosenCartons, choose, labels_of
from .label import CartonLabel

_ENTRY = "labels.pdf"
KIND = "carton-labels"


@dataclass(frozen=True)
class CartonRequest:
    """Labels of the codes of a package, or with `sscc_only` of a package or batch.

    `serials`: which, as `notation` reads them. `reason`: why labels with codes are made.
    """

    name: str
    out: Path
    serials: str = "all"
    sscc_only: bool = False
    reason: str | None = None
    password_file: Path | None = None
    custodian_key: Path | None = None
    passphrase_file: Path | None = None


@dataclass(frozen=True)
class CartonLabels(Result):
    """The sheets: `file` is a PDF, or an encrypted archive with one if they hold codes.

    `read_back`: the symbols that another program read; every label is among them.
    """

    package: str | None
    batch: str
    role: str
    serials: Ranges
    labels: int
    pages: int
    file: Path
    sha256: str
    encrypted: bool
    read_back: int

    def lines(self) -> Iterator[str]:
        """What was written."""
        pages = f"{self.pages:,} page{'s' * (self.pages != 1)}"
        yield f"{self.labels:,} {self.role} labels of batch {self.batch} on {pages}: {self.file}"
        yield f"  serials  {serials.describe(self.serials)}"
        yield f"  sha256   {self.sha256}"
        yield f"  checked  {self.read_back:,} symbols were read back and say what they should"
        if self.encrypted:
            yield f"  {_ENTRY} in the archive holds codes: print it, then delete it"
            yield "now take the custodian's key away from this machine again"


def carton_labels(invocation: Invocation, request: CartonRequest) -> CartonLabels:
    """Make the sheets; with codes as an encrypted archive.

    Raises `NotFound`, `UsageError` for serials that can't be read or a password nobody could get,
    `Refused` for codes that are no cartons or pallets, a batch without SSCCs, void codes alone, a
    file that exists; `IntegrityError` for a wrong passphrase and for sheets that do not read back.
    """
    _check(invocation, request)
    station = invocation.station()
    with station.ledger.read() as view:
        chosen = choose(view, request.name, request.serials, sscc_only=request.sscc_only)
        labels = tuple(labels_of(view, chosen))
    with folder_made(request.out.absolute()):
        if not request.sscc_only:
            return _Encrypted(invocation, station, request, chosen, labels).make()
        data, read = _drawn(labels)
        file = request.out.absolute() / f"{request.name}-cartons.pdf"
        _new(file, data)
        return _result(chosen, labels, file, data, read)


def _check(invocation: Invocation, request: CartonRequest) -> None:
    if request.sscc_only:
        if request.reason or request.password_file:
            raise UsageError(
                "labels without codes need no reason and no password", "leave them out"
            )
        return
    if not (request.reason or "").strip():
        raise UsageError(
            "labels with codes need a reason: whoever has the sheets has the codes",
            "--reason R; or print the SSCC alone: --sscc-only",
        )
    passwords.require_way(invocation, request.password_file)


def _drawn(labels: tuple[CartonLabel, ...]) -> tuple[bytes, int]:
    """The PDF, and how many of its symbols were read back."""
    data = sheets.document(labels)
    return data, sheets.check(data, labels)


def _new(file: Path, data: bytes) -> None:
    try:
        # Not synced: labels without codes are made again at will.
        with create(file, owner_only=False) as made:
            made.write(data)
    except FileExistsError:
        raise Refused(
            f"{file} exists already and is not overwritten", "name another folder"
        ) from None


def _result(
    chosen: ChosenCartons, labels: tuple[CartonLabel, ...], file: Path, data: bytes, read: int
) -> CartonLabels:
    return CartonLabels(
        package=chosen.package,
        batch=chosen.batch,
        role=_roles(labels),
        serials=chosen.serials,
        labels=len(labels),
        pages=-(-len(labels) // sheets.PER_PAGE),
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        encrypted=chosen.template is not None,
        read_back=read,
    )


def _roles(labels: tuple[CartonLabel, ...]) -> str:
    """`carton` or `pallet`, or both."""
    return " and ".join(sorted({label.role for label in labels}))


@dataclass(frozen=True)
class _Encrypted:
    """Labels with codes: what the steps share."""

    invocation: Invocation
    station: Station
    request: CartonRequest
    chosen: ChosenCartons
    labels: tuple[CartonLabel, ...]

    def make(self) -> CartonLabels:
        """The archive, whose name begins with an id of its own."""
        station, chosen = self.station, self.chosen
        what = f"carton labels of {chosen.batch}"
        custodian = unlock(
            *(self.invocation, station, self.request.custodian_key),
            *(self.request.passphrase_file, refused(what, chosen.batch)),
        )
        note_unsealed(station, chosen.batch, custodian, what)
        station.ledger.commit(station.author, self._incident(custodian))  # 1
        subject, password = station.new_id(), new_password(station.entropy)
        archive = self.request.out.absolute() / f"{subject}-cartons.zip"
        with station.intents.begin("export", subject, [archive]) as publication:  # 2
            with_codes = tuple(self._with_codes(custodian))  # 3
            data, read = _drawn(with_codes)
            written = _write(hidden(archive), data, password)  # 4
            file = self.request.password_file
            with passwords.handed_over(self.invocation, file, password, "the labels"):  # 5
                publication.publish()  # 6
        return _result(chosen, with_codes, archive, written, read)

    def _incident(self, custodian: CustodianKey) -> Incident:
        chosen = self.chosen
        facts = IncidentFacts(
            batch=chosen.batch,
            package=chosen.package,
            serials=chosen.serials,
            codes=serials.count(chosen.serials),
            key_id=custodian.public.key_id,
        )
        which = f"{_roles(self.labels)} labels of {chosen.package}, serials"
        sentence = f"{which} {serials.describe(chosen.serials, 3)}: {self.request.reason}"
        return Incident(KIND, sentence, facts)

    def _with_codes(self, custodian: CustodianKey) -> Iterator[CartonLabel]:
        """The labels, each with the text of its symbol."""
        station, chosen = self.station, self.chosen
        known, wrap_keys, key_id = station.station_keys, station.wrap_keys, custodian.public.key_id
        opened = station.vault.unseal(chosen.batch, known, wrap_keys, key_id, custodian.sealing)
        length, template = opened.header.length, chosen.template or ""
        labels = {label.serial: label for label in self.labels}
        for piece in chosen.serials:
            for first, codes in opened.codes(piece):
                for at in range(0, len(codes), length):
                    code = codes[at : at + length].decode("ascii")
                    label = labels[first + at // length]
                    yield replace(label, payload=payload_of(template, code))


def _write(path: Path, data: bytes, password: Secret) -> bytes:
    """The archive at `path`, synced and read back; its bytes. After an error it is gone."""
    try:
        with create(path, "x+b", owner_only=False) as file:
            with ArchiveWriter(file, password) as archive:
                archive.add(_ENTRY, data, deflate=False)
            sync(file)
            _require(file, data, password)
        return path.read_bytes()
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _require(file: BinaryIO, data: bytes, password: Secret) -> None:
    (entry,) = reader.entries(file)
    held = b"".join(reader.content(file, entry, reader.unlock(file, entry, password)))
    if entry.name != _ENTRY or held != data:
        raise IntegrityError("the archive of labels does not hold what was written")
