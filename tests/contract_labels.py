"""The contract of one code on many items, and of labels of cartons."""

EXPORT = "export {batch} --to li --out sent --password-file new.txt --serials next:4"
PASS = "--passphrase-file pass.txt"
LABELS = "package labels {package} --cartons --out sent"
CODES = f"{LABELS} --serials 1701-1703 --reason torn --password-file new.txt"
CARTONS = {
    "package": "id?",
    "batch": "id",
    "role": "text",
    "serials": "ranges",
    "labels": "count",
    "pages": "count",
    "file": "path",
    "sha256": "sha256",
    "encrypted": "true/false",
    "read_back": "count",
}


def rows(ok, no):
    """The rows; `ok` and `no` make them."""
    return (*_copies(ok, no), *_cartons(ok, no))


def _copies(ok, no):
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


def _cartons(ok, no):
    """In the world `boxed` 1701-1703 are cartons, without SSCCs."""
    there = {"world": "boxed"}
    made = {"labels": 3, "pages": 1, "role": "carton", "encrypted": True, "read_back": 3}
    return (
        ok("labels of cartons", f"{CODES} {PASS}", expected=made, events=("Incident",), **there),
        no(2, "labels with codes, and no reason", LABELS, "need a reason"),
        no(2, "no terminal to show the password of labels", f"{LABELS} --reason R", "no terminal"),
        no(2, "labels of cartons by unit", f"{LABELS} --unit {{unit}}", "not by a unit"),
        no(
            2,
            "labels of units, and serials",
            "package labels {package} --out sent --serials 1",
            "labels of units",
        ),
        no(2, "a reason for no codes", f"{LABELS} --sscc-only --reason R", "no reason"),
        no(2, "an empty variable for the cartons", f'{LABELS} --sscc-only --serials ""', "serial"),
        no(2, "an SSCC on labels of units", "package labels {package} --out sent --sscc-only",
           "no SSCC"),
        no(3, "no SSCCs", f"{LABELS} --sscc-only", "no SSCCs"),
        no(3, "items are no cartons", f"{CODES} {PASS}", "no cartons or pallets"),
        no(3, "labels outside the package", f"{CODES.replace('1701', '1999-2001;1701')} {PASS}",
           "2001 are not in", **there),
        no(4, "labels of no package", f"{CODES.replace('{package}', 'NOPE-AAAA')} {PASS}", "no "),
        no(5, "labels, and a wrong passphrase", f"{CODES} --passphrase-file wrong.txt", "",
           events=("Incident",), **there),
    )  # fmt: skip
