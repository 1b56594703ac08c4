"""Clauses on batches of other forms: rule `upper`, other lengths, other alphabets, pairs."""

from collections.abc import Mapping
from types import MappingProxyType

from ..clause import Clauses
from ..depth import Depth
from ..noise import unknown_rows
from ..outcome import Broken, expect
from ..trial import Trial

FORMS = Clauses("forms", "The canonical rule")

# Letters that crockford32 would fold, and none of the digits it folds them to.
UPPER: Mapping[str, object] = MappingProxyType(
    {"symbols": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "length": 12, "canonical": "upper"}
)
# As long as `UPPER`: a text may be a code of either.
SHORT: Mapping[str, object] = MappingProxyType({"length": 12})
SIGNS: Mapping[str, object] = MappingProxyType(
    {"symbols": "ABC-_.*+!$", "length": 20, "canonical": "upper"}
)

LONGEST: Mapping[str, object] = MappingProxyType({"length": 64})


def upper(t: Trial) -> Trial:
    """The batch whose rule is `upper`."""
    return t.other("upper", **UPPER)


def guide(t: Trial) -> Trial:
    """The batch whose codes are on the same items as those of the first."""
    return t.other("guide", role="guide", pair_of=t.batch)


@FORMS.clause(
    "taken", "batches of both rules, of any alphabet and length, are taken beside another"
)
def _taken(t: Trial) -> None:
    # All at once: the first scan after it waits until each worker knows of them.
    others = (
        upper(t),
        t.other("short", **SHORT),
        t.other("signs", **SIGNS),
        guide(t),
        t.other("longest", **LONGEST),
    )
    for other in others:
        data = other.page().data
        for key, value in other.registration().items():
            expect(data.get(key), value, f"{key} as read back")
        t.refused(other.register(canonical="crockford32", length=63), "batch-differs")


@FORMS.clause(
    "upper", "under `upper` O, I and L are letters of their own; small letters are folded"
)
def _upper(t: Trial) -> None:
    other = upper(t)
    (serial, _) = serials = other.serials(1)
    other.give(serial, "OIL" + other.new_code()[3:])
    other.upload(serial, other.fingerprints(serials))
    other.done("activate", serials, attributes={"max_scans": 9})
    code = other.code(serial)
    for text in (code, code.lower(), code.title()):
        _is(other.scan(text), other, serial)
    for text in (code.replace("O", "0"), code.replace("I", "1"), code.replace("L", "1")):
        expect(other.scan(text).get("result"), "unknown", "a letter typed as a digit")


@FORMS.clause("upper-exact", "under `upper` no space and no hyphen is dropped, and none added")
def _upper_exact(t: Trial) -> None:
    other = upper(t)
    (serial, _) = serials = other.serials(1)
    # With an L, so that the other rule, which drops spaces, reads another code.
    code = "L" + other.new_code()[1:]
    other.give(serial, code)
    other.upload(serial, other.fingerprints(serials))
    other.done("activate", serials)
    for text in (f"{code[:6]}-{code[6:]}", f" {code}", f"{code} ", f"{code[:6]} {code[6:]}"):
        expect(other.scan(text).get("result"), "unknown", "a code with a sign more")
    _is(other.scan(code), other, serial)


@FORMS.clause("signs", "an alphabet may hold signs: under `upper` a hyphen is a symbol")
def _signs(t: Trial) -> None:
    other = t.other("signs", **SIGNS)
    (serial, _) = serials = other.serials(1)
    other.give(serial, "A-B-C" + other.new_code()[5:])
    other.upload(serial, other.fingerprints(serials))
    other.done("activate", serials, attributes={"max_scans": 9})
    for text in (other.code(serial), other.code(serial).lower()):
        _is(other.scan(text), other, serial)


