"""Scans become cartons: which children a reader saw, and the label that they belong to. Pure.

A carton here is whatever holds others: a carton, a pallet. The rules:

1. A label is known by its role: it stands higher than what it holds. Where the label comes
   first, a code of another batch than the label's may also stand as high: a pack in a carton.
2. `first`: a label opens a carton, and the last of its children closes it. `last`: the label
   closes it. `count`: likewise, but a label may come late, and gets the oldest children. One that
   is late by a whole carton follows a label that was not read: both cartons are refused.
3. A place without a code (a no-read) neither ends a carton nor counts. Where children are
   missing, the carton is refused as a whole and its places without a code are named.
4. A code read again within an open carton counts once. Where the label comes first or by count,
   so does a child of the carton closed last: counted anew, it would shift all that follows.
5. Nothing is closed by a time-out, or by the next label. What a carton was refused for stays
   behind with it: the next one begins clean.
6. Texts that are no code of this home are counted and told; so are heartbeats.
7. Codes of one message came at once: the label is known among them, wherever it stands. Where
   there are two labels, nobody knows whose the children are.
8. The children of a carton that is scanned stand equally high: one that does not is a stray.
"""

from collections.abc import Iterator, Mapping, Sequence

from ...codegen.ranges.aggregation import CodeRef
from ...codegen.scans.reader import ReadingKind
from ...codegen.scans.settings import ParentPlace
from .carton import ABOVE_ALL, HELD, Carton, Draft, Sighting

TORN = "codes of this carton and of the next came in one message"


