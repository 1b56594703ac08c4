"""The contract of `trace`: its rows and the shape of its JSON."""

import contract_roles

BEHIND = {"batch": "id", **dict.fromkeys(("codes", "queued", "refused"), "count")}


def shapes(state):
    """The JSON that the command prints."""
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
                    **contract_roles.of_code(state),
                }
            ],
            "behind": [BEHIND],
            **dict.fromkeys(("stopped", "copied", "diverted", "not_valid", "unjudged"), "count"),
            "market": [
                {
                    "finding": "stopped | copied | diverted | active-here | not-valid",
                    "batch": "id",
                    "serials": "ranges",
                    "codes": "count",
                    "scans": "count",
                    "first": "time",
                    "last": "time",
                    "state": state,
                    "answered": "text?",
                    "allowed": "count?",
                    **dict.fromkeys(("package", "unit"), "id?"),
                    **dict.fromkeys(("contact", "dealer", "region", "seen_in"), "text?"),
                    **contract_roles.of_code(state),
                }
            ],
            "behind_refused": [BEHIND],
            "lacking": "names",
        }
    }


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    found = {"scans": 2, "not_active": 1, "not_ours": 1}
    return (
        ok("nothing was scanned", "trace", backend="real", expected={"scans": 0, "findings": []}),
        ok("an exported code, and a code that is not ours", "trace", world="scanned",
           backend="real", expected={**found, "incidents": 1}),
        ok("only new scans, for a timer", "trace --new", world="scanned", backend="real",
           expected={**found, "incidents": 1}),
        ok("also the codes that are not ours", "trace --all", world="scanned", backend="real",
           expected=found),
        ok("a burst of guesses, with a small limit", "trace --burst 1 --since 2001-01-01",
           world="scanned", backend="real", expected=found),
        ok("a time after all scans", "trace --since 2999-01-01", world="scanned", backend="real",
           expected={"scans": 0}),
        ok("a code that was stopped, and was scanned where it is not meant to be", "trace",
           world="sold", backend="real",
           expected={"stopped": 1, "diverted": 1, "copied": 0, "incidents": 2, "lacking": []}),
        no(2, "a word instead of a time", "trace --since soon", "not a date", backend="real"),
        no(2, "a burst of 0", "trace --burst 0", "greater than or equal to 1"),
        no(4, "no home", "trace", "no mintmark home", world="none"),
        no(5, "a run cut short", "trace", "run", world="scanned", backend="real",
           damage="cut home/vault/{batch}.run"),
        no(6, "no backend is named", "trace", "no backend"),
        no(6, "the backend is away", "trace", "no usable answer", backend="away"),
        no(6, "the backend answers no JSON", "trace", "", backend="malformed"),
        no(3, "the backend refuses", "trace", "refused", backend="refuses"),
        no(6, "the ledger is locked", "trace", "locked", world="scanned", backend="real",
           trouble="locked"),
    )  # fmt: skip