@FORMS.clause(
    "exact",
    "under `crockford32` space and hyphen are dropped, and no other sign",
    depth=Depth.NORMAL,
)
def _exact(t: Trial) -> None:
    (serial, _) = t.active(1)
    code = t.code(serial)
    for sign in ("_", ".", "\t", "\n", "\u00a0", "\u2010", "\u2013", "\u3000", "\u200b", "\ufeff"):
        for text in (f"{code[:8]}{sign}{code[8:]}", f"{sign}{code}", f"{code}{sign}"):
            expect(t.scan(text).get("result"), "unknown", f"a code with U+{ord(sign):04X}")
    t.scanned(serial, result="genuine", scans=1)


@FORMS.clause("longest", "codes of 64 symbols are found", depth=Depth.NORMAL)
def _longest(t: Trial) -> None:
    other = t.other("longest", **LONGEST)
    (serial, _) = other.active(1)
    _is(other.scan(other.code(serial)), other, serial)


@FORMS.clause(
    "no-row", "a text that no rule can fold to a code leaves no unknown scan", depth=Depth.NORMAL
)
def _no_row(t: Trial) -> None:
    start = upper(t).new_code()[:11]
    texts = [f"{start[:5]}{sign}{start[5:]}" for sign in " \t\x7f"]
    for text in texts:
        expect(t.scan(text).get("result"), "unknown", "the result")
    left = {str(row["fingerprint"]) for row in unknown_rows(t.probe)}
    rows = sorted(left & {t.fingerprint(text).hex() for text in texts})
    expect(rows, [], "rows of no code")


@FORMS.clause("length", "codes of another length are found, folded as ever")
def _length(t: Trial) -> None:
    short = t.other("short", **SHORT)
    (serial, _) = short.active(1, attributes={"max_scans": 9})
    code = short.code(serial)
    for text in (code, code.lower(), "-".join((code[:4], code[4:8], code[8:]))):
        _is(short.scan(text), short, serial)
    expect(short.scan(f"{code}0000").get("result"), "unknown", "a code with four symbols more")


@FORMS.clause("both", "a text that two rules could read is looked up under both")
def _both(t: Trial) -> None:
    short = t.other("short", **SHORT)
    for batch in (upper(t), short):
        # No U: it is in one alphabet alone.
        word = "OLI" + upper(t).new_code()[3:].replace("U", "V")
        folded = word.translate(str.maketrans("OIL", "011"))
        (serial, _) = serials = batch.serials(1)
        batch.give(serial, folded if batch is short else word)
        batch.upload(serial, batch.fingerprints(serials))
        batch.done("activate", serials)
        _is(batch.scan(word), batch, serial)


@FORMS.clause("pair", "a batch whose pair_of names the first keeps its role, and counts by itself")
def _pair(t: Trial) -> None:
    other = guide(t)
    (mine, _), (theirs, _) = t.active(1), other.active(1)
    t.scan(t.code(mine))
    other.scanned(theirs, result="genuine", scans=1, role="guide", batch=other.batch, serial=theirs)
    t.scanned(mine, result="repeat", scans=2, role="item", batch=t.batch, serial=mine)


@FORMS.clause("ascii", "only ASCII letters are folded: no ß, no ı, no full-width letter")
def _ascii(t: Trial) -> None:
    other = upper(t)
    (serial, _) = serials = other.serials(1)
    other.give(serial, "SSIK" + other.new_code()[4:])
    other.upload(serial, other.fingerprints(serials))
    other.done("activate", serials)
    rest = other.code(serial)[4:]
    for start in ("\u00dfIK", "SS\u0131K", "SSI\u212a", "\uff33SIK", "SSIK\u0301"):
        expect(other.scan(start + rest).get("result"), "unknown", "a letter outside ASCII")
    _is(other.scan(other.code(serial)), other, serial)


def _is(answer: Mapping[str, object], batch: Trial, serial: int) -> None:
    found = answer.get("result"), answer.get("batch"), answer.get("serial")
    if found != ("genuine", batch.batch, serial):
        wanted = f"genuine, batch {batch.batch}, serial {serial}"
        raise Broken(wanted, ", ".join(map(str, found)))
