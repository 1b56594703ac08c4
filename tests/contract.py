"""The command line's contract, as a table: the words typed, and what comes back.

`test_contract.py` runs every row; `contract_document.py` makes docs/cli.md from them.

In `argv`, {batch}, {package}, {unit}, {order}, {contact}, {archive}, {code} and {station},
{line}, {custodian} (key ids) stand for what the row's world holds (contract_worlds.py).
"""

import functools
import shlex
from dataclasses import dataclass, field

import contract_alarms
import contract_associate
import contract_away
import contract_cartons
import contract_check
import contract_copies
import contract_epcis
import contract_guards
import contract_labels
import contract_ledger
import contract_line
import contract_locate
import contract_pairs
import contract_places
import contract_receipts
import contract_roles
import contract_stations
import contract_stock
import contract_trace
import contract_when
import contract_where
from contract_shapes import SHAPES

EXIT_CODES = {
    0: "done",
    1: "unexpected failure: a bug",
    2: "usage: the command line is wrong",
    3: "refused by a state, a guard or a policy; nothing changed",
    4: "not found",
    5: "integrity: tampered, truncated, wrong key, wrong passphrase; nothing written",
    6: "environment: disk full, no permission, ledger locked, service refused",
    75: "queued: committed here, the backend has not acknowledged yet",
    130: "interrupted; nothing half-done",
}


@dataclass(frozen=True)
class Row:
    """A call of the program. `case` names it; `error` is part of the error line.

    `world` is the prepared home, `damage` what is broken in it, `backend` what answers at the
    scan backend's address, `trouble` what the process meets on the way. `events` are those the
    ledger records although the call failed. With `result` the exit code is not 0 and the result
    is printed all the same. `expected` are values of the result.
    """

    case: str
    argv: str
    exit: int = 0
    error: str = ""
    world: str = "packaged"
    damage: str = ""
    backend: str = ""
    trouble: str = ""
    stdin: str = ""
    events: tuple[str, ...] = ()
    result: bool = False
    expected: dict = field(default_factory=dict)

    @functools.cached_property
    def command(self):
        """The command's name: `batch show`."""
        words = [word for word in shlex.split(self.argv) if not word.startswith("-")]
        return next(name for name in (" ".join(words[:2]), words[0]) if name in SHAPES)

    def words(self, facts):
        """The arguments, with what the world holds filled in."""
        return [word.format(**facts, code_in_url="{code}") for word in shlex.split(self.argv)]


def ok(case, argv, **more):
    return Row(case, argv, **more)


def no(code, case, argv, error, **more):
    return Row(case, argv, code, error, **more)


PASS = "--passphrase-file pass.txt"
EXPORT = f"export {{batch}} --to li --out sent --password-file new.txt {PASS}"
VERIFY = "package verify {archive} --password-file password.txt"
# The events of an export that began and failed.
BEGUN = ("ExportBegun", "ExportAbandoned")
VAULT = "home/vault/{batch}"
VAULT_FILES = ("sealed", "fingerprints", "run", "wraps.json", "mint.json")

INIT = (
    ok("makes home and custodian key", f"init {PASS}", world="none"),
    ok(
        "for a custodian elsewhere",
        "init --custodian-public-key stranger/custodian.pub",
        world="none",
        expected={"custodian_key": None},
    ),
    no(2, "no passphrase, no terminal", "init", "no terminal to ask at", world="none"),
    no(2, "a passphrase too short", "init --passphrase-file short.txt", "8 bytes", world="none"),
    no(2, "an empty passphrase file", "init --passphrase-file empty.txt", "no sec", world="none"),
    no(
        *(2, "the key inside the home", f"init --custodian-key home/my.key {PASS}"),
        *("must not lie in the home",),
        world="none",
    ),
    no(
        *(
            2,
            "a key both made and given",
        ),
        f"init --custodian-key my.key --custodian-public-key stranger/custodian.pub {PASS}",
        "either made or given",
        world="none",
    ),
    no(3, "the home exists", f"init --custodian-key other.key {PASS}", "not empty"),
    no(3, "the key exists", f"init --home other {PASS}", "not overwritten"),
    no(4, "no such passphrase file", "init --passphrase-file none.txt", "no file", world="none"),
    no(
        *(4, "no such public key", "init --custodian-public-key none.pub", "no key file"),
        world="none",
    ),
    no(
        *(5, "a damaged public key", "init --custodian-public-key stranger/custodian.pub"),
        "damaged",
        world="none",
        damage="flip stranger/custodian.pub",
    ),
    no(
        *(5, "another kind of key file", "init --custodian-public-key stranger/custodian.key"),
        "key",
        world="none",
    ),
    no(
        *(6, "a file where the home's folder should be", f"init --home pass.txt/home {PASS}"),
        "pass.txt",
        world="none",
    ),
    no(6, "the disk is full", f"init {PASS}", "", world="none", trouble="disk 10000"),
)

