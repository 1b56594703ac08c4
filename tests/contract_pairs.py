"""The contract of packages with two codes a label: `export --with`."""

PASS = "--passphrase-file pass.txt"
WITH = f"export {{outer}} --with {{inner}} --to li --out sent --password-file new.txt {PASS}"


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (
        ok("two batches, row by row", WITH, world="paired", expected={"serials": [[1, 20]]}),
        ok("the other way round", WITH.replace("{outer}", "{x}").replace("{inner}", "{outer}")
           .replace("{x}", "{inner}"), world="paired", expected={"units": 1}),
        ok("two symbols on each label", f"{WITH} --profile pdf-sheet-pair --serials 1-7",
           world="paired", expected={"profile": "pdf-sheet-pair"}),
        ok("the next pairs", f"{WITH} --serials next:5", world="paired",
           expected={"serials": [[1, 5]]}),
        ok("a rehearsal of pairs", f"{WITH} --test 9", world="paired", expected={"test": True}),
        no(2, "a pair in one nameless column", f"{WITH} --profile url-lines",
           "no place for a second code", world="paired"),
        no(2, "a label with one symbol for two", f"{WITH} --profile pdf-sheet",
           "no place for a second symbol", world="paired"),
        no(2, "pictures of pairs", f"{WITH} --profile png", "no place for a second code",
           world="paired"),
        no(2, "a label with two symbols for one code",
           f"export {{outer}} --to li --out sent --profile pdf-sheet-pair --password-file new.txt"
           f" {PASS}", "place for a second symbol", world="paired"),
        no(2, "a batch with itself", WITH.replace("{inner}", "{outer}"), "no pair with itself",
           world="paired"),
        no(2, "a reprint and a pair", f"{WITH} --reprint --package {{outer}} --reason lost",
           "takes no serials", world="paired"),
        no(3, "a batch on other items", WITH.replace("{inner}", "{pallets}"), "is no partner",
           world="paired", events=("Incident",)),
        no(4, "an empty pair", WITH.replace("{inner}", "''"), "no batch", world="paired"),
        no(4, "a pair that is not there", WITH.replace("{inner}", "NOPE-AAAAAAAA"), "no batch",
           world="paired"),
    )  # fmt: skip
