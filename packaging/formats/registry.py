"""The formats, by the name a profile gives. Each is imported when it is needed."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from ..profiles.profile import FileFormat
from .format import Format, PackageLayout

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


def format_for(layout: PackageLayout) -> Format:
    """The format that writes and reads a package. Raises `UsageError` as formats do."""
    module, name = FORMATS[layout.profile.kind]
    made: Format = getattr(import_module(f".{module}", __package__), name)(layout)
    return made
