"""The command that checks any scan backend against the contract.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...codegen.invocation import Invocation

if TYPE_CHECKING:
    from .checked import Checked

SEED_MOST = 2**53 - 1  # what every reader of JSON holds exactly


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
    second_key: Annotated[
        Path | None,
        typer.Option(help="A second line's key file, of the scope in the manual.", metavar="F"),
    ] = None,
    platform_key: Annotated[
        Path | None,
        typer.Option(help="A platform's key file, of the scope in the manual.", metavar="F"),
    ] = None,
    dealer_key: Annotated[
        Path | None,
        typer.Option(help="A dealer's key file, of the scope in the manual.", metavar="F"),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this clause or area; may be given again.", metavar="CLAUSE"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Try the same as the check with this seed.", min=0, max=SEED_MOST),
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write requests and answers to a new file.", metavar="F")
    ] = None,
    again: Annotated[
        Path | None,
        typer.Option(help="Ask again what an earlier check did, by its trace.", metavar="F"),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what takes long.")] = False,
    thorough: Annotated[bool, typer.Option("--thorough", help="Try all, for minutes.")] = False,
) -> "Checked":
    """Check any scan backend against the contract, clause by clause.

    It works in batches of its own, which it leaves void. Do not check a backend that
    consumers use: the check scans.

    \b
    Example:
      mintmark backend check https://scan-test.example.com
      mintmark backend check https://scan-test.example.com --only orders --only scans.once
      mintmark backend check https://scan-test.example.com --trace check.jsonl
      mintmark backend check https://scan-test.example.com --again check.jsonl
    """
    from .check import CheckRequest, run

    request = CheckRequest(
        fingerprint_key,
        line_key,
        unsigned,
        second_key,
        platform_key,
        dealer_key,
        tuple(only or ()),
        seed,
        trace,
        again,
        quick,
        thorough,
    )
    return run(invocation, url, request)


COMMANDS = (("backend check", backend_check),)
