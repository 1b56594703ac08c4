"""What the books tell of a code beside its place: product, printer, receipt, activation, dealer.

For many codes at once: a query per batch and per package, however many codes there are.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .ledger.records import Activation, BatchRow
from .ledger.view import View
from .lookup import CodeLocation
from .ranges import attributes, values, windows
from .ranges.aggregation import CodeRef
from .ranges.attributes import Value
from .ranges.serials import Ranges, position, union
from .relations import CodeRelations
from .times import format_utc


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known of a code of ours; None for what is not.

    `contact`: who got its package, a short id and a name. `dealer`, `region`: its own now, or
    those of what it lies in. `receipt`: printed or spoiled, if a receipt names its serial.
    `verified`: whether its printed label was read back and booked. `activation`: the last order
    that activated it; whether it is active its state says.
    """

    product: str | None = None
    contact: str | None = None
    contact_name: str | None = None
    dealer: Value | None = None
    region: Value | None = None
    receipt: str | None = None
    verified: bool | None = None
    activation: Activation | None = None

    def record(self) -> dict[str, Any]:
        """The JSON object; by hand, for there may be thousands."""
        order = self.activation
        return {
            "product": self.product,
            "contact": self.contact,
            "contact_name": self.contact_name,
            "dealer": self.dealer,
            "region": self.region,
            "receipt": self.receipt,
            "verified": self.verified,
            "activation": order and {
                "order": order.order,
                "at": format_utc(order.at, "auto"),
                "line": order.line,
                "status": order.status,
            },
        }  # fmt: skip

    def text(self, own: Mapping[str, object]) -> str:
        """What is added to a line of text, for people, behind attributes `own`, dealer, region."""
        new = self.product and own.get("product") != self.product
        parts = [f"product {self.product}"] if new else []
        parts += [f"given to {self.contact} ({self.contact_name})"] if self.contact else []
        parts += [self.receipt] if self.receipt else []
        parts += ["verified"] if self.verified else []
        parts += [activated(self.activation)] if self.activation else []
        return "".join(f"  {part}" for part in parts)


def activated(order: Activation) -> str:
    """For a line of text: when and by which order, and on which line."""
    line = f" on line {order.line}" if order.line else ""
    unsent = "" if order.status == "acknowledged" else f", {order.status}"
    return f"activated {order.at:%Y-%m-%d %H:%M:%S}Z{line} (order {order.order}{unsent})"


def dossiers(
    view: View,
    found: Mapping[CodeRef, CodeLocation],
    belongs: Mapping[CodeRef, CodeRelations],
    now: datetime,
) -> dict[CodeRef, Dossier]:
    """What the books tell of each of the codes `found`, which are all of this home."""
    rows = {row.batch: row for row in view.batches()}
    contacts = _contacts(view, found)
    activations = _activations(view, found)
    receipts, verified = _printed(view, found)
    made = {}
    for ref, location in found.items():
        own = _worth(location.attributes, now)
        inherited = belongs[ref].inherited
        contact, name = contacts.get(location.package or "", (None, None))
        made[ref] = Dossier(
            product=_product(own, rows[ref.batch]),
            contact=contact,
            contact_name=name,
            dealer=own.get("dealer", inherited.get("dealer")),
            region=own.get("region", inherited.get("region")),
            receipt=receipts.get(ref),
            verified=ref in verified,
            activation=activations.get(ref),
        )
    return made


def _worth(own: Mapping[str, Value], now: datetime) -> Mapping[str, Any]:
    if not any(map(windows.is_window, own)):
        return own
    return values.at(attributes.from_json(own), now)


def _product(own: Mapping[str, Any], row: BatchRow) -> str | None:
    """The attribute of its range before what its batch was minted for."""
    return str(own["product"]) if "product" in own else row.product


def _contacts(view: View, found: Mapping[CodeRef, CodeLocation]) -> dict[str, tuple[str, str]]:
    """Package → id and name of who got it."""
    names = {row.contact: row.name for row in view.contacts()}
    packages = {place.package for place in found.values() if place.package}
    whom = {package: view.package(package).contact for package in packages}
    return {package: (contact, names[contact]) for package, contact in whom.items()}


def _activations(view: View, found: Mapping[CodeRef, object]) -> dict[CodeRef, Activation]:
    of_batch: defaultdict[str, list[int]] = defaultdict(list)
    for ref in found:
        of_batch[ref.batch].append(ref.serial)
    return {
        CodeRef(batch, serial): order
        for batch, serials in of_batch.items()
        for serial, order in view.activations(batch, serials).items()
    }


def _printed(
    view: View, found: Mapping[CodeRef, CodeLocation]
) -> tuple[dict[CodeRef, str], set[CodeRef]]:
    """What receipts say of the codes; and those whose printed labels were verified."""
    of_package: defaultdict[str, list[CodeRef]] = defaultdict(list)
    for ref, place in found.items():
        if place.package:
            of_package[place.package].append(ref)
    said: dict[CodeRef, str] = {}
    verified: set[CodeRef] = set()
    for package, refs in of_package.items():
        outcomes = view.outcomes(package, [ref.serial for ref in refs])
        said |= {ref: outcomes[ref.serial] for ref in refs if ref.serial in outcomes}
        right = verified_serials(view, package)
        verified.update(ref for ref in refs if position(right, ref.serial) is not None)
    return said, verified


def verified_serials(view: View, package: str) -> Ranges:
    """The serials of a package whose printed labels were read, and were right."""
    return union(piece for row in view.verified(package) for piece in row.serials)
