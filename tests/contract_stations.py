"""The contract of the stations that share a home: its rows, and the shapes of its JSON.

In the world `shared`, `home` is the station that founded it, `third` was admitted and may mint and
order, `second` has joined and waits.
"""

SHOWN = {
    "key_id": "key id",
    "name": "text",
    "may": ["mint | export | order | read | admit"],
    "since": "time",
    "last_seen": "time?",
    "retired": "true/false",
    "this": "true/false",
}
SHAPES = {
    "station join": {
        "home": "path",
        "home_id": "id",
        "name": "text",
        "key_id": "key id",
        "station_key": "text",
        "words": "names",
        "admitting": "names",
        "store": "text?",
    },
    "station admit": {
        "key_id": "key id",
        "name": "text",
        "may": ["mint | export | order | read | admit"],
        "words": "names",
        "sent": "true/false",
    },
    "station list": {"stations": [SHOWN]},
    "station retire": {"key_id": "key id", "name": "text", "reason": "text"},
}
PLACES = "--ledger {database} --vault {store}"
AWAY = "postgresql://mint@/none?host=/nowhere"
INIT = "init --custodian-public-key stranger/custodian.pub"
NOWHERE = f"station join --ledger {AWAY} --vault file:///none"
JOIN = f"station join {PLACES} --home fourth"
ADMIT = "station admit {station_key} --name hall-2 --may mint,order"
# A key that nobody has.
KEY = f"MMST1-{'0' * 102}60MG7HM"
SAID = '--words "{words}"'


def rows(ok, no):
    """The rows; `ok` and `no` make them."""
    # What is refused before anything is opened needs no database.
    shared, none, own = {"world": "shared"}, {"world": "none"}, {"world": "fresh"}
    return (
        ok("a home that stations share", f"{INIT} --home new --ledger {{fresh}} --vault {{free}}",
           **shared),
        no(2, "a password in the ledger's address", f"{INIT} --ledger postgresql://a:b@h/d",
           "holds a password", **none),
        no(2, "a ledger that is no PostgreSQL", f"{INIT} --ledger mysql://h/d",
           "no PostgreSQL database", **none),
        no(2, "credentials in the vault's address", f"{INIT} --vault s3://a:b@bucket/p",
           "holds credentials", **none),
        no(2, "the vault's server without the vault", f"{INIT} --vault-endpoint https://s3.example",
           "and no vault", **none),
        no(3, "the database has a home", f"{INIT} --home new --ledger {{database}}", "", **shared),
        no(3, "the vault has a home", f"{INIT} --home new --vault {{store}}",
           "holds the batches of home", **shared),
        no(6, "the database does not answer", f"{INIT} --ledger {AWAY}", "", **none),
        ok("a station of a home that others share", f"{JOIN} --name hall-4",
           expected={"name": "hall-4"}, **shared),
        no(2, "no vault", f"station join --ledger {AWAY}", "one of them is not", **none),
        no(2, "a password in the ledger's address",
           "station join --ledger postgresql://a:b@h/d --vault file:///v", "holds a password",
           **none),
        no(2, "a name with other characters", f"{NOWHERE} --name 'Hall 4'", "small letters",
           **none),
        no(2, "within a home", f"{NOWHERE} --home home/fourth", "would lie in the home", **own),
        no(3, "the folder is taken", f"{NOWHERE} --home stranger", "not empty", **none),
        no(3, "another station has the name", f"{JOIN} --name hall-3", "is called hall-3",
           **shared),
        no(6, "the database does not answer", NOWHERE, "", **none),
        ok("the words agree", f"{ADMIT} {SAID}", expected={"name": "hall-2", "sent": True},
           **shared),
        ok("one that may only read",
           f"station admit {{station_key}} --name office --may read {SAID}",
           expected={"may": ["read"], "sent": False}, **shared),
        no(2, "no words, and no terminal", ADMIT, "no terminal to ask at", **shared),
        no(2, "a slip in the key", "station admit MMST1-0000 --name hall-2 --may mint",
           "a slip", **own),
        no(2, "no station's key", "station admit hall-2 --name hall-2 --may mint",
           "no station's key", **own),
        no(2, "a right that there is not",
           f"station admit {KEY} --name hall-2 --may sell", "--may is some of", **own),
        no(3, "other words", f"{ADMIT} --words 'zebra zebra'", "the words differ", **shared),
        no(3, "another station has the name",
           f"station admit {{station_key}} --name hall-3 --may mint {SAID}", "is called hall-3",
           **shared),
        no(3, "by a station that may not", f"{ADMIT} {SAID} --home third",
           "this takes the right to admit", **shared),
        no(3, "a home that nobody shares",
           f"station admit {KEY} --name hall-2 --may mint --words x",
           "no other station can share this home", **own),
        ok("a home on a machine of its own", "station list", **own),
        ok("a home that is shared", "station list --home third", **shared),
        no(3, "by a station that waits", "station list --home second", "not admitted", **shared),
        no(3, "without the right", "contact add li --name Li --home third",
           "this takes the right to export or admit", **shared),
        no(4, "no home", "station list", "no mintmark home", **none),
        ok("by its name", "station retire hall-3 --reason 'PC stolen'",
           expected={"name": "hall-3"}, **shared),
        no(2, "no reason", "station retire hall-3 --reason ' '", "--reason", **own),
        no(3, "itself", "station retire station --reason bored", "cannot retire itself", **own),
        no(3, "by a station that may not", "station retire station --reason old --home third",
           "this takes the right to admit", **shared),
        ok("into the store that stations share", "mint --quantity 300 --home third",
           expected={"quantity": 300}, **shared),
        ok("every byte of a store", "doctor --deep", expected={"ok": True}, **shared),
        no(4, "no such station", "station retire hall-9 --reason gone", "no station has", **own),
    )  # fmt: skip
