"""The formats, by the name a profile gives. Each is imported when it is needed."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

from ..profiles.profile import FileFormat
from .format import Format, PackageLayout, PackageUnit

FORMATS: Mapping[FileFormat, tuple[str, str]] = MappingProxyType(
    {
        FileFormat.TEXT: ("text", "TextFormat"),
        FileFormat.XLSX: ("xlsx", "XlsxFormat"),
        FileFormat.PNG: ("image", "PngFormat"),
        FileFormat.SVG: ("image", "SvgFormat"),
        FileFormat.BMP: ("image", "BmpFormat"),
        FileFormat.PDF: ("sheet", "SheetFormat"),
    }
)
"""Format → a module of this room, and its class."""


@lru_cache(maxsize=4)
def format_for(layout: PackageLayout) -> Format:
    """The format that writes and reads a package. Raises `UsageError` as formats do.

    The last few are kept: a worker makes many parts of a package.
    """
    module, name = FORMATS[layout.profile.kind]
    made: Format = getattr(import_module(f".{module}", __package__), name)(layout)
    return made


class PartTask(NamedTuple):
    """A part of a unit to make, with its codes; `part` is the format's own."""

    layout: PackageLayout
    unit: PackageUnit
    part: Any
    codes: bytes


def make_part(task: PartTask) -> Any:  # noqa: ANN401 - the format's own
    """What the format makes of a part; a task for a worker."""
    return format_for(task.layout).make(task.unit, task.part, task.codes)


def make_ready(layout: PackageLayout) -> None:
    """Import and make the format of a package, so that its first part finds it; for a worker."""
    format_for(layout)
