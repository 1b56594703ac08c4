"""Commands of this room: making packages and looking at them.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..codegen.commands import KeyFileOption, PassphraseOption
from ..codegen.invocation import Invocation

if TYPE_CHECKING:
    from .cartons.carton_labels import CartonLabels
    from .export_types import ExportResult
    from .print_calculator import PlanResult
    from .print_check.print_result import PrintVerified
    from .receipts.labels import LabelsResult
    from .receipts.receipt import ReceiptResult
    from .receipts.units import UnitShown
    from .report import PackageList, PackageShown, PackageVerified
    from .show_profiles import ProfileChecked, ProfileList, ProfileShown

PackageArgument = Annotated[str, typer.Argument(help="The package.", metavar="PACKAGE")]
OutOption = Annotated[Path, typer.Option(help="The folder for the archive.", metavar="DIR")]
PasswordFileOption = Annotated[
    Path | None,
    typer.Option(help="Write the archive's password to this new file.", metavar="F"),
]


def _outside_home(invocation: Invocation, out: Path, password_file: Path | None) -> None:
    invocation.outside_home("--out", out)
    invocation.outside_home("--password-file", password_file)


def export(
    invocation: Invocation,
    batch: Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")],
    to: Annotated[str, typer.Option("--to", help="The contact.", metavar="CONTACT")],
    out: OutOption,
    serials: Annotated[
        str,
        typer.Option(help="A-B, A-, A, a list (1-9;20), @FILE, all, or next:N.", metavar="SERIALS"),
    ] = "all",
    pair: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="A batch on the same items: both codes in one row or label.",
            metavar="BATCH",
        ),
    ] = None,
    profile: Annotated[str, typer.Option(help="The print profile.")] = "csv",
    unit_size: Annotated[
        int | None, typer.Option(min=1, help="Codes per reel; a reel is one file.  [10000]")
    ] = None,
    password_file: PasswordFileOption = None,
    custodian_key: KeyFileOption = None,
    passphrase_file: PassphraseOption = None,
    test: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help="Make this many dummy codes; books nothing."),
    ] = None,
    reprint: Annotated[
        bool, typer.Option("--reprint", help="The codes of --package again; needs --reason.")
    ] = False,
    package: Annotated[
        str | None, typer.Option(help="The package to print again.", metavar="PACKAGE")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is printed again.")] = None,
    base: Annotated[
        str | None,
        typer.Option(help="The address before the code, instead of the batch's.", metavar="URL"),
    ] = None,
    gtin: Annotated[
        str | None,
        typer.Option(help="Make GS1 Digital Links of this product.", metavar="GTIN"),
    ] = None,
    copies: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000_000, help="Print each code on so many items (一批一码).  [1]"
        ),
    ] = None,
    preflight: Annotated[
        str,
        typer.Option(help="full: read back every symbol; normal: above 100,000 a sample."),
    ] = "normal",
) -> "ExportResult":
    """Make the encrypted package for one contact at a print shop.

    A reprint holds the codes of an earlier package once more, except void codes, and
    replaces that package; possible until a code is active or reported as printed.
    With --with the codes of a pair's two batches are in one package, side by side: one
    printer then holds both. Without it each batch is a package for a contact of its own.
    It wants home and custodian's key on one machine: bring the key, then take it away again.

    \b
    Example:
      mintmark export K7QM-3T9A2BCD --serials next:100000 --to li-print --out outbox
    """
    if test is None:
        invocation.unlock_early(custodian_key, passphrase_file)
    from ..codegen import ids
    from ..codegen.errors import UsageError
    from ..codegen.serials_file import read_text
    from .export import export as make
    from .export_types import Export, Fresh, Handoff, PrintOptions, Reprint, TestPackage
    from .profiles import files

    _outside_home(invocation, out, password_file)
    if reprint != bool(package):
        raise UsageError(
            "a reprint names the package that is printed again",
            "give --reprint, --package PACKAGE and --reason R",
        )
    if preflight not in {"normal", "full"}:
        raise UsageError(f"no preflight {ids.shown(preflight, name=True)}", "take normal or full")
    if package and (
        serials != "all" or any((unit_size, test, base, gtin, copies, pair is not None))
    ):
        raise UsageError(
            "a reprint or replacement takes no serials, reel size, address, copies, pair or test",
            "they are those of the earlier package",
        )
    if reprint != bool(reason):
        raise UsageError("a reprint needs a reason, and nothing else does", "--reason R")
    found = files.find(profile, invocation.home).profile
    printing = PrintOptions(found, unit_size, base, gtin, copies or 1)
    batch, contact = ids.fold(batch), to.strip().lower()
    pair = None if pair is None else ids.fold(pair)
    wanted: Export
    if package and reason:
        wanted = Reprint(batch, contact, ids.fold(package), reason)
    elif test is not None:
        wanted = TestPackage(batch, contact, printing, test, pair)
    else:
        wanted = Fresh(batch, contact, printing, read_text(serials), pair)
    full = preflight == "full"
    handoff = Handoff(out, password_file, custodian_key, passphrase_file, full)
    return make(invocation, wanted, handoff)


def profile_list(invocation: Invocation) -> "ProfileList":
    """List the print profiles.

    \b
    Example:
      mintmark profile list
    """
    from .show_profiles import profile_list as report

    return report(invocation)


def profile_show(
    invocation: Invocation,
    name: Annotated[str, typer.Argument(help="The profile.", metavar="NAME")],
) -> "ProfileShown":
    """Show a print profile's file: a beginning for your own.

    Your own go into the home's folder profiles, as NAME.toml.

    \b
    Example:
      mintmark profile show bartender
    """
    from .show_profiles import profile_show as report

    return report(invocation, name)


def profile_check(
    _invocation: Invocation,
    file: Annotated[Path, typer.Argument(help="The profile file.", metavar="FILE")],
) -> "ProfileChecked":
    """Check a print profile before it is used; needs no home.

    \b
    Example:
      mintmark profile check profiles/my-press.toml
    """
    from .show_profiles import profile_check as report

    return report(file)


def package_list(
    invocation: Invocation,
    batch: Annotated[str | None, typer.Option(help="Only packages of this batch.")] = None,
) -> "PackageList":
    """List the packages.

    \b
    Example:
      mintmark package list
    """
    from ..codegen import ids
    from .report import package_list as report

    return report(invocation.station(), ids.fold(batch) if batch else None)


def package_show(
    invocation: Invocation,
    package: PackageArgument,
) -> "PackageShown":
    """Show a package and its reels.

    \b
    Example:
      mintmark package show K7QM-9X2C4DEF
    """
    from ..codegen import ids
    from .report import package_show as report

    return report(invocation.station(), ids.fold(package))


def package_receipt(
    invocation: Invocation,
    package: PackageArgument,
    printed: Annotated[
        str | None, typer.Option(help="Serials printed: A-B, A-, a list (1-9;20), @FILE or all.")
    ] = None,
    spoiled: Annotated[str | None, typer.Option(help="Serials spoiled; they are voided.")] = None,
    spoiled_count: Annotated[
        int | None,
        typer.Option(min=0, help="Labels spoiled whose serials are not known.  [0]"),
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="The unit (reel, box) this is about; its id or file.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A CSV: unit, printed, spoiled, spoiled_count.", metavar="CSV"),
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="The last part: codes not printed are voided.")
    ] = False,
    correct: Annotated[
        bool,
        typer.Option("--correct", help="Replace what was reported wrongly; needs --reason."),
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option(
            help="Why spoiled codes are void, a reason of void; or why it is corrected.  [misprint]"
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=0, help="Refuse unless exactly this many would be void.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change.")] = False,
) -> "ReceiptResult":
    """Book what the printer reports as printed and spoiled.

    Parts add up; each serial is reported once. What contradicts the package is refused.
    A correction replaces what was reported of the serials it names, also after --final;
    codes that are void stay so until unvoid.

    \b
    Example:
      mintmark package receipt K7QM-9X2C4DEF --printed 1-9980 --spoiled 9981-9990 --final
      mintmark package receipt K7QM-9X2C4DEF --correct --printed 9990 --reason "misread"
    """
    from ..codegen import ids
    from ..codegen.errors import UsageError
    from .receipts.correction import CorrectionRequest
    from .receipts.correction import correct as replace
    from .receipts.entries import Reported
    from .receipts.receipt import ReceiptRequest
    from .receipts.receipt import receipt as book

    reported = Reported(printed, spoiled, spoiled_count, unit or None)
    if file is not None and reported != Reported():
        raise UsageError(
            "a receipt is given by a file or by options, not by both", "give --file CSV alone"
        )
    name, told = ids.fold(package), file or reported
    if not correct:
        request = ReceiptRequest(name, told, final, reason or "misprint", count, dry_run=dry_run)
        return book(invocation, request)
    if final:
        raise UsageError("a correction is never final", "correct first, then book --final")
    return replace(invocation, CorrectionRequest(name, told, reason, count, dry_run=dry_run))


def package_replace(
    invocation: Invocation,
    package: PackageArgument,
    out: OutOption,
    to: Annotated[
        str | None,
        typer.Option("--to", help="Another contact than the package's.", metavar="CONTACT"),
    ] = None,
    password_file: PasswordFileOption = None,
    custodian_key: KeyFileOption = None,
    passphrase_file: PassphraseOption = None,
) -> "ExportResult":
    """Package other codes in place of spoiled codes.

    Takes as many sealed codes as were spoiled or voided in a package and are not replaced
    yet, in the form of that package.

    \b
    Example:
      mintmark package replace K7QM-9X2C4DEF --out outbox
    """
    invocation.unlock_early(custodian_key, passphrase_file)
    from ..codegen import ids
    from .export import export as make
    from .export_types import Handoff, Replacement

    _outside_home(invocation, out, password_file)
    wanted = Replacement(ids.fold(package), (to or "").strip().lower() or None)
    return make(invocation, wanted, Handoff(out, password_file, custodian_key, passphrase_file))


def package_unit(
    invocation: Invocation,
    unit: Annotated[str, typer.Argument(help="The unit's id.", metavar="UNIT")],
    status: Annotated[
        str | None, typer.Option(help="Its new status: received, mounted, used or lost.")
    ] = None,
    package: Annotated[str | None, typer.Option(help="Its package, if several have it.")] = None,
    note: Annotated[str | None, typer.Option(help="A remark, with --status.")] = None,
) -> "UnitShown":
    """Show a unit (reel, roll, box), or set its status.

    \b
    Example:
      mintmark package unit K7QM-5N8R2GHT --status mounted
    """
    from ..codegen import ids
    from .receipts.units import unit as move

    return move(invocation, ids.fold(unit), status, ids.fold(package) if package else None, note)


def package_labels(
    invocation: Invocation,
    package: PackageArgument,
    out: Annotated[Path, typer.Option(help="The folder for the labels.", metavar="DIR")],
    unit: Annotated[str | None, typer.Option(help="Only the label of this unit.")] = None,
    cartons: Annotated[
        bool, typer.Option("--cartons", help="Labels of its cartons or pallets, not of its units.")
    ] = False,
    serials: Annotated[
        str | None,
        typer.Option(help="Which cartons: A-B, A-, a list, @FILE.  [all]", metavar="SERIALS"),
    ] = None,
    sscc_only: Annotated[
        bool,
        typer.Option("--sscc-only", help="No codes, no key; PACKAGE may be a batch with SSCCs."),
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why labels with codes are made: it is an incident.")
    ] = None,
    password_file: PasswordFileOption = None,
    custodian_key: KeyFileOption = None,
    passphrase_file: PassphraseOption = None,
) -> "LabelsResult | CartonLabels":
    """Make labels for units, or for cartons and pallets.

    A picture per unit: a QR symbol of its id, and unit, serials, file, package, batch and product
    in letters. Also a list for label software, and a page that prints them from a browser.

    With --cartons: A4 sheets of eight, each with the QR symbol of its code, its SSCC as GS1-128,
    product, lot and how many lie in it. Sheets with codes come as an encrypted archive.

    \b
    Example:
      mintmark package labels K7QM-9X2C4DEF --out labels
      mintmark package labels K7QM-9X2C4DEF --cartons --sscc-only --out labels
    """
    if cartons and not sscc_only:
        invocation.unlock_early(custodian_key, passphrase_file)
    from ..codegen import ids
    from ..codegen.errors import UsageError
    from ..codegen.serials_file import read_text
    from .cartons.carton_labels import CartonRequest, carton_labels
    from .receipts.labels import labels as make

    _outside_home(invocation, out, password_file)
    name = ids.fold(package)
    if cartons:
        if unit is not None:
            raise UsageError("cartons are named by serials, not by a unit", "--serials A-B")
        return carton_labels(
            invocation,
            CartonRequest(
                *(name, out, read_text("all" if serials is None else serials)),
                sscc_only=sscc_only,
                reason=reason,
                password_file=password_file,
                custodian_key=custodian_key,
                passphrase_file=passphrase_file,
            ),
        )
    if sscc_only or any(given is not None for given in (serials, reason, password_file)):
        raise UsageError(
            "labels of units hold no codes, and no SSCC: they take no serials, reason or password",
            "labels of cartons: --cartons",
        )
    return make(invocation.station(), name, out, ids.fold(unit) if unit else None)


def package_verify(
    invocation: Invocation,
    archive: Annotated[Path, typer.Argument(help="The archive.", metavar="ARCHIVE")],
    password_file: Annotated[
        Path | None, typer.Option(help="A file with the archive's password.", metavar="F")
    ] = None,
    custodian_public_key: Annotated[
        Path | None,
        typer.Option(help="The key to trust; needed without a home.", metavar="F"),
    ] = None,
) -> "PackageVerified":
    """Check that an archive is as it was signed.

    Signature, hashes, counts, order and entries; needs no ledger.

    \b
    Example:
      mintmark package verify outbox/K7QM-9X2C4DEF.zip --password-file password.txt
    """
    from .report import package_verify as check

    return check(invocation, archive, password_file, custodian_public_key)


def package_verify_print(
    invocation: Invocation,
    files: Annotated[
        list[Path],
        typer.Argument(help="Pictures (PNG, JPEG, TIFF, BMP) or PDFs.", metavar="FILE..."),
    ],
    book: Annotated[
        bool, typer.Option("--book", help="Book the labels of a right proof as verified.")
    ] = False,
) -> "PrintVerified":
    """Read a proof back: photographed, scanned, or as PDF.

    Shows which batch, serials and package the symbols belong to, and what is unreadable,
    doubled, missing or out of order; who got the package, which orders activated its labels,
    and what belongs to them. PDFs need pdftoppm (poppler-utils). Shows no code.

    \b
    Example:
      mintmark package verify-print proof-1.jpg proof-2.jpg --book
    """
    from .print_check.verify_print import verify_print as read

    return read(invocation, files, booked=book)


def plan(
    invocation: Invocation,
    url: Annotated[
        str | None,
        typer.Option(help="What the QR symbol will hold, with {code} in it.", metavar="TEMPLATE"),
    ] = None,
    length: Annotated[int, typer.Option(help="Characters per code.")] = 16,
    alphabet: Annotated[
        str, typer.Option(help="crockford32, digits, clear, hex, or custom:SYMBOLS.")
    ] = "crockford32",
    level: Annotated[str, typer.Option(help="Error correction: L, M, Q or H.")] = "M",
    dpi: Annotated[
        int, typer.Option(min=72, max=4_800, help="What the press or laser resolves.")
    ] = 600,
    dots: Annotated[
        int | None, typer.Option(min=4, max=100, help="Dots per module.  [as many as fit]")
    ] = None,
    shape: Annotated[str | None, typer.Option(help="Of the room: rect or round.")] = None,
    width: Annotated[float | None, typer.Option(help="Of the room, mm.", metavar="MM")] = None,
    height: Annotated[float | None, typer.Option(help="Of the room, mm.", metavar="MM")] = None,
    diameter: Annotated[
        float | None, typer.Option(help="Of a round room, mm.", metavar="MM")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="Items per minute.", metavar="N")
    ] = None,
    quantity: Annotated[
        int | None, typer.Option(min=1, max=100_000_000, help="How many codes there will be.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write proof.png and proof.pdf there, at true size.", metavar="DIR"),
    ] = None,
) -> "PlanResult":
    """Calculate what the symbol will be, and whether it fits.

    Needs no home.

    \b
    Example:
      mintmark plan --url "HTTPS://T.EXAMPLE.COM/{code}" --diameter 20 --quantity 10000000
    """
    from .print_calculator import PlanRequest
    from .print_calculator import plan as calculate

    invocation.outside_home("--out", out)
    request = PlanRequest(
        url=url,
        length=length,
        alphabet=alphabet,
        level=level,
        dpi=dpi,
        dots=dots,
        shape=shape,
        width=width,
        height=height,
        diameter=diameter,
        speed=speed,
        quantity=quantity,
        out=out,
    )
    return calculate(request)


COMMANDS = (
    ("plan", plan),
    ("export", export),
    ("profile list", profile_list),
    ("profile show", profile_show),
    ("profile check", profile_check),
    ("package list", package_list),
    ("package show", package_show),
    ("package verify", package_verify),
    ("package verify-print", package_verify_print),
    ("package receipt", package_receipt),
    ("package replace", package_replace),
    ("package unit", package_unit),
    ("package labels", package_labels),
)
