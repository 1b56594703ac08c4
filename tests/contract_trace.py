"""The contract of `trace`: rows and shape."""


def shapes(state):
    """What it prints."""
    return {
        "trace": {
            **dict.fromkeys(
                ("scans", "never_exported", "not_active", "active_here", "not_ours", "incidents"),
                "count",
            ),
            "cut": "true/false",
            "findings": [
                {
                    "finding": "never-exported | not-active | active-here | not-ours",
                    "first": "time",
                    "last": "time",
                    "count": "count",
                    "batch": "id?",
                    "serial": "count?",
                    "package": "id?",
                    "contact": "text?",
                    "unit": "id?",
                    "state": f"{state}?",
                }
            ],
            "behind": [{"batch": "id", **dict.fromkeys(("codes", "queued", "refused"), "count")}],
        }
    }


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    found = {"scans": 2, "not_active": 1, "not_ours": 1}
    return (
        ok("nothing was scanned", "trace", backend="real", wants={"scans": 0, "findings": []}),
        ok("an exported code, and one of nobody's", "trace", world="scanned", backend="real",
           wants={**found, "incidents": 1}),
        ok("only what is new, for a timer", "trace --new", world="scanned", backend="real",
           wants={**found, "incidents": 1}),
        ok("nobody's codes one by one", "trace --all", world="scanned", backend="real",
           wants=found),
        ok("a burst of guesses, and a small limit", "trace --burst 1 --since 2001-01-01",
           world="scanned", backend="real", wants=found),
        ok("later than everything", "trace --since 2999-01-01", world="scanned", backend="real",
           wants={"scans": 0}),
        no(2, "a time that is none", "trace --since soon", "not a date", backend="real"),
        no(2, "a burst of none", "trace --burst 0", "greater than or equal to 1"),
        no(4, "no home", "trace", "no mintmark home", world="none"),
        no(5, "a run cut short", "trace", "run", world="scanned", backend="real",
           damage="cut home/vault/{batch}.run"),
        no(6, "no backend is named", "trace", "no backend"),
        no(6, "the backend is away", "trace", "no usable answer", backend="away"),
        no(6, "the backend answers rubbish", "trace", "", backend="rubbish"),
        no(3, "the backend refuses", "trace", "refused", backend="refuses"),
        no(6, "the ledger is locked", "trace", "locked", world="scanned", backend="real",
           how="locked"),
    )  # fmt: skip
