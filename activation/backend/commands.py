"""Commands of the scan backend: the reference one served, anybody's checked.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...codegen.call import Call

if TYPE_CHECKING:
    from ...codegen.result import Result


def backend_serve(
    call: Call,
    data: Annotated[
        Path | None, typer.Option(help="The backend's own folder, for SQLite.", metavar="DIR")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="postgresql://[user@]host/name instead.", metavar="URL"),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that answer.", metavar="N")
    ] = 1,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8470,
    no_trust_home: Annotated[
        bool, typer.Option("--no-trust-home", help="Do not take the local home's keys.")
    ] = False,
    fingerprint_key: Annotated[
        Path | None,
        typer.Option(help="The fingerprint key, where the home is not trusted.", metavar="F"),
    ] = None,
    lines: Annotated[
        Path | None,
        typer.Option(help="Who may order what: made by key export, then narrowed.", metavar="F"),
    ] = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Take unsigned orders from this machine: to try.")
    ] = False,
) -> "Result":
    """Serve the reference scan backend until it is stopped.

    Orders are taken from the lines of the local home, or of --lines, signed. On another
    address than this machine's it wants a TLS proxy in front: lines speak plain http to
    this machine alone.

    \b
    Example:
      mintmark backend serve --data ./backend
    """
    from ..local import Trust, Where, serve

    where = Where(data, database, host, port, workers)
    return serve(call, where, Trust(not no_trust_home, fingerprint_key, lines, unsigned))


COMMANDS = (("backend serve", backend_serve),)
