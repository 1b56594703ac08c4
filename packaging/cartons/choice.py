"""Which cartons or pallets get labels, and what the books say of each. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ...codegen.errors import NotFound, Refused
from ...codegen.ledger.records import BatchRow, PackageRow
from ...codegen.ledger.view import View
from ...codegen.mint_sscc import sscc_of
from ...codegen.ranges import notation, serials
from ...codegen.ranges.aggregation import CodeRanges
from ...codegen.ranges.attributes import to_json
from ...codegen.ranges.lifecycle import State
from ...codegen.ranges.roles import PARENTS
from ...codegen.ranges.serials import Range, Ranges
from ..reissue import refuse_lost
from .label import CartonLabel

MAX_LABELS = 10_000


@dataclass(frozen=True)
class ChosenCartons:
    """The codes of a batch that get labels; without `template` these hold an SSCC alone."""

    package: str | None
    batch: str
    role: str
    product: str
    template: str | None
    serials: Ranges


def choose(view: View, name: str, wanted: str, *, sscc_only: bool) -> ChosenCartons:
    """The codes `wanted` of the package `name`; with `sscc_only` it may be a batch.

    Raises `NotFound`, `UsageError` for serials that can't be read, `Refused` for those outside of
    the package, for too many, for void codes alone and for a batch without SSCCs; with codes also
    for those of a lost unit: its labels exist somewhere.
    """
    batch, row = _named(view, name, sscc_only=sscc_only)
    whole = row.serials if row is not None else (Range(1, batch.quantity),)
    every = notation.fold(wanted).lower() in notation.ALL
    ranges = whole if every else notation.parse(wanted, batch.quantity)
    if outside := serials.subtract(ranges, whole):
        raise Refused(
            f"serials {serials.describe(outside)} are not in package {name}",
            f"see: mintmark package show {name}",
            outside=serials.to_pairs(outside[:100]),
        )
    if sscc_only and batch.sscc_prefix is None:
        raise Refused(f"batch {batch.batch} has no SSCCs", "mint cartons with --sscc-prefix PREFIX")
    found = _alive(view, batch.batch, ranges)
    if row is not None and not sscc_only:
        refuse_lost(view, row.package, found)
    if serials.count(found) > MAX_LABELS:
        raise Refused(
            f"{serials.count(found):,} labels; at most {MAX_LABELS:,} at once",
            "name some of them: --serials 1-10000",
        )
    return ChosenCartons(
        package=row.package if row is not None else None,
        batch=batch.batch,
        role=batch.role,
        product=batch.product or "",
        template=row.template if row is not None and not sscc_only else None,
        serials=found,
    )


def _named(view: View, name: str, *, sscc_only: bool) -> tuple[BatchRow, PackageRow | None]:
    """The batch, and the package if one was named."""
    try:
        row = view.package(name)
    except NotFound:
        if not sscc_only:
            raise
        return view.batch(name), None
    if row.template is None or row.status == "superseded":
        raise Refused(
            f"package {name} is {row.status}, not packaged", f"see: mintmark package show {name}"
        )
    return view.batch(row.batch), row


def _alive(view: View, batch: str, wanted: Ranges) -> Ranges:
    """Without void codes. Raises `Refused` if nothing is left."""
    tiles = view.select(batch, wanted)
    found = serials.join(tile.serials for tile in tiles if tile.value.state is not State.VOID)
    if not found:
        raise Refused(
            "every code named is void: there is no label to make",
            f"see: mintmark batch show {batch}",
        )
    return found


def labels_of(view: View, chosen: ChosenCartons) -> Iterator[CartonLabel]:
    """Their labels, by serial, without codes. Raises `Refused` for codes of another role."""
    batch, held = view.batch(chosen.batch), Counter[int]()
    for link in view.held(CodeRanges(chosen.batch, chosen.serials)):
        held[link.parent.serial] += len(link.serials)
    for tile in view.select(chosen.batch, chosen.serials):
        values = to_json(tile.value.attributes)
        role = str(values.get("role") or chosen.role)
        if role not in PARENTS:
            raise Refused(
                f"serials {tile.serials} of batch {chosen.batch} are no cartons or pallets: {role}",
                "labels of reels: leave out --cartons; cartons: mint --role carton",
            )
        for serial in range(tile.serials.first, tile.serials.last + 1):
            yield CartonLabel(
                batch=chosen.batch,
                serial=serial,
                role=role,
                product=str(values.get("product") or chosen.product),
                lot=str(values.get("lot") or ""),
                count=held[serial],
                sscc=sscc_of(batch, serial),
            )
