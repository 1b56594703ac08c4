"""Commands of this room: range orders, their delivery, the reference backend, the demo.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..codegen.invocation import Invocation
from ..codegen.ranges.lifecycle import Action, State

if TYPE_CHECKING:
    from ..codegen.result import Result
    from ..codegen.station.station import Station
    from .delivery.deliver import DeliverResult
    from .demo import DemoResult
    from .intake.apply import AppliedFile
    from .intake.hot_folder import Watched
    from .intake.line import LineEnded
    from .orders.orders import OrderList, OrderRequest, OrderResult, OrderShown
    from .reconcile.result import Reconciled

BatchArgument = Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")]
OrderArgument = Annotated[str, typer.Argument(help="The order.", metavar="ORDER")]
SerialsOption = Annotated[
    str | None,
    typer.Option(help="Serials: A-B, A-, A, a comma list, @FILE or all.", metavar="SERIALS"),
]
UnitOption = Annotated[
    str | None, typer.Option(help="A unit (reel, box) instead of serials.", metavar="UNIT")
]
PackageOption = Annotated[
    str | None, typer.Option(help="A package instead of serials.", metavar="PACKAGE")
]
FromCodeOption = Annotated[
    str | None,
    typer.Option(help="A scanned code at one end of a reel; - reads it from stdin.", metavar="C"),
]
ToCodeOption = Annotated[
    str | None,
    typer.Option(help="The scanned code at its other end; - reads it from stdin.", metavar="C"),
]
CodesOption = Annotated[
    Path | None,
    typer.Option("--codes", help="A file with these two codes, a line each; or -.", metavar="F"),
]
ToleranceOption = Annotated[
    int | None, typer.Option(min=0, help="By how many the codes may differ from --count.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="An attribute, key=value; again for more.", metavar="K=V"),
]
CountOption = Annotated[
    int | None,
    typer.Option(min=1, help="Refuse unless exactly this many codes would change.", metavar="N"),
]
FromOption = Annotated[
    State | None,
    typer.Option(
        "--from",
        help="Refuse unless all are in this state: sealed, packaged, active, frozen, void.",
        metavar="STATE",
    ),
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Refuse void serials inside.")]
EffectiveOption = Annotated[
    str | None,
    typer.Option(help="Valid from: a date or time, in the home's time zone.", metavar="TIME"),
]
ExpiresOption = Annotated[
    str | None, typer.Option(help="Valid until; a bare date includes that day.", metavar="TIME")
]
ReasonOption = Annotated[
    str | None,
    typer.Option(
        help="Why. To void: misprint, overprint, damaged, lost, stolen, sample, unused, "
        "expired, recalled or other."
    ),
]
LineOption = Annotated[str | None, typer.Option(help="The line whose key signs.", metavar="LINE")]
OrderOption = Annotated[
    str | None,
    typer.Option("--order", help="Your own id; the same again changes nothing.", metavar="ID"),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would change.")]


def _request(
    station: "Station",
    action: Action,
    batch: str,
    options: "dict[str, Any]",
) -> "OrderRequest":
    """The order that a command's options ask for."""
    from ..codegen import ids
    from ..codegen.ranges.attributes import from_options
    from .orders import typed_times
    from .orders.orders import OrderRequest

    zone = station.config.time_zone
    changes = from_options(options.pop("attributes") or [])
    effective_at, expires_at = options.pop("effective_at"), options.pop("expires_at")
    if effective_at:
        changes["effective_at"] = typed_times.start(effective_at, zone)
    if expires_at:
        changes["expires_at"] = typed_times.end(expires_at, zone)
    return OrderRequest(action=action, batch=ids.fold(batch), attributes=changes, **options)


def _scanned(
    from_code: str | None, to_code: str | None, codes: Path | None
) -> tuple[str, str] | None:
    """The two scanned codes: typed, or from a file or stdin, which no history keeps."""
    from ..codegen.errors import UsageError
    from .orders import by_code

    typed = (from_code, to_code)
    if codes is not None:
        if any(typed):
            raise UsageError("--codes goes without --from-code and --to-code", "give one or both")
        return by_code.read_pair(None, _stdin()) if str(codes) == "-" else by_code.read_pair(codes)
    if not any(typed):
        return None
    read = iter(by_code.lines(_stdin()) if "-" in typed else ())
    both = [next(read, None) if code == "-" else code for code in typed]
    if not all(both):
        raise UsageError(
            "--from-code and --to-code are given together", "- reads a code from a line of stdin"
        )
    return str(both[0]), str(both[1])


def _stdin() -> bytes:
    return sys.stdin.buffer.read(4_097)