BARE_HOST = "--url q.example.cn/{code_in_url}"
SCRIPT = "--url javascript:{code_in_url}"
LONG_SERIAL = "--length 20 --url https://id.example.cn/01/06901234567892/21/A{code_in_url}"
MINT = (
    ok(
        "an address that some phones do not reach: minted, with a warning",
        "mint --quantity 9 --url http://192.168.1.7/{code_in_url}",
    ),
    ok("mints a sealed batch", "mint --quantity 300 --overage 2.5", expected={"quantity": 308}),
    ok(
        "a repeated reference: the same batch",
        "mint --quantity 16000 --ref plan-7 --product Tea --url HTTPS://T.EXAMPLE.COM/{code_in_url}",
        expected={"repeated": True},
    ),
    ok(
        "weak codes that are accepted",
        "mint --quantity 9 --alphabet digits --length 13 --accept-weak",
    ),
    no(2, "no quantity", "mint", "Missing option"),
    no(2, "a quantity of 0", "mint --quantity 0", "greater than or equal to 1"),
    no(2, "a quantity that is no number", "mint --quantity many", "integer"),
    no(2, "an overage that is no number", "mint --quantity 9 --overage nan", "--overage"),
    no(2, "too many codes with the overage", "mint --quantity 100000000 --overage 1", "at most"),
    no(2, "an alphabet of both cases", "mint --quantity 9 --alphabet custom:Aabcd", "both cases"),
    no(2, "a repeated symbol", "mint --quantity 9 --alphabet custom:ABCDA", "twice"),
    no(2, "an unprintable symbol", "mint --quantity 9 --alphabet 'custom:AB\tC'", "symbols"),
    no(2, "a code without symbols", "mint --quantity 9 --length 0", "1 to 64 symbols"),
    no(
        2, "a URL without a place for the code", "mint --quantity 9 --url HTTP://X/", "exactly once"
    ),
    no(2, "an address without https://", f"mint --quantity 9 {BARE_HOST}", "has no https://"),
    no(2, "an address that no phone opens", f"mint --quantity 9 {SCRIPT}", "opens no scan page"),
    no(
        *(2, "a GS1 serial number that is too long", f"mint --quantity 9 {LONG_SERIAL}"),
        "at most 20 characters, this one 21",
    ),
    no(2, "a product of white space", "mint --quantity 9 --product ' '", "printable"),
    no(
        3,
        "codes that are too easy to guess",
        "mint --quantity 99999 --length 5",
        "too easy to guess",
    ),
    no(
        3,
        "codes that a thief of the key can find",
        "mint --quantity 99 --length 8",
        "too weak against a thief",
    ),
    no(3, "a repeated reference with another request", "mint --quantity 9 --ref plan-7", "differs"),
    no(4, "no home", "mint --quantity 9", "no mintmark home", world="none"),
    no(4, "no station key", "mint --quantity 9", "no key", damage="lose home/keys/station.key"),
    no(
        *(5, "a station key cut short", "mint --quantity 9", "damaged"),
        damage="cut home/keys/station.key",
    ),
    no(
        *(5, "another home's fingerprint key", "mint --quantity 9", "not this home's"),
        damage="foreign-fingerprint-key",
    ),
    no(
        *(5, "an earlier batch's run cut short", "mint --quantity 9", "run"),
        damage=f"cut {VAULT}.run",
    ),
    no(6, "the disk is full", "mint --quantity 30000", "", trouble="disk 200000"),
    no(6, "the ledger is locked", "mint --quantity 9", "locked", trouble="locked"),
    no(6, "a home made by a newer version", "mint --quantity 9", "newer", damage="newer"),
    no(
        *(130, "interrupted", "mint --quantity 4000000", "interrupted"),
        trouble="interrupt home/vault/.*.part",
    ),
)

