"""The activation room's part of `doctor`: orders that wait, and the backend."""

from collections.abc import Iterator

from ..codegen.doctor import OK, WARNING, Finding
from ..codegen.station.station import Station
from .api import Away, Declined
from .connect import backend_url, connect
from .orders import QUEUED, REFUSED


def orders(station: Station) -> Iterator[Finding]:
    """Orders the backend has not settled, or refused."""
    with station.ledger.read() as view:
        queued = len(view.orders(status=QUEUED, limit=10_000))
        refused = len(view.orders(status=REFUSED, limit=10_000))
    if queued:
        yield Finding(WARNING, "orders", f"{queued} orders are queued", "mintmark deliver")
    if refused:
        yield Finding(
            WARNING,
            "orders",
            f"the backend refused {refused} orders",
            "see: mintmark orders list --status refused",
        )
    if not queued and not refused:
        yield Finding(OK, "orders", "all orders are acknowledged")


def backend(station: Station) -> Iterator[Finding]:
    """Whether the scan backend answers; one that is away is a warning: the line goes on."""
    client = connect(station)
    if client is None:
        yield Finding(
            WARNING,
            "backend",
            "none is configured: orders queue",
            "set [backend] url in mintmark.toml, or run: mintmark backend serve --data DIR",
        )
        return
    try:
        client.health()
    except (Away, Declined) as error:
        yield Finding(WARNING, "backend", f"{backend_url(station)}: {error.message}")
    else:
        yield Finding(OK, "backend", f"{backend_url(station)} answers")
