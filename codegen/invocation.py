"""What a command gets from outside: the home, the operator, the clock, and the terminal.

`cli.py` makes an `Invocation` for each run; tests make their own. A command module imports
nothing heavier than this.
"""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import EnvironmentFailure, MintmarkError, NotFound, UsageError
from .progress import Progress
from .secret import Secret

if TYPE_CHECKING:
    from .finding import Check
    from .station.keys import CustodianKey
    from .station.station import Station
    from .unlocking import Unlocking

PASSPHRASE_BYTES = 1_024
HOME_FOLDERS = (
    *("keys", "keys/lines", "keys/platforms", "vault", "vault/quarantine", "work", "hot-folders"),
    *("away", "away/refused"),
)
EARLIEST_YEAR, LATEST_YEAR = 1970, 9_000
STRAY_HINTS = (
    "a file of settings written on Windows ends its lines in CR LF: save it with LF",
    "quotation marks of such a file may be taken for a part of the value: leave them out",
)

_OPTION = re.compile(r"--[a-z-]+")


def _silent(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def utc_now() -> datetime:
    """The clock. Raises `EnvironmentFailure` for a time that no clock shows which was ever set.

    Whatever is reckoned from it, back or ahead, is then a time as well.
    """
    try:
        now = datetime.now(UTC)
    except (OverflowError, ValueError, OSError):  # beyond the year 9999
        now = datetime.max.replace(tzinfo=UTC)
    if not EARLIEST_YEAR <= now.year <= LATEST_YEAR:
        raise EnvironmentFailure(
            f"the clock of this machine cannot be right: its year is {now.year}",
            "set the clock, then run the same command again",
        )
    return now


@dataclass(frozen=True)
class Invocation:
    """A run of a command.

    `ask(prompt)` reads a secret from the terminal, `question(prompt)` an answer that is none; both
    are None if there is no terminal.
    `show(text)` puts a secret on the terminal, or is None with `--json` or without a
    terminal. `progress(phase, done, total)` reports progress; `notify(line)` puts a line for
    people on stderr. `checks()` are the other rooms' parts of `doctor`. `witness(station)` asks
    the scan backend whether the home is the newest copy, and returns a warning or None.
    """

    home: Path
    operator: str | None = None
    now: Callable[[], datetime] = utc_now
    entropy: Callable[[int], bytes] = os.urandom
    ask: Callable[[str], str] | None = None
    question: Callable[[str], str] | None = None
    show: Callable[[str], None] | None = None
    progress: Progress = _silent
    notify: Callable[[str], None] = field(default=lambda _: None)
    checks: Callable[[], "tuple[Check, ...]"] = field(default=lambda: ())
    witness: Callable[["Station"], str | None] = field(default=lambda _: None)
    opened: "list[Station]" = field(default_factory=list)
    unlocking: "list[Unlocking]" = field(default_factory=list)

    def station(self) -> "Station":
        """The home, opened until `close`."""
        from .station.station import Station

        station = Station(self.home, operator=self.operator, now=self.now, entropy=self.entropy)
        self.opened.append(station)
        return station

    def ask_witness(self, station: "Station") -> None:
        """Let the backend say whether the home is the newest copy; a warning if it does not."""
        if warning := self.witness(station):
            self.notify(warning)

    def require_newest(self, station: "Station") -> None:
        """Raises `IntegrityError` if something shows that the home is an older copy."""
        from .station.older_copy import refuse_older

        self.ask_witness(station)
        refuse_older(station)

    def close(self) -> None:
        """Close every home that was opened."""
        while self.opened:
            self.opened.pop().close()

    def has_booked(self) -> bool:
        """Whether work was booked, or may have been: of a ledger that cannot be read any more."""
        try:
            return any(station.has_booked() for station in self.opened)
        except (MintmarkError, OSError):
            return True

    def tell_open(self, *made: Path) -> None:
        """Say of each private file that was made if others may read it all the same."""
        from .file_systems import open_to_others, to_close

        for path in made:
            if open_to_others(path):
                self.notify(f"warning: others may read {path}: {to_close(path)}")

    def outside_home(self, option: str, path: Path | None) -> None:
        """Raises `UsageError` if what `option` names would be written into the home, or another."""
        from .files import home_of, lies_in

        if path is None:
            return
        # Its folders may lie on other disks, and have other names there.
        for folder in (self.home, *(self.home / name for name in HOME_FOLDERS)):
            if lies_in(path, folder):
                raise UsageError(
                    f"{option} lies in the home, where mintmark alone writes: {path}",
                    f"name a place outside of {self.home.absolute()}",
                )
        if other := home_of(path):
            raise UsageError(
                f"{option} lies in the home {other}, where mintmark alone writes: {path}",
                "name a place outside of every home",
            )

    def passphrase(self, file: Path | None, prompt: str, *, confirm: bool = False) -> Secret:
        """The custodian's passphrase from `file`, or from the terminal.

        Raises `UsageError` if neither is possible, or the two answers differ.
        """
        if file is not None:
            return secret_file(file)
        if self.ask is None:
            raise UsageError(
                "the custodian's passphrase is needed, and there is no terminal to ask at",
                "give --passphrase-file F, or set MINTMARK_PASSPHRASE_FILE",
            )
        answer = self.ask(prompt)
        if confirm and self.ask(f"{prompt} (again)") != answer:
            raise UsageError("the two passphrases differ", "nothing was made; try again")
        # Bytes that a terminal could not decode are what was typed all the same.
        return Secret(answer.encode("utf-8", "surrogateescape"))

    def unlock_early(self, key: Path | None, passphrase: Path | None) -> None:
        """Begin to unlock the custodian's key, if nobody has to be asked for it.

        For commands that will call `custodian` with the same words; before their imports.
        """
        from .station import config
        from .unlocking import Unlocking

        # What cannot be looked at is told in its turn, behind what comes before it.
        with contextlib.suppress(MintmarkError, OSError):
            path = key or config.read(self.home).custodian_key
            # What is no file, a pipe for example, can be read once, and opening it may wait.
            if path and passphrase and path.is_file() and passphrase.is_file():
                self.unlocking.append(Unlocking(path, passphrase, secret_file))

    def custodian(
        self, station: "Station", key: Path | None, passphrase: Path | None
    ) -> "CustodianKey":
        """The custodian's key, unlocked.

        Raises `NotFound` without a key file, `IntegrityError` for a wrong passphrase.
        """
        from .station.keys import read_custodian_key

        path = key or station.config.custodian_key
        if path is None:
            raise NotFound(
                "no custodian key was named",
                "give --custodian-key F, or set MINTMARK_CUSTODIAN_KEY",
            )
        for early in self.unlocking:
            if (found := early.key(path, passphrase)) is not None:
                return found
        prompt = "passphrase of the custodian key"
        return read_custodian_key(path, lambda: self.passphrase(passphrase, prompt))


def secret_file(path: Path) -> Secret:
    """The first line of a file that holds a passphrase or password.

    Raises `NotFound`, or `UsageError` for an empty, oversized or UTF-16 file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(PASSPHRASE_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(f"no file {path}", "name the file that holds the secret") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        # What `>` writes in Windows PowerShell; typed at a prompt it would be other bytes.
        raise UsageError(f"{path} is UTF-16", "save it as UTF-8")
    line = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")[0].rstrip(b"\r")
    if not line or len(data) > PASSPHRASE_BYTES:
        raise UsageError(
            f"{path} holds no secret in its first line, or more than {PASSPHRASE_BYTES} bytes",
            "put the secret alone in the file's first line",
        )
    return Secret(line)


def setting(name: str) -> str | None:
    """The value of the environment variable `name`; None if it is empty or not there.

    Raises `UsageError` if it holds what nobody typed into it: it would be told of a folder that
    is not there, or stand in the audit chain.
    """
    value = os.environ.get(name)
    if value and not _is_text(value):
        raise UsageError(f"{name} is not {_encoding()}", f"write it in {_encoding()}")
    if value and (stray := stray_characters(value)):
        raise UsageError(f"{name} {stray}", *STRAY_HINTS)
    return value or None


def check_words(arguments: Sequence[str]) -> None:
    """Raises `UsageError` for a word that is no text here, and does not repeat it."""
    before = ""
    for number, word in enumerate(arguments, 1):
        if not _is_text(word):
            name = word.partition("=")[0]
            place = f"word {number} of the command line"
            if _OPTION.fullmatch(name):
                place = f"the value of {name}"
            elif _OPTION.fullmatch(before):
                place = f"the word after {before}"
            raise UsageError(
                f"{place} is not {_encoding()}",
                f"write it in {_encoding()}; rename a file or folder whose name is not",
            )
        before = word


def _encoding() -> str:
    return sys.getfilesystemencoding().upper()


def _is_text(word: str) -> bool:
    """Whether all its bytes were characters: one that was not stands in it as a surrogate."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def stray_characters(value: str) -> str | None:
    """What is wrong with a setting's value, if it holds what nobody typed into it.

    That is a control character, white space at an end, or quotation marks around it.
    """
    if value.endswith(("\r", "\n")):
        return "ends in a line end that belongs to its file"
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        return "holds a control character"
    if value != value.strip():
        return "begins or ends with white space"
    if value and value[0] in "\"'\u201c\u2018":
        return "begins with a quotation mark"
    return None
