"""The contract of attributes for a time, of goods on sale and of orders for later: rows, shapes."""

# What `deliver` tells of an order whose time had come.
ENDED = {"order": "text", "batch": "id", "status": "booked | refused", "detail": "text?"}
AT = "--at '2090-12-01 06:00'"
WHEN = "2090-11-30T22:00:00Z"
ASSIGN = "assign {batch} --serials 1-10"
FROM, UNTIL = "2090-12-01T00:00:00+08:00", "2091-01-01T00:00:00+08:00"
DECEMBER = {"from": FROM, "until": UNTIL, "daily": None, "attributes": {"campaign": "DEC"}}
EVENING = {**DECEMBER, "daily": ["18:00+08:00", "22:00+08:00"]}
MONTH = "--during 2090-12-01..2090-12-31"


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (*_windows(row, ok, no), *_on_sale(row, ok, no), *_later(row, ok, no))


def _windows(row, ok, no):
    dec = f"{ASSIGN} --set campaign=DEC"
    return (
        ok("attributes for a month", f"{dec} {MONTH} --dry-run",
           expected={"attributes": {"window.20901201-20901231": DECEMBER}}),
        ok("for the evenings of a month, by a name",
           f"{dec} {MONTH} --daily 18:00-22:00 --window eve --dry-run",
           expected={"attributes": {"window.eve": EVENING}}),
        ok("a window taken away", f"{ASSIGN} --set window.eve= --dry-run",
           expected={"attributes": {"window.eve": None}}),
        ok("an activation for a time", "activate {batch} --serials 1-10 --set campaign=DEC"
           f" {MONTH} --window dec --dry-run",
           expected={"attributes": {"window.dec": DECEMBER, "product": "Tea"}}),
        no(2, "one day is not a time with an end", f"{dec} --during 2090-12-01", "with .. between"),
        no(2, "backwards", f"{dec} --during 2090-12-31..2090-12-01", "does not begin before"),
        no(2, "which is the month of a window?", f"{dec} --during 01/02/2090..2090-12-31",
           "several ways"),
        no(2, "a clock of twelve hours", f"{dec} {MONTH} --daily 6pm-10pm", "two times of day"),
        no(2, "a window without attributes", f"{ASSIGN} {MONTH}", "holds attributes"),
        no(2, "a window that never holds", f"{dec} --window eve", "nothing says when"),
        no(2, "a window and a validity", f"{dec} {MONTH} --expires-at 2091-12-31",
           "leaves the validity of codes alone"),
        no(2, "a window's name of capitals and blanks", f"{dec} {MONTH} --window 'a b'",
           "a window's name"),
        no(3, "a window that is over", f"{dec} --during 2020-12-01..2020-12-31",
           "would have ended"),
    )  # fmt: skip


def _on_sale(row, ok, no):
    later = "assign {batch} --serials 1-10 --effective-at 2090-12-01"
    return (
        no(3, "goods on sale that would not be valid", later, "active and valid now",
           world="active"),
        no(3, "goods on sale, and another count", f"{later} --count 9", "10", world="active"),
        ok("goods on sale, counted", f"{later} --count 10 --dry-run", world="active",
           expected={"attributes": {"effective_at": "2090-11-30T16:00:00Z"}}),
        row("goods on sale in a file", "orders apply -", 3, world="active", backend="real",
            result=True, stdin="action,batch,serials,effective_at,count\n"
            "assign,{batch},1-10,2090-12-01,\nassign,{batch},1-10,2090-12-01,10\n",
            expected={"orders": 2, "acknowledged": 1, "refused": 1}),
    )  # fmt: skip


def _later(row, ok, no):
    freeze = "freeze {batch} --serials 1-10"
    head = "action,batch,serials,at\n"
    return (
        *(
            ok(f"{action} at six in the morning", f"{action} {{batch}} --serials 1-10 {AT} {more}",
               expected={"delivery": "scheduled", "scheduled": "waiting", "at": WHEN})
            for action, more in (
                ("activate", "--set lot=L1"), ("freeze", ""), ("unfreeze", ""), ("revoke", ""),
                ("void", "--reason damaged"), ("unvoid", ""), ("assign", "--set lot=L1"),
            )
        ),
        ok("an order for later, shown first", f"{freeze} {AT} --dry-run",
           expected={"delivery": None, "dry_run": True, "at": WHEN}),
        ok("a carton, later", f"freeze --carton {{batch}}:1701 {AT}", world="boxed",
           expected={"delivery": "scheduled", "at": WHEN, "applied_count": 25}),
        ok("rows for later", "orders apply -", stdin=f"{head}freeze,{{batch}},1-5,2090-12-01\n",
           expected={"orders": 1, "scheduled": 1, "refused": 0}),
        no(3, "a time that is past", f"{freeze} --at 2020-12-01", "is past"),
        no(2, "a time that may be two", f"{freeze} --at 01/02/2090", "several ways"),
        no(2, "a time in UTC that may be a day", f"{freeze} --at 2090-12-01T00:00:00Z",
           "the day for some programs"),
        no(3, "more codes than are named, later", f"{freeze} {AT} --count 11", "fewer than 11"),
        no(3, "goods on sale, later", "assign {batch} --serials 1-10"
           f" --effective-at 2091-12-01 {AT}", "active and valid now", world="active"),
        ok("the orders that wait", "orders list --status scheduled"),
    )  # fmt: skip
