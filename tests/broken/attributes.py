"""Faults of attributes: what a patch changes, what is kept, what is refused."""

from dataclasses import replace
from datetime import datetime

from broken.site import fault, named

from mintmark.activation.backend import apply_order
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges.attributes import patch as patched
from mintmark.codegen.ranges.attributes import to_json
from mintmark.codegen.ranges.lifecycle import Action


def _stepping(site, change):
    """Have `change(step, standing, action, attributes, **more)` make every step."""
    step = apply_order.step
    site.patch.setattr(
        apply_order,
        "step",
        lambda standing, action, *, attributes, **more: change(
            step, standing, action, attributes, **more
        ),
    )


@fault
def replaced(site):
    """Puts the attributes of an order in the place of those that were there."""

    def change(step, standing, action, attributes, **more):
        kept = standing.attributes if not attributes else ()
        return step(replace(standing, attributes=kept), action, attributes=attributes, **more)

    _stepping(site, change)


@fault
def null_ignored(site):
    """Leaves an attribute as it was if an order sets it to null."""

    def change(step, standing, action, attributes, **more):
        given = {key: value for key, value in attributes.items() if value is not None}
        return step(standing, action, attributes=given, **more)

    _stepping(site, change)


def _dropping(wanted):
    def fault(site):
        def change(step, standing, action, attributes, **more):
            kept = () if action is wanted else standing.attributes
            return step(replace(standing, attributes=kept), action, attributes=attributes, **more)

        _stepping(site, change)

    name = f"{wanted.value}_drops_attributes"
    return named(fault, name, f"Forgets a code's attributes at {wanted.value}.")


revoke_drops, void_drops = _dropping(Action.REVOKE), _dropping(Action.VOID)
unvoid_drops = _dropping(Action.UNVOID)


@fault
def only_assign_assigns(site):
    """Passes over the attributes of every order but assign and activate."""

    def change(step, standing, action, attributes, **more):
        given = attributes if action in {Action.ASSIGN, Action.ACTIVATE} else {}
        return step(standing, action, attributes=given, **more)

    _stepping(site, change)


@fault
def skipped_are_assigned(site):
    """Gives the attributes of an order to the void codes that it skips as well."""

    class Work(apply_order._Work):
        def _change(self, number):
            if not self._skips(number):
                return super()._change(number)
            standing = self._standings.get(number)
            given = patched(standing.attributes, self._order.attributes)
            return self._standings.number(replace(standing, attributes=given))

    site.patch.setattr(apply_order, "_Work", Work)


@fault
class Backwards(Store):
    """Takes a validity that ends before it begins, as if it had no end."""

    def order(self, order, now):
        try:
            return super().order(order, now)
        except Problem as problem:
            if problem.name != "invalid":
                raise
            endless = {k: v for k, v in order.attributes.items() if k != "expires_at"}
            return super().order(replace(order, attributes=endless), now)


@fault
class ComparesWithStored(Store):
    """Refuses an end of validity that lies before the beginning it has stored."""

    def _applied(self, connection, row, order, now):
        ends = order.attributes.get("expires_at")
        for piece in order.serials if ends else ():
            if piece.last > row.quantity:
                break
            (tile, *_) = apply_order.tile_store.page(connection, row.number, piece.first, 1)
            standing = apply_order.tile_store.Standings(connection).get(tile.value)
            begins = to_json(standing.attributes).get("effective_at")
            if begins and datetime.fromisoformat(begins) >= datetime.fromisoformat(ends):
                return Problem("invalid", "")
        return super()._applied(connection, row, order, now)


@fault
class PastRefused(Store):
    """Refuses an expires_at that is past."""

    def _applied(self, connection, row, order, now):
        ends = order.attributes.get("expires_at")
        if ends and datetime.fromisoformat(ends) < now:
            return Problem("invalid", "")
        return super()._applied(connection, row, order, now)


@fault
def lenient(site):
    """Reads naive times as UTC."""

    def asked(call):
        data = call.data
        for key in apply_order.VALIDITY:
            text = data.get(key)
            if call.is_order() and isinstance(text, str) and len(text) == 19:
                data[key] = f"{text}Z"
        return call.with_data(data) if data != call.data else call

    site.around(asked)


def _asking(name, says, change):
    """A fault of reading orders: `change(data)` changes an order's JSON in place."""

    def fault(site):
        def asked(call):
            data = call.data
            if call.is_order():
                change(data)
            return call if data == call.data else call.with_data(data)

        site.around(asked)

    return named(fault, name, says)


def _remove_validity(data):
    given = data.get("attributes")
    if isinstance(given, dict) or given is None:
        missing = {key: None for key in apply_order.VALIDITY if data.get(key) is None}
        data["attributes"] = (given or {}) | missing


def _texts(change):
    def apply(data):
        given = data.get("attributes")
        if isinstance(given, dict):
            changed = {k: change(v) if isinstance(v, str) else v for k, v in given.items()}
            data["attributes"] = changed

    return apply


def _known_keys(data):
    given = data.get("attributes")
    if isinstance(given, dict):
        data["attributes"] = {k: v for k, v in given.items() if "." not in k}


validity_falls = _asking(
    "validity_falls",
    "Takes an order without a validity for one that removes the stored one.",
    _remove_validity,
)
stripped = _asking("stripped", "Strips the values of attributes.", _texts(str.strip))
three_bytes = _asking(
    "three_bytes",
    "Keeps text as three-byte UTF-8: a character beyond them becomes a question mark.",
    _texts(lambda text: "".join(c if ord(c) < 0x10000 else "?" for c in text)),
)
own_keys_lost = _asking(
    "own_keys_lost", "Loses a brand's own keys, as its generated form has no place.", _known_keys
)
