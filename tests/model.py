"""A naive model of the books: a record per code, an `if` per rule.

Written from the words of the design, not from the modules under test, and importing none
of them: states and actions are their plain names. It is slow and small on purpose; tests
compare the interval algebra, the ledger and the backend with it, code by code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

STATES = ("sealed", "packaged", "active", "frozen", "void")
ACTIONS = ("activate", "freeze", "unfreeze", "revoke", "void", "unvoid", "assign")

# (action, state now) → state after. "back": to the state before. Absent: not possible.
#   Freshly minted codes are dead; only what is packaged is activated.
#   frozen: from packaged or active, and back to the state before.
#   revoke: active → packaged.
#   void: from any. unvoid: to the state before, but never active or frozen again.
#   assign: attributes at any moment, though not of what will never be used.
OUTCOME = {
    ("activate", "packaged"): "active",
    ("freeze", "packaged"): "frozen",
    ("freeze", "active"): "frozen",
    ("unfreeze", "frozen"): "back",
    ("revoke", "active"): "packaged",
    ("void", "sealed"): "void",
    ("void", "packaged"): "void",
    ("void", "active"): "void",
    ("void", "frozen"): "void",
    ("unvoid", "void"): "back",
    ("assign", "sealed"): "sealed",
    ("assign", "packaged"): "packaged",
    ("assign", "active"): "active",
    ("assign", "frozen"): "frozen",
}


class Refusal(Exception):
    """Nothing changed. `why`: outside, state, from, count; `serials`: those that prevent it."""

    def __init__(self, why: str, serials: Iterable[int] = ()) -> None:
        self.why = why
        self.serials = sorted(serials)
        super().__init__(why, self.serials)


@dataclass
class Code:
    """A code. `was`: its state before it was frozen or voided."""

    state: str = "sealed"
    package: str | None = None
    was: str | None = None
    attributes: dict[str, object] = field(default_factory=dict)
    reason: str | None = None

    @property
    def reserved(self) -> bool:
        """An export of it is under way."""
        return self.state == "sealed" and self.package is not None

    @property
    def live(self) -> bool:
        """A shopper may hold it: active, or frozen out of being active."""
        return self.state == "active" or (self.state == "frozen" and self.was == "active")

    def accepts(self, action: str) -> bool:
        """Whether `action` has an outcome here."""
        return not self.reserved and (action, self.state) in OUTCOME

    def after(
        self, action: str, attributes: Mapping[str, object] | None = None, reason: str | None = None
    ) -> "Code":
        """This code after an action it accepts."""
        code = replace(self, attributes=dict(self.attributes))
        outcome = OUTCOME[action, self.state]
        if outcome == "back":
            assert self.was is not None
            outcome = self.was
        if action == "freeze":
            code.was = self.state
        elif action == "void":
            code.was = "sealed" if self.state == "sealed" else "packaged"
        elif action != "assign":
            code.was = None
        if action != "assign":
            code.reason = reason if action == "void" else None
        code.state = outcome
        for key, value in (attributes or {}).items():
            if value is None:
                code.attributes.pop(key, None)
            else:
                code.attributes[key] = value
        return code


@dataclass(frozen=True)
class Done:
    """What an order did: serials it touched, and voided ones it passed over."""

    applied: list[int]
    skipped: list[int]


class Books:
    """A batch of `quantity` codes, serial → code.

    `state`: the first state of all: `sealed` in a ledger, `packaged` in a backend,
    which it calls inactive.
    """

    def __init__(self, quantity: int, state: str = "sealed") -> None:
        self.quantity = quantity
        self.codes = {serial: Code(state) for serial in range(1, quantity + 1)}

    def reserve(self, serials: Iterable[int], package: str) -> None:
        """An export of sealed codes begins."""
        wanted = self._inside(serials)
        taken = [s for s in wanted if self.codes[s].state != "sealed" or self.codes[s].package]
        if taken:
            raise Refusal("state", taken)
        for serial in wanted:
            self.codes[serial].package = package

    def package(self, package: str) -> None:
        """The export of `package` ended well."""
        for code in self._reserved_for(package):
            code.state = "packaged"

    def abandon(self, package: str) -> None:
        """The export of `package` came to nothing."""
        for code in self._reserved_for(package):
            code.package = None

    def order(
        self,
        action: str,
        serials: Iterable[int],
        *,
        skip_void: bool = True,
        count: int | None = None,
        from_state: str | None = None,
        attributes: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> Done:
        """A range order, all or nothing; raises `Refusal`.

        Voided codes are passed over if `skip_void`, except by unvoid, which asks for
        them. `count` and `from_state` are about the codes touched. Live codes are
        voided only under a `count`. An order that touches nothing is done; the caller may
        refuse it.
        """
        wanted = self._inside(serials)
        passes = skip_void and action != "unvoid"
        skipped = [s for s in wanted if passes and self.codes[s].state == "void"]
        touched = [s for s in wanted if s not in set(skipped)]
        stuck = [s for s in touched if not self.codes[s].accepts(action)]
        if stuck:
            raise Refusal("state", stuck)
        if from_state is not None:
            others = [s for s in touched if self.codes[s].state != from_state]
            if others:
                raise Refusal("from", others)
        if count is not None and count != len(touched):
            raise Refusal("count")
        if action == "void" and count is None:
            live = [s for s in touched if self.codes[s].live]
            if live:
                raise Refusal("count", live)
        for serial in touched:
            self.codes[serial] = self.codes[serial].after(action, attributes, reason)
        return Done(touched, skipped)

    def states(self) -> dict[str, int]:
        """Codes by state; the sum is the quantity, or the model is broken."""
        counted = dict.fromkeys(STATES, 0)
        for code in self.codes.values():
            counted[code.state] += 1
        assert sum(counted.values()) == self.quantity
        return counted

    def seen(self) -> list[str]:
        """Each code's state, by serial, as a backend calls it."""
        inactive = ("sealed", "packaged")
        return ["inactive" if c.state in inactive else c.state for c in self.codes.values()]

    def _inside(self, serials: Iterable[int]) -> list[int]:
        wanted = sorted(set(serials))
        outside = [serial for serial in wanted if serial not in self.codes]
        if outside:
            raise Refusal("outside", outside)
        return wanted

    def _reserved_for(self, package: str) -> list[Code]:
        codes = [c for c in self.codes.values() if c.reserved and c.package == package]
        if not codes:
            raise Refusal("state")
        return codes


