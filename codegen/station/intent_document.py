"""The form of an intent, `work/<subject>.json`: what it may say, and which files it may name."""

import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from .. import notes
from ..errors import IntegrityError

FIELDS = {"kind", "subject", "files", "note", "at"}
MOST_BYTES = 1_000_000
MOST_FILES = 8
NAME_BYTES, PATH_BYTES = 255, 4_096


def read(path: Path) -> dict[str, Any]:
    """The intent at `path`.

    Raises `FileNotFoundError`; `IntegrityError` if it says nothing whole, or names files that
    lie neither all in one folder nor in the home.
    """
    try:
        # What is no file may have no end, or wait for a writer; a link may lead nowhere.
        plain = stat.S_ISREG(path.lstat().st_mode)
        intent = notes.read(path, MOST_BYTES, FIELDS) if plain else {}
    except ValueError:
        intent = {}
    if not intent or not _is_whole(intent, path.stem):
        raise malformed(path, "does not say what was being published")
    names: list[str] = intent["files"]
    if not all(map(_is_name, names)):
        raise malformed(path, "names files that are none")
    outside = [Path(name) for name in names if Path(name).is_absolute()]
    if len({name.parent for name in outside}) > 1:
        raise malformed(path, "names files in several folders outside of the home")
    return intent


def malformed(path: Path, why: str) -> IntegrityError:
    """The error for an intent that nobody may act on."""
    return IntegrityError(f"{path} {why}", "move it out of the home, then: mintmark doctor")


def _is_whole(intent: dict[str, Any], subject: str) -> bool:
    files, note = intent["files"], intent["note"]
    return (
        intent["subject"] == subject
        and isinstance(intent["kind"], str)
        and isinstance(intent["at"], str)
        and isinstance(files, list)
        and 1 <= len(files) == len(set(map(repr, files))) <= MOST_FILES
        and all(isinstance(name, str) for name in files)
        and (note is None or isinstance(note, dict))
    )


def _is_name(name: str) -> bool:
    """Whether `name` names one file, and a relative name a file below its folder."""
    try:
        whole = name.encode()
    except UnicodeEncodeError:
        return False  # a lone surrogate, which no file system can be asked for
    parts = Path(name).parts if Path(name).is_absolute() else PurePosixPath(name).parts
    plain = bool(parts) and ".." not in parts and "\0" not in name
    inside = Path(name).is_absolute() or not (
        PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor
    )
    short = len(whole) <= PATH_BYTES and all(len(part.encode()) < NAME_BYTES for part in parts)
    return plain and inside and short
