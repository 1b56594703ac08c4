"""`pack`: codes become an encrypted, signed archive. It knows no ledger.

Order of the archive: the units' entries, the QR sample, README.txt, manifest.json,
manifest.sig. Codes are read and encrypted here, in order; formats make and deflate entries
in threads or processes (formats/spread.py). A few parts, or one small unit, are in memory at a
time; no plaintext is written to disk.
"""

import contextlib
import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from ...codegen.files import create, sync
from ...codegen.ranges.serials import count
from ...codegen.secret import Secret
from ...codegen.workers.pool import WorkerKind, Workers
from ..formats.format import Chunk, PackageUnit
from ..formats.pairs import halves
from ..formats.registry import PartTask, make_part
from ..formats.sample import Sample, sample
from ..formats.spread import Spread, inline, spread_from
from ..zip.keys import KnownKeys
from ..zip.writer import ArchiveWriter, Written
from .feed import CodeSource, Feed
from .job import PackJob
from .manifest import (
    README_NAME,
    SIGNED_NAMES,
    Attached,
    DataFile,
    Manifest,
    Pictures,
    SecondSigned,
    dump,
    pictures_digest,
    sample_name,
)
from .readme import readme
from .readme_facts import Facts
from .signature import ManifestSigner, sign


@dataclass(frozen=True)
class Packed:
    """The archive as written; `signature` is the content of manifest.sig.

    `entries`: all entries, in the archive's order.
    """

    facts: Facts
    manifest_sha256: str
    signature: bytes
    signer: ManifestSigner
    archive_sha256: str
    archive_bytes: int
    entries: tuple[Written, ...] = field(repr=False)
    keys: KnownKeys = field(repr=False)

    @property
    def manifest(self) -> Manifest:
        """What it holds."""
        return self.facts.manifest

    @property
    def units(self) -> tuple[DataFile, ...]:
        """The data files, one per unit."""
        return self.manifest.files


def pack(  # noqa: PLR0913, PLR0917 - a job, and what it gets from outside
    out: Path,
    source: CodeSource,
    job: PackJob,
    password: Secret,
    signer: ManifestSigner,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    spread: Spread = inline,
) -> Packed:
    """Write the archive to the new file `out` and fsync it.

    `source(piece)` yields (first serial, codes) without gaps over `piece`. `progress(done,
    total)` counts codes. `spread` does what holds the GIL. After any exception
    `out` is gone. Raises `IntegrityError` if `source` does not yield the codes of `piece`,
    `OSError` if `out` exists or cannot be written.
    """
    with contextlib.ExitStack() as undo:
        file = undo.enter_context(create(out, "x+b", owner_only=False))
        undo.callback(lambda: out.unlink(missing_ok=True))
        undo.callback(file.close)  # Windows removes no open file
        with (
            ArchiveWriter(file, password, _entries(job)) as archive,
            Workers(WorkerKind.THREADS) as threads,
        ):
            apart_from = job.format.apart_from
            if apart_from is None:
                spread = threads.map
            else:
                spread = spread_from(apart_from, count(job.serials) * job.copies, spread)
            work = _Pack(
                archive, job, Feed(source, job.serials, job.layout.stride), spread, progress
            )
            facts, signature = work.fill(signer)
        sync(file)
        digest, size = _digest(file)
        file.close()
        undo.pop_all()
    return Packed(
        facts=facts,
        manifest_sha256=hashlib.sha256(dump(facts.manifest)).hexdigest(),
        signature=signature,
        signer=signer,
        archive_sha256=digest,
        archive_bytes=size,
        entries=tuple(archive.written),
        keys=archive.keys,
    )


