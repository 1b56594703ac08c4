"""The contract of what lies where it belongs: rows about the home, and about ids and codes."""

NEW = "--password-file new.txt"
EXPORT = "export {batch} --serials next:1 --to li --passphrase-file pass.txt"
IN_HOME = "lies in the home"


def rows(no):
    """The rows; `no` makes them."""
    return (*_places(no), *_kinds(no), *_keys(no))


def _kinds(no):
    named = (
        ("a package for a batch", "batch show {package}", "is a package, not a batch"),
        ("a unit for a batch", "batch show {unit}", "is a unit, not a batch"),
        ("a contact for a batch", "package list --batch li", "is a contact, not a batch"),
        ("a package for a batch", EXPORT.replace("{batch}", "{package}") + f" --out sent {NEW}",
         "is a package, not a batch"),
        ("a batch for a contact", EXPORT.replace("--to li", "--to {batch}") + f" --out sent {NEW}",
         "is a batch, not a contact"),
        ("a batch for a package", "package show {batch}", "is a batch, not a package"),
        ("a unit for a package", "package receipt {unit} --printed 1", "is a unit, not a package"),
        ("a package for a unit", "package unit {package}", "is a package, not a unit"),
        ("a package for a unit", "activate {batch} --unit {package}", "is a package, not a unit"),
        ("a unit for a package", "activate {batch} --package {unit}", "is a unit, not a package"),
        ("a package for a batch", "activate {package} --serials 1", "is a package, not a batch"),
        ("a batch for an order", "orders show {batch}", "is a batch, not an order"),
        ("a package for a batch", "orders list --batch {package}", "is a package, not a batch"),
        ("a contact for a key", "key revoke li --reason old", "is a contact, not a key"),
        ("a line's key", "key rewrap --to {line} --passphrase-file pass.txt",
         "no custodian's, but a line's"),
        ("a batch for a key", "key rewrap --to {batch} --passphrase-file pass.txt",
         "is a batch, not a key"),
    )  # fmt: skip
    return tuple(no(4, case, argv, error) for case, argv, error in named)


def _keys(no):
    private, public = "stranger/custodian.key", "stranger/custodian.pub"
    named = (
        ("a line's key", "key admit home/keys/lines/default.key --name Zhao", "of a line or", {}),
        ("the private key", f"init --custodian-public-key {private} --home new",
         "private key, not", {"world": "none"}),
        ("the public half of the key", f"{EXPORT} --out sent {NEW} --custodian-key {public}",
         "public key, not", {"events": ("Incident",)}),
    )  # fmt: skip
    return tuple(no(5, case, argv, error, **more) for case, argv, error, more in named)


def _places(no):
    return tuple(
        no(2, case, argv, IN_HOME, **more)
        for case, argv, more in (
            ("into the home", f"{EXPORT} --out home {NEW}", {}),
            ("into a folder of the home", f"{EXPORT} --out home/vault/sent {NEW}", {}),
            ("into the home by a way around", f"{EXPORT} --out sent/../home/sent {NEW}", {}),
            ("the password into the home", f"{EXPORT} --out sent --password-file home/p.txt", {}),
            (
                "the password over the home's settings",
                f"{EXPORT} --out sent --password-file home/mintmark.toml",
                {},
            ),
            (
                "a test package into the home",
                f"export {{batch}} --to li --test 9 --out home/sent {NEW}",
                {},
            ),
            (
                "other codes into the home",
                "package replace {package} --out home/sent --passphrase-file pass.txt " + NEW,
                {},
            ),
            (
                "their password into the home",
                "package replace {package} --out sent --password-file home/p.txt",
                {},
            ),
            ("labels into the home", "package labels {package} --out home/labels", {}),
            ("a proof into the home", "plan --diameter 20 --out home/proof", {}),
            ("results into the home", "orders apply - --results home/results.jsonl", {}),
            ("a hot folder in the home", "orders watch home/orders", {}),
            (
                "its health in the home",
                "deliver --watch --health-file home/alarms.json",
                {"world": "queued"},
            ),
            ("the backend's books in the home", "backend serve --data home/backend --port 0", {}),
            (
                "a custodian's key in the home",
                "key custodian home/deputy.key --passphrase-file pass.txt",
                {},
            ),
            ("a backend's folder in the home", "key export --backend home/handover", {}),
            ("the demo in the home", "demo --out home/demo", {}),
            ("into another home", f"{EXPORT} --out stranger/home/sent {NEW}", {}),
        )
    ) + tuple(
        no(2, case, argv, error)
        for case, argv, error in (
            (
                "a home within a home",
                "init --home home/vault/new --custodian-key c.key --passphrase-file pass.txt",
                "would lie in the home",
            ),
            (
                "its custodian's key in another home",
                "init --home new --custodian-key home/keys/c.key --passphrase-file pass.txt",
                "must not lie in a home",
            ),
            (
                "a code for the id of an order",
                "activate {batch} --serials 501 --order {code}",
                "the order is or holds a code",
            ),
            (
                "a code in an attribute",
                "activate {batch} --serials 501 --set lot={code}",
                "the attribute is or holds a code",
            ),
            (
                "a code for the id of a contact",
                "contact add {code} --name Wang",
                "the contact is or holds a code",
            ),
        )
    )
