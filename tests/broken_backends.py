"""The reference backend, broken in one place at a time, as a tired team might build it.

`VARIANTS` is the table. Which clauses each fails is kept in `broken/caught.json`, as
`MINTMARK_WRITE_GOLDEN=1 make test-contract` saw it, and judged by whoever commits it.
"""

import json
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from broken.site import FAULTS, built
from conformance_kit import again, checked, traced

from mintmark.activation.conformance.depth import Depth
from mintmark.activation.conformance.kit import AREAS

SHOWN = 10  # clauses in a row of the document's table
CAUGHT = Path(__file__).parent / "broken" / "caught.json"
# In the order of the table: each module adds its faults as it is imported.
MODULES = (
    *("orders", "attributes", "kept", "identity", "guards", "refusals", "books", "reading"),
    *(
        "scans",
        "folding",
        "early",
        "windows",
        "watching",
        "taking_in",
        "packing",
        "http",
        "signatures",
        "scopes",
    ),
    *("parties", "restarts"),
)
for module in MODULES:
    import_module(f"broken.{module}")
# For tests of what a line makes of such a backend.
Forgetful = import_module("broken.kept").Forgetful
DEEP = {"edge-repeated", "edge-lost", "list-never-ends"}  # by what a thorough check asks only
THOROUGH = frozenset(c.name for area in AREAS for c in area if c.depth is Depth.THOROUGH)
SIGNED = {f"broken.{name}" for name in ("signatures", "scopes", "parties", "restarts")}
# What a check of a variant that restarts tries before: enough to ask again.
BEFORE = frozenset(
    {"orders.once", "orders.refusal-stays", "scans.scan-id", "read.head", "scopes.permitted"}
    | {"aggregations.once", "aggregations.kept", "aggregations.joined"}
)


@dataclass(frozen=True)
class Variant:
    """`fault`: how it is made, see `broken.site`. `clauses`: those that it fails, and no others.

    `deep`: whether a thorough check is needed. `sequences`: whether they catch it by themselves.
    """

    name: str
    says: str
    fault: object
    signed: bool
    deep: bool
    clauses: frozenset[str]
    sequences: bool

    @property
    def restarts(self) -> bool:
        """Whether it shows after a restart only: then an earlier check is asked again."""
        return self.fault.__module__ == "broken.restarts"


def attempted(variant, folder, only, **options):
    """The checks of a variant whose books lie in `folder`, by the clauses `only`."""
    sign = variant.signed
    if variant.restarts:
        with built(variant.fault, folder, sign=sign) as url:
            traced(url, folder / "trace", BEFORE, sign=sign)
        with built(variant.fault, folder, sign=sign, revoked={"second"}) as url:
            return [again(url, folder / "trace", sign=sign)]
    with built(variant.fault, folder, sign=sign) as url:
        checks = [checked(url, sign=sign, only=only, **options)]
        if variant.deep and only & THOROUGH:
            thorough = options | {"depth": Depth.THOROUGH}
            checks.append(checked(url, sign=sign, only=only & THOROUGH, **thorough))
        return checks


def _variant(fault, caught):
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|_", "-", fault.__name__).lower()
    seen = caught.get(name, {"clauses": [], "sequences": False})
    signed = fault.__module__ in SIGNED
    clauses = frozenset(seen["clauses"])
    return Variant(name, fault.__doc__, fault, signed, name in DEEP, clauses, seen["sequences"])


def _caught():
    return json.loads(CAUGHT.read_text("utf-8")) if CAUGHT.exists() else {}


VARIANTS = tuple(_variant(fault, _caught()) for fault in FAULTS)


def table():
    """The rows of the document's table, in Markdown."""
    yield "| variant | what it does wrong | clauses that fail | sequences |"
    yield "| --- | --- | --- | --- |"
    for variant in VARIANTS:
        clauses = [f"`{clause}`" for clause in sorted(variant.clauses)]
        if len(clauses) > SHOWN:
            clauses[SHOWN:] = [f"and {len(clauses) - SHOWN} more"]
        found = "yes" if variant.sequences else ""
        yield f"| {variant.name} | {variant.says} | {' '.join(clauses)} | {found} |"
