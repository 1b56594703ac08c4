"""Faults of guards: which step is possible, and which refusal comes first."""

from dataclasses import replace

from broken.site import fault, named

from mintmark.activation.backend import apply_order
from mintmark.codegen.ranges.lifecycle import Action, State


@fault
def only_active_needs_a_count(site):
    """Voids codes that were frozen while active without a count."""
    site.patch.setattr(apply_order, "live", lambda standing: standing.state is State.ACTIVE)


@fault
def no_count_needed(site):
    """Voids active codes without a count."""
    site.patch.setattr(apply_order, "live", lambda _: False)


def _stepping(name, says, change):
    """A fault of the table of states: `change(standing, action, after)`.

    `after` makes the right step, or raises `Stuck`.
    """

    def fault(site):
        step = apply_order.step
        site.patch.setattr(
            apply_order,
            "step",
            lambda standing, action, **more: change(
                standing, action, lambda now=standing: step(now, action, **more)
            ),
        )

    return named(fault, name, says)


def _leading(name, says, action, state):
    """`action` leads to `state`."""

    def change(_, wanted, after):
        return replace(after(), state=state) if wanted is action else after()

    return _stepping(name, says, change)


def _taking(name, says, action, state, like):
    """`action` is possible on `state`, as it is on the state `like`."""

    def change(standing, wanted, after):
        if wanted is action and standing.state is state:
            return after(replace(standing, state=like))
        return after()

    return _stepping(name, says, change)


def _idle(name, says, action, state):
    """`action` on codes in `state` is taken, and changes nothing."""

    def change(standing, wanted, after):
        return standing if wanted is action and standing.state is state else after()

    return _stepping(name, says, change)


unfreezes_to_active = _leading(
    "unfreezes_to_active",
    "Unfreezes every code to active, also one that was frozen while inactive.",
    Action.UNFREEZE,
    State.ACTIVE,
)


unfreezes_to_inactive = _leading(
    "unfreezes_to_inactive",
    "Unfreezes every code to inactive, also one that was frozen while active.",
    Action.UNFREEZE,
    State.PACKAGED,
)


@fault
def unvoids_to_before(site):
    """Unvoids codes to the state in which they were voided."""
    step = apply_order.step

    def remembering(standing, action, **more):
        after = step(standing, action, **more)
        if action is Action.VOID and standing.state is State.ACTIVE:
            return replace(after, back=State.ACTIVE)
        return after

    site.patch.setattr(apply_order, "step", remembering)


@fault
def assigns_void(site):
    """Takes assign on void codes."""
    step = apply_order.step

    def taking(standing, action, **more):
        if action is Action.ASSIGN and standing.state is State.VOID:
            usable = step(replace(standing, state=State.PACKAGED), action, **more)
            return replace(standing, attributes=usable.attributes)
        return step(standing, action, **more)

    site.patch.setattr(apply_order, "step", taking)


activates_frozen = _taking(
    "activates_frozen",
    "Activates frozen codes: who was to hold them back is not asked.",
    Action.ACTIVATE,
    State.FROZEN,
    State.PACKAGED,
)


activates_twice = _idle(
    "activates_twice",
    "Answers 200 to the activation of codes that are active already.",
    Action.ACTIVATE,
    State.ACTIVE,
)


voids_twice = _idle(
    "voids_twice", "Answers 200 if void codes are voided again.", Action.VOID, State.VOID
)
