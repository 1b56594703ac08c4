"""One carton from scanned codes: from a list of them, or as a reader sends them.

A reader's port stays open: the carton is there with its last code, not at the end of input. No
code leaves here, neither in a result nor in an error.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...codegen.errors import MintmarkError, NotFound, Refused, UsageError
from ...codegen.ranges.aggregation import CodeRef
from ...codegen.scans.framing import Framer
from ...codegen.scans.reader import ReadingKind
from ...codegen.scans.settings import ParentPlace, ReaderSettings
from .assembly import Assembler
from .carton import ABOVE_ALL, Carton, Sighting, telegrams
from .resolving import CodeReader, Sighted

FILE_BYTES = 4_194_304
READ_BYTES = 4_096
# A file, its bytes, or a function that returns at most n bytes, as soon as there are some,
# and none at the end.
Source = Path | bytes | Callable[[int], bytes]


@dataclass(frozen=True)
class WantedCarton:
    """What a carton is to be like. `each`: how many children it has.

    `place`: where its label is read; None: before its children or after them. `parent`: the
    carton itself, if it is known; then no label is read. `partial`: it may have fewer children.
    """

    each: int
    place: ParentPlace | None = None
    parent: CodeRef | None = None
    partial: bool = False


def scanned(
    reader: CodeReader, source: Source, settings: ReaderSettings, wanted: WantedCarton
) -> Carton:
    """The carton that a source holds, as soon as it is complete.

    Raises `Refused` if it is not what was wanted, or more was read with it; `NotFound` if that
    is because of texts that are no code of this home.
    """
    reading = _Reading(wanted)
    for some in _sighted(reader, source, settings):
        for telegram in telegrams(seen.sighting for seen in some):
            reading.feed(telegram)
        # Nothing more has come yet.
        if callable(source) and reading.cartons:
            break
    return reading.result()


def sightings(
    reader: CodeReader, source: Source, settings: ReaderSettings, count: int | None
) -> list[Sighting]:
    """What a source holds: all of it, or as soon as `count` different codes are there."""
    found: list[Sighting] = []
    for some in _sighted(reader, source, settings):
        found += [seen.sighting for seen in some]
        codes = {sighting.code for sighting in found if sighting.code}
        if callable(source) and count is not None and len(codes) >= count:
            break
    return found


def listed(sighted: Sequence[Sighted], wanted: WantedCarton) -> Carton:
    """The carton of codes that somebody collected: in any order, with its label or without.

    Raises as `scanned` does.
    """
    seen = [one.sighting for one in sighted]
    if wanted.parent is None:
        top = max((s.level for s in seen), default=0)
        labels = {s.code for s in seen if s.code and s.level == top > 0}
        if len(labels) == 1:
            seen.sort(key=lambda s: s.code in labels)
        wanted = replace(wanted, place=ParentPlace.LAST)
    reading = _Reading(wanted)
    for sighting in seen:
        reading.feed([sighting])
    return reading.result()


def check(carton: Carton) -> Carton:
    """`carton`, unless it is refused. Raises as `scanned` does."""
    if carton.fault is not None:
        raise refusal(carton)
    return carton


def refusal(carton: Carton) -> MintmarkError:
    """Why a carton is refused, and what a program may want to know of it."""
    parent = carton.parent
    told = f"{parent}: {carton.fault}" if parent else carton.fault or ""
    details = {
        "parent": parent and {"batch": parent.batch, "serial": parent.serial},
        "children_count": len(carton.children),
        "no_reads": list(carton.missing),
        "rejects": rejects(carton),
    }
    if carton.rejects:
        first = carton.rejects[0]
        return NotFound(f"{told}: {first.note}", *filter(None, [first.hint]), **details)
    return Refused(f"{told}; nothing was booked", _hint(carton), **details)


def rejects(carton: Carton) -> list[dict[str, object]]:
    """The texts that were no code of this home: which, and why."""
    return [{"line": seen.line, "note": seen.note, "hint": seen.hint} for seen in carton.rejects]


def _hint(carton: Carton) -> str:
    if carton.missing:
        return "look at the label that was not read, then scan the whole carton again"
    if carton.parent is None:
        return "where the label is read is said by --parent first or last; scan the carton again"
    return "count the carton, and scan it again; one that is not full: --partial"


class _Reading:
    """A carton that is being read: decides where the label stands, if nobody said so."""

    def __init__(self, wanted: WantedCarton) -> None:
        self.cartons: list[Carton] = []
        self._wanted, self._waiting = wanted, list[Sequence[Sighting]]()
        self._assembler = self._of(wanted.place) if wanted.place else None
        if wanted.parent is not None:
            self._assembler = self._of(ParentPlace.FIRST)
            self._assembler.feed(Sighting(ReadingKind.SCAN, wanted.parent, ABOVE_ALL))

    def _of(self, place: ParentPlace) -> Assembler:
        return Assembler(place, self._wanted.each, partial=self._wanted.partial)

    def feed(self, telegram: Sequence[Sighting]) -> None:
        """Take the readings of a message in."""
        if self._assembler is not None:
            self.cartons += self._assembler.read(telegram)
            return
        self._waiting.append(telegram)
        if len({seen.code for some in self._waiting for seen in some if seen.code}) > 1:
            self._decided()

    def _decided(self) -> Assembler:
        """What puts the carton together: the first code that differs shows where the label is."""
        if self._assembler is None:
            levels = [
                max(s.level for s in some if s.code)
                for some in self._waiting
                if any(s.code for s in some)
            ]
            is_first = levels[:1] > levels[-1:]
            self._assembler = self._of(ParentPlace.FIRST if is_first else ParentPlace.LAST)
            for telegram in self._waiting:
                self.cartons += self._assembler.read(telegram)
        return self._assembler

    def result(self) -> Carton:
        """The one carton that was read."""
        rest = self._decided().finish()
        if not self.cartons and not rest:
            raise UsageError(
                "no code was read", "scan the carton's label and what lies in it, or name a file"
            )
        first, *more = [*self.cartons, *rest]
        # Its label read again is no second carton.
        beside = (None, first.parent)
        if first.fault is None and any(c.children or c.parent not in beside for c in more):
            told = f"more was read than the {self._wanted.each:,} children of one carton"
            raise refusal(replace(first, fault=told))
        return check(
            replace(first, rejects=(*first.rejects, *(r for c in more for r in c.rejects)))
        )


def _sighted(
    reader: CodeReader, source: Source, settings: ReaderSettings
) -> Iterator[Iterable[Sighted]]:
    """What was read, as it comes."""
    framer = Framer(settings.terminators)
    if not callable(source):
        data = source if isinstance(source, bytes) else _whole(source)
        if len(data) > FILE_BYTES:
            raise UsageError(f"more than {FILE_BYTES:,} bytes of codes", "give a carton at a time")
        yield reader.of_messages([*framer.feed(data), *framer.finish()])
        return
    while data := source(READ_BYTES):
        yield reader.of_messages(framer.feed(data))
    yield reader.of_messages(framer.finish())


def _whole(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(f"no file {path}", "name the file that holds the codes") from None
