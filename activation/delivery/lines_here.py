"""Whose orders a station may send: with the key of the line that gave them, or of one of its own.

The backend decides what a key may do, and for most of them each line may send what another gave:
then any station sends any order. One that narrows its lines refuses (`forbidden`) what is signed by
another's key. Such an order is not refused for good: it waits for the station that has the key of
its line, and no other asks again. If that key was revoked, nobody has it any more, and the refusal
stands.
"""

from ...codegen.errors import NotFound
from ...codegen.station.station import DEFAULT_LINE, Station
from ..away.desk import is_shared
from ..client.signing import line_keys


class LinesHere:
    """What is known of lines of other stations. Of a home of its own, every order is sent."""

    def __init__(self, station: Station) -> None:
        self._station = station
        secret = station.config.backend_secret_file
        self._asks = is_shared(station) and secret is None
        self._forbidden: set[str] = set()

    def why_not(self, line: str | None) -> str | None:
        """Why this station does not send orders of `line`; None: it tries."""
        if not self._asks:
            return None
        if line in self._forbidden and not self._is_here(line):
            return _told(line)
        try:
            line_keys(self._station)(line)
        except NotFound:
            return "this station has no line's key to send it with"
        return None

    def forbid(self, line: str | None) -> str | None:
        """The backend forbade an order of `line`: why it waits, or None if it was refused."""
        name = line or DEFAULT_LINE
        if not self._asks or self._is_here(line) or not self._is_elsewhere(name):
            return None
        self._forbidden.add(name)
        return _told(name)

    def _is_here(self, line: str | None) -> bool:
        try:
            self._station.line(line or DEFAULT_LINE)
        except NotFound:
            return False
        return True

    def _is_elsewhere(self, line: str) -> bool:
        with self._station.ledger.read() as view:
            return any(row.name == line and not row.revoked for row in view.roster("line"))


def _told(line: str | None) -> str:
    return f"the backend takes it only from the station that has the key of line {line}"