def _entries(job: PackJob) -> int:
    """How many entries the archive will have."""
    units = sum(-(-len(piece) // job.profile.unit_size) for piece in job.serials)
    pictures = count(job.serials) if job.profile.pictures else 0
    return units + pictures + len(job.layout.lengths) + len((README_NAME, *SIGNED_NAMES))


def _digest(file: BinaryIO) -> tuple[str, int]:
    # The writer goes back to fill in sizes, so the digest needs a reading of its own.
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type] # it is open to read
    return digest.hexdigest(), file.tell()


class _Pack:
    """One archive being filled."""

    def __init__(
        self,
        archive: ArchiveWriter,
        job: PackJob,
        feed: Feed,
        spread: Spread,
        progress: Callable[[int, int], None],
    ) -> None:
        self._archive, self._job, self._feed, self._spread = archive, job, feed, spread
        self._progress, self._done, self._total = progress, 0, count(job.serials)

    def fill(self, signer: ManifestSigner) -> tuple[Facts, bytes]:
        """All entries, in order; what the papers say of them, and the signature."""
        job = self._job
        files = tuple(self._units())
        code, *second = halves(self._feed.first_code, job.layout.lengths)
        symbol = sample(job.layout, code.decode("ascii"))
        manifest = _manifest(job, files, self._sample(symbol))
        facts = Facts(manifest, symbol, job.about)
        if job.second is not None:
            symbol = sample(job.layout.of_second, second[0].decode("ascii"))
            shown = SecondSigned(job.second, self._sample(symbol, second=True))
            facts = replace(facts, manifest=replace(manifest, second=shown), second=symbol)
        text = readme(facts)
        digest = hashlib.sha256(text).hexdigest()
        self._archive.add(README_NAME, text)
        attached = Attached(README_NAME, len(text), digest)
        facts = replace(facts, manifest=replace(facts.manifest, readme=attached))
        data = dump(facts.manifest)
        signature = sign(data, signer, test=job.test)
        self._archive.add(SIGNED_NAMES[0], data)
        self._archive.add(SIGNED_NAMES[1], signature)
        return facts, signature

    def _sample(self, symbol: Sample, *, second: bool = False) -> Attached:
        first = self._job.serials[0].first
        name = sample_name(first, second=second)
        shown = self._archive.add(name, symbol.png, deflate=False)
        return Attached(shown.name, shown.bytes, shown.sha256, first)

    def _units(self) -> Iterator[DataFile]:
        making: deque[PartTask] = deque()
        made = self._spread(make_part, self._tasks(making))
        results = ((making.popleft(), part) for part in made)
        for unit, parts in groupby(results, lambda result: result[0].unit):
            begin = len(self._archive.written)
            self._write(self._job.format.join(unit, self._counted(parts)))
            yield _data_file(unit, self._archive.written[begin:])

    def _tasks(self, making: deque[PartTask]) -> Iterator[PartTask]:
        for unit in self._job.units():
            self._feed.begin(unit.serials)
            for part in self._job.format.parts(unit):
                making.append(PartTask(self._job.layout, unit, part, self._feed.take(part.ranges)))
                yield making[-1]
        self._feed.end()

    def _counted(self, results: Iterator[tuple[PartTask, Any]]) -> Iterator[Any]:
        for task, part in results:
            yield part
            self._done += task.part.count
            self._progress(self._done, self._total)

    def _write(self, chunks: Iterator[Chunk]) -> None:
        for (name, deflate), among in groupby(chunks, lambda c: (c.name, c.packed is not None)):
            with self._archive.entry(name, deflate=deflate) as entry:
                for chunk in among:
                    entry.write(chunk.data, chunk.packed)


def _data_file(unit: PackageUnit, written: list[Written]) -> DataFile:
    name, size, sha256 = written[0]
    pictures = None
    if len(written) > 1:
        others = written[1:]
        digest = pictures_digest(other.sha256 for other in others)
        pictures = Pictures(len(others), sum(other.bytes for other in others), digest)
    first, last = unit.serials.pair()
    return DataFile(name, unit.id, len(unit.serials), first, last, size, sha256, pictures)


def _manifest(job: PackJob, files: tuple[DataFile, ...], picture: Attached) -> Manifest:
    """The manifest but for README.txt, which is written from it."""
    return Manifest(
        package=job.package,
        batch=job.batch,
        home=job.home,
        test=job.test,
        created=job.created.isoformat(timespec="seconds"),
        contact_id=job.contact_id,
        contact_name=job.contact_name,
        profile=job.profile,
        template=job.template,
        code_length=job.length,
        symbols=job.symbols,
        serials=job.serials,
        files=files,
        samples=(picture,),
        readme=Attached(README_NAME, 0, ""),
        role=job.about.role,
        pairs=job.about.pairs,
        copies=job.copies,
    )
