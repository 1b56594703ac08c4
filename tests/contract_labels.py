"""The contract of one code on many items."""

EXPORT = "export {batch} --to li --out sent --password-file new.txt --serials next:4"
PASS = "--passphrase-file pass.txt"


def rows(ok, no):
    """The rows; `ok` and `no` make them."""
    many = {"copies": 500, "labels": 2_000}
    return (
        ok("one code on many items", f"{EXPORT} --copies 500 {PASS}", expected=many),
        ok(
            "a test package of copies",
            "export {batch} --to li --out sent --password-file new.txt --test 4 --copies 500",
            expected=many,
        ),
        no(
            2,
            "more copies of a code than a sheet holds labels",
            f"{EXPORT} --copies 60000 --profile pdf-sheet {PASS}",
            "50,000 labels",
        ),
        no(2, "no copy at all", f"{EXPORT} --copies 0 {PASS}", "--copies"),
        no(
            2,
            "a reprint with other copies",
            f"{EXPORT} --copies 2 --reprint --package {{package}} --reason R {PASS}",
            "takes no serials",
        ),
    )
