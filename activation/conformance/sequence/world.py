"""A model of a whole backend, as far as a run sees it: several batches, their orders and scans.

`apply` takes a step and says what the answer must be. Pure: the model reads no clock and knows
no names of its own.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from ....codegen import times
from ....codegen.ranges.attributes import Attributes, to_json
from ....codegen.ranges.lifecycle import Action, to_api_state
from ....codegen.ranges.serials import Range, to_pairs
from ....codegen.ranges.tiling import Tile, join, select
from .books import Applied, BatchBooks, each, patch_of, refused
from .expected import ExpectedAnswer
from .phones import Phones, Seen
from .steps import (
    FORMS,
    DrawnCode,
    OrderStep,
    ReadOrderStep,
    RegisterStep,
    ScanStep,
    Single,
    UploadStep,
)

Shown = tuple[str, Attributes]  # the state and attributes of a range
# Refusals that stay under the id of their order.
FINAL = frozenset({"outside", "blocked", "count-differs", "count-required"})
NOT_FOUND = ExpectedAnswer(404, ("not-found",))
INVALID = ExpectedAnswer(422, ("invalid",))


@dataclass(frozen=True)
class Kept:
    """An order that is kept, with its answer, or the refusal it was given."""

    content: OrderStep
    head: int | None
    answer: ExpectedAnswer


@dataclass
class World:
    """`beginning`: the backend's time when the run began; None: it tells none.

    `heads`: the orders one of which brought the newest head, by number; None: no order of the
    run. `names`: the batches' ids.
    """

    beginning: datetime | None
    names: tuple[str, ...]
    batches: list[BatchBooks] = field(default_factory=lambda: [BatchBooks(form) for form in FORMS])
    orders: dict[int, Kept] = field(default_factory=dict)
    heads: list[tuple[int, int] | None] = field(default_factory=lambda: [None])
    phones: Phones = field(default_factory=Phones)

    def copy(self) -> "World":
        """Another, that changes by itself."""
        return World(
            self.beginning,
            self.names,
            [batch.copy() for batch in self.batches],
            {**self.orders},
            [*self.heads],
            self.phones.copy(),
        )

    def apply(self, step: Single) -> ExpectedAnswer | None:
        """What `step` must be answered; None: whatever comes, or compared by `pages`."""
        match step:
            case RegisterStep(changed=changed):
                return refused("batch-differs") if changed else ExpectedAnswer()
            case UploadStep():
                return self.batches[step.batch].upload(step)
            case OrderStep():
                return self._order(step)
            case ReadOrderStep():
                kept = self.orders.get(step.number)
                return kept.answer if kept else NOT_FOUND
            case ScanStep():
                return self._scan(step)
            case _:
                return None

    # --- orders ---

    def _order(self, step: OrderStep) -> ExpectedAnswer:
        content, kept = step.content(), self.orders.get(step.number)
        if kept is not None:
            if kept.content != content:
                return refused("order-differs")
            if step.head not in (None, kept.head) and not step.dry_run:
                # Whether a repeat brings its head is left open.
                self.heads.append((step.number, step.head))
            if step.dry_run:
                members = {k: v for k, v in kept.answer.members.items() if k != "dry_run"}
                return replace(kept.answer, members=members)
            return kept.answer
        world = self.copy()
        answer = world.judged(step)
        if not step.dry_run and (not answer.problems or FINAL & {*answer.problems}):
            self.batches, self.phones = world.batches, world.phones
            self.orders[step.number] = Kept(content, step.head, answer)
            if step.head is not None:
                self.heads = [(step.number, step.head)]
        return answer

    def judged(self, step: OrderStep) -> ExpectedAnswer:
        """The answer to an order of a new id. Part of its effect stays even if it is refused."""
        batch = self.batches[step.batch]
        begins, ends = step.effective_at, step.expires_at
        if begins and ends and ends.minutes <= begins.minutes:
            return INVALID
        if max(last for _, last in step.serials) > batch.form.quantity:
            return refused("outside")
        known = {*batch.live.values()}
        patch = patch_of(step, step.times(self.beginning))
        found = batch.order(step, patch, self._live_elsewhere(step.batch))
        if isinstance(found, ExpectedAnswer):
            return found
        before: list[int] = []
        if step.action == Action.ACTIVATE:
            self.phones.delivered({*batch.live.values()} - known)
            before = [s for s in each(found.touched) if batch.live[s] in self.phones.early]
        return ExpectedAnswer(members=self._taken(step, found, before))

    def _taken(self, step: OrderStep, found: Applied, before: list[int]) -> dict[str, object]:
        return {
            "batch": self.names[step.batch],
            "action": step.action,
            "dry_run": step.dry_run,
            "applied": to_pairs(found.touched),
            "applied_count": sum(map(len, found.touched)),
            "skipped": to_pairs(found.passed),
            "skipped_count": sum(map(len, found.passed)),
            "truncated": False,
            "scanned_before": before,
        }

    def _live_elsewhere(self, number: int) -> set[DrawnCode]:
        return {
            code
            for other, batch in enumerate(self.batches)
            if other != number
            for code in batch.live.values()
        }

    # --- scans ---

    def place(self, code: DrawnCode) -> tuple[int, int] | None:
        """The batch and serial whose live fingerprint is that of `code`."""
        for number, batch in enumerate(self.batches):
            for serial, held in batch.live.items():
                if held == code:
                    return number, serial
        return None

    def seen(self, code: DrawnCode) -> Seen | None:
        """What a scan of `code` finds."""
        place = self.place(code)
        if place is None:
            return None
        number, serial = place
        standing = self.batches[number].standing(serial)
        attributes = to_json(standing.attributes)
        role = str(attributes.get("role", FORMS[number].role))
        return Seen(number, serial, role, to_api_state(standing.state).value, attributes)

    def _scan(self, step: ScanStep) -> ExpectedAnswer:
        seen = self.seen(step.code)
        now = self.beginning or times.parse("2026-01-01T00:00:00Z")
        name = self.names[seen.batch] if seen else ""
        return self.phones.scan(step.code, seen, step.scan_id, now, name)

    def learn(self, step: Single, answer: object) -> None:
        """Take over what only the backend knows: when a code was first counted."""
        if not isinstance(step, ScanStep) or not isinstance(answer, dict):
            return
        if step.code in self.phones.counted and step.code not in self.phones.first:
            self.phones.first[step.code] = times.parse(answer["first_scan"])

    # --- reading ---

    def ranges(self, number: int, after: int) -> list[Tile[Shown]]:
        """What a batch reads like from serial `after` + 1 on."""
        books = self.batches[number]
        if after >= books.form.quantity:
            return []
        rest = Range(after + 1, books.form.quantity)
        return join(
            Tile(tile.serials, (to_api_state(tile.value.state).value, tile.value.attributes))
            for tile in select(books.tiles, [rest])
        )

    def scanned(self, number: int, serials: Range) -> int:
        """How many codes of these have a counted scan."""
        live = self.batches[number].live
        return sum(1 for s in each([serials]) if s in live and live[s] in self.phones.counted)
