"""What a backend must hold before it can take an order: the batch, and fingerprints."""

from ...codegen.progress import Progress
from ...codegen.ranges import serials
from ...codegen.ranges.serials import Ranges
from ...codegen.station.station import Station
from ..client import wire
from ..client.protocol import Client
from .api_objects import batch_of


class Uploads:
    """Registers batches, each once, and uploads fingerprints. Repeating either is harmless."""

    def __init__(
        self, station: Station, client: Client, progress: Progress = lambda *_: None
    ) -> None:
        self._station, self._client, self._progress = station, client, progress
        self._registered: set[str] = set()

    def register(self, batch: str, line: str | None = None) -> None:
        """Make `batch` known to the backend, signing as `line`; once per process."""
        if batch not in self._registered:
            self._client.as_line(line).register(batch_of(self._station, batch))
            self._registered.add(batch)

    def presume(self, batch: str) -> None:
        """Take `batch` for registered: the backend took an order of it before.

        If it was set up anew since, it says that it knows no such batch: see `forget`.
        """
        self._registered.add(batch)

    def forget(self, batch: str) -> bool:
        """Register again from now on; whether `batch` had been registered."""
        known = batch in self._registered
        # A backend that has lost one batch was set up anew: it has lost all of them.
        if known:
            self._registered.clear()
        return known

    def upload(self, batch: str, ranges: Ranges, line: str | None = None) -> None:
        """Send the fingerprints of `ranges` to the backend.

        Raises `NotFound` if the configuration names a line for uploads that has no key here:
        signed by any other line, the order would be refused for good.
        """
        station = self._station
        if (uploader := station.config.upload_line) is not None:
            station.line(uploader)
            line = uploader
        client, total, done = self._client.as_line(line), serials.count(ranges), 0
        for piece in ranges:
            for first, data in station.vault.fingerprints(batch, piece, station.station_keys):
                client.upload(batch, first, data)
                done += len(data) // wire.FINGERPRINT_BYTES
                self._progress("fingerprints", done, total)
