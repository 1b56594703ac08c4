"""What the books tell of the labels of a proof, each as `locate` tells it; and their booking."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ...codegen.dossier import verified_serials
from ...codegen.errors import Refused
from ...codegen.ledger.changes import LabelsVerified
from ...codegen.ledger.records import Activation
from ...codegen.ledger.view import View
from ...codegen.locate import LocatedCode, PictureSpot, named_by
from ...codegen.ranges.aggregation import CodeRef
from ...codegen.ranges.serials import Ranges, intersect, of, position, subtract
from ...codegen.station.station import Station
from .print_result import ActivatedLabels, PartnerLabels, PrintedPackage
from .recognise import Read


def labels_of(
    station: Station, read: Sequence[Read], pages: Sequence[tuple[Path, int]]
) -> list[tuple[Read, LocatedCode]]:
    """What is known of each symbol that holds a code of this home; not of dummy codes."""
    refs = {CodeRef(item.batch, item.serial) for item in read if item.batch and not item.test}
    found = named_by(station, refs)
    return [
        (item, replace(found[CodeRef(item.batch, item.serial)], picture=_spot(item, pages)))
        for item in read
        if item.batch and not item.test
    ]


def _spot(item: Read, pages: Sequence[tuple[Path, int]]) -> PictureSpot:
    file, page = pages[item.picture]
    return PictureSpot(file.absolute(), page, round(item.symbol.x), round(item.symbol.y))


def told(
    view: View, package: PrintedPackage, labels: Sequence[tuple[Read, LocatedCode]]
) -> PrintedPackage:
    """`package` with what the books tell of its `labels`, which may be of others too."""
    if package.test:
        return package
    group = package.batch or "", package.package or "", False
    own = [label for item, label in labels if item.group == group]
    dossiers = [label.dossier for label in own]
    products = {dossier.product for dossier in dossiers}
    orders: defaultdict[Activation, list[int]] = defaultdict(list)
    for label in own:
        if label.dossier.activation is not None:
            orders[label.dossier.activation].append(label.serial or 0)
    pairs = {(pair.batch, pair.role) for label in own for pair in label.belongs.pairs}
    return replace(
        package,
        contact=dossiers[0].contact,
        contact_name=dossiers[0].contact_name,
        product=products.pop() if len(products) == 1 else None,
        activations=tuple(_activated(orders)),
        partners=tuple(PartnerLabels(*pair) for pair in sorted(pairs)),
        verified=_before(view, package),
    )


def _before(view: View, package: PrintedPackage) -> Ranges:
    if package.package is None:
        return ()
    return intersect(package.serials, verified_serials(view, package.package))


def _activated(orders: dict[Activation, list[int]]) -> Iterator[ActivatedLabels]:
    for order in sorted(orders, key=lambda order: (order.at, order.order)):
        yield ActivatedLabels(order.order, order.at, order.line, order.status, of(orders[order]))


def book(
    station: Station, packages: Sequence[PrintedPackage], read: Sequence[Read]
) -> tuple[PrintedPackage, ...]:
    """`packages` of a right proof, what is new in them booked as verified: all, or nothing.

    Raises `Refused` if another process booked some of it meanwhile.
    """
    done = [
        package if package.test else replace(
            package, booked=subtract(package.serials, package.verified)
        )
        for package in packages
    ]  # fmt: skip
    changes = [_change(package, read) for package in done if package.booked]

    def guard(view: View) -> None:
        for change in changes:
            if intersect(change.serials, verified_serials(view, change.package)):
                raise Refused(
                    f"labels of package {change.package} were booked as verified meanwhile",
                    "run the command once more: it books what is left",
                )

    if changes:
        station.ledger.commit(station.author, *changes, guard=guard)
    return tuple(done)


def _change(package: PrintedPackage, read: Sequence[Read]) -> LabelsVerified:
    new = [
        item
        for item in read
        if item.group == (package.batch or "", package.package or "", False)
        and position(package.booked, item.serial) is not None
    ]
    return LabelsVerified(
        package=package.package or "",
        units=tuple(sorted({item.unit for item in new if item.unit})),
        serials=package.booked,
        pictures=len({item.picture for item in new}),
        codes=len(new),
    )
