"""README.txt in English: what the data files hold. Pure."""

from collections.abc import Iterator

from ...codegen.codes.template import BARE
from ..profiles import columns
from ..profiles.geometry import Paint, Sheet, Text
from ..profiles.profile import FileFormat
from . import pair_en
from .paper import cells, fill
from .readme_facts import LINE_ENDS, Facts

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
_QUOTES = {
    "all": "every field in double quotes, ",
    "some": "fields that hold a delimiter or a quote in double quotes, ",
}


def formula(facts: Facts) -> str:
    """What a symbol says, made of the code."""
    prefix, suffix = facts.around_code
    code = f"column {facts.code_column}" if facts.code_column and facts.profile.has_rows else "code"
    return " + ".join(filter(None, (prefix, code, suffix)))


def data(facts: Facts) -> Iterator[str]:
    """The section on the data files."""
    profile = facts.profile
    yield "2. What the data files hold"
    if facts.sheet is not None:
        yield from _pages(facts)
        return
    yield from fill(_form(facts), "   ")
    wide = max(cells(column.name) for column in profile.columns)
    for column in profile.columns:
        title = " " * 5 + column.name + " " * (wide + 2 - cells(column.name))
        blank = " " * (min(wide, 16) + 7)
        yield from fill(_says(facts, column.source, column.name), title, blank)
    if facts.payload_column is None:
        begin = "The symbols say" if facts.is_drawn else "No column holds what a symbol says: join"
        glue = "" if facts.is_drawn else ", without blanks or the +"
        yield from fill(f"{begin} {formula(facts)}{glue}.", "   ")
    for line in pair_en.formula(facts):
        yield from fill(line, "   ")
    if facts.counts_serials:
        text = (
            "Rows hold no serials: in the list below, the first serial of a file is that of its "
            "first code, and each code has one more than the code before."
        )
        yield from fill(text, "   ")
    yield from fill(_programs(facts), "   ")
    if any(facts.set_up_rows):
        yield from fill(_set_up(facts), "   ")


def _form(facts: Facts) -> str:
    profile = facts.profile
    header = "first line: column names" if profile.header else "no line of column names"
    if not profile.header and len(profile.columns) > 1:
        header += "; columns stand in this order"
    if profile.kind is FileFormat.XLSX:
        return f"Excel workbooks, every cell text; {header}."
    encoding = _ENCODINGS[profile.encoding]
    between = f"columns split by {_DELIMITERS[profile.delimiter]}, "
    split = between if len(profile.columns) > 1 else ""
    quotes = _QUOTES.get(facts.says_quotes, "")
    return f"{encoding}, {split}{quotes}lines ending in {LINE_ENDS[profile.line_end]}, {header}."


def _says(facts: Facts, source: str, name: str) -> str:
    drawn = "It is here to compare: the pictures are drawn already."
    copy = "The QR symbol says this: copy it unchanged, every character."
    use = f" {drawn if facts.is_drawn else copy}" if name == facts.payload_column else ""
    bare = facts.manifest.template == BARE
    if source in columns.PAIR.values():
        return pair_en.columns(facts, source, name)
    return {
        "serial": "Serial number. Not a secret: it may be printed beside the label to find it.",
        "code": f"The code, {facts.manifest.code_length} characters. Text, never a number.{use}",
        "url": f"{'The code again.' if bare else 'The whole text of the symbol.'}{use}",
        "package": "The package.",
        "batch": "The batch.",
        "unit": "The reel (roll, box).",
        "lane": "The lane across the web that this row prints on, from 1.",
        "copies": "How many labels this row's code is printed on; the same in every row.",
        "image": "The picture file, from the folder you unpacked into.",
        "text": "A constant, the same on every row.",
    }[source]


def _programs(facts: Facts) -> str:
    """What programs do to the data."""
    if facts.profile.kind is FileFormat.XLSX:
        return (
            "Never sort or filter. A program must read every cell as text: pandas with dtype=str; "
            "polars (xlsx2csv) and others turn cells into numbers and drop leading zeros."
        )
    text = "Never save a file from Excel: it drops leading zeros and turns codes into numbers."
    return text + " A program must read every field as text (pandas: dtype=str)." * facts.has_digits


def _set_up(facts: Facts) -> str:
    front, behind = facts.set_up_rows
    where = " and ".join(
        [
            *([f"the first {front:,}"] if front else []),
            *([f"the last {behind:,}"] if behind else []),
        ]
    )
    mark = " (serial 0)" if "serial" in facts.profile.sources else ""
    return (
        f"In every file {where} rows are dummy codes for set-up{mark}: never on a real product. "
        f"The first real code is in row {facts.first_row:,}. The list below does not count them."
    )


def _pages(facts: Facts) -> Iterator[str]:
    sheet = facts.sheet
    assert sheet is not None  # noqa: S101 - `data` asked
    across, down = sheet.page
    drawn = (
        "vectors of one colour"
        if sheet.paint is Paint.PATHS
        else "one-bit image masks: switch off smoothing and interpolation"
    )
    yield from fill(f"Every data file is a PDF ready to print ({drawn}), without fonts.", "   ")
    if facts.is_single_label:
        yield from fill(f"A page is a label of {across:g} x {down:g} mm.", "   ")
    else:
        yield from fill(_labels(sheet), "   ")
    for line in pair_en.places(facts):
        yield from fill(line, "   ")
    under = {
        Text.NONE: "Nothing stands under the symbols.",
        Text.SERIAL: "The serial stands under each symbol.",
        Text.CODE: "The code itself stands under each symbol"
        + (
            "."
            if facts.manifest.test
            else ", and whoever sees it can use it: keep printed sheets like cash."
        ),
    }[sheet.text]
    heading = (
        " The heading names package, reel, sheet and serials: report spoiled sheets by it."
        if sheet.header
        else ""
    )
    yield from fill(under + heading, "   ")


def _labels(sheet: Sheet) -> str:
    (across, down), (wide, high) = sheet.page, sheet.label
    return (
        f"Page {across:g} x {down:g} mm; {sheet.columns} across and {sheet.rows} down, "
        f"{sheet.labels_per_sheet:,} labels on a sheet; label {wide:g} x {high:g} mm, gutters "
        f"{sheet.gutter[0]:g} mm across, {sheet.gutter[1]:g} mm down"
        + (f", {sheet.bleed:g} mm for bleed around each label" if sheet.bleed else "")
        + "."
    )
