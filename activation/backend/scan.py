"""What a scanned text may mean, and what a scan of a known code is answered. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from ...codegen import times
from ...codegen.codes.fingerprint import fingerprint
from ...codegen.codes.spec import canonicalise
from ...codegen.ranges.lifecycle import ApiState
from ...codegen.secret import Secret
from ..client.wire import Party

CANONICAL_RULES = ("crockford32", "upper")
MAX_SCANS = 1
# The attribute that says how many scans of a party are genuine.
_MOST = MappingProxyType(
    {
        Party.CONSUMER: "max_scans",
        Party.GUIDE: "guide_scans",
        Party.DEALER: "dealer_scans",
        Party.STORE: "store_scans",
    }
)


class ScanResult(StrEnum):
    """The answer to a scan, as a single word."""

    GENUINE = "genuine"
    REPEAT = "repeat"
    INACTIVE = "inactive"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    FROZEN = "frozen"
    VOID = "void"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ScanVerdict:
    """`counts`: the scan uses up a scan of the code. `early`: the code was not active yet."""

    result: ScanResult
    counts: bool = False
    early: bool = False


def candidates(text: str, rules: Iterable[tuple[str, int]], key: Secret) -> list[bytes]:
    """Fingerprints `text` may have, under the (canonical rule, length) pairs in use.

    If no pair fits, under every rule there is: an unknown scan may be of a code whose batch
    was never registered here, and its fingerprint is worth keeping.
    """
    canonical = {rule: _canonical(rule, text) for rule in CANONICAL_RULES}
    fitting = {
        canonical[rule]
        for rule, length in rules
        if canonical.get(rule) and len(canonical[rule]) == length
    }
    found = fitting or set(canonical.values()) - {""}
    return [fingerprint(code.encode("ascii"), key) for code in sorted(found)]


def verdict(
    state: ApiState,
    values: Mapping[str, Any],
    scans: int,
    now: datetime,
    party: Party = Party.CONSUMER,
) -> ScanVerdict:
    """The answer to a scan by `party`, of which `scans` scans of the code were counted.

    `values`: the attributes that hold `now`; their validity is that of the code at any time.
    """
    if state is not ApiState.ACTIVE:
        return ScanVerdict(ScanResult(state.value), early=True)
    starts, ends = values.get("effective_at"), values.get("expires_at")
    if isinstance(starts, str) and now < times.parse(starts):
        return ScanVerdict(ScanResult.NOT_YET, early=True)
    if isinstance(ends, str) and now >= times.parse(ends):
        return ScanVerdict(ScanResult.EXPIRED)
    most = values.get(_MOST[party])
    allowed = most if isinstance(most, int) else MAX_SCANS
    return ScanVerdict(ScanResult.GENUINE if scans < allowed else ScanResult.REPEAT, counts=True)


def _canonical(rule: str, text: str) -> str:
    """`text` in canonical form, or empty if it cannot be a code."""
    try:
        return canonicalise(rule, text)
    except ValueError:
        return ""
