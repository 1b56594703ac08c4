"""A naive model of what lies in what: a dictionary child → parent, and a walk per question.

Like `model.py` it is written from the words of the design, and imports nothing of the program.
A code is a pair (batch, serial).
"""

from collections.abc import Sequence

from model import Refusal

Ref = tuple[str, int]
HOLDERS = ("carton", "pallet")


class Contents:
    """What lies in what. `role(ref)` and `state(ref)` say what the books have of a code."""

    def __init__(self, role, state) -> None:
        self.parent: dict[Ref, Ref] = {}
        self._role, self._state = role, state

    def deal(
        self, parents: Sequence[Ref], children: Sequence[Ref], each: int | None
    ) -> dict[Ref, Ref]:
        """Child → parent: `each` by turns, or all to the only parent. Raises `Refusal`."""
        if each is None:
            if len(parents) != 1:
                raise Refusal("form")
            return dict.fromkeys(children, parents[0])
        filled = [children[at : at + each] for at in range(0, len(children), each)]
        if len({batch for batch, _ in children}) > 1 or len(filled) != len(parents):
            raise Refusal("form")
        return {child: at for at, part in zip(parents, filled, strict=True) for child in part}

    def associate(self, parents: Sequence[Ref], children: Sequence[Ref], each: int | None) -> None:
        """Children join; all or none. Raises `Refusal`: form, role, state, nesting, taken."""
        dealt = self.deal(parents, children, each)
        pallets = {c for c, p in dealt.items() if self._role(c) == "pallet" != self._role(p)}
        if pallets or any(self._role(ref) not in HOLDERS for ref in parents):
            raise Refusal("role")
        if any(self._state(ref) in ("void", "sealed") for ref in (*parents, *children)):
            raise Refusal("state")
        if any(self._comes_back(ref, self.parent | dealt) for ref in parents):
            raise Refusal("nesting")
        taken = [serial for batch, serial in children if (batch, serial) in self.parent]
        if taken:
            raise Refusal("taken", taken)
        self.parent |= dealt

    def dissociate(
        self, parents: Sequence[Ref] | None, children: Sequence[Ref], each: int | None
    ) -> None:
        """Children leave; all or none. Raises `Refusal`: form, elsewhere."""
        if parents is None and each is not None:
            raise Refusal("form")
        dealt = self.deal(parents, children, each) if parents is not None else {}
        for child in children:
            there = self.parent.get(child)
            if there is None or (parents is not None and there != dealt[child]):
                raise Refusal("elsewhere", [child[1]])
        for child in children:
            del self.parent[child]

    def way_up(self, ref: Ref) -> list[Ref]:
        """What it lies in, nearest first."""
        way = []
        while ref in self.parent:
            ref = self.parent[ref]
            way.append(ref)
        return way

    def inside(self, refs: Sequence[Ref]) -> set[Ref]:
        """All that lies in `refs`, at every level."""
        return {child for child in self.parent if set(self.way_up(child)) & set(refs)}

    @staticmethod
    def _comes_back(ref: Ref, parent: dict[Ref, Ref]) -> bool:
        seen, at = {ref}, parent.get(ref)
        while at is not None and at not in seen:
            seen.add(at)
            at = parent.get(at)
        return at == ref
