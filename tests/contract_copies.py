"""The contract of older copies of a home: rows about the signs, and about what a person decides."""

NEW = "--out sent --password-file new.txt --passphrase-file pass.txt"
SETTLE = "audit settle --newer-home"
SHAPE = {
    "newer_home": "text",
    "reason": "text",
    "heads": ["sha256"],
    "vault_only": ["id"],
    "retired": ["id"],
}


def rows(ok, no):
    """The rows; `ok` and `no` make them."""
    older = {"world": "older", "backend": "real", "events": ("Incident",)}
    return (
        no(5, "an older copy of the home", "mint --quantity 10", "older copy", **older),
        no(5, "an older copy of the home", f"export {{batch}} --serials next:5 --to li {NEW}",
           "older copy", **older),
        no(5, "an older copy of the home", "reconcile {batch}", "older copy", **older),
        no(5, "an older copy of the home", "doctor", "", world="older", backend="real",
           result=True, expected={"ok": False}),
        no(5, "an older copy, noticed before", "mint --quantity 10", "older copy", world="noticed"),
        no(5, "an older copy, noticed before", f"export {{batch}} --serials next:5 --to li {NEW}",
           "older copy", world="noticed", events=("Incident",)),
        no(5, "an older copy, noticed before", "doctor", "", world="noticed", result=True),
        ok("the newer home is lost", f"{SETTLE} lost --reason burnt", world="noticed",
           expected={"newer_home": "lost"}),
        ok("there is no newer home", f"{SETTLE} none --reason 'a stolen key'", world="noticed",
           expected={"newer_home": "none", "retired": []}),
        no(3, "no sign of an older copy", f"{SETTLE} lost --reason burnt", "nothing to settle"),
        no(2, "a word that is none of the two", f"{SETTLE} gone --reason burnt", "--newer-home",
           world="noticed"),
        no(2, "no reason", f"{SETTLE} lost", "--reason", world="noticed"),
        no(2, "an empty reason", f"{SETTLE} lost --reason ' '", "the reason", world="noticed"),
        no(4, "no home", f"{SETTLE} lost --reason burnt", "no mintmark home", world="none"),
        no(3, "a batch of a home that is lost", f"export {{batch}} --serials next:5 --to li {NEW}",
           "is retired", world="retired", events=("Incident",)),
        no(3, "a batch of a home that is lost", "reconcile {batch} --apply", "is retired",
           world="retired", backend="real"),
        no(3, "what a lost home ordered is not taken back", "reconcile {batch}", "",
           world="retired", backend="real", result=True, expected={"retired": True, "orders": []}),
    )  # fmt: skip
