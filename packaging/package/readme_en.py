"""README.txt in English. Pure.

What depends on the profile stands in `data_en`, `order_en` and `printing_en`.
"""

from collections.abc import Iterator
from dataclasses import replace

from ...codegen.codes.template import BARE
from ...codegen.ranges.serials import describe
from ..profiles.profile import FileFormat
from . import data_en, order_en, pair_en, printing_en
from .paper import FILES_SHOWN, OPENING_EN, REHEARSED_EN, TEST_EN, file_table, fill, local_time
from .readme_facts import Facts

_ROLES = {
    "item": "codes of single items",
    "inner": "inner codes, hidden in the pack",
    "outer": "outer codes, open on the pack",
    "carton": "carton codes",
    "pallet": "pallet codes",
    "batch": "batch codes",
    "guide": "shop guides' codes",
}
_PLACES = {
    "inner": "under a scratch layer, in the cap or in the pack; never visible from outside",
    "outer": "open on the pack, where it is seen and scanned: on the bottle, on the box",
    "carton": "on the carton's outside; one code per carton",
    "pallet": "on the outside of the loaded pallet; one code per pallet",
    "batch": "outside on every item of the lot, which share the code",
    "guide": "on the card or tag that shop guides keep; never handed to consumers",
}
_FORMS = {
    FileFormat.TEXT: "text; the press or layout program draws the QR symbols",
    FileFormat.XLSX: "Excel workbooks; the press or layout program draws the QR symbols",
    FileFormat.PNG: "a PNG picture per code, and a list",
    FileFormat.SVG: "an SVG drawing per code, and a list",
    FileFormat.BMP: "a 1-bit BMP picture per code, and a list",
    FileFormat.PDF: "imposed PDF sheets",
}
_ITEM, _MORE = "   - ", "     "


def sections(facts: Facts) -> Iterator[Iterator[str]]:
    """The sections, in order, as lines."""
    for section in (_head, _check, data_en.data, printing_en.printing, _after, _files):
        yield section(facts)


def _head(facts: Facts) -> Iterator[str]:
    yield "One item, one code: how this is printed"
    yield ""
    if facts.manifest.test:
        yield from fill(TEST_EN)
        yield ""
    yield from particulars(facts)


def particulars(facts: Facts) -> Iterator[str]:
    """The lines with which README.txt and the letter begin: the job at a glance."""
    manifest, about = facts.manifest, facts.about
    yield from _line("Package:", manifest.package)
    if about.reprints:
        text = f"of {about.reprints}: destroy its data, reels and labels, and use it no more"
        yield from _line("Reprint:", text)
    if about.replaces:
        text = f"spoiled codes of {about.replaces}; these are other, new codes"
        yield from _line("Replaces:", text)
    yield from _line("Product:", about.product or "")
    yield from _line("Batch:", f"{manifest.batch} ({role(about.role)})")
    yield from _line("Place:", _PLACES.get(about.role, ""))
    yield from _line("Place 2:", _PLACES.get(facts.second_role, ""))
    yield from _line("Pair:", pair_en.contents(facts))
    yield from _line("Pair:" if manifest.second is None else "Besides:", _elsewhere(facts))
    yield from _line("Profile:", f"{facts.profile.name} ({_FORMS[facts.profile.kind]})")
    yield from _line("Symbol:", _symbol(facts))
    if facts.second is not None:
        yield from _line("Symbol 2:", _symbol(replace(facts, symbol=facts.second)))
    yield from _line("Ink:", printing_en.ink(facts))
    if facts.look.mirror:
        side = "back of transparent material (mirrored); it reads right from the front"
        yield from _line("Side:", side)
    if facts.sheet is not None:
        yield from _line("Marks:", printing_en.marks(facts))
    yield from _line("Contact:", f"{manifest.contact_name} ({manifest.contact_id})")
    yield from _line("Sender:", about.sender.described(", "))
    yield from _line("Made:", local_time(manifest))
    pairs = f" pairs, {2 * manifest.quantity:,} codes" if manifest.second else ""
    yield from _line("Codes:", f"{manifest.quantity:,}{pairs}")
    if facts.copies > 1:
        text = f"{facts.copies:,} of each code, {manifest.labels:,} labels in all"
        yield from _line("Copies:", text)
    yield from _line("Serials:", describe(manifest.serials, most=10))
    yield from _line("Files:", f"{len(manifest.files):,}; {order_en.unit(facts)}")


def role(name: str) -> str:
    """What codes of a role are called."""
    return _ROLES.get(name, name)


def _elsewhere(facts: Facts) -> str:
    """The other codes on the same items, which are another printer's."""
    named = ", ".join(f"{batch} ({role(name)})" for batch, name in facts.elsewhere)
    if not named:
        return ""
    return (
        f"each item also bears a code of batch {named}; codes with the same serial are on the same "
        "item. That is another package, for another print shop: it is not in this one, and data, "
        "reels and labels of the two must never be mixed"
    )


def _line(title: str, text: str) -> Iterator[str]:
    """A title and what stands behind it; nothing if there is nothing."""
    if text:
        yield from fill(text, f"{title:<10}", " " * 10)


def _symbol(facts: Facts) -> str:
    symbol, look = facts.symbol, facts.look
    return (
        f"version {symbol.version}, {symbol.modules} x {symbol.modules} modules, level "
        f"{look.level}; with quiet zone {facts.size} x {facts.size} mm ({facts.dots} x "
        f"{facts.dots} dots at {look.dpi} dpi, {look.dots} dots per module)"
    )


