"""What lies in a hot folder, look after look: which files are complete, and why others stay."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...codegen.errors import MintmarkError
from ..orders.sheets import FileVersion
from .folder_names import MARKER, ignored, not_taken
from .order_file import version_of

RESTED = 1  # looks after which a file that did not change is complete
PATIENCE = 60  # looks after which it is, though it reads as if it were cut short


@dataclass
class Arrivals:
    """The files of `folder`. With `marker` a file is complete when `<name>.done` is there.

    Without markers it is complete when two looks find the same size and time; an empty file
    never is. `left(name, why)` is called for a file that stays: once, and again if the reason
    changes.
    """

    folder: Path
    marker: bool
    left: Callable[[str, str], None]
    _seen: dict[str, tuple[FileVersion, int]] = field(default_factory=dict)  # and for how long
    _unfinished: dict[str, FileVersion] = field(default_factory=dict)
    _left: dict[str, str] = field(default_factory=dict)

    def complete(self) -> list[Path]:
        """The files that are all there, by name; remembers what the others look like."""
        paths = sorted(path for path in self.folder.iterdir() if not ignored(path.name))
        present = {path.name for path in paths}
        self._left = {name: why for name, why in self._left.items() if name in present}
        self._unfinished = {k: v for k, v in self._unfinished.items() if k in present}
        seen, found = {}, []
        for path in paths:
            version = version_of(path)
            why = not_taken(path)
            if why is None and version is None and path.suffix and os.path.lexists(path):
                why = "no plain file"
            if why is not None:
                self.leave(path.name, why)
            elif version is not None:
                before, looks = self._seen.get(path.name, (None, 0))
                seen[path.name] = version, looks + 1 if before == version else 0
                if self._is_complete(path, *seen[path.name]):
                    found.append(path)
        self._seen = seen
        return found

    def _is_complete(self, path: Path, version: FileVersion, looks: int) -> bool:
        if self.marker:
            return looks >= RESTED and _marked(path, version)
        if version[0] == 0:
            if looks >= RESTED:
                self.leave(path.name, "empty: it waits until it is filled")
            return False
        # An unfinished one is read once, and again when its time is up.
        known = self._unfinished.get(path.name) == version
        return looks >= (PATIENCE if known else RESTED)

    def waits(self, path: Path, error: MintmarkError) -> bool:
        """Whether a malformed file stays, because its writer may go on."""
        version, looks = self._seen[path.name]
        if self.marker or looks >= PATIENCE or not error.details.get("unfinished"):
            return False
        self._unfinished[path.name] = version
        self.leave(path.name, f"it may still be written, and waits: {error.message}")
        return True

    def leave(self, name: str, why: str) -> None:
        """Tell that a file stays."""
        if self._left.get(name) != why:
            self._left[name] = why
            self.left(name, why)

    def forget(self, name: str) -> None:
        """The file is gone; a later one of that name is another."""
        self._seen.pop(name, None)
        self._unfinished.pop(name, None)


def _marked(path: Path, version: FileVersion) -> bool:
    found = version_of(path.with_name(path.name + MARKER))
    return found is not None and found[1] >= version[1]
