"""Whose code a printed symbol holds: by the payload templates on record and fingerprints."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...codegen import locate
from ...codegen.codes.template import BARE, split
from ...codegen.ledger.view import View
from ...codegen.ranges.lifecycle import State
from ...codegen.ranges.serials import Range
from ...codegen.station.station import Station
from ..formats.dummy import all_dummies
from .find_symbols import FoundSymbol

# What may be a code at the end of an address that is none of ours.
_TAIL = re.compile(r"[0-9A-Za-z\-._~]{4,64}\Z", re.ASCII)
_DUMMY = re.compile(r"(?:TEST)?0*([1-9][0-9]{0,8})", re.ASCII)


class Read(NamedTuple):
    """A symbol that was read, and what its code is; `unit` may be unknown."""

    picture: int
    mark: FoundSymbol
    package: str | None
    batch: str | None
    test: bool
    unit: str | None
    serial: int
    void: bool
    other_address: bool

    @property
    def group(self) -> tuple[str, str, bool]:
        """Batch and package, and whether it is a dummy: what sorts with what."""
        return self.batch or "", self.package or "", self.test


class Known:
    """The payload templates on record, and whose they are."""

    def __init__(self, view: View) -> None:
        self._of_package = {row.package: row.template for row in view.packages() if row.template}
        self._of_batch = {row.batch: row.url or BARE for row in view.batches()}
        known = {*self._of_package.values(), *self._of_batch.values()}
        self._templates = sorted(known, key=lambda template: (template == BARE, template))

    def find(self, station: Station, read: Sequence[tuple[int, FoundSymbol]]) -> list[Read | None]:
        """What each symbol is; None for one that holds no code of this home."""
        guesses = [
            (at, template, code)
            for at, (_, mark) in enumerate(read)
            for template, code in self._guesses(mark.says or b"")
        ]
        found: list[Read | None] = [None] * len(read)
        places = locate.places(station, [code for _, _, code in guesses])
        for (at, template, code), place in zip(guesses, places, strict=True):
            item = self._read(read[at], template, code, place)
            # The right address rather than another one.
            best = found[at]
            if item and (best is None or (best.other_address and not item.other_address)):
                found[at] = item
        return found

    def _guesses(self, says: bytes) -> Iterator[tuple[str | None, str]]:
        """(template, code) that a payload may be made of; without a template its last word."""
        text = says.decode("ascii", "replace")
        for template in self._templates:
            prefix, suffix = split(template)
            if text.startswith(prefix) and text.endswith(suffix):
                yield template, text[len(prefix) : len(text) - len(suffix)]
        if last := _TAIL.search(text):
            yield None, last[0]

    def _read(
        self,
        seen: tuple[int, FoundSymbol],
        template: str | None,
        code: str,
        place: locate.CodeLocation,
    ) -> Read | None:
        if place.batch is None or place.serial is None:
            return self._dummy(seen, template, code)
        due = self._of_package.get(place.package or "", self._of_batch[place.batch])
        return Read(
            *seen,
            package=place.package,
            batch=place.batch,
            test=False,
            unit=place.unit,
            serial=place.serial,
            void=place.state is State.VOID,
            other_address=template != due,
        )

    def _dummy(self, seen: tuple[int, FoundSymbol], template: str | None, code: str) -> Read | None:
        number = _DUMMY.fullmatch(code)
        if template is None or number is None:
            return None
        serial = int(number[1])
        if not all_dummies(Range(serial, serial), code.encode("ascii"), len(code)):
            return None
        batches = [batch for batch, url in self._of_batch.items() if url == template]
        batch = batches[0] if len(batches) == 1 else None
        return Read(
            *seen,
            package=None,
            batch=batch,
            test=True,
            unit=None,
            serial=serial,
            void=False,
            other_address=False,
        )
