"""The reference backend, broken in one place at a time, as a tired team might build it.

`VARIANTS` is the table. Which clauses each fails is kept in `broken/caught.json`, as
`MINTMARK_WRITE_GOLDEN=1 make test-contract` saw it, and judged by whoever commits it.
"""

import json
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from broken.site import FAULTS

from mintmark.activation.conformance.depth import Depth

CAUGHT = Path(__file__).parent / "broken" / "caught.json"
# In the order of the table: each module adds its faults as it is imported.
MODULES = (
    *("orders", "attributes", "kept", "identity", "guards", "refusals", "books", "reading"),
    *("scans", "folding", "early", "http", "signatures", "scopes"),
)
for module in MODULES:
    import_module(f"broken.{module}")
DEEP = {"digest-uncut", "digests-unbounded"}  # seen by a thorough check only
SIGNED = {"broken.signatures", "broken.scopes"}


@dataclass(frozen=True)
class Variant:
    """`fault`: how it is made, see `broken.site`. `clauses`: those that it fails, and no others.

    `depth`: how deep a check has to go. `sequences`: whether they catch it by themselves.
    """

    name: str
    says: str
    fault: object
    signed: bool
    depth: Depth
    clauses: frozenset[str]
    sequences: bool


def _variant(fault, caught):
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|_", "-", fault.__name__).lower()
    seen = caught.get(name, {"clauses": [], "sequences": False})
    signed = fault.__module__ in SIGNED
    depth = Depth.THOROUGH if name in DEEP else Depth.NORMAL
    clauses = frozenset(seen["clauses"])
    return Variant(name, fault.__doc__, fault, signed, depth, clauses, seen["sequences"])


def _caught():
    return json.loads(CAUGHT.read_text("utf-8")) if CAUGHT.exists() else {}


VARIANTS = tuple(_variant(fault, _caught()) for fault in FAULTS)


def table():
    """The rows of the document's table, in Markdown."""
    yield "| variant | what it does wrong | clauses that fail | sequences |"
    yield "| --- | --- | --- | --- |"
    for variant in VARIANTS:
        clauses = " ".join(f"`{clause}`" for clause in sorted(variant.clauses))
        found = "yes" if variant.sequences else ""
        yield f"| {variant.name} | {variant.says} | {clauses} | {found} |"
