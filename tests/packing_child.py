"""Aggregations of four batches; run as a script, a backend that dies while it applies one."""

import itertools
import os
import sys

from backend_kit import Clock
from sqlalchemy import Connection, make_url

from mintmark.activation.backend import kept_answers, link_store
from mintmark.activation.backend.apply_aggregation import AggregationRequest
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges.aggregation import CodeRanges, Packing
from mintmark.codegen.ranges.serials import Range

DIED = 9
A, B, C, D = (f"HM00-BATCH00{n}" for n in range(1, 5))


def part(batch, *pairs):
    return CodeRanges(batch, tuple(Range(*pair) for pair in pairs))


def pack(name, parents, *children, action=Packing.ASSOCIATE, each=None):
    children = tuple(sorted(children, key=lambda one: one.batch))
    return AggregationRequest(name, action, children, parents, each)


WANTED = {
    "in": pack("in", part(D, (1, 4)), part(A, (1, 40), (51, 90)), each=20),
    "mixed": pack("mixed", part(D, (9, 9)), part(A, (1, 1), (3, 4)), part(B, (1, 1))),
    "out": pack("out", None, part(A, (2, 3), (60, 61)), action=Packing.DISSOCIATE),
}
PLACES = {"link_store": link_store, "kept_answers": kept_answers, "Connection": Connection}


def die_at(owner, function, count):
    """End this process without a farewell at so manieth call of the function."""
    whole, calls = getattr(PLACES[owner], function), itertools.count(1)

    def dying(*words, **options):
        if next(calls) == count:
            os._exit(DIED)
        return whole(*words, **options)

    setattr(PLACES[owner], function, dying)


def main(owner, function, count, url, name):
    """Apply an aggregation, and die: at a call, or once it is applied."""
    store = Store(make_url(url))
    link_store.WINDOW = 1  # each link is written by itself
    if owner in PLACES:
        die_at(owner, function, int(count))
    store.aggregate(WANTED[name], Clock()())
    os._exit(1 if owner in PLACES else DIED)


if __name__ == "__main__":
    main(*sys.argv[1:])
