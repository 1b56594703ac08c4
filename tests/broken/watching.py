"""Faults of who watches: refused scans, repeats, regions, and what was scanned since."""

from dataclasses import replace

from broken.site import fault, named
from sqlalchemy import delete, update

from mintmark.activation.backend import batch_page, market_pages, scan_counters, scan_notes, tables
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges.lifecycle import Action


def _noting(name, says, wrong):
    """A fault of refused scans: of their counts by (batch, serial, result), others are noted."""

    def fault(site):
        right = scan_notes.refused

        def refused(connection, scans, *more):
            right(connection, wrong(scans), *more)

        site.patch.setattr(scan_notes, "refused", refused)

    return named(fault, name, says)


refused_early_only = _noting(
    "refused_early_only",
    "Notes no scan of a code that expired.",
    lambda scans: {key: count for key, count in scans.items() if key[2] != "expired"},
)
refused_as_one = _noting(
    "refused_as_one",
    "Notes every refused scan as one of a frozen code.",
    lambda scans: {(batch, serial, "frozen"): count for (batch, serial, _), count in scans.items()},
)


@fault
class RefusedForgiven(Store):
    """Forgets the refused scans of a code once it is active again."""

    def _applied(self, connection, row, order, now):
        answer = super()._applied(connection, row, order, now)
        if order.action in (Action.ACTIVATE, Action.UNFREEZE):
            table = tables.refused_scans
            connection.execute(delete(table).where(table.c.batch == row.number))
        return answer


@fault
def refused_to_the_end(site):
    """Moves a row of refused scans to the end when its code is scanned again."""
    right = scan_notes.refused

    def refused(connection, scans, *more):
        right(connection, scans, *more)
        table = tables.refused_scans
        for batch, serial, _ in scans:
            mine = (table.c.batch == batch) & (table.c.serial == serial)
            for row in connection.execute(table.select().where(mine)).all():
                connection.execute(delete(table).where(table.c.id == row.id))
                kept = {key: value for key, value in row._mapping.items() if key != "id"}
                connection.execute(table.insert().values(**kept))

    site.patch.setattr(scan_notes, "refused", refused)


@fault
class RepeatsFromOver(Store):
    """Tells codes that were scanned `over` times, and not more often."""

    def repeats(self, over, after):
        return super().repeats(over - 1, after)


@fault
class RepeatsAfterIncluded(Store):
    """Begins a page of repeats with the code that it was asked to begin after."""

    def repeats(self, over, after):
        batch, _, serial = (after or "").rpartition(":")
        return super().repeats(over, f"{batch}:{max(int(serial) - 1, 0)}" if after else None)


@fault
class RepeatsAfterSerial(Store):
    """Begins a page of repeats after the serial, also in the batches that follow."""

    def repeats(self, over, after):
        page, serial = super().repeats(over, after), int((after or ":0").rpartition(":")[2])
        return replace(page, repeats=tuple(row for row in page.repeats if row.serial > serial))


@fault
class RepeatsFirstScans(Store):
    """Tells of a repeat its first scan for its last one."""

    def repeats(self, over, after):
        page = super().repeats(over, after)
        rows = tuple(replace(row, last_scan=row.first_scan) for row in page.repeats)
        return replace(page, repeats=rows)


@fault
def repeats_by_all(site):
    """Counts the scans of all parties among repeats."""
    right = scan_counters._row

    def row(code):
        told = right(code)
        return told | {"scans": sum(scans for scans, _ in code.counts.values())}

    site.patch.setattr(scan_counters, "_row", row)


@fault
def regions_of_codes(site):
    """Counts a code that was scanned twice in a region as two."""

    def told(call, reply):
        data = reply.data
        if call.path.endswith("/regions") and reply.status == 200:
            for row in data["regions"]:
                row["codes"] = row["scans"]
            return reply.with_data(data)
        return reply

    site.around(told=told)


@fault
def busiest_region_first(site):
    """Tells the regions of a range in the order of their codes."""

    def told(call, reply):
        data = reply.data
        if call.path.endswith("/regions") and reply.status == 200:
            data["regions"].sort(key=lambda row: (row["serials"], -row["codes"]))
            return reply.with_data(data)
        return reply

    site.around(told=told)


@fault
def many_examples(site):
    """Tells all codes of a region as examples."""
    site.patch.setattr(market_pages, "_EXAMPLES", 1_000)


@fault
def regions_told_again(site):
    """Counts the region of a scan that is repeated with its scan_id."""
    right = scan_counters._answered

    def answered(code, scan, now, at):
        known = scan.kept_as is not None and scan.kept_as in code.answered
        answer = right(code, scan, now, at)
        if known and scan.by.region is not None:
            code.regions[scan.by.region] += 1
        return answer

    site.patch.setattr(scan_counters, "_answered", answered)


@fault
def last_region_only(site):
    """Keeps of a code the region that it was scanned in last."""
    right = scan_notes.regions

    def regions(connection, scans, *more):
        table = tables.scan_regions
        for batch, serial, region in scans:
            mine = (table.c.batch == batch) & (table.c.serial == serial)
            connection.execute(delete(table).where(mine & (table.c.region != region)))
        right(connection, scans, *more)

    site.patch.setattr(scan_notes, "regions", regions)


@fault
def regions_of_valid_codes(site):
    """Notes where codes were scanned that are valid, and not the others."""
    right = scan_counters._answered

    def answered(code, scan, now, at):
        answer = right(code, scan, now, at)
        if answer.result not in ("genuine", "repeat"):
            code.regions.clear()
        return answer

    site.patch.setattr(scan_counters, "_answered", answered)


@fault
def since_ever(site):
    """Counts all that was ever scanned as scanned since."""
    site.patch.setattr(batch_page, "_seconds", lambda _: 0)


@fault
def since_last(site):
    """Takes the last scan of a code for its first."""
    right = scan_counters._write

    def write(connection, codes, at, limits):
        found = list(codes)
        right(connection, found, at, limits)
        table = tables.scans
        for code in found:
            batch, serial = code.key
            mine = (table.c.batch == batch) & (table.c.serial == serial)
            later = {"first_scan": table.c.first_scan + 7_200}
            connection.execute(update(table).where(mine & (table.c.scans > 1)).values(later))

    site.patch.setattr(scan_counters, "_write", write)
