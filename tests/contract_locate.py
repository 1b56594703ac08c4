"""The contract of `locate`: what it tells of a code, however people meet it; rows and shapes."""

import contract_roles

PICTURE = {"file": "path", "page": "count", "x": "count?", "y": "count?"}
ACTIVATION = {
    "order": "text",
    "at": "time",
    "line": "text?",
    "status": "queued | acknowledged | refused | cancelled",
}


# What `package verify-print` adds to a package; `serials` of an activation are its labels.
OF_PRINTED = {
    "contact": "text?",
    "contact_name": "text?",
    "product": "text?",
    "activations": [{**ACTIVATION, "serials": "ranges"}],
    "partners": [{"batch": "id", "role": "text"}],
    "verified": "ranges",
    "booked": "ranges",
}


def of_label(state):
    """What is told of a label, or of a code however it was named."""
    return {
        "batch": "id?",
        "serial": "count?",
        "state": f"{state}?",
        "package": "id?",
        "unit": "id?",
        "attributes": "attributes",
        "line": "count?",
        "note": "text?",
        "hint": "text?",
        **of_code(state),
    }


def of_code(state):
    """What is told of a code beside its place."""
    return {
        **contract_roles.of_code(state),
        "product": "text?",
        "contact": "text?",
        "contact_name": "text?",
        "dealer": "text?",
        "region": "text?",
        "receipt": "printed | spoiled?",
        "verified": "true/false?",
        "activation": "activation?",
        "picture": "picture?",
    }


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (*_typed(row, ok, no), *_photographed(row, ok, no), *_proofs(ok, no))


def _typed(row, ok, no):
    return (
        ok("the batch and serial of a code", "locate {code}", expected={
            "serial": 1, "state": "packaged", "contact": "li", "receipt": None, "verified": False,
            "activation": None, "picture": None,
        }),
        ok("the address of a code", "locate https://t.example.com/{code}",
           expected={"serial": 1, "contact": "li"}),
        ok("the same in capitals", "locate HTTPS://T.EXAMPLE.COM/{code}",
           expected={"serial": 1}),
        ok("codes on stdin", "locate -", stdin="{code}\nABCD\n"),
        ok("an address in lower case", "locate -",
           stdin="]Q1https://t.example.com/{code}/?from=x\r", expected={"serial": 1, "line": 1}),
        ok("a code and a batch with a serial on stdin", "locate -",
           stdin="{batch}:3\nhttps://t.example.com/{code}\n",
           expected={"serial": 3, "contact": "li", "line": 1}),
        row("no code of ours on stdin", "locate -", 4, stdin="ABCDEFGHJKMNPQRS\nNoRead\n",
            result=True, expected={"batch": None, "contact": None, "verified": None}),
        no(4, "a code that is not ours", "locate ABCDEFGHJKMNPQRS", "no code of this home"),
        no(2, "a reader that is not declared", "locate {code} --reader belt", "no reader"),
        no(2, "no code named", "locate", "no code is named"),
        no(2, "too much on stdin", "locate -", "at once", stdin="A\n" * 100_001),
    )  # fmt: skip


def _photographed(row, ok, no):
    return (
        ok("a photograph", "locate --photo proof.png",
           expected={"serial": 1, "contact": "li", "line": None}),
        ok("two photographs", "locate --photo proof.png --photo foreign.png",
           expected={"serial": 1}),
        row("a photograph of another's label", "locate --photo foreign.png", 4, result=True,
            expected={"batch": None}),
        no(4, "a photograph without a symbol", "locate --photo blank.png", "no symbol"),
        no(4, "no such picture", "locate --photo none.png", "no file"),
        no(2, "no picture", "locate --photo pass.txt", "no picture"),
        no(2, "a code and a photograph", "locate {code} --photo proof.png",
           "a code and a photograph"),
        no(2, "a photograph by an unknown reader", "locate --photo proof.png --reader belt",
           "no reader"),
        no(4, "a photograph without a home", "locate --photo proof.png", "no mintmark home",
           world="none"),
    )  # fmt: skip


def _proofs(ok, no):
    return (
        ok("a correct proof", "package verify-print proof.png",
           expected={"ok": True, "symbols": 1, "unknown": 0}),
        ok("the labels of a correct proof, booked", "package verify-print proof.png --book",
           expected={"ok": True}, events=("LabelsVerified",)),
        no(5, "a symbol that is not ours", "package verify-print proof.png foreign.png", "",
           result=True, expected={"ok": False, "symbols": 2, "unknown": 1}),
        no(5, "a proof that is not right, and is not booked",
           "package verify-print proof.png foreign.png --book", "", result=True,
           expected={"ok": False}),
        no(2, "no picture", "package verify-print pass.txt", "no picture"),
        no(4, "no such picture", "package verify-print none.png", "no file"),
        no(4, "no home", "package verify-print pass.txt", "no mintmark home", world="none"),
        no(6, "the ledger is locked", "package verify-print proof.png --book", "locked",
           trouble="locked"),
    )  # fmt: skip
