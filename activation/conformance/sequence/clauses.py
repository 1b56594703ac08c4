"""The clauses that are tried by generated sequences, one per theme."""

import contextlib
from collections.abc import Callable
from weakref import WeakKeyDictionary

from ....codegen.errors import EnvironmentFailure
from ..clause import Clauses
from ..depth import Depth
from ..outcome import Broken, NotOffered
from ..trial import Trial
from .generate import sequence
from .play import Differs, Play
from .shrink import Shrinker, Steps
from .stage import Shared
from .themes import THEMES, Theme

SEQUENCE = Clauses("sequence", "3. Order")

# Runs of each theme, and steps of each run.
LENGTHS = {Depth.QUICK: (1, 25), Depth.NORMAL: (3, 45), Depth.THOROUGH: (14, 60)}
# How many steps may be played to find a shorter sequence.
BUDGETS = {Depth.QUICK: 400, Depth.NORMAL: 1_000, Depth.THOROUGH: 2_000}
# Of steps at once: more runs, and shorter ones, and each attempt several times over.
MEETINGS = {Depth.QUICK: (1, 14), Depth.NORMAL: (4, 20), Depth.THOROUGH: (20, 25)}
TRIES = 4
SHARED: WeakKeyDictionary[Trial, Shared] = WeakKeyDictionary()
TEXTS = {
    "orders": "whatever orders come, each is answered and applied as the document says",
    "attributes": "each code keeps its own attributes and validity, whatever orders come",
    "ids": "an order's id keeps its answer or refusal, however the order is written",
    "scans": "whatever orders come, each scan is answered, counted and remembered for good",
    "fingerprints": "uploads, in whatever portions, are kept, and live only by activation",
    "parallel": "what comes at once is answered and applied as if one came after the other",
}


def _attempt(name: str, theme: Theme) -> Callable[[Trial], None]:
    def attempt(trial: Trial) -> None:
        runs, length = (MEETINGS if name == "parallel" else LENGTHS)[trial.depth]
        shared = SHARED.setdefault(trial, Shared())

        def play(steps: Steps) -> Differs | None:
            run = Play(trial, theme.scans, shared)
            if name == "scans" and not run.scans:
                raise NotOffered("no scans can be tried here")
            return run.run(steps)

        for number in range(runs):
            steps = tuple(sequence(f"{trial.seed} {name} {number}", theme, length))
            found = play(steps)
            if found:
                _fail(play, found, BUDGETS[trial.depth], TRIES if name == "parallel" else 1)

    return attempt


def _fail(play: Callable[[Steps], Differs | None], first: Differs, budget: int, tries: int) -> None:
    """Shrink the sequence, and tell it. Always raises `Broken`.

    `tries`: how often a sequence is played until it counts as one that does not fail.
    """
    last = [first]

    def fails(steps: Steps) -> Steps | None:
        with contextlib.suppress(EnvironmentFailure):
            for _ in range(tries):
                found = play(steps)
                if found:
                    last[0] = found
                    return found.steps
        return None

    Shrinker(fails, budget).shortest(first.steps)
    difference = last[0].difference
    raise Broken(difference.expected, difference.found, last[0].lines)


for _name, _theme in THEMES.items():
    SEQUENCE.clause(_name, TEXTS[_name])(_attempt(_name, _theme))
