"""Codes of this home, found quickly while a line runs: what does not change is kept in between.

Asked are the batches that were hit last, and no more once every code is found: a code is in one
batch. What is not found here is looked for as `locate` does, with all that is new.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...codegen.away import OutOfReach
from ...codegen.codes.fingerprint import SIZE, fingerprint
from ...codegen.codes.spec import canonicalise
from ...codegen.ledger.records import BatchRow
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRef
from ...codegen.ranges.attributes import to_json
from ...codegen.ranges.lifecycle import State
from ...codegen.station.station import Station


@dataclass(frozen=True)
class FoundCode:
    """A code of this home: its state, and its role, that of its range before that of its batch.

    `state` is None if the books are out of reach: then the role is that of its batch.
    """

    ref: CodeRef
    state: State | None
    role: str


class CodeFinder:
    """Finds codes; `refresh` once there may be new batches."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._batches: dict[str, BatchRow] = {}  # those hit last come first

    def refresh(self) -> None:
        """Read which batches there are."""
        with self._station.ledger.read() as view:
            rows = {row.batch: row for row in view.batches()}
        known = [batch for batch in self._batches if batch in rows]
        self._batches = {batch: rows[batch] for batch in (*known, *rows)}

    def find(self, codes: Sequence[str]) -> list[FoundCode] | None:
        """What each code is; None if one of them was not found."""
        refs = self._refs(codes)
        if len(refs) < len(codes):
            return None
        try:
            standing = self._standing(refs.values())
        except OutOfReach:
            # What lies in what can be written down all the same, and is judged when it is booked.
            standing = {ref: self._by_batch(ref) for ref in refs.values()}
        return [standing[refs[at]] for at in range(len(codes))]

    def _by_batch(self, ref: CodeRef) -> FoundCode:
        return FoundCode(ref, None, self._batches[ref.batch].role)

    def _refs(self, codes: Sequence[str]) -> dict[int, CodeRef]:
        found: dict[int, CodeRef] = {}
        marks: dict[str, list[bytes]] = {}
        keys = self._station.station_keys
        hit: list[str] = []
        for batch, row in self._batches.items():
            if len(found) == len(codes):
                break
            if row.canonical not in marks:
                marks[row.canonical] = [self._mark(row.canonical, code) for code in codes]
            wanted = [at for at in range(len(codes)) if at not in found]
            asked = b"".join(marks[row.canonical][at] for at in wanted)
            hits = self._station.vault.find(batch, asked, keys)
            found |= {wanted[place]: CodeRef(batch, serial) for place, serial in hits}
            hit += [batch] if hits else []
        self._batches = {batch: self._batches[batch] for batch in (*hit, *self._batches)}
        return found

    def _mark(self, rule: str, code: str) -> bytes:
        try:
            return fingerprint(
                canonicalise(rule, code).encode("ascii"), self._station.fingerprint_key
            )
        except ValueError:
            return bytes(SIZE)  # which no code has

    def _standing(self, refs: Iterable[CodeRef]) -> dict[CodeRef, FoundCode]:
        of_batch: dict[str, list[int]] = {}
        for ref in refs:
            of_batch.setdefault(ref.batch, []).append(ref.serial)
        found = {}
        with self._station.ledger.read() as view:
            for batch, numbers in of_batch.items():
                for tile in view.select(batch, serials.of(numbers)):
                    role = to_json(tile.value.attributes).get("role") or self._batches[batch].role
                    for serial in range(tile.serials.first, tile.serials.last + 1):
                        ref = CodeRef(batch, serial)
                        found[ref] = FoundCode(ref, tile.value.state, str(role))
        return found
