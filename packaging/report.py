"""Packages: what the ledger has recorded of them, and what their archives prove."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..codegen.dossier import verified_serials
from ..codegen.errors import NotFound, UsageError
from ..codegen.invocation import Invocation, secret_file
from ..codegen.ledger.records import PackageRow, ReceiptRow
from ..codegen.ranges import serials
from ..codegen.ranges.receipts import Totals
from ..codegen.ranges.serials import Ranges
from ..codegen.result import Result
from ..codegen.secret import Secret
from ..codegen.station.keys import read_custodian_public
from ..codegen.station.station import Station
from ..codegen.workers.memory import keep_freed
from ..codegen.workers.pool import one_per_core
from .preflight.verify import verify
from .receipts.receipt import sums
from .receipts.units import UnitShown

PACKAGED = "packaged"


@dataclass(frozen=True)
class PackageSummary:
    """A package in a list. `status` is begun, packaged, abandoned or superseded.

    `without_receipt`: the codes that no receipt reports, if some of them are not void. `pair`: the
    second batch of a package of two; a serial is then a label, and counts once.
    """

    package: str
    batch: str
    serials: Ranges
    contact: str
    profile: str
    status: str
    without_receipt: int
    pair: str | None = None
    copies: int = 1

    @classmethod
    def of(cls, row: PackageRow, without_receipt: int) -> "PackageSummary":
        """From the ledger's row."""
        return cls(
            row.package, row.batch, row.serials, row.contact, row.profile, row.status,
            without_receipt, row.pair, row.copies,
        )  # fmt: skip

    def line(self) -> str:
        """One line."""
        ranges = serials.describe(self.serials, 3)
        missing = f"  {self.without_receipt:,} without receipt" if self.without_receipt else ""
        times = f" x {self.copies:,}" if self.copies > 1 else ""
        batch = self.batch if self.pair is None else f"{self.batch} with {self.pair}"
        which = f"{self.package}  {self.status:<10}  {batch}  {self.contact}"
        return f"{which}  {ranges}{times}{missing}"


@dataclass(frozen=True)
class PackageList(Result):
    """Packages, oldest first."""

    reads = True

    packages: tuple[PackageSummary, ...]

    def lines(self) -> Iterator[str]:
        """One line per package; before them, what to do next."""
        if not self.packages:
            yield "no packages; to make the first: mintmark export BATCH --to CONTACT --out DIR"
        waiting = sum(package.without_receipt for package in self.packages)
        if waiting:
            yield f"{waiting:,} codes packaged without receipt: mintmark package receipt PACKAGE"
        for package in self.packages:
            yield package.line()


@dataclass(frozen=True)
class ReceiptShown:
    """A part of the receipt, or a correction of it; the numbers count codes."""

    at: datetime
    printed: int
    spoiled: int
    spoiled_count: int
    final: bool
    reason: str
    corrects: bool

    @classmethod
    def of(cls, row: ReceiptRow) -> "ReceiptShown":
        """From the ledger's row."""
        numbers = row.printed, row.spoiled, row.spoiled_count
        return cls(row.reported_at, *numbers, row.final, row.reason, row.corrects)


@dataclass(frozen=True)
class PackageShown(Result):
    """A package, its receipts and its reels. `missing`: codes spoiled or void, not replaced.

    `excess`: codes that were replaced, and are good after all. `pair`: as in `PackageSummary`.
    `verified`: serials that were read back from printed labels, which were right.
    """

    reads = True

    package: str
    batch: str
    pair: str | None
    serials: Ranges
    contact: str
    profile: str
    status: str
    archive: str | None
    sha256: str | None
    supersedes: str | None
    superseded_by: str | None
    replaces: str | None
    totals: Totals
    missing: int
    excess: int
    receipts: tuple[ReceiptShown, ...]
    units: tuple[UnitShown, ...]
    copies: int = 1
    labels: int = 0
    verified: Ranges = ()

    def lines(self) -> Iterator[str]:
        """The package, then one line per reel."""
        yield f"package {self.package}  {self.status}  batch {self.batch}  to {self.contact}"
        if self.pair is not None:
            yield f"  with the codes of batch {self.pair}: two on each label, of the same serial"
        if self.archive is not None:
            yield f"  archive {self.archive}  sha256 {self.sha256}"
        if self.supersedes:
            yield f"  reprint of {self.supersedes}"
        if self.superseded_by:
            yield f"  superseded by its reprint {self.superseded_by}: not to be used any more"
        if self.replaces:
            yield f"  replaces codes of {self.replaces}"
        if self.status == PACKAGED:
            yield from (f"  {line}" for line in sums(self.totals))
            if not self.receipts:
                yield f"  no receipt yet: mintmark package receipt {self.package} --printed SERIALS"
        if self.verified:
            yield f"  verified {serials.count(self.verified):>13,} read back from printed labels"
        yield from self._reissues()
        for unit in self.units:
            yield f"  {unit.line()}"

    def _reissues(self) -> Iterator[str]:
        """What is to be replaced, and what was corrected."""
        if self.missing:
            yield f"  {self.missing:,} to be replaced: mintmark package replace {self.package}"
        if self.excess:
            yield f"  {self.excess:,} replaced, and good after all: so many codes more than ordered"
        for row in self.receipts:
            if row.corrects:
                yield (
                    f"  corrected {row.at:%Y-%m-%d}: {row.printed:,} to printed,"
                    f" {row.spoiled:,} to spoiled; {row.reason}"
                )


