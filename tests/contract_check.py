"""The contract of `backend check`: its rows and the shape of its JSON."""

CHECK = "backend check {url}"


def shapes():
    """The JSON that the command prints."""
    return {
        "backend check": {
            "url": "text",
            "batch": "id",
            "passed": "count",
            "failed": "count",
            "clauses": [
                {
                    "id": "text",
                    "result": "pass | fail | not offered | not run",
                    "says": "text",
                    "section": "text",
                    "expected": "text?",
                    "found": "text?",
                    "document": "text",
                    "steps": ["text"],
                    "asked": "text?",
                    "why": "text?",
                }
            ],
            "seed": "count",
            "depth": "quick | normal | thorough",
            "batches": ["text"],
            "scans": "count",
            "unknown": "count",
            "alive": ["text"],
            "unavailable": "count",
        }
    }


def rows(ok, no):
    """The rows; `ok` and `no` make them."""
    real = {"backend": "real"}
    return (
        ok("a backend that keeps the contract", f"{CHECK} --quick", **real, expected={"failed": 0}),
        ok(
            "a part of it, and its trace",
            f"{CHECK} --only orders.once --only upload --seed 7 --trace check.jsonl",
            **real,
            expected={"failed": 0, "seed": 7, "scans": 0, "unknown": 0},
        ),
        ok("a backend that does not", CHECK, exit=5, result=True, backend="malformed"),
        no(2, "plain http elsewhere", "backend check http://scan.example.com", "plain http"),
        no(2, "a clause that there is not", f"{CHECK} --only ordres", "no clause or area", **real),
        no(2, "quick and thorough", f"{CHECK} --quick --thorough", "exclude each other", **real),
        no(
            2,
            "a second key, and no signatures",
            f"{CHECK} --unsigned --second-key home/keys/lines/default.key",
            "exclude",
            **real,
        ),
        no(
            2,
            "a platform's key, and no signatures",
            f"{CHECK} --unsigned --platform-key home/keys/lines/default.key",
            "--unsigned and --platform-key exclude",
            **real,
        ),
        no(
            2,
            "a dealer's key that signs everything else",
            f"{CHECK} --dealer-key home/keys/lines/default.key",
            "signs everything else",
            **real,
        ),
        no(
            2,
            "a part of what is asked again",
            f"{CHECK} --again pass.txt --only orders",
            "exclude each other",
            **real,
        ),
        no(2, "a file that is no trace", f"{CHECK} --again pass.txt", "no trace", **real),
        no(
            2,
            "a trace in the home",
            f"{CHECK} --trace home/check.jsonl",
            "lies in the home",
            **real,
        ),
        no(2, "a seed that is none", f"{CHECK} --seed -1", "--seed", **real),
        no(3, "a trace that is there already", f"{CHECK} --trace pass.txt", "exists", **real),
        no(4, "no trace there", f"{CHECK} --again nothing.jsonl", "no file", **real),
        no(4, "no second key there", f"{CHECK} --second-key nothing.key", "", **real),
        no(4, "no platform's key there", f"{CHECK} --platform-key nothing.key", "", **real),
        no(6, "no backend answers", CHECK, "cannot be reached", backend="away"),
        no(
            6,
            "a folder that is not there",
            f"{CHECK} --trace nowhere/check.jsonl",
            "cannot be written",
            **real,
        ),
    )
