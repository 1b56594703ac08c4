"""The contract of attributes for a time, and of goods that are on sale: rows."""

ASSIGN = "assign {batch} --serials 1-10"
FROM, UNTIL = "2090-12-01T00:00:00+08:00", "2091-01-01T00:00:00+08:00"
DECEMBER = {"from": FROM, "until": UNTIL, "daily": None, "attributes": {"campaign": "DEC"}}
EVENING = {**DECEMBER, "daily": ["18:00+08:00", "22:00+08:00"]}
MONTH = "--during 2090-12-01..2090-12-31"


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (*_windows(row, ok, no), *_on_sale(row, ok, no))


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
