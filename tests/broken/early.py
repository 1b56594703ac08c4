"""Faults of scans that came before an activation: what is noted, and told by scanned_before."""

from dataclasses import replace

from broken.scans import judging
from broken.site import fault
from sqlalchemy import update

from mintmark.activation.backend import (
    early_scans,
    tables,
)
from mintmark.activation.backend.store import Store


def _late(results):
    return lambda right, *_: replace(right, early=right.early and right.result.value not in results)


frozen_forgotten = judging(
    "frozen_forgotten", "Forgets that a code was scanned while frozen.", _late({"frozen"})
)


void_forgotten = judging(
    "void_forgotten", "Forgets that a code was scanned while void.", _late({"void"})
)


not_yet_forgotten = judging(
    "not_yet_forgotten", "Forgets that a code was scanned before it was valid.", _late({"not_yet"})
)


expired_told = judging(
    "expired_told",
    "Names in scanned_before what was scanned after its validity.",
    lambda right, *_: replace(right, early=right.early or right.result.value == "expired"),
)


@fault
def never_matched(site):
    """Never looks whether an unknown scan was of a code that is activated later."""
    site.patch.setattr(early_scans, "recognise", lambda *_: None)


@fault
def row_stays(site):
    """Leaves the row of an unknown scan after the code was activated."""
    site.patch.setattr(
        early_scans, "delete", lambda table: tables.unknown_scans.delete().where(table.c.id < 0)
    )


@fault
def row_vanishes(site):
    """Deletes the row of an unknown scan when its code is activated, and remembers nothing."""
    recognise = early_scans.recognise

    def forgetting(connection, batch):
        table = tables.scans
        before = connection.execute(table.select().where(table.c.early)).all()
        recognise(connection, batch)
        connection.execute(update(table).values(early=False))
        for row in before:
            own = (table.c.batch == row.batch) & (table.c.serial == row.serial)
            connection.execute(update(table).where(own).values(early=True))

    site.patch.setattr(early_scans, "recognise", forgetting)


@fault
def told_once(site):
    """Names a code in scanned_before once, and not at a later activation."""
    before = early_scans.scanned_before

    def once(connection, batch, ranges):
        found = before(connection, batch, ranges)
        table = tables.scans
        own = (table.c.batch == batch) & table.c.serial.in_(found)
        connection.execute(update(table).where(own).values(early=False))
        return found

    site.patch.setattr(early_scans, "scanned_before", once)


@fault
def tells_all_between(site):
    """Names in scanned_before what lies between the order's ranges as well."""
    site.patch.setattr(early_scans, "_within", lambda serials, _: serials)


@fault
class DryRunTellsNothing(Store):
    """Leaves scanned_before out of a dry run."""

    def order(self, order, now):
        answer = super().order(order, now)
        return replace(answer, scanned_before=()) if order.dry_run else answer