ITEM = "--base https://id.example.cn/01/06901234567892"
EXPORTS = (
    ok("packages a range", f"{EXPORT} --serials 2001-3000", expected={"serials": [[2001, 3000]]}),
    ok(
        "the next sealed serials",
        f"{EXPORT} --serials next:100",
        expected={"serials": [[2001, 2100]]},
    ),
    ok(
        "dummy codes to try the press, without a key",
        "export {batch} --to li --out sent --password-file new.txt --test 100",
        expected={"test": True, "serials": [[1, 100]]},
    ),
    no(2, "no terminal to show the password", f"export {{batch}} --to li --out sent {PASS}", ""),
    no(
        *(2, "no passphrase, no terminal", "export {batch} --to li --out sent"),
        "no terminal to show",
    ),
    no(
        *(2, "no passphrase, a password file", EXPORT.replace(PASS, "")),
        "no terminal to ask at",
    ),
    no(2, "no contact", "export {batch} --out sent", "Missing option"),
    ok("every symbol read back", f"{EXPORT} --serials 2001 --profile png --preflight full"),
    no(2, "no such preflight", f"{EXPORT} --serials 2001 --preflight half", "no preflight"),
    no(2, "no such profile", f"{EXPORT} --serials 2001 --profile fancy", "profile"),
    no(2, "serials outside the batch", f"{EXPORT} --serials 15990-16010", "outside the batch"),
    no(2, "serials backwards", f"{EXPORT} --serials 3000-2001", "backwards"),
    no(2, "serials that overlap", f"{EXPORT} --serials 2001-2100,2050-2150", "overlap"),
    no(2, "digits that may be grouped", f"{EXPORT} --serials 2,001-2,100", "are grouped"),
    no(2, "a `next` that is no number", f"{EXPORT} --serials next:some", "not a number"),
    no(
        3,
        "serials packaged before",
        f"{EXPORT} --serials 1990-2010",
        "1990-2000 packaged",
        events=("Incident",),
    ),
    no(3, "more than are sealed", f"{EXPORT} --serials next:15000", "sealed", events=("Incident",)),
    no(
        *(3, "the password file exists", EXPORT.replace("new.txt", "password.txt")),
        "not overwritten",
    ),
    no(3, "the archive exists", f"{EXPORT} --serials 2001", "not overwritten", trouble="same id"),
    no(4, "no such batch", f"{EXPORT.format(batch='NOPE-AAAA')} --serials 1", "no batch"),
    no(4, "no such contact", EXPORT.replace("--to li", "--to wang"), "no contact"),
    no(4, "no custodian key", f"{EXPORT} --serials 2001", "no key", damage="lose custodian.key"),
    no(4, "no home", EXPORT.format(batch="NOPE-AAAA"), "no mintmark home", world="none"),
    no(
        *(5, "a wrong passphrase", f"{EXPORT} --serials 2001".replace("pass.txt", "wrong.txt")),
        "wrong passphrase",
        events=("Incident",),
    ),
    no(
        *(5, "another custodian's key"),
        f"{EXPORT} --serials 2001 --custodian-key stranger/custodian.key",
        "does not open",
        events=("Incident",),
    ),
    no(
        *(5, "a custodian key cut short", f"{EXPORT} --serials 2001", "damaged"),
        damage="cut custodian.key",
        events=("Incident",),
    ),
    no(
        *(5, "a flipped byte in the custodian key", f"{EXPORT} --serials 2001", ""),
        damage="flip custodian.key",
        events=("Incident",),
    ),
    *(
        no(
            *(5, f"{what} in {name}", f"{EXPORT} --serials next:10", error),
            damage=f"{way} {VAULT}.{name}",
            events=events,
        )
        for way, what, name, error, events in (
            ("flip", "a flipped byte", "sealed", "frame 0", BEGUN),
            ("flip", "a flipped byte", "fingerprints", "fingerprints", BEGUN),
            ("flip", "a flipped byte", "wraps.json", "wraps", ()),
            ("flip", "a flipped byte", "mint.json", "mint record", BEGUN),
            ("cut", "bytes cut off", "sealed", "bytes", ()),
            ("cut", "bytes cut off", "fingerprints", "fingerprints", BEGUN),
            ("cut", "bytes cut off", "wraps.json", "wraps", ()),
            ("cut", "bytes cut off", "mint.json", "mint record", BEGUN),
            ("lose", "nothing left", "sealed", "missing", ()),
        )
    ),
    no(6, "a folder that can't be made", EXPORT.replace("--out sent", "--out pass.txt/x"), ""),
    no(
        *(6, "a password file that can't be written"),
        *(EXPORT.replace("new.txt", "pass.txt/x") + " --serials 2001", ""),
        events=BEGUN,
    ),
    no(
        *(6, "the disk is full", f"{EXPORT} --serials 2001-", ""),
        trouble="disk 180000",
        events=BEGUN,
    ),
    no(6, "the ledger is locked", f"{EXPORT} --serials 2001", "locked", trouble="locked"),
)

