"""What a package will hold, decided by the books alone.

Pure: ids, time and the id of the home are arguments, and warnings are returned. The ledger
checks again when the serials are reserved, so a plan that is out of date books nothing.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from ..codegen import ids
from ..codegen.codes import address
from ..codegen.codes.spec import CodeSpec
from ..codegen.codes.template import BARE
from ..codegen.errors import UsageError
from ..codegen.ledger.changes import ExportBegun, Incident, IncidentFacts
from ..codegen.ledger.records import BatchRow, ContactRow
from ..codegen.ledger.view import View
from ..codegen.ranges import notation, serials
from ..codegen.ranges.serials import Range, Ranges
from . import payload
from .export_types import Export, Fresh, PrintOptions, Replacement, Reprint, TestPackage
from .formats.dummy import DUMMY_SYMBOLS
from .package.job import PackJob
from .package.manifest import Partner
from .package.particulars import NOBODY, Particulars, SenderDetails
from .profiles.profile import Profile
from .reissue import PreviousPackage, record, replacement, reprint


def plan(  # noqa: PLR0913 - the clock and the ids come from outside
    view: View,
    export: Export,
    *,
    home: str,
    package: str,
    unit_id: Callable[[], str],
    created: datetime,
    sender: SenderDetails = NOBODY,
) -> tuple[PackJob, tuple[str, ...]]:
    """The package that `export` asks for, and warnings for the person who asks.

    `home` and `package` are ids; `unit_id` gives the ids of the units, later, when they are
    written; `created` has an offset; `sender` is whom the printer calls. Raises `NotFound` for an
    unknown batch, contact or package; `UsageError` for malformed serials and for what no package
    can hold; `Refused` if there are too few sealed codes, or `reissue` refuses.
    """
    contents = _contents(view, export)
    batch, test = contents.batch, isinstance(export, TestPackage)
    job = PackJob(
        package=package,
        batch=batch.batch,
        home=home,
        contact_id=contents.contact.contact,
        contact_name=contents.contact.name,
        serials=serials.ordered(contents.serials),
        length=batch.length,
        template=contents.template,
        profile=contents.profile,
        unit_id=unit_id,
        created=created,
        test=test,
        symbols=_symbols(batch, test=test),
        about=Particulars(
            *(batch.product, batch.role, sender),
            reprints=export.package if isinstance(export, Reprint) else None,
            replaces=export.package if isinstance(export, Replacement) else None,
            pairs=tuple(Partner(row.batch, row.role) for row in view.partners(batch.batch)),
        ),
        copies=contents.copies,
    )
    return job, tuple(_warnings(contents))


def reservation(export: Fresh | Reprint | Replacement, job: PackJob) -> ExportBegun:
    """The change that reserves the serials of `job`."""
    return ExportBegun(
        package=job.package,
        batch=job.batch,
        serials=job.serials,
        contact=job.contact_id,
        profile=job.profile.name,
        supersedes=export.package if isinstance(export, Reprint) else None,
        replaces=export.package if isinstance(export, Replacement) else None,
        reason=export.reason if isinstance(export, Reprint) else None,
        layout=record(job.profile),
        copies=job.copies,
    )


def alarms(begun: ExportBegun) -> tuple[Incident, ...]:
    """What a responsible person should learn when `begun` is booked: of every reprint."""
    if begun.supersedes is None:
        return ()
    facts = IncidentFacts(
        batch=begun.batch,
        package=begun.package,
        supersedes=begun.supersedes,
        contact=begun.contact,
        serials=begun.serials,
    )
    sentence = f"{begun.package} reprints {begun.supersedes}: {begun.reason}"
    return (Incident("reprint", sentence, facts),)


class _Contents(NamedTuple):
    """What distinguishes the four kinds.

    `void`: codes that a reprint leaves out. `about_address`: warnings about the template.
    """

    batch: BatchRow
    contact: ContactRow
    serials: Ranges
    template: str
    profile: Profile
    copies: int = 1
    void: Ranges = ()
    about_address: tuple[str, ...] = ()


def _contents(view: View, export: Export) -> _Contents:
    match export:
        case Fresh():
            batch, contact = view.batch(export.batch), view.contact(export.contact)
            return _new(batch, contact, _serials(view, batch, export.serials), export.printing)
        case TestPackage():
            batch, contact = view.batch(export.batch), view.contact(export.contact)
            return _new(batch, contact, (Range(1, export.quantity),), export.printing)
        case Reprint():
            batch = view.batch(export.batch)
            previous = reprint(view, batch, export.package)
            return _as_before(batch, view.contact(export.contact), previous)
        case Replacement():
            previous = replacement(view, export.package)
            contact = view.contact(export.contact or previous.contact)
            return _as_before(view.batch(previous.batch), contact, previous)


def _new(batch: BatchRow, contact: ContactRow, chosen: Ranges, printing: PrintOptions) -> _Contents:
    template = payload.chosen(batch.url, printing.base, printing.gtin)
    given = printing.base is not None or printing.gtin is not None
    judge = address.chosen if given else address.recorded
    said = judge(template, _spec(batch))
    return _Contents(
        *(batch, contact, chosen, template, printing.sized, printing.copies), about_address=said
    )


def _as_before(batch: BatchRow, contact: ContactRow, previous: PreviousPackage) -> _Contents:
    return _Contents(
        batch,
        contact,
        previous.serials,
        previous.template,
        previous.profile,
        previous.copies,
        previous.void,
        address.recorded(previous.template, _spec(batch)),
    )


def _spec(batch: BatchRow) -> CodeSpec:
    return CodeSpec.of(batch.alphabet, batch.length)


def _serials(view: View, batch: BatchRow, text: str) -> Ranges:
    text = notation.fold(text)
    if not text.startswith("next:"):
        return notation.parse(text, batch.quantity)
    number = text.removeprefix("next:")
    if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= batch.quantity:
        raise UsageError(f"not a number of codes: {ids.shown(number)}", "write next:10000")
    return view.first_sealed(batch.batch, int(number))


def _symbols(batch: BatchRow, *, test: bool) -> str:
    """The alphabet of the codes. Dummies need letters that the batch's alphabet may lack."""
    symbols = _spec(batch).symbols
    if not test or symbols.isdigit():
        return symbols
    return "".join(sorted({*symbols, *DUMMY_SYMBOLS}))


def _warnings(contents: _Contents) -> Iterator[str]:
    if contents.void:
        yield f"left out, because they are void: {serials.describe(contents.void)}"
    if contents.template == BARE:
        yield "warning: this batch has no --url: the QR symbols will hold the bare code"
    for sentence in contents.about_address:
        yield f"warning: {sentence}"
    level = contents.profile.symbol.level
    if warning := payload.case_warning(contents.template, _spec(contents.batch), level):
        yield warning
