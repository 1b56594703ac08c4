"""`export`: a range of a sealed batch becomes a package for one contact.

What a crash between any two lines leaves:

    intent written              → removed
    ExportBegun committed       → ExportAbandoned: the serials are sealed again
    archive and letter written  → as above (they are hidden files until the end)
    preflight passed            → as above
    password safe               → as above; nobody has the archive it opens
    noted                       → from here on rolled forward: the archive appears,
    renamed                       and the ledger says so
    Packaged committed          → done

Decrypted codes are in this process's memory alone until they are in the archive.
"""

import contextlib
import hmac
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..codegen import serials
from ..codegen.call import Call
from ..codegen.errors import IntegrityError, Refused, UsageError
from ..codegen.fingerprint import fingerprints
from ..codegen.ledger.chain import encode
from ..codegen.ledger.changes import ExportAbandoned, ExportBegun, Incident, Packaged, Unit
from ..codegen.ledger.rows import BatchRow
from ..codegen.ledger.view import View
from ..codegen.recover import package_status, recover
from ..codegen.result import Result
from ..codegen.secret import Secret
from ..codegen.selection import read_text
from ..codegen.serials import Range, Ranges
from ..codegen.station.keys import CustodianKey, write_exclusively
from ..codegen.station.publish import hidden
from ..codegen.station.station import Station
from ..codegen.template import BARE
from . import profile
from .archive import new_password
from .letter import letter, letter_name
from .pack import Packed, PackJob, Signer, dummy_source, pack
from .preflight import preflight

Source = Callable[[Range], Iterator[tuple[int, bytes]]]


@dataclass(frozen=True)
class ExportRequest:
    """An export as asked for; `test` is how many dummy codes a test package holds."""

    batch: str
    contact: str
    out: Path
    serials: str = "all"
    profile: str = "csv"
    unit_size: int | None = None
    password_file: Path | None = None
    custodian_key: Path | None = None
    passphrase_file: Path | None = None
    test: int | None = None


@dataclass(frozen=True)
class ExportResult(Result):
    """The package, and where it lies."""

    package: str
    batch: str
    serials: Ranges
    archive: Path
    sha256: str
    profile: str
    letter: Path
    units: int
    preflight: str
    test: bool = False

    def lines(self) -> Iterator[str]:
        """What to send by which way."""
        kind = "test package" if self.test else "package"
        yield f"{kind} {self.package} of batch {self.batch}"
        codes = serials.count(self.serials)
        where = serials.describe(self.serials)
        yield f"  serials  {where} ({codes:,} codes in {self.units} files)"
        yield f"  archive  {self.archive}"
        yield f"  sha256   {self.sha256}"
        yield f"  letter   {self.letter}"
        yield f"  checked  {self.preflight}"
        yield "send the archive and the letter; the password goes to the contact alone, another way"


def export(call: Call, request: ExportRequest) -> ExportResult:
    """Make the package. The ledger and the output folder agree whatever happens.

    Raises `NotFound` for an unknown batch, contact or key; `UsageError` for malformed
    serials or an unknown profile; `Refused` where the serials are not all sealed or the
    output exists; `IntegrityError` for a wrong passphrase, a foreign key or damaged
    files; `OSError` where it can't be written. After each of them nothing is left.
    """
    station = call.station()
    layout = profile.builtin(request.profile)
    _check(call, request)
    for sentence in recover(station):
        call.say(sentence)
    with station.ledger.read() as view:
        batch = view.batch(request.batch)
        contact = view.contact(request.contact)
        where = _serials(view, batch, request)
    job = PackJob(
        package=station.new_id(),
        batch=batch.batch,
        home=station.config.home_id,
        contact_id=contact.contact,
        contact_name=contact.name,
        serials=where,
        length=batch.length,
        template=batch.url or BARE,
        profile=layout,
        unit_size=request.unit_size or layout.unit_size,
        unit_id=station.new_id,
        created=station.now().astimezone(station.config.time_zone),
        test=request.test is not None,
    )
    if batch.url is None:
        call.say("warning: this batch has no --url: the QR symbols will hold the bare code")
    work = _Export(call, station, request, job, batch, new_password(station.entropy))
    return work.test() if job.test else work.real(_unlock(call, station, request))


def _check(call: Call, request: ExportRequest) -> None:
    if request.password_file is None and call.show is None:
        raise UsageError(
            "there is no terminal to show the package's password on",
            "give --password-file F; the password is written there, readable by you alone",
        )
    if request.password_file is not None and request.password_file.exists():
        raise Refused(
            f"{request.password_file} exists already and is not overwritten",
            "name another file for the password",
        )
    if request.unit_size is not None and not 1 <= request.unit_size <= 10_000_000:
        raise UsageError("a reel holds 1 to 10,000,000 codes")
    request.out.mkdir(parents=True, exist_ok=True)


def _serials(view: View, batch: BatchRow, request: ExportRequest) -> Ranges:
    if request.test is not None:
        return (Range(1, request.test),)
    text = read_text(request.serials).strip()
    if text.startswith("next:"):
        number = text.removeprefix("next:")
        if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= batch.quantity:
            raise UsageError(f"not a number of codes: {number[:20]!r}", "write next:10000")
        return view.first_sealed(batch.batch, int(number))
    return serials.parse(text, batch.quantity)


def _unlock(call: Call, station: Station, request: ExportRequest) -> CustodianKey:
    """The custodian's key; a wrong passphrase goes into the books before it is told."""
    try:
        return call.custodian(station, request.custodian_key, request.passphrase_file)
    except IntegrityError as error:
        station.ledger.commit(
            station.author, Incident("custodian-key-refused", f"export of {request.batch}")
        )
        raise error from None


