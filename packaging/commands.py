"""Commands of this room: making packages and looking at them.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..codegen.call import Call
from ..codegen.commands import KeyFileOption, PassphraseOption

if TYPE_CHECKING:
    from .export import ExportResult
    from .report import PackageList, PackageShown, PackageVerified


def export(
    call: Call,
    batch: Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")],
    to: Annotated[str, typer.Option("--to", help="The contact.", metavar="CONTACT")],
    out: Annotated[Path, typer.Option(help="The folder for the archive.", metavar="DIR")],
    serials: Annotated[
        str, typer.Option(help="A-B, A-, A, a comma list, @FILE, all, or next:N.")
    ] = "all",
    profile: Annotated[str, typer.Option(help="The print profile.")] = "csv",
    unit_size: Annotated[
        int | None, typer.Option(min=1, help="Codes a reel, one file each.  [10000]")
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="Write the archive's password to this new file.", metavar="F"),
    ] = None,
    custodian_key: KeyFileOption = None,
    passphrase_file: PassphraseOption = None,
    test: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help="So many dummy codes; books nothing."),
    ] = None,
) -> "ExportResult":
    """Make the encrypted package for one contact at a print shop.

    \b
    Example:
      mintmark export K7QM-3T9A2BCD --serials next:100000 --to li-print --out outbox
    """
    from ..codegen import ids
    from .export import ExportRequest
    from .export import export as make

    request = ExportRequest(
        batch=ids.fold(batch),
        contact=to.strip().lower(),
        out=out,
        serials=serials,
        profile=profile,
        unit_size=unit_size,
        password_file=password_file,
        custodian_key=custodian_key,
        passphrase_file=passphrase_file,
        test=test,
    )
    return make(call, request)


def package_list(
    call: Call,
    batch: Annotated[str | None, typer.Option(help="Of this batch only.")] = None,
) -> "PackageList":
    """List the packages.

    \b
    Example:
      mintmark package list
    """
    from ..codegen import ids
    from .report import package_list as report

    return report(call.station(), ids.fold(batch) if batch else None)


def package_show(
    call: Call,
    package: Annotated[str, typer.Argument(help="The package.", metavar="PACKAGE")],
) -> "PackageShown":
    """Show a package and its reels.

    \b
    Example:
      mintmark package show K7QM-9X2C4DEF
    """
    from ..codegen import ids
    from .report import package_show as report

    return report(call.station(), ids.fold(package))


def package_verify(
    call: Call,
    archive: Annotated[Path, typer.Argument(help="The archive.", metavar="ARCHIVE")],
    password_file: Annotated[
        Path | None, typer.Option(help="A file with the archive's password.", metavar="F")
    ] = None,
    custodian_public_key: Annotated[
        Path | None,
        typer.Option(help="Whose signature to trust, where there is no home.", metavar="F"),
    ] = None,
) -> "PackageVerified":
    """Check an archive's signature, hashes, counts and order; needs no ledger.

    \b
    Example:
      mintmark package verify outbox/K7QM-9X2C4DEF.zip --password-file password.txt
    """
    from .report import package_verify as check

    return check(call, archive, password_file, custodian_public_key)


COMMANDS = (
    ("export", export),
    ("package list", package_list),
    ("package show", package_show),
    ("package verify", package_verify),
)