def _check(facts: Facts) -> Iterator[str]:
    manifest, profile = facts.manifest, facts.profile
    besides = [
        *(["line of column names"] if profile.header and profile.has_rows else []),
        *(["set-up rows"] if any(facts.set_up_rows) else []),
    ]
    not_counted = f" ({' and '.join(besides)} not counted)" if besides else ""
    rows = "rows" if profile.has_rows else "codes"
    serials = " and serials" if facts.shows_serials else ""
    yield "1. Check before printing"
    text = (
        f"Compare the number of files, and of each its {rows}{not_counted}{serials}, with the list "
        "at the end."
    )
    yield from fill(text, _ITEM, _MORE)
    yield from fill(_sample(facts), _ITEM, _MORE)
    for line in pair_en.sample(facts):
        yield from fill(line, _MORE)
    text = "Use a scanner, or an app that shows the text and opens no page."
    yield from fill(text, _MORE)
    if facts.is_odd:
        yield from fill(_odd(facts), _MORE)
    if not manifest.test:
        text = "The sample shows a real code: only to compare, never to print."
        yield from fill(text, _MORE)
    sender = facts.about.sender.described(", ")
    call = f"the sender: {sender}" if sender else "the sender"
    yield from fill(f"If anything differs, do not start; call {call}.", "   ")


def _sample(facts: Facts) -> str:
    """What the sample must say."""
    sample = facts.manifest.samples[0]
    file = facts.file_of(sample.serial).name
    if not facts.profile.has_rows:
        return (
            f"Read {sample.name}. It must say exactly what the first symbol says, upper left on "
            f"sheet 1 of {file} (serial {sample.serial}): {_begins(facts)}"
        )
    row = f"row {facts.first_row}" if facts.by_row else f"the row of serial {sample.serial}"
    if facts.payload_column is not None and facts.is_one_text_a_line:
        text = f"Read {sample.name}. It must say exactly what {row} of {file} says."
    elif facts.payload_column is not None:
        text = (
            f"Read {sample.name}. It must say exactly what column {facts.payload_column} says in "
            f"{row} of {file}."
        )
    else:
        text = (
            f"Read {sample.name}. It must say exactly {data_en.formula(facts)}, with the code "
            f"in {row} of {file}."
        )
    if facts.profile.pictures:
        text += f" The picture {facts.first_picture} must say the same."
    return text


def _begins(facts: Facts) -> str:
    if facts.manifest.template == BARE:
        return f"a code of {facts.manifest.code_length} characters."
    return f"{data_en.formula(facts)}."


def _odd(facts: Facts) -> str:
    """How a sample is read that is not dark on light, or not the right way round."""
    look = facts.look
    how = [*(["inverted"] if look.invert else []), *(["mirrored"] if look.mirror else [])]
    turn = [*(["invert"] if look.invert else []), *(["flip"] if look.mirror else [])]
    return (
        f"The sample is drawn as the symbols are: {' and '.join(how)}. Some scanners and programs "
        f"cannot read that: set the scanner so that it does, or {' and '.join(turn)} the picture "
        "in a viewer first."
    )


def _after(facts: Facts) -> Iterator[str]:
    if facts.manifest.test:
        yield "4. What to look at, and afterwards" if facts.rehearses else "4. Afterwards"
        if facts.rehearses:
            yield from fill(REHEARSED_EN, "   ")
        text = (
            "No receipt. Tell the sender what did not scan or differed; destroy the sheets, "
            "delete the data."
        )
        yield from fill(text, "   ")
        yield ""
        yield "5. Programs that open it"
    else:
        yield from _receipt(facts)
        yield ""
        yield "6. Programs that open it"
    for line in OPENING_EN:
        yield from fill(line, _ITEM, _MORE)


def _receipt(facts: Facts) -> Iterator[str]:
    yield "4. Send back a receipt (the handoff letter has a form)"
    spoiled = "spoiled serials: misprints, set-up, splices, cut-offs; where unknown, how many;"
    more = "anything printed twice, reprinted or lost, honestly: those codes will be voided."
    if facts.copies > 1:
        spoiled = (
            "how many labels are spoiled: misprints, set-up, splices, cut-offs. Their number, no "
            "serials: the code is not void, print it again until its labels are complete. A serial "
            "is spoiled only if all its labels are;"
        )
        more = "labels printed too many or lost, honestly: serials and how many."
    printed = "The package, and the serials that were really printed, reel by reel (box, pile);"
    both = "" if facts.manifest.second is None else pair_en.RECEIPT
    for text in filter(None, (printed, spoiled, both, more)):
        yield from fill(text, _ITEM, _MORE)
    yield "   The codes are activated once the receipt adds up."
    yield ""
    yield "5. Keep and destroy"
    yield "   A code may be worth money: whoever reads it first can claim it."
    for text in (
        "Only the contact named above keeps the data. No forwarding, no cloud, no chats.",
        "Unpack only on the computer that prints.",
        (
            "After the receipt is confirmed, delete the archive, the unpacked files, and the job "
            "caches and backups of press, printer, laser and layout software; empty the bin."
        ),
        "Shred spoiled labels and set-up sheets.",
    ):
        yield from fill(text, _ITEM, _MORE)


def _files(facts: Facts) -> Iterator[str]:
    manifest = facts.manifest
    number = 6 if manifest.test else 7
    rows = "rows" if facts.profile.has_rows else "codes"
    yield f"{number}. The data files (file, reel, {rows}, first and last serial)"
    yield from file_table(manifest.files)
    if len(manifest.files) > FILES_SHOWN:
        yield f"  ... {len(manifest.files):,} files in all; manifest.json lists the rest."
