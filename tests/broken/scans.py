"""Faults of scans: what a code is found by, and what it is told."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, timedelta
from types import SimpleNamespace

from broken.site import fault, named
from sqlalchemy import update

from mintmark.activation.backend import (
    scan,
    scan_counters,
    tables,
)
from mintmark.activation.backend.scan import ScanResult, ScanVerdict
from mintmark.activation.backend.store import Store
from mintmark.activation.client.wire import Party, ScanAnswer
from mintmark.codegen import times
from mintmark.codegen.ranges.lifecycle import Action, ApiState

COUNTED = {"genuine", "repeat"}


@fault
class Counting(Store):
    """Counts every scan anew, whatever its id."""

    def scans(self, requests, now):
        return super().scans([replace(scan, scan_id=None) for scan in requests], now)


@fault
def refused_scans_kept(site):
    """Keeps the answer to a scan that did not count under its scan_id as well."""
    right = scan_counters._answered

    def answered(code, scan, now, at):
        answer, name = right(code, scan, now, at), scan.kept_as
        if name is not None and name not in code.answered:
            code.answered[name] = code.kept[name] = answer
        return answer

    site.patch.setattr(scan_counters, "_answered", answered)


def _resetting(wanted):
    class Resetting(Store):
        def _applied(self, connection, row, order, now):
            answer = super()._applied(connection, row, order, now)
            if order.action is wanted:
                for piece in order.serials:
                    table = tables.scans
                    own = table.c.serial.between(piece.first, piece.last)
                    nothing = update(table).where((table.c.batch == row.number) & own)
                    connection.execute(nothing.values(scans=0, first_scan=None))
            return answer

    name = f"{wanted.value}_resets_counters"
    return named(Resetting, name, f"Begins to count anew after {wanted.value}.")


REPEATED = (Action.REVOKE, Action.VOID, Action.UNVOID, Action.UNFREEZE, Action.ASSIGN)
resets = {action: _resetting(action) for action in REPEATED}


def _reading(name, says, parse):
    """A fault of times: `parse(text)` reads those of a validity."""

    def fault(site):
        site.patch.setattr(scan, "times", SimpleNamespace(parse=parse))

    return named(fault, name, says)


def _wall(text):
    return times.parse(text).replace(tzinfo=UTC)


def _mirrored(text):
    moment = times.parse(text)
    return moment + 2 * moment.utcoffset()


def _hours(text):
    offset = times.parse(text).utcoffset()
    return times.parse(text) + (offset - timedelta(hours=int(offset / timedelta(hours=1))))


offset_ignored = _reading(
    "offset_ignored", "Reads the times of a validity without their offset.", _wall
)


offset_mirrored = _reading(
    "offset_mirrored", "Adds a time's offset where it is to be subtracted.", _mirrored
)


half_hours_lost = _reading(
    "half_hours_lost", "Reads offsets in whole hours only: half an hour is lost.", _hours
)


def judging(name, says, change):
    """A fault of verdicts: `change(right, state, worth, scans)` in the place of a consumer's."""

    def fault(site):
        judge = scan_counters.verdict

        def wrong(state, worth, scans, now, party):
            right = judge(state, worth, scans, now, party)
            return change(right, state, worth, scans) if party is Party.CONSUMER else right

        site.patch.setattr(scan_counters, "verdict", wrong)

    return named(fault, name, says)


def _counting(results):
    return lambda right, *_: replace(right, counts=right.counts or right.result.value in results)


def _limit(change):
    def judge(right, state, attributes, scans):
        if state is not ApiState.ACTIVE or right.result.value not in COUNTED:
            return right
        genuine = scans < change(attributes.get("max_scans"))
        return ScanVerdict(ScanResult.GENUINE if genuine else ScanResult.REPEAT, counts=True)

    return judge


not_yet_counts = judging(
    "not_yet_counts", "Counts a scan before a code is valid.", _counting({"not_yet"})
)


