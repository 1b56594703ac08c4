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
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..codegen.codes.spec import CodeSpec
from ..codegen.codes.template import BARE
from ..codegen.custody import refused, unlock
from ..codegen.errors import MintmarkError, Refused, UsageError
from ..codegen.files import hidden, write_exclusively
from ..codegen.invocation import Invocation
from ..codegen.ledger.chain import encode
from ..codegen.ledger.changes import (
    ExportAbandoned,
    ExportBegun,
    Incident,
    IncidentFacts,
    Packaged,
    Unit,
)
from ..codegen.ledger.records import BatchRow
from ..codegen.ledger.view import View
from ..codegen.ranges import serials
from ..codegen.ranges.selection import read_text
from ..codegen.ranges.serials import Range, Ranges
from ..codegen.recover import package_status, recover
from ..codegen.result import Result
from ..codegen.secret import Secret
from ..codegen.station.keys import CustodianKey
from ..codegen.station.station import Station
from . import payload
from .formats.dummy import DUMMY_SYMBOLS
from .letter import letter, letter_name
from .package.pack import Packed, PackJob, Signer, dummy_source, pack
from .preflight.fingerprint_check import FingerprintCheck
from .preflight.preflight import depth, preflight
from .preflight.verify import CodeFilter
from .profiles import files
from .reissue import PreviousPackage, record, replacement, reprint
from .zip.writer import new_password

Source = Callable[[Range], Iterator[tuple[int, bytes]]]


@dataclass(frozen=True)
class ExportRequest:
    """An export as asked for; `test` is how many dummy codes a test package holds.

    `reprints` is the package whose codes are printed again, for `reason`; `replaces` the
    one whose spoiled codes are made up for. Serials, profile and reel size, and for a
    replacement batch and contact, are then those recorded with it. `base` and `gtin` make
    another payload template than the batch's (`address.chosen`). `full_preflight`: every
    symbol is decoded, however many.
    """

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
    reprints: str | None = None
    replaces: str | None = None
    reason: str | None = None
    base: str | None = None
    gtin: str | None = None
    full_preflight: bool = False


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
    supersedes: str | None = None
    replaces: str | None = None

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
        if self.supersedes:
            yield f"  reprint  of {self.supersedes}: have its files, reels and labels destroyed"
        if self.replaces:
            yield f"  for      codes spoiled or void in {self.replaces}"
        yield "send the archive and the letter; the password goes to the contact alone, another way"


def export(invocation: Invocation, request: ExportRequest) -> ExportResult:
    """Make the package. The ledger and the output folder agree whatever happens.

    Raises `NotFound` for an unknown batch, contact or key; `UsageError` for malformed
    serials or an unknown profile; `Refused` where the serials are not all sealed or the
    output exists; `IntegrityError` for a wrong passphrase, a foreign key or damaged
    files; `OSError` where it can't be written. After each of them nothing is left.
    """
    station = invocation.station()
    layout = files.find(request.profile, invocation.home).profile
    _check(invocation, request)
    for sentence in recover(station):
        invocation.notify(sentence)
    with station.ledger.read() as view:
        earlier = _earlier(view, request)
        batch = view.batch(request.batch or view.package(request.replaces or "").batch)
        contact = view.contact(request.contact or (earlier.contact if earlier else ""))
        where = earlier.serials if earlier else _serials(view, batch, request)
    layout = earlier.profile if earlier else layout
    if earlier and earlier.void:
        invocation.notify(f"left out, because they are void: {serials.describe(earlier.void)}")
    job = PackJob(
        package=station.new_id(),
        batch=batch.batch,
        home=station.config.home_id,
        contact_id=contact.contact,
        contact_name=contact.name,
        serials=where,
        length=batch.length,
        template=earlier.template
        if earlier
        else payload.chosen(batch.url, request.base, request.gtin),
        profile=layout,
        unit_size=request.unit_size or layout.unit_size,
        unit_id=station.new_id,
        created=station.now().astimezone(station.config.time_zone),
        test=request.test is not None,
        symbols=_symbols(batch, test=request.test is not None),
    )
    if job.template == BARE:
        invocation.notify(
            "warning: this batch has no --url: the QR symbols will hold the bare code"
        )
    spec = CodeSpec.of(batch.alphabet, batch.length)
    if warning := payload.case_warning(job.template, spec, job.profile.symbol.level):
        invocation.notify(warning)
    work = _Export(invocation, station, request, job, batch, new_password(station.entropy))
    with _folder(request.out.absolute()):
        if job.test:
            return work.test()
        refusal, key = refused(f"export of {batch.batch}", batch.batch), request.custodian_key
        return work.real(unlock(invocation, station, key, request.passphrase_file, refusal))


