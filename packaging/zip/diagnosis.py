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
from typing import BinaryIO

from ...codegen.errors import IntegrityError
from .kinds import HEAD, kind_of, other_archive, was_taken_for_text
from .reader import MAX_ENTRIES, PLAIN_NAME, broken
from .records import AES, End, Found, Header, cut_short, end_of, entries_of, read, size_of

_PROOF = ("manifest.json", "manifest.sig")
_JUNK = re.compile(r"(.*/)?(__MACOSX/.*|\.DS_Store|Thumbs\.db|desktop\.ini)", re.IGNORECASE)
_PIECE = re.compile(r"\.(z\d\d|\d{3}|part\d+)", re.IGNORECASE)
_SPANNED = (b"PK\7\x08PK\3\4", b"PK00PK\3\4")  # APPNOTE 8.5.3 and 8.5.4
_MIB = 1 << 20
_SHOWN = 3

# What mintmark writes (`reader.py`, rules 3 and 5).
_DATE, _NEEDED, _METHOD, _FLAGS = 0x21, 20, 99, 1
_EXTRA_LOCAL = (31,)  # bytes: both sizes as ZIP64, and AE-2
_EXTRA_CENTRAL = (11, 23, 31, 39)  # AE-2, behind up to three values as ZIP64

_ORIGINAL = (
    "use the archive as the custodian sent it: its SHA-256 stands in the handoff letter",
    "if it is gone, ask the custodian for it again",
)
_AGAIN = "download or copy it again, and compare its SHA-256 with the handoff letter"
_WHICH = "look for the file whose SHA-256 stands in the handoff letter"


def explained(file: BinaryIO, name: str, refusal: IntegrityError) -> IntegrityError:
    """The error to raise for the archive in `file`, called `name`, that met with `refusal`."""
    end = end_of(file)
    if end is None or end.behind < 0:
        return _without_end(file, name) or refusal
    if end.disks and read(file, 0, 4) != b"PK\3\4":
        return _piece()
    if end.behind > 0:
        return _longer(file, end)
    found = entries_of(file, end)
    if found is None:
        return _misplaced(file, name, end) or refusal
    return _packed_again(file, end, found) or refusal


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


def _longer(file: BinaryIO, end: End) -> IntegrityError:
    """Of an archive with bytes behind its end record."""
    if was_taken_for_text(read(file, 0, _MIB)):
        return _transferred_as_text()
    behind = read(file, size_of(file) - end.behind, _MIB)
    what = "zeros" if not any(behind) else "bytes"
    return IntegrityError(
        f"the archive is not as it was made: {end.behind:,} {what} were added behind its end",
        _AGAIN,
    )


def _misplaced(file: BinaryIO, name: str, end: End) -> IntegrityError | None:
    """Of an archive whose end record is right, but for the directory it points to."""
    head = read(file, 0, _MIB)
    if was_taken_for_text(head):
        return _transferred_as_text()
    moved = end.at - end.start - end.length
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


def _packed_again(file: BinaryIO, end: End, found: list[Found]) -> IntegrityError | None:
    """Of an archive that can be read, if it bears the marks of another program."""
    marks = [(item, mark) for item in found if (mark := _mark(item)) is not None]
    names = [item.central.name.decode("utf-8", "replace") for item in found]
    files = [name for name in names if not name.endswith("/")]
    if not _holds_package(files) and (marks or not found):
        return _foreign(files)
    files_marked = [(item, mark) for item, mark in marks if not item.central.name.endswith(b"/")]
    if 2 * len(files_marked) > len(files):
        (most, _), *_ = Counter(mark for _, mark in files_marked).most_common(1)
        return _repacked(f"its entries {most}")
    if marks:
        return changed(_added([item.central.name for item, _ in marks]))
    return _changed_around(file, end, found)


def _changed_around(file: BinaryIO, end: End, found: list[Found]) -> IntegrityError | None:
    """Of an archive whose entries bear no marks, if other parts of it do."""
    if end.comment:
        return changed("it has a comment")
    if read(file, 0, 8) in _SPANNED:
        return changed("it was split into pieces and joined")
    ordered = sorted(found, key=attrgetter("begin"))
    if ordered != found and _without_gaps(ordered, end):
        return changed("its directory was written anew, in another order")
    return None


def _without_gaps(ordered: list[Found], end: End) -> bool:
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


def _mark(item: Found) -> str | None:
    """What shows that another program wrote an entry's headers; None if nothing does.

    What is in a single place shows nothing, as a changed byte looks alike: the directory and
    the entry's own header must agree, or a header must be longer or shorter by whole fields.
    """
    one, other = item.central, item.local
    if other is None or one.name != other.name or one.method != other.method:
        return None
    if one.flags & 1 != other.flags & 1:
        return None
    if one.method != _METHOD:
        return _other_encryption(one) if one.flags == other.flags else None
    weaker = _other_aes(one, other)
    if weaker is not None:
        return weaker
    alike = [
        (one.time, one.date) == (other.time, other.date) != (0, _DATE),
        one.flags == other.flags != _FLAGS,
        one.needed == other.needed != _NEEDED,
        not PLAIN_NAME.fullmatch(one.name.decode("ascii", "replace")),
        _other_fields(one, _EXTRA_CENTRAL),
        _other_fields(other, _EXTRA_LOCAL),
    ]
    return "bear times or fields that mintmark does not write" if any(alike) else None


def _other_encryption(header: Header) -> str:
    if not header.flags & 1:
        return "are not encrypted"
    if header.flags & 0x40:
        return "are encrypted in PKWARE's way, not with AES-256 (AE-2)"
    return "are encrypted with ZipCrypto, not with AES-256 (AE-2)"


def _other_aes(one: Header, other: Header) -> str | None:
    """What AES encryption it is that both headers name, unless it is ours."""
    field = (one.extra or {}).get(AES, b"")
    if len(field) != 7 or field != (other.extra or {}).get(AES) or field[2:4] != b"AE":
        return None
    version, strength, method = field[0], field[4], field[5]
    if strength != 3:
        bits = {1: 128, 2: 192}.get(strength)
        return f"are encrypted with AES-{bits}, not with AES-256" if bits else None
    if version == 1:
        return "are encrypted with AES-256 in its older form (AE-1)"
    return None if method in (0, 8) else "are compressed in another way than deflated"


def _other_fields(header: Header, usual: tuple[int, ...]) -> bool:
    """Whether it has whole fields more or less than mintmark writes."""
    return header.extra is not None and AES in header.extra and header.extra_bytes not in usual
