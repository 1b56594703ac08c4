"""Aggregations in the books: each applied once, its answer kept; what lies in what, read back."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from ...codegen.ranges.aggregation import CodeRef, Link
from ...codegen.ranges.serials import Range
from ..client import wire
from . import kept_answers, link_store, same_content, tables
from .apply_aggregation import AggregationRequest, apply_aggregation
from .damage import Damaged
from .limits import BackendLimits
from .problems import Problem


def aggregate(
    connection: Connection, request: AggregationRequest, now: datetime, limits: BackendLimits
) -> wire.AggregationAnswer | Problem:
    """The answer, kept by now; or the refusal, and then no link has changed.

    Raises order-differs, and not-found for a batch that is not registered.
    """
    # In the order of their ids, for everybody: nobody waits for whoever waits for him.
    query = select(tables.batches).where(tables.batches.c.batch.in_(request.named()))
    rows = connection.execute(query.order_by(tables.batches.c.batch).with_for_update()).all()
    table, identity = tables.aggregations, same_content.packing_identity(request)
    if (kept := kept_answers.stored(connection, table, request.aggregation)) is not None:
        kept_answers.check_same(kept, identity, same_content.is_same_json)
        return wire.AggregationAnswer.parse(kept_answers.answer_of(kept))
    batches = {row.batch: row for row in rows}
    if missing := [name for name in request.named() if name not in batches]:
        raise Problem("not-found", f"register batch {missing[0]} first")
    answer: wire.AggregationAnswer | Problem
    try:
        with connection.begin_nested():
            answer = apply_aggregation(connection, batches, request, limits)
    except Problem as problem:
        answer = problem
    new: dict[str, object] = {"aggregation_id": request.aggregation, "identity": identity}
    new |= {"audit_head": request.audit_head, "arrived": int(now.timestamp())}
    kept_answers.keep(connection, table, new, answer, {row.home for row in rows})
    return answer


def read(
    connection: Connection, name: str, permit: Callable[[str], None]
) -> wire.AggregationAnswer:
    """The kept answer. Raises not-found, what `permit` raises of a batch, or the kept refusal."""
    kept = kept_answers.stored(connection, tables.aggregations, name)
    if kept is None:
        raise Problem("not-found", "no such aggregation was applied here")
    content = json.loads(kept.identity)
    for part in (*content["children"], *([content["parents"]] if content["parents"] else [])):
        permit(part["batch"])
    return wire.AggregationAnswer.parse(kept_answers.answer_of(kept))


def page(connection: Connection, row: Row[Any], after: int) -> wire.ParentsPage:
    """The links of the batch in `row` after serial `after`, as many as a page holds."""
    found = link_store.page(connection, row.number, after + 1, row.quantity, wire.PAGE_LINKS + 1)
    shown = found[: wire.PAGE_LINKS]
    parents = link_store.named(connection, {run.parent for run in shown})
    links = tuple(_link(row, run, parents[run.parent], after) for run in shown)
    return wire.ParentsPage(
        row.batch, links, links[-1].serials.last if len(found) > len(shown) else None
    )


def _link(row: Row[Any], run: link_store.LinkRun, parent: CodeRef, after: int) -> Link:
    """Raises `Damaged` for a link beyond its batch."""
    serials = Range(max(run.serials.first, after + 1), run.serials.last)
    if serials.last > row.quantity:
        raise Damaged
    return Link(row.batch, serials, parent)
