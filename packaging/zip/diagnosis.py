"""Why an archive was refused, in words that help: what it is, rather than where it first differs.

The strict reader (`reader.entries`) alone decides what is accepted. What it refused is looked at
here once more, leniently, and sorted by what the person who holds it can do:

    not whole      an empty file, a broken download, one piece of several: copy it again
    no package     a web page, a picture, another archive: look for the right file
    packed again   unpacked and packed by another program, or changed by one: use the original
    altered        everything else: the strict reader's own words

None of this is proof. Names, sizes and the directory are not authenticated, so an attacker can
choose which of these is said; the archive stays refused, with the same exit code.
"""

import re
from collections import Counter
from operator import attrgetter
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from ...codegen.errors import IntegrityError
from .kinds import HEAD, kind_of, other_archive, was_taken_for_text
from .reader import MAX_ENTRIES, PLAIN_NAME, broken
from .records import (
    EndRecord,
    UnreadableError,
    cut_short,
    end_of,
    entries_of,
    read,
    size_of,
)
from .traces import trace_of

_PROOF = ("manifest.json", "manifest.sig")
_JUNK = re.compile(r"(.*/)?(__MACOSX/.*|\.DS_Store|Thumbs\.db|desktop\.ini)", re.IGNORECASE)
_PIECE = re.compile(r"\.(z\d\d|\d{3}|part\d+)", re.IGNORECASE)
_SPANNED = (b"PK\7\x08PK\3\4", b"PK00PK\3\4")  # APPNOTE 8.5.3 and 8.5.4
_MIB = 1 << 20
_SHOWN = 3

_ORIGINAL = (
    "use the archive as the custodian sent it: its SHA-256 stands in the handoff letter",
    "if it is gone, ask the custodian for it again",
)
_AGAIN = "download or copy it again, and compare its SHA-256 with the handoff letter"
_WHICH = "look for the file whose SHA-256 stands in the handoff letter"


class _Seen(NamedTuple):
    """An entry: what shows that another program wrote it, and the offsets of its two ends."""

    name: bytes
    mark: str | None
    begin: int
    stop: int

    @property
    def is_folder(self) -> bool:
        return self.name.endswith(b"/")


def explained(file: BinaryIO, name: str, refusal: IntegrityError) -> IntegrityError:
    """The error to raise for the archive in `file`, called `name`, that met with `refusal`."""
    end = end_of(file)
    if end is None or end.behind < 0:
        return _without_end(file, name) or refusal
    if end.disks and read(file, 0, 4) != b"PK\3\4":
        return _piece()
    if end.behind > 0:
        return _longer(file, end)
    try:
        seen = [
            _Seen(item.central.name, trace_of(item), item.begin, item.stop)
            for item in entries_of(file, end, MAX_ENTRIES)
        ]
    except UnreadableError:
        return _misplaced(file, name, end) or refusal
    return _packed_again(file, end, seen) or refusal


def changed(evidence: str) -> IntegrityError:
    """The error for a package's archive that another program has changed."""
    return IntegrityError(f"the archive was changed by another program: {evidence}", *_ORIGINAL)


def _repacked(evidence: str) -> IntegrityError:
    return IntegrityError(
        f"the archive was packed again by another program: {evidence}", *_ORIGINAL
    )


def _not_whole(what: str) -> IntegrityError:
    return IntegrityError(f"the archive is not whole: {what}", _AGAIN)


def _no_package(what: str, *hints: str) -> IntegrityError:
    return IntegrityError(f"this is no package: {what}", *(hints or (_WHICH,)))


def _piece() -> IntegrityError:
    return IntegrityError(
        "the archive is not whole: it is one piece of an archive that was split",
        "put all its pieces in one folder, and join them with the program that split it",
        _ORIGINAL[0],
    )


def _without_end(file: BinaryIO, name: str) -> IntegrityError | None:
    """Of a file that does not end like an archive."""
    head = read(file, 0, HEAD)
    if head.startswith(_SPANNED):
        return _piece()
    if not head.startswith(b"PK\3\4"[: max(1, len(head))]):
        return _of_another_kind(name, head)
    if was_taken_for_text(read(file, 0, _MIB)):
        return _transferred_as_text()
    return _without_its_rest(file, name)


def _without_its_rest(file: BinaryIO, name: str) -> IntegrityError | None:
    """Of an archive that begins well."""
    size = size_of(file)
    if not any(read(file, max(0, size - 22), 22)):
        return _not_whole("it ends in zeros, as a download that was not finished")
    cut = cut_short(file, MAX_ENTRIES)
    if cut is None:
        return None
    within, needed = cut
    if _PIECE.fullmatch(PurePath(name).suffix):
        return _piece()
    return _not_whole(f"it is cut short in {within}: {size:,} bytes of at least {needed:,}")


def _transferred_as_text() -> IntegrityError:
    return IntegrityError(
        "the archive was damaged on its way: it was transferred as text",
        "transfer it again as a binary file (FTP: TYPE I)",
    )


