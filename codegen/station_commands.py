"""Commands about the stations that share a home.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from .commands import CredentialsOption, EndpointOption, LedgerOption, RegionOption, VaultOption
from .invocation import Invocation

if TYPE_CHECKING:
    from .stations.admit import StationAdmitted
    from .stations.join import StationJoined
    from .stations.listed import StationList
    from .stations.retire import StationRetired


def station_join(
    invocation: Invocation,
    ledger: LedgerOption = None,
    vault: VaultOption = None,
    vault_endpoint: EndpointOption = None,
    vault_region: RegionOption = None,
    vault_credentials: CredentialsOption = None,
    name: Annotated[
        str | None,
        typer.Option(help="What it is to be called; else after this machine.", metavar="N"),
    ] = None,
) -> "StationJoined":
    """Make a station of a home that others share.

    It has keys of its own, and can do nothing until another station admits it: that takes the key
    that is shown here, and a person who compares the words.

    \b
    Example:
      mintmark station join --ledger postgresql://mintmark@db.example.com/mintmark \\
          --vault s3://mintmark-vault/brand
    """
    from .station.shared_places import SharedPlaces
    from .stations.join import join

    places = SharedPlaces(ledger, vault, vault_endpoint, vault_region, vault_credentials)
    return join(invocation, places, name)


def station_admit(
    invocation: Invocation,
    key: Annotated[
        str, typer.Argument(help="The station_key that the new station showed.", metavar="KEY")
    ],
    name: Annotated[str, typer.Option(help="What it is called.", metavar="N")],
    may: Annotated[
        str,
        typer.Option(help="What it may do.", metavar="mint,export,order,read,admit"),
    ],
    words: Annotated[
        str | None,
        typer.Option(help="The words that it showed, for scripts; else you are asked."),
    ] = None,
) -> "StationAdmitted":
    """Let another station work for this home.

    It is sent the home's fingerprint key, sealed to it, unless it may only read.

    \b
    Example:
      mintmark station admit MMST1-9Q… --name huaxin-2 --may mint,order
    """
    from .stations.admit import AdmitRequest, admit

    return admit(invocation, invocation.station(), AdmitRequest(key, name, may, words))


def station_list(invocation: Invocation) -> "StationList":
    """List the stations, and what each may do.

    \b
    Example:
      mintmark station list
    """
    from .stations.listed import listed

    return listed(invocation.station())


def station_retire(
    invocation: Invocation,
    station: Annotated[
        str, typer.Argument(help="The station's name, or the id of its key.", metavar="KEY|NAME")
    ],
    reason: Annotated[str, typer.Option(help="The reason.")],
) -> "StationRetired":
    """Retire a station; what it signed before stays valid.

    \b
    Example:
      mintmark station retire huaxin-2 --reason "PC stolen"
    """
    from .stations.retire import retire

    return retire(invocation.station(), station, reason)


COMMANDS = (
    ("station join", station_join),
    ("station admit", station_admit),
    ("station list", station_list),
    ("station retire", station_retire),
)
