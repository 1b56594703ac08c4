"""Commands that take orders in: range orders, files of orders, a hot folder, a stream.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...codegen.invocation import Invocation
from ...codegen.ranges.lifecycle import Action
from ..orders.commands import (
    AllowPastOption,
    BatchArgument,
    CodesOption,
    CountOption,
    DryRunOption,
    EffectiveOption,
    ExpiresOption,
    FromCodeOption,
    FromOption,
    IncludeLostOption,
    LineOption,
    OrderOption,
    PackageOption,
    ReaderOption,
    ReasonOption,
    SerialsOption,
    SetOption,
    StrictOption,
    ToCodeOption,
    ToleranceOption,
    UnitOption,
    order_request,
    scanned_codes,
    selected_codes,
)

if TYPE_CHECKING:
    from ...codegen.result import Result
    from ..orders.orders import OrderResult
    from .applied import AppliedFile
    from .hot_folder import Watched
    from .line import LineEnded


def _range_order(action: Action, summary: str, example: str) -> Callable[..., "OrderResult"]:
    """The command for `action`: the six differ in their rules, not in their options."""

    def command(
        invocation: Invocation,
        batch: BatchArgument,
        serials: SerialsOption = None,
        unit: UnitOption = None,
        package: PackageOption = None,
        from_code: FromCodeOption = None,
        to_code: ToCodeOption = None,
        codes: CodesOption = None,
        reader: ReaderOption = None,
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
        allow_past: AllowPastOption = False,
        include_lost: IncludeLostOption = False,
    ) -> "OrderResult":
        from ...codegen import stdin
        from .order_and_deliver import book_and_deliver

        station = invocation.station()
        scanned = scanned_codes(
            station, from_code, to_code, codes, reader=reader, stdin=stdin.opened
        )
        request = order_request(
            station,
            action,
            batch,
            selected_codes(serials, unit, package, scanned),
            attributes=attributes,
            count=count,
            tolerance=tolerance,
            from_state=from_state,
            strict=strict,
            effective_at=effective_at,
            expires_at=expires_at,
            reason=reason,
            line=line,
            order=order,
            dry_run=dry_run,
            allow_past=allow_past,
            include_lost=include_lost,
        )
        return book_and_deliver(station, request, invocation.progress, invocation.notify)

    command.__doc__ = f"{summary}\n\n\b\nExample:\n  mintmark {action.value} {example}"
    return command


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
    reader: ReaderOption = None,
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
    allow_past: AllowPastOption = False,
    include_lost: IncludeLostOption = False,
) -> "Result":
    """Give attributes to codes in any state.

    With --where the codes are those that carry an attribute, in one batch or in all; they
    are shown, and assigned to only with --yes.

    \b
    Example:
      mintmark assign K7QM-3T9A2BCD --serials all --set region=Hunan
      mintmark assign --where region=Hunan --set dealer=D7 --yes
    """
    from ...codegen import stdin
    from ...codegen.errors import UsageError
    from ..client.connect import connected
    from .by_attribute import assign_by_attribute
    from .order_and_deliver import book_and_deliver

    station = invocation.station()
    scanned = scanned_codes(station, from_code, to_code, codes, reader=reader, stdin=stdin.opened)
    if where is None and batch is None:
        raise UsageError("Missing argument 'BATCH'.", "see: mintmark assign --help")
    if where is not None and (serials or unit or package or scanned or tolerance):
        raise UsageError("--where names the codes itself", "leave out serials, unit and package")
    request = order_request(
        station,
        Action.ASSIGN,
        batch or "",
        selected_codes(serials, unit, package, scanned, where),
        attributes=attributes,
        count=count,
        tolerance=tolerance,
        from_state=from_state,
        strict=strict,
        effective_at=effective_at,
        expires_at=expires_at,
        reason=reason,
        line=line,
        order=order,
        dry_run=dry_run or (where is not None and not yes),
        allow_past=allow_past,
        include_lost=include_lost,
    )
    if where is None:
        return book_and_deliver(station, request, invocation.progress, invocation.notify)
    with connected(station) as client:
        result = assign_by_attribute(
            station, client, request, every_batch=batch is None, progress=invocation.progress
        )
    for note in result.notes:
        invocation.notify(f"note: {note}")
    return result


def orders_apply(
    invocation: Invocation,
    file: Annotated[
        Path,
        typer.Argument(help="CSV with a header, or JSON lines; - for stdin.", metavar="FILE"),
    ],
    results: Annotated[
        Path | None,
        typer.Option(help="A file for the results: one JSON object per order.", metavar="F"),
    ] = None,
    failures_only: Annotated[
        bool, typer.Option("--failures-only", help="Report refused orders only.")
    ] = False,
) -> "AppliedFile":
    """Give a file of orders, each by itself.

    The same untouched file again orders nothing twice; a file written anew is taken for new orders.

    \b
    Example:
      mintmark orders apply orders.csv --results results.jsonl
    """
    from ...codegen import stdin
    from ...codegen.errors import UsageError
    from ..client.connect import connected
    from ..orders import sheets
    from .applied import check_results, write_results
    from .apply import apply
    from .order_file import OrderFile, read_file

    invocation.outside_home("--results", results)
    if results is not None and results.resolve() == file.resolve():
        raise UsageError("the results would replace the orders", "name another file for them")
    if str(file) == "-":
        given = OrderFile(sheets.read(stdin.whole(sheets.FILE_BYTES + 1)))
    else:
        given = read_file(file)
    if results is not None:
        check_results(results)
    station = invocation.station()
    with connected(station) as client:
        done = apply(
            station,
            client,
            given,
            shown="a file on stdin" if str(file) == "-" else file.name,
            failures_only=failures_only,
            progress=invocation.progress,
            keep=lambda outcomes: write_results(results, outcomes) if results else None,
        )
    for outcome in done.results:
        for note in outcome.notes:
            invocation.notify(f"note: row {outcome.row}: {note}")
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
    """Take files of orders from a hot folder until stopped.

    \b
    Example:
      mintmark orders watch /srv/mes/orders
    """
    from ..client.connect import check_backend, connected
    from ..delivery.service_log import service_log
    from ..delivery.stopping import Stop, on_signals
    from .hot_folder import HotFolder

    invocation.outside_home("the folder", folder)
    station = invocation.station()
    check_backend(station)
    with on_signals(Stop()) as stop:
        return HotFolder(
            station=station,
            connect=lambda: connected(station),
            folder=folder,
            wait=stop.wait,
            stopped=stop,
            log=service_log(invocation, as_json=json_logs),
            marker=marker,
        ).run()


def line_run(
    invocation: Invocation,
    require_order: Annotated[
        bool, typer.Option("--require-order", help="Refuse orders without an id of their own.")
    ] = False,
    reader: ReaderOption = None,
) -> "LineEnded":
    """Answer orders on stdin, one JSON object per line, until stdin ends.

    With --require-order a message that a gateway repeats takes effect once.

    \b
    Example:
      mintmark line run --require-order
    """
    from ...codegen import stdin, streams
    from ...codegen.scans.settings import named
    from ..client.connect import connected
    from ..delivery.stopping import Stop, on_signals
    from .inbox import Inbox
    from .line import OrderStream

    streams.check_answers()
    station = invocation.station()
    settings = named(station.config.readers, reader)
    inbox = Inbox(stdin.reader())

    def answer(text: str) -> None:
        sys.stdout.write(text + "\n")
        streams.check_answers()

    with connected(station) as client, on_signals(Stop(inbox.close)):
        inbox.start()
        stream = OrderStream(station, client, require_order=require_order, reader=settings)
        ended = stream.run(inbox, answer)
    inbox.check_end()
    return ended


RANGE_ORDERS = (
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
)
INTAKE = (
    ("orders apply", orders_apply),
    ("orders watch", orders_watch),
    ("line run", line_run),
)
