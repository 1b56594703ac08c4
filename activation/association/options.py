"""What the options of `associate` and `dissociate` ask for."""

from dataclasses import dataclass, replace
from pathlib import Path

from ...codegen import ids, stdin
from ...codegen.errors import Refused, UsageError
from ...codegen.ranges.aggregation import CodeRanges, Packing
from ...codegen.ranges.serials import Range
from ...codegen.scans.settings import ParentPlace, ReaderSettings, named
from ...codegen.station.station import Station
from ..orders.options import scanned_codes, selected_codes
from ..orders.selection import resolve
from .packing import PackingRequest
from .request import NamedParents, emptied, only, packed, taken_out, with_parents
from .resolving import CodeReader, named_parent
from .scanning import FILE_BYTES, Source, WantedCarton, scanned, sightings

_PLACES = f"one of {', '.join(ParentPlace)}"


@dataclass(frozen=True)
class PackingOptions:
    """The options of a command, as they were typed."""

    batch: str | None
    serials: str | None
    unit: str | None
    package: str | None
    from_code: str | None
    to_code: str | None
    codes: Path | None
    count: int | None
    parent: str | None
    each: int | None
    parents: str | None
    reader: str | None
    reason: str | None
    line: str | None
    order: str | None
    partial: bool = False
    carton: str | None = None
    everything: bool = False
    dry_run: bool = False

    @property
    def names_serials(self) -> bool:
        """Whether serials of a batch are named, in any way but by scanned codes."""
        return any((self.serials, self.unit, self.package, self.from_code, self.to_code))

    def request(self, action: Packing) -> PackingRequest:
        """What of a request the options say themselves."""
        return PackingRequest(
            action,
            (),
            each=self.each,
            count=self.count,
            reason=self.reason,
            line=self.line,
            order=self.order,
            dry_run=self.dry_run,
        )


def joined(station: Station, options: PackingOptions) -> PackingRequest:
    """The request of `associate`. Raises `UsageError`, and what scanned codes are refused for."""
    settings = named(station.config.readers, options.reader)
    request = options.request(Packing.ASSOCIATE)
    place, parent = _parent(options.parent, settings)
    if options.codes is not None and options.batch is None:
        return _scanned(station, options, request, settings)
    if options.batch is None:
        raise UsageError(
            "neither children nor scanned codes are named",
            "a batch and --serials; or --codes - and --count",
        )
    if options.codes is not None and place is not None and parent is None and options.parent:
        return _run_with_label(station, options, request, settings)
    if options.parent and parent is None:
        raise UsageError(
            f"--parent {options.parent} is for scanned codes", "name the carton itself"
        )
    request = replace(request, children=(_selected(station, options),))
    names = NamedParents(parent, options.parents, options.partial, settings)
    return with_parents(station, request, names)


def left(station: Station, options: PackingOptions) -> PackingRequest:
    """The request of `dissociate`. Raises as `joined` does."""
    settings = named(station.config.readers, options.reader)
    request = options.request(Packing.DISSOCIATE)
    if options.carton or options.everything:
        alone = options.batch or options.names_serials or options.codes or options.parent
        if not (options.carton and options.everything) or alone:
            raise UsageError(
                "--carton and --all go together, and name all that lies in it",
                "single codes that lie in it: --parent, and --serials or --codes",
            )
        return emptied(station, request, options.carton, settings)
    if options.parent:
        request = replace(request, parents=named_parent(station, options.parent, settings))
    if options.codes is not None and options.batch is None:
        if options.names_serials:
            raise UsageError("--codes goes without serials", "give one or the other")
        reader = CodeReader(station, settings)
        return taken_out(
            request, sightings(reader, _source(options.codes), settings, options.count)
        )
    if options.batch is None:
        raise UsageError(
            "nothing is named that is taken out",
            "a batch and --serials; or --codes -; or --carton and --all",
        )
    return replace(request, children=(_selected(station, options),))


def stream_settings(
    station: Station, reader: str | None, parent: str | None, count: int | None
) -> tuple[ParentPlace, int, ReaderSettings]:
    """Where labels are read, and how many children a carton has. Raises `UsageError`."""
    settings = named(station.config.readers, reader)
    place = settings.parent
    if parent is not None:
        if parent.lower() not in set(ParentPlace):
            raise UsageError("--parent says where the labels are read", _PLACES)
        place = ParentPlace(parent.lower())
    each = count or settings.per_parent
    if place is None:
        raise UsageError(
            "it is not said where the labels of cartons are read",
            f"--parent, {_PLACES}; or parent in [readers.NAME] of mintmark.toml",
        )
    return place, _needed(each), settings


def _needed(each: int | None) -> int:
    if each is None:
        raise UsageError(
            "it is not said how many children a carton has",
            "--count N; or per_parent in [readers.NAME] of mintmark.toml, and --reader NAME",
        )
    return each


def _parent(given: str | None, settings: ReaderSettings) -> tuple[ParentPlace | None, str | None]:
    """Where the label is read, and the carton that is named instead."""
    if given is None:
        return settings.parent, None
    if given.lower() in set(ParentPlace):
        return ParentPlace(given.lower()), None
    return None, given


def _scanned(
    station: Station, options: PackingOptions, request: PackingRequest, settings: ReaderSettings
) -> PackingRequest:
    """A carton whose children were scanned."""
    if options.names_serials or options.each or options.parents:
        raise UsageError("--codes goes without serials and without --each", "give one or the other")
    each = _needed(options.count or settings.per_parent)
    place, parent = _parent(options.parent, settings)
    named_one = named_parent(station, parent, settings) if parent else None
    wanted = WantedCarton(each, place, only(named_one) if named_one else None, options.partial)
    reader = CodeReader(station, settings)
    carton = scanned(reader, _source(options.codes), settings, wanted)
    return packed(replace(request, count=None), carton, holds=None if named_one else each)


def _run_with_label(
    station: Station, options: PackingOptions, request: PackingRequest, settings: ReaderSettings
) -> PackingRequest:
    """A carton of which the two ends of its run were scanned, and its label."""
    place, _ = _parent(options.parent, settings)
    reader = CodeReader(station, settings)
    carton = scanned(reader, _source(options.codes), settings, WantedCarton(2, place))
    batch = ids.fold(options.batch or "")
    one, other = sorted(carton.children)
    for end in (one, other):
        if end.batch != batch:
            raise Refused(
                f"a scanned code belongs to batch {end.batch}",
                "name its own batch, or scan the right carton",
            )
    children = CodeRanges(batch, (Range(one.serial, other.serial),))
    request = packed(replace(request, count=None), carton, holds=len(children))
    return replace(request, children=(children,), count=_needed(options.count))


def _selected(station: Station, options: PackingOptions) -> CodeRanges:
    """The children that serials, a unit, a package or two scanned ends name."""
    ends = scanned_codes(
        station,
        options.from_code,
        options.to_code,
        options.codes,
        reader=options.reader,
        stdin=stdin.opened,
    )
    batch = ids.fold(options.batch or "")
    selected = selected_codes(options.serials, options.unit, options.package, ends)
    return CodeRanges(batch, resolve(station, batch, selected))


def _source(codes: Path | None) -> Source:
    return stdin.opened(FILE_BYTES + 1) if codes is None or str(codes) == "-" else codes
