"""A reel named by the first and the last code scanned off it, in either order.

A scanner reads what is printed, which is mostly an address with the code in it. No code
leaves here: not in a result, not in an error.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ...codegen.errors import NotFound, Refused, UsageError
from ...codegen.ranges.serials import Range
from ...codegen.scanned import Resolved, addresses, resolve
from ...codegen.scans import hints
from ...codegen.scans.framing import Framer, ScanMessage
from ...codegen.scans.reader import ReadingKind, read_all, readings
from ...codegen.scans.settings import PLAIN, ReaderSettings
from ...codegen.station.station import Station

FILE_BYTES = 65_536
READ_BYTES = 4_096
# A file, its bytes, or a function that returns at most n bytes, as soon as there are some,
# and none at the end.
Source = Path | bytes | Callable[[int], bytes]
_PASSED = (ReadingKind.NO_READ, ReadingKind.HEARTBEAT)
_WHICH = ("first", "second")
_SAME = "the same code was read twice, and a reel has two ends"
_SAME_HINT = "scan a code at its other end; a single code: --serials, see mintmark locate -"
_WANTED = "the two scanned codes are wanted, each in a line of its own"
_WANTED_HINT = "the first and the last of the reel, in either order"


class _Pause:
    """Nothing more has come yet."""


def between(
    station: Station, batch: str, codes: tuple[str, str], settings: ReaderSettings = PLAIN
) -> Range:
    """The serials between two scanned codes, both included.

    Raises `NotFound` for a code of no batch here, `Refused` for a code of another batch and a
    text that means two codes, `UsageError` for the same code twice and for no-reads.
    """
    scans = [
        _single(station, text, which, settings) for text, which in zip(codes, _WHICH, strict=True)
    ]
    for scan, which in zip(scans, _WHICH, strict=True):
        if scan.location.batch != batch:
            raise Refused(
                f"the {which} code belongs to batch {scan.location.batch}",
                "name its own batch, or scan the right reel",
            )
    first, last = sorted(scan.location.serial or 0 for scan in scans)
    if first == last:
        raise UsageError(_SAME, _SAME_HINT)
    return Range(first, last)


def _single(station: Station, text: str, which: str, settings: ReaderSettings) -> Resolved:
    """The code that a text of its own holds."""
    known = addresses(station)
    asked = read_all(text, known, settings)
    if not asked:
        raise UsageError(f"the {which} scanned code is empty", "see docs/scanners.md")
    if len(asked) > 1:
        raise UsageError(f"the {which} text holds several codes", *hints.SEVERAL[1:])
    (scan,) = resolve(station, asked, known)
    _check(scan, which)
    return scan


def _check(scan: Resolved, which: str) -> None:
    """Raises for a text that is no code of this home."""
    if scan.code is not None:
        return
    what, hint = scan.explanation or hints.UNKNOWN
    if scan.reading.kind in _PASSED:
        raise UsageError(f"instead of the {which} code there is none: {what}", hint)
    if scan.is_ambiguous:
        raise Refused(f"the {which} code is {what}", hint)
    why = f": {what}" if what != hints.UNKNOWN.what else ""
    raise NotFound(f"the {which} code is no code of this home{why}", hint)


def read_typed(station: Station, text: str, which: str, settings: ReaderSettings = PLAIN) -> str:
    """The code in a text that was typed, without its address. Raises as `between` does."""
    return _single(station, text, which, settings).code or ""


def read_pair(
    station: Station, source: Source, settings: ReaderSettings = PLAIN
) -> tuple[str, str]:
    """The two codes of a source, without their addresses: as soon as both are there.

    A code read again counts once. No-reads and heartbeats are passed over. Raises `NotFound`
    for a text that is no code of this home, as soon as it is there, `Refused` for a text that
    means two, and `UsageError` unless there are two different codes.
    """
    ends: dict[tuple[str | None, int | None], str] = {}
    repeats = no_reads = 0
    for scan in _scans(station, source, settings):
        if isinstance(scan, _Pause):
            if len(ends) >= 2:
                break
            continue
        if scan.reading.kind is ReadingKind.NO_READ:
            no_reads += 1
        elif scan.reading.kind is not ReadingKind.HEARTBEAT:
            _check(scan, _WHICH[min(len(ends), 1)])
            place = scan.location.batch, scan.location.serial
            repeats += place in ends
            ends[place] = scan.code or ""
    if len(ends) == 2:
        first, second = ends.values()
        return first, second
    if len(ends) == 1 and repeats:
        raise UsageError(_SAME, _SAME_HINT)
    told = f"{len(ends)} different codes; " if len(ends) > 2 else ""
    told = f"no-reads: {no_reads}; " if no_reads else told
    raise UsageError(f"{told}{_WANTED}", hints.NO_READ.hint if no_reads else _WANTED_HINT)


def read_one(station: Station, source: Source, which: str, settings: ReaderSettings = PLAIN) -> str:
    """The first code of a source, as soon as it is there. Raises as `read_pair` does."""
    for scan in _scans(station, source, settings):
        if not isinstance(scan, _Pause) and scan.reading.kind not in _PASSED:
            _check(scan, which)
            return scan.code or ""
    raise UsageError(f"no {which} code was read", "- reads a code from a line of stdin")


def _scans(
    station: Station, source: Source, settings: ReaderSettings
) -> "Iterator[Resolved | _Pause]":
    """What was read, as it comes; a pause wherever nothing more is there yet."""
    framer = Framer(settings.terminators)
    if not callable(source):
        data = source if isinstance(source, bytes) else _whole(source)
        yield from _resolved(station, [*framer.feed(_bounded(data)), *framer.finish()], settings)
        return
    while data := source(READ_BYTES):
        yield from _resolved(station, framer.feed(data), settings)
        yield _Pause()
    yield from _resolved(station, framer.finish(), settings)


def _resolved(
    station: Station, messages: Sequence[ScanMessage], settings: ReaderSettings
) -> list[Resolved]:
    if not messages:
        return []
    known = addresses(station)
    return resolve(station, list(readings(messages, known, settings)), known)


def _whole(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(f"no file {path}", "name the file that holds the two codes") from None


def _bounded(data: bytes) -> bytes:
    if len(data) > FILE_BYTES:
        raise UsageError(f"more than {FILE_BYTES:,} bytes: {_WANTED}", _WANTED_HINT)
    return data
