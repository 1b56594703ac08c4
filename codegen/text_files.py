r"""Files that people and programs hand in: their bytes become text, and the text may be a table.

Pure. The text is UTF-8, or GB18030 as a Chinese Excel writes it. No byte of a file says which of
the two it is. What both could mean is refused, never guessed:

1. A byte order mark settles it: the file is UTF-8.
2. UTF-8 cut within its last character is a file cut short, and not GB18030.
3. UTF-8 that holds pairs of bytes alone may be GB18030 as well: `\xc2\xb3` is U+00B3 there and
   鲁 here. It is taken only where the letters around it are Latin.
4. GB18030 of which some lines are UTF-8 was put together from two files.
"""

import re

from .errors import UsageError

_UTF8 = "save it as UTF-8 with a byte order mark: CSV UTF-8 in Excel and WPS"
_BOM = b"\xef\xbb\xbf"
# What is handed in under a name that ends in .csv or .txt.
_OTHER = (
    (b"PK\x03\x04", "a workbook or an archive"),
    (b"\xd0\xcf\x11\xe0", "an old workbook (xls)"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"%PDF", "a PDF"),
)
# Whoever copies to a file server may get the size first, and the content later.
_ZEROS = b"\0\0\0\0"
# The first line that tells Excel which separator follows.
_SEPARATOR = re.compile(r"\s*\"?sep=([,;\t])\"?[,;\t ]*(?=[\r\n]|\Z)", re.IGNORECASE)
_FIRST_LINE = re.compile(r"[^\r\n]*\S[^\r\n]*")
_HIGH = re.compile(r"[^\x00-\x7f]+")
# `Köln`, `José`: letters that a Latin word goes on from or into.
_LATIN = re.compile(r"(?<=[a-z])[\u00c0-\u024f]+|[\u00c0-\u024f]+(?=[a-z])")


def decode(
    data: bytes, source: str = "the file", *, is_json: bool = False, words: bool = True
) -> str:
    """The text of `data`, called `source` in errors. JSON is UTF-8 where it can be (RFC 8259, 8.1).

    `words`: it may hold words, and so 聽, which is U+00A0 in UTF-8. Where there are none it is
    the blank that a copy from a page or a letter brings along.
    Raises `UsageError`; its detail `unfinished` says that the file may have been cut short.
    """
    _check_kind(data, source)
    text = _utf8(data, source)
    if text is None:
        text = _gb18030(data, source)
    elif not is_json and not data.startswith(_BOM):
        _check_pairs(data, text if words else text.replace("\u00a0", " "), source)
    if "\0" in text:
        raise UsageError(f"{source} is no text in UTF-8 or GB18030", _UTF8)
    # DOS programs end a file with Ctrl-Z.
    return text.removeprefix("\ufeff").removesuffix("\x1a")


def delimited(text: str) -> tuple[str, str]:
    """The table, and what separates its cells: a Chinese or German Excel may write others."""
    told = _SEPARATOR.match(text)
    if told:
        # Its line end stays, so that rows are counted as an editor counts them.
        return text[told.end() :], told[1]
    first = _FIRST_LINE.search(text)
    return text, max(",\t;", key=(first[0] if first else "").count)


def _check_kind(data: bytes, source: str) -> None:
    # First of all: workbooks end in zeros.
    for magic, what in _OTHER:
        if data.startswith(magic):
            raise UsageError(f"{source} is {what}, whatever its name says", _UTF8)
    if data.endswith(_ZEROS):
        raise UsageError(
            f"{source} ends in zero bytes: it is still being copied, or a power failure cut it",
            "send it again",
            unfinished=True,
        )
    if (
        data.startswith((b"\xff\xfe", b"\xfe\xff"))
        or b"\0" in data[:200:2]
        or b"\0" in data[1:200:2]
    ):
        raise UsageError(f"{source} is UTF-16, or no text", _UTF8)
    if data.lstrip(_BOM).lstrip()[:1] == b"<":
        raise UsageError(f"{source} is HTML or XML, whatever its name says", _UTF8)


def _utf8(data: bytes, source: str) -> str | None:
    """The text of UTF-8; None if it is none."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise _cut_short(source) from None
        if data.startswith(_BOM):
            raise UsageError(
                f"{source} begins as UTF-8, and is not UTF-8 throughout", _UTF8
            ) from None
    return None


def _gb18030(data: bytes, source: str) -> str:
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError as error:
        if "incomplete" in error.reason:
            raise _cut_short(source) from None
        raise UsageError(f"{source} is no text in UTF-8 or GB18030", _UTF8) from None
    if any(_is_chinese_utf8(line) for line in data.splitlines()):
        raise UsageError(f"{source} is UTF-8 in some lines and GB18030 in others", _UTF8)
    return text


def _cut_short(source: str) -> UsageError:
    return UsageError(
        f"{source} was cut short within a character", "send it again", unfinished=True
    )


def _is_chinese_utf8(line: bytes) -> bool:
    try:
        return any(char > "\u07ff" for char in line.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _check_pairs(data: bytes, text: str, source: str) -> None:
    high = "".join(_HIGH.findall(text))
    if not high or any(char > "\u07ff" for char in high):
        return
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return
    if _HIGH.search(_LATIN.sub("", text)):
        raise UsageError(
            f"{source} may be UTF-8 or GB18030, and says something else in each", _UTF8
        )
