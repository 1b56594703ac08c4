"""`locate`: any code leads to its batch, serial, package and reel.

What a scanner reads is taken as it comes (`scans/`): an address, an identifier, a frame.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

from .dossier import Dossier, dossiers
from .errors import NotFound, UsageError
from .lookup import CodeLocation, named
from .ranges.aggregation import CodeRef
from .relations import CodeRelations, relations
from .result import Result
from .result import to_json as plain
from .scanned import Resolved, addresses, resolve
from .scans.framing import Framer, ScanMessage
from .scans.reader import ReadingKind, ScanReading, read_all, readings
from .scans.settings import PLAIN, ReaderSettings
from .scans.settings import named as declared
from .station.station import Station

CODES_AT_ONCE = 100_000
TEXT_BYTES = 1_048_576


@dataclass(frozen=True)
class PictureSpot:
    """Where a symbol was seen: file, page from 1, centre in pixels from the upper left corner.

    Without a centre it is the picture itself, in which there is no symbol.
    """

    file: Path
    page: int
    x: int | None = None
    y: int | None = None

    def text(self) -> str:
        """For the beginning of a line of text."""
        page = f", page {self.page}" if self.page > 1 else ""
        return f"{self.file.name}{page}{'' if self.x is None else f' ({self.x}, {self.y})'}"


@dataclass(frozen=True)
class LocatedCode(CodeLocation):
    """The same, what belongs to it, and what else the books tell of it.

    `picture`: where it was seen, if it was read in one.
    """

    belongs: CodeRelations = field(default_factory=CodeRelations)
    dossier: Dossier = field(default_factory=Dossier)
    picture: PictureSpot | None = None

    def text(self) -> str:
        """A line of text; the code itself is not repeated."""
        begin = f"{self.picture.text()}  " if self.picture else ""
        return f"{begin}{super().text()}{self.belongs.text()}{self.dossier.text(self.attributes)}"

    def record(self, known: dict[int, Any]) -> dict[str, Any]:
        """The JSON object: what belongs to the code stands beside what it is.

        `known`: as for `CodeRelations.record`.
        """
        found = {each.name: plain(getattr(self, each.name)) for each in fields(CodeLocation)}
        found |= self.belongs.record(known)
        return found | self.dossier.record() | {"picture": plain(self.picture)}


@dataclass(frozen=True)
class Located(Result):
    """The locations of the codes that were asked for, in their order."""

    reads = True

    places: tuple[LocatedCode, ...]

    def lines(self) -> Iterator[str]:
        """A line per code."""
        return (location.text() for location in self.places)

    def records(self) -> Iterator[dict[str, Any]]:
        """A JSON object per code."""
        known: dict[int, Any] = {}
        return (location.record(known) for location in self.places)

    @property
    def exit_code(self) -> int:
        """4 if no code of ours was among them."""
        return 0 if any(location.batch for location in self.places) else NotFound.exit_code


@dataclass(frozen=True)
class LocatedLive(Result):
    """The locations of the codes that a reader sends, each as soon as it is there.

    `available()` waits until there is text, and returns all that there is; none at the end.
    """

    reads = True

    live: ClassVar[bool] = True
    station: Station
    available: Callable[[], bytes]
    settings: ReaderSettings = PLAIN
    _found: list[bool] = field(default_factory=list, init=False)

    def lines(self) -> Iterator[str]:
        """A line per code."""
        return (location.text() for location in self._locations())

    def records(self) -> Iterator[dict[str, Any]]:
        """A JSON object per code."""
        return (location.record({}) for location in self._locations())

    @property
    def exit_code(self) -> int:
        """4 if no code of ours was among those that came."""
        return 0 if self._found else NotFound.exit_code

    def _locations(self) -> Iterator[LocatedCode]:
        framer = Framer(self.settings.terminators)
        while data := self.available():
            yield from self._answers(framer.feed(data))
        yield from self._answers(framer.finish())

    def _answers(self, messages: Sequence[ScanMessage]) -> Iterator[LocatedCode]:
        if not messages:
            return
        # Anew each time: a batch may be minted while the reader is connected.
        known = addresses(self.station)
        asked = list(readings(messages, known, self.settings))
        for location in _told(self.station, resolve(self.station, asked, known)):
            if location.batch and not self._found:
                self._found.append(True)
            yield location


def locate(
    station: Station, code: str | None, many: bytes | str | None, settings: ReaderSettings = PLAIN
) -> Located:
    """The location of `code`, or those of the codes in the text `many`.

    Raises `NotFound` if `code` is none of ours, `Refused` if it means two codes, `UsageError`
    for several codes in `code`, or too many codes.
    """
    known = addresses(station)
    if many is not None:
        asked = read_all(many, known, settings)
        if len(asked) > CODES_AT_ONCE or len(many) > TEXT_BYTES:
            raise UsageError(
                f"more than {CODES_AT_ONCE:,} codes, or 1 MiB, at once", "ask in several calls"
            )
        return Located(_told(station, resolve(station, asked, known)))
    asked = read_all(code or "", known, settings)
    if len(asked) > 1:
        raise UsageError("several codes as one", "give them on stdin: mintmark locate -")
    (scan,) = resolve(station, asked, known) or (Resolved(_EMPTY, CodeLocation()),)
    scan.require()
    alone = replace(scan, location=replace(scan.location, line=None))
    return Located(_told(station, [alone]))


def reader_settings(station: Station, reader: str | None) -> ReaderSettings:
    """How `reader` sends what it reads, as the home declares it. Raises `UsageError`."""
    return declared(station.config.readers, reader)


def in_pictures(
    station: Station, seen: Sequence[tuple[PictureSpot, bytes]], settings: ReaderSettings = PLAIN
) -> list[LocatedCode]:
    """The location of what each symbol of a picture holds, in their order.

    A symbol holds one text, whatever characters are in it. Of one that is declared to hold
    several codes, `settings` say so, there are as many locations.
    """
    known = addresses(station)
    messages = [ScanMessage(at, content) for at, (_, content) in enumerate(seen, 1)]
    found = _told(station, resolve(station, list(readings(messages, known, settings)), known))
    return [
        replace(place, line=None, picture=seen[place.line - 1][0]) for place in found if place.line
    ]


def named_by(station: Station, refs: Iterable[CodeRef]) -> dict[CodeRef, LocatedCode]:
    """The same of codes that are known already, each once, as far as they are of this home."""
    return _whole(station, named(station, refs))


def _told(station: Station, found: Sequence[Resolved]) -> tuple[LocatedCode, ...]:
    ours = {scan.ref: scan.location for scan in found if scan.ref is not None}
    told = _whole(station, ours)
    return tuple(
        LocatedCode(**vars(scan.location))
        if scan.ref is None
        else replace(told[scan.ref], line=scan.location.line)
        for scan in found
    )


def _whole(station: Station, ours: Mapping[CodeRef, CodeLocation]) -> dict[CodeRef, LocatedCode]:
    """The codes `ours` with all that the books tell of them."""
    if not ours:
        return {}
    with station.ledger.read() as view:
        belongs = relations(view, {ref: place.attributes for ref, place in ours.items()})
        more = dossiers(view, ours, belongs, station.now())
    return {
        ref: LocatedCode(**vars(place), belongs=belongs[ref], dossier=more[ref])
        for ref, place in ours.items()
    }


_EMPTY = ScanReading(1, ReadingKind.REJECT)