class Receipts:
    """The reports about a package: an entry per serial, a number per unit; corrections.

    `units`: unit → its serials. The number of None is the package's.
    """

    def __init__(self, books: Books, units: Mapping[str, Iterable[int]]) -> None:
        self.books = books
        self.units = {unit: list(serials) for unit, serials in units.items()}
        self.serials = [serial for serials in self.units.values() for serial in serials]
        self.reported: dict[int, str] = {}
        self.numbers: dict[str | None, int] = dict.fromkeys((None, *self.units), 0)
        # Brought back by an order after they were said to be spoiled, or were left over.
        self.reopened: set[int] = set()
        self.final = False

    def book(
        self,
        entries: Iterable[tuple[str | None, Iterable[int], Iterable[int], int]],
        *,
        final: bool = False,
        count: int | None = None,
    ) -> list[int]:
        """A receipt of (unit, printed, spoiled, number) parts; returns the serials it voids.

        All or nothing; raises `Refusal`: final, nothing, outside, both, told, over, count.
        """
        reported, numbers, reasons, rest = self.judge(entries, final=final)
        voided = sorted(reasons)
        if count is not None and count != len(voided):
            raise Refusal("count")
        nothing_printed = "printed" not in reported.values()
        live = any(self.books.codes[serial].live for serial in voided)
        unheard = any(
            not numbers[unit] and not reported.keys() & set(own) and set(voided) & set(own)
            for unit, own in self.units.items()
        )
        if count is None and (live or unheard or (rest and voided and nothing_printed)):
            raise Refusal("count")
        for serial in voided:
            code = self.books.codes[serial]
            self.books.codes[serial] = code.after("void", reason=reasons[serial])
        self.reported, self.numbers, self.final = reported, numbers, final
        self.reopened = set() if final else self.reopened - reported.keys()
        return voided

    def unvoided(self, serials: Iterable[int]) -> None:
        """An order brought these back: what was said of them, as not printed, is open again."""
        rest = self._rest(self.reported, self.numbers) if self.final else []
        for serial in serials:
            if self.reported.get(serial) == "spoiled" or serial in rest:
                self.reported.pop(serial, None)
                self.reopened.add(serial)

    def correct(
        self,
        entries: Iterable[tuple[str | None, Iterable[int], Iterable[int], int | None]],
        *,
        count: int | None = None,
    ) -> list[int]:
        """What is said instead; returns the serials it voids. Raises `Refusal`.

        outside, both, untold, nothing, over, count.
        """
        new: dict[int, str] = {}
        outside, twice, numbers = set(), set(), dict(self.numbers)
        for unit, printed, spoiled, number in entries:
            if number is not None:
                numbers[unit] = number
            scope = set(self.serials if unit is None else self.units[unit])
            for serial, what in [(s, "printed") for s in printed] + [
                (s, "spoiled") for s in spoiled
            ]:
                outside |= {serial} - scope
                twice |= {serial} & new.keys()
                new[serial] = what
        known = self.serials if self.final else [*self.reported, *self.reopened]
        for why, wrong in (
            ("outside", outside),
            ("both", twice),
            ("untold", new.keys() - set(known) - outside),
        ):
            if wrong:
                raise Refusal(why, wrong)
        reported, reopened = {**self.reported, **new}, self.reopened - new.keys()
        if (reported, reopened, numbers) == (self.reported, self.reopened, self.numbers):
            raise Refusal("nothing")
        self._check_room(reported, numbers)
        spoiled = {s for s in new if new[s] == "spoiled" and self.reported.get(s) != "spoiled"}
        old = set(self._rest(self.reported, self.numbers)) if self.final else set()
        kept, self.reopened = self.reopened, reopened
        left = set(self._rest(reported, numbers)) - old if self.final else set()
        self.reopened = kept
        alive = {s for s in spoiled | left if self.books.codes[s].state != "void"}
        if count is not None and count != len(alive):
            raise Refusal("count")
        live = any(self.books.codes[s].live for s in alive)
        if count is None and (live or alive - spoiled):
            raise Refusal("count")
        for serial in alive:
            why = "misprint" if serial in spoiled else "unused"
            self.books.codes[serial] = self.books.codes[serial].after("void", reason=why)
        self.reported, self.numbers, self.reopened = reported, numbers, reopened
        return sorted(alive)

    def _check_room(self, reported: Mapping[int, str], numbers: Mapping[str | None, int]) -> None:
        for unit, serials in self.units.items():
            if sum(serial in reported for serial in serials) + numbers[unit] > len(serials):
                raise Refusal("over")
        if len(reported) + sum(numbers.values()) > len(self.serials):
            raise Refusal("over")

    def judge(
        self,
        entries: Iterable[tuple[str | None, Iterable[int], Iterable[int], int]],
        *,
        final: bool,
    ) -> tuple[dict[int, str], dict[str | None, int], dict[int, str], list[int]]:
        """The outcome of `tell`: (reported, numbers, serial → why it is voided, the rest)."""
        new: dict[int, str] = {}
        outside, twice, numbers = set(), set(), dict(self.numbers)
        for unit, printed, spoiled, number in entries:
            numbers[unit] += number
            scope = set(self.serials if unit is None else self.units[unit])
            for serial, what in [(s, "printed") for s in printed] + [
                (s, "spoiled") for s in spoiled
            ]:
                outside |= {serial} - scope
                twice |= {serial} & new.keys()
                new[serial] = what
        if not new and numbers == self.numbers and not final:
            raise Refusal("nothing")
        if self.final:
            raise Refusal("final")
        for why, wrong in (
            ("outside", outside),
            ("both", twice),
            ("told", new.keys() & self.reported),
        ):
            if wrong:
                raise Refusal(why, wrong)
        reported = {**self.reported, **new}
        self._check_room(reported, numbers)
        rest = self._rest(reported, numbers) if final else []
        reasons = {s: "misprint" for s, what in new.items() if what == "spoiled"}
        reasons |= dict.fromkeys(rest, "unused")
        reasons = {s: why for s, why in reasons.items() if self.books.codes[s].state != "void"}
        return reported, numbers, reasons, rest

    def printed(self, serial: int) -> bool:
        """Whether receipts report `serial` as printed; also by a final number alone."""
        if serial in self.reported:
            return self.reported[serial] == "printed"
        if serial in self.reopened:
            return False
        return self.final and serial not in self._rest(self.reported, self.numbers)

    def totals(self) -> dict[str, int]:
        """Codes by their fate; they add up to the package, or the model is broken."""
        what = list(self.reported.values())
        counted = sum(self.numbers.values())
        left = len(self.serials) - len(what) - counted
        among = sum(n for unit, n in self.numbers.items() if not self._by_number(unit))
        rest = len(self._rest(self.reported, self.numbers))
        unused = max(0, rest - among) if self.final else 0
        opened = min(len(self.reopened), left - unused) if self.final else left
        found = {
            "printed": what.count("printed"),
            "printed_by_count": left - unused - opened if self.final else 0,
            "spoiled": what.count("spoiled"),
            "spoiled_count": counted,
            "unused": unused,
            "open": opened,
        }
        assert sum(found.values()) == len(self.serials)
        assert min(found.values()) >= 0
        spoiled = found["spoiled"] + counted
        return found | {"copies": 1, "labels": len(self.serials), "spoiled_labels": spoiled}

    def _rest(self, reported: Mapping[int, str], numbers: Mapping[str | None, int]) -> list[int]:
        """The serials that a final receipt leaves over."""
        whole = numbers[None] and "printed" not in reported.values()
        return [
            serial
            for unit, serials in self.units.items()
            for serial in serials
            if serial not in reported
            and not (self.final and serial in self.reopened)
            and not whole
            and not (numbers[unit] and "printed" not in [reported.get(s) for s in serials])
        ]

    def _by_number(self, unit: str | None) -> bool:
        whole = self.numbers[None] and "printed" not in self.reported.values()
        serials = self.units[unit] if unit else []
        alone = "printed" not in [self.reported.get(s) for s in serials]
        return bool(whole or (unit and self.numbers[unit] and alone))


def runs(serials: Iterable[int]) -> list[tuple[int, int]]:
    """Serials as (first, last) pairs, as long as they go."""
    pairs: list[tuple[int, int]] = []
    for serial in sorted(set(serials)):
        if pairs and pairs[-1][1] == serial - 1:
            pairs[-1] = (pairs[-1][0], serial)
        else:
            pairs.append((serial, serial))
    return pairs
