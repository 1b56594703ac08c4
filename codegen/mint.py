"""`mint`: draw, fingerprint, seal, make unique, publish, book.

What a crash between any two lines leaves: until the batch is noted, hidden files that
`recover` removes; from then on, a complete batch that `recover` puts into the ledger. The
check against runs that other processes registered meanwhile, the renaming and the
ledger's row lie under one write lock, so that two mints never share a code.
"""

import hashlib
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .codes import fingerprint, template
from .codes.spec import CodeSpec, Judgement, judge
from .errors import EnvironmentFailure, Refused, UsageError
from .files import hidden
from .history import gather, known, runs_of
from .ledger.chain import canonical, encode
from .ledger.changes import BatchMinted
from .ledger.records import BatchRow
from .ledger.view import View
from .ranges.serials import Range, Ranges
from .recover import has_batch, recover
from .result import Result
from .sealed.header import CoreHeader
from .sealed.make import CodeMap, Making, make
from .sealed.runs import PREFIX_BITS
from .sealed.sorter import Spread
from .station.publish import Publication
from .station.station import Station
from .workers.pool import MAX_WORKERS, WorkerKind, Workers, cores

Progress = Callable[[str, int, int], None]
LARGEST = 100_000_000
# Codes: below, starting processes takes longer than they save.
INLINE_BELOW = 200_000
SORTERS = 4
# Fingerprints, runs and the sort's spill: what a code needs of the disk besides itself.
BYTES_PER_CODE = 16 + 12 + 12


@dataclass(frozen=True)
class MintRequest:
    """A mint as asked for. `overage` is in percent of `quantity`."""

    quantity: int
    product: str | None = None
    overage: float = 0.0
    length: int = 16
    alphabet: str = "crockford32"
    url: str | None = None
    ref: str | None = None
    accept_weak: bool = False

    @property
    def total(self) -> int:
        """How many codes there will be: the overage rounds up."""
        # Through text: 0.1 % of 1,000 is one code, not two by the last binary digit.
        return self.quantity + math.ceil(round(self.quantity * self.overage / 100, 6))


@dataclass(frozen=True)
class MintResult(Result):
    """The batch, and how hard its codes are to guess."""

    batch: str
    quantity: int
    serials: Ranges
    alphabet: str
    length: int
    entropy_bits: float
    guess_probability: float
    offline_bits: float
    product: str | None
    ref: str | None
    repeated: bool = False

    def lines(self) -> Iterator[str]:
        """The batch, then the statement on guessing."""
        again = " (minted before under this --ref)" if self.repeated else ""
        yield f"batch {self.batch}  {self.quantity:,} codes, sealed{again}"
        yield f"  code     {self.length} symbols of {self.alphabet}, {self.entropy_bits:.1f} bits"
        guess = f"{self.guess_probability:.2g}"
        yield f"  a guess  is right with probability {guess} (law: below 1e-04)"
        yield f"  a thief  of the fingerprints needs 2^{self.offline_bits:.1f} tries for one code"
        yield f"next: mintmark export {self.batch} --to CONTACT --out DIR"


def mint(  # noqa: PLR0913 - all a mint depends on
    station: Station,
    request: MintRequest,
    progress: Progress,
    notify: Callable[[str], None],
    prefix_bits: int = PREFIX_BITS,
    *,
    workers: int | None = None,
) -> MintResult:
    """Mint a batch; or find the one minted before under the same `ref`.

    `workers` processes strike; None: as many as pay. Raises `UsageError` for a malformed
    spec or URL, `Refused` where the codes would be too weak or the ref stands for another
    request, `OSError` where the disk says no, `EnvironmentFailure` where a worker died.
    After each of them nothing is left.
    """
    spec = CodeSpec.of(request.alphabet, request.length)
    _check(request, spec)
    for sentence in recover(station):
        notify(sentence)
    with station.ledger.read() as view:
        earlier = view.batch_by_ref(request.ref) if request.ref is not None else None
        if earlier is not None:
            return _found(earlier, spec, request)
        minted = view.batches()
        judgement, _ = _judged(view, spec, request)
    for warning in judgement.warnings:
        notify(f"warning: {warning}")
    _check_space(station.home, request)
    batch = _Batch(station, request, spec, minted, prefix_bits, station.new_id())
    generators = generators_for(request.total, workers)
    try:
        # Each holds a part of the run, some sixty megabytes.
        with Workers(WorkerKind.THREADS, min(cores(), SORTERS)) as threads, generators:
            gather(station, minted, progress, threads.map)
            return batch.mint(progress, generators.map, threads.map)
    except _RefTaken as taken:
        return _found(taken.row, spec, request)


