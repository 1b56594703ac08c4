"""The codes that a request for several batches names.

They are what is in a carton, what meets conditions, or partners on one item.

Partners are batches whose codes are on the same items: serial n belongs to serial n. They are a
family, and a serial of a family is an item, with a code or with several.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ...codegen.errors import NotFound, Refused, UsageError
from ...codegen.ledger.view import View
from ...codegen.ranges import serials
from ...codegen.ranges.aggregation import CodeRanges, CodeRef
from ...codegen.ranges.attributes import to_json
from ...codegen.ranges.lifecycle import Action
from ...codegen.ranges.roles import PARENTS
from ...codegen.ranges.serials import Range, Ranges
from ...codegen.scanned import resolve_ref
from ...codegen.station.station import Station
from .matching import check_no_code, matched, ranges_of
from .orders import OrderRequest
from .selection import ByCarton, ByConditions, Children, resolve


@dataclass(frozen=True)
class Named:
    """The codes that are named, by batch: `codes`, and those of them that others lie in.

    `family`: what stands for the batches that are partners, for each of them the same.
    """

    codes: Mapping[str, Ranges]
    holding: Mapping[str, Ranges]
    family: Mapping[str, str]

    def items(self, codes: Mapping[str, Ranges]) -> int:
        """Of how many items at the lowest level, those that hold nothing, `codes` has a code."""
        found = self._by_family(codes)
        full = self._by_family(self.holding)
        return sum(
            serials.count(serials.subtract(ranges, full.get(family, ())))
            for family, ranges in found.items()
        )

    def _by_family(self, codes: Mapping[str, Ranges]) -> dict[str, Ranges]:
        return merged((self.family[batch], ranges) for batch, ranges in codes.items())


Find = Callable[[View], Named]


def finder(station: Station, request: OrderRequest) -> Find:
    """What finds the codes that `request` names, in the books as they are when it is called.

    Raises `UsageError`, `NotFound` and `Refused` as `selection.resolve` does and for a text that
    names no code; what it returns raises `Refused` for what is no carton and for an empty one,
    `NotFound` if nothing meets the conditions, `UsageError` if partners are wanted and there are
    none.
    """
    selected = request.selection
    if isinstance(selected, ByCarton):
        if request.batch:
            raise UsageError(
                "--carton names codes of every batch in it, and a batch is named too",
                "leave the batch out; for codes of one batch: --serials",
            )
        carton, children = resolve_ref(station, selected.carton, selected.reader), selected.children

        def find(view: View) -> Named:
            return _named(view, _in_carton(view, carton, children), request, by_carton=True)

        return find
    if isinstance(selected, ByConditions):
        return _by_conditions(station, request, selected)
    ranges = resolve(station, request.batch, selected)
    return lambda view: _named(view, {request.batch: ranges}, request, by_carton=False)


def _by_conditions(station: Station, request: OrderRequest, selected: ByConditions) -> Find:
    within = selected.within
    ranges = resolve(station, request.batch, within) if within is not None else None
    void = request.action is Action.UNVOID
    check_no_code(station, selected.where)

    def find(view: View) -> Named:
        tiles = matched(view, selected.where, batch=request.batch, ranges=ranges, void=void)
        codes = {batch: ranges_of(found) for batch, found in tiles}
        if not codes:
            raise NotFound(
                "no codes meet these conditions",
                "void ones do only if they are named: state=void",
                "look at them one by one: mintmark find --where CONDITION",
            )
        if request.both:
            return _named(view, codes, request, by_carton=False)
        return Named(codes, {}, {batch: batch for batch in codes})

    return find


def merged(parts: Iterable[tuple[str, Ranges]]) -> dict[str, Ranges]:
    """The serials of each batch (or family), which may come in several parts."""
    found: dict[str, list[Range]] = {}
    for batch, ranges in parts:
        found.setdefault(batch, []).extend(ranges)
    return {batch: serials.union(pieces) for batch, pieces in found.items()}


def families(view: View, batches: Iterable[str]) -> dict[str, str]:
    """Of each batch, what stands for it and its partners."""
    return {b: min(b, *(row.batch for row in view.partners(b)), b) for b in batches}


def _in_carton(view: View, carton: CodeRef, children: Children) -> dict[str, Ranges]:
    own = CodeRanges(carton.batch, (Range(carton.serial, carton.serial),))
    inside = view.contents(own)
    if not inside:
        raise _empty(view, carton)
    parts = sorted(inside, key=lambda part: part.batch == carton.batch)
    if children is Children.WITH:
        parts.append(own)
    return merged((part.batch, part.serials) for part in parts)


def _empty(view: View, carton: CodeRef) -> Refused:
    """Why nothing is in it."""
    carried = to_json(view.at(carton.batch, carton.serial).attributes)
    role = carried.get("role") or view.batch(carton.batch).role
    if role in PARENTS:
        return Refused(
            f"nothing lies in {role} {carton}",
            "say what was packed in it: mintmark associate",
            f"the {role} by itself: {carton.batch} --serials {carton.serial}",
        )
    around = view.way_up(carton)
    hints = [f"what it lies in: --carton {around[0]}"] if around else []
    return Refused(
        f"{carton} is no carton and no pallet: its role is {role}",
        *hints,
        f"it by itself: {carton.batch} --serials {carton.serial}",
    )


def _named(
    view: View, codes: dict[str, Ranges], request: OrderRequest, *, by_carton: bool
) -> Named:
    partners = {b: {b, *(row.batch for row in view.partners(b))} for b in codes}
    family = {b: min(batches) for batches in partners.values() for b in batches}
    # Who names serials counts codes; who names a carton counts what holds nothing.
    holding = _holding(view, codes) if by_carton else {}
    # What lies deepest goes out first: the bottles before their cartons.
    codes = dict(sorted(codes.items(), key=lambda part: part[0] in holding))
    if not request.both:
        return Named(codes, holding, family)
    if all(len(batches) == 1 for batches in partners.values()):
        alone = ", ".join(list(codes)[:5])
        raise UsageError(f"no other batch has codes on the items of {alone}", "leave --both out")
    everyone = merged((b, ranges) for batch, ranges in codes.items() for b in partners[batch])
    ordered = dict(sorted(everyone.items(), key=lambda part: _place(part[0], codes)))
    return Named(ordered, holding, family)


def _place(batch: str, codes: Mapping[str, Ranges]) -> tuple[int, str]:
    """Where a batch stands among the orders: those that are named come first, as they are named."""
    named = list(codes)
    return (named.index(batch) if batch in codes else len(named), batch)


def _holding(view: View, codes: Mapping[str, Ranges]) -> dict[str, Ranges]:
    """Those of the codes that others of them lie in, or that are around one that is named."""
    found: dict[str, set[int]] = {}
    for batch, ranges in codes.items():
        for link in view.parents(batch, ranges):
            found.setdefault(link.parent.batch, set()).add(link.parent.serial)
    return {
        batch: serials.intersect(codes[batch], serials.of(numbers))
        for batch, numbers in found.items()
        if batch in codes
    }