class Assembler:
    """Puts cartons together from what a reader sends.

    `each`: how many children a carton has. `partial`: one with fewer is meant; it ends at its
    label, or where the scans end if labels come first.
    """

    def __init__(self, place: ParentPlace, each: int, *, partial: bool = False) -> None:
        self._place, self._each, self._partial = place, each, partial
        self._draft = Draft()
        # The carton closed last: its children, and its label.
        self._closed: frozenset[CodeRef] = frozenset()
        self._label: CodeRef | None = None
        self._level: int | None = None  # where children stand, once a label has shown it

    def feed(self, seen: Sighting) -> list[Carton]:
        """The cartons that end with this reading, a message of its own."""
        return self.read([seen])

    def _take(self, seen: Sighting) -> list[Carton]:
        draft, code = self._draft, seen.code
        if seen.kind is ReadingKind.HEARTBEAT:
            draft.heartbeats += 1
        elif code is not None:
            by_place = self._first if self._place is ParentPlace.FIRST else self._last
            return [*by_place(code, seen.level), *self._overfull()]
        elif seen.kind is ReadingKind.NO_READ:
            draft.append(None)
        else:
            draft.rejects.append(seen)
        return list(self._overfull())

    def read(self, telegram: Sequence[Sighting]) -> list[Carton]:
        """The cartons that end with the readings of one message."""
        self._draft.message += 1
        labels = self._labels(telegram)
        first = self._place is ParentPlace.FIRST
        if labels and self._is_doubtful(labels):
            rest = [seen for seen in telegram if seen.code not in labels]
            found = [carton for seen in rest for carton in self._take(seen)]
            draft = self._draft
            told = f"{self._count(draft)}, and {len(labels):,} labels in one message"
            return [*found, self._close(draft, told)]
        lowest = min((seen.level for seen in telegram if seen.code), default=0)
        turn = sorted(telegram, key=lambda seen: seen.level if seen.code else lowest, reverse=first)
        found = [carton for seen in turn for carton in self._take(seen)]
        draft = self._draft
        if first and draft.parent and len(draft.children) >= self._each:
            found.append(self._close(draft, self._fault(draft)))
        return found

    def _labels(self, telegram: Sequence[Sighting]) -> dict[CodeRef, int]:
        """Which of the codes of a message may be labels of cartons, and their levels."""
        codes = {seen.code: seen.level for seen in telegram if seen.code}
        if len(codes) < 2:
            return {}
        draft, lowest = self._draft, min(codes.values())
        if self._place is ParentPlace.FIRST:
            # Above others of its message a pack may be a label as well.
            lowest = max(lowest, draft.parent_level - 1)
            return {
                code: level
                for code, level in codes.items()
                if self._opens(code, level) or level > lowest
            }
        lowest = lowest if draft.level is None else min(lowest, draft.level)
        return {code: level for code, level in codes.items() if level > lowest}

    def _is_doubtful(self, labels: Mapping[CodeRef, int]) -> bool:
        """Whether two of them may be the label of the same children."""
        levels = list(labels.values())
        own = max(levels) if self._place is ParentPlace.FIRST else min(levels)
        return levels.count(own) > 1

    def finish(self) -> list[Carton]:
        """What is left at the end of the stream: a carton that was not closed."""
        draft = self._draft
        if self._partial and draft.parent and self._fault(draft) is None:
            return [self._close(draft, fault=None)]
        if not (draft.parent or draft.children or draft.rejects):
            return []
        label = "" if draft.parent else ", without a label"
        if not (draft.parent or draft.children):
            return [self._close(draft, "no code of this home was read")]
        return [self._close(draft, f"the scans ended after {self._count(draft)}{label}")]

    @property
    def opened(self) -> CodeRef | None:
        """The label of the open carton, if it came first and nothing was told of it yet."""
        return None if self._draft.told else self._draft.parent

    def tell(self) -> None:
        """The open carton was refused by its label: what belongs to it ends with it."""
        self._draft.told = True

    def refused(self) -> None:
        """The books refused the carton closed last: it may be scanned again, as a new one."""
        if self._place is ParentPlace.COUNT:
            self._closed, self._label = frozenset(), None

    # --- the label comes first ---

    def _first(self, code: CodeRef, level: int) -> Iterator[Carton]:
        draft = self._draft
        again = self._closed if draft.parent is None else {draft.parent}
        if code in again:
            draft.repeats += 1
        elif self._opens(code, level):
            if draft.parent or draft.children:
                yield self._close(draft, self._fault(draft) or self._count(draft))
            opened = self._draft
            opened.parent, opened.parent_level, opened.places = code, level, []
        else:
            draft.add(code, level)

    def _opens(self, code: CodeRef, level: int) -> bool:
        """Whether it is a label, and no child of the label before it."""
        draft = self._draft
        if level == 0 or code in draft.children:
            return False
        if draft.parent is None or level > draft.parent_level:
            return True
        if draft.level is not None and draft.parent_level < ABOVE_ALL and level > draft.level:
            return True
        is_pack = code.batch != draft.parent.batch and draft.level in (None, level)
        return level == draft.parent_level and not is_pack

    # --- the label comes last ---

    def _last(self, code: CodeRef, level: int) -> Iterator[Carton]:
        draft = self._draft
        by_count = self._place is ParentPlace.COUNT
        if by_count and code in self._closed:
            draft.repeats += 1
            return
        if by_count and code == self._label and len(draft.places) < self._each:
            # What has passed since then belongs to the next label.
            yield Carton(code, (), fault=f"0 of {self._each:,} children")
            return
        if draft.level is not None and level < draft.level:
            # What was taken for children were labels, of cartons without any.
            yield from self._labels_alone(level)
            self._draft.add(code, level)
            return
        children = self._level if draft.level is None else draft.level
        if children is None or level <= children:
            draft.add(code, level)
        else:
            draft.parent, self._level = code, children
            yield self._late(draft) if by_count else self._close(draft, self._fault(draft))

    def _labels_alone(self, level: int) -> Iterator[Carton]:
        draft, self._level = self._draft, level
        self._draft = Draft(rejects=draft.rejects, heartbeats=draft.heartbeats)
        for code in draft.children:
            yield Carton(code, (), fault=f"0 of {self._each:,} children")

    def _late(self, draft: Draft) -> Carton:
        """What ends with the label of `draft`, which may have come late."""
        each, places = self._each, len(draft.places)
        if places <= each or len(draft.children) == each:
            return self._close(draft, self._fault(draft))
        if places < 2 * each:
            # Its own are as many places as there should have been children.
            fault = f"{self._count(draft)}: {TORN}" if draft.tears(each) else None
            cut = draft.cut(each)
            return self._close(cut, fault or self._fault(cut), rest=draft)
        # Where a place without a code was a label, the children alone tell whole cartons.
        counted = draft.children if len(draft.children) >= 2 * each else draft.places
        cut = draft.cut(places - len(counted) % each)
        told = f"{self._count(cut)}: a label before this one was not read"
        return self._close(cut, told, rest=draft)

    # --- both ---

    def _close(self, draft: Draft, fault: str | None, rest: Draft | None = None) -> Carton:
        self._draft = rest or Draft()
        ended = draft.carton(fault)
        if fault is None:
            self._closed, self._label = frozenset(ended.children), ended.parent
        return ended

    def _overfull(self) -> Iterator[Carton]:
        """Refuse what no label will end: children that stand as high as labels do."""
        draft = self._draft
        if draft.parent is not None:
            return
        many = len(draft.children) > self._each and bool(draft.level)
        if many or len(draft.places) > HELD:
            yield self._close(draft, f"{self._count(draft)}, and no label that stands higher")

    def _fault(self, draft: Draft) -> str | None:
        """Why a carton is refused that ends now."""
        count, missing = len(draft.children), None in draft.places
        if draft.parent is None:
            return f"{self._count(draft)}, without a label before them"
        if draft.is_mixed:
            return f"{self._count(draft)}, of which some stand higher than others"
        if count == self._each:
            return None
        short = self._partial and 0 < count < self._each and not missing
        return None if short else self._count(draft)

    def _count(self, draft: Draft) -> str:
        """How many children, of how many, and what was read in their stead."""
        told = f"{len(draft.children):,} of {self._each:,} children"
        missing = [n for n, code in enumerate(draft.places, 1) if code is None]
        if missing:
            shown = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
            told += f", no-read at place{'s' if len(missing) > 1 else ''} {shown}"
        if draft.rejects:
            texts = "text that is" if len(draft.rejects) == 1 else "texts that are"
            told += f", {len(draft.rejects):,} {texts} no code of this home"
        return told
