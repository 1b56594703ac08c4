"""`package verify-print`: the symbols of a photographed or scanned proof, held against the books.

    1. the symbols of every page are read (`find_symbols.py`);
    2. the code in each symbol is found by the recorded payload templates, and located in the
       books by its fingerprint (`recognise.py`);
    3. per page, the symbols that are out of order are found (`arrangement.py`);
    4. per package, doubled, missing, void and otherwise wrong symbols are reported, and those
       that look otherwise than the profile asks (`look_check.py`);
    5. of each label the books tell what `locate` tells (`labels.py`);
    6. if nothing is wrong, and it was asked for, the labels are booked as verified.

No code is shown, whatever was read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...codegen.errors import Refused, UsageError
from ...codegen.invocation import Invocation
from ...codegen.ledger.view import View
from ...codegen.ranges.serials import Ranges, of
from . import page_images
from .arrangement import Printed, missing, out_of_order
from .due import Due, due_of
from .find_symbols import FoundSymbol, symbols_on
from .labels import book, labels_of, told
from .look_check import check_looks
from .print_result import MIN_ORDERED, PrintedPackage, PrintedPicture, PrintVerified
from .recognise import Known, Read

MAX_FILES = 1_000


def verify_print(
    invocation: Invocation, files: Sequence[Path], *, booked: bool = False
) -> PrintVerified:
    """Read the pictures and PDFs `files`; `booked`: book the labels of a right proof as verified.

    A file that is named twice is read once, and what was booked before is not booked again. Raises
    `NotFound`; `UsageError` if a file is no picture, or no symbol is found at all;
    `EnvironmentFailure` if a PDF needs a program that is not installed; `Refused` for labels with
    two codes.
    """
    if len(files) > MAX_FILES:
        raise UsageError(f"at most {MAX_FILES:,} files at once", "name fewer files per call")
    station = invocation.station()
    pages, found = _read_pages(invocation, list(dict.fromkeys(files)))  # 1
    flat = list(_legible(found))
    with station.ledger.read() as view:
        known = Known(view)
    read = [item for item in known.find(station, flat) if item is not None]  # 2
    with station.ledger.read() as view:
        _refuse_pairs(view, read)
        due = due_of(view, read, invocation.home)
    ordered = [_order(at, read, due) for at in range(len(found))]  # 3
    pictures = tuple(map(_picture, pages, found, ordered))
    wrong = {id(item) for disorder in ordered for item in disorder or ()}
    packages = tuple(_packages(read, due, wrong, pages))  # 4
    labels = labels_of(station, read, pages)  # 5
    with station.ledger.read() as view:
        packages = tuple(told(view, package, labels) for package in packages)
    unreadable = sum(len(picture.unreadable) for picture in pictures)
    ok = not unreadable and len(read) == len(flat) and all(item.right for item in packages)
    return PrintVerified(
        ok=ok,
        symbols=len(flat),
        unreadable=unreadable,
        unknown=len(flat) - len(read),
        packages=book(station, packages, read) if booked and ok else packages,  # 6
        pictures=pictures,
        labels=tuple(label for _, label in labels),
        book=booked,
    )


def _legible(found: Sequence[Sequence[FoundSymbol]]) -> Iterator[tuple[int, FoundSymbol]]:
    """The symbols that were read, each with the place of its page."""
    for at, seen in enumerate(found):
        yield from ((at, symbol) for symbol in seen if symbol.content is not None)


def _refuse_pairs(view: View, read: Sequence[Read]) -> None:
    """Raises `Refused` for labels with two codes: their order and places are not known here."""
    for package in sorted({item.package for item in read if item.package}):
        row = view.package(package)
        if row.pair is not None:
            raise Refused(
                f"package {package} has two codes on each label, of batches {row.batch} and"
                f" {row.pair}: verify-print reads proofs of one code a label",
                "compare some labels by hand: both codes of a label have one serial, and mintmark"
                " locate - says which a scanned code has",
                package=package,
            )


def _read_pages(
    invocation: Invocation, files: Sequence[Path]
) -> tuple[list[tuple[Path, int]], list[list[FoundSymbol]]]:
    """(File, page) and symbols of every page, in order."""
    pages: list[tuple[Path, int]] = []
    found: list[list[FoundSymbol]] = []
    for done, file in enumerate(files):
        invocation.progress("reading", done, len(files))
        for number, page in enumerate(page_images.pages(file), start=1):
            pages.append((file, number))
            found.append(symbols_on(page))
    if not any(found):
        raise UsageError(
            "there is no QR symbol in these pictures",
            "photograph nearer, sharp and without glare; or scan at 300 dpi or more",
        )
    return pages, found


def _order(at: int, read: Sequence[Read], due: Due) -> list[Read] | None:
    """The symbols of a picture that are out of order; None if the order is not known.

    Two sheets may lie on one scanner, in any order.
    """
    sheets: dict[tuple[str, int], list[Read]] = defaultdict(list)
    for item in read:
        if item.picture == at:
            sheets[due.sheet_of(item)].append(item)
    found = [_disorder(sheet) for sheet in sheets.values()]
    if any(wrong is None for wrong in found):
        return None
    return [item for wrong in found for item in wrong or ()]


def _disorder(here: Sequence[Read]) -> list[Read] | None:
    if len(here) < MIN_ORDERED:
        return []
    groups = sorted({item.group for item in here})
    # In a direction of reading, serials ascend on every sheet, whatever its order.
    keys = [(groups.index(item.group), item.serial) for item in here]
    wrong = out_of_order([item.symbol for item in here], keys)
    return None if wrong is None else [here[index] for index in wrong]


def _picture(
    where: tuple[Path, int], seen: Sequence[FoundSymbol], disorder: Sequence[Read] | None
) -> PrintedPicture:
    file, page = where
    unread = [(round(symbol.x), round(symbol.y)) for symbol in seen if symbol.content is None]
    ordered = None if disorder is None else not disorder
    return PrintedPicture(
        file.absolute(), page, len(seen) - len(unread), tuple(sorted(unread)), ordered
    )


def _packages(
    read: Sequence[Read],
    due: Due,
    wrong: set[int],
    pages: Sequence[tuple[Path, int]],
) -> Iterator[PrintedPackage]:
    groups: dict[tuple[str, str, bool], list[Read]] = defaultdict(list)
    for item in read:
        groups[item.group].append(item)
    for (batch, package, test), items in sorted(groups.items()):
        often = Counter((pages[item.picture][0], item.unit, item.serial) for item in items)
        units: dict[str | None, set[int]] = defaultdict(set)
        for item in items:
            units[item.unit].add(item.serial)
        look = check_looks(items, due.looks[package or None])
        yield PrintedPackage(
            package=package or None,
            batch=batch or None,
            test=test,
            units=tuple(sorted(unit for unit in units if unit)),
            serials=of(item.serial for item in items),
            symbols=len(items),
            doubled=of(
                serial for (_, unit, serial), times in often.items() if times > due.copies(unit)
            ),
            missing=() if test and due.may_be_sheets(items) else _missing(units, due.units),
            out_of_order=of(item.serial for item in items if id(item) in wrong),
            void=of(item.serial for item in items if item.void),
            other_address=of(item.serial for item in items if item.other_address),
            mirrored=of(item.serial for item in look.mirrored),
            light_on_dark=of(item.serial for item in look.light_on_dark),
            notes=look.notes,
        )


def _missing(units: dict[str | None, set[int]], printed: dict[str, Printed]) -> Ranges:
    return tuple(
        sorted(
            piece
            for unit, serials in units.items()
            for piece in missing(serials, printed.get(unit or ""))
        )
    )
