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
from .formats.format import SecondCode
from .package.job import PackJob
from .package.manifest import Partner
from .package.particulars import NOBODY, Particulars, SenderDetails
from .pair_plan import held_already, partner
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
        second=_second(contents, test=test),
        about=Particulars(
            *(batch.product, batch.role, sender),
            reprints=export.package if isinstance(export, Reprint) else None,
            replaces=export.package if isinstance(export, Replacement) else None,
            pairs=tuple(Partner(row.batch, row.role) for row in view.partners(batch.batch)),
        ),
        copies=contents.copies,
    )
    return job, tuple(dict.fromkeys((*_warnings(contents), *held_already(view, job))))


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
        pair=None if job.second is None else job.second.batch,
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

    `void`: codes that a reprint leaves out. `about_address`: warnings about the templates. `pair`:
    the second batch of a pair, and its template.
    """

    batch: BatchRow
    contact: ContactRow
    serials: Ranges
    template: str
    profile: Profile
    copies: int = 1
    void: Ranges = ()
    about_address: tuple[str, ...] = ()
    pair: tuple[BatchRow, str] | None = None

    @property
    def addresses(self) -> tuple[tuple[BatchRow, str], ...]:
        """The batch and its template, or both of a pair."""
        return ((self.batch, self.template), *([] if self.pair is None else [self.pair]))


def _contents(view: View, export: Export) -> _Contents:
    match export:
        case Fresh():
            batch, contact = view.batch(export.batch), view.contact(export.contact)
            pair = partner(view, batch, export.pair)
            chosen = _serials(view, batch, pair, export.serials)
            return _new(batch, pair, contact, chosen, export.printing)
        case TestPackage():
            batch, contact = view.batch(export.batch), view.contact(export.contact)
            pair = partner(view, batch, export.pair)
            return _new(batch, pair, contact, (Range(1, export.quantity),), export.printing)
        case Reprint():
            batch = view.batch(export.batch)
            previous = reprint(view, batch, export.package)
            return _as_before(view, batch, view.contact(export.contact), previous)
        case Replacement():
            previous = replacement(view, export.package)
            contact = view.contact(export.contact or previous.contact)
            return _as_before(view, view.batch(previous.batch), contact, previous)


def _new(
    batch: BatchRow,
    pair: BatchRow | None,
    contact: ContactRow,
    chosen: Ranges,
    printing: PrintOptions,
) -> _Contents:
    template = payload.chosen(batch.url, printing.base, printing.gtin)
    given = printing.base is not None or printing.gtin is not None
    judge = address.chosen if given else address.recorded
    said, second, profile = judge(template, _spec(batch)), None, printing.sized
    if pair is not None:
        second = pair, payload.chosen(pair.url, printing.base, printing.gtin)
        said, profile = (*said, *judge(second[1], _spec(pair))), profile.of_pair()
    return _Contents(
        *(batch, contact, chosen, template, profile, printing.copies),
        about_address=said,
        pair=second,
    )


def _as_before(
    view: View, batch: BatchRow, contact: ContactRow, previous: PreviousPackage
) -> _Contents:
    said, pair = address.recorded(previous.template, _spec(batch)), None
    if previous.pair is not None:
        row, template = view.batch(previous.pair[0]), previous.pair[1]
        said, pair = (*said, *address.recorded(template, _spec(row))), (row, template)
    return _Contents(
        batch,
        contact,
        previous.serials,
        previous.template,
        previous.profile,
        previous.copies,
        previous.void,
        about_address=tuple(dict.fromkeys(said)),
        pair=pair,
    )


def _second(contents: _Contents, *, test: bool) -> SecondCode | None:
    if contents.pair is None:
        return None
    row, template = contents.pair
    return SecondCode(row.batch, row.length, _symbols(row, test=test), template)


def _spec(batch: BatchRow) -> CodeSpec:
    return CodeSpec.of(batch.alphabet, batch.length)


def _serials(view: View, batch: BatchRow, pair: BatchRow | None, text: str) -> Ranges:
    text = notation.fold(text)
    if not text.startswith("next:"):
        return notation.parse(text, batch.quantity)
    number = text.removeprefix("next:")
    if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= batch.quantity:
        raise UsageError(f"not a number of codes: {ids.shown(number)}", "write next:10000")
    return view.first_sealed(batch.batch, int(number), None if pair is None else pair.batch)


def _symbols(batch: BatchRow, *, test: bool) -> str:
    """The alphabet of the codes. Dummies need letters that the batch's alphabet may lack."""
    symbols = _spec(batch).symbols
    if not test or symbols.isdigit():
        return symbols
    return "".join(sorted({*symbols, *DUMMY_SYMBOLS}))


def _warnings(contents: _Contents) -> Iterator[str]:
    if contents.void:
        yield f"left out, because they are void: {serials.describe(contents.void)}"
    for row, template in contents.addresses:
        if template == BARE:
            named = "this batch" if contents.pair is None else f"batch {row.batch}"
            yield f"warning: {named} has no --url: the QR symbols will hold the bare code"
    for sentence in contents.about_address:
        yield f"warning: {sentence}"
    level = contents.profile.symbol.level
    for row, template in contents.addresses:
        if warning := payload.case_warning(template, _spec(row), level):
            yield warning
