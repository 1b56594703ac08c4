"""What a `View` tells of things that change no code: scheduled orders, scan-ins, labels read."""

from datetime import datetime

from . import _events, _outbox, _scan_ins, _schedules, _sql, _tables, _verified
from ._linked import LinkedView
from .chain import Event
from .records import OrderRow, ScanInRow, ScheduledRow, VerifiedRow
from .server import DatabaseServer, look


class FactsView(LinkedView):
    """The part of `View` about orders of later, scan-ins read back, and labels that were read."""

    # --- orders of later ---

    def scheduled_order(self, order: str) -> ScheduledRow | None:
        """The scheduled order of that id, however it ended, or None."""
        return _schedules.find(self.connection, order)

    def scheduled(
        self, status: str | None = None, limit: int = 100, *, batch: str | None = None
    ) -> tuple[ScheduledRow, ...]:
        """Scheduled orders by their time; those that name `batch`, or all.

        `status`: waiting, booked, cancelled, refused. Raises `NotFound` for an unknown batch.
        """
        if batch is not None:
            _sql.batch_row(self.connection, batch)
        return _schedules.listed(self.connection, batch, status, limit)

    def waiting_for_time(self, batch: str | None = None) -> int:
        """How many scheduled orders wait for their time; those that name `batch`, or all."""
        return _schedules.count_waiting(self.connection, batch)

    def scheduled_due(self, now: datetime, limit: int = 100) -> tuple[ScheduledRow, ...]:
        """The waiting orders whose time has come at `now`, the earliest first."""
        return _schedules.due(self.connection, now, limit)

    # --- scan-ins ---

    def newest_scan_in(self) -> ScanInRow | None:
        """The scan-in that was read back last; its number need not be the highest."""
        return _scan_ins.newest(self.connection)

    def has_scan_in(self, scan_in: str) -> bool:
        """Whether the scan-in of that id was read back."""
        return _scan_ins.known(self.connection, scan_in)

    def scan_ins(self, after: int = 0, limit: int = 1000) -> tuple[ScanInRow, ...]:
        """Scan-ins read back, with a number above `after`, by number."""
        return _scan_ins.listed(self.connection, after, limit)

    def dealer_orders(self, since: datetime) -> tuple[OrderRow, ...]:
        """Orders of ranges that set or took a dealer: queued, or acknowledged at `since` or later.

        They come to the backend after what was scanned in there before `since`.
        """
        return _outbox.giving_dealers(self.connection, since)

    # --- the database ---

    def server(self) -> DatabaseServer | None:
        """What the server of a shared ledger says of itself; None for a file."""
        return look(self.connection)

    # --- labels that were read ---

    def verified(self, package: str) -> tuple[VerifiedRow, ...]:
        """What was read of a package's labels, oldest first. Raises `NotFound`."""
        _sql.find(
            self.connection, _tables.packages, "package", package, "see: mintmark package list"
        )
        return _verified.listed(self.connection, package)

    # --- who signed ---

    def last_of(self, key_id: str) -> Event | None:
        """The last event that the key signed, if there is one."""
        return _events.last_by(self.connection, key_id)
