"""The contract of orders for a carton, and for both codes of an item: rows and shapes."""

PALLET, CARTON = "{batch}:1801", "{batch}:1701"
ACTIVATE = f"activate --carton {PALLET}"
HEAD = "action,carton,children,both,order\n"
MESSAGE = '{{"action": "freeze", "carton": "{batch}:1701", "children": "only"}}\n'


def group(ordered, action):
    """The JSON of a request that becomes several orders, each of them as `ordered`."""
    return {
        "order": "text",
        "action": action,
        "orders": [ordered],
        "items_count": "count?",
        "applied_count": "count",
        "skipped_count": "count",
        "delivery": "acknowledged | queued | refused | cancelled | scheduled?",
        "dry_run": "true/false",
        "repeated": "true/false",
        "changed": "true/false",
        "notes": ["text"],
        "at": "time?",
    }


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (
        ok("a pallet, and all that is in it", f"{ACTIVATE} --count 48 --set lot=L9",
           world="boxed", backend="real",
           expected={"items_count": 48, "applied_count": 51, "delivery": "acknowledged"}),
        ok("what is in a carton, and not the carton", f"freeze --carton {CARTON} --children only",
           world="boxed", backend="real", expected={"items_count": 24, "applied_count": 24}),
        ok("a pallet, shown first", f"{ACTIVATE} --dry-run", world="boxed",
           expected={"delivery": None, "dry_run": True}),
        ok("a carton read from stdin", "assign --carton - --set dealer=D7", world="boxed",
           backend="real", stdin="{batch}:1702\r\n", expected={"applied_count": 25}),
        row("the backend is away: the orders of a carton are queued", ACTIVATE, 75, world="boxed",
            backend="away", result=True, expected={"delivery": "queued"}),
        no(2, "a carton in a batch", f"activate {{batch}} --carton {CARTON}", "a batch is named",
           world="boxed"),
        no(2, "a carton and serials", f"{ACTIVATE} --serials 1", "named once", world="boxed"),
        no(2, "children of no carton", "activate {batch} --serials 1 --children only",
           "no carton is named"),
        no(2, "a word for which children", f"{ACTIVATE} --children all", "unknown children",
           world="boxed"),
        no(2, "neither a batch nor a carton", "freeze --serials 1", "Missing argument"),
        no(2, "both, of a batch without partners", "activate {batch} --serials 1 --both",
           "no other batch has codes"),
        no(2, "both, of codes by attribute", "assign --where lot=L42 --set lot=L2 --both",
           "no other batch has codes", world="active"),
        no(3, "the bottles in it are fewer than counted", f"{ACTIVATE} --count 50",
           "48 items (51 codes in all)", world="boxed"),
        no(3, "an empty carton", "activate --carton {batch}:1703", "nothing lies in carton",
           world="boxed"),
        no(3, "a bottle for a carton", "activate --carton {batch}:7", "no carton and no pallet",
           world="boxed"),
        no(3, "codes in it stand in the way", f"unfreeze --carton {CARTON}", "in the way",
           world="boxed"),
        no(4, "a carton of another home", "activate --carton A1B2-C3D4E5F6:1",
           "no code of this home", world="boxed"),
        row("rows for cartons", "orders apply -", 3, world="boxed", backend="real", result=True,
            stdin=f"{HEAD}activate,{PALLET},,,P1\nfreeze,{{batch}}:1702,only,,\nvoid,ABCD,,,\n",
            expected={"orders": 3, "acknowledged": 2, "refused": 1}),
        ok("a message for a carton", "line run", stdin=MESSAGE, world="boxed", backend="real",
           expected={"ok": True, "applied_count": 24}),
    )  # fmt: skip
