"""Which files a hot folder has taken, kept in the home: what became of them is noticed.

A writer that holds a file open goes on writing to it in done/, where nobody reads. So of the
last files the version and the digest they were read with are kept, in a file of the home that
is replaced as a whole:

1. Before a file is applied it is noted as under way, with its place in done/.
2. It is applied and moved there.
3. The note of the next file says that it was taken.

After a crash between 1 and 3 the note is of a file that lies in done/, and was taken; or of one
that still lies in the folder. If that was changed since, its orders have other ids, and some
may be booked already: `under_way` is there to ask.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ...codegen import notes
from ..orders import sheets
from ..orders.sheets import FileVersion
from .order_file import OrderFile, digest_of, version_of

KEPT = 1_000  # files
LOOKED_AT = 50  # of the last files at each look, and as many of the others in turn
FOLDER = "hot-folders"
_BYTES = 16_777_216


@dataclass(frozen=True)
class TakenFile:
    """A file as it was read. `name` is that in done/, `source` the name it came under.

    `ids` is what its order ids are made of, hex; `orders` how many orders it has. `told`: it
    was reported that it has changed since.
    """

    name: str
    source: str
    version: FileVersion
    sha256: str
    ids: str
    orders: int
    told: bool = False


@dataclass
class TakenFiles:
    """The last files taken from a hot folder, `done` being where they lie; oldest first."""

    path: Path
    done: Path
    under_way: dict[str, TakenFile] = field(default_factory=dict)  # by source
    _taken: dict[str, TakenFile] = field(default_factory=dict)
    _shifting: dict[str, FileVersion] = field(default_factory=dict)
    _turn: int = 0

    @classmethod
    def of(cls, home: Path, folder: Path, damaged: Callable[[], None]) -> "TakenFiles":
        """Those of `folder`, as the home has them; `damaged` is called if it can't tell."""
        key = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
        files = cls(home / FOLDER / f"{key[:16]}.json", folder / "done")
        try:
            kept = notes.read(files.path, _BYTES, {"taken", "under_way"})
            taken, begun = (list(map(_from_json, kept[k])) for k in ("taken", "under_way"))
        except FileNotFoundError:
            return files
        except (ValueError, KeyError, TypeError, AttributeError):
            damaged()
            return files
        files._taken = {item.name: item for item in taken}
        files.under_way = {item.source: item for item in begun}
        for item in begun:
            if version_of(files.done / item.name):
                files.moved(item.source)
        return files

    def begin(self, source: str, name: str, file: OrderFile) -> None:
        """Note, durably, that `file` is being applied, and will lie in done/ as `name`."""
        if file.version is None:
            raise OSError(errno.EINVAL, "no plain file")
        ids = sheets.file_digest(file.rows, source, file.version)
        self.under_way.pop(source, None)
        self.under_way[source] = TakenFile(
            name, source, file.version, file.sha256, ids.hex(), len(file.rows)
        )
        _shorten(self.under_way)
        self._keep()

    def forget(self, source: str) -> None:
        """Note, durably, that the file that came as `source` is under way no more."""
        if self.under_way.pop(source, None):
            self._keep()

    def moved(self, source: str) -> None:
        """The file that came as `source` lies in done/ now."""
        file = self.under_way.pop(source)
        if digest_of(self.done / file.name) != file.sha256:
            # Replaced or written to since it was read, perhaps within one tick of the clock.
            file = replace(file, version=(-1, 0))
        self._taken.pop(file.name, None)
        self._taken[file.name] = file
        _shorten(self._taken)

    def changed(self) -> Iterator[TakenFile]:
        """The files that have changed since they were read, and rest now: some at each look.

        A caller that has reported one says so with `report`; until then it is given again.
        """
        names = list(self._taken)
        last, others = names[-LOOKED_AT:], names[:-LOOKED_AT]
        start = self._turn * LOOKED_AT % len(others) if others else 0
        self._turn += 1
        for name in [*last, *others[start : start + LOOKED_AT]]:
            if self._has_changed(self._taken[name]):
                yield self._taken[name]

    def report(self, file: TakenFile) -> None:
        """Note, durably, that the change of `file` was reported."""
        path = self.done / file.name
        self._taken[file.name] = replace(
            file,
            version=version_of(path) or file.version,
            sha256=digest_of(path) or file.sha256,
            told=True,
        )
        self._keep()

    def _has_changed(self, file: TakenFile) -> bool:
        path = self.done / file.name
        version = version_of(path)
        if version is None:
            del self._taken[file.name]  # somebody has cleared it away
            return False
        if version == file.version:
            return False
        if self._shifting.get(file.name) != version:
            self._shifting[file.name] = version
            return False
        del self._shifting[file.name]
        if digest_of(path) in (file.sha256, None):
            # A backup or a scanner for viruses has touched it, or holds it now.
            self._taken[file.name] = replace(file, version=version)
            return False
        return True

    def _keep(self) -> None:
        self.path.parent.mkdir(exist_ok=True)
        document = {
            "under_way": [asdict(file) for file in self.under_way.values()],
            "taken": [asdict(file) for file in self._taken.values()],
        }
        notes.write(self.path, document)


def _shorten(files: dict[str, TakenFile]) -> None:
    while len(files) > KEPT:
        del files[next(iter(files))]


def _from_json(item: Mapping[str, Any]) -> TakenFile:
    size, changed = item["version"]
    texts = {name: str(item[name]) for name in ("name", "source", "sha256", "ids")}
    bytes.fromhex(texts["ids"])
    if Path(texts["name"]).name != texts["name"]:
        raise ValueError("not a name")
    return TakenFile(
        version=(int(size), int(changed)),
        orders=int(item["orders"]),
        told=item["told"] is True,
        **texts,
    )
