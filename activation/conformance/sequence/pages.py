"""Ranges, heads and unknown scans read back, and compared with the model."""

import hashlib
from collections.abc import Mapping
from typing import Any

from ....codegen.ranges.attributes import to_json
from ....codegen.ranges.tiling import Tile
from ..probe import Answer
from .books import each
from .expected import ExpectedAnswer, Mismatch, same, shown
from .stage import Shared, Stage
from .steps import DrawnCode, ReadRangesStep, ReadUnknownStep
from .world import Shown, World

PAGES = 200


def ranges_differ(stage: Stage, world: World, step: ReadRangesStep) -> Mismatch | None:
    """Read all pages from the step's `after` on; the first difference."""
    quantity = world.batches[step.batch].form.quantity
    after: int | None = step.after
    while after is not None:
        answer = stage.send(ReadRangesStep(step.batch, after, step.digests))
        found = ExpectedAnswer(members=stage.registration(step.batch)).difference(answer)
        if found:
            return found
        items, following = answer.data["ranges"], answer.data["next"]
        wanted = world.ranges(step.batch, after)
        for tile, item in zip(wanted, items, strict=False):
            found = _range_differs(stage, world, step, tile, item)
            if found:
                return found
        if len(items) > len(wanted) or (not items and wanted):
            return Mismatch(f"{len(wanted)} ranges", f"{len(items)} ranges")
        reached = wanted[len(items) - 1].serials.last if items else quantity
        if following != (reached if reached < quantity else None):
            told = "null" if reached >= quantity else str(reached)
            return Mismatch(f"next: {told}", shown(following))
        after = following
    return None


def _range_differs(
    stage: Stage, world: World, step: ReadRangesStep, tile: Tile[Shown], item: Mapping[str, Any]
) -> Mismatch | None:
    state, attributes = tile.value
    wanted: dict[str, object] = {
        "serials": tile.serials.pair(),
        "state": state,
        "attributes": to_json(attributes),
        "scanned": world.scanned(step.batch, tile.serials),
    }
    if step.digests:
        live = world.batches[step.batch].live
        held = [stage.fingerprint(live[s]) for s in each([tile.serials]) if s in live]
        wanted |= {"held": len(held), "digest": hashlib.sha256(b"".join(held)).hexdigest()}
    for key, value in wanted.items():
        if not same(value, item.get(key)):
            what = f"of the range from serial {tile.serials.first}, {key}"
            return Mismatch(f"{what}: {shown(value)}", shown(item.get(key)))
    return None


def head_differs(
    stage: Stage, world: World, answer: Answer, before: Mapping[str, Any]
) -> Mismatch | None:
    """Compare the home's head; `before`: what was told when the run began."""
    data = answer.data if isinstance(answer.data, dict) else {}
    wanted = [
        (before.get("head"), before.get("order"))
        if brought is None
        else (stage.head(brought[1]), stage.order_id(brought[0]))
        for brought in world.heads
    ]
    if (data.get("head"), data.get("order")) in wanted:
        return None
    named = " or ".join(
        "that of before the run" if o is None else f"that of {o}" for _, o in wanted
    )
    return Mismatch(f"the head: {named}", f"that of {shown(data.get('order'))}")


class UnknownRows:
    """The rows of unknown scans, from the last page there was when the run began."""

    def __init__(self, stage: Stage, shared: Shared) -> None:
        self._stage = stage
        shared.after, _ = self._read(shared.after)
        self._cursor = shared.after

    def _read(self, after: int) -> tuple[int, dict[str, list[int]] | None]:
        """The last cursor told, and the counts by fingerprint; None: too many to read."""
        rows: dict[str, list[int]] = {}
        for _ in range(PAGES):
            data = self._stage.send(ReadUnknownStep(), after).data
            for row in data["unknown"]:
                rows.setdefault(row["fingerprint"].lower(), []).append(row["count"])
            if data["next"] is None:
                return after, rows
            after = data["next"]
        return after, None

    def difference(self, world: World) -> Mismatch | None:
        """Compare the rows of the run's own codes."""
        _, rows = self._read(self._cursor)
        if rows is None:
            return None
        for code in sorted({*world.phones.unknown, *world.phones.early}):
            wanted = [world.phones.unknown[code]] if code in world.phones.unknown else []
            found = rows.get(self._stage.fingerprint(code).hex(), [])
            if found != wanted:
                what = f"the unknown scans of {named(stage=self._stage, code=code)}"
                return Mismatch(f"{what}: {_rows(wanted)}", _rows(found))
        return None


def named(stage: Stage, code: DrawnCode) -> str:
    """A code in words: never the code."""
    text = f"the code of serial {code.serial} of {stage.names[code.batch]}"
    return f"another code, drawn beside {text}" if code.variant else text


def _rows(counts: list[int]) -> str:
    if not counts:
        return "no row"
    return ", ".join(f"a row with count {count}" for count in counts)
