"""Intents that were refused when they were booked: they step aside, and wait for a person.

    away/refused/000000000017-<mark>.json           the intent, unless it held a code
    away/refused/000000000017-<mark>.reason.json    why, when, and what it was

They are files beside the queue, so that those behind go on. `orders away --discard ORDER` settles
one; until then `doctor` reports an error.
"""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...codegen import notes
from ...codegen.files import fsync_folder, write_atomically

FOLDER = "refused"
_NAME = re.compile(r"(\d{12}-[0-9a-f]{16})\.reason\.json", re.ASCII)
_BYTES = 65_536


@dataclass(frozen=True)
class RefusedIntent:
    """An order that was given while the ledger was away, and refused when it was booked.

    `order` is its id, or what stands for it if it may be a code; `exit` the exit code of the
    command of the same effect.
    """

    number: int
    order: str
    action: str
    batch: str | None
    line: str
    at: str
    error: str
    hint: str | None
    exit: int


class RefusedIntents:
    """Those of the queue whose folder is `queue`."""

    def __init__(self, queue: Path) -> None:
        self._folder = queue / FOLDER

    def has(self, number: int, mark: str) -> bool:
        """Whether that one was refused before."""
        return self._reason(f"{number:012}-{mark}").exists()

    def write(self, mark: str, refused: RefusedIntent, data: bytes | None) -> None:
        """Put it aside, durably; `data`: the intent, unless it must not be kept."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{refused.number:012}-{mark}"
        if data is not None:
            write_atomically(self._intent(name), data)
        # Last: what it is found by.
        notes.write(self._reason(name), asdict(refused))

    def all(self) -> dict[str, RefusedIntent | None]:
        """The refused ones by their names, oldest first; None: its reason cannot be read."""
        try:
            names = sorted(path.name for path in self._folder.iterdir())
        except FileNotFoundError:
            return {}
        found = (_NAME.fullmatch(name) for name in names)
        return {match[1]: self._read(match[1]) for match in found if match}

    def read(self, number: int, mark: str) -> RefusedIntent | None:
        """That one; None if its reason cannot be read."""
        return self._read(f"{number:012}-{mark}")

    def _read(self, name: str) -> RefusedIntent | None:
        members = set(RefusedIntent.__dataclass_fields__)
        try:
            said: dict[str, Any] = notes.read(self._reason(name), _BYTES, members)
            return RefusedIntent(**said)
        except (ValueError, TypeError, OSError):
            return None

    def intent(self, name: str) -> bytes | None:
        """The intent itself, if it is kept."""
        try:
            return self._intent(name).read_bytes()
        except FileNotFoundError:
            return None

    def discard(self, name: str) -> None:
        """Remove one for good."""
        self._intent(name).unlink(missing_ok=True)
        self._reason(name).unlink(missing_ok=True)
        fsync_folder(self._folder)

    def _intent(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _reason(self, name: str) -> Path:
        return self._folder / f"{name}.reason.json"
