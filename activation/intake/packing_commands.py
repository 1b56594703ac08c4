"""Commands of what lies in what: children join a carton or a pallet, or leave it.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...codegen.invocation import Invocation
from ..orders.commands import (
    DryRunOption,
    FromCodeOption,
    LineOption,
    OrderOption,
    PackageOption,
    ReaderOption,
    SerialsOption,
    ToCodeOption,
    UnitOption,
)

if TYPE_CHECKING:
    from ..association.outcome import PackingResult
    from ..away.answers import QueuedHere
    from .packing_stream import PackingEnded

ChildrenArgument = Annotated[
    str | None, typer.Argument(help="The children's batch; none for --codes.", metavar="BATCH")
]
ScannedOption = Annotated[
    Path | None,
    typer.Option(
        "--codes",
        help="A file with the scanned codes, or - for a reader. With BATCH: the two ends of a run.",
        metavar="F",
    ),
]
ChildrenCountOption = Annotated[
    int | None,
    typer.Option("--count", min=1, help="How many children there must be.", metavar="N"),
]
ParentOption = Annotated[
    str | None,
    typer.Option(
        help="The carton: a code, BATCH:SERIAL, SSCC; or first, last, count: where its label is.",
        metavar="WHAT",
    ),
]
ReasonOption = Annotated[str | None, typer.Option(help="Why, for the books.")]
LeftOption = Annotated[
    str | None,
    typer.Option("--parent", help="Refuse unless they lie in this: as --carton.", metavar="WHAT"),
]


def associate(
    invocation: Invocation,
    batch: ChildrenArgument = None,
    serials: SerialsOption = None,
    unit: UnitOption = None,
    package: PackageOption = None,
    from_code: FromCodeOption = None,
    to_code: ToCodeOption = None,
    codes: ScannedOption = None,
    count: ChildrenCountOption = None,
    parent: ParentOption = None,
    each: Annotated[
        int | None,
        typer.Option(min=1, help="Deal the children out, this many to a carton.", metavar="N"),
    ] = None,
    parents: Annotated[
        str | None,
        typer.Option(help="With --each: the cartons, in turn.", metavar="BATCH[:SERIALS]"),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="The carton, or the last of them, may hold fewer.")
    ] = False,
    reader: ReaderOption = None,
    reason: ReasonOption = None,
    line: LineOption = None,
    order: OrderOption = None,
    dry_run: DryRunOption = False,
) -> "PackingResult | QueuedHere":
    """Note that children lie in a carton or on a pallet.

    Scanned codes are a carton's children and its label, in either order; it is done as soon as
    --count of them are there.

    \b
    Example:
      mintmark associate --codes - --count 24
      mintmark associate K7QM-3T9A2BCD --serials 1-960 --each 24 --parents K7QM-8Z4N5P6R:1-40
    """
    from ...codegen.ranges.aggregation import Packing
    from ..association.options import PackingOptions
    from .pack_and_deliver import order_packing

    station = invocation.station()
    options = PackingOptions(
        batch, serials, unit, package, from_code, to_code, codes, count, parent, each, parents,
        reader, reason, line, order, partial=partial, dry_run=dry_run,
    )  # fmt: skip
    return order_packing(
        station, options, Packing.ASSOCIATE, invocation.progress, invocation.notify
    )


def dissociate(
    invocation: Invocation,
    batch: ChildrenArgument = None,
    serials: SerialsOption = None,
    unit: UnitOption = None,
    package: PackageOption = None,
    from_code: FromCodeOption = None,
    to_code: ToCodeOption = None,
    codes: ScannedOption = None,
    count: ChildrenCountOption = None,
    parent: LeftOption = None,
    carton: Annotated[
        str | None,
        typer.Option(help="A carton: a code, BATCH:SERIAL or SSCC. With --all.", metavar="WHAT"),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="With --carton: all that lies in it.")
    ] = False,
    reader: ReaderOption = None,
    reason: ReasonOption = None,
    line: LineOption = None,
    order: OrderOption = None,
    dry_run: DryRunOption = False,
) -> "PackingResult | QueuedHere":
    """Note that children were taken out of what they lie in.

    A bottle that is replaced by another is two events: one is taken out, one is put in.

    \b
    Example:
      mintmark dissociate K7QM-3T9A2BCD --serials 17 --reason damaged
      mintmark dissociate --carton K7QM-8Z4N5P6R:3 --all
    """
    from ...codegen.ranges.aggregation import Packing
    from ..association.options import PackingOptions
    from .pack_and_deliver import order_packing

    station = invocation.station()
    options = PackingOptions(
        batch, serials, unit, package, from_code, to_code, codes, count, parent, None, None,
        reader, reason, line, order, carton=carton, everything=everything, dry_run=dry_run,
    )  # fmt: skip
    return order_packing(
        station, options, Packing.DISSOCIATE, invocation.progress, invocation.notify
    )


def associate_run(
    invocation: Invocation,
    reader: ReaderOption = None,
    parent: Annotated[
        str | None,
        typer.Option(help="Where the label is read: first, last or count.", metavar="PLACE"),
    ] = None,
    count: ChildrenCountOption = None,
    line: LineOption = None,
) -> "PackingEnded":
    """Answer scanned cartons on stdin, until stdin ends.

    Each is answered with its last scan, by a JSON object. How many children a carton has,
    and where its label is read, stands in [readers.NAME], or is given here.

    \b
    Example:
      mintmark associate run --reader belt
    """
    import time

    from ...codegen import stdin, streams
    from ...codegen.scans.framing import Framer
    from ..association.options import stream_settings
    from ..association.resolving import CodeReader
    from ..away.desk import STREAM, AwayDesk
    from ..client.connect import connected
    from ..delivery.stopping import Stop, on_signals
    from .inbox import Inbox
    from .line_courier import LineCourier
    from .packing_stream import PackingStream

    streams.check_answers()
    station = invocation.station()
    place, each, settings = stream_settings(station, reader, parent, count)
    station.line(line) if line else station.line()
    inbox = Inbox(stdin.reader(), Framer(settings.terminators))

    def answer(record: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(record) + "\n")
        streams.check_answers()

    with connected(station) as client, on_signals(Stop(inbox.close)):
        inbox.start()
        ended = PackingStream(
            station,
            LineCourier(station, client, time.monotonic),
            CodeReader(station, settings),
            place=place,
            each=each,
            line=line,
            desk=AwayDesk(station, STREAM, invocation.notify),
            notify=lambda text: invocation.notify(f"note: {text}"),
        ).run(inbox, answer)
    inbox.check_end()
    return ended


PACKING = (
    ("associate", associate),
    ("associate run", associate_run),
    ("dissociate", dissociate),
)
