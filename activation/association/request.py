"""Which children, and which parents: what was typed, sent or scanned becomes a request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...codegen.errors import NotFound, Refused, UsageError
from ...codegen.ledger.changes import Associated
from ...codegen.ranges.aggregation import CodeRanges, CodeRef, Packing
from ...codegen.scans.reader import ReadingKind
from ...codegen.scans.settings import PLAIN, ReaderSettings
from ...codegen.station.station import Station
from .carton import Carton, Sighting
from .packing import PackingRequest, parts_of
from .resolving import named_parent, named_parents


@dataclass(frozen=True)
class NamedParents:
    """How parents are named. `parent`: one, as it was scanned, as `BATCH:SERIAL`, or its SSCC.

    `parents`: many, as `BATCH` or `BATCH:SERIALS`. `partial`: the last may be part-filled.
    `reader`: how a code was scanned.
    """

    parent: str | None = None
    parents: str | None = None
    partial: bool = False
    reader: ReaderSettings = PLAIN


def with_parents(station: Station, request: PackingRequest, named: NamedParents) -> PackingRequest:
    """`request`, whose children are serials, with the cartons that they join or leave.

    Raises `UsageError` for children that do not fill the parents, `Refused` for a part-filled
    carton that nobody asked for, `NotFound` for unknown codes and batches.
    """
    each = request.each
    if named.parent and (named.parents or each):
        raise UsageError("parent names one carton", "for many: --parents, and how many in --each")
    if named.parent:
        return replace(request, parents=named_parent(station, named.parent, named.reader))
    if bool(named.parents) != bool(each):
        raise UsageError(
            "parents and each are given together", "as in --each 24 --parents BATCH:1-40"
        )
    if named.parents:
        parents = named_parents(station, named.parents)
        return _dealt(request, parents, each or 1, partial=named.partial)
    if request.action is Packing.ASSOCIATE:
        raise UsageError(
            "children join a parent, and none is named",
            "one: --parent BATCH:SERIAL; many: --each 24 --parents BATCH:1-40",
        )
    return request


def _dealt(
    request: PackingRequest, parents: CodeRanges, each: int, *, partial: bool
) -> PackingRequest:
    """`request` with many parents, once the children fill them."""
    total = sum(map(len, request.children))
    wanted, there = -(-total // each), len(parents)
    if wanted != there:
        first = parents.serials[0].first
        raise UsageError(
            f"{total:,} children, {each:,} in each, fill {wanted:,} parents, not {there:,}",
            f"for example --parents {parents.batch}:{first}-{first + wanted - 1}",
        )
    if total % each and not partial:
        raise Refused(
            f"the last of {there:,} parents would hold {total % each:,} of {each:,} children",
            "if that carton is meant to be part-filled: --partial",
        )
    return replace(request, parents=parents, holds=each)


def emptied(
    station: Station, request: PackingRequest, carton: str, reader: ReaderSettings = PLAIN
) -> PackingRequest:
    """`request` to take out all that lies in the carton that a text names."""
    parents = named_parent(station, carton, reader)
    code = only(parents)
    with station.ledger.read() as view:
        children = view.children(code)
        if request.order and view.is_booked(request.order):
            # What has moved since it was booked must not make it another order.
            booked = view.order(request.order).change
            children = booked.children if isinstance(booked, Associated) else children
    if not children:
        raise Refused(f"nothing lies in {code}", f"see: mintmark locate {code}")
    return replace(request, parents=parents, children=children)


def only(named: CodeRanges) -> CodeRef:
    """The code of one carton that was named."""
    return CodeRef(named.batch, named.serials[0].first)


def taken_out(request: PackingRequest, seen: Sequence[Sighting]) -> PackingRequest:
    """`request` for children that were scanned to leave what they are in.

    Raises `NotFound` for a text that is no code of this home, `Refused` for a label not read.
    """
    codes: dict[CodeRef, None] = {}
    for sighting in seen:
        if sighting.code is not None:
            codes[sighting.code] = None
        elif sighting.kind is ReadingKind.NO_READ:
            raise Refused("a label was not read; nothing was booked", "scan these codes again")
        elif sighting.kind is not ReadingKind.HEARTBEAT:
            raise NotFound(
                f"text {sighting.line} is no code of this home: {sighting.note}",
                *filter(None, [sighting.hint]),
            )
    if not codes:
        raise UsageError("no code was read", "scan what is taken out")
    return replace(request, children=parts_of(codes))


def packed(request: PackingRequest, carton: Carton, holds: int | None) -> PackingRequest:
    """`request` for a carton that was scanned; `holds`: the most that it may hold."""
    notes = [*request.notes]
    if carton.rejects:
        why = carton.rejects[0].note
        notes.append(f"texts that are no code of this home: {len(carton.rejects):,} ({why})")
    if carton.repeats:
        notes.append(f"codes read again: {carton.repeats:,}")
    if carton.missing:
        notes.append(f"no-reads beside the children: {len(carton.missing):,}")
    parents = parts_of([carton.parent] if carton.parent else [])
    return replace(
        request,
        children=parts_of(carton.children),
        parents=parents[0] if parents else None,
        holds=holds,
        notes=tuple(notes),
    )
