"""The contract of orders for codes that meet conditions or name no batch, and of `find`."""

MESSAGE = '{{"action": "freeze", "where": ["lot=L42", "state=active"], "count": 488}}\n'
HEAD = "action,where,count,unit,package,code,batch,order\n"
ROWS = (
    'freeze,"lot=L42; state in active,frozen",498,,,,,W1\nunfreeze,state=frozen,11,,,,,\n'
    "unfreeze,state=frozen,,,,,,\nactivate,,,,,{batch}:501,,\nrevoke,,,,,SECRET2345,,\n"
    "freeze,,,{unit},,,,\n"
)


def ordered(action, state):
    """The JSON of orders for codes that meet conditions."""
    states = dict.fromkeys(state.split(" | "), "count")
    delivery = "acknowledged | queued | refused | cancelled | scheduled?"
    return {
        "codes": "count",
        "dry_run": "true/false",
        "attributes": "attributes",
        "orders": [
            {
                "batch": "id",
                "serials": "ranges",
                "codes": "count",
                "order": "text?",
                "delivery": delivery,
                "detail": "text?",
                "applied": "ranges",
                "skipped": "ranges",
                "states": states,
                "repeated": "true/false",
                "undone": "ranges",
                "scheduled": "waiting | booked | cancelled | refused?",
            }
        ],
        "notes": ["text"],
        "order": "text?",
        "action": action,
        "where": ["text"],
        "states": states,
        "items_count": "count?",
        "applied_count": "count",
        "skipped_count": "count",
        "delivery": delivery,
        "repeated": "true/false",
        "changed": "true/false",
        "at": "time?",
    }


def found(state):
    """The JSON of `find`."""
    states = dict.fromkeys(state.split(" | "), "count")
    return {
        "where": ["text"],
        "codes": "count",
        "states": states,
        "batches": [{"batch": "id", "codes": "count", "states": states, "ranges_count": "count"}],
        "ranges": [
            {
                "serials": "ranges",
                "state": state,
                "package": "text?",
                "attributes": "attributes",
                "reason": "text?",
                "holding": "names",
                "batch": "id",
            }
        ],
        "next": "text?",
    }


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (*_orders(row, ok, no), *_alone(ok, no), *_found(ok, no))


def _orders(row, ok, no):
    active = {"world": "active", "backend": "real"}
    return (
        ok("codes that meet conditions, shown first", "freeze --where lot=L42 --where state=active",
           world="active", expected={"dry_run": True, "codes": 488, "order": None}),
        ok("the same, and meant", "freeze --where lot=L42 --where state=active --yes", **active,
           expected={"delivery": "acknowledged", "codes": 488}),
        ok("the same, counted", "freeze {batch} --where 'lot in L41,L42; state=active' --count 488",
           **active, expected={"delivery": "acknowledged", "where": ["lot in L41,L42",
                                                                      "state=active"]}),
        ok("the same, of some serials", "freeze {batch} --where lot=L42 --serials 1-9 --count 9",
           **active, expected={"delivery": "acknowledged", "codes": 9}),
        ok("of those minted until a day", "assign --where 'minted_at<=2099-12-31' --where"
           " package={package} --where region= --set region=Hunan --yes", **active,
           expected={"applied_count": 1998}),
        row("the backend is away: orders for what meets conditions are queued",
            "unfreeze --where state=frozen --yes", 75, world="active", backend="away",
            result=True, expected={"delivery": "queued", "codes": 10}),
        no(3, "another count than what meets the conditions",
           "freeze --where lot=L42 --where state=active --count 500", "488", world="active"),
        no(3, "codes that meet the conditions stand in the way", "freeze --where lot=L42 --yes",
           "in the way", world="active"),
        no(3, "active codes that meet conditions, without their number",
           "void --where state=active --reason other --yes", "shoppers' hands", world="active"),
        no(4, "nothing meets the conditions", "freeze --where lot=L9 --yes", "no codes meet"),
        no(4, "void codes are not named", "assign --where state!=active --where lot=L42 --where"
           " state!=frozen --set lot=x", "no codes meet", world="active"),
        no(4, "a package in a condition", "freeze --where package=A1B2-C3D4E5F6", "package"),
        *(
            no(2, f"a condition: {case}", f"freeze --where {text} --yes", why)
            for case, text, why in (
                ("an unknown key", "colour=red", "unknown in a condition"),
                ("an unknown state", "state=gone", "unknown state"),
                ("one value or two?", "lot=L41,L42", "one value or several"),
                ("text has no order", "'lot<L42'", "text has no order"),
                ("no relation", "lot", "no relation"),
                ("which is the month?", "'minted_at<01/02/2027'", "several ways"),
            )
        ),
        no(2, "a condition: a code", "freeze --where 'dealer!={code}' --yes", "holds a code"),
        no(2, "conditions and a carton", "freeze --where lot=L42 --carton {batch}:1",
           "a carton and conditions"),
        no(2, "serials of which batch?", "freeze --where lot=L42 --serials 1", "Missing argument"),
        no(2, "yes to what?", "freeze {batch} --serials 1 --yes", "--yes goes with --where"),
        row("rows with conditions, units, codes", "orders apply -", 3, **active, result=True,
            stdin=HEAD + ROWS, expected={"orders": 6, "acknowledged": 2, "refused": 4}),
        ok("a message with conditions", "line run", stdin=MESSAGE, **active,
           expected={"ok": True, "codes": 488}),
    )  # fmt: skip


