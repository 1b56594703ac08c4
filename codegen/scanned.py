"""What a scanned or typed text is in this home: the code that it names, or why it names none.

Three kinds of text name a code: its own address or symbols, `BATCH:SERIAL`, and the SSCC that a
pallet or carton was minted with. One that means two codes is taken for neither.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from . import ids, sscc
from .errors import NotFound, Refused, UsageError
from .lookup import CodeLocation, named, places
from .mint_sscc import block_of
from .ranges.aggregation import CodeRef
from .scans import hints
from .scans.addresses import Addresses
from .scans.cleaning import bare, folded
from .scans.element_string import sscc_in
from .scans.layouts import exchanged
from .scans.reader import ReadingKind, ScanReading, read_all
from .scans.settings import PLAIN, ReaderSettings
from .station.station import Station

EXPLAINED = 20  # texts at once of which it is tried what else they may be
AMBIGUOUS = hints.Explanation(
    "a text that means two codes of this home",
    "the addresses of two batches overlap, or a code looks like an SSCC: give the bare code "
    "without its address, or BATCH:SERIAL",
)
NO_SUCH = hints.Explanation(
    "no code of this home has that batch and serial", "see the batches: mintmark batch list"
)
_WORD = re.compile(r"[0-9A-Za-z\-._~]+", re.ASCII)  # what may be a code in an address
_WORDS = 8  # of a text, the last
_LAST = "~"  # sorts after every batch's id
_REF = re.compile(r"([0-9A-Z]{4}-[0-9A-Z]{8}) ?: ?([0-9]{1,9})", re.ASCII | re.IGNORECASE)


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

    @property
    def ref(self) -> CodeRef | None:
        """The code that the text names, if it names one of ours."""
        batch, serial = self.location.batch, self.location.serial
        return None if batch is None or serial is None else CodeRef(batch, serial)

    def require(self) -> CodeRef:
        """The same. Raises `Refused` for a text that names two, `NotFound` if it names none."""
        if self.ref is not None:
            return self.ref
        what, hint = self.explanation or hints.UNKNOWN
        if self.is_ambiguous:
            raise Refused(f"that is {what}", hint)
        why = f": {what}" if what != hints.UNKNOWN.what else ""
        raise NotFound(f"that is no code of this home{why}", hint)


def addresses(station: Station) -> Addresses:
    """The addresses that this home's batches and packages were given."""
    with station.ledger.read() as view:
        batches = view.batches()
        templates = {row.url for row in batches if row.url}
        packages = view.packages()
        templates |= {row.template for row in packages if row.template}
        templates |= {row.pair_template for row in packages if row.pair_template}
    return Addresses.of(templates, {row.length for row in batches})


def names_no_code(text: str) -> bool:
    """Whether `text` names a carton without being a code: `BATCH:SERIAL`, or an SSCC. Pure."""
    inner, is_gs1 = bare(folded(text), PLAIN)
    return bool(_REF.fullmatch(inner)) or sscc_in(inner, is_gs1=is_gs1) is not None


def resolve_ref(station: Station, text: str, settings: ReaderSettings = PLAIN) -> CodeRef:
    """The code that `text` names. `resolve` is for many texts.

    Raises `NotFound` if it is none of ours, `Refused` if it means two codes, `UsageError` if it
    is empty or holds several.
    """
    known = addresses(station)
    asked = read_all(text, known, settings)
    if len(asked) != 1:
        what = "several codes as one" if asked else "an empty text names no code"
        raise UsageError(what, "give one code as it is scanned, BATCH:SERIAL, or an SSCC")
    (scan,) = resolve(station, asked, known)
    return scan.require()


def resolve(station: Station, asked: Sequence[ScanReading], known: Addresses) -> list[Resolved]:
    """What each text is: the code that it names, or why it is no code of ours."""
    codes = [(at, code) for at, reading in enumerate(asked) for code in reading.codes]
    located: list[dict[CodeRef, tuple[str, CodeLocation]]] = [{} for _ in asked]
    for (at, code), location in zip(codes, places(station, [c for _, c in codes]), strict=True):
        if location.batch is not None and location.serial is not None:
            ref = CodeRef(location.batch, location.serial)
            located[at].setdefault(ref, (code, location))
    refs = _named(station, asked)
    found = named(station, refs.values()) if refs else {}
    for at, ref in refs.items():
        if ref in found:
            located[at].setdefault(ref, (asked[at].sscc or str(ref), found[ref]))
    resolved = [_resolved(reading, hits) for reading, hits in zip(asked, located, strict=True)]
    return _explained(station, resolved, known)


def _named(station: Station, asked: Sequence[ScanReading]) -> dict[int, CodeRef]:
    """Position → the code that the text names as `BATCH:SERIAL`, or by an SSCC of this home."""
    found = {}
    numbers = {}
    for at, reading in enumerate(asked):
        if typed := _REF.fullmatch(reading.text):
            found[at] = CodeRef(ids.fold(typed[1]), int(typed[2]))
        elif reading.sscc and sscc.is_sscc(reading.sscc):
            numbers[at] = sscc.number_of(reading.sscc)
    if numbers:
        with station.ledger.read() as view:
            blocks = sorted(
                (sscc.number_of(block.first_sscc), row.batch)
                for row in view.batches()
                if (block := block_of(row)) is not None
            )
        for at, number in numbers.items():
            place = bisect_right(blocks, (number, _LAST)) - 1
            if place >= 0:
                first, batch = blocks[place]
                # Behind its end: a serial that the batch does not have.
                found[at] = CodeRef(batch, number - first + 1)
    return found


def _resolved(reading: ScanReading, hits: Mapping[CodeRef, tuple[str, CodeLocation]]) -> Resolved:
    if len(hits) == 1:
        ((code, location),) = hits.values()
        return Resolved(reading, replace(location, line=reading.line), code=code)
    return Resolved(reading, CodeLocation(line=reading.line), AMBIGUOUS if hits else None)


def _explained(station: Station, resolved: Sequence[Resolved], known: Addresses) -> list[Resolved]:
    """`resolved`, in which what is no code of ours says why."""
    kinds = (ReadingKind.SCAN, ReadingKind.REJECT)
    lost = [r for r in resolved if not r.code and not r.explanation and r.reading.kind in kinds]
    some = [scan.reading for scan in lost[:EXPLAINED]]
    tried = _keyboards(station, some, known) | _elsewhere(station, some, known)
    found = []
    for scan in resolved:
        if not scan.code:
            why = scan.explanation or tried.get(id(scan.reading))
            why = why or (NO_SUCH if _REF.fullmatch(scan.reading.text) else None)
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


def _elsewhere(
    station: Station, lost: Sequence[ScanReading], known: Addresses
) -> dict[int, hints.Explanation]:
    """Ids of readings → which code of ours stands in an address that is not ours."""
    asked = [
        (reading, word)
        for reading in lost
        if hints.explain(reading, known) is hints.ELSEWHERE
        for word in _WORD.findall(reading.text)[-_WORDS:]
    ]
    places_of = places(station, [word for _, word in asked]) if asked else ()
    found: defaultdict[int, set[CodeRef]] = defaultdict(set)
    for (reading, _), location in zip(asked, places_of, strict=True):
        if location.batch is not None and location.serial is not None:
            found[id(reading)].add(CodeRef(location.batch, location.serial))
    return {which: hints.elsewhere(str(*refs)) for which, refs in found.items() if len(refs) == 1}
