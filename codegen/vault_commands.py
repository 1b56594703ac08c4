"""Commands of the vault as a whole: where the sealed batches lie.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from .commands import CredentialsOption, EndpointOption, RegionOption
from .invocation import Invocation

if TYPE_CHECKING:
    from .vault_move import VaultMoveResult


def vault_move(
    invocation: Invocation,
    to: Annotated[
        str, typer.Option(help="s3://BUCKET/PREFIX or file:///FOLDER; or local.", metavar="PLACE")
    ],
    vault_endpoint: EndpointOption = None,
    vault_region: RegionOption = None,
    vault_credentials: CredentialsOption = None,
) -> "VaultMoveResult":
    """Move the sealed batches to a store that stations share, or back.

    \b
    Example:
      mintmark vault move --to s3://brand-codes/mintmark
      mintmark vault move --to local
    """
    from .station.shared_places import SharedPlaces
    from .vault_move import move

    station = invocation.station()
    places = SharedPlaces(None, to.strip(), vault_endpoint, vault_region, vault_credentials)
    return move(station, places, invocation.progress)


COMMANDS = (("vault move", vault_move),)
