"""Playing a sequence at a backend: each answer, and then what can be read, against the model."""

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ....codegen.errors import EnvironmentFailure
from ....codegen.ranges.lifecycle import State
from ..outcome import NotOffered
from ..probe import Answer
from ..trial import Trial
from .expected import Mismatch
from .linear import fitting, sent_at_once, unfit
from .pages import UnknownRows, head_differs, ranges_differ
from .stage import Shared, Stage, time_of
from .steps import (
    AnyStep,
    AtOnce,
    OrderStep,
    ReadHeadStep,
    ReadRangesStep,
    ReadUnknownStep,
    RegisterStep,
    ScanStep,
    Single,
    UploadStep,
)
from .words import told
from .world import World

# A phone that scanned too much is asked to wait; longer than this a check does not.
WAITS = 3
LAST_ORDER = 10_000
ABSENT = (404, 405, 501)


# An answer of any form at all may come back.
MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def malformed(error: Exception) -> Mismatch:
    """An answer in which something was looked for in vain."""
    return Mismatch("an answer of the form in the document", type(error).__name__)


@dataclass(frozen=True)
class Differs:
    """The first difference of a run: after which steps, and the whole way in words."""

    steps: tuple[AnyStep, ...]
    difference: Mismatch
    lines: tuple[str, ...]


@dataclass
class Play:
    """One attempt at a sequence, in batches of its own.

    `scans`: whether scans are tried at all. `quiet`: whether the backend asked for a long pause.
    """

    trial: Trial
    scans: bool = True
    shared: Shared = field(default_factory=Shared)
    quiet: bool = False
    played: list[AnyStep] = field(default_factory=list)

    def __post_init__(self) -> None:
        health = self.trial.probe("GET", "/v1/health", form=None)
        beginning = time_of(health)
        self.stage = Stage(self.trial, self.shared, beginning)
        self.world = World(beginning, self.stage.names)
        self.scans = self.scans and self._offers_scans()
        self._unknown = UnknownRows(self.stage, self.shared) if self.scans else None
        head = self._send(ReadHeadStep())
        self._head: dict[str, Any] | None = head.data if head.status == 200 else None

    def run(self, steps: Iterable[AnyStep]) -> Differs | None:
        """Play all of `steps`; the first difference. Leaves the batches void as far as it can."""
        try:
            for number in range(len(self.stage.names)):
                answer = self.stage.register(number)
                if answer.status != 200:
                    return self._differs(Mismatch("200", str(answer)))
            for step in steps:
                found = self._step(step)
                if found:
                    return found
            return self._read_all()
        finally:
            self._leave()

    # --- steps ---

    def _step(self, step: AnyStep) -> Differs | None:
        if self._passed_over(step):
            return None
        self.played.append(step)
        try:
            found = self._at_once(step) if isinstance(step, AtOnce) else self._single(step)
        except MALFORMED as error:
            found = malformed(error)
        except EnvironmentFailure as failure:
            found = Mismatch("an answer", failure.message)
        if found:
            return self._differs(found)
        changes = isinstance(step, OrderStep | UploadStep | RegisterStep)
        return self._read_all() if changes else None

    def _passed_over(self, step: AnyStep) -> bool:
        """Whether a step cannot be tried here; the model does not see it either."""
        parts = step.steps if isinstance(step, AtOnce) else (step,)
        return any(self._impossible(part) for part in parts)

    def _impossible(self, step: Single) -> bool:
        match step:
            case ScanStep():
                place = self.world.place(step.code)
                # Which batches a text is looked up in, if its form is another batch's, is open.
                misplaced = place is not None and place[0] != step.code.batch
                return misplaced or self.quiet or not self.scans
            case ReadUnknownStep():
                return self._unknown is None or self.quiet
            case ReadHeadStep():
                return self._head is None
            case OrderStep():
                timed = step.effective_at or step.expires_at
                return self.world.beginning is None and timed is not None
            case _:
                return False

    def _single(self, step: Single) -> Mismatch | None:
        if isinstance(step, ReadRangesStep):
            return ranges_differ(self.stage, self.world, step)
        if isinstance(step, ReadUnknownStep) and self._unknown:
            return self._unknown.difference(self.world)
        answer = self._send(step)
        if isinstance(step, ScanStep) and self._refused_to_scan(answer):
            self.played.pop()
            return None
        if isinstance(step, ReadHeadStep):
            return head_differs(self.stage, self.world, answer, self._head or {})
        expected = self.world.apply(step)
        found = expected.difference(answer) if expected else None
        if found is None:
            self.world.learn(step, answer.data)
        return found

    def _send(self, step: Single) -> Answer:
        answer = self.stage.send(step)
        for _ in range(WAITS):
            seconds = answer.headers.get("retry-after", "")
            if answer.status not in (429, 503) or not seconds.isdigit() or int(seconds) > WAITS:
                return answer
            time.sleep(int(seconds))
            answer = self.stage.send(step)
        return answer

    def _offers_scans(self) -> bool:
        return self.trial.probe("POST", "/v1/scans", {}, form=None).status not in ABSENT

    def _refused_to_scan(self, answer: Answer) -> bool:
        self.quiet = self.quiet or answer.status == 429
        return answer.status == 429

    def _at_once(self, step: AtOnce) -> Mismatch | None:
        """All of the parts at the same moment; from then on, the order that fits is the truth."""
        answers = sent_at_once(step.steps, self._send)
        if any(answer.status == 429 for answer in answers):
            self.quiet = True
            raise NotOffered("limited: the backend takes no more scans from here for now")
        before = self.world
        for after in fitting(before, step, answers):
            self.world = after
            if not any(self._read(number) for number in range(len(self.stage.names))):
                return None
        self.world = before
        return unfit(before, step, answers)

    # --- reading ---

    def _read_all(self) -> Differs | None:
        digests = len(self.played) % 3 != 0
        for number in range(len(self.stage.names)):
            found = self._read(number, digests=digests)
            if found:
                self.played.append(ReadRangesStep(number, 0, digests))
                return self._differs(found)
        return None

    def _read(self, number: int, *, digests: bool = True) -> Mismatch | None:
        try:
            return ranges_differ(self.stage, self.world, ReadRangesStep(number, 0, digests))
        except MALFORMED as error:
            return malformed(error)
        except EnvironmentFailure as failure:
            return Mismatch("an answer", failure.message)

    def _differs(self, difference: Mismatch) -> Differs:
        steps = tuple(self.played)
        return Differs(steps, difference, told(self.stage, steps))

    def _leave(self) -> None:
        """Void what can be voided. The trial takes back the unknown scans."""
        for number, batch in enumerate(self.world.batches):
            alive = sum(
                len(tile.serials) for tile in batch.tiles if tile.value.state is not State.VOID
            )
            whole = ((1, batch.form.quantity),)
            if alive:
                order = OrderStep(
                    LAST_ORDER + number, number, "void", whole, skip=True, count=alive
                )
                with contextlib.suppress(EnvironmentFailure):
                    self.stage.send(order)
