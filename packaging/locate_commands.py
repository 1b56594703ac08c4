"""The command `locate`: from a code to what it belongs to, also from a photograph of it.

It stands in this house because pictures are read here alone.
No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..codegen.errors import UsageError
from ..codegen.invocation import Invocation

if TYPE_CHECKING:
    from ..codegen.locate import Located, LocatedLive


def locate(
    invocation: Invocation,
    code: Annotated[
        str | None,
        typer.Argument(
            help="What was scanned: a code or its address; BATCH:SERIAL; an SSCC; - for stdin.",
            metavar="CODE",
        ),
    ] = None,
    photo: Annotated[
        list[Path] | None,
        typer.Option(help="A picture of labels (JPEG, PNG …) or a PDF; repeatable.", metavar="F"),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option(help="How it was read: [readers.NAME] in mintmark.toml.", metavar="NAME"),
    ] = None,
) -> "Located | LocatedLive":
    """Find what a code belongs to, and who got it.

    Batch, product, package, reel and contact; what became of it: receipt, activating order and
    its line; carton, pallet, dealer and region; its partner. Each code on stdin is answered as it
    comes. Shows no code.

    \b
    Example:
      mintmark locate - < found.txt
      mintmark locate --photo shelf-1.jpg --photo shelf-2.jpg
      mintmark locate K7QM-3T9A2BCD:1701
    """
    import sys

    from ..codegen import stdin
    from ..codegen.locate import TEXT_BYTES, LocatedLive, reader_settings
    from ..codegen.locate import locate as find

    if photo:
        if code is not None:
            raise UsageError("a code and a photograph of codes", "give one of them per call")
        from .print_check.locate_photos import locate_photos

        return locate_photos(invocation, photo, reader)
    if code is None:
        raise UsageError(
            "no code is named",
            "give a code, its address or BATCH:SERIAL; - for codes on stdin; or --photo F",
        )
    station = invocation.station()
    settings = reader_settings(station, reader)
    if code != "-":
        return find(station, code, None, settings)
    if stdin.is_live():
        return LocatedLive(station, stdin.available, settings)
    return find(station, None, sys.stdin.buffer.read(TEXT_BYTES + 1), settings)


COMMANDS = (("locate", locate),)
