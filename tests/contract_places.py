"""The contract of what lies where it belongs: rows about the home, and about ids and codes."""

NEW = "--password-file new.txt"
EXPORT = "export {batch} --serials next:1 --to li --passphrase-file pass.txt"
IN_HOME = "lies in the home"


def rows(no):
    """The rows; `no` makes them."""
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
            ("the demo in the home", "demo --out home/demo", {}),
        )
    )
