"""What a code stands for (role): one list for mint, header, attributes and contract. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import UsageError

ROLES = ("item", "inner", "outer", "carton", "pallet", "batch", "guide")
# Other codes lie in them; they alone may carry an SSCC.
PARENTS = frozenset({"carton", "pallet"})
# How a person reads it of a batch: "codes for cartons".
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "item": "for items",
        "inner": "for the inside of items",
        "outer": "for the outside of items",
        "carton": "for cartons",
        "pallet": "for pallets",
        "batch": "of a whole lot, one on many items",
        "guide": "for guide cards",
    }
)


def check(role: str, name: str) -> None:
    """Raises `UsageError` for a word that is no role; `name` says where it stands."""
    if role not in ROLES:
        raise UsageError(f"{name} is none of the roles", f"the roles: {', '.join(ROLES)}")
