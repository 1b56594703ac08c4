"""The formats, by the kind a profile names. Each is imported when it is asked for."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from ..profile import Kind
from .format import Format, Layout

FORMATS: Mapping[Kind, tuple[str, str]] = MappingProxyType(
    {
        Kind.TEXT: ("text", "TextFormat"),
        Kind.XLSX: ("xlsx", "XlsxFormat"),
        Kind.PNG: ("image", "PngFormat"),
        Kind.SVG: ("image", "SvgFormat"),
        Kind.BMP: ("image", "BmpFormat"),
        Kind.PDF: ("sheet", "SheetFormat"),
    }
)
"""Kind → module beside this one, and its class."""


def format_for(layout: Layout) -> Format:
    """The format that writes and reads a package. Raises `UsageError` as formats do."""
    module, name = FORMATS[layout.profile.kind]
    made: Format = getattr(import_module(f".{module}", __package__), name)(layout)
    return made
