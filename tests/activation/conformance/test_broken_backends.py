"""Each variant of the reference backend fails its own clauses, and no others of a sample.

All variants against the whole kit: `make test-contract`.
"""

import json
import os
from pathlib import Path

import pytest
from broken_backends import CAUGHT, VARIANTS, attempted, table
from broken_contract import LEAST
from conformance_kit import failing

from mintmark.activation.conformance import clock
from mintmark.activation.conformance.kit import AREAS
from mintmark.activation.conformance.select import AGAIN

DOCUMENT = Path(__file__).parents[3] / "docs" / "conformance.md"
BEGIN, END = "<!-- variants: begin -->\n", "<!-- variants: end -->\n"
# What most faults do not touch: a variant that fails these as well is broken in another way.
SAMPLE = frozenset({"register.again", "orders.answer", "scans.genuine", "read.middle"})
FEW = 3  # clauses of a variant that are tried here
GROUPS = 4


def shown(variant):
    return variant.name


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(variant, marks=pytest.mark.xdist_group(f"variants-{number % GROUPS}"))
        for number, variant in enumerate(VARIANTS)
    ],
    ids=shown,
)
def test_a_variant_fails_its_own_clauses(variant, tmp_path, monkeypatch):
    # Of a validity that is to end in two seconds, and never does: no clock here is slow.
    monkeypatch.setattr(clock, "SLOWEST", 6.0)
    own = frozenset(sorted(variant.clauses)[:FEW])
    tried = variant.clauses if variant.restarts else SAMPLE | own
    checks = attempted(variant, tmp_path, tried)
    text = "\n".join(line for result in checks for line in result.lines())
    failed = frozenset().union(*map(failing, checks))
    # Not all of them: whether some do fail follows from the codes that were drawn.
    assert failed, text
    assert failed <= variant.clauses, text
    assert 5 in {result.exit_code for result in checks}
    for name in failed:
        assert f"FAIL {name}:" in text


def test_the_table_is_whole():
    names = [variant.name for variant in VARIANTS]
    assert len(set(names)) == len(names) >= 60
    assert names == [*json.loads(CAUGHT.read_text("utf-8"))]
    known = {clause.name for area in (*AREAS, *AGAIN) for clause in area}
    for variant in VARIANTS:
        assert variant.says.endswith(".")
        assert "\n" not in variant.says
        assert variant.clauses, variant.name
        assert variant.clauses <= known, variant.name


def test_the_generated_sequences_alone_catch_enough():
    """As `make test-contract` saw them."""
    assert sum(variant.sequences for variant in VARIANTS) >= LEAST


def test_the_table_in_the_document_is_this_one():
    """MINTMARK_WRITE_GOLDEN=1 writes it anew."""
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = before + BEGIN + "".join(f"{row}\n" for row in table()) + END + after
    if os.environ.get("MINTMARK_WRITE_GOLDEN"):
        DOCUMENT.write_text(text, "utf-8")
    assert DOCUMENT.read_text("utf-8") == text
