"""The contract of receipts, units, reprints and replacements: rows and shapes."""

PASS = "--passphrase-file pass.txt"
RECEIPT = "package receipt {package}"
REPLACE = "package replace {package} --out sent --password-file new.txt"
REPRINT = f"export {{batch}} --to li --out sent --password-file new.txt {PASS} --reprint"

TOTALS = dict.fromkeys(
    (
        *("packaged", "printed", "printed_by_count", "spoiled", "spoiled_count", "unused", "open"),
        *("copies", "labels", "spoiled_labels"),
    ),
    "count",
) | {"final": "true/false"}
UNIT = {
    "unit": "id",
    "package": "id",
    "batch": "id",
    "pair": "id?",
    "file": "text",
    "serials": "ranges",
    "rows": "count",
    "status": "made | received | mounted | used | lost",
    "note": "text?",
    "printed": "count",
    "spoiled": "count",
    "spoiled_count": "count",
    "copies": "count",
    "verified": "count",
}
# Further keys of `package show`.
SHOWN = {
    "verified": "ranges",
    "supersedes": "id?",
    "superseded_by": "id?",
    "replaces": "id?",
    "totals": TOTALS,
    "missing": "count",
    "excess": "count",
    "labels": "count",
    "receipts": [
        {
            "at": "time",
            "printed": "count",
            "spoiled": "count",
            "spoiled_count": "count",
            "final": "true/false",
            "reason": "text",
            "corrects": "true/false",
        }
    ],
    "units": [UNIT],
}


def shapes(export):
    """The JSON that the commands print; a replacement is an export."""
    return {
        "package receipt": {
            "package": "id",
            "batch": "id",
            "pair": "id?",
            "printed": "ranges",
            "spoiled": "ranges",
            "spoiled_count": "count",
            "voided": "ranges",
            "orders": ["text"],
            "totals": TOTALS,
            "dry_run": "true/false",
            "corrected": "true/false",
            "still_void": "ranges",
            "excess": "count",
        },
        "package replace": export,
        "package unit": UNIT,
        "package labels": {
            "package": "id",
            "folder": "path",
            "labels": "count",
            "listing": "path",
            "page": "path",
        },
    }


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (*_receipts(row, ok, no), *_units(ok, no), *_reissues(ok, no))


def _receipts(row, ok, no):
    return (
        ok("printed serials", f"{RECEIPT} --printed 1-1990", expected={"printed": [[1, 1990]]}),
        ok(
            "a reel",
            f"{RECEIPT} --unit {{unit}} --printed all",
            expected={"printed": [[501, 1000]]},
        ),
        ok("a number spoiled", f"{RECEIPT} --spoiled-count 3", expected={"voided": []}),
        ok("a table", f"{RECEIPT} --file receipt.csv", expected={"printed": [[1, 400]]}),
        ok("a dry run", f"{RECEIPT} --spoiled 7 --dry-run", expected={"voided": [[7, 7]]}),
        row(
            "the spoiled codes are void here; the void order waits for the backend",
            f"{RECEIPT} --printed 1-1990 --spoiled 1991-1995",
            75,
            result=True,
            expected={"voided": [[1991, 1995]]},
        ),
        row(
            "the final receipt: codes that were not printed are void",
            f"{RECEIPT} --printed 1-1990 --final",
            75,
            result=True,
            expected={"voided": [[1991, 2000]]},
        ),
        row(
            "spoiled codes that are active, with --count",
            f"{RECEIPT} --spoiled 1-3 --count 3",
            75,
            world="active",
            result=True,
        ),
        *_corrections(row, ok, no),
        no(2, "nothing reported", RECEIPT, "reports nothing"),
        no(2, "digits that may be grouped", f"{RECEIPT} --printed 1~1,990", "are grouped"),
        no(2, "a table of grouped digits", f"{RECEIPT} --file grouped.csv --final", "are grouped"),
        no(2, "a table of quantities", f"{RECEIPT} --file counts.csv", "a number of labels?"),
        no(2, "a table that was cut short", f"{RECEIPT} --file cut.csv", "without a line end"),
        no(2, "a word instead of serials", f"{RECEIPT} --printed one", "not a serial"),
        no(2, "no such reason", f"{RECEIPT} --spoiled 1 --reason bored", "unknown reason"),
        no(
            2,
            "a table that says one thing in UTF-8 and another in GB18030",
            f"{RECEIPT} --file either.csv",
            "GB18030",
        ),
        no(2, "a file and options", f"{RECEIPT} --file receipt.csv --printed 1", "not by both"),
        no(2, "a file that is no table", f"{RECEIPT} --file pass.txt", "line 1 of the receipt"),
        no(3, "serials outside the package", f"{RECEIPT} --printed 1999-2001", "2001 are not in"),
        no(3, "printed and spoiled", f"{RECEIPT} --printed 1-9 --spoiled 9-10", "reported twice"),
        no(3, "more labels than there are", f"{RECEIPT} --spoiled-count 2001", "1 too many"),
        no(3, "nothing was printed, and no --count", f"{RECEIPT} --final", "nothing of package"),
        no(
            3,
            "a reel without a report, and no --count",
            f"{RECEIPT} --printed 1-1490 --final",
            "of 1",
        ),
        no(3, "another count", f"{RECEIPT} --spoiled 7 --count 2", "1 codes, not 2"),
        no(3, "active codes, and no --count", f"{RECEIPT} --spoiled 1-3", "active", world="active"),
        no(4, "no such package", "package receipt NOPE-AAAA --printed 1", "no package"),
        no(4, "no such unit", f"{RECEIPT} --printed 1 --unit NOPE-AAAA", "no unit"),
        no(4, "no such table", f"{RECEIPT} --file none.csv", "no file"),
        no(6, "the ledger is locked", f"{RECEIPT} --printed 1", "locked", trouble="locked"),
    )


