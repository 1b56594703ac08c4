"""What an id was answered, kept for good: orders, aggregations, scan-ins, each in a table.

The same content again gets the same answer, or refusal; other content is refused.
"""

import json
from collections.abc import Callable, Collection
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Table, insert, select

from . import dialects, tables
from .problems import Problem

# Refusals that stay: an attempt that was held up in the network must not take effect after
# its sender has heard the refusal. After any other refusal the sender can put things right,
# and send the same again.
_FINAL = frozenset(
    {
        *("outside", "blocked", "count-differs", "count-required"),
        *("nesting", "child-taken", "child-elsewhere"),
    }
)


class _Answer(Protocol):
    def body(self) -> dict[str, object]:
        """The JSON object."""
        ...


def stored(connection: Connection, table: Table, name: str) -> Row[Any] | None:
    """The row of this id, if there is one."""
    (key,) = table.primary_key
    return connection.execute(select(table).where(key == name)).first()


def check_same(row: Row[Any], identity: str, is_same: Callable[[str, str], bool]) -> None:
    """Raises `Problem` order-differs if the id of `row` was used for other content."""
    if not is_same(row.identity, identity):
        raise Problem("order-differs", "this id was used for other content: use a new one")


def answer_of(row: Row[Any]) -> dict[str, Any]:
    """The answer that was kept, as JSON. Raises the refusal if that was the answer."""
    body: dict[str, Any] = json.loads(row.answer)
    if "type" in body:
        raise Problem.parse(body)
    return body


def keep(
    connection: Connection,
    table: Table,
    row: dict[str, Any],
    answer: _Answer | Problem,
    homes: Collection[str],
) -> None:
    """Keep `answer` with `row` (id, identity, arrived, and more), if it is one that stays.

    The audit_head that came along becomes that of the home, if the batches are of a single one.
    """
    if isinstance(answer, Problem) and answer.name not in _FINAL:
        return
    text = json.dumps(answer.body(), ensure_ascii=False)
    connection.execute(insert(table).values({**row, "answer": text}))
    if row.get("audit_head") is not None and len(set(homes)) == 1:
        (key,) = table.primary_key
        newest = {"home": next(iter(homes)), "head": row["audit_head"]}
        newest |= {"order_id": row[key.name], "arrived": row["arrived"]}
        dialects.merge(connection, tables.heads, [newest])