def generators_for(quantity: int, workers: int | None) -> Workers:
    """Who strikes `quantity` codes: processes, where starting them pays or they are asked for."""
    if workers is None:
        workers = 1 if quantity < INLINE_BELOW else min(cores(), MAX_WORKERS)
    return Workers(WorkerKind.PROCESSES if workers > 1 else WorkerKind.INLINE, workers)


def _judged(view: View, spec: CodeSpec, request: MintRequest) -> tuple[Judgement, int]:
    """How hard the codes would be to guess, and how many were issued when that was so."""
    issued, total = view.issued(spec.symbols, spec.length), view.issued_total()
    judgement = judge(spec, request.total, issued, total, accept_weak=request.accept_weak)
    return judgement, total


def _check(request: MintRequest, spec: CodeSpec) -> None:
    if request.quantity < 1 or not 0 <= request.overage <= 100:
        raise UsageError("--quantity is at least 1, --overage 0 to 100 percent")
    if request.url is not None:
        template.check(request.url)
        template.check_codes(request.url, spec.length, spec.symbols)
    for name, text in (("product", request.product), ("ref", request.ref)):
        if text is not None and (not text.strip() or len(text) > 100 or not text.isprintable()):
            raise UsageError(
                f"--{name} is 1 to 100 printable characters", "shorten it, or leave it out"
            )
    if request.total > LARGEST:
        raise UsageError(
            f"{request.total:,} codes; one batch holds at most {LARGEST:,}", "mint several batches"
        )


def _check_space(home: Path, request: MintRequest) -> None:
    needed = request.total * (request.length + BYTES_PER_CODE)
    free = shutil.disk_usage(home).free
    if free < needed:
        raise EnvironmentFailure(
            f"the disk has {free:,} bytes free, and this batch needs {needed:,}",
            "free some space, or mint a smaller batch",
        )


class _RefTaken(Exception):
    """Another process minted under the same ref meanwhile."""

    def __init__(self, row: BatchRow) -> None:
        super().__init__("ref taken")
        self.row = row


class _Meanwhile(Exception):
    """Another process minted: `serials` met a code of its `runs`, or there are more codes now."""

    def __init__(self, serials: Sequence[int] = (), runs: Sequence[Path] = ()) -> None:
        super().__init__("minted meanwhile")
        self.serials = serials
        self.runs = runs


