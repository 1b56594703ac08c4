"""The options that every range order has.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ...codegen.ranges.lifecycle import State

BatchArgument = Annotated[
    str | None,
    typer.Argument(
        help="The batch; none with --carton, --code, --unit or --package; with --where, all if"
        " none.",
        metavar="BATCH",
    ),
]
SerialsOption = Annotated[
    str | None,
    typer.Option(help="Serials: A-B, A-, A, a list (1-9;20), @FILE or all.", metavar="SERIALS"),
]
UnitOption = Annotated[
    str | None, typer.Option(help="A unit (reel, box) instead of serials.", metavar="UNIT")
]
PackageOption = Annotated[
    str | None, typer.Option(help="A package instead of serials.", metavar="PACKAGE")
]
CodeOption = Annotated[
    str | None,
    typer.Option(
        help="A single code: as it was scanned, BATCH:SERIAL or SSCC; - reads it.", metavar="C"
    ),
]
CartonOption = Annotated[
    str | None,
    typer.Option(
        help="A carton or pallet with all in it: its code, BATCH:SERIAL or SSCC; - reads it.",
        metavar="C",
    ),
]
ChildrenOption = Annotated[
    str | None,
    typer.Option(
        help="with (as if left out): the carton and what is in it; only: what is in it.",
        metavar="WHICH",
    ),
]
BothOption = Annotated[
    bool, typer.Option("--both", help="Also the codes of other batches on the same items.")
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
    typer.Option(
        "--codes", help="A file with these two codes, one per line; or - for a reader.", metavar="F"
    ),
]
ReaderOption = Annotated[
    str | None,
    typer.Option(help="How they were scanned: [readers.NAME] in mintmark.toml.", metavar="NAME"),
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
    typer.Option(
        min=1,
        help="Refuse unless exactly this many codes would change; with --carton or --both, items:"
        " bottles, not cartons.",
        metavar="N",
    ),
]
FromOption = Annotated[
    State | None,
    typer.Option(
        "--from",
        help="Refuse unless all are in this state: sealed, packaged, active, frozen, void.",
        metavar="STATE",
    ),
]
AllowPastOption = Annotated[
    bool,
    typer.Option("--allow-past", help="Take an --expires-at or a window that is past already."),
]
IncludeLostOption = Annotated[
    bool, typer.Option("--include-lost", help="Take codes of units that are marked lost.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Refuse void serials inside.")]
EffectiveOption = Annotated[
    str | None,
    typer.Option(
        help="Valid from: 2026-12-31 or 2026-12-31 08:00, in the home's time zone.", metavar="TIME"
    ),
]
ExpiresOption = Annotated[
    str | None,
    typer.Option(help="Valid until; a date, or a midnight, includes that day.", metavar="TIME"),
]
DuringOption = Annotated[
    str | None,
    typer.Option(
        help="The attributes hold from A until B only: 2026-12-01..2026-12-31, A.. or ..B.",
        metavar="A..B",
    ),
]
DailyOption = Annotated[
    str | None,
    typer.Option(help="They hold at these hours of each day: 18:00-22:00.", metavar="H-H"),
]
WindowOption = Annotated[
    str | None,
    typer.Option(
        help="What this window is called; the same again replaces it, --set window.NAME= takes it"
        " away.",
        metavar="NAME",
    ),
]
AtOption = Annotated[
    str | None,
    typer.Option("--at", help="Book it then, not now: 2026-12-31 06:00.", metavar="TIME"),
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
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        help="Codes of which this holds, as lot=L42, state!=frozen, minted_at<2026-12-01 or"
        " 'lot in A,B'; again for more: all must hold.",
        metavar="CONDITION",
    ),
]
YesOption = Annotated[
    bool, typer.Option("--yes", help="With --where, which only shows: do it; or --count.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would change.")]


@dataclass(frozen=True)
class RangeOptions:
    """The options of a range order, as they were typed; --help shows them in this order."""

    batch: BatchArgument = None
    serials: SerialsOption = None
    unit: UnitOption = None
    package: PackageOption = None
    code: CodeOption = None
    carton: CartonOption = None
    children: ChildrenOption = None
    both: BothOption = False
    where: WhereOption = None
    yes: YesOption = False
    from_code: FromCodeOption = None
    to_code: ToCodeOption = None
    codes: CodesOption = None
    reader: ReaderOption = None
    attributes: SetOption = None
    count: CountOption = None
    tolerance: ToleranceOption = None
    from_state: FromOption = None
    strict: StrictOption = False
    effective_at: EffectiveOption = None
    expires_at: ExpiresOption = None
    during: DuringOption = None
    daily: DailyOption = None
    window: WindowOption = None
    at: AtOption = None
    reason: ReasonOption = None
    line: LineOption = None
    order: OrderOption = None
    dry_run: DryRunOption = False
    allow_past: AllowPastOption = False
    include_lost: IncludeLostOption = False
