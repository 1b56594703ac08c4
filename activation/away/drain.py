"""The queue is booked: in order, each under its own id, before anything else of this station.

The steps for each intent, under the lock of whoever drains, and what a crash after each leaves:

1. Read it: signed, in its place, after the one before it.     Nothing has changed.
2. Book it, under the id that it was given with.               It is booked, and waits here still:
   the next drain books it again, which is a repetition and changes nothing (`orders/group.py`,
   `Ledger.commit`); a COMMIT whose answer was lost is found out so, too.
3. Refused, instead: put it aside, with its reason.            It is refused already: step 2 is
                                                               not tried again.
4. Tell it to the books: an incident.                          The same, told; told once.
5. Note that it is done with, and remove its file (`queue.py`). Nothing is left to do.

Its guards are judged by the books as they are now; what depends on the time, by when it was asked:
an order with an end, a window or `--at` was right when somebody gave it, and is booked late. The
actor of the event is who gave it; the time of the event is when it was booked.

What is refused (2, 3, 4, and 5 for the line's own key) steps aside; those behind go on. What this
machine or the books cannot do (5, 6) stops the drain, and everything waits: nothing is refused
because a disk is full. An intent that is damaged, missing or out of its place stops it as well,
with 5, until a person has looked: `orders away --discard NUMBER`.
"""

import copy
from collections.abc import Callable

from ...codegen import ids
from ...codegen.away import OutOfReach
from ...codegen.errors import (
    EnvironmentFailure,
    IntegrityError,
    MintmarkError,
    NotFound,
    UsageError,
)
from ...codegen.ledger.changes import Incident, IncidentFacts
from ...codegen.ranges.lifecycle import Action
from ...codegen.station.station import Station
from ...codegen.times import format_utc
from ..association import packing
from ..association.form import from_message
from ..association.packing import PackingRequest
from ..association.resolving import CodeReader
from ..orders.group import place
from ..orders.orders import OrderRequest
from .drained import Drained
from .intent import Intent, NoIntent
from .keeper import Keeper
from .queue import Missing, Note
from .refused import RefusedIntent
from .written import PACKED, PACKING, read_packed, read_range

REFUSED_KIND, DAMAGED_KIND = "away-refused", "away-damaged"


def drain(keeper: Keeper, stop: Callable[[], bool] = lambda: False) -> Drained:
    """Book what waits, until nothing does, or `stop()`, or the books are away again.

    Raises `IntegrityError` for a damaged queue, and what this machine or the books fail with.
    """
    drained = Drained()
    if keeper.queue.is_empty:
        return drained
    with keeper.queue.draining() as alone:
        if not alone:
            drained.left = "another process books what waits here"
            return drained
        try:
            _tidy(keeper)
            while (note := keeper.queue.note()).done < note.written:
                if stop():
                    drained.left = "there are orders before it"
                    break
                _next(keeper, note, drained)
        except OutOfReach as away:
            drained.left, drained.away = away.message, True
        note = keeper.queue.note()
        drained.waiting = note.written - note.done
    return drained


def _tidy(keeper: Keeper) -> None:
    if keeper.queue.note().renewed:
        _tell(keeper.station, DAMAGED_KIND, _RENEWED)
    keeper.queue.tidy()


_RENEWED = (
    "the note of the orders that wait at this station was lost or damaged, and was made again:"
    " compare what this station gave with what is booked"
)


def _next(keeper: Keeper, note: Note, drained: Drained) -> None:
    number = note.done + 1
    try:
        intent, mark, data = _read(keeper, note)  # 1
    except Missing:
        raise _damaged(keeper.station, number, "is missing") from None
    except NoIntent:
        raise _damaged(keeper.station, number, "was changed or moved") from None
    refused = keeper.refused.read(number, mark)
    if not keeper.refused.has(number, mark):
        tried = _tried(_as_asked(keeper.station, intent), intent)  # 2
        if isinstance(tried, MintmarkError):
            refused = _put_aside(keeper, intent, mark, data, tried)  # 3
        else:
            drained.booked.append(intent.written.order)
            drained.batches += tried
    keeper.failpoint("intent booked")
    if refused is not None:
        _tell(keeper.station, REFUSED_KIND, _sentence(refused), _facts(refused))  # 4
        drained.refused.append(refused)
    keeper.queue.done(number, intent.hash)  # 5


def _read(keeper: Keeper, note: Note) -> tuple[Intent, str, bytes]:
    """Step 1: the intent, the mark of its name, its bytes. Raises `Missing` and `NoIntent`."""
    number = note.done + 1
    data, mark = keeper.queue.read(number)
    intent = keeper.decode(data)
    in_place = intent.number == number and intent.previous == (note.done_hash or intent.previous)
    is_last = number < note.written or intent.hash == note.last
    if not (in_place and is_last and keeper.mark(intent.written.order) == mark):
        raise NoIntent
    return intent, mark, data


