"""The contract of times, of lost units and of the backend's address: rows."""

from contract_receipts import REPRINT

ACTIVATE = "activate {batch} --serials 1-10"
APPLY = "orders apply -"
HEAD = "action,batch,serials,effective_at,expires_at,allow_past,include_lost\n"
END = {"expires_at": "2097-12-31T16:00:00Z", "product": "Tea"}
ORDER = '{{"action": "activate", "batch": "{batch}", "unit": "{unit}"%s}}\n'


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (*_times(row, ok, no), *_lost(row, ok, no), *_addresses(no))


def _times(row, ok, no):
    end = f"{ACTIVATE} --dry-run --expires-at"
    return (
        *(
            ok(f"{case}: all of that day", f"{end} '{text}'", expected={"attributes": END})
            for case, text in (
                ("a day of eight digits", "20971231"),
                ("a day in Chinese", "2097年12月31日"),
                ("a midnight, as openpyxl writes a day", "2097-12-31 00:00:00"),
                ("a midnight in UTC, as exceljs does", "2097-12-31T00:00:00+00:00"),
            )
        ),
        *(
            no(2, case, f"{end} '{text}'", why)
            for case, text, why in (
                ("which is the month?", "01/02/2027", "several ways"),
                ("Excel's number of a day", "46752", "a number"),
                ("a month", "2027-12", "a month, not a day"),
                (".NET's last day", "9999-12-31", "no date writes one like it"),
                ("Excel's day 0", "1899-12-30", "no date writes one like it"),
                ("an empty time", "", "not a date or time"),
            )
        ),
        no(2, "a midnight in UTC begins nothing", f"{ACTIVATE} --effective-at 2097-12-31T00:00:00Z",
           "the day for some programs"),
        no(2, "an end before its beginning",
           f"{ACTIVATE} --effective-at 2027-06-01 --expires-at 2027-01-01", "does not lie before"),
        no(3, "an end that is past", f"{ACTIVATE} --expires-at 2020-12-31", "would have ended"),
        ok("an end that is past, and meant", f"{ACTIVATE} --expires-at 2020-12-31 --allow-past",
           backend="real", expected={"delivery": "acknowledged"}),
        no(3, "an end before the beginning that the codes carry",
           "assign {batch} --serials 1-20 --expires-at 2089-01-01", "would never be valid",
           world="later"),
        no(3, "the same for codes by attribute",
           "assign --where lot=L9 --expires-at 2089-01-01 --yes", "would never be valid",
           world="later"),
        row("a program's no date stops no other row", APPLY, 3, backend="real", result=True,
            stdin=f"{HEAD}activate,{{batch}},1,,2097-12-31,,\nactivate,{{batch}},2,,9999-12-31,,\n"
            "activate,{batch},3,0001-01-01T00:00:00,,,\nactivate,{batch},4,,2020-12-31,yes,\n",
            expected={"orders": 4, "acknowledged": 2, "refused": 2}),
    )  # fmt: skip


def _lost(row, ok, no):
    return (
        *(
            no(3, f"a lost reel: {case}", argv, "marked lost: ", world="lost")
            for case, argv in (
                ("by its id", "activate {batch} --unit {unit}"),
                ("serials that touch it", "activate {batch} --serials 1-511"),
                ("all of its package", "activate {batch} --package {package}"),
                ("unvoid", "unvoid {batch} --serials 501-510"),
            )
        ),
        no(3, "a reprint of a lost reel", f"{REPRINT} --package {{package}} --reason lost",
           "would be on two labels", world="lost", events=("Incident",)),
        ok("a lost reel, and meant", "activate {batch} --unit {unit} --include-lost",
           world="lost", backend="real", expected={"delivery": "acknowledged"}),
        ok("what to do with a lost reel", "freeze {batch} --unit {unit}", world="lost",
           backend="real", expected={"applied": [[511, 1000]]}),
        row("a file names a lost reel", APPLY, 3, world="lost", backend="real", result=True,
            stdin=f"{HEAD}activate,{{batch}},600,,,,\nactivate,{{batch}},601,,,,yes\n",
            expected={"acknowledged": 1, "refused": 1}),
        row("a message names a lost reel", "line run", 0, world="lost", backend="real",
            result=True, stdin=ORDER % ', "include_lost": true', expected={"ok": True}),
    )  # fmt: skip


def _addresses(no):
    kinds = (("return", "a line end of Windows in it"), ("escape", "an escape that is none"))
    return (
        *(
            no(2, f"{what}the backend's address with {case}", argv, "MINTMARK_BACKEND_URL",
               backend=kind, world=world, **more)
            for kind, case in kinds
            for what, argv, world, more in (
                ("", ACTIVATE, "packaged", {}),
                ("", "void {batch} --serials 1 --reason other", "packaged", {}),
                ("", "assign --where lot=L42 --set region=X --yes", "active", {}),
                ("", APPLY, "packaged", {"stdin": f"{HEAD}activate,{{batch}},1,,,,\n"}),
                ("", "orders watch stranger", "packaged", {}),
                ("", "line run", "packaged", {"stdin": ORDER % ""}),
                ("", "deliver", "queued", {}),
                ("a service: ", "deliver --watch --health-file health.json", "queued", {}),
                ("", "trace", "packaged", {}),
                ("", "reconcile {batch} --apply", "packaged", {}),
            )
        ),
    )  # fmt: skip
