"""Faults of finding a code: how a text is folded, and whose fingerprint it is."""

import unicodedata

from broken.site import fault, named

from mintmark.activation.backend import (
    backend,
    dialects,
    scan,
    tables,
)
from mintmark.activation.backend.scan import ScanResult
from mintmark.activation.backend.store import Store
from mintmark.activation.client.wire import ScanAnswer


@fault
class Eager(Store):
    """Recognises what was uploaded before it is activated."""

    def scans(self, requests, now):
        with self._database.read() as connection:
            held = {
                row.data[at : at + 16]
                for row in connection.execute(tables.pending.select())
                for at in range(0, len(row.data), 16)
            }
        answers = super().scans(requests, now)
        return [
            ScanAnswer(ScanResult.INACTIVE.value)
            if answer.result == ScanResult.UNKNOWN and held & {*scan.candidates}
            else answer
            for scan, answer in zip(requests, answers, strict=True)
        ]


def _finding(name, says, change):
    """A fault of folding: `change(candidates, text, rules, key)` finds what a text may be."""

    def fault(site):
        right = backend.candidates
        site.patch.setattr(
            backend, "candidates", lambda text, rules, key: change(right, text, rules, key)
        )

    return named(fault, name, says)


def _only(wanted):
    """Find codes by the rules `wanted(rules)`, and note no scan of what fits none of them."""

    def change(right, text, rules, key):
        known = wanted([*rules])
        fits = any(len(scan._canonical(rule, text)) == length for rule, length in known)
        return right(text, known, key) if fits else []

    return change


crockford_always = _finding(
    "crockford_always",
    "Folds every code as crockford32, whatever its batch says.",
    _only(lambda rules: [("crockford32", length) for _, length in rules]),
)
sixteen_always = _finding(
    "sixteen_always",
    "Knows codes of 16 symbols only.",
    _only(lambda rules: [(rule, 16) for rule, _ in rules]),
)
first_rule = _finding(
    "first_rule",
    "Folds as the first of its batches does, and by no other rule.",
    _only(lambda rules: rules[:1]),
)
unicode_upper = _finding(
    "unicode_upper",
    "Folds by its language's upper case: ß becomes SS, a dotless i becomes I.",
    lambda right, text, rules, key: right(text.upper(), rules, key),
)


compatible = _finding(
    "compatible",
    "Normalises a text first: full-width letters become plain ones.",
    lambda right, text, rules, key: right(unicodedata.normalize("NFKC", text), rules, key),
)


white_dropped = _finding(
    "white_dropped",
    "Drops white space of every kind, and not just the space.",
    lambda right, text, rules, key: right("".join(text.split()), rules, key),
)


grouped_upper = _finding(
    "grouped_upper",
    "Drops spaces and hyphens under the rule upper as well.",
    lambda right, text, rules, key: right(text.replace("-", "").replace(" ", ""), rules, key),
)


@fault
def takes_over(site):
    """Gives a fingerprint that is live to the code that is activated last."""
    replacing = dialects._SQLITE.replace("OR IGNORE", "OR REPLACE")
    site.patch.setattr(dialects, "_SQLITE", replacing)
