"""The code in a printed symbol, found by the recorded payload templates and fingerprints."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...codegen import lookup
from ...codegen.codes.spec import canonicalise
from ...codegen.codes.template import BARE, split
from ...codegen.ledger.view import View
from ...codegen.ranges.lifecycle import State
from ...codegen.station.station import Station
from ..formats.dummy import serial_of
from .find_symbols import FoundSymbol

# What may be a code at the end of an unknown address.
_TAIL = re.compile(r"[0-9A-Za-z\-._~]{4,64}\Z", re.ASCII)


class Read(NamedTuple):
    """A symbol that was read, and the books on its code; `picture` is an index."""

    picture: int
    symbol: FoundSymbol
    package: str | None
    batch: str | None
    test: bool
    unit: str | None
    serial: int
    void: bool
    other_address: bool

    @property
    def group(self) -> tuple[str, str, bool]:
        """Batch and package, and whether it is a dummy: symbols alike in these belong together."""
        return self.batch or "", self.package or "", self.test


class Known:
    """The recorded payload templates of packages and batches."""

    def __init__(self, view: View) -> None:
        self._of_package = {row.package: row.template for row in view.packages() if row.template}
        self._of_batch = {row.batch: row.url or BARE for row in view.batches()}
        self._rules = {row.batch: row.canonical for row in view.batches()}
        known = {*self._of_package.values(), *self._of_batch.values()}
        self._templates = sorted(known, key=lambda template: (template == BARE, template))

    def find(self, station: Station, read: Sequence[tuple[int, FoundSymbol]]) -> list[Read | None]:
        """The code of each symbol; None if it holds no code of this home."""
        guesses = [
            (at, template, code)
            for at, (_, symbol) in enumerate(read)
            for template, code in self._guesses(symbol.content or b"")
        ]
        found: list[Read | None] = [None] * len(read)
        located = lookup.places(station, [code for _, _, code in guesses])
        for (at, template, code), location in zip(guesses, located, strict=True):
            item = self._read(read[at], template, code, location)
            # A guess with the right address is preferred.
            best = found[at]
            if item and (best is None or (best.other_address and not item.other_address)):
                found[at] = item
        return found

    def _guesses(self, content: bytes) -> Iterator[tuple[str | None, str]]:
        """The (template, code) pairs that make the payload; without a template its last word."""
        text = content.decode("ascii", "replace")
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
        found: lookup.CodeLocation,
    ) -> Read | None:
        if found.batch is None or found.serial is None:
            return self._dummy(seen, template, code)
        due = self._of_package.get(found.package or "", self._of_batch[found.batch])
        # The books forgive case and blanks, as a person types; a press must copy exactly.
        copied = canonicalise(self._rules[found.batch], code) == code
        return Read(
            *seen,
            package=found.package,
            batch=found.batch,
            test=False,
            unit=found.unit,
            serial=found.serial,
            void=found.state is State.VOID,
            other_address=template != due or not copied,
        )

    def _dummy(self, seen: tuple[int, FoundSymbol], template: str | None, code: str) -> Read | None:
        serial = serial_of(code) if template is not None and code.isascii() else None
        if serial is None:
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
