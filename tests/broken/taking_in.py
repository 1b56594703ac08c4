"""Faults of scan-ins: what a dealer takes in, what is kept of it, and what is told."""

import uuid
from dataclasses import replace
from types import SimpleNamespace

from broken.site import fault, named

from mintmark.activation.backend import (
    apply_scan_in,
    kept_answers,
    link_store,
    same_content,
    scan_ins,
    scan_notes,
)
from mintmark.activation.backend.apply_scan_in import TakenIn
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.scanned_code import ScanRequest
from mintmark.activation.backend.store import Store
from mintmark.codegen.ranges.attributes import to_json
from mintmark.codegen.ranges.lifecycle import Action, State, step
from mintmark.codegen.ranges.tiling import Stuck

_Opening = apply_scan_in._Opening


def _opening(name, says, wrong):
    """A fault of what is changed: `wrong(opening, number, right)` gives the standing after it."""

    def fault(site):
        right = _Opening._stepped
        site.patch.setattr(_Opening, "_stepped", lambda self, number: wrong(self, number, right))

    return named(fault, name, says)


def _patched(opening, standing, state=None):
    """The standing with dealer and time, in this state; None: that is in the way."""
    try:
        after = step(standing, Action.ASSIGN, attributes=opening.patch)
    except Stuck:
        return None
    return opening._standings.number(replace(after, state=state or after.state))


def _whatever_dealer(opening, number, right):
    standing = opening._standings.get(number)
    return number if "scanned_in" in to_json(standing.attributes) else right(opening, number)


def _also_own(opening, number, right):
    standing = opening._standings.get(number)
    void = standing.state is State.VOID
    return right(opening, number) if void else _patched(opening, standing)


def _active_only(opening, number, right):
    active = opening._standings.get(number).state in (State.ACTIVE, State.VOID)
    return right(opening, number) if active else number


def _by_dealer(opening, number, right):
    kept = to_json(opening._standings.get(number).attributes)
    return number if kept.get("dealer") == opening.patch["dealer"] else right(opening, number)


taken_in_again = _opening(
    "taken_in_again", "Gives goods that this dealer has in already a new time.", _also_own
)
first_dealer_stays = _opening(
    "first_dealer_stays",
    "Leaves goods with the dealer who scanned them in first.",
    _whatever_dealer,
)
active_taken_in = _opening(
    "active_taken_in", "Takes in active codes, and passes over frozen ones.", _active_only
)
dealer_is_enough = _opening(
    "dealer_is_enough", "Takes goods that have this dealer for scanned in.", _by_dealer
)


def _void_too(opening, number, right):
    standing = opening._standings.get(number)
    if standing.state is not State.VOID or opening._is_in(standing):
        return right(opening, number)
    return _patched(opening, replace(standing, state=State.ACTIVE), State.VOID)


voids_taken_in = _opening("voids_taken_in", "Takes in void codes.", _void_too)


def _found(name, says, wrong):
    """A fault of what lies in what is named."""

    def fault(site):
        right = apply_scan_in._whole

        def whole(connection, found, *, contents):
            return wrong(right, connection, found, contents)

        site.patch.setattr(apply_scan_in, "_whole", whole)

    return named(fault, name, says)


def _one_level(right, connection, found, contents):
    inside = link_store.children(connection, found) if contents else {}
    return right(connection, apply_scan_in.merged(dict(found), inside), contents=False)


contents_of_one_level = _found(
    "contents_of_one_level", "Opens a pallet's cartons, and not what lies in them.", _one_level
)
contents_always = _found(
    "contents_always",
    "Opens what lies in a carton also when it is not asked to.",
    lambda right, connection, found, _: right(connection, found, contents=True),
)
contents_never = _found(
    "contents_never",
    "Opens what is named alone.",
    lambda right, connection, found, _: right(connection, found, contents=False),
)


