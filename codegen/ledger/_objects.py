"""Which objects of the vault's store hold a batch. None are named where the vault is a folder."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, select

from ..errors import Refused, UsageError
from . import _sql, _tables
from ._prepared import inserting
from .changes import PARTS, Stored, StoredObject

_o = _tables.objects.c


def store(connection: Connection, change: Stored) -> None:
    """Book the objects. Raises `UsageError` for parts that are none, `Refused` for a taken key."""
    parts = [item.part for item in change.objects]
    if not parts or len(set(parts)) != len(parts) or not set(parts) <= {*PARTS}:
        raise UsageError(f"the objects of a batch are some of {', '.join(PARTS)}, each once")
    _sql.batch_row(connection, change.batch)
    if named(connection, [item.key for item in change.objects]):
        raise Refused("an object of the store holds part of a batch already", "store it anew")
    gone = delete(_tables.objects).where(_o.batch == change.batch, _o.part.in_(parts))
    connection.execute(gone)
    for item in change.objects:
        row = {"batch": change.batch} | asdict(item)
        inserting(_tables.objects, *row).run(connection, row)


def of_batch(connection: Connection, batch: str) -> dict[str, StoredObject]:
    """Part → object of the batch."""
    query = select(_o.part, _o.key, _o.size, _o.sha256).where(_o.batch == batch)
    return {row.part: StoredObject(*row) for row in connection.execute(query)}


def named(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that some batch names."""
    return set(connection.scalars(select(_o.key).where(_o.key.in_(keys))))