def _range_order(action: Action, summary: str, example: str) -> Callable[..., "OrderResult"]:
    """The command for `action`: six differ in their rules, not in their options."""

    def command(
        invocation: Invocation,
        batch: BatchArgument,
        serials: SerialsOption = None,
        unit: UnitOption = None,
        package: PackageOption = None,
        from_code: FromCodeOption = None,
        to_code: ToCodeOption = None,
        codes: CodesOption = None,
        attributes: SetOption = None,
        count: CountOption = None,
        tolerance: ToleranceOption = None,
        from_state: FromOption = None,
        strict: StrictOption = False,
        effective_at: EffectiveOption = None,
        expires_at: ExpiresOption = None,
        reason: ReasonOption = None,
        line: LineOption = None,
        order: OrderOption = None,
        dry_run: DryRunOption = False,
    ) -> "OrderResult":
        options = {key: value for key, value in locals().items() if key in _ORDER_OPTIONS}
        from .intake.order_and_deliver import place_and_deliver

        station = invocation.station()
        options["codes"] = _scanned(from_code, to_code, codes)
        return place_and_deliver(
            station, _request(station, action, batch, options), invocation.progress
        )

    command.__doc__ = f"{summary}\n\n\b\nExample:\n  mintmark {action.value} {example}"
    return command


_ORDER_OPTIONS = frozenset(
    (
        *("serials", "unit", "package", "codes", "attributes", "count", "tolerance"),
        *("from_state", "strict", "effective_at", "expires_at", "reason", "line", "order"),
        "dry_run",
    )
)


def assign(
    invocation: Invocation,
    batch: Annotated[
        str | None, typer.Argument(help="The batch; with --where, all if none.", metavar="BATCH")
    ] = None,
    serials: SerialsOption = None,
    unit: UnitOption = None,
    package: PackageOption = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", help="Codes that carry this, key=value; again for more. Shown first."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --where: do what was shown.")] = False,
    from_code: FromCodeOption = None,
    to_code: ToCodeOption = None,
    codes: CodesOption = None,
    attributes: SetOption = None,
    count: CountOption = None,
    tolerance: ToleranceOption = None,
    from_state: FromOption = None,
    strict: StrictOption = False,
    effective_at: EffectiveOption = None,
    expires_at: ExpiresOption = None,
    reason: ReasonOption = None,
    line: LineOption = None,
    order: OrderOption = None,
    dry_run: DryRunOption = False,
) -> "Result":
    """Give attributes to codes in any state.

    With --where the codes are those that carry an attribute, in one batch or in all; they
    are shown, and assigned to only with --yes.

    \b
    Example:
      mintmark assign K7QM-3T9A2BCD --serials all --set region=Hunan
      mintmark assign --where region=Hunan --set dealer=D7 --yes
    """
    options = {key: value for key, value in locals().items() if key in _ORDER_OPTIONS}
    from ..codegen.errors import UsageError
    from .client.connect import connected
    from .intake.order_and_deliver import place_and_deliver

    station = invocation.station()
    options["codes"] = _scanned(from_code, to_code, codes)
    if where is None:
        if batch is None:
            raise UsageError("Missing argument 'BATCH'.", "see: mintmark assign --help")
        request = _request(station, Action.ASSIGN, batch, options)
        return place_and_deliver(station, request, invocation.progress)
    from ..codegen.ranges.attributes import from_options
    from .intake.where import assign_where

    if any(options[name] for name in ("serials", "unit", "package", "codes", "tolerance")):
        raise UsageError("--where names the codes itself", "leave out serials, unit and package")
    options["dry_run"] = dry_run or not yes
    request = _request(station, Action.ASSIGN, batch or "", options)
    with connected(station) as client:
        return assign_where(
            station,
            client,
            from_options(where),
            request,
            every_batch=batch is None,
            progress=invocation.progress,
        )


def deliver(
    invocation: Invocation,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until stopped: a service.")] = False,
    json_logs: Annotated[
        bool, typer.Option("--json-logs", help="With --watch: JSON lines on stderr.")
    ] = False,
    health_file: Annotated[
        Path | None,
        typer.Option(help="With --watch: a JSON file that says how it fares.", metavar="F"),
    ] = None,
) -> "DeliverResult":
    """Send the queued orders to the scan backend.

    \b
    Example:
      mintmark deliver
    """
    from .client.connect import connected
    from .delivery.deliver import deliver as send

    station = invocation.station()
    if not watch:
        with connected(station) as client:
            return send(station, client, progress=invocation.progress)
    from .delivery.service import HealthFile, Service
    from .delivery.stopping import Stop, on_signals

    with on_signals(Stop()) as stop:
        return Service(
            station=station,
            connect=lambda: connected(station),
            wait=stop.wait,
            stopped=stop,
            log=_log(invocation, as_json=json_logs),
            health=HealthFile(health_file, station.now()),
        ).run()


def _log(invocation: Invocation, *, as_json: bool) -> Callable[..., None]:
    """What a service tells while it runs, a line each on stderr."""
    from ..codegen.times import format_utc

    def log(event: str, **details: object) -> None:
        if as_json:
            at = format_utc(invocation.now(), "milliseconds")
            line = json.dumps({"at": at, "event": event, **details})
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - a log goes to stderr
        else:
            invocation.notify(
                " ".join([event, *(f"{key}={value}" for key, value in details.items())])
            )

    return log


