"""The verdict and what a scanned text may mean: both pure."""

from datetime import UTC, datetime, timedelta

import pytest
from backend_kit import BACKEND_KEY

from mintmark.activation.backend import models, scan
from mintmark.activation.backend.scan import ScanResult, ScanVerdict, candidates, verdict
from mintmark.codegen.codes.fingerprint import fingerprint
from mintmark.codegen.codes.spec import _RULES
from mintmark.codegen.ranges.lifecycle import ApiState

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RULES = [("crockford32", 16), ("upper", 8)]


def said(state, scans=0, now=NOW, **attributes):
    return verdict(ApiState(state), attributes, scans, now)


@pytest.mark.parametrize("state", ["inactive", "frozen", "void"])
def test_only_active_codes_count(state):
    assert said(state) == ScanVerdict(ScanResult(state), early=True)
    assert said(state, expires_at="2020-01-01T00:00:00Z").result == state


@pytest.mark.parametrize(
    ("attributes", "scans", "result"),
    [
        ({}, 0, "genuine"),
        ({}, 1, "repeat"),
        ({"max_scans": 3}, 2, "genuine"),
        ({"max_scans": 3}, 3, "repeat"),
    ],
)
def test_a_code_is_genuine_as_often_as_its_range_says(attributes, scans, result):
    assert said("active", scans, **attributes) == ScanVerdict(ScanResult(result), counts=True)


def test_validity_begins_on_its_first_moment_and_ends_before_its_last():
    window = {
        "effective_at": "2026-11-22T20:00:00+08:00",
        "expires_at": "2026-11-22T21:00:00+08:00",
    }
    moment, hour = timedelta(microseconds=1), timedelta(hours=1)
    assert said("active", now=NOW - moment, **window) == ScanVerdict(ScanResult.NOT_YET, early=True)
    assert said("active", now=NOW, **window).counts
    assert said("active", now=NOW + hour - moment, **window).counts
    assert said("active", now=NOW + hour, **window) == ScanVerdict(ScanResult.EXPIRED)


def of(code):
    return fingerprint(code.encode("ascii"), BACKEND_KEY)


@pytest.mark.parametrize(
    "text", ["ABCD0123456789EF", "abcd-0123 4567 89ef", "ABCDOI23456789EF", "abcdol23456789ef"]
)
def test_a_code_is_folded_under_its_batchs_rule(text):
    assert candidates(text, RULES, BACKEND_KEY) == [of("ABCD0123456789EF")]


def test_each_rule_in_use_is_tried_and_no_other():
    assert set(candidates("OO345678", RULES, BACKEND_KEY)) == {of("OO345678")}
    both = candidates("oo345678", [*RULES, ("crockford32", 8)], BACKEND_KEY)
    assert set(both) == {of("OO345678"), of("00345678")}


def test_a_code_of_a_batch_never_registered_is_kept_as_its_fingerprint():
    assert candidates("NEW5", RULES, BACKEND_KEY) == [of("NEW5")]
    assert of("N0PE") in candidates("nope", [], BACKEND_KEY)


@pytest.mark.parametrize("text", ["", " ", "码", "A\nB", "A" * 65, "\ud800", "ß" * 16])
def test_what_can_be_no_code_is_none(text):
    assert candidates(text, RULES, BACKEND_KEY) == []


def test_every_rule_is_known_everywhere():
    assert set(scan.CANONICAL_RULES) == set(_RULES)
    for rule in scan.CANONICAL_RULES:
        models.BatchBody.model_validate(
            {
                "home": "H",
                "symbols": "01",
                "length": 1,
                "canonical": rule,
                "quantity": 1,
                "scheme": "s",
                "fingerprint_key_id": "k",
            }
        )
