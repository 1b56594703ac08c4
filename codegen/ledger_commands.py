"""Commands of the ledger as a whole: where it lies, its schema, who may touch its tables.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from .invocation import Invocation

if TYPE_CHECKING:
    from .ledger_move import LedgerMoveResult
    from .ledger_schema import LedgerGrants, LedgerUpgraded

RoleOption = Annotated[
    str | None,
    typer.Option("--as", help="The role that owns the tables, if not the address's.", metavar="R"),
]


def ledger_move(
    invocation: Invocation,
    to: Annotated[
        str,
        typer.Option(help="postgresql://…, an empty database; or local, back.", metavar="PLACE"),
    ],
    role: RoleOption = None,
) -> "LedgerMoveResult":
    """Move the ledger to a database that stations share, or back.

    \b
    Example:
      mintmark ledger move --to postgresql://mintmark@db.example.com/mintmark
      mintmark ledger move --to local
    """
    from .ledger_move import move

    return move(invocation.station(), to.strip(), role, invocation.progress)


def ledger_upgrade(invocation: Invocation, role: RoleOption = None) -> "LedgerUpgraded":
    """Bring the schema of a shared ledger up to date.

    That of a home of its own is brought up to date whenever it is opened.

    \b
    Example:
      mintmark ledger upgrade --as mintmark_owner
    """
    from .ledger_schema import upgrade

    return upgrade(invocation.station(), role)


def ledger_grants(
    invocation: Invocation,
    role: Annotated[str, typer.Option(help="The role in the database.", metavar="NAME")],
    purpose: Annotated[
        str, typer.Option("--for", help="What it is for.", metavar="station|report")
    ] = "station",
) -> "LedgerGrants":
    """Print the SQL that gives a role the rights it needs.

    \b
    Example:
      mintmark ledger grants --role line_hall_2 --for station
    """
    from .ledger_schema import grants

    del invocation
    return grants(role, purpose.strip().lower())


COMMANDS = (
    ("ledger move", ledger_move),
    ("ledger upgrade", ledger_upgrade),
    ("ledger grants", ledger_grants),
)
