"""`export`: the plan of a package is carried out; ledger and output folder agree at any end.

The steps, and what a crash after each of them leaves:

    1. record the intent                  → the intent is removed
    2. reserve: commit ExportBegun        → ExportAbandoned: the serials are sealed again
    3. write the archive                  → as after 2 (files are hidden until step 8)
    4. prove the archive: preflight       → as after 2
    5. write the handoff letter           → as after 2
    6. hand the password over             → as after 2; nobody has the archive it opens
    7. note Packaged in the intent        → from here on rolled forward: the archive appears,
    8. publish: rename archive and letter   and the ledger has Packaged, also if somebody took
                                            the archive away meanwhile
    9. book: commit Packaged              → done

A package of two batches (`--with`) takes the same steps, each once for both: what a commit
reserves, books or gives back it does in both batches, in one transaction; the archive has both
codes of a label side by side from the first byte on. So a crash between any two lines leaves both
batches as the table says, and never one of them.

A test package takes the steps 1, 3, 4, 5, 6 and 8: nothing is reserved and nothing booked.

What the package holds is decided before (`export_plan`). Decrypted codes are in the memory
of this process, and of the workers it started, until they are in the archive.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..codegen import passwords
from ..codegen.custody import refused, unlock
from ..codegen.errors import MintmarkError
from ..codegen.export_alarms import refusals_told, tell_burst
from ..codegen.files import hidden, write_exclusively
from ..codegen.folders import folder_made
from ..codegen.invocation import Invocation
from ..codegen.ledger.chain import encode
from ..codegen.ledger.changes import ExportAbandoned, ExportBegun, Packaged, Unit
from ..codegen.ledger.view import View
from ..codegen.ranges.serials import count
from ..codegen.recover import package_status, recover
from ..codegen.secret import Secret
from ..codegen.station.keys import CustodianKey
from ..codegen.station.older_copy import refuse_retired
from ..codegen.station.station import Station
from ..codegen.workers.memory import keep_freed
from ..codegen.workers.pool import one_per_core
from .export_codes import dummies, fingerprint_check, unsealed
from .export_plan import alarms, plan, reservation
from .export_types import Export, ExportResult, Handoff, Replacement, Reprint, TestPackage
from .formats.registry import make_ready
from .formats.spread import Spread, is_worth
from .letter import letter, letter_name
from .package.feed import CodeSource
from .package.job import PackJob
from .package.pack import Packed, pack
from .package.particulars import SenderDetails
from .package.signature import ManifestSigner
from .preflight.preflight import depth, preflight
from .preflight.verify import CodeFilter
from .reissue import refuse_lost
from .zip.writer import new_password


def export(invocation: Invocation, wanted: Export, handoff: Handoff) -> ExportResult:
    """Make the package. The ledger and the output folder agree, whatever happens.

    Raises what `plan` raises; `NotFound`, `UsageError` if nobody could get the password;
    `Refused` if this station may not export, serials are not sealed, the batch is retired or a file
    exists; `IntegrityError` for an older copy, a wrong passphrase or key, damage; `OSError`.
    Nothing is left after them.
    """
    station, real = invocation.station(), not isinstance(wanted, TestPackage)
    if real:
        station.require("export")
    passwords.require_way(invocation, handoff.password_file)
    for sentence in recover(station):
        invocation.notify(sentence)
    with _refusals_told(station, wanted):
        if real:
            invocation.require_newest(station)
        job, alphabets, warnings = _planned(station, wanted)
    for warning in warnings:
        invocation.notify(warning)
    keep_freed()
    with folder_made(handoff.out.absolute()), one_per_core() as workers:
        if is_worth(job.format.apart_from, count(job.serials) * job.copies):
            # They start while the custodian's key is unlocked, which takes as long.
            workers.warm(make_ready, job.layout)
        password = new_password(station.entropy)
        work = _Export(invocation, station, handoff, job, password, workers.map)
        if isinstance(wanted, TestPackage):
            return work.test(dummies(job, alphabets))
        refusal = refused(f"export of {job.batch}", job.batch)
        custodian = unlock(
            invocation, station, handoff.custodian_key, handoff.passphrase_file, refusal
        )
        return work.real(reservation(wanted, job), custodian)


def _refusals_told(station: Station, wanted: Export) -> contextlib.AbstractContextManager[None]:
    """An alarm if the books refuse the package; dummy codes are nobody's business."""
    match wanted:
        case TestPackage():
            return contextlib.nullcontext()
        case Replacement():
            return refusals_told(station, None, wanted.contact, wanted.package)
        case Reprint():
            return refusals_told(station, wanted.batch, wanted.contact, wanted.package)
    return refusals_told(station, wanted.batch, wanted.contact)


def _planned(station: Station, wanted: Export) -> tuple[PackJob, list[str], tuple[str, ...]]:
    """What the package holds, the alphabets of its batches, and warnings."""
    with station.ledger.read() as view:
        job, warnings = plan(
            view,
            wanted,
            home=station.config.home_id,
            package=station.new_id(),
            unit_id=station.new_id,
            created=station.now().astimezone(station.config.time_zone),
            sender=SenderDetails(*station.config.sender),
        )
        if not isinstance(wanted, TestPackage):
            for batch in job.batches:
                refuse_retired(view, batch)
        return job, [view.batch(batch).alphabet for batch in job.batches], warnings


