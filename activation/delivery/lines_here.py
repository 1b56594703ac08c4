"""Whose orders a station may send: with the key of the line that gave them, or of one of its own.

The backend decides what a key may do, and for most of them each line may send what another gave:
then any station sends any order. One that narrows its lines refuses (`forbidden`) what is signed by
another's key. Such an order is not refused for good: it waits for the station that has the key of
its line, and no other asks again. If that key was revoked, nobody has it any more, and the refusal
stands.

What the backend said is booked by whoever sent the order. A station that may not order could book
it only with the key of the order's own line, so it sends no others.
"""

from ...codegen.errors import NotFound, Refused
from ...codegen.station.station import DEFAULT_LINE, Station
from ..away.desk import is_shared
from ..client.signing import line_keys
from ..orders.due import is_elsewhere


class LinesHere:
    """What is known of lines of other stations. Of a home of its own, every order is sent."""

    def __init__(self, station: Station) -> None:
        self._station = station
        secret = station.config.backend_secret_file
        self._is_shared = is_shared(station)
        self._asks = self._is_shared and secret is None
        self._forbidden: set[str] = set()
        self._may_order: bool | None = None

    def why_not(self, line: str | None) -> str | None:
        """Why this station does not send orders of `line`; None: it tries."""
        if not self._is_shared or self._is_here(line):
            return None
        if self._asks:
            if line in self._forbidden:
                return _told(line)
            try:
                line_keys(self._station)(line)
            except NotFound:
                return "this station has no line's key to send it with"
        return None if self.may_order() else "this station may send only what its lines ordered"

    def may_order(self) -> bool:
        """Whether this station may book what the backend says of any order, and of scan-ins."""
        if self._may_order is None:
            try:
                self._station.require("order")
                self._may_order = True
            except Refused:
                self._may_order = False
        return self._may_order

    def forbid(self, line: str | None) -> str | None:
        """The backend forbade an order of `line`: why it waits, or None if it was refused."""
        name = line or DEFAULT_LINE
        if not self._asks or not is_elsewhere(self._station, name):
            return None
        self._forbidden.add(name)
        return _told(name)

    def _is_here(self, line: str | None) -> bool:
        try:
            self._station.line(line or DEFAULT_LINE)
        except NotFound:
            return False
        return True


def _told(line: str | None) -> str:
    return f"the backend takes it only from the station that has the key of line {line}"