PROFILES = (
    ok("built-in profiles and examples", "profile list"),
    ok("without a home", "profile list --home none"),
    ok("a built-in profile", "profile show csv", expected={"format": "text", "origin": "built-in"}),
    ok("an example", "profile show bartender", expected={"origin": "example"}),
    no(2, "no such profile", "profile show nope", "unknown print profile"),
    no(2, "an argument too many", "profile list csv", "csv"),
    ok("a valid profile", "profile check press.toml", expected={"ok": True, "unit_size": 500}),
    no(2, "a wrong value", "profile check wrong.toml", "line 2: unit.size"),
    no(2, "not TOML", "profile check pass.txt", "pass.txt"),
    no(4, "no such file", "profile check none.toml", "no profile file"),
    ok(
        "a GS1 Digital Link",
        f"{EXPORT} --serials 2001-2010 --base HTTPS://ID.EXAMPLE.CN --gtin 6901234567892",
    ),
    no(
        *(2, "a GTIN where one stands", f"{EXPORT} --serials 2001 --gtin 6901234567892 {ITEM}"),
        "names a GTIN already",
    ),
    no(2, "a base with a query", f"{EXPORT} --serials 2001 --base https://q.cn/?c=", "holds a ?"),
    no(2, "a base that is no host", f"{EXPORT} --serials 2001 --base https://id_x", "'id_x'"),
    no(
        *(2, "a wrong check digit", f"{EXPORT} --serials 2001 --gtin 6901234567890"),
        "check digit",
    ),
)

PACKAGES = (
    ok("all packages", "package list"),
    ok("the packages of a batch", "package list --batch {batch}"),
    ok("no package yet", "package list", world="fresh", expected={"packages": []}),
    no(4, "no such batch", "package list --batch NOPE-AAAA", "no batch"),
    ok("a package and its reels", "package show {package}", expected={"status": "packaged"}),
    no(4, "no such package", "package show NOPE-AAAA", "no package"),
    no(2, "no package named", "package show", "Missing argument"),
    ok("the package is right", VERIFY, expected={"ok": True, "rows": 2_000, "trusted": True}),
    ok("without a home", f"{VERIFY} --home none", expected={"trusted": False}),
    no(2, "no password, no terminal", "package verify {archive}", "no terminal to ask at"),
    no(
        *(2, "an empty password file", "package verify {archive} --password-file empty.txt"),
        "holds no secret",
    ),
    no(4, "no such archive", "package verify none.zip --password-file password.txt", "no archive"),
    no(
        *(4, "no such password file", "package verify {archive} --password-file none.txt"),
        "no file",
    ),
    no(
        *(5, "a wrong password", "package verify {archive} --password-file wrong-password.txt"),
        "wrong password",
    ),
    no(5, "a flipped byte", VERIFY, "archive", damage="flip {archive}"),
    no(5, "bytes cut off", VERIFY, "archive is not whole", damage="cut {archive}"),
    no(5, "packed again", VERIFY, "packed again by another program", damage="packed-again"),
    no(
        *(5, "a page saved in its place", "package verify page.zip --password-file password.txt"),
        "it is a web page",
        damage="web-page",
    ),
    no(4, "a folder", "package verify out --password-file password.txt", "but a folder"),
    no(
        *(5, "signed by another", f"{VERIFY} --custodian-public-key stranger/custodian.pub"),
        "sign",
    ),
)

