"""Where custodians' private keys lie: `doctor` looks for those that stayed beside the station.

`export` needs a key on this machine for as long as it runs. A key that stays is what a thief of
the machine lacks besides its passphrase. It is looked for where people leave one: at the places
that the settings name, in the folders of these, beside the home, in the user's folder and in the
current one. No folder is searched in depth, and no disk.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from .files import lies_in
from .finding import ERROR, OK, WARNING, Finding
from .invocation import PASSPHRASE_BYTES
from .station.key_document import CUSTODIAN, KEY_FILE_BYTES
from .station.station import Station

MOST_NAMES, MOST_FILES = 100_000, 2_000  # of a folder: that are listed, and looked at
_KEY, _WORDS = "MINTMARK_CUSTODIAN_KEY", "MINTMARK_PASSPHRASE_FILE"
_NAMES = ("passphrase", "口令")  # what people call its file
_MARK = CUSTODIAN.rstrip("0123456789").encode("ascii")
_SEALED = re.compile(rb'"ciphertext"\s*:\s*"[0-9a-f]{32}')  # a text about keys holds none
_TAKE_AWAY = "bring the key for an export, then take it away again, with a copy in a second place"


def custodian(station: Station) -> Iterator[Finding]:
    """What `doctor` says of custodians' private keys, in the home and beside it.

    Raises `OSError` for a file of the home that cannot be read.
    """
    inside = [path for path in station.home.rglob("*") if _is_key(path)]
    for path in inside:
        yield Finding(
            ERROR,
            "custodian",
            f"a custodian key lies in the home: {path.relative_to(station.home)}",
            "move it away: a copy of the home would open itself",
        )
    beside = _beside(station)
    for path in beside:
        yield _finding(path)
    if not inside and not beside:
        yield Finding(OK, "custodian", "no custodian key lies in the home, nor beside it")


def named(station: Station) -> list[Path]:
    """The custodian key and the file of its passphrase, as far as the settings name them."""
    settings = (os.environ.get(name) for name in (_KEY, _WORDS))
    paths = {Path(name).absolute() for name in settings if name}
    if station.config.custodian_key is not None:
        paths.add(station.config.custodian_key)
    return sorted(paths)


def _finding(path: Path) -> Finding:
    words = _passphrase_with(path)
    if words is None:
        return Finding(
            WARNING, "custodian", f"a custodian's key lies beside the station: {path}", _TAKE_AWAY
        )
    return Finding(
        WARNING,
        "custodian",
        f"a custodian's key and what seems to be its passphrase lie beside the station: {path} and "
        f"{words}",
        f"whoever copies both reads every sealed code: take the passphrase away too; {_TAKE_AWAY}",
    )


def _beside(station: Station) -> list[Path]:
    """The files outside the home that are private keys; each once, whatever names it has."""
    files = named(station)
    folders = {path.parent for path in files} | set(_usual_folders(station.home))
    found = {
        os.path.realpath(path): path
        for path in (*(path for folder in sorted(folders) for path in _files(folder)), *files)
        if _is_key_if_readable(path) and not lies_in(path, station.home)
    }
    return sorted(found.values())


def _usual_folders(home: Path) -> Iterator[Path]:
    """Where keys are left: beside the home, in the user's folder, where the command is typed."""
    yield home.absolute().parent
    yield Path(os.path.realpath(home)).parent
    folders: Iterable[Callable[[], Path]] = (Path.home, Path.cwd)
    for folder in folders:
        # A user without a folder, or a current folder that is gone.
        with contextlib.suppress(OSError, RuntimeError):
            yield folder()


def _files(folder: Path) -> list[Path]:
    """Files of the folder, but not of the folders in it; none if it cannot be read.

    Of a folder of many, those that are called `.key` come first.
    """
    try:
        with os.scandir(folder) as entries:
            found = [Path(entry.path) for entry in islice(entries, MOST_NAMES)]
        return sorted(found, key=lambda path: (path.suffix != ".key", path))[:MOST_FILES]
    except (OSError, ValueError):
        return []


def _is_key(path: Path) -> bool:
    """Whether a private key is in the file; one that is larger than keys are is not read.

    Nor one without a size, which may be a queue of the kernel's, and wait for ever.
    """
    if not (path.is_file() and 0 < path.stat().st_size <= KEY_FILE_BYTES):
        return False
    data = path.read_bytes()
    return _MARK in data and _SEALED.search(data) is not None


def _is_key_if_readable(path: Path) -> bool:
    try:
        return _is_key(path)
    except (OSError, ValueError):
        return False


def _passphrase_with(key: Path) -> Path | None:
    """The file of the passphrase: the one that the settings name, or one beside the key."""
    name = os.environ.get(_WORDS)
    candidates = [Path(name).absolute()] if name else []
    candidates += [
        path for path in _files(key.parent) if any(word in path.name.lower() for word in _NAMES)
    ]
    return next((path for path in candidates if _holds_a_line(path)), None)


def _holds_a_line(path: Path) -> bool:
    try:
        return path.is_file() and 0 < path.stat().st_size <= PASSPHRASE_BYTES
    except (OSError, ValueError):
        return False
