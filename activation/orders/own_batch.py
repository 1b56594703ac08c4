"""The batch of an order that names none: a code, a unit and a package know theirs."""

from dataclasses import replace

from ...codegen import ids
from ...codegen.errors import Refused, UsageError
from ...codegen.ranges.serials import Range
from ...codegen.scanned import resolve_ref
from ...codegen.station.station import Station
from .orders import OrderRequest
from .selection import ByCarton, ByCode, ByConditions, ByPackage, ByRanges, ByUnit, InOneBatch


def with_batch(station: Station, request: OrderRequest) -> OrderRequest:
    """`request` with its batch, and with serials for a code. Others come back as they are.

    Raises `NotFound` for an unknown code, unit or package; `Refused` for a code of another batch
    and a text that means two codes; `UsageError` for a package of two batches.
    """
    selected = request.selection
    if isinstance(selected, ByCarton):
        return request
    if isinstance(selected, ByConditions):
        if selected.within is None:
            return request
        batch, within = _alone(station, request, selected.within)
        return replace(request, batch=batch, selection=replace(selected, within=within))
    batch, selected = _alone(station, request, selected)
    return replace(request, batch=batch, selection=selected)


def _alone(station: Station, request: OrderRequest, selected: InOneBatch) -> tuple[str, InOneBatch]:
    """The batch, and the codes in it."""
    if isinstance(selected, ByCode):
        ref = resolve_ref(station, selected.code, selected.reader)
        if request.batch not in ("", ref.batch):
            raise Refused(
                f"the code belongs to batch {ref.batch}", "name its own batch, or leave it out"
            )
        return ref.batch, ByRanges((Range(ref.serial, ref.serial),))
    if request.batch or not isinstance(selected, ByUnit | ByPackage):
        return request.batch, selected
    return _of_package(station, request, selected), selected


def _of_package(station: Station, request: OrderRequest, selected: ByUnit | ByPackage) -> str:
    with station.ledger.read() as view:
        if isinstance(selected, ByUnit):
            package = view.package(view.unit(ids.fold(selected.unit)).package)
        else:
            package = view.package(ids.fold(selected.package))
    if package.pair is not None and not request.both:
        raise UsageError(
            f"package {package.package} holds codes of batches {package.batch} and {package.pair}",
            "name the batch that is meant",
            "or both: --both; in a file or a message, both",
        )
    return package.batch
