"""The SSCCs of a batch: a block in a row, of which no other batch has any."""

from collections.abc import Iterable
from dataclasses import dataclass

from . import sscc
from .errors import Refused, UsageError
from .ledger.changes import BatchMinted
from .ledger.view import View
from .station.older_copy import lost_since

FIRST = 1  # serial reference: that of serial n is n then


@dataclass(frozen=True)
class SsccRequest:
    """The company prefix and extension digit of the SSCCs that the codes of a batch stand for.

    `first`: the serial reference of serial 1; None: after the highest of this home.
    """

    prefix: str
    extension: int = 0
    first: int | None = None


@dataclass(frozen=True)
class SsccBlock:
    """The SSCCs of a batch: serial references `first` to `last`, and the first and last number."""

    prefix: str
    extension: int
    first: int
    last: int
    first_sscc: str
    last_sscc: str


def asked(
    prefix: str | None, extension: int | None = None, first: int | None = None
) -> SsccRequest | None:
    """What three options ask for. Raises `UsageError` for one of the others without a prefix."""
    if prefix is not None:
        # As people write it: 6 901 234.
        return SsccRequest(prefix.replace(" ", ""), extension or 0, first)
    if extension is not None or first is not None:
        raise UsageError(
            "--sscc-extension and --sscc-first need the company's prefix", "--sscc-prefix 6901234"
        )
    return None


def check(request: SsccRequest, quantity: int) -> None:
    """Raises `UsageError` for numbers that no SSCC has, wherever the block begins."""
    sscc.check_block(request.prefix, request.extension, request.first or 0, quantity)


def first_of(request: SsccRequest, quantity: int, batches: Iterable[BatchMinted]) -> int:
    """The serial reference of serial 1: as asked for, or after the highest of `batches`.

    Raises `Refused` if one of `batches` has an SSCC of that block, or no room is left.
    """
    blocks = [(batch, block) for batch in batches if (block := block_of(batch)) is not None]
    first = request.first
    if first is None:
        same = (request.prefix, request.extension)
        first = max(
            (b.last + 1 for _, b in blocks if (b.prefix, b.extension) == same), default=FIRST
        )
        if first + quantity - 1 > sscc.largest(request.prefix):
            raise Refused(
                f"company prefix {request.prefix} with extension digit {request.extension} has no "
                f"{quantity:,} SSCCs left after reference {first - 1}",
                "take another extension digit: --sscc-extension",
            )
    begin = sscc.number(request.prefix, request.extension, first)
    for batch, block in blocks:
        other = sscc.number_of(block.first_sscc)
        if begin < other + batch.quantity and other < begin + quantity:
            raise Refused(
                f"batch {batch.batch} has SSCCs of that block already, references {block.first} "
                f"to {block.last} of company prefix {block.prefix}",
                "leave out --sscc-first: they begin after the highest; no SSCC is given twice",
                batch=batch.batch,
            )
    return first


def refuse_unknown(view: View, request: SsccRequest) -> None:
    """Raises `Refused` if a lost home may have given numbers after the highest that is known here.

    Once a first number was named after the loss, the next follow it.
    """
    lost, own = lost_since(view), (request.prefix, request.extension)
    if request.first is None and lost:
        since = (row for row in view.batches() if view.minted_by(row.batch) > lost)
        if all((row.sscc_prefix, row.sscc_extension) != own for row in since):
            raise Refused(
                "a newer home was lost: which SSCCs it gave is not known here",
                "find the highest on your labels and shipping notices, and begin well after it: "
                "--sscc-first",
            )


def block_of(batch: BatchMinted) -> SsccBlock | None:
    """The SSCCs of a batch; None if it has none."""
    if batch.sscc_prefix is None:
        return None
    prefix, extension, first = batch.sscc_prefix, batch.sscc_extension or 0, batch.sscc_first or 0
    last = first + batch.quantity - 1
    return SsccBlock(
        prefix=prefix,
        extension=extension,
        first=first,
        last=last,
        first_sscc=sscc.build(prefix, extension, first),
        last_sscc=sscc.build(prefix, extension, last),
    )


def sscc_of(batch: BatchMinted, serial: int) -> str | None:
    """The SSCC of a code of `batch`; None if the batch has none."""
    if batch.sscc_prefix is None:
        return None
    reference = (batch.sscc_first or 0) + serial - 1
    return sscc.build(batch.sscc_prefix, batch.sscc_extension or 0, reference)