BOOKS = (
    ok("all batches", "batch list"),
    ok("no batch yet", "batch list", world="fresh", expected={"batches": []}),
    no(4, "no home", "batch list", "no mintmark home", world="none"),
    no(5, "a ledger cut short", "batch list", "ledger", damage="cut home/ledger.db"),
    no(5, "a table removed", "batch show {batch}", "tables", damage="dropped"),
    no(6, "a home made by a newer version", "batch list", "newer", damage="newer"),
    no(2, "settings that are no TOML", "batch list", "mintmark.toml", damage="no-toml"),
    no(2, "settings with an unknown table", "batch list", "[printer]", damage="unknown-setting"),
    no(2, "no such option", "batch list --all", "No such option", world="none"),
    ok(
        "the state of every code",
        "batch show {batch}",
        world="active",
        expected={
            "states": {"sealed": 14_000, "packaged": 1_500, "active": 488, "frozen": 10, "void": 2}
        },
    ),
    ok("a page of ranges", "batch show {batch} --limit 1", world="active", expected={"next": 400}),
    no(4, "no such batch", "batch show NOPE-AAAA", "no batch"),
    no(2, "no batch named", "batch show", "Missing argument"),
    no(2, "an impossible page", "batch show {batch} --after 99999999999999999999", "--after"),
    ok(
        "a new contact", "contact add wang --name 'Wang Fang, Jinli' --channel mailto:w@example.com"
    ),
    no(2, "an id with other characters", "contact add Wang! --name W", "id is 1 to 32"),
    no(2, "no name", "contact add wang", "Missing option"),
    no(2, "a name of white space", "contact add wang --name ' '", "printable"),
    no(3, "the id is taken", "contact add li --name W", "taken"),
    no(6, "the disk is full", "contact add wang --name W", "", trouble="disk 4096"),
    no(6, "the ledger is locked", "contact add wang --name W", "locked", trouble="locked"),
    ok("all contacts", "contact list"),
    no(4, "no home", "contact list", "no mintmark home", world="none"),
    no(5, "a run cut short", "locate {code}", "run", damage=f"cut {VAULT}.run"),
    no(5, "a run lost", "locate {code}", "run", damage=f"lose {VAULT}.run"),
    no(
        *(5, "another home's fingerprint key", "locate {code}", "not this home's"),
        damage="foreign-fingerprint-key",
    ),
    ok("the chain is intact", "audit verify", expected={"ok": True}),
    no(5, "a state changed by hand", "audit verify", "does not hold", damage="unlogged"),
    no(5, "an event changed by hand", "audit verify", "event 5", damage="rewritten"),
    ok("events after a number", "audit show --after 4 --limit 2"),
    no(2, "a number below zero", "audit show --after -1", "--after"),
    no(2, "a number too large", "audit show --after 99999999999999999999", "--after"),
    no(4, "no home", "audit show", "no mintmark home", world="none"),
)

KEYS = (
    ok("all keys", "key list"),
    no(4, "no home", "key list", "no mintmark home", world="none"),
    ok("a line's key", "key new line-3", expected={"name": "line-3", "revoked": False}),
    no(2, "a name with other characters", "key new 'Line 3'", "small letters"),
    no(3, "the line has a key already", "key new default", "default"),
    ok("a platform's key", "key new --platform guide-app", expected={"kind": "platform"}),
    no(2, "no name of a platform", "key new --platform 导购", "a platform's name is"),
    ok("the lines of the home", "key export"),
    no(4, "no home", "key export", "no mintmark home", world="none"),
    ok("a folder for a backend's team", "key export --backend handover"),
    no(3, "the folder is not empty", "key export --backend stranger", "not overwritten"),
    no(3, "a file in its place", "key export --backend pass.txt", "not overwritten"),
    no(3, "the current folder", "key export --backend .", "not overwritten"),
    no(
        *(5, "another home's fingerprint key", "key export --backend handover", "not this home's"),
        damage="foreign-fingerprint-key",
    ),
    no(6, "the disk is full", "key export --backend handover", "", trouble="disk 10000"),
    ok("away from any home", f"key custodian new.key {PASS}", world="none"),
    no(2, "no passphrase", "key custodian new.key", "no terminal to ask at", world="none"),
    no(3, "the file exists", f"key custodian stranger/custodian.key {PASS}", "not overwritten"),
    ok("a deputy's key", "key admit stranger/custodian.pub --name 'Zhao Min'"),
    no(2, "no name", "key admit stranger/custodian.pub", "Missing option"),
    no(4, "no such file", "key admit none.pub --name Zhao", "no key file"),
    no(5, "not a public key", "key admit stranger/custodian.key --name Zhao", "private key, not"),
    ok("all batches", f"key rewrap --to {{custodian}} {PASS}", world="minted"),
    ok("a single batch", f"key rewrap --to {{custodian}} --batch {{batch}} {PASS}", world="minted"),
    no(2, "nobody named", f"key rewrap {PASS}", "Missing option"),
    no(4, "no such custodian", f"key rewrap --to 0123456789abcdef {PASS}", "no key"),
    no(
        5,
        "a wrong passphrase",
        "key rewrap --to {custodian} --passphrase-file wrong.txt",
        "wrong passphrase",
        events=("Incident",),
    ),
    ok("a line's key", "key revoke {line} --reason 'PC stolen'", expected={"revoked": True}),
    no(2, "no reason", "key revoke {line}", "Missing option"),
    no(3, "the station's own key", "key revoke {station} --reason old", "own key"),
    no(3, "the last custodian", "key revoke {custodian} --reason old", "last custodian"),
    no(4, "no such key", "key revoke 0123456789abcdef --reason old", "no key"),
)

