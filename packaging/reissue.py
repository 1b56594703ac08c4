"""Reprints and replacements: the parts of a new package that an earlier package settles.

Both take the payload template and the print profile that were recorded with the earlier one.
"""

import json
from dataclasses import dataclass

from ..codegen.errors import IntegrityError, Refused, UsageError
from ..codegen.ledger.records import BatchRow, PackageRow
from ..codegen.ledger.view import View
from ..codegen.ranges import serials
from ..codegen.ranges.serials import Range, Ranges
from .profiles import profile
from .profiles.files import builtin
from .profiles.profile import Profile


@dataclass(frozen=True)
class PreviousPackage:
    """What an earlier package settles. `void`: codes of it that a reprint leaves out.

    `pair`: the second batch of a package of two, and its template.
    """

    batch: str
    contact: str
    serials: Ranges
    template: str
    profile: Profile
    copies: int = 1
    void: Ranges = ()
    pair: tuple[str, str] | None = None


def reprint(view: View, batch: BatchRow, package: str) -> PreviousPackage:
    """The same codes once more, except void codes.

    Raises `NotFound`, or `Refused`, also for codes of a lost unit: see `refuse_lost`.
    """
    row = view.package(package)
    if row.batch != batch.batch:
        with_pair = "" if row.pair is None else f", with {row.pair} beside it"
        raise UsageError(
            f"package {package} belongs to batch {row.batch}{with_pair}", "name its own batch"
        )
    chosen, void = view.reprintable(package)
    refuse_lost(view, package, chosen)
    return _previous(view, row, chosen, void)


def refuse_lost(view: View, package: str, wanted: Ranges) -> None:
    """Raises `Refused` if a unit of `package` that is marked lost holds some of these serials.

    Its labels exist somewhere. Printed again, each of its codes would be on two of them.
    """
    for unit in view.lost_units(view.package(package).batch, wanted):
        if unit.package == package:
            held = serials.intersect(wanted, (Range(unit.first, unit.last),))
            raise Refused(
                f"unit {unit.unit} is marked lost: printed again, its codes"
                f" ({serials.describe(held)}) would be on two labels",
                *(
                    f"end them: mintmark void {batch} --unit {unit.unit} --reason lost"
                    for batch in (unit.batch, unit.pair)
                    if batch is not None
                ),
                f"then package others in their place: mintmark package replace {package}",
                f"if it was found: mintmark package unit {unit.unit} --status received",
                unit=unit.unit,
            )


def replacement(view: View, package: str) -> PreviousPackage:
    """As many sealed codes as are spoiled or void, and not replaced yet. Raises `Refused`."""
    row = view.package(package)
    missing = view.shortfall(package)
    if not missing:
        raise Refused(
            f"every code of package {package} that was spoiled or voided is replaced already",
            f"see: mintmark package show {package}",
        )
    return _previous(view, row, view.first_sealed(row.batch, missing, row.pair), ())


def record(layout: Profile) -> str:
    """A profile in the form that the ledger keeps."""
    return json.dumps(layout.document(), sort_keys=True)


def _previous(view: View, row: PackageRow, chosen: Ranges, void: Ranges) -> PreviousPackage:
    if row.template is None:
        raise Refused(f"package {row.package} is {row.status}, not packaged")
    return PreviousPackage(
        batch=row.batch,
        contact=row.contact,
        serials=serials.ordered(chosen),
        template=row.template,
        profile=recorded(view, row),
        copies=row.copies,
        void=void,
        pair=None if row.pair is None else (row.pair, row.pair_template or row.template),
    )


def recorded(view: View, row: PackageRow) -> Profile:
    """The print profile that a package was made with. Raises `IntegrityError`."""
    if row.layout is not None:
        try:
            return profile.parse(row.profile, json.loads(row.layout))
        except (UsageError, ValueError):
            raise IntegrityError(
                f"the print profile recorded with package {row.package} is not readable",
                "use the version of mintmark that made it, or a newer one",
            ) from None
    # Packages of the first schema: their profile is known by its name, the reel by its size.
    size = max((unit.rows for unit in view.units(row.package)), default=1)
    return builtin(row.profile).of_size(size)
