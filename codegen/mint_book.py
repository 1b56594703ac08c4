"""Step 6 of `mint`: a batch that is made becomes unique, is published and booked.

Of a home in one folder (`_in_folder`), all under the ledger's write lock:

6.1 the guard looks whether another process booked the ref, a run that shares a code, or any other
    code, which makes each code easier to guess, or may have taken the SSCCs;
6.2 the intent notes the event, and the files are renamed;
6.3 the event is booked.

Of a home that stations share (`_in_store`), of which only 6.4 holds the lock, for nobody waits for
a network there:

6.1 the runs booked since are fetched and compared; what meets them is drawn again;
6.2 the files become objects of the store, each under a fresh key; two of them were sent while they
    were made (`sealed.early`);
6.3 the intent notes the event: from here on the files are complete;
6.4 under the lock the guard looks whether the ref was booked, or any batch that was not compared,
    and whether the objects are too old to be there for sure; the batch and its objects are booked
    in one commit;
6.5 the run is kept in the cache, and the other files are removed.

If 6.1, or here 6.4, finds another mint, the codes that meet it are redrawn outside the lock, and
the step begins again. It ends: each return follows a mint that another process booked since this
one last looked, and after `ROUNDS` of them it gives up.

| a crash of a shared home's mint | leaves | and `recover` |
| --- | --- | --- |
| in 6.1 or 6.2 | an intent, hidden files, some objects that nobody names | removes the files |
| in 6.3, in 6.4 before the commit | the same, with a note | compares, stores and books the batch |
| in 6.4, its answer lost | the same; the batch is booked or not | finds out under the lock |
| in 6.5 | the intent of a batch that is booked | removes the files |

Objects that nobody names are removed by `doctor --repair` once they are a day old.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from . import mint_sscc
from .away import CommitUnknown, OutOfReach
from .codes.spec import CodeSpec, Judgement
from .errors import EnvironmentFailure
from .history import runs_of
from .ledger.chain import encode
from .ledger.changes import BatchMinted, Stored, StoredObject
from .ledger.records import BatchRow
from .ledger.view import View
from .mint_request import MintRequest, digest, judged
from .progress import Progress
from .recover import has_batch
from .sealed.early import EarlyUploads
from .sealed.make import Making
from .sealed.runs import PrefixSource
from .station.publish import Publication
from .station.station import Station
from .stored import is_fresh, keep, store_parts

ROUNDS = 100


class RefTaken(Exception):
    """Another process minted under the same ref meanwhile: `row`."""

    def __init__(self, row: BatchRow) -> None:
        super().__init__("ref taken")
        self.row = row


class _OtherMint(Exception):
    """Another process minted, or the step took too long: it is done again.

    `serials` meet a code of its `runs`, or more codes are issued.
    """

    def __init__(self, serials: Sequence[int] = (), runs: Sequence[PrefixSource] = ()) -> None:
        super().__init__("another mint")
        self.serials = serials
        self.runs = runs


@dataclass
class Booking:
    """What step 6 is about. `minted`: the batches that it was made unique against."""

    station: Station
    request: MintRequest
    spec: CodeSpec
    minted: tuple[BatchRow, ...]
    batch: str
    progress: Progress
    early: EarlyUploads | None = None
    booked: bool | None = False  # None: only the ledger knows
    _compared: dict[str, BatchRow] = field(init=False)
    _since: list[PrefixSource] = field(init=False, default_factory=list)
    _began: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.station.ledger.clock()
        self._compared = {row.batch: row for row in self.minted}

    def publish(self, publication: Publication, making: Making) -> None:
        """Step 6, until no other mint came first. Raises `EnvironmentFailure` after `ROUNDS`."""
        book = self._in_store() if self.station.vault.is_shared else self._in_folder
        for _ in range(ROUNDS):
            try:
                book(publication, making)
            except _OtherMint as other:
                # Not under the write lock, for which every process waits: it takes long.
                if other.serials:
                    publication.unnote()
                    making.redraw(other.serials, other.runs)
            else:
                return
        raise EnvironmentFailure(
            f"{ROUNDS} other mints of this home were booked before this one could be",
            "let them end, then repeat the command; nothing was changed",
        )

    def ended(self) -> bool:
        """Whether the batch is booked. Raises `LedgerAway` if nobody can be asked."""
        return has_batch(self.station, self.batch) if self.booked is None else self.booked

    def _in_folder(self, publication: Publication, making: Making) -> None:
        """Steps 6.1 to 6.3. Raises `_OtherMint`, `RefTaken`; nothing is renamed or booked then."""
        station = self.station
        change, issued = self._change(making)

        def guard(view: View) -> None:  # 6.1
            self._refuse_taken(view)
            runs = runs_of(station, self._others(view))
            shared = making.collisions(runs)
            # With the number of codes the SSCCs are unchanged, too.
            if shared or view.issued_total() != issued:
                raise _OtherMint(shared, runs)

        def prepare() -> None:  # 6.2
            _note(publication, change)
            publication.publish()

        self.booked = None
        station.ledger.commit(station.author, change, guard=guard, prepare=prepare)  # 6.3

    def _in_store(self) -> Callable[[Publication, Making], None]:
        """The same of a home that stations share; what it returns remembers what it stored."""
        station, early, began = self.station, self.early, self._began
        stored: tuple[StoredObject, ...] = ()

        def book(publication: Publication, making: Making) -> None:
            nonlocal stored, early, began
            if self._compare(making, publication) or not self._is_fresh(began):  # 6.1
                # What was sent so far does not count.
                stored, early, began = (), None, station.ledger.clock()
            stored = stored or store_parts(  # 6.2
                station, self.batch, making.parts, self.progress, early, making.record
            )
            self._commit(publication, making, stored, began)
            keep(self.station, self.batch, making.parts)  # 6.5

        return book

    def _compare(self, making: Making, publication: Publication) -> bool:
        """Compare with every batch booked since; whether codes were drawn again."""
        station, drawn = self.station, False
        while True:
            with station.ledger.read() as view:
                self._refuse_taken(view)
                others = self._others(view)
            if not others:
                station.failpoint("compared")
                return drawn
            runs = runs_of(station, others)
            self._since += runs
            self._compared |= {row.batch: row for row in others}
            serials = making.collisions(runs)
            if serials:
                # Not while a note says that the files are complete.
                publication.unnote()
                making.redraw(serials, self._since)
                self._since.clear()
                drawn = True

    def _commit(
        self,
        publication: Publication,
        making: Making,
        stored: tuple[StoredObject, ...],
        began: datetime,
    ) -> None:
        station = self.station
        change, issued = self._change(making)
        _note(publication, change)  # 6.3

        def guard(view: View) -> None:
            self._refuse_taken(view)
            late = not is_fresh(station, view, began)
            if late or self._others(view) or view.issued_total() != issued:
                raise _OtherMint

        objects = Stored(self.batch, stored)
        self.booked = None
        try:
            station.ledger.commit(station.author, change, objects, guard=guard)  # 6.4
        except CommitUnknown:
            raise
        except OutOfReach:
            self.booked = False  # or the books would have to be asked for it
            raise
        self.booked = True
        station.failpoint("booked")

    def _is_fresh(self, began: datetime) -> bool:
        with self.station.ledger.read() as view:
            return is_fresh(self.station, view, began)

    def _refuse_taken(self, view: View) -> None:
        ref = self.request.ref
        taken = view.batch_by_ref(ref) if ref is not None else None
        if taken is not None:
            raise RefTaken(taken)

    def _others(self, view: View) -> list[BatchRow]:
        return [row for row in view.batches() if row.batch not in self._compared]

    def _change(self, making: Making) -> tuple[BatchMinted, int]:
        """What is booked, and how many codes were issued when that was settled."""
        with self.station.ledger.read() as view:
            judgement, issued = judged(view, self.request, self.spec)
            return self._minted(making, judgement, self._first_sscc(view)), issued

    def _first_sscc(self, view: View) -> int | None:
        asked = self.request.sscc
        batches = view.batches() if asked else ()
        return mint_sscc.first_of(asked, self.request.total, batches) if asked else None

    def _minted(self, making: Making, judgement: Judgement, first_sscc: int | None) -> BatchMinted:
        request, spec, asked = self.request, self.spec, self.request.sscc
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
            request_digest=digest(request, spec),
            entropy_bits=judgement.entropy_bits,
            guess_probability=judgement.guess_probability,
            offline_bits=judgement.offline_bits,
            mint_record_sha256=hashlib.sha256(record).hexdigest(),
            sscc_prefix=asked.prefix if asked else None,
            sscc_extension=asked.extension if asked else None,
            sscc_first=first_sscc,
        )


def _note(publication: Publication, change: BatchMinted) -> None:
    kind, body = encode(change)
    publication.note({"type": kind, "body": body})
