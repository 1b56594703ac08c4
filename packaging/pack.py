"""`pack`: codes become an encrypted, signed archive. It knows no ledger.

Order of the archive: data files by serial, the QR sample, README.txt, manifest.json,
manifest.sig. Memory is that of one piece of `source`; nothing plain touches the disk.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from io import BufferedRandom
from pathlib import Path

from ..codegen.errors import IntegrityError, UsageError
from ..codegen.secret import Secret
from ..codegen.serials import Range, Ranges, count, ordered, pieces
from ..codegen.template import check, payload
from .archive import ArchiveWriter
from .dummy import dummy_source
from .formats.text import rows
from .manifest import (
    MOST_FILES,
    README_NAME,
    SIGNED_NAMES,
    Attached,
    DataFile,
    Manifest,
    dump,
    sample_name,
)
from .profile import Profile
from .qr import Sample, sample
from .readme import readme
from .signature import Signer, sign

__all__ = ["PackJob", "Packed", "Signer", "dummy_source", "pack"]

Source = Callable[[Range], Iterator[tuple[int, bytes]]]
_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")


@dataclass(frozen=True)
class PackJob:
    """What to pack. `unit_id` is asked once for each data file; `created` has an offset.

    Raises `UsageError` for what no manifest could hold.
    """

    package: str
    batch: str
    home: str
    contact_id: str
    contact_name: str
    serials: Ranges
    length: int
    template: str
    profile: Profile
    unit_size: int
    unit_id: Callable[[], str]
    created: datetime
    test: bool = False

    def __post_init__(self) -> None:
        # One form of the same serials, whatever tiles they were found in.
        object.__setattr__(self, "serials", ordered(self.serials))
        check(self.template)
        if not _NAME.fullmatch(self.contact_id) or not _NAME.fullmatch(self.contact_name):
            raise UsageError("the contact's name holds control characters, or over 200 characters")
        if self.created.tzinfo is None:
            raise ValueError("the time has no offset")
        if sum(-(-len(piece) // self.unit_size) for piece in self.serials) > MOST_FILES:
            raise UsageError(f"that makes more than {MOST_FILES:,} files", "take larger units")

    @property
    def layout(self) -> Profile:
        """The profile with the unit size of this package."""
        return replace(self.profile, unit_size=self.unit_size)


@dataclass(frozen=True)
class Packed:
    """The archive as written; `signature` is the content of manifest.sig."""

    manifest: Manifest
    manifest_sha256: str
    signature: bytes
    signer: Signer
    archive_sha256: str
    archive_bytes: int

    @property
    def units(self) -> tuple[DataFile, ...]:
        """One for each data file."""
        return self.manifest.files


def pack(  # noqa: PLR0913, PLR0917 - one job, and what it gets from outside
    out: Path,
    source: Source,
    job: PackJob,
    password: Secret,
    signer: Signer,
    tick: Callable[[int, int], None] = lambda _done, _total: None,
) -> Packed:
    """Write the archive to the new file `out` and fsync it.

    `source(piece)` yields (first serial, codes) without gaps over `piece`, which is at
    most one unit. `tick(done, total)` counts codes. After any exception `out` is gone.
    Raises `IntegrityError` if `source` does not give what it was asked for, `OSError`
    where `out` exists or cannot be written.
    """
    with contextlib.ExitStack() as undo:
        file = undo.enter_context(out.open("x+b"))
        undo.callback(lambda: out.unlink(missing_ok=True))
        undo.callback(file.close)  # Windows removes no open file
        with ArchiveWriter(file, password) as archive:
            manifest, signature = _fill(archive, source, job, signer, tick)
        file.flush()
        os.fsync(file.fileno())
        digest, size = _digest(file)
        file.close()
        undo.pop_all()
    return Packed(
        manifest=manifest,
        manifest_sha256=hashlib.sha256(dump(manifest)).hexdigest(),
        signature=signature,
        signer=signer,
        archive_sha256=digest,
        archive_bytes=size,
    )


def _digest(file: BufferedRandom) -> tuple[str, int]:
    # The writer goes back to fill in sizes, so the digest needs a reading of its own.
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def _fill(
    archive: ArchiveWriter,
    source: Source,
    job: PackJob,
    signer: Signer,
    tick: Callable[[int, int], None],
) -> tuple[Manifest, bytes]:
    files, first_code = _data_files(archive, source, job, tick)
    symbol = sample(payload(job.template, first_code))
    picture = Attached(
        name=sample_name(job.serials[0].first),
        bytes=len(symbol.png),
        sha256=hashlib.sha256(symbol.png).hexdigest(),
        serial=job.serials[0].first,
    )
    archive.add(picture.name, symbol.png, deflate=False)
    manifest = _manifest(job, files, picture, symbol)
    text = readme(manifest, symbol)
    archive.add(README_NAME, text)
    data = dump(manifest)
    signature = sign(data, signer, test=job.test)
    archive.add(SIGNED_NAMES[0], data)
    archive.add(SIGNED_NAMES[1], signature)
    return manifest, signature


def _data_files(
    archive: ArchiveWriter, source: Source, job: PackJob, tick: Callable[[int, int], None]
) -> tuple[tuple[DataFile, ...], str]:
    """The data files as written, and the first code of all."""
    files: list[DataFile] = []
    first_code = ""
    done, total = 0, count(job.serials)
    for index, piece in enumerate(pieces(job.serials, job.unit_size)):
        name = job.layout.unit_name(index)
        with archive.entry(name) as entry:
            entry.write(job.layout.header_row())
            for first, codes in _whole(source(piece), piece, job.length):
                first_code = first_code or codes[: job.length].decode("ascii")
                entry.write(rows(first, codes, job.length, job.layout, job.template))
                done += len(codes) // job.length
                tick(done, total)
        unit = job.unit_id()
        files.append(
            DataFile(name, unit, len(piece), piece.first, piece.last, entry.size, entry.sha256)
        )
    return tuple(files), first_code


def _whole(
    chunks: Iterator[tuple[int, bytes]], piece: Range, length: int
) -> Iterator[tuple[int, bytes]]:
    """`chunks`, as long as they are codes of `piece` without gap, overlap or excess."""
    expected = piece.first
    for first, codes in chunks:
        number, rest = divmod(len(codes), length)
        if first != expected or rest or not 1 <= number <= piece.last - expected + 1:
            raise IntegrityError(f"the codes of serials {piece} did not come as asked for")
        expected += number
        yield first, codes
    if expected != piece.last + 1:
        raise IntegrityError(f"the codes of serials {piece} did not all come")


def _manifest(
    job: PackJob, files: tuple[DataFile, ...], picture: Attached, symbol: Sample
) -> Manifest:
    manifest = Manifest(
        package=job.package,
        batch=job.batch,
        home=job.home,
        test=job.test,
        created=job.created.isoformat(timespec="seconds"),
        contact_id=job.contact_id,
        contact_name=job.contact_name,
        profile=job.layout,
        template=job.template,
        code_length=job.length,
        serials=job.serials,
        files=files,
        samples=(picture,),
        readme=Attached(README_NAME, 0, ""),
    )
    text = readme(manifest, symbol)
    digest = hashlib.sha256(text).hexdigest()
    return replace(manifest, readme=Attached(README_NAME, len(text), digest))
