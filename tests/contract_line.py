"""The contract of a production line's commands: rows and shapes."""

STATE = "inactive | active | frozen | void"
ACTION = "activate | freeze | unfreeze | revoke | void | unvoid | assign"
# Braces of JSON doubled: stdin is formatted with the world's facts.
ORDER = '{{"action": "activate", "batch": "{batch}", "serials": "501-600"}}\n'
APPLY = "orders apply -"
HEAD = "action,batch,serials,order\n"
GOOD, BAD = "activate,{batch},501-600,\n", "activate,{batch},15000,\n"
AGAIN = HEAD + "".join(
    f"{action},{{batch}},501-600,{order}\n"
    for action, order in (("activate", "one"), ("freeze", "two"), ("activate", "one"))
)
WATCH = "deliver --watch --health-file health.json"


def shapes(*ordered):
    """The JSON that the commands print; `line run` answers an order with its command's keys."""
    return {
        "orders apply": {
            **dict.fromkeys(
                ("orders", "acknowledged", "queued", "refused", "repeated", "undone", "scheduled"),
                "count",
            ),
            "results": [
                {
                    "row": "count",
                    "order": "text",
                    "action": "text?",
                    "batch": "text?",
                    "status": "acknowledged | queued | refused | cancelled | scheduled",
                    "booked": "true/false",
                    "repeated": "true/false",
                    "applied": "ranges",
                    "skipped": "ranges",
                    "detail": "text?",
                    "hint": "text?",
                    "undone": "ranges",
                    "exit": "count",
                    "notes": ["text"],
                    "changed": "true/false",
                }
            ],
        },
        "orders watch": dict.fromkeys(("files", "failed", "orders"), "count"),
        "line run": tuple({"ok": "true/false", "exit": "count", **keys} for keys in ordered),
        "reconcile": {
            "batch": "id",
            "equal": "true/false",
            "registered": "true/false",
            "queued": "count",
            "different": "count",
            "unverified": "count",
            "retired": "true/false",
            "links": "count",
            "links_compared": "true/false",
            "links_different": "count",
            "link_differences": [{"serials": "pair", "ours": "object?", "theirs": "object?"}],
            "associations": [
                {
                    "action": "associate | dissociate",
                    "parents": "object",
                    "children": "object",
                    "each": "count?",
                    "order": "text?",
                    "delivery": "text?",
                }
            ],
            "in_doubt": [
                {
                    "order": "text",
                    "action": f"{ACTION} | associate | dissociate",
                    "serials": "ranges",
                    "detail": "text",
                }
            ],
            "differences": [
                {
                    "serials": "pair",
                    "kind": "state | attributes | fingerprints",
                    "ours": "text",
                    "theirs": "text",
                }
            ],
            "orders": [
                {
                    "action": ACTION,
                    "serials": "ranges",
                    "from_state": STATE,
                    "count": "count",
                    "attributes": "attributes",
                    "reason": "text?",
                    "order": "text?",
                    "delivery": "text?",
                }
            ],
        },
    }


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (
        *_scanned(ok, no),
        *_files(row, ok, no),
        *_service(ok, no),
        *_line(row, ok, no),
        *_reconcile(row, ok, no),
    )


def _scanned(ok, no):
    command = "activate {batch} --codes - --dry-run"
    return (
        ok(
            "a reel by the codes at its ends, in either order",
            f"{command} --count 2 --tolerance 1",
            stdin="]Q1https://t.example.com/{next_code}\r{code}\r",
            expected={"applied": [[1, 2]]},
        ),
        no(2, "a single code", command, "two scanned codes", stdin="{code}\n"),
        no(2, "the same code at both ends", command, "the same code was read twice",
           stdin="{code}\n{code}\n"),
        no(2, "a reader that is not declared", f"{command} --reader belt", "no reader",
           stdin="{code}\n{next_code}\n"),
        no(2, "only one end of a reel", "activate {batch} --from-code {code}", "together"),
        no(2, "--tolerance without --count", f"{command} --tolerance 1", "--count",
           stdin="{code}\n{next_code}\n"),
        no(3, "a count too far off", f"{command} --count 9 --tolerance 1", "give or take",
           stdin="{code}\n{next_code}\n"),
        no(4, "a code that is not ours", command, "no code of this home", stdin="{code}\nNOPE\n"),
    )  # fmt: skip


