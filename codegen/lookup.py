"""Codes are looked up by their fingerprints, in every batch of the home; nothing is unsealed."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .codes.fingerprint import SIZE, fingerprint
from .codes.spec import canonicalise
from .ledger.records import BatchRow
from .ledger.view import View
from .ranges import windows
from .ranges.aggregation import CodeRef
from .ranges.attributes import Value, to_json
from .ranges.lifecycle import Standing, State
from .secret import Secret
from .station.station import Station

AT_ONCE = 8  # batches of a store


@dataclass(frozen=True)
class CodeLocation:
    """What a code belongs to. `batch` is None for a text that is no code of ours.

    `line`: the number of the text's line. `note` and `hint`: why it is no code of ours, and
    what to do about it.
    """

    batch: str | None = None
    serial: int | None = None
    state: State | None = None
    package: str | None = None
    unit: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    line: int | None = None
    note: str | None = None
    hint: str | None = None

    def text(self) -> str:
        """A line of text; the code itself is not repeated."""
        begin = f"line {self.line}  " if self.line else ""
        if self.batch is None or self.state is None:
            why = f": {self.note}" if self.note else ""
            return f"{begin}no code of ours{why}{f'; {self.hint}' if self.hint else ''}"
        reel = f"  package {self.package}" if self.package else ""
        reel += f"  unit {self.unit}" if self.unit else ""
        extra = "".join(
            f"  {key}={windows.describe(key, value)}" for key, value in self.attributes.items()
        )
        return f"{begin}batch {self.batch}  serial {self.serial}  {self.state.value}{reel}{extra}"


@dataclass(frozen=True)
class Found:
    """A code of ours: its standing, and its unit if it was packaged."""

    batch: str
    serial: int
    standing: Standing
    unit: str | None


def places(station: Station, codes: Sequence[str]) -> tuple[CodeLocation, ...]:
    """The location of each code, as it was read; without a batch if it is no code of ours."""
    marks: dict[str, bytes] = {}

    def marks_of(rule: str) -> bytes:
        if rule not in marks:
            marks[rule] = _marks(rule, codes, station.fingerprint_key)
        return marks[rule]

    found = _find(station, marks_of)
    return tuple(
        _location(found[at]) if at in found else CodeLocation() for at in range(len(codes))
    )


def named(station: Station, refs: Iterable[CodeRef]) -> dict[CodeRef, CodeLocation]:
    """The location of each of `refs` that is in this home."""
    with station.ledger.read() as view:
        sizes = {row.batch: row.quantity for row in view.batches()}
        there = {ref for ref in refs if 1 <= ref.serial <= sizes.get(ref.batch, 0)}
        return {ref: _location(found) for ref, found in standing(view, there).items()}


def standing(view: View, refs: Iterable[CodeRef]) -> dict[CodeRef, Found]:
    """What stands of each of `refs`, which are in the books, batch by batch."""
    of_batch: defaultdict[str, set[int]] = defaultdict(set)
    for ref in refs:
        of_batch[ref.batch].add(ref.serial)
    return {
        CodeRef(batch, serial): Found(batch, serial, standing, unit)
        for batch, serials in of_batch.items()
        for serial, standing, unit in view.places(batch, sorted(serials))
    }


def of_fingerprints(station: Station, fingerprints: Sequence[bytes]) -> tuple[Found | None, ...]:
    """The code of each 16-byte fingerprint; None if it is no code of ours."""
    marks = b"".join(fingerprints)
    found = _find(station, lambda _: marks)
    return tuple(found.get(at) for at in range(len(fingerprints)))


def _find(station: Station, marks: Callable[[str], bytes]) -> dict[int, Found]:
    """Position → the code found. `marks(rule)`: the fingerprints under a canonical rule."""
    found: dict[int, Found] = {}
    with station.ledger.read() as view:
        rows = view.batches()
        for row, hits in zip(rows, _hits(station, rows, marks), strict=True):
            serials = sorted({serial for _, serial in hits})
            here = {
                serial: Found(row.batch, serial, standing, unit)
                for serial, standing, unit in view.places(row.batch, serials)
            }
            found.update((at, here[serial]) for at, serial in hits)
    return found


def _hits(
    station: Station, rows: Sequence[BatchRow], marks: Callable[[str], bytes]
) -> Iterable[list[tuple[int, int]]]:
    """(position, serial) of what each batch has; a store is asked about some batches at a time."""
    vault, keys = station.vault, station.station_keys
    asked = [(row.batch, marks(row.canonical)) for row in rows]
    if vault.shared is None:
        return (vault.find(batch, wanted, keys) for batch, wanted in asked)
    for batch, _ in asked:
        vault.shared.know(batch)  # here: the ledger's view is this thread's
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda each: vault.find(each[0], each[1], keys), asked))


def _marks(rule: str, codes: Sequence[str], key: Secret) -> bytes:
    """The codes' fingerprints; zeros, which no code has, for what can't be a code."""
    return b"".join(_mark(rule, code, key) for code in codes)


def _mark(rule: str, code: str, key: Secret) -> bytes:
    try:
        return fingerprint(canonicalise(rule, code).encode("ascii"), key)
    except ValueError:
        return bytes(SIZE)


def _location(found: Found) -> CodeLocation:
    return CodeLocation(
        batch=found.batch,
        serial=found.serial,
        state=found.standing.state,
        package=found.standing.package,
        unit=found.unit,
        attributes=to_json(found.standing.attributes),
    )