def skip_damaged(keeper: Keeper, number: int, tell: Callable[[str], None]) -> bool:
    """Go on without the intent of that number, if it is the next, and cannot be booked.

    Returns whether it was so; `tell` is told what is given up, before it is.
    """
    with keeper.queue.draining() as alone:
        note = keeper.queue.note()
        if not alone or number != note.done + 1 or number > note.written:
            return False
        try:
            _read(keeper, note)
        except (NoIntent, Missing):
            tell(f"order {number} of those that waited, which was changed, moved or taken away")
            # Whatever it said, the next one can't be held to it.
            keeper.queue.done(number, "")
            return True
        return False


def _as_asked(station: Station, intent: Intent) -> Station:
    """`station` as it was when the intent was asked: whose request it was, and when."""
    # Opened here: a copy that opened books of its own would have nobody to close them.
    _ = station.ledger
    asked = copy.copy(station)
    asked.actor, asked.now = intent.actor, lambda: intent.at
    return asked


def _tried(station: Station, intent: Intent) -> tuple[str, ...] | MintmarkError:
    """Step 2: the batches that are to be sent, or why it is refused. Raises what stops a drain."""
    try:
        station.line(intent.line)
    except (NotFound, IntegrityError) as error:
        # Its key alone: what other lines ordered must not wait until it is brought back.
        return error
    try:
        return _booked(station, intent)
    except (EnvironmentFailure, IntegrityError, OSError):
        raise
    except MintmarkError as error:
        return error
    except Exception as error:  # noqa: BLE001 - one order must not hold up the others for ever
        return MintmarkError(f"unexpected {type(error).__name__}: this is a bug", "report it")


def _booked(station: Station, intent: Intent) -> tuple[str, ...]:
    written = intent.written
    if written.kind == PACKING:
        request = from_message(station, written.fields, CodeReader(station))
        return packing.book(station, request).change.batches
    asked: OrderRequest | PackingRequest
    try:
        asked = read_packed(written) if written.kind == PACKED else read_range(written)
    except (KeyError, ValueError, TypeError):
        raise UsageError("another version of mintmark wrote this order", "give it again") from None
    if isinstance(asked, PackingRequest):
        return packing.book(station, asked).change.batches
    return place(station, asked).batches


def _put_aside(
    keeper: Keeper, intent: Intent, mark: str, data: bytes, error: MintmarkError
) -> RefusedIntent:
    """Step 3. What is or holds a code is kept nowhere."""
    written, station = intent.written, keeper.station
    holds_code = "holds_code" in error.details
    order = written.order
    if holds_code or station.holds_code(order):
        order = ids.shown(order)
    batch = written.fields.get("batch")
    known = isinstance(batch, str) and ids.is_id(batch) and batch[:4] == station.config.home_id[:4]
    refused = RefusedIntent(
        number=intent.number,
        order=order,
        action=str(written.fields.get("action")),
        batch=batch if known else None,
        line=intent.line,
        at=format_utc(intent.at),
        error=error.message,
        hint="; ".join(error.hints) or None,
        exit=error.exit_code,
    )
    keeper.refused.write(mark, refused, None if holds_code else data)
    keeper.failpoint("intent put aside")
    return refused


def _sentence(refused: RefusedIntent) -> str:
    of_batch = f" codes of batch {refused.batch}" if refused.batch else " codes"
    return (
        f"order {refused.order}, to {refused.action}{of_batch}, was given at {refused.at} on line"
        f" {refused.line} while the ledger was away, and is refused now: {refused.error}"
    )


def _facts(refused: RefusedIntent) -> IncidentFacts:
    is_range = refused.action in set(Action)
    return IncidentFacts(
        batch=refused.batch,
        order=refused.order,
        action=Action(refused.action) if is_range else None,
    )


def _tell(station: Station, kind: str, detail: str, facts: IncidentFacts | None = None) -> None:
    """Book an incident, unless that very one is booked: a crash may have come right after it."""
    with station.ledger.read() as view:
        told = (event.change for event in view.incidents(kind))
        if any(isinstance(known, Incident) and known.detail == detail for known in told):
            return
    station.ledger.commit(station.author, Incident(kind, detail, facts))


def _damaged(station: Station, number: int, why: str) -> IntegrityError:
    """The error for an intent that nobody may act on; the books are told of it once."""
    what = f"order {number} of those that wait at this station {why}"
    _tell(station, DAMAGED_KIND, f"{what}: host {station.actor.host}, see mintmark orders away")
    return IntegrityError(
        f"{what}: nothing is booked before somebody has looked",
        "see what waits: mintmark orders away",
        f"to go on without it: mintmark orders away --discard {number}",
    )
