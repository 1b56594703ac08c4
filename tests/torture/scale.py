"""How much torture there is, and from which seed: the same seed does the same harm again.

MINTMARK_TORTURE is the part that runs: 1 with `make torture`, a tenth in the suite.
MINTMARK_TORTURE_SEED is the seed. Without it CI takes 1, and other machines take another each time.
"""

import hashlib
import os
import random

PART = float(os.environ.get("MINTMARK_TORTURE") or 0.1)


def _seed():
    if told := os.environ.get("MINTMARK_TORTURE_SEED"):
        return int(told)
    if os.environ.get("CI"):
        return 1
    # All workers of a run have this in common.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(random.SystemRandom().random())
    return int.from_bytes(hashlib.sha256(run.encode()).digest()[:3], "big")


SEED = _seed()


def times(full):
    """How many of `full` rounds are run: at least one."""
    return max(1, round(full * PART))


def dice(*what):
    """The random numbers of one piece of torture, by its name."""
    return random.Random(f"{SEED}: {what}")