def _alone(ok, no):
    return (
        ok("a unit, and no batch", "activate --unit {unit}", backend="real",
           expected={"delivery": "acknowledged"}),
        ok("a package, and no batch", "activate --package {package} --dry-run",
           expected={"applied": [[1, 2000]]}),
        ok("a single code, read from stdin", "activate --code -", backend="real",
           stdin="{code}\r\n", expected={"delivery": "acknowledged"}),
        ok("a single code, by its serial", "freeze --code {batch}:7", backend="real",
           expected={"applied": [[7, 7]], "delivery": "acknowledged"}),
        no(2, "a code and serials", "freeze {batch} --code {batch}:7 --serials 7", "named once"),
        no(2, "an empty code", "freeze --code ''", "names no code"),
        no(3, "a code of another batch than named", "freeze {package} --code {batch}:1",
           "the code belongs to batch"),
        no(4, "a code of another home", "freeze --code A1B2-C3D4E5F6:1", "no code of this home"),
        no(4, "a unit that there is not, and no batch", "activate --unit A1B2-C3D4E5F6-1",
           "unit"),
    )  # fmt: skip


def _found(ok, no):
    return (
        ok("codes that meet conditions", "find --where lot=L42", world="active",
           expected={"codes": 498}),
        ok("of a batch, of some serials", "find {batch} --serials 401-420 --where state=frozen",
           world="active", expected={"codes": 10, "next": None}),
        ok("void codes, by name", "find --where state=void", world="active",
           expected={"codes": 2}),
        ok("a page of ranges", "find {batch} --where package={package} --limit 1",
           world="active", expected={"codes": 1998}),
        no(2, "a code as a value", "find --where 'dealer!=x{code}'", "holds a code"),
        ok("what follows it", "find --where package={package} --after {batch}:1",
           world="active", expected={"codes": 1998, "next": None}),
        no(2, "no condition", "find", "no condition"),
        no(2, "an unknown key", "find --where colour=red", "unknown in a condition"),
        no(2, "an impossible page", "find --where lot= --after 7", "--after"),
        no(2, "serials of which batch?", "find --where lot= --serials 1", "of which batch"),
        no(4, "nothing meets the conditions", "find --where lot=L9", "no codes meet"),
        no(4, "no such batch", "find NOPE-AAAA --where lot=", "no batch"),
    )  # fmt: skip
