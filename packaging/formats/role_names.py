"""What the codes of a role are called on papers and labels."""

from collections.abc import Mapping
from types import MappingProxyType

ROLES_ZH: Mapping[str, str] = MappingProxyType(
    {
        "item": "单品码",
        "inner": "内码",
        "outer": "外码",
        "carton": "箱码",
        "pallet": "垛码",
        "batch": "批次码",
        "guide": "导购码",
    }
)