held_counts = judging(
    "held_counts",
    "Counts scans of frozen, void and inactive codes.",
    _counting({"frozen", "void", "inactive"}),
)


one_more = judging(
    "one_more", "Is one off: max_scans + 1 scans are genuine.", _limit(lambda n: (n or 1) + 1)
)


unlimited = judging(
    "unlimited",
    "Calls every scan genuine if max_scans was never set.",
    _limit(lambda n: n or 10**9),
)


def _telling(name, says, change):
    """A fault of answers: `change(answer)` is told, and what is counted stays."""

    class Telling(Store):
        def scans(self, requests, now):
            return [change(answer) for answer in super().scans(requests, now)]

    return named(Telling, name, says)


repeats_not_counted = _telling(
    "repeats_not_counted",
    "Tells every repeat that it is the second scan.",
    lambda answer: replace(answer, scans=2) if answer.result == "repeat" else answer,
)


held_is_nobody = _telling(
    "held_is_nobody",
    "Tells of a frozen or void code neither its batch nor its serial.",
    lambda answer: ScanAnswer(answer.result) if answer.result in {"frozen", "void"} else answer,
)


@fault
def everything_public(site):
    """Tells a consumer every attribute, the dealer as well."""
    site.patch.setattr(scan_counters, "public_of", dict)


def _roles(site, role):
    code = scan_counters._code
    site.patch.setattr(
        scan_counters,
        "_code",
        lambda row, standing, now: replace(code(row, standing, now), role=role(row)),
    )


@fault
def role_of_batch(site):
    """Tells the role of the batch, whatever the code's own is."""
    _roles(site, lambda row: row.role)


@fault
def role_is_item(site):
    """Calls every code an item."""
    code = scan_counters._code

    def blind(row, standing, now):
        found = code(row, standing, now)
        return replace(found, role=found.worth.get("role") or "item")

    site.patch.setattr(scan_counters, "_code", blind)


@fault
class Remembering(Store):
    """Remembers a scan_id for all codes: another code under it gets the first one's answer."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._told = {}

    def key(self, scan, answer):
        return scan.scan_id if answer.result in COUNTED else None

    def scans(self, requests, now):
        return [self._one(scan, now) for scan in requests]

    def _one(self, scan, now):
        if scan.scan_id in self._told:
            return self._told[scan.scan_id]
        (answer,) = super().scans([scan], now)
        if scan.scan_id is not None and self.key(scan, answer):
            self._told[scan.scan_id] = answer
        return answer


@fault
class RemembersAll(Remembering):
    """Remembers a scan that did not count under its scan_id: it is told the same for ever."""

    def _one(self, scan, now):
        key = (scan.scan_id, *scan.candidates)
        if key in self._told:
            return self._told[key]
        (answer,) = Store.scans(self, [scan], now)
        if scan.scan_id is not None:
            self._told[key] = answer
        return answer


@fault
def decides_anew(site):
    """Decides a scan that comes again under its scan_id anew if the code was withdrawn since."""
    answered = scan_counters._answered

    def wrong(code, scan, now, at):
        known = code.state is ApiState.ACTIVE
        return answered(code, scan if known else replace(scan, scan_id=None), now, at)

    site.patch.setattr(scan_counters, "_answered", wrong)


@fault
def stale_counters(site):
    """Reads a counter, and writes it later: phones at the same moment are all the first."""
    there, first = Counter(), {}

    def asked(call):
        there[call.body] += call.path == "/v1/scans"
        return call

    def told(call, reply):
        if call.path != "/v1/scans":
            return reply
        there[call.body] -= 1
        told_first = first.setdefault(call.body, reply)
        if not there[call.body]:
            del first[call.body]
        return told_first

    site.around(asked, told)


@fault
def page_counts(site):
    """Counts a scan when the page is opened."""

    def asked(call):
        if call.method == "GET" and call.path.count("/") == 1:
            return replace(call, method="POST")
        return call

    site.around(asked)
