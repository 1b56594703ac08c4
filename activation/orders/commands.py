"""The options that every range order has, and the request that they make.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...codegen.ranges.lifecycle import Action, State

if TYPE_CHECKING:
    from ...codegen.station.station import Station
    from .orders import OrderRequest
    from .selection import ByCarton, Selection

BatchArgument = Annotated[
    str | None, typer.Argument(help="The batch; none with --carton.", metavar="BATCH")
]
BatchOrAll = Annotated[
    str | None,
    typer.Argument(
        help="The batch; none with --carton; with --where, all if none.", metavar="BATCH"
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
    bool, typer.Option("--allow-past", help="Take an --expires-at that is past already.")
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
    typer.Option("--where", help="Codes that carry this, key=value; again for more. Shown first."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="With --where: do what was shown.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would change.")]


def order_request(
    station: "Station",
    action: Action,
    batch: str,
    selected: "Selection",
    *,
    attributes: Sequence[str] | None,
    count: int | None,
    tolerance: int | None,
    from_state: State | None,
    strict: bool,
    effective_at: str | None,
    expires_at: str | None,
    reason: str | None,
    line: str | None,
    order: str | None,
    dry_run: bool,
    allow_past: bool = False,
    include_lost: bool = False,
    both: bool = False,
) -> "OrderRequest":
    """The order that a command's options describe. Raises `UsageError`."""
    from ...codegen import ids
    from ...codegen.ranges.attributes import from_options
    from . import typed_times
    from .orders import OrderRequest

    validity, notes = typed_times.validity(
        effective_at, expires_at, station.config.time_zone, ("--effective-at", "--expires-at")
    )
    return OrderRequest(
        action=action,
        batch=ids.fold(batch),
        selection=selected,
        attributes={**from_options(attributes or []), **validity},
        count=count,
        tolerance=tolerance,
        from_state=from_state,
        strict=strict,
        reason=reason,
        line=line,
        order=order,
        dry_run=dry_run,
        allow_past=allow_past,
        include_lost=include_lost,
        both=both,
        notes=notes,
    )


def selected_codes(
    serials: str | None,
    unit: str | None,
    package: str | None,
    scanned: tuple[str, str] | None,
    carton: "ByCarton | None" = None,
    where: Sequence[str] | None = None,
) -> "Selection":
    """The codes that the options name. Raises `UsageError`."""
    from ...codegen.ranges.attributes import from_options
    from .selection import ByAttributes, selection

    if where is not None:
        return ByAttributes(from_options(where))
    return selection(serials=serials, unit=unit, package=package, codes=scanned, carton=carton)


def scanned_carton(
    station: "Station",
    batch: str | None,
    carton: str | None,
    children: str | None,
    *,
    reader: str | None,
    stdin: Callable[[int], bytes | Callable[[int], bytes]],
) -> "ByCarton | None":
    """The carton that the options name; - reads it from stdin. Raises `UsageError`.

    Without a carton, a batch is needed.
    """
    from ...codegen.errors import UsageError
    from ...codegen.scans.settings import named
    from . import by_code
    from .selection import by_carton

    if carton is None and batch is None:
        raise UsageError("Missing argument 'BATCH'.", "or name a carton: --carton C")
    settings = named(station.config.readers, reader)
    if carton == "-":
        source = stdin(by_code.FILE_BYTES + 1)
        return by_carton(by_code.read_one(station, source, "carton's", settings), children)
    return by_carton(carton, children, settings)


def scanned_codes(
    station: "Station",
    from_code: str | None,
    to_code: str | None,
    codes: Path | None,
    *,
    reader: str | None,
    stdin: Callable[[int], bytes | Callable[[int], bytes]],
) -> "tuple[str, str] | None":
    """The two scanned codes: typed, or from a file or stdin, which no history keeps.

    `stdin(limit)`: its first bytes, or a function that reads it as text comes.
    """
    from ...codegen.errors import UsageError
    from ...codegen.scans.settings import named
    from . import by_code

    settings, typed = named(station.config.readers, reader), (from_code, to_code)
    if codes is not None and any(typed):
        raise UsageError("--codes goes without --from-code and --to-code", "give one or both")
    if str(codes) == "-" or typed == ("-", "-"):
        return by_code.read_pair(station, stdin(by_code.FILE_BYTES + 1), settings)
    if codes is not None:
        return by_code.read_pair(station, codes, settings)
    if not any(typed):
        return None
    if not all(typed):
        raise UsageError(
            "--from-code and --to-code are given together", "- reads a code from a line of stdin"
        )
    first, second = (
        by_code.read_one(station, stdin(by_code.FILE_BYTES + 1), which, settings)
        if code == "-"
        else by_code.read_typed(station, code or "", which, settings)
        for code, which in zip(typed, ("first", "second"), strict=True)
    )
    return first, second
