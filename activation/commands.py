"""Commands of this room: range orders, their delivery, the reference backend, the demo.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..codegen.call import Call
from ..codegen.lifecycle import Action, State

if TYPE_CHECKING:
    from ..codegen.result import Result
    from .deliver import DeliverResult
    from .demo import DemoResult
    from .orders import OrderList, OrderResult, OrderShown

BatchArgument = Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")]
OrderArgument = Annotated[str, typer.Argument(help="The order.", metavar="ORDER")]
SerialsOption = Annotated[
    str | None, typer.Option(help="Serials: A-B, A-, A, a comma list, @FILE or all.")
]
UnitOption = Annotated[str | None, typer.Option(help="A unit (reel, box) instead of serials.")]
PackageOption = Annotated[str | None, typer.Option(help="A package instead of serials.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="An attribute, key=value; again for more.")
]
CountOption = Annotated[
    int | None, typer.Option(min=1, help="Refuse unless exactly this many codes would change.")
]
FromOption = Annotated[
    State | None, typer.Option("--from", help="Refuse unless all codes are in this state.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Refuse void serials inside.")]
EffectiveOption = Annotated[
    str | None, typer.Option(help="Valid from: a date or time, in the home's time zone.")
]
ExpiresOption = Annotated[
    str | None, typer.Option(help="Valid until; a bare date includes that day.")
]
ReasonOption = Annotated[
    str | None,
    typer.Option(
        help="Why. To void: misprint, overprint, damaged, lost, stolen, sample, unused, "
        "expired, recalled or other."
    ),
]
LineOption = Annotated[str | None, typer.Option(help="The line whose key signs.")]
OrderOption = Annotated[
    str | None, typer.Option("--order", help="Your own id; the same again changes nothing.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would change.")]


def _range_order(action: Action, summary: str, example: str) -> Callable[..., "OrderResult"]:
    """The command for `action`: all seven differ in their rules, not in their options."""

    def command(
        call: Call,
        batch: BatchArgument,
        serials: SerialsOption = None,
        unit: UnitOption = None,
        package: PackageOption = None,
        attributes: SetOption = None,
        count: CountOption = None,
        from_state: FromOption = None,
        strict: StrictOption = False,
        effective_at: EffectiveOption = None,
        expires_at: ExpiresOption = None,
        reason: ReasonOption = None,
        line: LineOption = None,
        order: OrderOption = None,
        dry_run: DryRunOption = False,
    ) -> "OrderResult":
        from ..codegen import ids
        from ..codegen.attributes import from_options
        from . import times
        from .orders import OrderRequest
        from .place import place_and_deliver

        station = call.station()
        zone = station.config.time_zone
        changes = from_options(attributes or [])
        if effective_at:
            changes["effective_at"] = times.start(effective_at, zone)
        if expires_at:
            changes["expires_at"] = times.end(expires_at, zone)
        request = OrderRequest(
            action=action,
            batch=ids.fold(batch),
            serials=serials,
            unit=unit,
            package=package,
            attributes=changes,
            count=count,
            from_state=from_state,
            strict=strict,
            reason=reason,
            line=line,
            order=order,
            dry_run=dry_run,
        )
        return place_and_deliver(station, request, call.tick)

    command.__doc__ = f"{summary}\n\n\b\nExample:\n  mintmark {action.value} {example}"
    return command


def deliver(call: Call) -> "DeliverResult":
    """Send the queued orders to the scan backend.

    \b
    Example:
      mintmark deliver
    """
    from .connect import connect
    from .deliver import deliver as send

    station = call.station()
    return send(station, connect(station), tick=call.tick)


def orders_list(
    call: Call,
    batch: Annotated[str | None, typer.Option(help="Of this batch only.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only queued, acknowledged, refused or cancelled ones.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")] = 1_000,
) -> "OrderList":
    """List range orders, oldest first.

    \b
    Example:
      mintmark orders list --status queued
    """
    from ..codegen import ids
    from .orders import OrderList, OrderShown, check_status

    with call.station().ledger.read() as view:
        batch = view.batch(ids.fold(batch)).batch if batch else None
        rows = view.orders(batch=batch, status=check_status(status), limit=limit)
        return OrderList(tuple(OrderShown.of(row) for row in rows))


def orders_show(call: Call, order: OrderArgument) -> "OrderShown":
    """Show one order and what the backend said.

    \b
    Example:
      mintmark orders show K7QM-3T9A2BCD
    """
    from .orders import show

    return show(call.station(), order)


def orders_cancel(call: Call, order: OrderArgument) -> "OrderShown":
    """Cancel a queued order that was never sent; what it booked is undone by another order.

    \b
    Example:
      mintmark orders cancel K7QM-3T9A2BCD
    """
    from .orders import cancel

    return cancel(call.station(), order)


def backend_serve(
    call: Call,
    data: Annotated[Path, typer.Option(help="The backend's own folder.", metavar="DIR")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8470,
    no_trust_home: Annotated[
        bool, typer.Option("--no-trust-home", help="Do not take the local home's keys.")
    ] = False,
    fingerprint_key: Annotated[
        Path | None,
        typer.Option(help="The fingerprint key, where the home is not trusted.", metavar="F"),
    ] = None,
) -> "Result":
    """Serve the reference scan backend until it is stopped.

    \b
    Example:
      mintmark backend serve --data ./backend
    """
    from .local import serve

    return serve(
        call, data, host, port, trust_home=not no_trust_home, fingerprint_key=fingerprint_key
    )


def demo(
    call: Call,
    out: Annotated[Path, typer.Option(help="The folder for what it makes.", metavar="DIR")] = Path(
        "demo-out"
    ),
) -> "DemoResult":
    """Go the whole way of a code on this machine: mint, package, activate, scan.

    \b
    Example:
      mintmark demo --out demo-out
    """
    from .demo import demo as show

    return show(out, call.say)


COMMANDS = (
    (
        "activate",
        _range_order(
            Action.ACTIVATE,
            "Bring printed codes to life.",
            "K7QM-3T9A2BCD --serials 1-10000 --set lot=L42",
        ),
    ),
    (
        "freeze",
        _range_order(Action.FREEZE, "Stop codes for a while.", "K7QM-3T9A2BCD --serials 1-10000"),
    ),
    (
        "unfreeze",
        _range_order(
            Action.UNFREEZE,
            "Let frozen codes go on as before.",
            "K7QM-3T9A2BCD --serials 1-10000",
        ),
    ),
    (
        "revoke",
        _range_order(Action.REVOKE, "Take an activation back.", "K7QM-3T9A2BCD --serials 1-10000"),
    ),
    (
        "void",
        _range_order(
            Action.VOID,
            "End codes that will never be used; active ones only with --count.",
            "K7QM-3T9A2BCD --serials 501-520 --reason misprint",
        ),
    ),
    (
        "unvoid",
        _range_order(
            Action.UNVOID,
            "Correct a void by mistake; the codes come back inactive.",
            "K7QM-3T9A2BCD --serials 501-520",
        ),
    ),
    (
        "assign",
        _range_order(
            Action.ASSIGN,
            "Give attributes to codes in any state.",
            "K7QM-3T9A2BCD --serials all --set region=Hunan",
        ),
    ),
    ("deliver", deliver),
    ("orders list", orders_list),
    ("orders show", orders_show),
    ("orders cancel", orders_cancel),
    ("backend serve", backend_serve),
    ("demo", demo),
)
