"""Batches whose codes are on the same items: which are packaged together, and who holds both."""

from collections.abc import Iterator

from ..codegen.errors import Refused, UsageError
from ..codegen.ledger.records import BatchRow
from ..codegen.ledger.view import View
from ..codegen.ranges import serials
from ..codegen.ranges.serials import Ranges
from .package.job import PackJob

_HANDED = ("packaged", "superseded", "begun")


def partner(view: View, batch: BatchRow, pair: str | None) -> BatchRow | None:
    """The batch `pair`, whose codes are on the same items as those of `batch`.

    Raises `NotFound`; `UsageError` for the batch itself; `Refused` if it is no partner.
    """
    if pair is None:
        return None
    if pair == batch.batch:
        raise UsageError("a batch is no pair with itself", "--with names the other batch")
    row, partners = view.batch(pair), view.partners(batch.batch)
    if row.batch not in {other.batch for other in partners}:
        named = ", ".join(f"{other.batch} ({other.role})" for other in partners)
        raise Refused(
            f"batch {pair} is no partner of batch {batch.batch}: their codes are not on the same"
            " items",
            f"its partners: {named}" if named else f"batch {batch.batch} has no partner at all",
            f"without --with, batch {batch.batch} is packaged alone",
            partners=[other.batch for other in partners],
        )
    return row


def held_already(view: View, job: PackJob) -> Iterator[str]:
    """A sentence for each package of a partner that the contact has, if this one is another."""
    for other in () if job.test or job.second is not None else view.partners(job.batch):
        for row in view.packages(other.batch):
            # A package of both batches is no second half of anything.
            if job.batch in row.batches or row.status not in _HANDED:
                continue
            if row.contact == job.contact_id:
                yield (
                    f"note: contact {row.contact} has package {row.package} of batch {other.batch}"
                    f" ({other.role}), whose codes are on the same items:"
                    f" {_in_common(serials.intersect(job.serials, row.serials))}"
                )


def _in_common(shared: Ranges) -> str:
    if not shared:
        return "of other serials so far; to keep the two apart, take another contact"
    return (
        f"one printer then holds both codes of serials {serials.describe(shared)}; to keep them"
        " apart, take another contact"
    )
