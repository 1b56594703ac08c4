"""What a key of an order means if it is left out."""

from types import MappingProxyType
from typing import Any, Final

DEFAULTS: Final[MappingProxyType[str, Any]] = MappingProxyType(
    {
        "skip": [],
        "count": None,
        "from": None,
        "attributes": {},
        "effective_at": None,
        "expires_at": None,
        "reason": None,
        "dry_run": False,
        "audit_head": None,
    }
)
