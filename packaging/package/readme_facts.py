"""What both languages of README.txt say of a package. Pure."""

from ...codegen.ranges.serials import Range
from ..profiles.profile import Profile
from ..symbols.sample import QUIET_ZONE, Sample
from .manifest import DataFile, Manifest

LANES_SHOWN = 64
DOTS_PER_MODULE = 4
_INCH = 25.4  # mm

LINE_ENDS = {"\r\n": "CRLF", "\n": "LF"}


def smallest(symbol: Sample, dpi: int) -> tuple[str, str]:
    """The smallest module and the smallest side with quiet zone, in mm, rounded up."""
    module = DOTS_PER_MODULE * _INCH / dpi
    side = (symbol.modules + 2 * QUIET_ZONE) * module
    return f"{module + 0.005:.2f}", f"{side + 0.05:.1f}"


def payload_column(manifest: Manifest) -> str:
    """The name of the column that the symbols hold."""
    columns = {column.source: column.name for column in manifest.profile.columns}
    return columns.get("url", columns.get("code", ""))


def by_row(profile: Profile) -> bool:
    """Whether a row can be found by counting only."""
    return profile.has_rows and "serial" not in profile.sources


def first_row(manifest: Manifest) -> int:
    """The line of the first code in its file."""
    profile = manifest.profile
    return 1 + profile.header + profile.lead_in * profile.lanes


def file_of(manifest: Manifest, serial: int | None) -> DataFile:
    """The data file that holds `serial`."""
    return next(file for file in manifest.files if file.first <= (serial or 0) <= file.last)


def first_lanes(manifest: Manifest) -> tuple[Range, ...]:
    """The serials of the lanes of the first data file, up to `LANES_SHOWN`."""
    file = manifest.files[0]
    return manifest.profile.lane_ranges(Range(file.first, file.last))[:LANES_SHOWN]
