"""The command that counts the stock.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...codegen.invocation import Invocation

if TYPE_CHECKING:
    from .stock import Stock


def report_stock(
    invocation: Invocation,
    batches: Annotated[
        list[str] | None,
        typer.Argument(help="Only these batches; else all for items.", metavar="[BATCH]..."),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            help="lot, dealer, region, campaign, product, package, or an attribute of your own.",
            metavar="KEY",
        ),
    ] = "product",
    since: Annotated[
        str | None,
        typer.Option(
            help="Count codes as new that were first scanned from then on.", metavar="TIME"
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="A new file for a spreadsheet.", metavar="F")
    ] = None,
) -> "Stock":
    """Count active codes, and those scanned, by what they bear.

    Unscanned codes are the stock in the trade; scanned ones are what rebates are paid by.

    \b
    Example:
      mintmark report stock --by dealer --since 2026-11-01 --csv november.csv
    """
    from ...codegen import ids
    from ...codegen.errors import UsageError
    from ..client.connect import connected
    from ..orders.typed_times import instant
    from .stock import StockRequest, save, stock

    if csv == Path("-"):
        raise UsageError("--csv takes the name of a new file", "for a program: --json")
    invocation.outside_home("--csv", csv)
    station = invocation.station()
    begin = instant(since, station.config.time_zone, "--since") if since is not None else None
    request = StockRequest(by, tuple(map(ids.fold, batches or ())), begin)
    with connected(station) as client:
        report = stock(station, client, request, invocation.progress)
    return report if csv is None else save(report, csv)


STOCK = (("report stock", report_stock),)
