"""A connection of psycopg's that does not wait for ever: behind a dead network nothing answers."""

from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout


class Patient(psycopg.Connection[Any]):
    """Closed, with an `OperationalError`, when a statement was not answered for `patience`.

    TCP tells of a network that delivers nothing, not of a proxy that takes everything and stands
    still; and PostgreSQL bounds no COMMIT that waits for a standby.
    """

    patience: float | None = None  # seconds
    pooled = False  # others get the connection to the server between two transactions

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401 - psycopg's form
        """Wait for the answer. Raises `psycopg.OperationalError` when it did not come in time."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except _WaitTimeout:
            self.close()
            raise psycopg.OperationalError("no answer") from None
