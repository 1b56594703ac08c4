"""What the home has minted before, to find out whether a prefix is new.

Each batch has its run. Many runs are merged into prefix filters (sealed/prefix_filter.py),
the smallest first, and each filter is at least twice as large as whatever it takes in: a
mint looks into a handful of files, and a code is merged a logarithmic number of times.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from filelock import Timeout

from .errors import IntegrityError, Refused
from .files import hidden
from .ledger.records import BatchRow
from .sealed import prefix_filter, prefix_filter_build
from .sealed.prefix_filter import PrefixFilter
from .sealed.runs import ENTRY_BYTES, PrefixSource
from .station.station import Station

FEW = 8  # files to look into: with more, some are merged
KIND = "sieve"  # of intent: a prefix filter, as files call it


def runs_of(station: Station, batches: Sequence[BatchRow]) -> list[PrefixSource]:
    """The runs of `batches`. Raises `IntegrityError` if a run is missing or cut."""
    storage, found = station.vault.storage, []
    for row in batches:
        name = station.vault.parts(row.batch).run.name
        size = -1
        with contextlib.suppress(FileNotFoundError):
            size = storage.size(name)
        if size != row.quantity * ENTRY_BYTES:
            raise IntegrityError(
                f"{name} is missing from the vault, or cut",
                "bring it back from a copy: without it new codes might repeat old ones",
                file=name,
            )
        found.append(storage.source(name))
    return found


def known(station: Station, batches: Sequence[BatchRow]) -> list[PrefixSource]:
    """The filters and runs that hold all prefixes of `batches`.

    Raises as `runs_of` does, even if a filter has taken the run in.
    """
    runs = dict(zip((row.batch for row in batches), runs_of(station, batches), strict=True))
    filters = usable(station, {row.batch: row.quantity for row in batches})
    for found in filters:
        for batch in found.batches:
            del runs[batch]
    return [*filters, *runs.values()]


def usable(station: Station, batches: dict[str, int]) -> list[PrefixFilter]:
    """Filters over some of `batches` (id → codes), the largest first; no two share a batch."""
    chosen: list[PrefixFilter] = []
    taken: set[str] = set()
    source = station.vault.source
    for candidate in sorted(_filters(station), key=lambda found: -found.count):
        if candidate.batches.items() <= batches.items() and taken.isdisjoint(candidate.batches):
            chosen.append(replace(candidate, source=source))
            taken.update(candidate.batches)
    return chosen


def gather(
    station: Station,
    batches: Sequence[BatchRow],
    progress: Callable[[str, int, int], None],
    spread: prefix_filter_build.FilterMap = map,
) -> None:
    """Merge runs and filters if there are too many to look into.

    In a shared home the runs are fetched first; nothing is merged if they would not fit into what
    is kept here. Does not fail if the disk is full. Raises `KeyboardInterrupt` with nothing left
    behind.
    """
    sizes = {row.batch: row.quantity for row in batches}
    groups = [dict(found.batches) for found in usable(station, sizes)]
    alone = sizes.keys() - {batch for group in groups for batch in group}
    groups += [{batch: sizes[batch]} for batch in sorted(alone)]
    groups.sort(key=lambda group: sum(group.values()))
    number = due([sum(group.values()) for group in groups])
    if number:
        wanted = {batch: count for group in groups[:number] for batch, count in group.items()}
        # Another process is merging, or there is no room: the old files will do.
        with contextlib.suppress(Timeout, Refused, OSError):
            if _at_hand(station, wanted):
                _make(station, dict(sorted(wanted.items())), progress, spread)


def due(sizes: Sequence[int], few: int = FEW, most: int = prefix_filter.MAX_CODES) -> int:
    """How many of the smallest (`sizes` ascend) are to be merged: none up to `few`.

    All up to the first size that is no larger than the sum of those before it, and on while
    that holds: the result is at least twice as large as whatever it takes in. If there is no
    such size, each is larger than the sum before it, so there are few of them too. `most`
    bounds the sum.
    """
    if len(sizes) <= few:
        return 0
    number, before = 0, sizes[0]
    for at, size in enumerate(sizes[1:], 2):
        if before + size > most:
            break
        if size <= before:
            number = at
        elif number:
            break
        before += size
    return number


def _at_hand(station: Station, batches: dict[str, int]) -> bool:
    """Whether the runs of `batches` are files here; those of a shared home are fetched."""
    shared = station.vault.shared
    if shared is None:
        return True
    if sum(batches.values()) * ENTRY_BYTES > shared.cache.limit:
        return False
    for batch in batches:
        with shared.run(station.vault.parts(batch).run.name):
            pass
    return True


def _make(
    station: Station,
    batches: dict[str, int],
    progress: Callable[[str, int, int], None],
    spread: prefix_filter_build.FilterMap,
) -> None:
    name = name_of(sorted(batches))
    path = station.vault.folder / f"{name}{prefix_filter.SUFFIX}"
    done, total = 0, sum(batches.values())

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress("gather", done, total)

    # A file of this name could not be used, or it would not be merged again.
    remove(path)
    with station.intents.begin(KIND, name, [path]) as publication:
        prefix_filter_build.write(hidden(path), batches, count, spread)
        station.failpoint("gathered")
        publication.publish()
    for other in _filters(station):
        if other.path != path and other.batches.keys() <= batches.keys():
            remove(other.path)


def name_of(batches: Sequence[str]) -> str:
    """The name of the filter over `batches`, which ascend: the same batches, the same name."""
    return hashlib.sha256(" ".join(batches).encode("ascii")).hexdigest()[:16]


def remove(path: Path) -> None:
    """Remove a filter that is not needed."""
    # Windows removes no file that another process is reading; the next mint will.
    with contextlib.suppress(OSError):
        path.unlink()


def damaged(station: Station) -> list[Path]:
    """The filters that are not, bit for bit, what was written."""
    found = []
    for path in _paths(station):
        try:
            prefix_filter.read(path).verify()
        except (IntegrityError, OSError):
            # If it is gone, a mint has just merged it into another.
            found += [path] if os.path.lexists(path) else []
    return found


def _filters(station: Station) -> list[PrefixFilter]:
    """All filters of the vault that can be read."""
    found = []
    for path in _paths(station):
        with contextlib.suppress(IntegrityError, OSError):
            found.append(prefix_filter.read(path))
    return found


def _paths(station: Station) -> list[Path]:
    vault = station.vault
    names = vault.storage.names()
    return [vault.folder / name for name in names if name.endswith(prefix_filter.SUFFIX)]
