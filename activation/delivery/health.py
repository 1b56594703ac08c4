"""What `doctor` looks at in this house: orders that wait, and the backend."""

from collections.abc import Iterator

from ...codegen.errors import NotFound
from ...codegen.finding import ERROR, OK, WARNING, Finding
from ...codegen.station.older_copy import hints
from ...codegen.station.station import Station
from ..client.connect import backend_url, connected
from ..client.protocol import Away, Client, Declined
from ..orders.orders import ACKNOWLEDGED, QUEUED, REFUSED
from .inquiry import forgets
from .witness import Witness, ask


def orders(station: Station) -> Iterator[Finding]:
    """Orders the backend has not settled, or refused."""
    with station.ledger.read() as view:
        queued = len(view.orders(status=QUEUED, limit=10_000))
        refused = len(view.orders(status=REFUSED, limit=10_000))
    if queued:
        yield Finding(
            WARNING,
            "orders",
            f"{queued} {'order is' if queued == 1 else 'orders are'} queued",
            "mintmark deliver",
        )
    if refused:
        yield Finding(
            WARNING,
            "orders",
            f"the backend refused {refused} order{'s' * (refused != 1)}",
            "see: mintmark orders list --status refused",
        )
    if not queued and not refused:
        yield Finding(OK, "orders", "all orders are acknowledged")


def backend(station: Station) -> Iterator[Finding]:
    """Whether the scan backend answers. If it is away, that is a warning: the line goes on."""
    with connected(station) as client:
        try:
            found = _answer(station, client)
        except NotFound as error:
            if station.config.ledger_url is None:
                raise
            # Of those that share a home, some only mint: the others send the orders.
            what = "not asked: no line has its key at this station"
            yield Finding(OK, "backend", what, "; ".join(error.hints))
            return
        yield found
        if client is not None and found.level is OK:
            yield _newest(station, client)
            yield from _memory(station, client)


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


def _memory(station: Station, client: Client) -> Iterator[Finding]:
    """That the backend does not know an order which it took; nothing if it does."""
    with station.ledger.read() as view:
        order = view.newest_order(None, ACKNOWLEDGED)
        row = view.order(order) if order else None
    try:
        forgotten = forgets(client, row)
    except Away:
        return
    if forgotten and row:
        yield Finding(
            WARNING,
            "backend",
            f"it does not know order {order}, which it took: it forgets orders, or has lost some",
            f"compare: mintmark reconcile {row.batch}; have its team keep every answer by its id",
        )


def _newest(station: Station, client: Client) -> Finding:
    """What the backend says of copies of this home; nothing is booked."""
    said = ask(station, client, book=False)
    if said is Witness.OLDER:
        what = "this home is an older copy: the scan backend was sent a head that is not in it"
        return Finding(ERROR, "backend", what, "; ".join(hints(station)))
    if said in (Witness.NEWEST, Witness.NOTHING):
        return Finding(OK, "backend", "it was sent nothing that this home does not hold")
    why, remedy = "does not offer heads", "have its team add"
    if said is not Witness.NOT_OFFERED:
        why, remedy = "gave no usable answer about heads", "see whether it, or a gateway, stops"
    return Finding(
        WARNING,
        "backend",
        f"it {why}: an older copy of this home would not be noticed",
        f"{remedy} GET /v1/homes/{{home}}/head: docs/activation-api.md",
    )
