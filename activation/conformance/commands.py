"""The command that checks any scan backend against the contract.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...codegen.invocation import Invocation

if TYPE_CHECKING:
    from .kit import Checked


def backend_check(
    invocation: Invocation,
    url: Annotated[str, typer.Argument(help="The backend's address.", metavar="URL")],
    fingerprint_key: Annotated[
        Path | None,
        typer.Option(help="The fingerprint key, if there is no home.", metavar="F"),
    ] = None,
    line_key: Annotated[
        Path | None, typer.Option(help="A line's key file, to sign with.", metavar="F")
    ] = None,
    unsigned: Annotated[bool, typer.Option("--unsigned", help="Do not sign.")] = False,
) -> "Checked":
    """Check any scan backend against the contract, clause by clause.

    It works in a batch of its own, which it leaves void. Do not check a backend that
    consumers use: the check scans.

    \b
    Example:
      mintmark backend check https://scan-test.example.com
    """
    from .check import CheckRequest, run

    return run(invocation, url, CheckRequest(fingerprint_key, line_key, unsigned))


COMMANDS = (("backend check", backend_check),)
