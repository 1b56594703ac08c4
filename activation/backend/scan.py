"""What a scanned text may mean, and what a scan of a known code is answered. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ...codegen import times
from ...codegen.codes.fingerprint import fingerprint
from ...codegen.codes.spec import canonicalise
from ...codegen.ranges.attributes import Attributes, to_json
from ...codegen.ranges.lifecycle import ApiState
from ...codegen.secret import Secret

CANONICAL_RULES = ("crockford32", "upper")
MAX_SCANS = 1


class Result(StrEnum):
    """The answer to a scan, in one word."""

    GENUINE = "genuine"
    REPEAT = "repeat"
    INACTIVE = "inactive"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    FROZEN = "frozen"
    VOID = "void"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`counts`: the scan uses one of the code's scans up. `early`: the code was not live."""

    result: Result
    counts: bool = False
    early: bool = False


def candidates(text: str, rules: Iterable[tuple[str, int]], key: Secret) -> list[bytes]:
    """Fingerprints `text` may have, under the (canonical rule, length) pairs in use.

    Where none of them fits, under every rule there is: an unknown scan may be a code
    this backend was never told of, and is worth keeping as its fingerprint.
    """
    canonical = {rule: _canonical(rule, text) for rule in CANONICAL_RULES}
    fitting = {
        canonical[rule]
        for rule, length in rules
        if canonical.get(rule) and len(canonical[rule]) == length
    }
    found = fitting or set(canonical.values()) - {""}
    return [fingerprint(code.encode("ascii"), key) for code in sorted(found)]


def verdict(state: ApiState, attributes: Attributes, scans: int, now: datetime) -> Verdict:
    """What a scan at `now` of a code with `scans` counted scans is answered."""
    if state is not ApiState.ACTIVE:
        return Verdict(Result(state.value), early=True)
    values = to_json(attributes)
    starts, ends = values.get("effective_at"), values.get("expires_at")
    if isinstance(starts, str) and now < times.parse(starts):
        return Verdict(Result.NOT_YET, early=True)
    if isinstance(ends, str) and now >= times.parse(ends):
        return Verdict(Result.EXPIRED)
    most = values.get("max_scans")
    allowed = most if isinstance(most, int) else MAX_SCANS
    return Verdict(Result.GENUINE if scans < allowed else Result.REPEAT, counts=True)


def _canonical(rule: str, text: str) -> str:
    """`text` in canonical form, or empty where it can be no code."""
    try:
        return canonicalise(rule, text)
    except ValueError:
        return ""
