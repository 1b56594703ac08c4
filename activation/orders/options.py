"""What the options of a range order ask for."""

from collections.abc import Callable
from pathlib import Path

from ...codegen import ids
from ...codegen.errors import UsageError
from ...codegen.ranges.attributes import from_options
from ...codegen.ranges.lifecycle import Action
from ...codegen.ranges.where import conditions
from ...codegen.scans.settings import ReaderSettings, named
from ...codegen.station.station import Station
from . import by_code, spans, typed_times
from .commands import RangeOptions
from .during import During, windowed
from .orders import OrderRequest
from .selection import ByCode, Selection, by_carton, needs_batch, selection

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
        dry_run=options.dry_run or _is_shown_first(options),
        allow_past=options.allow_past,
        include_lost=options.include_lost,
        both=options.both,
        at=at,
        notes=notes + told + of_time,
    )


def _is_shown_first(options: RangeOptions) -> bool:
    """Whether conditions were given, and nothing that says that what they meet was looked at."""
    if options.yes and options.where is None:
        raise UsageError("--yes goes with --where", "leave it out: the order is booked without")
    return options.where is not None and not options.yes and options.count is None


def _selected(station: Station, options: RangeOptions, stdin: Stdin) -> Selection:
    settings = named(station.config.readers, options.reader)
    where = None
    if options.where is not None:
        where = conditions(options.where, spans.reader(station.config.time_zone))
    alone = (options.unit, options.package, options.code, options.carton, where)
    if options.batch is None and all(each is None for each in alone):
        raise _no_batch()
    single = _read(station, options.code, "single", settings, stdin)
    selected = selection(
        serials=options.serials,
        unit=options.unit,
        package=options.package,
        codes=scanned_codes(
            station,
            options.from_code,
            options.to_code,
            options.codes,
            reader=options.reader,
            stdin=stdin,
        ),
        code=ByCode(single, settings) if single is not None else None,
        carton=by_carton(
            _read(station, options.carton, "carton's", settings, stdin), options.children, settings
        ),
        where=where,
    )
    if options.batch is None and needs_batch(selected):
        raise _no_batch()
    return selected


def _no_batch() -> UsageError:
    return UsageError(
        "Missing argument 'BATCH'.",
        "or name a carton, a code, a unit: --carton C, --code C, --unit U",
    )


def selected_codes(
    serials: str | None, unit: str | None, package: str | None, scanned: tuple[str, str] | None
) -> Selection:
    """The codes of a batch that options name. Raises `UsageError`."""
    return selection(serials=serials, unit=unit, package=package, codes=scanned)


def _read(
    station: Station, code: str | None, which: str, settings: ReaderSettings, stdin: Stdin
) -> str | None:
    """The code of an option; - reads it from stdin."""
    if code != "-":
        return code
    return by_code.read_one(station, stdin(by_code.FILE_BYTES + 1), which, settings)


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
