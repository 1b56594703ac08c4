"""The contract of codes that belong together: roles, pairs, SSCCs; rows and shapes."""

SSCC = {
    "prefix": "text",
    "extension": "count",
    "first": "count",
    "last": "count",
    "first_sscc": "text",
    "last_sscc": "text",
}
ROLES = "item | inner | outer | carton | pallet | batch | guide"
# What `mint` and `batch list` tell of a batch, and what `batch show` adds.
OF_BATCH = {"role": ROLES, "pair_of": "id?", "sscc": "sscc?"}
SHOWN = {
    **OF_BATCH,
    "pairs": [{"batch": "id", "role": ROLES}],
    "associated": "count",
    "scheduled": "count",
}


def of_code(state):
    """What `locate` tells of what belongs to a code."""
    return {
        "role": "text?",
        "sscc": "text?",
        "pairs": [{"batch": "id", "serial": "count", "role": "text", "state": state}],
        "within": [
            {
                "batch": "id",
                "serial": "count",
                "role": "text",
                "sscc": "text?",
                "state": state,
                "package": "id?",
                "attributes": "attributes",
            }
        ],
        "holds": [{"batch": "id", "serials": "ranges", "count": "count"}],
        "inherited": "attributes",
    }


PALLET = "mint --role pallet --quantity 5"
OURS = "--sscc-prefix 6901234"


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    return (*_minted(ok, no), *_shown(ok), *_located(row, ok, no))


def _minted(ok, no):
    return (
        ok("codes for cartons", "mint --quantity 5 --role carton", expected={"role": "carton"}),
        ok("a partner of as many codes", "mint --pair-of {outer} --role guide", world="paired",
           expected={"quantity": 20, "role": "guide"}),
        ok("pallets with an SSCC each", f"{PALLET} {OURS}", world="paired"),
        ok("another extension digit, from a number on",
           f"{PALLET} {OURS} --sscc-extension 3 --sscc-first 100", world="paired"),
        no(2, "a word that is no role", "mint --quantity 5 --role box", "--role is none of"),
        no(2, "an overage of a partner", "mint --pair-of {outer} --overage 5", "--overage",
           world="paired"),
        no(2, "an SSCC on items", f"mint --quantity 5 {OURS}", "SSCC is the number of a carton"),
        no(2, "a company prefix of 3 digits", f"{PALLET} --sscc-prefix 690", "4 to 12 digits"),
        no(2, "a company prefix with letters", f"{PALLET} --sscc-prefix 69O1234", "4 to 12 digits"),
        no(2, "an extension of two digits", f"{PALLET} {OURS} --sscc-extension 10", "extension"),
        no(2, "a first SSCC without a prefix", f"{PALLET} --sscc-first 5", "company's prefix"),
        no(2, "SSCCs that do not fit", f"{PALLET} {OURS} --sscc-first 999999999", "do not fit"),
        no(3, "a partner of another size", "mint --quantity 21 --pair-of {outer}",
           "has 20 codes, not 21", world="paired"),
        no(3, "a partner with a partner", "mint --pair-of {inner}", "itself", world="paired"),
        no(3, "SSCCs that were given", f"{PALLET} {OURS} --sscc-first 8", "already",
           world="paired"),
        no(3, "the same reference, another role", "mint --quantity 20 --ref outer-1 --role item",
           "differs", world="paired"),
        no(4, "a partner that is not there", "mint --pair-of NOPE-AAAAAAAA", "no batch"),
    )  # fmt: skip


def _shown(ok):
    return (
        ok("roles and pairs in the list", "batch list", world="paired"),
        ok("a partner", "batch show {inner}", world="paired", expected={"role": "inner"}),
        ok("pallets", "batch show {pallets}", world="paired",
           expected={"role": "pallet", "associated": 0}),
        ok("a role of a range", "assign {batch} --serials 1-5 --set role=guide", backend="real"),
        ok("no role any more", "assign {batch} --serials 1-5 --set role=", backend="real"),
    )  # fmt: skip


def _located(row, ok, no):
    return (
        ok("a code by batch and serial", "locate {inner}:7", world="paired",
           expected={"serial": 7, "role": "inner"}),
        ok("a pallet by its SSCC", "locate 069012340000000016", world="paired",
           expected={"serial": 1, "sscc": "069012340000000016"}),
        ok("an SSCC as GS1-128 on stdin", "locate -", world="paired",
           stdin="]C100069012340000000023\r", expected={"serial": 2, "role": "pallet"}),
        row("an SSCC of others on stdin", "locate -", 4, stdin="(00)106141412345678908\n",
            result=True, world="paired", expected={"batch": None}),
        no(4, "an SSCC of others", "locate '(00)106141412345678908'", "an SSCC that no pallet"),
        no(4, "an SSCC misread", "locate '(00)106141412345678907'", "check digit"),
        no(4, "a serial that the batch has not", "locate {inner}:21", "batch and serial",
           world="paired"),
        no(2, "a role that is none, for a range", "assign {batch} --serials 1-5 --set role=box",
           "attribute role"),
    )  # fmt: skip
