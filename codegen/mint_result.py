"""What a mint returns: a new batch, or the batch minted before under the same reference."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from . import ids
from .codes import offline
from .codes.spec import CodeSpec
from .errors import IntegrityError, Refused
from .ledger.changes import BatchMinted
from .ledger.records import BatchRow
from .mint_request import MintRequest, digest
from .mint_sscc import SsccBlock, block_of
from .ranges import roles
from .ranges.serials import Range, Ranges
from .result import Result


@dataclass(frozen=True)
class MintResult(Result):
    """The batch, and how hard its codes were to guess as it was minted.

    Serial n of `pair_of` is on the same item as serial n; `sscc` is what serials 1 to the last
    have. `offline_seconds`: how long a thief of fingerprint key and fingerprint file needs for a
    code, on the card that `codes.offline` names.
    """

    batch: str
    quantity: int
    serials: Ranges
    alphabet: str
    length: int
    entropy_bits: float
    guess_probability: float
    offline_bits: float
    offline_seconds: float
    product: str | None
    ref: str | None
    role: str
    pair_of: str | None
    sscc: SsccBlock | None
    repeated: bool = False

    def lines(self) -> Iterator[str]:
        """The batch, then the statement on guessing."""
        repeated = " (minted before under this --ref)" if self.repeated else ""
        yield f"batch {self.batch}  {self.quantity:,} codes, sealed{repeated}"
        yield from purpose(self.role, self.pair_of, self.sscc)
        yield f"  code     {self.length} symbols of {self.alphabet}, {self.entropy_bits:.1f} bits"
        guess = f"{self.guess_probability:.2g}"
        yield f"  a guess  is right with probability {guess} (law: below 1e-04)"
        needs = "needed, at issue," if self.repeated else "needs"
        tries = f"2^{self.offline_bits:.1f} tries"
        yield f"  a thief  of the fingerprints {needs} {tries} for one code:"
        yield f"           {offline.told(self.offline_bits)}"
        yield f"next: mintmark export {self.batch} --to CONTACT --out DIR"


def found(row: BatchRow, spec: CodeSpec, request: MintRequest) -> MintResult:
    """The batch minted before. Raises `Refused` if it was minted by another request."""
    if row.request_digest != digest(request, spec):
        ref = ids.shown(row.ref or "", name=True)
        raise Refused(
            f"--ref {ref} was used for batch {row.batch}, and this request differs",
            "repeat the very same request, or give a new --ref",
            batch=row.batch,
        )
    return result_of(row, spec, repeated=True)


def result_of(batch: BatchMinted, spec: CodeSpec, *, repeated: bool = False) -> MintResult:
    """The result for a batch that is booked. Raises `IntegrityError` for damaged books."""
    _, bits = booked_bits(batch)
    return MintResult(
        batch=batch.batch,
        quantity=batch.quantity,
        serials=(Range(1, batch.quantity),),
        alphabet=spec.name,
        length=batch.length,
        entropy_bits=batch.entropy_bits,
        guess_probability=batch.guess_probability,
        offline_bits=bits,
        offline_seconds=offline.seconds(bits),
        product=batch.product,
        ref=batch.ref,
        role=batch.role,
        pair_of=batch.pair_of,
        sscc=block_of(batch),
        repeated=repeated,
    )


def purpose(role: str, pair_of: str | None, block: SsccBlock | None) -> Iterator[str]:
    """What the codes of a batch are for, unless they are one on an item."""
    if role != "item":
        yield f"  role     {role}: codes {roles.MEANINGS.get(role, '')}"
    if pair_of is not None:
        yield f"  pair     serial n is on the same item as serial n of batch {pair_of}"
    if block is not None:
        yield f"  SSCC     {block.first_sscc} to {block.last_sscc}"


def booked_bits(batch: BatchMinted) -> tuple[float, float]:
    """Entropy and offline strength of a batch as it was minted, in bits.

    Raises `IntegrityError` if the books hold no numbers there.
    """
    booked = (batch.entropy_bits, batch.offline_bits)
    try:
        sound = all(map(math.isfinite, booked))
    except TypeError:  # annotations bind no database: a damaged one gives texts
        sound = False
    if not sound:
        raise IntegrityError(
            f"the books hold no number as the strength of batch {batch.batch}",
            "bring ledger.db back from your copy of the home; see: mintmark audit verify",
        )
    return booked
