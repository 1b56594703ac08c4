"""Commands of this house: keys for backends, delivery, orders as booked, reconciliation, the demo.

Those that take orders in come from `intake/`.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..codegen.invocation import Invocation
from .intake.commands import INTAKE
from .intake.packing_commands import PACKING
from .intake.range_commands import RANGE_ORDERS
from .orders.commands import SerialsOption, WhereOption

if TYPE_CHECKING:
    from ..codegen.roster import LinesExported
    from .away.answers import ShownHere
    from .away.listing import WaitingHere
    from .delivery.deliver_result import DeliverResult
    from .demo import DemoResult
    from .orders.booked import OrderList, OrderShown
    from .orders.find import CodesFound
    from .reconcile.result import Reconciled

BatchArgument = Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")]
OrderArgument = Annotated[str, typer.Argument(help="The order.", metavar="ORDER")]


def deliver(
    invocation: Invocation,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until stopped: a service.")] = False,
    json_logs: Annotated[
        bool, typer.Option("--json-logs", help="With --watch: JSON lines on stderr.")
    ] = False,
    health_file: Annotated[
        Path | None,
        typer.Option(help="With --watch: a JSON file that shows how it does.", metavar="F"),
    ] = None,
) -> "DeliverResult":
    """Send the queued orders to the scan backend.

    \b
    Example:
      mintmark deliver
    """
    from .client.connect import check_backend, connected
    from .delivery.deliver import deliver as send

    invocation.outside_home("--health-file", health_file)
    station = invocation.station()
    if not watch:
        with connected(station) as client:
            return send(station, client, progress=invocation.progress, notify=invocation.notify)
    from .delivery.service import HealthFile, Service
    from .delivery.service_log import service_log
    from .delivery.stopping import Stop, on_signals

    check_backend(station)
    with on_signals(Stop()) as stop:
        return Service(
            station=station,
            connect=lambda: connected(station),
            wait=stop.wait,
            stopped=stop,
            log=service_log(invocation, as_json=json_logs),
            health=HealthFile(health_file, station.now()),
        ).run()


def find(
    invocation: Invocation,
    batch: Annotated[
        str | None, typer.Argument(help="The batch; all if none.", metavar="BATCH")
    ] = None,
    where: WhereOption = None,
    serials: SerialsOption = None,
    after: Annotated[
        str | None, typer.Option(help="Ranges after this code.", metavar="BATCH:SERIAL")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Ranges to show at most.")] = 100,
) -> "CodesFound":
    """Find codes by conditions: how many, in which states.

    \b
    Example:
      mintmark find --where lot=L42 --where 'state in packaged,active'
    """
    from .orders.find import FindRequest
    from .orders.find import find as search

    asked = FindRequest(tuple(where or ()), batch, serials, after, limit)
    return search(invocation.station(), asked)


def orders_list(
    invocation: Invocation,
    batch: Annotated[str | None, typer.Option(help="Of this batch only.")] = None,
    status: Annotated[
        str | None,
        typer.Option(help="Only queued, acknowledged, refused, cancelled or scheduled orders."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")] = 1_000,
) -> "OrderList | ShownHere":
    """List range orders, oldest first.

    \b
    Example:
      mintmark orders list --status queued
    """
    from ..codegen import ids
    from .away.reading import listed_here
    from .orders.listing import check_status

    check_status(status)
    return listed_here(invocation.station(), ids.fold(batch) if batch else None, status, limit)


def orders_show(invocation: Invocation, order: OrderArgument) -> "OrderShown | ShownHere":
    """Show an order and what the backend said.

    \b
    Example:
      mintmark orders show K7QM-3T9A2BCD
    """
    from .away.reading import shown

    return shown(invocation.station(), order)


def orders_away(
    invocation: Invocation,
    discard: Annotated[
        str | None,
        typer.Option(
            help="Settle a refused one, by its order id; or go on without a damaged one, by its"
            " number.",
            metavar="ORDER",
        ),
    ] = None,
) -> "WaitingHere":
    """Show the orders that wait here for the ledger.

    What was refused when it was booked stays here until it is discarded.

    \b
    Example:
      mintmark orders away
    """
    from .away.listing import discard as settle
    from .away.listing import waiting_here

    station = invocation.station()
    return waiting_here(station) if discard is None else settle(station, discard)


def orders_cancel(invocation: Invocation, order: OrderArgument) -> "OrderShown":
    """Cancel an order that was never sent.

    It is queued, or waits for its time. What a queued one changed here is undone by the opposite
    order; a waiting one changed nothing.

    \b
    Example:
      mintmark orders cancel K7QM-3T9A2BCD
    """
    from .away.desk import COMMAND, AwayDesk
    from .orders.listing import cancel

    station = invocation.station()
    AwayDesk(station, COMMAND, invocation.notify).drain()
    return cancel(station, order)


def reconcile(
    invocation: Invocation,
    batch: BatchArgument,
    apply: Annotated[
        bool, typer.Option("--apply", help="Send the orders that correct the backend.")
    ] = False,
) -> "Reconciled":
    """Compare ledger and scan backend, range by range.

    States, attributes, fingerprints, what codes lie in, and the orders in doubt: refused, and
    perhaps applied before. The orders that would correct the backend are shown, and sent only
    with --apply, which also ends a doubt once both sides agree.

    \b
    Example:
      mintmark reconcile K7QM-3T9A2BCD
    """
    from ..codegen import ids
    from .client.connect import connected
    from .reconcile.reconcile import reconcile as compare

    station = invocation.station()
    with connected(station) as client:
        invocation.require_newest(station)
        return compare(station, client, ids.fold(batch), apply=apply, progress=invocation.progress)


def demo(
    invocation: Invocation,
    out: Annotated[Path, typer.Option(help="The folder for what it makes.", metavar="DIR")] = Path(
        "demo-out"
    ),
) -> "DemoResult":
    """Go the whole way of a code on this machine.

    It mints, packages, activates and scans, and leaves everything to be looked at.

    \b
    Example:
      mintmark demo --out demo-out
    """
    from .demo import demo as show

    invocation.outside_home("--out", out)
    return show(out, invocation.notify)


def key_export(
    invocation: Invocation,
    backend: Annotated[
        Path | None,
        typer.Option(
            help="A new folder instead: these keys, the fingerprint key, vectors, what to do.",
            metavar="DIR",
        ),
    ] = None,
) -> "LinesExported":
    """Write the lines' public keys for a scan backend.

    As TOML: the backend's operator narrows down what each line may do. With --backend, all
    that a backend's team needs, in one folder; the fingerprint key in it is secret.

    \b
    Example:
      mintmark key export > lines.toml
      mintmark key export --backend handover
    """
    if backend is None:
        from ..codegen.roster import export

        return export(invocation.station())
    from .handover.export import export_folder

    return export_folder(invocation, backend)


COMMANDS = (
    ("key export", key_export),
    *RANGE_ORDERS,
    ("deliver", deliver),
    ("find", find),
    ("orders list", orders_list),
    ("orders show", orders_show),
    ("orders away", orders_away),
    ("orders cancel", orders_cancel),
    *PACKING,
    *INTAKE,
    ("reconcile", reconcile),
    ("demo", demo),
)
