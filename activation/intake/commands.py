"""Commands that take orders in from files, a hot folder, a stream; see also `range_commands.py`.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...codegen.invocation import Invocation
from ..orders.commands import ReaderOption

if TYPE_CHECKING:
    from .applied import AppliedFile
    from .line import LineEnded
    from .watched import Watched


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
    from .inbox import Inbox, JsonMessages
    from .line import OrderStream

    streams.check_answers()
    station = invocation.station()
    settings = named(station.config.readers, reader)
    inbox = Inbox(stdin.reader(), JsonMessages())

    def answer(text: str) -> None:
        sys.stdout.write(text + "\n")
        streams.check_answers()

    with connected(station) as client, on_signals(Stop(inbox.close)):
        inbox.start()
        stream = OrderStream(
            station,
            client,
            require_order=require_order,
            reader=settings,
            notify=invocation.notify,
        )
        ended = stream.run(inbox, answer)
    inbox.check_end()
    return ended


INTAKE = (
    ("orders apply", orders_apply),
    ("orders watch", orders_watch),
    ("line run", line_run),
)
