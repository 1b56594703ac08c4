"""From the ledger's first event to the last: the text of an EPCIS document, bit by bit."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...codegen.ledger.chain import Event
from ...codegen.ledger.view import View
from . import document
from .document import Names, TellingStyle
from .links import Links
from .steps import EpcisStep, Replay

_PAGE = 1_000  # events of the ledger at once


@dataclass(frozen=True)
class Wanted:
    """What was booked after event `after`, of one `batch` or of all."""

    batch: str | None = None
    after: int = 0


WHOLE = Wanted()


class Telling:
    """Tells what is wanted of it, and counts what it told.

    All events are read, also those that are not told: whether a code was an item before, and what
    lay in what, follows from them. `links` is empty.
    """

    def __init__(
        self, view: View, names: Names, links: Links, style: TellingStyle, wanted: Wanted = WHOLE
    ) -> None:
        self._view, self._names, self._style, self._wanted = view, names, style, wanted
        self._replay = Replay(links, lambda order: view.order(order).skipped)
        self.events = self.names = 0

    def text(self, home: str, created: datetime) -> Iterator[bytes]:
        """The whole document, in UTF-8."""
        _, head = self._view.head()
        yield document.opening(home, head, created.astimezone(self._style.zone)).encode()
        after = 0
        while page := self._view.events(after, _PAGE):
            for event in page:
                yield from map(self._one, self._told(event))
            after = page[-1].seq
        yield document.CLOSING.encode()

    def _told(self, event: Event) -> Iterator[dict[str, Any]]:
        told = 0
        for step in self._replay.steps(event):
            if event.seq > self._wanted.after and self._is_wanted(step):
                for found in document.events(step, event.hash, told, self._style, self._names):
                    told += 1
                    yield found

    def _one(self, event: dict[str, Any]) -> bytes:
        comma = "," if self.events else ""
        self.events += 1
        self.names += len(event.get("epcList") or event["childEPCs"])
        return f"{comma}\n{json.dumps(event, ensure_ascii=False)}".encode()

    def _is_wanted(self, step: EpcisStep) -> bool:
        named = {part.batch for part in step.things}
        named |= {step.parent.batch} if step.parent else set()
        return self._wanted.batch is None or self._wanted.batch in named