def package_list(station: Station, batch: str | None) -> PackageList:
    """All packages, or those of a batch. Raises `NotFound` for an unknown batch."""
    with station.ledger.read() as view:
        found = view.packages(batch)
        waiting: dict[str, int] = {}
        for name in {batch for row in found for batch in row.batches}:
            for package, codes in view.without_receipt(name).items():
                waiting[package] = max(codes, waiting.get(package, 0))
    return PackageList(tuple(PackageSummary.of(row, waiting.get(row.package, 0)) for row in found))


def package_show(station: Station, package: str) -> PackageShown:
    """Show a package. Raises `NotFound`."""
    with station.ledger.read() as view:
        row = view.package(package)
        units = view.units(package)
        reported = view.reported(package)
        receipts = view.receipts(package)
        right = verified_serials(view, package)
        handed = row.status in (PACKAGED, "superseded")
        missing = view.shortfall(package) if handed else 0
        excess = view.excess(package) if handed else 0
    return PackageShown(
        package=row.package,
        batch=row.batch,
        pair=row.pair,
        serials=row.serials,
        contact=row.contact,
        profile=row.profile,
        status=row.status,
        archive=row.archive,
        sha256=row.archive_sha256,
        supersedes=row.supersedes,
        superseded_by=row.superseded_by,
        replaces=row.replaces,
        totals=row.totals,
        missing=missing,
        excess=excess,
        receipts=tuple(map(ReceiptShown.of, receipts)),
        units=tuple(UnitShown.of(unit, reported, right) for unit in units),
        copies=row.copies,
        labels=row.totals.labels,
        verified=right,
    )


@dataclass(frozen=True)
class PackageVerified(Result):
    """The archive is what its custodian signed."""

    reads = True

    ok: bool
    package: str
    batch: str
    pair: str | None
    serials: Ranges
    rows: int
    files: int
    key_id: str
    trusted: bool
    test: bool
    copies: int = 1
    labels: int = 0

    def lines(self) -> Iterator[str]:
        """What was proved, and what was not."""
        kind = "test package" if self.test else "package"
        ranges = serials.describe(self.serials)
        each = "codes" if self.pair is None else f"labels of batches {self.batch} and {self.pair}"
        yield f"{kind} {self.package}: {self.rows:,} {each} in {self.files} files, serials {ranges}"
        if self.copies > 1:
            yield f"{self.labels:,} labels, {self.copies:,} of each code"
        yield "every entry is encrypted and listed; hashes, counts and order hold"
        if self.trusted:
            yield f"signed by {self.key_id}, which this home knows"
        else:
            yield f"signed by {self.key_id}, a key that is not known here:"
            yield "  compare it with the key on the handoff letter"


def package_verify(
    invocation: Invocation, archive: Path, password_file: Path | None, public_key: Path | None
) -> PackageVerified:
    """Check an archive without the ledger's ranges; the roster of a home, if any, is trusted.

    Raises `IntegrityError` saying what is wrong with it.
    """
    if archive.is_dir():
        hint = "name the package's .zip file, as it came: what was unpacked cannot be verified"
        raise NotFound(f"no archive, but a folder: {archive}", hint)
    if not archive.is_file():
        raise NotFound(f"no archive {archive}", "name the package's .zip file")
    password = _password(invocation, password_file)
    trusted, stations = _trusted(invocation, public_key)
    keep_freed()
    with one_per_core() as workers:
        found = verify(archive, password, trusted, stations, spread=workers.map)
    return PackageVerified(
        ok=True,
        package=found.package,
        batch=found.batch,
        pair=found.second,
        serials=found.serials,
        rows=found.rows,
        files=found.files,
        key_id=found.key_id,
        trusted=found.trusted,
        test=found.test,
        copies=found.copies,
        labels=found.rows * found.copies,
    )


def _password(invocation: Invocation, file: Path | None) -> Secret:
    if file is not None:
        return secret_file(file)
    if invocation.ask is None:
        raise UsageError(
            "the archive's password is needed, and there is no terminal to ask at",
            "give --password-file F",
        )
    return Secret(invocation.ask("password of the archive").strip().encode("utf-8"))


def _trusted(
    invocation: Invocation, public_key: Path | None
) -> tuple[Mapping[str, bytes] | None, Mapping[str, bytes] | None]:
    """The keys that may sign packages, and test packages; None if no keys are known here."""
    if public_key is not None:
        public = read_custodian_public(public_key)
        return {public.key_id: public.sign_public}, None
    try:
        station = invocation.station()
    except NotFound:
        return None, None
    with station.ledger.read() as view:
        custodians = {
            row.key_id: bytes.fromhex(row.sign_public) for row in view.roster("custodian")
        }
    return custodians, station.station_keys
