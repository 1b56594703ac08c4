"""`mint`: draw, fingerprint, seal, make unique, publish, book.

Its steps:

1. Refuse a station that may not mint, settle what crashes left (`recover`), and refuse an older
   copy of the home.
2. Take the quantity of the partner, if there is one, and check the request. If the ref is booked
   already, return that batch.
3. Refuse an address that phones take for no link, codes that are too easy to guess, SSCCs
   that another batch has, and a disk that is too small.
4. Put together the runs of earlier batches, if there are many (`history.gather`).
5. Record the intent, then draw, fingerprint and seal into hidden files, and redraw what
   meets an earlier run (`sealed.make`).
6. Publish the files and book the batch, so that two mints never share a code or an SSCC
   (`mint_book`, which has a table of its own for homes that stations share).
7. Drop the intent.

| a crash | leaves | and `recover` |
| --- | --- | --- |
| in 4 | hidden files of a prefix filter | removes them |
| in 5 or 6, before the note | an intent and hidden files | removes them |
| in 6, after the note | a complete batch, in part hidden | renames and books it |
| in 7 | the intent of a batch that is booked | removes the intent |

Role and partner stand in the signed header, and with the SSCCs in the event that 6.2 notes: what
is adopted has all three. SSCCs of a batch that is removed or put into quarantine are given again:
none of them was ever printed.
"""

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import mint_sscc
from .codes import fingerprint
from .codes.spec import CodeSpec
from .errors import EnvironmentFailure
from .files import hidden
from .history import gather, known
from .ledger.records import BatchRow
from .mint_book import Booking, RefTaken
from .mint_request import MintRequest, cautions, check, judged, paired, same_role
from .mint_result import MintResult, found, result_of
from .progress import Progress
from .recover import recover
from .sealed.header import CoreHeader
from .sealed.make import CodeMap, make
from .sealed.runs import PREFIX_BITS
from .sealed.sorter import SortMap
from .station.older_copy import refuse_older
from .station.station import Station
from .workers.pool import MAX_WORKERS, WorkerKind, Workers, cores

# Codes: below, starting processes takes longer than they save.
INLINE_BELOW = 200_000
EARLY_FROM = 200_000  # likewise for sending parts of a batch while they are made
SORTERS = 4
DRAWERS = 4  # threads: two already draw as fast as the parent seals and hashes
# Fingerprints, runs and the sort's spill: what a code needs of the disk besides itself.
BYTES_PER_CODE = 16 + 12 + 12


def mint(  # noqa: PLR0913 - all a mint depends on
    station: Station,
    request: MintRequest,
    progress: Progress,
    notify: Callable[[str], None],
    prefix_bits: int = PREFIX_BITS,
    *,
    workers: int | None = None,
) -> MintResult:
    """Mint a batch, or find the batch minted before under the same `ref`.

    `workers` threads or processes draw codes; None: as many as pay. `prefix_bits` of a
    fingerprint are compared. Raises `UsageError` for a malformed spec or a URL that is no link,
    `Refused` if the codes would be too easy to guess or the ref stands for another request,
    `IntegrityError` if the home is an older copy, `OSError` if a file cannot be written,
    `EnvironmentFailure` if a worker died or other mints keep coming first.
    After each of them nothing is left.
    """
    spec = CodeSpec.of(request.alphabet, request.length)
    station.require("mint")  # 1
    for sentence in recover(station):
        notify(sentence)
    refuse_older(station)
    with station.ledger.read() as view:  # 2
        request = paired(view, request)
        check(request)
        earlier = view.batch_by_ref(request.ref) if request.ref is not None else None
        if earlier is not None:
            return found(earlier, spec, request)
        minted = view.batches()
        about_codes = cautions(request, spec)  # 3
        judgement, _ = judged(view, request, spec)
        if request.sscc is not None:
            mint_sscc.refuse_unknown(view, request.sscc)
            mint_sscc.first_of(request.sscc, request.total, minted)
    for warning in (*judgement.warnings, *about_codes, *same_role(request, minted)):
        notify(f"warning: {warning}")
    _check_space(station.home, request)
    batch = _Batch(station, request, spec, minted, prefix_bits, station.new_id())
    generators = generators_for(request.total, spec.length, workers)
    try:
        # Each thread holds a part of the run, some sixty megabytes.
        with Workers(WorkerKind.THREADS, min(cores(), SORTERS)) as threads, generators:
            gather(station, minted, progress, threads.map)  # 4
            return batch.mint(progress, generators.map, threads.map)
    except RefTaken as taken:
        return found(taken.row, spec, request)


def generators_for(quantity: int, length: int, workers: int | None) -> Workers:
    """Workers for `quantity` codes: more than one if that pays, or if they are asked for.

    Where fingerprints are compiled, threads share the work: almost all of it is done without the
    interpreter's lock. Else processes do, since the loop over the codes holds it.
    """
    if workers == 1 or (workers is None and (quantity < INLINE_BELOW or cores() == 1)):
        return Workers(WorkerKind.INLINE)
    if fingerprint.prepare(quantity, length):
        return Workers(WorkerKind.THREADS, workers or min(cores(), DRAWERS))
    return Workers(WorkerKind.PROCESSES, workers or min(cores(), MAX_WORKERS))


def _check_space(home: Path, request: MintRequest) -> None:
    needed = request.total * (request.length + BYTES_PER_CODE)
    free = shutil.disk_usage(home).free
    if free < needed:
        raise EnvironmentFailure(
            f"the disk has {free:,} bytes free, and this batch needs {needed:,}",
            "free some space, or mint a smaller batch",
        )


@dataclass(frozen=True)
class _Batch:
    """What the steps of a mint share. `minted`: the batches that it is made unique against."""

    station: Station
    request: MintRequest
    spec: CodeSpec
    minted: tuple[BatchRow, ...]
    prefix_bits: int
    batch: str

    def mint(self, progress: Progress, code_map: CodeMap, sort_map: SortMap) -> MintResult:
        """Steps 5 to 7: make the files, publish them, book the batch."""
        station, files = self.station, self.station.vault.parts(self.batch)
        shared = station.vault.shared
        early = shared.early(self.batch) if shared and self.request.total >= EARLY_FROM else None
        told = (self.batch, progress, early)
        booking = Booking(station, self.request, self.spec, self.minted, *told)
        siblings = type(files)(*map(hidden, files))
        earlier = known(station, self.minted)
        with (  # 5; 7 as it ends
            station.intents.begin(
                "mint", self.batch, files, committed=booking.ended
            ) as publication,
            early or contextlib.nullcontext(),
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
                sort_map=sort_map,
                early=early,
            ) as making,
        ):
            station.failpoint("made")
            booking.publish(publication, making)  # 6
        station.failpoint("minted")
        with station.ledger.read() as view:
            return result_of(view.batch(self.batch), self.spec)

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
            role=self.request.role,
            pair_of=self.request.pair_of,
            station_key_id=station.key.key_id,
            created=station.now().isoformat(),
        )
