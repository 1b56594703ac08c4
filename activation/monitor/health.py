"""What `doctor` looks at here: whether alarms can go out, and whether they do."""

from collections.abc import Iterator
from datetime import timedelta

from ...codegen.errors import EnvironmentFailure, IntegrityError
from ...codegen.finding import ERROR, OK, WARNING, Finding
from ...codegen.station.station import Station
from . import snapshots
from .cursor import Cursor, load, settled
from .notify import Target, targets

LATE = timedelta(hours=1)
_SEND = "mintmark alarms send says why"


def alarms(station: Station) -> Iterator[Finding]:
    """The alarm targets, what they have not taken, and the files that this is kept in."""
    if snapshots.load(station.home) is None:
        yield Finding(
            WARNING,
            "alarms",
            f"{snapshots.NAME} is damaged: a report will lack what was scanned since",
            "mintmark report daily begins it anew",
        )
    if not station.config.alarm_targets:
        return
    try:
        kept = load(station.home).targets
        opened = targets(station.config.alarm_targets)
    except IntegrityError as error:
        yield Finding(ERROR, "alarms", error.message, "; ".join(error.hints))
        return
    except EnvironmentFailure as error:
        yield Finding(WARNING, "alarms", error.message, "; ".join(error.hints))
        return
    cursors = settled(kept, [(item.name, item.key, item.channel is not None) for item in opened])
    found = [
        finding for item in opened for finding in _target(station, item, cursors.get(item.key))
    ]
    yield from found or [Finding(OK, "alarms", f"{len(opened)} recipients of alarms")]


def _target(station: Station, target: Target, cursor: Cursor | None) -> Iterator[Finding]:
    who = f"alarm target {target.who}"
    if target.problem:
        hint = "correct its URL, then: mintmark alarms test"
        yield Finding(WARNING, "alarms", f"{who}: {target.problem}", hint)
    if cursor is None:
        return
    if pending := cursor.unanswered:
        what = f"{who} did not answer to alarms up to #{pending.through}, sent {pending.tries} x"
        yield Finding(WARNING, "alarms", what, "look whether they arrived; mintmark audit show")
    with station.ledger.read() as view:
        waiting = view.troubles(cursor.seq, 1)
    if waiting and station.now() - waiting[0].time > LATE:
        what = f"alarms wait for {who} since #{waiting[0].seq}"
        yield Finding(WARNING, "alarms", what, _SEND)
