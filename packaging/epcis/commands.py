"""`audit export`: what happened, for other programs.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...codegen.commands import KeyFileOption, PassphraseOption
from ...codegen.invocation import Invocation

if TYPE_CHECKING:
    from .export import EpcisExported


def audit_export(
    invocation: Invocation,
    out: Annotated[Path, typer.Option(help="The file to make.", metavar="FILE")],
    epcis: Annotated[
        bool, typer.Option("--epcis", help="In EPCIS 2.0, as JSON-LD: the only form so far.")
    ] = False,
    batch: Annotated[
        str | None, typer.Option(help="Only what happened to its codes.", metavar="BATCH")
    ] = None,
    after: Annotated[
        int, typer.Option(min=0, max=10**15, help="Only what was booked after this event.")
    ] = 0,
    ids: Annotated[
        str, typer.Option(help="How GS1's keys are spelled: digital-link or urn.")
    ] = "digital-link",
    company_prefix: Annotated[
        str | None, typer.Option(help="For URNs: GS1's prefix of the company.", metavar="DIGITS")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="What names begin with where no GTIN is known.", metavar="URL"),
    ] = None,
    location: Annotated[
        str | None, typer.Option(help="Where it happened: a GLN or an address.", metavar="PLACE")
    ] = None,
    with_codes: Annotated[
        bool,
        typer.Option("--with-codes", help="Name items by their codes, in an encrypted archive."),
    ] = False,
    password_file: Annotated[
        Path | None,
        typer.Option(help="Write the archive's password to this new file.", metavar="F"),
    ] = None,
    custodian_key: KeyFileOption = None,
    passphrase_file: PassphraseOption = None,
) -> "EpcisExported":
    """Tell those who trade in items, cartons and pallets of them.

    Commissioning, packing, unpacking, shipping and decommissioning. Items are named by their
    serials, by which nobody wins anything; by their codes only with --with-codes, which wants
    the custodian's key.

    \b
    Example:
      mintmark audit export --epcis --out events.jsonld --batch K7QM-3T9A2BCD
    """
    if with_codes:
        invocation.unlock_early(custodian_key, passphrase_file)
    from ...codegen import ids as id_forms
    from ...codegen.errors import UsageError
    from . import names
    from .export import EpcisRequest
    from .export import export as tell

    if not epcis:
        raise UsageError("no form is named", "give --epcis: EPCIS 2.0, as JSON-LD")
    invocation.outside_home("--out", out)
    invocation.outside_home("--password-file", password_file)
    request = EpcisRequest(
        out=out,
        naming=names.naming(ids, company_prefix, base),
        batch=id_forms.fold(batch) if batch else None,
        after=after,
        place=names.location(location) if location else None,
        codes=with_codes,
        custodian_key=custodian_key,
        passphrase_file=passphrase_file,
        password_file=password_file,
    )
    return tell(invocation, request)


COMMANDS = (("audit export", audit_export),)
