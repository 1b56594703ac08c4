"""Reprints and replacements: what an earlier package settles for the next one.

Both use the payload template and the print profile as they were recorded with it.
"""

import json
from dataclasses import dataclass

from ..codegen.errors import IntegrityError, Refused, UsageError
from ..codegen.ledger.records import BatchRow, PackageRow
from ..codegen.ledger.view import View
from ..codegen.ranges import serials
from ..codegen.ranges.serials import Ranges
from .profiles import profile
from .profiles.files import builtin
from .profiles.profile import Profile


@dataclass(frozen=True)
class PreviousPackage:
    """Of a reprint `void` are the package's codes that it leaves out."""

    package: str
    contact: str
    serials: Ranges
    template: str
    profile: Profile
    void: Ranges = ()


def reprint(view: View, batch: BatchRow, package: str) -> PreviousPackage:
    """The same codes again, but for void ones. Raises `Refused`, `NotFound`."""
    row = view.package(package)
    if row.batch != batch.batch:
        raise UsageError(f"package {package} belongs to batch {row.batch}", "name its own batch")
    again, void = view.reprintable(package)
    return _earlier(view, row, again, void)


def replacement(view: View, package: str) -> PreviousPackage:
    """As many sealed codes as are spoiled or void and not replaced. Raises `Refused`."""
    row = view.package(package)
    missing = view.shortfall(package)
    if not missing:
        raise Refused(
            f"every code of package {package} that was spoiled or voided is replaced already",
            f"see: mintmark package show {package}",
        )
    return _earlier(view, row, view.first_sealed(row.batch, missing), ())


def record(layout: Profile) -> str:
    """A profile as the ledger keeps it."""
    return json.dumps(layout.document(), sort_keys=True)


def _earlier(view: View, row: PackageRow, where: Ranges, void: Ranges) -> PreviousPackage:
    if row.template is None:
        raise Refused(f"package {row.package} is {row.status}, not packaged")
    return PreviousPackage(
        package=row.package,
        contact=row.contact,
        serials=serials.ordered(where),
        template=row.template,
        profile=recorded(view, row),
        void=void,
    )


def recorded(view: View, row: PackageRow) -> Profile:
    """The print profile that a package was made by. Raises `IntegrityError`."""
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
