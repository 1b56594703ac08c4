"""Profile files: those built in, and a home's own beside them in `profiles/*.toml`.

A file has the name of its profile. Errors in it name file, line and key.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ...codegen import ids
from ...codegen.errors import NotFound, UsageError
from .profile import Profile, parse

FOLDER = "profiles"
DEFAULT = "csv"
FILE_BYTES = 1 << 16
_HINT = "begin with a right one: mintmark profile show csv"

_BUILTIN = Path(__file__).with_name("builtin")
_EXAMPLES = Path(__file__).with_name("examples")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", re.ASCII)
_TABLE = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.\-\s]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=")


class Origin(StrEnum):
    """The origin of a profile; an example is there to be copied into a home."""

    BUILTIN = "built-in"
    HOME = "home"
    EXAMPLE = "example"


@dataclass(frozen=True)
class ProfileFile:
    """A profile and the file it stands in."""

    profile: Profile
    description: str
    text: str
    path: Path
    origin: Origin


def load(path: Path, origin: Origin = Origin.HOME) -> ProfileFile:
    """The profile in a file.

    Raises `NotFound` without a file, and `UsageError` naming file, line and key of what is
    wrong in it (they are also the details `line` and `key`).
    """
    name = path.stem
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{path.name}: a profile's name is letters, digits, - and _, at most 40",
            "rename the file",
        )
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name} is not TOML: {error}", _HINT) from None
    try:
        profile = parse(name, document)
    except UsageError as error:
        key = str(error.details.get("key", ""))
        line = line_of(text, key)
        raise UsageError(
            f"{path.name}, line {line}: {error.message}",
            *(error.hints or (_HINT,)),
            key=key,
            line=line,
        ) from None
    return ProfileFile(profile, str(document.get("description", "")), text, path, origin)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"no profile file {path}", "see: mintmark profile list") from None
    if len(data) > FILE_BYTES:
        raise UsageError(f"{path.name} is too large for a profile", _HINT)
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UsageError(f"{path.name} is not UTF-8", "save it as UTF-8") from None


def line_of(text: str, key: str) -> int:
    """The line, from 1, of a key; without it that of its table; without that, 1.

    tomllib does not report the lines of values. A text that looks like a key inside a string of
    many lines would be taken for it.
    """
    inside, best, length = "", 1, 0
    for number, line in enumerate(text.split("\n"), 1):
        if table := _TABLE.fullmatch(line):
            inside = table[1]
            here = inside
        elif found := _KEY.match(line):
            here = f"{inside}.{found[1]}" if inside else found[1]
        else:
            continue
        if here == key:
            return number
        if key.startswith(f"{here}.") and len(here) > length:
            best, length = number, len(here)
    return best


def builtin(name: str) -> Profile:
    """A built-in profile. Raises `UsageError` listing the known ones."""
    known = [path.stem for path in _files(_BUILTIN)]
    if name not in known:
        raise UsageError(
            f"unknown print profile {ids.shown(name, name=True)}", f"known: {', '.join(known)}"
        )
    return load(_BUILTIN / f"{name}.toml", Origin.BUILTIN).profile


def find(name: str, home: Path | None, *, examples: bool = False) -> ProfileFile:
    """The profile of that name, a home's own profile before a built-in profile.

    Raises `UsageError` for an unknown name or a wrong file.
    """
    sources = [(Origin.HOME, _own(home)), (Origin.BUILTIN, _files(_BUILTIN))]
    if examples:
        sources.append((Origin.EXAMPLE, _files(_EXAMPLES)))
    for origin, paths in sources:
        for path in paths:
            if path.stem == name:
                return load(path, origin)
    known = sorted({path.stem for _, paths in sources for path in paths})
    raise UsageError(
        f"unknown print profile {ids.shown(name, name=True)}",
        f"known: {', '.join(known)}",
        "put your own into the home's folder profiles, as NAME.toml",
    )


def every(home: Path | None) -> Iterator[tuple[str, Origin, ProfileFile | UsageError]]:
    """(name, origin, profile or what is wrong with it) of all profiles, built-in first."""
    sources = {
        Origin.BUILTIN: _files(_BUILTIN),
        Origin.HOME: _own(home),
        Origin.EXAMPLE: _files(_EXAMPLES),
    }
    for origin, paths in sources.items():
        for path in paths:
            try:
                yield path.stem, origin, load(path, origin)
            except UsageError as error:
                yield path.stem, origin, error


def _own(home: Path | None) -> list[Path]:
    return [] if home is None else _files(home / FOLDER)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.toml"), key=lambda path: (path.stem != DEFAULT, path.stem))
