"""Nonces of signed requests, so that none is good for two: many of them in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete

from . import dialects, tables


@dataclass(frozen=True, order=True)
class Nonce:
    """The digest of a nonce that a key used; kept until its signature is good no more."""

    key_id: str
    nonce: str
    until: datetime


def take(connection: Connection, nonces: Sequence[Nonce], now: datetime) -> list[bool]:
    """Of each nonce, whether its key never used it before; from now on it has."""
    table = tables.nonces
    connection.execute(delete(table).where(table.c.until < int(now.timestamp())))
    # Sorted: of two groups with the same nonces, neither waits for the other.
    wanted = {(nonce.key_id, nonce.nonce): nonce for nonce in sorted(nonces)}
    rows = [
        {"key_id": key, "nonce": text, "until": int(nonce.until.timestamp())}
        for (key, text), nonce in wanted.items()
    ]
    made = dialects.upsert(connection, table).on_conflict_do_nothing()
    new = connection.execute(made.returning(table.c.key_id, table.c.nonce), rows)
    fresh = {(row.key_id, row.nonce) for row in new}
    answers = []
    for nonce in nonces:
        answers.append((nonce.key_id, nonce.nonce) in fresh)
        fresh.discard((nonce.key_id, nonce.nonce))  # the second of a group is no fresh one
    return answers
