"""What README.txt and the handoff letter share: the form of the file, and some sentences.

Pure. Chinese sentences end in `_ZH`, English sentences in `_EN`.
"""

from collections.abc import Iterable
from datetime import datetime

from .manifest import DataFile, Manifest

FILES_SHOWN = 60
RULE = "=" * 72

OPENING_ZH = (
    "请用 7-Zip 或 Bandizip 打开压缩包。Windows 资源管理器、macOS 自带的归档实用工具和",
    "Linux 的 unzip 命令不支持 AES-256 加密，打不开不等于文件坏了。",
    "密码照原样输入：字母一律大写，中间的短横线（-）也要输。密码里没有字母 I、L、O、U。",
)
OPENING_EN = (
    "Open the archive with 7-Zip or Bandizip. Windows Explorer, macOS Archive Utility and the",
    "unzip command do not know AES-256 encryption: that they fail does not mean damage.",
    "Type the password as given: capital letters, hyphens included. It has no I, L, O or U.",
)
TEST_ZH = "【测试码包】里面全是假码，只供试机和调试版面，不得用于正式产品。"
TEST_EN = "TEST PACKAGE: all codes are dummies, for setting up the press. Never on a real product."
# The shapes of `formats.dummy`; which of them a package has depends on its alphabet.
REHEARSED_ZH = (
    "流水号 2 到 7 的假码故意做成表格软件会改坏的样子（如 0000…2、222…E22、DEC22…、222…）。",
    "请核对它们印出来、扫出来都与数据一字不差：没有变成数字、科学计数（2.2E+34）或日期。",
)
REHEARSED_EN = (
    "Serials 2 to 7 may look like 0000..2, 222..E22, DEC22.. or 222..: shapes that spreadsheet",
    "programs change. Check that they are printed and scanned exactly as in the data, and not",
    "as a number (2.2E+34), a date, or without their zeros.",
)


def encode(lines: Iterable[str]) -> bytes:
    """Text as Windows Notepad of any age shows it: UTF-8 with BOM, CRLF."""
    return "".join(line + "\r\n" for line in lines).encode("utf-8-sig")


def local_time(manifest: Manifest) -> str:
    """When the package was made, to the minute, with its offset."""
    made = datetime.fromisoformat(manifest.created)
    offset = made.isoformat()[-6:]
    return f"{made:%Y-%m-%d %H:%M} (UTC{offset})"


def file_table(files: tuple[DataFile, ...]) -> list[str]:
    """A line for each data file, up to `FILES_SHOWN`."""
    return [
        f"  {file.name:<16} {file.unit:<16} {file.rows:>9,} {file.first:>12} - {file.last}"
        for file in files[:FILES_SHOWN]
    ]