def orders_list(
    invocation: Invocation,
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
    from .orders.orders import OrderList, OrderShown, check_status

    with invocation.station().ledger.read() as view:
        batch = view.batch(ids.fold(batch)).batch if batch else None
        rows = view.orders(batch=batch, status=check_status(status), limit=limit)
        return OrderList(tuple(OrderShown.of(row) for row in rows))


def orders_show(invocation: Invocation, order: OrderArgument) -> "OrderShown":
    """Show one order and what the backend said.

    \b
    Example:
      mintmark orders show K7QM-3T9A2BCD
    """
    from .orders.orders import show

    return show(invocation.station(), order)


def orders_cancel(invocation: Invocation, order: OrderArgument) -> "OrderShown":
    """Cancel a queued order that was never sent.

    What it booked here is undone by an order of the other way.

    \b
    Example:
      mintmark orders cancel K7QM-3T9A2BCD
    """
    from .orders.orders import cancel

    return cancel(invocation.station(), order)


def orders_apply(
    invocation: Invocation,
    file: Annotated[
        Path,
        typer.Argument(help="CSV with a header, or JSON lines; - for stdin.", metavar="FILE"),
    ],
    results: Annotated[
        Path | None,
        typer.Option(help="A file for what became of each: a JSON object a line.", metavar="F"),
    ] = None,
    failures_only: Annotated[
        bool, typer.Option("--failures-only", help="Tell of the refused ones alone.")
    ] = False,
) -> "AppliedFile":
    """Give a file of orders, each for itself.

    The same file again orders nothing twice.

    \b
    Example:
      mintmark orders apply orders.csv --results results.jsonl
    """
    from ..codegen.errors import UsageError
    from .client.connect import connected
    from .intake.apply import apply, read_file, write_results
    from .orders import sheets

    if results is not None and results.resolve() == file.resolve():
        raise UsageError("the results would replace the orders", "name another file for them")
    if str(file) == "-":
        rows = sheets.read(sys.stdin.buffer.read(sheets.FILE_BYTES + 1))
    else:
        rows = read_file(file)
    station = invocation.station()
    with connected(station) as client:
        done = apply(
            station, client, rows, failures_only=failures_only, progress=invocation.progress
        )
    if results is not None:
        write_results(results, done.results)
    return done


def orders_watch(
    invocation: Invocation,
    folder: Annotated[Path, typer.Argument(help="Where files of orders arrive.", metavar="DIR")],
    marker: Annotated[
        bool, typer.Option("--marker", help="Take a file only when there is FILE.done beside it.")
    ] = False,
    json_logs: Annotated[
        bool, typer.Option("--json-logs", help="Log as JSON lines on stderr.")
    ] = False,
) -> "Watched":
    """Take files of orders from a drop folder until stopped.

    \b
    Example:
      mintmark orders watch /srv/mes/orders
    """
    from .client.connect import connected
    from .delivery.stopping import Stop, on_signals
    from .intake.hot_folder import Drop

    station = invocation.station()
    with on_signals(Stop()) as stop:
        return Drop(
            station=station,
            connect=lambda: connected(station),
            folder=folder,
            wait=stop.wait,
            stopped=stop,
            log=_log(invocation, as_json=json_logs),
            marker=marker,
        ).run()


def line_run(invocation: Invocation) -> "LineEnded":
    """Answer orders on stdin, a JSON object a line, until stdin ends.

    \b
    Example:
      mintmark line run
    """
    from .client.connect import connected
    from .delivery.stopping import Stop, on_signals
    from .intake.line import Inbox, OrderStream

    station = invocation.station()
    inbox = Inbox(_reader())

    def answer(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    with connected(station) as client, on_signals(Stop(inbox.close)):
        inbox.start()
        return OrderStream(station, client).run(inbox, answer)


def _reader() -> Callable[[int], bytes]:
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError):
        return sys.stdin.buffer.read
    # Not through Python's buffer: the thread that reads would hold its lock at the end.
    return functools.partial(os.read, descriptor)


def reconcile(
    invocation: Invocation,
    batch: BatchArgument,
    apply: Annotated[
        bool, typer.Option("--apply", help="Send the orders that heal the backend.")
    ] = False,
) -> "Reconciled":
    """Compare ledger and scan backend, range by range.

    States, attributes and fingerprints. The orders that would heal the backend are shown,
    and sent only with --apply.

    \b
    Example:
      mintmark reconcile K7QM-3T9A2BCD
    """
    from ..codegen import ids
    from .client.connect import connected
    from .reconcile.reconcile import reconcile as compare

    station = invocation.station()
    with connected(station) as client:
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

    return show(out, invocation.notify)


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
            "End codes that will never be used.\n\nActive ones only with --count.",
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
    ("assign", assign),
    ("deliver", deliver),
    ("orders list", orders_list),
    ("orders show", orders_show),
    ("orders cancel", orders_cancel),
    ("orders apply", orders_apply),
    ("orders watch", orders_watch),
    ("line run", line_run),
    ("reconcile", reconcile),
    ("demo", demo),
)
