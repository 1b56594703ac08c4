"""What a file is that was taken for an archive, by its first bytes.

It names the kinds that people hand over in a package's place: another archive, a page that a
browser saved, a notice that a mail gateway left. It proves nothing.

Signatures: APPNOTE 4.3.6 and 8.5.3 (ZIP), 7-Zip's 7zFormat.txt, RARLAB's technote (RAR),
RFC 1952 (gzip), POSIX pax (tar), RFC 8878 (Zstandard), and file(1)'s for the others.
"""

import re

HEAD = 4096  # bytes of a file that `kind_of` is given

_MAGIC = (
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"\x1f\x8b", "a gzip file (.gz, .tar.gz)"),
    (0, b"\xfd7zXZ\0", "an xz file (.xz, .tar.xz)"),
    (0, b"BZh", "a bzip2 file (.bz2, .tar.bz2)"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard file (.zst)"),
    (257, b"ustar", "a tar archive"),
    (0, b"MSCF", "a Windows cabinet (.cab)"),
    (0, b"MZ", "a program, perhaps a self-extracting archive"),
    (0, b"EGGA", "an EGG archive"),
    (0, b"ALZ\1", "an ALZ archive"),
    (0, b"xar!", "a XAR archive"),
    (2, b"-lh", "an LZH archive"),
)
_OTHER = (
    (0, b"%PDF", "a PDF document"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document of the older kind"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"\0\5\x16\7", "a Mac's companion file, whose name begins with ._"),
    (0, b"L\0\0\0\1\x14\2\0", "a Windows shortcut (.lnk), not the file it points to"),
    (0, b"[InternetShortcut]", "an Internet shortcut (.url), not the file it points to"),
    (0, b"SQLite format 3\0", "a database"),
    (0, b"age-encryption.org/", "a file encrypted with age"),
    (0, b"-----BEGIN PGP", "a file encrypted with PGP"),
    (0, b"UEsDB", "an archive in base64, as in the source text of a mail"),
)
_TEXTS = (
    (
        rb"(?is).*<(!doctype\s+html|html|head|body)\b",
        "it is a web page, perhaps of an error or a login",
    ),
    (
        rb"(?ims).*^(received|return-path|mime-version|message-id): ",
        "it is a whole mail, not its attachment",
    ),
    (rb"[{[]", "it is a server's answer (JSON), not a file"),
    (rb"<", "it is a server's answer (XML), not a file"),
    (rb"", "it is a text, perhaps a notice in place of an attachment"),
)


def other_archive(head: bytes) -> str | None:
    """The archive format, not ZIP, that a file with this `head` has; None if it has none."""
    return _by_magic(head, _MAGIC)


def kind_of(head: bytes) -> str | None:
    """What a file with this `head` is, if it is no archive; None if that cannot be said.

    `head`: its first `HEAD` bytes, or all of it.
    """
    if not head:
        return "it is empty"
    if not any(head):
        return "it begins with zeros, so it was not written to its end"
    found = _by_magic(head, _OTHER)
    if found:
        return f"it is {found}"
    text = _text(head)
    if text is None:
        return None
    return next(what for pattern, what in _TEXTS if re.match(pattern, text[:1024]))


def _by_magic(head: bytes, table: tuple[tuple[int, bytes, str], ...]) -> str | None:
    return next((name for at, magic, name in table if head.startswith(magic, at)), None)


def _text(head: bytes) -> bytes | None:
    """`head` without a byte order mark and leading space, if it is text; None if it is not."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "replace").encode("utf-8")
    controls = head.translate(None, bytes(range(0x20, 0x100)) + b"\t\n\r\f\x1b")
    return None if controls else head.removeprefix(b"\xef\xbb\xbf").lstrip()


def was_taken_for_text(data: bytes) -> bool:
    """Whether the first mebibyte of an archive shows that a transfer changed it as text.

    Encrypted bytes hold every value alike, so one line feed in 256 follows a carriage return.
    """
    feeds = data.count(b"\n")
    if feeds >= 20 and data.count(b"\r\n") == feeds:  # FTP in its ASCII mode, to Windows
        return True
    if len(data) >= 1 << 20 and b"\r\n" not in data:  # from Windows; 16 are due
        return True
    return 12 * data.count(b"\xef\xbf\xbd") > len(data)  # decoded as UTF-8 and encoded again
