"""The contract of moving a ledger and a vault, and of the schema and rights of a shared one."""

AWAY = "postgresql://mint@/none?host=/nowhere"
MOVE = "ledger move --to"
SHAPES = {
    "ledger move": {"ledger": "text", "moved": "true/false", "events": "count", "head": "sha256"},
    "ledger upgrade": {"before": "text", "revision": "text"},
    "vault move": {"vault": "text", "moved": "true/false", "batches": "count"},
    "ledger grants": {"role": "text", "purpose": "station | report", "sql": "text"},
}


def rows(ok, no):
    """The rows; `ok` and `no` make them."""
    shared = {"world": "shared"}
    return (
        ok("to where it lies", f"{MOVE} local", expected={"ledger": "local", "moved": False}),
        ok("to its own database", f"{MOVE} {{database}}", expected={"moved": False}, **shared),
        ok("to another database", f"{MOVE} {{fresh}}", expected={"moved": True}, **shared),
        no(2, "a password in the address", f"{MOVE} postgresql://a:b@h/d", "holds a password"),
        no(2, "no PostgreSQL", f"{MOVE} mysql://h/d", "no PostgreSQL database"),
        no(2, "a place that is none", f"{MOVE} here", "no PostgreSQL database"),
        no(3, "back while other stations work there", f"{MOVE} local", "other station", **shared),
        no(4, "no home", f"{MOVE} local", "no mintmark home", world="none"),
        no(6, "the database does not answer", f"{MOVE} {AWAY}", "does not answer"),
        ok("an up-to-date schema", "ledger upgrade", **shared),
        no(3, "the ledger of a home of its own", "ledger upgrade", "is a file"),
        no(4, "no home", "ledger upgrade", "no mintmark home", world="none"),
        *_vault(ok, no),
        ok("the rights of a station", "ledger grants --role hall_2", world="none",
           expected={"purpose": "station"}),
        ok("the rights of a report", "ledger grants --role bi --for report", world="none"),
        no(2, "another purpose", "ledger grants --role bi --for boss", "--for is not",
           world="none"),
        no(2, "no name", "ledger grants --role ''", "1 to 63 bytes", world="none"),
    )  # fmt: skip


def _vault(ok, no):
    shared, to = {"world": "shared"}, "vault move --to"
    return (
        ok("to where it lies", f"{to} local", expected={"vault": "local", "moved": False}),
        ok("to where a shared one lies", f"{to} {{store}}", expected={"moved": False}, **shared),
        no(2, "credentials in the address", f"{to} s3://a:b@bucket/p", "holds credentials"),
        no(2, "no store", f"{to} here", "no bucket and no folder"),
        no(3, "from store to store", f"{to} {{free}}", "in another store", **shared),
        no(3, "back while other stations work there", f"{to} local", "other station", **shared),
        no(4, "no home", f"{to} local", "no mintmark home", world="none"),
    )