DOCTOR = (
    ok("a home without faults", "doctor", expected={"ok": True}, damage="lose custodian.key"),
    ok("a custodian's key beside the station is a warning", "doctor", expected={"ok": True}),
    ok("a backend that is away is a warning", "doctor", backend="away", expected={"ok": True}),
    ok("a backend that answers", "doctor", backend="real", expected={"ok": True}),
    ok("nothing to repair", "doctor --repair", expected={"ok": True}),
    no(4, "no home", "doctor", "no mintmark home", world="none"),
    no(5, "a home made by a newer version", "doctor", "", damage="newer", result=True),
    *(
        no(5, f"{what} in {name}", "doctor", "", damage=f"{way} {path}", result=True)
        for way, what in (("flip", "a flipped byte"), ("cut", "bytes cut off"))
        for name, path in (
            *((name, f"{VAULT}.{name}") for name in VAULT_FILES),
            ("the station key", "home/keys/station.key"),
            ("the fingerprint key", "home/keys/fingerprint.key"),
            ("a line's key", "home/keys/lines/default.key"),
        )
    ),
    no(5, "a lost run", "doctor", "", damage=f"lose {VAULT}.run", result=True),
    no(5, "a state changed by hand", "doctor", "", damage="unlogged", result=True),
    no(5, "a custodian key in the home", "doctor", "", damage="key-in-the-home", result=True),
)

ACTIVATE = "activate {batch} --serials"
ORDERS = (
    ok(
        "the backend has it",
        f"{ACTIVATE} 501-1000 --set lot=L42 --set max_scans=2 --effective-at 2026-12-01",
        world="active",
        backend="real",
        expected={"delivery": "acknowledged", "applied": [[501, 1000]]},
    ),
    ok(
        "a reel by its id",
        "activate {batch} --unit {unit} --dry-run",
        expected={"delivery": None, "applied": [[501, 1000]]},
    ),
    ok(
        "a package by its id",
        "activate {batch} --package {package} --dry-run",
        expected={"dry_run": True},
    ),
    ok(
        "serials in a file",
        f"{ACTIVATE} @serials.txt --dry-run",
        expected={"applied": [[1001, 1200], [1300, 1300], [1400, 1450]]},
    ),
    ok(
        "void serials are skipped",
        "freeze {batch} --serials 411-500 --dry-run",
        world="active",
        expected={"skipped": [[411, 412]], "applied": [[413, 500]]},
    ),
    Row(
        "a repeated order changes nothing",
        f"{ACTIVATE} 1-500 --order reel-1",
        75,
        world="queued",
        result=True,
        expected={"delivery": "queued"},
    ),
    Row("no backend is named", f"{ACTIVATE} 501-1000", 75, result=True),
    *(
        Row(case, f"{ACTIVATE} 501-1000", 75, backend=kind, result=True)
        for kind, case in (
            ("away", "the backend is away"),
            ("500", "the backend answers 500"),
            ("malformed", "the backend answers no JSON"),
            ("another", "the backend answers something else"),
        )
    ),
    Row(
        "the backend refuses: booked here, not there",
        f"{ACTIVATE} 501-1000",
        6,
        backend="refuses",
        result=True,
        expected={"delivery": "refused"},
    ),
    no(2, "no serials", "activate {batch}", "named once"),
    no(2, "serials named twice", f"{ACTIVATE} 1 --unit {{unit}}", "named once"),
    no(2, "serials outside the batch", f"{ACTIVATE} 1-16001", "outside the batch"),
    no(2, "serials backwards", f"{ACTIVATE} 5-3", "backwards"),
    no(2, "serials that overlap", f"{ACTIVATE} 1-30,10-12", "overlap"),
    no(2, "digits that may be grouped", f"{ACTIVATE} 1-1,990", "are grouped"),
    no(2, "a file of serials that was cut short", f"{ACTIVATE} @cut.txt", "open range"),
    no(
        2,
        "a file of serials that reads otherwise in GB18030",
        f"{ACTIVATE} @either.csv",
        "says something",
    ),
    no(2, "a word instead of serials", f"{ACTIVATE} one", "not a serial"),
    no(2, "an attribute without a value", f"{ACTIVATE} 1 --set lot", "key=value"),
    no(
        2, "a word instead of a time", f"{ACTIVATE} 1 --effective-at tomorrow", "not a date or time"
    ),
    no(2, "an order id with a space", f"{ACTIVATE} 1 --order 'a b'", "order id"),
    no(2, "no such state", f"{ACTIVATE} 1 --from asleep", "--from"),
    no(2, "a backend over plain http", f"{ACTIVATE} 1", "plain http", backend="remote"),
    no(3, "still sealed", f"{ACTIVATE} 1990-2010", "2001-2010 sealed"),
    no(3, "active already", f"{ACTIVATE} 490-510", "490-500 active", world="active"),
    no(3, "another count", f"{ACTIVATE} 1-10 --count 9", "10 codes, not 9"),
    no(3, "another state", f"{ACTIVATE} 1-10 --from frozen", "packaged"),
    no(
        *(3, "void serials, and --strict", "freeze {batch} --serials 411-500 --strict"),
        "411-412 void",
        world="active",
    ),
    no(
        *(3, "the order id belongs to another order", f"{ACTIVATE} 501-509 --order reel-1"),
        "reel-1",
        world="queued",
    ),
    no(4, "no such batch", "activate NOPE-AAAA --serials 1", "no batch"),
    no(4, "no such unit", "activate {batch} --unit NOPE-AAAA", "no unit"),
    no(4, "no such package", "activate {batch} --package NOPE-AAAA", "no package"),
    no(4, "no such line", f"{ACTIVATE} 1 --line line-9", "no line"),
    no(4, "no such file of serials", f"{ACTIVATE} @none.txt", "no file"),
    no(4, "no home", "activate NOPE-AAAA --serials 1", "no mintmark home", world="none"),
    no(
        *(5, "a line's key cut short", f"{ACTIVATE} 1", "damaged"),
        damage="cut home/keys/lines/default.key",
    ),
    no(6, "the ledger is locked", f"{ACTIVATE} 1", "locked", trouble="locked"),
    no(6, "the disk is full", f"{ACTIVATE} 1", "", trouble="disk 4096"),
    *(
        ok(
            "the backend has it",
            argv,
            world="active",
            backend="real",
            expected={"delivery": "acknowledged", "skipped": []},
        )
        for argv in (
            "freeze {batch} --serials 1-10",
            "unfreeze {batch} --serials 401-410",
            "revoke {batch} --serials 1-10",
            "void {batch} --serials 1501-1510 --reason misprint",
            "unvoid {batch} --serials 411-412",
            "assign {batch} --serials 2001-3000 --set region=Hunan",
        )
    ),
    no(3, "neither active nor packaged", "freeze {batch} --serials 3000", "sealed"),
    no(3, "not frozen", "unfreeze {batch} --serials 1-10", "packaged"),
    no(3, "not active", "revoke {batch} --serials 1-10", "packaged"),
    no(3, "not void", "unvoid {batch} --serials 1-10", "packaged"),
    no(2, "no reason", "void {batch} --serials 1", "needs a reason"),
    no(2, "no such reason", "void {batch} --serials 1 --reason bored", "unknown reason"),
    no(
        *(3, "active, and no --count", "void {batch} --serials 1-3 --reason lost", "active"),
        world="active",
    ),
    no(2, "nothing to assign", "assign {batch} --serials 1", "nothing to assign"),
    no(4, "no such batch", "assign NOPE-AAAA --serials 1 --set lot=L1", "no batch"),
)

