"""What `doctor` looks at in this house: orders that wait, and the backend."""

from collections.abc import Iterator

from ...codegen.finding import OK, WARNING, Finding
from ...codegen.station.station import Station
from ..client.connect import backend_url, connected
from ..client.protocol import Away, Client, Declined
from ..orders.orders import QUEUED, REFUSED


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
    """Whether the scan backend answers. If it is away, that is a warning: the line goes on."""
    with connected(station) as client:
        yield _answer(station, client)


def _answer(station: Station, client: Client | None) -> Finding:
    if client is None:
        return Finding(
            WARNING,
            "backend",
            "none is configured: orders queue",
            "set [backend] url in mintmark.toml, or run: mintmark backend serve --data DIR",
        )
    try:
        client.health()
    except (Away, Declined) as error:
        return Finding(WARNING, "backend", f"{backend_url(station)}: {error.message}")
    return Finding(OK, "backend", f"{backend_url(station)} answers")
