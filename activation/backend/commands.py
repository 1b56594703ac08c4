"""The command that serves the reference scan backend.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...codegen.invocation import Invocation

if TYPE_CHECKING:
    from ...codegen.result import Result


def backend_serve(
    invocation: Invocation,
    data: Annotated[
        Path | None, typer.Option(help="The backend's own folder, for SQLite.", metavar="DIR")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="postgresql://[user@]host/name instead.", metavar="URL"),
    ] = None,
    replica: Annotated[
        list[str] | None,
        typer.Option(
            help="A replica of --database: pages of the market are read there; repeat for more.",
            metavar="URL",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that answer.", metavar="N")
    ] = 1,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8470,
    no_trust_home: Annotated[
        bool, typer.Option("--no-trust-home", help="Do not take the local home's keys.")
    ] = False,
    fingerprint_key: Annotated[
        Path | None,
        typer.Option(help="The fingerprint key, if the home is not trusted.", metavar="F"),
    ] = None,
    lines: Annotated[
        Path | None,
        typer.Option(help="Who may order what: made by key export, then narrowed.", metavar="F"),
    ] = None,
    unsigned: Annotated[
        bool,
        typer.Option(
            "--unsigned",
            help="Take unsigned orders from this machine: for a trial, also without a home.",
        ),
    ] = False,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="A proxy whose X-Forwarded-For is trusted; repeat for more.", metavar="ADDRESS"
        ),
    ] = None,
    authority: Annotated[
        list[str] | None,
        typer.Option(
            help="The host in the lines' URL: a request signed for another is refused.",
            metavar="HOST[:PORT]",
        ),
    ] = None,
) -> "Result":
    """Serve the reference scan backend until it is stopped.

    Signed orders are taken from the lines of the local home, or of --lines. On an address
    other than this machine's it needs a TLS proxy in front: lines speak plain http to this
    machine alone.

    \b
    Example:
      mintmark backend serve --data ./backend
    """
    from .beside_home import ServeRequest, Trust, serve

    invocation.outside_home("--data", data)
    proxies, names = tuple(trusted_proxy or ()), tuple(authority or ())
    copies = tuple(replica or ())
    request = ServeRequest(data, database, host, port, workers, proxies, names, copies)
    return serve(invocation, request, Trust(not no_trust_home, fingerprint_key, lines, unsigned))


COMMANDS = (("backend serve", backend_serve),)
