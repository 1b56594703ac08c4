"""The contract of orders that wait at a station while the ledger of a shared home is away."""

WAITING = {
    "number": "count",
    "order": "text?",
    "action": "text?",
    "batch": "id?",
    "line": "text?",
    "at": "time?",
}
REFUSED = {
    "number": "count",
    "order": "text",
    "action": "text",
    "batch": "id?",
    "line": "text",
    "at": "time",
    "error": "text",
    "hint": "text?",
    "exit": "count",
}
# What `deliver` tells of orders that waited at this station.
DELIVERED = dict.fromkeys(("away_booked", "away_refused", "away_waiting"), "count")
SHAPES = {"orders away": {"waiting": [WAITING], "refused": [REFUSED]}}


def waits(*shapes):
    """`shapes`, and what the same command prints of an order that waits at this station."""
    away = [{**shape, "away": "true/false"} for shape in shapes]
    if away and "batch" in away[0]:
        away[0] = {**away[0], "batch": "text"}  # of a unit or a package it is not known then
    return (*shapes, *away)


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    del row
    return (
        ok("nothing waits at this station", "orders away", expected={"waiting": [], "refused": []}),
        no(
            4,
            "nothing of that name was refused",
            "orders away --discard reel-9",
            "was refused here",
        ),
        no(4, "no home", "orders away", "no mintmark home", world="none"),
    )
