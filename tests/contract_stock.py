"""The contract of `report stock`: its rows and the shape of its JSON."""

GROUP = {
    "value": "text?",
    **dict.fromkeys(("active", "scanned", "unscanned"), "count"),
    "new": "count?",
    "share": "number",
}
SHAPES = {
    "report stock": {
        "by": "text",
        "at": "time",
        "since": "time?",
        "batches": ["id"],
        "left_out": ["id"],
        "total": GROUP,
        "groups": [GROUP],
        "windowed": "count",
        "queued": "count",
        "scan_ins": "count",
        "scan_ins_detail": "text?",
        "csv": "path?",
    }
}


def rows(ok, no):
    """The rows; `ok` and `no` make them."""
    there = {"world": "active", "backend": "real"}
    return (
        ok("nothing is on sale", "report stock", backend="real", expected={"groups": []}),
        ok("by lot", "report stock --by lot", expected={"queued": 0, "since": None}, **there),
        ok("a batch, and a file", "report stock {batch} --by package --csv stock.csv", **there),
        ok("since a day", "report stock --by property.store --since 2026-11-01", **there),
        no(2, "an attribute there is none of", "report stock --by shop", "--by names", **there),
        no(2, "a word instead of a time", "report stock --since soon", "not a date", **there),
        no(2, "a file in the home", "report stock --csv home/stock.csv", "in the home", **there),
        no(2, "no name of a file", "report stock --csv -", "name of a new file", **there),
        no(3, "a file that is there", "report stock --csv pass.txt", "exists already", **there),
        no(3, "the backend refuses", "report stock", "refused", world="active", backend="refuses"),
        no(4, "no home", "report stock", "no mintmark home", world="none"),
        no(4, "an unknown batch", "report stock GH3T-2YM1TB1V", "batch", **there),
        no(6, "no backend is named", "report stock", "no backend"),
        no(6, "the backend is away", "report stock", "no usable answer", world="active",
           backend="away"),
        no(6, "a folder there is none of", "report stock --csv nowhere/stock.csv", "", **there),
    )  # fmt: skip