def _of_another_kind(name: str, head: bytes) -> IntegrityError:
    archive = other_archive(head)
    if archive is not None:
        return _repacked(f"it is {archive}, not a ZIP archive")
    if _PIECE.fullmatch(PurePath(name).suffix):
        return _piece()
    kind = kind_of(head)
    if kind is None:
        return broken("it neither begins nor ends like an archive")
    return _no_package(kind) if any(head) else _not_whole(kind)


def _longer(file: BinaryIO, end: EndRecord) -> IntegrityError:
    """Of an archive with bytes behind its end record."""
    if was_taken_for_text(read(file, 0, _MIB)):
        return _transferred_as_text()
    behind = read(file, size_of(file) - end.behind, _MIB)
    what = "zeros" if not any(behind) else "bytes"
    return IntegrityError(
        f"the archive is not as it was made: {end.behind:,} {what} were added behind its end",
        _AGAIN,
    )


def _misplaced(file: BinaryIO, name: str, end: EndRecord) -> IntegrityError | None:
    """Of an archive whose end record is right, but for the directory it points to."""
    head = read(file, 0, _MIB)
    if was_taken_for_text(head):
        return _transferred_as_text()
    moved = end.at - end.start - end.length
    if end.length > end.at:  # the directory begins in an earlier piece
        return None if head[:4] in {b"", b"PK\3\4"} else _last_piece(name)
    if moved and read(file, end.at - end.length, 4) == b"PK\1\2":
        if moved < 0:
            return None if head.startswith(b"PK\3\4") else _last_piece(name)
        if read(file, moved, 4) == b"PK\3\4":
            what = other_archive(head[:HEAD])
            return (
                _repacked(f"it begins like {what}")
                if what
                else broken(f"{moved:,} bytes were put in front of it")
            )
    return None


def _last_piece(name: str) -> IntegrityError:
    if _PIECE.fullmatch(PurePath(name).suffix):
        return _piece()
    return _not_whole("its beginning is missing; perhaps it is the last of several pieces")


def _packed_again(file: BinaryIO, end: EndRecord, seen: list[_Seen]) -> IntegrityError | None:
    """Of an archive that can be read, if it bears the marks of another program."""
    files = [item for item in seen if not item.is_folder]
    marked = [item for item in seen if item.mark]
    names = [item.name.decode("utf-8", "replace") for item in files]
    if not _holds_package(names) and (marked or not seen):
        return _foreign(names)
    marks = Counter(item.mark for item in files if item.mark)
    if 2 * marks.total() > len(files):
        return _repacked(f"its entries {marks.most_common(1)[0][0]}")
    if marked:
        return changed(_added([item.name for item in marked]))
    return _changed_around(file, end, seen)


def _changed_around(file: BinaryIO, end: EndRecord, seen: list[_Seen]) -> IntegrityError | None:
    """Of an archive whose entries bear no marks, if other parts of it do."""
    if end.comment:
        return changed("it has a comment")
    if read(file, 0, 8) in _SPANNED:
        return changed("it was split into pieces and joined")
    ordered = sorted(seen, key=attrgetter("begin"))
    if ordered != seen and _without_gaps(ordered, end):
        return changed("its directory was written anew, in another order")
    return None


def _without_gaps(ordered: list[_Seen], end: EndRecord) -> bool:
    begins = [item.begin for item in ordered] + [end.start]
    return begins[0] == 0 and begins[1:] == [item.stop for item in ordered]


def _holds_package(names: list[str]) -> bool:
    """Whether manifest and signature are among the files, all in one folder or in none."""
    folders = [
        {name.removesuffix(proof) for name in names if name.endswith(proof)} for proof in _PROOF
    ]
    return any(not folder or folder.endswith("/") for folder in folders[0] & folders[1])


def _foreign(names: list[str]) -> IntegrityError:
    """Of an archive that holds no package's files."""
    if not names:
        return _no_package("it is an archive without a file")
    ours = [name for name in names if not _JUNK.fullmatch(name)]
    if len(ours) == 1 and ours[0].lower().endswith(".zip"):
        inner = ours[0] if PLAIN_NAME.fullmatch(ours[0]) else "another archive"
        return IntegrityError(
            f"the archive was packed again by another program: it holds {inner}, whole",
            "unpack it once, and verify the archive that is in it",
        )
    if "[Content_Types].xml" in names:
        return _no_package("it is an Office document")
    return _no_package("it is an archive of other files, without manifest.json and manifest.sig")


def _added(names: list[bytes]) -> str:
    """That these entries came to it."""
    texts = [name.decode("ascii", "replace") for name in names]
    shown = [text for text in texts if PLAIN_NAME.fullmatch(text)]
    shown += ["the folder __MACOSX"] * any(text.startswith("__MACOSX/") for text in texts)
    if not shown:
        return "it added or changed an entry, whose name is not a plain one"
    shown = shown[:_SHOWN]
    more = f" and {len(texts) - len(shown)} more" if len(texts) > len(shown) else ""
    return f"it added or changed {', '.join(shown)}{more}"