@dataclass(frozen=True)
class _Batch:
    """One mint: what its steps share. `minted`: the batches it is made unique against."""

    station: Station
    request: MintRequest
    spec: CodeSpec
    minted: tuple[BatchRow, ...]
    prefix_bits: int
    batch: str

    def mint(self, progress: Progress, code_map: CodeMap, sorts: Spread) -> MintResult:
        """Make the files, publish them, book the batch."""
        station, files = self.station, self.station.vault.parts(self.batch)
        siblings = type(files)(*map(hidden, files))
        earlier = known(station, self.minted)
        with (
            station.intents.begin(
                "mint", self.batch, files, committed=lambda: has_batch(station, self.batch)
            ) as publication,
            make(
                siblings,
                self._header(),
                sign=station.key.sign,
                fingerprint_key=station.fingerprint_key,
                recipients=[custodian.recipient for custodian in station.custodians()],
                entropy=station.entropy,
                earlier_runs=earlier,
                prefix_bits=self.prefix_bits,
                progress=progress,
                code_map=code_map,
                sorts=sorts,
            ) as making,
        ):
            station.failpoint("made")
            self._publish(publication, making)
        station.failpoint("minted")
        with station.ledger.read() as view:
            return _result(view.batch(self.batch), self.spec)

    def _publish(self, publication: Publication, making: Making) -> None:
        """Under the ledger's write lock: still unique, renamed, booked."""
        station = self.station
        with station.ledger.read() as view:
            judgement, issued = _judged(view, self.spec, self.request)
        change = self._change(making, judgement)
        minted = {row.batch for row in self.minted}

        def guard(view: View) -> None:
            taken = view.batch_by_ref(self.request.ref) if self.request.ref is not None else None
            if taken is not None:
                raise _RefTaken(taken)
            runs = runs_of(station, [row for row in view.batches() if row.batch not in minted])
            met = making.collisions(runs)
            if met or view.issued_total() != issued:
                raise _Meanwhile(met, runs)
            kind, body = encode(change)
            publication.note({"type": kind, "body": body})
            publication.publish()

        try:
            station.ledger.commit(station.author, change, guard=guard)
        except _Meanwhile as other:
            # Redrawn here: it takes long, and the write lock is everybody's.
            if other.serials:
                making.redraw(other.serials, other.runs)
            self._publish(publication, making)

    def _header(self) -> CoreHeader:
        station, spec = self.station, self.spec
        return CoreHeader(
            home=station.config.home_id,
            batch=self.batch,
            symbols=spec.symbols,
            length=spec.length,
            canonical=spec.canonical,
            quantity=self.request.total,
            fingerprint_key_id=fingerprint.key_id(station.fingerprint_key),
            station_key_id=station.key.key_id,
            created=station.now().isoformat(),
        )

    def _change(self, making: Making, judgement: Judgement) -> BatchMinted:
        request, spec = self.request, self.spec
        record = making.parts.record.read_bytes()
        return BatchMinted(
            batch=self.batch,
            quantity=request.total,
            alphabet=spec.symbols,
            length=spec.length,
            canonical=spec.canonical,
            role=making.header.role,
            pair_of=making.header.pair_of,
            product=request.product,
            url=request.url,
            ref=request.ref,
            request_digest=_digest(spec, request),
            entropy_bits=judgement.entropy_bits,
            guess_probability=judgement.guess_probability,
            offline_bits=judgement.offline_bits,
            mint_record_sha256=hashlib.sha256(record).hexdigest(),
        )


def _digest(spec: CodeSpec, request: MintRequest) -> str:
    """What two requests under one ref are compared by."""
    asked = [spec.symbols, spec.length, request.total, request.product, request.url]
    return hashlib.sha256(canonical(asked)).hexdigest()


def _found(row: BatchRow, spec: CodeSpec, request: MintRequest) -> MintResult:
    """The batch minted before. Raises `Refused` where this request is another."""
    if row.request_digest != _digest(spec, request):
        raise Refused(
            f"--ref {row.ref} was used for batch {row.batch}, and this request differs",
            "repeat the very same request, or give a new --ref",
            batch=row.batch,
        )
    return _result(row, spec, repeated=True)


def _result(batch: BatchMinted, spec: CodeSpec, *, repeated: bool = False) -> MintResult:
    return MintResult(
        batch=batch.batch,
        quantity=batch.quantity,
        serials=(Range(1, batch.quantity),),
        alphabet=spec.name,
        length=batch.length,
        entropy_bits=batch.entropy_bits,
        guess_probability=batch.guess_probability,
        offline_bits=batch.offline_bits,
        product=batch.product,
        ref=batch.ref,
        repeated=repeated,
    )
