"""The contract of what lies in what: rows and shapes of `associate` and `dissociate`."""

import contract_away

# In the world: bottles from 100 on lie in nothing, carton 1703 is empty; 1701 and 1702 are full.
CARTON, BOTTLES = "{batch}:1703", "{batch}:100\n{batch}:101\n"
SCANNED = "associate --codes - --count 2"
RANGE = f"associate {{batch}} --serials 100-101 --parent {CARTON}"
DEALT = "associate {batch} --serials 100-101 --each 1 --parents {batch}:1703"
RUN = "associate run --parent last --count 2"
OUT = "dissociate {batch} --serials 1-2"
MESSAGE = (
    '{{"op": "associate", "codes": ["{batch}:100", "{batch}:101", "{batch}:1703"], "count": 2}}\n'
)
ROWS = "orders apply -"
HEAD = "action,batch,serials,parent,order\n"
CODE = {"batch": "id", "serial": "count"}
PARENT = {**CODE, "sscc": "text?"}
PACKED = {
    "order": "text?",
    "action": "associate | dissociate",
    "parent": "parent?",
    "parents_count": "count",
    "children": [{"batch": "id", "serials": "ranges"}],
    "children_count": "count",
    "delivery": "acknowledged | queued | refused | cancelled?",
    "dry_run": "true/false",
    "repeated": "true/false",
    "detail": "text?",
    "notes": ["text"],
}
_READ = {
    "no_reads": ["count"],
    "repeats": "count",
    "heartbeats": "count",
    "rejects": [{"line": "count", "note": "text?", "hint": "text?"}],
}
ANSWER = {"ok": "true/false", "exit": "count", **PACKED}
_REFUSED = {
    "ok": "true/false",
    "exit": "count",
    "error": "text",
    "hint": "text",
    "parent": "code?",
    "children_count": "count",
    **_READ,
}
SHAPES = {
    "associate": contract_away.waits(PACKED),
    "associate run": (*contract_away.waits({**ANSWER, **_READ}), _REFUSED),
    "dissociate": contract_away.waits(PACKED),
}


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (*_joined(row, ok, no), *_refused(no), *_run(row, ok, no), *_left(row, ok, no))


def _joined(row, ok, no):
    boxed = {"world": "boxed", "backend": "real"}
    return (
        ok("a carton by scanned codes, its label last", SCANNED, **boxed,
           stdin=f"{BOTTLES}{CARTON}\n", expected={"children_count": 2, "parents_count": 1}),
        ok("its label first", f"{SCANNED} --parent first", **boxed,
           stdin=f"{CARTON}\n{BOTTLES}", expected={"delivery": "acknowledged"}),
        ok("codes that are in a carton that is named", f"{SCANNED} --parent {CARTON}", **boxed,
           stdin=BOTTLES, expected={"children_count": 2}),
        ok("a part-filled carton that is meant", "associate --codes - --count 3 --partial",
           **boxed, stdin=f"{BOTTLES}{CARTON}\n", expected={"children_count": 2}),
        ok("serials", RANGE, **boxed, expected={"delivery": "acknowledged"}),
        ok("serials, shown first", f"{RANGE} --dry-run", world="boxed",
           expected={"delivery": None, "dry_run": True}),
        ok("a run that is dealt out", "associate {batch} --serials 100 --count 1 --each 1 "
           "--parents {batch}:1703", **boxed, expected={"parents_count": 1}),
        ok("a carton that holds just these already", "associate {batch} --serials 1-24 "
           "--parent {batch}:1701", world="boxed", expected={"repeated": True, "order": None}),
        ok("a message", "line run", stdin=MESSAGE, **boxed,
           expected={"ok": True, "children_count": 2}),
        row("the backend is away: it is queued", RANGE, 75, world="boxed", backend="away",
            result=True, expected={"delivery": "queued"}),
        row("rows of packing", ROWS, 3, **boxed, result=True,
            stdin=f"{HEAD}associate,{{batch}},100-101,{CARTON},P1\nassociate,{{batch}},1,{CARTON},\n"
            "dissociate,{batch},101,,\n",
            expected={"orders": 3, "acknowledged": 2, "refused": 1}),
        no(2, "a batch and no serials", "associate {batch} --parent {batch}:1", "named once"),
    )  # fmt: skip


