"""How a check leaves the backend: its batches void, its unknown scans taken back.

A backend takes an unknown scan out of its list when the code comes to life. So a batch of the
check's own brings the fingerprints that it scanned in vain to life, and is voided at once.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ...codegen.errors import EnvironmentFailure
from .noise import unknown_rows
from .outcome import MALFORMED, SILENT, Broken, NotOffered
from .trial import Trial

# Leaving never fails.
FAILURES = (Broken, NotOffered, EnvironmentFailure, *MALFORMED)
UPLOAD = 65_536
# Of codes that differ by their lot alone, one long range is left.
_PLAIN: Mapping[str, Any] = MappingProxyType({"attributes": {"lot": None}})


@dataclass(frozen=True)
class Left:
    """What stays at the backend: counted scans, and fingerprints in its list of unknown scans.

    `alive`: those of the `batches` that could not be voided.
    """

    batches: tuple[str, ...]
    scans: int
    unknown: frozenset[bytes]
    alive: tuple[str, ...] = ()


def leave(t: Trial) -> Left:
    """Void every batch and take back the unknown scans, as far as the backend allows."""
    unknown = frozenset(t.noise.fingerprints())
    with contextlib.suppress(*FAILURES):
        unknown = _taken_back(t, unknown)
    batches = list(t.batches())
    alive = [batch.batch for batch in batches]
    silent = 0
    for batch in batches:
        try:
            _void(batch)
        except EnvironmentFailure:
            silent += 1
            if silent == SILENT:
                break
        except FAILURES:
            continue
        else:
            alive.remove(batch.batch)
    return Left(tuple(batch.batch for batch in batches), t.noise.counted, unknown, tuple(alive))


def _taken_back(t: Trial, fingerprints: frozenset[bytes]) -> frozenset[bytes]:
    """What of `fingerprints` is listed as unknown even then."""
    listed = sorted(_listed(t) & fingerprints)[:UPLOAD]
    if not listed:
        return frozenset()
    noise = t.other("noise", quantity=len(listed))
    noise.upload(1, b"".join(listed))
    noise.done("activate", (1, len(listed)))
    return frozenset(_listed(t) & fingerprints)


def _listed(t: Trial) -> set[bytes]:
    return {bytes.fromhex(str(row["fingerprint"])) for row in unknown_rows(t.probe)}


def _void(t: Trial) -> None:
    everything = (1, t.form.quantity)
    spans = [item["serials"] for item in t.ranges(everything) if item["state"] != "void"]
    alive = sum(last - first + 1 for first, last in spans)
    t.order("void", everything, reason="other", count=alive, skip=["void"], **_PLAIN)
    # Read once more, with all there is to compare: for a check that asks again.
    states = {item["state"] for item in t.ranges(everything, digests=True)}
    t.probe("GET", f"/v1/batches/{t.batch}/parents?after=0")
    if states != {"void"}:
        raise Broken("void", states)
