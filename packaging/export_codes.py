"""The codes of an export: where they come from, and what the archive's are compared with."""

from collections.abc import Iterator, Sequence
from functools import partial

from ..codegen.custody import note_unsealed
from ..codegen.ranges.serials import Range, count
from ..codegen.station.keys import CustodianKey
from ..codegen.station.station import Station
from .formats.dummy import dummy_source
from .formats.spread import Spread
from .package.feed import CodeSource, of_pairs
from .package.job import PackJob
from .preflight.fingerprint_check import BothChecked, FingerprintCheck
from .preflight.verify import CodeFilter


def unsealed(station: Station, job: PackJob, custodian: CustodianKey) -> CodeSource:
    """The codes of the job's batches. `fingerprint_check` proves that they reach the archive.

    Raises `Refused`, `IntegrityError` for a batch that the key does not open: an alarm is booked.
    """
    return _together(job, [_of_batch(station, batch, custodian) for batch in job.batches])


def dummies(job: PackJob, alphabets: Sequence[str]) -> CodeSource:
    """Dummy codes of the job's form; `alphabets` of its batches."""
    sources = [
        dummy_source(alphabet, length, second=bool(which))
        for which, (alphabet, length) in enumerate(zip(alphabets, job.layout.lengths, strict=True))
    ]
    return _together(job, sources)


def fingerprint_check(station: Station, job: PackJob, spread: Spread) -> CodeFilter:
    """The codes in the archive must have the fingerprints minted at their serials."""
    checks = [
        FingerprintCheck(
            batch,
            partial(_minted, station, batch),
            length,
            station.fingerprint_key,
            count(job.serials),
            spread,
        )
        for batch, length in zip(job.batches, job.layout.lengths, strict=True)
    ]
    if len(checks) == 1:
        return checks[0]
    return BothChecked(checks[0], checks[1], job.layout.lengths)


def _minted(station: Station, batch: str, serials: Range) -> Iterator[tuple[int, bytes]]:
    return station.vault.fingerprints(batch, serials, station.station_keys)


def _together(job: PackJob, sources: Sequence[CodeSource]) -> CodeSource:
    """The only source; or the two of a pair as one, so that their codes cannot slip."""
    one, *others = sources
    return of_pairs(one, others[0], job.layout.lengths) if others else one


def _of_batch(station: Station, batch: str, custodian: CustodianKey) -> CodeSource:
    key_id = custodian.public.key_id
    known, wrap_keys = station.station_keys, station.wrap_keys
    note_unsealed(station, batch, custodian, f"export of {batch}")
    return station.vault.unseal(batch, known, wrap_keys, key_id, custodian.sealing).codes