DELIVERY = (
    ok("sends what is queued", "deliver", world="queued", backend="real", expected={"queued": 0}),
    ok("nothing queued", "deliver", expected={"delivered": [], "queued": 0}),
    Row("no backend is named", "deliver", 75, world="queued", result=True, expected={"queued": 1}),
    *(
        Row(case, "deliver", 75, world="queued", backend=kind, result=True, expected={"queued": 1})
        for kind, case in (("away", "the backend is away"), ("500", "the backend answers 500"))
    ),
    Row(
        "the backend refuses",
        "deliver",
        6,
        world="queued",
        backend="refuses",
        result=True,
        expected={"refused": ["reel-1"], "queued": 0},
    ),
    no(2, "a backend over plain http", "deliver", "plain http", world="queued", backend="remote"),
    no(4, "no home", "deliver", "no mintmark home", world="none"),
    no(
        *(5, "a flipped byte in fingerprints", "deliver", "fingerprints"),
        world="queued",
        backend="real",
        damage=f"flip {VAULT}.fingerprints",
    ),
    ok("all orders", "orders list", world="active"),
    ok("the queued orders", "orders list --batch {batch} --status queued", world="queued"),
    no(2, "no such status", "orders list --status lost", "unknown status"),
    no(4, "no such batch", "orders list --batch NOPE-AAAA", "no batch"),
    ok("an order", "orders show {order}", world="active", expected={"status": "acknowledged"}),
    no(4, "no such order", "orders show NOPE", "no order"),
    ok(
        "an order that was never sent",
        "orders cancel {order}",
        world="queued",
        expected={"status": "cancelled"},
    ),
    no(3, "settled already", "orders cancel {order}", "", world="active"),
    no(4, "no such order", "orders cancel NOPE", "no order"),
)

