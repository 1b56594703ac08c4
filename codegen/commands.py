"""Commands of `codegen`: the home, minting, the standing of codes, contacts, the books, health.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .invocation import Invocation

if TYPE_CHECKING:
    from .audit import AuditShown, AuditVerified
    from .contacts import ContactList, ContactShown
    from .custodian import CustodianMade
    from .custody import Rewrapped
    from .doctor import DoctorResult
    from .home import InitResult
    from .mint_result import MintResult
    from .report import BatchList, BatchShown
    from .roster import KeyList, KeyShown
    from .settle_copy import CopySettled

KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--custodian-key",
        help="The custodian's key file.",
        envvar="MINTMARK_CUSTODIAN_KEY",
        metavar="F",
    ),
]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="A file with the custodian's passphrase.",
        envvar="MINTMARK_PASSPHRASE_FILE",
        metavar="F",
    ),
]

LedgerOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        help="The database of the books: postgresql://USER@HOST/NAME, and no password in it.",
        envvar="MINTMARK_LEDGER",
        metavar="URL",
    ),
]
VaultOption = Annotated[
    str | None,
    typer.Option(
        "--vault",
        help="The store of the sealed batches: s3://BUCKET/PREFIX, or file:///FOLDER.",
        envvar="MINTMARK_VAULT",
        metavar="URL",
    ),
]
EndpointOption = Annotated[
    str | None,
    typer.Option(
        help="The server of the store, if it is not AWS.",
        envvar="MINTMARK_VAULT_ENDPOINT",
        metavar="URL",
    ),
]
RegionOption = Annotated[
    str | None,
    typer.Option(help="The store's region.", envvar="MINTMARK_VAULT_REGION", metavar="NAME"),
]
CredentialsOption = Annotated[
    Path | None,
    typer.Option(
        help="A file with the store's credentials, as AWS writes it.",
        envvar="MINTMARK_VAULT_CREDENTIALS",
        metavar="F",
    ),
]


def init(
    invocation: Invocation,
    custodian_key: KeyFileOption = None,
    custodian_public_key: Annotated[
        Path | None,
        typer.Option(help="The public key of a custodian elsewhere.", metavar="F"),
    ] = None,
    passphrase_file: PassphraseOption = None,
    ledger: LedgerOption = None,
    vault: VaultOption = None,
    vault_endpoint: EndpointOption = None,
    vault_region: RegionOption = None,
    vault_credentials: CredentialsOption = None,
    name: Annotated[
        str, typer.Option(help="What this station is called.", metavar="N")
    ] = "station",
) -> "InitResult":
    """Make a home, and a custodian key outside of it.

    Without --ledger and --vault it lies in a folder of this machine. With both, further stations
    can share it: mintmark station join.

    \b
    Example:
      mintmark init --custodian-key /media/safe/custodian.key
      mintmark init --ledger postgresql://mintmark@db.example.com/mintmark \\
          --vault s3://mintmark-vault/brand
    """
    from .home import init as make
    from .station.shared_places import SharedPlaces

    places = SharedPlaces(ledger, vault, vault_endpoint, vault_region, vault_credentials)
    return make(invocation, custodian_key, custodian_public_key, passphrase_file, places, name=name)


def mint(
    invocation: Invocation,
    quantity: Annotated[
        int | None,
        typer.Option(min=1, max=100_000_000, help="How many items are to be produced."),
    ] = None,
    product: Annotated[str | None, typer.Option(help="The product that they go on.")] = None,
    overage: Annotated[
        float, typer.Option(min=0, max=100, help="Extra codes for waste, in percent.")
    ] = 0.0,
    length: Annotated[int, typer.Option(help="Symbols per code.")] = 16,
    alphabet: Annotated[
        str, typer.Option(help="crockford32, digits, clear, hex, or the symbols themselves.")
    ] = "crockford32",
    url: Annotated[
        str | None,
        typer.Option(help="What the QR symbol holds, with {code} in it.", metavar="TEMPLATE"),
    ] = None,
    ref: Annotated[
        str | None, typer.Option(help="Your own reference; repeating it mints nothing.")
    ] = None,
    role: Annotated[
        str,
        typer.Option(
            help="What the codes are for.", metavar="item|inner|outer|carton|pallet|batch|guide"
        ),
    ] = "item",
    pair_of: Annotated[
        str | None,
        typer.Option(
            help="A batch on the same items, serial by serial; as many codes.", metavar="BATCH"
        ),
    ] = None,
    sscc_prefix: Annotated[
        str | None,
        typer.Option(
            help="Your GS1 company prefix: each carton or pallet gets an SSCC.", metavar="DIGITS"
        ),
    ] = None,
    sscc_extension: Annotated[
        int | None, typer.Option(min=0, max=9, help="Extension digit of the SSCCs; 0 if left out.")
    ] = None,
    sscc_first: Annotated[
        int | None,
        typer.Option(
            min=0, max=10**12, help="Their first serial reference; else after the highest."
        ),
    ] = None,
    accept_weak: Annotated[
        bool, typer.Option("--accept-weak", help="Mint codes that a key thief could find out.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="How many draw codes at once; by default as many as pay."),
    ] = None,
) -> "MintResult":
    """Mint a sealed batch. This station can't read it back.

    \b
    Example:
      mintmark mint --quantity 100000 --product "Green tea 500 ml" \\
          --url "HTTPS://T.EXAMPLE.COM/{code}"
      mintmark mint --role inner --pair-of K7QM-3T9A2BCD
    """
    from . import ids
    from .mint import mint as make
    from .mint_request import MintRequest
    from .mint_sscc import asked

    request = MintRequest(
        quantity=quantity,
        product=product,
        overage=overage,
        length=length,
        alphabet=alphabet,
        url=url,
        ref=ref,
        accept_weak=accept_weak,
        role=role.strip().lower(),
        pair_of=None if pair_of is None else ids.fold(pair_of),
        sscc=asked(sscc_prefix, sscc_extension, sscc_first),
    )
    station = invocation.station()
    invocation.require_newest(station)
    return make(station, request, invocation.progress, invocation.notify, workers=workers)


def batch_list(invocation: Invocation) -> "BatchList":
    """List the batches.

    \b
    Example:
      mintmark batch list
    """
    from .report import batch_list as report

    return report(invocation.station())


def batch_show(
    invocation: Invocation,
    batch: Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")],
    after: Annotated[
        int, typer.Option(min=0, max=100_000_000, help="Ranges after this serial.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Ranges to show at most.")] = 100,
) -> "BatchShown":
    """Show the standing of every code of a batch.

    \b
    Example:
      mintmark batch show K7QM-3T9A2BCD
    """
    from . import ids
    from .report import batch_show as report

    return report(invocation.station(), ids.fold(batch), after, limit)


def contact_add(
    invocation: Invocation,
    contact: Annotated[str, typer.Argument(help="A short id.", metavar="ID")],
    name: Annotated[str, typer.Option(help="The person's name and the print shop's.")],
    channel: Annotated[
        str | None, typer.Option(help="An address at which that person is reached.", metavar="URL")
    ] = None,
) -> "ContactShown":
    """Add a print shop's named person.

    \b
    Example:
      mintmark contact add li-print --name "Li Wei, Huaxin Printing"
    """
    from .contacts import add

    return add(invocation.station(), contact, name, channel)


def contact_list(invocation: Invocation) -> "ContactList":
    """List the contacts.

    \b
    Example:
      mintmark contact list
    """
    from .contacts import listed

    return listed(invocation.station())


def audit_verify(invocation: Invocation) -> "AuditVerified":
    """Check the audit chain, its signatures, and the books against it.

    \b
    Example:
      mintmark audit verify
    """
    from .audit import audit_verify as report

    return report(invocation.station())


def audit_show(
    invocation: Invocation,
    after: Annotated[int, typer.Option(min=0, max=10**15, help="Events after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Events to show at most.")] = 100,
) -> "AuditShown":
    """Show the audit chain's events.

    \b
    Example:
      mintmark audit show --after 20
    """
    from .audit import audit_show as report

    return report(invocation.station(), after, limit)


def audit_settle(
    invocation: Invocation,
    newer_home: Annotated[
        str, typer.Option(help="What became of it: lost or none.", metavar="lost|none")
    ],
    reason: Annotated[str, typer.Option(help="The reason.")],
) -> "CopySettled":
    """Decide about signs that this home is an older copy.

    \b
    lost: the newer home is gone for good. Nothing is exported any more from the batches
          that are here: the lost home may have packaged their codes.
    none: there is no newer home; a head was made up, or files were mixed.

    \b
    Example:
      mintmark audit settle --newer-home lost --reason "disk of the station burnt"
    """
    from .settle_copy import settle

    return settle(invocation.station(), newer_home, reason, invocation.ask_witness)


def key_list(invocation: Invocation) -> "KeyList":
    """List the keys of station, lines, platforms, custodians.

    \b
    Example:
      mintmark key list
    """
    from .roster import listed

    return listed(invocation.station())


def key_new(
    invocation: Invocation,
    name: Annotated[str, typer.Argument(help="The name of the line or platform.", metavar="NAME")],
    platform: Annotated[
        bool,
        typer.Option("--platform", help="For a platform that scans: a guide's app, a store."),
    ] = False,
) -> "KeyShown":
    """Make a key for a production line, or a platform.

    A platform scans for guides, stores and dealers: its key signs that, and no order. The file
    goes to where the platform runs.

    \b
    Example:
      mintmark key new line-3
      mintmark key new --platform guide-app
    """
    from .roster import new_line, new_platform

    station = invocation.station()
    made = new_platform(station, name) if platform else new_line(station, name)
    file = station.key_file(made.kind, name)
    if platform:
        invocation.notify(f"its private key: {file}; only the platform's own machine needs it")
    invocation.tell_open(file)
    return made


def key_custodian(
    invocation: Invocation,
    file: Annotated[Path, typer.Argument(help="The new key file.", metavar="F")],
    passphrase_file: PassphraseOption = None,
) -> "CustodianMade":
    """Make a custodian's key away from any home.

    \b
    Example:
      mintmark key custodian /media/safe/custodian.key
    """
    from .custodian import custodian

    invocation.outside_home("the custodian key", file)
    return custodian(invocation, file, passphrase_file)


def key_admit(
    invocation: Invocation,
    file: Annotated[Path, typer.Argument(help="The custodian's public key.", metavar="F")],
    name: Annotated[str, typer.Option(help="The custodian's name.", metavar="TEXT")],
) -> "KeyShown":
    """Seal what is minted from now on to a further custodian.

    Earlier batches are opened to them by a custodian: mintmark key rewrap.

    \b
    Example:
      mintmark key admit deputy.key.pub --name "Zhao Min"
    """
    from .custody import admit

    return admit(invocation.station(), file, name)


def key_rewrap(
    invocation: Invocation,
    to: Annotated[
        list[str],
        typer.Option("--to", help="A custodian's key id; repeatable.", metavar="KEY"),
    ],
    batch: Annotated[str | None, typer.Option(help="Only this batch.", metavar="BATCH")] = None,
    custodian_key: KeyFileOption = None,
    passphrase_file: PassphraseOption = None,
) -> "Rewrapped":
    """Let the named custodians, and no others, open batches.

    Done by a custodian who can open them, with the key brought to this machine; the codes
    stay sealed.

    \b
    Example:
      mintmark key rewrap --to 1f0c2a9b3d4e5f60 --to 8e7d6c5b4a392817
    """
    invocation.unlock_early(custodian_key, passphrase_file)
    from . import ids
    from .custody import refused, rewrap, unlock

    station, only = invocation.station(), ids.fold(batch) if batch else None
    if only is not None:
        with station.ledger.read() as view:
            view.batch(only)  # before it is booked that its custodian was refused
    refusal = refused(f"rewrap of {only or 'all batches'}", only)
    custodian = unlock(invocation, station, custodian_key, passphrase_file, refusal)
    return rewrap(station, custodian, to, only, invocation.progress)


def key_revoke(
    invocation: Invocation,
    key: Annotated[str, typer.Argument(help="The key's id.", metavar="KEY")],
    reason: Annotated[str, typer.Option(help="The reason.")],
) -> "KeyShown":
    """Revoke a key; what it signed before stays valid.

    \b
    Example:
      mintmark key revoke 1f0c2a9b3d4e5f60 --reason "PC stolen"
    """
    from .roster import revoke

    return revoke(invocation.station(), key, reason)


def doctor(
    invocation: Invocation,
    repair: Annotated[
        bool, typer.Option("--repair", help="Settle what a crash left behind.")
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every byte of a vault in a store, too.")
    ] = False,
) -> "DoctorResult":
    """Check whether the home is well.

    It looks at keys, permissions, ledger, vault, runs, orders, disk, backend and alarms, and for
    a custodian's key that was left beside the station.

    \b
    Example:
      mintmark doctor --repair
    """
    from .doctor import doctor as examine

    return examine(invocation.station(), invocation.checks(), repair=repair, deep=deep)


COMMANDS = (
    ("init", init),
    ("mint", mint),
    ("batch list", batch_list),
    ("batch show", batch_show),
    ("contact add", contact_add),
    ("contact list", contact_list),
    ("audit verify", audit_verify),
    ("audit show", audit_show),
    ("audit settle", audit_settle),
    ("key list", key_list),
    ("key new", key_new),
    ("key custodian", key_custodian),
    ("key admit", key_admit),
    ("key rewrap", key_rewrap),
    ("key revoke", key_revoke),
    ("doctor", doctor),
)
