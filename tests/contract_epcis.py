"""The contract of what is told to those who trade in the items: rows of `audit export`."""

TELL = "audit export --epcis --out events.jsonld"
CODES = "--with-codes --password-file new.txt"
PASS = "--passphrase-file pass.txt"
SHAPE = {"file": "path", "events": "count", "names": "count", "next": "count",
         "encrypted": "true/false"}  # fmt: skip


def rows(ok, no):
    """The rows; `ok` and `no` make them."""
    return (
        ok("the books of an active reel", TELL, world="active", expected={"encrypted": False}),
        ok("one batch, in URNs", f"{TELL} --batch {{batch}} --ids urn --company-prefix 6901234"
           " --base HTTPS://Example.CN/epcis --location 6901234567892", world="active"),
        ok("nothing since", f"{TELL} --after 1000000", world="active",
           expected={"events": 0, "names": 0}),
        ok("named by codes", f"{TELL} {CODES} {PASS}", world="active", events=("Incident",),
           expected={"encrypted": True}),
        no(2, "no form of events", "audit export --out events.jsonld", "no form"),
        no(2, "an unknown form of ids", f"{TELL} --ids uuid", "unknown form"),
        no(2, "URNs without a prefix", f"{TELL} --ids urn", "cut by"),
        no(2, "a prefix without URNs", f"{TELL} --company-prefix 6901234", "for URNs"),
        no(2, "a base that is no address", f"{TELL} --base example.cn", "not an address"),
        no(2, "a place that is none", f"{TELL} --location 6901234567890", "a place is"),
        no(2, "codes in the clear", f"{TELL} --with-codes", "no terminal"),
        no(2, "a password for nothing", f"{TELL} --password-file new.txt", "encrypted archive"),
        no(2, "events within the home", "audit export --epcis --out home/e.jsonld", "--out"),
        no(3, "a file that exists", "audit export --epcis --out pass.txt", "exists already"),
        no(3, "a password file that exists",
           f"{TELL} --with-codes --password-file pass.txt {PASS}", "exists already"),
        no(4, "events of an unknown batch", f"{TELL} --batch 0000-00000000", "no batch"),
        no(4, "events without a home", TELL, "no mintmark home", world="none"),
        no(5, "events with a wrong passphrase",
           f"{TELL} {CODES} --passphrase-file wrong.txt", "passphrase", events=("Incident",)),
        no(6, "events into a folder that is none", "audit export --epcis --out pass.txt/e", ""),
    )  # fmt: skip