def _files(row, ok, no):
    return (
        ok(
            "every order is acknowledged",
            APPLY,
            stdin=HEAD + GOOD,
            backend="real",
            expected={"orders": 1, "acknowledged": 1},
        ),
        row("an order is refused, the others are not", APPLY, 3, stdin=HEAD + BAD + GOOD,
            backend="real", result=True, expected={"acknowledged": 1, "refused": 1}),
        row("only the refused orders", f"{APPLY} --failures-only --results results.jsonl", 3,
            stdin=HEAD + GOOD + BAD, backend="real", result=True, expected={"orders": 2}),
        row("the backend is away", APPLY, 75, stdin=HEAD + GOOD, backend="away", result=True,
            expected={"queued": 1}),
        no(2, "an unknown column", APPLY, "row 1", stdin="action,batch,serial\na,b,1\n"),
        row("an order given again, whose codes have changed since", APPLY, 3, stdin=AGAIN,
            backend="real", result=True, expected={"acknowledged": 3, "repeated": 1, "undone": 1}),
        no(2, "a file cut short", APPLY, "row 2", stdin=HEAD + 'activate,{batch},"1'),
        no(2, "a last line cut short, which would mean more", APPLY, "row 2",
           stdin="action,batch,serials\nactivate,{batch},501-"),
        no(2, "a last line that may have lost a guard", APPLY, "row 2",
           stdin="action,batch,serials,count\nactivate,{batch},501-600"),
        no(2, "bytes that say one thing in UTF-8 and another in GB18030", APPLY, "GB18030",
           stdin="action,batch,serials,set.region\nassign,{batch},501-600,\u00b3\n"),
        no(2, "results that cannot be written", f"{APPLY} --results none/results.jsonl",
           "cannot be written", stdin=HEAD + GOOD),
        no(2, "results over a folder", f"{APPLY} --results .", "it is a folder",
           stdin=HEAD + GOOD),
        no(2, "results over the orders", "orders apply serials.txt --results serials.txt", ""),
        no(4, "no such file", "orders apply none.csv", "no file"),
        no(4, "no home", APPLY, "no mintmark home", stdin=HEAD + "a,b,1,\n", world="none"),
        no(6, "the ledger is locked", APPLY, "locked", stdin=HEAD + GOOD, trouble="locked"),
        ok("until Ctrl-C", "orders watch out", trouble="interrupt out/failed",
           expected={"files": 0}),
        no(2, "no such folder", "orders watch none", "no folder"),
        no(4, "no home", "orders watch stranger", "no mintmark home", world="none"),
    )  # fmt: skip


def _service(ok, no):
    return (
        ok(
            "a service, until Ctrl-C",
            WATCH,
            trouble="interrupt health.json",
            expected={"queued": 0},
        ),
        no(4, "a service without a home", WATCH, "no mintmark home", world="none"),
    )


def _line(row, ok, no):
    return (
        ok("an order per line on stdin, an answer per line", "line run", stdin=ORDER,
           backend="real", expected={"ok": True, "exit": 0, "delivery": "acknowledged"}),
        row("the backend is away: the answer says so", "line run", 0, stdin=ORDER, backend="away",
            expected={"ok": True, "exit": 75, "delivery": "queued"}),
        row("an order with an id of its own", "line run --require-order", 0,
            stdin=ORDER.replace("}}", ', "order": "reel-9"}}'), backend="away",
            expected={"ok": True, "order": "reel-9"}),
        no(2, "a reader that is not declared", "line run --reader belt", "no reader"),
        no(2, "a backend over plain http", "line run", "plain http", backend="remote"),
        no(4, "no home", "line run", "no mintmark home", world="none"),
    )  # fmt: skip


def _reconcile(row, ok, no):
    return (
        ok("both sides agree", "reconcile {batch}", world="active", backend="real",
           expected={"equal": True, "different": 0}),
        row("an order is in doubt: refused, and its codes stand as if it had been applied",
            "reconcile {batch}", 3, world="doubted", backend="real", result=True,
            expected={"equal": True, "different": 0}),
        ok("a doubt is ended", "reconcile {batch} --apply", world="doubted", backend="real",
           expected={"equal": True, "in_doubt": []}),
        ok("an order in doubt", "orders show {order}", world="doubted",
           expected={"status": "refused", "in_doubt": True}),
        row("an order is still queued", "reconcile {batch}", 3, world="queued", backend="real",
            result=True, expected={"equal": False, "different": 500, "queued": 1}),
        row("the backend lacks what lies in what", "reconcile {batch}", 3, world="boxed",
            backend="real", result=True,
            expected={"links": 50, "links_compared": True, "links_different": 50, "equal": False}),
        ok("what lies in what is brought to the backend", "reconcile {batch} --apply",
           world="boxed", backend="real", expected={"equal": True, "links_different": 0}),
        ok("orders that pack", "orders list --status acknowledged", world="boxed"),
        no(3, "--apply while an order is queued", "reconcile {batch} --apply", "queued",
           world="queued", backend="real"),
        no(4, "no such batch", "reconcile NOPE-AAAA", "no batch", backend="real"),
        no(6, "no backend is named", "reconcile {batch}", "no backend"),
        no(6, "the backend is away", "reconcile {batch}", "no usable answer", backend="away"),
        no(6, "the backend answers no JSON", "reconcile {batch}", "", backend="malformed"),
    )  # fmt: skip