def _guard(begun: ExportBegun) -> Callable[[View], None] | None:
    """A unit may have been lost since the reprint was planned."""
    old = begun.supersedes
    return None if old is None else lambda view: refuse_lost(view, old, begun.serials)


@dataclass(frozen=True)
class _Export:
    """One export: what its steps share."""

    invocation: Invocation
    station: Station
    handoff: Handoff
    job: PackJob
    password: Secret
    spread: Spread

    @property
    def archive(self) -> Path:
        """The archive's final name."""
        return self.handoff.out.absolute() / f"{self.job.package}.zip"

    @property
    def letter(self) -> Path:
        """The handoff letter's final name, beside the archive."""
        return self.handoff.out.absolute() / letter_name(self.job.package)

    def real(self, begun: ExportBegun, custodian: CustodianKey) -> ExportResult:
        """A package of the batch's codes, signed by the custodian."""
        ledger, author = self.station.ledger, self.station.author
        signer = ManifestSigner(
            custodian.public.key_id, custodian.public.sign_public, custodian.sign
        )
        source = unsealed(self.station, self.job, custodian)
        with self.station.intents.begin(  # 1
            "export",
            self.job.package,
            [self.archive, self.letter],
            committed=self._booked,
            settled=self._settled,
        ) as publication:
            try:
                with refusals_told(self.station, begun.batch, begun.contact, begun.supersedes):
                    ledger.commit(author, begun, *alarms(begun), guard=_guard(begun))  # 2
                tell_burst(self.station)
                self.station.failpoint("begun")
                packed, checked = self._make(
                    source, signer, fingerprint_check(self.station, self.job, self.spread)
                )  # 3, 4, 5
                change = self._packaged(packed)
                with self._password_handed_over():  # 6
                    kind, body = encode(change)
                    publication.note({"type": kind, "body": body})  # 7
                    publication.publish()  # 8
                    ledger.commit(author, change)  # 9
                self.station.failpoint("packaged")
            except BaseException as error:
                self._abandon(error)
                raise
        return self._result(packed, checked, begun)

    def test(self, source: CodeSource) -> ExportResult:
        """The same files with dummy codes, signed by the station."""
        key = self.station.key
        signer = ManifestSigner(key.key_id, key.public, key.sign)
        files = [self.archive, self.letter]
        with self.station.intents.begin("export", self.job.package, files) as publication:  # 1
            packed, checked = self._make(source, signer, iter)  # 3, 4, 5
            with self._password_handed_over():  # 6
                publication.publish()  # 8
        return self._result(packed, checked, None)

    # --- the steps

    def _make(
        self, source: CodeSource, signer: ManifestSigner, code_filter: CodeFilter
    ) -> tuple[Packed, str]:
        """Archive and letter as hidden siblings; and the line that names what was proved."""
        path = hidden(self.archive)
        packed = pack(  # 3
            path, source, self.job, self.password, signer, self._progress, self.spread
        )
        self.station.failpoint("written")
        checked = preflight(  # 4
            path,
            self.password,
            packed,
            {signer.key_id: signer.public_key},
            code_filter=code_filter,
            choose=depth(self.station.entropy, full=self.handoff.full_preflight),
            spread=self.spread,
        )
        with self.station.ledger.read() as view:
            text = letter(packed, self.archive.name, view.head(), checked)
        write_exclusively(hidden(self.letter), text, owner_only=False)  # 5
        self.station.failpoint("checked")
        return packed, checked.summary

    def _progress(self, done: int, total: int) -> None:
        self.invocation.progress("packaging", done, total)

    @contextlib.contextmanager
    def _password_handed_over(self) -> Iterator[None]:
        """The password is safe before anybody has the archive, and removed if that fails."""
        file, of = self.handoff.password_file, f"package {self.job.package}"
        with passwords.handed_over(self.invocation, file, self.password, of, self._booked):
            self.station.failpoint("password")
            yield

    def _packaged(self, packed: Packed) -> Packaged:
        return Packaged(
            package=self.job.package,
            template=self.job.template,
            archive=self.archive.name,
            archive_bytes=packed.archive_bytes,
            archive_sha256=packed.archive_sha256,
            manifest_sha256=packed.manifest_sha256,
            custodian_key_id=packed.signer.key_id,
            units=tuple(
                Unit(file.unit, file.name, file.first, file.last, file.rows, file.sha256)
                for file in packed.units
            ),
            pair_template=None if self.job.second is None else self.job.second.template,
        )

    def _booked(self) -> bool:
        return package_status(self.station, self.job.package) == "packaged"

    def _settled(self) -> bool:
        return package_status(self.station, self.job.package) != "begun"

    def _abandon(self, error: BaseException) -> None:
        """Give the serials back, if they were reserved and nothing was published."""
        reason = type(error).__name__
        # The caller raises `error`. If the books cannot be written, the intent stays, and the
        # next process gives the serials back.
        with contextlib.suppress(MintmarkError):
            if not self._settled():
                self.station.ledger.commit(
                    self.station.author, ExportAbandoned(self.job.package, reason)
                )

    def _result(self, packed: Packed, checked: str, begun: ExportBegun | None) -> ExportResult:
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
            test=begun is None,
            supersedes=begun.supersedes if begun else None,
            replaces=begun.replaces if begun else None,
            pair=None if self.job.second is None else self.job.second.batch,
            copies=self.job.copies,
            labels=packed.manifest.labels,
        )