@fault
class ScanInsForgotten(Store):
    """Keeps no answers to scan-ins: the same again is another."""

    def scan_in(self, request, now, permit=lambda _: None):
        answer = super().scan_in(replace(request, scan_in=uuid.uuid4().hex), now, permit)
        return replace(answer, scan_in=request.scan_in)


@fault
def scan_in_ids_reused(site):
    """Answers a scan-in by its id, whatever it asks for."""
    site.patch.setattr(same_content, "scan_in_identity", lambda _: "{}")


@fault
def scan_in_refusals_forgotten(site):
    """Keeps no refusal of a scan-in."""
    keep = kept_answers.keep

    def lax(connection, table, new, answer, *rest):
        if not isinstance(answer, Problem):
            keep(connection, table, new, answer, *rest)

    names = ("stored", "check_same", "answer_of")
    right = {name: getattr(kept_answers, name) for name in names}
    site.patch.setattr(scan_ins, "kept_answers", SimpleNamespace(keep=lax, **right))


@fault
def all_codes_known(site):
    """Refuses a scan-in with a code that it does not know."""
    right = apply_scan_in.apply_scan_in

    def strict(*arguments):
        taken = right(*arguments)
        if taken.unknown:
            raise Problem("not-found", "a code is not known")
        return taken

    site.patch.setattr(scan_ins, "apply_scan_in", strict)


@fault
def unknown_counted_from_one(site):
    """Counts the places of unknown codes from 1."""
    right = apply_scan_in.apply_scan_in

    def wrong(*arguments):
        taken = right(*arguments)
        return TakenIn(taken.opened, tuple(place + 1 for place in taken.unknown))

    site.patch.setattr(scan_ins, "apply_scan_in", wrong)


@fault
class ScanInScans(Store):
    """Takes a scan-in for a scan of every code that it names."""

    def scan_in(self, request, now, permit=lambda _: None):
        answer = super().scan_in(request, now, permit)
        self.scans([ScanRequest(candidates) for candidates in request.codes], now)
        return answer


@fault
class ScanInGuesses(Store):
    """Notes codes of a scan-in that it does not know as unknown scans."""

    def scan_in(self, request, now, permit=lambda _: None):
        answer = super().scan_in(request, now, permit)
        prints = [p for place in answer.unknown for p in request.codes[place]]
        with self._database.write() as connection:
            scan_notes.unknown(connection, prints, int(now.timestamp()), self.limits)
        return answer


@fault
def gate_not_opened(site):
    """Sets the dealer of what is scanned in, and not that it was."""

    class Half(_Opening):
        def _stepped(self, number):
            self.patch = {"dealer": self.patch["dealer"]}
            return super()._stepped(number)

    site.patch.setattr(apply_scan_in, "_Opening", Half)


@fault
def opened_count_of_the_list(site):
    """Counts what a scan-in opened in the ranges that it tells."""

    def told(call, reply):
        data = reply.data
        if call.path.startswith("/v1/scan-ins/") and reply.status == 200:
            pairs = [pair for part in data["opened"] for pair in part["serials"]]
            counted = sum(last - first + 1 for first, last in pairs)
            return reply.with_data(data | {"opened_count": counted})
        return reply

    site.around(told=told)


@fault
def truncated_at_the_limit(site):
    """Says of a scan-in that opened 1,000 ranges that it tells not all."""

    def told(call, reply):
        data = reply.data
        if call.path.startswith("/v1/scan-ins/") and reply.status == 200:
            many = sum(len(part["serials"]) for part in data["opened"])
            return reply.with_data(data | {"truncated": many >= 1_000})
        return reply

    site.around(told=told)


@fault
def scan_ins_listed_short(site):
    """Reads back of a scan-in its first range."""

    def told(call, reply):
        data = reply.data
        if call.method == "GET" and call.path == "/v1/scan-ins" and reply.status == 200:
            for row in data["scan_ins"]:
                row["codes"] = [{**part, "serials": part["serials"][:1]} for part in row["codes"]]
            return reply.with_data(data)
        return reply

    site.around(told=told)
