"""Who lies in whom, code by code: what a backend is compared with; and requests at random."""

from mintmark.codegen.ranges import aggregation, serials
from mintmark.codegen.ranges.aggregation import CodeRanges

ITEMS, CARTONS, PALLETS = "HM00-ITEMS000", "HM00-CARTON00", "HM00-PALLET00"
QUANTITIES = {ITEMS: 60, CARTONS: 14, PALLETS: 4}


def codes(batch, *pairs):
    return {"batch": batch, "serials": [list(pair) for pair in pairs]}


def pack(parents, *children, **options):
    return {"action": "associate", "parents": parents, "children": [*children], **options}


def unpack(parents, *children, **options):
    return pack(parents, *children, **options) | {"action": "dissociate"}


def name_of(answer):
    return None if answer.is_success else answer.json()["type"].rpartition(":")[2]


class Model:
    """Who lies in whom, code by code; and what a request is answered."""

    def __init__(self):
        self.parent, self.void = {}, set()

    def answer(self, body):
        """The problem's name or None, and its entries."""
        children = sorted(body["children"], key=lambda part: part["batch"])
        named = {(part["batch"], n) for part in (*children, body["parents"] or {}) if part
                 for n in every(part)}  # fmt: skip
        if any(serial > QUANTITIES[batch] for batch, serial in named):
            return "outside", None
        plan = self._plan(children, body)
        if body["action"] == "dissociate":
            wrong = [
                (child, self.parent.get(child)) for child, parent in plan
                if child not in self.parent or parent not in (None, self.parent[child])
            ]  # fmt: skip
            return ("child-elsewhere", wrong) if wrong else self._unpack(plan)
        if self.void & named:
            return "blocked", [(code, "void") for code in sorted(self.void & named)]
        if self._round(plan):
            return "nesting", None
        taken = [(child, self.parent[child]) for child, _ in plan if child in self.parent]
        if taken:
            return "child-taken", taken
        self.parent |= dict(plan)
        return None, None

    def _plan(self, children, body):
        codes = [(part["batch"], n) for part in children for n in every(part)]
        if body["parents"] is None:
            return [(child, None) for child in codes]
        each = body.get("each") or len(codes)
        parents = [(body["parents"]["batch"], n) for n in every(body["parents"])]
        return [(child, parents[at // each]) for at, child in enumerate(codes)]

    def _unpack(self, plan):
        for child, _ in plan:
            del self.parent[child]
        return None, None

    def _round(self, plan):
        up = {}
        for child, parent in (*self.parent.items(), *plan):
            up.setdefault(child, set()).add(parent)

        def above(code, seen):
            for one in up.get(code, ()):
                if one not in seen:
                    seen.add(one)
                    above(one, seen)
            return seen

        return any(code in above(code, set()) for code in up)

    def links(self, batch):
        found = []
        for serial in range(1, QUANTITIES[batch] + 1):
            parent = self.parent.get((batch, serial))
            if found and found[-1][1] == serial - 1 and found[-1][2] == parent:
                found[-1][1] = serial
            elif parent:
                found.append([serial, serial, parent])
        return found


def every(part):
    return sorted(n for first, last in part["serials"] for n in range(first, last + 1))


def drawn(dice, batch, most):
    """Some codes of a batch; rarely one that it has not."""
    numbers = {dice.randint(1, QUANTITIES[batch] + (dice.random() < 0.01)) for _ in range(most)}
    numbers |= {n + 1 for n in numbers if dice.random() < 0.7 and n < QUANTITIES[batch]}
    return codes(batch, *[piece.pair() for piece in serials.of(numbers)])


def drawn_body(dice):
    kinds = [(CARTONS, ITEMS), (CARTONS, ITEMS), (PALLETS, CARTONS), (CARTONS, CARTONS)]
    parent, child = dice.choice([*kinds, (CARTONS, PALLETS)])
    children = [drawn(dice, child, dice.choice((1, 3, 6)))]
    body = dice.choice((pack, pack, unpack))(drawn(dice, parent, 1), *children)
    if dice.random() < 0.3:
        body["each"] = dice.randint(1, 4)
        wanted = -(-len(every(children[0])) // body["each"])
        numbers = sorted(dice.sample(range(1, QUANTITIES[parent] + 1), min(wanted, 4)))
        body["parents"] = codes(parent, *[(n, n) for n in numbers])
    elif dice.random() < 0.2:
        body["children"].append(drawn(dice, dice.choice([b for b in QUANTITIES if b != child]), 2))
    if body["action"] == "dissociate" and dice.random() < 0.5:
        body |= {"parents": None, "each": None}
    return body


def fits(body):
    parts = [CodeRanges(part["batch"], serials.from_pairs(part["serials"], 1_000))
             for part in body["children"]]  # fmt: skip
    parents = body["parents"]
    if parents:
        parents = CodeRanges(parents["batch"], serials.from_pairs(parents["serials"], 1_000))
    try:
        aggregation.check(parents, parts, body.get("each"))
    except aggregation.UsageError:
        return False
    return True


def told(body):
    """The entries of a refusal, code by code."""
    found = []
    for entry in body.get("taken", body.get("elsewhere", body.get("blocked", ()))):
        said = entry.get("state") or (entry["parent"] and tuple(entry["parent"].values()))
        first, last = entry["serials"]
        found += [((entry["batch"], n), said) for n in range(first, last + 1)]
    return found


def walk(dice, rounds, send, void, links):
    """Send requests at random; the names of the problems they got.

    `send(body)` and `void(batch, serial)` call the backend; `links(batch)` reads back, each link as
    first and last serial and parent.
    """
    model, seen = Model(), set()
    for _ in range(rounds):
        body = drawn_body(dice)
        if not fits(body):
            continue
        code = dice.choice([(ITEMS, dice.randint(1, 60)), (CARTONS, 14)])
        if dice.random() < 0.1 and code not in model.void:
            void(*code)
            model.void.add(code)
        answer = send(body)
        name, entries = model.answer(body)
        assert name_of(answer) == name, body
        seen.add(name)
        if entries:
            assert told(answer.json()) == entries
        for batch in QUANTITIES:
            assert links(batch) == model.links(batch)
    return seen