def _earlier(view: View, request: ExportRequest) -> PreviousPackage | None:
    if request.reprints is not None:
        return reprint(view, view.batch(request.batch), request.reprints)
    return replacement(view, request.replaces) if request.replaces is not None else None


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[None]:
    """`path` is there inside the block; what had to be made is gone again after a failure."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _check(invocation: Invocation, request: ExportRequest) -> None:
    if request.password_file is None and invocation.show is None:
        raise UsageError(
            "there is no terminal to show the package's password on",
            "give --password-file F; the password is written there, readable by you alone",
        )
    if request.password_file is not None and request.password_file.exists():
        raise Refused(
            f"{request.password_file} exists already and is not overwritten",
            "name another file for the password",
        )
    again = request.reprints or request.replaces
    other = request.unit_size, request.test, request.base, request.gtin
    if again and (request.serials != "all" or any(other)):
        raise UsageError(
            "a reprint or replacement takes no serials, reel size, address or test",
            "they are those of the earlier package",
        )
    if bool(request.reprints) != bool(request.reason):
        raise UsageError("a reprint needs a reason, and nothing else does", "--reason R")
    if request.unit_size is not None and not 1 <= request.unit_size <= 10_000_000:
        raise UsageError("a reel holds 1 to 10,000,000 codes")


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


def _symbols(batch: BatchRow, *, test: bool) -> str:
    """The alphabet of the codes; dummies need letters that a batch's may lack."""
    symbols = CodeSpec.of(batch.alphabet, batch.length).symbols
    if not test or symbols.isdigit():
        return symbols
    return "".join(sorted({*symbols, *DUMMY_SYMBOLS}))


@dataclass(frozen=True)
class _Export:
    """One export: what its steps share."""

    invocation: Invocation
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
        begun = self._begun()
        alarm = [_reprint(begun)] if begun.supersedes is not None else []
        signer = Signer(custodian.public.key_id, custodian.public.sign_public, custodian.sign)
        source = self._unsealed(custodian)
        with self.station.intents.begin(
            "export",
            job.package,
            [self.archive, self.letter],
            committed=self._booked,
            settled=self._settled,
        ) as publication:
            try:
                ledger.commit(author, begun, *alarm)
                self.station.failpoint("begun")
                packed, checked = self._write(source, signer, {signer.key_id: signer.public_key})
                change = self._packaged(packed, custodian.public.key_id)
                with self._handed_over():
                    publication.note(_note(change))
                    publication.publish()
                    ledger.commit(author, change)
                self.station.failpoint("packaged")
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
        return self._result(packed, checked)

    # --- steps

    def _begun(self) -> ExportBegun:
        job, request = self.job, self.request
        return ExportBegun(
            package=job.package,
            batch=job.batch,
            serials=job.serials,
            contact=job.contact_id,
            profile=job.profile.name,
            supersedes=request.reprints,
            replaces=request.replaces,
            reason=request.reason if request.reprints else None,
            layout=record(job.profile.of_size(job.unit_size)),
        )

    def _unsealed(self, custodian: CustodianKey) -> Source:
        """The range's codes. `_witness` proves what became of them."""
        station, known = self.station, self.station.station_keys
        key = custodian.public.key_id, custodian.sealing
        wraps = station.vault.wraps(self.batch.batch, known, station.wrap_keys)
        if key[0] not in wraps.sealed:
            batch = self.batch.batch
            alarm = refused(f"export of {batch}: not sealed to key {key[0]}", batch, key[0])
            station.ledger.commit(station.author, alarm)
        return station.vault.unseal(self.batch.batch, known, station.wrap_keys, *key).codes

    def _witness(self) -> CodeFilter:
        """What is in the archive must have the fingerprints of its mint."""
        station, batch = self.station, self.batch
        return FingerprintCheck(
            batch.batch,
            lambda piece: station.vault.fingerprints(batch.batch, piece, station.station_keys),
            batch.length,
            station.fingerprint_key,
            serials.count(self.job.serials),
        )

    def _write(
        self, source: Source, signer: Signer, trusted: Mapping[str, bytes]
    ) -> tuple[Packed, str]:
        """The archive and the letter as hidden siblings, proved readable."""
        path = hidden(self.archive)
        packed = pack(path, source, self.job, self.password, signer, self._progress)
        self.station.failpoint("written")
        code_filter = iter if self.job.test else self._witness()
        choose = depth(self.station.entropy, full=self.request.full_preflight)
        checked = preflight(
            path, self.password, packed, trusted, code_filter=code_filter, choose=choose
        )
        with self.station.ledger.read() as view:
            text = letter(self.job, packed, self.archive.name, view.head(), checked)
        with hidden(self.letter).open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.station.failpoint("checked")
        return packed, checked.summary

    def _progress(self, done: int, total: int) -> None:
        self.invocation.progress("packaging", done, total)

    @contextlib.contextmanager
    def _handed_over(self) -> Iterator[None]:
        """The password is safe before anybody has the archive; gone again if that fails."""
        file = self.request.password_file
        if file is None:
            assert self.invocation.show is not None  # noqa: S101 - _check saw to it
            self.invocation.show(f"password of package {self.job.package}: {self._password_text()}")
            yield
            return
        write_exclusively(file, self.password.reveal() + b"\n")
        try:
            self.station.failpoint("password")
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

    def _settled(self) -> bool:
        return package_status(self.station, self.job.package) != "begun"

    def _abandon(self, error: BaseException) -> None:
        """Give the serials back, if they were reserved and nothing was published."""
        reason = type(error).__name__
        # What `error` says is told. Where the books can't be written the intent stays, and
        # whoever comes next gives the serials back.
        with contextlib.suppress(MintmarkError):
            if not self._settled():
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
            supersedes=self.request.reprints,
            replaces=self.request.replaces,
        )


def _reprint(begun: ExportBegun) -> Incident:
    return Incident(
        "reprint",
        f"{begun.package} reprints {begun.supersedes}: {begun.reason}",
        IncidentFacts(
            batch=begun.batch,
            package=begun.package,
            supersedes=begun.supersedes,
            contact=begun.contact,
            serials=begun.serials,
        ),
    )


def _note(change: Packaged) -> dict[str, object]:
    kind, body = encode(change)
    return {"type": kind, "body": body}
