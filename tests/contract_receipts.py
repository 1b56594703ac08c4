"""The contract of receipts, units, reprints and replacements: rows and shapes."""

PASS = "--passphrase-file pass.txt"
RECEIPT = "package receipt {package}"
REPLACE = "package replace {package} --out sent --password-file new.txt"
REPRINT = f"export {{batch}} --to li --out sent --password-file new.txt {PASS} --reprint"

TOTALS = dict.fromkeys(
    ("packaged", "printed", "printed_by_count", "spoiled", "spoiled_count", "unused", "open"),
    "count",
) | {"final": "true/false"}
UNIT = {
    "unit": "id",
    "package": "id",
    "batch": "id",
    "file": "text",
    "serials": "ranges",
    "rows": "count",
    "status": "made | received | mounted | used | lost",
    "note": "text?",
    "printed": "count",
    "spoiled": "count",
    "spoiled_count": "count",
}
# Further keys of `package show`.
SHOWN = {
    "supersedes": "id?",
    "superseded_by": "id?",
    "replaces": "id?",
    "totals": TOTALS,
    "missing": "count",
    "receipts": [
        {
            "at": "time",
            "printed": "count",
            "spoiled": "count",
            "spoiled_count": "count",
            "final": "true/false",
            "reason": "text",
        }
    ],
    "units": [UNIT],
}


def shapes(export):
    """What the commands print; a replacement is an export."""
    return {
        "package receipt": {
            "package": "id",
            "batch": "id",
            "printed": "ranges",
            "spoiled": "ranges",
            "spoiled_count": "count",
            "voided": "ranges",
            "orders": ["text"],
            "totals": TOTALS,
            "dry_run": "true/false",
        },
        "package replace": export,
        "package unit": UNIT,
        "package labels": {"package": "id", "folder": "path", "labels": "count", "listing": "path"},
    }


def rows(row, ok, no):
    """The rows, made by the table's own makers."""
    return (*_receipts(row, ok, no), *_units(ok, no), *_again(ok, no))


def _receipts(row, ok, no):
    return (
        ok("printed", f"{RECEIPT} --printed 1-1990", wants={"printed": [[1, 1990]]}),
        ok("a reel", f"{RECEIPT} --unit {{unit}} --printed all", wants={"printed": [[501, 1000]]}),
        ok("a number spoiled", f"{RECEIPT} --spoiled-count 3", wants={"voided": []}),
        ok("a table", f"{RECEIPT} --file receipt.csv", wants={"printed": [[1, 400]]}),
        ok("a rehearsal", f"{RECEIPT} --spoiled 7 --dry-run", wants={"voided": [[7, 7]]}),
        row(
            "the spoiled are void; the backend is not told yet",
            f"{RECEIPT} --printed 1-1990 --spoiled 1991-1995",
            75,
            result=True,
            wants={"voided": [[1991, 1995]]},
        ),
        row(
            "the last: what was not printed is void",
            f"{RECEIPT} --printed 1-1990 --final",
            75,
            result=True,
            wants={"voided": [[1991, 2000]]},
        ),
        row(
            "live codes are spoiled, and counted",
            f"{RECEIPT} --spoiled 1-3 --count 3",
            75,
            world="active",
            result=True,
        ),
        no(2, "nothing told", RECEIPT, "tells nothing"),
        no(2, "no serials", f"{RECEIPT} --printed one", "not a serial"),
        no(2, "no such reason", f"{RECEIPT} --spoiled 1 --reason bored", "unknown reason"),
        no(2, "a file and options", f"{RECEIPT} --file receipt.csv --printed 1", "not by both"),
        no(2, "a table that is none", f"{RECEIPT} --file pass.txt", "line 1 of the receipt"),
        no(3, "serials of no such package", f"{RECEIPT} --printed 1999-2001", "2001 are not in"),
        no(3, "printed and spoiled", f"{RECEIPT} --printed 1-9 --spoiled 9-10", "told twice"),
        no(3, "more than there is", f"{RECEIPT} --spoiled-count 2001", "1 too many"),
        no(3, "nothing was printed, uncounted", f"{RECEIPT} --final", "nothing of package"),
        no(3, "another count", f"{RECEIPT} --spoiled 7 --count 2", "1 codes, not 2"),
        no(3, "live codes, uncounted", f"{RECEIPT} --spoiled 1-3", "active", world="active"),
        no(4, "no such package", "package receipt NOPE-AAAA --printed 1", "no package"),
        no(4, "no such unit", f"{RECEIPT} --printed 1 --unit NOPE-AAAA", "no unit"),
        no(4, "no such table", f"{RECEIPT} --file none.csv", "no file"),
        no(6, "the ledger is locked", f"{RECEIPT} --printed 1", "locked", how="locked"),
    )


def _units(ok, no):
    return (
        ok("one", "package unit {unit}", wants={"status": "made", "rows": 500}),
        ok(
            "seen on a line",
            "package unit {unit} --status mounted --note 'line 3'",
            wants={"status": "mounted", "note": "line 3"},
        ),
        ok("lost", "package unit {unit} --status lost", wants={"status": "lost"}),
        no(2, "no such status", "package unit {unit} --status eaten", "unknown status"),
        no(4, "no such unit", "package unit NOPE-AAAA", "no unit"),
        ok("of a package", "package labels {package} --out labels", wants={"labels": 4}),
        ok("of a unit", "package labels {package} --out labels --unit {unit}"),
        no(4, "no such package", "package labels NOPE-AAAA --out labels", "no package"),
        no(6, "a folder that can't be made", "package labels {package} --out pass.txt/x", ""),
    )


def _again(ok, no):
    return (
        ok(
            "the same codes again",
            f"{REPRINT} --package {{package}} --reason 'password lost'",
            wants={"serials": [[1, 2000]], "units": 4},
        ),
        no(2, "a reprint of nothing", f"{REPRINT} --reason lost", "names the package"),
        no(2, "a reprint without a reason", f"{REPRINT} --package {{package}}", "needs a reason"),
        no(
            *(3, "a reprint of active codes", f"{REPRINT} --package {{package}} --reason lost"),
            "active",
            world="active",
        ),
        ok(
            "as many as were spoiled or voided",
            f"{REPLACE} {PASS}",
            world="active",
            wants={"serials": [[2001, 2002]]},
        ),
        no(
            2, "no terminal to show the password", f"package replace {{package}} --out x {PASS}", ""
        ),
        no(3, "nothing was spoiled", f"{REPLACE} {PASS}", "replaced already"),
        no(4, "no such package", REPLACE.replace("{package}", "NOPE-AAAA"), "no package"),
        no(
            *(5, "a wrong passphrase", f"{REPLACE} --passphrase-file wrong.txt"),
            "wrong passphrase",
            world="active",
            events=("Incident",),
        ),
    )
