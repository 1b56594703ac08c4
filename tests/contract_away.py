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
    cut_off = {"damage": "cut-off"}
    waits = {"result": True, "expected": {"delivery": "queued", "away": True}, **cut_off}
    return (
        *(
            row(f"the ledger is away: {case}", argv, 75, **waits)
            for case, argv in (
                ("serials", "activate {batch} --serials 501-600 --order reel-9"),
                ("a unit", "freeze --unit {unit} --reason check"),
                ("by conditions", "assign --where lot=L1 --set region=Hunan --yes"),
                ("an item by all its codes", "activate {batch} --serials 501-600 --both"),
                ("packing", "associate {batch} --serials 1-2 --parent {batch}:3"),
                ("unpacking", "dissociate {batch} --serials 1-2"),
            )
        ),
        row(
            "the ledger is away: a file of orders",
            "orders apply -",
            75,
            result=True,
            stdin="action,batch,serials,order\nactivate,{batch},501-600,reel-9\n",
            expected={"queued": 1},
            **cut_off,
        ),
        no(
            2,
            "the ledger is away, and the serials are none",
            "activate {batch} --serials 1-x",
            "",
            **cut_off,
        ),
        no(
            4,
            "the ledger is away, and the batch another home's",
            "activate ZZZZ-ZZZZZZZZ --serials 1-9",
            "no batch",
            **cut_off,
        ),
        no(
            4,
            "the ledger is away, and the line unknown",
            "activate {batch} --serials 1-9 --line nine",
            "no line nine",
            **cut_off,
        ),
        no(
            6,
            "the ledger is away, and a code was scanned",
            "activate --code {code}",
            "cannot be looked up",
            **cut_off,
        ),
        no(
            6,
            "the ledger is away, and nothing but an answer is wanted",
            "activate {batch} --serials 1-9 --dry-run",
            "",
            **cut_off,
        ),
        no(
            6,
            "the ledger is away, and an order is to be cancelled",
            "orders cancel reel-9",
            "",
            **cut_off,
        ),
        no(6, "the ledger is away, and what is queued is to be sent", "deliver", "", **cut_off),
        ok(
            "what waits, while the ledger is away",
            "orders away",
            expected={"waiting": []},
            **cut_off,
        ),
        ok(
            "orders that wait, while the ledger is away",
            "orders list",
            expected={"orders": []},
            **cut_off,
        ),
        ok("nothing waits here", "orders away", expected={"waiting": [], "refused": []}),
        no(
            4,
            "nothing of that name was refused",
            "orders away --discard reel-9",
            "was refused here",
        ),
        no(4, "no home", "orders away", "no mintmark home", world="none"),
    )
