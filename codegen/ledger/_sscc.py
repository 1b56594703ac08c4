"""The SSCCs of batches: a block of numbers each, none ever given twice.

Blocks are compared by the 17 digits before the check digit, as text of that length: prefixes of
different lengths share numbers. Column `sscc_from` holds the first of a batch.
"""

from typing import Any

from sqlalchemy import Connection, select

from .. import sscc
from ..errors import Refused, UsageError
from ..ranges import roles
from . import _tables
from .changes import BatchMinted

_b = _tables.batches.c
_DIGITS = sscc.DIGITS - 1


def reserve(connection: Connection, change: BatchMinted) -> str | None:
    """The first 17 digits of the batch's block; None without one.

    Raises `UsageError` for a block that there is none of, `Refused` if some of it is taken.
    """
    prefix, extension, first = change.sscc_prefix, change.sscc_extension, change.sscc_first
    if prefix is None or extension is None or first is None:
        if (prefix, extension, first) != (None, None, None):
            raise UsageError("SSCCs have a company prefix, an extension digit and a first number")
        return None
    if change.role not in roles.PARENTS:
        raise UsageError("only cartons and pallets have SSCCs", "--role carton, or --role pallet")
    sscc.check_block(prefix, extension, first, change.quantity)
    low = sscc.number(prefix, extension, first)
    before = _at_or_before(connection, low + change.quantity - 1)
    if before is not None and int(before.sscc_from) + before.quantity > low:
        raise Refused(
            f"SSCCs of batch {before.batch} are among these: none is given twice",
            "leave out --sscc-first, and the first free ones are taken",
        )
    return _text(low)


def _at_or_before(connection: Connection, number: int) -> Any:  # noqa: ANN401 - a row, or None
    """The batch whose block begins at `number`, or last before it."""
    query = select(_b.batch, _b.quantity, _b.sscc_from).where(_b.sscc_from <= _text(number))
    return connection.execute(query.order_by(_b.sscc_from.desc()).limit(1)).first()


def _text(number: int) -> str:
    return f"{number:0{_DIGITS}d}"
