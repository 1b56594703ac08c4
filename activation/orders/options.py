"""What the options of a range order ask for."""

from collections.abc import Callable
from pathlib import Path

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ranges.attributes import from_options
from ...codegen.ranges.lifecycle import Action
from ...codegen.scans.settings import named
from ...codegen.station.station import Station
from . import by_code, typed_times
from .commands import RangeOptions
from .during import During, windowed
from .orders import OrderRequest
from .selection import ByAttributes, ByCarton, Selection, by_carton, selection

# A standard input: its first bytes, or a function that reads it as text comes.
Stdin = Callable[[int], bytes | Callable[[int], bytes]]


def order_request(
    station: Station, action: Action, options: RangeOptions, stdin: Stdin
) -> OrderRequest:
    """The order that the options describe. Raises `UsageError`, and as scanned codes do."""
    selected = _selected(station, options, stdin)
    zone = station.config.time_zone
    validity, notes = typed_times.validity(
        options.effective_at, options.expires_at, zone, ("--effective-at", "--expires-at")
    )
    written = During(options.during, options.daily, options.window, dashes="--")
    patch = {**from_options(options.attributes or []), **validity}
    attributes, told = windowed(patch, written, zone)
    at, of_time = typed_times.due(options.at, zone, "--at")
    return OrderRequest(
        action=action,
        batch=ids.fold(options.batch or ""),
        selection=selected,
        attributes=attributes,
        count=options.count,
        tolerance=options.tolerance,
        from_state=options.from_state,
        strict=options.strict,
        reason=options.reason,
        line=options.line,
        order=options.order,
        dry_run=options.dry_run or (options.where is not None and not options.yes),
        allow_past=options.allow_past,
        include_lost=options.include_lost,
        both=options.both,
        at=at,
        notes=notes + told + of_time,
    )


def _selected(station: Station, options: RangeOptions, stdin: Stdin) -> Selection:
    boxed = _carton(station, options, stdin)
    scanned = scanned_codes(
        station,
        options.from_code,
        options.to_code,
        options.codes,
        reader=options.reader,
        stdin=stdin,
    )
    if options.where is not None:
        named_too = (options.serials, options.unit, options.package, scanned, boxed, options.both)
        if any(named_too) or options.tolerance:
            raise UsageError(
                "--where names the codes itself",
                "leave out serials, unit, package, carton and both",
            )
        return ByAttributes(from_options(options.where))
    return selected_codes(options.serials, options.unit, options.package, scanned, boxed)


def selected_codes(
    serials: str | None,
    unit: str | None,
    package: str | None,
    scanned: tuple[str, str] | None,
    carton: ByCarton | None = None,
) -> Selection:
    """The codes that the options name. Raises `UsageError`."""
    return selection(serials=serials, unit=unit, package=package, codes=scanned, carton=carton)


def _carton(station: Station, options: RangeOptions, stdin: Stdin) -> ByCarton | None:
    """The carton that the options name; - reads it from stdin. Raises `UsageError`.

    Without a carton, a batch is needed.
    """
    if options.carton is None and options.batch is None and options.where is None:
        raise UsageError("Missing argument 'BATCH'.", "or name a carton: --carton C")
    settings = named(station.config.readers, options.reader)
    if options.carton == "-":
        source = stdin(by_code.FILE_BYTES + 1)
        read = by_code.read_one(station, source, "carton's", settings)
        return by_carton(read, options.children, settings)
    return by_carton(options.carton, options.children, settings)


def scanned_codes(  # noqa: PLR0913 - the options that name them
    station: Station,
    from_code: str | None,
    to_code: str | None,
    codes: Path | None,
    *,
    reader: str | None,
    stdin: Stdin,
) -> tuple[str, str] | None:
    """The two scanned codes: typed, or from a file or stdin, which no history keeps."""
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
