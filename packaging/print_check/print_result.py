"""What `package verify-print` says of a proof: pictures, packages, and each label that was read."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from ...codegen.dossier import activated
from ...codegen.ledger.records import Activation
from ...codegen.locate import LocatedCode
from ...codegen.ranges.serials import Ranges, describe
from ...codegen.result import Result
from ...codegen.result import to_json as plain

MIN_ORDERED = 3  # symbols; fewer have no order
_PLACES_SHOWN, _ORDERS_SHOWN, _LABELS_SHOWN = 5, 5, 12
_FAULTS = (
    *("doubled", "missing", "out_of_order", "void", "other_address"),
    *("mirrored", "light_on_dark"),
)


@dataclass(frozen=True)
class PrintedPicture:
    """A page of a file, and how many symbols were read on it.

    `unreadable`: the centres of the other symbols, in pixels from the upper left corner.
    `ordered` is None if the order is not known.
    """

    file: Path
    page: int
    symbols: int
    unreadable: tuple[tuple[int, int], ...]
    ordered: bool | None


@dataclass(frozen=True)
class ActivatedLabels:
    """An order that activated labels of a proof, and which."""

    order: str
    at: datetime
    line: str | None
    status: str
    serials: Ranges

    def line_of_text(self) -> str:
        """What people read of it."""
        shown = Activation(self.order, self.at, self.line, self.status)
        return f"serials {describe(self.serials)}: {activated(shown)}"


@dataclass(frozen=True)
class PartnerLabels:
    """A batch whose codes stand on the same items as those that were read, serial by serial."""

    batch: str
    role: str


@dataclass(frozen=True)
class PrintedPackage:
    """The symbols of a package; of codes that are in no package if `package` is None.

    `test`: dummy codes, of a test package, which is not in the books. `doubled`: serials
    found twice in a file; `missing`: serials not found between others; `void`: codes that
    must not be used; `other_address`: symbols that were not made by the package's template.
    `mirrored`, `light_on_dark`: symbols that look so, though the profile does not ask for it, or
    asks for it and the others in the picture look otherwise. `notes`: looks that may be right.

    `contact`: who got the package. `activations`: the orders by which these labels are active, or
    were. `partners`: batches with codes on the same items. `verified` were booked as verified
    before, `booked` by this command.
    """

    package: str | None
    batch: str | None
    test: bool
    units: tuple[str, ...]
    serials: Ranges
    symbols: int
    doubled: Ranges
    missing: Ranges
    out_of_order: Ranges
    void: Ranges
    other_address: Ranges
    mirrored: Ranges = ()
    light_on_dark: Ranges = ()
    notes: tuple[str, ...] = ()
    contact: str | None = None
    contact_name: str | None = None
    product: str | None = None
    activations: tuple[ActivatedLabels, ...] = ()
    partners: tuple[PartnerLabels, ...] = ()
    verified: Ranges = ()
    booked: Ranges = ()

    def lines(self) -> Iterator[str]:
        """The package, then what is wrong with its symbols."""
        of = f" of batch {self.batch}" if self.batch else ""
        kind = f"package {self.package}" if self.package else "codes in no package"
        yield f"{'a test package' if self.test else kind}{of}: serials {describe(self.serials)}"
        if self.units:
            yield f"  units         {', '.join(self.units[:5])}{' …' * (len(self.units) > 5)}"
        for name in _FAULTS:
            if found := getattr(self, name):
                yield f"  {name.replace('_', ' '):<13} {describe(found)}"
        for note in self.notes:
            yield f"  {note}"
        yield from self._told()

    def _told(self) -> Iterator[str]:
        """What the books tell of its labels."""
        if self.product:
            yield f"  product       {self.product}"
        if self.contact:
            yield f"  given to      {self.contact} ({self.contact_name})"
        for partner in self.partners:
            yield f"  with          {partner.role} {partner.batch}, of the same serials"
        for order in self.activations[:_ORDERS_SHOWN]:
            yield f"  {order.line_of_text()}"
        if (more := len(self.activations) - _ORDERS_SHOWN) > 0:
            yield f"  and {more:,} more orders: --json tells all"
        if self.verified:
            yield f"  verified      {describe(self.verified)}, booked before"
        if self.booked:
            yield f"  verified      {describe(self.booked)}, booked now"

    @property
    def right(self) -> bool:
        """Whether nothing is wrong with it."""
        wrong = any(getattr(self, name) for name in _FAULTS)
        return (self.test or self.package is not None) and not wrong


@dataclass(frozen=True)
class PrintVerified(Result):
    """The whole proof. `unknown`: how many symbols hold no code of this home.

    `labels`: what the books tell of each symbol that was read, as `locate` tells it; without the
    dummy codes of test packages. `book`: whether what is right was to be booked as verified.
    """

    ok: bool
    symbols: int
    unreadable: int
    unknown: int
    packages: tuple[PrintedPackage, ...]
    pictures: tuple[PrintedPicture, ...]
    labels: tuple[LocatedCode, ...] = ()
    book: bool = False

    @property
    def reads(self) -> bool:
        """Whether nothing was booked."""
        return not any(package.booked for package in self.packages)

    def records(self) -> Iterator[dict[str, Any]]:
        """One JSON object; its labels are those that `locate` prints."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        del found["book"], found["labels"]
        known: dict[int, Any] = {}
        yield plain(found) | {"labels": [label.record(known) for label in self.labels]}

    @property
    def exit_code(self) -> int:
        """5 if something is wrong with the proof."""
        return 0 if self.ok else 5

    def lines(self) -> Iterator[str]:
        """Package by package; then the symbols that could not be read."""
        symbols, pictures = self.symbols, len(self.pictures)
        yield (
            f"{symbols:,} symbol{'s' * (symbols != 1)} read "
            f"in {pictures:,} picture{'s' * (pictures != 1)}"
        )
        for package in self.packages:
            yield from package.lines()
        if self.unknown:
            yield f"symbols that hold no code of this home: {self.unknown:,}"
        for picture in self.pictures:
            page = f"{picture.file.name}, page {picture.page}"
            if not picture.symbols and not picture.unreadable:
                yield f"{page}: no symbol"
            if picture.unreadable:
                shown = ", ".join(f"({x}, {y})" for x, y in picture.unreadable[:_PLACES_SHOWN])
                more = " …" * (len(picture.unreadable) > _PLACES_SHOWN)
                yield f"{page}: {len(picture.unreadable)} unreadable, at pixels {shown}{more}"
            if picture.ordered is None and picture.symbols >= MIN_ORDERED:
                yield f"{page}: the symbols do not lie in lines, so their order is not known"
        if len(self.labels) <= _LABELS_SHOWN:
            yield from (label.text() for label in self.labels)
        yield "the proof is right" if self.ok else "the proof is not right"
        yield from self._booking()

    def _booking(self) -> Iterator[str]:
        if not self.book or not self.reads:
            return
        if not self.ok:
            yield "nothing was booked as verified"
        elif any(package.verified for package in self.packages):
            yield "nothing was booked: these labels are booked as verified already"
        else:
            yield "nothing was booked: the labels of a test package are not in the books"
