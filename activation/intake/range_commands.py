"""The commands of range orders: `activate` … `assign`. Words become a request.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...codegen.invocation import Invocation
from ...codegen.ranges.lifecycle import Action
from ..orders.commands import (
    AllowPastOption,
    BatchArgument,
    BatchOrAll,
    BothOption,
    CartonOption,
    ChildrenOption,
    CodesOption,
    CountOption,
    DryRunOption,
    EffectiveOption,
    ExpiresOption,
    FromCodeOption,
    FromOption,
    IncludeLostOption,
    LineOption,
    OrderOption,
    PackageOption,
    ReaderOption,
    ReasonOption,
    SerialsOption,
    SetOption,
    StrictOption,
    ToCodeOption,
    ToleranceOption,
    UnitOption,
    WhereOption,
    YesOption,
    order_request,
    scanned_carton,
    scanned_codes,
    selected_codes,
)

if TYPE_CHECKING:
    from ...codegen.result import Result
    from ..orders.group_result import GroupResult
    from ..orders.orders import OrderResult


def _range_order(
    action: Action, summary: str, example: str
) -> Callable[..., "OrderResult | GroupResult"]:
    """The command for `action`: the six differ in their rules, not in their options."""

    def command(
        invocation: Invocation,
        batch: BatchArgument = None,
        serials: SerialsOption = None,
        unit: UnitOption = None,
        package: PackageOption = None,
        carton: CartonOption = None,
        children: ChildrenOption = None,
        both: BothOption = False,
        from_code: FromCodeOption = None,
        to_code: ToCodeOption = None,
        codes: CodesOption = None,
        reader: ReaderOption = None,
        attributes: SetOption = None,
        count: CountOption = None,
        tolerance: ToleranceOption = None,
        from_state: FromOption = None,
        strict: StrictOption = False,
        effective_at: EffectiveOption = None,
        expires_at: ExpiresOption = None,
        reason: ReasonOption = None,
        line: LineOption = None,
        order: OrderOption = None,
        dry_run: DryRunOption = False,
        allow_past: AllowPastOption = False,
        include_lost: IncludeLostOption = False,
    ) -> "OrderResult | GroupResult":
        from ...codegen import stdin
        from .order_and_deliver import book_and_deliver

        station = invocation.station()
        boxed = scanned_carton(station, batch, carton, children, reader=reader, stdin=stdin.opened)
        scanned = scanned_codes(
            station, from_code, to_code, codes, reader=reader, stdin=stdin.opened
        )
        request = order_request(
            station,
            action,
            batch or "",
            selected_codes(serials, unit, package, scanned, boxed),
            attributes=attributes,
            count=count,
            tolerance=tolerance,
            from_state=from_state,
            strict=strict,
            effective_at=effective_at,
            expires_at=expires_at,
            reason=reason,
            line=line,
            order=order,
            dry_run=dry_run,
            allow_past=allow_past,
            include_lost=include_lost,
            both=both,
        )
        return book_and_deliver(station, request, invocation.progress, invocation.notify)

    command.__doc__ = f"{summary}\n\n\b\nExample:\n  mintmark {action.value} {example}"
    return command


def assign(
    invocation: Invocation,
    batch: BatchOrAll = None,
    serials: SerialsOption = None,
    unit: UnitOption = None,
    package: PackageOption = None,
    carton: CartonOption = None,
    children: ChildrenOption = None,
    both: BothOption = False,
    where: WhereOption = None,
    yes: YesOption = False,
    from_code: FromCodeOption = None,
    to_code: ToCodeOption = None,
    codes: CodesOption = None,
    reader: ReaderOption = None,
    attributes: SetOption = None,
    count: CountOption = None,
    tolerance: ToleranceOption = None,
    from_state: FromOption = None,
    strict: StrictOption = False,
    effective_at: EffectiveOption = None,
    expires_at: ExpiresOption = None,
    reason: ReasonOption = None,
    line: LineOption = None,
    order: OrderOption = None,
    dry_run: DryRunOption = False,
    allow_past: AllowPastOption = False,
    include_lost: IncludeLostOption = False,
) -> "Result":
    """Give attributes to codes in any state.

    With --where the codes are those that carry an attribute, in one batch or in all; they
    are shown, and assigned to only with --yes.

    \b
    Example:
      mintmark assign K7QM-3T9A2BCD --serials all --set region=Hunan
      mintmark assign --where region=Hunan --set dealer=D7 --yes
    """
    from ...codegen import stdin
    from ...codegen.errors import UsageError
    from ..client.connect import connected
    from .by_attribute import assign_by_attribute
    from .order_and_deliver import book_and_deliver

    station = invocation.station()
    every = "" if where is not None else None
    boxed = scanned_carton(
        station, batch or every, carton, children, reader=reader, stdin=stdin.opened
    )
    scanned = scanned_codes(station, from_code, to_code, codes, reader=reader, stdin=stdin.opened)
    if where is not None and any((serials, unit, package, scanned, boxed, both, tolerance)):
        raise UsageError(
            "--where names the codes itself", "leave out serials, unit, package, carton and both"
        )
    request = order_request(
        station,
        Action.ASSIGN,
        batch or "",
        selected_codes(serials, unit, package, scanned, boxed, where),
        attributes=attributes,
        count=count,
        tolerance=tolerance,
        from_state=from_state,
        strict=strict,
        effective_at=effective_at,
        expires_at=expires_at,
        reason=reason,
        line=line,
        order=order,
        dry_run=dry_run or (where is not None and not yes),
        allow_past=allow_past,
        include_lost=include_lost,
        both=both,
    )
    if where is None:
        return book_and_deliver(station, request, invocation.progress, invocation.notify)
    with connected(station) as client:
        result = assign_by_attribute(
            station, client, request, every_batch=batch is None, progress=invocation.progress
        )
    for note in result.notes:
        invocation.notify(f"note: {note}")
    return result


RANGE_ORDERS = (
    (
        "activate",
        _range_order(
            Action.ACTIVATE,
            "Bring printed codes to life.",
            "K7QM-3T9A2BCD --serials 1-10000 --set lot=L42",
        ),
    ),
    (
        "freeze",
        _range_order(Action.FREEZE, "Stop codes for a while.", "K7QM-3T9A2BCD --serials 1-10000"),
    ),
    (
        "unfreeze",
        _range_order(
            Action.UNFREEZE,
            "Let frozen codes go on as before.",
            "K7QM-3T9A2BCD --serials 1-10000",
        ),
    ),
    (
        "revoke",
        _range_order(Action.REVOKE, "Take an activation back.", "K7QM-3T9A2BCD --serials 1-10000"),
    ),
    (
        "void",
        _range_order(
            Action.VOID,
            "End codes that will never be used.\n\nActive ones only with --count.",
            "K7QM-3T9A2BCD --serials 501-520 --reason misprint",
        ),
    ),
    (
        "unvoid",
        _range_order(
            Action.UNVOID,
            "Correct a void by mistake; the codes come back inactive.",
            "K7QM-3T9A2BCD --serials 501-520",
        ),
    ),
    ("assign", assign),
)
