"""A tenth is at least one, and one seed throws the same dice again."""

import os
import subprocess
import sys
from pathlib import Path

from torture.scale import dice, times

TESTS = Path(__file__).parents[1]


def asked(statement, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MINTMARK_", "CI", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-c", f"from torture.scale import *; print({statement})"],
        env={**clean, "PYTHONPATH": str(TESTS), **environment},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return done.stdout.strip()


def test_a_part_is_at_least_one():
    assert times(1) >= 1
    assert asked("times(200), times(3)") == "20 1"
    assert asked("times(200), times(3)", MINTMARK_TORTURE="1") == "200 3"


def test_a_seed_throws_the_same_dice_again():
    assert dice("a", 1).random() == dice("a", 1).random() != dice("b", 1).random()
    first, second = (asked("SEED", PYTEST_XDIST_TESTRUNUID=run) for run in "ab")
    assert first == asked("SEED", PYTEST_XDIST_TESTRUNUID="a") != second
    assert asked("SEED", MINTMARK_TORTURE_SEED="7", CI="true") == "7"
    assert asked("SEED", CI="true") == "1"