def _corrections(row, ok, no):
    """In the world `reported` serials 1-1990 were printed, and 1991-1995 spoiled."""
    correct = f"{RECEIPT} --correct --reason misread"
    nowhere = correct.replace("{package}", "NOPE-AAAA")
    there = {"world": "reported"}
    return (
        ok(
            "a correction: spoiled labels were printed",
            f"{correct} --printed 1991-1993",
            expected={"printed": [[1991, 1993]], "still_void": [[1991, 1993]], "voided": []},
            **there,
        ),
        row(
            "a correction: printed labels were spoiled",
            f"{correct} --spoiled 7",
            75,
            result=True,
            expected={"spoiled": [[7, 7]], "voided": [[7, 7]]},
            **there,
        ),
        ok("a corrected table", f"{correct} --file corrected.csv", **there),
        no(2, "a correction without a reason", f"{RECEIPT} --correct --printed 7", "its reason"),
        no(2, "a correction of nothing", correct, "reports nothing"),
        no(2, "a final correction", f"{correct} --printed 7 --final", "never final"),
        no(3, "never reported", f"{correct} --printed 1996", "1996 were never", **there),
        no(3, "what is so already", f"{correct} --printed 7", "nothing to correct", **there),
        no(
            3,
            "a correction: another count",
            f"{correct} --spoiled 7 --count 2",
            "1 codes, not 2",
            **there,
        ),
        no(
            4,
            "a correction of no package",
            f"{nowhere} --printed 1",
            "no package",
        ),
        no(
            6,
            "a correction, and the ledger is locked",
            f"{correct} --spoiled 7",
            "locked",
            trouble="locked",
            **there,
        ),
    )


def _units(ok, no):
    return (
        ok("a unit", "package unit {unit}", expected={"status": "made", "rows": 500}),
        ok(
            "seen on a line",
            "package unit {unit} --status mounted --note 'line 3'",
            expected={"status": "mounted", "note": "line 3"},
        ),
        ok("lost", "package unit {unit} --status lost", expected={"status": "lost"}),
        no(2, "no such status", "package unit {unit} --status eaten", "unknown status"),
        no(4, "no such unit", "package unit NOPE-AAAA", "no unit"),
        ok("labels of a package", "package labels {package} --out labels", expected={"labels": 4}),
        ok("the label of a unit", "package labels {package} --out labels --unit {unit}"),
        no(4, "no such package", "package labels NOPE-AAAA --out labels", "no package"),
        no(6, "a folder that can't be made", "package labels {package} --out pass.txt/x", ""),
    )


def _reissues(ok, no):
    return (
        ok(
            "a reprint: the same codes again",
            f"{REPRINT} --package {{package}} --reason 'password lost'",
            expected={"serials": [[1, 2000]], "units": 4},
        ),
        no(2, "a reprint of nothing", f"{REPRINT} --reason lost", "names the package"),
        no(2, "a reprint without a reason", f"{REPRINT} --package {{package}}", "needs a reason"),
        no(
            *(3, "a reprint of active codes", f"{REPRINT} --package {{package}} --reason lost"),
            "active",
            world="active",
            events=("Incident",),
        ),
        ok(
            "as many as were spoiled or voided",
            f"{REPLACE} {PASS}",
            world="active",
            expected={"serials": [[2001, 2002]]},
        ),
        no(
            2, "no terminal to show the password", f"package replace {{package}} --out x {PASS}", ""
        ),
        no(3, "nothing was spoiled", f"{REPLACE} {PASS}", "replaced already", events=("Incident",)),
        no(4, "no such package", REPLACE.replace("{package}", "NOPE-AAAA"), "no package"),
        no(
            *(5, "a wrong passphrase", f"{REPLACE} --passphrase-file wrong.txt"),
            "wrong passphrase",
            world="active",
            events=("Incident",),
        ),
    )