CAP = "plan --url https://example.cn/{code_in_url} --diameter 20"
PLAN = (
    ok("a 20 mm cap", CAP, world="none", expected={"fits": True, "version": 3, "room_mm": 14.142}),
    ok(
        "a proof at true size",
        f"{CAP} --speed 1200 --quantity 1000000 --out proof",
        world="none",
        expected={"codes_per_second": 20.0},
    ),
    ok("no room given", "plan", world="none", expected={"fits": None, "version": 1}),
    ok(
        "a room that is too small",
        "plan --width 3 --height 3",
        world="none",
        expected={"fits": False},
    ),
    no(2, "no {code} in it", "plan --url https://example.cn/", "exactly once", world="none"),
    no(2, "an address without https://", f"plan {BARE_HOST}", "has no https://", world="none"),
    no(2, "an address that no phone opens", f"plan {SCRIPT}", "opens no scan page", world="none"),
    no(
        *(2, "a GS1 serial number that is too long", f"plan {LONG_SERIAL}"),
        "at most 20 characters, this one 21",
        world="none",
    ),
    no(2, "an unknown level", "plan --level X", "L, M, Q, H", world="none"),
    no(2, "modules too fine for any press", "plan --dots 3", "--dots", world="none"),
    no(2, "a round room without a diameter", "plan --shape round", "--diameter", world="none"),
    no(6, "a folder that can't be made", "plan --out pass.txt/x", "", world="none"),
)

SERVE = "backend serve --data scan-data --port"
OTHERS = (
    ok("until Ctrl-C", f"{SERVE} 0", trouble="interrupt home/local-backend.json"),
    no(
        2, "neither a home nor a key", f"{SERVE} 0 --no-trust-home", "fingerprint key", world="none"
    ),
    no(2, "no place for its data", "backend serve", "in one place", world="none"),
    no(2, "a password in an argument", "backend serve --database postgresql://a:b@h/d", "argument"),
    no(2, "a URL of no database", "backend serve --database mysql://h/d", "postgresql://"),
    no(
        2,
        "nobody may order",
        f"{SERVE} 0 --no-trust-home --fingerprint-key home/keys/fingerprint.key",
        "who may order",
    ),
    no(2, "a file that names no lines", f"{SERVE} 0 --lines pass.txt", "not TOML"),
    no(3, "another address, unsigned", f"{SERVE} 0 --unsigned --host 0.0.0.0", "anyone"),
    no(2, "another address, without a name", f"{SERVE} 0 --host 0.0.0.0", "has no name"),
    no(2, "a name that is a URL", f"{SERVE} 0 --authority https://a.example", "no host"),
    no(4, "no home", f"{SERVE} 0", "no mintmark home", world="none"),
    no(5, "a fingerprint key cut short", f"{SERVE} 0", "", damage="cut home/keys/fingerprint.key"),
    no(6, "the port is taken", f"{SERVE} {{port}}", "", trouble="port taken"),
    no(6, "a folder that can't be made", "backend serve --data pass.txt/x --port 0", ""),
    ok("the whole way of a code", "demo", world="none"),
    no(3, "a folder with other things in it", "demo --out stranger", "not empty"),
    no(6, "a folder that can't be made", "demo --out pass.txt/x", "", world="none"),
)

ROWS = (
    *(*INIT, *MINT, *PLAN, *EXPORTS, *PROFILES, *PACKAGES, *BOOKS, *KEYS, *DOCTOR),
    *(*ORDERS, *DELIVERY, *OTHERS),
    *contract_receipts.rows(Row, ok, no),
    *contract_line.rows(Row, ok, no),
    *contract_alarms.rows(Row, ok, no),
    *contract_trace.rows(Row, ok, no),
    *contract_stock.rows(ok, no),
    *contract_away.rows(Row, ok, no),
    *contract_when.rows(Row, ok, no),
    *contract_guards.rows(Row, ok, no),
    *contract_places.rows(no),
    *contract_copies.rows(ok, no),
    *contract_cartons.rows(Row, ok, no),
    *contract_associate.rows(Row, ok, no),
    *contract_labels.rows(ok, no),
    *contract_epcis.rows(ok, no),
    *contract_check.rows(ok, no),
    *contract_roles.rows(Row, ok, no),
    *contract_locate.rows(Row, ok, no),
    *contract_pairs.rows(Row, ok, no),
    *contract_where.rows(Row, ok, no),
    *contract_ledger.rows(ok, no),
    *contract_stations.rows(ok, no),
)
