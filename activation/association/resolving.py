"""What people and readers write for cartons and children, as codes of this home."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ranges import notation
from ...codegen.ranges.aggregation import CodeRanges, CodeRef
from ...codegen.ranges.lifecycle import State
from ...codegen.ranges.serials import Range
from ...codegen.scanned import Resolved, addresses, resolve, resolve_ref
from ...codegen.scans.addresses import Addresses
from ...codegen.scans.framing import ScanMessage
from ...codegen.scans.reader import ReadingKind, ScanReading, read_all, readings
from ...codegen.scans.settings import PLAIN, ReaderSettings
from ...codegen.station.station import Station
from .carton import LEVELS, Sighting
from .finding import CodeFinder, FoundCode


@dataclass(frozen=True)
class Sighted:
    """A reading as packing sees it, and the state of the code that it is."""

    sighting: Sighting
    state: State | None = None


class CodeReader:
    """Reads what one reader sends. `settings`: how it sends.

    It keeps what it learned of the home: texts that are not found so are looked for once more, with
    all that is new.
    """

    def __init__(self, station: Station, settings: ReaderSettings = PLAIN) -> None:
        self._station, self.settings = station, settings
        self._finder = CodeFinder(station)
        self._known: Addresses | None = None

    def of_messages(self, messages: Sequence[ScanMessage]) -> list[Sighted]:
        """What each message holds, in turn."""
        if not messages:
            return []
        return self._sighted(lambda known: list(readings(messages, known, self.settings)))

    def of_messages_away(self, messages: Sequence[ScanMessage], why: str) -> list[Sighted]:
        """The same while the books are out of reach: what can be told without them.

        A code that cannot be looked up is none, and `note` says `why`.
        """
        known = self._known or Addresses.of((), ())
        found = []
        for reading in readings(messages, known, self.settings):
            told = self._quickly([reading]) if self._known is not None else None
            seen = Sighting(reading.kind, line=reading.line, place=reading.place, note=why)
            found += told if told is not None else [Sighted(seen)]
        return found

    def of_texts(self, texts: Sequence[str]) -> list[Sighted]:
        """What each text is: each holds one code. Raises `UsageError` for one that holds several.

        `line` of a sighting is its place among the texts, from 1.
        """
        return self._sighted(
            lambda known: [self._one(at, t, known) for at, t in enumerate(texts, 1)]
        )

    def _one(self, at: int, text: str, known: Addresses) -> ScanReading:
        if text.isprintable():
            found = list(readings([ScanMessage(at, text.encode())], known, self.settings))
        else:
            found = read_all(text, known, self.settings)
        if len(found) != 1:
            what = "holds several codes" if found else "is empty"
            raise UsageError(f"code {at:,} {what}", "give each code as a text of its own")
        return replace(found[0], line=at)

    def _sighted(self, read: Callable[[Addresses], list[ScanReading]]) -> list[Sighted]:
        if self._known is not None:
            found = self._quickly(read(self._known))
            if found is not None:
                return found
        self._known = addresses(self._station)
        self._finder.refresh()
        return self._thoroughly(read(self._known), self._known)

    def _quickly(self, asked: Sequence[ScanReading]) -> list[Sighted] | None:
        """What each reading is, if each is plainly one code of ours, or none."""
        passed = (ReadingKind.NO_READ, ReadingKind.HEARTBEAT)
        scans = [reading for reading in asked if reading.kind not in passed]
        if any(len(scan.codes) != 1 or scan.sscc is not None for scan in scans):
            return None
        codes = self._finder.find([scan.codes[0] for scan in scans])
        if codes is None:
            return None
        found = iter(codes)
        return [
            Sighted(Sighting(reading.kind, line=reading.line, place=reading.place))
            if reading.kind in passed
            else _of_found(reading, next(found))
            for reading in asked
        ]

    def _thoroughly(self, asked: Sequence[ScanReading], known: Addresses) -> list[Sighted]:
        found = resolve(self._station, asked, known)
        with self._station.ledger.read() as view:
            of_batch = {row.batch: row.role for row in view.batches()}
        return [_of_resolved(scan, of_batch) for scan in found]


def _of_found(reading: ScanReading, code: FoundCode) -> Sighted:
    level = LEVELS.get(code.role, 0)
    seen = Sighting(reading.kind, code.ref, level, reading.line, reading.place)
    return Sighted(seen, code.state)


def _of_resolved(scan: Resolved, of_batch: Mapping[str, str]) -> Sighted:
    place = scan.location
    role = place.attributes.get("role") or of_batch.get(place.batch or "")
    level = LEVELS.get(str(role), 0)
    read = scan.reading
    seen = Sighting(read.kind, scan.ref, level, read.line, read.place, place.note, place.hint)
    return Sighted(seen, place.state)


def one(code: CodeRef) -> CodeRanges:
    """A code alone."""
    return CodeRanges(code.batch, (Range(code.serial, code.serial),))


def named_parent(station: Station, text: str, settings: ReaderSettings = PLAIN) -> CodeRanges:
    """The carton that `text` names: a code as scanned, `BATCH:SERIAL`, or an SSCC."""
    return one(resolve_ref(station, text, settings))


def named_parents(station: Station, text: str) -> CodeRanges:
    """The cartons that `text` names: `BATCH:SERIALS`, or all of `BATCH`.

    Raises `NotFound` for an unknown batch, `UsageError` for malformed serials.
    """
    name, colon, serials = text.partition(":")
    with station.ledger.read() as view:
        row = view.batch(ids.fold(name))
    if colon and not serials.strip():
        raise UsageError("the parents' serials are missing", "as in BATCH:1-40")
    return CodeRanges(row.batch, notation.parse(serials if colon else "all", row.quantity))
