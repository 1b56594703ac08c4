"""Reading the books for whoever watches the market: pages that decide nothing.

They may come from a replica, and are then as of a moment ago (`replicas`).
"""

from datetime import datetime

from ..client import wire
from . import market_pages, scan_ins
from .batch_rows import known
from .limits import BackendLimits
from .replicas import Replicas


class MarketBooks:
    """The pages of a store."""

    limits: BackendLimits
    _replicas: Replicas

    def scan_ins(self, after: int) -> wire.ScanInsPage:
        """The scan-ins after the cursor `after`, as many as a page holds."""
        return self._replicas.read(lambda connection: scan_ins.page(connection, after))

    def unknown(self, after: int, now: datetime) -> wire.UnknownPage:
        """Unknown scans that were first noted after the cursor `after`."""
        since = int(now.timestamp()) - self.limits.unknown_seconds
        return self._replicas.read(
            lambda connection: market_pages.unknown(connection, after, since)
        )

    def refused(self, after: int, now: datetime) -> wire.RefusedPage:
        """Scans of known codes that were refused; those first noted after the cursor."""
        since = int(now.timestamp()) - self.limits.refused_seconds
        return self._replicas.read(
            lambda connection: market_pages.refused(connection, after, since)
        )

    def repeats(self, over: int, after: str | None) -> wire.RepeatsPage:
        """Codes that consumers scanned more than `over` times, after the code `after`."""
        return self._replicas.read(lambda connection: market_pages.repeats(connection, over, after))

    def regions(self, batch: str, after: int) -> wire.RegionsPage:
        """Where codes after serial `after` were scanned. Raises not-found."""
        return self._replicas.read(
            lambda connection: market_pages.regions(connection, known(connection, batch), after)
        )
