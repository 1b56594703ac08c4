"""README.txt in English. Pure."""

from collections.abc import Iterator

from ...codegen.ranges.serials import describe
from ..profiles.profile import FileFormat, LaneOrder
from ..symbols.sample import QUIET_ZONE, Sample
from .manifest import Manifest
from .paper import FILES_SHOWN, OPENING_EN, REHEARSED_EN, TEST_EN, file_table, local_time
from .readme_facts import (
    DOTS_PER_MODULE,
    LINE_ENDS,
    by_row,
    file_of,
    first_lanes,
    first_row,
    payload_column,
    smallest,
)

_DELIMITERS = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "bars",
}
_ENCODINGS = {
    "ascii": "Plain text, ASCII",
    "utf-8-sig": "Plain text, UTF-8 with BOM",
    "gb18030": "Plain text, GB18030",
}


def sections(manifest: Manifest, symbol: Sample) -> Iterator[Iterator[str]]:
    """The sections, in order, as lines."""
    for section in (_head, _check, _columns, _print, _after, _files):
        yield section(manifest, symbol)


def _head(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    yield "One item, one code: data for printing"
    yield ""
    if manifest.test:
        yield TEST_EN
        yield ""
    yield f"Package:  {manifest.package}"
    yield f"Batch:    {manifest.batch}"
    yield f"Contact:  {manifest.contact_name} ({manifest.contact_id})"
    yield f"Made:     {local_time(manifest)}"
    yield f"Codes:    {manifest.quantity:,}"
    yield f"Serials:  {describe(manifest.serials)}"
    yield f"Files:    {len(manifest.files):,}, each of them one reel (roll, box)"


def _check(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    sample, profile = manifest.samples[0], manifest.profile
    header = (
        " (the line of column names not counted)" if profile.header and profile.has_rows else ""
    )
    yield "1. Check before printing"
    yield f"   - Compare the number of files, and of each its rows{header}"
    yield "     and serials, with the list at the end."
    file = file_of(manifest, sample.serial).name
    column = f"column {payload_column(manifest)} says for" if profile.has_rows else "the symbol of"
    row = f"row {first_row(manifest)}" if by_row(profile) else f"serial {sample.serial}"
    yield f"   - Read {sample.name}. It must say exactly what {column}"
    yield f"     {row} in {file}. Use a scanner, or an app that shows the text"
    yield "     and opens no page."
    if not manifest.test:
        yield "     The picture shows the real code of that serial. Do not print it."
    yield "   If anything differs, do not start; call the sender."


def _columns(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    profile = manifest.profile
    use = "The QR symbol says this: copy it unchanged, every character."
    says = {
        "serial": "Serial number. Not a secret: it may be printed beside the label to find it.",
        "code": f"The code, {manifest.code_length} characters. Text, never a number.",
        "url": "What a phone opens.",
        "package": "The package.",
        "batch": "The batch.",
        "unit": "The reel (roll, box).",
        "lane": "The lane across the web that this row prints on, from 1.",
        "image": "The picture file, from the folder you unpacked into.",
        "text": "A constant, the same on every row.",
    }
    yield "2. What the data files hold"
    if not profile.has_rows:
        yield "   Every data file is a PDF ready to print. Output it at 100 %, never scaled."
        return
    yield from _form(manifest)
    for column in profile.columns:
        yield f"     {column.name:<8}{says[column.source]}"
        if column.name == payload_column(manifest):
            yield f"             {use}"
    if profile.kind is not FileFormat.XLSX:
        never = "Never save a file from Excel: it drops leading zeros and turns codes into numbers."
        yield f"   {never}"
    if profile.pictures:
        yield "   The symbols are drawn, quiet zone included: use them at their size, as they are."
    if profile.lanes > 1:
        yield f"   {profile.lanes} rows stand side by side, lane 1 to lane {profile.lanes}."
        if profile.lane_order is LaneOrder.BLOCK:
            yield "   Slit apart, the roll of each lane is one range of serials:"
            for number, piece in enumerate(first_lanes(manifest), 1):
                yield f"     {manifest.files[0].name} lane {number}: {piece}"
            yield "     The other files likewise: first to last shared out evenly over the lanes,"
            yield "     the first ones taking one more each where it does not come out even."
        else:
            yield "   Serials that follow each other stand side by side."
    if profile.lead_in or profile.lead_out:
        rows = profile.lead_in * profile.lanes, profile.lead_out * profile.lanes
        yield f"   The first {rows[0]} and last {rows[1]} rows of every file are dummy codes for"
        yield "   set-up (serial 0): never on a real product, and not counted in the list below."


def _form(manifest: Manifest) -> Iterator[str]:
    profile = manifest.profile
    header = "first line: column names" if profile.header else "no line of column names"
    if profile.kind is FileFormat.XLSX:
        yield f"   Excel workbooks, every cell text; {header}."
        return
    encoding = _ENCODINGS[profile.encoding]
    between = f"columns split by {_DELIMITERS[profile.delimiter]}, "
    split = between if len(profile.columns) > 1 else ""
    yield f"   {encoding}, {split}lines ending in {LINE_ENDS[profile.line_end]},"
    yield f"   {header}."


def _print(_manifest: Manifest, symbol: Sample) -> Iterator[str]:
    yield "3. Printing"
    yield "   - Keep the order of serials on every reel: none skipped, repeated or moved. After a"
    yield "     stop, go on where it stopped; do not begin again."
    side = symbol.modules
    yield f"   - Quiet zone: {QUIET_ZONE} modules on every side; no text, artwork or cuts."
    yield f"   - A module (the smallest square) is at least {DOTS_PER_MODULE} printer dots wide."
    size = f"version {symbol.version}, {side} x {side} modules, level {symbol.level}"
    yield f"     Sample: {size}. Least:"
    for dpi in (300, 600):
        module, whole = smallest(symbol, dpi)
        yield f"       {dpi} dpi: module {module} mm, side with quiet zone {whole} mm"
    yield "   - Dark on light, never inverted; away from seams, seals, folds and glare."
    yield "   - Scan some codes at head, middle and tail of each reel, and compare the serials."


def _after(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    if manifest.test:
        yield "4. What to look at, and afterwards"
        yield from (f"   {line}" for line in REHEARSED_EN)
        yield "   No receipt. Tell the sender what did not scan or differed; destroy the sheets,"
        yield "   delete the data."
        yield ""
        yield "5. Programs that open it"
        yield from (f"   {line}" for line in OPENING_EN)
        return
    yield "4. Send back a receipt (the handoff letter has a form)"
    yield "   - The package, and the serials that were really printed, reel by reel;"
    yield "   - spoiled serials: misprints, set-up, splices, cut-offs; where unknown, how many;"
    yield "   - anything printed twice, reprinted or lost, honestly: those codes will be voided."
    yield "   The codes are activated once the receipt adds up."
    yield ""
    yield "5. Keep and destroy"
    yield "   A code may be worth money: whoever reads it first can claim it."
    yield "   - Only the contact named above keeps the data. No forwarding, no cloud, no chats."
    yield "   - Unpack only on the computer that prints."
    yield "   - After the receipt is confirmed, delete the archive, the unpacked files, and the job"
    yield "     caches and backups of press, printer and layout software; empty the bin."
    yield "   - Shred spoiled labels and set-up sheets."
    yield ""
    yield "6. Programs that open it"
    yield from (f"   {line}" for line in OPENING_EN)


def _files(manifest: Manifest, _symbol: Sample) -> Iterator[str]:
    number = 6 if manifest.test else 7
    yield f"{number}. The data files (file, reel, rows, first and last serial)"
    yield from file_table(manifest.files)
    if len(manifest.files) > FILES_SHOWN:
        yield f"  ... {len(manifest.files):,} files in all; manifest.json lists the rest."