def _refused(no):
    boxed = {"world": "boxed"}
    return (
        no(2, "no count", "associate --codes -", "how many children", stdin=BOTTLES),
        no(2, "neither children nor codes", "associate --count 2", "neither children nor scanned"),
        no(2, "no parent", "associate {batch} --serials 1-2", "none is named"),
        no(2, "--each without cartons", "associate {batch} --serials 1-2 --each 1", "together"),
        no(2, "one carton and --each", f"{RANGE} --each 2", "names one carton", **boxed),
        no(2, "another number of cartons", DEALT, "fill 2 parents, not 1", **boxed),
        no(2, "no code at all", SCANNED, "no code was read"),
        no(3, "a child is missing", SCANNED, "1 of 2 children", **boxed,
           stdin=f"{{batch}}:100\n{CARTON}\n"),
        no(3, "a label not read", SCANNED, "no-read at place 1", **boxed,
           stdin=f"NoRead\n{{batch}}:100\n{CARTON}\n"),
        no(3, "one too many", SCANNED, "3 of 2 children", **boxed,
           stdin=f"{BOTTLES}{{batch}}:102\n{CARTON}\n"),
        no(3, "half a carton", SCANNED, "scans ended after 1 of 2", **boxed,
           stdin="{batch}:100\n"),
        no(3, "a child of another carton", SCANNED, "already", **boxed,
           stdin=f"{{batch}}:1\n{{batch}}:100\n{CARTON}\n"),
        no(3, "a carton that is full", "associate {batch} --serials 1-2 --parent {batch}:1701",
           "already", **boxed),
        no(3, "a carton in itself", f"associate {{batch}} --serials 1703 --parent {CARTON}",
           "within itself", **boxed),
        no(3, "a bottle as a carton", "associate {batch} --serials 100 --parent {batch}:101",
           "", **boxed),
        no(3, "a count that is off", f"{RANGE} --count 3", "2 children, not 3", **boxed),
        no(3, "a last carton that is not full",
           "associate {batch} --serials 100-102 --each 4 --parents {batch}:1703",
           "would hold 3 of 4", **boxed),
        no(4, "a code of another brand", SCANNED, "no code of this home", **boxed,
           stdin=f"HTTPS://OTHER.EXAMPLE/7K3MZZ19QPRS0042\n{{batch}}:100\n{CARTON}\n"),
        no(4, "a carton that was never minted", f"{SCANNED} --parent {{batch}}:999999999",
           "no code of this home", stdin=BOTTLES),
        no(4, "a file that is not there", "associate --codes none.txt --count 2", "no file"),
        no(4, "an unknown batch", "associate A1B2-C3D4E5F6 --serials 1 --parent {batch}:1",
           "no batch"),
    )  # fmt: skip


def _run(row, ok, no):
    boxed = {"world": "boxed", "backend": "real"}
    return (
        ok("a carton, at its last scan", RUN, **boxed, stdin=f"{BOTTLES}{CARTON}\n",
           expected={"ok": True, "exit": 0, "children_count": 2}),
        ok("a carton that is refused: the answer says so", RUN, world="boxed",
           stdin=f"{{batch}}:100\nNR\n{CARTON}\n",
           expected={"ok": False, "exit": 3, "no_reads": [2]}),
        ok("the backend is away: the answer says so", RUN, world="boxed", backend="away",
           stdin=f"{BOTTLES}{CARTON}\n", expected={"ok": True, "exit": 75}),
        no(2, "nothing says where labels are read", "associate run --count 2", "where the labels"),
        no(2, "nothing says how many", "associate run --parent last", "how many children"),
        no(2, "no such place", "associate run --parent middle --count 2", "where the labels"),
        no(2, "a reader that is not declared", "associate run --reader belt", "no reader"),
        no(4, "an unknown line", f"{RUN} --line none", "no line"),
    )  # fmt: skip


def _left(row, ok, no):
    # The backend was told nothing of these cartons.
    queued = {"world": "boxed", "result": True}
    return (
        row("taken out by serials; no backend", f"{OUT} --reason damaged", 75, **queued,
            expected={"children_count": 2, "parent": None, "delivery": "queued"}),
        row("taken out by scanned codes; no backend", "dissociate --codes - --parent {batch}:1701",
            75, **queued, stdin="{code}\n{next_code}\n",
            expected={"children_count": 2, "parents_count": 1}),
        row("everything that is in a carton; no backend", "dissociate --carton {batch}:1702 --all",
            75, **queued, expected={"children_count": 24}),
        ok("taken out, shown first", f"{OUT} --dry-run", world="boxed",
           expected={"dry_run": True, "delivery": None}),
        row("the backend is away: what is taken out is queued", OUT, 75, world="boxed",
            backend="away", result=True, expected={"delivery": "queued"}),
        no(2, "nothing is named", "dissociate", "nothing is named"),
        no(2, "a carton without --all", "dissociate --carton {batch}:1701", "go together"),
        no(2, "a carton and serials", "dissociate {batch} --serials 1 --carton {batch}:1701 --all",
           "go together"),
        no(3, "it lies in nothing", "dissociate {batch} --serials 100", "lies in nothing",
           world="boxed"),
        no(3, "it lies elsewhere", f"{OUT} --parent {{batch}}:1702", "not where", world="boxed"),
        no(3, "an empty carton", f"dissociate --carton {CARTON} --all", "nothing lies in",
           world="boxed"),
        no(4, "a code that is none of ours", "dissociate --codes -", "no code of this home",
           stdin="7K3M\n"),
    )  # fmt: skip
