"""What README.txt and the handoff letter share: the form of the file, and some sentences.

Pure. Chinese sentences end in `_ZH`, English sentences in `_EN`.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache

from .manifest import DataFile, Manifest

FILES_SHOWN = 60
WIDTH = 78  # cells of a line: it fits a terminal of 80, a Notepad window, an A4 page
RULE = "=" * 72

OPENING_ZH = (
    "请用 7-Zip、Bandizip 或 WinRAR 打开压缩包；Linux 上用 bsdtar 或 7z。",
    (
        "Windows 资源管理器打不开（错误 0x80004005），macOS 自带的归档实用工具、Linux 的 unzip "
        "也打不开：它们不支持 AES-256 加密，打不开不等于文件坏了。"
    ),
    (
        "有几个程序会把对的密码说成错的，例如 Debian 的 unar 1.10.1、npm 的 unzipper 0.12.5 和 "
        "adm-zip 0.6.1。遇到“密码错误”，请换 7-Zip 再试一次。"
    ),
    "密码照原样输入：字母一律大写，中间的短横线（-）也要输。密码里没有字母 I、L、O、U。",
)
OPENING_EN = (
    "Open the archive with 7-Zip, Bandizip or WinRAR; on Linux with bsdtar or 7z.",
    (
        "Windows Explorer cannot open it (error 0x80004005), nor can macOS Archive Utility or the "
        "unzip command: they do not know AES-256 encryption. That they fail does not mean damage."
    ),
    (
        "Some programs call the right password wrong: Debian's unar 1.10.1, npm's unzipper 0.12.5 "
        "and adm-zip 0.6.1. If yours does, try it in 7-Zip."
    ),
    "Type the password as given: capital letters, hyphens included. It has no I, L, O or U.",
)
TEST_ZH = "【测试码包】里面全是假码，只供试机和调试版面，不得用于正式产品。"
TEST_EN = "TEST PACKAGE: all codes are dummies, for setting up the press. Never on a real product."
# The shapes of `formats.dummy`; which of them a package has depends on its alphabet.
REHEARSED_ZH = (
    "流水号 2 到 7 里，码可用的字符允许的话，有故意做成表格软件会改坏的样子的假码"
    "（如 0000…2、222…E22、DEC22…、222…）。"
    "请核对它们印出来、扫出来都与数据一字不差：没有变成数字、科学计数（2.2E+34）或日期。"
)
REHEARSED_EN = (
    "Serials 2 to 7 may have codes like 0000..2, 222..E22, DEC22.. or 222..: shapes that "
    "spreadsheet programs change. Check that they are printed and scanned exactly as in the data, "
    "and not as a number (2.2E+34), a date, or without their zeros."
)

# No line begins with the former or ends with the latter (GB/T 15834-2011, 5.1).
_NEVER_FIRST = "，。；：、！？）”》〉】…％%"
_NEVER_LAST = "（“《〈【"


def encode(lines: Iterable[str]) -> bytes:
    """Text as Windows Notepad of any age shows it: UTF-8 with BOM, CRLF."""
    return "".join(line + "\r\n" for line in lines).encode("utf-8-sig")


def cells(text: str) -> int:
    """How many cells of a terminal `text` takes; a Chinese character takes two."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


@lru_cache(maxsize=4_096)
def _cells_of(letter: str) -> int:
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def fill(text: str, first: str = "", then: str | None = None) -> Iterator[str]:
    """`text` in lines of at most `WIDTH` cells; the first begins with `first`, others with `then`.

    Between Chinese characters a line may end anywhere, in other text at a space. A word that is
    longer than a line, such as an address, has a line of its own and is not cut.
    """
    begin = first if then is None else then
    line, wide, empty = first, cells(first), True
    for piece in _pieces(text):
        if not empty and wide + cells(piece.rstrip()) > WIDTH:
            yield line.rstrip()
            line, wide, empty = begin, cells(begin), True
        added = piece.lstrip() if empty else piece
        line, wide = line + added, wide + cells(added)
        empty = empty and not piece.strip()
    yield line.rstrip()


def _pieces(text: str) -> Iterator[str]:
    """The parts between which a line may end, each with the blanks behind it."""
    piece = ""
    for letter in text:
        if piece and _may_end(piece[-1], letter):
            yield piece
            piece = ""
        piece += letter
    yield piece


def _may_end(before: str, after: str) -> bool:
    if after == " " or after in _NEVER_FIRST or before in _NEVER_LAST:
        return False
    return before == " " or _cells_of(before) == 2 or _cells_of(after) == 2


def local_time(manifest: Manifest) -> str:
    """When the package was made, to the minute, with its offset."""
    made = datetime.fromisoformat(manifest.created)
    offset = made.isoformat()[-6:]
    return f"{made:%Y-%m-%d %H:%M} (UTC{offset})"


def file_table(files: tuple[DataFile, ...]) -> list[str]:
    """A line for each data file, up to `FILES_SHOWN`."""
    rows = [
        (file.name, file.unit, f"{file.rows:,}", str(file.first), str(file.last))
        for file in files[:FILES_SHOWN]
    ]
    name, unit, count, first, last = (max(map(len, column)) for column in zip(*rows, strict=True))
    return [
        f"  {row[0]:<{name}}  {row[1]:<{unit}}  {row[2]:>{count}}  {row[3]:>{first}} - "
        f"{row[4]:>{last}}"
        for row in rows
    ]