@dataclass(frozen=True)
class _Export:
    """One export: what its steps share."""

    call: Call
    station: Station
    request: ExportRequest
    job: PackJob
    batch: BatchRow
    password: Secret

    @property
    def archive(self) -> Path:
        """Where the archive appears at the end."""
        return self.request.out.absolute() / f"{self.job.package}.zip"

    @property
    def letter(self) -> Path:
        """Where the handoff letter appears beside it."""
        return self.request.out.absolute() / letter_name(self.job.package)

    def real(self, custodian: CustodianKey) -> ExportResult:
        """Reserve, write, check, hand the password over, publish, book."""
        job, ledger, author = self.job, self.station.ledger, self.station.author
        begun = ExportBegun(job.package, job.batch, job.serials, job.contact_id, job.profile.name)
        signer = Signer(custodian.public.key_id, custodian.public.sign_public, custodian.sign)
        source = self._unsealed(custodian)
        with self.station.intents.begin(
            "export", job.package, [self.archive, self.letter]
        ) as publication:
            publication.committed = self._booked
            try:
                ledger.commit(author, begun)
                self.station.fault("begun")
                packed, checked = self._write(source, signer, {signer.key_id: signer.public_key})
                change = self._packaged(packed, custodian.public.key_id)
                with self._handed_over():
                    publication.note(_note(change))
                    publication.publish()
                    ledger.commit(author, change)
                self.station.fault("packaged")
            except BaseException as error:
                self._abandon(error)
                raise
        return self._result(packed, checked)

    def test(self) -> ExportResult:
        """The same files with dummy codes, signed by the station; nothing is booked."""
        key = self.station.key
        signer = Signer(key.key_id, key.public, key.sign)
        source = dummy_source(self.batch.alphabet, self.batch.length)
        with self.station.intents.begin(
            "export", self.job.package, [self.archive, self.letter]
        ) as publication:
            packed, checked = self._write(source, signer, {signer.key_id: signer.public_key})
            with self._handed_over():
                publication.publish()
                publication.committed = lambda: True
        return self._result(packed, checked)

    # --- steps

    def _unsealed(self, custodian: CustodianKey) -> Source:
        """The range's codes; each block must still have the fingerprints of its mint."""
        station, batch, key = self.station, self.batch, self.station.fingerprint_key
        vault, known = station.vault, station.station_keys
        reader = vault.unseal(
            batch.batch, known, station.wrap_keys, custodian.public.key_id, custodian.sealing
        )

        def source(piece: Range) -> Iterator[tuple[int, bytes]]:
            for first, codes in reader.codes(piece):
                block = Range(first, first + len(codes) // batch.length - 1)
                minted = b"".join(data for _, data in vault.fingerprints(batch.batch, block, known))
                if not hmac.compare_digest(fingerprints(codes, batch.length, key), minted):
                    raise IntegrityError(
                        f"serials {block} of batch {batch.batch} are not what was minted",
                        "stop using this vault and compare it with your copy: mintmark doctor",
                    )
                yield first, codes

        return source

    def _write(
        self, source: Source, signer: Signer, trusted: Mapping[str, bytes]
    ) -> tuple[Packed, str]:
        """The archive and the letter as hidden siblings, proved readable."""
        path = hidden(self.archive)
        packed = pack(path, source, self.job, self.password, signer, self._tick)
        self.station.fault("written")
        checked = preflight(path, self.password, packed, trusted)
        with self.station.ledger.read() as view:
            text = letter(self.job, packed, self.archive.name, view.head())
        with hidden(self.letter).open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.station.fault("checked")
        return packed, checked.summary

    def _tick(self, done: int, total: int) -> None:
        self.call.tick("packaging", done, total)

    @contextlib.contextmanager
    def _handed_over(self) -> Iterator[None]:
        """The password is safe before anybody has the archive; gone again if that fails."""
        file = self.request.password_file
        if file is None:
            assert self.call.show is not None  # noqa: S101 - _check saw to it
            self.call.show(f"password of package {self.job.package}: {self._password_text()}")
            yield
            return
        write_exclusively(file, self.password.reveal() + b"\n")
        self.station.fault("password")
        try:
            yield
        except BaseException:
            if not self._booked():
                file.unlink(missing_ok=True)
            raise

    def _password_text(self) -> str:
        return self.password.reveal().decode("ascii")

    def _packaged(self, packed: Packed, custodian: str) -> Packaged:
        return Packaged(
            package=self.job.package,
            template=self.job.template,
            archive=self.archive.name,
            archive_bytes=packed.archive_bytes,
            archive_sha256=packed.archive_sha256,
            manifest_sha256=packed.manifest_sha256,
            custodian_key_id=custodian,
            units=tuple(
                Unit(file.unit, file.name, file.first, file.last, file.rows, file.sha256)
                for file in packed.units
            ),
        )

    def _booked(self) -> bool:
        return package_status(self.station, self.job.package) == "packaged"

    def _abandon(self, error: BaseException) -> None:
        """Give the serials back, if they were reserved and nothing was published."""
        if package_status(self.station, self.job.package) == "begun":
            reason = type(error).__name__
            self.station.ledger.commit(
                self.station.author, ExportAbandoned(self.job.package, reason)
            )

    def _result(self, packed: Packed, checked: str) -> ExportResult:
        return ExportResult(
            package=self.job.package,
            batch=self.job.batch,
            serials=self.job.serials,
            archive=self.archive,
            sha256=packed.archive_sha256,
            profile=self.job.profile.name,
            letter=self.letter,
            units=len(packed.units),
            preflight=checked,
            test=self.job.test,
        )


def _note(change: Packaged) -> dict[str, object]:
    kind, body = encode(change)
    return {"type": kind, "body": body}
