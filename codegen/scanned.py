"""What a scanned text is in this home: the code that it holds, or why it is no code of ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .lookup import CodeLocation, places
from .scans import hints
from .scans.addresses import Addresses
from .scans.layouts import exchanged
from .scans.reader import ReadingKind, ScanReading
from .station.station import Station

EXPLAINED = 20  # texts at once of which it is tried whether a keyboard exchanged their keys
AMBIGUOUS = hints.Explanation(
    "a text that means two codes of this home",
    "the addresses of two batches overlap: give the bare code, without its address",
)


@dataclass(frozen=True)
class Resolved:
    """A text that was read, and what it is. `code`: what was found, without its address."""

    reading: ScanReading
    location: CodeLocation
    explanation: hints.Explanation | None = None
    code: str | None = field(default=None, repr=False)

    @property
    def is_ambiguous(self) -> bool:
        """Whether the text means several codes of ours."""
        return self.explanation is AMBIGUOUS


def addresses(station: Station) -> Addresses:
    """The addresses that this home's batches and packages were given."""
    with station.ledger.read() as view:
        batches = view.batches()
        templates = {row.url for row in batches if row.url}
        packages = view.packages()
        templates |= {row.template for row in packages if row.template}
        templates |= {row.pair_template for row in packages if row.pair_template}
    return Addresses.of(templates, {row.length for row in batches})


def resolve(station: Station, asked: Sequence[ScanReading], known: Addresses) -> list[Resolved]:
    """What each text is: the code that it holds, or why it is no code of ours."""
    codes = [(at, code) for at, reading in enumerate(asked) for code in reading.codes]
    located: list[dict[tuple[str, int | None], tuple[str, CodeLocation]]] = [{} for _ in asked]
    for (at, code), location in zip(codes, places(station, [c for _, c in codes]), strict=True):
        if location.batch is not None:
            located[at].setdefault((location.batch, location.serial), (code, location))
    resolved = [_resolved(reading, hits) for reading, hits in zip(asked, located, strict=True)]
    return _explained(station, resolved, known)


def _resolved(
    reading: ScanReading, hits: Mapping[tuple[str, int | None], tuple[str, CodeLocation]]
) -> Resolved:
    if len(hits) == 1:
        ((code, location),) = hits.values()
        return Resolved(reading, replace(location, line=reading.line), code=code)
    return Resolved(reading, CodeLocation(line=reading.line), AMBIGUOUS if hits else None)


def _explained(station: Station, resolved: Sequence[Resolved], known: Addresses) -> list[Resolved]:
    """`resolved`, in which what is no code of ours says why."""
    kinds = (ReadingKind.SCAN, ReadingKind.REJECT)
    lost = [r for r in resolved if not r.code and not r.explanation and r.reading.kind in kinds]
    keyboards = _keyboards(station, [scan.reading for scan in lost[:EXPLAINED]], known)
    found = []
    for scan in resolved:
        if not scan.code:
            why = scan.explanation or keyboards.get(id(scan.reading))
            why = why or hints.explain(scan.reading, known)
            location = replace(scan.location, note=why.what, hint=why.hint)
            found.append(replace(scan, location=location, explanation=why))
        else:
            found.append(scan)
    return found


def _keyboards(
    station: Station, lost: Sequence[ScanReading], known: Addresses
) -> dict[int, hints.Explanation]:
    """Ids of readings → the keyboard layout whose keys, exchanged, make a code of ours of it."""
    asked = []
    for reading in lost:
        for layout, text in exchanged(reading.text):
            codes = known.codes(text)
            asked += [(reading, layout, code) for code in codes] if isinstance(codes, tuple) else []
    found = places(station, [code for _, _, code in asked]) if asked else ()
    return {
        id(reading): hints.exchanged_keys(layout)
        for (reading, layout, _), location in zip(asked, found, strict=True)
        if location.batch is not None
    }
