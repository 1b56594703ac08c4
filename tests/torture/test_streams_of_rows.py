"""Every row of the contract, its streams closed, empty or on a full disk.

The work's own exit code counts. Only what does nothing but answer ends with 6 if its answer is
lost, and only what reads its stdin can miss it.
"""

import contextlib
import itertools
import shlex

import contract
import pytest
from contract_worlds import answering, damage, leftovers
from test_contract import meanwhile, state
from torture.runner import POSIX, Runner
from torture.scale import dice, times

pytestmark = pytest.mark.skipif(not POSIX, reason="the runner forks")
KINDS = ({"0": "closed"}, {"0": "null"}, {"1": "closed"}, {"1": "full"}, {"2": "closed"},
         {"2": "full"}, {"1": "closed", "2": "closed"}, {"1": "full", "2": "full"},
         {"0": "closed", "1": "closed", "2": "closed"})  # fmt: skip
DOCUMENTED = contract.EXIT_CODES.keys() - {1}
OTHERS = ("demo", "backend check")  # too slow for what they would show


def rows():
    """Rows that need nothing from outside while they run, in an order that the seed decides."""
    found = [row for row in contract.ROWS if not row.trouble and row.command not in OTHERS]
    dice("streams").shuffle(found)
    return found


def test_rows_without_their_streams(worlds, byte_code, tmp_path, figures):
    chosen = list(itertools.islice(itertools.cycle(rows()), times(500)))
    kinds = itertools.cycle(KINDS)
    codes = {}
    with Runner(byte_code) as runner:
        for number, (row, streams) in enumerate(zip(chosen, kinds, strict=False)):
            code = given(row, streams, runner, worlds, tmp_path / str(number))
            codes[code] = codes.get(code, 0) + 1
    told = ", ".join(f"exit {code}: {count}" for code, count in sorted(codes.items()))
    figures("rows without their streams", len(chosen), told)


def given(row, streams, runner, worlds, root):
    """Run the row with such streams; returns its exit code."""
    facts = worlds.copy(row.world, root)
    if row.damage:
        damage(root, row.damage, facts)
    environment = {"MINTMARK_HOME": "home"}
    with contextlib.ExitStack() as stack:
        if row.backend:
            url = stack.enter_context(answering(row.backend, root))
            environment["MINTMARK_BACKEND_URL"] = facts["url"] = url
        stack.enter_context(meanwhile(row, root, facts))
        before = state(root)
        stdin = row.stdin.format(**facts)
        done = runner.run(
            row.words(facts), root, env=environment, stdin=stdin, streams=streams, whole=True
        )
    where = (row.command, row.case, streams, done)
    assert done.code in allowed(row, streams), where
    assert "Traceback" not in done.text, where
    assert "this is a bug" not in done.text, where
    assert "Exception ignored" not in done.text, where
    assert not leftovers(root), where
    assert facts.get("code", "?") not in done.err, where
    if done.code and row.exit and not row.result and not row.events:
        assert state(root)[0] == before[0], where
    return done.code


def allowed(row, streams):
    """The exit codes that the row may have, its streams being so."""
    reads = row.stdin or row.command == "line run" or "-" in shlex.split(row.argv)
    if "0" in streams and reads:
        return DOCUMENTED
    return {row.exit, 6} if "1" in streams and not row.exit else {row.exit}
