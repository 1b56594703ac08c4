"""The other codes on the same items: serial by serial, of the batches that are one's partners."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, or_, select

from ...codegen.ranges.lifecycle import Standing
from ..client.wire import PairedCode
from . import tables, tile_store

Key = tuple[int, int]  # number of the batch, serial


def read(
    connection: Connection,
    fingerprints: Mapping[int, Collection[bytes]],
    standings: dict[int, Standing],
) -> dict[Key, tuple[PairedCode, ...]]:
    """The partners of the codes that have any, each ascending by batch.

    `fingerprints`: those of the codes, all of them live, by batch. `standings`: those known by
    number; more are added.
    """
    found: dict[Key, list[PairedCode]] = {}
    partners = connection.execute(_PARTNERS, {"batches": list(fingerprints)}).all()
    for partner in partners:  # most batches have none
        rows = connection.execute(_codes(partner, fingerprints[partner.batch])).all()
        tile_store.known(connection, {row.standing for row in rows}, standings)
        for row in rows:
            role = _role(standings[row.standing], partner.role)
            pair = PairedCode(partner.name, row.serial, role)
            found.setdefault((partner.batch, row.serial), []).append(pair)
    return {key: tuple(sorted(pairs, key=lambda pair: pair.batch)) for key, pairs in found.items()}


def _role(standing: Standing, of_batch: str) -> str:
    text = dict(standing.attributes).get("role")
    return of_batch if text is None else str(json.loads(text))


def _partners() -> Select[Any]:
    """Batches, and those that name the same items: the one it names, and whichever name either."""
    own, other = tables.batches.alias("own"), tables.batches.alias("other")
    names = or_(
        other.c.batch == own.c.pair_of,
        other.c.pair_of == own.c.batch,
        other.c.pair_of == own.c.pair_of,
    )
    return (
        select(
            own.c.number.label("batch"),
            other.c.number.label("other"),
            other.c.batch.label("name"),
            other.c.role,
            other.c.quantity,
        )
        .join(other, names & (other.c.number != own.c.number))
        .where(own.c.number.in_(bindparam("batches", expanding=True)))
    )


# Put together once: that costs more than to run it, and every group of scans asks.
_PARTNERS = _partners()


def _codes(partner: Row[Any], fingerprints: Collection[bytes]) -> Select[Any]:
    """The serials of these codes, each with the standing of its partner's code."""
    live, tiles = tables.fingerprints, tables.tiles
    standing = (
        select(tiles.c.standing)
        .where(tiles.c.batch == partner.other, tiles.c.first <= live.c.serial)
        .order_by(tiles.c.first.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(live.c.serial, standing.label("standing")).where(
        live.c.fingerprint.in_(fingerprints), live.c.serial <= partner.quantity
    )
